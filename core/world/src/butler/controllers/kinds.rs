//! The kinds that Butler's controllers see and write.

use crate::reconcile::resource::Resource;

/// The group of Butler's own kinds.
pub(super) const BUTLER: &str = "butler.butlerlabs.dev";

macro_rules! kinds {
    ($($kind:ident: $group:expr, $version:literal, $word:literal, $path:literal;)+) => {
        /// A kind of object.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(super) enum Kind {
            $($kind,)+
        }

        /// All of them: a controller can ask for any.
        pub(super) const FOLLOWED: &[Kind] = &[$(Kind::$kind,)+];

        impl Kind {
            /// The resource that its objects are.
            pub(super) const fn resource(self) -> Resource {
                match self {
                    $(Self::$kind => Resource { group: $group, version: $version, kind: $word, path: $path },)+
                }
            }

            /// The kind that is followed at this path.
            pub(super) fn at_path(path: &str) -> Option<Self> {
                match path {
                    $($path => Some(Self::$kind),)+
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    ButlerConfig: BUTLER, "v1alpha1", "ButlerConfig", "butler.butlerlabs.dev/butlerconfigs";
    ProviderConfig: BUTLER, "v1alpha1", "ProviderConfig", "butler.butlerlabs.dev/providerconfigs";
    Team: BUTLER, "v1alpha1", "Team", "butler.butlerlabs.dev/teams";
    User: BUTLER, "v1alpha1", "User", "butler.butlerlabs.dev/users";
    IdentityProvider: BUTLER, "v1alpha1", "IdentityProvider", "butler.butlerlabs.dev/identityproviders";
    NetworkPool: BUTLER, "v1alpha1", "NetworkPool", "butler.butlerlabs.dev/networkpools";
    IpAllocation: BUTLER, "v1alpha1", "IPAllocation", "butler.butlerlabs.dev/ipallocations";
    ImageSync: BUTLER, "v1alpha1", "ImageSync", "butler.butlerlabs.dev/imagesyncs";
    AddonDefinition: BUTLER, "v1alpha1", "AddonDefinition", "butler.butlerlabs.dev/addondefinitions";
    ManagementAddon: BUTLER, "v1alpha1", "ManagementAddon", "butler.butlerlabs.dev/managementaddons";
    TenantAddon: BUTLER, "v1alpha1", "TenantAddon", "butler.butlerlabs.dev/tenantaddons";
    TenantCluster: BUTLER, "v1alpha1", "TenantCluster", "butler.butlerlabs.dev/tenantclusters";
    Workspace: BUTLER, "v1alpha1", "Workspace", "butler.butlerlabs.dev/workspaces";
    StewardControlPlane: "controlplane.cluster.x-k8s.io", "v1alpha1", "StewardControlPlane",
        "controlplane.cluster.x-k8s.io/stewardcontrolplanes";
    TenantControlPlane: "steward.butlerlabs.dev", "v1alpha1", "TenantControlPlane",
        "steward.butlerlabs.dev/tenantcontrolplanes";
    CapiCluster: "cluster.x-k8s.io", "v1beta1", "Cluster", "cluster.x-k8s.io/clusters";
    MachineDeployment: "cluster.x-k8s.io", "v1beta1", "MachineDeployment", "cluster.x-k8s.io/machinedeployments";
    Machine: "cluster.x-k8s.io", "v1beta1", "Machine", "cluster.x-k8s.io/machines";
    Namespace: "", "v1", "Namespace", "namespaces";
    Secret: "", "v1", "Secret", "secrets";
    Event: "", "v1", "Event", "events";
    RoleBinding: "rbac.authorization.k8s.io", "v1", "RoleBinding", "rbac.authorization.k8s.io/rolebindings";
    Deployment: "apps", "v1", "Deployment", "apps/deployments";
}

impl From<Kind> for Resource {
    fn from(kind: Kind) -> Self {
        kind.resource()
    }
}
