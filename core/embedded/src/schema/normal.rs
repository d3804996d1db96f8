//! Bringing objects into form: dropping unknown fields, dropping nulls, filling defaults.

use serde_json::{Map, Value};

use super::openapi::META;
use super::{Schema, Trail, Type};
use crate::limits::{self, Excess};
use crate::text::clip;

/// The defaults of a schema would make an object larger than any may be.
const TOO_LARGE: Excess = Excess::Size(limits::SIZE);
/// Removed paths that are named: a longer list helps nobody.
const NAMED: usize = 100;
/// Bytes of a path that is named.
const PATH: usize = 1 << 10;

/// Removes what the schema does not declare; returns the paths that were removed.
pub(crate) fn prune(value: &mut Value, schema: &Schema) -> Vec<String> {
    let mut removed = Removed::default();
    prune_at(value, schema, Trail::Root(""), true, &mut removed);
    removed.own.sort();
    removed.embedded.sort();
    removed.own.append(&mut removed.embedded);
    removed.own
}

/// Paths that were removed; those in the metadata of embedded objects are named last.
#[derive(Default)]
struct Removed {
    own: Vec<String>,
    embedded: Vec<String>,
}

impl Removed {
    fn note(&mut self, path: Trail<'_>) {
        if self.own.len() + self.embedded.len() < NAMED {
            self.own.push(clip(path.to_string(), PATH));
        }
    }
}

fn prune_at(value: &mut Value, schema: &Schema, path: Trail<'_>, root: bool, removed: &mut Removed) {
    match value {
        Value::Object(map) => {
            if schema.kind != Type::Object && schema.properties.is_empty() && schema.additional.is_none() {
                // Scalars of the wrong type are for validation to refuse.
                if schema.kind != Type::Any || schema.preserve || schema.int_or_string {
                    return;
                }
            }
            if !schema.preserve {
                map.retain(|name, _| {
                    let known = schema.member(name).is_some() || ((root || schema.embedded) && is_type_meta(name));
                    if !known {
                        removed.note(Trail::Field(&path, name));
                    }
                    known
                });
            }
            for (name, child) in map.iter_mut() {
                if (root || schema.embedded) && is_type_meta(name) {
                    continue;
                }
                if let Some(member) = schema.member(name) {
                    prune_at(child, member, Trail::Field(&path, name), false, removed);
                }
            }
            if let (true, Some(metadata)) = (schema.embedded, map.get_mut("metadata")) {
                let mut below = Removed::default();
                prune_at(metadata, &META, Trail::Field(&path, "metadata"), false, &mut below);
                removed.embedded.append(&mut below.own);
            }
        }
        Value::Array(list) => {
            if let Some(items) = &schema.items {
                for (index, item) in list.iter_mut().enumerate() {
                    prune_at(item, items, Trail::Item(&path, index), false, removed);
                }
            }
        }
        _ => {}
    }
}

fn is_type_meta(name: &str) -> bool {
    matches!(name, "apiVersion" | "kind" | "metadata")
}

/// Fills defaults, and drops nulls of fields that are not nullable.
pub(crate) fn default(value: &mut Value, schema: &Schema) -> Result<(), Excess> {
    default_at(value, schema, &mut limits::SIZE.clone())
}

/// `room` is how many bytes defaults may still add.
fn default_at(value: &mut Value, schema: &Schema, room: &mut usize) -> Result<(), Excess> {
    match (value, &schema.items) {
        (Value::Object(map), _) => default_map(map, schema, room),
        (Value::Array(list), Some(items)) => list.iter_mut().try_for_each(|item| default_at(item, items, room)),
        _ => Ok(()),
    }
}

fn default_map(map: &mut Map<String, Value>, schema: &Schema, room: &mut usize) -> Result<(), Excess> {
    for name in &schema.defaulted {
        let Some(property) = schema.properties.get(name) else {
            continue;
        };
        let Some(fallback) = &property.default else { continue };
        let missing = match map.get(name) {
            None => true,
            Some(Value::Null) => !property.nullable,
            Some(_) => false,
        };
        if missing {
            let added = limits::measure(fallback, *room).ok_or(TOO_LARGE)?;
            *room = room.checked_sub(added.bytes + name.len() + 4).ok_or(TOO_LARGE)?;
            map.insert(name.clone(), fallback.clone());
        }
    }
    map.retain(|name, value| {
        !value.is_null()
            || schema
                .member(name)
                .is_none_or(|member| member.nullable || (member.preserve && member.kind == Type::Any))
    });
    for (name, child) in map {
        if let Some(member) = schema.member(name) {
            default_at(child, member, room)?;
        }
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
                "size": {"type": "integer", "default": 3},
                "note": {"type": "string", "nullable": true, "default": "n"},
                "limits": {"type": "object", "default": {}, "properties": {"cpu": {"type": "string", "default": "1"}}},
                "absent": {"type": "object", "properties": {"deep": {"type": "string", "default": "x"}}},
                "blob": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"known": {"type": "integer"}}},
            }}}}),
        )
    }

    #[test]
    fn unknown_fields_go_and_are_named() {
        let mut value =
            json!({"kind": "X", "spec": {"nosuch": 1, "blob": {"any": [1]}, "limits": {"gpu": 1}}, "top": 1});
        assert_eq!(prune(&mut value, &schema()), ["spec.limits.gpu", "spec.nosuch", "top"]);
        assert_eq!(
            value,
            json!({"kind": "X", "spec": {"blob": {"any": [1]}, "limits": {}}})
        );
    }

    #[test]
    fn defaults_fill_leaves_and_default_objects_but_nothing_below_absent_ones() {
        let mut value = json!({"spec": {"size": null, "note": null}});
        assert_eq!(default(&mut value, &schema()), Ok(()));
        assert_eq!(
            value,
            json!({"spec": {"size": 3, "note": null, "limits": {"cpu": "1"}}})
        );
    }

    #[test]
    fn defaults_do_not_grow_an_object_beyond_what_a_request_may_be() {
        let items =
            json!({"type": "object", "properties": {"big": {"type": "string", "default": "x".repeat(1 << 20)}}});
        let schema =
            Schema::custom(&json!({"type": "object", "properties": {"list": {"type": "array", "items": items}}}));
        let of = |count: usize| json!({"list": vec![json!({}); count]});
        assert_eq!(default(&mut of(2), &schema), Ok(()));
        assert_eq!(default(&mut of(100_000), &schema), Err(TOO_LARGE));
    }

    #[test]
    fn only_so_many_of_the_removed_fields_are_named() {
        let mut value: Value = (0..100_000).map(|n| (format!("f{n}"), json!(1))).collect();
        assert_eq!(prune(&mut value, &schema()).len(), NAMED);
        assert_eq!(value, json!({}));
    }
}
