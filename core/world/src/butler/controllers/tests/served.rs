//! Controllers beside an API server, for what only a server shows: what it refuses, finalizers, and what goes with what.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use butler_embedded::{Authority, Follow, Local, Options, Server};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::super::kinds::Kind;
use super::super::mirror::Key;
use super::super::objects::value;
use super::super::{Controllers, Facts};
use crate::reconcile::planner::ControllerHost;
use crate::reconcile::resource::Resource;
use crate::reconcile::runner::{self, Begin};
use crate::values::text;
use crate::world::file::Settings;
use crate::world::state::Moment;

/// How long anything may take before a test fails.
const DEADLINE: Duration = Duration::from_secs(30);

const DEFINITIONS: Resource = Resource {
    group: "apiextensions.k8s.io",
    version: "v1",
    kind: "CustomResourceDefinition",
    path: "apiextensions.k8s.io/customresourcedefinitions",
};

/// An API server with Butler's kinds, and the controllers that run beside it until this is dropped.
pub(in super::super) struct Served {
    server: Option<Server>,
    local: Local,
    follow: Follow,
    known: BTreeMap<Key, Value>,
    controllers: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

/// A world in which nothing takes time.
struct Clock {
    began: tokio::time::Instant,
    settings: Arc<Settings>,
}

impl ControllerHost<Controllers> for Clock {
    fn now(&self) -> Moment {
        self.began.elapsed()
    }

    fn instant(&self, moment: Moment) -> tokio::time::Instant {
        self.began + moment
    }

    fn facts(&self) -> Option<Facts> {
        Some(Facts {
            now: self.now(),
            wall: Timestamp::now(),
            settings: Arc::clone(&self.settings),
            tenants: BTreeMap::new(),
            running: true,
        })
    }

    fn written(&self, _: &Controllers, _: Vec<Key>) {}
}

impl Served {
    /// Starts both; the latencies are those of the world file's text.
    pub(in super::super) async fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = open(folder.path().to_owned()).await;
        let local = server.local("test");
        for definition in butler_api::v1alpha1::all_crds() {
            local.create(DEFINITIONS.at(""), value(definition)).unwrap();
        }
        let clock = Clock {
            began: tokio::time::Instant::now(),
            settings: Arc::new(Settings::parse(settings).unwrap()),
        };
        let follow = local.follow(
            &super::super::FOLLOWED
                .iter()
                .map(|kind| kind.resource().path)
                .collect::<Vec<_>>(),
        );
        let controllers = runner::run(
            Controllers::default(),
            clock,
            server.local("butler-controllers"),
            Arc::new(Notify::new()),
            Begin::default(),
        );
        let both = Self {
            server: Some(server),
            local,
            follow,
            known: BTreeMap::new(),
            controllers: tokio::spawn(controllers),
            _folder: folder,
        };
        both.create(Kind::Namespace, "", "butler-system", json!({}));
        both
    }

    /// Makes an object of these parts.
    pub(in super::super) fn create(&self, kind: Kind, namespace: &str, name: &str, parts: Value) {
        let resource = kind.resource();
        let mut object = parts;
        object["apiVersion"] = resource.api_version().into();
        object["kind"] = resource.kind.into();
        object["metadata"]["name"] = name.into();
        let created = self.local.create(resource.at(namespace), object);
        created.unwrap_or_else(|error| panic!("{kind:?} {namespace}/{name}: {error}"));
    }

    /// Changes an object.
    pub(in super::super) fn change(&self, kind: Kind, namespace: &str, name: &str, patch: Value) {
        let changed = self.local.patch(kind.resource().at(namespace), name, false, patch);
        assert!(changed.unwrap(), "nothing of {kind:?} {namespace}/{name} was changed");
    }

    /// Deletes an object, or begins to.
    pub(in super::super) fn delete(&self, kind: Kind, namespace: &str, name: &str) {
        self.local.delete(kind.resource().at(namespace), name).unwrap();
    }

    /// Waits until an object is so, and gives it.
    pub(in super::super) async fn until(
        &mut self,
        kind: Kind,
        namespace: &str,
        name: &str,
        so: impl Fn(&Value) -> bool,
    ) -> Value {
        let key = Key::new(kind, namespace, name);
        let found = |served: &Self| served.known.get(&key).filter(|object| so(object)).cloned();
        self.follow_until(found)
            .await
            .unwrap_or_else(|served| panic!("{key:?} never came so far; it is {:?}", served.known.get(&key)))
    }

    /// Waits until an object that has been seen is gone.
    pub(in super::super) async fn until_gone(&mut self, kind: Kind, namespace: &str, name: &str) {
        let key = Key::new(kind, namespace, name);
        let gone = |served: &Self| (!served.known.contains_key(&key)).then_some(());
        self.follow_until(gone)
            .await
            .unwrap_or_else(|served| panic!("{key:?} never went; it is {:?}", served.known.get(&key)));
    }

    /// Follows what happens until something is found; the state of the end where it never is.
    async fn follow_until<T>(&mut self, found: impl Fn(&Self) -> Option<T>) -> Result<T, &Self> {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            if let Some(found) = found(self) {
                return Ok(found);
            }
            let Ok(Some(seen)) = tokio::time::timeout_at(deadline, self.follow.next()).await else {
                return Err(self);
            };
            let kind = Kind::at_path(seen.resource()).unwrap();
            let key = Key::of(kind, seen.object());
            if seen.deleted() {
                self.known.remove(&key);
            } else {
                self.known.insert(key, seen.object().clone());
            }
        }
    }

    /// Ends both.
    pub(in super::super) async fn end(mut self) {
        self.controllers.abort();
        if let Some(server) = self.server.take() {
            server.close().await.unwrap();
        }
    }
}

async fn open(data: PathBuf) -> Server {
    let options = Options {
        data,
        authority: Authority::Own,
        version: "v1.35.0".to_owned(),
    };
    Server::open(options).await.unwrap()
}

/// Whether the object is in this phase.
pub(in super::super) fn phase(phase: &'static str) -> impl Fn(&Value) -> bool {
    move |object| text(object, "/status/phase") == phase
}
