//! Provider `static` and the choice of a provider, as far as no Talos node is needed.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;

use butler_api::config::{self, BootstrapConfig, Role, load};
use butler_infra::{
    Access, CheckStatus, ErrorKind, InfraPlan, Inventory, Lifecycle, MachineRef, MachineSpec, ObjectKind, Owner,
    Pending, Progress, Provider, Retry, Scope, connect, hardware, static_machines::StaticMachines,
};
use uuid::Uuid;

const CONFIG: &str = "
provider: static
cluster:
  name: edge
  topology: ha
  controlPlane: {replicas: 3}
  workers: {replicas: 1}
network:
  podCIDR: 10.244.0.0/16
  serviceCIDR: 10.96.0.0/12
  vip: 192.0.2.10
  vipInterface: eth0
  loadBalancerPool: {start: 192.0.2.100, end: 192.0.2.150}
talos: {version: v1.12.1}
providerConfig:
  static:
    machines:
      - {address: '127.0.0.1:PORT4', role: worker}
      - {address: '127.0.0.1:PORT1', role: control-plane}
      - {address: '127.0.0.1:PORT2', role: control-plane, name: edge-b}
      - {address: '127.0.0.1:PORT3', role: control-plane}
";

fn config(text: &str) -> BootstrapConfig {
    load(text, "edge.yaml").map_err(|e| e.to_string()).unwrap().config
}

/// Four addresses at which nothing listens.
fn silent() -> BootstrapConfig {
    let listeners: Vec<_> = (0..4)
        .map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    let fill = |text: String, (n, listener): (usize, &std::net::TcpListener)| {
        text.replace(
            &format!("PORT{}", n + 1),
            &listener.local_addr().unwrap().port().to_string(),
        )
    };
    config(&listeners.iter().enumerate().fold(CONFIG.to_owned(), fill))
}

fn provider(config: &BootstrapConfig) -> StaticMachines {
    let config::Provider::Static(list) = &config.provider else {
        panic!("another provider")
    };
    StaticMachines::new(list, None).unwrap()
}

/// The machine of this name as the configuration plans it.
fn planned(config: &BootstrapConfig, name: &str, role: Role) -> MachineSpec {
    MachineSpec {
        claim: hardware::claims(config).remove(name),
        image: None,
        addressing: butler_infra::Addressing::Dhcp,
        user_data: None,
        ..spec(name, role)
    }
}

fn owner() -> Owner {
    spec("x", Role::Worker).owner
}

fn spec(name: &str, role: Role) -> MachineSpec {
    MachineSpec {
        owner: Owner {
            cluster_id: Uuid::nil(),
            cluster_name: "edge".into(),
        },
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

#[tokio::test]
async fn a_silent_machine_is_pending_and_named() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = silent();
    let provider = provider(&config);
    let (name, role) = config
        .machine_names()
        .into_iter()
        .find(|(_, role)| *role == Role::ControlPlane)
        .unwrap();
    let spec = planned(&config, &name, role);
    let step = provider.machine_ensure(&spec, None).await.unwrap();
    let Progress::Pending(Pending { handle, note, .. }) = step else {
        panic!("{step:?}")
    };
    assert!(
        note.starts_with(&format!("{name} ({}) does not answer: ", handle.id)),
        "{note}"
    );

    let again = provider.machine_ensure(&spec, Some(handle.clone())).await.unwrap();
    let Progress::Pending(Pending { handle: second, .. }) = again else {
        panic!("{again:?}")
    };
    assert_eq!(second.started, handle.started, "the clock is not started anew");

    let machine = MachineRef {
        provider: handle.provider,
        id: handle.id,
        name,
        generation: 1,
        created: None,
    };
    assert_eq!(
        provider.machine_observe(&machine).await.unwrap().lifecycle,
        Lifecycle::Silent
    );
    // What nobody asked is neither deleted nor absent, whoever waited for it before.
    let waited = Some(second);
    let error = provider.machine_delete(&owner(), &machine, waited).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert!(
        error
            .to_string()
            .starts_with(&format!("static: reset machine {}: it does not answer: ", machine.name)),
        "{error}"
    );
    assert!(error.hint.is_some());
}

#[tokio::test]
async fn a_silent_machine_is_unknown_to_the_inventory_and_not_absent() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = silent();
    let owner = owner();
    let found = provider(&config).inventory(Scope::Cluster(&owner)).await.unwrap();
    let Inventory { objects, unknown } = found;
    assert_eq!(objects, []);
    let mut names: Vec<&str> = unknown.iter().map(|object| object.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["edge-b", "edge-cp-0", "edge-cp-2", "edge-worker-0"]);
    let all = config.machine_names();
    assert!(all.iter().all(|(name, _)| names.contains(&name.as_str())), "{all:?}");
    for object in unknown {
        assert_eq!(object.kind, ObjectKind::Machine);
        assert!(object.cause.starts_with("it does not answer: "), "{}", object.cause);
    }
}

#[tokio::test]
async fn an_inventory_without_a_cluster_is_refused_and_not_empty() {
    let provider = provider(&silent());
    for scope in [Scope::Named("edge"), Scope::Everything] {
        let error = provider.inventory(scope).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.hint.is_some());
    }
}

#[tokio::test]
async fn machines_are_discovered_before_there_is_a_plan() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = silent();
    let provider = connect(&config.provider, &Access::default()).unwrap();
    let found = provider.existing_machines().unwrap().machines().await.unwrap();
    let addresses: Vec<_> = found.iter().map(|machine| machine.address).collect();
    let listed: Vec<_> = config.static_machines().iter().map(|m| m.address).collect();
    assert_eq!(addresses, listed);
    assert!(found.iter().all(|machine| machine.facts["stage"] == "silent"));
}

#[tokio::test]
async fn preflight_says_of_every_machine_whether_it_answers() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = silent();
    let machines = config.machine_names().into_iter();
    let mut plan = InfraPlan {
        owner: owner(),
        machines: machines.map(|(name, role)| planned(&config, &name, role)).collect(),
    };
    let checks = provider(&config).preflight(&plan).await.unwrap();
    assert_eq!(checks.len(), 4);
    assert!(
        checks
            .iter()
            .all(|c| c.status == CheckStatus::Warn && c.summary.contains("does not answer")),
        "{checks:?}"
    );

    plan.machines = vec![spec("edge-cp-3", Role::ControlPlane)];
    let checks = provider(&config).preflight(&plan).await.unwrap();
    assert_eq!(checks[0].status, CheckStatus::Fail);
    assert_eq!(
        checks[0].summary,
        "static: read the list of machines edge-cp-3: the machine is not on the list"
    );
}

#[tokio::test]
async fn a_machine_that_is_not_listed_is_refused() {
    let error = provider(&silent())
        .machine_ensure(&spec("other", Role::Worker), None)
        .await
        .unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Invalid { .. }));
    assert_eq!(error.retry(), Retry::Never);
}

#[test]
fn platforms_without_an_implementation_are_refused() {
    let config = config(include_str!("../../../fixtures/configs/nutanix.yaml"));
    let Err(error) = connect(&config.provider, &Access::default()) else {
        panic!("connected")
    };
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "nutanix: connect: provider nutanix is not implemented yet"
    );
}

#[test]
fn a_world_that_does_not_run_is_named_with_the_command_that_starts_it() {
    let config = config(include_str!("../../../fixtures/configs/inmemory-single.yaml"));
    let Err(error) = connect(&config.provider, &Access::default()) else {
        panic!("connected")
    };
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert_eq!(error.hint.as_deref(), Some("butleradm inmemory up"));
}
