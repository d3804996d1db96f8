//! Node objects: made when a kubelet registers, ready when the pod network runs on them.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::facts::RegisteredNode;
use super::kinds::Kind;
use super::memory::{NodeReadiness, Note};
use super::mirror::{Node, Pod};
use super::pass::{Pass, WorkloadPods};
use super::{needs, node_object, pod_object, transitions};
use crate::reconcile::plan::Urgency;
use crate::world::critical::latest;

/// Static pods of a control plane.
const COMPONENTS: &[&str] = &["kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// Makes missing nodes and the mirrors of their static pods, and finds those whose kubelet is gone.
pub(super) fn register(pass: &mut Pass<'_>) {
    let facts = pass.facts;
    for host in &facts.nodes {
        match pass.mirror.nodes.get(&host.facts.hostname) {
            Some(node) => keep(host, node, pass),
            None => create(host, pass),
        }
    }
    let nodes = facts.nodes.iter();
    let alive: BTreeSet<&str> = nodes.map(|host| host.facts.hostname.as_str()).collect();
    let mirror = pass.mirror;
    // A machine of the same name may come.
    let there = |name: &String| alive.contains(name.as_str()) || mirror.nodes.contains_key(name);
    pass.memory.registered.retain(there);
    for (name, node) in &mirror.nodes {
        if node.of_machine {
            pass.report.nodes.insert(name.clone());
        }
        let stays = facts.members.as_ref().is_none_or(|members| members.contains(name));
        if node.of_machine && !stays {
            pass.plan.delete(Kind::Node, "", name).urgency(Urgency::Now);
            continue;
        }
        let known = pass.memory.registered.contains(name) && !alive.contains(name.as_str());
        if known && node.ready.as_deref() != Some("Unknown") {
            let status = node_object::lost_status(facts.wall);
            pass.plan.status(Kind::Node, "", name, &status);
        }
    }
}

/// Deletes pods whose node is gone, as the garbage collector for pods does.
pub(super) fn collect_garbage(pass: &mut Pass<'_>) {
    let mirror = pass.mirror;
    let is_lost = |node: &String| !mirror.nodes.contains_key(node);
    for pod in mirror.pods.values().filter(|pod| !pod.deleting) {
        if pod.node.as_ref().is_some_and(is_lost) {
            pass.plan.delete(Kind::Pod, &pod.namespace, &pod.name);
        }
    }
}

/// A node that was deleted while its machine lives does not come back by itself.
fn create(host: &RegisteredNode, pass: &mut Pass<'_>) {
    let facts = &host.facts;
    if !pass.memory.registered.contains(&facts.hostname) && pass.plan.room(Urgency::Now) {
        let object = facts.object(pass.facts.wall);
        pass.plan.create(Kind::Node, "", object).urgency(Urgency::Now);
    }
}

fn keep(host: &RegisteredNode, node: &Node, pass: &mut Pass<'_>) {
    let facts = &host.facts;
    if !pass.memory.registered.contains(&facts.hostname) {
        pass.memory.registered.insert(facts.hostname.clone());
    }
    if node.ready.is_none() && pass.plan.room(Urgency::Now) {
        let status = facts.status(false, pass.facts.wall);
        pass.plan
            .status(Kind::Node, "", &facts.hostname, &status)
            .urgency(Urgency::Now);
    }
    if host.static_pods {
        static_pods(host, &node.uid, pass);
    }
}

fn static_pods(host: &RegisteredNode, uid: &str, pass: &mut Pass<'_>) {
    let facts = &host.facts;
    for component in COMPONENTS {
        let name = format!("{component}-{}", facts.hostname);
        let object = pod_object::static_pod(component, &facts.hostname, uid, &facts.kubernetes);
        match pass.mirror.pods.get(&("kube-system".to_owned(), name.clone())) {
            None => {
                pass.plan.create(Kind::Pod, "kube-system", object);
            }
            Some(pod) if pod.ready => {}
            Some(_) => {
                let ip = facts.ip.to_string();
                let status = pod_object::running_status(&object, false, &ip, &ip, pass.facts.wall);
                pass.plan.status(Kind::Pod, "kube-system", &name, &status);
            }
        }
    }
}

/// Makes nodes ready where the pod network runs, and unready where it no longer does.
pub(super) fn readiness(workloads: &[WorkloadPods<'_>], pass: &mut Pass<'_>) {
    let networks = workloads.iter().filter(|owned| needs::is_network(&owned.key));
    let running: HashMap<&str, &Pod> = networks
        .flat_map(|owned| owned.pods.iter().copied())
        .filter(|pod| pod.ready)
        .filter_map(|pod| Some((pod.node.as_deref()?, pod)))
        .collect();
    let facts = pass.facts;
    for host in &facts.nodes {
        let name = host.facts.hostname.as_str();
        if let Some(node) = pass.mirror.nodes.get(name) {
            follow_network(host, node, running.get(name).copied(), pass);
        }
    }
}

fn follow_network(host: &RegisteredNode, node: &Node, network: Option<&Pod>, pass: &mut Pass<'_>) {
    let Some(before) = node.ready.as_deref() else {
        return;
    };
    let name = host.facts.hostname.as_str();
    let ready = network.is_some();
    let taints = taints(&node.taints, ready);
    if taints != node.taints && pass.plan.room(Urgency::Soon) {
        let patch = json!({"spec": {"taints": taints}});
        pass.plan.patch(Kind::Node, "", name, patch);
    }
    if ready == (before == "True") || !pass.plan.room(Urgency::Now) {
        return;
    }
    let progress = network.and_then(|pod| pass.memory.pods.get(&pod.uid));
    let of_pod = progress.map(|progress| progress.ready);
    let critical = ready.then(|| latest(&[Some(host.registered), of_pod.map(|ready| ready.critical)]));
    let mut status = host.facts.status(ready, pass.facts.wall);
    transitions::keep(&mut status, &node.conditions);
    pass.plan
        .status(Kind::Node, "", name, &status)
        .urgency(Urgency::Now)
        .note(Note::Node(NodeReadiness {
            id: host.facts.id.clone(),
            name: name.to_owned(),
            ready,
            critical,
            at: of_pod.map_or(pass.facts.now, |ready| ready.at),
        }));
}

/// The taints with or without the one of nodes that are not ready.
fn taints(before: &[Value], ready: bool) -> Vec<Value> {
    let others = before.iter().filter(|taint| taint["key"] != node_object::NOT_READY);
    let mut taints: Vec<Value> = others.cloned().collect();
    if !ready {
        // The others stay as they are, whoever made them.
        taints.push(json!({"key": node_object::NOT_READY, "effect": "NoSchedule"}));
    }
    taints
}
