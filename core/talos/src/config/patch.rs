//! Applies patches with the results that `talosctl` gets.
//!
//! Strategic: mappings are merged, lists appended, empty texts and zeroes change nothing, and `$patch: delete` takes a part
//! away before the rest is merged. Some lists are merged by a key, and some values are replaced as a whole. JSON patches
//! change the main document; `talosctl` refuses them where there are further ones, as from Talos 1.12 on there always are.

use butler_api::config::{PatchBody, Patches, patch::VERBATIM};
use serde_json::{Map, Value};

use super::{ConfigError, Role};

/// The document without a kind.
const MAIN: &str = "v1alpha1";

/// Applies what is meant for a role: what is for all machines first.
pub(super) fn apply(documents: &mut Vec<Value>, patches: &Patches, role: Role) -> Result<(), ConfigError> {
    let (own, name) = match role {
        Role::ControlPlane => (&patches.control_plane, "control plane"),
        Role::Worker => (&patches.workers, "worker"),
    };
    for patch in patches.all.iter().chain(own) {
        let applied = match &patch.body {
            PatchBody::Merge(parts) => parts
                .iter()
                .try_for_each(|part| merge_document(documents, part.clone())),
            PatchBody::Operations(operations) => operate(documents, operations),
        };
        applied.map_err(|problem| ConfigError::Patch {
            setting: patch.setting.clone(),
            role: name,
            problem,
        })?;
    }
    Ok(())
}

/// RFC 6902 on the main document.
fn operate(documents: &mut [Value], operations: &Value) -> Result<(), String> {
    let main = documents.first_mut().ok_or("there is no main document")?;
    let operations: json_patch::Patch =
        serde_json::from_value(operations.clone()).map_err(|_| "it is no JSON patch".to_owned())?;
    // The library's error names the operation and its path, no value.
    json_patch::patch(main, &operations).map_err(|error| error.to_string())
}

fn merge_document(documents: &mut Vec<Value>, mut part: Value) -> Result<(), String> {
    let id = identity(&part);
    let mut deletions = Vec::new();
    let whole = take_deletions(&mut part, false, &mut Vec::new(), &mut deletions)?;
    let place = documents.iter().position(|document| identity(document) == id);
    if let Some(place) = place {
        for deletion in &deletions {
            if deletion.path.is_empty() {
                if id.0 == MAIN {
                    return Err("the main document cannot be taken away".to_owned());
                }
                documents.remove(place);
                return Ok(());
            }
            deletion.apply(&mut documents[place])?;
        }
    }
    if whole || part.as_object().is_none_or(Map::is_empty) {
        return Ok(());
    }
    let Some(place) = place else {
        documents.push(part);
        return Ok(());
    };
    merge(&mut documents[place], part, &id.0, &mut Vec::new())
}

/// Kind and name of a document.
fn identity(document: &Value) -> (String, String) {
    let text = |key: &str| document.get(key).map_or_else(String::new, scalar);
    match document.get("kind") {
        None => (MAIN.to_owned(), String::new()),
        Some(_) => (text("kind"), text("name")),
    }
}

/// A scalar as text, however it is written.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim_start_matches(VERBATIM).to_owned(),
        other => other.to_string(),
    }
}

/// Something that a patch takes away.
struct Deletion {
    path: Vec<String>,
    /// For an item of a list: a key and its value. The path is then that of the list.
    item: Option<(String, String)>,
}

/// Takes every `$patch: delete` out of a patch, with what becomes empty by it; whether nothing is left.
fn take_deletions(
    part: &mut Value,
    in_list: bool,
    path: &mut Vec<String>,
    found: &mut Vec<Deletion>,
) -> Result<bool, String> {
    match part {
        Value::Object(entries) => {
            if entries.get("$patch").map(scalar).as_deref() == Some("delete") {
                found.push(deletion(entries, in_list, path)?);
                return Ok(true);
            }
            let keys: Vec<String> = entries.keys().cloned().collect();
            let mut shrunk = false;
            for key in keys {
                path.push(key.clone());
                if take_deletions(&mut entries[&key], false, path, found)? {
                    entries.remove(&key);
                    shrunk = true;
                }
                path.pop();
            }
            Ok(shrunk && entries.is_empty())
        }
        Value::Array(items) => {
            let before = items.len();
            let mut kept = Vec::new();
            for mut item in std::mem::take(items) {
                path.push("[]".to_owned());
                let gone = take_deletions(&mut item, true, path, found);
                path.pop();
                if !gone? {
                    kept.push(item);
                }
            }
            let emptied = kept.is_empty() && before > 0;
            *items = kept;
            Ok(emptied)
        }
        _ => Ok(false),
    }
}

fn deletion(entries: &Map<String, Value>, in_list: bool, path: &[String]) -> Result<Deletion, String> {
    let (outer, item) = if in_list {
        let first = entries.iter().find(|(key, _)| *key != "$patch");
        let (key, value) = first.ok_or_else(|| format!("`$patch: delete` in {} names no item", shown(path)))?;
        let outer = &path[..path.len() - 1];
        (outer, Some((key.clone(), scalar(value))))
    } else {
        (path, None)
    };
    if outer.iter().any(|step| step == "[]") {
        return Err(format!("`$patch: delete` does not reach into lists ({})", shown(path)));
    }
    Ok(Deletion {
        path: outer.to_vec(),
        item,
    })
}

impl Deletion {
    fn apply(&self, document: &mut Value) -> Result<(), String> {
        let missing = || format!("there is nothing to take away at {}", shown(&self.path));
        let (last, outer) = self.path.split_last().ok_or_else(missing)?;
        let outer = outer
            .iter()
            .try_fold(document, |value, step| value.get_mut(step))
            .ok_or_else(missing)?;
        let outer = outer.as_object_mut().ok_or_else(missing)?;
        let Some((key, value)) = &self.item else {
            // What is not there need not be taken away.
            outer.remove(last);
            return Ok(());
        };
        let items = outer.get_mut(last).and_then(Value::as_array_mut).ok_or_else(missing)?;
        let at = items
            .iter()
            .position(|item| item.get(key).is_some_and(|found| scalar(found) == *value));
        items.remove(at.ok_or_else(missing)?);
        Ok(())
    }
}

/// How a value of the patch meets one that is there.
enum Meeting {
    Merged,
    Replaced,
    /// Items of lists whose first key that is there has the same value are one item.
    Keyed(&'static [&'static str]),
    /// The same, and the item of the patch takes the place of the other.
    KeyedReplaced(&'static str),
}

fn meeting(kind: &str, path: &[String]) -> Meeting {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match (kind, &path[..]) {
        (
            MAIN,
            ["cluster", "apiServer", "auditPolicy"]
            | ["cluster", "network", "podSubnets" | "serviceSubnets"]
            | ["machine" | "cluster", _, "extraArgs", _],
        )
        | ("NetworkRuleConfig", ["ingress"] | ["portSelector", "ports"]) => Meeting::Replaced,
        (MAIN, ["cluster", "apiServer", "admissionControl"]) => Meeting::Keyed(&["name"]),
        (MAIN, ["machine", "network", "interfaces"]) => Meeting::Keyed(&["interface", "deviceSelector"]),
        (MAIN, ["machine", "network", "interfaces", "[]", "vlans"]) => Meeting::Keyed(&["vlanId"]),
        ("ExtensionServiceConfig", ["configFiles"]) => Meeting::Keyed(&["mountPath"]),
        ("ImageVerificationConfig", ["rules"]) => Meeting::KeyedReplaced("image"),
        _ => Meeting::Merged,
    }
}

fn merge(left: &mut Value, right: Value, kind: &str, path: &mut Vec<String>) -> Result<(), String> {
    match (&mut *left, right) {
        (_, Value::Null) => Ok(()),
        (Value::Null, right @ (Value::Object(_) | Value::Array(_))) => {
            *left = if right.is_object() {
                Map::new().into()
            } else {
                Vec::<Value>::new().into()
            };
            merge(left, right, kind, path)
        }
        (Value::Object(entries), Value::Object(changes)) => merge_entries(entries, changes, kind, path),
        (Value::Array(items), Value::Array(changes)) => match meeting(kind, path) {
            Meeting::Keyed(keys) => merge_keyed(items, changes, keys, kind, path),
            Meeting::KeyedReplaced(key) => {
                for change in changes {
                    match same_item(items, &change, &[key]) {
                        Some(at) => items[at] = change,
                        None => items.push(change),
                    }
                }
                Ok(())
            }
            Meeting::Merged | Meeting::Replaced => {
                items.extend(changes);
                Ok(())
            }
        },
        (there @ (Value::Object(_) | Value::Array(_)), right)
        | (there, right @ (Value::Object(_) | Value::Array(_))) => Err(format!(
            "{} is {} there, not {}",
            shown(path),
            kind_of(there),
            kind_of(&right)
        )),
        (_, right) => {
            // As in the other implementation an empty text or a zero says nothing; `false` does.
            if !is_zero(&right) || left.is_null() {
                *left = right;
            }
            Ok(())
        }
    }
}

fn merge_entries(
    entries: &mut Map<String, Value>,
    changes: Map<String, Value>,
    kind: &str,
    path: &mut Vec<String>,
) -> Result<(), String> {
    for (key, change) in changes {
        path.push(key.clone());
        let merged = match meeting(kind, path) {
            Meeting::Replaced if !change.is_null() => {
                entries.insert(key, change);
                Ok(())
            }
            _ => merge(entries.entry(key).or_insert(Value::Null), change, kind, path),
        };
        path.pop();
        merged?;
    }
    Ok(())
}

fn merge_keyed(
    items: &mut Vec<Value>,
    changes: Vec<Value>,
    keys: &[&str],
    kind: &str,
    path: &mut Vec<String>,
) -> Result<(), String> {
    for change in changes {
        match same_item(items, &change, keys) {
            Some(at) => {
                path.push("[]".to_owned());
                let merged = merge(&mut items[at], change, kind, path);
                path.pop();
                merged?;
            }
            None => items.push(change),
        }
    }
    Ok(())
}

/// The item that agrees in the first key that the other one has.
fn same_item(items: &[Value], other: &Value, keys: &[&str]) -> Option<usize> {
    let (key, value) = keys.iter().find_map(|key| Some((*key, other.get(*key)?)))?;
    let same = |found: &Value| match (found, value) {
        (Value::Object(_), _) | (_, Value::Object(_)) => found == value,
        _ => scalar(found) == scalar(value),
    };
    items.iter().position(|item| item.get(key).is_some_and(same))
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "a mapping",
        Value::Array(_) => "a list",
        _ => "a single value",
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        _ => false,
    }
}

fn shown(path: &[String]) -> String {
    format!("`{}`", path.join(".").replace(".[]", "[]"))
}

#[cfg(test)]
mod tests;
