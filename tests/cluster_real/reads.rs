//! Reading clusters.

use std::io::{BufRead as _, BufReader};

use serde_json::{Value, json};

use crate::ground::{self, CLUSTERS, Ground};

#[tokio::test(flavor = "multi_thread")]
async fn clusters_are_read_on_a_real_api_server() {
    if let Some(ground) = Ground::real().await {
        clusters_are_read(&ground).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_are_read_on_an_api_server_of_the_world() {
    clusters_are_read(&Ground::of_the_world().await).await;
}

async fn clusters_are_read(ground: &Ground) {
    ground.cluster("demo", json!({
        "phase": "Ready", "observedGeneration": 1, "workerNodesReady": 2, "workerNodesDesired": 2, "tenantNamespace": "demo-0a1b2c3d",
    })).await;
    let one = ["cluster", "list", "-n", "alpha", "-o", "name"];
    assert_eq!(
        ground.run("carol", &one).await,
        "exit 0\ntenantcluster.butler.butlerlabs.dev/demo\n"
    );
    refused(ground).await;
    shown(ground).await;
    applied(ground).await;
    watched(ground).await;
    paged(ground).await;
}

/// What roles forbid, what is missing, and what is no selector are three things.
async fn refused(ground: &Ground) {
    same!(ground.run("carol", &["cluster", "list", "-n", "beta"]).await, @r"
    exit 1
    error: cannot list tenant clusters in namespace beta
    Caused by:
      carol may not list tenantclusters.butler.butlerlabs.dev in namespace beta
    hint: the role viewer in the team of namespace beta allows it
    ");
    same!(ground.run("carol", &["cluster", "list", "-A"]).await, @r"
    exit 1
    error: cannot list tenant clusters of all namespaces
    Caused by:
      carol may not list tenantclusters.butler.butlerlabs.dev in the whole cluster
    hint: administrators of the platform may
    hint: list one namespace: --namespace NAME
    ");
    same!(ground.run("carol", &["cluster", "get", "nope", "-n", "alpha"]).await, @r"
    exit 1
    error: there is no tenant cluster nope in namespace alpha
    hint: list those that are there: butlerctl cluster list --namespace alpha
    hint: or look elsewhere: --namespace NAME, --team NAME
    ");
    same!(ground.run("carol", &["cluster", "get", "demo", "-n", "beta"]).await, @r"
    exit 1
    error: cannot read tenant cluster demo in namespace beta
    Caused by:
      carol may not get tenantclusters.butler.butlerlabs.dev in namespace beta
    hint: the role viewer in the team of namespace beta allows it
    ");
    same!(ground.run("carol", &["cluster", "list", "-n", "alpha", "-l", "===="]).await, @r"
    exit 2
    error: cannot list tenant clusters in namespace alpha
    Caused by:
      found '==', expected: !, identifier, or 'end of string'
    ");
    same!(ground.run("carol", &["cluster", "list", "-n", "alpha", "--field-selector", "spec.x=1"]).await, @r"
    exit 2
    error: cannot list tenant clusters in namespace alpha
    Caused by:
      field label not supported: spec.x
    ");
    same!(ground.run("carol", &["cluster", "kubeconfig", "demo", "-n", "alpha"]).await, @r"
    exit 1
    error: cannot read Secret demo-admin-kubeconfig in namespace demo-0a1b2c3d
    Caused by:
      carol may not get secrets in namespace demo-0a1b2c3d
    hint: members of the team of the cluster get it from Butler's server: butlerctl login --server URL
    hint: or use the kubeconfig of an administrator: --kubeconfig FILE
    ");
}

/// What may not be read, and what the management cluster does not know, is not empty.
async fn shown(ground: &Ground) {
    same!(ground.run("carol", &["cluster", "get", "demo", "-n", "alpha"]).await, @r"
    exit 0
    demo  Ready  v1.32.2, team alpha
    ├─ control plane  Unknown
    │  └─ (not allowed to read control planes)
    ├─ workers  2 of 2 ready
    │  └─ (not allowed to read machines)
    └─ addons  none known
    ");
    same!(ground.run("admin", &["cluster", "get", "demo", "-n", "alpha"]).await, @r"
    exit 0
    demo  Ready  v1.32.2, team alpha
    ├─ control plane  Unknown
    │  └─ (the management cluster knows no control planes)
    ├─ workers  2 of 2 ready
    │  └─ (the management cluster knows no machines)
    └─ addons  none known
    ");
}

/// What is exported can be applied.
async fn applied(ground: &Ground) {
    let exported = ground
        .run("carol", &["cluster", "export", "demo", "-n", "alpha", "--as", "copy"])
        .await;
    let exported: Value = serde_saphyr::from_str(exported.strip_prefix("exit 0\n").unwrap()).unwrap();
    ground::made(ground.api(), CLUSTERS, &exported).await;
    let both = ground
        .run(
            "carol",
            &["cluster", "list", "-n", "alpha", "--sort-by", "age", "-o", "name"],
        )
        .await;
    assert_eq!(both.lines().count(), 3, "{both}");
}

/// A watch ends with the phase that it waits for.
async fn watched(ground: &Ground) {
    let path = format!("{CLUSTERS}/demo");
    let mut object = ground.api().json("GET", &path, &Value::Null).await.body;
    object["status"]["phase"] = "Updating".into();
    ground.write_status(&object).await;
    let mut child = ground
        .command("carol", &["cluster", "watch", "demo", "-n", "alpha", "-o", "json"])
        .spawn()
        .unwrap();
    let stdout = child.stdout.take().unwrap();
    let (lines, mut told) = tokio::sync::mpsc::unbounded_channel();
    let reader = tokio::task::spawn_blocking(move || {
        for line in BufReader::new(stdout).lines() {
            drop(lines.send(serde_json::from_str::<Value>(&line.unwrap()).unwrap()));
        }
    });
    let first = told.recv().await.unwrap();
    assert_eq!((&first["type"], &first["to"]), (&json!("Phase"), &json!("Updating")));
    let mut object = ground.api().json("GET", &path, &Value::Null).await.body;
    object["status"]["phase"] = "Ready".into();
    ground.write_status(&object).await;
    let second = told.recv().await.unwrap();
    assert_eq!((&second["from"], &second["to"]), (&json!("Updating"), &json!("Ready")));
    reader.await.unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Pages come whole and in order.
async fn paged(ground: &Ground) {
    let spec = json!({"kubernetesVersion": "v1.32.2", "workers": {"replicas": 1}});
    for number in 0..1001 {
        let object = json!({
            "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster",
            "metadata": {"name": format!("many-{number:04}")}, "spec": spec,
        });
        ground::made(ground.api(), &CLUSTERS.replace("/alpha/", "/beta/"), &object).await;
    }
    let listed = ground
        .run("admin", &["cluster", "list", "-n", "beta", "-o", "name"])
        .await;
    let names: Vec<&str> = listed.lines().skip(1).collect();
    let expected: Vec<String> = (0..1001)
        .map(|number| format!("tenantcluster.butler.butlerlabs.dev/many-{number:04}"))
        .collect();
    assert_eq!(names, expected);
}
