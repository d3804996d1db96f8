//! Reading and changing members of JSON objects.
//!
//! To Kubernetes an absent member and an empty one are the same, as in the Go types of its kinds; so they are to what reads
//! members here. Members of a wrong type are refused before an object is stored.

use serde_json::{Map, Value};

/// A text, empty if there is none.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// The text at a JSON pointer, empty if there is none.
pub(crate) fn string_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).map_or("", text)
}

/// The items of a list, none if there is no list.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The texts of a list, none if there is no list.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    items(value).iter().filter_map(Value::as_str).collect()
}

/// The same as texts of one's own.
pub(crate) fn owned_texts(value: &Value) -> Vec<String> {
    texts(value).into_iter().map(str::to_owned).collect()
}

/// A text member of `metadata`, empty if there is none.
pub(crate) fn meta<'a>(object: &'a Value, member: &str) -> &'a str {
    let found = object.get("metadata").and_then(|metadata| metadata.get(member));
    found.map_or("", text)
}

/// The `metadata` of an object, made if it is absent or of the wrong type.
pub(crate) fn meta_mut(object: &mut Value) -> &mut Map<String, Value> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Value::Object(map) = object else {
        unreachable!("made an object above")
    };
    let entry = map.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    match entry {
        Value::Object(map) => map,
        _ => unreachable!("made an object above"),
    }
}

/// Copies a member from one object to another, or removes it.
pub(crate) fn copy_member(from: Option<&Value>, to: &mut Map<String, Value>, member: &str) {
    match from.and_then(|f| f.get(member)) {
        Some(value) => {
            to.insert(member.to_owned(), value.clone());
        }
        None => {
            to.remove(member);
        }
    }
}

/// The object without one of its finalizers; nothing if it does not have it.
pub(crate) fn without_finalizer(object: &Value, finalizer: &str) -> Option<Value> {
    let mut next = object.clone();
    let metadata = meta_mut(&mut next);
    let list = metadata.get_mut("finalizers")?.as_array_mut()?;
    let before = list.len();
    list.retain(|f| f != finalizer);
    if list.len() == before {
        return None;
    }
    if list.is_empty() {
        metadata.remove("finalizers");
    }
    Some(next)
}

/// The time in the form of `creationTimestamp`.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A text of at most about `limit` bytes; what was cut off is counted.
pub(crate) fn clip(mut text: String, limit: usize) -> String {
    if text.len() <= limit {
        return text;
    }
    let length = text.len();
    text.truncate(text.floor_char_boundary(limit));
    let gone = length - text.len();
    text + &format!("... ({gone} more bytes)")
}
