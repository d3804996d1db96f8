//! Waits until conditions hold, by watching. The caller puts its deadline around it; dropping the future ends it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    time::Duration,
};

use butler_api::{
    error::Class,
    event::{CauseLine, Layer},
};
use futures::{
    StreamExt as _,
    stream::{BoxStream, SelectAll},
};
use jiff::Timestamp;
use k8s_openapi::{
    api::{
        apps::v1::{DaemonSet, Deployment, StatefulSet},
        core::v1::{Event, Node, PersistentVolumeClaim, Pod, Service},
        storage::v1::StorageClass,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Resource,
    runtime::watcher::{self, Config},
};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use crate::{
    Observed, Ready, ReadyError, WorkloadKind, chain, class_of, judge,
    observe::{Key, Observe, key},
    ready::{Cause, holds},
};

/// Pause before a broken watch is started again.
const AGAIN: Duration = Duration::from_millis(500);
/// Shortest time between two reports: a large workload changes with every pod.
const QUIET: Duration = Duration::from_millis(200);
/// Changes taken in before the conditions are judged again.
const BATCH: usize = 1024;

/// What a wait waits for, and why that is not so.
#[derive(Debug, Clone, PartialEq)]
pub struct Unmet {
    /// The condition that does not hold.
    pub what: String,
    /// Why not, in one line; none while nothing was observed.
    pub cause: Option<String>,
    /// The causes from the object down to the deepest one.
    pub chain: Vec<CauseLine>,
    /// Whether nodes are what holds it up, which may tell more.
    pub for_nodes: bool,
}

/// Waits until every condition holds and says what was observed.
///
/// `report` is called with what is waited for and why, once at the beginning and when either changes, not more than a few
/// times a second.
pub async fn wait(
    client: &Client,
    ready: &[Ready],
    report: &(dyn Fn(Unmet) + Send + Sync),
) -> Result<String, ReadyError> {
    if ready.is_empty() {
        return Ok("applied".to_owned());
    }
    let watches = watches(client, ready);
    let mut progress = Progress {
        pending: watches.len(),
        observed: Observed::default(),
        trouble: BTreeMap::new(),
    };
    // Whatever has arrived is taken in before it is judged.
    let mut watches = watches.ready_chunks(BATCH);
    let mut said: Option<Verdict> = None;
    let mut quiet_until = Instant::now();
    let mut news = true;
    loop {
        let Some(unmet) = progress.unmet(ready) else {
            return Ok(evidence(ready, &progress.observed));
        };
        if news && quiet_until <= Instant::now() {
            news = false;
            let verdict = Some(progress.verdict(unmet));
            if said != verdict {
                said = verdict;
                quiet_until = Instant::now() + QUIET;
                if let Some(verdict) = &said {
                    report(verdict.told(Timestamp::now()));
                }
            }
        }
        let next = watches.next();
        let changes = if news {
            // News is reported once the last report is old enough, even if nothing else happens.
            timeout_at(quiet_until, next).await.unwrap_or_else(|_| Some(Vec::new()))
        } else {
            next.await
        };
        // The streams are endless.
        let changes = changes.ok_or_else(|| ended(&ready[0].to_string()))?;
        news |= !changes.is_empty();
        for change in changes {
            progress.take(change, &ready[0])?;
        }
    }
}

/// What the watches have said so far.
struct Progress {
    /// Watches whose first list is not complete.
    pending: usize,
    observed: Observed,
    /// Why a watch is broken, by its number.
    trouble: BTreeMap<usize, String>,
}

impl Progress {
    /// The first condition that does not hold; none when all hold.
    fn unmet<'a>(&self, ready: &'a [Ready]) -> Option<&'a Ready> {
        ready.iter().find(|one| self.pending > 0 || !holds(one, &self.observed))
    }

    /// What is waited for and why.
    fn verdict(&self, unmet: &Ready) -> Verdict {
        let verdict = Verdict {
            what: unmet.to_string(),
            ..Verdict::default()
        };
        if let Some(trouble) = self.trouble.values().next() {
            let line = Cause {
                layer: Layer::Network,
                object: "the API server".to_owned(),
                text: trouble.clone(),
                source: "watch".to_owned(),
                since: None,
            };
            return Verdict {
                cause: Some(trouble.clone()),
                chain: vec![line],
                ..verdict
            };
        }
        if self.pending > 0 {
            return verdict;
        }
        let condition = judge(unmet, &self.observed);
        Verdict {
            cause: condition.cause,
            chain: condition.chain,
            for_nodes: condition.for_nodes,
            ..verdict
        }
    }

    fn take(&mut self, change: Change, what: &Ready) -> Result<(), ReadyError> {
        match change {
            Change::Apply(apply) => apply(&mut self.observed),
            Change::Seen(watch) => {
                self.trouble.remove(&watch);
                self.pending = self.pending.saturating_sub(1);
            }
            Change::Well(watch) => {
                self.trouble.remove(&watch);
            }
            Change::Broken(watch, error) => {
                let message = fatal(error, &what.to_string())?;
                self.trouble.insert(watch, message);
            }
        }
        Ok(())
    }
}

/// What is waited for and why, as far as it changes.
#[derive(Debug, Default, PartialEq)]
struct Verdict {
    what: String,
    cause: Option<String>,
    chain: Vec<Cause>,
    for_nodes: bool,
}

impl Verdict {
    fn told(&self, now: Timestamp) -> Unmet {
        Unmet {
            what: self.what.clone(),
            cause: self.cause.clone(),
            chain: self.chain.iter().map(|cause| cause.line(now)).collect(),
            for_nodes: self.for_nodes,
        }
    }
}

fn ended(what: &str) -> ReadyError {
    ReadyError {
        what: what.to_owned(),
        message: "the watch ended".to_owned(),
        class: Class::Retryable,
    }
}

fn evidence(ready: &[Ready], observed: &Observed) -> String {
    let all: Vec<String> = ready.iter().map(|one| judge(one, observed).evidence).collect();
    all.join("; ")
}

/// A refusal ends the wait; anything else is a cause to show while the watch is started again.
fn fatal(error: watcher::Error, what: &str) -> Result<String, ReadyError> {
    let error = match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => error,
        watcher::Error::WatchError(status) => kube::Error::Api(status),
        error @ watcher::Error::NoResourceVersion => return Ok(error.to_string()),
    };
    let class = class_of(&error);
    if class == Class::Permission {
        return Err(ReadyError {
            what: what.to_owned(),
            message: chain(&error),
            class,
        });
    }
    Ok(format!("the API server does not answer: {}", chain(&error)))
}

/// What a watch says.
enum Change {
    /// An object changed: this takes note of it.
    Apply(Box<dyn FnOnce(&mut Observed) + Send>),
    /// The first list of the numbered watch is complete.
    Seen(usize),
    /// The numbered watch works again.
    Well(usize),
    /// The numbered watch broke; it starts again by itself.
    Broken(usize, watcher::Error),
}

type Watches = SelectAll<BoxStream<'static, Change>>;

/// One watch per kind and place, whatever number of conditions look at it.
fn watches(client: &Client, ready: &[Ready]) -> Watches {
    let mut kinds: BTreeSet<(WorkloadKind, &str)> = BTreeSet::new();
    let (mut pods, mut services, mut crds) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut classes, mut nodes) = (false, false);
    for one in ready {
        match one {
            Ready::Workload { kind, namespace, .. } => {
                kinds.insert((*kind, namespace.as_str()));
                pods.insert(namespace.as_str());
            }
            Ready::Workloads { namespace } | Ready::Labelled { namespace, .. } => {
                let all = [
                    WorkloadKind::Deployment,
                    WorkloadKind::DaemonSet,
                    WorkloadKind::StatefulSet,
                ];
                kinds.extend(all.map(|kind| (kind, namespace.as_str())));
                pods.insert(namespace.as_str());
            }
            Ready::CrdEstablished { name } => {
                crds.insert(name.as_str());
            }
            Ready::ServiceAddress { namespace, .. } => {
                services.insert(namespace.as_str());
            }
            Ready::DefaultStorageClass => classes = true,
            Ready::ProviderIds { .. } => nodes = true,
        }
    }
    let mut set = Set {
        client: client.clone(),
        watches: SelectAll::new(),
        count: 0,
    };
    for (kind, namespace) in kinds {
        match kind {
            WorkloadKind::Deployment => set.namespaced::<Deployment>(namespace),
            WorkloadKind::DaemonSet => set.namespaced::<DaemonSet>(namespace),
            WorkloadKind::StatefulSet => set.namespaced::<StatefulSet>(namespace),
        }
    }
    for namespace in &pods {
        set.namespaced::<Pod>(namespace);
        set.namespaced::<PersistentVolumeClaim>(namespace);
    }
    for namespace in &services {
        set.namespaced::<Service>(namespace);
    }
    for namespace in pods.union(&services) {
        set.namespaced::<Event>(namespace);
    }
    for name in crds {
        set.cluster::<CustomResourceDefinition>(Config::default().fields(&format!("metadata.name={name}")));
    }
    if classes {
        set.cluster::<StorageClass>(Config::default());
    }
    if nodes {
        set.cluster::<Node>(Config::default());
    }
    set.watches
}

struct Set {
    client: Client,
    watches: Watches,
    count: usize,
}

/// What can be watched here.
trait Watched: Resource<DynamicType = ()> + Observe + Clone + DeserializeOwned + Debug + Send + 'static {}
impl<K: Resource<DynamicType = ()> + Observe + Clone + DeserializeOwned + Debug + Send + 'static> Watched for K {}

impl Set {
    fn namespaced<K: Watched + Resource<Scope = k8s_openapi::NamespaceResourceScope>>(&mut self, namespace: &str) {
        self.add(Api::<K>::namespaced(self.client.clone(), namespace), Config::default());
    }

    fn cluster<K: Watched>(&mut self, config: Config) {
        self.add(Api::<K>::all(self.client.clone()), config);
    }

    fn add<K: Watched>(&mut self, api: Api<K>, config: Config) {
        let number = self.count;
        self.count += 1;
        self.watches.push(changes(number, api, config));
    }
}

/// The changes of one watch. Objects that vanished while the watch was broken are found by comparing lists.
fn changes<K: Watched>(number: usize, api: Api<K>, config: Config) -> BoxStream<'static, Change> {
    let mut known: BTreeSet<Key> = BTreeSet::new();
    let mut fresh: BTreeSet<Key> = BTreeSet::new();
    let mut first = true;
    let stream = watcher::watcher(api, config).then(async |event| {
        if event.is_err() {
            tokio::time::sleep(AGAIN).await;
        }
        event
    });
    let stream = stream.flat_map(move |event| {
        let mut changes: Vec<Change> = Vec::new();
        match event {
            Ok(watcher::Event::Init) => fresh.clear(),
            Ok(watcher::Event::Apply(object)) => {
                known.insert(key(object.meta()));
                changes.push(Change::Well(number));
                changes.push(Change::Apply(Box::new(move |observed| object.enter(observed))));
            }
            Ok(watcher::Event::InitApply(object)) => {
                fresh.insert(key(object.meta()));
                changes.push(Change::Apply(Box::new(move |observed| object.enter(observed))));
            }
            Ok(watcher::Event::InitDone) => {
                let before = std::mem::replace(&mut known, std::mem::take(&mut fresh));
                for gone in before.into_iter().filter(|key| !known.contains(key)) {
                    changes.push(Change::Apply(Box::new(move |observed| K::leave(&gone, observed))));
                }
                changes.push(if std::mem::take(&mut first) {
                    Change::Seen(number)
                } else {
                    Change::Well(number)
                });
            }
            Ok(watcher::Event::Delete(object)) => {
                let gone = key(object.meta());
                known.remove(&gone);
                changes.push(Change::Apply(Box::new(move |observed| K::leave(&gone, observed))));
            }
            Err(error) => changes.push(Change::Broken(number, error)),
        }
        futures::stream::iter(changes)
    });
    stream.boxed()
}
