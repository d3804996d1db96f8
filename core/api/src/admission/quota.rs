//! Limits on what a team has together: those of the platform it uses, and its own.
//!
//! Sums are over the namespace of the cluster, and only a new cluster is held against them: otherwise a limit that was lowered
//! would keep clusters that are there from being changed at all.

use super::{Fault, FieldError, Operation, OtherCluster};
use crate::{
    quantity::{Amount, NoQuantity},
    v1alpha1::{
        ProviderConfig, TenantCluster,
        team::ResourceLimits,
        tenant_cluster::{MachineTemplate, WorkerPool},
        wire::Quantity,
    },
};

const WORKERS: &str = "spec.workers";
const REPLICAS: &str = "spec.workers.replicas";

/// What a platform's limits per team say about a new cluster beside the others of its namespace.
pub(super) fn errors_of_provider(
    cluster: &TenantCluster,
    provider: &ProviderConfig,
    others: &[OtherCluster],
) -> Vec<FieldError> {
    let Some(limits) = &provider.spec.limits else {
        return Vec::new();
    };
    let all = Together { cluster, others };
    let name = provider.metadata.name.as_deref().unwrap_or("");
    let mut errors = Vec::new();
    if let Some(most) = limits.max_clusters_per_team
        && all.count() >= i64::from(most)
    {
        let namespace = cluster.metadata.namespace.as_deref().unwrap_or("");
        let detail = format!(
            "team namespace {namespace:?} already has {} cluster(s); ProviderConfig {name:?} limits to {most}",
            all.count()
        );
        errors.push(FieldError::forbidden("spec", detail));
    }
    if let Some(most) = limits.max_nodes_per_team
        && all.nodes() > i64::from(most)
    {
        let detail = format!(
            "total worker replicas ({}) would exceed ProviderConfig {name:?} per-team node limit ({most})",
            all.nodes()
        );
        errors.push(FieldError::forbidden(REPLICAS, detail));
    }
    errors
}

/// What the limits of a team say about a cluster: about a new one with the others of its namespace, about one that is there
/// without.
pub(super) fn errors_of_team(
    team: &str,
    limits: &ResourceLimits,
    cluster: &TenantCluster,
    others: Option<&[OtherCluster]>,
) -> Vec<FieldError> {
    let all = others.map(|others| Together { cluster, others });
    let mut errors = Vec::new();
    if let (Some(all), Some(most)) = (&all, limits.max_clusters)
        && all.count() >= i64::from(most)
    {
        let count = all.count();
        let detail = format!("team {team:?} already has {count} cluster(s); team quota limits to {most}");
        errors.push(FieldError::forbidden("spec", detail));
    }
    if let (Some(all), Some(most)) = (&all, limits.max_total_nodes)
        && all.nodes() > i64::from(most)
    {
        let nodes = all.nodes();
        let detail = format!("total worker nodes ({nodes}) would exceed team {team:?} node quota ({most})");
        errors.push(FieldError::forbidden(REPLICAS, detail));
    }
    let replicas = cluster.spec.workers.replicas;
    if let Some(most) = limits.max_nodes_per_cluster
        && replicas > most
    {
        let detail = format!("worker replicas ({replicas}) exceeds team {team:?} per-cluster node limit ({most})");
        errors.push(FieldError::forbidden(REPLICAS, detail));
    }
    if let Some(all) = &all {
        let cpu: Part = |template| Ok(Amount::whole(template.cpu.map_or(0, i64::from)));
        let quotas = [
            ("CPU", &limits.max_cpu_cores, cpu),
            ("memory", &limits.max_memory, memory),
            ("storage", &limits.max_storage, storage),
        ];
        let wanted = quotas
            .into_iter()
            .filter_map(|(what, most, part)| Some((what, most.as_ref()?, part)));
        errors.extend(wanted.filter_map(|(what, most, part)| all.error_of_sum(team, what, most, part)));
    }
    errors
}

/// What of a team's limits a cluster goes beyond together with the others of its namespace, in words, as far as the rules let it
/// pass: they look at a cluster that names no platform not at all, and at sums only where it is new. The status of the team tells
/// of it later, and the cluster's controller may.
pub fn beyond(
    team: &str,
    limits: &ResourceLimits,
    cluster: &TenantCluster,
    others: &[OtherCluster],
    operation: Operation,
) -> Vec<String> {
    let is_ruled = cluster.spec.provider_config_ref.is_some();
    let mut limits = limits.clone();
    match operation {
        Operation::Create if is_ruled => return Vec::new(),
        Operation::Create => {}
        Operation::Update | Operation::Delete => {
            let name = cluster.metadata.name.as_deref().unwrap_or("");
            let before = others.iter().find(|other| other.metadata.name == name);
            if before.is_some_and(|before| !grows(&before.spec.workers, &cluster.spec.workers)) {
                return Vec::new();
            }
            // It is counted already.
            limits.max_clusters = None;
            limits.max_nodes_per_cluster = limits.max_nodes_per_cluster.filter(|_| !is_ruled);
        }
    }
    let errors = errors_of_team(team, &limits, cluster, Some(others));
    let words = errors.into_iter().map(|error| match error.fault {
        Fault::Forbidden(detail) => detail,
        _ => error.to_string(),
    });
    words.collect()
}

/// Whether there will be more workers, or other ones.
fn grows(before: &WorkerPool, after: &WorkerPool) -> bool {
    after.replicas > before.replicas || after.machine_template != before.machine_template
}

/// What one worker takes of something.
type Part = fn(&MachineTemplate) -> Result<Amount, NoQuantity>;

fn memory(template: &MachineTemplate) -> Result<Amount, NoQuantity> {
    amount(template.memory.as_ref())
}

fn storage(template: &MachineTemplate) -> Result<Amount, NoQuantity> {
    amount(template.disk_size.as_ref())
}

fn amount(quantity: Option<&Quantity>) -> Result<Amount, NoQuantity> {
    quantity.map_or(Ok(Amount::ZERO), Amount::try_from)
}

/// A new cluster and the others of its namespace.
struct Together<'a> {
    cluster: &'a TenantCluster,
    others: &'a [OtherCluster],
}

impl Together<'_> {
    /// The others. A cluster of the same name is no other: the new one cannot be made beside it.
    fn others(&self) -> impl Iterator<Item = &OtherCluster> {
        let name = self.cluster.metadata.name.as_deref().unwrap_or("");
        self.others.iter().filter(move |other| other.metadata.name != name)
    }

    /// How many others there are.
    fn count(&self) -> i64 {
        i64::try_from(self.others().count()).unwrap_or(i64::MAX)
    }

    /// The workers of all of them.
    fn pools(&self) -> impl Iterator<Item = &WorkerPool> {
        let others = self.others().map(|other| &other.spec.workers);
        others.chain([&self.cluster.spec.workers])
    }

    fn nodes(&self) -> i64 {
        self.pools().map(|workers| i64::from(workers.replicas)).sum()
    }

    fn sum(&self, part: Part) -> Result<Amount, NoQuantity> {
        self.pools().try_fold(Amount::ZERO, |sum, workers| {
            let template = workers.machine_template.as_ref();
            let one = template.map_or(Ok(Amount::ZERO), part)?;
            Ok(sum.plus(one.times(workers.replicas)))
        })
    }

    /// A sum above the limit, or one that cannot be made: what cannot be counted is not admitted.
    fn error_of_sum(&self, team: &str, what: &str, most: &Quantity, part: Part) -> Option<FieldError> {
        let sum = Amount::try_from(most).and_then(|most| Ok((self.sum(part)?, most)));
        let detail = match sum {
            Ok((_, most)) if most.is_zero() => return None,
            Ok((total, most)) if total <= most => return None,
            Ok((total, most)) => format!("total {what} ({total}) would exceed team {team:?} {what} quota ({most})"),
            Err(error) => format!("total {what} of team {team:?} cannot be told: {error}"),
        };
        Some(FieldError::forbidden(WORKERS, detail))
    }
}
