//! What the clusters of a team take together, and how close that is to its limits.

use butler_api::quantity::Amount;
use butler_api::v1alpha1::Team;
use butler_api::v1alpha1::team::{QuotaStatus, ResourceLimits, ResourceUsage};
use butler_api::v1alpha1::tenant_cluster::WorkerPool;
use butler_api::v1alpha1::wire::Quantity;
use serde::Deserialize as _;

use super::super::kinds::Kind;
use super::super::pass::Pass;
use super::State;

/// From how many percent of a limit on a team is warned.
const WARNING: i128 = 80;

/// What a worker has where its cluster says nothing: the defaults of the definition, which hold only inside of a template.
const CPU: i32 = 4;
const MEMORY: &str = "16Gi";
const DISK: &str = "100Gi";

/// What clusters take.
struct Sum {
    clusters: i32,
    nodes: i32,
    cpu: Amount,
    memory: Amount,
    storage: Amount,
}

/// Writes down what a team uses.
pub(super) fn count(team: &Team, state: &mut State<'_>, pass: &Pass<'_>) {
    let sum = sum(state.name, pass);
    let none = ResourceLimits::default();
    let limits = team.spec.resource_limits.as_ref().unwrap_or(&none);
    let measures = measures(&sum, limits);
    let percent = |which: usize| measures[which].percent().map(|percent| percent.min(100));
    let status = &mut state.status;
    status.cluster_count = Some(sum.clusters);
    status.resource_usage = Some(ResourceUsage {
        clusters: Some(sum.clusters),
        cluster_utilization: percent(0),
        total_nodes: Some(sum.nodes),
        node_utilization: percent(1),
        total_cpu: Some(Quantity(sum.cpu.to_string())),
        cpu_utilization: percent(2),
        total_memory: Some(Quantity(sum.memory.to_string())),
        memory_utilization: percent(3),
        total_storage: Some(Quantity(sum.storage.to_string())),
    });
    let (word, message) = judge(&measures);
    let exceeded = word == QuotaStatus::Exceeded;
    let limited = measures.iter().any(|measure| measure.limit.is_some());
    state.status.quota_status = limited.then_some(word);
    state.status.quota_message.clone_from(&message);
    if limited {
        let reason = if exceeded { "QuotaExceeded" } else { "WithinQuota" };
        let message = message.unwrap_or_else(|| "within its limits".to_owned());
        state.observe("QuotaExceeded", exceeded, reason, &message, pass);
    } else {
        state
            .status
            .conditions
            .retain(|condition| condition.type_ != "QuotaExceeded");
    }
}

fn sum(namespace: &str, pass: &Pass<'_>) -> Sum {
    let mut sum = Sum {
        clusters: 0,
        nodes: 0,
        cpu: Amount::ZERO,
        memory: Amount::ZERO,
        storage: Amount::ZERO,
    };
    for (_, cluster) in pass.mirror.inside(Kind::TenantCluster, namespace) {
        sum.clusters += 1;
        let Ok(workers) = WorkerPool::deserialize(&cluster["spec"]["workers"]) else {
            continue;
        };
        let template = workers.machine_template.as_ref();
        let cpu = template.and_then(|template| template.cpu).unwrap_or(CPU);
        let memory = amount(template.and_then(|template| template.memory.as_ref()), MEMORY);
        let disk = amount(template.and_then(|template| template.disk_size.as_ref()), DISK);
        sum.nodes = sum.nodes.saturating_add(workers.replicas);
        sum.cpu = sum.cpu.plus(Amount::whole(i64::from(cpu)).times(workers.replicas));
        sum.memory = sum.memory.plus(memory.times(workers.replicas));
        sum.storage = sum.storage.plus(disk.times(workers.replicas));
    }
    sum
}

/// The amount that is written, or the usual one. The definition of the kind lets nothing else through.
fn amount(quantity: Option<&Quantity>, usual: &str) -> Amount {
    let written = quantity.and_then(|quantity| Amount::try_from(quantity).ok());
    let written = written.filter(|amount| !amount.is_zero());
    written.or_else(|| Amount::parse(usual).ok()).unwrap_or(Amount::ZERO)
}

/// What is used of something, and the limit of it.
struct Measure {
    what: &'static str,
    used: Amount,
    limit: Option<Amount>,
}

impl Measure {
    fn percent(&self) -> Option<i32> {
        let limit = self.limit?;
        Some(i32::try_from(self.used.percent_of(limit)).unwrap_or(i32::MAX))
    }

    fn is_exceeded(&self) -> bool {
        self.limit.is_some_and(|limit| self.used > limit)
    }

    fn is_close(&self) -> bool {
        self.limit.is_some_and(|limit| self.used.percent_of(limit) >= WARNING)
    }

    fn words(&self) -> String {
        let limit = self.limit.map_or_else(String::new, |limit| limit.to_string());
        format!("{} {} of {limit}", self.what, self.used)
    }
}

/// A limit of nothing is none.
fn measures(sum: &Sum, limits: &ResourceLimits) -> [Measure; 5] {
    let whole = |limit: Option<i32>| limit.map(|limit| Amount::whole(i64::from(limit)));
    let read = |limit: &Option<Quantity>| limit.as_ref().and_then(|limit| Amount::try_from(limit).ok());
    let measure = |what, used, limit: Option<Amount>| Measure {
        what,
        used,
        limit: limit.filter(|limit| !limit.is_zero()),
    };
    [
        measure(
            "clusters",
            Amount::whole(i64::from(sum.clusters)),
            whole(limits.max_clusters),
        ),
        measure(
            "nodes",
            Amount::whole(i64::from(sum.nodes)),
            whole(limits.max_total_nodes),
        ),
        measure("CPU", sum.cpu, read(&limits.max_cpu_cores)),
        measure("memory", sum.memory, read(&limits.max_memory)),
        measure("storage", sum.storage, read(&limits.max_storage)),
    ]
}

/// The worst that there is to say, and of what.
fn judge(measures: &[Measure]) -> (QuotaStatus, Option<String>) {
    let words = |which: fn(&Measure) -> bool| {
        let all: Vec<String> = measures
            .iter()
            .filter(|measure| which(measure))
            .map(Measure::words)
            .collect();
        (!all.is_empty()).then(|| all.join(", "))
    };
    if let Some(words) = words(Measure::is_exceeded) {
        return (QuotaStatus::Exceeded, Some(words));
    }
    match words(Measure::is_close) {
        Some(words) => (QuotaStatus::Warning, Some(words)),
        None => (QuotaStatus::Ok, None),
    }
}
