//! The plan: what a bootstrap will make, before it makes anything. Pure; printed by `--dry-run`.

use std::collections::BTreeSet;

use butler_api::config::{BootstrapConfig, Role, StaticMachine};
use butler_infra::{Check, CheckStatus, InfraPlan, MachineSpec, Owner};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    addons::{Addon, Repository, Source},
    steps::install_image,
};

/// What will be made.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Cluster name.
    pub cluster: String,
    /// Platform.
    pub provider: String,
    /// Talos release.
    pub talos: String,
    /// Kubernetes release.
    pub kubernetes: String,
    /// Where the objects live until the pivot.
    pub bootstrap_cluster: String,
    /// Machines, control planes first.
    pub machines: Vec<PlannedMachine>,
    /// Addresses that the cluster takes.
    pub addresses: Vec<PlannedAddress>,
    /// Addons in an order in which they can be installed.
    pub addons: Vec<PlannedAddon>,
    /// Images that machines and addons are known to need.
    pub images: Vec<String>,
    /// Read-only checks of the platform.
    pub checks: Vec<PlannedCheck>,
    /// What is worth knowing before it starts.
    pub warnings: Vec<String>,
}

/// A machine of the plan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedMachine {
    /// Name.
    pub name: String,
    /// `control-plane` or `worker`.
    pub role: String,
    /// Virtual CPUs.
    pub cpu: u32,
    /// Memory in MiB.
    #[serde(rename = "memoryMB")]
    pub memory_mb: u32,
    /// System disk in GiB.
    #[serde(rename = "diskGB")]
    pub disk_gb: u32,
    /// Address, where it is known beforehand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// An address of the plan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedAddress {
    /// What it is for.
    pub purpose: &'static str,
    /// Address, range or network.
    pub address: String,
}

/// An addon of the plan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedAddon {
    /// Name.
    pub name: String,
    /// Version of chart or manifest; none for objects of our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Chart or manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Addons that have to be ready first.
    pub needs: Vec<String>,
}

/// A check of the plan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedCheck {
    /// Stable name.
    pub id: String,
    /// `ok`, `skipped`, `warn` or `fail`.
    pub status: &'static str,
    /// What was found.
    pub summary: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The plan of a configuration with its addons and what the platform's checks found.
pub fn plan(config: &BootstrapConfig, addons: &[Addon], checks: &[Check], warnings: Vec<String>) -> Plan {
    Plan {
        cluster: config.cluster.name.clone(),
        provider: config.provider_kind().to_string(),
        talos: format!("v{}", config.talos.version),
        kubernetes: format!("v{}", config.talos.kubernetes_version),
        bootstrap_cluster: match &config.bootstrap_cluster {
            butler_api::config::BootstrapCluster::Embedded => "embedded".to_owned(),
            butler_api::config::BootstrapCluster::Kind { .. } => "kind".to_owned(),
            butler_api::config::BootstrapCluster::Existing { .. } => "existing".to_owned(),
        },
        machines: config
            .machine_names()
            .into_iter()
            .map(|(name, role)| planned_machine(config, name, role))
            .collect(),
        addresses: addresses(config),
        addons: addons.iter().map(planned_addon).collect(),
        images: images(config, addons),
        checks: checks.iter().map(planned_check).collect(),
        warnings,
    }
}

/// What the platform's checks have to know.
pub fn infra(config: &BootstrapConfig, cluster_id: Uuid) -> InfraPlan {
    let owner = Owner {
        cluster_id,
        cluster_name: config.cluster.name.clone(),
    };
    let spec = |(name, role): (String, Role)| {
        let pool = config.pool(role);
        MachineSpec {
            owner: owner.clone(),
            name,
            role,
            generation: 1,
            cpu: pool.cpu,
            memory_mb: pool.memory_mb,
            disk_gb: pool.disk_gb,
            extra_disks: pool.extra_disks.clone(),
            labels: pool.labels.clone(),
        }
    };
    InfraPlan {
        machines: config.machine_names().into_iter().map(spec).collect(),
        talos_version: config.talos.version.clone(),
        owner: owner.clone(),
    }
}

/// The listed machine of this name, for provider `static`.
pub(crate) fn static_machine<'a>(config: &'a BootstrapConfig, name: &str) -> Option<&'a StaticMachine> {
    let names = config.machine_names();
    let (_, role) = names.iter().find(|(n, _)| n == name)?;
    let position = names.iter().filter(|(_, r)| r == role).position(|(n, _)| n == name)?;
    config
        .static_machines()
        .iter()
        .filter(|m| m.role == *role)
        .nth(position)
}

fn planned_machine(config: &BootstrapConfig, name: String, role: Role) -> PlannedMachine {
    let pool = config.pool(role);
    let address = static_machine(config, &name).map(|m| m.address.clone());
    let (cpu, memory_mb, disk_gb) = (pool.cpu, pool.memory_mb, pool.disk_gb);
    PlannedMachine {
        name,
        role: role.as_str().to_owned(),
        cpu,
        memory_mb,
        disk_gb,
        address,
    }
}

fn addresses(config: &BootstrapConfig) -> Vec<PlannedAddress> {
    let network = &config.network;
    let mut list = Vec::new();
    let mut add = |purpose: &'static str, address: String| list.push(PlannedAddress { purpose, address });
    match &network.vip {
        Some(vip) => add("control-plane endpoint", vip.clone()),
        None => add("control-plane endpoint", "the first control plane's address".to_owned()),
    }
    if let Some(pool) = network.load_balancer_pool {
        add("services of type LoadBalancer", format!("{}-{}", pool.start, pool.end));
    }
    add("pods", network.pod_cidr.to_string());
    add("services", network.service_cidr.to_string());
    list
}

fn planned_addon(addon: &Addon) -> PlannedAddon {
    let (version, source) = match &addon.source {
        Source::Chart(release) => {
            let chart = &release.chart;
            let place = match &chart.repository {
                Repository::Https(url) => format!("{} {}", url, chart.name),
                Repository::Oci(prefix) => format!("{}/{}", prefix.trim_end_matches('/'), chart.name),
            };
            (Some(chart.version.clone()), Some(place))
        }
        Source::Manifest(manifest) => (Some(manifest.version.clone()), Some(manifest.url.clone())),
        Source::Objects(_) | Source::ProviderIds(_) => (None, None),
    };
    PlannedAddon {
        name: addon.name.clone(),
        version,
        source,
        needs: addon.needs.clone(),
    }
}

fn images(config: &BootstrapConfig, addons: &[Addon]) -> Vec<String> {
    let kubernetes = &config.talos.kubernetes_version;
    let mut images = BTreeSet::from([
        install_image(config),
        format!("ghcr.io/siderolabs/kubelet:v{kubernetes}"),
    ]);
    for part in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        images.insert(format!("registry.k8s.io/{part}:v{kubernetes}"));
    }
    for addon in addons {
        let workloads = match &addon.source {
            Source::Chart(release) => &release.stand_in.workloads,
            Source::Manifest(manifest) => &manifest.stand_in.workloads,
            Source::Objects(_) | Source::ProviderIds(_) => continue,
        };
        images.extend(workloads.iter().map(|w| w.image.clone()));
    }
    images.into_iter().collect()
}

fn planned_check(check: &Check) -> PlannedCheck {
    let status = match check.status {
        CheckStatus::Ok => "ok",
        CheckStatus::Skipped => "skipped",
        CheckStatus::Warn => "warn",
        CheckStatus::Fail => "fail",
    };
    PlannedCheck {
        id: check.id.to_owned(),
        status,
        summary: check.summary.clone(),
        hint: check.hint.clone(),
    }
}
