//! The plan: what a bootstrap will make, before it makes anything. Pure; printed by `--dry-run`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

use butler_addons::{self, Addon, Images, Source};
use butler_api::config::{BootstrapConfig, Role, versions};
use butler_files::ClusterFolder;
use butler_infra::{
    Addressing, Check, CheckStatus, FoundMachine, InfraError, InfraPlan, MachineSpec, Owner, Provider, hardware,
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::bootstrap::addresses;

pub mod saved;

/// What will be made.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Name of the cluster.
    pub cluster: String,
    /// Digest of the configuration, without the values of secrets.
    pub digest: String,
    /// Name of the platform.
    pub provider: String,
    /// Talos release that the nodes will run.
    pub talos: String,
    /// Kubernetes release that the nodes will run.
    pub kubernetes: String,
    /// Where the objects live until the pivot.
    pub bootstrap_cluster: String,
    /// Machines, control planes first.
    pub machines: Vec<PlannedMachine>,
    /// What the machines are made from, where the platform has to be given it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_image: Option<PlannedImage>,
    /// Addresses that the cluster takes.
    pub addresses: Vec<PlannedAddress>,
    /// Addons in an order in which they can be installed.
    pub addons: Vec<PlannedAddon>,
    /// Every image that the nodes pull. A warning says where a chart or manifest may name further ones.
    pub images: Vec<String>,
    /// Read-only checks: secrets, programs, the platform, addresses.
    pub checks: Vec<PlannedCheck>,
    /// What is worth knowing before it starts.
    pub warnings: Vec<String>,
}

/// A machine of the plan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedMachine {
    /// Name of the machine.
    pub name: String,
    /// What the machine does: `control-plane` or `worker`.
    pub role: String,
    /// Virtual CPUs, where the machine is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// Memory in MiB, where the machine is made.
    #[serde(rename = "memoryMB", skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u32>,
    /// System disk in GiB, where the machine is made.
    #[serde(rename = "diskGB", skip_serializing_if = "Option::is_none")]
    pub disk_gb: Option<u32>,
    /// Address, where it is known beforehand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What was seen of a machine that is there already: `stage`, and `talos`, `fingerprint`, `links`, `disks` in
    /// maintenance mode, `cause` of silence.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub seen: BTreeMap<&'static str, String>,
}

/// What machines are made from, where the platform has to be given it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedImage {
    /// The Image Factory that makes it.
    pub factory: String,
    /// Talos release in it.
    pub talos: String,
    /// The factory's id of what is added to Talos.
    pub schematic: String,
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
    /// Name of the addon.
    pub name: String,
    /// Version of chart or manifest; none for objects of our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Place of the chart or manifest that it is installed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Addons that have to be ready first.
    pub needs: Vec<String>,
}

/// A check of the plan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedCheck {
    /// Name of the check, which stays the same.
    pub id: String,
    /// `ok`, `skipped`, `warn` or `fail`.
    pub status: &'static str,
    /// What was found, as a sentence.
    pub summary: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What was found out before anything is made.
#[derive(Debug, Default)]
pub struct Findings {
    /// Findings about the platform and the network.
    pub checks: Vec<Check>,
    /// Machines that are there already.
    pub machines: Vec<FoundMachine>,
}

/// Looks at everything that a plan tells: the platform, if it can be used, machines that are there, and addresses. What
/// cannot be found out is a warning.
pub async fn look(
    provider: Result<&dyn Provider, impl Display>,
    config: &BootstrapConfig,
    infra: &InfraPlan,
    files: &ClusterFolder,
) -> (Findings, Vec<String>) {
    let mut warnings = Vec::new();
    let mut cannot = |what: &str, why: &dyn Display| warnings.push(format!("{what}: {why}"));
    let network = addresses::checks(config, files);
    let mut found = Findings::default();
    match provider {
        Ok(provider) => {
            let (checks, machines, network) = futures::join!(provider.preflight(infra), machines(provider), network);
            match checks {
                Ok(checks) => found.checks = checks,
                Err(error) => cannot("the platform's checks could not run", &error),
            }
            match machines {
                Ok(machines) => found.machines = machines,
                Err(error) => cannot("the machines could not be looked at", &error),
            }
            found.checks.extend(network);
        }
        Err(why) => {
            cannot("the platform's checks could not run", &why);
            found.checks = network.await;
        }
    }
    (found, warnings)
}

/// The machines that are there, where the platform has such.
async fn machines(provider: &dyn Provider) -> Result<Vec<FoundMachine>, InfraError> {
    match provider.existing_machines() {
        Some(existing) => existing.machines().await,
        None => Ok(Vec::new()),
    }
}

/// The plan of a configuration with its addons and what was found out.
pub fn plan(config: &BootstrapConfig, addons: &[Addon], found: &Findings, mut warnings: Vec<String>) -> Plan {
    let images = images(config, addons);
    warnings.extend(image_warnings(config, addons, &images));
    Plan {
        cluster: config.cluster.name.clone(),
        digest: config.digest.clone(),
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
            .map(|(name, role)| planned_machine(config, found, name, role))
            .collect(),
        machine_image: config.brings_image().then(|| PlannedImage {
            factory: config.talos.image_factory.to_string(),
            talos: format!("v{}", config.talos.version),
            schematic: super::record::schematic(config).to_owned(),
        }),
        addresses: addresses(config),
        addons: addons.iter().map(|addon| planned_addon(config, addon)).collect(),
        images,
        checks: found.checks.iter().map(planned_check).collect(),
        warnings,
    }
}

/// What the platform's checks have to know.
pub fn infra(config: &BootstrapConfig, cluster_id: Uuid) -> InfraPlan {
    let owner = Owner {
        cluster_id,
        cluster_name: config.cluster.name.clone(),
    };
    let mut claims = hardware::claims(config);
    let spec = |(name, role): (String, Role)| {
        let pool = config.pool(role);
        MachineSpec {
            claim: claims.remove(&name),
            owner: owner.clone(),
            addressing: addressing(config, &name),
            name,
            role,
            generation: 1,
            cpu: pool.cpu,
            memory_mb: pool.memory_mb,
            disk_gb: pool.disk_gb,
            extra_disks: pool.extra_disks.clone(),
            labels: pool.labels.clone(),
            image: None,
            user_data: None,
        }
    };
    InfraPlan {
        machines: config.machine_names().into_iter().map(spec).collect(),
        owner: owner.clone(),
    }
}

/// How the machine of this name gets its address.
pub(crate) fn addressing(config: &BootstrapConfig, name: &str) -> Addressing {
    match (&config.network.node_addresses, config.node_address(name)) {
        (Some(nodes), Some(address)) => Addressing::Static {
            address: address.into(),
            prefix_length: nodes.prefix_length,
            gateway: Some(nodes.gateway.into()),
            nameservers: nodes.nameservers.clone(),
        },
        _ => Addressing::Dhcp,
    }
}

fn planned_machine(config: &BootstrapConfig, found: &Findings, name: String, role: Role) -> PlannedMachine {
    let pool = config.pool(role);
    let listed = config.listed_machine(&name).map(|(_, machine)| machine);
    // The sizes of a machine that somebody else made are not ours to tell.
    let made = |size| Some(size).filter(|_| listed.is_none());
    let seen = listed.and_then(|m| found.machines.iter().find(|seen| seen.address == m.address));
    PlannedMachine {
        role: role.as_str().to_owned(),
        cpu: made(pool.cpu),
        memory_mb: made(pool.memory_mb),
        disk_gb: made(pool.disk_gb),
        address: listed
            .map(|m| m.address.to_string())
            .or_else(|| config.node_address(&name).map(|address| address.to_string())),
        seen: seen.map_or_else(BTreeMap::new, |seen| seen.facts.clone()),
        name,
    }
}

fn addresses(config: &BootstrapConfig) -> Vec<PlannedAddress> {
    let network = &config.network;
    let mut list = Vec::new();
    let mut add = |purpose: &'static str, address: String| list.push(PlannedAddress { purpose, address });
    match &network.vip {
        Some(vip) => add("control-plane endpoint", vip.to_string()),
        None => add("control-plane endpoint", "the first control plane's address".to_owned()),
    }
    if let Some(pool) = network.load_balancer_pool {
        add("services of type LoadBalancer", format!("{}-{}", pool.start, pool.end));
    }
    if let Some(nodes) = &network.node_addresses {
        let (range, length) = (nodes.range, nodes.prefix_length);
        add("machines", format!("{}-{}/{length}", range.start, range.end));
    }
    add("pods", network.pod_cidr.to_string());
    add("services", network.service_cidr.to_string());
    list
}

fn planned_addon(config: &BootstrapConfig, addon: &Addon) -> PlannedAddon {
    let origin = butler_addons::origin(addon, config.addons.chart_mirror.as_ref());
    let (version, source) = origin.unzip();
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
        config.install_image(),
        format!("ghcr.io/siderolabs/kubelet:v{kubernetes}"),
    ]);
    // Cilium takes the place of kube-proxy.
    let proxy = config.addons.cni.is_none().then_some("kube-proxy");
    let parts = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];
    for part in parts.into_iter().chain(proxy) {
        images.insert(format!("registry.k8s.io/{part}:v{kubernetes}"));
    }
    if let Some(own) = versions::talos_images(&config.talos.version) {
        images.extend([own.etcd, own.coredns, own.pause]);
    }
    for addon in addons {
        match &addon.source {
            Source::Objects(objects) => images.extend(objects.plain.iter().flat_map(pod_images)),
            Source::Chart(_) | Source::Manifest(_) | Source::ProviderIds(_) => {
                images.extend(
                    published(addon)
                        .into_iter()
                        .flat_map(|images| images.known.iter().cloned()),
                );
            }
        }
    }
    images.into_iter().collect()
}

/// The images of a chart or manifest.
fn published(addon: &Addon) -> Option<&Images> {
    match &addon.source {
        Source::Chart(release) => Some(&release.images),
        Source::Manifest(manifest) => Some(&manifest.images),
        Source::Objects(_) | Source::ProviderIds(_) => None,
    }
}

/// What somebody who mirrors the images has to look after.
fn image_warnings(config: &BootstrapConfig, addons: &[Addon], images: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    if !versions::talos_images(&config.talos.version).is_some_and(|images| images.known) {
        let talos = &config.talos.version;
        found.push(format!(
            "the images of Talos v{talos} are not known here: those of etcd, CoreDNS and pause are of the newest release known"
        ));
    }
    let unknown = addons
        .iter()
        .filter(|addon| published(addon).is_some_and(|images| !images.whole));
    for addon in unknown {
        found.push(format!(
            "the images of {} in this version are not all known here: its chart or manifest names more",
            addon.name
        ));
    }
    let moving: Vec<&str> = images
        .iter()
        .map(String::as_str)
        .filter(|image| image.ends_with(":latest"))
        .collect();
    if !moving.is_empty() {
        let of = addons.iter().filter(|addon| {
            published(addon).is_some_and(|i| i.known.iter().any(|image| moving.contains(&image.as_str())))
        });
        let of: Vec<&str> = of.map(|addon| addon.name.as_str()).collect();
        found.push(format!(
            "{} pulls images without a fixed tag: {}; mirror them as they are named, or it does not install",
            of.join(", "),
            moving.join(", ")
        ));
    }
    found
}

/// Images of the pods that a workload of our own makes.
fn pod_images(object: &Value) -> Vec<String> {
    let containers = object
        .pointer("/spec/template/spec/containers")
        .and_then(Value::as_array);
    let image = |container: &Value| container.get("image").and_then(Value::as_str).map(str::to_owned);
    containers.into_iter().flatten().filter_map(image).collect()
}

impl Plan {
    /// Checks that a bootstrap would fail on.
    pub fn failed(&self) -> impl Iterator<Item = &PlannedCheck> {
        self.checks.iter().filter(|check| check.status == FAIL)
    }
}

/// The word for a check that a bootstrap would fail on.
const FAIL: &str = "fail";

fn planned_check(check: &Check) -> PlannedCheck {
    let status = match check.status {
        CheckStatus::Ok => "ok",
        CheckStatus::Skipped => "skipped",
        CheckStatus::Warn => "warn",
        CheckStatus::Fail => FAIL,
    };
    PlannedCheck {
        id: check.id.to_owned(),
        status,
        summary: check.summary.clone(),
        hint: check.hint.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use butler_addons::ClusterFacts;

    fn planned(more: &str) -> Plan {
        let text = samples::shipped_text("inmemory-ha.yaml");
        let text = text.replacen("addons:\n", &format!("addons:\n{more}"), 1);
        let config = samples::read(&text);
        let addons = butler_addons::plan(&config, &ClusterFacts::default()).unwrap();
        plan(&config, &addons, &Findings::default(), Vec::new())
    }

    /// Somebody in a closed network mirrors exactly these.
    #[test]
    fn every_image_that_the_nodes_pull_is_listed_with_its_tag() {
        let plan = planned("");
        insta::assert_snapshot!(plan.images.join("\n"));
        for image in &plan.images {
            assert!(
                image.rsplit('/').next().is_some_and(|last| last.contains(':')),
                "{image}"
            );
        }
        let unpinned = "steward pulls images without a fixed tag: docker.io/bitnami/kubectl:latest, \
                        docker.io/cfssl/cfssl:latest; mirror them as they are named, or it does not install";
        assert_eq!(plan.warnings, [unpinned]);
    }

    #[test]
    fn kube_proxy_runs_where_cilium_does_not() {
        let mut config = samples::shipped("inmemory-ha.yaml");
        let proxy = |config: &BootstrapConfig| {
            images(config, &[])
                .iter()
                .any(|image| image.contains("/kube-proxy:v1.35.4"))
        };
        assert!(!proxy(&config));
        config.addons.cni = None;
        assert!(proxy(&config));
    }

    #[test]
    fn a_version_of_ones_own_has_images_that_are_not_all_known() {
        let mut config = samples::shipped("inmemory-ha.yaml");
        config.addons.cni.as_mut().unwrap().version = Some("1.18.2".to_owned());
        config.talos.version = semver::Version::new(1, 12, 99);
        let addons = butler_addons::plan(&config, &ClusterFacts::default()).unwrap();
        let plan = plan(&config, &addons, &Findings::default(), Vec::new());
        let says = |text: &str| plan.warnings.iter().any(|warning| warning.contains(text));
        assert!(
            says("the images of cilium in this version are not all known"),
            "{:?}",
            plan.warnings
        );
        assert!(
            says("the images of Talos v1.12.99 are not known"),
            "{:?}",
            plan.warnings
        );
        assert!(plan.images.iter().any(|image| image == "quay.io/cilium/cilium:v1.18.2"));
        assert!(plan.images.iter().any(|image| image == "registry.k8s.io/etcd:v3.6.11"));
    }

    #[test]
    fn a_mirror_is_shown_as_the_source_of_everything() {
        let plan = planned("  chartMirror: /srv/charts\n");
        for addon in plan.addons.iter().filter(|addon| addon.version.is_some()) {
            let source = addon.source.as_deref().unwrap();
            assert!(source.starts_with("/srv/charts/"), "{}: {source}", addon.name);
        }
    }
}
