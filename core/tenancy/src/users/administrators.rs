//! Platform administrators: a platform must not lose its last one by mistake.

use butler_api::v1alpha1::user::UserPhase;
use kube::api::DynamicObject;

use super::list::{Platform, Row};

/// Whether nobody else can administer the platform once this account cannot. Who has not chosen a password yet cannot; and
/// administrators by a group of an identity provider do not count, because nobody here knows whether one of them can log in.
pub fn is_last(name: &str, all: &[DynamicObject]) -> bool {
    let rows: Vec<Row> = all.iter().map(Row::of).collect();
    let administers = |row: &Row| row.platform == Platform::Administrator && !row.disabled;
    let can_log_in = |row: &Row| row.phase.as_deref() != Some(UserPhase::Pending.as_str());
    let is_one = rows.iter().any(|row| row.name == name && administers(row));
    is_one
        && !rows
            .iter()
            .any(|row| row.name != name && administers(row) && can_log_in(row))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn users(all: &[(&str, Value)]) -> Vec<DynamicObject> {
        let user = |(name, spec): &(&str, Value)| {
            serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).unwrap()
        };
        all.iter().map(user).collect()
    }

    #[test]
    fn an_administrator_who_cannot_log_in_is_none() {
        let all = users(&[
            ("a", json!({"email": "a@x", "platformRole": "admin"})),
            ("b", json!({"email": "b@x", "isPlatformAdmin": true, "disabled": true})),
            ("c", json!({"email": "c@x", "platformRole": "viewer"})),
        ]);
        assert!(is_last("a", &all));
        assert!(!is_last("b", &all) && !is_last("c", &all));
    }

    #[test]
    fn an_administrator_who_was_only_invited_is_no_way_back() {
        let mut all = users(&[
            ("a", json!({"email": "a@x", "platformRole": "admin"})),
            ("b", json!({"email": "b@x", "platformRole": "admin"})),
        ]);
        all[1].data["status"] = json!({"phase": "Pending"});
        assert!(is_last("a", &all));
        assert!(!is_last("b", &all));
    }

    #[test]
    fn with_two_administrators_nobody_is_the_last() {
        let all = users(&[
            ("a", json!({"email": "a@x", "platformRole": "admin"})),
            ("b", json!({"email": "b@x", "isPlatformAdmin": true})),
        ]);
        assert!(!is_last("a", &all) && !is_last("b", &all));
    }
}
