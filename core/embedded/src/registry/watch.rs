//! Watches: the changes of a collection as a client's selection shows them, read from the history of the store at each
//! watcher's own pace.

use std::sync::Arc;

use tokio::sync::watch::Receiver;

use super::{Registry, Selection};
use crate::kinds::RequestInfo;
use crate::status::StatusError;
use crate::store::{Change, Object};

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventType {
    Added,
    Modified,
    Deleted,
}

/// One change of one object.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) kind: EventType,
    pub(crate) object: Arc<Object>,
}

/// Whether a watch begins with an event for every object that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InitialEvents {
    /// Only where the client names no version to start at.
    ByVersion,
    Always,
    Never,
}

/// A watch of a collection.
pub(crate) struct Watch {
    registry: Arc<Registry>,
    info: RequestInfo,
    selection: Selection,
    /// Everything up to this revision has been told.
    cursor: u64,
    /// Carries the last durable revision of the collection.
    durable: Receiver<u64>,
}

impl Watch {
    /// Begins a watch after a revision, or now where that is 0. Tells the events that it begins with.
    pub(crate) async fn start(
        registry: &Arc<Registry>,
        info: RequestInfo,
        selection: Selection,
        version: u64,
        initial: InitialEvents,
    ) -> Result<(Self, Vec<Event>), StatusError> {
        registry.check_not_from_the_future(version)?;
        let mut watch = Self {
            registry: Arc::clone(registry),
            // Before the state is read, so that no change is missed between.
            durable: registry.store.subscribe(&info.resource.table),
            info,
            selection,
            cursor: version,
        };
        if version > 0 && initial != InitialEvents::Always {
            return Ok((watch, Vec::new()));
        }
        let snapshot = registry
            .store
            .list(&watch.info.resource.table, &watch.info.key_prefix());
        registry.durable(snapshot.revision).await?;
        watch.cursor = snapshot.revision;
        if initial == InitialEvents::Never {
            return Ok((watch, Vec::new()));
        }
        let objects = snapshot.objects.into_iter().map(|(_, object)| object);
        let events = objects
            .filter(|object| watch.selection.matches(&object.value))
            .map(|object| Event {
                kind: EventType::Added,
                object,
            })
            .collect();
        Ok((watch, events))
    }

    /// The revision up to which everything has been told.
    pub(crate) fn cursor(&self) -> u64 {
        self.cursor
    }

    pub(crate) fn info(&self) -> &RequestInfo {
        &self.info
    }

    /// The events since the last call; nothing if no revision has become durable since. Fails where the history does not reach
    /// back to the cursor any more.
    pub(crate) fn advance(&mut self) -> Result<Option<Vec<Event>>, StatusError> {
        let upto = *self.durable.borrow_and_update();
        if upto <= self.cursor {
            return Ok(None);
        }
        let changes = self
            .registry
            .store
            .changes(&self.info.resource.table, self.cursor, upto)
            .map_err(|old| {
                let message = format!("too old resource version: {} ({})", self.cursor, old.oldest);
                StatusError::new(410, "Expired", message)
            })?;
        self.cursor = upto;
        let prefix = self.info.key_prefix();
        let changes = changes.iter().filter(|change| change.key.starts_with(&prefix));
        Ok(Some(changes.filter_map(|change| self.event(change)).collect()))
    }

    /// Waits until [`Watch::advance`] may have something to tell; nothing when the store has gone.
    pub(crate) async fn changed(&mut self) -> Option<()> {
        self.durable.changed().await.ok()
    }

    /// A change as it is seen through the selection.
    fn event(&self, change: &Change) -> Option<Event> {
        let fits = |object: &Object| self.selection.matches(&object.value);
        let before = change.old.as_deref().is_some_and(fits);
        let after = fits(&change.new);
        let kind = match (before, after && !change.deleted) {
            (false, false) => return None,
            (false, true) => EventType::Added,
            (true, true) => EventType::Modified,
            (true, false) => EventType::Deleted,
        };
        if kind != EventType::Deleted || (change.deleted && after) {
            let object = Arc::clone(&change.new);
            return Some(Event { kind, object });
        }
        // It has left the selection: the last state that fitted, under the new version.
        let mut last = change.old.as_ref()?.value.clone();
        last["metadata"]["resourceVersion"] = change.revision.to_string().into();
        let object = Arc::new(Object::unsaved(last));
        Some(Event { kind, object })
    }
}
