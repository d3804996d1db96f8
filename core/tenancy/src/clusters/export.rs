//! A tenant cluster as it can be applied to another management cluster: without what only means something on this one.

use butler_api::labels;
use kube::api::DynamicObject;
use serde_json::{Map, Value};

/// What a server writes into `metadata`.
const OF_THE_SERVER: [&str; 9] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
    // Owners are named by their UID.
    "ownerReferences",
];

/// Annotations that tell of this cluster's past: what was applied last, and who asked for it, which has to be whoever applies it.
const OF_THE_PAST: [&str; 4] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    labels::CREATOR_EMAIL,
    labels::OWNER,
    labels::MIGRATION_OPERATION,
];

/// How a cluster is exported.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// Another name.
    pub name: Option<String>,
    /// With its status, to be read by people.
    pub include_status: bool,
}

/// A cluster, and what was left out of what was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    /// The object.
    pub object: Value,
    /// The name of a file for it.
    pub file: String,
    /// Addresses that a pool of this management cluster gave were left out.
    pub without_addresses: bool,
}

/// The exported form of a cluster.
pub fn of(object: &DynamicObject, form: &Form) -> Result<Exported, serde_json::Error> {
    let mut whole = serde_json::to_value(object)?;
    let mut without_addresses = false;
    if let Some(fields) = whole.as_object_mut() {
        // The pool's own record of them stays here; another cluster has to be given others.
        let given = fields
            .get("status")
            .is_some_and(|status| status.get("lbAllocationRef").is_some());
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            clean(metadata);
            if let Some(name) = &form.name {
                metadata.insert("name".to_owned(), name.clone().into());
            }
        }
        let networking = fields.get_mut("spec").and_then(|spec| spec.get_mut("networking"));
        if let Some(networking) = networking.filter(|_| given).and_then(Value::as_object_mut) {
            without_addresses = networking.remove("loadBalancerPool").is_some();
        }
        if !form.include_status {
            fields.remove("status");
        }
    }
    let meta = &object.metadata;
    let name = form.name.as_deref().or(meta.name.as_deref()).unwrap_or("cluster");
    let file = match &meta.namespace {
        Some(namespace) => format!("{namespace}-{name}.yaml"),
        None => format!("{name}.yaml"),
    };
    Ok(Exported {
        object: whole,
        file,
        without_addresses,
    })
}

fn clean(metadata: &mut Map<String, Value>) {
    for name in OF_THE_SERVER {
        metadata.remove(name);
    }
    // The controller sets its own; one that nobody clears away would keep the cluster for ever.
    metadata.remove("finalizers");
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.retain(|name, _| !OF_THE_PAST.contains(&name.as_str()));
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object() -> DynamicObject {
        let object = json!({
            "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster",
            "metadata": {
                "name": "demo", "namespace": "alpha", "uid": "u", "resourceVersion": "1", "generation": 3,
                "creationTimestamp": "2026-11-21T04:46:00Z", "finalizers": ["butler.butlerlabs.dev/tenantcluster"],
                "labels": {"butler.butlerlabs.dev/environment": "dev"},
                "annotations": {
                    "butler.butlerlabs.dev/creator-email": "alice@example.com",
                    "butler.butlerlabs.dev/description": "for tests",
                },
            },
            "spec": {
                "kubernetesVersion": "v1.32.2", "workers": {"replicas": 2}, "new": {"of": "tomorrow"},
                "networking": {"lbPoolSize": 4, "loadBalancerPool": {"start": "10.0.0.1", "end": "10.0.0.4"}},
            },
            "status": {"phase": "Ready", "lbAllocationRef": {"name": "alpha-demo-lb"}},
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn what_means_nothing_elsewhere_is_left_out_and_all_else_stays() {
        let exported = of(&object(), &Form::default()).unwrap();
        assert_eq!(
            exported.object,
            json!({
                "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster",
                "metadata": {
                    "name": "demo", "namespace": "alpha", "labels": {"butler.butlerlabs.dev/environment": "dev"},
                    "annotations": {"butler.butlerlabs.dev/description": "for tests"},
                },
                "spec": {
                    "kubernetesVersion": "v1.32.2", "workers": {"replicas": 2}, "new": {"of": "tomorrow"},
                    "networking": {"lbPoolSize": 4},
                },
            })
        );
        assert_eq!(
            (exported.file.as_str(), exported.without_addresses),
            ("alpha-demo.yaml", true)
        );
    }

    #[test]
    fn addresses_that_a_person_chose_stay() {
        let mut object = object();
        object.data["status"].as_object_mut().unwrap().remove("lbAllocationRef");
        let form = Form {
            name: Some("copy".to_owned()),
            include_status: true,
        };
        let exported = of(&object, &form).unwrap();
        assert_eq!(
            exported.object["spec"]["networking"]["loadBalancerPool"]["start"],
            "10.0.0.1"
        );
        assert_eq!(exported.object["metadata"]["name"], "copy");
        assert_eq!(exported.object["status"]["phase"], "Ready");
        assert_eq!(
            (exported.file.as_str(), exported.without_addresses),
            ("alpha-copy.yaml", false)
        );
    }
}
