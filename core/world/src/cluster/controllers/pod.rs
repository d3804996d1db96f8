//! Pods: where they go, what keeps each from starting, and when it runs.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};

use super::facts::RegisteredNode;
use super::kinds::Kind;
use super::memory::{Note, Readiness};
use super::mirror::{Mirror, Pod, Workload};
use super::pass::{Pass, WorkloadPods};
use super::pod_object::{self, CREATING, Waiting};
use super::workload::spec;
use super::{needs, objects, scheduling, transitions};
use crate::reconcile::plan::Urgency;
use crate::world::critical::{self, earliest};
use crate::world::state::Moment;

/// From when on a pod says that it waits for something that comes by itself: most do not wait that long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a pod does not start.
struct Blocked {
    scheduled: bool,
    reason: String,
    message: String,
}

impl Blocked {
    fn unscheduled(message: String) -> Self {
        Self {
            scheduled: false,
            reason: "Unschedulable".to_owned(),
            message,
        }
    }

    fn waits(message: String) -> Self {
        Self {
            scheduled: true,
            reason: CREATING.to_owned(),
            message,
        }
    }
}

/// Takes the pods of a workload a step further.
pub(super) fn plan<'a>(owned: &WorkloadPods<'a>, pass: &mut Pass<'a>) {
    let open = |pod: &&&'a Pod| !pod.done && !pod.ready;
    if owned.pods.iter().find(open).is_none() {
        return;
    }
    let facts = pass.facts;
    let mut needs = needs::of(&owned.key, &facts.settings.workload_needs);
    let unmet = needs.find(|need| !is_met(pass, need));
    for pod in owned.pods.iter().filter(open) {
        advance(owned, pod, unmet, pass);
    }
}

/// Takes one pod a step further, unless it has to wait for `unmet`.
fn advance<'a>(owned: &WorkloadPods<'a>, pod: &'a Pod, unmet: Option<&str>, pass: &mut Pass<'a>) {
    let now = pass.facts.now;
    let mut blocked = obstacle(pass, owned, pod, unmet);
    if pod.node.is_none() && blocked.as_ref().is_none_or(|blocked| blocked.scheduled) {
        bind(owned, pod, pass);
        return;
    }
    let progress = pass.memory.progress(&pod.uid);
    progress.seen.get_or_insert(now);
    if blocked.is_none() {
        let possible = *progress.possible.get_or_insert(now);
        blocked = fault(&owned.key, possible, pass);
    }
    if blocked.is_none() {
        blocked = start(owned, pod, pass);
    }
    // A pod that only takes its time writes nothing: one write less per pod counts in large clusters.
    if let Some(blocked) = blocked {
        write_waiting(owned.workload, pod, blocked, pass);
    }
}

/// Nothing keeps the pod from starting: it runs when its latency is over, unless its address cannot be had then.
fn start<'a>(owned: &WorkloadPods<'a>, pod: &'a Pod, pass: &mut Pass<'a>) -> Option<Blocked> {
    let latency = latency(pass, &owned.key);
    let known = pass.memory.progress(&pod.uid).start;
    let start = known.unwrap_or_else(|| since(pass, owned, pod));
    pass.memory.progress(&pod.uid).start = Some(start);
    let due = start + latency;
    if pass.facts.now < due {
        pass.plan.wake_at(due);
        return None;
    }
    if let Some(problem) = virtual_address(&owned.key, pass) {
        return Some(problem);
    }
    if pass.plan.room(Urgency::Now) {
        let critical = critical_of(pass, owned, pod).saturating_add(latency);
        pass.memory.progress(&pod.uid).ready = Readiness { critical, at: due };
        write_running(owned.workload, pod, pass);
    }
    None
}

/// Puts an unplaced pod on the node with the fewest pods.
fn bind<'a>(owned: &WorkloadPods<'a>, pod: &Pod, pass: &mut Pass<'a>) {
    let load = |node: &str| pass.loads.get(node).copied().unwrap_or(0);
    let nodes = owned.eligible(pass.mirror).iter().copied();
    if let Some(node) = nodes.min_by_key(|node| load(node)) {
        *pass.loads.entry(node).or_insert(0) += 1;
        let patch = json!({"spec": {"nodeName": node}});
        pass.plan
            .patch(Kind::Pod, &pod.namespace, &pod.name, patch)
            .urgency(Urgency::Now);
    }
}

/// What physically keeps a pod from starting.
fn obstacle<'a>(pass: &Pass<'a>, owned: &WorkloadPods<'a>, pod: &Pod, unmet: Option<&str>) -> Option<Blocked> {
    let mirror = pass.mirror;
    let workload = owned.workload;
    if let Some(claim) = unbound_claim(mirror, workload, pod) {
        let message = format!(
            "0/{} nodes are available: pod has unbound immediate PersistentVolumeClaims ({claim}).",
            mirror.nodes.len()
        );
        return Some(Blocked::unscheduled(message));
    }
    match &pod.node {
        None if owned.eligible(mirror).is_empty() => {
            let demand = owned.demand();
            let nodes = mirror.nodes.values();
            let reasons: Vec<_> = nodes.filter_map(|node| demand.fits(node).err()).collect();
            return Some(Blocked::unscheduled(scheduling::unschedulable(&reasons)));
        }
        Some(name) if !owned.on_host() => {
            let up = mirror
                .nodes
                .get(name)
                .is_some_and(|node| node.ready.as_deref() == Some("True"));
            if !up {
                return Some(Blocked::waits(
                    "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized".to_owned(),
                ));
            }
        }
        _ => {}
    }
    unmet.map(|need| Blocked::waits(format!("waiting for {need}")))
}

fn is_met(pass: &Pass<'_>, need: &str) -> bool {
    match need.strip_prefix("crd:") {
        Some(name) => pass.mirror.definitions.contains(name),
        None => pass.report.is_ready(need),
    }
}

fn unbound_claim(mirror: &Mirror, workload: &Workload, pod: &Pod) -> Option<String> {
    claims(workload, pod).find(|name| {
        let claim = mirror.claims.get(&(pod.namespace.clone(), name.clone()));
        !claim.is_some_and(|claim| claim.bound)
    })
}

/// The names of the claims that a pod uses.
fn claims<'a>(workload: &'a Workload, pod: &'a Pod) -> impl Iterator<Item = String> + 'a {
    let volumes = spec(workload).get("volumes").and_then(Value::as_array);
    let named = volumes
        .into_iter()
        .flatten()
        .filter_map(|volume| {
            volume
                .pointer("/persistentVolumeClaim/claimName")
                .and_then(Value::as_str)
        })
        .map(str::to_owned);
    let own = workload
        .claims
        .iter()
        .map(|template| objects::claim_name(template, &pod.name));
    named.chain(own)
}

/// The fault that the world was told to have here.
fn fault(key: &str, possible: Moment, pass: &mut Pass<'_>) -> Option<Blocked> {
    let fault = pass.facts.settings.faults.workloads.get(key)?;
    let end = fault.lasts.end(possible);
    if pass.facts.now >= end {
        return None;
    }
    pass.plan.wake_at(end);
    let message = fault.message.clone().unwrap_or_else(|| match fault.reason.as_str() {
        "ImagePullBackOff" => "Back-off pulling image: not found".to_owned(),
        "CrashLoopBackOff" => "back-off 10s restarting failed container".to_owned(),
        reason => format!("{reason}, as the world was told"),
    });
    Some(Blocked {
        scheduled: true,
        reason: fault.reason.clone(),
        message,
    })
}

/// The pods that announce the virtual address run only while it can be had.
fn virtual_address(key: &str, pass: &mut Pass<'_>) -> Option<Blocked> {
    if key != needs::VIRTUAL_ADDRESS {
        return None;
    }
    pass.report.announces = true;
    if !pass.facts.vip_needed || pass.facts.vip.bound {
        return None;
    }
    match &pass.facts.vip.problem {
        Some(problem) => Some(Blocked {
            scheduled: true,
            reason: "CrashLoopBackOff".to_owned(),
            message: problem.clone(),
        }),
        None => Some(Blocked::waits("waiting for the virtual address".to_owned())),
    }
}

fn latency(pass: &Pass<'_>, key: &str) -> Duration {
    let latencies = &pass.facts.settings.latencies;
    if needs::is_network(key) && !latencies.workloads.contains_key(key) {
        return latencies.cni.0;
    }
    latencies.workload(key)
}

/// Since when nothing has kept a pod from starting. That is when its causes were there, not when somebody looked: with many
/// pods there is a queue, and its time must not add up.
fn since<'a>(pass: &Pass<'a>, owned: &WorkloadPods<'a>, pod: &Pod) -> Moment {
    let (facts, memory, workload) = (pass.facts, &*pass.memory, owned.workload);
    if let Some(since) = facts.unwatched_since {
        return since;
    }
    if claims(workload, pod).next().is_some() || facts.settings.faults.workloads.contains_key(&owned.key) {
        return facts.now;
    }
    let seen = memory.pods.get(&pod.uid).and_then(|progress| progress.seen);
    let template = memory.templates.get(&workload.uid).map(|(_, since)| *since);
    let placed = if workload.kind == Kind::DaemonSet {
        // Its pods are wanted as soon as the node is there.
        let host = pod.node.as_deref().and_then(|node| pass.hosts.get(node));
        host.zip(template).map(|(host, since)| host.registered_at.max(since))
    } else {
        seen
    };
    let ready_node = || Some(memory.ready_nodes.get(pod.node.as_deref()?)?.at);
    let network = (!owned.on_host()).then(ready_node);
    let needs = needs::of(&owned.key, &facts.settings.workload_needs);
    let needs = needs.map(|need| memory.workloads.get(need).map(|ready| ready.at));
    // What is not known to have been there before has come now.
    let causes = [placed].into_iter().chain(network).chain(needs);
    let latest = causes
        .map(|cause| cause.unwrap_or(facts.now))
        .max()
        .unwrap_or(facts.now);
    let lost = memory.losses.get(&pod.owner).copied();
    let earliest = lost.map_or(memory.busy_since, |lost| lost.max(memory.busy_since));
    latest.max(earliest).min(facts.now)
}

/// The critical time from which a pod could start.
fn critical_of<'a>(pass: &Pass<'a>, owned: &WorkloadPods<'a>, pod: &Pod) -> Duration {
    let (mirror, memory, workload) = (pass.mirror, &*pass.memory, owned.workload);
    let registered = |name: &str| pass.hosts.get(name).map_or(Duration::ZERO, |node| node.registered);
    let on_host = owned.on_host();
    let of_node = |name: &str| match memory.ready_nodes.get(name) {
        Some(ready) if !on_host => ready.critical,
        _ => registered(name),
    };
    let node = match (workload.kind, &pod.node) {
        (Kind::DaemonSet, Some(name)) => of_node(name),
        _ => earliest(owned.eligible(mirror).iter().copied().map(of_node)),
    };
    let mut all = vec![Some(pass.facts.api_critical), Some(node)];
    let needs = needs::of(&owned.key, &pass.facts.settings.workload_needs);
    all.extend(needs.map(|need| memory.critical_of(need)));
    for template in workload.claims.iter() {
        let name = (pod.namespace.clone(), objects::claim_name(template, &pod.name));
        let class = mirror.claims.get(&name).and_then(|claim| claim.class.clone());
        let provisioner = class.and_then(|class| needs::provisioner(&mirror.classes.get(&class)?.provisioner));
        all.extend(provisioner.map(|key| memory.critical_of(key)));
    }
    if workload.kind == Kind::StatefulSet && !workload.parallel {
        let pods = mirror.pods.values();
        let before = pods.filter(|other| other.owner == workload.uid && other.name < pod.name);
        all.extend(before.map(|other| memory.pods.get(&other.uid).map(|progress| progress.ready.critical)));
    }
    critical::latest(&all)
}

/// Writes why a pod waits, unless its status gives that reason already or it has not waited for long.
fn write_waiting(workload: &Workload, pod: &Pod, blocked: Blocked, pass: &mut Pass<'_>) {
    let (now, wall) = (pass.facts.now, pass.facts.wall);
    let Blocked {
        scheduled,
        reason,
        message,
    } = blocked;
    let why = (reason, message);
    let progress = pass.memory.progress(&pod.uid);
    if progress.waiting.as_ref() == Some(&why) {
        return;
    }
    let since = *progress.blocked.get_or_insert(now);
    let (reason, message) = &why;
    if reason == CREATING && now < since + PATIENCE {
        pass.plan.wake_at(since + PATIENCE);
        return;
    }
    if !pass.plan.room(Urgency::Later) {
        return;
    }
    let waiting = Waiting {
        scheduled,
        reason,
        message,
    };
    let mut status = pod_object::waiting_status(&workload.template, &waiting, wall);
    transitions::keep(&mut status, &pod.conditions);
    pass.plan
        .status(Kind::Pod, &pod.namespace, &pod.name, &status)
        .urgency(Urgency::Later)
        .note(Note::Waiting(pod.uid.clone(), why.clone()));
    let event = match reason.as_str() {
        "Unschedulable" => "FailedScheduling",
        CREATING => "FailedMount",
        "ImagePullBackOff" | "ErrImagePull" => "Failed",
        _ => "BackOff",
    };
    pass.complain(Kind::Pod, (&pod.namespace, &pod.name, &pod.uid), event, message);
}

/// Writes that a pod runs, or has done its work.
fn write_running(workload: &Workload, pod: &Pod, pass: &mut Pass<'_>) {
    let host = pod.node.as_deref().and_then(|node| pass.hosts.get(node).copied());
    let Some(host) = host else {
        // The node was lost in this moment.
        return;
    };
    let host_ip = host.facts.ip.to_string();
    let pod_ip = if workload.host_network {
        host_ip.clone()
    } else {
        pod_address(host, pass)
    };
    let done = workload.kind == Kind::Job;
    let mut status = pod_object::running_status(&workload.template, done, &pod_ip, &host_ip, pass.facts.wall);
    transitions::keep(&mut status, &pod.conditions);
    pass.plan
        .status(Kind::Pod, &pod.namespace, &pod.name, &status)
        .urgency(Urgency::Now);
}

/// The next address of a node's part of the pod network.
fn pod_address(host: &RegisteredNode, pass: &mut Pass<'_>) -> String {
    let subnet = pass.facts.config.cluster.pod_subnet.split('/').next();
    let base: Ipv4Addr = subnet
        .and_then(|base| base.parse().ok())
        .unwrap_or(Ipv4Addr::new(10, 244, 0, 0));
    let given = pass.memory.addresses.entry(host.facts.hostname.clone()).or_insert(0);
    let offset = host.part * 256 + 2 + *given % 250;
    *given += 1;
    Ipv4Addr::from(u32::from(base).wrapping_add(offset)).to_string()
}
