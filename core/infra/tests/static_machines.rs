//! Provider `static` and the choice of a provider, as far as no Talos node is needed.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;

use butler_api::config::{BootstrapConfig, Role, load};
use butler_infra::{
    CheckStatus, Class, ConnectEnv, InfraPlan, Lifecycle, MachineRef, MachineSpec, Owner, Provider, Retry, Step,
    connect, static_machines::StaticMachines,
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
    StaticMachines::new(config, None).unwrap()
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
    let step = provider.machine_ensure(&spec(&name, role), None).await.unwrap();
    let Step::Pending { handle, note, .. } = step else {
        panic!("{step:?}")
    };
    assert!(
        note.starts_with(&format!("{name} ({}) does not answer: ", handle.id)),
        "{note}"
    );

    let again = provider
        .machine_ensure(&spec(&name, role), Some(handle.clone()))
        .await
        .unwrap();
    let Step::Pending { handle: second, .. } = again else {
        panic!("{again:?}")
    };
    assert_eq!(second.started, handle.started, "the clock is not started anew");

    let machine = MachineRef {
        provider: handle.provider,
        id: handle.id,
        name,
        generation: 1,
    };
    assert_eq!(
        provider.machine_observe(&machine).await.unwrap().lifecycle,
        Lifecycle::Silent
    );
    assert_eq!(
        provider.machine_delete(&spec("x", role).owner, &machine).await.unwrap(),
        Step::Done(())
    );
    assert!(provider.leaves_behind(&machine).unwrap().contains("talosctl reset"));
}

#[tokio::test]
async fn preflight_says_of_every_machine_whether_it_answers() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = silent();
    let plan = InfraPlan {
        owner: spec("x", Role::Worker).owner,
        machines: vec![],
        talos_version: config.talos.version.clone(),
    };
    let checks = provider(&config).preflight(&plan).await.unwrap();
    assert_eq!(checks.len(), 4);
    assert!(
        checks
            .iter()
            .all(|c| c.status == CheckStatus::Warn && c.summary.contains("does not answer")),
        "{checks:?}"
    );
}

#[tokio::test]
async fn a_machine_that_is_not_listed_is_refused() {
    let error = provider(&silent())
        .machine_ensure(&spec("other", Role::Worker), None)
        .await
        .unwrap_err();
    assert!(matches!(error.class, Class::Invalid { .. }));
    assert_eq!(error.retry(), Retry::Never);
}

#[test]
fn platforms_without_an_implementation_are_refused() {
    let config = config(include_str!("../../../fixtures/configs/proxmox.yaml"));
    let Err(error) = connect(&config, &ConnectEnv::default()) else {
        panic!("connected")
    };
    assert_eq!(error.class, Class::Unsupported);
    assert_eq!(
        error.to_string(),
        "proxmox: connect: provider proxmox is not implemented yet"
    );
}

#[test]
fn a_world_that_does_not_run_is_named_with_the_command_that_starts_it() {
    let config = config(include_str!("../../../fixtures/configs/inmemory-single.yaml"));
    let Err(error) = connect(&config, &ConnectEnv::default()) else {
        panic!("connected")
    };
    assert_eq!(error.class, Class::Unreachable);
    assert_eq!(error.hint.as_deref(), Some("butleradm inmemory up"));
}
