//! Clusters of tenants: their control planes are hosted, and their workers join by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::critical::Critical;
use super::machine::{Order, Stage};
use super::state::Moment;

/// What makes a cluster one of a tenant.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The number of the management cluster that hosts it.
    pub host: u32,
    /// The UID of its TenantControlPlane there.
    pub uid: String,
    /// Where its API server is to listen.
    pub address: SocketAddrV4,
    /// A kubeconfig with all rights, once the API server listens.
    pub kubeconfig: Option<SecretString>,
    /// Why it does not listen.
    pub problem: Option<String>,
    /// When it was asked for.
    pub since: Moment,
    /// The critical time of what was installed last: addons come one after the other.
    pub installed: Critical,
    /// What its load balancers take of its addresses.
    pub balancers: Balancers,
    /// Helm releases on it.
    pub releases: BTreeMap<ReleaseName, Installed>,
    /// What keeps releases from being well, while somebody looks at the cluster; `None`: nobody does, and all is well.
    pub ailing: Option<BTreeMap<ReleaseName, String>>,
    /// How Butler looks after it.
    pub care: Care,
    /// The new certificates that were asked for last.
    pub rotation: Option<(String, RotationScope)>,
    /// The rotation that its kubeconfig is of.
    pub rotated: Option<String>,
    /// Its namespaces, as somebody saw them last or a release has made them since.
    pub namespaces: BTreeSet<String>,
    /// Nodes of machines on its API server, while that runs.
    pub nodes: BTreeSet<String>,
}

/// What new certificates are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotationScope {
    /// Everything but the authority: the API server shows another certificate.
    All,
    /// Kubeconfigs; those that people have go on working.
    Kubeconfigs,
    /// The authority, and everything with it: nothing of before works any more.
    Authority,
}

impl RotationScope {
    /// The word that people use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Kubeconfigs => "kubeconfigs",
            Self::Authority => "ca",
        }
    }

    /// What a word means.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::All, Self::Kubeconfigs, Self::Authority];
        all.into_iter().find(|scope| scope.as_str() == word)
    }
}

/// A Helm release, by its namespace and its own name.
pub type ReleaseName = (String, String);

/// An addon as it is asked for: a chart, and where to install it.
#[derive(Debug, Clone, PartialEq)]
pub struct Addon {
    /// The name of the release.
    pub release: String,
    /// The namespace of the release.
    pub namespace: String,
    /// The name of the chart.
    pub chart: String,
    /// The version of the chart.
    pub version: String,
    /// The values that it is installed with.
    pub values: Map<String, Value>,
}

/// A Helm release on a tenant's cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Installed {
    /// When it was installed first.
    pub first: Moment,
    /// What it is and was, the oldest first. There is one at least.
    pub revisions: Vec<Revision>,
    /// The number of the last revision that was carried out on the API server; 0: none was, because nobody has looked.
    pub carried_out: u32,
}

/// One installation or upgrade of a release.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// Its number, from 1.
    pub number: u32,
    /// When it was made.
    pub since: Moment,
    /// What was installed.
    pub addon: Addon,
}

/// How many revisions Helm keeps of a release.
const KEPT: usize = 10;

impl Installed {
    /// A release that is installed now.
    pub fn new(addon: Addon, now: Moment) -> Self {
        Self {
            first: now,
            revisions: vec![Revision {
                number: 1,
                since: now,
                addon,
            }],
            carried_out: 0,
        }
    }

    /// Has this addon from now on; `false`: it is so already.
    pub fn upgrade(&mut self, addon: &Addon, now: Moment) -> bool {
        let last = self.revisions.last();
        if last.is_some_and(|last| last.addon == *addon) {
            return false;
        }
        let number = last.map_or(1, |last| last.number.saturating_add(1));
        self.revisions.push(Revision {
            number,
            since: now,
            addon: addon.clone(),
        });
        let surplus = self.revisions.len().saturating_sub(KEPT);
        self.revisions.drain(..surplus);
        true
    }

    /// What is installed.
    pub fn current(&self) -> Option<&Revision> {
        self.revisions.last()
    }
}

/// How Butler looks after the addons of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Care {
    /// It puts right what somebody else changes about them.
    pub corrects: bool,
    /// The ranges whose addresses load balancers get, as MetalLB writes them.
    pub addresses: Vec<String>,
}

impl Default for Care {
    fn default() -> Self {
        Self {
            corrects: true,
            addresses: Vec::new(),
        }
    }
}

/// What a management cluster asks the world to do. Each is so already, or is done now: asking again changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Host the control plane of a cluster.
    Host(Box<HostRequest>),
    /// Host it no more: its API server and all its data go.
    Abandon {
        /// The UID of the TenantControlPlane.
        uid: String,
    },
    /// Make a machine that joins a tenant's cluster.
    Join(Box<Order>),
    /// Delete a tenant's machine.
    Leave {
        /// The UID of the TenantControlPlane.
        uid: String,
        /// The name of the machine.
        machine: String,
    },
    /// Have a Helm release on a tenant's cluster.
    Install {
        /// The UID of the TenantControlPlane.
        uid: String,
        /// What is installed.
        addon: Box<Addon>,
    },
    /// Have no such release.
    Uninstall {
        /// The UID of the TenantControlPlane.
        uid: String,
        /// The namespace of the release.
        namespace: String,
        /// The name of the release.
        release: String,
    },
    /// Make certificates of a tenant's control plane anew.
    Rotate {
        /// The UID of the TenantControlPlane.
        uid: String,
        /// The name of the rotation: one of that name is carried out once.
        rotation: String,
        /// Which certificates.
        scope: RotationScope,
    },
    /// Look after a tenant's cluster in this way.
    Care {
        /// The UID of the TenantControlPlane.
        uid: String,
        /// In which way.
        care: Care,
    },
}

/// What a hosted control plane is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRequest {
    /// The UID of the TenantControlPlane.
    pub uid: String,
    /// The name of the cluster.
    pub name: String,
    /// The Kubernetes version, such as `v1.35.0`.
    pub version: String,
    /// The network of the pods.
    pub pods: String,
    /// The network of the services.
    pub services: String,
}

/// By what Cluster API knows the node of a machine.
pub(crate) fn provider_id(machine: &str) -> String {
    format!("inmemory://{machine}")
}

/// How a machine joins a tenant's cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The UID of the TenantControlPlane.
    pub tenant: String,
    /// The version of its kubelet.
    pub kubernetes: String,
    /// Its system, as the node tells it.
    pub system: String,
}

/// What the load balancers of a cluster take of its addresses, as far as somebody has looked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balancers {
    /// Addresses that services have.
    pub used: BTreeSet<Ipv4Addr>,
    /// How many services wait because no address is free.
    pub waiting: usize,
}

/// What controllers see of a hosted cluster.
#[derive(Debug, Clone, Default)]
pub struct TenantFacts {
    /// Where the API server answers, once it does.
    pub endpoint: Option<SocketAddrV4>,
    /// A kubeconfig with all rights, once there is one.
    pub kubeconfig: Option<SecretString>,
    /// Why the API server does not listen.
    pub problem: Option<String>,
    /// What its load balancers take of its addresses.
    pub balancers: Balancers,
    /// Its machines, by name.
    pub machines: BTreeMap<String, MachineFacts>,
    /// Machines that the platform refused, by name, and why.
    pub refused: BTreeMap<String, String>,
    /// Helm releases on it.
    pub releases: BTreeMap<ReleaseName, ReleaseFacts>,
    /// The rotation of certificates that the kubeconfig is of; none was, unless it is told.
    pub rotated: Option<String>,
    /// Its namespaces, as far as that is known.
    pub namespaces: BTreeSet<String>,
    /// Nodes of machines on its API server, while that runs.
    pub nodes: BTreeSet<String>,
}

/// What controllers see of a Helm release on a hosted cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseFacts {
    /// What is installed.
    pub addon: Addon,
    /// What keeps it from being well, as far as somebody looks.
    pub problem: Option<String>,
}

/// What controllers see of a tenant's machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineFacts {
    /// The id by which the platform knows it.
    pub id: String,
    /// Its address, once it has one.
    pub address: Option<Ipv4Addr>,
    /// How far it is.
    pub stage: Stage,
    /// Its kubelet has registered.
    pub registered: bool,
    /// Its node is ready.
    pub ready: bool,
}
