//! The kinds of objects that charts consist of.

use crate::reconcile::resource::Resource;

const fn kind(group: &'static str, version: &'static str, kind: &'static str, path: &'static str) -> Resource {
    Resource {
        group,
        version,
        kind,
        path,
    }
}

pub(super) const NAMESPACE: Resource = kind("", "v1", "Namespace", "namespaces");
pub(super) const SECRET: Resource = kind("", "v1", "Secret", "secrets");
pub(super) const SERVICE: Resource = kind("", "v1", "Service", "services");
pub(super) const DEPLOYMENT: Resource = kind("apps", "v1", "Deployment", "apps/deployments");
pub(super) const DAEMON_SET: Resource = kind("apps", "v1", "DaemonSet", "apps/daemonsets");
pub(super) const STATEFUL_SET: Resource = kind("apps", "v1", "StatefulSet", "apps/statefulsets");
pub(super) const STORAGE_CLASS: Resource =
    kind("storage.k8s.io", "v1", "StorageClass", "storage.k8s.io/storageclasses");
pub(super) const INGRESS_CLASS: Resource = kind(
    "networking.k8s.io",
    "v1",
    "IngressClass",
    "networking.k8s.io/ingressclasses",
);
pub(super) const DEFINITION: Resource = kind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "apiextensions.k8s.io/customresourcedefinitions",
);
pub(super) const ADDRESS_POOL: Resource = kind("metallb.io", "v1beta1", "IPAddressPool", "metallb.io/ipaddresspools");
pub(super) const ADVERTISEMENT: Resource = kind(
    "metallb.io",
    "v1beta1",
    "L2Advertisement",
    "metallb.io/l2advertisements",
);

/// All of them.
pub(super) const ALL: [Resource; 11] = [
    NAMESPACE,
    SECRET,
    SERVICE,
    DEPLOYMENT,
    DAEMON_SET,
    STATEFUL_SET,
    STORAGE_CLASS,
    INGRESS_CLASS,
    DEFINITION,
    ADDRESS_POOL,
    ADVERTISEMENT,
];

/// Its objects are defined by an object of their own, without which there can be none.
pub(super) fn definition(resource: Resource) -> Option<String> {
    let (_, plural) = resource.path.split_once('/')?;
    [ADDRESS_POOL, ADVERTISEMENT]
        .contains(&resource)
        .then(|| format!("{plural}.{}", resource.group))
}
