//! What happens in the Proxmox VE cluster of the world: tasks take their time, machines come and go.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::{Moment, OrderError, State, Timer};
use crate::world::call_faults::{self, CallFault, TaskFault};
use crate::world::critical::{Critical, after};
use crate::world::machine::Order;
use crate::world::proxmox::drive::{self, Drive};
use crate::world::proxmox::hardware::{disks, extra_disk, hardware};
use crate::world::proxmox::image::Image;
use crate::world::proxmox::refusal::{Refusal, no_config};
use crate::world::proxmox::settings::ProxmoxSettings;
use crate::world::proxmox::{FirstBoot, Hardware, Task, Vm, Volume, VolumeKey, Work};
use butler_api::labels;

/// So many tasks are remembered.
const REMEMBERED: usize = 2000;

/// Who asks, and for which node.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The user or token.
    pub user: &'a str,
    /// The node in the path.
    pub node: &'a str,
    /// What a fault makes of the task that the call starts.
    pub spoil: Option<&'a TaskFault>,
}

impl Caller<'_> {
    /// A task that a fault has struck does no work.
    fn unless_spoilt(&self, work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
        match self.spoil {
            Some(_) => Ok(()),
            None => work(),
        }
    }
}

/// A task that begins.
struct Begin<'a> {
    kind: &'a str,
    id: String,
    work: Work,
    /// How long it takes; `None`: somebody else ends it.
    takes: Option<Duration>,
}

impl Begin<'_> {
    /// The same task as a fault makes it.
    fn spoilt(self, fault: &TaskFault) -> Self {
        let made = match self.work {
            Work::Create(vmid, _) => Some(vmid),
            _ => None,
        };
        let (work, takes) = match fault {
            TaskFault::Endless => (Work::Nothing, None),
            TaskFault::Fails(text) => (Work::Fail(made, text.clone()), self.takes.or(Some(Duration::ZERO))),
        };
        Self { work, takes, ..self }
    }
}

impl State {
    /// The settings of the platform; those of a default one where it is not played, which nobody can ask.
    pub fn pve_settings(&self) -> ProxmoxSettings {
        let told = self.settings.platforms.proxmox.as_ref();
        told.map_or_else(ProxmoxSettings::default, ProxmoxSettings::clone)
    }

    /// Starts to play the platform, with the machines of others that it has.
    pub fn play_proxmox(&mut self, now: Moment) {
        let settings = self.pve_settings();
        for node in settings.nodes.keys() {
            let Some(address) = self.addresses.take() else { break };
            let network = ipnet::Ipv4Net::new(*address.ip(), 24).map(|network| network.trunc());
            self.proxmox.network = self.proxmox.network.or(network.ok());
            self.proxmox.addresses.insert(node.clone(), *address.ip());
        }
        self.seed_guests(now);
    }

    /// Machines of others that the settings name and that are not there yet.
    pub(super) fn seed_guests(&mut self, now: Moment) {
        let settings = self.pve_settings();
        let wall = self.wall(now);
        let first = settings.nodes.keys().next().cloned();
        for (vmid, guest) in settings.guests {
            let (Some(node), false) = (
                guest.node.or_else(|| first.clone()),
                self.proxmox.vms.contains_key(&vmid),
            ) else {
                continue;
            };
            let mut config = guest.config;
            if guest.template {
                config.insert("template".to_owned(), "1".to_owned());
            }
            let vm = Vm {
                node,
                config,
                lock: None,
                running: guest.running,
                pool: None,
                machine: None,
                first_config: None,
                critical: Duration::ZERO,
                since: guest.running.then_some(wall),
            };
            self.proxmox.vms.insert(vmid, vm);
        }
    }

    /// The fault of this call of the API of Proxmox VE, if it is its turn.
    pub fn proxmox_fault(&mut self, method: &str, path: &str) -> Option<CallFault> {
        let fault = call_faults::struck(&self.settings.faults.proxmox, &mut self.met.0, method, path);
        self.counters.proxmox_faults += u64::from(fault.is_some());
        fault
    }

    /// The fault of this call of the image factory, if it is its turn.
    pub fn image_factory_fault(&mut self, method: &str, path: &str) -> Option<CallFault> {
        let fault = call_faults::struck(&self.settings.faults.image_factory, &mut self.met.1, method, path);
        self.counters.image_factory_faults += u64::from(fault.is_some());
        fault
    }

    /// A change is possible only with quorum.
    pub fn pve_writable(&self) -> Result<(), Refusal> {
        if self.pve_settings().quorate {
            return Ok(());
        }
        Err(Refusal::failed("cluster not ready - no quorum?"))
    }

    /// The machine of that id, on that node.
    pub fn pve_vm(&self, node: &str, vmid: u32) -> Result<&Vm, Refusal> {
        let vm = self.proxmox.vms.get(&vmid).filter(|vm| vm.node == node);
        vm.ok_or_else(|| Refusal::no_machine(node, vmid))
    }

    /// The lock that keeps others from a machine: its own, or one that the settings tell of.
    pub fn pve_lock(&self, vmid: u32) -> Option<String> {
        let own = self.proxmox.vms.get(&vmid).and_then(|vm| vm.lock.clone());
        own.or_else(|| self.pve_settings().locks.get(&vmid).cloned())
    }

    fn unlocked(&self, vmid: u32) -> Result<(), String> {
        match self.pve_lock(vmid) {
            Some(lock) => Err(format!("VM is locked ({lock})")),
            None => Ok(()),
        }
    }

    /// Makes a machine, whose parameters were checked.
    pub fn pve_create(
        &mut self,
        caller: Caller<'_>,
        vmid: u32,
        config: BTreeMap<String, String>,
        pool: Option<String>,
        now: Moment,
    ) -> Result<String, Refusal> {
        self.pve_unused(vmid)?;
        let vm = Vm {
            node: caller.node.to_owned(),
            config: BTreeMap::new(),
            lock: Some("create".to_owned()),
            running: false,
            pool,
            machine: None,
            first_config: None,
            critical: Duration::ZERO,
            since: None,
        };
        self.proxmox.vms.insert(vmid, vm);
        let begin = Begin {
            kind: "qmcreate",
            id: vmid.to_string(),
            work: Work::Create(vmid, config),
            takes: Some(self.settings.latencies.create.0),
        };
        Ok(self.begin(caller, begin, now))
    }

    /// Nobody has this VMID.
    pub fn pve_unused(&self, vmid: u32) -> Result<(), Refusal> {
        match self.proxmox.vms.get(&vmid) {
            Some(vm) => Err(Refusal::failed(format!(
                "unable to create VM {vmid} - VM {vmid} already exists on node '{}'",
                vm.node
            ))),
            None => Ok(()),
        }
    }

    /// Starts a machine. The first time it becomes a machine of the world.
    pub fn pve_start(
        &mut self,
        caller: Caller<'_>,
        vmid: u32,
        first: FirstBoot,
        now: Moment,
    ) -> Result<String, Refusal> {
        self.pve_vm(caller.node, vmid)?;
        let started = caller.unless_spoilt(|| self.start(vmid, first, now));
        Ok(self.done(caller, "qmstart", vmid.to_string(), started, now))
    }

    fn start(&mut self, vmid: u32, first: FirstBoot, now: Moment) -> Result<(), String> {
        self.unlocked(vmid)?;
        let wall = self.wall(now);
        let settings = self.pve_settings();
        let Some(vm) = self.proxmox.vms.get(&vmid) else {
            return Err(format!("VM {vmid} does not exist"));
        };
        if vm.is_template() {
            return Err("you can't start a vm if it's a template".to_owned());
        }
        if vm.running {
            return Err(format!("VM {vmid} already running"));
        }
        let config = first.config.clone();
        let hardware = hardware(&self.proxmox, &settings, vmid, vm, first)?;
        if let Some(machine) = vm.machine.clone() {
            self.plug_in(&machine, now);
        } else {
            let id = self.order_vm(vmid, hardware, now)?;
            if let Some(vm) = self.proxmox.vms.get_mut(&vmid) {
                (vm.machine, vm.first_config) = (Some(id), config);
            }
        }
        if let Some(vm) = self.proxmox.vms.get_mut(&vmid) {
            (vm.running, vm.since) = (true, Some(wall));
        }
        Ok(())
    }

    /// Orders the machine that a virtual machine becomes. Names are not unique there, here they are.
    fn order_vm(&mut self, vmid: u32, hardware: Hardware, now: Moment) -> Result<String, String> {
        let Some(vm) = self.proxmox.vms.get(&vmid) else {
            return Err(format!("VM {vmid} does not exist"));
        };
        let disks = disks(&self.proxmox, vm);
        let name = vm.name(vmid);
        let taken = self.machines.values().any(|machine| machine.name == name);
        self.proxmox.orders += 1;
        let order = Order {
            owner: vm.owner(vmid),
            name: if taken { format!("{name}-{vmid}") } else { name },
            role: vm.marker(labels::ROLE).unwrap_or("").to_owned(),
            generation: vm.marker(labels::GENERATION).and_then(|n| n.parse().ok()).unwrap_or(0),
            idempotency_key: format!("proxmox/{vmid}/{}", self.proxmox.orders),
            spec_hash: String::new(),
            cpu: vm.cpus(),
            memory_mb: vm.memory(),
            disk_gb: disks.first().map_or(0, |size| size >> 30),
            extra_disks: disks.iter().skip(1).filter_map(|size| extra_disk(*size)).collect(),
            labels: BTreeMap::new(),
            join: None,
            hardware: Some(hardware),
        };
        let made = self.order(order, now);
        made.map(|(id, _)| id)
            .map_err(|error: OrderError| format!("start failed: {error}"))
    }

    /// Copies a machine, whose parameters were checked.
    pub fn pve_clone(
        &mut self,
        caller: Caller<'_>,
        (source, vmid): (u32, u32),
        config: BTreeMap<String, String>,
        pool: Option<String>,
        now: Moment,
    ) -> Result<String, Refusal> {
        let vm = Vm {
            node: caller.node.to_owned(),
            config: BTreeMap::new(),
            lock: Some("clone".to_owned()),
            running: false,
            pool,
            machine: None,
            first_config: None,
            critical: Duration::ZERO,
            since: None,
        };
        self.proxmox.vms.insert(vmid, vm);
        let begin = Begin {
            kind: "qmclone",
            id: source.to_string(),
            work: Work::Create(vmid, config),
            takes: Some(self.settings.latencies.create.0),
        };
        Ok(self.begin(caller, begin, now))
    }

    /// Changes a machine's configuration, whose parameters were checked. Changes of a machine that runs take effect at once.
    pub fn pve_configure(
        &mut self,
        node: &str,
        vmid: u32,
        asked: BTreeMap<String, String>,
        delete: &[&str],
        now: Moment,
    ) -> Result<(), String> {
        let wall = self.wall(now);
        let (asked, _) = self.allocate(node, vmid, asked, wall)?;
        let Some(vm) = self.proxmox.vms.get_mut(&vmid) else {
            return Err(no_config(node, vmid));
        };
        for key in delete {
            let removed = vm.config.remove(*key);
            let drive = removed
                .filter(|_| drive::is_drive(key))
                .and_then(|text| Drive::parse(&text));
            // A disk that is taken off stays beside the machine.
            if let Some(drive) = drive.filter(|drive| !drive.is_cdrom() && drive.file != "none") {
                let place = (0..256)
                    .map(|n| format!("unused{n}"))
                    .find(|key| !vm.config.contains_key(key));
                if let Some(place) = place {
                    vm.config.insert(place, drive.file);
                }
            }
        }
        vm.config.extend(asked);
        Ok(())
    }

    /// Grows a disk.
    pub fn pve_resize(
        &mut self,
        node: &str,
        vmid: u32,
        (key, mut drive): (&str, Drive),
        adds: bool,
        size: u64,
    ) -> Result<(), String> {
        let Some((place, volume)) = self.proxmox.volume(node, &drive.file) else {
            return Err(format!("volume '{}' does not exist", drive.file));
        };
        let (place, before) = (place.clone(), volume.size);
        let size = if adds { before + size } else { size };
        if size < before {
            return Err("shrinking disks is not supported".to_owned());
        }
        self.has_room(node, place.storage(), size - before)?;
        if let Some(volume) = self.proxmox.volumes.get_mut(&place) {
            volume.size = size;
        }
        drive.options.insert("size".to_owned(), drive::size_words(size));
        if let Some(vm) = self.proxmox.vms.get_mut(&vmid) {
            vm.config.insert(key.to_owned(), drive.to_string());
        }
        Ok(())
    }

    /// Takes the power from a machine.
    pub fn pve_stop(&mut self, caller: Caller<'_>, vmid: u32, kind: &str, now: Moment) -> Result<String, Refusal> {
        self.pve_vm(caller.node, vmid)?;
        let stopped = caller.unless_spoilt(|| {
            self.unlocked(vmid)?;
            self.stop(vmid, now);
            Ok(())
        });
        Ok(self.done(caller, kind, vmid.to_string(), stopped, now))
    }

    fn stop(&mut self, vmid: u32, now: Moment) {
        let Some(vm) = self.proxmox.vms.get_mut(&vmid) else {
            return;
        };
        (vm.running, vm.since) = (false, None);
        if let Some(machine) = vm.machine.clone() {
            self.unplug(&machine, now);
        }
    }

    /// Deletes a machine that is stopped.
    pub fn pve_destroy(&mut self, caller: Caller<'_>, vmid: u32, now: Moment) -> Result<String, Refusal> {
        let vm = self.pve_vm(caller.node, vmid)?;
        let (running, machine) = (vm.running, vm.machine.clone());
        self.unlocked(vmid).map_err(Refusal::failed)?;
        if running {
            return Err(Refusal::failed(format!("VM {vmid} is running - destroy failed")));
        }
        let takes = match &machine {
            // It is over when the machine of the world is gone.
            Some(id) if self.machines.contains_key(id) && caller.spoil.is_none() => {
                let _ = self.delete(id, None, now);
                None
            }
            _ => Some(self.settings.latencies.delete.0),
        };
        let begin = Begin {
            kind: "qmdestroy",
            id: vmid.to_string(),
            work: Work::Destroy(vmid),
            takes,
        };
        Ok(self.begin(caller, begin, now))
    }

    /// A machine of the world is gone: whoever destroys the virtual machine that it was is done.
    pub(super) fn pve_machine_gone(&mut self, id: &str, now: Moment) {
        let vms = &self.proxmox.vms;
        let vmid = vms
            .iter()
            .find(|(_, vm)| vm.machine.as_deref() == Some(id))
            .map(|(vmid, _)| *vmid);
        let Some(vmid) = vmid else { return };
        let waits = |task: &Task| task.ended.is_none() && matches!(task.work, Work::Destroy(of) if of == vmid);
        let tasks = self.proxmox.tasks.iter().filter(|(_, task)| waits(task));
        let upids: Vec<String> = tasks.map(|(upid, _)| upid.clone()).collect();
        for upid in upids {
            self.task_due(&upid, now);
        }
        // Somebody deleted the machine behind the platform's back: the virtual machine has lost its power.
        if let Some(vm) = self.proxmox.vms.get_mut(&vmid) {
            (vm.running, vm.machine) = (false, None);
        }
    }

    /// Nothing of the world is left of earlier clusters: what is stored was there before.
    pub(super) fn pve_forget_times(&mut self) {
        for volume in self.proxmox.volumes.values_mut() {
            volume.critical = Duration::ZERO;
        }
        for vm in self.proxmox.vms.values_mut() {
            vm.critical = Duration::ZERO;
        }
    }

    /// Stores a volume, which takes so long.
    pub fn pve_store(
        &mut self,
        caller: Caller<'_>,
        kind: &str,
        (key, volume): (VolumeKey, Volume),
        takes: Duration,
        now: Moment,
    ) -> String {
        let begin = Begin {
            kind,
            id: if kind == "imgcopy" {
                String::new()
            } else {
                key.storage().to_owned()
            },
            work: Work::Store(key, Box::new(volume)),
            takes: Some(takes),
        };
        self.begin(caller, begin, now)
    }

    /// When the factory has built an image at the earliest; nothing else comes from there.
    pub fn pve_image_built(&self, content: &str, image: Image) -> Critical {
        (content == "import" || image.whole).then_some(self.settings.latencies.image_build.0)
    }

    /// A task whose work is done elsewhere, and that is ended by [`Self::pve_finish`] or [`Self::pve_stored`].
    pub fn pve_begin(&mut self, caller: Caller<'_>, kind: &str, id: &str, now: Moment) -> String {
        let begin = Begin {
            kind,
            id: id.to_owned(),
            work: Work::Nothing,
            takes: None,
        };
        self.begin(caller, begin, now)
    }

    /// What such a task was to bring is there, after this moment.
    pub fn pve_stored(&mut self, upid: &str, key: VolumeKey, volume: Volume, due: Moment) {
        if let Some(task) = self.proxmox.tasks.get_mut(upid).filter(|task| task.ended.is_none()) {
            task.work = Work::Store(key, Box::new(volume));
            self.timer(due, Timer::Task(upid.to_owned()));
        }
    }

    /// A task prints a line.
    pub fn pve_print(&mut self, upid: &str, line: String) {
        if let Some(task) = self.proxmox.tasks.get_mut(upid) {
            task.log.push(line);
        }
    }

    /// A task whose work is done at once.
    pub fn pve_do(
        &mut self,
        caller: Caller<'_>,
        kind: &str,
        id: String,
        now: Moment,
        work: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> String {
        let result = caller.unless_spoilt(|| work(self));
        self.done(caller, kind, id, result, now)
    }

    /// Ends a task.
    pub fn pve_finish(&mut self, upid: &str, result: Result<(), String>, now: Moment) {
        let wall = self.wall(now);
        let Some(task) = self.proxmox.tasks.get_mut(upid).filter(|task| task.ended.is_none()) else {
            return;
        };
        task.ended = Some(wall);
        match result {
            Ok(()) => {
                task.log.push("TASK OK".to_owned());
                task.exit = Some("OK".to_owned());
            }
            Err(error) => {
                task.log.push(format!("TASK ERROR: {error}"));
                task.exit = Some(error);
            }
        }
    }

    fn done(&mut self, caller: Caller<'_>, kind: &str, id: String, result: Result<(), String>, now: Moment) -> String {
        let begin = Begin {
            kind,
            id,
            work: Work::Nothing,
            takes: None,
        };
        let upid = self.begin(caller, begin, now);
        if caller.spoil.is_none() {
            self.pve_finish(&upid, result, now);
        }
        upid
    }

    fn begin(&mut self, caller: Caller<'_>, begin: Begin<'_>, now: Moment) -> String {
        let wall = self.wall(now);
        let begin = match caller.spoil {
            Some(fault) => begin.spoilt(fault),
            None => begin,
        };
        let pve = &mut self.proxmox;
        pve.serial += 1;
        let task = Task {
            node: caller.node.to_owned(),
            kind: begin.kind.to_owned(),
            id: begin.id,
            user: caller.user.to_owned(),
            pid: 0x1000 + pve.serial,
            pstart: 0x2000 + 7 * pve.serial,
            started: wall,
            ended: None,
            exit: None,
            log: Vec::new(),
            work: begin.work,
        };
        let upid = upid(&task);
        pve.tasks.insert(upid.clone(), task);
        pve.order.push_back(upid.clone());
        if pve.order.len() > REMEMBERED
            && let Some(oldest) = pve.order.pop_front()
        {
            pve.tasks.remove(&oldest);
        }
        if let Some(takes) = begin.takes {
            self.timer(now + takes, Timer::Task(upid.clone()));
        }
        upid
    }

    /// The time of a task is over.
    pub(super) fn task_due(&mut self, upid: &str, now: Moment) {
        let Some(task) = self.proxmox.tasks.get_mut(upid).filter(|task| task.ended.is_none()) else {
            return;
        };
        let result = match std::mem::replace(&mut task.work, Work::Nothing) {
            // It was told never to end.
            Work::Nothing => return,
            Work::Create(vmid, config) => self.created(vmid, config, now),
            Work::Destroy(vmid) => self.destroyed(vmid),
            Work::Fail(made, text) => {
                made.map(|vmid| self.proxmox.vms.remove(&vmid));
                Err(text)
            }
            Work::Store(key, volume) => self.store(key, *volume),
        };
        self.pve_finish(upid, result, now);
    }

    fn created(&mut self, vmid: u32, config: BTreeMap<String, String>, now: Moment) -> Result<(), String> {
        let Some(node) = self.proxmox.vms.get(&vmid).map(|vm| vm.node.clone()) else {
            return Err(format!("unable to create VM {vmid} - {}", no_config("", vmid)));
        };
        let wall = self.wall(now);
        match self.allocate(&node, vmid, config, wall) {
            Ok((config, needs)) => {
                let critical = after(&[Some(needs)], self.settings.latencies.create.0);
                if let Some(vm) = self.proxmox.vms.get_mut(&vmid) {
                    (vm.config, vm.lock, vm.critical) = (config, None, critical);
                }
                Ok(())
            }
            Err(error) => {
                self.proxmox.vms.remove(&vmid);
                self.proxmox.volumes.retain(|_, volume| volume.vmid != Some(vmid));
                Err(format!("unable to create VM {vmid} - {error}"))
            }
        }
    }

    /// Makes the disks that a configuration asks for. The answer has their names, and the critical time of what they need.
    fn allocate(
        &mut self,
        node: &str,
        vmid: u32,
        mut config: BTreeMap<String, String>,
        wall: Timestamp,
    ) -> Result<(BTreeMap<String, String>, Duration), String> {
        let keys: Vec<String> = config.keys().filter(|key| drive::is_drive(key)).cloned().collect();
        let mut needs = Duration::ZERO;
        for key in keys {
            let text = config.get(&key).map_or_else(String::new, String::clone);
            let Some(mut drive) = Drive::parse(&text) else { continue };
            if drive.is_cdrom() || drive.file == "none" {
                needs = needs.max(self.attached(node, &drive.file)?);
                if let Some((_, volume)) = self.proxmox.volume(node, &drive.file) {
                    drive.options.insert("size".to_owned(), drive::size_words(volume.size));
                    config.insert(key, drive.to_string());
                }
                continue;
            }
            let Some(asked) = drive.new_size() else {
                needs = needs.max(self.attached(node, &drive.file)?);
                continue;
            };
            let storage = drive.storage().unwrap_or("").to_owned();
            let source = drive.options.remove("import-from");
            let (size, image, critical) = match source {
                Some(source) => self.imported(node, &source)?,
                None if key.starts_with("efidisk") => (1 << 20, None, Duration::ZERO),
                None => (asked, None, Duration::ZERO),
            };
            needs = needs.max(critical);
            let settings = self.pve_settings();
            let Some(facts) = settings.storage_of(node, &storage) else {
                return Err(format!("storage '{storage}' is not available on node '{node}'"));
            };
            self.has_room(node, &storage, size)?;
            let free = |volid: &String| self.proxmox.volume(node, volid).is_none();
            let names = (0..).map(|number| format!("{storage}:vm-{vmid}-disk-{number}"));
            let Some(volid) = names.take(256).find(free) else {
                return Err(format!("unable to find a free name for a disk of VM {vmid}"));
            };
            drive.file.clone_from(&volid);
            drive.options.insert("size".to_owned(), drive::size_words(size));
            config.insert(key, drive.to_string());
            let volume = Volume {
                content: "images".to_owned(),
                format: "raw".to_owned(),
                size,
                ctime: wall,
                vmid: Some(vmid),
                image,
                data: None,
                critical,
            };
            let key = VolumeKey::new(node, facts.shared, volid);
            self.proxmox.volumes.insert(key, volume);
        }
        Ok((config, needs))
    }

    /// A volume that is there already; nothing is one that is there always.
    fn attached(&self, node: &str, file: &str) -> Result<Duration, String> {
        if matches!(file, "none" | "cdrom") {
            return Ok(Duration::ZERO);
        }
        let volume = self.proxmox.volume(node, file);
        volume
            .map(|(_, volume)| volume.critical)
            .ok_or_else(|| format!("volume '{file}' does not exist"))
    }

    fn imported(&self, node: &str, source: &str) -> Result<(u64, Option<Image>, Duration), String> {
        let Some((_, volume)) = self.proxmox.volume(node, source) else {
            return Err(format!(
                "cannot import from '{source}' - volume '{source}' does not exist"
            ));
        };
        let size = volume.image.map_or(volume.size, |image| image.virtual_size);
        Ok((size, volume.image, volume.critical))
    }

    /// A storage of a node has room for so many bytes more.
    pub fn has_room(&self, node: &str, storage: &str, size: u64) -> Result<(), String> {
        let settings = self.pve_settings();
        let Some(facts) = settings.storage_of(node, storage) else {
            return Err(format!("storage '{storage}' does not exist"));
        };
        let used = (facts.used_gb << 30) + self.proxmox.stored(node, storage);
        if used + size <= facts.size_gb << 30 {
            return Ok(());
        }
        Err(match facts.kind.as_str() {
            "zfspool" => format!("zfs error: cannot create volume on '{storage}': out of space"),
            _ => format!("cannot write to storage '{storage}': No space left on device"),
        })
    }

    fn destroyed(&mut self, vmid: u32) -> Result<(), String> {
        let Some(vm) = self.proxmox.vms.remove(&vmid) else {
            return Err(no_config("", vmid));
        };
        if vm.machine.is_none() {
            let latency = self.settings.latencies.delete.0;
            self.critical = self.critical.max(after(&[Some(self.built)], latency));
        }
        self.proxmox.volumes.retain(|_, volume| volume.vmid != Some(vmid));
        Ok(())
    }

    fn store(&mut self, key: VolumeKey, volume: Volume) -> Result<(), String> {
        let node = key.node.clone();
        let first = || self.pve_settings().nodes.keys().next().cloned();
        if let Some(node) = node.or_else(first) {
            self.has_room(&node, key.storage(), volume.size)?;
        }
        self.raise(Some(volume.critical));
        self.proxmox.volumes.insert(key, volume);
        Ok(())
    }
}

/// `UPID:node:pid:pstart:start:type:id:user:`
fn upid(task: &Task) -> String {
    format!(
        "UPID:{}:{:08X}:{:08X}:{:08X}:{}:{}:{}:",
        task.node,
        task.pid,
        task.pstart,
        task.started.as_second(),
        task.kind,
        task.id,
        task.user
    )
}
