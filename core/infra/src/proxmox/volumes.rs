//! What is kept on storages for our machines, as the traits of all platforms see it.

use std::sync::Arc;

use butler_api::config;

pub(super) use super::objects::Volumed;
use super::{client::Client, images::Images, objects::Objects, wire::Drive};
use crate::{
    Fut, ImageRef, ImageSpec, InfraError, Inventory, MachineRef, MachineSpec, ObjectRef, OpHandle, Owner, Progress,
    Scope, call::Clock, mac::Mac,
};

/// Images and the volumes of first boots.
pub(super) struct Volumes {
    images: Images,
    objects: Objects,
}

impl Volumes {
    /// Those that this client reaches. Nothing is sent yet.
    pub(super) fn new(
        client: Arc<Client>,
        settings: Arc<config::Proxmox>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InfraError> {
        Ok(Self {
            images: Images::new(Arc::clone(&client), Arc::clone(&settings), clock)?,
            objects: Objects::new(client, settings),
        })
    }

    /// Puts the volume with the data of a machine's first boot on its node, before the machine is made there. `mac` is the
    /// hardware address that its network card gets.
    pub(super) async fn first_boot(&self, spec: &MachineSpec, node: &str, mac: Mac) -> Result<Volumed, InfraError> {
        self.objects.first_boot(spec, node, mac).await
    }

    /// Deletes the first-boot volume of this owner that a drive of a machine on this node holds, where it holds one.
    pub(super) async fn drop_disc(&self, owner: &Owner, node: &str, drive: &Drive<'_>) -> Result<(), InfraError> {
        self.objects.drop_disc(owner, node, drive).await
    }

    /// Lists the images and volumes that carry a marker of ours.
    pub(super) async fn inventory(&self, scope: Scope<'_>) -> Result<Inventory, InfraError> {
        self.objects.list(scope).await
    }
}

impl crate::Images for Volumes {
    fn image_ensure<'a>(&'a self, spec: &'a ImageSpec, previous: Option<OpHandle>) -> Fut<'a, Progress<ImageRef>> {
        Box::pin(self.images.ensure(spec, previous))
    }
}

impl crate::Objects for Volumes {
    fn object_delete<'a>(
        &'a self,
        owner: &'a Owner,
        object: &'a ObjectRef,
        previous: Option<OpHandle>,
    ) -> Fut<'a, Progress<()>> {
        Box::pin(self.objects.delete(owner, object, previous))
    }

    fn object_exists<'a>(&'a self, object: &'a ObjectRef) -> Fut<'a, bool> {
        Box::pin(self.objects.exists(object))
    }

    fn machine_scrub<'a>(
        &'a self,
        owner: &'a Owner,
        machine: &'a MachineRef,
        previous: Option<OpHandle>,
    ) -> Fut<'a, Progress<()>> {
        Box::pin(self.objects.scrub(owner, machine, previous))
    }
}
