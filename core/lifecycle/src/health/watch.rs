//! What changes in a management cluster, by watches: each brings the change of one object.

use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::core::ApiResource;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use serde::de::DeserializeOwned;

use super::sight::{Kind, Known, Named, Sight};

/// A change of what was seen.
type Update = Box<dyn FnOnce(&mut Sight) + Send>;
/// The changes of a kind, and why there are none for a while.
pub(super) type Updates = Pin<Box<dyn Stream<Item = Result<Update, String>> + Send>>;

/// Where what was seen of a kind is kept.
type Slot<T> = fn(&mut Sight) -> &mut Known<T>;

/// Everything that a watch of a kind brings. A connection that is lost is made again.
pub(super) fn updates<T>(client: &Client, kind: Kind, slot: Slot<T>) -> Updates
where
    T: DeserializeOwned + Named + Send + 'static,
{
    let resource = ApiResource {
        group: kind.group.to_owned(),
        version: kind.version.to_owned(),
        api_version: match kind.group {
            "" => kind.version.to_owned(),
            group => format!("{group}/{}", kind.version),
        },
        kind: kind.spelled.to_owned(),
        plural: kind.plural.to_owned(),
    };
    let config = watcher::Config {
        field_selector: kind.field.map(str::to_owned),
        ..watcher::Config::default()
    };
    let events = watcher::watcher(Api::<DynamicObject>::all_with(client.clone(), &resource), config);
    let mut listed = Vec::new();
    let updates = events.default_backoff().filter_map(move |event| {
        let update = match event {
            Ok(event) => update(event, slot, &mut listed).map(Ok),
            // The API server no longer has the changes since then; the list is made anew.
            Err(watcher::Error::WatchError(status)) if status.code == 410 => None,
            Err(error) => Some(Err(butler_kubernetes::chain(&error))),
        };
        std::future::ready(update)
    });
    Box::pin(updates)
}

fn update<T>(event: Event<DynamicObject>, slot: Slot<T>, listed: &mut Vec<T>) -> Option<Update>
where
    T: DeserializeOwned + Named + Send + 'static,
{
    match event {
        Event::Apply(object) => {
            let object = read::<T>(object)?;
            Some(Box::new(move |sight| {
                slot(sight).objects.insert(object.key(), object);
            }))
        }
        Event::Delete(object) => {
            let object = read::<T>(object)?;
            Some(Box::new(move |sight| {
                slot(sight).objects.remove(&object.key());
            }))
        }
        Event::Init => {
            listed.clear();
            None
        }
        Event::InitApply(object) => {
            listed.extend(read(object));
            None
        }
        Event::InitDone => {
            let listed = std::mem::take(listed);
            Some(Box::new(move |sight| {
                slot(sight).objects = listed.into_iter().map(|object| (object.key(), object)).collect();
            }))
        }
    }
}

/// An object of a shape that is not looked at is as one that is not there.
fn read<T: DeserializeOwned>(object: DynamicObject) -> Option<T> {
    let value = serde_json::to_value(object).ok()?;
    serde_json::from_value(value).ok()
}

/// What was seen, and everything that changes from then on.
pub struct Watch {
    sight: Sight,
    updates: futures::stream::SelectAll<Updates>,
}

impl Watch {
    /// Watches every kind that could be looked at.
    pub fn new(client: &Client, sight: Sight) -> Self {
        let updates = futures::stream::select_all(sight.watches(client));
        Self { sight, updates }
    }

    /// What is seen now.
    pub fn sight(&self) -> &Sight {
        &self.sight
    }

    /// Waits for the next change. An error is why nothing is seen for a while; the connection is made again.
    pub async fn changed(&mut self) -> Result<(), String> {
        match self.updates.next().await {
            Some(Ok(update)) => {
                update(&mut self.sight);
                Ok(())
            }
            Some(Err(trouble)) => Err(trouble),
            // Watches never end; where there is none, nothing ever changes.
            None => std::future::pending().await,
        }
    }
}
