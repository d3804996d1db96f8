//! Virtual machines.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use serde::Serialize;
use serde_json::Value;

use super::super::access::{agent_privilege, allows, require};
use super::super::config;
use super::super::reply::{Answer, data, nothing};
use super::super::request::{Request, vmid};
use super::super::seed;
use super::unknown;
use crate::live::World;
use crate::world::machine::Listening;
use crate::world::proxmox::drive::{Drive, Net, numbered, parse_size};
use crate::world::proxmox::refusal::Refusal;
use crate::world::proxmox::settings::ProxmoxSettings;
use crate::world::proxmox::{FirstBoot, Vm};
use crate::world::state::{Moment, State};

pub(super) fn answer(
    world: &World,
    settings: &ProxmoxSettings,
    request: &Request,
    node: &str,
    path: &[&str],
) -> Result<Answer, Refusal> {
    let (id, rest) = match path {
        ["qemu"] => return all(world, settings, request, node),
        ["qemu", id, rest @ ..] => (vmid(id)?, rest),
        _ => return Err(unknown(request)),
    };
    // What is due has happened, whether somebody was told so or not.
    world.update(|_, _| ());
    let on = Target {
        world,
        settings,
        request,
        node,
        id,
    };
    match (&request.method, rest) {
        (&Method::GET, ["config"]) => on.config(),
        (&Method::PUT | &Method::POST, ["config"]) => on.update(),
        (&Method::PUT, ["resize"]) => on.resize(),
        (&Method::GET, ["status", "current"]) => on.current(),
        (&Method::POST, ["status", "stop"]) => on.stop("qmstop"),
        (&Method::POST, ["status", "shutdown"]) => on.stop("qmshutdown"),
        (&Method::GET, ["agent", "network-get-interfaces"]) => on.interfaces(),
        (&Method::POST, ["clone"]) => on.clone_machine(),
        (&Method::DELETE, []) => on.destroy(),
        _ => Err(unknown(request)),
    }
}

fn all(world: &World, settings: &ProxmoxSettings, request: &Request, node: &str) -> Result<Answer, Refusal> {
    match request.method {
        Method::GET => world.moment(|state, now| {
            let vms = state
                .proxmox
                .vms
                .iter()
                .filter(|(id, vm)| vm.node == node && seen(settings, **id));
            let vms: Vec<Status<'_>> = vms.map(|(id, vm)| Status::new(state, *id, vm, now)).collect();
            data(&vms)
        }),
        Method::POST => create(world, settings, request, node),
        _ => Err(unknown(request)),
    }
}

fn seen(settings: &ProxmoxSettings, id: u32) -> bool {
    allows(settings, &format!("/vms/{id}"), "VM.Audit")
}

/// A machine as lists show it.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the API calls it so")]
struct Status<'a> {
    vmid: u32,
    name: String,
    status: &'a str,
    cpus: u32,
    cpu: f64,
    mem: u64,
    maxmem: u64,
    disk: u64,
    maxdisk: u64,
    netin: u64,
    netout: u64,
    uptime: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lock: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<u8>,
}

impl<'a> Status<'a> {
    fn new(state: &State, id: u32, vm: &'a Vm, now: Moment) -> Self {
        let wall = state.wall(now);
        let memory = vm.memory() << 20;
        let disks = vm.drives().filter(|(key, _)| !key.starts_with("efidisk"));
        let size = disks
            .filter_map(|(_, drive)| parse_size(drive.options.get("size")?))
            .max();
        Self {
            vmid: id,
            name: vm.name(id),
            status: if vm.running { "running" } else { "stopped" },
            cpus: vm.cpus(),
            cpu: 0.0,
            mem: if vm.running { memory / 2 } else { 0 },
            maxmem: memory,
            disk: 0,
            maxdisk: size.unwrap_or(0),
            netin: 0,
            netout: 0,
            uptime: vm.since.map_or(0, |since| wall.as_second() - since.as_second()),
            tags: vm.config.get("tags").map(String::as_str),
            lock: state.pve_lock(id),
            template: vm.is_template().then_some(1),
        }
    }
}

#[derive(Serialize)]
struct Resource<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'a str,
    node: &'a str,
    vmid: u32,
    name: String,
    status: &'a str,
    template: u8,
    cpu: f64,
    maxcpu: u32,
    mem: u64,
    maxmem: u64,
    disk: u64,
    maxdisk: u64,
    diskread: u64,
    diskwrite: u64,
    netin: u64,
    netout: u64,
    uptime: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lock: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<&'a str>,
}

/// The machines as the list of resources shows them.
pub(super) fn resources(state: &State, settings: &ProxmoxSettings, now: Moment) -> Vec<Value> {
    let vms = state.proxmox.vms.iter().filter(|(id, _)| seen(settings, **id));
    let vms = vms.filter_map(|(id, vm)| {
        let status = Status::new(state, *id, vm, now);
        let online = settings.nodes.get(&vm.node).is_some_and(|node| node.online);
        let shown = Resource {
            id: format!("qemu/{id}"),
            kind: "qemu",
            node: &vm.node,
            vmid: *id,
            name: status.name,
            status: if online { status.status } else { "unknown" },
            template: status.template.unwrap_or(0),
            cpu: status.cpu,
            maxcpu: status.cpus,
            mem: status.mem,
            maxmem: status.maxmem,
            disk: status.disk,
            maxdisk: status.maxdisk,
            diskread: 0,
            diskwrite: 0,
            netin: 0,
            netout: 0,
            uptime: status.uptime,
            tags: status.tags,
            lock: status.lock,
            pool: vm.pool.as_deref(),
        };
        serde_json::to_value(shown).ok()
    });
    vms.collect()
}

/// Makes a machine.
fn create(world: &World, settings: &ProxmoxSettings, request: &Request, node: &str) -> Result<Answer, Refusal> {
    let wanted = request.required("vmid");
    let mut asked = request.params.clone();
    for name in ["vmid", "pool"] {
        asked.remove(name);
    }
    if request.flag("start") {
        return Err(Refusal::new(501, "Method 'create with start' not implemented"));
    }
    asked.remove("start");
    let mut problems = config::problems(&asked);
    if let Err(problem) = &wanted {
        problems.extend(problem.errors.clone());
    }
    if !problems.is_empty() {
        return Err(Refusal::parameters(problems));
    }
    let id = vmid(wanted?)?;
    let pool = request.param("pool").map(str::to_owned);
    if let Some(pool) = &pool {
        if !settings.pools.contains(pool) {
            let problem = format!("Permission check failed (pool '{pool}' does not exist)");
            return Err(Refusal::new(403, problem));
        }
        require(settings, &format!("/pool/{pool}"), "VM.Allocate")?;
    }
    require(settings, &format!("/vms/{id}"), "VM.Allocate")?;
    config::permitted(settings, id, &asked)?;
    config::storages(settings, node, &asked)?;
    let upid = world.update(|state, now| {
        let wall = state.wall(now);
        let config = config::completed(asked, wall, seed());
        state.pve_create(request.caller(node), id, config, pool, now)
    })?;
    world.update(|_, _| ());
    data(&upid)
}

/// A machine that is asked about.
struct Target<'a> {
    world: &'a World,
    settings: &'a ProxmoxSettings,
    request: &'a Request,
    node: &'a str,
    id: u32,
}

/// A value of a configuration, with the type that the API gives it.
#[derive(Serialize)]
#[serde(untagged)]
enum Typed<'a> {
    Number(i64),
    Text(&'a str),
}

const NUMBERS: &[&str] = &[
    "balloon",
    "cores",
    "kvm",
    "numa",
    "onboot",
    "protection",
    "sockets",
    "tablet",
    "template",
    "vcpus",
];

impl Target<'_> {
    fn require(&self, privilege: &str) -> Result<(), Refusal> {
        require(self.settings, &format!("/vms/{}", self.id), privilege)
    }

    fn config(&self) -> Result<Answer, Refusal> {
        self.require("VM.Audit")?;
        self.world.with(|state| {
            let vm = state.pve_vm(self.node, self.id)?;
            let lock = state.pve_lock(self.id);
            let digest = config::digest(vm);
            let mut shown: BTreeMap<&str, Typed<'_>> = BTreeMap::new();
            for (key, value) in &vm.config {
                let number = value.parse().ok().filter(|_| NUMBERS.contains(&key.as_str()));
                shown.insert(key, number.map_or(Typed::Text(value), Typed::Number));
            }
            if let Some(lock) = &lock {
                shown.insert("lock", Typed::Text(lock));
            }
            shown.insert("digest", Typed::Text(&digest));
            data(&shown)
        })
    }

    /// Changes the configuration: POST as a task, PUT at once.
    fn update(&self) -> Result<Answer, Refusal> {
        let mut asked = self.request.params.clone();
        let given = asked.remove("digest");
        let delete = asked.remove("delete");
        let delete = delete.as_deref().unwrap_or("");
        asked.remove("background_delay");
        let delete: Vec<&str> = delete.split([',', ';', ' ']).filter(|key| !key.is_empty()).collect();
        let problems = config::problems(&asked);
        if !problems.is_empty() {
            return Err(Refusal::parameters(problems));
        }
        config::permitted(self.settings, self.id, &asked)?;
        let as_task = self.request.method == Method::POST;
        let upid = self.world.update(|state, now| {
            let vm = state.pve_vm(self.node, self.id)?;
            let removed: BTreeMap<String, String> = delete
                .iter()
                .filter_map(|key| Some(((*key).to_owned(), vm.config.get(*key)?.clone())))
                .collect();
            config::permitted(self.settings, self.id, &removed)?;
            if given.is_some_and(|given| given != config::digest(vm)) {
                return Err(Refusal::failed(
                    "detected modified configuration - file changed by other user? Try again.",
                ));
            }
            if let Some(lock) = state.pve_lock(self.id) {
                return Err(Refusal::failed(format!("VM is locked ({lock})")));
            }
            let change = |state: &mut State| state.pve_configure(self.node, self.id, asked, &delete, now);
            if as_task {
                let id = self.id.to_string();
                return Ok(Some(state.pve_do(
                    self.request.caller(self.node),
                    "qmconfig",
                    id,
                    now,
                    change,
                )));
            }
            change(state).map(|()| None).map_err(Refusal::failed)
        })?;
        match upid {
            Some(upid) => data(&upid),
            None => Ok(nothing()),
        }
    }

    fn resize(&self) -> Result<Answer, Refusal> {
        let disk = self.request.required("disk")?;
        let text = self.request.required("size")?;
        self.require("VM.Config.Disk")?;
        let (grows, size) = match text.strip_prefix('+') {
            Some(text) => (true, parse_size(text)),
            None => (false, parse_size(text)),
        };
        let size = size.ok_or_else(|| Refusal::parameter("size", "value does not match the regex pattern"))?;
        let upid = self.world.update(|state, now| {
            let vm = state.pve_vm(self.node, self.id)?;
            let drive = vm.config.get(disk).and_then(|text| Drive::parse(text));
            let drive = drive.ok_or_else(|| Refusal::failed(format!("disk '{disk}' does not exist")))?;
            if let Some(lock) = state.pve_lock(self.id) {
                return Err(Refusal::failed(format!("VM is locked ({lock})")));
            }
            let caller = self.request.caller(self.node);
            Ok(state.pve_do(caller, "resize", self.id.to_string(), now, |state| {
                state.pve_resize(self.node, self.id, (disk, drive), grows, size)
            }))
        })?;
        data(&upid)
    }

    fn current(&self) -> Result<Answer, Refusal> {
        self.require("VM.Audit")?;
        self.world.moment(|state, now| {
            let vm = state.pve_vm(self.node, self.id)?;
            let status = Status::new(state, self.id, vm, now);
            let agent = vm
                .config
                .get("agent")
                .is_some_and(|agent| agent.starts_with('1') || agent.contains("enabled=1"));
            data(&Current {
                diskread: 0,
                diskwrite: 0,
                qmpstatus: status.status,
                agent: agent.then_some(1),
                ha: Ha { managed: 0 },
                status,
            })
        })
    }

    fn stop(&self, kind: &str) -> Result<Answer, Refusal> {
        self.require("VM.PowerMgmt")?;
        let upid = self.world.update(|state, now| {
            let vm = state.pve_vm(self.node, self.id)?;
            if kind == "qmshutdown" && !vm.running {
                return Err(Refusal::failed(format!("VM {} not running", self.id)));
            }
            state.pve_stop(self.request.caller(self.node), self.id, kind, now)
        })?;
        data(&upid)
    }

    fn destroy(&self) -> Result<Answer, Refusal> {
        self.require("VM.Allocate")?;
        let caller = self.request.caller(self.node);
        let upid = self
            .world
            .update(|state, now| state.pve_destroy(caller, self.id, now))?;
        self.world.update(|_, _| ());
        data(&upid)
    }

    /// What the guest agent tells of the links.
    fn interfaces(&self) -> Result<Answer, Refusal> {
        self.require(agent_privilege(self.settings))?;
        self.world.with(|state| {
            let vm = state.pve_vm(self.node, self.id)?;
            if !vm.running {
                return Err(Refusal::failed(format!("VM {} is not running", self.id)));
            }
            if !vm
                .config
                .get("agent")
                .is_some_and(|agent| agent.starts_with('1') || agent.contains("enabled=1"))
            {
                return Err(Refusal::failed("No QEMU guest agent configured"));
            }
            let machine = vm.machine.as_ref().and_then(|id| state.machines.get(id));
            let up = machine.filter(|machine| machine.listening != Listening::Silent && self.settings.agent);
            let Some(machine) = up else {
                return Err(Refusal::failed("QEMU guest agent is not running"));
            };
            let Some(ip) = machine.ip() else {
                return Err(Refusal::failed("QEMU guest agent is not running"));
            };
            let mac = vm
                .config
                .get("net0")
                .and_then(|text| Net::parse(text))
                .and_then(|net| net.mac);
            let link = state
                .faults(&machine.name)
                .links()
                .into_iter()
                .next()
                .unwrap_or_else(|| "eth0".to_owned());
            data(&Interfaces {
                result: vec![
                    Interface::new("lo", "00:00:00:00:00:00", "127.0.0.1", 8),
                    Interface::new(&link, &mac.as_deref().unwrap_or("").to_lowercase(), &ip.to_string(), 24),
                ],
            })
        })
    }

    /// Makes a copy of a machine or a template.
    fn clone_machine(&self) -> Result<Answer, Refusal> {
        let new = vmid(self.request.required("newid")?)?;
        let node = self.request.param("target").unwrap_or(self.node).to_owned();
        super::reachable(self.settings, &node)?;
        require(self.settings, &format!("/vms/{}", self.id), "VM.Clone")?;
        require(self.settings, &format!("/vms/{new}"), "VM.Allocate")?;
        let storage = self.request.param("storage");
        let upid = self.world.update(|state, now| {
            let wall = state.wall(now);
            let vm = state.pve_vm(self.node, self.id)?.clone();
            if let Some(lock) = state.pve_lock(self.id) {
                return Err(Refusal::failed(format!("VM is locked ({lock})")));
            }
            if state.proxmox.vms.contains_key(&new) {
                return Err(Refusal::failed(format!(
                    "unable to create VM {new}: config file already exists"
                )));
            }
            let mut config = vm.config.clone();
            for key in ["template", "smbios1", "vmgenid", "meta", "digest"] {
                config.remove(key);
            }
            for (key, mut drive) in vm.drives().filter(|(_, drive)| !drive.is_cdrom()) {
                let own = drive.storage().unwrap_or("").to_owned();
                let shared = self.settings.storages.get(&own).is_some_and(|facts| facts.shared);
                if node != self.node && !shared {
                    return Err(Refusal::failed(format!("can't clone to non-shared storage '{own}'")));
                }
                let source = std::mem::replace(&mut drive.file, format!("{}:0", storage.unwrap_or(&own)));
                drive.options.remove("size");
                drive.options.insert("import-from".to_owned(), source);
                config.insert(key.to_owned(), drive.to_string());
            }
            for (key, text) in &vm.config {
                if let Some(net) = Net::parse(text).filter(|_| numbered(key, "net")) {
                    config.insert(key.clone(), Net { mac: None, ..net }.to_string());
                }
            }
            let name = self
                .request
                .param("name")
                .map_or_else(|| format!("Copy-of-VM-{}", vm.name(self.id)), str::to_owned);
            config.insert("name".to_owned(), name);
            if let Some(description) = self.request.param("description") {
                config.insert("description".to_owned(), description.to_owned());
            }
            let config = config::completed(config, wall, seed());
            let pool = self.request.param("pool").map(str::to_owned);
            state.pve_clone(self.request.caller(&node), (self.id, new), config, pool, now)
        })?;
        self.world.update(|_, _| ());
        data(&upid)
    }
}

#[derive(Serialize)]
struct Ha {
    managed: u8,
}

#[derive(Serialize)]
struct Current<'a> {
    #[serde(flatten)]
    status: Status<'a>,
    diskread: u64,
    diskwrite: u64,
    qmpstatus: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<u8>,
    ha: Ha,
}

#[derive(Serialize)]
struct Interfaces {
    result: Vec<Interface>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Interface {
    name: String,
    hardware_address: String,
    ip_addresses: Vec<Address>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_field_names, reason = "the API calls it so")]
struct Address {
    ip_address: String,
    ip_address_type: &'static str,
    prefix: u8,
}

impl Interface {
    fn new(name: &str, mac: &str, ip: &str, prefix: u8) -> Self {
        Self {
            name: name.to_owned(),
            hardware_address: mac.to_owned(),
            ip_addresses: vec![Address {
                ip_address: ip.to_owned(),
                ip_address_type: "ipv4",
                prefix,
            }],
        }
    }
}

/// Starts a machine, with what it finds at its first boot.
pub(in super::super) fn start(
    world: &World,
    settings: &ProxmoxSettings,
    request: &Request,
    node: &str,
    id: &str,
) -> Result<Answer, Refusal> {
    super::reachable(settings, node)?;
    let id = vmid(id)?;
    require(settings, &format!("/vms/{id}"), "VM.PowerMgmt")?;
    world.update(|_, _| ());
    let first = first_boot(world, node, id);
    let upid = world.update(|state, now| state.pve_start(request.caller(node), id, first, now))?;
    world.update(|_, _| ());
    data(&upid)
}

/// What is on the volume that a machine reads at its first boot.
fn first_boot(world: &World, node: &str, id: u32) -> FirstBoot {
    let (volumes, talos, macs) = world.with(|state| {
        let Some(vm) = state.proxmox.vms.get(&id) else {
            return (Vec::new(), String::new(), Vec::new());
        };
        let drives = vm.drives().filter(|(_, drive)| drive.is_cdrom());
        let data = drives.filter_map(|(_, drive)| {
            let (_, volume) = state.proxmox.volume(node, &drive.file)?;
            volume.data.as_ref().map(Arc::clone)
        });
        let nets = vm.config.iter().filter(|(key, _)| numbered(key, "net"));
        let macs = nets.filter_map(|(_, text)| Net::parse(text)?.mac);
        (
            data.collect(),
            state.settings.talos_version.clone(),
            macs.collect::<Vec<String>>(),
        )
    });
    super::super::first_boot::read(&volumes, &macs, &talos)
}
