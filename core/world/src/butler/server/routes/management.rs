//! The management cluster itself.

use butler_api::v1alpha1::TenantCluster;
use http::Method;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde::Serialize;

use super::tenants::{age, is_ready, node_bodies};
use crate::butler::server::kinds::{self, NODES, PODS, TENANT_CLUSTERS};
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::Session;
use crate::butler::server::{ButlerServer, refused};
use crate::values::or_empty;

pub(super) const ROUTES: &[Route] = &[
    route(Method::GET, "/api/management", Handler::Session(overview)),
    route(Method::GET, "/api/management/nodes", Handler::Session(nodes)),
    route(Method::GET, "/api/management/pods/{namespace}", Handler::Session(pods)),
    route(
        Method::GET,
        "/api/management/tenantcontrolplanes",
        Handler::NotSimulated("the view of hosted control planes"),
    ),
    route(
        Method::GET,
        "/api/management/tenantcontrolplanes/{namespace}/{name}",
        Handler::NotSimulated("the view of hosted control planes"),
    ),
    route(
        Method::GET,
        "/api/management/datastores",
        Handler::NotSimulated("the view of data stores"),
    ),
    route(
        Method::GET,
        "/api/management/datastores/{name}",
        Handler::NotSimulated("the view of data stores"),
    ),
];

/// The namespaces whose pods are counted.
const SYSTEM_NAMESPACES: [&str; 5] = [
    "butler-system",
    "kamaji-system",
    "capi-system",
    "cert-manager",
    "kube-system",
];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Overview {
    kubernetes_version: String,
    name: &'static str,
    nodes: Count,
    /// It is always this.
    phase: &'static str,
    system_namespaces: Vec<NamespaceCount>,
    tenant_clusters: usize,
    tenant_namespaces: Vec<ClusterNamespaces>,
}

#[derive(Debug, Serialize)]
struct Count {
    ready: usize,
    total: usize,
}

#[derive(Debug, Serialize)]
struct NamespaceCount {
    namespace: &'static str,
    running: usize,
    total: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterNamespaces {
    name: String,
    namespace: String,
    phase: String,
    tenant_namespace: String,
}

#[derive(Debug, Serialize)]
struct Pods {
    pods: Vec<PodBody>,
}

#[derive(Debug, Serialize)]
struct PodBody {
    name: String,
    namespace: String,
    status: String,
    ready: String,
    restarts: i32,
    age: String,
}

fn overview(server: &ButlerServer, _: &Call, session: &Session) -> Answer {
    let nodes: Vec<Node> = kinds::list(&server.local, NODES, "").map_err(|error| refused(&error))?;
    let clusters: Vec<TenantCluster> =
        kinds::list(&server.local, TENANT_CLUSTERS, "").map_err(|error| refused(&error))?;
    let visible: Vec<&TenantCluster> = clusters.iter().filter(|cluster| sees(session, cluster)).collect();
    let counted: Result<Vec<NamespaceCount>, Reply> = SYSTEM_NAMESPACES
        .iter()
        .map(|namespace| count(server, namespace))
        .collect();
    Ok(Reply::ok(&Overview {
        kubernetes_version: server.local.version().to_owned(),
        name: "management",
        nodes: Count {
            ready: nodes.iter().filter(|node| is_ready(node)).count(),
            total: nodes.len(),
        },
        phase: "Ready",
        system_namespaces: counted?,
        tenant_clusters: visible.len(),
        tenant_namespaces: visible.into_iter().map(tenant_namespace).collect(),
    }))
}

/// People see the clusters of their teams; in the real server everybody sees the names of all.
fn sees(session: &Session, cluster: &TenantCluster) -> bool {
    let team = cluster.spec.team_ref.as_ref().map_or("", |team| &team.name);
    session.is_admin() || session.role_in(team).is_some()
}

fn tenant_namespace(cluster: &TenantCluster) -> ClusterNamespaces {
    let status = cluster.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_ref());
    let namespace = status.and_then(|status| status.tenant_namespace.clone());
    ClusterNamespaces {
        name: or_empty(cluster.metadata.name.as_deref()),
        namespace: or_empty(cluster.metadata.namespace.as_deref()),
        phase: phase.map_or_else(String::new, |phase| phase.as_str().to_owned()),
        tenant_namespace: or_empty(namespace.as_deref()),
    }
}

fn count(server: &ButlerServer, namespace: &'static str) -> Result<NamespaceCount, Reply> {
    let pods: Vec<Pod> = kinds::list(&server.local, PODS, namespace).map_err(|error| refused(&error))?;
    Ok(NamespaceCount {
        namespace,
        running: pods.iter().filter(|pod| phase(pod) == "Running").count(),
        total: pods.len(),
    })
}

fn phase(pod: &Pod) -> &str {
    let status = pod.status.as_ref();
    status.and_then(|status| status.phase.as_deref()).unwrap_or("")
}

fn nodes(server: &ButlerServer, _: &Call, _: &Session) -> Answer {
    let nodes: Vec<Node> = kinds::list(&server.local, NODES, "").map_err(|error| refused(&error))?;
    Ok(Reply::ok(&node_bodies(&nodes, server.now())))
}

fn pods(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let pods: Vec<Pod> = kinds::list(&server.local, PODS, call.parameter(0)).map_err(|error| refused(&error))?;
    let body = |pod: &Pod| {
        let statuses = pod
            .status
            .as_ref()
            .and_then(|status| status.container_statuses.as_ref());
        let all = statuses.map_or(&[][..], Vec::as_slice);
        let ready = all.iter().filter(|container| container.ready).count();
        let total = pod.spec.as_ref().map_or(all.len(), |spec| spec.containers.len());
        PodBody {
            name: or_empty(pod.metadata.name.as_deref()),
            namespace: call.parameter(0).to_owned(),
            status: phase(pod).to_owned(),
            ready: format!("{ready}/{total}"),
            restarts: all.iter().map(|container| container.restart_count).sum(),
            age: age(
                pod.metadata.creation_timestamp.as_ref().map(|time| time.0),
                server.now(),
            ),
        }
    };
    Ok(Reply::ok(&Pods {
        pods: pods.iter().map(body).collect(),
    }))
}
