//! Butler's controllers, and those of Steward and Cluster API that they rely on: one file per kind.
//!
//! Each is a function of one object, of all others and of what is true in the world at the moment. It says what is to be
//! written, and what the world is to do ([`Command`]), and it is asked again whenever something that concerns the object
//! has changed: it remembers nothing but since when something has been so, and ends in the same state wherever it was cut
//! off.

#![expect(
    clippy::disallowed_macros,
    reason = "kinds of Cluster API and Steward have no types here, and patches name only what changes"
)]

mod allocator;
mod butler_config;
mod control_plane;
mod host;
mod identity_provider;
mod image_sync;
mod ip_allocation;
mod kinds;
mod machine;
mod machine_deployment;
mod management_addon;
mod mirror;
mod network_pool;
mod objects;
mod pass;
mod provider_config;
mod team;
mod tenant_addon;
mod tenant_cluster;
mod user;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use butler_embedded::Seen;
use jiff::Timestamp;
use serde_json::{Map, Value};

pub(crate) use self::host::run;
use self::kinds::{FOLLOWED, Kind};
use self::mirror::{Key, Mirror};
use self::pass::{Memory, Pass, Surroundings};
use crate::reconcile::plan::{ROOM, Urgency, WritePlan};
use crate::reconcile::planner::Planner;
use crate::reconcile::resource::Resource;
use crate::values::{list, text};
use crate::world::file::Settings;
use crate::world::state::Moment;
use crate::world::tenants::{Command, TenantFacts};

/// How one kind is controlled.
struct Controller {
    kind: Kind,
    /// Decides about an object.
    decide: fn(&Key, &Value, &mut Pass<'_>),
    /// The objects of the kind that are concerned when this object changes; the object itself is, without saying.
    concerned: fn(&Key, &Value, &Mirror) -> Vec<Key>,
}

/// How long a controller waits before it tries again what failed.
const RETRY: Duration = Duration::from_secs(30);

/// All controllers.
const CONTROLLERS: &[Controller] = &[
    tenant_cluster::CONTROLLER,
    control_plane::OF_CLUSTER_API,
    control_plane::OF_STEWARD,
    machine_deployment::CONTROLLER,
    machine::CONTROLLER,
    network_pool::CONTROLLER,
    ip_allocation::CONTROLLER,
    team::CONTROLLER,
    user::CONTROLLER,
    identity_provider::CONTROLLER,
    provider_config::CONTROLLER,
    butler_config::CONTROLLER,
    image_sync::CONTROLLER,
    workspace::CONTROLLER,
    management_addon::CONTROLLER,
    tenant_addon::CONTROLLER,
];

/// What is true in the world beside the objects.
#[derive(Debug)]
struct Facts {
    pub now: Moment,
    pub wall: Timestamp,
    pub settings: Arc<Settings>,
    /// The hosted clusters that have changed since the last question, by the UID of their TenantControlPlane; `None`: it is
    /// gone.
    pub tenants: BTreeMap<String, Option<TenantFacts>>,
    /// Butler's controllers run: their Deployment is ready.
    pub running: bool,
}

/// The controllers of one management cluster.
#[derive(Debug, Default)]
struct Controllers {
    mirror: Mirror,
    memory: Memory,
    tenants: BTreeMap<String, TenantFacts>,
    settings: Arc<Settings>,
    /// What has to be decided about.
    queue: BTreeSet<Key>,
    /// What has to be decided about at a moment.
    timers: BTreeSet<(Moment, Key)>,
    due: BTreeMap<Key, Moment>,
    /// Writes that are under way, by the object that they were decided for: what fails is decided again.
    writing: BTreeMap<Key, usize>,
    commands: Vec<Command>,
    since: Moment,
}

impl Planner for Controllers {
    type Facts = Facts;
    type Note = Key;

    fn follows(&self) -> Vec<Resource> {
        let followed = FOLLOWED.iter().filter(|kind| **kind != Kind::Event);
        followed.map(|kind| kind.resource()).collect()
    }

    fn observe(&mut self, seen: &Seen, _now: Moment) {
        let Some(kind) = Kind::at_path(seen.resource()) else {
            return;
        };
        self.see(kind, seen.object(), seen.deleted());
    }

    fn resume(&mut self, since: Moment) {
        self.since = since;
    }

    fn plan(&mut self, facts: &Facts) -> WritePlan<Key> {
        self.commands.clear();
        let mut plan = WritePlan::default();
        self.learn(facts);
        if !facts.running {
            return plan;
        }
        let failed = std::mem::take(&mut self.writing);
        self.queue.extend(failed.into_keys());
        while self.timers.first().is_some_and(|(due, _)| *due <= facts.now) {
            if let Some((_, key)) = self.timers.pop_first() {
                self.due.remove(&key);
                self.queue.insert(key);
            }
        }
        while plan.writes.len() < ROOM
            && let Some(key) = self.queue.pop_first()
        {
            self.decide(&key, facts, &mut plan);
        }
        plan.full = !self.queue.is_empty();
        if let Some((due, _)) = self.timers.first() {
            plan.wake_at(*due);
        }
        plan
    }

    fn took_effect(&mut self, note: &Key) {
        if let Some(left) = self.writing.get_mut(note) {
            *left -= 1;
            if *left == 0 {
                self.writing.remove(note);
            }
        }
    }
}

impl Controllers {
    /// What the world is asked to do after the last plan.
    fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// Takes note of an object that is there, has changed or is gone.
    fn see(&mut self, kind: Kind, object: &Value, deleted: bool) {
        let key = Key::of(kind, object);
        if deleted {
            self.mirror.remove(&key);
            self.memory.forget(pass::uid(object));
        } else {
            self.mirror.put(key.clone(), lean(kind, object));
        }
        self.changed(&key, object);
    }

    /// Takes note of what has changed in the world.
    fn learn(&mut self, facts: &Facts) {
        for (uid, tenant) in &facts.tenants {
            match tenant {
                Some(tenant) => drop(self.tenants.insert(uid.clone(), tenant.clone())),
                None => drop(self.tenants.remove(uid)),
            }
            let of_tenant = |(_, object): &(&Key, &Value)| pass::uid(object) == uid;
            let control_plane = self.mirror.all(Kind::TenantControlPlane).find(of_tenant);
            if let Some(namespace) = control_plane.map(|(key, _)| key.namespace.clone()) {
                if let Some(cluster) = tenant_cluster::of_namespace(&namespace, &self.mirror) {
                    self.queue
                        .extend(tenant_addon::of_cluster(&cluster, &self.mirror).cloned());
                    self.queue.insert(cluster);
                }
                let concerned = [Kind::TenantControlPlane, Kind::Machine];
                let inside = concerned.map(|kind| self.mirror.inside(kind, &namespace));
                let keys: Vec<Key> = inside.into_iter().flatten().map(|(key, _)| key.clone()).collect();
                self.queue.extend(keys);
            }
        }
        if self.settings != facts.settings {
            self.settings = Arc::clone(&facts.settings);
            self.queue.extend(self.mirror.keys().cloned());
        }
    }

    /// An object has changed: those whom it concerns are decided about again.
    fn changed(&mut self, key: &Key, object: &Value) {
        for controller in CONTROLLERS {
            if controller.kind == key.kind {
                self.queue.insert(key.clone());
            }
            self.queue.extend((controller.concerned)(key, object, &self.mirror));
        }
    }

    fn decide(&mut self, key: &Key, facts: &Facts, plan: &mut WritePlan<Key>) {
        self.forget_timer(key);
        let controller = CONTROLLERS.iter().find(|controller| controller.kind == key.kind);
        let (Some(controller), Some(object)) = (controller, self.mirror.get(key)) else {
            return;
        };
        let surroundings = Surroundings {
            now: facts.now,
            wall: facts.wall,
            settings: &facts.settings,
            tenants: &self.tenants,
        };
        let mut pass = Pass::new(&self.mirror, &surroundings, &mut self.memory, self.since);
        (controller.decide)(key, object, &mut pass);
        let Pass {
            changes,
            commands,
            wake,
            ..
        } = pass;
        self.commands.extend(commands);
        if let Some(wake) = wake {
            self.timers.insert((wake, key.clone()));
            self.due.insert(key.clone(), wake);
        }
        if !changes.is_empty() {
            self.writing.insert(key.clone(), changes.len());
        }
        for change in changes {
            plan.add(change).urgency(Urgency::Soon).note(key.clone());
        }
    }

    fn forget_timer(&mut self, key: &Key) {
        if let Some(due) = self.due.remove(key) {
            self.timers.remove(&(due, key.clone()));
        }
    }
}

/// An object without what nobody decides by and there is much of: who wrote which field, and the values in Secrets, of which
/// only the keys stay.
fn lean(kind: Kind, object: &Value) -> Value {
    let Some(members) = object.as_object() else {
        return Value::Null;
    };
    let kept = members
        .iter()
        .filter(|(name, _)| kind != Kind::Secret || *name == "metadata");
    let mut lean: Map<String, Value> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    if let Some(metadata) = lean.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    if let Some(data) = members
        .get("data")
        .and_then(Value::as_object)
        .filter(|_| kind == Kind::Secret)
    {
        let keys = data.keys().map(|key| (key.clone(), Value::Null)).collect();
        lean.insert("data".to_owned(), Value::Object(keys));
    }
    Value::Object(lean)
}

/// Whom an object concerns that others own: the owner of that kind.
fn owner(kind: Kind, object: &Value) -> Option<Key> {
    let owners = list(object, "/metadata/ownerReferences");
    let owner = owners
        .iter()
        .find(|owner| text(owner, "/kind") == kind.resource().kind)?;
    let namespace = text(object, "/metadata/namespace");
    Some(Key::new(kind, namespace, text(owner, "/name")))
}

#[cfg(test)]
mod tests;
