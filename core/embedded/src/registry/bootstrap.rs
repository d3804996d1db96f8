//! The objects that every cluster has from its start.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Namespace, NamespaceSpec, NamespaceStatus};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::Serialize;

use super::Registry;
use crate::kinds::builtin::{self, RBAC};
use crate::kinds::finalizers;
use crate::store::Expect;

/// Namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];
/// The role that allows everything, and its binding to the group that may do everything.
const ADMIN: &str = "cluster-admin";

impl Registry {
    /// Creates those of these objects that the store does not hold.
    pub(super) fn create_bootstrap_objects(&self) {
        for name in NAMESPACES {
            self.create_bootstrap_object(builtin::NAMESPACES, name, &namespace(name));
        }
        self.create_bootstrap_object(&format!("{RBAC}/clusterroles"), ADMIN, &cluster_admin());
        self.create_bootstrap_object(&format!("{RBAC}/clusterrolebindings"), ADMIN, &masters_are_admins());
    }

    fn create_bootstrap_object(&self, table: &str, name: &str, object: &impl Serialize) {
        if self.store.get(table, name).is_some() {
            return;
        }
        let mut object =
            serde_json::to_value(object).expect("API objects have text keys, so that they are always JSON");
        if let Some(members) = object.as_object_mut() {
            // Objects are stored without them: they depend on the version that a client reads.
            members.remove("kind");
            members.remove("apiVersion");
        }
        if let Err(clash) = self.store.commit(table, name, Expect::Absent, Some(object)) {
            tracing::warn!(?clash, table, name, "cannot make an object that every cluster has");
        }
    }
}

fn metadata(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        uid: Some(uuid::Uuid::new_v4().to_string()),
        creation_timestamp: Some(Time(jiff::Timestamp::now())),
        ..ObjectMeta::default()
    }
}

fn namespace(name: &str) -> Namespace {
    let label = ("kubernetes.io/metadata.name".to_owned(), name.to_owned());
    Namespace {
        metadata: ObjectMeta {
            labels: Some(BTreeMap::from([label])),
            ..metadata(name)
        },
        spec: Some(NamespaceSpec {
            finalizers: Some(vec![finalizers::KUBERNETES.to_owned()]),
        }),
        status: Some(NamespaceStatus {
            phase: Some("Active".to_owned()),
            ..NamespaceStatus::default()
        }),
    }
}

fn cluster_admin() -> ClusterRole {
    let all = || Some(vec!["*".to_owned()]);
    let resources = PolicyRule {
        api_groups: all(),
        resources: all(),
        verbs: vec!["*".to_owned()],
        ..PolicyRule::default()
    };
    let paths = PolicyRule {
        non_resource_urls: all(),
        verbs: vec!["*".to_owned()],
        ..PolicyRule::default()
    };
    ClusterRole {
        metadata: metadata(ADMIN),
        rules: Some(vec![resources, paths]),
        ..ClusterRole::default()
    }
}

fn masters_are_admins() -> ClusterRoleBinding {
    ClusterRoleBinding {
        metadata: metadata(ADMIN),
        role_ref: RoleRef {
            api_group: RBAC.to_owned(),
            kind: "ClusterRole".to_owned(),
            name: ADMIN.to_owned(),
        },
        subjects: Some(vec![Subject {
            api_group: Some(RBAC.to_owned()),
            kind: "Group".to_owned(),
            name: "system:masters".to_owned(),
            ..Subject::default()
        }]),
    }
}
