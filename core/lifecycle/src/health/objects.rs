//! The parts of objects that an examination looks at. Whatever else an object has is passed over, so that objects of any Butler
//! can be read.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::certificates::Held;

/// A field that is null is as one that is absent.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    #[expect(clippy::disallowed_methods, reason = "null and absent are the same on the wire")]
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A time that cannot be read is not known.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| text.parse().ok()))
}

/// What all objects have.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Meta {
    /// The namespace; empty where there is none.
    pub(super) namespace: String,
    /// The name.
    pub(super) name: String,
    /// When it was made.
    #[serde(deserialize_with = "moment")]
    pub(super) creation_timestamp: Option<Timestamp>,
    /// When somebody asked for its end.
    #[serde(deserialize_with = "moment")]
    pub(super) deletion_timestamp: Option<Timestamp>,
}

/// An object: what is wanted, and what is so.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(bound = "S: Deserialize<'de> + Default, T: Deserialize<'de> + Default")]
pub(super) struct Object<S, T> {
    /// What all objects have.
    pub(super) metadata: Meta,
    /// What is wanted.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) spec: S,
    /// What is so; nothing as long as nobody has looked.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) status: T,
}

/// What is not looked at.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct Nothing {}

/// The name of another object.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reference {
    /// The name.
    pub(super) name: String,
    /// Its namespace, where it is another one.
    #[serde(deserialize_with = "or_default")]
    pub(super) namespace: String,
}

/// A condition, as all kinds have them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Condition {
    /// What it is about.
    pub(super) r#type: String,
    /// `True`, `False` or `Unknown`.
    pub(super) status: String,
    /// Why, as a word.
    #[serde(deserialize_with = "or_default")]
    pub(super) reason: String,
    /// Why, as a sentence.
    #[serde(deserialize_with = "or_default")]
    pub(super) message: String,
    /// Since when.
    #[serde(deserialize_with = "moment")]
    pub(super) last_transition_time: Option<Timestamp>,
}

impl Condition {
    /// The condition of a type.
    pub(super) fn find<'a>(conditions: &'a [Self], kind: &str) -> Option<&'a Self> {
        conditions.iter().find(|condition| condition.r#type == kind)
    }

    /// Why it is as it is.
    pub(super) fn why(&self) -> &str {
        if self.message.is_empty() {
            &self.reason
        } else {
            &self.message
        }
    }
}

/// What is so of most of Butler's kinds. Each kind has some of the fields; what it does not have stays empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Progress {
    /// How far it is.
    #[serde(deserialize_with = "or_default")]
    pub(super) phase: String,
    /// What its controller says, as some kinds call it.
    #[serde(deserialize_with = "or_default")]
    pub(super) message: String,
    /// Why it failed, as others call it: a word.
    #[serde(deserialize_with = "or_default")]
    pub(super) failure_reason: String,
    /// Why it failed, as others call it: a sentence.
    #[serde(deserialize_with = "or_default")]
    pub(super) failure_message: String,
    /// When it came to this phase.
    #[serde(deserialize_with = "moment")]
    pub(super) last_transition_time: Option<Timestamp>,
    /// When it was last written.
    #[serde(deserialize_with = "moment")]
    pub(super) last_updated: Option<Timestamp>,
    /// What its controller knows of it.
    #[serde(deserialize_with = "or_default")]
    pub(super) conditions: Vec<Condition>,
}

impl Progress {
    /// What its controller says of the phase: its own message, else that of the first condition that does not hold.
    pub(super) fn why(&self) -> &str {
        let own = [&self.failure_message, &self.message, &self.failure_reason];
        let own = own.into_iter().find(|text| !text.is_empty()).map(String::as_str);
        let untrue = || self.conditions.iter().find(|condition| condition.status == "False");
        own.or_else(|| untrue().map(Condition::why)).unwrap_or("")
    }

    /// Since when it is in this phase, as far as anybody tells.
    pub(super) fn since(&self) -> Option<Timestamp> {
        let conditions = self
            .conditions
            .iter()
            .filter_map(|condition| condition.last_transition_time);
        self.last_transition_time
            .or(self.last_updated)
            .or_else(|| conditions.max())
    }
}

/// An object of which only its progress is looked at.
pub(super) type Progressing = Object<Nothing, Progress>;

/// A node.
pub(super) type Node = Object<NodeSpec, NodeStatus>;

/// What is wanted of a node.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct NodeSpec {
    /// Whether no new pods are to come to it.
    #[serde(deserialize_with = "or_default")]
    pub(super) unschedulable: bool,
}

/// What is so of a node.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NodeStatus {
    /// What its kubelet says.
    #[serde(deserialize_with = "or_default")]
    pub(super) conditions: Vec<Condition>,
    /// What it runs.
    pub(super) node_info: NodeInfo,
}

/// What a node runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NodeInfo {
    /// The release of the kubelet.
    pub(super) kubelet_version: String,
    /// The operating system with its release.
    pub(super) os_image: String,
}

/// The settings of the platform.
pub(super) type Config = Object<ConfigSpec, Nothing>;

/// What is wanted of the platform.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ConfigSpec {
    /// The provider of clusters that name none.
    #[serde(deserialize_with = "or_default")]
    pub(super) default_provider_config_ref: Reference,
}

/// A platform that clusters are made on.
pub(super) type Provider = Object<Nothing, ProviderStatus>;

/// What is so of a provider.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ProviderStatus {
    /// Whether its credentials were checked.
    pub(super) validated: Option<bool>,
    /// What its controller knows of it.
    #[serde(deserialize_with = "or_default")]
    pub(super) conditions: Vec<Condition>,
}

/// Addresses that tenant clusters get some of.
pub(super) type Pool = Object<Nothing, PoolStatus>;

/// How many addresses there are.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct PoolStatus {
    /// Addresses that may be handed out.
    #[serde(rename = "totalIPs")]
    pub(super) total: Option<u64>,
    /// Those of them that are free.
    #[serde(rename = "availableIPs")]
    pub(super) available: Option<u64>,
}

/// A team.
pub(super) type Team = Object<Nothing, TeamStatus>;

/// What is so of a team.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TeamStatus {
    /// How far it is.
    #[serde(flatten)]
    pub(super) progress: Progress,
    /// Whether it has more than it may have.
    #[serde(deserialize_with = "or_default")]
    pub(super) quota_status: String,
    /// What it has too much of.
    #[serde(deserialize_with = "or_default")]
    pub(super) quota_message: String,
}

/// The account of a person.
pub(super) type User = Object<Nothing, UserStatus>;

/// What is so of an account.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct UserStatus {
    /// Until when it is locked.
    #[serde(deserialize_with = "moment")]
    pub(super) locked_until: Option<Timestamp>,
}

/// An addon, of the management cluster or of a tenant's.
pub(super) type Addon = Object<AddonSpec, AddonStatus>;

/// What is wanted of an addon.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AddonSpec {
    /// The cluster that it is for; none for an addon of the management cluster.
    #[serde(deserialize_with = "or_default")]
    pub(super) cluster_ref: Reference,
}

/// What is so of an addon.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AddonStatus {
    /// How far it is.
    #[serde(flatten)]
    pub(super) progress: Progress,
    /// The release that is installed.
    #[serde(deserialize_with = "or_default")]
    pub(super) installed_version: String,
    /// The release of Helm that it is.
    #[serde(deserialize_with = "or_default")]
    pub(super) helm_release: Reference,
}

/// A tenant cluster.
pub(super) type Cluster = Object<ClusterSpec, ClusterStatus>;

/// What is wanted of a tenant cluster.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ClusterSpec {
    /// Its release of Kubernetes.
    #[serde(deserialize_with = "or_default")]
    pub(super) kubernetes_version: String,
}

/// What is so of a tenant cluster.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ClusterStatus {
    /// How far it is.
    #[serde(flatten)]
    pub(super) progress: Progress,
    /// The namespace of its own objects.
    #[serde(deserialize_with = "or_default")]
    pub(super) tenant_namespace: String,
    /// Workers that are ready.
    pub(super) worker_nodes_ready: Option<i64>,
    /// Workers that are wanted.
    pub(super) worker_nodes_desired: Option<i64>,
}

/// The record of the bootstrap of a management cluster.
pub(super) type Bootstrap = Object<BootstrapSpec, BootstrapStatus>;

/// What was wanted of a bootstrap.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct BootstrapSpec {
    /// The management cluster.
    #[serde(deserialize_with = "or_default")]
    pub(super) cluster: Reference,
}

/// What is so of a bootstrap.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct BootstrapStatus {
    /// How far it is.
    #[serde(flatten)]
    pub(super) progress: Progress,
    /// What it has installed.
    #[serde(deserialize_with = "or_default")]
    pub(super) addons_installed: std::collections::BTreeMap<String, bool>,
}

/// A name for a set of pods.
pub(super) type Service = Object<ServiceSpec, Nothing>;

/// Which pods a service stands for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ServiceSpec {
    /// The labels of its pods; none where somebody else says where it leads.
    #[serde(deserialize_with = "or_default")]
    pub(super) selector: std::collections::BTreeMap<String, String>,
}

/// Webhooks that the API server asks about writes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct WebhookConfiguration {
    /// What all objects have.
    pub(super) metadata: Meta,
    /// The webhooks.
    #[serde(deserialize_with = "or_default")]
    pub(super) webhooks: Vec<Webhook>,
}

/// One webhook.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Webhook {
    /// Its name.
    pub(super) name: String,
    /// What happens where nobody answers; `Fail` where it is not said.
    #[serde(deserialize_with = "or_default")]
    pub(super) failure_policy: String,
    /// Whom the API server asks.
    pub(super) client_config: WebhookClient,
}

/// Whom a webhook asks.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct WebhookClient {
    /// The service; none where it is an address.
    pub(super) service: Option<Reference>,
}

/// A Secret with a certificate. Its key is not kept.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct TlsSecret {
    /// What all objects have.
    pub(super) metadata: Meta,
    /// What it holds.
    #[serde(deserialize_with = "or_default")]
    pub(super) data: Held,
}

/// The release of an API server.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Server {
    /// The release, with its `v`.
    pub(super) git_version: String,
}
