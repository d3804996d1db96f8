//! JSON patch (RFC 6902), as the real server reads it.
//!
//! It differs from the standard in one point: `replace` of an absent member of an object adds it.

use serde::Deserialize;
use serde_json::Value;

use crate::status::Failure;

/// No patch has more operations.
const LIMIT: usize = 10_000;

/// One operation.
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

/// Reads a patch.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Operation>, Failure> {
    let list = serde_json::from_slice::<Vec<Operation>>(bytes)
        .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
    if list.len() > LIMIT {
        return Err(Failure::new(
            413,
            "RequestEntityTooLarge",
            format!(
                "Request entity too large: The allowed maximum operations in a JSON patch is {LIMIT}, got {}",
                list.len()
            ),
        )
        .with_details(serde_json::json!({})));
    }
    Ok(list)
}

/// The target after all operations.
pub(crate) fn apply(list: &[Operation], mut target: Value) -> Result<Value, Failure> {
    for operation in list {
        // The real server does not say what was wrong; neither do we.
        step(operation, &mut target).map_err(|_| {
            Failure::new(
                422,
                "Invalid",
                "the server rejected our request due to an error in our request",
            )
            .with_details(serde_json::json!({}))
        })?;
    }
    Ok(target)
}

fn step(operation: &Operation, target: &mut Value) -> Result<(), String> {
    let Operation { op, path, from, value } = operation;
    match op.as_str() {
        "add" => add(target, path, value.clone()),
        "remove" => remove(target, path).map(drop),
        "replace" => replace(target, path, value.clone()),
        "move" => {
            let moved = remove(target, from)?;
            add(target, path, moved)
        }
        "copy" => {
            let copied = target
                .pointer(from)
                .cloned()
                .ok_or_else(|| format!("no value at {from}"))?;
            add(target, path, copied)
        }
        "test" if target.pointer(path).unwrap_or(&Value::Null) == value => Ok(()),
        "test" => Err(format!("testing value {path} failed")),
        other => Err(format!("unexpected kind: {other}")),
    }
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

fn add(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    match parent(target, path)? {
        (Value::Object(map), key) => {
            map.insert(key, value);
        }
        (Value::Array(list), key) if key == "-" => list.push(value),
        (Value::Array(list), key) => {
            let at = index(&key, list.len() + 1)?;
            list.insert(at, value);
        }
        _ => return Err(format!("{path} is in no container")),
    }
    Ok(())
}

fn remove(target: &mut Value, path: &str) -> Result<Value, String> {
    match parent(target, path)? {
        (Value::Object(map), key) => map
            .remove(&key)
            .ok_or_else(|| format!("unable to remove nonexistent key: {key}")),
        (Value::Array(list), key) => {
            let at = index(&key, list.len())?;
            Ok(list.remove(at))
        }
        _ => Err(format!("{path} is in no container")),
    }
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

    fn run(patch: &Value, target: Value) -> Result<Value, Failure> {
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

    proptest! {
        #[test]
        fn any_path_is_survived(path in "(/[a-z0-9~-]{0,3}){0,4}", op in "add|remove|replace|test") {
            let patch = json!([{"op": op, "path": path, "value": 1}]);
            let _ = run(&patch, json!({"a": {"b": [1]}, "0": 1}));
        }
    }
}
