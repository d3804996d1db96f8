//! Deletion over the control API: what is left, what goes wrong, and who may.

use std::path::Path;
use std::time::{Duration, Instant};

use butler_talos::config::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{FAST, Plan, World, order, until};

/// Lists machines, as `path` asks for them, by name.
async fn list(world: &World, query: &str) -> Vec<String> {
    let reply = world.request(Method::GET, &format!("/v1/machines{query}")).send();
    let reply = reply.await.unwrap();
    assert_eq!(reply.status(), 200);
    let machines: Value = reply.json().await.unwrap();
    let machines = machines["machines"].as_array().unwrap().iter();
    machines
        .map(|machine| machine["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Orders a machine of a cluster and gives its id.
async fn ordered(world: &World, name: &str, cluster: &str) -> String {
    let mut order = order(name);
    order["owner"] = json!({"clusterId": format!("id-of-{cluster}"), "clusterName": cluster});
    order["generation"] = json!(3);
    let reply = world.request(Method::POST, "/v1/machines").json(&order).send();
    let machine: Value = reply.await.unwrap().json().await.unwrap();
    machine["id"].as_str().unwrap().to_owned()
}

async fn delete(world: &World, id: &str, query: &str) -> u16 {
    let request = world.request(Method::DELETE, &format!("/v1/machines/{id}{query}"));
    request.send().await.unwrap().status().as_u16()
}

async fn read(world: &World, id: &str) -> Option<Value> {
    let reply = world.request(Method::GET, &format!("/v1/machines/{id}")).send();
    let reply = reply.await.unwrap();
    match reply.status().as_u16() {
        404 => None,
        200 => Some(reply.json().await.unwrap()),
        status => panic!("{status}"),
    }
}

async fn is_gone(world: &World, id: &str) {
    until("the machine is gone", || async {
        read(world, id).await.is_none().then_some(())
    })
    .await;
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[tokio::test]
async fn machines_are_listed_by_their_owner_marker() {
    let world = World::start(FAST, 1).await;
    let id = ordered(&world, "a", "one").await;
    ordered(&world, "b", "two").await;
    assert_eq!(list(&world, "").await, ["static-1", "a", "b"]);
    assert_eq!(list(&world, "?owner=id-of-one").await, ["a"]);
    assert_eq!(list(&world, "?clusterName=two").await, ["b"]);
    assert_eq!(list(&world, "?owned=any").await, ["a", "b"]);
    assert!(list(&world, "?clusterName=two&owner=id-of-one").await.is_empty());
    let wrong = world
        .request(Method::GET, "/v1/machines?cluster=two")
        .send()
        .await
        .unwrap();
    assert_eq!(
        wrong.status(),
        400,
        "a condition that is not understood is not left out"
    );
    let machine = read(&world, &id).await.unwrap();
    assert_eq!(machine["generation"], 3);
    let created: jiff::Timestamp = machine["created"].as_str().unwrap().parse().unwrap();
    assert!(jiff::Timestamp::now().duration_since(created).as_secs() < 60);
    world.end().await;
}

#[tokio::test]
async fn the_owner_that_is_named_must_be_the_machines() {
    let world = World::start(FAST, 0).await;
    let id = ordered(&world, "a", "one").await;
    let path = format!("/v1/machines/{id}?owner=id-of-two");
    let refused = world.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(refused.status(), 409);
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "Foreign");
    assert_eq!(delete(&world, &id, "?ownr=id-of-two").await, 400);
    world.in_maintenance("a").await;
    assert_eq!(delete(&world, &id, "?owner=id-of-one").await, 202);
    is_gone(&world, &id).await;
    world.end().await;
}

#[tokio::test]
async fn of_a_deleted_cluster_nothing_is_left() {
    // A deletion takes so long that the second one begins within the first also on a machine that is busy.
    let world = World::start(&FAST.replace("delete: 20ms", "delete: 1s"), 0).await;
    let plan = Plan::new();
    let mut ids = Vec::new();
    let mut addresses = Vec::new();
    for name in ["a", "b"] {
        ids.push(ordered(&world, name, "demo").await);
        addresses.push(world.in_maintenance(name).await);
    }
    let node = plan.configure(&addresses[0], Role::ControlPlane).await;
    plan.configure(&addresses[1], Role::Worker).await;
    node.bootstrap().await.unwrap();
    let api = || async { tokio::net::TcpStream::connect((addresses[0].as_str(), 6443)).await.ok() };
    until("the API server answers", api).await;
    let clusters = world.state().join("inmemory/clusters");
    let data = std::fs::read_dir(&clusters).unwrap().next().unwrap().unwrap().path();
    assert_eq!(entries(&data), 1);
    let before = world.status().await.critical_path_seconds;
    let (a, b) = tokio::join!(delete(&world, &ids[0], ""), delete(&world, &ids[1], ""));
    assert_eq!((a, b), (202, 202));
    for id in &ids {
        is_gone(&world, id).await;
    }
    let status = world.status().await;
    assert!(status.machines.is_empty() && status.clusters.is_empty(), "{status:?}");
    assert_eq!(status.counters.machines_deleted, 2);
    let path = status.critical_path_seconds - before;
    // What the cluster still did meanwhile may add some 20 ms.
    assert!(
        (0.999..1.5).contains(&path),
        "two deletions at once take one second: {path}"
    );
    until("the data of the cluster is removed", || async {
        (entries(&data) == 0).then_some(())
    })
    .await;
    for (address, port) in [(&addresses[0], 6443), (&addresses[0], 50000), (&addresses[1], 50000)] {
        let listener = tokio::net::TcpListener::bind((address.as_str(), port)).await;
        assert!(listener.is_ok(), "{address}:{port} is in use");
    }
    world.end().await;
}

/// The reply is lost although the machine goes: whoever sees a timeout must look, not give up.
#[tokio::test]
async fn a_deletion_happens_though_nobody_hears_of_it() {
    for (kind, waits) in [("resetAfterApply", false), ("timeoutAfterApply", true)] {
        let faults = format!("{FAST}faults: {{api: {{everyNth: 1, kinds: [{kind}], only: [delete]}}}}");
        let world = World::start(&faults, 0).await;
        let id = ordered(&world, "a", "one").await;
        let began = Instant::now();
        let request = world.request(Method::DELETE, &format!("/v1/machines/{id}"));
        let lost = request.timeout(Duration::from_millis(500)).send().await.unwrap_err();
        assert_eq!(lost.is_timeout(), waits, "{kind}: {lost:?}");
        assert_eq!(began.elapsed() >= Duration::from_millis(500), waits, "{kind}");
        is_gone(&world, &id).await;
        assert_eq!(world.status().await.counters.api_faults, 1);
        world.end().await;
    }
}

#[tokio::test]
async fn every_third_call_fails_whatever_it_is() {
    let world = World::start(FAST, 0).await;
    let (a, b) = (ordered(&world, "a", "one").await, ordered(&world, "b", "one").await);
    world
        .patch(&json!({"faults": {"api": {"everyNth": 3, "kinds": ["error"]}}}))
        .await;
    let get = |path: &str| world.request(Method::GET, path).send();
    let mut seen = vec![get("/v1/machines").await.unwrap().status().as_u16()];
    // Two calls were made before the fault was there; it counts all calls since it has been looked for.
    while *seen.last().unwrap() == 200 {
        seen.push(get("/v1/machines").await.unwrap().status().as_u16());
    }
    assert_eq!(seen.last(), Some(&500), "lists fail too: {seen:?}");
    assert_eq!(delete(&world, &a, "").await, 202);
    assert_eq!(get("/v1/machines").await.unwrap().status(), 200);
    assert_eq!(delete(&world, &b, "").await, 500, "deletions fail too");
    assert_eq!(world.status().await.counters.api_faults, 2);
    world.patch(&json!({"faults": {"api": {"everyNth": 0}}})).await;
    assert!(
        read(&world, &b)
            .await
            .is_some_and(|machine| machine["stage"] != "deleting")
    );
    world.end().await;
}

#[tokio::test]
async fn an_undying_machine_is_deleting_for_ever() {
    let file = format!("{FAST}faults: {{machines: {{a: {{undying: true}}}}}}");
    let world = World::start(&file, 0).await;
    let id = ordered(&world, "a", "one").await;
    let address = world.in_maintenance("a").await;
    assert_eq!(delete(&world, &id, "").await, 202);
    until("its node is silent", || async {
        tokio::net::TcpStream::connect((address.as_str(), 50000)).await.err()
    })
    .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(read(&world, &id).await.unwrap()["stage"], "deleting");
    assert_eq!(world.status().await.counters.machines_deleted, 0);
    world.patch(&json!({"faults": {"machines": null}})).await;
    is_gone(&world, &id).await;
    world.end().await;
}

#[tokio::test]
async fn a_late_list_is_corrected_by_reading_one_machine() {
    let world = World::start(FAST, 0).await;
    let gone = ordered(&world, "gone", "one").await;
    world.patch(&json!({"faults": {"api": {"listLag": "1m"}}})).await;
    assert_eq!(delete(&world, &gone, "").await, 202);
    is_gone(&world, &gone).await;
    let new = ordered(&world, "new", "one").await;
    assert!(read(&world, &new).await.is_some());
    // The oldest machine is not a minute old either, so that only what is gone is shown.
    assert_eq!(list(&world, "?owner=id-of-one").await, ["gone"]);
    let names: Vec<String> = world.status().await.machines.into_iter().map(|m| m.name).collect();
    assert_eq!(names, ["new"], "whoever runs the world sees the truth");
    world.patch(&json!({"faults": {"api": {"listLag": null}}})).await;
    assert_eq!(list(&world, "?owner=id-of-one").await, ["new"]);
    world.end().await;
}

#[tokio::test]
async fn a_reset_node_comes_back_in_maintenance_mode() {
    let world = World::start(FAST, 1).await;
    let plan = Plan::new();
    let host = world.in_maintenance("static-1").await;
    let node = plan.configure(&host, Role::ControlPlane).await;
    node.bootstrap().await.unwrap();
    until("it votes", || async { node.etcd_members().await.ok() }).await;
    assert!(node.reset(true).await.is_err(), "nobody is left to take it out of etcd");
    node.reset(false).await.unwrap();
    until("it is in maintenance mode", || async {
        let machine = world.status().await.machines.remove(0);
        machine.fingerprint
    })
    .await;
    assert!(world.status().await.clusters.is_empty());
    plan.configure(&host, Role::ControlPlane).await;
    world.end().await;
}
