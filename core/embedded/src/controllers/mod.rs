//! Small controllers beside the API: definitions, namespaces and garbage collection.

pub(crate) mod definitions;
mod garbage;

use std::sync::Arc;

use serde_json::Value;

use crate::server::Inner;
use crate::store::{Clash, Expect, Object, Store};

/// Starts those that run in the background; they end with the server.
pub(crate) fn start(server: &Arc<Inner>) {
    let changes = server.store.listen();
    let collector = garbage::Collector::new(Arc::clone(server));
    crate::work::spawn(collector.run(changes));
}

/// Changes an object until nobody is faster; `edit` returns nothing when there is nothing to change. An object that nothing
/// holds any more goes.
pub(crate) fn edit(
    store: &Store,
    table: &str,
    key: &str,
    finished: impl Fn(&Value) -> bool,
    edit: impl Fn(&Value) -> Option<Value>,
) -> Option<Arc<Object>> {
    loop {
        let current = store.get(table, key)?;
        let next = edit(&current.value)?;
        let expect = Expect::At(current.revision);
        let done = if finished(&next) {
            store.remove(table, key, expect, next)
        } else {
            store.commit(table, key, expect, Some(next))
        };
        match done {
            Ok(object) => return Some(object),
            Err(Clash::Changed) => {}
            Err(Clash::TooMuch(excess)) => {
                tracing::warn!(?excess, table, key, "a controller cannot write");
                return None;
            }
            Err(Clash::Broken(error)) => {
                tracing::warn!(%error, table, key, "a controller cannot write");
                return None;
            }
        }
    }
}

/// The object without one of its finalizers; nothing if it has not got it.
pub(crate) fn without_finalizer(object: &Value, finalizer: &str) -> Option<Value> {
    let mut next = object.clone();
    let metadata = crate::text::meta_mut(&mut next);
    let list = metadata.get_mut("finalizers")?.as_array_mut()?;
    let before = list.len();
    list.retain(|f| f != finalizer);
    if list.len() == before {
        return None;
    }
    if list.is_empty() {
        metadata.remove("finalizers");
    }
    Some(next)
}
