//! The providers against the simulated world: real sockets, real Talos protocol, faults.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "support/world.rs"]
mod running;

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use butler_api::config::{BootstrapConfig, Role, load};
use butler_infra::{
    Access, ErrorKind, InfraError, Lifecycle, MachineRef, MachineSpec, Owner, Progress, Provider, Retry, Scope,
    call::Clock, connect, hardware, inmemory::InMemory,
};
use butler_talos::{
    client::{Address, Credentials, Maintenance},
    config::{ClusterSpec, NodeSpec, render},
    secrets::SecretsBundle,
};
use jiff::Timestamp;
use running::{DEADLINE, Running, until};
use uuid::Uuid;

/// Waits for nothing: the faults here end by number of requests, not by time.
struct NoPause;

impl Clock for NoPause {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::task::yield_now())
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

fn spec(owner: &Owner, name: &str, role: Role) -> MachineSpec {
    MachineSpec {
        owner: owner.clone(),
        name: name.into(),
        role,
        generation: 1,
        cpu: 2,
        memory_mb: 4096,
        disk_gb: 40,
        extra_disks: vec![],
        labels: BTreeMap::new(),
        claim: None,
        image: None,
        addressing: butler_infra::Addressing::Dhcp,
        user_data: None,
    }
}

/// What the engine does with a step: again while that is worth it, until it is done.
async fn done<T, F: Future<Output = Result<Progress<T>, InfraError>>>(mut step: impl FnMut() -> F) -> T {
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < DEADLINE, "it was not done in time");
        match step().await {
            Ok(Progress::Done(value)) => return value,
            Ok(Progress::Pending(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(error) => assert_ne!(error.retry(), Retry::Never, "{error}"),
        }
    }
}

#[tokio::test]
async fn every_machine_is_made_and_deleted_once_whatever_the_platform_api_does() {
    let faults = "faults: {api: {everyNth: 2, kinds: [resetAfterApply, throttle, resetBefore, error]}}";
    let world = Running::start("127.81.0.0/16", faults, 0).await;
    let provider = InMemory::new(&world.access(), Arc::new(NoPause)).unwrap();
    let owner = Owner {
        cluster_id: Uuid::from_u128(5),
        cluster_name: "demo".into(),
    };
    let mut machines = Vec::new();
    for n in 0..8 {
        let spec = spec(&owner, &format!("demo-worker-{n}"), Role::Worker);
        let first = done(|| provider.machine_ensure(&spec, None)).await;
        assert_eq!(
            done(|| provider.machine_ensure(&spec, None)).await,
            first,
            "asked again, the same machine"
        );
        machines.push(first);
    }
    assert_eq!(world.status().await.counters.machines_created, 8);
    let inventory = provider.inventory(Scope::Cluster(&owner)).await.unwrap();
    let listed: Vec<MachineRef> = inventory
        .objects
        .iter()
        .filter_map(butler_infra::OwnedObject::machine)
        .collect();
    assert_eq!(listed.len(), 8);
    assert!(machines.iter().all(|machine| listed.contains(machine)), "{listed:?}");

    for machine in &machines {
        let address = until(|| async {
            let state = provider.machine_observe(machine).await.unwrap();
            (state.raw_status == "maintenance").then(|| state.address().unwrap().to_string())
        })
        .await;
        assert!(address.parse::<Address>().is_ok(), "{address}");
    }
    for machine in &machines {
        done(|| provider.machine_delete(&owner, machine, None)).await;
        assert_eq!(
            provider.machine_observe(machine).await.unwrap().lifecycle,
            Lifecycle::Absent
        );
    }
    let left = provider.inventory(Scope::Everything).await.unwrap();
    assert_eq!(left.objects, []);
    let counters = world.status().await.counters;
    assert_eq!(counters.machines_deleted, 8);
    assert!(counters.api_faults > 16, "{counters:?}");
    world.end().await;
}

#[tokio::test]
async fn machines_of_another_cluster_are_safe() {
    let world = Running::start("127.82.0.0/16", "", 0).await;
    let provider = InMemory::new(&world.access(), Arc::new(NoPause)).unwrap();
    let owner = |n| Owner {
        cluster_id: Uuid::from_u128(n),
        cluster_name: format!("cluster-{n}"),
    };
    let (ours, theirs) = (owner(1), owner(2));
    let wanted = spec(&theirs, "demo-cp-0", Role::ControlPlane);
    let machine = done(|| provider.machine_ensure(&wanted, None)).await;

    let taken = provider
        .machine_ensure(&spec(&ours, "demo-cp-0", Role::ControlPlane), None)
        .await
        .unwrap_err();
    assert_eq!(taken.kind, ErrorKind::Foreign, "{taken}");
    let refused = provider.machine_delete(&ours, &machine, None).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Foreign, "{refused}");
    let bigger = MachineSpec {
        cpu: 64,
        ..spec(&theirs, "demo-cp-0", Role::ControlPlane)
    };
    let drift = provider.machine_ensure(&bigger, None).await.unwrap_err();
    assert_eq!(drift.kind, ErrorKind::SpecDrift, "{drift}");
    assert_eq!(world.status().await.counters.machines_created, 1);
    world.end().await;
}

fn demo(n: u128) -> Owner {
    Owner {
        cluster_id: Uuid::from_u128(n),
        cluster_name: "demo".into(),
    }
}

#[tokio::test]
async fn a_deletion_is_followed_to_its_end_and_proven_though_the_list_is_late() {
    let faults = "faults: {api: {listLag: 1h, only: [delete], everyNth: 1, kinds: [error, resetAfterApply]}}";
    let world = Running::start("127.85.0.0/16", faults, 0).await;
    let provider = InMemory::new(&world.access(), Arc::new(NoPause)).unwrap();
    let owner = demo(6);
    let wanted = spec(&owner, "demo-cp-0", Role::ControlPlane);
    let machine = done(|| provider.machine_ensure(&wanted, None)).await;
    let listed = provider.inventory(Scope::Cluster(&owner)).await.unwrap();
    assert_eq!(listed.objects, [], "the list is late");
    let seen = provider.machine_observe(&machine).await.unwrap();
    assert!(!seen.lifecycle.is_gone(), "and the machine is there: {seen:?}");

    let mut handle = None;
    let mut was_pending = false;
    loop {
        match provider.machine_delete(&owner, &machine, handle.take()).await {
            Ok(Progress::Done(())) => break,
            Ok(Progress::Pending(pending)) => {
                assert_eq!(pending.handle.id, machine.id);
                was_pending = true;
                handle = Some(pending.handle);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => assert_ne!(error.retry(), Retry::Never, "{error}"),
        }
    }
    assert!(was_pending, "the platform takes its time");
    let seen = provider.machine_observe(&machine).await.unwrap();
    assert_eq!(seen.lifecycle, Lifecycle::Absent);
    // The first request failed, the reply to the second was lost, and a third was not needed.
    let counters = world.status().await.counters;
    assert_eq!((counters.machines_deleted, counters.api_faults), (1, 2));
    world.end().await;
}

#[tokio::test]
async fn a_machine_that_does_not_die_stays_pending_and_is_not_gone() {
    let faults = "faults: {machines: {demo-cp-0: {undying: true}}}";
    let world = Running::start("127.86.0.0/16", faults, 0).await;
    let provider = InMemory::new(&world.access(), Arc::new(NoPause)).unwrap();
    let (owner, same_name) = (demo(7), demo(8));
    for (owner, name) in [(&owner, "demo-cp-0"), (&owner, "demo-cp-1"), (&same_name, "demo-cp-2")] {
        let wanted = spec(owner, name, Role::ControlPlane);
        done(|| provider.machine_ensure(&wanted, None)).await;
    }
    let found = provider.inventory(Scope::Named("demo")).await.unwrap().objects;
    let owners: Vec<&Owner> = found.iter().map(|object| &object.owner).collect();
    assert_eq!(owners, [&owner, &owner, &same_name], "a name is no identity");

    let named = |name: &str| {
        found
            .iter()
            .find(|object| object.name == name)
            .unwrap()
            .machine()
            .unwrap()
    };
    let (undying, mortal, other) = (named("demo-cp-0"), named("demo-cp-1"), named("demo-cp-2"));
    let first = provider.machine_delete(&owner, &undying, None).await.unwrap();
    assert!(matches!(first, Progress::Pending(_)), "{first:?}");
    done(|| provider.machine_delete(&owner, &mortal, None)).await;
    let still = provider.machine_delete(&owner, &undying, None).await.unwrap();
    assert!(matches!(still, Progress::Pending(_)), "{still:?}");
    let seen = provider.machine_observe(&undying).await.unwrap();
    assert_eq!(seen.lifecycle, Lifecycle::Deleting);
    let refused = provider.machine_delete(&owner, &other, None).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Foreign, "{refused}");

    // Its name is not free as long as it dies.
    let wanted = spec(&owner, "demo-cp-0", Role::ControlPlane);
    let early = provider.machine_ensure(&wanted, None).await.unwrap_err();
    assert_eq!(early.kind, ErrorKind::NotReady, "{early}");
    assert_eq!(world.status().await.counters.machines_deleted, 1);
    world.end().await;
}

/// A single node at the given address.
fn one_node(address: &str, fingerprint: Option<&str>) -> BootstrapConfig {
    let fingerprint = fingerprint.map_or_else(String::new, |f| format!(", fingerprint: '{f}'"));
    let text = format!(
        "
provider: static
cluster: {{name: edge, topology: single-node}}
network: {{podCIDR: 10.244.0.0/16, serviceCIDR: 10.96.0.0/12, vip: 192.0.2.10, vipInterface: eth0, loadBalancerPool: {{start: 192.0.2.100, end: 192.0.2.150}}}}
talos: {{version: v1.12.1}}
providerConfig: {{static: {{machines: [{{address: '{address}', role: control-plane{fingerprint}}}]}}}}
"
    );
    load(&text, "edge.yaml").map_err(|e| e.to_string()).unwrap().config
}

fn claim(config: &BootstrapConfig, credentials: Option<Credentials>) -> Arc<dyn Provider> {
    let access = Access {
        credentials,
        ..Access::default()
    };
    connect(&config.provider, &access).unwrap()
}

fn edge_owner() -> Owner {
    Owner {
        cluster_id: Uuid::from_u128(9),
        cluster_name: "edge".into(),
    }
}

/// The single node as the configuration plans it.
fn edge(config: &BootstrapConfig) -> MachineSpec {
    MachineSpec {
        claim: hardware::claims(config).remove("edge-cp-0"),
        image: None,
        addressing: butler_infra::Addressing::Dhcp,
        user_data: None,
        ..spec(&edge_owner(), "edge-cp-0", Role::ControlPlane)
    }
}

async fn waiting_node(world: &Running) -> String {
    until(|| async {
        let machines = world.status().await.machines;
        machines
            .into_iter()
            .find(|m| m.stage == butler_world::world::machine::Stage::Maintenance)
            .map(|m| m.address)
    })
    .await
}

/// Gives the machine the configuration of a cluster of its own, and returns what opens it.
async fn configure(address: &str) -> Credentials {
    let secrets = SecretsBundle::generate(Timestamp::now()).unwrap();
    let at: Address = address.parse().unwrap();
    let spec = ClusterSpec::new(
        "edge",
        "https://192.0.2.10:6443",
        semver::Version::new(1, 12, 1),
        semver::Version::new(1, 35, 0),
    );
    let node = NodeSpec::new(butler_talos::config::Role::ControlPlane);
    let machine_config = render(&spec, &node, &secrets).unwrap();
    let (maintenance, _) = Maintenance::connect(&at, None).await.unwrap();
    maintenance.apply(&machine_config, false).await.unwrap();
    Credentials::issue(&secrets, Timestamp::now()).unwrap()
}

/// Credentials of a cluster that no machine here belongs to.
fn strange_credentials() -> Credentials {
    let secrets = SecretsBundle::generate(Timestamp::now()).unwrap();
    Credentials::issue(&secrets, Timestamp::now()).unwrap()
}

/// Waits until the machine has the configuration of the cluster whose provider this is.
async fn configured(provider: &Arc<dyn Provider>, machine: &MachineRef) {
    until(|| async {
        let state = provider.machine_observe(machine).await.unwrap();
        (state.raw_status == "configured").then_some(())
    })
    .await;
}

async fn claimed(address: &str, config: &BootstrapConfig) -> MachineRef {
    let machine = done(|| async { claim(config, None).machine_ensure(&edge(config), None).await }).await;
    assert_eq!(machine.id.parse::<Address>().unwrap(), address.parse().unwrap());
    machine
}

#[tokio::test]
async fn a_listed_machine_is_claimed_and_then_recognised_by_its_own_cluster_only() {
    let world = Running::start("127.83.0.0/16", "", 1).await;
    let address = waiting_node(&world).await;
    let config = one_node(&address, None);
    let machine = claimed(&address, &config).await;
    let seen = claim(&config, None).machine_observe(&machine).await.unwrap();
    assert_eq!(
        (&seen.lifecycle, seen.raw_status.as_str()),
        (&Lifecycle::Unclaimed, "maintenance")
    );
    let discovered = claim(&config, None)
        .existing_machines()
        .unwrap()
        .machines()
        .await
        .unwrap();
    let fingerprint = discovered[0].facts["fingerprint"].clone();

    let pinned = one_node(&address, Some(&fingerprint));
    let free = claim(&pinned, None).machine_ensure(&edge(&pinned), None).await.unwrap();
    assert!(matches!(free, Progress::Done(_)), "{free:?}");
    let wrong = one_node(&address, Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
    let refused = claim(&wrong, None).machine_ensure(&edge(&wrong), None).await;
    let error = refused.unwrap_err();
    assert_eq!(
        error.kind,
        ErrorKind::Tls {
            fingerprint: Some(fingerprint.clone())
        },
        "{error}"
    );

    let provider = claim(&config, Some(configure(&address).await));
    configured(&provider, &machine).await;
    let again = done(|| async { provider.machine_ensure(&edge(&config), None).await }).await;
    assert_eq!(again, machine);
    let (owner, nobody) = (edge_owner(), Vec::new());
    let ours = provider.inventory(Scope::Cluster(&owner)).await.unwrap();
    assert_eq!(
        (ours.objects[0].machine(), ours.unknown),
        (Some(machine.clone()), nobody)
    );

    for stranger in [Some(strange_credentials()), None] {
        let is_known = stranger.is_some();
        let stranger = claim(&config, stranger);
        let error = stranger.machine_ensure(&edge(&config), None).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Foreign, "{error}");
        // Without credentials nobody can tell; with those of another cluster the answer is no.
        let found = stranger.inventory(Scope::Cluster(&owner)).await.unwrap();
        assert_eq!(found.objects, []);
        assert_eq!(found.unknown.is_empty(), is_known, "{:?}", found.unknown);
        let error = stranger.machine_delete(&owner, &machine, None).await.unwrap_err();
        let kind = if is_known {
            ErrorKind::Foreign
        } else {
            ErrorKind::Unauthenticated
        };
        assert_eq!(error.kind, kind, "{error}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_claimed_machine_is_reset_and_proven_to_have_nothing_of_ours() {
    let world = Running::start("127.87.0.0/16", "", 1).await;
    let address = waiting_node(&world).await;
    let config = one_node(&address, None);
    let machine = claimed(&address, &config).await;
    let provider = claim(&config, Some(configure(&address).await));
    configured(&provider, &machine).await;
    let owner = edge_owner();

    let mut handle = None;
    let mut waits = Vec::new();
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < DEADLINE, "{waits:?}");
        match provider.machine_delete(&owner, &machine, handle.take()).await.unwrap() {
            Progress::Done(()) => break,
            Progress::Pending(pending) => {
                waits.push(pending.note);
                handle = Some(pending.handle);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    assert!(waits[0].ends_with("was asked to reset itself"), "{waits:?}");
    let seen = provider.machine_observe(&machine).await.unwrap();
    assert_eq!(seen.lifecycle, Lifecycle::Unclaimed);
    assert!(seen.lifecycle.is_gone());
    let left = provider.inventory(Scope::Cluster(&owner)).await.unwrap();
    assert_eq!((left.objects, left.unknown), (Vec::new(), Vec::new()));
    let again = provider.machine_delete(&owner, &machine, None).await.unwrap();
    assert_eq!(again, Progress::Done(()), "nothing is left to do");
    world.end().await;
}

#[tokio::test]
async fn a_machine_of_another_talos_line_is_refused() {
    let world = Running::start("127.84.0.0/16", "talosVersion: v1.11.3", 1).await;
    let address = waiting_node(&world).await;
    let config = one_node(&address, None);
    let refused = claim(&config, None).machine_ensure(&edge(&config), None).await;
    let error = refused.unwrap_err();
    assert_eq!(error.kind, ErrorKind::SpecDrift, "{error}");
    assert!(
        error
            .to_string()
            .ends_with("runs Talos v1.11.3, the configuration names v1.12.1"),
        "{error}"
    );
    world.end().await;
}
