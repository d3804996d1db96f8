//! What the steps of one run share: configuration, identities, files, connections. Connections are made when first
//! needed and kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    io::ErrorKind,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use butler_addons::{Addon, Installer};
use butler_api::{
    config::{BootstrapConfig, ConfigDelivery, Role},
    error::{Class, StepError},
    event::{Body, CauseLine},
    v1alpha1::{ImageSync, MachineRequest},
    view::View,
};
use butler_engine::{Operation, StepId, Words};
use butler_files::{
    ClusterFolder,
    home::{self, HomeError},
};
use butler_infra::{Owner, Provider};
use butler_kubernetes::{Watched, chain, servers::Servers};
use butler_talos::{
    client::{Address, Credentials, Node as TalosNode},
    secrets::SecretsBundle,
    talosconfig,
};
use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::{Api, Client, runtime::watcher};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{sync::watch, task::AbortHandle};

use crate::{
    bootstrap::layers::layers,
    bootstrap::{
        Fact, Journal, Known, Learned,
        bundle::Bundle,
        controllers::{images::Seen, machines::Trouble},
        mirror::StatusMirror,
        promised,
        steps::{self, Below},
    },
    bootstrap_clusters,
};

/// Makes the installer for a management cluster, once its kubeconfig exists.
pub type MakeInstaller =
    Box<dyn Fn(ManagementAccess) -> BoxFuture<'static, Result<Arc<dyn Installer>, StepError>> + Send + Sync>;

/// How the management cluster is reached: at its endpoint once that is proven, else at the address of a control plane that
/// answers, verifying the certificate against the endpoint's name.
#[derive(Clone)]
pub struct ManagementAccess {
    /// The client. It goes to another address when one no longer answers.
    pub client: Client,
    /// The kubeconfig of the cluster's administrator.
    pub kubeconfig: SecretString,
    /// The addresses, and the one in use.
    pub servers: Servers,
    /// Name that the certificate must carry.
    pub server_name: String,
}

/// The management cluster once its kubeconfig exists.
pub struct Management {
    /// How it is reached.
    pub access: ManagementAccess,
    /// The nodes of the cluster, watched.
    pub nodes: Watched<Node>,
}

/// The bootstrap cluster while it runs.
pub struct BootstrapSide {
    /// The cluster that holds the record until the pivot.
    pub running: bootstrap_clusters::Running,
    /// Its MachineRequests, once the record is written.
    pub machines: Mutex<Option<Arc<Watched<MachineRequest>>>>,
    /// Its ImageSyncs, once the record is written, where the platform is given an image.
    pub images: Mutex<Option<Arc<Watched<ImageSync>>>>,
    /// Tasks that end with the run or at the pivot: the machine controller, the mirror.
    pub tasks: Mutex<Vec<AbortHandle>>,
}

/// The Talos secrets with the client credentials made from them.
pub struct TalosSide {
    /// The secrets that the cluster's nodes are made with.
    pub bundle: SecretsBundle,
    /// Credentials of an administrator of the Talos API.
    pub credentials: Credentials,
}

/// What is settled before the first step: read by all of them, changed by none.
pub struct Settled {
    /// The configuration of the cluster, validated.
    pub config: BootstrapConfig,
    /// Whose objects these are.
    pub owner: Owner,
    /// Settings of the bootstrap cluster.
    pub cluster: bootstrap_clusters::Settings,
    /// The addons that are installed, by their names.
    pub addons: BTreeMap<String, Addon>,
    /// Roles of the machines by name.
    pub roles: BTreeMap<String, Role>,
    /// Steps that earlier runs began.
    pub before: BTreeSet<StepId>,
}

/// Connections, made when first needed and kept.
pub struct Links {
    /// The platform that the machines are on.
    pub provider: Arc<dyn Provider>,
    /// What the controllers of machines and images say.
    pub trouble: Trouble,
    /// The image that this run has seen on the platform.
    pub image_seen: Seen,
    make_installer: MakeInstaller,
    installer: tokio::sync::OnceCell<Arc<dyn Installer>>,
    talos: tokio::sync::OnceCell<Arc<TalosSide>>,
    bootstrap: Mutex<Option<Arc<BootstrapSide>>>,
    management: tokio::sync::OnceCell<Arc<Management>>,
    talos_nodes: Mutex<BTreeMap<String, TalosNode>>,
    pub(crate) below: Below,
    pub(crate) owner_uid: tokio::sync::OnceCell<String>,
}

/// A bootstrap under way: what its steps share.
pub struct Bootstrap {
    /// What was settled before.
    pub settled: Settled,
    /// Connections to the platform and the clusters.
    pub links: Links,
    /// Where it reads and writes.
    pub files: ClusterFolder,
    /// The journal, with what it tells.
    pub journal: Journal,
    /// What people see, for the mirror.
    pub view: watch::Receiver<View>,
    bundle: Mutex<Option<Bundle>>,
    unsure: AtomicBool,
    talosconfig_lock: tokio::sync::Mutex<()>,
    unconfigured: Mutex<BTreeSet<String>>,
}

/// What a bootstrap is made of.
pub struct Parts {
    /// The configuration of the cluster, validated.
    pub config: BootstrapConfig,
    /// Whose objects these are.
    pub owner: Owner,
    /// The platform that the machines are on.
    pub provider: Arc<dyn Provider>,
    /// Where the files of the cluster are kept.
    pub files: ClusterFolder,
    /// Settings of the bootstrap cluster.
    pub cluster: bootstrap_clusters::Settings,
    /// The journal of the run, open for writing.
    pub journal: Journal,
    /// The addons that are installed.
    pub addons: Vec<Addon>,
    /// What earlier runs left.
    pub before: Known,
    /// Whether earlier runs may have done more than that.
    pub unsure: bool,
    /// The view that people see, as it changes.
    pub view: watch::Receiver<View>,
    /// The Talos secrets, if they have begun to be made.
    pub bundle: Option<Bundle>,
    /// Makes the installer once the cluster can be reached.
    pub make_installer: MakeInstaller,
}

impl Operation for Bootstrap {
    type Memory = Learned;

    const WORDS: Words = Words {
        done: "management cluster ready",
        not_done: "the bootstrap is not done",
    };

    fn explain(error: &(dyn Error + 'static)) -> String {
        chain(error)
    }

    fn layers(error: &StepError) -> Vec<CauseLine> {
        layers(error)
    }

    fn learnt(fact: &Fact, seen: &View) -> Option<Body> {
        let (name, id, address) = match fact {
            Fact::ProviderId { machine, id } => (machine, Some(id), None),
            Fact::Address { machine, address } => (machine, None, Some(address)),
            Fact::Fingerprint { .. }
            | Fact::EtcdNode { .. }
            | Fact::Authority { .. }
            | Fact::Image { .. }
            | Fact::Operation { .. }
            | Fact::Forgotten { .. } => return None,
        };
        let before = seen.machine(name)?;
        let mut machine = before.clone();
        machine.provider_id = id.cloned().or(machine.provider_id);
        machine.address = address.cloned().or(machine.address);
        (machine != *before).then_some(Body::MachineChanged { machine })
    }
}

impl Bootstrap {
    /// A bootstrap that is about to run.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            config,
            owner,
            provider,
            files,
            cluster,
            journal,
            addons,
            before,
            unsure,
            view,
            bundle,
            make_installer,
        } = parts;
        let settled = Settled {
            roles: config.machine_names().into_iter().collect(),
            config,
            owner,
            cluster,
            addons: addons.into_iter().map(|a| (a.name.clone(), a)).collect(),
            before: before.touched.union(&before.proven).cloned().collect(),
        };
        let links = Links {
            provider,
            trouble: Trouble::default(),
            image_seen: Seen::default(),
            make_installer,
            installer: tokio::sync::OnceCell::new(),
            talos: tokio::sync::OnceCell::new(),
            bootstrap: Mutex::new(None),
            management: tokio::sync::OnceCell::new(),
            talos_nodes: Mutex::default(),
            below: Below::default(),
            owner_uid: tokio::sync::OnceCell::new(),
        };
        Self {
            settled,
            links,
            files,
            journal,
            view,
            bundle: Mutex::new(bundle),
            unsure: AtomicBool::new(unsure),
            talosconfig_lock: tokio::sync::Mutex::new(()),
            unconfigured: Mutex::default(),
        }
    }

    /// Whether a step is proven, in this run or an earlier one.
    pub fn is_proven(&self, step: &StepId) -> bool {
        self.known().proven.contains(step)
    }

    /// What the journal tells by now. Do not hold it across an `await`.
    pub fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.journal.known()
    }

    /// What shows this bootstrap on a cluster.
    pub(crate) fn mirror(&self, client: Client) -> StatusMirror {
        StatusMirror::new(client, &self.settled.config.cluster.name, self.settled.addons.values())
    }

    /// Whether earlier runs may have done more than the journal tells.
    pub fn is_unsure(&self) -> bool {
        self.unsure.load(Ordering::Relaxed)
    }

    /// A machine was found with this cluster's configuration before this run pushed one. If no earlier run meant to either,
    /// the journal is older than what it describes.
    pub(crate) fn was_configured(&self, name: &str) {
        let step = match self.settled.config.config_delivery() {
            ConfigDelivery::Maintenance => steps::configure::id(name),
            // It was made with it.
            ConfigDelivery::Cidata => steps::machine::id(name),
        };
        let known = self.known();
        if !known.touched.contains(&step) && !known.proven.contains(&step) {
            self.unsure.store(true, Ordering::Relaxed);
        }
    }

    /// Machines that were last seen in maintenance mode and that nothing has been done to since.
    pub(crate) fn unconfigured(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.unconfigured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connections to control planes, by machine name: they are asked many things, and a new connection costs more than a
    /// question.
    pub(crate) fn talos_nodes(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, TalosNode>> {
        self.links.talos_nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node address of a machine.
    pub fn address(&self, machine: &str) -> Result<Address, StepError> {
        let text = self
            .known()
            .memory
            .machines
            .get(machine)
            .and_then(|m| m.address.clone());
        let text = text.ok_or_else(|| StepError::new(Class::Retryable, format!("{machine} has no address yet")))?;
        text.parse()
            .map_err(|e| StepError::fatal(format!("the address {text:?} of {machine}"), e))
    }

    /// Names of the control planes, in order.
    pub fn control_planes(&self) -> Vec<String> {
        let machines = self.settled.config.machine_names();
        machines
            .into_iter()
            .filter(|(_, role)| *role == Role::ControlPlane)
            .map(|(name, _)| name)
            .collect()
    }

    /// Host of the control-plane endpoint: the configured one, else the first control plane's address.
    pub fn endpoint_host(&self) -> Result<String, StepError> {
        if let Some(vip) = &self.settled.config.network.vip {
            return Ok(vip.to_string());
        }
        let first = self.control_planes().into_iter().next();
        let first = first.ok_or_else(|| StepError::new(Class::Fatal, "the plan has no control plane"))?;
        Ok(self.address(&first)?.host().to_owned())
    }

    /// The secrets of a new cluster: those that have begun to be made, else others.
    pub(crate) async fn new_bundle(&self) -> Result<SecretsBundle, StepError> {
        let begun = self.bundle.lock().unwrap_or_else(PoisonError::into_inner).take();
        let bundle = begun.or_else(|| Bundle::begin(&self.files));
        let bundle = bundle.ok_or_else(|| StepError::new(Class::Retryable, "the Talos secrets exist already"))?;
        bundle.made().await
    }

    /// Secrets bundle and credentials, from the file that the secrets step wrote.
    pub async fn talos(&self) -> Result<Arc<TalosSide>, StepError> {
        self.links
            .talos
            .get_or_try_init(|| async { self.load_talos().map(Arc::new) })
            .await
            .cloned()
    }

    /// Secrets bundle and credentials, if they were made. Until then no node can have this cluster's configuration.
    pub async fn talos_if_made(&self) -> Result<Option<Arc<TalosSide>>, StepError> {
        if let Some(talos) = self.links.talos.get() {
            return Ok(Some(Arc::clone(talos)));
        }
        let missing = |path: &Path| std::fs::symlink_metadata(path).is_err_and(|e| e.kind() == ErrorKind::NotFound);
        if !self.is_proven(&steps::secrets::id()) && missing(&self.files.secrets()) {
            return Ok(None);
        }
        self.talos().await.map(Some)
    }

    fn load_talos(&self) -> Result<TalosSide, StepError> {
        let path = self.files.secrets();
        let text = std::fs::read_to_string(&path)
            .map(SecretString::from)
            .map_err(|e| StepError::fatal(format!("read the Talos secrets {}", path.display()), e))?;
        let bundle = SecretsBundle::from_yaml(text.expose_secret()).map_err(|e| {
            StepError::fatal(format!("read the Talos secrets {}", path.display()), e)
                .hint("restore the file from a backup; without it the nodes cannot be reached")
        })?;
        let credentials = Credentials::issue(&bundle, Timestamp::now())
            .map_err(|e| StepError::fatal("issue Talos client credentials", e))?;
        Ok(TalosSide { bundle, credentials })
    }

    /// The bootstrap cluster, if it runs.
    pub fn bootstrap(&self) -> Result<Arc<BootstrapSide>, StepError> {
        let side = self
            .links
            .bootstrap
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        side.ok_or_else(|| StepError::new(Class::Retryable, "the bootstrap cluster does not run"))
    }

    /// Sets or forgets the bootstrap cluster.
    pub fn set_bootstrap(&self, side: Option<bootstrap_clusters::Running>) {
        let side = side.map(|running| {
            Arc::new(BootstrapSide {
                running,
                machines: Mutex::default(),
                images: Mutex::default(),
                tasks: Mutex::default(),
            })
        });
        let old = std::mem::replace(
            &mut *self.links.bootstrap.lock().unwrap_or_else(PoisonError::into_inner),
            side,
        );
        if let Some(old) = old {
            old.stop_tasks();
        }
    }

    /// The management cluster, connected the first time that somebody asks.
    pub async fn management(&self) -> Result<Arc<Management>, StepError> {
        let management = self
            .links
            .management
            .get_or_try_init(|| async { self.connect().await.map(Arc::new) })
            .await?;
        // More of them may be known, or proven, by now.
        management.access.servers.set(self.servers()?);
        Ok(Arc::clone(management))
    }

    /// What installs addons into the management cluster, made the first time that somebody installs one.
    pub async fn installer(&self) -> Result<Arc<dyn Installer>, StepError> {
        let access = self.management().await?.access.clone();
        let make = || (self.links.make_installer)(access);
        self.links.installer.get_or_try_init(make).await.cloned()
    }

    async fn connect(&self) -> Result<Management, StepError> {
        let path = self.files.kubeconfig();
        let kubeconfig = std::fs::read_to_string(&path)
            .map(SecretString::from)
            .map_err(|e| StepError::retryable(format!("read {}", path.display()), e))?;
        self.is_ours(&path, &kubeconfig).await?;
        let server_name = self.endpoint_host()?;
        let servers = Servers::new(kubeconfig.clone(), server_name.clone(), self.servers()?)
            .await
            .map_err(|e| StepError::fatal("connect to the management cluster", e))?;
        let client = servers.client();
        let nodes = Watched::start(Api::all(client.clone()), watcher::Config::default());
        let access = ManagementAccess {
            client,
            kubeconfig,
            servers,
            server_name,
        };
        Ok(Management { access, nodes })
    }

    /// Where the API server of the management cluster may be reached, best first: the endpoint once it was seen to lead to this
    /// cluster, then the control planes that have their configuration.
    fn servers(&self) -> Result<Vec<String>, StepError> {
        let url = |host: &str| format!("https://{}:6443", bracketed(host));
        let mut servers = Vec::new();
        if self.is_proven(&steps::endpoint::ready_id()) {
            servers.push(url(&self.endpoint_host()?));
        }
        for name in self.configured_control_planes() {
            let server = url(self.address(&name)?.host());
            if !servers.contains(&server) {
                servers.push(server);
            }
        }
        if servers.is_empty() {
            return Err(StepError::new(Class::Retryable, "no control plane is configured yet"));
        }
        Ok(servers)
    }

    /// Control planes that have their configuration; the one that bootstraps etcd first, as it is ahead of the others.
    pub fn configured_control_planes(&self) -> Vec<String> {
        let configured = self.machines_with(steps::configure::id);
        let first = self.known().memory.etcd_node.clone();
        let mut names = self.control_planes();
        names.retain(|name| configured.contains(name));
        names.sort_by_key(|name| Some(name) != first.as_ref());
        names
    }

    /// A connection lasts for the whole run: it is not made with what another step is about to replace.
    async fn is_ours(&self, path: &Path, kubeconfig: &SecretString) -> Result<(), StepError> {
        let server = format!("https://{}:6443", bracketed(&self.endpoint_host()?));
        let talos = self.talos().await?;
        let text = kubeconfig.expose_secret();
        match promised::kubeconfig_flaw(text, &server, &talos.bundle, Timestamp::now()) {
            None => Ok(()),
            Some(flaw) => {
                let message = format!("{} is not this cluster's kubeconfig: {flaw}", path.display());
                Err(StepError::new(Class::Retryable, message))
            }
        }
    }

    /// Makes both talosconfigs name the control planes known so far, with credentials of ours; whether people's file had
    /// to be written, and why.
    pub async fn write_talosconfig(&self) -> Result<Option<String>, StepError> {
        let _one_at_a_time = self.talosconfig_lock.lock().await;
        let talos = self.talos().await?;
        let known = self.known().memory.machines.clone();
        let endpoints: Vec<String> = self
            .control_planes()
            .iter()
            .filter_map(|name| known.get(name)?.address.clone())
            .collect();
        // One node by default: talosctl refuses health and others as soon as the context names several.
        let nodes = &endpoints[..endpoints.len().min(1)];
        let (name, now) = (&self.settled.config.cluster.name, Timestamp::now());
        let flaw = |path: &Path| match promised::read(path) {
            Ok(text) => promised::talosconfig_flaw(&text, name, &endpoints, &talos.bundle, now),
            Err(flaw) => Some(flaw),
        };
        let places = [self.files.talosconfig(), self.files.people_talosconfig()];
        let flaws = places.each_ref().map(|path| flaw(path));
        if flaws.iter().all(Option::is_none) {
            return Ok(None);
        }
        let text = talosconfig::render(name, &endpoints, nodes, &talos.bundle, now)
            .map_err(|e| StepError::fatal("render the talosconfig", e))?;
        for (path, _) in places.iter().zip(&flaws).filter(|(_, flaw)| flaw.is_some()) {
            write_secret(path, &text)?;
        }
        let [_, people] = flaws;
        Ok(people)
    }

    /// What the machines are made from, where the platform was given that.
    pub(crate) fn image(&self) -> Option<String> {
        let known = self.known().memory.image.clone();
        known.filter(|_| self.settled.config.brings_image())
    }

    /// Machines whose step of this id is proven.
    pub fn machines_with(&self, id: impl Fn(&str) -> StepId) -> BTreeSet<String> {
        let known = self.known();
        let names = self.settled.config.machine_names().into_iter().map(|(name, _)| name);
        names.filter(|name| known.proven.contains(&id(name))).collect()
    }
}

impl BootstrapSide {
    /// Ends controller and mirror.
    pub fn stop_tasks(&self) {
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
    }

    /// The MachineRequests of the bootstrap cluster, watched.
    pub fn machines(&self) -> Result<Arc<Watched<MachineRequest>>, StepError> {
        let machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner).clone();
        machines.ok_or_else(|| StepError::new(Class::Retryable, "the record is not written yet"))
    }

    /// The ImageSyncs of the bootstrap cluster, watched.
    pub fn images(&self) -> Result<Arc<Watched<ImageSync>>, StepError> {
        let images = self.images.lock().unwrap_or_else(PoisonError::into_inner).clone();
        images.ok_or_else(|| StepError::new(Class::Retryable, "the record is not written yet"))
    }
}

impl Drop for BootstrapSide {
    fn drop(&mut self) {
        self.stop_tasks();
    }
}

/// Writes a file that holds secrets: atomically, for its owner only. What only a person can move out of the way ends the
/// step.
pub fn write_secret(path: &Path, text: &SecretString) -> Result<(), StepError> {
    home::write_secret(path, text.expose_secret().as_bytes()).map_err(|e| not_written(&e))
}

/// A file that was not written, or could not be. The error names it.
pub(crate) fn not_written(error: &HomeError) -> StepError {
    let hint = error.hint();
    let class = if error.may_pass() {
        Class::Retryable
    } else {
        Class::Fatal
    };
    StepError {
        hint,
        ..StepError::new(class, chain(error))
    }
}

/// An IPv6 address in brackets, everything else as it is.
pub fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

#[cfg(test)]
pub(crate) mod tests;
