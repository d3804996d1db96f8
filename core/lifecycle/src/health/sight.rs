//! What was seen of a management cluster, kind by kind.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim, Pod};
use kube::ResourceExt;

use super::objects::{
    Addon, Bootstrap, Cluster, Config, Meta, Node, Object, Pool, Progressing, Provider, Server, Service, Team,
    TlsSecret, User, WebhookConfiguration,
};

/// Namespace (empty where there is none) and name.
pub(super) type Key = (String, String);

/// A kind that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// The group of the API; empty for the core.
    pub(super) group: &'static str,
    /// The version of the API.
    pub(super) version: &'static str,
    /// The kind as the API spells it.
    pub(super) spelled: &'static str,
    /// Its plural in paths.
    pub(super) plural: &'static str,
    /// Only objects with this field.
    pub(super) field: Option<&'static str>,
}

impl Kind {
    const fn new(group: &'static str, version: &'static str, spelled: &'static str, plural: &'static str) -> Self {
        Self {
            group,
            version,
            spelled,
            plural,
            field: None,
        }
    }

    const fn core(spelled: &'static str, plural: &'static str) -> Self {
        Self::new("", "v1", spelled, plural)
    }

    const fn apps(spelled: &'static str, plural: &'static str) -> Self {
        Self::new("apps", "v1", spelled, plural)
    }

    const fn butler(spelled: &'static str, plural: &'static str) -> Self {
        Self::new(BUTLER, "v1alpha1", spelled, plural)
    }

    const fn only(self, field: &'static str) -> Self {
        Self {
            field: Some(field),
            ..self
        }
    }

    /// Where a list of it is asked for.
    pub(super) fn path(&self, namespace: Option<&str>) -> String {
        let group = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        match namespace {
            Some(namespace) => format!("{group}/namespaces/{namespace}/{}", self.plural),
            None => format!("{group}/{}", self.plural),
        }
    }

    /// Its plural with its group, as kubectl names it.
    pub(super) fn name(&self) -> String {
        match self.group {
            "" => self.plural.to_owned(),
            group => format!("{}.{group}", self.plural),
        }
    }
}

const BUTLER: &str = butler_api::v1alpha1::GROUP;
const ADMISSION: &str = "admissionregistration.k8s.io";

/// The pods, the warnings and the claims of volumes, which are looked at where a workload lacks pods.
pub(super) const PODS: Kind = Kind::core("Pod", "pods");
/// Only warnings are looked at.
pub(super) const EVENTS: Kind = Kind::core("Event", "events").only("type=Warning");
/// Claims of volumes.
pub(super) const CLAIMS: Kind = Kind::core("PersistentVolumeClaim", "persistentvolumeclaims");

/// Why a kind is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unknown {
    /// The API server does not let this login look; its words.
    Forbidden(String),
    /// The API server does not serve it.
    NotServed,
    /// It gave no answer that can be read; what happened.
    Failed(String),
}

impl Unknown {
    /// What the API server said of it, or what happened.
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Forbidden(words) | Self::Failed(words) => words,
            Self::NotServed => "the API server does not serve it",
        }
    }
}

/// The objects of a kind, as far as they are known.
#[derive(Debug, Clone)]
pub(super) struct Known<T> {
    /// The objects.
    pub(super) objects: BTreeMap<Key, T>,
    /// Why they are not known.
    pub(super) unknown: Option<Unknown>,
    /// Names of objects that cannot be read.
    pub(super) unread: Vec<String>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            unknown: None,
            unread: Vec::new(),
        }
    }
}

impl<T> Known<T> {
    /// Nothing is known of them.
    pub(super) fn unknown(why: Unknown) -> Self {
        Self {
            unknown: Some(why),
            ..Self::default()
        }
    }

    /// Whether the objects are known.
    pub(super) fn is_known(&self) -> bool {
        self.unknown.is_none()
    }

    /// The objects.
    pub(super) fn all(&self) -> impl Iterator<Item = &T> {
        self.objects.values()
    }
}

/// An object with a name.
pub(super) trait Named {
    /// Its namespace and name.
    fn key(&self) -> Key;
}

fn of_meta(meta: &Meta) -> Key {
    (meta.namespace.clone(), meta.name.clone())
}

impl<S, T> Named for Object<S, T> {
    fn key(&self) -> Key {
        of_meta(&self.metadata)
    }
}

impl Named for WebhookConfiguration {
    fn key(&self) -> Key {
        of_meta(&self.metadata)
    }
}

impl Named for TlsSecret {
    fn key(&self) -> Key {
        of_meta(&self.metadata)
    }
}

/// Objects of Kubernetes whose types are its own.
macro_rules! named {
    ($($kind:ty),*) => {$(
        impl Named for $kind {
            fn key(&self) -> Key {
                #[expect(clippy::disallowed_methods, reason = "an object in no namespace has the empty one in its key")]
                (ResourceExt::namespace(self).unwrap_or_default(), self.name_any())
            }
        }
    )*};
}

named!(Deployment, DaemonSet, StatefulSet, Pod, Event, PersistentVolumeClaim);

/// Names every kind once: the field of what was seen of it, its type, and where it is asked for.
macro_rules! kinds {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $kind:expr;)*) => {
        /// What was seen of a management cluster.
        #[derive(Debug, Clone, Default)]
        pub struct Sight {
            /// The release of the API server.
            pub(super) server: Option<Server>,
            /// Why it is not known.
            pub(super) server_unknown: Option<Unknown>,
            $($(#[$doc])* pub(super) $field: Known<$type>,)*
            /// The pods of workloads that lack some.
            pub(super) pods: Known<Pod>,
            /// Warnings about them.
            pub(super) events: Known<Event>,
            /// The volumes that they wait for.
            pub(super) claims: Known<PersistentVolumeClaim>,
        }

        impl Sight {
            /// Everything of a cluster, in one list a kind, all at once.
            pub(super) async fn lists(client: &kube::Client) -> Self {
                let ($($field,)*) = futures::join!($(super::look::list::<$type>(client, $kind, None),)*);
                Self { $($field,)* ..Self::default() }
            }

            /// Every kind, with why it is not known and which of its objects cannot be read.
            pub(super) fn gaps(&self) -> Vec<(Kind, Option<&Unknown>, &[String])> {
                vec![
                    $(($kind, self.$field.unknown.as_ref(), self.$field.unread.as_slice()),)*
                    (PODS, self.pods.unknown.as_ref(), self.pods.unread.as_slice()),
                    (EVENTS, self.events.unknown.as_ref(), self.events.unread.as_slice()),
                    (CLAIMS, self.claims.unknown.as_ref(), self.claims.unread.as_slice()),
                ]
            }

            /// What a watch of each known kind brings, from now on.
            pub(super) fn watches(&self, client: &kube::Client) -> Vec<super::watch::Updates> {
                let mut all = Vec::new();
                $(if self.$field.is_known() {
                    all.push(super::watch::updates::<$type>(client, $kind, |sight| &mut sight.$field));
                })*
                all
            }
        }
    };
}

kinds! {
    /// The nodes.
    nodes: Node = Kind::core("Node", "nodes");
    /// Names for sets of pods.
    services: Service = Kind::core("Service", "services");
    /// Certificates with their keys; the keys are not kept.
    secrets: TlsSecret = Kind::core("Secret", "secrets").only("type=kubernetes.io/tls");
    /// Workloads of interchangeable pods.
    deployments: Deployment = Kind::apps("Deployment", "deployments");
    /// Workloads with a pod on every node.
    daemon_sets: DaemonSet = Kind::apps("DaemonSet", "daemonsets");
    /// Workloads of numbered pods.
    stateful_sets: StatefulSet = Kind::apps("StatefulSet", "statefulsets");
    /// Webhooks that may refuse.
    validating: WebhookConfiguration =
        Kind::new(ADMISSION, "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations");
    /// Webhooks that may change.
    mutating: WebhookConfiguration =
        Kind::new(ADMISSION, "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations");
    /// The settings of the platform.
    configs: Config = Kind::butler("ButlerConfig", "butlerconfigs");
    /// Platforms that clusters are made on.
    providers: Provider = Kind::butler("ProviderConfig", "providerconfigs");
    /// Addresses of tenant clusters.
    pools: Pool = Kind::butler("NetworkPool", "networkpools");
    /// Who has which addresses.
    allocations: Progressing = Kind::butler("IPAllocation", "ipallocations");
    /// Teams.
    teams: Team = Kind::butler("Team", "teams");
    /// Accounts.
    users: User = Kind::butler("User", "users");
    /// Where people log in.
    identity_providers: Progressing = Kind::butler("IdentityProvider", "identityproviders");
    /// Addons of the management cluster.
    addons: Addon = Kind::butler("ManagementAddon", "managementaddons");
    /// Clusters of tenants.
    clusters: Cluster = Kind::butler("TenantCluster", "tenantclusters");
    /// Addons of clusters of tenants.
    tenant_addons: Addon = Kind::butler("TenantAddon", "tenantaddons");
    /// Images on platforms.
    images: Progressing = Kind::butler("ImageSync", "imagesyncs");
    /// Machines of the management cluster.
    machines: Progressing = Kind::butler("MachineRequest", "machinerequests");
    /// Load balancers of the management cluster.
    load_balancers: Progressing = Kind::butler("LoadBalancerRequest", "loadbalancerrequests");
    /// The record of the bootstrap.
    bootstraps: Bootstrap = Kind::butler("ClusterBootstrap", "clusterbootstraps");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_asked_for_where_the_api_has_them() {
        assert_eq!(PODS.path(Some("app")), "/api/v1/namespaces/app/pods");
        let clusters = Kind::butler("TenantCluster", "tenantclusters");
        assert_eq!(
            clusters.path(None),
            "/apis/butler.butlerlabs.dev/v1alpha1/tenantclusters"
        );
        assert_eq!(clusters.name(), "tenantclusters.butler.butlerlabs.dev");
    }
}
