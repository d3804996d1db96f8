//! The nodes of a tenant cluster: as Butler's server sees them, or the machines that they are.

use jiff::Timestamp;
use serde::Serialize;

use super::describe::parts::{self, Machine, Node};
use super::read::{self, Found, ReadError};
use crate::reach::Reach;
use crate::transport::{Operation, Way};

/// The nodes, by whom they were told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Nodes {
    /// Nodes of the cluster itself.
    Nodes(Vec<Node>),
    /// Machines of Cluster API.
    Machines(Vec<MachineRow>),
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineRow {
    /// Its name.
    pub name: String,
    /// How far it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The name of its node, once it has joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The version of Kubernetes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What the platform calls it.
    #[serde(skip_serializing_if = "Option::is_none", rename = "providerID")]
    pub provider_id: Option<String>,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// The nodes of a cluster.
pub async fn of(reach: &Reach, found: &Found) -> Result<Nodes, ReadError> {
    let cluster = found.typed()?;
    let namespace = read::parts_namespace(&cluster).ok_or_else(|| ReadError::NotReady {
        name: found.name.clone(),
        namespace: found.namespace.clone(),
        what: "nodes",
        why: super::kubeconfig::waits_for(&cluster),
    })?;
    let ways = Operation::Nodes.ways_of(reach).await;
    if let (Some(Way::Server), Some(server)) = (ways.first(), &reach.server) {
        let nodes = parts::nodes(server, found).await;
        return nodes.map(Nodes::Nodes).map_err(|source| ReadError::Server {
            what: format!("the nodes of tenant cluster {}", found.name),
            source: Box::new(source),
        });
    }
    let machines = parts::machines(reach, namespace, &found.name).await;
    let machines = machines.map_err(|source| ReadError::Kubernetes {
        what: format!("machines in namespace {namespace}"),
        source: Box::new(source),
        needs: Some(Operation::Nodes),
    })?;
    Ok(Nodes::Machines(machines.iter().map(MachineRow::of).collect()))
}

impl MachineRow {
    fn of(machine: &Machine) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            name: machine.name().to_owned(),
            phase: owned(machine.phase()),
            node: owned(machine.node()),
            version: owned(machine.version()),
            provider_id: owned(machine.provider_id()),
            cause: owned(machine.cause()).filter(|_| machine.phase() != Some("Running")),
            created: machine.metadata.creation_timestamp.as_ref().map(|time| time.0),
        }
    }
}
