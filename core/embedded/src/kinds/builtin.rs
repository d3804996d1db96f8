//! The table of built-in kinds.

use std::sync::{Arc, LazyLock, OnceLock};

use super::{Resource, Scale, is_review};
use crate::limits;
use crate::schema::{Schema, openapi};

/// A kind that every Kubernetes server has.
struct BuiltIn(
    /// Group and version, as objects name them in `apiVersion`.
    &'static str,
    /// Name of the resource in paths: the plural of the kind.
    &'static str,
    /// Name of the kind, as objects name it in `kind`.
    &'static str,
    /// Short names that `kubectl` takes, such as `po`.
    &'static [&'static str],
    /// Categories that `kubectl` takes, such as `all`.
    &'static [&'static str],
    /// Letters: n namespaced, s status subresource, c scale subresource, g generation.
    &'static str,
);

/// The table of CustomResourceDefinitions in the store.
pub(crate) const DEFINITIONS: &str = "apiextensions.k8s.io/customresourcedefinitions";

/// The group of roles and bindings.
pub(crate) const RBAC: &str = "rbac.authorization.k8s.io";

/// The table of namespaces in the store.
pub(crate) const NAMESPACES: &str = "namespaces";

/// The table of service accounts in the store.
pub(crate) const SERVICE_ACCOUNTS: &str = "serviceaccounts";

const ALL: &[&str] = &["all"];
const APIEXT: &[&str] = &["api-extensions"];

const KINDS: &[BuiltIn] = &[
    BuiltIn("v1", "namespaces", "Namespace", &["ns"], &[], "s"),
    BuiltIn("v1", "configmaps", "ConfigMap", &["cm"], &[], "n"),
    BuiltIn("v1", "secrets", "Secret", &[], &[], "n"),
    BuiltIn("v1", "services", "Service", &["svc"], ALL, "ns"),
    BuiltIn("v1", "endpoints", "Endpoints", &["ep"], &[], "n"),
    BuiltIn("v1", "events", "Event", &["ev"], &[], "n"),
    BuiltIn("v1", "nodes", "Node", &["no"], &[], "s"),
    BuiltIn("v1", "pods", "Pod", &["po"], ALL, "nsg"),
    BuiltIn("v1", "serviceaccounts", "ServiceAccount", &["sa"], &[], "n"),
    BuiltIn(
        "v1",
        "persistentvolumeclaims",
        "PersistentVolumeClaim",
        &["pvc"],
        &[],
        "ns",
    ),
    BuiltIn("v1", "persistentvolumes", "PersistentVolume", &["pv"], &[], "s"),
    BuiltIn("v1", "limitranges", "LimitRange", &["limits"], &[], "n"),
    BuiltIn("v1", "resourcequotas", "ResourceQuota", &["quota"], &[], "ns"),
    BuiltIn(
        "v1",
        "replicationcontrollers",
        "ReplicationController",
        &["rc"],
        ALL,
        "nscg",
    ),
    BuiltIn("v1", "podtemplates", "PodTemplate", &[], &[], "n"),
    BuiltIn("apps/v1", "deployments", "Deployment", &["deploy"], ALL, "nscg"),
    BuiltIn("apps/v1", "daemonsets", "DaemonSet", &["ds"], ALL, "nsg"),
    BuiltIn("apps/v1", "statefulsets", "StatefulSet", &["sts"], ALL, "nscg"),
    BuiltIn("apps/v1", "replicasets", "ReplicaSet", &["rs"], ALL, "nscg"),
    BuiltIn("apps/v1", "controllerrevisions", "ControllerRevision", &[], &[], "n"),
    BuiltIn("batch/v1", "jobs", "Job", &[], ALL, "nsg"),
    BuiltIn("batch/v1", "cronjobs", "CronJob", &["cj"], ALL, "nsg"),
    BuiltIn(
        "autoscaling/v2",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        &["hpa"],
        ALL,
        "ns",
    ),
    BuiltIn("rbac.authorization.k8s.io/v1", "roles", "Role", &[], &[], "n"),
    BuiltIn(
        "rbac.authorization.k8s.io/v1",
        "rolebindings",
        "RoleBinding",
        &[],
        &[],
        "n",
    ),
    BuiltIn(
        "rbac.authorization.k8s.io/v1",
        "clusterroles",
        "ClusterRole",
        &[],
        &[],
        "",
    ),
    BuiltIn(
        "rbac.authorization.k8s.io/v1",
        "clusterrolebindings",
        "ClusterRoleBinding",
        &[],
        &[],
        "",
    ),
    BuiltIn(
        "apiextensions.k8s.io/v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        &["crd", "crds"],
        APIEXT,
        "sg",
    ),
    BuiltIn(
        "apiregistration.k8s.io/v1",
        "apiservices",
        "APIService",
        &[],
        APIEXT,
        "s",
    ),
    BuiltIn("coordination.k8s.io/v1", "leases", "Lease", &[], &[], "n"),
    BuiltIn("storage.k8s.io/v1", "storageclasses", "StorageClass", &["sc"], &[], ""),
    BuiltIn("storage.k8s.io/v1", "csidrivers", "CSIDriver", &[], &[], ""),
    BuiltIn("storage.k8s.io/v1", "csinodes", "CSINode", &[], &[], ""),
    BuiltIn(
        "storage.k8s.io/v1",
        "volumeattachments",
        "VolumeAttachment",
        &[],
        &[],
        "s",
    ),
    BuiltIn("networking.k8s.io/v1", "ingresses", "Ingress", &["ing"], &[], "nsg"),
    BuiltIn("networking.k8s.io/v1", "ingressclasses", "IngressClass", &[], &[], "g"),
    BuiltIn(
        "networking.k8s.io/v1",
        "networkpolicies",
        "NetworkPolicy",
        &["netpol"],
        &[],
        "ng",
    ),
    BuiltIn(
        "admissionregistration.k8s.io/v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        &[],
        APIEXT,
        "g",
    ),
    BuiltIn(
        "admissionregistration.k8s.io/v1",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        &[],
        APIEXT,
        "g",
    ),
    BuiltIn(
        "admissionregistration.k8s.io/v1",
        "validatingadmissionpolicies",
        "ValidatingAdmissionPolicy",
        &[],
        APIEXT,
        "sg",
    ),
    BuiltIn(
        "admissionregistration.k8s.io/v1",
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        &[],
        APIEXT,
        "g",
    ),
    BuiltIn(
        "policy/v1",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        &["pdb"],
        &[],
        "nsg",
    ),
    BuiltIn("discovery.k8s.io/v1", "endpointslices", "EndpointSlice", &[], &[], "ng"),
    BuiltIn(
        "scheduling.k8s.io/v1",
        "priorityclasses",
        "PriorityClass",
        &["pc"],
        &[],
        "g",
    ),
    BuiltIn("node.k8s.io/v1", "runtimeclasses", "RuntimeClass", &[], &[], ""),
    BuiltIn(
        "certificates.k8s.io/v1",
        "certificatesigningrequests",
        "CertificateSigningRequest",
        &["csr"],
        &[],
        "s",
    ),
    BuiltIn(
        "flowcontrol.apiserver.k8s.io/v1",
        "flowschemas",
        "FlowSchema",
        &[],
        &[],
        "sg",
    ),
    BuiltIn(
        "flowcontrol.apiserver.k8s.io/v1",
        "prioritylevelconfigurations",
        "PriorityLevelConfiguration",
        &[],
        &[],
        "sg",
    ),
    BuiltIn(
        "storage.k8s.io/v1",
        "csistoragecapacities",
        "CSIStorageCapacity",
        &[],
        &[],
        "n",
    ),
    BuiltIn(
        "authentication.k8s.io/v1",
        "selfsubjectreviews",
        "SelfSubjectReview",
        &[],
        &[],
        "",
    ),
    BuiltIn("authentication.k8s.io/v1", "tokenreviews", "TokenReview", &[], &[], ""),
    BuiltIn(
        "authorization.k8s.io/v1",
        "localsubjectaccessreviews",
        "LocalSubjectAccessReview",
        &[],
        &[],
        "n",
    ),
    BuiltIn(
        "authorization.k8s.io/v1",
        "selfsubjectaccessreviews",
        "SelfSubjectAccessReview",
        &[],
        &[],
        "",
    ),
    BuiltIn(
        "authorization.k8s.io/v1",
        "selfsubjectrulesreviews",
        "SelfSubjectRulesReview",
        &[],
        &[],
        "",
    ),
    BuiltIn(
        "authorization.k8s.io/v1",
        "subjectaccessreviews",
        "SubjectAccessReview",
        &[],
        &[],
        "",
    ),
];

/// The resources that every Kubernetes server has.
pub(crate) fn resources() -> &'static [Arc<Resource>] {
    static RESOURCES: LazyLock<Vec<Arc<Resource>>> =
        LazyLock::new(|| KINDS.iter().map(|kind| Arc::new(resource(kind))).collect());
    &RESOURCES
}

fn resource(kind: &BuiltIn) -> Resource {
    let BuiltIn(api_version, plural, name, short, categories, flags) = kind;
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

/// The resource whose objects are CustomResourceDefinitions.
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
    match openapi::raw(group, kind) {
        Some(raw) => Schema::builtin(&raw, openapi::name(&raw), openapi::list_hint),
        None => Schema::any(),
    }
}
