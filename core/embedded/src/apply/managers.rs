//! The list of field managers in `metadata.managedFields`, and how writes and applies change it.

#![expect(
    clippy::disallowed_macros,
    reason = "managed fields are kept in the object as JSON, whatever its kind"
)]

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{StatusCause, StatusDetails};
use serde_json::{Value, json};

use super::fields::Fields;
use super::typed;
use crate::kinds::Resource;
use crate::status::{CAUSES, StatusError};
use crate::text::{clip, meta_mut, now, string_at};

/// More managers by update than this are folded together.
const UPDATERS: usize = 10;

/// The field manager of a write, and the kind of write.
#[derive(Debug, Clone)]
pub(crate) struct Actor<'a> {
    manager: &'a str,
    api_version: String,
    subresource: &'a str,
    retry: bool,
    apply: bool,
}

impl<'a> Actor<'a> {
    /// A create or update, which takes the fields it changes from other managers.
    pub(crate) fn update(manager: &'a str, resource: &Resource, subresource: &'a str) -> Self {
        Self {
            manager,
            api_version: resource.api_version(),
            subresource,
            retry: false,
            apply: false,
        }
    }

    /// A change that can be computed again from a newer object.
    pub(crate) fn patch(manager: &'a str, resource: &Resource, subresource: &'a str) -> Self {
        Self {
            retry: true,
            ..Self::update(manager, resource, subresource)
        }
    }

    /// An apply: the managers are settled before the object is checked.
    pub(crate) fn apply(manager: &'a str, resource: &Resource, subresource: &'a str) -> Self {
        Self {
            apply: true,
            ..Self::patch(manager, resource, subresource)
        }
    }

    pub(crate) fn retries(&self) -> bool {
        self.retry
    }
}

/// One manager and its fields.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    manager: String,
    apply: bool,
    api_version: String,
    subresource: String,
    time: String,
    fields: Managed,
}

/// The fields of a manager. Most writes leave most managers alone, so a set is taken apart only when it has to change.
#[derive(Debug, Clone, PartialEq)]
enum Managed {
    /// The set in the form that is stored.
    Raw(Value),
    Set(Fields),
}

impl Managed {
    fn set(&self) -> Cow<'_, Fields> {
        match self {
            Self::Raw(raw) => Cow::Owned(Fields::read(raw)),
            Self::Set(set) => Cow::Borrowed(set),
        }
    }

    fn into_set(self) -> Fields {
        match self {
            Self::Raw(raw) => Fields::read(&raw),
            Self::Set(set) => set,
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Raw(raw) => raw.as_object().is_none_or(serde_json::Map::is_empty),
            Self::Set(set) => set.is_empty(),
        }
    }

    /// Takes fields out of the set.
    fn take(&mut self, fields: &Fields) {
        if let Self::Raw(raw) = self
            && !fields.meets(raw)
        {
            return;
        }
        *self = Self::Set(self.set().minus(fields));
    }

    fn write(self) -> Value {
        match self {
            Self::Raw(raw) => raw,
            Self::Set(set) => set.write(),
        }
    }
}

impl Entry {
    fn read(value: &Value) -> Self {
        Self {
            manager: string_at(value, "/manager").to_owned(),
            apply: value["operation"] == "Apply",
            api_version: string_at(value, "/apiVersion").to_owned(),
            subresource: string_at(value, "/subresource").to_owned(),
            time: string_at(value, "/time").to_owned(),
            fields: Managed::Raw(value["fieldsV1"].clone()),
        }
    }

    fn write(self) -> Value {
        let mut value = json!({
            "manager": self.manager, "operation": if self.apply { "Apply" } else { "Update" },
            "apiVersion": self.api_version, "time": self.time, "fieldsType": "FieldsV1",
        });
        value["fieldsV1"] = self.fields.write();
        if !self.subresource.is_empty() {
            value["subresource"] = self.subresource.into();
        }
        value
    }

    fn is(&self, actor: &Actor<'_>) -> bool {
        self.manager == actor.manager
            && self.apply == actor.apply
            && self.subresource == actor.subresource
            && self.api_version == actor.api_version
    }

    /// The manager in the words of conflicts.
    fn shown(&self) -> String {
        let mut text = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            text = format!("{text} with subresource {:?}", self.subresource);
        }
        if !self.apply {
            text = format!("{text} using {}", self.api_version);
        }
        text
    }
}

fn read(object: &Value) -> Vec<Entry> {
    let list = object["metadata"]["managedFields"].as_array();
    list.into_iter()
        .flatten()
        .filter(|e| !string_at(e, "/manager").is_empty())
        .map(Entry::read)
        .collect()
}

fn write(object: &mut Value, mut entries: Vec<Entry>) {
    entries.retain(|e| !e.fields.is_empty());
    entries.sort_by(|a, b| {
        (!a.apply, &a.time, &a.manager, &a.subresource).cmp(&(!b.apply, &b.time, &b.manager, &b.subresource))
    });
    let updaters = entries.iter().filter(|e| !e.apply).count();
    if updaters > UPDATERS {
        fold_oldest(&mut entries, updaters - UPDATERS);
    }
    let metadata = meta_mut(object);
    if entries.is_empty() {
        metadata.remove("managedFields");
    } else {
        metadata.insert("managedFields".into(), entries.into_iter().map(Entry::write).collect());
    }
}

/// Joins the oldest managers by update into one.
fn fold_oldest(entries: &mut Vec<Entry>, surplus: usize) {
    let Some(first) = entries.iter().position(|e| !e.apply) else {
        return;
    };
    let folded = entries
        .drain(first..=first + surplus)
        .fold(None::<Entry>, |all, entry| {
            Some(match all {
                None => Entry {
                    manager: "ancient-changes".to_owned(),
                    ..entry
                },
                Some(all) => Entry {
                    fields: Managed::Set(all.fields.into_set().union(entry.fields.into_set())),
                    time: entry.time,
                    ..all
                },
            })
        });
    if let Some(folded) = folded {
        entries.insert(first, folded);
    }
}

/// A set without the fields that no manager owns: those that the server sets.
fn strip(mut fields: Fields, resource: &Resource, subresource: &str) -> Fields {
    for name in ["f:apiVersion", "f:kind"] {
        fields.children.remove(name);
    }
    if let Some(metadata) = fields.children.get_mut("f:metadata") {
        metadata.member = false;
        let own = [
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ];
        for name in own {
            metadata.children.remove(&format!("f:{name}"));
        }
    }
    if subresource == "status" {
        fields
            .children
            .retain(|name, _| name == "f:status" || (resource.is_built_in() && name == "f:metadata"));
    } else if resource.status {
        fields.children.remove("f:status");
    }
    fields
}

/// Gives the fields that a create or update has changed to its manager, and takes them from the others.
pub(crate) fn track_update(old: Option<&Value>, new: &mut Value, resource: &Resource, actor: &Actor<'_>) {
    if actor.apply {
        return;
    }
    let given = new["metadata"].get("managedFields").and_then(Value::as_array);
    let reset = given.is_some_and(|list| {
        list.iter()
            .all(|e| e.as_object().is_some_and(serde_json::Map::is_empty))
    });
    let mut entries = match (given, actor.subresource) {
        (Some(_), "") if !reset => read(new),
        _ => Vec::new(),
    };
    if entries.is_empty() && !reset {
        entries = old.map_or_else(Vec::new, read);
    }
    if old.is_some() && entries.is_empty() {
        // Objects without managers stay so until somebody applies.
        meta_mut(new).remove("managedFields");
        return;
    }
    let schema = resource.schema();
    let empty = json!({});
    let before = old.unwrap_or(&empty);
    let difference = typed::compare(before, new, schema);
    let changed = strip(difference.added.union(difference.modified), resource, actor.subresource);
    let removed = difference.removed;
    for entry in entries.iter_mut().filter(|e| !e.is(actor)) {
        entry.fields.take(&changed);
        entry.fields.take(&removed);
    }
    match entries.iter_mut().find(|e| e.is(actor)) {
        Some(entry) => {
            let before = entry.fields.set();
            let fields = before.minus(&removed).union(changed);
            if fields != *before {
                entry.fields = Managed::Set(fields);
                entry.time = now();
            }
        }
        None if changed.is_empty() => {}
        None => entries.push(Entry {
            manager: actor.manager.to_owned(),
            apply: false,
            api_version: actor.api_version.clone(),
            subresource: actor.subresource.to_owned(),
            time: now(),
            fields: Managed::Set(changed),
        }),
    }
    write(new, entries);
}

/// The live object with what an applier wants, its managers included. Neither has `kind` and `apiVersion`.
pub(crate) fn apply(
    live: &Value,
    wanted: &Value,
    resource: &Resource,
    actor: &Actor<'_>,
    force: bool,
) -> Result<Value, StatusError> {
    let schema = resource.schema();
    let mut entries = read(live);
    if entries.is_empty() && !live["metadata"]["uid"].is_null() {
        let fields = strip(typed::set_of(live, schema), resource, "");
        entries.push(Entry {
            manager: "before-first-apply".to_owned(),
            apply: false,
            api_version: actor.api_version.clone(),
            subresource: String::new(),
            time: now(),
            fields: Managed::Set(fields),
        });
    }
    let wanted = &only_own_part(wanted, resource, actor.subresource);
    let merged = typed::merge(live, wanted, schema);
    let fields = strip(typed::set_of(wanted, schema), resource, actor.subresource);
    let last = entries
        .iter()
        .find(|e| e.is(actor))
        .map_or_else(Fields::default, |e| e.fields.set().into_owned());
    let others = entries
        .iter()
        .filter(|e| !e.is(actor))
        .fold(fields.clone(), |all, e| all.union(e.fields.set().into_owned()));
    let dropped = typed::with_parents(&last, schema).minus(&typed::with_parents(&others, schema));
    let mut result = typed::remove(&merged, &dropped, schema);
    let difference = typed::compare(live, &result, schema);
    let touched = difference.added.union(difference.modified);
    let conflicts = entries
        .iter()
        .filter(|e| !e.is(actor))
        .map(|e| (e.shown(), e.fields.set().and(&touched)))
        .filter(|(_, fields)| !fields.is_empty())
        .collect::<Vec<_>>();
    if !force && !conflicts.is_empty() {
        return Err(conflict(&conflicts));
    }
    for entry in entries.iter_mut().filter(|e| !e.is(actor)) {
        entry.fields.take(&touched);
        entry.fields.take(&difference.removed);
    }
    let changed = !touched.is_empty() || !difference.removed.is_empty();
    match entries.iter_mut().find(|e| e.is(actor)) {
        Some(entry) => {
            if changed || *entry.fields.set() != fields {
                entry.time = now();
            }
            entry.fields = Managed::Set(fields);
        }
        None => entries.push(Entry {
            manager: actor.manager.to_owned(),
            apply: true,
            api_version: actor.api_version.clone(),
            subresource: actor.subresource.to_owned(),
            time: now(),
            fields: Managed::Set(fields),
        }),
    }
    write(&mut result, entries);
    Ok(result)
}

/// The part of an applied object that the path of the request may change: the status, or all the rest.
fn only_own_part(wanted: &Value, resource: &Resource, subresource: &str) -> Value {
    let mut wanted = wanted.clone();
    if let Some(map) = wanted.as_object_mut() {
        if subresource == "status" {
            map.retain(|name, _| matches!(name.as_str(), "metadata" | "status"));
        } else if resource.status {
            map.remove("status");
        }
    }
    wanted
}

fn conflict(conflicts: &[(String, Fields)]) -> StatusError {
    let mut causes = Vec::new();
    let mut lines = Vec::new();
    for (manager, fields) in conflicts {
        if causes.len() >= CAUSES {
            break;
        }
        lines.push(format!("conflicts with {manager}:"));
        for path in fields.paths(CAUSES - causes.len()) {
            let path = clip(path, 1 << 10);
            lines.push(format!("- {path}"));
            causes.push(StatusCause {
                reason: Some("FieldManagerConflict".to_owned()),
                message: Some(format!("conflict with {manager}")),
                field: Some(path),
            });
        }
    }
    let count = conflicts.iter().map(|(_, fields)| fields.count()).sum::<usize>();
    let message = if count == 1 {
        format!(
            "Apply failed with 1 conflict: conflict with {}: {}",
            conflicts[0].0,
            conflicts[0].1.paths(1).join("")
        )
    } else {
        format!("Apply failed with {count} conflicts: {}", lines.join("\n"))
    };
    StatusError::new(409, "Conflict", message).with_details(StatusDetails {
        causes: Some(causes),
        ..StatusDetails::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::builtin;

    fn resource() -> std::sync::Arc<Resource> {
        let found = builtin::resources().iter().find(|r| r.plural == "configmaps");
        std::sync::Arc::clone(found.unwrap())
    }

    fn live(resource: &Resource) -> Value {
        let actor = Actor::apply("alpha", resource, "");
        let wanted = json!({"metadata": {"name": "c", "labels": {"x": "1"}}, "data": {"a": "1"}});
        let mut live = apply(&json!({}), &wanted, resource, &actor, false).unwrap();
        live["metadata"]["uid"] = "u".into();
        live
    }

    #[test]
    fn a_field_that_its_only_applier_drops_goes() {
        let resource = resource();
        let actor = Actor::apply("alpha", &resource, "");
        let next = apply(
            &live(&resource),
            &json!({"metadata": {"name": "c"}}),
            &resource,
            &actor,
            false,
        )
        .unwrap();
        assert!(next.get("data").is_none());
        assert!(next["metadata"].get("labels").is_none());
    }

    #[test]
    fn another_value_is_a_conflict_and_force_takes_it() {
        let resource = resource();
        let actor = Actor::apply("beta", &resource, "");
        let wanted = json!({"metadata": {"name": "c"}, "data": {"a": "2"}});
        let live = live(&resource);
        let failure = apply(&live, &wanted, &resource, &actor, false).unwrap_err();
        assert_eq!(
            failure.message,
            "Apply failed with 1 conflict: conflict with \"alpha\": .data.a"
        );
        let next = apply(&live, &wanted, &resource, &actor, true).unwrap();
        assert_eq!(next["data"]["a"], "2");
        assert_eq!(
            next["metadata"]["managedFields"][0]["fieldsV1"],
            json!({"f:metadata": {"f:labels": {"f:x": {}}}})
        );
    }

    #[test]
    fn an_update_takes_what_it_changes() {
        let resource = resource();
        let live = live(&resource);
        let mut next = live.clone();
        next["data"] = json!({"a": "3"});
        track_update(Some(&live), &mut next, &resource, &Actor::update("edit", &resource, ""));
        let managers = next["metadata"]["managedFields"].as_array().unwrap();
        assert_eq!(managers.len(), 2);
        assert_eq!(managers[1]["manager"], "edit");
        assert_eq!(managers[1]["fieldsV1"], json!({"f:data": {"f:a": {}}}));
    }

    #[test]
    fn many_managers_and_many_fields_are_settled_in_good_time() {
        let resource = resource();
        let entries: Value = (0..3_000)
            .map(|n| {
                json!({"manager": format!("m{n}"), "operation": "Apply", "apiVersion": "v1", "time": "2024-01-01T00:00:00Z",
                    "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {format!("f:k{n}"): {}}}})
            })
            .collect();
        let data: Value = (0..30_000).map(|n| (format!("k{n}"), Value::from("v"))).collect();
        let live = json!({"metadata": {"name": "c", "uid": "u", "managedFields": entries}, "data": data});
        let mut wanted = json!({"metadata": {"name": "c"}, "data": data});
        wanted["data"]["k2"] = "other".into();
        let begun = std::time::Instant::now();
        let actor = Actor::apply("beta", &resource, "");
        let failure = apply(&live, &wanted, &resource, &actor, false).unwrap_err();
        assert!(failure.message.contains("conflict with \"m2\""), "{}", failure.message);
        let mut next = wanted.clone();
        next["metadata"] = live["metadata"].clone();
        track_update(Some(&live), &mut next, &resource, &Actor::update("edit", &resource, ""));
        // Every manager against every field would be ninety million times two.
        assert!(begun.elapsed().as_secs() < 20);
    }
}
