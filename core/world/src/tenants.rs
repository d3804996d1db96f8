//! The API servers of tenants' clusters: each listens as long as a management cluster hosts it, and starts with its first
//! connection. What is installed on the cluster (`contents`) and controllers live beside it from then on; the first answer waits
//! until they have caught up, so that whoever connects finds a cluster as old as it is.

mod contents;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use butler_embedded::{Local, Server};
use futures::future::BoxFuture;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use self::contents::Contents;
use crate::cluster::{ClusterHost, Controllers};
use crate::hosted::{Attach, Hosted, Hosting};
use crate::live::World;
use crate::net::RETRY;
use crate::reconcile::runner::{self, Begin};
use crate::world::state::{Moment, OutOfSync};
use crate::world::tenants::{RotationScope, Tenant};

/// The hosted clusters of a world.
pub(crate) struct Tenants {
    world: World,
    open: HashMap<u32, Open>,
}

/// A hosted cluster that listens.
struct Open {
    hosted: Hosted,
    version: String,
    /// The rotation of certificates that was carried out last.
    rotation: Option<String>,
    concerned: Concerned,
}

/// Whom it concerns that the facts have changed: what keeps the contents of a cluster, and the controllers of Kubernetes.
#[derive(Debug, Clone, Default)]
struct Concerned {
    contents: Arc<Notify>,
    kubernetes: Arc<Notify>,
}

/// What a hosted cluster is to be.
struct Wanted {
    tenant: Tenant,
    name: String,
    version: String,
}

impl Tenants {
    pub(crate) fn new(world: World) -> Self {
        Self {
            world,
            open: HashMap::new(),
        }
    }

    /// Brings a cluster in line with the state, if it is or was one of a tenant; `false`: it is another's affair.
    pub(crate) async fn align(&mut self, key: u32) -> bool {
        let wanted = self.world.with(|state| {
            let cluster = state.clusters.get(&key)?;
            Some(Wanted {
                tenant: cluster.tenant.clone()?,
                name: cluster.name.clone(),
                version: cluster.config.kubernetes.clone(),
            })
        });
        let Some(wanted) = wanted else {
            let Some(open) = self.open.remove(&key) else {
                return false;
            };
            open.hosted.close().await;
            return true;
        };
        match self.open.get_mut(&key) {
            Some(open) => {
                if open.version != wanted.version {
                    open.hosted.change_version(&wanted.version);
                    open.version = wanted.version;
                }
                rotate(&self.world, key, open, wanted.tenant.rotation);
                open.concerned.contents.notify_one();
                open.concerned.kubernetes.notify_one();
            }
            None => self.listen(key, wanted),
        }
        true
    }

    fn listen(&mut self, key: u32, wanted: Wanted) {
        let concerned = Concerned::default();
        let hosting = Hosting {
            name: wanted.name.clone(),
            data: self.folder(key),
            version: wanted.version.clone(),
            address: wanted.tenant.address,
        };
        let beside = Beside {
            world: self.world.clone(),
            key,
            since: wanted.tenant.since,
            concerned: concerned.clone(),
        };
        let result = Hosted::listen_with(hosting, beside.attach());
        let told = match &result {
            Ok(hosted) => Ok(hosted.kubeconfig().clone()),
            Err(error) => Err(describe(error)),
        };
        let failed = told.is_err();
        if wanted.tenant.problem.as_ref() != told.as_ref().err() || !failed {
            self.world.update(|state, now| state.tenant_listens(key, told, now));
        }
        match result {
            Ok(hosted) => {
                let open = Open {
                    hosted,
                    version: wanted.version,
                    rotation: None,
                    concerned,
                };
                self.open.insert(key, open);
            }
            Err(_) => self.again(key),
        }
    }

    /// Asks for another try after a while: an address may be in use for a moment.
    fn again(&self, key: u32) {
        let world = self.world.clone();
        tokio::spawn(async move {
            tokio::time::sleep(RETRY).await;
            world.ask(OutOfSync::Cluster(key));
        });
    }

    fn folder(&self, key: u32) -> PathBuf {
        self.world.folder().join(format!("tenant.{key}"))
    }

    pub(crate) async fn close(self) {
        for open in self.open.into_values() {
            open.hosted.close().await;
        }
    }
}

/// Makes certificates anew, if that was asked for and is not done.
fn rotate(world: &World, key: u32, open: &mut Open, asked: Option<(String, RotationScope)>) {
    let Some((rotation, scope)) = asked.filter(|(rotation, _)| open.rotation.as_ref() != Some(rotation)) else {
        return;
    };
    match open.hosted.rotate(scope) {
        Ok(()) => {
            let kubeconfig = open.hosted.kubeconfig().clone();
            open.rotation = Some(rotation.clone());
            world.update(|state, _| state.tenant_rotated(key, rotation, kubeconfig));
        }
        // It stays asked for: the next change of the cluster tries again.
        Err(error) => tracing::error!(
            error = describe(&error),
            "the certificates of a tenant cannot be made anew"
        ),
    }
}

fn describe(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// What lives beside the API server of a tenant.
#[derive(Clone)]
struct Beside {
    world: World,
    key: u32,
    since: Moment,
    concerned: Concerned,
}

impl Beside {
    fn attach(self) -> Attach {
        Arc::new(
            move |server: &Server, stop: CancellationToken| -> BoxFuture<'static, ()> {
                let beside = self.clone();
                let (contents, kubernetes) = (server.local("helm"), server.local("simulated-controllers"));
                Box::pin(beside.come_to_life(contents, kubernetes, stop))
            },
        )
    }

    /// First has on the cluster what was installed before anybody looked, then lets the controllers of Kubernetes catch up
    /// with it.
    async fn come_to_life(self, contents: Local, kubernetes: Local, stop: CancellationToken) {
        let unwatched = Arc::new(Mutex::new(Some(self.since)));
        let host = contents::Host {
            world: self.world.clone(),
            key: self.key,
            unwatched: Arc::clone(&unwatched),
        };
        let (begin, settled) = self.begin();
        let changed = Arc::clone(&self.concerned.contents);
        let run = runner::run(Contents::default(), host, contents, changed, begin);
        let (world, key, end) = (self.world.clone(), self.key, stop.clone());
        tokio::spawn(async move {
            end.run_until_cancelled_owned(run).await;
            world.update(|state, _| state.tenant_seen(key, None));
        });
        // Where one of them ended before, there is nothing to wait for.
        let _ = settled.await;
        let host = ClusterHost {
            world: self.world.clone(),
            key: self.key,
            unwatched: Arc::clone(&unwatched),
        };
        let (begin, settled) = self.begin();
        let changed = Arc::clone(&self.concerned.kubernetes);
        let run = runner::run(Controllers::default(), host, kubernetes, changed, begin);
        let (world, key) = (self.world.clone(), self.key);
        tokio::spawn(async move {
            stop.run_until_cancelled_owned(run).await;
            world.update(|state, _| state.tenant_nodes(key, BTreeSet::new()));
        });
        let _ = settled.await;
        *unwatched.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // From now on it counts how the contents are doing.
        self.concerned.contents.notify_one();
    }

    /// How a planner begins that is as old as the cluster, and what tells that it has caught up.
    fn begin(&self) -> (Begin, oneshot::Receiver<()>) {
        let (settled, caught_up) = oneshot::channel();
        let begin = Begin {
            since: Some(self.since),
            settled: Some(settled),
        };
        (begin, caught_up)
    }
}
