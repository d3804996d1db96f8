//! The cluster as a whole: its state, its resources, free VMIDs, pools and virtual networks.

use http::Method;
use serde::Serialize;
use serde_json::Value;

use super::super::CLUSTER;
use super::super::access::{allows, require};
use super::super::reply::{Answer, data};
use super::super::request::{Request, vmid};
use super::{nodes, qemu, storage, unknown};
use crate::live::World;
use crate::world::proxmox::drive::Net;
use crate::world::proxmox::refusal::Refusal;
use crate::world::proxmox::settings::ProxmoxSettings;
use crate::world::state::State;

pub(super) fn answer(
    world: &World,
    settings: &ProxmoxSettings,
    request: &Request,
    path: &[&str],
) -> Result<Answer, Refusal> {
    match (&request.method, path) {
        (&Method::GET, ["version"]) => version(settings),
        (&Method::GET, ["cluster", "status"]) => status(world, settings),
        (&Method::GET, ["cluster", "resources"]) => resources(world, settings, request),
        (&Method::GET, ["cluster", "nextid"]) => next_id(world, request),
        (&Method::GET, ["cluster", "sdn", "vnets"]) => vnets(settings),
        (&Method::GET, ["cluster", "sdn", "vnets", vnet, "subnets"]) => subnets(world, settings, vnet),
        (&Method::GET, ["cluster", "sdn", "ipams", "pve", "status"]) => ipam(world, settings),
        (&Method::GET, ["pools"]) => pools(world, settings, request),
        (&Method::GET, ["storage"]) => storage::configured(settings),
        _ => Err(unknown(request)),
    }
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the API calls it so")]
struct Version<'a> {
    version: &'a str,
    release: String,
    repoid: &'a str,
}

fn version(settings: &ProxmoxSettings) -> Result<Answer, Refusal> {
    let release: Vec<&str> = settings.version.split('.').take(2).collect();
    data(&Version {
        version: &settings.version,
        release: release.join("."),
        repoid: "00000000",
    })
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Part<'a> {
    Cluster {
        id: &'a str,
        name: &'a str,
        nodes: usize,
        quorate: u8,
        version: u32,
    },
    Node {
        id: String,
        name: &'a str,
        nodeid: usize,
        level: &'a str,
        ip: String,
        online: u8,
        local: u8,
    },
}

fn status(world: &World, settings: &ProxmoxSettings) -> Result<Answer, Refusal> {
    require(settings, "/", "Sys.Audit")?;
    let addresses = world.with(|state| state.proxmox.addresses.clone());
    let mut parts = vec![Part::Cluster {
        id: "cluster",
        name: CLUSTER,
        nodes: settings.nodes.len(),
        quorate: u8::from(settings.quorate),
        version: 1,
    }];
    parts.extend(
        settings
            .nodes
            .iter()
            .enumerate()
            .map(|(place, (name, node))| Part::Node {
                id: format!("node/{name}"),
                name,
                nodeid: place + 1,
                level: "",
                ip: addresses.get(name).map_or_else(String::new, ToString::to_string),
                online: u8::from(node.online),
                local: u8::from(place == 0),
            }),
    );
    data(&parts)
}

fn resources(world: &World, settings: &ProxmoxSettings, request: &Request) -> Result<Answer, Refusal> {
    let kind = request.param("type");
    if kind.is_some_and(|kind| !matches!(kind, "vm" | "storage" | "node" | "sdn")) {
        let value = kind.unwrap_or("");
        let problem = format!("value '{value}' does not have a value in the enumeration 'vm, storage, node, sdn'");
        return Err(Refusal::parameter("type", problem));
    }
    let wants = |word: &str| kind.is_none_or(|kind| kind == word);
    let mut all: Vec<Value> = Vec::new();
    world.moment(|state, now| {
        if wants("vm") {
            all.extend(qemu::resources(state, settings, now));
        }
        if wants("node") {
            all.extend(nodes::resources(state, settings, now));
        }
        if wants("storage") {
            all.extend(storage::resources(state, settings));
        }
    });
    data(&all)
}

fn next_id(world: &World, request: &Request) -> Result<Answer, Refusal> {
    let Some(text) = request.param("vmid") else {
        return data(&world.with(|state| state.proxmox.next_id()).to_string());
    };
    let id = vmid(text)?;
    if world.with(|state| state.proxmox.vms.contains_key(&id)) {
        return Err(Refusal::parameter("vmid", format!("VM {id} already exists")));
    }
    data(&id.to_string())
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the API calls it so")]
struct Vnet<'a> {
    vnet: &'a str,
    zone: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
}

fn vnets(settings: &ProxmoxSettings) -> Result<Answer, Refusal> {
    let seen = settings.vnets.iter().filter(|(name, vnet)| {
        let path = format!("/sdn/zones/{}/{name}", vnet.zone);
        allows(settings, &path, "SDN.Audit") || allows(settings, &path, "SDN.Use")
    });
    let vnets: Vec<Vnet<'_>> = seen
        .map(|(name, vnet)| Vnet {
            vnet: name,
            zone: &vnet.zone,
            kind: "vnet",
        })
        .collect();
    data(&vnets)
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the API calls it so")]
struct Subnet {
    subnet: String,
    #[serde(rename = "type")]
    kind: &'static str,
    vnet: String,
    zone: String,
    cidr: String,
}

/// All virtual networks are the world's own.
fn subnets(world: &World, settings: &ProxmoxSettings, vnet: &str) -> Result<Answer, Refusal> {
    let Some(facts) = settings.vnets.get(vnet) else {
        return Err(Refusal::failed(format!("sdn vnet '{vnet}' does not exist")));
    };
    let network = world.with(|state| state.proxmox.network);
    let subnets: Vec<Subnet> = network
        .into_iter()
        .map(|network| Subnet {
            subnet: format!("{}-{}-{}", facts.zone, network.network(), network.prefix_len()),
            kind: "subnet",
            vnet: vnet.to_owned(),
            zone: facts.zone.clone(),
            cidr: network.to_string(),
        })
        .collect();
    data(&subnets)
}

#[derive(Serialize)]
struct Lease {
    zone: String,
    vnet: String,
    subnet: String,
    ip: String,
    mac: String,
    hostname: String,
    vmid: String,
}

/// The addresses that virtual networks with DHCP have given out.
fn ipam(world: &World, settings: &ProxmoxSettings) -> Result<Answer, Refusal> {
    let leases = world.with(|state| leases(state, settings));
    data(&leases)
}

fn leases(state: &State, settings: &ProxmoxSettings) -> Vec<Lease> {
    let subnet = state
        .proxmox
        .network
        .map_or_else(String::new, |network| network.to_string());
    let vms = state.proxmox.vms.iter().filter_map(|(vmid, vm)| {
        let net = Net::parse(vm.config.get("net0")?)?;
        let name = net.bridge?;
        let vnet = settings.vnets.get(&name).filter(|vnet| vnet.dhcp)?;
        let ip = state.machines.get(vm.machine.as_ref()?)?.ip()?;
        Some(Lease {
            zone: vnet.zone.clone(),
            vnet: name,
            subnet: subnet.clone(),
            ip: ip.to_string(),
            mac: net.mac?,
            hostname: vm.name(*vmid),
            vmid: vmid.to_string(),
        })
    });
    vms.collect()
}

#[derive(Serialize)]
struct Pool<'a> {
    poolid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<Value>>,
}

fn pools(world: &World, settings: &ProxmoxSettings, request: &Request) -> Result<Answer, Refusal> {
    let one = request.param("poolid");
    if let Some(pool) = one.filter(|pool| !settings.pools.iter().any(|known| known == pool)) {
        return Err(Refusal::failed(format!("pool '{pool}' does not exist")));
    }
    let seen = settings
        .pools
        .iter()
        .filter(|pool| one.is_none_or(|one| one == *pool) && allows(settings, &format!("/pool/{pool}"), "Pool.Audit"));
    let members = |pool: &str| {
        world.moment(|state, now| {
            let all = qemu::resources(state, settings, now);
            let inside = |vm: &&Value| vm.get("pool").and_then(Value::as_str) == Some(pool);
            all.iter().filter(inside).cloned().collect()
        })
    };
    let pools: Vec<Pool<'_>> = seen
        .map(|pool| Pool {
            poolid: pool,
            members: one.map(|_| members(pool)),
        })
        .collect();
    data(&pools)
}
