//! The strategy of roles and bindings.

use serde_json::{Value, json};

use super::defaults::{fill, members};
use super::{Strategy, Validation};
use crate::admit::names;
use crate::kinds::Resource;
use crate::kinds::builtin::RBAC;
use crate::limits::Excess;
use crate::status::{CAUSES, Cause};

pub(super) struct Rbac;

impl Strategy for Rbac {
    fn set_defaults(&self, resource: &Resource, object: &mut Value) -> Result<(), Excess> {
        set_defaults(&resource.kind, object);
        Ok(())
    }

    fn validate_name(&self, name: &str) -> Vec<String> {
        names::path_segment(name)
    }

    fn validate(&self, write: &Validation<'_>, causes: &mut Vec<Cause>) {
        causes.extend(check(write.old, write.object));
    }
}

fn set_defaults(kind: &str, object: &mut Value) {
    if matches!(kind, "RoleBinding" | "ClusterRoleBinding") {
        fill(object, json!({"roleRef": {"apiGroup": RBAC}}));
        for subject in members(object, "subjects") {
            if subject["kind"] == "User" || subject["kind"] == "Group" {
                fill(subject, json!({"apiGroup": RBAC}));
            }
        }
    } else {
        fill(object, json!({"rules": null}));
    }
}

fn check(old: Option<&Value>, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (index, rule) in object["rules"].as_array().into_iter().flatten().enumerate() {
        if causes.len() >= CAUSES {
            break;
        }
        let empty = |member: &str| rule[member].as_array().is_none_or(Vec::is_empty);
        if empty("verbs") {
            causes.push(Cause::required(
                format!("rules[{index}].verbs"),
                "verbs must contain at least one value",
            ));
        }
        if empty("nonResourceURLs") {
            if empty("apiGroups") {
                let why = "resource rules must supply at least one api group";
                causes.push(Cause::required(format!("rules[{index}].apiGroups"), why));
            }
            if empty("resources") {
                let why = "resource rules must supply at least one resource";
                causes.push(Cause::required(format!("rules[{index}].resources"), why));
            }
        }
    }
    if let Some(old) = old
        && old["roleRef"] != object["roleRef"]
    {
        let reference = &object["roleRef"];
        let shown = format!(
            "Invalid value: {{\"APIGroup\":{},\"Kind\":{},\"Name\":{}}}: cannot change roleRef",
            reference["apiGroup"], reference["kind"], reference["name"]
        );
        causes.push(Cause::new("FieldValueInvalid", "roleRef", shown));
    }
    causes
}
