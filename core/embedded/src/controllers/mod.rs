//! Controllers that work beside requests and end with the server.

mod garbage;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::registry::Registry;
use crate::work;

/// Starts the controllers. They work until `stop`.
pub(crate) fn start(registry: &Arc<Registry>, stop: CancellationToken) {
    let changes = registry.store().listen();
    let collector = garbage::Collector::new(Arc::clone(registry));
    work::spawn(collector.run(changes, stop));
}
