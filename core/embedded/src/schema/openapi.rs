//! OpenAPI definitions of the built-in kinds, taken from the types of `k8s-openapi`, and what those leave out.

use k8s_openapi::api::{
    admissionregistration::v1 as admission, apps::v1 as apps, authentication::v1 as authn, authorization::v1 as authz,
    autoscaling::v2 as autoscaling, batch::v1 as batch, certificates::v1 as certificates,
    coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery, flowcontrol::v1 as flowcontrol,
    networking::v1 as networking, node::v1 as node, policy::v1 as policy, rbac::v1 as rbac,
    scheduling::v1 as scheduling, storage::v1 as storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1 as apiregistration;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

use super::{ListType, Schema};
use crate::text::text;

/// The definition of a kind with everything it refers to below `$defs`.
pub(crate) fn raw(group: &str, kind: &str) -> Option<Value> {
    let schema = match group {
        "" => core_kind(kind)?,
        "apps" | "batch" | "autoscaling" => workload_kind(kind)?,
        _ => other_kind(kind)?,
    };
    Some(schema)
}

/// The definition of `metadata`.
pub(crate) fn object_meta() -> Value {
    of::<meta::ObjectMeta>()
}

/// The name of a definition made by [`raw`].
pub(crate) fn name(raw: &Value) -> &str {
    text(&raw["title"])
}

fn of<T: JsonSchema>() -> Value {
    SchemaGenerator::default().into_root_schema_for::<T>().to_value()
}

fn core_kind(kind: &str) -> Option<Value> {
    Some(match kind {
        "Namespace" => of::<core::Namespace>(),
        "ConfigMap" => of::<core::ConfigMap>(),
        "Secret" => of::<core::Secret>(),
        "Service" => of::<core::Service>(),
        "Endpoints" => of::<core::Endpoints>(),
        "Event" => of::<core::Event>(),
        "Node" => of::<core::Node>(),
        "Pod" => of::<core::Pod>(),
        "ServiceAccount" => of::<core::ServiceAccount>(),
        "PersistentVolumeClaim" => of::<core::PersistentVolumeClaim>(),
        "PersistentVolume" => of::<core::PersistentVolume>(),
        "LimitRange" => of::<core::LimitRange>(),
        "ResourceQuota" => of::<core::ResourceQuota>(),
        "ReplicationController" => of::<core::ReplicationController>(),
        "PodTemplate" => of::<core::PodTemplate>(),
        _ => return None,
    })
}

fn workload_kind(kind: &str) -> Option<Value> {
    Some(match kind {
        "Deployment" => of::<apps::Deployment>(),
        "DaemonSet" => of::<apps::DaemonSet>(),
        "StatefulSet" => of::<apps::StatefulSet>(),
        "ReplicaSet" => of::<apps::ReplicaSet>(),
        "ControllerRevision" => of::<apps::ControllerRevision>(),
        "Job" => of::<batch::Job>(),
        "CronJob" => of::<batch::CronJob>(),
        "HorizontalPodAutoscaler" => of::<autoscaling::HorizontalPodAutoscaler>(),
        _ => return None,
    })
}

fn other_kind(kind: &str) -> Option<Value> {
    Some(match kind {
        "Role" => of::<rbac::Role>(),
        "RoleBinding" => of::<rbac::RoleBinding>(),
        "ClusterRole" => of::<rbac::ClusterRole>(),
        "ClusterRoleBinding" => of::<rbac::ClusterRoleBinding>(),
        "CustomResourceDefinition" => of::<apiextensions::CustomResourceDefinition>(),
        "APIService" => of::<apiregistration::APIService>(),
        "Lease" => of::<coordination::Lease>(),
        "StorageClass" => of::<storage::StorageClass>(),
        "CSIDriver" => of::<storage::CSIDriver>(),
        "CSINode" => of::<storage::CSINode>(),
        "VolumeAttachment" => of::<storage::VolumeAttachment>(),
        "Ingress" => of::<networking::Ingress>(),
        "IngressClass" => of::<networking::IngressClass>(),
        "NetworkPolicy" => of::<networking::NetworkPolicy>(),
        "ValidatingWebhookConfiguration" => of::<admission::ValidatingWebhookConfiguration>(),
        "MutatingWebhookConfiguration" => of::<admission::MutatingWebhookConfiguration>(),
        "ValidatingAdmissionPolicy" => of::<admission::ValidatingAdmissionPolicy>(),
        "ValidatingAdmissionPolicyBinding" => of::<admission::ValidatingAdmissionPolicyBinding>(),
        "PodDisruptionBudget" => of::<policy::PodDisruptionBudget>(),
        "EndpointSlice" => of::<discovery::EndpointSlice>(),
        "PriorityClass" => of::<scheduling::PriorityClass>(),
        "RuntimeClass" => of::<node::RuntimeClass>(),
        "CertificateSigningRequest" => of::<certificates::CertificateSigningRequest>(),
        "FlowSchema" => of::<flowcontrol::FlowSchema>(),
        "PriorityLevelConfiguration" => of::<flowcontrol::PriorityLevelConfiguration>(),
        "CSIStorageCapacity" => of::<storage::CSIStorageCapacity>(),
        "SelfSubjectReview" => of::<authn::SelfSubjectReview>(),
        "TokenReview" => of::<authn::TokenReview>(),
        "LocalSubjectAccessReview" => of::<authz::LocalSubjectAccessReview>(),
        "SelfSubjectAccessReview" => of::<authz::SelfSubjectAccessReview>(),
        "SelfSubjectRulesReview" => of::<authz::SelfSubjectRulesReview>(),
        "SubjectAccessReview" => of::<authz::SubjectAccessReview>(),
        _ => return None,
    })
}

/// Lists of built-in kinds that merge, by definition and field: the keys that tell items apart in server-side apply (none
/// for a set), and the key of strategic merge patches.
const LISTS: &[(&str, &str, &[&str], &str)] = &[
    ("ObjectMeta", "finalizers", &[], ""),
    ("ObjectMeta", "ownerReferences", &["uid"], "uid"),
    ("PodSpec", "containers", &["name"], "name"),
    ("PodSpec", "initContainers", &["name"], "name"),
    ("PodSpec", "ephemeralContainers", &["name"], "name"),
    ("PodSpec", "volumes", &["name"], "name"),
    ("PodSpec", "imagePullSecrets", &["name"], "name"),
    ("PodSpec", "hostAliases", &["ip"], "ip"),
    (
        "PodSpec",
        "topologySpreadConstraints",
        &["topologyKey", "whenUnsatisfiable"],
        "topologyKey",
    ),
    ("PodSpec", "resourceClaims", &["name"], "name"),
    ("PodSpec", "schedulingGates", &["name"], "name"),
    ("PodStatus", "conditions", &["type"], "type"),
    ("PodStatus", "podIPs", &["ip"], "ip"),
    ("PodStatus", "hostIPs", &[], "ip"),
    ("Container", "ports", &["containerPort", "protocol"], "containerPort"),
    ("Container", "env", &["name"], "name"),
    ("Container", "volumeMounts", &["mountPath"], "mountPath"),
    ("Container", "volumeDevices", &["devicePath"], "devicePath"),
    (
        "EphemeralContainer",
        "ports",
        &["containerPort", "protocol"],
        "containerPort",
    ),
    ("EphemeralContainer", "env", &["name"], "name"),
    ("EphemeralContainer", "volumeMounts", &["mountPath"], "mountPath"),
    ("ServiceSpec", "ports", &["port", "protocol"], "port"),
    ("ServiceStatus", "conditions", &["type"], "type"),
    ("ServiceAccount", "secrets", &["name"], "name"),
    ("NodeSpec", "podCIDRs", &[], ""),
    ("NodeStatus", "addresses", &["type"], "type"),
    ("NodeStatus", "conditions", &["type"], "type"),
    ("NamespaceStatus", "conditions", &["type"], "type"),
    ("PersistentVolumeClaimStatus", "conditions", &["type"], "type"),
    ("ReplicationControllerStatus", "conditions", &["type"], "type"),
    ("DeploymentStatus", "conditions", &["type"], "type"),
    ("DaemonSetStatus", "conditions", &["type"], "type"),
    ("StatefulSetStatus", "conditions", &["type"], "type"),
    ("ReplicaSetStatus", "conditions", &["type"], "type"),
    ("JobStatus", "conditions", &[], "type"),
    ("CustomResourceDefinitionStatus", "conditions", &["type"], "type"),
    ("APIServiceStatus", "conditions", &["type"], "type"),
    ("PodDisruptionBudgetStatus", "conditions", &["type"], "type"),
    ("HorizontalPodAutoscalerStatus", "conditions", &["type"], "type"),
    ("ValidatingWebhookConfiguration", "webhooks", &["name"], "name"),
    ("MutatingWebhookConfiguration", "webhooks", &["name"], "name"),
    ("ValidatingWebhook", "matchConditions", &["name"], "name"),
    ("MutatingWebhook", "matchConditions", &["name"], "name"),
    ("EndpointSlice", "endpoints", &[], ""),
    ("CSINodeSpec", "drivers", &["name"], "name"),
];

/// Lists of the table that are one value in server-side apply although strategic patches merge them.
const ATOMIC: &[&str] = &["JobStatus.conditions", "PodStatus.hostIPs", "EndpointSlice.endpoints"];

/// The hint of one list.
pub(crate) fn list_hint(definition: &str, field: &str) -> Option<(ListType, Option<&'static str>)> {
    let short = definition.rsplit('.').next()?;
    let (_, _, keys, merge) = LISTS.iter().find(|(d, f, ..)| *d == short && *f == field)?;
    let list = if ATOMIC.contains(&format!("{short}.{field}").as_str()) {
        ListType::Atomic
    } else if keys.is_empty() {
        ListType::Set
    } else {
        ListType::Map(keys.iter().map(|k| (*k).to_owned()).collect())
    };
    Some((list, Some(*merge)))
}

/// The structure of `metadata`.
pub(crate) static META: std::sync::LazyLock<std::sync::Arc<Schema>> = std::sync::LazyLock::new(|| {
    let raw = object_meta();
    Schema::builtin(&raw, name(&raw), list_hint)
});

/// The description that a member of every kind has: `apiVersion`, `kind` or `metadata`.
pub(crate) fn common_description(member: &str) -> &'static str {
    static ANY_KIND: std::sync::LazyLock<Value> = std::sync::LazyLock::new(of::<core::ConfigMap>);
    text(&ANY_KIND["properties"][member]["description"])
}

/// The description of `metadata.name` and its like.
pub(crate) fn meta_description(member: &str) -> &'static str {
    static RAW: std::sync::LazyLock<Value> = std::sync::LazyLock::new(object_meta);
    text(&RAW["properties"][member]["description"])
}
