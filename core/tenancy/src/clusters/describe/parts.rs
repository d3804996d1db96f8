//! What a tenant cluster consists of below, as far as it may be read. What may not be read is not empty: it says so.

use std::fmt;

use butler_api::v1alpha1::{TenantAddon, TenantCluster};
use butler_client::logged_in::{LoggedIn, ServerError};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::clusters::read::{self, Found, ReadError};
use crate::reach::Reach;
use crate::transport::{Operation, Way};

/// The label by which objects of Cluster API tell which cluster they belong to.
const CLUSTER_LABEL: &str = "cluster.x-k8s.io/cluster-name";
/// The versions of Cluster API, in the order in which they are asked for.
pub(crate) const CLUSTER_API: [&str; 2] = ["v1beta1", "v1beta2"];

/// What is known, or why it is not.
pub type Known<T> = Result<T, Unread>;

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread(pub String);

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a cluster consists of.
#[derive(Debug)]
pub struct Parts {
    /// The hosted control plane, if there is one yet.
    pub control_plane: Known<Option<ControlPlane>>,
    /// The machines of the workers.
    pub machines: Known<Vec<Machine>>,
    /// The nodes as Butler's server sees them; only asked for where machines may not be read.
    pub nodes: Option<Known<Vec<Node>>>,
    /// The addons that were asked for beside those of the cluster itself.
    pub addons: Known<Vec<TenantAddon>>,
}

/// The hosted control plane, as Steward tells of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ControlPlane {
    status: ControlPlaneStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ControlPlaneStatus {
    kubernetes_resources: KubernetesResources,
    control_plane_endpoint: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct KubernetesResources {
    version: ControlPlaneVersion,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ControlPlaneVersion {
    version: Option<String>,
    status: Option<String>,
}

impl ControlPlane {
    /// How far it is.
    pub fn state(&self) -> Option<&str> {
        self.status.kubernetes_resources.version.status.as_deref()
    }

    /// The version that it runs.
    pub fn version(&self) -> Option<&str> {
        self.status.kubernetes_resources.version.version.as_deref()
    }

    /// Where it answers.
    pub fn endpoint(&self) -> Option<&str> {
        self.status.control_plane_endpoint.as_deref()
    }
}

/// A machine of Cluster API.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Its name, and since when it is there.
    pub metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
    spec: MachineSpec,
    status: MachineStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MachineSpec {
    version: Option<String>,
    #[serde(rename = "providerID")]
    provider_id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MachineStatus {
    phase: Option<String>,
    node_ref: Option<NodeRef>,
    failure_message: Option<String>,
    conditions: Option<Vec<MachineCondition>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct NodeRef {
    name: Option<String>,
}

/// Conditions of Cluster API may leave out reason and message.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct MachineCondition {
    r#type: String,
    status: String,
    reason: Option<String>,
    message: Option<String>,
}

impl Machine {
    /// Its name.
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or("")
    }

    /// How far it is; what is being deleted is `Deleting`.
    pub fn phase(&self) -> Option<&str> {
        match self.metadata.deletion_timestamp {
            Some(_) => Some("Deleting"),
            None => self.status.phase.as_deref().filter(|phase| !phase.is_empty()),
        }
    }

    /// The version of Kubernetes that it is made for.
    pub fn version(&self) -> Option<&str> {
        self.spec.version.as_deref()
    }

    /// What the platform calls it.
    pub fn provider_id(&self) -> Option<&str> {
        self.spec.provider_id.as_deref()
    }

    /// The name of its node, once it has joined.
    pub fn node(&self) -> Option<&str> {
        self.status.node_ref.as_ref()?.name.as_deref()
    }

    /// Why it is not ready, as far as anybody says.
    pub fn cause(&self) -> Option<&str> {
        let said = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        if said(&self.status.failure_message) {
            return self.status.failure_message.as_deref();
        }
        let conditions = self.status.conditions.iter().flatten();
        let ready = conditions
            .into_iter()
            .find(|one| one.r#type == "Ready" && one.status != "True")?;
        if said(&ready.message) {
            return ready.message.as_deref();
        }
        ready.reason.as_deref().filter(|reason| !reason.is_empty())
    }
}

/// A node, as Butler's server tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Its name.
    pub name: String,
    /// `Ready`, or another word.
    pub status: String,
    /// What it is used for.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The version of its kubelet.
    #[serde(default)]
    pub version: String,
    /// Its address.
    #[serde(default, rename = "internalIP")]
    pub internal_ip: String,
    /// Its operating system.
    #[serde(default)]
    pub os: String,
    /// What runs its containers.
    #[serde(default)]
    pub container_runtime: String,
    /// Its processors.
    #[serde(default)]
    pub cpu: String,
    /// Its memory.
    #[serde(default)]
    pub memory: String,
    /// How long it has been there, as a Go duration.
    #[serde(default)]
    pub age: String,
}

#[derive(Deserialize)]
struct ServersNodes {
    nodes: Vec<Node>,
}

/// The nodes of a cluster, as Butler's server sees them.
pub async fn nodes(server: &LoggedIn, found: &Found) -> Result<Vec<Node>, ServerError> {
    let path = ["api", "clusters", &found.namespace, &found.name, "nodes"];
    let answer: ServersNodes = server.get(&path, &[]).await?;
    Ok(answer.nodes)
}

/// The machines of a cluster, by name.
pub async fn machines(reach: &Reach, namespace: &str, cluster: &str) -> Result<Vec<Machine>, kube::Error> {
    let of_cluster = ListParams::default().labels(&format!("{CLUSTER_LABEL}={cluster}"));
    let mut answer = Ok(Vec::new());
    for version in CLUSTER_API {
        let kind = GroupVersionKind::gvk("cluster.x-k8s.io", version, "Machine");
        answer = list(reach, namespace, &ApiResource::from_gvk(&kind), &of_cluster).await;
        match &answer {
            // This version is not served.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            _ => break,
        }
    }
    let mut machines: Vec<Machine> = answer?;
    machines.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(machines)
}

async fn list<T: DeserializeOwned>(
    reach: &Reach,
    namespace: &str,
    kind: &ApiResource,
    which: &ListParams,
) -> Result<Vec<T>, kube::Error> {
    let api: Api<DynamicObject> = Api::namespaced_with(reach.client.clone(), namespace, kind);
    let objects = api.list(which).await?.items;
    let typed = objects.into_iter().map(|object| {
        let value = serde_json::to_value(object)?;
        T::deserialize(value)
    });
    typed.collect::<Result<_, _>>().map_err(kube::Error::SerdeError)
}

/// The addons of a cluster that were asked for beside it, by name. Those that were applied by hand carry no label.
pub async fn addons(reach: &Reach, found: &Found) -> Result<Vec<TenantAddon>, kube::Error> {
    let api: Api<TenantAddon> = Api::namespaced(reach.client.clone(), &found.namespace);
    let all = api.list(&ListParams::default()).await?.items;
    Ok(all
        .into_iter()
        .filter(|addon| addon.spec.cluster_ref.name == found.name)
        .collect())
}

async fn control_plane(reach: &Reach, namespace: &str, cluster: &str) -> Result<Option<ControlPlane>, kube::Error> {
    let kind = GroupVersionKind::gvk("steward.butlerlabs.dev", "v1alpha1", "TenantControlPlane");
    let api: Api<DynamicObject> = Api::namespaced_with(reach.client.clone(), namespace, &ApiResource::from_gvk(&kind));
    let Some(object) = api.get_opt(cluster).await? else {
        return Ok(None);
    };
    let typed = ControlPlane::deserialize(object.data).map_err(kube::Error::SerdeError)?;
    Ok(Some(typed))
}

/// Reads everything that a cluster consists of, at the same time. Nothing fails: what cannot be read says why.
pub async fn gather(reach: &Reach, found: &Found, cluster: &TenantCluster) -> Parts {
    let addons = async { addons(reach, found).await.map_err(|error| unread("addons", &error)) };
    let Some(namespace) = read::parts_namespace(cluster) else {
        return Parts {
            control_plane: Ok(None),
            machines: Ok(Vec::new()),
            nodes: None,
            addons: addons.await,
        };
    };
    let (control_plane, machines, addons) = tokio::join!(
        control_plane(reach, namespace, &found.name),
        self::machines(reach, namespace, &found.name),
        addons
    );
    let machines = machines.map_err(|error| unread("machines", &error));
    let nodes = match (&machines, &reach.server) {
        (Err(_), Some(server)) if Operation::Parts.ways_of(reach).await.contains(&Way::Server) => {
            let nodes = nodes(server, found).await;
            Some(nodes.map_err(|error| Unread(format!("Butler's server does not tell the nodes: {}", words(&error)))))
        }
        _ => None,
    };
    Parts {
        control_plane: control_plane.map_err(|error| unread("control planes", &error)),
        machines,
        nodes,
        addons,
    }
}

/// Why things of a kind cannot be read.
pub fn unread(what: &str, error: &kube::Error) -> Unread {
    Unread(match error {
        kube::Error::Api(status) if status.code == 403 => format!("not allowed to read {what}"),
        kube::Error::Api(status) if status.code == 404 => format!("the management cluster knows no {what}"),
        error => format!("cannot read {what}: {}", butler_kubernetes::chain(error)),
    })
}

/// What a server said, in one line.
pub fn words(error: &ServerError) -> String {
    butler_kubernetes::chain(error)
}

/// The conditions of a cluster.
pub fn conditions(cluster: &TenantCluster) -> &[Condition] {
    cluster.status.as_ref().map_or(&[], |status| &status.conditions)
}

/// The conditions of a cluster, or why they cannot be read.
pub fn conditions_of(found: &Found) -> Result<Vec<Condition>, ReadError> {
    Ok(conditions(&found.typed()?).to_vec())
}
