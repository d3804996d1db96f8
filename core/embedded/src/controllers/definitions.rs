//! Establishes CustomResourceDefinitions and cleans up behind those that are deleted. Runs within the request that changed
//! one, so that the resource is there when the request is answered.

use serde_json::Value;

use super::{edit, without_finalizer};
use crate::admit::crd::{self, Taken};
use crate::kinds::{Resource, builtin, catalog};
use crate::rest::{delete, write};
use crate::server::{DEFINITIONS, Inner};
use crate::text::{meta, string_at};

/// Brings every definition's status up to date, deletes the objects of those that go, and reloads the resources.
pub(crate) fn settle_all(server: &Inner) {
    settle_some(server, |_, _| true);
}

/// Does so after a change of one: only it, and those that wait for names in its group, can be concerned.
pub(crate) fn settle(server: &Inner, changed: &str) {
    let group = changed.split_once('.').map_or("", |(_, group)| group);
    settle_some(server, |key, definition| {
        key == changed || string_at(definition, "/spec/group") == group && crd::waits(definition)
    });
}

fn settle_some(server: &Inner, concerned: impl Fn(&str, &Value) -> bool) {
    let store = &server.store;
    let resources = builtin::resources();
    let Some(resource) = resources.iter().find(|r| &*r.table == DEFINITIONS) else {
        return;
    };
    let finished = |object: &Value| write::is_finished(resource, object);
    let all = store.list(DEFINITIONS, "");
    let mut taken = Taken::default();
    for (_, definition) in &all.objects {
        taken.add(&definition.value);
    }
    let mut gone = Vec::new();
    for (key, definition) in &all.objects {
        if !concerned(key, &definition.value) {
            continue;
        }
        let settled = edit(store, DEFINITIONS, key, finished, |current| {
            let status = crd::settle(current, &taken)?;
            let mut next = current.clone();
            next["status"] = status;
            Some(next)
        });
        if let Some(settled) = settled {
            taken.add(&settled.value);
        }
        if definition.value["metadata"]["deletionTimestamp"].is_string() && clean(server, &definition.value) {
            release(server, key);
            if store.get(DEFINITIONS, key).is_none() {
                gone.push(key);
            }
        }
    }
    // What waited for their names gets them.
    for key in gone {
        settle(server, key);
    }
    server.reload_catalog();
}

/// Lets a definition go when the last of its objects has gone.
pub(crate) fn object_gone(server: &Inner, resource: &Resource) {
    if server.store.is_empty(&resource.table) {
        let key = format!("{}.{}", resource.plural, resource.group);
        release(server, &key);
        settle(server, &key);
    }
}

fn release(server: &Inner, key: &str) {
    let resources = builtin::resources();
    let Some(resource) = resources.iter().find(|r| &*r.table == DEFINITIONS) else {
        return;
    };
    let finished = |object: &Value| write::is_finished(resource, object);
    edit(&server.store, DEFINITIONS, key, finished, |current| {
        current["metadata"]["deletionTimestamp"].as_str()?;
        without_finalizer(current, crd::CLEANUP)
    });
}

/// Begins the deletion of all objects of a definition; says whether none is left.
fn clean(server: &Inner, definition: &Value) -> bool {
    let table = catalog::table_of(definition);
    let catalog = server.catalog();
    let resource = catalog.stored().into_iter().find(|r| *r.table == *table);
    for (key, object) in server.store.list(&table, "").objects {
        let Some(resource) = &resource else { continue };
        if object.value["metadata"]["deletionTimestamp"].is_string() {
            continue;
        }
        if let Err(failure) = delete::begin(&server.store, resource, &key, &delete::Options::default()) {
            tracing::warn!(
                reason = failure.message,
                name = meta(&object.value, "name"),
                "cannot delete"
            );
        }
    }
    server.store.is_empty(&table)
}
