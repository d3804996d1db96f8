//! Machines of Cluster API: each is a simulated machine that joins its cluster by itself.

use std::time::Duration;

use serde_json::{Value, json};

use super::kinds::Kind;
use super::mirror::Key;
use super::objects::EventKind;
use super::pass::{Pass, is_deleting, uid};
use super::{Controller, control_plane};
use crate::values::text;
use crate::world::machine::{MachineOwner, Order};
use crate::world::tenants::{Command, Join, MachineFacts, TenantFacts, provider_id};

/// The finalizer of Cluster API.
const FINALIZER: &str = "machine.cluster.x-k8s.io";

/// How long Cluster API waits for the deletion of a node.
const NODE_DELETION: Duration = Duration::from_secs(10);

/// What the machine is to be: annotations, because no template object of a platform exists here.
pub(super) const CPU: &str = "inmemory.butlerlabs.dev/cpu";
pub(super) const MEMORY: &str = "inmemory.butlerlabs.dev/memory-mb";
pub(super) const DISK: &str = "inmemory.butlerlabs.dev/disk-gb";
pub(super) const SYSTEM: &str = "inmemory.butlerlabs.dev/os";

pub(super) const CONTROLLER: Controller = Controller {
    kind: Kind::Machine,
    decide,
    concerned: |key, _, mirror| match key.kind {
        // Machines wait for the control plane that they join.
        Kind::TenantControlPlane => mirror
            .inside(Kind::Machine, &key.namespace)
            .map(|(key, _)| key.clone())
            .collect(),
        _ => Vec::new(),
    },
};

fn decide(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    let cluster = text(object, "/spec/clusterName");
    let control_plane = control_plane::of_cluster(pass.mirror, &key.namespace, cluster);
    let tenant = control_plane.map(uid);
    let facts = tenant.and_then(|tenant| pass.facts.tenants.get(tenant));
    let machine = facts.and_then(|facts| facts.machines.get(&key.name)).cloned();
    if is_deleting(object) {
        let has_node = facts.is_some_and(|facts| facts.nodes.contains(&key.name));
        leave(key, object, tenant, machine.as_ref(), has_node, pass);
        return;
    }
    if !pass.has_finalizer(key, FINALIZER) {
        return;
    }
    let state = control_plane.map(|object| text(object, "/status/kubernetesResources/version/status"));
    let ready = state.is_some_and(|state| !state.is_empty());
    let (Some(tenant), true) = (tenant, ready) else {
        pass.status(
            key,
            &status(
                "Pending",
                "WaitingForControlPlane",
                "the control plane is not there yet",
                None,
            ),
        );
        return;
    };
    match machine {
        Some(machine) => follow(key, object, &machine, pass),
        None if text(object, "/spec/providerID").is_empty() => order(key, object, tenant, facts, pass),
        None => {
            let message = "the platform has no such machine any more";
            pass.status(key, &status("Failed", "MachineGone", message, None));
        }
    }
}

/// The machine goes, and then its node, which is waited for as long as Cluster API does.
fn leave(
    key: &Key,
    object: &Value,
    tenant: Option<&str>,
    machine: Option<&MachineFacts>,
    has_node: bool,
    pass: &mut Pass<'_>,
) {
    let (Some(tenant), Some(machine)) = (tenant, machine) else {
        if !has_node || pass.elapsed(uid(object), "deletion of its node", NODE_DELETION) {
            pass.drop_finalizer(key, FINALIZER);
        }
        return;
    };
    pass.commands.push(Command::Leave {
        uid: tenant.to_owned(),
        machine: key.name.clone(),
    });
    let node = machine.registered.then_some(object);
    let message = "the platform deletes the machine";
    news(key, object, "Deleting", message, pass);
    pass.status(key, &status("Deleting", "Deleting", message, node));
}

fn order(key: &Key, object: &Value, tenant: &str, facts: Option<&TenantFacts>, pass: &mut Pass<'_>) {
    let number = |name: &str| annotation(object, name).parse().ok();
    let cluster = text(object, "/spec/clusterName");
    let order = Order {
        owner: MachineOwner {
            cluster_id: tenant.to_owned(),
            cluster_name: cluster.to_owned(),
        },
        name: key.name.clone(),
        role: "worker".to_owned(),
        generation: 1,
        idempotency_key: uid(object).to_owned(),
        spec_hash: String::new(),
        cpu: number(CPU).unwrap_or(4),
        memory_mb: annotation(object, MEMORY).parse().unwrap_or(16_384),
        disk_gb: annotation(object, DISK).parse().unwrap_or(100),
        extra_disks: Vec::new(),
        labels: std::collections::BTreeMap::new(),
        join: Some(Join {
            tenant: tenant.to_owned(),
            kubernetes: text(object, "/spec/version").to_owned(),
            system: annotation(object, SYSTEM).to_owned(),
        }),
        hardware: None,
    };
    let refused = facts.and_then(|facts| facts.refused.get(&key.name));
    let status = match refused {
        Some(why) => status("Failed", "CreateError", why, None),
        None => status("Provisioning", "Creating", "the platform makes the machine", None),
    };
    pass.commands.push(Command::Join(Box::new(order)));
    pass.status(key, &status);
    if refused.is_some() {
        pass.again_in(super::RETRY);
    }
}

fn annotation<'a>(object: &'a Value, name: &str) -> &'a str {
    object["metadata"]["annotations"]
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or("")
}

fn follow(key: &Key, object: &Value, machine: &MachineFacts, pass: &mut Pass<'_>) {
    let mut spec = object["spec"].clone();
    spec["providerID"] = provider_id(&machine.id).into();
    pass.spec(key, &spec);
    let mut status = match (machine.registered, machine.ready) {
        (true, true) => status("Running", "Running", "", Some(object)),
        (true, false) => status("Provisioned", "NodeNotReady", "the node is not ready", Some(object)),
        (false, _) => {
            let message = format!("the machine is {} and has no node yet", machine.stage);
            self::status("Provisioned", "WaitingForNode", &message, None)
        }
    };
    if machine.registered && machine.ready {
        news(key, object, "Running", "its node is ready", pass);
    }
    if let Some(address) = machine.address {
        status["addresses"] = json!([
            {"type": "InternalIP", "address": address.to_string()}, {"type": "Hostname", "address": key.name},
        ]);
        status["infrastructureReady"] = true.into();
    }
    pass.status(key, &status);
}

/// Tells people that a machine enters a phase.
fn news(key: &Key, object: &Value, phase: &str, message: &str, pass: &mut Pass<'_>) {
    if text(object, "/status/phase") != phase {
        pass.event(key, EventKind::Normal, phase, message);
    }
}

/// The status of a Machine; with `node` it has a node of its own name.
fn status(phase: &str, reason: &str, message: &str, node: Option<&Value>) -> Value {
    let ready = if phase == "Running" { "True" } else { "False" };
    let mut status = json!({
        "phase": phase, "bootstrapReady": true,
        "conditions": [{"type": "Ready", "status": ready, "reason": reason, "message": message}],
    });
    if let Some(object) = node {
        status["nodeRef"] = json!({"apiVersion": "v1", "kind": "Node", "name": text(object, "/metadata/name")});
    }
    status
}
