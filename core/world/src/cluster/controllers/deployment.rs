//! Deployments and their ReplicaSets: new pods first, the old ones go when the new ones can take over.

use k8s_openapi::api::apps::v1::{DeploymentCondition, DeploymentStatus};
use serde_json::json;

use super::kinds::Kind;
use super::memory::Note;
use super::mirror::{Pod, ReplicaSet};
use super::objects::{self, PodOwner, count, value};
use super::pass::{Pass, WorkloadPods};
use super::workload::{create_numbered_pod, write_status};

/// Plans the ReplicaSets of a Deployment, their pods, and the status of all of them.
pub(super) fn plan<'a>(owned: &WorkloadPods<'a>, pass: &mut Pass<'a>) {
    roll_out(owned, pass);
    replica_set_statuses(owned, pass);
    let ready = count(owned.count(|pod| pod.ready));
    let (updated, wanted) = (count(owned.updated()), count(owned.wanted));
    let status = value(DeploymentStatus {
        observed_generation: Some(owned.workload.generation),
        replicas: Some(count(owned.pods.len())),
        ready_replicas: Some(ready),
        available_replicas: Some(ready),
        unavailable_replicas: Some((wanted - ready).max(0)),
        updated_replicas: Some(updated),
        conditions: Some(conditions(ready >= wanted, updated >= wanted)),
        ..DeploymentStatus::default()
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
    let maker = PodOwner {
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

/// The conditions without their times, which they get when they are written.
fn conditions(available: bool, updated: bool) -> Vec<DeploymentCondition> {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| DeploymentCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        ..DeploymentCondition::default()
    };
    let (status, availability, message) = if available {
        (
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    } else {
        (
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        )
    };
    let progress = if available && updated {
        "NewReplicaSetAvailable"
    } else {
        "ReplicaSetUpdated"
    };
    vec![
        condition("Available", status, availability, message),
        condition("Progressing", "True", progress, "ReplicaSet progresses."),
    ]
}
