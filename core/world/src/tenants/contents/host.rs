//! The world around the contents of one cluster.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Contents, Facts, Release, Revision};
use crate::live::World;
use crate::reconcile::planner::ControllerHost;
use crate::world::state::{Moment, State};
use crate::world::tenants::{Installed, ReleaseName};

/// The world around the contents of one cluster.
pub(in super::super) struct Host {
    /// The world that the cluster is in.
    pub world: World,
    /// The number of the cluster.
    pub key: u32,
    /// Since when nobody has looked at the cluster, until its controllers have caught up. Nothing ails it until then.
    pub unwatched: Arc<Mutex<Option<Moment>>>,
}

impl ControllerHost<Contents> for Host {
    fn now(&self) -> Moment {
        self.world.moment(|_, now| now)
    }

    fn instant(&self, moment: Moment) -> tokio::time::Instant {
        self.world.instant(moment)
    }

    fn facts(&self) -> Option<Facts> {
        self.world.with(|state| {
            let tenant = state.clusters.get(&self.key)?.tenant.as_ref()?;
            let releases = tenant.releases.iter();
            Some(Facts {
                releases: releases
                    .map(|(name, installed)| release(state, name, installed))
                    .collect(),
                care: tenant.care.clone(),
            })
        })
    }

    fn written(&self, planner: &Contents, notes: Vec<(ReleaseName, u32)>) {
        let unwatched = self.unwatched.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = unwatched
            .is_none()
            .then(|| (planner.ailing().clone(), planner.namespaces()));
        drop(unwatched);
        let differs = seen.as_ref().is_some_and(|(ailing, namespaces)| {
            self.world.with(|state| {
                let tenant = state
                    .clusters
                    .get(&self.key)
                    .and_then(|cluster| cluster.tenant.as_ref());
                tenant.is_some_and(|tenant| tenant.ailing.as_ref() != Some(ailing) || tenant.namespaces != *namespaces)
            })
        });
        if notes.is_empty() && !differs {
            return;
        }
        self.world.update(|state, _| {
            state.tenant_carried_out(self.key, &notes);
            if let Some((ailing, namespaces)) = seen {
                state.tenant_namespaces(self.key, namespaces);
                state.tenant_seen(self.key, Some(ailing));
            }
        });
    }
}

fn release(state: &State, name: &ReleaseName, installed: &Installed) -> Release {
    let revisions = installed.revisions.iter().map(|revision| Revision {
        number: revision.number,
        since: state.wall(revision.since),
        addon: revision.addon.clone(),
    });
    Release {
        name: name.clone(),
        first: state.wall(installed.first),
        revisions: revisions.collect(),
        carried_out: installed.carried_out,
    }
}
