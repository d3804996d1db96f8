//! Lists what carries our marker.

use futures::{StreamExt as _, stream};

use super::{
    KIND, Proxmox,
    cluster::{Cluster, Machine, Place},
    marker,
};
use crate::{InfraError, Inventory, ObjectKind, OwnedObject, Scope, UnknownObject};

const OP: &str = "list machines";
/// How many machines are asked at the same time.
const READS: usize = 6;

impl Proxmox {
    pub(super) async fn list(&self, scope: Scope<'_>) -> Result<Inventory, InfraError> {
        let cluster = self.cluster(OP, "").await?;
        let mut inventory = Inventory::default();
        let tag = match scope {
            Scope::Cluster(owner) => marker::cluster_tag(owner),
            Scope::Named(_) | Scope::Everything => marker::TAG.to_owned(),
        };
        let tagged: Vec<(String, String, Place)> = cluster
            .machines()
            .filter(|(row, _)| row.tags.as_deref().is_some_and(|tags| marker::has_tag(tags, &tag)))
            .map(|(row, place)| (row.name.clone(), row.status.clone(), place))
            .collect();
        let mut looks = stream::iter(tagged.into_iter().map(|(name, status, place)| async move {
            let found = self.read(place.clone(), OP, &name).await;
            (name, status, place, found)
        }))
        .buffer_unordered(READS);
        while let Some((name, status, place, found)) = looks.next().await {
            match found {
                Ok(Some(machine)) => inventory.objects.extend(owned(machine, &status, scope)),
                // It has gone meanwhile.
                Ok(None) => {}
                Err(error) => inventory.unknown.push(unknown(&place, name, error.to_string())),
            }
        }
        drop(looks);
        self.unborn(&cluster, &mut inventory).await?;
        let beside = self.volumes.inventory(scope).await?;
        inventory.objects.extend(beside.objects);
        inventory.unknown.extend(beside.unknown);
        inventory
            .objects
            .sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(inventory)
    }

    /// Machines that a task of ours is making may be those of the scope: they say so only when they are made.
    async fn unborn(&self, cluster: &Cluster, inventory: &mut Inventory) -> Result<(), InfraError> {
        for place in cluster.unborn() {
            if self.birth(&place, OP, "").await?.is_some() {
                let cause = "it is being made; then it shows whose it is".to_owned();
                let name = format!("VM {}", place.vmid);
                inventory.unknown.push(unknown(&place, name, cause));
            }
        }
        Ok(())
    }
}

fn owned(machine: Machine, status: &str, scope: Scope<'_>) -> Option<OwnedObject> {
    let marker = machine.marker.filter(|marker| scope.includes(&marker.owner))?;
    Some(OwnedObject {
        kind: ObjectKind::Machine,
        owner: marker.owner,
        provider: KIND,
        id: machine.place.vmid.to_string(),
        name: marker.machine,
        generation: marker.generation,
        created: machine.config.created(),
        raw_status: status.to_owned(),
    })
}

fn unknown(place: &Place, name: String, cause: String) -> UnknownObject {
    UnknownObject {
        kind: ObjectKind::Machine,
        id: place.vmid.to_string(),
        name,
        cause,
    }
}
