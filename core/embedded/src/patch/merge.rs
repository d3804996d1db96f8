//! JSON merge patch (RFC 7386).

use serde_json::{Map, Value};

/// The target after the patch.
pub(crate) fn apply(target: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch.clone();
    };
    let mut map = match target {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    for (name, value) in patch {
        if value.is_null() {
            map.remove(name);
        } else {
            let before = map.remove(name).unwrap_or(Value::Null);
            map.insert(name.clone(), apply(before, value));
        }
    }
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn null_removes_lists_are_replaced_and_objects_merge() {
        let target = json!({"a": {"x": 1, "y": 2}, "l": [1, 2], "gone": 1});
        let patch = json!({"a": {"x": null, "z": {"n": null, "k": 1}}, "l": [3], "gone": null});
        assert_eq!(apply(target, &patch), json!({"a": {"y": 2, "z": {"k": 1}}, "l": [3]}));
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            "[a-c]".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn applying_twice_is_applying_once(target in tree(), patch in tree()) {
            let once = apply(target, &patch);
            prop_assert_eq!(apply(once.clone(), &patch), once);
        }
    }
}
