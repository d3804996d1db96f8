//! Deployments and their ReplicaSets: new pods first, the old ones go when the new ones can take over.

use serde_json::{Value, json};

use super::kinds::Kind;
use super::memory::Note;
use super::mirror::{Pod, ReplicaSet};
use super::objects::{self, Owner};
use super::pass::{Pass, WorkloadPods};
use super::workload::{create_numbered_pod, write_status};

/// Plans the ReplicaSets of a Deployment, their pods, and the status of all of them.
pub(super) fn plan<'a>(owned: &WorkloadPods<'a>, pass: &mut Pass<'a>) {
    roll_out(owned, pass);
    replica_set_statuses(owned, pass);
    let (ready, updated, wanted) = (owned.count(|pod| pod.ready), owned.updated(), owned.wanted);
    let status = json!({
        "observedGeneration": owned.workload.generation, "replicas": owned.pods.len(), "readyReplicas": ready,
        "availableReplicas": ready, "unavailableReplicas": wanted.saturating_sub(ready), "updatedReplicas": updated,
        "conditions": conditions(ready >= wanted, updated >= wanted),
    });
    write_status(owned, status, pass);
}

fn sets<'a>(owned: &WorkloadPods<'a>, pass: &Pass<'a>) -> impl Iterator<Item = &'a ReplicaSet> + use<'a> {
    let uid = owned.workload.uid.as_str();
    let sets = pass.mirror.replica_sets.values();
    sets.filter(move |set| set.owner == uid)
}

fn roll_out<'a>(owned: &WorkloadPods<'a>, pass: &mut Pass<'a>) {
    let WorkloadPods { workload, pods, .. } = owned;
    let wanted = workload.replicas as usize;
    let Some(current) = sets(owned, pass).find(|set| set.hash == workload.hash) else {
        let set = objects::replica_set(workload);
        pass.plan.create(Kind::ReplicaSet, &workload.namespace, set);
        return;
    };
    if current.replicas != workload.replicas {
        let patch = json!({"spec": {"replicas": workload.replicas}});
        pass.plan
            .patch(Kind::ReplicaSet, &workload.namespace, &current.name, patch);
    }
    let of_current: Vec<&&Pod> = pods.iter().filter(|pod| pod.owner == current.uid).collect();
    let maker = Owner {
        kind: Kind::ReplicaSet,
        name: &current.name,
        uid: &current.uid,
    };
    for _ in of_current.len()..wanted {
        create_numbered_pod(workload, &maker, None, pass);
    }
    for pod in of_current.iter().skip(wanted) {
        pass.plan.delete(Kind::Pod, &pod.namespace, &pod.name);
    }
    // Old pods stay until the new ones can take over.
    if of_current.iter().filter(|pod| pod.ready).count() < wanted {
        return;
    }
    for pod in pods.iter().filter(|pod| pod.owner != current.uid) {
        pass.plan.delete(Kind::Pod, &pod.namespace, &pod.name);
    }
    for set in sets(owned, pass).filter(|set| set.hash != workload.hash && set.replicas > 0) {
        let patch = json!({"spec": {"replicas": 0}});
        pass.plan.patch(Kind::ReplicaSet, &workload.namespace, &set.name, patch);
    }
}

fn replica_set_statuses<'a>(owned: &WorkloadPods<'a>, pass: &mut Pass<'a>) {
    for set in sets(owned, pass) {
        let all = owned.count(|pod| pod.owner == set.uid);
        let ready = owned.count(|pod| pod.owner == set.uid && pod.ready);
        let status = objects::replica_set_status(set, all, ready);
        if pass.memory.statuses.get(&set.uid) != Some(&status) {
            pass.plan
                .status(Kind::ReplicaSet, &owned.workload.namespace, &set.name, &status)
                .note(Note::Status(set.uid.clone(), status));
        }
    }
}

fn conditions(available: bool, updated: bool) -> Value {
    let availability = if available {
        json!({"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
            "message": "Deployment has minimum availability."})
    } else {
        json!({"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable",
            "message": "Deployment does not have minimum availability."})
    };
    let reason = if available && updated {
        "NewReplicaSetAvailable"
    } else {
        "ReplicaSetUpdated"
    };
    json!([availability, {"type": "Progressing", "status": "True", "reason": reason, "message": "ReplicaSet progresses."}])
}
