//! StatefulSets: numbered pods with volumes of their own, one after the other.

use k8s_openapi::api::apps::v1::StatefulSetStatus;

use super::kinds::Kind;
use super::mirror::Workload;
use super::objects::{self, PodOwner, count, value};
use super::pass::{Pass, WorkloadPods};
use super::workload::{create_pod, write_status};

/// Plans the pods of a StatefulSet, their claims, and its status.
pub(super) fn plan<'a>(owned: &WorkloadPods<'a>, pass: &mut Pass<'a>) {
    fill(owned, pass);
    remove_surplus(owned, pass);
    let workload = owned.workload;
    let ready = count(owned.count(|pod| pod.ready));
    let updated = count(owned.updated());
    let revision = format!("{}-{}", workload.name, workload.hash);
    let status = value(StatefulSetStatus {
        observed_generation: Some(workload.generation),
        replicas: count(owned.pods.len()),
        ready_replicas: Some(ready),
        available_replicas: Some(ready),
        current_replicas: Some(updated),
        updated_replicas: Some(updated),
        current_revision: Some(revision.clone()),
        update_revision: Some(revision),
        collision_count: Some(0),
        ..StatefulSetStatus::default()
    });
    write_status(owned, status, pass);
}

fn fill<'a>(owned: &WorkloadPods<'a>, pass: &mut Pass<'a>) {
    let WorkloadPods { workload, pods, .. } = owned;
    for index in 0..workload.replicas {
        let name = format!("{}-{index}", workload.name);
        match pods.iter().find(|pod| pod.name == name) {
            Some(pod) if pod.hash != workload.hash => {
                pass.plan.delete(Kind::Pod, &pod.namespace, &name);
            }
            Some(pod) if !pod.ready && !workload.parallel => return,
            Some(_) => {}
            None => {
                make(workload, &name, pass);
                if !workload.parallel {
                    return;
                }
            }
        }
    }
}

fn make(workload: &Workload, name: &str, pass: &mut Pass<'_>) {
    for template in workload.claims.iter() {
        let claim = (workload.namespace.clone(), objects::claim_name(template, name));
        if !pass.mirror.claims.contains_key(&claim) {
            let claim = objects::claim(workload, template, name);
            pass.plan.create(Kind::Claim, &workload.namespace, claim);
        }
    }
    create_pod(workload, name, &PodOwner::of(workload), None, pass);
}

fn remove_surplus(owned: &WorkloadPods<'_>, pass: &mut Pass<'_>) {
    for pod in &owned.pods {
        let number = pod
            .name
            .rsplit('-')
            .next()
            .and_then(|number| number.parse::<u32>().ok());
        if number.is_none_or(|number| number >= owned.workload.replicas) {
            pass.plan.delete(Kind::Pod, &pod.namespace, &pod.name);
        }
    }
}
