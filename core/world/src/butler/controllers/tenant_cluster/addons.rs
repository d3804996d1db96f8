//! The addons that a cluster begins with, installed one after the other: each needs what those before it bring.

use butler_api::v1alpha1::ButlerConfig;
use butler_api::v1alpha1::tenant_cluster::{
    AddonManager, ManagementMode, ObservedAddon, ObservedAddonStatus, ObservedState,
};
use serde_json::{Map, Value};

use super::super::kinds::Kind;
use super::super::pass::Pass;
use super::super::{control_plane, pass};
use super::Cluster;
use crate::world::tenants::{Addon, Command};

/// An addon that every cluster gets unless it says otherwise.
struct Baseline {
    name: &'static str,
    namespace: &'static str,
    /// What the controller has built in.
    version: &'static str,
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
    failure: Option<String>,
}

impl Outcome {
    /// All of them are installed.
    pub(super) fn is_ok(&self) -> bool {
        self.addons
            .iter()
            .all(|addon| addon.status == ObservedAddonStatus::Healthy)
    }

    pub(super) fn reason(&self) -> &'static str {
        match (&self.failure, self.is_ok()) {
            (Some(_), _) => "Failed",
            (None, true) => "Ready",
            (None, false) => "Installing",
        }
    }

    pub(super) fn message(&self) -> String {
        if let Some(failure) = &self.failure {
            return failure.clone();
        }
        let open = self
            .addons
            .iter()
            .filter(|addon| addon.status != ObservedAddonStatus::Healthy);
        let open: Vec<&str> = open.map(|addon| addon.name.as_str()).collect();
        if open.is_empty() {
            format!("{} addons are installed", self.addons.len())
        } else {
            format!("installing {}", open.join(", "))
        }
    }

    /// Why one of them cannot be installed.
    pub(super) fn failed(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}

/// Installs what is not there in the version that is asked for. What a cluster has got stays, also where its block is taken
/// away.
pub(super) fn ensure(cluster: &mut Cluster<'_>, pass: &mut Pass<'_>) -> Outcome {
    let policy = cluster.object.spec.management_policy.as_ref();
    let mode = policy.and_then(|policy| policy.mode.clone());
    let mut outcome = Outcome {
        addons: Vec::new(),
        failure: None,
    };
    if mode.is_none_or(|mode| mode == ManagementMode::Active) {
        for (baseline, version, values) in wanted(cluster, pass) {
            let before = outcome.is_ok();
            let addon = install(cluster, &baseline, version, values, before, &mut outcome.failure, pass);
            outcome.addons.push(addon);
        }
    }
    let observed = cluster.status.observed_state.get_or_insert_with(ObservedState::default);
    observed.addons.clone_from(&outcome.addons);
    outcome
}

fn install(
    cluster: &Cluster<'_>,
    baseline: &Baseline,
    version: String,
    values: Map<String, Value>,
    turn: bool,
    failure: &mut Option<String>,
    pass: &mut Pass<'_>,
) -> ObservedAddon {
    let name = baseline.name;
    let latency = pass.facts.settings.latencies.tenant_addon.0;
    let faults = pass.facts.settings.faults.tenants.get(&cluster.key.name);
    let fault = faults.and_then(|faults| faults.failing_addons.get(name)).cloned();
    let what = format!("addon {name} {version} {}", Value::Object(values.clone()));
    let status = if !turn {
        ObservedAddonStatus::Pending
    } else if let Some(words) = fault {
        // A chart that failed is tried from its beginning again.
        pass.restart(&cluster.uid, &what);
        failure.get_or_insert_with(|| format!("failed to install addon {name}: {words}"));
        ObservedAddonStatus::Failed
    } else if pass.elapsed(&cluster.uid, &what, latency) {
        let addon = Addon {
            release: name.to_owned(),
            namespace: baseline.namespace.to_owned(),
            chart: name.to_owned(),
            version: version.clone(),
            values,
            revision: 1,
            since: pass.facts.now,
        };
        let hosted = control_plane::of_cluster(pass.mirror, &cluster.namespace, &cluster.key.name);
        let command = hosted.map(|hosted| Command::Install {
            uid: pass::uid(hosted).to_owned(),
            addon: Box::new(addon),
        });
        pass.commands.extend(command);
        ObservedAddonStatus::Healthy
    } else {
        ObservedAddonStatus::Installing
    };
    ObservedAddon {
        managed_by: AddonManager::Butler,
        name: name.to_owned(),
        status,
        version,
    }
}

/// What a cluster asks for: the version of its own, else that of the platform, else what the controller has built in.
fn wanted(cluster: &Cluster<'_>, pass: &Pass<'_>) -> Vec<(Baseline, String, Map<String, Value>)> {
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
            all.push((baseline, version, values.unwrap_or_else(Map::new)));
        }
    }
    all
}
