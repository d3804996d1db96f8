//! What the world says about a cluster: the facts that its controllers decide by, beside the objects.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::node_object::NodeFacts;
use super::system::System;
use crate::world::clusters::Vip;
use crate::world::file::Settings;
use crate::world::machine::Machine;
use crate::world::node_config::NodeConfig;
use crate::world::state::{Moment, State};
use crate::world::tenants::provider_id;

/// The facts of one moment.
#[derive(Debug)]
pub(crate) struct Facts {
    pub settings: Arc<Settings>,
    pub config: Arc<NodeConfig>,
    pub now: Moment,
    pub wall: Timestamp,
    /// Nodes whose kubelet has registered, and whose machine has power.
    pub(super) nodes: Vec<RegisteredNode>,
    pub api_critical: Duration,
    pub vip: Vip,
    /// The endpoint is an address that no node has.
    pub vip_needed: bool,
    /// Names of the machines of a tenant's cluster that are to stay. Cluster API takes the nodes of others away; `None`: it does
    /// not look after this cluster.
    pub members: Option<BTreeSet<String>>,
    /// Nobody has looked at the cluster since then: whatever pods wait for was there all the time.
    pub unwatched_since: Option<Moment>,
}

/// A node whose kubelet has registered.
#[derive(Debug)]
pub(super) struct RegisteredNode {
    pub facts: NodeFacts,
    /// Its part of the pod network.
    pub part: u32,
    /// Critical time of its registration, and when it was.
    pub registered: Duration,
    pub registered_at: Moment,
    pub static_pods: bool,
}

impl Facts {
    /// The facts about a cluster; `None` when it is gone.
    pub(crate) fn of(state: &State, key: u32, now: Moment) -> Option<Self> {
        let cluster = state.clusters.get(&key)?;
        let members = state.members_of(key);
        let endpoint = cluster.endpoint_ip();
        let of_node = members
            .iter()
            .any(|machine| machine.ip().map(std::net::IpAddr::V4) == endpoint);
        let stay = members.iter().filter(|machine| machine.deletion.is_none());
        let stay = stay.map(|machine| machine.hostname().to_owned());
        let stay = cluster.tenant.is_some().then(|| stay.collect());
        let nodes = (0..).zip(members);
        Some(Self {
            settings: Arc::new(state.settings.clone()),
            config: Arc::clone(&cluster.config),
            now,
            wall: state.wall(now),
            nodes: nodes.filter_map(|(part, machine)| node(state, machine, part)).collect(),
            // Nothing runs in a cluster before its first API server.
            api_critical: cluster.api_critical.unwrap_or(Duration::ZERO),
            vip: cluster.vip.clone(),
            vip_needed: endpoint.is_some() && !of_node && cluster.tenant.is_none(),
            members: stay,
            unwatched_since: None,
        })
    }
}

fn node(state: &State, machine: &Machine, part: u32) -> Option<RegisteredNode> {
    let registered = machine.critical.registered?;
    let config = machine.config.as_ref().filter(|_| !machine.off)?;
    let order = machine.order.as_ref();
    Some(RegisteredNode {
        part,
        registered,
        registered_at: machine.registered_at,
        static_pods: machine.static_pods,
        facts: NodeFacts {
            id: machine.id.clone(),
            hostname: machine.hostname().to_owned(),
            ip: machine.ip()?,
            machine_type: config.machine_type,
            kubernetes: config.kubernetes.clone(),
            system: match order.and_then(|order| order.join.as_ref()) {
                Some(join) => System::named(&join.system),
                None => System::talos(&state.settings.talos_version),
            },
            labels: config.labels.clone().into_iter().collect(),
            taints: config.taints.clone().into_iter().collect(),
            schedulable_control_plane: config.cluster.schedule_on_control_planes,
            boot_id: machine.boot_id.clone(),
            provider_id: order
                .filter(|order| order.join.is_some())
                .map(|_| provider_id(&machine.id)),
            // A static node was not ordered: it has what a small one has.
            cpu: order.map_or(2, |order| order.cpu),
            memory_mb: order.map_or(4096, |order| order.memory_mb),
        },
    })
}
