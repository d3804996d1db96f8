//! TenantAddons: one Helm release each on the cluster of a tenant, when the cluster and what it depends on are there.
//!
//! In two things this is more than the real controller: it installs charts of one's own (`spec.helm`) and waits for
//! dependencies, which the real one has in its API and does not evaluate; and it writes conditions.

mod chart;
mod needs;

use butler_api::conditions::{self, Observation, Status, types};
use butler_api::labels::FINALIZER_TENANT_ADDON;
use butler_api::names;
use butler_api::v1alpha1::TenantAddon;
use butler_api::v1alpha1::shared::HelmReleaseStatus;
use butler_api::v1alpha1::tenant_addon::{TenantAddonPhase as Phase, TenantAddonStatus};
use serde_json::Value;

use super::kinds::Kind;
use super::mirror::{Key, Mirror, read};
use super::objects::EventKind;
use super::pass::{Pass, is_deleting, uid};
use super::{Controller, RETRY, control_plane};
use crate::values::text;
use crate::world::tenants::{Addon, Command, ReleaseName, TenantFacts};

pub(super) const CONTROLLER: Controller = Controller {
    kind: Kind::TenantAddon,
    decide,
    concerned,
};

/// Whom a change concerns: the addons of a cluster, those of a definition, and those that wait for another one.
fn concerned(key: &Key, object: &Value, mirror: &Mirror) -> Vec<Key> {
    let all = || mirror.all(Kind::TenantAddon).map(|(key, _)| key);
    match key.kind {
        Kind::TenantCluster => of_cluster(key, mirror).cloned().collect(),
        Kind::AddonDefinition => all().cloned().collect(),
        Kind::TenantAddon => {
            let cluster = cluster(key, object);
            let others = cluster.map(|cluster| of_cluster(&cluster, mirror).cloned().collect::<Vec<_>>());
            others.into_iter().flatten().collect()
        }
        _ => Vec::new(),
    }
}

/// The cluster that an addon is for.
pub(super) fn cluster(key: &Key, object: &Value) -> Option<Key> {
    let name = text(object, "/spec/clusterRef/name");
    (key.kind == Kind::TenantAddon).then(|| Key::new(Kind::TenantCluster, &key.namespace, name))
}

/// The addons of a cluster.
pub(super) fn of_cluster<'a>(of: &'a Key, mirror: &'a Mirror) -> impl Iterator<Item = &'a Key> {
    let inside = mirror.inside(Kind::TenantAddon, &of.namespace);
    let own = inside.filter(|(key, object)| cluster(key, object).as_ref() == Some(of));
    own.map(|(key, _)| key)
}

/// Whether a TenantAddon of a cluster is this release: then nobody else installs it.
pub(super) fn manages(of: &Key, release: &ReleaseName, mirror: &Mirror) -> bool {
    owner(of, release, mirror).is_some()
}

/// The TenantAddon of a cluster that a release belongs to: of several, the first one.
fn owner<'a>(of: &'a Key, release: &ReleaseName, mirror: &'a Mirror) -> Option<&'a Key> {
    let alive = of_cluster(of, mirror).filter_map(|key| Some((key, mirror.get(key)?)));
    let alive = alive.filter(|(_, object)| !is_deleting(object));
    let same = alive.filter(|(key, object)| chart::release(key, object, mirror).as_ref() == Some(release));
    let first = same.min_by_key(|(key, object)| (text(object, "/metadata/creationTimestamp"), &key.name));
    first.map(|(key, _)| key)
}

/// Deletes all addons of a cluster that goes; what is left of them, in words.
pub(super) fn delete_all(of: &Key, pass: &mut Pass<'_>) -> Option<&'static str> {
    let all: Vec<Key> = of_cluster(of, pass.mirror).cloned().collect();
    let mut left = None;
    for key in all {
        if !pass.gone(Kind::TenantAddon, &key.namespace, &key.name) {
            left = Some("waiting until its addons are gone");
        }
    }
    left
}

/// Where an addon stands.
struct Verdict {
    phase: Phase,
    reason: &'static str,
    /// Nothing where everything is well.
    message: Option<String>,
    /// What it is as a release, once that is known.
    addon: Option<Addon>,
}

impl Verdict {
    fn new(phase: Phase, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            phase,
            reason,
            message: Some(message.into()),
            addon: None,
        }
    }
}

fn decide(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    let Some(addon) = read::<TenantAddon>(object) else {
        return;
    };
    if is_deleting(object) {
        delete(key, object, addon.status.as_ref(), pass);
        return;
    }
    if !pass.has_finalizer(key, FINALIZER_TENANT_ADDON) {
        return;
    }
    let mut status = addon.status.clone().unwrap_or_else(TenantAddonStatus::default);
    let verdict = judge(key, object, &addon, &mut status, pass);
    let there = facts(key, object, pass).and_then(|(_, tenant)| {
        let release = chart::release(key, object, pass.mirror)?;
        Some(tenant.releases.get(&release)?.addon.clone())
    });
    let own = verdict.addon.filter(|_| there.is_some());
    if let Some(own) = own {
        status.helm_release = Some(HelmReleaseStatus {
            name: Some(own.release),
            namespace: Some(own.namespace),
            status: Some("deployed".to_owned()),
            revision: None,
            version: None,
        });
        status.installed_version = there.map(|there| there.version);
    }
    let ready = verdict.phase == Phase::Installed;
    enter(key, &mut status, verdict.phase, pass);
    let generation = addon.metadata.generation;
    let message = verdict
        .message
        .as_deref()
        .unwrap_or("the release is installed and well");
    observe(
        &mut status,
        types::READY,
        ready,
        (verdict.reason, message),
        generation,
        pass,
    );
    status.message = verdict.message;
    status.observed_generation = generation;
    pass.status(key, &status);
}

fn enter(key: &Key, status: &mut TenantAddonStatus, phase: Phase, pass: &mut Pass<'_>) {
    if status.phase.as_ref() == Some(&phase) {
        return;
    }
    let before = status.phase.as_ref().map_or("nothing", Phase::as_str);
    let message = format!("from {before} to {}", phase.as_str());
    let kind = match phase {
        Phase::Failed | Phase::Degraded => EventKind::Warning,
        _ => EventKind::Normal,
    };
    pass.event(key, kind, phase.as_str(), &message);
    status.phase = Some(phase);
    status.last_transition_time = Some(pass.time());
}

fn observe(
    status: &mut TenantAddonStatus,
    kind: &str,
    so: bool,
    (reason, message): (&str, &str),
    generation: Option<i64>,
    pass: &Pass<'_>,
) {
    let observation = Observation {
        kind,
        status: Status::from(so),
        reason,
        message,
        generation,
    };
    conditions::set(&mut status.conditions, &observation, pass.facts.wall);
}

/// The UID of the control plane that an addon's cluster has, and what is known of the cluster.
fn facts<'a>(key: &Key, object: &Value, pass: &Pass<'a>) -> Option<(&'a str, &'a TenantFacts)> {
    let cluster = cluster(key, object)?;
    let tenant = pass.mirror.get(&cluster)?;
    let namespace = names::tenant_namespace(&cluster.name, uid(tenant));
    let hosted = uid(control_plane::of_cluster(pass.mirror, &namespace, &cluster.name)?);
    Some((hosted, pass.facts.tenants.get(hosted)?))
}

/// The phase of an addon's cluster; none where there is no such cluster.
fn phase_of_cluster<'a>(key: &Key, object: &Value, mirror: &'a Mirror) -> Option<&'a str> {
    let cluster = mirror.get(&cluster(key, object)?)?;
    Some(text(cluster, "/status/phase"))
}

/// Takes an addon as far as it can come now, and tells where it stands.
fn judge(
    key: &Key,
    object: &Value,
    addon: &TenantAddon,
    status: &mut TenantAddonStatus,
    pass: &mut Pass<'_>,
) -> Verdict {
    let wanted = match chart::wanted(key, addon, pass.mirror) {
        Ok(wanted) => wanted,
        Err(message) => {
            pass.again_in(RETRY);
            return Verdict::new(Phase::Failed, "AddonNotFound", message);
        }
    };
    let cluster = addon.spec.cluster_ref.name.as_str();
    let phase = phase_of_cluster(key, object, pass.mirror);
    let Some((hosted, tenant)) = facts(key, object, pass) else {
        let message = match phase {
            None => format!("TenantCluster {cluster:?} not found"),
            Some(_) => format!("TenantCluster {cluster:?} has no control plane yet"),
        };
        pass.again_in(RETRY);
        return Verdict::new(Phase::Pending, "ClusterNotReady", message);
    };
    let release = (wanted.namespace.clone(), wanted.release.clone());
    let there = tenant.releases.get(&release);
    let place = Key::new(Kind::TenantCluster, &key.namespace, cluster);
    if let Some(owner) = owner(&place, &release, pass.mirror).filter(|owner| *owner != key) {
        let (namespace, name) = &release;
        let message = format!(
            "release {namespace}/{name} belongs to TenantAddon {:?}: cannot re-use a name that is still in use",
            owner.name
        );
        return Verdict::new(Phase::Failed, "InvalidConfiguration", message);
    }
    if let Some(there) = there.filter(|there| there.addon == wanted) {
        pass.restart(uid(object), INSTALLATION);
        return Verdict {
            addon: Some(wanted),
            ..installed(status, there.problem.as_deref())
        };
    }
    let verdict = if phase == Some("Ready") {
        let deps = needs::unmet(addon, &place, tenant, pass.mirror);
        needs::observe(addon, &deps, status, pass);
        if deps.is_empty() {
            let is_there = there.is_some();
            let refusal = chart::missing(key, addon, &wanted, pass.mirror);
            match refusal.or_else(|| chart::homeless(addon, &wanted, tenant, pass.mirror)) {
                Some(words) => helm_failed(object, words, pass),
                None => install(object, addon, hosted, &wanted, is_there, pass),
            }
        } else {
            let message = format!("waiting for {}", deps.join(", "));
            Verdict::new(Phase::Pending, "WaitingForDependencies", message)
        }
    } else {
        pass.again_in(RETRY);
        let message = format!("TenantCluster {cluster:?} is {}, not Ready", phase.unwrap_or("Pending"));
        Verdict::new(Phase::Pending, "ClusterNotReady", message)
    };
    Verdict {
        addon: Some(wanted),
        ..verdict
    }
}

/// What the time of an installation is measured by.
const INSTALLATION: &str = "installation";

/// The release is there as it is asked for. What was never well is still on its way.
fn installed(status: &TenantAddonStatus, problem: Option<&str>) -> Verdict {
    let Some(problem) = problem else {
        return Verdict {
            phase: Phase::Installed,
            reason: "Installed",
            message: None,
            addon: None,
        };
    };
    match &status.phase {
        Some(Phase::Installed | Phase::Degraded) => Verdict::new(Phase::Degraded, "Degraded", problem),
        Some(Phase::Upgrading) => Verdict::new(Phase::Upgrading, "Upgrading", problem),
        _ => Verdict::new(Phase::Installing, "Installing", problem),
    }
}

/// Has Helm at work for as long as it takes, unless it fails.
fn install(
    object: &Value,
    addon: &TenantAddon,
    hosted: &str,
    wanted: &Addon,
    is_there: bool,
    pass: &mut Pass<'_>,
) -> Verdict {
    let settings = pass.facts.settings;
    let faults = settings.faults.tenants.get(&addon.spec.cluster_ref.name);
    let named = |name: &String| faults.and_then(|faults| faults.failing_addons.get(name));
    let fault = addon
        .spec
        .addon
        .as_ref()
        .and_then(named)
        .or_else(|| named(&wanted.release));
    if let Some(words) = fault {
        return helm_failed(object, words, pass);
    }
    if pass.elapsed(uid(object), INSTALLATION, settings.latencies.tenant_addon.0) {
        pass.commands.push(Command::Install {
            uid: hosted.to_owned(),
            addon: Box::new(wanted.clone()),
        });
    }
    let (phase, reason, verb) = if is_there {
        (Phase::Upgrading, "Upgrading", "upgrade")
    } else {
        (Phase::Installing, "Installing", "install")
    };
    let message = format!("helm {verb} of {} {} is under way", wanted.chart, wanted.version);
    Verdict::new(phase, reason, message)
}

/// A chart that failed is tried from its beginning again.
fn helm_failed(object: &Value, words: impl Into<String>, pass: &mut Pass<'_>) -> Verdict {
    pass.restart(uid(object), INSTALLATION);
    pass.again_in(2 * RETRY);
    Verdict::new(Phase::Failed, "HelmFailed", words)
}

/// Uninstalls the release where its cluster is Ready. Nothing else holds the object: what cannot be uninstalled goes with
/// the cluster.
fn delete(key: &Key, object: &Value, status: Option<&TenantAddonStatus>, pass: &mut Pass<'_>) {
    let place = cluster(key, object);
    // Its definition may be gone by now.
    let recorded = status.and_then(|status| {
        let recorded = status.helm_release.as_ref()?;
        Some((recorded.namespace.clone()?, recorded.name.clone()?))
    });
    let known = place.as_ref().and_then(|place| {
        let release = recorded.or_else(|| chart::release(key, object, pass.mirror))?;
        owner(place, &release, pass.mirror).is_none().then_some(release)
    });
    let ready = phase_of_cluster(key, object, pass.mirror) == Some("Ready");
    let there = facts(key, object, pass).filter(|_| ready).zip(known);
    let Some(((hosted, _), release)) = there.filter(|((_, tenant), release)| tenant.releases.contains_key(release))
    else {
        pass.drop_finalizer(key, FINALIZER_TENANT_ADDON);
        return;
    };
    let mut status = status.map_or_else(TenantAddonStatus::default, TenantAddonStatus::clone);
    enter(key, &mut status, Phase::Deleting, pass);
    status.message = Some(format!("helm uninstall of {} is under way", release.1));
    pass.status(key, &status);
    if pass.elapsed(
        uid(object),
        "uninstallation",
        pass.facts.settings.latencies.tenant_addon.0,
    ) {
        let (namespace, release) = release;
        pass.commands.push(Command::Uninstall {
            uid: hosted.to_owned(),
            namespace,
            release,
        });
    }
}

#[cfg(test)]
mod tests;
