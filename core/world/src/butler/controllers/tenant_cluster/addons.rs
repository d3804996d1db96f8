//! The addons that a cluster begins with, installed one after the other: each needs what those before it bring.

use butler_api::v1alpha1::ButlerConfig;
use butler_api::v1alpha1::tenant_cluster::{
    AddonManager, ManagementMode, ObservedAddon, ObservedAddonStatus, ObservedState, TenantGitOpsProvider,
};
use serde_json::{Map, Value};

use super::super::kinds::Kind;
use super::super::pass::Pass;
use super::super::{control_plane, pass, tenant_addon};
use super::{Cluster, network};
use crate::world::tenants::{Addon, Care, Command, ReleaseFacts, ReleaseName, TenantFacts};

/// An addon that every cluster gets unless it says otherwise.
struct Baseline {
    name: &'static str,
    namespace: &'static str,
    /// What the controller has built in.
    version: &'static str,
}

impl Baseline {
    /// The release that it is installed as.
    fn release(&self) -> ReleaseName {
        (self.namespace.to_owned(), self.name.to_owned())
    }
}

/// In the order of their installation.
const BASELINE: [Baseline; 5] = [
    Baseline {
        name: "cilium",
        namespace: "kube-system",
        version: "1.17.0",
    },
    Baseline {
        name: "cert-manager",
        namespace: "cert-manager",
        version: "v1.16.2",
    },
    Baseline {
        name: "longhorn",
        namespace: "longhorn-system",
        version: "1.7.2",
    },
    Baseline {
        name: "metallb",
        namespace: "metallb-system",
        version: "0.14.9",
    },
    Baseline {
        name: "traefik",
        namespace: "traefik",
        version: "34.3.0",
    },
];

/// How the addons of a cluster are doing.
pub(super) struct Outcome {
    addons: Vec<ObservedAddon>,
    /// What is wrong with those that are not well any more, in words.
    problems: Vec<String>,
    failure: Option<String>,
}

impl Outcome {
    /// All of them are installed and well.
    pub(super) fn is_ok(&self) -> bool {
        self.open().next().is_none()
    }

    /// All of them are installed, well or not.
    pub(super) fn is_installed(&self) -> bool {
        self.open().all(|addon| addon.status == ObservedAddonStatus::Degraded)
    }

    fn open(&self) -> impl Iterator<Item = &ObservedAddon> {
        let addons = self.addons.iter();
        addons.filter(|addon| addon.status != ObservedAddonStatus::Healthy)
    }

    pub(super) fn reason(&self) -> &'static str {
        match &self.failure {
            Some(_) => "Failed",
            None if self.is_ok() => "Ready",
            None if self.is_installed() => "Degraded",
            None => "Installing",
        }
    }

    pub(super) fn message(&self) -> String {
        if let Some(failure) = &self.failure {
            return failure.clone();
        }
        if self.is_ok() {
            return format!("{} addons are installed", self.addons.len());
        }
        if self.is_installed() {
            return self.problems.join("; ");
        }
        let open: Vec<&str> = self.open().map(|addon| addon.name.as_str()).collect();
        format!("installing {}", open.join(", "))
    }

    /// Why one of them cannot be installed.
    pub(super) fn failed(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    fn add(&mut self, baseline: &Baseline, manager: AddonManager, version: String, status: ObservedAddonStatus) {
        self.addons.push(ObservedAddon {
            managed_by: manager,
            name: baseline.name.to_owned(),
            status,
            version,
        });
    }
}

/// An addon that is wanted of a cluster.
struct Wanted {
    baseline: Baseline,
    version: String,
    values: Map<String, Value>,
}

/// Installs what is not there in the version that is asked for. What a cluster has got stays, also where its block is taken
/// away. Where Butler is not to manage addons, it only tells of those that are there.
pub(super) fn ensure(cluster: &mut Cluster<'_>, pass: &mut Pass<'_>) -> Outcome {
    let policy = cluster.object.spec.management_policy.as_ref();
    let mode = policy.and_then(|policy| policy.mode.clone());
    let active = mode.as_ref().is_none_or(|mode| *mode == ManagementMode::Active);
    let hosted = control_plane::of_cluster(pass.mirror, &cluster.namespace, &cluster.key.name);
    let hosted = hosted.map(pass::uid);
    let addresses = network::ranges(cluster, pass);
    pass.commands.extend(hosted.map(|uid| Command::Care {
        uid: uid.to_owned(),
        care: Care {
            corrects: active,
            addresses,
        },
    }));
    let mut outcome = Outcome {
        addons: Vec::new(),
        problems: Vec::new(),
        failure: None,
    };
    let tenant = hosted.and_then(|uid| pass.facts.tenants.get(uid));
    if active {
        for wanted in wanted(cluster, pass) {
            install(cluster, wanted, hosted, tenant, &mut outcome, pass);
        }
    } else {
        let manager = manager(cluster, mode.as_ref());
        for baseline in BASELINE {
            if let Some(there) = tenant.and_then(|tenant| tenant.releases.get(&baseline.release())) {
                let (version, status) = (there.addon.version.clone(), health(cluster, &baseline, there));
                outcome.problems.extend(there.problem.clone());
                outcome.add(&baseline, manager.clone(), version, status);
            }
        }
    }
    let observed = cluster.status.observed_state.get_or_insert_with(ObservedState::default);
    observed.addons.clone_from(&outcome.addons);
    outcome
}

/// Who looks after the addons of a cluster.
fn manager(cluster: &Cluster<'_>, mode: Option<&ManagementMode>) -> AddonManager {
    let addons = cluster.object.spec.addons.as_ref();
    let tool = addons.and_then(|addons| addons.gitops.as_ref()?.provider.as_ref());
    match (mode, tool) {
        (Some(ManagementMode::GitOps), Some(TenantGitOpsProvider::ArgoCd)) => AddonManager::ArgoCd,
        (Some(ManagementMode::GitOps), _) => AddonManager::Flux,
        _ => AddonManager::Butler,
    }
}

/// Installs an addon when those before it are there.
fn install(
    cluster: &Cluster<'_>,
    wanted: Wanted,
    hosted: Option<&str>,
    tenant: Option<&TenantFacts>,
    outcome: &mut Outcome,
    pass: &mut Pass<'_>,
) {
    let Wanted {
        baseline,
        version,
        values,
    } = wanted;
    let there = tenant.and_then(|tenant| tenant.releases.get(&baseline.release()));
    if let Some(there) = there.filter(|_| tenant_addon::manages(cluster.key, &baseline.release(), pass.mirror)) {
        // Whoever made a TenantAddon of it knows better.
        let status = health(cluster, &baseline, there);
        outcome.problems.extend(there.problem.clone());
        outcome.add(&baseline, AddonManager::Butler, there.addon.version.clone(), status);
        return;
    }
    let addon = Addon {
        release: baseline.name.to_owned(),
        namespace: baseline.namespace.to_owned(),
        chart: baseline.name.to_owned(),
        version: version.clone(),
        values,
    };
    let faults = pass.facts.settings.faults.tenants.get(&cluster.key.name);
    let fault = faults
        .and_then(|faults| faults.failing_addons.get(baseline.name))
        .cloned();
    let latency = pass.facts.settings.latencies.tenant_addon.0;
    let measured = format!("addon {}", baseline.name);
    let status = match (there.filter(|there| there.addon == addon), hosted) {
        (Some(there), _) => {
            pass.restart(&cluster.uid, &measured);
            outcome.problems.extend(there.problem.clone());
            health(cluster, &baseline, there)
        }
        (None, Some(hosted)) if outcome.is_installed() => {
            if let Some(words) = fault {
                // A chart that failed is tried from its beginning again.
                pass.restart(&cluster.uid, &measured);
                let words = format!("failed to install addon {}: {words}", baseline.name);
                outcome.failure.get_or_insert(words);
                ObservedAddonStatus::Failed
            } else {
                if pass.elapsed(&cluster.uid, &measured, latency) {
                    pass.commands.push(Command::Install {
                        uid: hosted.to_owned(),
                        addon: Box::new(addon),
                    });
                }
                ObservedAddonStatus::Installing
            }
        }
        (None, _) => ObservedAddonStatus::Pending,
    };
    outcome.add(&baseline, AddonManager::Butler, version, status);
}

/// How an addon is doing that is there: what never was well is not there yet.
fn health(cluster: &Cluster<'_>, baseline: &Baseline, there: &ReleaseFacts) -> ObservedAddonStatus {
    if there.problem.is_none() {
        return ObservedAddonStatus::Healthy;
    }
    let observed = cluster.status.observed_state.as_ref();
    let before = observed.and_then(|observed| observed.addons.iter().find(|addon| addon.name == baseline.name));
    match before.map(|addon| &addon.status) {
        Some(ObservedAddonStatus::Healthy | ObservedAddonStatus::Degraded) => ObservedAddonStatus::Degraded,
        _ => ObservedAddonStatus::Installing,
    }
}

/// What a cluster asks for: the version of its own, else that of the platform, else what the controller has built in.
fn wanted(cluster: &Cluster<'_>, pass: &Pass<'_>) -> Vec<Wanted> {
    let own = cluster.object.spec.addons.as_ref();
    let config: Option<ButlerConfig> = pass
        .mirror
        .typed(Kind::ButlerConfig, "", butler_api::names::BUTLER_CONFIG);
    let defaults = config.and_then(|config| config.spec.default_addon_versions);
    let defaults = defaults.as_ref();
    let mut all = Vec::new();
    for baseline in BASELINE {
        let (enabled, version, values, default) = match baseline.name {
            "cilium" => {
                let block = own.and_then(|own| own.cni.as_ref());
                let values = block.and_then(|block| block.values.clone());
                let default = defaults.and_then(|defaults| defaults.cilium.clone());
                (true, block.map(|block| block.version.clone()), values, default)
            }
            "cert-manager" => {
                let block = own.and_then(|own| own.cert_manager.as_ref());
                let values = block.and_then(|block| block.values.clone());
                let enabled = block.and_then(|block| block.enabled) != Some(false);
                let default = defaults.and_then(|defaults| defaults.cert_manager.clone());
                (enabled, block.map(|block| block.version.clone()), values, default)
            }
            "longhorn" => {
                let block = own.and_then(|own| own.storage.as_ref());
                let values = block.and_then(|block| block.values.clone());
                let default = defaults.and_then(|defaults| defaults.longhorn.clone());
                (true, block.map(|block| block.version.clone()), values, default)
            }
            "metallb" => {
                let block = own.and_then(|own| own.load_balancer.as_ref());
                let values = block.and_then(|block| block.values.clone());
                let default = defaults.and_then(|defaults| defaults.metallb.clone());
                (true, block.map(|block| block.version.clone()), values, default)
            }
            _ => {
                let block = own.and_then(|own| own.ingress.as_ref());
                let values = block.and_then(|block| block.values.clone());
                let enabled = block.and_then(|block| block.enabled) != Some(false);
                let default = defaults.and_then(|defaults| defaults.traefik.clone());
                (enabled, block.and_then(|block| block.version.clone()), values, default)
            }
        };
        if enabled {
            let version = version.filter(|version| !version.is_empty()).or(default);
            let version = version.unwrap_or_else(|| baseline.version.to_owned());
            all.push(Wanted {
                baseline,
                version,
                values: values.unwrap_or_else(Map::new),
            });
        }
    }
    all
}
