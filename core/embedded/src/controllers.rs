//! Small controllers beside the API: namespaces and garbage collection.

use std::sync::Arc;

use crate::server::Inner;

/// Starts them.
pub(crate) fn start(server: &Arc<Inner>) {
    let _ = server;
}
