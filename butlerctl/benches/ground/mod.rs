//! Clusters in a real API server, for benchmarks.

use butler_api::v1alpha1::all_crds;
use futures::StreamExt as _;
use serde_json::json;

use crate::common::Api;

/// Requests that are under way at the same time while clusters are made.
const AT_ONCE: usize = 32;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// The list of all clusters.
pub(crate) const ALL: &str = "/apis/butler.butlerlabs.dev/v1alpha1/tenantclusters";

/// Where a program is that we are compared with.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark finds its peers by the environment"
)]
pub(crate) fn peer(name: &str) -> String {
    let folder = std::env::var("BUTLER_PEERS").unwrap_or_else(|_| "target/peers".to_owned());
    format!("{folder}/{name}")
}

/// Butler's kinds, ten namespaces, and clusters with a status in them.
pub(crate) async fn fill(api: &Api, clusters: usize) {
    for definition in all_crds() {
        let mut definition = serde_json::to_value(definition).expect("JSON");
        definition["apiVersion"] = "apiextensions.k8s.io/v1".into();
        definition["kind"] = "CustomResourceDefinition".into();
        let created = api.json("POST", DEFINITIONS, &definition).await;
        assert_eq!(created.status, 201, "{created:?}");
    }
    while !api.answers(ALL).await {
        tokio::task::yield_now().await;
    }
    for number in 0..10 {
        let namespace = json!({"metadata": {"name": format!("team-{number}")}});
        assert_eq!(api.json("POST", "/api/v1/namespaces", &namespace).await.status, 201);
    }
    let made = futures::stream::iter(0..clusters).map(|number| cluster(api, number));
    made.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

async fn cluster(api: &Api, number: usize) {
    let (namespace, name) = (format!("team-{}", number % 10), format!("cluster-{number:05}"));
    let path = format!("/apis/butler.butlerlabs.dev/v1alpha1/namespaces/{namespace}/tenantclusters");
    let mut object = json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster",
        "metadata": {"name": name, "namespace": namespace, "labels": {"butler.butlerlabs.dev/team": namespace}},
        "spec": {
            "kubernetesVersion": "v1.32.2", "providerConfigRef": {"name": "main"}, "teamRef": {"name": namespace},
            "workers": {"replicas": 3, "machineTemplate": {"cpu": 4, "memory": "8Gi", "diskSize": "50Gi"}},
            "networking": {"loadBalancerPool": {"start": "10.0.0.1", "end": "10.0.0.9"}},
        },
    });
    let created = api.json("POST", &path, &object).await;
    assert_eq!(created.status, 201, "{created:?}");
    let conditions = [
        "InfrastructureReady",
        "ControlPlaneReady",
        "WorkersReady",
        "AddonsReady",
        "Ready",
    ]
    .map(|kind| {
        json!({
            "type": kind, "status": "True", "reason": "Ready", "message": format!("{kind} is as it should be"),
            "lastTransitionTime": "2026-11-21T04:46:00Z", "observedGeneration": 1,
        })
    });
    object = created.body;
    object["status"] = json!({
        "phase": "Ready", "observedGeneration": 1, "tenantNamespace": format!("{name}-0a1b2c3d"), "conditions": conditions,
        "controlPlaneEndpoint": "10.0.0.1:6443", "workerNodesDesired": 3, "workerNodesReady": 3,
        "kubeconfigSecretRef": {"name": format!("{name}-admin-kubeconfig")},
        "observedState": {"kubernetesVersion": "v1.32.2", "workers": {"desired": 3, "ready": 3}},
    });
    let written = api.json("PUT", &format!("{path}/{name}/status"), &object).await;
    assert_eq!(written.status, 200, "{written:?}");
}
