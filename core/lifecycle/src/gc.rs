//! Garbage: what carries a Butler marker on a platform and belongs to no living cluster.
//!
//! Four tests, all of which must hold: the marker is ours, the object is of this platform, it is old enough, and nothing living
//! matches it: no state folder of this home has its cluster's identity, and no machine of that cluster runs with a cluster's
//! configuration. What is garbage goes like any destroyed cluster, with a receipt.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use butler_api::config::ProviderKind;
use butler_engine::journal;
use butler_files::home::Home;
use butler_infra::{InfraError, OwnedObject, Owner, Provider, Scope};
use butler_talos::client::{Address, Mode, probe};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::{
    bootstrap::{Known, Learned},
    destroy::{
        self,
        survey::{self, SurveyError, SurveyRequest},
    },
    setup::Limits,
};

/// How long a machine has to say whether it lives.
const LOOK: Duration = Duration::from_secs(3);

/// The objects of one cluster on the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedObjects {
    /// Whose they are, by their marker.
    pub owner: Owner,
    /// What is left of the cluster on the platform.
    pub objects: Vec<OwnedObject>,
    /// Why they stay; none for garbage.
    pub stays: Option<String>,
}

/// Looks at everything on the platform that carries our marker. `homes` are the identities of the clusters that this home has a
/// state folder of.
pub async fn look(
    provider: &Arc<dyn Provider>,
    homes: &BTreeSet<Uuid>,
    older_than: Duration,
    now: Timestamp,
) -> Result<Vec<MarkedObjects>, InfraError> {
    let found = provider.inventory(Scope::Everything).await?;
    let mut groups: BTreeMap<Owner, Vec<OwnedObject>> = BTreeMap::new();
    for object in found.objects {
        groups.entry(object.owner.clone()).or_default().push(object);
    }
    let kind = provider.info().kind;
    let mut remains = Vec::new();
    for (owner, objects) in groups {
        let known = judge(&owner, &objects, kind, homes, older_than, now);
        // Machines are asked only where nothing else keeps them.
        let stays = match known {
            Some(reason) => Some(reason),
            None => alive(provider, &objects).await?,
        };
        remains.push(MarkedObjects { owner, objects, stays });
    }
    Ok(remains)
}

/// The identities of the clusters that this home has a state folder of. A journal that cannot be read still keeps its cluster.
pub fn homes(home: &Home) -> BTreeSet<Uuid> {
    let folders = std::fs::read_dir(home.clusters()).into_iter().flatten().flatten();
    let id = |entry: std::fs::DirEntry| {
        let folder = home.cluster(entry.file_name().to_str()?);
        let known = match journal::find::<Learned>(&folder.journal(), &[]) {
            Ok(found) => Known::of(&found.records),
            Err(unusable) => unusable.told,
        };
        known.cluster.map(|(_, id)| id)
    };
    folders.filter_map(id).collect()
}

/// What takes the objects of one cluster away.
pub async fn request(
    remains: &MarkedObjects,
    provider: &Arc<dyn Provider>,
    home: &Home,
    limits: &Limits,
) -> Result<destroy::run::Request, SurveyError> {
    let owner = &remains.owner;
    let files = home.remains(&owner.cluster_name, &owner.cluster_id.to_string());
    let question = SurveyRequest {
        cluster: &owner.cluster_name,
        id: Some(owner.cluster_id),
        configured: true,
        provider,
        files: &files,
    };
    Ok(destroy::run::Request {
        cluster: owner.cluster_name.clone(),
        survey: survey::look(&question).await?,
        provider: Arc::clone(provider),
        files,
        archive: home.archive(),
        bootstrap_cluster: None,
        deadline: limits.left(),
        fuse: None,
    })
}

/// Why the objects of a cluster stay, as far as it can be told without asking machines. Pure.
fn judge(
    owner: &Owner,
    objects: &[OwnedObject],
    provider: ProviderKind,
    homes: &BTreeSet<Uuid>,
    older_than: Duration,
    now: Timestamp,
) -> Option<String> {
    if homes.contains(&owner.cluster_id) {
        return Some("this home has its state folder".to_owned());
    }
    if objects.iter().any(|object| object.provider != provider) {
        return Some("it is of another platform".to_owned());
    }
    let age = |object: &OwnedObject| object.created.map(|created| now.duration_since(created));
    let oldest_allowed = SignedDuration::try_from(older_than).unwrap_or(SignedDuration::MAX);
    for object in objects {
        match age(object) {
            None => return Some(format!("nobody can tell how old {} is", object.name)),
            Some(age) if age < oldest_allowed => return Some(format!("{} is not old enough", object.name)),
            Some(_) => {}
        }
    }
    None
}

/// The machine that runs with some cluster's configuration, if there is one: without that cluster's credentials, its own
/// certificate tells.
async fn alive(provider: &Arc<dyn Provider>, objects: &[OwnedObject]) -> Result<Option<String>, InfraError> {
    let looks = objects.iter().map(|object| async move {
        let Some(machine) = object.machine() else {
            return Ok(None);
        };
        let seen = provider.machine_observe(&machine).await?;
        let Some(address) = seen.address() else { return Ok(None) };
        let Ok(address) = address.to_string().parse::<Address>() else {
            return Ok(None);
        };
        let configured = matches!(
            probe(&address, None, LOOK).await,
            Mode::Foreign { .. } | Mode::Configured
        );
        Ok(configured.then(|| format!("{} runs with a cluster's configuration", object.name)))
    });
    let looks: Vec<Result<Option<String>, InfraError>> = join_all(looks).await;
    looks
        .into_iter()
        .collect::<Result<Vec<_>, _>>()
        .map(|found| found.into_iter().flatten().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn object(created: Option<&str>) -> OwnedObject {
        OwnedObject {
            kind: butler_infra::ObjectKind::Machine,
            owner: owner(),
            provider: ProviderKind::InMemory,
            id: "vm-1".to_owned(),
            name: "demo-cp-0".to_owned(),
            generation: 1,
            created: created.map(|time| time.parse().unwrap()),
            raw_status: "running".to_owned(),
        }
    }

    fn owner() -> Owner {
        Owner {
            cluster_id: Uuid::from_u128(7),
            cluster_name: "demo".to_owned(),
        }
    }

    fn judged(objects: &[OwnedObject], homes: &[u128], provider: ProviderKind) -> Option<String> {
        let homes = homes.iter().copied().map(Uuid::from_u128).collect();
        let now = "2026-11-29T12:00:00Z".parse().unwrap();
        judge(&owner(), objects, provider, &homes, DAY, now)
    }

    #[test]
    fn what_is_young_known_elsewhere_or_of_unknown_age_is_no_garbage() {
        let old = || object(Some("2026-11-28T11:00:00Z"));
        let world = ProviderKind::InMemory;
        assert_eq!(judged(&[old()], &[], world), None);
        assert!(judged(&[old()], &[7], world).is_some_and(|why| why.contains("state folder")));
        assert!(judged(&[old()], &[], ProviderKind::Proxmox).is_some_and(|why| why.contains("another platform")));
        let young = object(Some("2026-11-28T13:00:00Z"));
        assert!(judged(&[old(), young], &[], world).is_some_and(|why| why.contains("not old enough")));
        assert!(judged(&[object(None)], &[], world).is_some_and(|why| why.contains("how old")));
    }
}
