//! Since when the conditions of an object have their status: a time that a write keeps unless it changes the status.

use serde_json::{Value, json};

/// A condition as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Transition {
    kind: String,
    status: String,
    since: String,
}

/// The conditions in the status of an object.
pub(super) fn of(object: &Value) -> Vec<Transition> {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let text = |condition: &Value, key: &str| Some(condition.get(key)?.as_str()?.to_owned());
    conditions
        .into_iter()
        .flatten()
        .filter_map(|condition| {
            Some(Transition {
                kind: text(condition, "type")?,
                status: text(condition, "status")?,
                since: text(condition, "lastTransitionTime")?,
            })
        })
        .collect()
}

/// Gives the conditions of a status that is to be written the times of those before, where they do not change.
pub(super) fn keep(status: &mut Value, before: &[Transition]) {
    let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        let same = |known: &&Transition| condition["type"] == *known.kind && condition["status"] == *known.status;
        if let Some(known) = before.iter().find(same) {
            condition["lastTransitionTime"] = json!(known.since);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_condition_that_flips_gets_a_new_time() {
        let object = json!({"status": {"conditions": [
            {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"},
            {"type": "MemoryPressure", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        ]}});
        let mut status = json!({"conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-02-02T00:00:00Z"},
            {"type": "MemoryPressure", "status": "False", "lastTransitionTime": "2026-02-02T00:00:00Z"},
        ]});
        keep(&mut status, &of(&object));
        assert_eq!(status["conditions"][0]["lastTransitionTime"], "2026-02-02T00:00:00Z");
        assert_eq!(status["conditions"][1]["lastTransitionTime"], "2026-01-01T00:00:00Z");
    }
}
