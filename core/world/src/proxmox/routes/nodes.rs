//! Nodes and their networks.

use http::Method;
use serde::Serialize;
use serde_json::Value;

use super::super::access::{allows, require};
use super::super::reply::{Answer, data};
use super::super::request::Request;
use super::unknown;
use crate::live::World;
use crate::world::proxmox::refusal::Refusal;
use crate::world::proxmox::settings::{NodeSettings, ProxmoxSettings};
use crate::world::state::{Moment, State};

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the API calls it so")]
struct Node<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'a str,
    node: &'a str,
    status: &'a str,
    level: &'a str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    load: Option<Load>,
}

/// What only a node that is reached tells.
#[derive(Serialize)]
struct Load {
    cpu: f64,
    maxcpu: u32,
    mem: u64,
    maxmem: u64,
    disk: u64,
    maxdisk: u64,
    uptime: u64,
}

pub(super) fn list(world: &World, settings: &ProxmoxSettings, request: &Request) -> Result<Answer, Refusal> {
    if request.method != Method::GET {
        return Err(unknown(request));
    }
    data(&world.moment(|state, now| resources(state, settings, now)))
}

/// The nodes as the list of resources shows them.
pub(super) fn resources(state: &State, settings: &ProxmoxSettings, now: Moment) -> Vec<Value> {
    let nodes = settings.nodes.iter().filter_map(|(name, node)| {
        let shown = Node {
            id: format!("node/{name}"),
            kind: "node",
            node: name,
            status: if node.online { "online" } else { "offline" },
            level: "",
            load: (node.online && allows(settings, &format!("/nodes/{name}"), "Sys.Audit"))
                .then(|| load(state, name, node, now)),
        };
        serde_json::to_value(shown).ok()
    });
    nodes.collect()
}

fn load(state: &State, name: &str, node: &NodeSettings, now: Moment) -> Load {
    Load {
        cpu: 0.02,
        maxcpu: node.cpus,
        mem: (node.used_memory_gb << 30) + (state.proxmox.memory_used(name) << 20),
        maxmem: node.memory_gb << 30,
        disk: 4 << 30,
        maxdisk: 64 << 30,
        uptime: 3600 + now.as_secs(),
    }
}

pub(super) fn answer(
    world: &World,
    settings: &ProxmoxSettings,
    request: &Request,
    node: &str,
    path: &[&str],
) -> Result<Answer, Refusal> {
    match (&request.method, path) {
        (&Method::GET, ["network"]) => network(world, settings, request, node),
        (&Method::GET, ["status"]) => {
            require(settings, &format!("/nodes/{node}"), "Sys.Audit")?;
            status(world, settings, node)
        }
        _ => Err(unknown(request)),
    }
}

#[derive(Serialize)]
struct Amount {
    total: u64,
    used: u64,
    free: u64,
}

#[derive(Serialize)]
struct NodeStatus {
    pveversion: String,
    uptime: u64,
    memory: Amount,
}

fn status(world: &World, settings: &ProxmoxSettings, node: &str) -> Result<Answer, Refusal> {
    let Some(facts) = settings.nodes.get(node) else {
        return Err(Refusal::new(595, "No route to host"));
    };
    let load = world.moment(|state, now| load(state, node, facts, now));
    data(&NodeStatus {
        pveversion: format!("pve-manager/{}/00000000", settings.version),
        uptime: load.uptime,
        memory: Amount {
            total: load.maxmem,
            used: load.mem,
            free: load.maxmem.saturating_sub(load.mem),
        },
    })
}

#[derive(Serialize)]
struct Interface<'a> {
    iface: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    method: &'a str,
    method6: &'a str,
    active: u8,
    autostart: u8,
    exists: u8,
    families: [&'a str; 1],
    priority: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    netmask: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cidr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bridge_ports: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bridge_vlan_aware: Option<u8>,
}

fn network(world: &World, settings: &ProxmoxSettings, request: &Request, node: &str) -> Result<Answer, Refusal> {
    let address = world.with(|state| state.proxmox.addresses.get(node).copied());
    let kind = request.param("type");
    let bridges = settings.bridges.iter().filter(|(name, facts)| {
        let path = format!("/sdn/zones/localnetwork/{name}");
        let seen = allows(settings, &path, "SDN.Audit") || allows(settings, &path, "SDN.Use");
        seen && (facts.nodes.is_empty() || facts.nodes.iter().any(|other| other == node))
    });
    let mut interfaces: Vec<Interface<'_>> = Vec::new();
    if matches!(kind, None | Some("eth")) {
        interfaces.push(Interface {
            iface: "eno1",
            kind: "eth",
            method: "manual",
            method6: "manual",
            active: 1,
            autostart: 0,
            exists: 1,
            families: ["inet"],
            priority: 2,
            address: None,
            netmask: None,
            cidr: None,
            bridge_ports: None,
            bridge_vlan_aware: None,
        });
    }
    if matches!(
        kind,
        None | Some("bridge" | "any_bridge" | "any_local_bridge" | "include_sdn")
    ) {
        interfaces.extend(bridges.zip(3..).map(|((name, facts), priority)| {
            let ip = address.filter(|_| facts.connected);
            Interface {
                iface: name,
                kind: "bridge",
                method: if ip.is_some() { "static" } else { "manual" },
                method6: "manual",
                active: 1,
                autostart: 1,
                exists: 1,
                families: ["inet"],
                priority,
                address: ip.map(|ip| ip.to_string()),
                netmask: ip.map(|_| "255.255.255.0"),
                cidr: ip.map(|ip| format!("{ip}/24")),
                bridge_ports: Some(if facts.connected { "eno1" } else { "" }),
                bridge_vlan_aware: facts.vlan_aware.then_some(1),
            }
        }));
    }
    data(&interfaces)
}
