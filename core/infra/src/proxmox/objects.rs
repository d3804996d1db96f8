//! What is made beside machines: images and the volumes with the data of a first boot. Each carries its marker in its name.

use std::sync::Arc;

use butler_api::config;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{
    KIND,
    client::{Call, Client},
    form,
    storage::{self, Store},
    task::{self, Outcome},
    transfer::{self, File},
    volume::{Content, Located, Volume, file_of},
    wire::{Config, Drive, Resource},
};
use crate::{
    ErrorKind, InfraError, Inventory, MachineRef, MachineSpec, ObjectKind, ObjectRef, OpHandle, OpKind, OwnedObject,
    Owner, Pending, Progress, Scope, UnknownObject, cidata::FirstBoot, mac::Mac,
};

const DELETE: &str = "delete object";
const READ: &str = "read object";
const LIST: &str = "list objects";
const FIRST_BOOT: &str = "write first-boot data";
const SCRUB: &str = "take first-boot data away";

/// Objects beside machines, of one cluster of nodes.
pub(super) struct Objects {
    client: Arc<Client>,
    settings: Arc<config::Proxmox>,
}

/// How far the volume with the data of a first boot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Volumed {
    /// The machine needs none.
    NotNeeded,
    /// It is there, by this id on the machine's node.
    There(String),
    /// This task stores it.
    Storing(String),
}

impl Objects {
    pub(super) fn new(client: Arc<Client>, settings: Arc<config::Proxmox>) -> Self {
        Self { client, settings }
    }

    /// Puts the volume with the data of a machine's first boot where its node finds it. One that is there and has the right
    /// size is taken: names are per generation, so it is of an earlier try.
    pub(super) async fn first_boot(&self, spec: &MachineSpec, node: &str, mac: Mac) -> Result<Volumed, InfraError> {
        let key = spec.idempotency_key(KIND);
        let Some(boot) = FirstBoot::of(spec, key, mac) else {
            return Ok(Volumed::NotNeeded);
        };
        let nodes = [node.to_owned()];
        let store = storage::store(
            &self.client,
            &self.settings,
            &nodes,
            &[Content::Iso],
            FIRST_BOOT,
            &spec.name,
        )
        .await?;
        let bytes = boot
            .volume()
            .map_err(|e| {
                let message = format!("the volume cannot be made: {e}");
                Call::new(FIRST_BOOT, &spec.name, &[]).error(ErrorKind::Protocol, message)
            })?
            .into_bytes();
        let volume = Volume::first_boot(spec);
        let volid = volume.volid(&store.storage);
        if self.has(&store, node, &volid, bytes.len(), &spec.name).await? {
            return Ok(Volumed::There(volid));
        }
        let file = File {
            volume: &volume,
            length: bytes.len() as u64,
            sha256: Some(format!("{:x}", Sha256::digest(&bytes))),
            content: stream::iter([Ok(Bytes::from(bytes))]).boxed(),
        };
        let upid = transfer::upload(&self.client, node, &store.storage, file, FIRST_BOOT, &spec.name).await?;
        Ok(
            match task::follow_once(&self.client, &upid, FIRST_BOOT, &spec.name).await? {
                Outcome::Running => Volumed::Storing(upid),
                Outcome::Ok | Outcome::Unknown => Volumed::There(volid),
                Outcome::Failed { text, log } => {
                    return Err(task::failure(&Call::new(FIRST_BOOT, &spec.name, &[]), &text, &log));
                }
            },
        )
    }

    /// Whether the volume is there, whole. Half of one is deleted.
    async fn has(
        &self,
        store: &Store,
        node: &str,
        volid: &str,
        length: usize,
        machine: &str,
    ) -> Result<bool, InfraError> {
        let files = storage::files(&self.client, node, &store.storage, store.content, FIRST_BOOT, machine).await?;
        let Some(file) = files.into_iter().find(|file| file.volid == volid) else {
            return Ok(false);
        };
        if file.size.map(|size| size.0) == Some(length as u64) {
            return Ok(true);
        }
        transfer::delete(&self.client, node, volid, FIRST_BOOT).await?;
        Ok(false)
    }

    /// Lists what carries a marker in its name.
    pub(super) async fn list(&self, scope: Scope<'_>) -> Result<Inventory, InfraError> {
        let nodes = storage::nodes(&self.client, &self.settings, LIST, "").await?;
        let seen = storage::all_files(&self.client, &nodes.online, LIST).await?;
        let owned = |(file, node): &(storage::File, Option<String>)| {
            let located = Located {
                volid: &file.volid,
                node: node.as_deref(),
            };
            let volume = located.volume().filter(|volume| scope.includes(&volume.owner))?;
            Some(OwnedObject {
                kind: volume.kind(),
                provider: KIND,
                id: located.to_string(),
                name: volume.to_string(),
                generation: volume.generation(),
                created: file
                    .ctime
                    .filter(|seconds| seconds.0 > 0)
                    .and_then(|seconds| Timestamp::from_second(i64::try_from(seconds.0).ok()?).ok()),
                raw_status: "available".to_owned(),
                owner: volume.owner,
            })
        };
        let unknown = |place: String, cause: String| UnknownObject {
            kind: ObjectKind::Volume,
            name: format!("files on {place}"),
            id: place,
            cause,
        };
        let silent = seen
            .silent
            .into_iter()
            .map(|(storage, error)| unknown(storage, error.to_string()));
        let offline = nodes
            .silent
            .into_iter()
            .map(|node| unknown(node, "the node is not online".to_owned()));
        Ok(Inventory {
            objects: seen.files.iter().filter_map(owned).collect(),
            unknown: silent.chain(offline).collect(),
        })
    }

    /// See [`Objects::object_exists`](crate::Objects::object_exists).
    pub(super) async fn exists(&self, object: &ObjectRef) -> Result<bool, InfraError> {
        let located = Located::parse(&object.id);
        let node = self.node_of(&located, READ, &object.name).await?;
        transfer::exists(&self.client, &node, located.volid, READ).await
    }

    /// See [`Objects::object_delete`](crate::Objects::object_delete).
    pub(super) async fn delete(
        &self,
        owner: &Owner,
        object: &ObjectRef,
        previous: Option<OpHandle>,
    ) -> Result<Progress<()>, InfraError> {
        let located = Located::parse(&object.id);
        let ours = located
            .volume()
            .is_some_and(|volume| volume.owner.cluster_id == owner.cluster_id);
        if !ours {
            let message = "its name does not carry the marker of this cluster";
            return Err(Call::new(DELETE, &object.name, &[]).error(ErrorKind::Foreign, message));
        }
        let node = self.node_of(&located, DELETE, &object.name).await?;
        self.remove(
            &node,
            located.volid,
            OpKind::ObjectDelete,
            DELETE,
            &object.name,
            previous,
        )
        .await
    }

    /// Deletes a file and proves that it is gone; an accepted deletion is followed, not repeated.
    async fn remove(
        &self,
        node: &str,
        volid: &str,
        kind: OpKind,
        op: &'static str,
        name: &str,
        previous: Option<OpHandle>,
    ) -> Result<Progress<()>, InfraError> {
        let mut task = previous
            .map(|handle| handle.id)
            .filter(|id| task::Upid::parse(id).is_some());
        for _ in 0..2 {
            if let Some(upid) = &task {
                match task::follow_once(&self.client, upid, op, name).await? {
                    Outcome::Running => return Ok(pending(kind, upid, format!("node {node} deletes {name}"))),
                    Outcome::Failed { text, log } => {
                        let failure = task::failure(&Call::new(op, name, &[]), &text, &log);
                        if failure.kind != ErrorKind::NotFound {
                            return Err(failure);
                        }
                    }
                    Outcome::Ok | Outcome::Unknown => {}
                }
            }
            if !transfer::exists(&self.client, node, volid, op).await? {
                return Ok(Progress::Done(()));
            }
            task = transfer::delete(&self.client, node, volid, op).await?;
        }
        // Older releases delete within the call: the next look proves it.
        Ok(pending(kind, volid, format!("node {node} deletes {name}")))
    }

    /// See [`Objects::machine_scrub`](crate::Objects::machine_scrub). The drive stays, without its disc: a running machine
    /// cannot lose an IDE drive.
    pub(super) async fn scrub(
        &self,
        owner: &Owner,
        machine: &MachineRef,
        previous: Option<OpHandle>,
    ) -> Result<Progress<()>, InfraError> {
        let volume = Volume::first_boot_of(owner, &machine.name, machine.generation);
        let Some(node) = self.node_of_machine(machine).await? else {
            return self.scrub_absent(owner, &volume, previous).await;
        };
        let path = ["nodes", node.as_str(), "qemu", machine.id.as_str(), "config"];
        let config: Config = self.client.get(&Call::new(SCRUB, &machine.name, &path)).await?;
        let drive = config.drive(form::FIRST_BOOT);
        let volid = if let Some(drive) = drive.filter(|drive| in_drive(drive).as_ref() == Some(&volume)) {
            let call = Call::new(SCRUB, &machine.name, &path).with(form::FIRST_BOOT, "none,media=cdrom");
            let _: serde::de::IgnoredAny = self.client.put(&call).await?;
            drive.volume.to_owned()
        } else {
            // An earlier try may have taken the disc out and no more.
            let nodes = [node.clone()];
            let wanted = [Content::Iso];
            let store = storage::store(&self.client, &self.settings, &nodes, &wanted, SCRUB, &machine.name).await?;
            volume.volid(&store.storage)
        };
        let name = volume.to_string();
        self.remove(&node, &volid, OpKind::MachineScrub, SCRUB, &name, previous)
            .await
    }

    /// Deletes the volume of a machine that is gone, wherever it is.
    async fn scrub_absent(
        &self,
        owner: &Owner,
        volume: &Volume,
        previous: Option<OpHandle>,
    ) -> Result<Progress<()>, InfraError> {
        let name = volume.to_string();
        let listed = self.list(Scope::Cluster(owner)).await?;
        let mut previous = previous;
        for object in listed.objects.into_iter().filter(|object| object.name == name) {
            let located = Located::parse(&object.id);
            let node = self.node_of(&located, SCRUB, &name).await?;
            let removed = self.remove(
                &node,
                located.volid,
                OpKind::MachineScrub,
                SCRUB,
                &name,
                previous.take(),
            );
            if let pending @ Progress::Pending(_) = removed.await? {
                return Ok(pending);
            }
        }
        Ok(Progress::Done(()))
    }

    /// Deletes the first-boot volume of this owner that a drive of a machine on this node holds, where it holds one.
    pub(super) async fn drop_disc(&self, owner: &Owner, node: &str, drive: &Drive<'_>) -> Result<(), InfraError> {
        let ours = in_drive(drive)
            .is_some_and(|volume| volume.owner.cluster_id == owner.cluster_id && volume.kind() == ObjectKind::Volume);
        if ours {
            transfer::delete(&self.client, node, drive.volume, DELETE).await?;
        }
        Ok(())
    }

    async fn node_of_machine(&self, machine: &MachineRef) -> Result<Option<String>, InfraError> {
        let call = Call::new(SCRUB, &machine.name, &["cluster", "resources"]).with("type", "vm");
        let rows: Vec<Resource> = self.client.get(&call).await?;
        let found = rows
            .into_iter()
            .find(|row| row.is_machine() && row.vmid().is_some_and(|vmid| vmid.to_string() == machine.id));
        Ok(found.map(|row| row.node))
    }

    /// The node to ask for a file: its own, or any that runs where the storage is shared.
    async fn node_of(&self, located: &Located<'_>, op: &'static str, name: &str) -> Result<String, InfraError> {
        if let Some(node) = located.node {
            return Ok(node.to_owned());
        }
        let nodes = storage::online_nodes(&self.client, &self.settings, op, name).await?;
        nodes.into_iter().next().ok_or_else(|| {
            Call::new(op, name, &[]).error(
                ErrorKind::Unreachable,
                format!("no node to ask for storage {}", located.storage()),
            )
        })
    }
}

/// What of ours is in a drive, where that is.
fn in_drive(drive: &Drive<'_>) -> Option<Volume> {
    Volume::parse(file_of(drive.volume))
}

fn pending(kind: OpKind, id: &str, note: String) -> Progress<()> {
    Progress::Pending(Pending {
        handle: OpHandle {
            kind,
            provider: KIND,
            id: id.to_owned(),
            started: Timestamp::now(),
        },
        poll_after: std::time::Duration::from_millis(500),
        note,
        hint: None,
    })
}
