//! Strategic merge patch: like merge patch, but lists with a merge key merge item by item.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::schema::Schema;
use crate::status::StatusError;

/// The target after the patch.
pub(crate) fn apply(target: Value, patch: &Value, schema: &Schema) -> Result<Value, StatusError> {
    let (Value::Object(target), Value::Object(patch)) = (target, patch) else {
        return Ok(patch.clone());
    };
    merge_map(target, patch, Some(schema)).map(Value::Object)
}

fn bad(text: String) -> StatusError {
    StatusError::bad_request(text)
}

fn merge_map(
    mut target: Map<String, Value>,
    patch: &Map<String, Value>,
    schema: Option<&Schema>,
) -> Result<Map<String, Value>, StatusError> {
    match patch.get("$patch").and_then(Value::as_str) {
        None | Some("merge") => {}
        Some("replace") => return Ok(without_directives(patch)),
        Some("delete") => return Ok(Map::new()),
        Some(other) => return Err(bad(format!("unknown patch type found in patch: {other}"))),
    }
    if let Some(Value::Array(retain)) = patch.get("$retainKeys") {
        let retain = retain.iter().filter_map(Value::as_str).collect::<HashSet<_>>();
        target.retain(|name, _| retain.contains(name.as_str()));
    }
    for (name, value) in patch {
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            if let (Some(Value::Array(items)), Value::Array(gone)) = (target.get_mut(list), value) {
                let gone = gone.iter().collect::<HashSet<_>>();
                items.retain(|item| !gone.contains(item));
            }
            continue;
        }
        if name.starts_with('$') {
            continue;
        }
        let member = schema.and_then(|s| s.member(name));
        if value.is_null() {
            target.remove(name);
            continue;
        }
        let order = patch.get(&format!("$setElementOrder/{name}")).and_then(Value::as_array);
        let merged = match (target.remove(name), value) {
            (Some(Value::Object(before)), Value::Object(change)) => {
                Value::Object(merge_map(before, change, member.map(AsRef::as_ref))?)
            }
            (before, Value::Array(change)) => {
                let before = match before {
                    Some(Value::Array(list)) => list,
                    _ => Vec::new(),
                };
                Value::Array(merge_list(before, change, order, member.map(AsRef::as_ref))?)
            }
            (_, Value::Object(change)) => Value::Object(merge_map(Map::new(), change, member.map(AsRef::as_ref))?),
            (_, value) => value.clone(),
        };
        target.insert(name.clone(), merged);
    }
    for (name, order) in patch
        .iter()
        .filter_map(|(n, v)| Some((n.strip_prefix("$setElementOrder/")?, v.as_array()?)))
    {
        if patch.contains_key(name) {
            continue;
        }
        let key = schema.and_then(|s| s.member(name)).and_then(|m| m.merge_key);
        if let (Some(Value::Array(list)), Some(key)) = (target.get_mut(name), key) {
            let server = list.clone();
            sort_by(list, &server, order, key);
        }
    }
    Ok(target)
}

fn merge_list(
    mut target: Vec<Value>,
    patch: &[Value],
    order: Option<&Vec<Value>>,
    schema: Option<&Schema>,
) -> Result<Vec<Value>, StatusError> {
    let Some(key) = schema.and_then(|s| s.merge_key) else {
        return Ok(patch.iter().filter(|i| i.get("$patch").is_none()).cloned().collect());
    };
    let server = target.clone();
    if key.is_empty() {
        let mut seen = server.iter().collect::<HashSet<_>>();
        target.extend(patch.iter().filter(|item| seen.insert(item)).cloned());
        sort_by(&mut target, &server, order.map_or(patch, Vec::as_slice), key);
        return Ok(target);
    }
    if patch.iter().any(|item| item["$patch"] == "replace") {
        return Ok(patch.iter().filter(|i| i.get("$patch").is_none()).cloned().collect());
    }
    let items = schema.and_then(|s| s.items.as_deref());
    let mut merged = merge_items(target, patch, key, items)?;
    sort_by(&mut merged, &server, order.map_or(patch, Vec::as_slice), key);
    Ok(merged)
}

/// Merges items by their key; new ones come last.
fn merge_items(
    target: Vec<Value>,
    patch: &[Value],
    key: &str,
    items: Option<&Schema>,
) -> Result<Vec<Value>, StatusError> {
    let mut places: HashMap<Value, Vec<usize>> = HashMap::new();
    for (place, id) in target.iter().enumerate().filter_map(|(n, t)| Some((n, t.get(key)?))) {
        places.entry(id.clone()).or_default().push(place);
    }
    let mut slots = target.into_iter().map(Some).collect::<Vec<_>>();
    for item in patch {
        let Value::Object(change) = item else {
            return Err(bad("expected an object in a list that is merged by key".to_owned()));
        };
        let Some(id) = change.get(key) else {
            return Err(bad(format!("map: {item} does not contain declared merge key: {key}")));
        };
        let found = places.get(id).and_then(|all| all.first()).copied();
        match (change.get("$patch").and_then(Value::as_str), found) {
            (Some("delete"), _) => {
                for place in places.remove(id).into_iter().flatten() {
                    slots[place] = None;
                }
            }
            (Some("merge") | None, Some(at)) => {
                if let Some(Value::Object(before)) = slots[at].take() {
                    slots[at] = Some(Value::Object(merge_map(before, change, items)?));
                }
            }
            (Some("merge") | None, None) => {
                places.entry(id.clone()).or_default().push(slots.len());
                slots.push(Some(Value::Object(merge_map(Map::new(), change, items)?)));
            }
            (Some(other), _) => return Err(bad(format!("unknown patch type found in patch: {other}"))),
        }
    }
    Ok(slots.into_iter().flatten().collect())
}

/// Orders a merged list: the items of the patch in its order, those that only the server has in theirs, and of two items
/// that the server knows both the one that came first there first.
fn sort_by(list: &mut Vec<Value>, server: &[Value], order: &[Value], key: &str) {
    let (wanted, known) = (Ranks::of(order, key), Ranks::of(server, key));
    let (mut patched, rest): (Vec<_>, Vec<_>) = list.drain(..).partition(|item| wanted.rank(item).is_some());
    patched.sort_by_key(|item| wanted.rank(item));
    let mut rest = rest.into_iter().peekable();
    for item in patched {
        let place = known.rank(&item);
        while let Some(other) = rest.next_if(|other| matches!((known.rank(other), place), (Some(a), Some(b)) if a < b))
        {
            list.push(other);
        }
        list.push(item);
    }
    list.extend(rest);
}

/// The first place of every item of a list, by what tells items apart.
struct Ranks<'a> {
    places: HashMap<&'a Value, usize>,
    key: &'a str,
}

impl<'a> Ranks<'a> {
    fn of(list: &'a [Value], key: &'a str) -> Self {
        let mut places = HashMap::new();
        for (place, item) in list.iter().enumerate() {
            if let Some(id) = id(item, key) {
                places.entry(id).or_insert(place);
            }
        }
        Self { places, key }
    }

    fn rank(&self, item: &Value) -> Option<usize> {
        self.places.get(id(item, self.key)?).copied()
    }
}

fn id<'a>(item: &'a Value, key: &str) -> Option<&'a Value> {
    if key.is_empty() { Some(item) } else { item.get(key) }
}

fn without_directives(patch: &Map<String, Value>) -> Map<String, Value> {
    patch
        .iter()
        .filter(|(name, _)| !name.starts_with('$'))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::builtin;

    fn pod(patch: &Value) -> Value {
        let target = json!({"metadata": {"finalizers": ["a/x"]}, "spec": {"containers": [
            {"name": "one", "image": "1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            {"name": "two", "image": "2"},
        ]}});
        apply(target, patch, &builtin::schema("", "Pod")).unwrap()
    }

    #[test]
    fn containers_and_their_variables_merge_by_name() {
        let after = pod(&json!({"spec": {"containers": [
            {"name": "one", "env": [{"name": "B", "$patch": "delete"}, {"name": "C", "value": "3"}]},
        ]}}));
        assert_eq!(
            after["spec"]["containers"][0]["env"],
            json!([{"name": "C", "value": "3"}, {"name": "A", "value": "1"}])
        );
        assert_eq!(after["spec"]["containers"][1]["image"], "2");
    }

    #[test]
    fn the_order_of_elements_is_set_by_its_directive() {
        let after = pod(&json!({"spec": {
            "$setElementOrder/containers": [{"name": "two"}, {"name": "one"}],
            "containers": [{"name": "two", "image": "9"}],
        }}));
        assert_eq!(after["spec"]["containers"][0]["name"], "two");
        assert_eq!(after["spec"]["containers"][0]["image"], "9");
    }

    #[test]
    fn long_lists_merge_in_good_time() {
        let names = |from: usize| -> Value {
            (from..from + 20_000)
                .map(|n| json!({"name": format!("v{n}")}))
                .collect()
        };
        let target = json!({"spec": {"volumes": names(0)}, "metadata": {"finalizers": (0..20_000).map(|n| format!("a/{n}")).collect::<Vec<_>>()}});
        let patch = json!({"spec": {"volumes": names(10_000)}, "metadata": {"finalizers": (10_000..30_000).map(|n| format!("a/{n}")).collect::<Vec<_>>()}});
        let begun = std::time::Instant::now();
        let after = apply(target, &patch, &builtin::schema("", "Pod")).unwrap();
        assert_eq!(after["spec"]["volumes"].as_array().unwrap().len(), 30_000);
        assert_eq!(after["metadata"]["finalizers"].as_array().unwrap().len(), 30_000);
        // A quadratic merge of these takes minutes.
        assert!(begun.elapsed().as_secs() < 20);
    }

    #[test]
    fn finalizers_are_a_set_that_can_lose_members() {
        let after = pod(&json!({"metadata": {"finalizers": ["a/y"]}}));
        assert_eq!(after["metadata"]["finalizers"], json!(["a/y", "a/x"]));
        let after = pod(&json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/x"]}}));
        assert_eq!(after["metadata"]["finalizers"], json!([]));
    }
}
