//! A new cluster as the form of Butler's server, which has fewer fields than the object.

use butler_api::v1alpha1::TenantCluster;
use butler_api::v1alpha1::shared::ControlPlaneResources;
use butler_api::v1alpha1::tenant_cluster::{TenantAddons, TenantClusterSpec, TenantIngress};
use kube::api::DynamicObject;
use serde::Serialize;

use crate::clusters::read;

/// The form.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Form {
    name: String,
    namespace: String,
    provider_config_ref: String,
    team_ref: String,
    kubernetes_version: String,
    worker_replicas: i32,
    #[serde(rename = "workerCPU", skip_serializing_if = "Option::is_none")]
    worker_cpu: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker_memory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker_disk_size: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_balancer_start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_balancer_end: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    os_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ingress_enabled: Option<bool>,
    time_servers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control_plane_resources: Option<ControlPlaneResources>,
}

/// What the form has no place for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoForm {
    /// Nobody says which platform, and the form demands it.
    #[error("which ProviderConfig is meant: name one")]
    Provider,
    /// Parts of the object.
    #[error("{}", .0.join(", "))]
    Fields(Vec<&'static str>),
    /// The server checks nothing without carrying it out.
    #[error("to check without making anything")]
    DryRun,
}

impl Form {
    /// The form that makes this object and no other.
    pub(super) fn of(object: &DynamicObject, namespace: &str, dry_run: bool) -> Result<Self, NoForm> {
        if dry_run {
            return Err(NoForm::DryRun);
        }
        let cluster = read::typed(object).map_err(|_| NoForm::Fields(vec!["what it cannot read"]))?;
        let lost = lost(&cluster);
        if !lost.is_empty() {
            return Err(NoForm::Fields(lost));
        }
        let spec = cluster.spec;
        let provider = spec.provider_config_ref.ok_or(NoForm::Provider)?;
        let template = spec.workers.machine_template.unwrap_or_else(Default::default);
        let pool = spec.networking.and_then(|networking| networking.load_balancer_pool);
        Ok(Self {
            name: cluster.metadata.name.unwrap_or_else(String::new),
            namespace: namespace.to_owned(),
            provider_config_ref: provider.name,
            team_ref: spec.team_ref.map_or_else(String::new, |team| team.name),
            kubernetes_version: spec.kubernetes_version,
            worker_replicas: spec.workers.replicas,
            worker_cpu: template.cpu,
            worker_memory: template.memory.map(|size| size.0),
            worker_disk_size: template.disk_size.map(|size| size.0),
            load_balancer_start: pool.as_ref().map(|pool| pool.start.clone()),
            load_balancer_end: pool.map(|pool| pool.end),
            os_type: template.os.and_then(|os| os.r#type).map(|os| os.as_str().to_owned()),
            ingress_enabled: spec.addons.and_then(|addons| addons.ingress?.enabled),
            time_servers: spec.time_servers,
            control_plane_resources: spec.control_plane.and_then(|control_plane| control_plane.resources),
        })
    }
}

/// The parts of a cluster that the form has no place for, by the names of their flags.
fn lost(cluster: &TenantCluster) -> Vec<&'static str> {
    let TenantClusterSpec {
        addons,
        control_plane,
        infrastructure_override,
        kubernetes_version: _,
        management_policy,
        networking,
        provider_config_ref: _,
        team_ref: _,
        time_servers: _,
        workers,
        workspaces,
    } = &cluster.spec;
    let no_ingress = TenantAddons {
        ingress: Some(TenantIngress {
            enabled: Some(false),
            ..TenantIngress::default()
        }),
        ..TenantAddons::default()
    };
    let control_plane = control_plane.as_ref();
    let networking = networking.as_ref();
    let os = workers
        .machine_template
        .as_ref()
        .and_then(|template| template.os.as_ref());
    let labels = cluster
        .metadata
        .labels
        .as_ref()
        .map_or(0, std::collections::BTreeMap::len);
    let parts = [
        (addons.as_ref().is_some_and(|addons| *addons != no_ingress), "--addon"),
        (
            control_plane.is_some_and(|one| one.replicas.is_some_and(|replicas| replicas != 1)),
            "--control-planes",
        ),
        (
            control_plane.is_some_and(|one| one.service_type.is_some()),
            "--exposure",
        ),
        (control_plane.is_some_and(|one| !one.cert_sans.is_empty()), "--cert-san"),
        (networking.is_some_and(|one| one.pod_cidr.is_some()), "--pod-cidr"),
        (
            networking.is_some_and(|one| one.service_cidr.is_some()),
            "--service-cidr",
        ),
        (
            networking.is_some_and(|one| one.lb_pool_size.is_some()),
            "--lb-pool-size",
        ),
        (os.is_some_and(|os| os.version.is_some()), "--os-version"),
        (os.is_some_and(|os| os.image_ref.is_some()), "--image"),
        (os.is_some_and(|os| os.schematic_id.is_some()), "--schematic-id"),
        // The environment is a label, and has a place of its own.
        (labels > 1, "--label"),
        (infrastructure_override.is_some(), "spec.infrastructureOverride"),
        (management_policy.is_some(), "spec.managementPolicy"),
        (workspaces.is_some(), "spec.workspaces"),
    ];
    let lost = parts.into_iter().filter(|(is_lost, _)| *is_lost);
    lost.map(|(_, name)| name).collect()
}
