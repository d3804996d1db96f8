//! A live copy of the objects of one kind, and waiting on it. One watch serves every step that waits.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt as _, TryStreamExt as _};
use kube::{
    Api, Resource,
    runtime::{
        reflector::{self, ObjectRef, Store},
        watcher,
    },
};
use serde::de::DeserializeOwned;
use tokio::{sync::watch, task::JoinHandle};

/// Pause after an error of the watch: short, because what comes next is on the critical path.
const PAUSE: Duration = Duration::from_millis(250);

/// Who waits for one object: hundreds may wait at the same time, and most changes concern one of them.
type Waiting<K> = Mutex<HashMap<ObjectRef<K>, watch::Sender<()>>>;

/// A live copy. Dropped, the watch ends.
pub struct Watched<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    store: Store<K>,
    changes: watch::Receiver<u64>,
    waiting: Arc<Waiting<K>>,
    trouble: Arc<Mutex<Option<String>>>,
    task: JoinHandle<()>,
}

impl<K> Watched<K>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
    K::DynamicType: Eq + Hash + Clone + Default + Send + Sync,
{
    /// Begins to watch; what is seen is kept until this is dropped.
    pub fn start(api: Api<K>, config: watcher::Config) -> Self {
        let (store, mut writer) = reflector::store();
        let (counter, changes) = watch::channel(0);
        let trouble = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&trouble);
        let waiting: Arc<Waiting<K>> = Arc::default();
        let woken = Arc::clone(&waiting);
        let task = tokio::spawn(async move {
            let mut stream = watcher(api, config).boxed();
            loop {
                let (said, concerns) = match stream.try_next().await {
                    Ok(Some(event)) => {
                        writer.apply_watcher_event(&event);
                        (None, Concerns::of(&event))
                    }
                    Ok(None) => return,
                    Err(error) => (Some(crate::chain(&error)), Concerns::All),
                };
                let failed = said.is_some();
                let before = std::mem::replace(&mut *noted.lock().unwrap_or_else(PoisonError::into_inner), said);
                wake(&woken, &if before.is_some() { Concerns::All } else { concerns });
                counter.send_modify(|n| *n += 1);
                if failed {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        });
        Self {
            store,
            changes,
            waiting,
            trouble,
            task,
        }
    }

    /// Looks at one object whenever it changes, until `seen` is satisfied. It is given the object, if there is one, and
    /// the watch's own trouble, if any.
    pub async fn until_of<T>(
        &self,
        key: &ObjectRef<K>,
        mut seen: impl FnMut(Option<Arc<K>>, Option<&str>) -> Option<T>,
    ) -> T {
        let mut changes = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting
                .entry(key.clone())
                .or_insert_with(|| watch::Sender::new(()))
                .subscribe()
        };
        loop {
            changes.borrow_and_update();
            let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(found) = seen(self.store.get(key), trouble.as_deref()) {
                return found;
            }
            if changes.changed().await.is_err() {
                // Its sender goes with this value only.
                std::future::pending::<()>().await;
            }
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

/// Whom an event concerns.
enum Concerns<K: Resource> {
    Nobody,
    One(ObjectRef<K>),
    All,
}

impl<K> Concerns<K>
where
    K: Resource,
    K::DynamicType: Default,
{
    fn of(event: &watcher::Event<K>) -> Self {
        match event {
            watcher::Event::Apply(object) | watcher::Event::Delete(object) => Self::One(ObjectRef::from_obj(object)),
            // A list takes the place of the copy when it is complete.
            watcher::Event::Init | watcher::Event::InitApply(_) => Self::Nobody,
            watcher::Event::InitDone => Self::All,
        }
    }
}

fn wake<K>(waiting: &Waiting<K>, concerns: &Concerns<K>)
where
    K: Resource,
    K::DynamicType: Eq + Hash,
{
    let waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    match concerns {
        Concerns::Nobody => {}
        Concerns::One(key) => {
            if let Some(sender) = waiting.get(key) {
                sender.send_replace(());
            }
        }
        Concerns::All => waiting.values().for_each(|sender| {
            sender.send_replace(());
        }),
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
