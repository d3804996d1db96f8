//! JSON patch (RFC 6902), as the real server reads it.
//!
//! It differs from the standard in one point: `replace` of an absent member of an object adds it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::StatusDetails;
use serde::Deserialize;
use serde_json::Value;

use crate::limits::{self, DEPTH};
use crate::status::StatusError;

/// No patch has more operations.
const LIMIT: usize = 10_000;
/// Bytes that all copies of one patch together may add.
const COPIES: usize = limits::SIZE;
/// Items that one patch may shift, and values that it may have looked at. A patch of many operations on a long list is
/// quadratic without it.
const WORK: usize = 1 << 26;

/// One operation of a JSON patch.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Operation {
    op: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    value: Value,
}

/// Reads the operations of a JSON patch.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Operation>, StatusError> {
    let list = serde_json::from_slice::<Vec<Operation>>(bytes)
        .map_err(|error| StatusError::bad_request(format!("error decoding patch: {error}")))?;
    if list.len() > LIMIT {
        return Err(StatusError::new(
            413,
            "RequestEntityTooLarge",
            format!(
                "Request entity too large: The allowed maximum operations in a JSON patch is {LIMIT}, got {}",
                list.len()
            ),
        )
        .with_details(StatusDetails::default()));
    }
    Ok(list)
}

/// The target after all operations.
pub(crate) fn apply(list: &[Operation], target: Value) -> Result<Value, StatusError> {
    let depth = limits::measure(&target, usize::MAX).map_or(DEPTH, |m| m.depth);
    let mut state = State {
        target,
        depth,
        copied: 0,
        work: 0,
    };
    for operation in list {
        // The real server does not say what was wrong; neither do we.
        state.step(operation).map_err(|_| {
            StatusError::new(
                422,
                "Invalid",
                "the server rejected our request due to an error in our request",
            )
            .with_details(StatusDetails::default())
        })?;
    }
    Ok(state.target)
}

/// An object on its way through the operations, and what they have cost.
struct State {
    target: Value,
    /// The object is not deeper than this.
    depth: usize,
    /// Bytes that operations have copied.
    copied: usize,
    /// Items that were shifted and values that were looked at.
    work: usize,
}

impl State {
    fn step(&mut self, operation: &Operation) -> Result<(), String> {
        let Operation { op, path, from, value } = operation;
        match op.as_str() {
            "add" => {
                self.fits(path, value)?;
                self.add(path, value.clone())
            }
            "remove" => self.remove(path).map(drop),
            "replace" => {
                self.fits(path, value)?;
                replace(&mut self.target, path, value.clone())
            }
            "move" => {
                let moved = self.remove(from)?;
                // Mostly it goes no deeper, and need not be looked at.
                let bound = (self.depth + levels(path)).saturating_sub(levels(from));
                if bound > DEPTH {
                    self.fits(path, &moved)?;
                } else {
                    self.depth = self.depth.max(bound);
                }
                self.add(path, moved)
            }
            "copy" => {
                let source = self.target.pointer(from);
                let source = source.ok_or_else(|| format!("no value at {from}"))?;
                let measure = limits::measure(source, COPIES - self.copied)
                    .ok_or_else(|| format!("accumulated size increase of copies is more than {COPIES}"))?;
                let copied = source.clone();
                self.copied += measure.bytes;
                self.deepen(levels(path) + measure.depth)?;
                self.add(path, copied)
            }
            "test" if self.target.pointer(path).unwrap_or(&Value::Null) == value => Ok(()),
            "test" => Err(format!("testing value {path} failed")),
            other => Err(format!("unexpected kind: {other}")),
        }
    }

    /// Whether a value may stand at a path.
    fn fits(&mut self, path: &str, value: &Value) -> Result<(), String> {
        let measure = limits::measure(value, usize::MAX).ok_or("the value is too large")?;
        self.spend(measure.nodes)?;
        self.deepen(levels(path) + measure.depth)
    }

    fn deepen(&mut self, depth: usize) -> Result<(), String> {
        if depth > DEPTH {
            return Err(format!("the object would nest deeper than {DEPTH} levels"));
        }
        self.depth = self.depth.max(depth);
        Ok(())
    }

    fn spend(&mut self, work: usize) -> Result<(), String> {
        self.work += work;
        if self.work > WORK {
            return Err("the patch asks for too much work".to_owned());
        }
        Ok(())
    }

    fn add(&mut self, path: &str, value: Value) -> Result<(), String> {
        if path.is_empty() {
            self.target = value;
            return Ok(());
        }
        match parent(&mut self.target, path)? {
            (Value::Object(map), key) => {
                map.insert(key, value);
            }
            (Value::Array(list), key) if key == "-" => list.push(value),
            (Value::Array(list), key) => {
                let at = index(&key, list.len() + 1)?;
                let shifted = list.len() - at;
                list.insert(at, value);
                self.spend(shifted)?;
            }
            _ => return Err(format!("{path} is in no container")),
        }
        Ok(())
    }

    fn remove(&mut self, path: &str) -> Result<Value, String> {
        match parent(&mut self.target, path)? {
            (Value::Object(map), key) => map
                .remove(&key)
                .ok_or_else(|| format!("unable to remove nonexistent key: {key}")),
            (Value::Array(list), key) => {
                let at = index(&key, list.len())?;
                let removed = list.remove(at);
                let shifted = list.len() - at;
                self.spend(shifted)?;
                Ok(removed)
            }
            _ => Err(format!("{path} is in no container")),
        }
    }
}

/// How many levels below the object a path leads.
fn levels(path: &str) -> usize {
    path.bytes().filter(|b| *b == b'/').count()
}

/// The container of a path and the last part of it.
fn parent<'a>(target: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), String> {
    let (head, last) = path
        .rsplit_once('/')
        .ok_or_else(|| format!("no container for {path:?}"))?;
    let container = target
        .pointer_mut(head)
        .ok_or_else(|| format!("missing container: {head}"))?;
    Ok((container, last.replace("~1", "/").replace("~0", "~")))
}

fn index(text: &str, length: usize) -> Result<usize, String> {
    let at = text.parse::<i64>().map_err(|_| format!("{text} is no index"))?;
    usize::try_from(at)
        .ok()
        .filter(|i| *i < length)
        .ok_or_else(|| format!("index {text} is out of bounds"))
}

fn replace(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    match parent(target, path)? {
        (Value::Object(map), key) => {
            map.insert(key, value);
        }
        (Value::Array(list), key) => {
            let at = index(&key, list.len())?;
            list[at] = value;
        }
        _ => return Err(format!("{path} is in no container")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn run(patch: &Value, target: Value) -> Result<Value, StatusError> {
        apply(&parse(patch.to_string().as_bytes())?, target)
    }

    #[test]
    fn operations_do_what_they_say() {
        let patch = json!([
            {"op": "test", "path": "/a/b", "value": 1},
            {"op": "add", "path": "/l/-", "value": 3},
            {"op": "add", "path": "/l/0", "value": 0},
            {"op": "move", "from": "/a/b", "path": "/a/c~1d"},
            {"op": "copy", "from": "/l", "path": "/m"},
            {"op": "replace", "path": "/a/new", "value": true},
            {"op": "remove", "path": "/l/1"},
        ]);
        let after = run(&patch, json!({"a": {"b": 1}, "l": [1, 2]})).unwrap();
        assert_eq!(
            after,
            json!({"a": {"c/d": 1, "new": true}, "l": [0, 2, 3], "m": [0, 1, 2, 3]})
        );
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for (patch, code) in [
            (json!([{"op": "test", "path": "/a", "value": 2}]), 422),
            (json!([{"op": "remove", "path": "/none"}]), 422),
            (json!([{"op": "add", "path": "/no/such", "value": 2}]), 422),
            (json!([{"op": "add", "path": "/l/9", "value": 2}]), 422),
            (json!([{"op": "nonsense", "path": "/a"}]), 422),
            (json!({"data": {}}), 400),
        ] {
            assert_eq!(run(&patch, json!({"a": 1, "l": []})).unwrap_err().code, code, "{patch}");
        }
    }

    /// Every copy doubles what is below `/a`.
    fn doublings(times: usize) -> Value {
        let start = json!({"op": "add", "path": "/a", "value": []});
        let copies = (0..times).map(|_| json!({"op": "copy", "from": "/a", "path": "/a/-"}));
        std::iter::once(start).chain(copies).collect()
    }

    #[test]
    fn copies_are_bounded_in_size_and_depth_while_they_are_made() {
        // Wide: one text doubled in a list.
        let text = json!([{"op": "add", "path": "/t", "value": ["x".repeat(64)]}]);
        let copies = (0..60).map(|n| json!({"op": "copy", "from": "/t", "path": format!("/t/{n}")}));
        let wide: Value = text.as_array().unwrap().iter().cloned().chain(copies).collect();
        assert_eq!(run(&wide, json!({})).unwrap_err().code, 422);
        // Deep: `/a` holds itself, over and over.
        assert_eq!(run(&doublings(1000), json!({})).unwrap_err().code, 422);
        assert!(run(&doublings(12), json!({})).is_ok());
        // Deeper by every step although nothing is copied.
        let sink = (0..=DEPTH).flat_map(|_| {
            [
                json!({"op": "add", "path": "/n", "value": {}}),
                json!({"op": "move", "from": "/d", "path": "/n/d"}),
                json!({"op": "move", "from": "/n", "path": "/d"}),
            ]
        });
        let sink: Value = std::iter::once(json!({"op": "add", "path": "/d", "value": 1}))
            .chain(sink)
            .collect();
        assert_eq!(run(&sink, json!({})).unwrap_err().code, 422);
    }

    #[test]
    fn work_on_a_long_list_is_bounded() {
        let list: Value = (0..100_000).collect();
        let at_the_front = |times: usize| -> Value {
            (0..times)
                .map(|n| json!({"op": "add", "path": "/l/0", "value": n}))
                .collect()
        };
        assert!(run(&at_the_front(500), json!({"l": list})).is_ok());
        assert_eq!(run(&at_the_front(10_000), json!({"l": list})).unwrap_err().code, 422);
        assert_eq!(run(&at_the_front(10_001), json!({"l": []})).unwrap_err().code, 413);
    }

    fn operation() -> impl Strategy<Value = Value> {
        let path = "(/[ab0-2-]){0,4}";
        let value = prop_oneof![Just(json!({})), Just(json!([1])), Just(json!({"a": {"b": []}}))];
        ("add|remove|replace|move|copy", path, path, value)
            .prop_map(|(op, from, path, value)| json!({"op": op, "from": from, "path": path, "value": value}))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_patch_makes_more_than_the_bounds_allow(list in prop::collection::vec(operation(), 0..60)) {
            // Operations that fail end a patch, so they are tried one by one.
            let mut state = State { target: json!({"a": {}, "b": [[]]}), depth: 3, copied: 0, work: 0 };
            for operation in parse(Value::from(list).to_string().as_bytes()).unwrap() {
                let _ = state.step(&operation);
            }
            let measure = limits::measure(&state.target, usize::MAX).unwrap();
            prop_assert!(measure.depth <= state.depth.min(DEPTH));
            prop_assert!(measure.bytes <= 2 * limits::SIZE);
        }
    }

    proptest! {
        #[test]
        fn any_path_is_survived(path in "(/[a-z0-9~-]{0,3}){0,4}", op in "add|remove|replace|test") {
            let patch = json!([{"op": op, "path": path, "value": 1}]);
            let _ = run(&patch, json!({"a": {"b": [1]}, "0": 1}));
        }
    }
}
