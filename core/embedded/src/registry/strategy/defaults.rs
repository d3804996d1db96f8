//! Helpers for filling defaults. Defaults are JSON: they are parts of objects, and what a client writes is not read into types
//! that would drop what they do not know.

use serde_json::{Value, json};

/// Adds the members of `defaults` that are absent, at every level.
pub(super) fn fill(object: &mut Value, defaults: Value) {
    let Value::Object(defaults) = defaults else { return };
    if object.is_null() {
        *object = json!({});
    }
    let Some(map) = object.as_object_mut() else { return };
    for (name, value) in defaults {
        match map.get_mut(&name) {
            None => {
                map.insert(name, value);
            }
            Some(there) if there.is_object() && value.is_object() => fill(there, value),
            Some(_) => {}
        }
    }
}

/// The items of a list member.
pub(super) fn members<'a>(object: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}
