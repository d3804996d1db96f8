//! What may be stored: no more than can be read back, by this server and by its clients.

use serde_json::Value;

/// No stored object is nested deeper. Readers of JSON take 127 levels; lists, watches and tables put up to three around an
/// object.
pub(crate) const DEPTH: usize = 124;
/// No stored object is longer as JSON: what the largest body leaves of a built-in object, which the real server stores in a
/// denser form.
const BUILT_IN: usize = 3 << 20;
/// The same for custom resources, which the real server stores as JSON: its limit for one record.
const CUSTOM: usize = 3 << 19;

/// What is too much of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    Depth,
    /// The limit in bytes.
    Size(usize),
}

/// What is too much of an object that is to be stored in place of another.
pub(super) fn excess(table: &str, value: &Value, length: usize, before: Option<&super::Object>) -> Option<Excess> {
    let limit = match length {
        CUSTOM.. if crate::kinds::builtin::has_table(table) => BUILT_IN,
        _ => CUSTOM,
    };
    // What an earlier release has stored may at least shrink.
    if length > limit && before.is_none_or(|b| length > b.bytes.len() + SLACK) {
        return Some(Excess::Size(limit));
    }
    if is_deeper(value, DEPTH) && before.is_none_or(|b| !is_deeper(&b.value, DEPTH)) {
        return Some(Excess::Depth);
    }
    None
}

/// The mark of a deletion makes an object longer and must not fail for it.
const SLACK: usize = 1 << 10;

/// Whether a value has more than so many levels. Looks no deeper than that.
pub(crate) fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(list) => levels == 0 || list.iter().any(|item| is_deeper(item, levels - 1)),
        Value::Object(map) => levels == 0 || map.values().any(|item| is_deeper(item, levels - 1)),
        _ => false,
    }
}
