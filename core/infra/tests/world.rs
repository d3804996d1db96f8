//! The providers against the simulated world: real sockets, real Talos protocol, faults.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{
    collections::BTreeMap,
    future::Future,
    path::Path,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use butler_api::config::{BootstrapConfig, Role, load};
use butler_infra::{
    Class, ConnectEnv, InfraError, Lifecycle, MachineRef, MachineSpec, Owner, Provider, Retry, Step, World, call::Pace,
    connect, inmemory::InMemory,
};
use butler_talos::{
    client::{Address, Credentials, Maintenance},
    config::{ClusterSpec, NodeSpec, render},
    secrets::SecretsBundle,
};
use butler_world::process::{self, Endpoint, UpOptions};
use jiff::Timestamp;
use tokio::task::JoinHandle;
use uuid::Uuid;

const DEADLINE: Duration = Duration::from_mins(1);

/// A world in this process, with a loopback network of its own.
struct Running {
    state: tempfile::TempDir,
    endpoint: Endpoint,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(network: &str, more: &str, static_nodes: u32) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let state = tempfile::tempdir().unwrap();
        let file = state.path().join("world.yaml");
        let text = format!("network: {network}\nlatencies: {{create: 20ms, boot: 20ms, configure: 20ms}}\n{more}");
        std::fs::write(&file, text).unwrap();
        let options = UpOptions {
            world: Some(file),
            static_nodes,
        };
        let folder = state.path().to_owned();
        let task = tokio::spawn(async move { process::serve(&folder, &options).await.unwrap() });
        let endpoint = until(|| find(state.path(), &task)).await;
        Self { state, endpoint, task }
    }

    fn access(&self) -> World {
        World {
            control: self.endpoint.control.clone(),
            token: self.endpoint.token.clone(),
        }
    }

    async fn status(&self) -> process::Status {
        process::status(self.state.path()).await.unwrap()
    }

    async fn end(self) {
        assert!(process::down(self.state.path()).await.unwrap());
        self.task.await.unwrap();
    }
}

async fn find(state: &Path, task: &JoinHandle<()>) -> Option<Endpoint> {
    assert!(!task.is_finished(), "the world did not start");
    process::find(state).await.unwrap()
}

/// Repeats a look until it shows what is waited for.
async fn until<T, F: Future<Output = Option<T>>>(mut look: impl FnMut() -> F) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "it did not happen in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for nothing: the faults here end by number of requests, not by time.
struct NoPause;

impl Pace for NoPause {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::task::yield_now())
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn chance(&self) -> f64 {
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
    }
}

/// What the engine does with a step: again while that is worth it, until it is done.
async fn done<T, F: Future<Output = Result<Step<T>, InfraError>>>(mut step: impl FnMut() -> F) -> T {
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < DEADLINE, "it was not done in time");
        match step().await {
            Ok(Step::Done(value)) => return value,
            Ok(Step::Pending { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
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
    let inventory = provider.inventory(&owner).await.unwrap();
    assert_eq!(inventory.len(), 8);

    for machine in &machines {
        let address = until(|| async {
            let state = provider.machine_observe(machine).await.unwrap();
            (state.raw_status == "maintenance").then(|| state.address().unwrap().to_string())
        })
        .await;
        assert!(address.parse::<Address>().is_ok(), "{address}");
    }
    for machine in &machines {
        done(|| provider.machine_delete(&owner, machine)).await;
        assert_eq!(
            provider.machine_observe(machine).await.unwrap().lifecycle,
            Lifecycle::Absent
        );
    }
    assert!(provider.inventory(&owner).await.unwrap().is_empty());
    assert_eq!(world.status().await.counters.machines_deleted, 8);
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
    assert_eq!(taken.class, Class::Foreign, "{taken}");
    let refused = provider.machine_delete(&ours, &machine).await.unwrap_err();
    assert_eq!(refused.class, Class::Foreign, "{refused}");
    let bigger = MachineSpec {
        cpu: 64,
        ..spec(&theirs, "demo-cp-0", Role::ControlPlane)
    };
    let drift = provider.machine_ensure(&bigger, None).await.unwrap_err();
    assert_eq!(drift.class, Class::SpecDrift, "{drift}");
    assert_eq!(world.status().await.counters.machines_created, 1);
    world.end().await;
}

/// A single node at the given address.
fn one_node(address: &str, fingerprint: Option<&str>) -> BootstrapConfig {
    let fingerprint = fingerprint.map(|f| format!(", fingerprint: '{f}'")).unwrap_or_default();
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
    connect(
        config,
        &ConnectEnv {
            credentials,
            ..ConnectEnv::default()
        },
    )
    .unwrap()
}

fn edge() -> MachineSpec {
    let owner = Owner {
        cluster_id: Uuid::from_u128(9),
        cluster_name: "edge".into(),
    };
    spec(&owner, "edge-cp-0", Role::ControlPlane)
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

#[tokio::test]
async fn a_listed_machine_is_claimed_and_then_recognised_by_its_own_cluster_only() {
    let world = Running::start("127.83.0.0/16", "", 1).await;
    let address = waiting_node(&world).await;
    let machine: MachineRef = done(|| async {
        claim(&one_node(&address, None), None)
            .machine_ensure(&edge(), None)
            .await
    })
    .await;
    let seen = claim(&one_node(&address, None), None)
        .machine_observe(&machine)
        .await
        .unwrap();
    assert_eq!(
        (&seen.lifecycle, seen.raw_status.as_str()),
        (&Lifecycle::Running, "maintenance")
    );
    let fingerprint = seen.fingerprint.unwrap();

    let pinned = claim(&one_node(&address, Some(&fingerprint)), None);
    assert!(matches!(
        pinned.machine_ensure(&edge(), None).await.unwrap(),
        Step::Done(_)
    ));
    let wrong = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let error = claim(&one_node(&address, Some(wrong)), None)
        .machine_ensure(&edge(), None)
        .await
        .unwrap_err();
    assert_eq!(
        error.class,
        Class::Tls {
            fingerprint: Some(fingerprint.clone())
        },
        "{error}"
    );

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
    let (maintenance, _) = Maintenance::connect(&at, Some(&fingerprint)).await.unwrap();
    maintenance.apply(&machine_config, false).await.unwrap();
    drop(maintenance);

    let ours = Credentials::issue(&secrets, Timestamp::now()).unwrap();
    let provider = claim(&one_node(&address, None), Some(ours));
    until(|| async {
        let state = provider.machine_observe(&machine).await.unwrap();
        (state.raw_status == "configured").then_some(())
    })
    .await;
    assert_eq!(
        done(|| async { provider.machine_ensure(&edge(), None).await }).await,
        machine
    );

    let others = SecretsBundle::generate(Timestamp::now()).unwrap();
    let others = Credentials::issue(&others, Timestamp::now()).unwrap();
    for stranger in [Some(others), None] {
        let error = claim(&one_node(&address, None), stranger)
            .machine_ensure(&edge(), None)
            .await
            .unwrap_err();
        assert_eq!(error.class, Class::Foreign, "{error}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_machine_of_another_talos_line_is_refused() {
    let world = Running::start("127.84.0.0/16", "talosVersion: v1.11.3", 1).await;
    let address = waiting_node(&world).await;
    let error = claim(&one_node(&address, None), None)
        .machine_ensure(&edge(), None)
        .await
        .unwrap_err();
    assert_eq!(error.class, Class::SpecDrift, "{error}");
    assert!(
        error
            .to_string()
            .ends_with("runs Talos v1.11.3, the configuration names v1.12.1"),
        "{error}"
    );
    world.end().await;
}
