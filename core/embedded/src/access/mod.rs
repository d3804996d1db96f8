//! Authentication (who makes a request) and authorization by roles (whether they may make it).

pub(crate) mod authenticate;
pub(crate) mod grant;
pub(crate) mod tokens;
mod user;

use std::sync::Arc;

use serde_json::Value;

pub(crate) use self::user::User;
use crate::kinds::builtin::RBAC;
use crate::store::{Object, Store};
use crate::text::string_at;

/// What a request does, for the decision whether its user may do it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Attributes<'a> {
    /// It does something with a resource. A subresource is part of the resource's name, as in `pods/status`.
    Resource {
        verb: &'a str,
        group: &'a str,
        resource: &'a str,
        name: &'a str,
        namespace: &'a str,
    },
    /// It does something with a path that leads to no resource, such as `/version`.
    NonResource { verb: &'a str, path: &'a str },
}

/// Whether a user may make a request.
pub(crate) fn allowed(store: &Store, user: &User, attributes: Attributes<'_>) -> bool {
    if user.is_master() || open_to_all(user, attributes) {
        return true;
    }
    let namespace = match attributes {
        Attributes::Resource { namespace, .. } => namespace,
        Attributes::NonResource { .. } => "",
    };
    bindings_of(store, user, namespace)
        .iter()
        .any(|binding| grants(store, &binding.value, attributes))
}

/// The bindings of a user that hold in a namespace, or in all of them.
fn bindings_of(store: &Store, user: &User, namespace: &str) -> Vec<Arc<Object>> {
    let mut bindings = store.list(&format!("{RBAC}/clusterrolebindings"), "").objects;
    if !namespace.is_empty() {
        let prefix = format!("{namespace}/");
        bindings.extend(store.list(&format!("{RBAC}/rolebindings"), &prefix).objects);
    }
    let concern = |binding: &Value| {
        let subjects = binding["subjects"].as_array().into_iter().flatten();
        subjects.into_iter().any(|subject| is_subject(user, subject))
    };
    let bindings = bindings.into_iter().map(|(_, binding)| binding);
    bindings.filter(|binding| concern(&binding.value)).collect()
}

/// What needs no role: health and version for everybody, discovery and questions about oneself for those who are known.
fn open_to_all(user: &User, attributes: Attributes<'_>) -> bool {
    let known = user.groups.iter().any(|g| g == "system:authenticated");
    match attributes {
        Attributes::NonResource {
            verb: "get" | "head",
            path,
        } => {
            let below = |root: &str| path == root || path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
            ["/healthz", "/livez", "/readyz", "/version"].into_iter().any(below)
                || known && ["/api", "/apis", "/openapi"].into_iter().any(below)
        }
        Attributes::Resource {
            verb: "create",
            group: "authorization.k8s.io",
            resource,
            ..
        } => known && matches!(resource, "selfsubjectaccessreviews" | "selfsubjectrulesreviews"),
        Attributes::Resource {
            verb: "create",
            group: "authentication.k8s.io",
            resource,
            ..
        } => known && resource == "selfsubjectreviews",
        _ => false,
    }
}

fn is_subject(user: &User, subject: &Value) -> bool {
    let name = string_at(subject, "/name");
    match string_at(subject, "/kind") {
        "User" => user.name == name,
        "Group" => user.groups.iter().any(|g| g == name),
        "ServiceAccount" => user.name == format!("system:serviceaccount:{}:{name}", string_at(subject, "/namespace")),
        _ => false,
    }
}

/// Whether the role that a binding names allows a request.
fn grants(store: &Store, binding: &Value, attributes: Attributes<'_>) -> bool {
    let found = role_of(store, &binding["roleRef"], string_at(binding, "/metadata/namespace"));
    let rules = found.as_ref().and_then(|role| role.value["rules"].as_array());
    rules.into_iter().flatten().any(|rule| permits(rule, attributes))
}

/// The role that a binding in a namespace names.
fn role_of(store: &Store, role: &Value, namespace: &str) -> Option<Arc<Object>> {
    let name = string_at(role, "/name");
    if string_at(role, "/kind") == "ClusterRole" {
        store.get(&format!("{RBAC}/clusterroles"), name)
    } else {
        store.get(&format!("{RBAC}/roles"), &format!("{namespace}/{name}"))
    }
}

fn permits(rule: &Value, attributes: Attributes<'_>) -> bool {
    let lists = |member: &str, wanted: &str| {
        rule[member]
            .as_array()
            .is_some_and(|list| list.iter().any(|v| v == "*" || v == wanted))
    };
    match attributes {
        Attributes::Resource {
            verb,
            group,
            resource,
            name,
            ..
        } => {
            let names = rule["resourceNames"].as_array().filter(|n| !n.is_empty());
            let sub = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
            lists("verbs", verb)
                && lists("apiGroups", group)
                && (lists("resources", resource) || sub.is_some_and(|sub| lists("resources", &sub)))
                && names.is_none_or(|names| names.iter().any(|n| n == name))
        }
        Attributes::NonResource { verb, path } => {
            let urls = rule["nonResourceURLs"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            let fits = |url: &str| url == path || url.strip_suffix('*').is_some_and(|start| path.starts_with(start));
            lists("verbs", verb) && urls.into_iter().any(fits)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attributes<'a>(verb: &'a str, resource: &'a str, name: &'a str) -> Attributes<'a> {
        Attributes::Resource {
            verb,
            group: "",
            resource,
            name,
            namespace: "n",
        }
    }

    #[test]
    fn a_rule_permits_what_it_lists() {
        let rule = json!({"apiGroups": [""], "resources": ["pods", "*/status"], "verbs": ["get"]});
        assert!(permits(&rule, attributes("get", "pods", "a")));
        assert!(permits(&rule, attributes("get", "nodes/status", "a")));
        assert!(!permits(&rule, attributes("list", "pods", "")));
        assert!(!permits(&rule, attributes("get", "secrets", "a")));
        let named = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"], "resourceNames": ["a"]});
        assert!(permits(&named, attributes("delete", "secrets", "a")));
        assert!(!permits(&named, attributes("delete", "secrets", "b")));
        let path = json!({"nonResourceURLs": ["/metrics*"], "verbs": ["get"]});
        assert!(permits(
            &path,
            Attributes::NonResource {
                verb: "get",
                path: "/metrics/x"
            }
        ));
        assert!(!permits(
            &path,
            Attributes::NonResource {
                verb: "get",
                path: "/logs"
            }
        ));
    }

    #[test]
    fn strangers_see_health_and_known_users_see_discovery() {
        let stranger = User::anonymous();
        let known = User::authenticated("jane".into(), Vec::new());
        let get = |path| Attributes::NonResource { verb: "get", path };
        assert!(open_to_all(&stranger, get("/readyz/ping")));
        assert!(!open_to_all(&stranger, get("/apis")));
        assert!(open_to_all(&known, get("/apis/apps/v1")));
        assert!(!open_to_all(&known, get("/nosuch")));
    }
}
