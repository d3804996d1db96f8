//! The webhooks of Butler's controller: what each of them is asked about.

use super::Operation;

/// A validating webhook. It is asked about objects, never about their subresources.
#[derive(Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its name, which denials carry.
    pub name: &'static str,
    /// Where it is served.
    pub path: &'static str,
    /// Plural name of the resource that it is asked about.
    pub resource: &'static str,
    /// The kind of that resource.
    pub kind: &'static str,
    /// What it is asked about.
    pub operations: &'static [Operation],
}

/// All of them.
pub const WEBHOOKS: &[Webhook] = &[
    Webhook {
        name: "vtenantcluster.kb.io",
        path: "/validate-butler-butlerlabs-dev-v1alpha1-tenantcluster",
        resource: "tenantclusters",
        kind: "TenantCluster",
        operations: &[Operation::Create, Operation::Update],
    },
    Webhook {
        name: "vteam.kb.io",
        path: "/validate-butler-butlerlabs-dev-v1alpha1-team",
        resource: "teams",
        kind: "Team",
        operations: &[Operation::Create, Operation::Update],
    },
    Webhook {
        name: "vproviderconfig.kb.io",
        path: "/validate-butler-butlerlabs-dev-v1alpha1-providerconfig",
        resource: "providerconfigs",
        kind: "ProviderConfig",
        operations: &[Operation::Create, Operation::Update, Operation::Delete],
    },
    Webhook {
        name: "vnetworkpool.kb.io",
        path: "/validate-butler-butlerlabs-dev-v1alpha1-networkpool",
        resource: "networkpools",
        kind: "NetworkPool",
        operations: &[Operation::Create, Operation::Update, Operation::Delete],
    },
    Webhook {
        name: "vclustercreationpolicy.kb.io",
        path: "/validate-butler-butlerlabs-dev-v1alpha1-clustercreationpolicy",
        resource: "clustercreationpolicies",
        kind: "ClusterCreationPolicy",
        operations: &[Operation::Create, Operation::Update],
    },
];

/// The webhook that is asked about an operation on a resource of [`crate::v1alpha1::GROUP`], if there is one.
pub fn webhook(resource: &str, operation: Operation) -> Option<&'static Webhook> {
    let mut all = WEBHOOKS.iter();
    all.find(|webhook| webhook.resource == resource && webhook.operations.contains(&operation))
}
