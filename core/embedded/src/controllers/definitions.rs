//! Establishes CustomResourceDefinitions and cleans up behind those that are deleted. Runs within the request that changed
//! one, so that the resource is there when the request is answered.

use serde_json::Value;

use super::{edit, without_finalizer};
use crate::admit::crd;
use crate::kinds::{builtin, catalog};
use crate::rest::{delete, write};
use crate::server::{DEFINITIONS, Inner};
use crate::text::meta;

/// Brings every definition's status up to date, deletes the objects of those that go, and reloads the resources.
pub(crate) fn settle(server: &Inner) {
    let store = &server.store;
    let resources = builtin::resources();
    let Some(resource) = resources.iter().find(|r| &*r.table == DEFINITIONS) else {
        return;
    };
    let finished = |object: &Value| write::is_finished(resource, object);
    let all = store.list(DEFINITIONS, "");
    for (key, definition) in &all.objects {
        let others = all.objects.iter().map(|(_, o)| &o.value).collect::<Vec<_>>();
        edit(store, DEFINITIONS, key, finished, |current| {
            let status = crd::settle(current, &others)?;
            let mut next = current.clone();
            next["status"] = status;
            Some(next)
        });
        if definition.value["metadata"]["deletionTimestamp"].is_string() && clean(server, &definition.value) {
            edit(store, DEFINITIONS, key, finished, |current| {
                without_finalizer(current, crd::CLEANUP)
            });
        }
    }
    server.reload_catalog();
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
    server.store.list(&table, "").objects.is_empty()
}
