//! Clusters of tenants: hosted, joined by machines, and gone again.

use serde_json::json;

use super::*;
use crate::world::tenants::{Command, HostRequest, Join};

const TENANT: &str = "uid-of-web";

fn request(version: &str) -> Command {
    Command::Host(Box::new(HostRequest {
        uid: TENANT.to_owned(),
        name: "web".to_owned(),
        version: version.to_owned(),
        pods: "10.244.0.0/16".to_owned(),
        services: "10.96.0.0/12".to_owned(),
    }))
}

fn worker(name: &str) -> Order {
    Order {
        join: Some(Join {
            tenant: TENANT.to_owned(),
            kubernetes: "v1.35.0".to_owned(),
            system: "Rocky Linux 9.5".to_owned(),
        }),
        owner: MachineOwner {
            cluster_id: TENANT.to_owned(),
            cluster_name: "web".to_owned(),
        },
        ..order(name, TENANT)
    }
}

/// A world whose cluster number 1 hosts a tenant that listens.
fn hosting() -> State {
    let mut state = state("");
    let id = machine(&mut state, "cp");
    state.advance(seconds(3.0));
    configure(&mut state, &id, MachineType::ControlPlane, seconds(3.0));
    state.advance(seconds(10.0));
    state.bootstrap(&id, seconds(10.0)).unwrap();
    let now = seconds(100.0);
    state.advance(now);
    state.obey(1, &request("v1.35.0"), now);
    let key = state.tenant(TENANT).unwrap().key;
    state.tenant_listens(key, Ok("kubeconfig".to_owned().into()), now);
    state.take_tenant_changes(1);
    state
}

#[test]
fn a_machine_joins_by_itself_and_whoever_hosts_the_tenant_learns_each_step() {
    let mut state = hosting();
    let (id, _) = state.order(worker("w"), seconds(100.0)).unwrap();
    assert_eq!(state.machines[&id].listening, Listening::Silent);
    state.advance(seconds(103.5));
    let machine = &state.machines[&id];
    assert_eq!(
        (machine.stage, machine.listening),
        (Stage::Configured, Listening::Joined)
    );
    assert!(!machine.ready, "the kubelet takes a second to register");
    state.advance(seconds(105.5));
    assert_eq!(state.machines[&id].stage, Stage::Running);
    let told = state.take_tenant_changes(1);
    let facts = told[TENANT].as_ref().unwrap();
    assert!(facts.machines["w"].ready && facts.machines["w"].registered);
    assert!(state.take_tenant_changes(1).is_empty(), "each change is told once");
}

#[test]
fn a_fault_keeps_machines_from_joining_until_it_is_taken_away() {
    let mut state = hosting();
    let fault = json!({"faults": {"tenants": {"web": {"neverJoins": true}}}});
    let faulty = state.settings.patched(&fault).unwrap();
    state.change(faulty, seconds(100.0));
    let (id, _) = state.order(worker("w"), seconds(100.0)).unwrap();
    state.advance(seconds(200.0));
    assert_eq!(state.machines[&id].stage, Stage::Configured);
    let healed = state.settings.patched(&json!({"faults": {"tenants": null}})).unwrap();
    state.change(healed, seconds(200.0));
    state.advance(seconds(203.0));
    assert_eq!(state.machines[&id].stage, Stage::Running);
}

#[test]
fn a_tenant_outlives_its_last_machine_and_not_the_cluster_that_hosts_it() {
    let mut state = hosting();
    let free = state.free_addresses();
    let (id, _) = state.order(worker("w"), seconds(100.0)).unwrap();
    state.advance(seconds(110.0));
    let leave = Command::Leave {
        uid: TENANT.to_owned(),
        machine: "w".to_owned(),
    };
    state.obey(1, &leave, seconds(110.0));
    state.obey(1, &leave, seconds(110.5));
    state.advance(seconds(111.5));
    assert!(!state.machines.contains_key(&id));
    assert!(state.tenant(TENANT).is_some());
    assert_eq!(state.free_addresses(), free);
    let told = state.take_tenant_changes(1);
    assert!(told[TENANT].as_ref().unwrap().machines.is_empty(), "{told:?}");
    let ids: Vec<String> = state.machines.keys().cloned().collect();
    for id in ids {
        state.delete(&id, None, seconds(112.0)).unwrap();
    }
    state.advance(seconds(120.0));
    assert!(state.clusters.is_empty());
}

#[test]
fn asking_again_changes_nothing_but_the_version() {
    let mut state = hosting();
    let clusters = state.clusters.len();
    state.obey(1, &request("v1.35.0"), seconds(101.0));
    assert!(state.take_tenant_changes(1).is_empty());
    state.obey(1, &request("v1.36.0"), seconds(102.0));
    assert_eq!(state.clusters.len(), clusters);
    assert_eq!(state.tenant(TENANT).unwrap().config.kubernetes, "v1.36.0");
    state.obey(1, &Command::Abandon { uid: TENANT.to_owned() }, seconds(103.0));
    assert_eq!(state.take_tenant_changes(1).keys().collect::<Vec<_>>(), [TENANT]);
    assert!(state.tenant(TENANT).is_none());
}
