//! Escalation check: whoever writes a role or binding must have all rights that it grants.
//! Exceptions are the verbs `escalate` on roles and `bind` on the role that a binding names, and `system:masters`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Attributes, User, allowed, bindings_of, role_of};
use crate::kinds::builtin::RBAC;
use crate::kinds::{RequestInfo, Resource};
use crate::status::StatusError;
use crate::store::Store;
use crate::text::{meta, string_at};

/// No rules are compared that name more combinations of group, resource, name and verb.
const MOST: usize = 100_000;

/// Refuses a role or binding that grants rights which its writer does not have.
pub(crate) fn check(
    store: &Store,
    user: &User,
    info: &RequestInfo,
    old: Option<&Value>,
    new: &Value,
) -> Result<(), StatusError> {
    let resource = &*info.resource;
    if resource.group != RBAC || user.is_master() || old.is_some_and(|old| same_but_for_collection(old, new)) {
        return Ok(());
    }
    match resource.plural.as_str() {
        "roles" | "clusterroles" => role(store, user, info, new),
        "rolebindings" | "clusterrolebindings" => binding(store, user, info, new),
        _ => Ok(()),
    }
}

fn role(store: &Store, user: &User, info: &RequestInfo, new: &Value) -> Result<(), StatusError> {
    let resource = &*info.resource;
    let attributes = Attributes::Resource {
        verb: "escalate",
        group: RBAC,
        resource: &resource.plural,
        name: &info.name,
        namespace: &info.namespace,
    };
    if allowed(store, user, attributes) {
        return Ok(());
    }
    let held = held(store, user, &info.namespace);
    confirm(resource, new, user, &held, &rules(new))?;
    // It gathers rules of other roles, whatever they are.
    if new["aggregationRule"].is_object() && !missing(&held, &everything())?.is_empty() {
        let why = "must have cluster-admin privileges to use the aggregationRule";
        return Err(StatusError::forbidden(
            &resource.group_resource(),
            meta(new, "name"),
            why,
        ));
    }
    Ok(())
}

fn binding(store: &Store, user: &User, info: &RequestInfo, new: &Value) -> Result<(), StatusError> {
    let resource = &*info.resource;
    let name = string_at(new, "/roleRef/name");
    let kind = if string_at(new, "/roleRef/kind") == "ClusterRole" {
        "clusterroles"
    } else {
        "roles"
    };
    let attributes = Attributes::Resource {
        verb: "bind",
        group: RBAC,
        resource: kind,
        name,
        namespace: &info.namespace,
    };
    if allowed(store, user, attributes) {
        return Ok(());
    }
    // The real server names the resource of the binding, not that of the role.
    let role = role_of(store, &new["roleRef"], &info.namespace);
    let role = role.ok_or_else(|| StatusError::not_found(&resource.group_resource(), name))?;
    let held = held(store, user, &info.namespace);
    confirm(resource, new, user, &held, &rules(&role.value))
}

/// Whether a change concerns nothing but owners and finalizers, as the collector of garbage makes them.
fn same_but_for_collection(old: &Value, new: &Value) -> bool {
    let content = |object: &Value| {
        let members = object.as_object().into_iter().flatten();
        let content: BTreeMap<String, Value> = members
            .filter(|(name, _)| !matches!(name.as_str(), "metadata" | "kind" | "apiVersion"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let metadata = &object["metadata"];
        (content, metadata["labels"].clone(), metadata["annotations"].clone())
    };
    content(old) == content(new)
}

/// One rule of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rule {
    groups: Vec<String>,
    resources: Vec<String>,
    urls: Vec<String>,
    names: Vec<String>,
    verbs: Vec<String>,
}

impl Rule {
    fn of(rule: &Value) -> Self {
        let list = |member: &str| {
            let list = rule[member].as_array().into_iter().flatten();
            list.filter_map(|v| v.as_str().map(str::to_owned)).collect()
        };
        Self {
            groups: list("apiGroups"),
            resources: list("resources"),
            urls: list("nonResourceURLs"),
            names: list("resourceNames"),
            verbs: list("verbs"),
        }
    }

    /// The number of its parts.
    fn parts(&self) -> usize {
        let names = self.names.len().max(1);
        let resources = [self.groups.len(), self.resources.len(), names, self.verbs.len()];
        let resources = resources.into_iter().fold(1_usize, usize::saturating_mul);
        resources.saturating_add(self.urls.len().saturating_mul(self.verbs.len()))
    }

    /// Rules of one group, one resource or path, at most one name and one verb each.
    fn broken_down(&self) -> Vec<Self> {
        let mut parts = Vec::new();
        for group in &self.groups {
            for resource in &self.resources {
                for verb in &self.verbs {
                    let part = Self {
                        groups: vec![group.clone()],
                        resources: vec![resource.clone()],
                        verbs: vec![verb.clone()],
                        ..Self::default()
                    };
                    if self.names.is_empty() {
                        parts.push(part);
                    } else {
                        let named = |name: &String| Self {
                            names: vec![name.clone()],
                            ..part.clone()
                        };
                        parts.extend(self.names.iter().map(named));
                    }
                }
            }
        }
        for url in &self.urls {
            parts.extend(self.verbs.iter().map(|verb| Self {
                urls: vec![url.clone()],
                verbs: vec![verb.clone()],
                ..Self::default()
            }));
        }
        parts
    }

    fn covers(&self, other: &Self) -> bool {
        let all = |mine: &[String], theirs: &[String]| {
            mine.iter().any(|m| m == "*") || theirs.iter().all(|t| mine.contains(t))
        };
        let sub = |resource: &str| {
            let sub = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
            sub.is_some_and(|sub| self.resources.contains(&sub))
        };
        let url = |theirs: &str| {
            let fits =
                |mine: &str| mine == theirs || mine.ends_with('*') && theirs.starts_with(mine.trim_end_matches('*'));
            self.urls.iter().any(|mine| fits(mine))
        };
        all(&self.verbs, &other.verbs)
            && all(&self.groups, &other.groups)
            && (self.resources.iter().any(|r| r == "*")
                || other.resources.iter().all(|r| self.resources.contains(r) || sub(r)))
            && other.urls.iter().all(|u| url(u))
            && (self.names.is_empty() || !other.names.is_empty() && all(&self.names, &other.names))
    }
}

/// Rules as the real server shows them.
impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            ("APIGroups", &self.groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.urls),
            ("ResourceNames", &self.names),
            ("Verbs", &self.verbs),
        ];
        let parts = parts.into_iter().filter(|(_, list)| !list.is_empty());
        let parts = parts.map(|(name, list)| format!("{name}:{}", quoted(list)));
        write!(f, "{{{}}}", parts.collect::<Vec<_>>().join(", "))
    }
}

fn quoted(list: &[String]) -> String {
    let list = list.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>();
    format!("[{}]", list.join(" "))
}

fn rules(role: &Value) -> Vec<Rule> {
    role["rules"].as_array().into_iter().flatten().map(Rule::of).collect()
}

fn everything() -> Vec<Rule> {
    let all = || vec!["*".to_owned()];
    vec![
        Rule {
            groups: all(),
            resources: all(),
            verbs: all(),
            ..Rule::default()
        },
        Rule {
            urls: all(),
            verbs: all(),
            ..Rule::default()
        },
    ]
}

/// All rules that a user has in a namespace, or in all of them.
fn held(store: &Store, user: &User, namespace: &str) -> Vec<Rule> {
    let bindings = bindings_of(store, user, namespace).into_iter();
    let roles = bindings.filter_map(|binding| {
        let namespace = meta(&binding.value, "namespace").to_owned();
        role_of(store, &binding.value["roleRef"], &namespace)
    });
    roles.flat_map(|role| rules(&role.value)).collect()
}

/// The parts of rules that no rule of `held` covers.
fn missing(held: &[Rule], wanted: &[Rule]) -> Result<Vec<Rule>, StatusError> {
    let covered = |part: &Rule| held.iter().any(|rule| rule.covers(part));
    let mut missing = Vec::new();
    let mut left = MOST;
    for rule in wanted.iter().filter(|rule| !covered(rule)) {
        left = left.checked_sub(rule.parts()).ok_or_else(|| {
            let text = format!("the rules name more than {MOST} combinations of group, resource, name and verb");
            StatusError::new(413, "RequestEntityTooLarge", text)
        })?;
        missing.extend(rule.broken_down().into_iter().filter(|part| !covered(part)));
    }
    Ok(missing)
}

/// Verbs on the same resource in one rule.
fn compact(rules: Vec<Rule>) -> Vec<Rule> {
    let mut compacted = Vec::new();
    let mut of_resource: BTreeMap<[Vec<String>; 3], Vec<String>> = BTreeMap::new();
    for rule in rules {
        if rule.urls.is_empty() {
            let key = [rule.groups, rule.resources, rule.names];
            of_resource.entry(key).or_default().extend(rule.verbs);
        } else {
            compacted.push(rule);
        }
    }
    compacted.extend(of_resource.into_iter().map(|([groups, resources, names], verbs)| Rule {
        groups,
        resources,
        names,
        verbs,
        ..Rule::default()
    }));
    compacted
}

fn confirm(
    resource: &Resource,
    object: &Value,
    user: &User,
    held: &[Rule],
    wanted: &[Rule],
) -> Result<(), StatusError> {
    let missing = missing(held, wanted)?;
    if missing.is_empty() {
        return Ok(());
    }
    let lines: BTreeSet<String> = compact(missing).iter().map(ToString::to_string).collect();
    let why = format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        quoted(&user.groups),
        lines.into_iter().collect::<Vec<_>>().join("\n")
    );
    Err(StatusError::forbidden(
        &resource.group_resource(),
        meta(object, "name"),
        &why,
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(value: &Value) -> Rule {
        Rule::of(value)
    }

    #[test]
    fn a_rule_covers_what_it_permits_and_no_more() {
        let pods = rule(&json!({"apiGroups": [""], "resources": ["pods", "*/status"], "verbs": ["get", "list"]}));
        let fits = |value: &Value| pods.covers(&rule(value));
        assert!(fits(
            &json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]})
        ));
        assert!(fits(
            &json!({"apiGroups": [""], "resources": ["nodes/status"], "verbs": ["get"]})
        ));
        assert!(fits(
            &json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["a"]})
        ));
        assert!(!fits(
            &json!({"apiGroups": ["apps"], "resources": ["pods"], "verbs": ["get"]})
        ));
        assert!(!fits(&json!({"apiGroups": [""], "resources": ["*"], "verbs": ["get"]})));
        assert!(!fits(
            &json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]})
        ));
        let named = rule(&json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"], "resourceNames": ["a"]}));
        assert!(!named.covers(&rule(
            &json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]})
        )));
        let urls = rule(&json!({"nonResourceURLs": ["/metrics*"], "verbs": ["get"]}));
        assert!(urls.covers(&rule(&json!({"nonResourceURLs": ["/metrics/x"], "verbs": ["get"]}))));
        assert!(!urls.covers(&rule(&json!({"nonResourceURLs": ["*"], "verbs": ["get"]}))));
    }

    #[test]
    fn what_is_missing_is_named_by_resource_with_all_its_verbs() {
        let held = [rule(
            &json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}),
        )];
        let wanted = [rule(
            &json!({"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get", "delete"]}),
        )];
        let found = compact(missing(&held, &wanted).unwrap());
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"delete\"]}",
                "{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"delete\"]}",
            ]
        );
    }

    #[test]
    fn rules_that_multiply_are_bounded() {
        let many: Vec<String> = (0..1000).map(|n| format!("x{n}")).collect();
        let wide = rule(&json!({"apiGroups": many, "resources": many, "verbs": many}));
        assert_eq!(missing(&[], &[wide]).unwrap_err().code, 413);
    }
}
