//! JSON as the programs read it that are played here. Talos and Kubernetes are written in Go, which leaves out what has its
//! zero value: an absent text is the empty text, an absent list the empty list.

use std::collections::BTreeMap;

use serde_json::Value;

/// The text at a pointer.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// A text that may be absent.
pub(crate) fn or_empty(text: Option<&str>) -> String {
    text.map_or_else(String::new, str::to_owned)
}

/// The list at a pointer.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The texts of the list at a pointer; what is no text is no member of it.
pub(crate) fn texts(value: &Value, pointer: &str) -> Vec<String> {
    let texts = list(value, pointer).iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// The table of texts at a pointer, such as labels; a key without a text has the empty one.
pub(crate) fn table(value: &Value, pointer: &str) -> BTreeMap<String, String> {
    let table = value.pointer(pointer).and_then(Value::as_object);
    let pairs = table.into_iter().flatten();
    pairs
        .map(|(key, value)| (key.clone(), text(value, "").to_owned()))
        .collect()
}

/// The flag at a pointer.
pub(crate) fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer) == Some(&Value::Bool(true))
}

/// The part of a value at a pointer, `null` when there is none.
pub(crate) fn part(value: &Value, pointer: &str) -> Value {
    value.pointer(pointer).map_or(Value::Null, Value::clone)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_absent_has_its_zero_value() {
        let value = json!({"a": "text", "list": ["x", 1], "labels": {"k": "v", "n": null}, "on": true});
        assert_eq!((text(&value, "/a"), text(&value, "/b")), ("text", ""));
        assert_eq!(texts(&value, "/list"), ["x"]);
        assert!(list(&value, "/none").is_empty());
        assert_eq!(table(&value, "/labels")["n"], "");
        assert!(flag(&value, "/on") && !flag(&value, "/off"));
        assert_eq!(part(&value, "/none"), Value::Null);
    }
}
