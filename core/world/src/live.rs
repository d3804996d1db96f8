//! The world at run time: its state behind one lock, and handles to look at it, change it and follow it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::blocks::Blocks;
use crate::world::addresses::{AddressPool, NoAddresses};
use crate::world::butler_server::LoginServer;
use crate::world::faults::KubernetesFault;
use crate::world::file::Settings;
use crate::world::machine::{MachineView, Order};
use crate::world::state::{Moment, OrderError, OutOfSync, State};
use crate::world::tenants::TenantFacts;

/// A simulated world. Cheap to clone.
#[derive(Clone)]
pub(crate) struct World {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    blocks: Mutex<Blocks>,
    began: Instant,
    folder: PathBuf,
    effects: mpsc::UnboundedSender<BTreeSet<OutOfSync>>,
    timers: Notify,
    changes: watch::Sender<()>,
    machines: Mutex<HashMap<String, watch::Sender<()>>>,
    /// Servers that answer, by the number of their cluster.
    login_servers: Mutex<BTreeMap<u32, Arc<dyn LoginServer>>>,
    end: CancellationToken,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

/// Effects on their way to whoever carries them out.
pub(crate) type Effects = mpsc::UnboundedReceiver<BTreeSet<OutOfSync>>;

impl World {
    /// A new world whose clusters keep their data below `folder`. Worlds of one `home` have the same addresses, if they are
    /// free.
    pub(crate) fn new(settings: Settings, home: &Path, folder: &Path) -> Result<(Self, Effects), NoAddresses> {
        let network = settings.network;
        let mut blocks = Blocks::new(network, &home.to_string_lossy());
        let mut pool = AddressPool::default();
        while pool.free() <= settings.static_nodes.len() {
            pool.extend(blocks.reserve().ok_or(NoAddresses(network))?);
        }
        let (effects, receiver) = mpsc::unbounded_channel();
        let world = Self {
            inner: Arc::new(Inner {
                state: Mutex::new(State::new(settings, pool, Timestamp::now(), Uuid::new_v4())),
                blocks: Mutex::new(blocks),
                began: Instant::now(),
                folder: folder.to_owned(),
                effects,
                timers: Notify::new(),
                changes: watch::Sender::new(()),
                machines: Mutex::new(HashMap::new()),
                login_servers: Mutex::default(),
                end: CancellationToken::new(),
            }),
        };
        Ok((world, receiver))
    }

    /// Looks at the state.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.lock())
    }

    /// Changes the state, after everything that was due has happened.
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut State, Moment) -> R) -> R {
        let mut state = self.lock();
        let now = self.inner.began.elapsed();
        state.advance(now);
        let result = change(&mut state, now);
        let (effects, touched) = state.take_effects();
        let is_gone = |id: &&String| !state.machines.contains_key(*id);
        let gone: Vec<String> = touched.iter().filter(is_gone).cloned().collect();
        drop(state);
        self.inner.timers.notify_one();
        if !effects.is_empty() {
            let _ = self.inner.effects.send(effects);
        }
        if !touched.is_empty() {
            let mut machines = self.machines();
            for id in &touched {
                if let Some(sender) = machines.get(id) {
                    sender.send_replace(());
                }
            }
            for id in &gone {
                // Whoever follows it sees the end.
                machines.remove(id);
            }
        }
        self.inner.changes.send_replace(());
        result
    }

    /// Looks at the state and the time.
    pub(crate) fn moment<R>(&self, look: impl FnOnce(&State, Moment) -> R) -> R {
        look(&self.lock(), self.inner.began.elapsed())
    }

    /// Asks for something to be brought in line again.
    pub(crate) fn ask(&self, effect: OutOfSync) {
        let _ = self.inner.effects.send(BTreeSet::from([effect]));
    }

    /// The fault of this call of a simulated API server, if it is its turn.
    pub(crate) fn kubernetes_fault(&self) -> Option<KubernetesFault> {
        self.lock().kubernetes_fault()
    }

    /// Where clusters keep their data.
    pub(crate) fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// Follows all changes of the world, whatever they are.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.inner.changes.subscribe()
    }

    /// Follows one machine until it is gone. The state is locked, so that nobody follows a machine that has just gone.
    pub(crate) fn changes_of(&self, id: &str) -> watch::Receiver<()> {
        let state = self.lock();
        if !state.machines.contains_key(id) {
            let (_, ended) = watch::channel(());
            return ended;
        }
        self.machines().entry(id.to_owned()).or_default().subscribe()
    }

    /// Makes a machine, or finds the one that the same order made. `true`: it is new. The machine's address is reserved
    /// with the order, from another block of the network where this one is used up.
    pub(crate) fn order(&self, order: Order) -> Result<(MachineView, bool), OrderError> {
        let mut blocks = self.inner.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        self.update(|state, now| {
            reserve(&mut blocks, state);
            let (id, new) = state.order(order, now)?;
            let machine = state.machines.get(&id).expect("an order names a machine that is there");
            Ok((MachineView::from(machine), new))
        })
    }

    /// Reserves another block of addresses where none is left.
    pub(crate) fn make_room(&self) {
        let mut blocks = self.inner.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        reserve(&mut blocks, &mut self.lock());
    }

    /// What has changed of the tenants of a management cluster since this was asked last. Nothing of the world changes by it.
    pub(crate) fn take_tenant_changes(&self, host: u32) -> BTreeMap<String, Option<TenantFacts>> {
        self.lock().take_tenant_changes(host)
    }

    /// An address for something that is no machine; `None`: none is left.
    pub(crate) fn take_address(&self) -> Option<SocketAddrV4> {
        let mut blocks = self.inner.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        self.update(|state, _| {
            reserve(&mut blocks, state);
            state.take_address()
        })
    }

    /// Gives such an address back.
    pub(crate) fn give_address_back(&self, address: SocketAddrV4) {
        self.update(|state, _| state.give_address_back(address));
    }

    /// Says which server answers for a cluster, if one does.
    pub(crate) fn set_login_server(&self, cluster: u32, server: Option<Arc<dyn LoginServer>>) {
        let mut servers = self.inner.login_servers.lock().unwrap_or_else(PoisonError::into_inner);
        match server {
            Some(server) => drop(servers.insert(cluster, server)),
            None => drop(servers.remove(&cluster)),
        }
    }

    /// All servers that answer.
    pub(crate) fn login_servers(&self) -> Vec<Arc<dyn LoginServer>> {
        let servers = self.inner.login_servers.lock().unwrap_or_else(PoisonError::into_inner);
        servers.values().cloned().collect()
    }

    /// Done when the next thing to happen by itself may be another one.
    pub(crate) async fn timers_changed(&self) {
        self.inner.timers.notified().await;
    }

    /// Ends the world: everything that waits for it returns.
    pub(crate) fn end(&self) {
        self.inner.end.cancel();
    }

    /// Done when the world is to end.
    pub(crate) async fn ended(&self) {
        self.inner.end.cancelled().await;
    }

    /// When a moment is, on tokio's clock.
    pub(crate) fn instant(&self, moment: Moment) -> tokio::time::Instant {
        let far = std::time::Duration::from_hours(24 * 365);
        tokio::time::Instant::from_std(self.inner.began + moment.min(far))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn machines(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<()>>> {
        self.inner.machines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes over another block of addresses when the last one is used up.
fn reserve(blocks: &mut Blocks, state: &mut State) {
    if state.free_addresses() == 0
        && let Some(block) = blocks.reserve()
    {
        state.add_addresses(block);
    }
}
