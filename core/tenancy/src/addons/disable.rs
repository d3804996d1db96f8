//! Removing an addon from a cluster: its controller uninstalls the release, and then lets the object go.

use kube::ResourceExt as _;
use kube::api::{DeleteParams, DynamicObject, Preconditions};

use super::catalog::Entry;
use super::read::{self, Addons, One};
use super::{AddonError, Target};
use crate::change::{Writer, code};
use crate::clusters::read::cluster;
use crate::reach::Reach;

/// How a removal began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It was asked for now.
    Now,
    /// Somebody had asked for it before.
    Before,
    /// The object went at once.
    Gone,
}

/// An addon that is to go, and the others of its cluster.
#[derive(Debug)]
pub struct Facts {
    /// Its object.
    pub object: DynamicObject,
    addons: Addons,
}

/// Looks up the object. What came with the cluster cannot be removed from it.
pub async fn look_up(reach: &Reach, target: &Target) -> Result<Facts, AddonError> {
    let cluster = cluster(reach, &target.namespace, &target.cluster).await?;
    let addons = read::addons(reach, &cluster).await?;
    match addons.named(target)? {
        One::Own(object) => Ok(Facts {
            object: *object,
            addons,
        }),
        One::Platform(platform) => Err(AddonError::OfPlatform {
            addon: platform.name,
            cluster: target.cluster.clone(),
        }),
    }
}

impl Facts {
    /// The addons of the cluster that need this one, as far as the catalog knows.
    pub fn needed_by(&self, catalog: &[Entry]) -> Vec<String> {
        let own = read::addon_of(&self.object);
        let others = self.addons.own.iter().map(read::addon_of);
        let needs = |name: &String| {
            let entry = catalog.iter().find(|entry| entry.name == *name);
            entry.is_some_and(|entry| entry.depends_on.contains(&own))
        };
        others.filter(needs).collect()
    }
}

/// Removes the object that was found, and no other one that has its name by now.
pub async fn disable(reach: &Reach, writer: &Writer, target: &Target, facts: &Facts) -> Result<Begun, AddonError> {
    let object = &facts.object;
    if object.metadata.deletion_timestamp.is_some() {
        return Ok(Begun::Before);
    }
    let params = DeleteParams {
        dry_run: writer.dry_run,
        preconditions: Some(Preconditions {
            uid: object.metadata.uid.clone(),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    match super::api(reach, &target.namespace)
        .delete(&object.name_any(), &params)
        .await
    {
        Ok(answer) => Ok(if answer.is_left() { Begun::Now } else { Begun::Gone }),
        // Somebody was faster.
        Err(error) if code(&error) == Some(404) => Ok(Begun::Gone),
        Err(source) => Err(AddonError::Kubernetes {
            verb: "remove",
            addon: target.addon.clone(),
            cluster: target.cluster.clone(),
            source: Box::new(source),
        }),
    }
}
