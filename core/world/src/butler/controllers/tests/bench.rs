//! Controllers beside a table of objects: every write is applied at once, as an API server would, and time stands still
//! until it is moved.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::super::kinds::Kind;
use super::super::mirror::Key;
use super::super::pass::is_deleting;
use super::super::{Controllers, Facts};
use crate::reconcile::plan::Change;
use crate::reconcile::planner::Planner as _;
use crate::values::{list, text};
use crate::world::file::Settings;
use crate::world::machine::Stage;
use crate::world::state::Moment;
use crate::world::tenants::{Command, MachineFacts, ReleaseFacts, TenantFacts};

/// More plans than that without an end are a loop.
const MOST_PLANS: usize = 20_000;

/// The objects of a management cluster, what is hosted beside it, and its controllers.
pub(in super::super) struct Bench {
    objects: BTreeMap<Key, Value>,
    /// How many objects each name has had, so that each has a UID of its own, and the same one in every run.
    made: BTreeMap<Key, u32>,
    hosted: BTreeMap<String, TenantFacts>,
    /// Hosted clusters that the controllers do not know of yet.
    changed: BTreeMap<String, Option<TenantFacts>>,
    controllers: Controllers,
    settings: Arc<Settings>,
    now: Moment,
    restarts: bool,
    /// Writes that have taken effect.
    pub writes: usize,
}

/// What became of a write.
enum Outcome {
    Written { changed: bool },
    Refused,
}

impl Bench {
    /// A cluster with the namespaces of the platform and no other objects.
    pub(in super::super) fn new() -> Self {
        let mut bench = Self {
            objects: BTreeMap::new(),
            made: BTreeMap::new(),
            hosted: BTreeMap::new(),
            changed: BTreeMap::new(),
            controllers: Controllers::default(),
            settings: Arc::new(Settings::default()),
            now: Duration::ZERO,
            restarts: false,
            writes: 0,
        };
        for namespace in ["butler-system", "butler-tenants"] {
            bench.put(Kind::Namespace, "", namespace, json!({}));
        }
        bench
    }

    /// Changes latencies and faults, as the world file does.
    pub(in super::super) fn set(&mut self, settings: &Value) {
        self.settings = Arc::new(self.settings.patched(settings).unwrap());
    }

    /// Makes an object of these parts, such as `spec`.
    pub(in super::super) fn put(&mut self, kind: Kind, namespace: &str, name: &str, parts: Value) {
        let mut object = parts;
        object["metadata"]["name"] = name.into();
        let made = self.create(kind, namespace, object);
        assert!(
            matches!(made, Outcome::Written { changed: true }),
            "{kind:?} {namespace}/{name} was refused"
        );
    }

    /// Changes an object, as a user does.
    pub(in super::super) fn change(&mut self, kind: Kind, namespace: &str, name: &str, patch: &Value) {
        let changed = self.patch(&Key::new(kind, namespace, name), patch);
        assert!(
            matches!(changed, Outcome::Written { changed: true }),
            "nothing of {kind:?} {namespace}/{name} was changed"
        );
    }

    /// Deletes an object, as a user does.
    pub(in super::super) fn delete(&mut self, kind: Kind, namespace: &str, name: &str) {
        self.remove(&Key::new(kind, namespace, name));
        self.collect_garbage();
    }

    /// An object as JSON, where it is there.
    pub(in super::super) fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Value> {
        self.objects.get(&Key::new(kind, namespace, name))
    }

    /// An object of a known type.
    pub(in super::super) fn get<T: DeserializeOwned>(&self, kind: Kind, namespace: &str, name: &str) -> T {
        let object = self.find(kind, namespace, name);
        let object = object.unwrap_or_else(|| panic!("there is no {kind:?} {namespace}/{name}"));
        serde_json::from_value(object.clone()).unwrap()
    }

    /// A text of an object; empty where it or the object is missing.
    pub(in super::super) fn text(&self, kind: Kind, namespace: &str, name: &str, pointer: &str) -> String {
        let object = self.find(kind, namespace, name);
        object.map_or("", |object| text(object, pointer)).to_owned()
    }

    /// Status, reason and message of a condition.
    pub(in super::super) fn condition(&self, kind: Kind, namespace: &str, name: &str, which: &str) -> String {
        let object = self.find(kind, namespace, name).unwrap();
        let conditions = list(object, "/status/conditions");
        let found = conditions.iter().find(|condition| condition["type"] == which);
        let found = found.unwrap_or_else(|| panic!("no condition {which} in {object}"));
        ["/status", "/reason", "/message"]
            .map(|pointer| text(found, pointer))
            .join(" ")
    }

    /// The names of the objects of a kind in a namespace.
    pub(in super::super) fn names(&self, kind: Kind, namespace: &str) -> Vec<&str> {
        let inside = self
            .objects
            .keys()
            .filter(|key| key.kind == kind && key.namespace == namespace);
        inside.map(|key| key.name.as_str()).collect()
    }

    /// What is hosted beside the cluster.
    pub(in super::super) fn hosted(&self) -> impl Iterator<Item = &TenantFacts> {
        self.hosted.values()
    }

    /// The load balancers of all hosted clusters use these addresses, and so many services wait for more.
    pub(in super::super) fn balance(&mut self, used: &[&str], waiting: usize) {
        for (uid, facts) in &mut self.hosted {
            facts.balancers.used = used.iter().map(|address| address.parse().unwrap()).collect();
            facts.balancers.waiting = waiting;
            self.changed.insert(uid.clone(), Some(facts.clone()));
        }
    }

    /// The API servers of all hosted clusters have these nodes.
    pub(in super::super) fn nodes(&mut self, names: &[String]) {
        for (uid, facts) in &mut self.hosted {
            facts.nodes = names.iter().cloned().collect();
            self.changed.insert(uid.clone(), Some(facts.clone()));
        }
    }

    /// Something ails a release on all hosted clusters, or nothing does any more.
    pub(in super::super) fn ails(&mut self, release: &str, problem: Option<&str>) {
        for (uid, facts) in &mut self.hosted {
            let releases = facts.releases.iter_mut();
            for (_, facts) in releases.filter(|((_, name), _)| name == release) {
                facts.problem = problem.map(str::to_owned);
            }
            self.changed.insert(uid.clone(), Some(facts.clone()));
        }
    }

    /// Lets so much time pass, and everything happen that is to happen in it.
    pub(in super::super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..MOST_PLANS {
            match self.settle() {
                Some(wake) if wake <= end => self.now = wake.max(self.now),
                _ if self.now < end => self.now = end,
                _ => return,
            }
        }
        panic!("the controllers never come to rest");
    }

    /// Plans and writes until nothing changes any more. Says when there is something to do again.
    fn settle(&mut self) -> Option<Moment> {
        self.controllers.resume(self.now);
        for _ in 0..MOST_PLANS {
            let facts = self.facts();
            let plan = self.controllers.plan(&facts);
            let commands = self.controllers.commands().to_vec();
            let (full, wake) = (plan.full, plan.wake);
            let mut changed = false;
            for write in plan.writes {
                let before = self.writes;
                let outcome = self.apply(write.change);
                if let (Outcome::Written { .. }, Some(note)) = (&outcome, &write.note) {
                    self.controllers.took_effect(note);
                }
                changed |= self.writes != before;
                if changed && self.restarts {
                    break;
                }
            }
            if changed && self.restarts {
                self.restart();
                continue;
            }
            let obeyed = commands.iter().filter(|command| self.obey(command)).count();
            if !changed && !full && obeyed == 0 {
                return wake;
            }
        }
        panic!("the controllers write for ever");
    }

    fn facts(&mut self) -> Facts {
        Facts {
            now: self.now,
            wall: self.wall(),
            settings: Arc::clone(&self.settings),
            tenants: std::mem::take(&mut self.changed),
            running: true,
        }
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap() + SignedDuration::try_from(self.now).unwrap()
    }

    /// The controllers die, and others begin that know nothing.
    pub(in super::super) fn restart(&mut self) {
        self.controllers = Controllers::default();
        for (key, object) in &self.objects {
            self.controllers.see(key.kind, object, false);
        }
        let hosted = self.hosted.iter();
        self.changed = hosted.map(|(uid, facts)| (uid.clone(), Some(facts.clone()))).collect();
        self.controllers.resume(self.now);
    }

    /// Everything that there is, without times: those differ where controllers had to begin again.
    fn state(&self) -> BTreeMap<String, Value> {
        let objects = self.objects.iter().map(|(key, object)| {
            let mut object = object.clone();
            without_times(&mut object);
            (format!("{:?} {}/{}", key.kind, key.namespace, key.name), object)
        });
        objects.collect()
    }
}

/// The API server.
impl Bench {
    fn apply(&mut self, change: Change) -> Outcome {
        let (outcome, kind) = match change {
            Change::Create {
                resource,
                namespace,
                object,
            } => {
                let kind = Kind::at_path(resource.path).unwrap();
                (self.create(kind, &namespace, object), kind)
            }
            Change::Patch {
                resource,
                namespace,
                name,
                status,
                patch,
            } => {
                let kind = Kind::at_path(resource.path).unwrap();
                let parts: Vec<&String> = patch.as_object().unwrap().keys().collect();
                assert_eq!(
                    status,
                    parts == ["status"],
                    "the other half of {patch} would not be written"
                );
                (self.patch(&Key::new(kind, &namespace, &name), &patch), kind)
            }
            Change::Delete {
                resource,
                namespace,
                name,
            } => {
                let kind = Kind::at_path(resource.path).unwrap();
                (self.remove(&Key::new(kind, &namespace, &name)), kind)
            }
        };
        if let Outcome::Written { changed: true } = outcome {
            self.writes += 1;
            assert!(self.writes < MOST_PLANS, "writes of {kind:?} never end");
            self.collect_garbage();
        }
        outcome
    }

    fn create(&mut self, kind: Kind, namespace: &str, object: Value) -> Outcome {
        let key = Key::new(kind, namespace, text(&object, "/metadata/name"));
        if self.objects.contains_key(&key) {
            return Outcome::Written { changed: false };
        }
        let place = self.find(Kind::Namespace, "", namespace);
        if !namespace.is_empty() && place.is_none_or(is_deleting) {
            return Outcome::Refused;
        }
        let mut object = object;
        let count = self.made.entry(key.clone()).or_insert(0);
        *count += 1;
        object["metadata"]["uid"] = uid(&key, *count).into();
        object["metadata"]["generation"] = 1.into();
        object["metadata"]["creationTimestamp"] = self.wall().to_string().into();
        if !namespace.is_empty() {
            object["metadata"]["namespace"] = namespace.into();
        }
        self.store(&key, object);
        Outcome::Written { changed: true }
    }

    fn patch(&mut self, key: &Key, patch: &Value) -> Outcome {
        let Some(before) = self.objects.get(key) else {
            return Outcome::Refused;
        };
        let mut object = before.clone();
        merge(&mut object, patch);
        if object == *before {
            return Outcome::Written { changed: false };
        }
        if object["spec"] != before["spec"] {
            let generation = before["metadata"]["generation"].as_i64().unwrap();
            object["metadata"]["generation"] = (generation + 1).into();
        }
        if is_deleting(&object) && key.kind != Kind::Namespace && list(&object, "/metadata/finalizers").is_empty() {
            self.forget(key);
        } else {
            self.store(key, object);
        }
        Outcome::Written { changed: true }
    }

    fn remove(&mut self, key: &Key) -> Outcome {
        let Some(object) = self.objects.get(key) else {
            return Outcome::Refused;
        };
        if is_deleting(object) {
            return Outcome::Written { changed: false };
        }
        // A namespace goes when nothing is in it any more.
        if key.kind == Kind::Namespace || !list(object, "/metadata/finalizers").is_empty() {
            let mut object = object.clone();
            object["metadata"]["deletionTimestamp"] = self.wall().to_string().into();
            self.store(key, object);
        } else {
            self.forget(key);
        }
        Outcome::Written { changed: true }
    }

    fn store(&mut self, key: &Key, object: Value) {
        self.controllers.see(key.kind, &object, false);
        self.objects.insert(key.clone(), object);
    }

    fn forget(&mut self, key: &Key) {
        if let Some(object) = self.objects.remove(key) {
            self.controllers.see(key.kind, &object, true);
        }
    }

    /// Takes away what nobody owns any more, and what is in a namespace that is deleted.
    fn collect_garbage(&mut self) {
        while let Some(key) = self.garbage() {
            let deleting = self.objects.get(&key).is_some_and(is_deleting);
            if deleting {
                self.forget(&key);
            } else {
                self.remove(&key);
            }
        }
    }

    fn garbage(&self) -> Option<Key> {
        let exists = |uid: &str| self.objects.values().any(|object| text(object, "/metadata/uid") == uid);
        let ending = |namespace: &str| self.find(Kind::Namespace, "", namespace).is_some_and(is_deleting);
        let is_garbage = |(key, object): &(&Key, &Value)| {
            if key.kind == Kind::Namespace {
                let is_empty = !self.objects.keys().any(|other| other.namespace == key.name);
                return is_deleting(object) && is_empty;
            }
            let owners = list(object, "/metadata/ownerReferences");
            let orphan = !owners.is_empty() && !owners.iter().any(|owner| exists(text(owner, "/uid")));
            !is_deleting(object) && (orphan || ending(&key.namespace))
        };
        self.objects.iter().find(is_garbage).map(|(key, _)| key.clone())
    }
}

/// The world: what is asked for is there at once.
impl Bench {
    /// Does what the controllers ask for; says whether that made a difference.
    fn obey(&mut self, command: &Command) -> bool {
        if let Command::Abandon { uid } = command {
            let known = self.hosted.remove(uid).is_some();
            if known {
                self.changed.insert(uid.clone(), None);
            }
            return known;
        }
        let (uid, facts) = match command {
            Command::Host(request) => {
                let kubeconfig = SecretString::from(format!("kubeconfig of {}", request.name));
                let facts = TenantFacts {
                    endpoint: Some(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 6443)),
                    kubeconfig: Some(kubeconfig),
                    ..TenantFacts::default()
                };
                let known = self.hosted.contains_key(&request.uid);
                (&request.uid, (!known).then_some(facts))
            }
            Command::Join(order) => {
                let join = order.join.as_ref().unwrap();
                let machine = MachineFacts {
                    id: order.name.clone(),
                    address: Some(Ipv4Addr::LOCALHOST),
                    stage: Stage::Configured,
                    registered: true,
                    ready: true,
                };
                let name = order.name.clone();
                let changed = self.with(&join.tenant, |facts| drop(facts.machines.insert(name, machine)));
                (&join.tenant, changed)
            }
            Command::Leave { uid, machine } => (uid, self.with(uid, |facts| drop(facts.machines.remove(machine)))),
            Command::Install { uid, addon } => {
                let name = (addon.namespace.clone(), addon.release.clone());
                let facts = ReleaseFacts {
                    addon: (**addon).clone(),
                    problem: None,
                };
                let changed = self.with(uid, |tenant| {
                    tenant.namespaces.insert(addon.namespace.clone());
                    tenant.releases.insert(name, facts);
                });
                (uid, changed)
            }
            Command::Rotate { uid, rotation, .. } => {
                let changed = self.with(uid, |facts| {
                    facts.kubeconfig = Some(SecretString::from(format!("kubeconfig of {rotation}")));
                    facts.rotated = Some(rotation.clone());
                });
                (uid, changed)
            }
            // Nothing of it is to be seen from here; the other one is dealt with.
            Command::Care { .. } | Command::Abandon { .. } => return false,
            Command::Uninstall {
                uid,
                namespace,
                release,
            } => {
                let name = (namespace.clone(), release.clone());
                (uid, self.with(uid, |facts| drop(facts.releases.remove(&name))))
            }
        };
        let Some(facts) = facts else {
            return false;
        };
        self.hosted.insert(uid.clone(), facts.clone());
        self.changed.insert(uid.clone(), Some(facts));
        true
    }

    /// The facts about a hosted cluster after a change; `None`: it changes nothing.
    fn with(&self, uid: &str, change: impl FnOnce(&mut TenantFacts)) -> Option<TenantFacts> {
        let before = self.hosted.get(uid)?;
        let mut after = before.clone();
        change(&mut after);
        let part = |facts: &TenantFacts| (facts.machines.clone(), facts.releases.clone(), facts.rotated.clone());
        let same = part(before) == part(&after);
        (!same).then_some(after)
    }
}

/// Plays a scenario twice, once with controllers that die after every write: both end in the same state.
pub(in super::super) fn ends_the_same_wherever_it_is_cut_off(scenario: impl Fn(&mut Bench)) {
    let mut quiet = Bench::new();
    scenario(&mut quiet);
    let mut restarted = Bench::new();
    restarted.restarts = true;
    scenario(&mut restarted);
    assert!(quiet.writes > 0, "nothing happened");
    let (quiet, restarted) = (quiet.state(), restarted.state());
    let names = |state: &BTreeMap<String, Value>| state.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&quiet), names(&restarted));
    for (name, object) in &quiet {
        assert_eq!(object, &restarted[name], "{name}");
    }
}

/// An id that looks like one, and is the same for the same object in every run.
fn uid(key: &Key, count: u32) -> String {
    let digest = Sha256::digest(format!("{key:?} {count}"));
    let mut text = format!("{digest:x}");
    text.truncate(32);
    text
}

/// A JSON merge patch (RFC 7386).
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let object = target.as_object_mut().unwrap();
    for (key, change) in changes {
        if change.is_null() {
            object.remove(key);
        } else {
            merge(object.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

fn without_times(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|name, _| {
                let is_time = ["Time", "Timestamp", "At", "Probe", "lastUpdated", "rotation-completed"];
                // Helm packs times into its record of a release.
                name != "release" && !is_time.iter().any(|end| name.ends_with(end))
            });
            object.values_mut().for_each(without_times);
        }
        Value::Array(values) => {
            values.iter_mut().for_each(without_times);
            // Conditions are a map by type: their order means nothing.
            values.sort_by_key(|value| text(value, "/type").to_owned());
        }
        _ => {}
    }
}
