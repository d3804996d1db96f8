//! The objects that every cluster has from its start.

use serde_json::{Value, json};

use super::Registry;
use crate::kinds::builtin;
use crate::store::Expect;
use crate::text::now;

const ROLES: &str = "rbac.authorization.k8s.io/clusterroles";
const BINDINGS: &str = "rbac.authorization.k8s.io/clusterrolebindings";
/// Namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

impl Registry {
    /// Makes those of them that are not there.
    pub(super) fn create_bootstrap_objects(&self) {
        for name in NAMESPACES {
            self.create_bootstrap_object(builtin::NAMESPACES, name, namespace(name));
        }
        self.create_bootstrap_object(ROLES, "cluster-admin", cluster_admin());
        self.create_bootstrap_object(BINDINGS, "cluster-admin", masters_are_cluster_admins());
    }

    fn create_bootstrap_object(&self, table: &str, name: &str, mut object: Value) {
        object["metadata"]["name"] = name.into();
        object["metadata"]["uid"] = uuid::Uuid::new_v4().to_string().into();
        object["metadata"]["creationTimestamp"] = now().into();
        if self.store.get(table, name).is_none()
            && let Err(clash) = self.store.commit(table, name, Expect::Absent, Some(object))
        {
            tracing::warn!(?clash, table, name, "cannot make an object that every cluster has");
        }
    }
}

fn namespace(name: &str) -> Value {
    json!({
        "metadata": {"labels": {"kubernetes.io/metadata.name": name}}, "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    })
}

fn cluster_admin() -> Value {
    json!({"rules": [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]})
}

fn masters_are_cluster_admins() -> Value {
    let group = "rbac.authorization.k8s.io";
    json!({
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": group, "kind": "Group", "name": "system:masters"}],
    })
}
