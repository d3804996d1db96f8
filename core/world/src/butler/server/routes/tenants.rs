//! What is known of a tenant cluster beside its object: its kubeconfig, its nodes, and what happened to it.

use butler_api::v1alpha1::TenantCluster;
use http::Method;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Node, Secret};
use serde::Serialize;
use serde_json::Value;

use super::clusters::visible;
use crate::butler::server::kinds::{self, EVENTS, LOAD_BALANCER_REQUESTS, MACHINE_REQUESTS, SECRETS, TENANT_CLUSTERS};
use crate::butler::server::provision::seconds;
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::Session;
use crate::butler::server::{ButlerServer, refused, wait};
use crate::values::or_empty;

pub(super) const ROUTES: &[Route] = &[
    route(
        Method::GET,
        "/api/clusters/{namespace}/{name}/kubeconfig",
        Handler::Session(kubeconfig),
    ),
    route(
        Method::GET,
        "/api/clusters/{namespace}/{name}/nodes",
        Handler::SessionWait(|server, call, session| wait(nodes(server, call, session))),
    ),
    route(
        Method::GET,
        "/api/clusters/{namespace}/{name}/events",
        Handler::Session(events),
    ),
    route(
        Method::GET,
        "/api/clusters/{namespace}/{name}/machines",
        Handler::Session(machines),
    ),
    route(
        Method::GET,
        "/api/clusters/{namespace}/{name}/load-balancers",
        Handler::Session(load_balancers),
    ),
    route(
        Method::GET,
        "/api/clusters/{namespace}/{name}/tenantcontrolplane",
        Handler::NotSimulated("the view of hosted control planes"),
    ),
];

/// So many events are shown.
const MOST_EVENTS: usize = 50;
/// A time that is none, as Go writes it.
pub(super) const NO_TIME: &str = "0001-01-01T00:00:00Z";

#[derive(Debug, Serialize)]
struct KubeconfigBody {
    kubeconfig: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Nodes {
    nodes: Vec<NodeBody>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeBody {
    name: String,
    status: &'static str,
    roles: Vec<String>,
    version: String,
    #[serde(rename = "internalIP")]
    internal_ip: String,
    os: String,
    container_runtime: String,
    cpu: String,
    memory: String,
    age: String,
}

#[derive(Debug, Serialize)]
struct Events {
    events: Vec<EventBody>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EventBody {
    count: i32,
    first_timestamp: String,
    last_timestamp: String,
    message: String,
    reason: String,
    source: String,
    r#type: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MachineRequests {
    machine_requests: Vec<Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LoadBalancerRequests {
    load_balancer_requests: Vec<Value>,
}

/// The cluster of a path, read into its type.
pub(super) fn cluster(server: &ButlerServer, call: &Call, session: &Session) -> Result<TenantCluster, Reply> {
    let object = visible(server, call, session)?;
    kinds::typed(TENANT_CLUSTERS, object).map_err(|error| refused(&error))
}

/// The namespace of a cluster's control plane, as soon as it has one.
pub(super) fn tenant_namespace(cluster: &TenantCluster) -> Option<&str> {
    let namespace = cluster.status.as_ref()?.tenant_namespace.as_deref()?;
    (!namespace.is_empty()).then_some(namespace)
}

/// The kubeconfig of a cluster's administrator, from its Secret.
fn admin_kubeconfig(server: &ButlerServer, namespace: &str, name: &str) -> Result<String, String> {
    let secret_name = format!("{name}-admin-kubeconfig");
    let secret: Secret = kinds::get(&server.local, SECRETS, namespace, &secret_name)
        .map_err(|error| format!("failed to get kubeconfig secret: {}", error.message))?;
    let data = secret.data.iter().flatten();
    let mut known = ["admin.conf", "value"].into_iter();
    let text = known.find_map(|key| data.clone().find(|(name, _)| *name == key));
    text.and_then(|(_, text)| String::from_utf8(text.0.clone()).ok())
        .ok_or_else(|| "kubeconfig not found in secret".to_owned())
}

fn kubeconfig(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let cluster = cluster(server, call, session)?;
    let failed = |why: &str| Reply::internal(&format!("failed to get kubeconfig: {why}"));
    let namespace = tenant_namespace(&cluster);
    let namespace = namespace.ok_or_else(|| failed("tenant namespace not found in TenantCluster status"))?;
    let kubeconfig = admin_kubeconfig(server, namespace, call.parameter(1)).map_err(|why| failed(&why))?;
    Ok(Reply::ok(&KubeconfigBody { kubeconfig }))
}

async fn nodes(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let cluster = cluster(server, call, session)?;
    let namespace = tenant_namespace(&cluster).ok_or_else(|| Reply::not_found("tenant namespace not found"))?;
    let kubeconfig = admin_kubeconfig(server, namespace, call.parameter(1));
    let kubeconfig = kubeconfig.map_err(|why| Reply::internal(&format!("failed to get kubeconfig: {why}")))?;
    let failed = |why: &str| Reply::internal(&format!("failed to list nodes: {why}"));
    let answer = server.options.tenants.get(&kubeconfig, "/api/v1/nodes").await;
    let list = answer.map_err(|error| failed(&error.to_string()))?;
    let items = crate::values::list(&list, "/items").iter().cloned();
    let nodes: Result<Vec<Node>, _> = items.map(serde_json::from_value).collect();
    let nodes = nodes.map_err(|error| failed(&error.to_string()))?;
    Ok(Reply::ok(&node_bodies(&nodes, server.now())))
}

/// Nodes as answers show them.
pub(super) fn node_bodies(nodes: &[Node], now: Timestamp) -> Nodes {
    Nodes {
        nodes: nodes.iter().map(|node| node_body(node, now)).collect(),
    }
}

fn node_body(node: &Node, now: Timestamp) -> NodeBody {
    let status = node.status.as_ref();
    let info = status.and_then(|status| status.node_info.as_ref());
    let capacity = |what: &str| {
        let amount = status.and_then(|status| status.capacity.as_ref()?.get(what));
        amount.map_or_else(String::new, |amount| amount.0.clone())
    };
    let addresses = status.and_then(|status| status.addresses.as_ref());
    let internal = addresses
        .into_iter()
        .flatten()
        .find(|address| address.type_ == "InternalIP");
    let labels = node.metadata.labels.iter().flatten();
    let mut roles: Vec<String> = labels
        .filter_map(|(label, _)| label.strip_prefix("node-role.kubernetes.io/").map(str::to_owned))
        .collect();
    if roles.is_empty() {
        roles.push("worker".to_owned());
    }
    NodeBody {
        name: or_empty(node.metadata.name.as_deref()),
        status: if is_ready(node) { "Ready" } else { "NotReady" },
        roles,
        version: info.map_or_else(String::new, |info| info.kubelet_version.clone()),
        internal_ip: internal.map_or_else(String::new, |address| address.address.clone()),
        os: info.map_or_else(String::new, |info| info.os_image.clone()),
        container_runtime: info.map_or_else(String::new, |info| info.container_runtime_version.clone()),
        cpu: capacity("cpu"),
        memory: capacity("memory"),
        age: age(node.metadata.creation_timestamp.as_ref().map(|time| time.0), now),
    }
}

/// Whether a node says that it is ready.
pub(super) fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// How old something is, as Go writes a duration of whole seconds.
pub(super) fn age(created: Option<Timestamp>, now: Timestamp) -> String {
    let seconds = created.map_or(0, |created| now.duration_since(created).as_secs().max(0));
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

/// Of the cluster's own namespace where the control plane has none yet: then those of other clusters are among them.
fn events(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let cluster = cluster(server, call, session)?;
    let namespace = tenant_namespace(&cluster).unwrap_or_else(|| call.parameter(0));
    let events: Vec<Event> = kinds::list(&server.local, EVENTS, namespace).map_err(|error| refused(&error))?;
    Ok(Reply::ok(&Events {
        events: events.iter().take(MOST_EVENTS).map(event_body).collect(),
    }))
}

fn event_body(event: &Event) -> EventBody {
    let text = |text: &Option<String>| or_empty(text.as_deref());
    let time = |time: Option<Timestamp>| time.map_or_else(|| NO_TIME.to_owned(), seconds);
    EventBody {
        count: event.count.unwrap_or(0),
        first_timestamp: time(event.first_timestamp.as_ref().map(|time| time.0)),
        last_timestamp: time(event.last_timestamp.as_ref().map(|time| time.0)),
        message: text(&event.message),
        reason: text(&event.reason),
        source: event
            .source
            .as_ref()
            .map_or_else(String::new, |source| text(&source.component)),
        r#type: text(&event.type_),
    }
}

fn machines(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let machine_requests = in_tenant_namespace(server, call, session, MACHINE_REQUESTS)?;
    Ok(Reply::ok(&MachineRequests { machine_requests }))
}

fn load_balancers(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let load_balancer_requests = in_tenant_namespace(server, call, session, LOAD_BALANCER_REQUESTS)?;
    Ok(Reply::ok(&LoadBalancerRequests { load_balancer_requests }))
}

fn in_tenant_namespace(
    server: &ButlerServer,
    call: &Call,
    session: &Session,
    kind: crate::reconcile::resource::Resource,
) -> Result<Vec<Value>, Reply> {
    let cluster = cluster(server, call, session)?;
    let Some(namespace) = tenant_namespace(&cluster) else {
        return Ok(Vec::new());
    };
    server.local.list(kind.at(namespace)).map_err(|error| refused(&error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_age_is_written_as_go_does() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let ages = [(5, "5s"), (65, "1m5s"), (3600, "1h0m0s"), (90_061, "25h1m1s")];
        for (seconds, written) in ages {
            assert_eq!(age(Some(at(0)), at(seconds)), written);
        }
    }

    #[test]
    fn a_node_without_role_is_a_worker() {
        let node: Node = serde_json::from_value(json!({
            "metadata": {"name": "w-0", "creationTimestamp": "1970-01-01T00:00:00Z"},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "addresses": [{"type": "Hostname", "address": "w-0"}, {"type": "InternalIP", "address": "10.0.0.1"}],
                "capacity": {"cpu": "4", "memory": "8Gi"},
                "nodeInfo": {
                    "kubeletVersion": "v1.32.2", "osImage": "Rocky Linux 9.5", "containerRuntimeVersion": "containerd://2.0",
                    "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "", "kubeProxyVersion": "",
                    "operatingSystem": "linux", "architecture": "amd64",
                },
            },
        }))
        .unwrap();
        let body = node_body(&node, Timestamp::from_second(60).unwrap());
        assert_eq!(
            serde_json::to_value(&body).unwrap(),
            json!({
                "name": "w-0", "status": "Ready", "roles": ["worker"], "version": "v1.32.2", "internalIP": "10.0.0.1",
                "os": "Rocky Linux 9.5", "containerRuntime": "containerd://2.0", "cpu": "4", "memory": "8Gi", "age": "1m0s",
            })
        );
    }
}
