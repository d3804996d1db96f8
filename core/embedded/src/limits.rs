//! How large and how deep an object may be: no more than can be read back, by this server and by its clients. Whatever makes an
//! object of a smaller text (a patch, defaults of a schema) is held to the same bounds as a request that says it in full.

use serde_json::Value;

/// Levels of lists and maps that an object may have. Readers of JSON take 127 levels; lists, watches and tables put up to three
/// around an object.
pub(crate) const DEPTH: usize = 124;

/// Bytes that an object may have as JSON: as many as the body of a request.
pub(crate) const SIZE: usize = 3 << 20;

/// Bytes that a stored custom resource may have as JSON. The real server stores custom resources as JSON, and this is its limit
/// for one record; built-in objects it stores in a denser form, so that every one that fits into a request fits there.
pub(crate) const CUSTOM_SIZE: usize = 3 << 19;

/// The mark of a deletion makes an object longer and must not fail for it.
const SLACK: usize = 1 << 10;

/// The bound that an object exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    /// It is nested deeper than [`DEPTH`].
    Depth,
    /// It has more than so many bytes.
    Size(usize),
}

/// An object as the store knows it: its value and how many bytes that is as JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sized<'a> {
    pub(crate) value: &'a Value,
    pub(crate) bytes: usize,
}

/// The bound that an object exceeds which is to be stored in place of another one. `limit` is for its size.
pub(crate) fn excess(new: Sized<'_>, before: Option<Sized<'_>>, limit: usize) -> Option<Excess> {
    // An object that an earlier release stored beyond the bounds may at least shrink.
    if new.bytes > limit && before.is_none_or(|before| new.bytes > before.bytes + SLACK) {
        return Some(Excess::Size(limit));
    }
    if is_deeper(new.value, DEPTH) && before.is_none_or(|before| !is_deeper(before.value, DEPTH)) {
        return Some(Excess::Depth);
    }
    None
}

/// Whether a value has more than so many levels. Looks no deeper than that.
fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(list) => levels == 0 || list.iter().any(|item| is_deeper(item, levels - 1)),
        Value::Object(map) => levels == 0 || map.values().any(|item| is_deeper(item, levels - 1)),
        _ => false,
    }
}

/// How large a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measure {
    /// Bytes as JSON, escapes aside.
    pub(crate) bytes: usize,
    /// Levels of lists and maps.
    pub(crate) depth: usize,
    /// Values within it, itself included.
    pub(crate) nodes: usize,
}

/// Measures a value; nothing if it has more bytes than `limit`. Looks at no more of it than that.
pub(crate) fn measure(value: &Value, limit: usize) -> Option<Measure> {
    let mut bytes = 0;
    let mut nodes = 0;
    let depth = walk(value, limit, &mut bytes, &mut nodes)?;
    (bytes <= limit).then_some(Measure { bytes, depth, nodes })
}

fn walk(value: &Value, limit: usize, bytes: &mut usize, nodes: &mut usize) -> Option<usize> {
    *nodes += 1;
    *bytes += match value {
        Value::Null | Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Number(number) => number_length(number),
        Value::String(text) => text.len() + 2,
        Value::Array(list) => 2 + list.len().saturating_sub(1),
        Value::Object(map) => 2 + map.len().saturating_sub(1) + map.keys().map(|k| k.len() + 3).sum::<usize>(),
    };
    if *bytes > limit {
        return None;
    }
    let mut below = 0;
    match value {
        Value::Array(list) => {
            for child in list {
                below = walk(child, limit, bytes, nodes)?.max(below);
            }
            Some(below + 1)
        }
        Value::Object(map) => {
            for child in map.values() {
                below = walk(child, limit, bytes, nodes)?.max(below);
            }
            Some(below + 1)
        }
        _ => Some(0),
    }
}

fn number_length(number: &serde_json::Number) -> usize {
    match number.as_u64() {
        Some(n) => n.checked_ilog10().unwrap_or(0) as usize + 1,
        None => number.to_string().len(),
    }
}

/// Refuses what is made of an object where it is larger or deeper than a request may be.
pub(crate) fn check(result: &Value) -> Result<(), Excess> {
    match measure(result, SIZE) {
        None => Err(Excess::Size(SIZE)),
        Some(measure) if measure.depth > DEPTH => Err(Excess::Depth),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn depth_and_size_are_those_of_the_text() {
        let value = json!({"a": [1, -20, true, false, null], "b": {"c": "x"}});
        let measure = measure(&value, SIZE).unwrap();
        assert_eq!(measure.bytes, value.to_string().len());
        assert_eq!((measure.depth, measure.nodes), (2, 9));
        assert_eq!(super::measure(&value, 10), None);
    }

    #[test]
    fn results_beyond_the_bounds_are_refused() {
        let deep = (0..=DEPTH).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(check(&deep), Err(Excess::Depth));
        assert!(check(&deep[0]).is_ok());
        assert_eq!(check(&json!("x".repeat(SIZE))), Err(Excess::Size(SIZE)));
    }

    proptest! {
        #[test]
        fn numbers_are_as_long_as_they_are_written(n in any::<i64>(), f in any::<f64>()) {
            for value in [json!(n), json!(n.unsigned_abs()), json!(f)] {
                prop_assert_eq!(measure(&value, SIZE).unwrap().bytes, value.to_string().len());
            }
        }
    }
}
