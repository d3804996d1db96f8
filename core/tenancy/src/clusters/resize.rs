//! Several changes of a cluster at once: workers, their size, the Kubernetes release.

use butler_api::tenants::Release;
use butler_api::v1alpha1::TenantCluster;
use butler_api::v1alpha1::wire::Quantity;
use serde::Serialize;

use super::change::{self, ChangeError, Changed, Writer};
use super::scale::Workers;
use super::upgrade::{self, CannotUpgrade};
use crate::reach::Reach;

/// What is to change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resize {
    /// How many workers.
    pub workers: Option<Workers>,
    /// Processor cores of a worker.
    pub cpu: Option<i32>,
    /// Memory of a worker.
    pub memory: Option<Quantity>,
    /// Disk of a worker.
    pub disk: Option<Quantity>,
    /// The Kubernetes release.
    pub release: Option<Release>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(skip_serializing_if = "Option::is_none")]
    kubernetes_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<Pool>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Pool {
    #[serde(skip_serializing_if = "Option::is_none")]
    replicas: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    machine_template: Option<Template>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Template {
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_size: Option<Quantity>,
}

/// Asks for it.
pub async fn resize(
    reach: &Reach,
    namespace: &str,
    name: &str,
    wanted: &Resize,
    writer: Writer,
) -> Result<Changed, ChangeError<CannotUpgrade>> {
    change::change(reach, namespace, name, writer, |cluster| decide(cluster, name, wanted)).await
}

fn decide(cluster: &TenantCluster, name: &str, wanted: &Resize) -> Result<Option<Spec>, CannotUpgrade> {
    if cluster.metadata.deletion_timestamp.is_some() {
        return Err(CannotUpgrade::Deleting(name.to_owned()));
    }
    let release = match &wanted.release {
        Some(release) if upgrade::changes(cluster, name, release)? => Some(release.to_string()),
        _ => None,
    };
    let pool = &cluster.spec.workers;
    let now = pool.machine_template.as_ref();
    let template = Template {
        cpu: wanted.cpu.filter(|cpu| now.and_then(|now| now.cpu) != Some(*cpu)),
        memory: other(wanted.memory.as_ref(), now.and_then(|now| now.memory.as_ref())),
        disk_size: other(wanted.disk.as_ref(), now.and_then(|now| now.disk_size.as_ref())),
    };
    let replicas = wanted
        .workers
        .map(Workers::get)
        .filter(|replicas| pool.replicas != *replicas);
    let workers = Pool {
        replicas,
        machine_template: (template != Template::default()).then_some(template),
    };
    let spec = Spec {
        kubernetes_version: release,
        workers: (workers != Pool::default()).then_some(workers),
    };
    Ok((spec != Spec::default()).then_some(spec))
}

fn other(wanted: Option<&Quantity>, now: Option<&Quantity>) -> Option<Quantity> {
    wanted.filter(|wanted| now != Some(wanted)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_sent() {
        let cluster: TenantCluster = serde_json::from_str(
            r#"{"apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster", "metadata": {"name": "demo"},
                "spec": {"kubernetesVersion": "v1.32.2", "workers": {"replicas": 2, "machineTemplate": {"cpu": 4}}}}"#,
        )
        .unwrap();
        let sent = |wanted: &Resize| {
            let spec = decide(&cluster, "demo", wanted).unwrap();
            spec.map(|spec| serde_json::to_string(&spec).unwrap())
        };
        let same = Resize {
            workers: Workers::parse("2").ok(),
            cpu: Some(4),
            release: Release::parse("v1.32.2").ok(),
            ..Resize::default()
        };
        assert_eq!(sent(&same), None);
        let other = Resize {
            memory: Some(Quantity::from("16Gi")),
            release: Release::parse("v1.33.4").ok(),
            ..same
        };
        assert_eq!(
            sent(&other).as_deref(),
            Some(r#"{"kubernetesVersion":"v1.33.4","workers":{"machineTemplate":{"memory":"16Gi"}}}"#)
        );
        let down = Resize {
            release: Release::parse("v1.31.0").ok(),
            ..Resize::default()
        };
        assert!(matches!(decide(&cluster, "demo", &down), Err(CannotUpgrade::Skew(_))));
    }
}
