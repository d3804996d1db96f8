//! Bounds on what a patch makes of an object. What is stored is read back by a parser that bounds depth, so nothing may
//! become deeper, or much larger, than a request could have said it.

use serde_json::Value;

use crate::status::Failure;
use crate::store::Excess;
pub(crate) use crate::store::limits::DEPTH;

/// Bytes that an object may have as JSON: as many as the body of a request.
pub(crate) const SIZE: usize = 3 << 20;

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

/// Refuses a result that is too large or too deep.
pub(crate) fn check(result: &Value) -> Result<(), Failure> {
    match measure(result, SIZE) {
        None => Err(too_large()),
        Some(measure) if measure.depth > DEPTH => Err(Failure::too_much(Excess::Depth)),
        Some(_) => Ok(()),
    }
}

/// The answer to what is larger than any request may be.
pub(crate) fn too_large() -> Failure {
    Failure::too_much(Excess::Size(SIZE))
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
        assert_eq!(check(&deep).unwrap_err().code, 400);
        assert!(check(&deep[0]).is_ok());
        assert_eq!(check(&json!("x".repeat(SIZE))).unwrap_err().code, 413);
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
