//! Takes credentials out of objects before people, logs or files see them.

use serde_json::Value;

/// What stands where a credential was.
pub const REDACTED: &str = "[redacted]";

/// Annotation in which `kubectl apply` keeps a copy of the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Replaces every credential in an object, or in the objects of a list, by [`REDACTED`].
///
/// Covers the kubeconfig and talosconfig in the status of a ClusterBootstrap, user data of a MachineRequest, the token
/// hash of an invited User, and all values of a Secret. Everything else is left alone.
pub fn redact(object: &mut Value) {
    if let Some(Value::Array(items)) = object.get_mut("items") {
        items.iter_mut().for_each(redact);
    }
    let paths: &[&str] = match object["kind"].as_str() {
        Some("ClusterBootstrap") => &["/status/kubeconfig", "/status/talosconfig"],
        Some("MachineRequest") => &["/spec/userData", "/spec/networkData"],
        Some("User") => &["/status/inviteTokenHash"],
        Some("Secret") => &["/data", "/stringData"],
        _ => return,
    };
    for path in paths {
        match object.pointer_mut(path) {
            None | Some(Value::Null) => {}
            Some(Value::Object(values)) => values.values_mut().for_each(|value| *value = REDACTED.into()),
            Some(value) => *value = REDACTED.into(),
        }
    }
    if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations")
        && let Some(copy) = annotations.get_mut(LAST_APPLIED)
    {
        *copy = REDACTED.into();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn credentials_in_a_bootstrap_status_are_replaced() {
        let mut object = json!({
            "kind": "ClusterBootstrap",
            "metadata": {"annotations": {LAST_APPLIED: "{\"status\":{\"kubeconfig\":\"c2VjcmV0\"}}", "note": "kept"}},
            "status": {"phase": "Ready", "kubeconfig": "c2VjcmV0", "talosconfig": "c2VjcmV0"},
        });
        redact(&mut object);
        assert!(!object.to_string().contains("c2VjcmV0"), "{object}");
        assert_eq!(object["status"]["phase"], "Ready");
        assert_eq!(object["metadata"]["annotations"]["note"], "kept");
    }

    #[test]
    fn every_value_of_a_secret_in_a_list_is_replaced() {
        let mut list = json!({"kind": "List", "items": [
            {"kind": "Secret", "data": {"password": "c2VjcmV0", "user": "bWU="}},
            {"kind": "ConfigMap", "data": {"colour": "blue"}},
        ]});
        redact(&mut list);
        assert_eq!(
            list["items"][0]["data"],
            json!({"password": REDACTED, "user": REDACTED})
        );
        assert_eq!(list["items"][1]["data"]["colour"], "blue");
    }

    #[test]
    fn absent_credentials_stay_absent() {
        let mut object = json!({"kind": "ClusterBootstrap", "status": {"phase": "Pending"}});
        let before = object.clone();
        redact(&mut object);
        assert_eq!(object, before);
    }
}
