//! The Kubernetes kinds that the controllers of a cluster work with.

use crate::reconcile::resource::Resource;

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Node,
    Pod,
    Service,
    Event,
    Claim,
    Volume,
    DaemonSet,
    Deployment,
    ReplicaSet,
    StatefulSet,
    Job,
    StorageClass,
    Definition,
    AddressPool,
}

/// Those whose objects the controllers must see.
pub(super) const FOLLOWED: [Kind; 12] = [
    Kind::Node,
    Kind::Pod,
    Kind::Service,
    Kind::Claim,
    Kind::DaemonSet,
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::StatefulSet,
    Kind::Job,
    Kind::StorageClass,
    Kind::Definition,
    Kind::AddressPool,
];

const fn resource(group: &'static str, version: &'static str, kind: &'static str, path: &'static str) -> Resource {
    Resource {
        group,
        version,
        kind,
        path,
    }
}

impl Kind {
    /// The resource that its objects are.
    pub(super) const fn resource(self) -> Resource {
        match self {
            Self::Node => resource("", "v1", "Node", "nodes"),
            Self::Pod => resource("", "v1", "Pod", "pods"),
            Self::Service => resource("", "v1", "Service", "services"),
            Self::Event => resource("", "v1", "Event", "events"),
            Self::Claim => resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
            Self::Volume => resource("", "v1", "PersistentVolume", "persistentvolumes"),
            Self::DaemonSet => resource("apps", "v1", "DaemonSet", "apps/daemonsets"),
            Self::Deployment => resource("apps", "v1", "Deployment", "apps/deployments"),
            Self::ReplicaSet => resource("apps", "v1", "ReplicaSet", "apps/replicasets"),
            Self::StatefulSet => resource("apps", "v1", "StatefulSet", "apps/statefulsets"),
            Self::Job => resource("batch", "v1", "Job", "batch/jobs"),
            Self::StorageClass => resource("storage.k8s.io", "v1", "StorageClass", "storage.k8s.io/storageclasses"),
            Self::Definition => resource(
                "apiextensions.k8s.io",
                "v1",
                "CustomResourceDefinition",
                "apiextensions.k8s.io/customresourcedefinitions",
            ),
            Self::AddressPool => resource("metallb.io", "v1beta1", "IPAddressPool", "metallb.io/ipaddresspools"),
        }
    }

    /// The name that its objects have it by.
    pub(super) const fn name(self) -> &'static str {
        self.resource().kind
    }

    /// The kind that is followed at this path.
    pub(super) fn at_path(path: &str) -> Option<Self> {
        FOLLOWED.into_iter().find(|kind| kind.resource().path == path)
    }
}

impl From<Kind> for Resource {
    fn from(kind: Kind) -> Self {
        kind.resource()
    }
}
