//! One environment: what somebody wants of it, applied to what it is, purely. Fields of a newer Butler stay.

use butler_api::v1alpha1::team::TeamRole;
use serde_json::{Map, Value};

use super::defaults::ClusterDefault;
use crate::teams::access::{self, Group};
use crate::users::email::Email;

/// What is wanted of an environment; what is not named stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Wish {
    /// Free text; empty for none.
    pub description: Option<String>,
    /// The most clusters; 0 for no limit.
    pub max_clusters: Option<i32>,
    /// The most clusters of one person; 0 for no limit.
    pub max_clusters_per_member: Option<i32>,
    /// What new clusters get.
    pub defaults: Vec<ClusterDefault>,
    /// Additional rights of people; no role takes them away.
    pub users: Vec<(Email, Option<TeamRole>)>,
    /// Additional rights of groups; no role takes them away.
    pub groups: Vec<(Group, Option<TeamRole>)>,
    /// All limits go before the others are set.
    pub clear_limits: bool,
    /// All defaults go before the others are set.
    pub clear_defaults: bool,
    /// All rights go before the others are set.
    pub clear_access: bool,
}

impl Wish {
    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The environment as it is wanted.
    pub(super) fn applied(&self, before: &Value) -> Value {
        let mut entry = before.as_object().cloned().unwrap_or_else(Map::new);
        if let Some(text) = &self.description {
            set(
                &mut entry,
                "description",
                Some(text.as_str()).filter(|text| !text.is_empty()).map(Value::from),
            );
        }
        within(&mut entry, "limits", self.clear_limits, |limits| {
            for (key, wanted) in [
                ("maxClusters", self.max_clusters),
                ("maxClustersPerMember", self.max_clusters_per_member),
            ] {
                if let Some(number) = wanted {
                    set(limits, key, (number > 0).then(|| Value::from(number)));
                }
            }
        });
        within(&mut entry, "clusterDefaults", self.clear_defaults, |defaults| {
            for wanted in &self.defaults {
                set(defaults, wanted.key, wanted.value.clone());
            }
        });
        within(&mut entry, "access", self.clear_access, |rights| {
            for (email, role) in &self.users {
                put(
                    rights,
                    "users",
                    |one| email.is(access::text(one, "name")),
                    role.as_ref(),
                    || vec![("name", email.as_str())],
                );
            }
            for (group, role) in &self.groups {
                let provider = group.provider.as_deref();
                let is = |one: &Value| {
                    let own = Some(access::text(one, "identityProvider")).filter(|own| !own.is_empty());
                    access::text(one, "name") == group.name && own == provider
                };
                put(rights, "groups", is, role.as_ref(), || {
                    let by = provider.map(|provider| ("identityProvider", provider));
                    [("name", group.name.as_str())].into_iter().chain(by).collect()
                });
            }
        });
        Value::Object(entry)
    }
}

/// Changes a part of an entry; an empty part goes.
fn within(entry: &mut Map<String, Value>, key: &str, clear: bool, change: impl FnOnce(&mut Map<String, Value>)) {
    let before = entry.get(key).filter(|_| !clear).and_then(Value::as_object).cloned();
    let mut part = before.unwrap_or_else(Map::new);
    change(&mut part);
    set(entry, key, (!part.is_empty()).then_some(Value::Object(part)));
}

fn set(entry: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(entry.insert(key.to_owned(), value)),
        None => drop(entry.remove(key)),
    }
}

/// Gives somebody a role in a list of rights, or takes the entry away; an empty list goes.
fn put<'a>(
    rights: &mut Map<String, Value>,
    list: &str,
    is: impl Fn(&Value) -> bool,
    role: Option<&TeamRole>,
    new: impl FnOnce() -> Vec<(&'static str, &'a str)>,
) {
    let before = rights.get(list).and_then(Value::as_array).cloned();
    let mut entries = before.unwrap_or_else(Vec::new);
    match (role, entries.iter_mut().find(|entry| is(entry))) {
        (Some(role), Some(Value::Object(entry))) => set(entry, "role", Some(role.as_str().into())),
        (Some(role), _) => {
            let fields = new().into_iter().chain([("role", role.as_str())]);
            let fields = fields.map(|(key, value)| (key.to_owned(), Value::from(value)));
            entries.push(Value::Object(fields.collect()));
        }
        (None, _) => entries.retain(|entry| !is(entry)),
    }
    set(rights, list, (!entries.is_empty()).then_some(Value::Array(entries)));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_named_stays_and_what_is_empty_goes() {
        let before = json!({
            "name": "dev", "description": "old", "newer": true,
            "limits": {"maxClusters": 3, "maxClustersPerMember": 1},
            "clusterDefaults": {"workerCount": 2},
            "access": {"users": [{"name": "Ann@example.com", "role": "viewer"}]},
        });
        let ann = || "ann@example.com".parse::<Email>().unwrap();
        let wish = Wish {
            max_clusters: Some(5),
            max_clusters_per_member: Some(0),
            defaults: vec!["workerCount=".parse().unwrap()],
            users: vec![(ann(), Some(TeamRole::Admin))],
            ..Wish::default()
        };
        let after = wish.applied(&before);
        assert_eq!(
            after,
            json!({
                "name": "dev", "description": "old", "newer": true, "limits": {"maxClusters": 5},
                "access": {"users": [{"name": "Ann@example.com", "role": "admin"}]},
            })
        );
        assert_eq!(wish.applied(&after), after);
        let gone = Wish {
            description: Some(String::new()),
            clear_limits: true,
            users: vec![(ann(), None)],
            ..Wish::default()
        };
        assert_eq!(gone.applied(&after), json!({"name": "dev", "newer": true}));
    }

    #[test]
    fn a_group_is_that_of_its_provider() {
        let group = |provider: Option<&str>| Group {
            name: "devs".to_owned(),
            provider: provider.map(str::to_owned),
        };
        let wish = Wish {
            groups: vec![
                (group(None), Some(TeamRole::Viewer)),
                (group(Some("corp")), Some(TeamRole::Admin)),
            ],
            ..Wish::default()
        };
        let after = wish.applied(&json!({"name": "dev"}));
        assert_eq!(
            after["access"]["groups"],
            json!([
                {"name": "devs", "role": "viewer"},
                {"name": "devs", "identityProvider": "corp", "role": "admin"},
            ])
        );
    }
}
