//! Controllers that work beside requests and end with the server.

mod garbage;
mod namespace;

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use self::garbage::Collector;
use self::namespace::Namespaces;
use crate::kinds::Resource;
use crate::registry::{DeleteOptions, Registry};
use crate::store::Change;
use crate::work;

/// Starts the controllers. They work until `stop`.
pub(crate) fn start(registry: &Arc<Registry>, stop: CancellationToken) {
    let changes = registry.store().listen();
    let controllers = Controllers {
        collector: Collector::new(Arc::clone(registry)),
        namespaces: Namespaces::new(Arc::clone(registry)),
    };
    work::spawn(controllers.run(changes, stop));
}

/// All controllers: each sees every change of the store, in order.
struct Controllers {
    collector: Collector,
    namespaces: Namespaces,
}

impl Controllers {
    async fn run(mut self, mut changes: UnboundedReceiver<(Arc<str>, Arc<Change>)>, stop: CancellationToken) {
        self.namespaces.resume();
        loop {
            let (table, change) = tokio::select! {
                () = stop.cancelled() => return,
                change = changes.recv() => match change {
                    Some(change) => change,
                    None => return,
                },
            };
            self.collector.handle(&table, &change);
            self.namespaces.handle(&table, &change);
        }
    }
}

/// The resource whose objects are in a table of the store.
fn resource(registry: &Registry, table: &str) -> Option<Arc<Resource>> {
    registry.catalog().stored().into_iter().find(|r| &*r.table == table)
}

/// Deletes an object, or begins to.
fn delete(registry: &Registry, resource: &Resource, key: &str) {
    if let Err(refused) = registry.begin_deletion(resource, key, None, &DeleteOptions::default()) {
        let table = &*resource.table;
        tracing::warn!(reason = refused.message, table, key, "a controller cannot delete");
    }
    registry.after_write(resource, key);
}
