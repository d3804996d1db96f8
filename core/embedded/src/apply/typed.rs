//! Objects seen through their schema: the fields they set, how two differ, how two merge, and taking fields out.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::fields::Fields;
use crate::schema::openapi::META;
use crate::schema::{ListType, Schema, Trail, Type};
use crate::text::clip;

/// How a value is taken apart.
enum Shape<'a> {
    /// It is one value that changes as a whole.
    Leaf,
    /// Its members change one by one.
    Map(&'a Map<String, Value>),
    /// Its items change one by one.
    List(&'a [Value]),
}

fn shape<'a>(value: &'a Value, schema: &Schema) -> Shape<'a> {
    match value {
        Value::Object(map) if !schema.atomic_map => Shape::Map(map),
        Value::Array(list) if schema.list != ListType::Atomic => Shape::List(list),
        _ => Shape::Leaf,
    }
}

/// The schema below a member; custom resources keep theirs for `metadata` elsewhere.
fn below(schema: &Schema, name: &str, root: bool) -> Arc<Schema> {
    if root && name == "metadata" {
        return Arc::clone(&META);
    }
    schema.member(name).cloned().unwrap_or_else(Schema::any)
}

fn items(schema: &Schema) -> Arc<Schema> {
    schema.items.clone().unwrap_or_else(Schema::any)
}

/// The name of a list item among its siblings.
fn item_name(item: &Value, schema: &Schema) -> String {
    match &schema.list {
        ListType::Map(keys) => {
            let mut map = Map::new();
            for key in keys {
                if let Some(value) = item
                    .get(key)
                    .filter(|v| !v.is_null())
                    .cloned()
                    .or_else(|| key_default(schema, key))
                {
                    map.insert(key.clone(), value);
                }
            }
            format!("k:{}", Value::Object(map))
        }
        _ => format!("v:{item}"),
    }
}

fn key_default(schema: &Schema, key: &str) -> Option<Value> {
    let declared = schema.items.as_ref()?.properties.get(key)?.default.clone();
    // The one key of built-in lists that has a default.
    declared.or_else(|| (schema.merge_key.is_some() && key == "protocol").then(|| Value::from("TCP")))
}

/// The fields that an object sets.
pub(crate) fn set_of(value: &Value, schema: &Schema) -> Fields {
    set_at(value, schema, true)
}

fn set_at(value: &Value, schema: &Schema, root: bool) -> Fields {
    let mut set = Fields::default();
    match shape(value, schema) {
        Shape::Map(map) if !map.is_empty() => {
            for (name, child) in map {
                let mut fields = set_at(child, &below(schema, name, root), false);
                let declared = schema.properties.contains_key(name) || root;
                let empty = child.is_null() || child.as_object().is_some_and(Map::is_empty);
                fields.member |= empty || !declared;
                set.children.insert(format!("f:{name}"), fields);
            }
        }
        Shape::List(list) if !list.is_empty() => {
            for item in list {
                let mut fields = set_at(item, &items(schema), false);
                fields.member = true;
                set.children.insert(item_name(item, schema), fields);
            }
        }
        _ => set.member = true,
    }
    set
}

/// Every place of a value, itself included.
fn whole(value: &Value, schema: &Schema, root: bool) -> Fields {
    let mut set = Fields::leaf();
    match shape(value, schema) {
        Shape::Map(map) => {
            for (name, child) in map {
                set.children
                    .insert(format!("f:{name}"), whole(child, &below(schema, name, root), false));
            }
        }
        Shape::List(list) => {
            for item in list {
                set.children
                    .insert(item_name(item, schema), whole(item, &items(schema), false));
            }
        }
        Shape::Leaf => {}
    }
    set
}

/// How two states of an object differ.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    pub(crate) added: Fields,
    pub(crate) removed: Fields,
    pub(crate) modified: Fields,
}

/// The fields in which two states of an object differ.
pub(crate) fn compare(old: &Value, new: &Value, schema: &Schema) -> Difference {
    compare_at(old, new, schema, true)
}

fn compare_at(old: &Value, new: &Value, schema: &Schema, root: bool) -> Difference {
    let mut difference = Difference::default();
    // Most of an object stays as it is.
    if old == new {
        return difference;
    }
    match (shape(old, schema), shape(new, schema)) {
        (Shape::Map(before), Shape::Map(after)) if !(before.is_empty() && after.is_empty()) => {
            for (name, child) in before {
                let schema = below(schema, name, root);
                let element = format!("f:{name}");
                match after.get(name) {
                    Some(other) => difference.put(element, compare_at(child, other, &schema, false)),
                    None => difference.removed.put(element, whole(child, &schema, false)),
                }
            }
            for (name, child) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
                difference
                    .added
                    .put(format!("f:{name}"), whole(child, &below(schema, name, root), false));
            }
        }
        (Shape::List(before), Shape::List(after)) => {
            let below = items(schema);
            let mut names = HashSet::new();
            let mut there = HashMap::new();
            for item in after {
                there.entry(item_name(item, schema)).or_insert(item);
            }
            for item in before {
                let name = item_name(item, schema);
                match there.get(&name) {
                    Some(other) => difference.put(name.clone(), compare_at(item, other, &below, false)),
                    None => difference.removed.put(name.clone(), whole(item, &below, false)),
                }
                names.insert(name);
            }
            for item in after {
                let name = item_name(item, schema);
                if !names.contains(&name) {
                    difference.added.put(name, whole(item, &below, false));
                }
            }
        }
        _ => difference.modified.member = old != new,
    }
    difference
}

impl Difference {
    fn put(&mut self, element: String, below: Self) {
        self.added.put(element.clone(), below.added);
        self.removed.put(element.clone(), below.removed);
        self.modified.put(element, below.modified);
    }
}

impl Fields {
    fn put(&mut self, element: String, below: Self) {
        if !below.is_empty() {
            self.children.insert(element, below);
        }
    }
}

/// The live object with what an applier wants.
pub(crate) fn merge(live: &Value, wanted: &Value, schema: &Schema) -> Value {
    merge_at(live, wanted, schema, true)
}

fn merge_at(live: &Value, wanted: &Value, schema: &Schema, root: bool) -> Value {
    match (shape(live, schema), shape(wanted, schema)) {
        (Shape::Map(before), Shape::Map(after)) => {
            let mut out = before.clone();
            for (name, value) in after {
                let merged = match before.get(name) {
                    Some(old) => merge_at(old, value, &below(schema, name, root), false),
                    None => value.clone(),
                };
                out.insert(name.clone(), merged);
            }
            Value::Object(out)
        }
        (Shape::List(before), Shape::List(after)) => Value::Array(merge_list(before, after, schema)),
        _ => wanted.clone(),
    }
}

/// Items of both, in the order that the applier wants; items of the live list keep their places among them.
fn merge_list(before: &[Value], after: &[Value], schema: &Schema) -> Vec<Value> {
    let wanted = after.iter().map(|item| item_name(item, schema)).collect::<Vec<_>>();
    let known = before.iter().map(|item| item_name(item, schema)).collect::<Vec<_>>();
    let there = known.iter().collect::<HashSet<_>>();
    let mut places = HashMap::new();
    for (place, name) in wanted.iter().enumerate() {
        places.entry(name).or_insert(place);
    }
    let mut out = Vec::with_capacity(before.len() + after.len());
    let mut done = vec![false; after.len()];
    let mut next = 0;
    for (item, name) in before.iter().zip(&known) {
        let Some(at) = places.get(name).copied() else {
            out.push(item.clone());
            continue;
        };
        if done[at] {
            continue;
        }
        // What the applier puts before this item and the live list has not got comes first.
        for index in next..at {
            let fresh = !there.contains(&wanted[index]);
            if fresh && !done[index] {
                out.push(after[index].clone());
                done[index] = true;
            }
        }
        next = next.max(at + 1);
        out.push(merge_at(item, &after[at], &items(schema), false));
        done[at] = true;
    }
    out.extend(
        after
            .iter()
            .zip(&done)
            .filter(|(_, done)| !**done)
            .map(|(item, _)| item.clone()),
    );
    out
}

/// The object without these fields; maps and lists that become empty go as well.
pub(crate) fn remove(value: &Value, gone: &Fields, schema: &Schema) -> Value {
    remove_at(value, gone, schema, true).unwrap_or(Value::Null)
}

fn remove_at(value: &Value, gone: &Fields, schema: &Schema, root: bool) -> Option<Value> {
    if gone.children.is_empty() {
        return Some(value.clone());
    }
    match shape(value, schema) {
        Shape::Map(map) => {
            let mut out = Map::new();
            for (name, child) in map {
                match gone.children.get(&format!("f:{name}")) {
                    Some(fields) if fields.member => {}
                    Some(fields) => {
                        if let Some(rest) = remove_at(child, fields, &below(schema, name, root), false) {
                            out.insert(name.clone(), rest);
                        }
                    }
                    None => {
                        out.insert(name.clone(), child.clone());
                    }
                }
            }
            (!out.is_empty()).then_some(Value::Object(out))
        }
        Shape::List(list) => {
            let mut out = Vec::new();
            for item in list {
                match gone.children.get(&item_name(item, schema)) {
                    Some(fields) if fields.member => {}
                    Some(fields) => out.extend(remove_at(item, fields, &items(schema), false)),
                    None => out.push(item.clone()),
                }
            }
            (!out.is_empty()).then_some(Value::Array(out))
        }
        Shape::Leaf => Some(value.clone()),
    }
}

/// The set with every declared field on the way to its members.
pub(crate) fn with_parents(set: &Fields, schema: &Schema) -> Fields {
    parents_at(set, schema, true)
}

fn parents_at(set: &Fields, schema: &Schema, root: bool) -> Fields {
    let mut out = Fields {
        member: set.member,
        ..Fields::default()
    };
    for (element, child) in &set.children {
        let (schema_below, declared) = match element.strip_prefix("f:") {
            Some(name) => (below(schema, name, root), root || schema.properties.contains_key(name)),
            None => (items(schema), false),
        };
        let mut child = parents_at(child, &schema_below, false);
        child.member |= declared;
        out.children.insert(element.clone(), child);
    }
    out
}

/// Why an applied object does not fit its schema: unknown fields, wrong types, ambiguous items.
pub(crate) fn check(value: &Value, schema: &Schema) -> Result<(), String> {
    check_at(value, schema, Trail::Root(""), true)
}

/// A place with the dot that the real server puts before it.
fn dotted(path: Trail<'_>) -> String {
    match path {
        Trail::Root(_) => String::new(),
        path => clip(format!(".{path}"), 1 << 10),
    }
}

fn check_at(value: &Value, schema: &Schema, path: Trail<'_>, root: bool) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    let expected = match schema.kind {
        _ if schema.int_or_string => None,
        Type::Object => (!value.is_object()).then_some("map"),
        Type::Array => (!value.is_array()).then_some("list"),
        Type::String => (!value.is_string()).then_some("string"),
        Type::Boolean => (!value.is_boolean()).then_some("boolean"),
        Type::Integer | Type::Number => (!value.is_number()).then_some("numeric (int or float)"),
        Type::Any => None,
    };
    if let Some(expected) = expected {
        return Err(format!(
            "{}: expected {expected}, got {}",
            dotted(path),
            clip(value.to_string(), 1 << 10)
        ));
    }
    match value {
        Value::Object(map) => {
            for (name, child) in map {
                let path = Trail::Field(&path, name);
                let own = root && matches!(name.as_str(), "apiVersion" | "kind" | "metadata");
                let open = schema.preserve || schema.kind == Type::Any || own;
                if schema.member(name).is_none() && !open {
                    return Err(format!("{}: field not declared in schema", dotted(path)));
                }
                check_at(child, &below(schema, name, root), path, false)?;
            }
            Ok(())
        }
        Value::Array(list) => check_items(list, schema, path),
        _ => Ok(()),
    }
}

fn check_items(list: &[Value], schema: &Schema, path: Trail<'_>) -> Result<(), String> {
    let mut seen = HashSet::new();
    for (index, item) in list.iter().enumerate() {
        check_at(item, &items(schema), Trail::Item(&path, index), false)?;
        if schema.list == ListType::Atomic {
            continue;
        }
        let name = item_name(item, schema);
        let path = || dotted(path);
        if name == "k:{}" {
            let why = "associative list with keys has an element that omits all key fields";
            return Err(format!("{}: element {index}: {why}", path()));
        }
        if seen.contains(&name) {
            return Err(format!("{}: duplicate entries for key {}", path(), &name[2..]));
        }
        seen.insert(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        Schema::custom(
            &json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
                "size": {"type": "integer"},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "numbers": {"type": "array", "items": {"type": "integer"}},
                "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                "items": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["key"],
                    "items": {"type": "object", "properties": {"key": {"type": "string"}, "value": {"type": "string"}}}},
            }}}}),
        )
    }

    #[test]
    fn an_object_sets_leaves_items_and_free_keys() {
        let value = json!({"spec": {"size": 1, "labels": {"p": "q"}, "numbers": [1], "items": [{"key": "x"}]}});
        assert_eq!(
            set_of(&value, &schema()).write(),
            json!({"f:spec": {"f:items": {"k:{\"key\":\"x\"}": {".": {}, "f:key": {}}}, "f:labels": {"f:p": {}},
                "f:numbers": {}, "f:size": {}}})
        );
    }

    #[test]
    fn lists_merge_by_key_and_by_value_and_plain_ones_are_replaced() {
        let live = json!({"spec": {"items": [{"key": "x", "value": "1"}], "tags": ["a", "b"], "numbers": [1, 2]}});
        let wanted =
            json!({"spec": {"items": [{"key": "y"}, {"key": "x", "value": "2"}], "tags": ["c"], "numbers": [3]}});
        assert_eq!(
            merge(&live, &wanted, &schema()),
            json!({"spec": {"items": [{"key": "y"}, {"key": "x", "value": "2"}], "tags": ["a", "b", "c"], "numbers": [3]}})
        );
    }

    #[test]
    fn a_difference_names_what_came_went_and_changed() {
        let old = json!({"spec": {"size": 1, "tags": ["a"], "labels": {"p": "q"}}});
        let new = json!({"spec": {"size": 2, "tags": ["b"], "numbers": [1]}});
        let difference = compare(&old, &new, &schema());
        assert_eq!(difference.modified.paths(9), [".spec.size"]);
        assert_eq!(difference.added.paths(9), [".spec.numbers", ".spec.tags[=\"b\"]"]);
        assert_eq!(
            difference.removed.paths(9),
            [".spec.labels", ".spec.labels.p", ".spec.tags[=\"a\"]"]
        );
    }

    #[test]
    fn removing_the_last_item_removes_the_list() {
        let value = json!({"spec": {"size": 1, "items": [{"key": "x"}]}});
        let gone = Fields::read(&json!({"f:spec": {"f:items": {"k:{\"key\":\"x\"}": {}}}}));
        assert_eq!(remove(&value, &gone, &schema()), json!({"spec": {"size": 1}}));
    }

    #[test]
    fn long_lists_are_compared_merged_and_checked_in_good_time() {
        let begun = std::time::Instant::now();
        let of = |from: usize| {
            let tags: Value = (from..from + 40_000).map(|n| format!("t{n}")).collect();
            let items: Value = (from..from + 20_000).map(|n| json!({"key": format!("k{n}")})).collect();
            json!({"spec": {"tags": tags, "items": items}})
        };
        let (live, wanted) = (of(0), of(10_000));
        assert_eq!(check(&wanted, &schema()), Ok(()));
        let merged = merge(&live, &wanted, &schema());
        assert_eq!(merged["spec"]["tags"].as_array().unwrap().len(), 50_000);
        assert_eq!(merged["spec"]["items"].as_array().unwrap().len(), 30_000);
        let difference = compare(&live, &wanted, &schema());
        assert_eq!(
            (difference.added.children.len(), difference.removed.children.len()),
            (1, 1)
        );
        // Quadratic, these are billions of names to make.
        assert!(begun.elapsed().as_secs() < 20);
    }
}
