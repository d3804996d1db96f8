//! A live copy of the objects of one kind, and waiting on it. One watch serves every step that waits.

use std::{
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt as _, TryStreamExt as _};
use kube::{
    Api, Resource,
    runtime::{
        reflector::{self, Store},
        watcher,
    },
};
use serde::de::DeserializeOwned;
use tokio::{sync::watch, task::JoinHandle};

/// Pause after an error of the watch: short, because what comes next is on the critical path.
const PAUSE: Duration = Duration::from_millis(250);

/// A live copy. Dropped, the watch ends.
pub struct Watched<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    store: Store<K>,
    changes: watch::Receiver<u64>,
    trouble: Arc<Mutex<Option<String>>>,
    task: JoinHandle<()>,
}

impl<K> Watched<K>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
    K::DynamicType: Eq + Hash + Clone + Default + Send + Sync,
{
    /// Starts watching.
    pub fn start(api: Api<K>, config: watcher::Config) -> Self {
        let (store, mut writer) = reflector::store();
        let (counter, changes) = watch::channel(0);
        let trouble = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&trouble);
        let task = tokio::spawn(async move {
            let mut stream = watcher(api, config).boxed();
            loop {
                let said = match stream.try_next().await {
                    Ok(Some(event)) => {
                        writer.apply_watcher_event(&event);
                        None
                    }
                    Ok(None) => return,
                    Err(error) => Some(crate::failure::chain(&error)),
                };
                let failed = said.is_some();
                *noted.lock().unwrap_or_else(PoisonError::into_inner) = said;
                counter.send_modify(|n| *n += 1);
                if failed {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        });
        Self {
            store,
            changes,
            trouble,
            task,
        }
    }

    /// Looks at every change until `seen` is satisfied. It is given the copy and the watch's own trouble, if any.
    pub async fn until<T>(&self, mut seen: impl FnMut(&Store<K>, Option<&str>) -> Option<T>) -> T {
        let mut changes = self.changes.clone();
        loop {
            changes.borrow_and_update();
            let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(found) = seen(&self.store, trouble.as_deref()) {
                return found;
            }
            if changes.changed().await.is_err() {
                // The watch ended, which it does only with this value.
                std::future::pending::<()>().await;
            }
        }
    }
}

impl<K> Drop for Watched<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    fn drop(&mut self) {
        self.task.abort();
    }
}
