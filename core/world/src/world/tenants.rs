//! Clusters of tenants: their control planes are hosted, and their workers join by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use secrecy::SecretString;

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
    /// What its load balancers take of its addresses.
    pub balancers: Balancers,
    /// Helm releases on it, by namespace and name.
    pub addons: BTreeMap<(String, String), Addon>,
}

/// A Helm release on a tenant's cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Addon {
    /// The name of the release.
    pub release: String,
    /// The namespace of the release.
    pub namespace: String,
    /// The name of the chart.
    pub chart: String,
    /// The version of the chart, as it was asked for.
    pub version: String,
    /// The values that it was installed with.
    pub values: serde_json::Map<String, serde_json::Value>,
    /// Counts the installations and upgrades, from 1.
    pub revision: u32,
    /// When it was installed or upgraded last.
    pub since: Moment,
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
        /// What is installed. The world counts its revisions, and knows since when it is there.
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
    /// Helm releases on it, by namespace and name, and what keeps each from being well.
    pub addons: BTreeMap<(String, String), Option<String>>,
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
