//! Makes a machine, one small step per call: each looks first, so that whatever ended anywhere is continued.

use std::{cmp::Ordering, collections::HashSet};

use butler_api::config::ProviderKind;
use jiff::Timestamp;

use super::{
    KIND, Proxmox,
    begun::Begun,
    client::Call,
    cluster::{Cluster, Machine, Place, is_unborn},
    decide::{self, Next, Seen},
    form, marker, pending,
    task::Upid,
    vmid,
    volumes::Volumed,
};
use crate::{ErrorKind, InfraError, MachineRef, MachineSpec, OpHandle, OpKind, Progress};

pub(super) const OP: &str = "create machine";
/// How many VMIDs that turn out to be taken are tried in one call.
const TRIES: usize = 16;

/// Who has a VMID.
enum Holder {
    /// The machine that is asked for.
    Own(Box<Machine>),
    /// A task of ours makes it, and it does not say yet for whom.
    Unborn {
        /// The task.
        upid: String,
    },
    /// Somebody else.
    Other,
    /// Nobody whom we may see.
    Nobody,
}

impl Proxmox {
    pub(super) async fn ensure(
        &self,
        spec: &MachineSpec,
        previous: Option<OpHandle>,
    ) -> Result<Progress<MachineRef>, InfraError> {
        let previous = previous.filter(|handle| handle.kind == OpKind::MachineCreate);
        let since = previous.as_ref().map_or_else(Timestamp::now, |handle| handle.started);
        if let Some(handle) = previous
            && self.still_runs(&handle.id, OP, &spec.name).await?
        {
            let note = format!("{} is being made", spec.name);
            return Ok(making(handle.id, since, note, None));
        }
        let cluster = self.cluster(OP, &spec.name).await?;
        match self.own(spec, &cluster).await? {
            Some(machine) => self.advance(spec, machine, since).await,
            None => self.begin(spec, &cluster, since).await,
        }
    }

    /// Finds the machine by its marker. Names are not unique on this platform; a machine of that name which is not ours is
    /// refused all the same, for two hosts of one name confuse everybody.
    pub(super) async fn own(&self, spec: &MachineSpec, cluster: &Cluster) -> Result<Option<Machine>, InfraError> {
        let tag = marker::cluster_tag(&spec.owner);
        let (mut named, mut renamed) = (vec![], vec![]);
        // One that says not yet whose it is may be ours under its name already.
        for (row, place) in cluster.machines().filter(|(row, _)| !is_unborn(row)) {
            if row.name == spec.name {
                named.push(place);
            } else if row.tags.as_deref().is_some_and(|tags| marker::has_tag(tags, &tag)) {
                renamed.push(place);
            }
        }
        let mut foreign = None;
        for machine in self.read_all(named, OP, &spec.name).await? {
            match standing(spec, &machine)? {
                Standing::Own => return Ok(Some(machine)),
                Standing::Predecessor => {}
                Standing::Foreign => foreign = Some(machine.place),
            }
        }
        if let Some(place) = foreign {
            let message = format!(
                "VM {} on {} has this name and does not carry this machine's marker",
                place.vmid, place.node
            );
            return Err(InfraError::new(KIND, OP, ErrorKind::Foreign, message)
                .about(&spec.name)
                .hint("choose another cluster name, or rename that machine"));
        }
        // Somebody may have given ours another name.
        for machine in self.read_all(renamed, OP, &spec.name).await? {
            if matches!(standing(spec, &machine)?, Standing::Own) {
                return Ok(Some(machine));
            }
        }
        Ok(None)
    }

    /// Takes a machine of ours one step further.
    async fn advance(
        &self,
        spec: &MachineSpec,
        machine: Machine,
        since: Timestamp,
    ) -> Result<Progress<MachineRef>, InfraError> {
        let Machine { place, config, marker } = machine;
        let name = &spec.name;
        self.places.put(&place);
        let (Some(status), Some(marker)) = (self.status(&place, OP, name).await?, marker) else {
            let note = format!("VM {} has moved from {}", place.vmid, place.node);
            return Ok(making(place.vmid.to_string(), since, note, None));
        };
        let seen = Seen {
            config: &config,
            status: &status,
            marker: &marker,
            cloned: self.settings.template_id.is_some(),
        };
        let on = format!("VM {} on {}", place.vmid, place.node);
        let (upid, note) = match decide::next(spec, &seen) {
            Next::Done => {
                return Ok(Progress::Done(MachineRef {
                    provider: KIND,
                    id: place.vmid.to_string(),
                    name: name.clone(),
                    generation: spec.generation,
                    created: config.created(),
                }));
            }
            Next::Drift => {
                let message = format!("{on} was made from other settings");
                return Err(InfraError::new(KIND, OP, ErrorKind::SpecDrift, message)
                    .about(name)
                    .hint("delete the machine, or restore the settings"));
            }
            Next::Wait { lock } => return self.wait_for_lock(spec, &place, &lock, since).await,
            Next::Remake => {
                let upid = self.destroy(&place, OP, name).await?;
                (
                    Some(upid),
                    format!("{on} was made only halfway: it is deleted and made anew"),
                )
            }
            Next::Configure => {
                let first_boot = match self.volumes.first_boot(spec, &place.node, form::mac(spec)).await? {
                    Volumed::Storing(upid) => return Ok(storing(upid, spec, since)),
                    Volumed::There(volume) => Some(volume),
                    Volumed::NotNeeded => None,
                };
                let upid = self.configure(spec, &place, first_boot.as_deref()).await?;
                (upid, format!("{on} gets its settings"))
            }
            Next::Resize { disk, gib } => {
                let upid = self.resize(spec, &place, &disk, gib).await?;
                (upid, format!("the disk of {on} grows to {gib} GiB"))
            }
            Next::StartUnlessStarted => return self.start(spec, &place, &config, since).await,
        };
        let id = upid.unwrap_or_else(|| place.vmid.to_string());
        Ok(making(id, since, note, None))
    }

    /// Starts a machine that was never on. One that was on and is off was switched off by somebody.
    async fn start(
        &self,
        spec: &MachineSpec,
        place: &Place,
        config: &super::wire::Config,
        since: Timestamp,
    ) -> Result<Progress<MachineRef>, InfraError> {
        let tasks = self.tasks(place, OP, &spec.name).await?;
        // Tasks of an earlier machine with this VMID do not count.
        let born = config.created();
        let mut starts = tasks.iter().filter(|task| {
            let begun = Upid::parse(&task.upid).map(|upid| upid.started);
            task.kind == "qmstart" && (born.is_none() || begun.is_none() || begun >= born)
        });
        let upid = match starts.find(|task| task.is_running() || task.succeeded()) {
            Some(task) if task.is_running() => task.upid.clone(),
            Some(_) => {
                return Ok(Progress::Done(MachineRef {
                    provider: KIND,
                    id: place.vmid.to_string(),
                    name: spec.name.clone(),
                    generation: spec.generation,
                    created: config.created(),
                }));
            }
            None => {
                let vmid = place.vmid.to_string();
                let path = ["nodes", &place.node, "qemu", &vmid, "status", "start"];
                self.client.post(&Call::new(OP, &spec.name, &path)).await?
            }
        };
        let note = format!("VM {} on {} is being started", place.vmid, place.node);
        Ok(making(upid, since, note, None))
    }

    async fn configure(
        &self,
        spec: &MachineSpec,
        place: &Place,
        first_boot: Option<&str>,
    ) -> Result<Option<String>, InfraError> {
        let vmid = place.vmid.to_string();
        let path = ["nodes", &place.node, "qemu", &vmid, "config"];
        let call = Call::new(OP, &spec.name, &path);
        // POST is the form that answers with a task: new disks take their time.
        self.client
            .post(&call.with_all(form::configure(&self.settings, spec, first_boot)))
            .await
    }

    async fn resize(
        &self,
        spec: &MachineSpec,
        place: &Place,
        disk: &str,
        gib: u32,
    ) -> Result<Option<String>, InfraError> {
        let vmid = place.vmid.to_string();
        let path = ["nodes", &place.node, "qemu", &vmid, "resize"];
        let call = Call::new(OP, &spec.name, &path)
            .with("disk", disk)
            .with("size", format!("{gib}G"));
        self.client.put(&call).await
    }

    async fn wait_for_lock(
        &self,
        spec: &MachineSpec,
        place: &Place,
        lock: &str,
        since: Timestamp,
    ) -> Result<Progress<MachineRef>, InfraError> {
        let Place { node, vmid } = place;
        let task = self.running_task(place, OP, &spec.name).await?;
        let hint = task.is_none().then(|| {
            format!("no task of the node works on it; if none of another node does: qm unlock {vmid} on {node}")
        });
        let id = task.map_or_else(|| vmid.to_string(), |task| task.upid);
        Ok(making(
            id,
            since,
            format!("VM {vmid} on {node} is locked ({lock})"),
            hint,
        ))
    }

    /// Begins a machine that is not there.
    async fn begin(
        &self,
        spec: &MachineSpec,
        cluster: &Cluster,
        since: Timestamp,
    ) -> Result<Progress<MachineRef>, InfraError> {
        match self.begun(spec, cluster).await? {
            Begun::Machine(machine) => return self.advance(spec, *machine, since).await,
            Begun::Task(upid) => {
                let note = "a machine that an earlier run began is being made: then it shows which one it is";
                return Ok(making(upid, since, note.into(), None));
            }
            Begun::No => {}
        }
        let node = self.promises.node(cluster, &self.settings.nodes, spec).ok_or_else(|| {
            let message = "none of the nodes that may carry machines is online";
            InfraError::new(KIND, OP, ErrorKind::NotReady, message)
                .about(&spec.name)
                .hint("check `nodes` in the provider's settings and the state of the cluster")
        })?;
        let next = self.next_vmid(spec).await?;
        let first_boot = match self.volumes.first_boot(spec, &node, form::mac(spec)).await? {
            Volumed::Storing(upid) => return Ok(storing(upid, spec, since)),
            Volumed::There(volume) => Some(volume),
            Volumed::NotNeeded => None,
        };
        let key = spec.idempotency_key(ProviderKind::Proxmox);
        let mut taken = HashSet::new();
        for _ in 0..TRIES {
            // One that was asked for before comes first: that request may be carried out late.
            let candidates = self.promises.place(spec).map(|place| place.vmid).into_iter();
            let candidates = candidates
                .chain(vmid::candidates(self.settings.vmid_range, key, next))
                .filter(|vmid| !cluster.takes(*vmid) && !taken.contains(vmid));
            let Some(vmid) = self.promises.vmid(spec, candidates) else {
                break;
            };
            let refused = match self.request(spec, cluster, &node, vmid, first_boot.as_deref()).await {
                Ok(id) => {
                    let words = format!("VM {vmid} on {node} is being made");
                    return Ok(making(id, since, words, None));
                }
                Err(error) => error,
            };
            if !matches!(
                refused.kind,
                ErrorKind::AlreadyExists | ErrorKind::Timeout { maybe_applied: true }
            ) {
                self.promises.withdraw(spec);
                return Err(refused);
            }
            match self.holder(spec, vmid).await? {
                Holder::Own(machine) => return self.advance(spec, *machine, since).await,
                Holder::Unborn { upid: id } => {
                    let words = format!("VM {vmid} is being made");
                    return Ok(making(id, since, words, None));
                }
                // It stays promised: the request may still be on its way.
                Holder::Nobody if refused.kind != ErrorKind::AlreadyExists => return Err(refused),
                Holder::Nobody | Holder::Other => {
                    taken.insert(vmid);
                    self.promises.withdraw(spec);
                }
            }
        }
        let place = "the VMIDs that machines may take".to_owned();
        let message = "no VMID is free among those that machines may take";
        Err(InfraError::new(KIND, OP, ErrorKind::Capacity { place }, message)
            .about(&spec.name)
            .hint("make the range larger: vmidStart, vmidEnd"))
    }

    /// Asks for the machine, once.
    async fn request(
        &self,
        spec: &MachineSpec,
        cluster: &Cluster,
        node: &str,
        vmid: u32,
        first_boot: Option<&str>,
    ) -> Result<String, InfraError> {
        let Some(template) = self.settings.template_id else {
            let call = Call::new(OP, &spec.name, &["nodes", node, "qemu"]);
            let form = form::create(&self.settings, spec, vmid, first_boot);
            return self.client.post(&call.with_all(form)).await;
        };
        let place = cluster.place(template).ok_or_else(|| {
            let message = format!("template {template} does not exist, or may not be seen");
            InfraError::new(KIND, OP, ErrorKind::NotFound, message)
                .about(&spec.name)
                .hint("check `templateID`, and that VM.Audit is granted on it")
        })?;
        let id = template.to_string();
        let target = Some(node).filter(|node| *node != place.node);
        let call = Call::new(OP, &spec.name, &["nodes", &place.node, "qemu", &id, "clone"]);
        self.client
            .post(&call.with_all(form::clone(&self.settings, spec, vmid, target)))
            .await
    }

    async fn holder(&self, spec: &MachineSpec, vmid: u32) -> Result<Holder, InfraError> {
        // Where the list does not show it, it may be where it was asked for all the same.
        let listed = self.cluster(OP, &spec.name).await?.place(vmid);
        let is_listed = listed.is_some();
        let Some(place) = listed.or_else(|| self.promises.place(spec).filter(|place| place.vmid == vmid)) else {
            return Ok(Holder::Nobody);
        };
        let found = self.read(place.clone(), OP, &spec.name).await?;
        if found.is_none() && !is_listed {
            return Ok(Holder::Nobody);
        }
        if let Some(machine) = found
            && machine.marker.is_some()
        {
            return Ok(match standing(spec, &machine)? {
                Standing::Own => Holder::Own(Box::new(machine)),
                Standing::Predecessor | Standing::Foreign => Holder::Other,
            });
        }
        Ok(match self.birth(&place, OP, &spec.name).await? {
            Some(upid) => Holder::Unborn { upid },
            None => Holder::Other,
        })
    }

    /// The platform's next free VMID, where no range of our own is given.
    async fn next_vmid(&self, spec: &MachineSpec) -> Result<u32, InfraError> {
        if let Some(range) = self.settings.vmid_range {
            return Ok(range.start);
        }
        let call = Call::new(OP, &spec.name, &["cluster", "nextid"]);
        let next: super::wire::Number = self.client.get(&call).await?;
        u32::try_from(next.0).map_err(|_| call.error(ErrorKind::Protocol, "the next free VMID is no VMID"))
    }
}

/// How a virtual machine stands to the machine that is asked for.
pub(super) enum Standing {
    Own,
    /// An earlier generation, which is deleted by whoever replaces it.
    Predecessor,
    Foreign,
}

pub(super) fn standing(spec: &MachineSpec, machine: &Machine) -> Result<Standing, InfraError> {
    let Some(marker) = machine.marker.as_ref().filter(|marker| marker.is_of(spec)) else {
        return Ok(Standing::Foreign);
    };
    match marker.generation.cmp(&spec.generation) {
        Ordering::Equal => Ok(Standing::Own),
        Ordering::Less => Ok(Standing::Predecessor),
        Ordering::Greater => {
            let message = format!(
                "VM {} is generation {} of it, a later one than {}",
                machine.place.vmid, marker.generation, spec.generation
            );
            Err(InfraError::new(KIND, OP, ErrorKind::SpecDrift, message)
                .about(&spec.name)
                .hint("another run has replaced the machine meanwhile: run the command again"))
        }
    }
}

fn storing(upid: String, spec: &MachineSpec, since: Timestamp) -> Progress<MachineRef> {
    let note = format!("the data for the first boot of {} is being stored", spec.name);
    making(upid, since, note, None)
}

fn making(id: String, since: Timestamp, note: String, hint: Option<String>) -> Progress<MachineRef> {
    pending(OpKind::MachineCreate, id, since, note, hint)
}
