//! The table of built-in kinds.

use std::sync::{Arc, LazyLock, OnceLock};

use super::{Resource, Scale, is_review};
use crate::limits;
use crate::schema::{Schema, definitions};

/// One line of the table.
struct Kind(
    /// Group and version.
    &'static str,
    /// Plural.
    &'static str,
    /// Kind.
    &'static str,
    /// Short names.
    &'static [&'static str],
    /// Categories.
    &'static [&'static str],
    /// Letters: n namespaced, s status subresource, c scale subresource, g generation.
    &'static str,
);

/// The table of CustomResourceDefinitions in the store.
pub(crate) const DEFINITIONS: &str = "apiextensions.k8s.io/customresourcedefinitions";

/// The table of namespaces in the store.
pub(crate) const NAMESPACES: &str = "namespaces";

/// The table of service accounts in the store.
pub(crate) const SERVICE_ACCOUNTS: &str = "serviceaccounts";

const ALL: &[&str] = &["all"];
const APIEXT: &[&str] = &["api-extensions"];

const KINDS: &[Kind] = &[
    Kind("v1", "namespaces", "Namespace", &["ns"], &[], "s"),
    Kind("v1", "configmaps", "ConfigMap", &["cm"], &[], "n"),
    Kind("v1", "secrets", "Secret", &[], &[], "n"),
    Kind("v1", "services", "Service", &["svc"], ALL, "ns"),
    Kind("v1", "endpoints", "Endpoints", &["ep"], &[], "n"),
    Kind("v1", "events", "Event", &["ev"], &[], "n"),
    Kind("v1", "nodes", "Node", &["no"], &[], "s"),
    Kind("v1", "pods", "Pod", &["po"], ALL, "nsg"),
    Kind("v1", "serviceaccounts", "ServiceAccount", &["sa"], &[], "n"),
    Kind(
        "v1",
        "persistentvolumeclaims",
        "PersistentVolumeClaim",
        &["pvc"],
        &[],
        "ns",
    ),
    Kind("v1", "persistentvolumes", "PersistentVolume", &["pv"], &[], "s"),
    Kind("v1", "limitranges", "LimitRange", &["limits"], &[], "n"),
    Kind("v1", "resourcequotas", "ResourceQuota", &["quota"], &[], "ns"),
    Kind(
        "v1",
        "replicationcontrollers",
        "ReplicationController",
        &["rc"],
        ALL,
        "nscg",
    ),
    Kind("v1", "podtemplates", "PodTemplate", &[], &[], "n"),
    Kind("apps/v1", "deployments", "Deployment", &["deploy"], ALL, "nscg"),
    Kind("apps/v1", "daemonsets", "DaemonSet", &["ds"], ALL, "nsg"),
    Kind("apps/v1", "statefulsets", "StatefulSet", &["sts"], ALL, "nscg"),
    Kind("apps/v1", "replicasets", "ReplicaSet", &["rs"], ALL, "nscg"),
    Kind("apps/v1", "controllerrevisions", "ControllerRevision", &[], &[], "n"),
    Kind("batch/v1", "jobs", "Job", &[], ALL, "nsg"),
    Kind("batch/v1", "cronjobs", "CronJob", &["cj"], ALL, "nsg"),
    Kind(
        "autoscaling/v2",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        &["hpa"],
        ALL,
        "ns",
    ),
    Kind("rbac.authorization.k8s.io/v1", "roles", "Role", &[], &[], "n"),
    Kind(
        "rbac.authorization.k8s.io/v1",
        "rolebindings",
        "RoleBinding",
        &[],
        &[],
        "n",
    ),
    Kind(
        "rbac.authorization.k8s.io/v1",
        "clusterroles",
        "ClusterRole",
        &[],
        &[],
        "",
    ),
    Kind(
        "rbac.authorization.k8s.io/v1",
        "clusterrolebindings",
        "ClusterRoleBinding",
        &[],
        &[],
        "",
    ),
    Kind(
        "apiextensions.k8s.io/v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        &["crd", "crds"],
        APIEXT,
        "sg",
    ),
    Kind(
        "apiregistration.k8s.io/v1",
        "apiservices",
        "APIService",
        &[],
        APIEXT,
        "s",
    ),
    Kind("coordination.k8s.io/v1", "leases", "Lease", &[], &[], "n"),
    Kind("storage.k8s.io/v1", "storageclasses", "StorageClass", &["sc"], &[], ""),
    Kind("storage.k8s.io/v1", "csidrivers", "CSIDriver", &[], &[], ""),
    Kind("storage.k8s.io/v1", "csinodes", "CSINode", &[], &[], ""),
    Kind(
        "storage.k8s.io/v1",
        "volumeattachments",
        "VolumeAttachment",
        &[],
        &[],
        "s",
    ),
    Kind("networking.k8s.io/v1", "ingresses", "Ingress", &["ing"], &[], "nsg"),
    Kind("networking.k8s.io/v1", "ingressclasses", "IngressClass", &[], &[], "g"),
    Kind(
        "networking.k8s.io/v1",
        "networkpolicies",
        "NetworkPolicy",
        &["netpol"],
        &[],
        "ng",
    ),
    Kind(
        "admissionregistration.k8s.io/v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        &[],
        APIEXT,
        "g",
    ),
    Kind(
        "admissionregistration.k8s.io/v1",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        &[],
        APIEXT,
        "g",
    ),
    Kind(
        "admissionregistration.k8s.io/v1",
        "validatingadmissionpolicies",
        "ValidatingAdmissionPolicy",
        &[],
        APIEXT,
        "sg",
    ),
    Kind(
        "admissionregistration.k8s.io/v1",
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        &[],
        APIEXT,
        "g",
    ),
    Kind(
        "policy/v1",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        &["pdb"],
        &[],
        "nsg",
    ),
    Kind("discovery.k8s.io/v1", "endpointslices", "EndpointSlice", &[], &[], "ng"),
    Kind(
        "scheduling.k8s.io/v1",
        "priorityclasses",
        "PriorityClass",
        &["pc"],
        &[],
        "g",
    ),
    Kind("node.k8s.io/v1", "runtimeclasses", "RuntimeClass", &[], &[], ""),
    Kind(
        "certificates.k8s.io/v1",
        "certificatesigningrequests",
        "CertificateSigningRequest",
        &["csr"],
        &[],
        "s",
    ),
    Kind(
        "flowcontrol.apiserver.k8s.io/v1",
        "flowschemas",
        "FlowSchema",
        &[],
        &[],
        "sg",
    ),
    Kind(
        "flowcontrol.apiserver.k8s.io/v1",
        "prioritylevelconfigurations",
        "PriorityLevelConfiguration",
        &[],
        &[],
        "sg",
    ),
    Kind(
        "storage.k8s.io/v1",
        "csistoragecapacities",
        "CSIStorageCapacity",
        &[],
        &[],
        "n",
    ),
    Kind(
        "authentication.k8s.io/v1",
        "selfsubjectreviews",
        "SelfSubjectReview",
        &[],
        &[],
        "",
    ),
    Kind("authentication.k8s.io/v1", "tokenreviews", "TokenReview", &[], &[], ""),
    Kind(
        "authorization.k8s.io/v1",
        "localsubjectaccessreviews",
        "LocalSubjectAccessReview",
        &[],
        &[],
        "n",
    ),
    Kind(
        "authorization.k8s.io/v1",
        "selfsubjectaccessreviews",
        "SelfSubjectAccessReview",
        &[],
        &[],
        "",
    ),
    Kind(
        "authorization.k8s.io/v1",
        "selfsubjectrulesreviews",
        "SelfSubjectRulesReview",
        &[],
        &[],
        "",
    ),
    Kind(
        "authorization.k8s.io/v1",
        "subjectaccessreviews",
        "SubjectAccessReview",
        &[],
        &[],
        "",
    ),
];

/// Every built-in resource.
pub(crate) fn resources() -> &'static [Arc<Resource>] {
    static RESOURCES: LazyLock<Vec<Arc<Resource>>> =
        LazyLock::new(|| KINDS.iter().map(|kind| Arc::new(resource(kind))).collect());
    &RESOURCES
}

fn resource(kind: &Kind) -> Resource {
    let Kind(api_version, plural, name, short, categories, flags) = kind;
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let list_kind = if is_review(group) {
        String::new()
    } else {
        format!("{name}List")
    };
    let table = if group.is_empty() {
        (*plural).to_owned()
    } else {
        format!("{group}/{plural}")
    };
    let scale = flags.contains('c').then(|| Scale {
        spec_replicas: ".spec.replicas".to_owned(),
        status_replicas: ".status.replicas".to_owned(),
        selector: Some(".spec.selector".to_owned()),
    });
    Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: (*plural).to_owned(),
        singular: name.to_lowercase(),
        kind: (*name).to_owned(),
        list_kind,
        short_names: short.iter().map(|s| (*s).to_owned()).collect(),
        categories: categories.iter().map(|s| (*s).to_owned()).collect(),
        namespaced: flags.contains('n'),
        status: flags.contains('s'),
        scale,
        table: table.into(),
        custom: None,
        generation: flags.contains('g'),
        schema: OnceLock::new(),
    }
}

/// Whether a group version holds built-in kinds.
pub(crate) fn is_builtin_group(group: &str, version: &str) -> bool {
    let api_version = super::join_group(group, version);
    KINDS.iter().any(|kind| kind.0 == api_version)
}

/// The resource of CustomResourceDefinitions.
pub(crate) fn definitions() -> &'static Arc<Resource> {
    static DEFINITION: LazyLock<Arc<Resource>> = LazyLock::new(|| {
        let found = resources().iter().find(|resource| &*resource.table == DEFINITIONS);
        Arc::clone(found.expect("the table of built-in kinds has a line for definitions"))
    });
    &DEFINITION
}

/// Bytes that an object in a table of the store may have.
pub(crate) fn size_limit(table: &str) -> usize {
    if resources().iter().any(|resource| &*resource.table == table) {
        limits::SIZE
    } else {
        limits::CUSTOM_SIZE
    }
}

/// The structure of a built-in kind.
pub(crate) fn schema(group: &str, kind: &str) -> Arc<Schema> {
    match definitions::raw(group, kind) {
        Some(raw) => Schema::builtin(&raw, definitions::name(&raw), definitions::list_hint),
        None => Schema::any(),
    }
}
