//! The kinds of objects that Butler's server reads and writes, and reading them into their types.

use butler_api::v1alpha1::{self, decode};
use butler_embedded::{Local, Refused};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::reconcile::resource::Resource;

const fn butler(kind: &'static str, path: &'static str) -> Resource {
    Resource {
        group: v1alpha1::GROUP,
        version: v1alpha1::VERSION,
        kind,
        path,
    }
}

const fn core(kind: &'static str, path: &'static str) -> Resource {
    Resource {
        group: "",
        version: "v1",
        kind,
        path,
    }
}

const fn rbac(kind: &'static str, path: &'static str) -> Resource {
    Resource {
        group: "rbac.authorization.k8s.io",
        version: "v1",
        kind,
        path,
    }
}

pub(super) const ADDON_DEFINITIONS: Resource = butler("AddonDefinition", "butler.butlerlabs.dev/addondefinitions");
pub(super) const IDENTITY_PROVIDERS: Resource = butler("IdentityProvider", "butler.butlerlabs.dev/identityproviders");
pub(super) const IMAGE_SYNCS: Resource = butler("ImageSync", "butler.butlerlabs.dev/imagesyncs");
pub(super) const IP_ALLOCATIONS: Resource = butler("IPAllocation", "butler.butlerlabs.dev/ipallocations");
pub(super) const LOAD_BALANCER_REQUESTS: Resource =
    butler("LoadBalancerRequest", "butler.butlerlabs.dev/loadbalancerrequests");
pub(super) const MACHINE_REQUESTS: Resource = butler("MachineRequest", "butler.butlerlabs.dev/machinerequests");
pub(super) const MANAGEMENT_ADDONS: Resource = butler("ManagementAddon", "butler.butlerlabs.dev/managementaddons");
pub(super) const NETWORK_POOLS: Resource = butler("NetworkPool", "butler.butlerlabs.dev/networkpools");
pub(super) const PROVIDER_CONFIGS: Resource = butler("ProviderConfig", "butler.butlerlabs.dev/providerconfigs");
pub(crate) const TEAMS: Resource = butler("Team", "butler.butlerlabs.dev/teams");
pub(super) const TENANT_ADDONS: Resource = butler("TenantAddon", "butler.butlerlabs.dev/tenantaddons");
pub(super) const TENANT_CLUSTERS: Resource = butler("TenantCluster", "butler.butlerlabs.dev/tenantclusters");
pub(crate) const USERS: Resource = butler("User", "butler.butlerlabs.dev/users");

pub(super) const EVENTS: Resource = core("Event", "events");
pub(super) const NODES: Resource = core("Node", "nodes");
pub(super) const PODS: Resource = core("Pod", "pods");
pub(crate) const SECRETS: Resource = core("Secret", "secrets");
pub(super) const SERVICE_ACCOUNTS: Resource = core("ServiceAccount", "serviceaccounts");

pub(super) const CLUSTER_ROLES: Resource = rbac("ClusterRole", "rbac.authorization.k8s.io/clusterroles");
pub(super) const CLUSTER_ROLE_BINDINGS: Resource =
    rbac("ClusterRoleBinding", "rbac.authorization.k8s.io/clusterrolebindings");
pub(super) const ROLE_BINDINGS: Resource = rbac("RoleBinding", "rbac.authorization.k8s.io/rolebindings");

/// One object, read into its type.
pub(crate) fn get<T: DeserializeOwned>(
    local: &Local,
    kind: Resource,
    namespace: &str,
    name: &str,
) -> Result<T, Refused> {
    typed(kind, local.get(kind.at(namespace), name)?)
}

/// One object, or nothing where it is not there.
pub(crate) fn find<T: DeserializeOwned>(
    local: &Local,
    kind: Resource,
    namespace: &str,
    name: &str,
) -> Result<Option<T>, Refused> {
    match get(local, kind, namespace, name) {
        Ok(object) => Ok(Some(object)),
        Err(refused) if refused.code == 404 => Ok(None),
        Err(refused) => Err(refused),
    }
}

/// All objects of a namespace, or of the cluster where it is empty.
pub(super) fn list<T: DeserializeOwned>(local: &Local, kind: Resource, namespace: &str) -> Result<Vec<T>, Refused> {
    let objects = local.list(kind.at(namespace))?;
    objects.into_iter().map(|object| typed(kind, object)).collect()
}

/// An object of a known type, for the API server.
pub(crate) fn value(object: &impl Serialize) -> Result<Value, Refused> {
    serde_json::to_value(object).map_err(|error| Refused {
        code: 500,
        message: format!("cannot write the object: {error}"),
    })
}

/// An object as its type.
pub(super) fn typed<T: DeserializeOwned>(kind: Resource, object: Value) -> Result<T, Refused> {
    let name = object["metadata"]["name"].as_str().unwrap_or("without name").to_owned();
    decode(object).map_err(|error| Refused {
        code: 500,
        message: format!("cannot read {} {name}: {error}", kind.kind),
    })
}
