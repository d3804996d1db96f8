use serde_json::json;

use super::accidents::{cluster, patch};
use super::*;
use crate::world::state::{DeleteError, ResetError};

fn names(machines: &[crate::world::machine::MachineView]) -> Vec<&str> {
    machines.iter().map(|machine| machine.name.as_str()).collect()
}

#[test]
fn a_deletion_takes_its_time_and_leaves_nothing() {
    let mut state = state("latencies: {delete: 4s}");
    let free = state.free_addresses();
    let id = machine(&mut state, "a");
    state.advance(seconds(5.0));
    assert_eq!(state.delete(&id, Some("x"), seconds(5.0)), Ok(()));
    state.advance(seconds(7.0));
    assert_eq!(state.delete(&id, Some("x"), seconds(7.0)), Ok(()), "asked twice");
    state.advance(seconds(8.9));
    assert_eq!(state.machines[&id].stage, Stage::Deleting);
    assert!(state.machines[&id].off, "its node answers no more");
    assert_eq!(state.counters.machines_deleted, 0);
    assert_eq!(state.free_addresses(), free - 1);
    state.advance(seconds(9.0));
    assert!(state.machines.is_empty());
    assert_eq!(state.counters.machines_deleted, 1);
    assert_eq!(state.free_addresses(), free);
    assert_eq!(state.next_due(), None, "nothing is waited for");
    assert_eq!(state.delete(&id, None, seconds(9.0)), Err(DeleteError::NotFound(id)));
}

/// An id could have been given to another machine since the caller read it.
#[test]
fn only_a_machine_of_the_owner_that_is_named_is_deleted() {
    let mut state = state("static: [bare]");
    let id = machine(&mut state, "a");
    let bare = state.machines.values().find(|machine| machine.order.is_none()).unwrap();
    let bare = bare.id.clone();
    for id in [&id, &bare] {
        let refused = state.delete(id, Some("y"), Duration::ZERO);
        assert!(matches!(refused, Err(DeleteError::Foreign { .. })), "{refused:?}");
    }
    state.advance(seconds(10.0));
    assert_eq!(state.machines[&id].stage, Stage::Maintenance);
    assert_eq!(state.machines[&bare].stage, Stage::Maintenance);
}

#[test]
fn a_machine_on_its_way_out_takes_no_part_in_anything() {
    let (mut state, [a, b, c], key) = cluster("");
    state.delete(&a, None, seconds(10.0)).unwrap();
    assert!(!state.machines[&a].is_configured());
    assert!(state.has_quorum(key));
    state.node_ready(&a, true, None, seconds(10.1));
    assert_eq!(state.machines[&a].stage, Stage::Deleting);
    assert_eq!(state.bootstrap(&a, seconds(10.1)), Err(BootstrapError::Gone));
    // A change of faults does not bring it back.
    patch(
        &mut state,
        &json!({"faults": {"machines": {"a": {"bootDelay": "1s"}}}}),
        seconds(10.2),
    );
    state.advance(seconds(10.9));
    assert!(state.machines[&a].off);
    state.advance(seconds(11.0));
    assert_eq!(state.clusters[&key].lost, ["a"]);
    assert!(state.has_quorum(key), "two of three are left");
    state.delete(&b, None, seconds(12.0)).unwrap();
    assert!(!state.has_quorum(key));
    assert!(state.machines.contains_key(&c));
}

#[test]
fn a_configuration_under_way_does_not_bring_a_deleted_machine_back() {
    let mut state = state("");
    let id = machine(&mut state, "a");
    state.advance(seconds(3.0));
    assert!(state.configure(&id, node_config(MachineType::ControlPlane), seconds(3.0)));
    state.delete(&id, None, seconds(3.5)).unwrap();
    state.drained(&id, seconds(3.6));
    state.advance(seconds(4.2));
    assert_eq!(state.machines[&id].listening, Listening::Silent);
    assert_eq!(state.machines[&id].stage, Stage::Deleting);
}

#[test]
fn an_undying_machine_stays_until_it_is_healed() {
    let mut state = state("faults: {machines: {a: {undying: true}}}");
    let id = machine(&mut state, "a");
    state.advance(seconds(3.0));
    assert_eq!(state.delete(&id, Some("x"), seconds(3.0)), Ok(()));
    state.advance(seconds(1000.0));
    assert_eq!(state.machines[&id].stage, Stage::Deleting);
    assert_eq!(state.counters.machines_deleted, 0);
    assert_eq!(
        state.critical,
        seconds(3.0),
        "what never happened is no part of the path"
    );
    patch(&mut state, &json!({"faults": {"machines": null}}), seconds(1000.0));
    state.advance(seconds(1001.0));
    assert!(state.machines.is_empty());
}

#[test]
fn many_deletions_cost_the_path_one_latency() {
    let (mut state, ids, _) = cluster("latencies: {delete: 4s}");
    let built = state.critical;
    for (number, id) in (0..).zip(&ids) {
        state.delete(id, None, seconds(20.0 + 7.0 * f64::from(number))).unwrap();
        state.advance(seconds(26.0 + 7.0 * f64::from(number)));
    }
    assert!(state.machines.is_empty());
    assert_eq!(state.critical, built + seconds(4.0));
    // What is made in an empty world has a path of its own.
    machine(&mut state, "new");
    assert_eq!(state.critical, Duration::ZERO);
}

#[test]
fn a_new_cluster_is_never_taken_for_one_that_is_gone() {
    let (mut state, ids, key) = cluster("");
    for id in &ids {
        state.delete(id, None, seconds(10.0)).unwrap();
    }
    state.advance(seconds(11.0));
    assert!(state.clusters.is_empty());
    let again = state.order(order("a", "x"), seconds(20.0)).unwrap().0;
    state.advance(seconds(23.0));
    configure(&mut state, &again, MachineType::ControlPlane, seconds(23.0));
    state.advance(seconds(24.0));
    state.bootstrap(&again, seconds(24.0)).unwrap();
    state.advance(seconds(25.0));
    assert_ne!(state.machines[&again].cluster.unwrap(), key);
}

#[test]
fn a_name_is_free_when_its_machine_is_gone() {
    let mut state = state("");
    let id = machine(&mut state, "a");
    state.delete(&id, None, seconds(2.0)).unwrap();
    let refused = state.order(order("a", "x"), seconds(2.5));
    assert_eq!(refused, Err(OrderError::Deleting("a".to_owned())));
    assert!(matches!(
        state.order(order("a", "y"), seconds(2.5)),
        Err(OrderError::Foreign { .. })
    ));
    state.advance(seconds(3.0));
    assert!(matches!(state.order(order("a", "x"), seconds(3.0)), Ok((new, true)) if new != id));
}

#[test]
fn a_late_list_shows_what_was() {
    let mut state = state("faults: {api: {listLag: 3s}}");
    let id = machine(&mut state, "a");
    assert!(state.listed(seconds(2.9)).is_empty());
    state.advance(seconds(3.0));
    assert_eq!(names(&state.listed(seconds(3.0))), ["a"]);
    state.delete(&id, None, seconds(10.0)).unwrap();
    state.advance(seconds(10.5));
    assert_eq!(state.listed(seconds(10.5))[0].stage, Stage::Maintenance);
    assert_eq!(state.views()[0].stage, Stage::Deleting);
    state.advance(seconds(11.0));
    assert!(state.machines.is_empty());
    assert_eq!(names(&state.listed(seconds(13.9))), ["a"]);
    assert!(state.listed(seconds(14.0)).is_empty());
    assert_eq!(
        state.counters.late_lists, 3,
        "what was not shown yet, and what was still shown"
    );
    state.advance(seconds(14.0));
    assert_eq!(state.next_due(), None, "nothing is kept");
}

#[test]
fn calls_of_one_kind_can_be_told_to_fail() {
    let mut state = state("faults: {api: {everyNth: 2, kinds: [timeoutAfterApply], only: [delete]}}");
    let calls = [
        ApiCall::List,
        ApiCall::Delete,
        ApiCall::Read,
        ApiCall::Create,
        ApiCall::Delete,
    ];
    let struck: Vec<bool> = calls.iter().map(|call| state.api_fault(*call).is_some()).collect();
    assert_eq!(struck, [false, false, false, false, true]);
    assert_eq!(state.counters.api_faults, 1);
}

#[test]
fn a_reset_gives_a_node_back_blank() {
    let (mut state, [a, b, c], key) = cluster("");
    let built = state.critical;
    state.reset(&a, false, seconds(10.0)).unwrap();
    assert!(state.machines[&a].is_configured(), "the answer goes out first");
    state.advance(seconds(13.0));
    assert_eq!(state.machines[&a].listening, Listening::Maintenance);
    assert!(state.machines[&a].config.is_none());
    assert_eq!(state.clusters[&key].lost, ["a"]);
    assert_eq!(state.critical, built + seconds(2.0));
    state.reset(&b, true, seconds(13.0)).unwrap();
    state.advance(seconds(16.0));
    assert_eq!(state.clusters[&key].lost, ["a"], "it left etcd before");
    assert_eq!(state.reset(&c, true, seconds(16.0)), Err(ResetError::LastMember));
    state.reset(&c, false, seconds(16.0)).unwrap();
    state.advance(seconds(20.0));
    assert!(state.clusters.is_empty(), "its cluster goes with the last machine");
    assert_eq!(state.reset(&c, false, seconds(20.0)), Err(ResetError::Gone));
}
