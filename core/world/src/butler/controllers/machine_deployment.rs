//! MachineDeployments: as many machines as they ask for, all of their template. Machines of another template are replaced
//! one by one, each after the new one is ready.

use butler_api::labels;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::kinds::Kind;
use super::mirror::Key;
use super::objects::{metadata, owned_by, value};
use super::pass::{Pass, is_deleting, uid};
use super::{Controller, owner};
use crate::values::{list, text};

/// The label by which a Machine tells of which template it is.
const TEMPLATE: &str = "machine-template-hash";

pub(super) const CONTROLLER: Controller = Controller {
    kind: Kind::MachineDeployment,
    decide,
    concerned: |key, object, _| match key.kind {
        Kind::Machine => owner(Kind::MachineDeployment, object).into_iter().collect(),
        _ => Vec::new(),
    },
};

/// A machine of a deployment.
struct Owned<'a> {
    name: &'a str,
    created: &'a str,
    current: bool,
    ready: bool,
    deleting: bool,
}

fn decide(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    if is_deleting(object) {
        return;
    }
    let template = &object["spec"]["template"]["spec"];
    let hash = hash(template);
    let wanted = usize::try_from(object["spec"]["replicas"].as_u64().unwrap_or(1)).unwrap_or(usize::MAX);
    let mirror = pass.mirror;
    let of_deployment = mirror
        .inside(Kind::Machine, &key.namespace)
        .filter(|(_, machine)| owner(Kind::MachineDeployment, machine).as_ref() == Some(key));
    let machines: Vec<Owned<'_>> = of_deployment.map(|(_, machine)| owned(machine, &hash)).collect();
    for _ in 0..missing(&machines, wanted) {
        create(key, object, &hash, pass);
    }
    for name in surplus(&machines, wanted) {
        pass.gone(Kind::Machine, &key.namespace, &name);
    }
    write_status(key, object, &machines, wanted, pass);
}

fn owned<'a>(machine: &'a Value, hash: &str) -> Owned<'a> {
    Owned {
        name: text(machine, "/metadata/name"),
        created: text(machine, "/metadata/creationTimestamp"),
        current: text(machine, &format!("/metadata/labels/{TEMPLATE}")) == hash,
        ready: text(machine, "/status/phase") == "Running",
        deleting: is_deleting(machine),
    }
}

/// How many machines are to be made now. One more than are wanted may exist while old ones are replaced.
fn missing(machines: &[Owned<'_>], wanted: usize) -> usize {
    let alive = || machines.iter().filter(|machine| !machine.deleting);
    let (current, all) = (alive().filter(|machine| machine.current).count(), alive().count());
    let surge = usize::from(current < all);
    let room = wanted.saturating_add(surge).saturating_sub(all);
    wanted.saturating_sub(current).min(room)
}

/// The machines that are to go now: old ones as soon as a ready one has taken their place, and those that are too many.
fn surplus(machines: &[Owned<'_>], wanted: usize) -> Vec<String> {
    let mut alive: Vec<&Owned<'_>> = machines.iter().filter(|machine| !machine.deleting).collect();
    // The last of them are the ones to keep: those of the template, ready ones, and the oldest.
    alive.sort_by(|a, b| (a.current, a.ready, b.created, b.name).cmp(&(b.current, b.ready, a.created, a.name)));
    let ready = alive.iter().filter(|machine| machine.ready).count();
    let mut spare = ready.saturating_sub(wanted);
    let current = alive.iter().filter(|machine| machine.current).count();
    let mut extra = alive.len().saturating_sub(wanted);
    // A new machine that is not ready yet is no surplus: an old one is to go for it.
    let mut extra_current = current.saturating_sub(wanted);
    let mut gone = Vec::new();
    for machine in alive {
        let may_go = !machine.ready || spare > 0;
        let room = if machine.current {
            &mut extra_current
        } else {
            &mut extra
        };
        if may_go && *room > 0 {
            *room -= 1;
            spare -= usize::from(machine.ready).min(spare);
            gone.push(machine.name.to_owned());
        }
    }
    gone
}

/// A short name for what a machine is made by.
pub(super) fn hash(template: &Value) -> String {
    let digest = Sha256::digest(template.to_string());
    let mut text = format!("{digest:x}");
    text.truncate(10);
    text
}

/// Makes a machine under the first name that none has. A name is as good as any other, and the same one comes out wherever
/// the controller was cut off.
fn create(key: &Key, object: &Value, hash: &str, pass: &mut Pass<'_>) {
    let taken = |pass: &Pass<'_>, name: &str| {
        let planned = pass.changes.iter().any(|change| change.names(name));
        planned || pass.mirror.find(Kind::Machine, &key.namespace, name).is_some()
    };
    let names = (0u32..).map(|number| format!("{}-{}", key.name, suffix(uid(object), hash, number)));
    let Some(name) = names.into_iter().find(|name| !taken(pass, name)) else {
        return;
    };
    pass.ensure(Kind::Machine, &key.namespace, &name, || {
        let mut metadata = metadata(&key.namespace, &name);
        let labels = metadata.labels.get_or_insert_default();
        labels.insert(TEMPLATE.to_owned(), hash.to_owned());
        let cluster = text(object, "/spec/clusterName");
        labels.insert(
            "cluster.x-k8s.io/cluster-name".to_owned(),
            labels::label_value(cluster).to_owned(),
        );
        labels.insert("cluster.x-k8s.io/deployment-name".to_owned(), key.name.clone());
        metadata.annotations = object
            .pointer("/spec/template/metadata/annotations")
            .and_then(|annotations| serde_json::from_value(annotations.clone()).ok());
        metadata.owner_references = Some(vec![owned_by(Kind::MachineDeployment, object)]);
        json!({"metadata": value(&metadata), "spec": object["spec"]["template"]["spec"]})
    });
}

/// The end of a name, in letters that make no words.
fn suffix(uid: &str, hash: &str, number: u32) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let digest = Sha256::digest(format!("{uid}/{hash}/{number}"));
    let letters = digest.iter().take(5);
    letters
        .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
        .collect()
}

fn write_status(key: &Key, object: &Value, machines: &[Owned<'_>], wanted: usize, pass: &mut Pass<'_>) {
    let all = machines.len();
    let count = |which: fn(&Owned<'_>) -> bool| machines.iter().filter(|machine| which(machine)).count();
    let ready = count(|machine| machine.ready && !machine.deleting);
    let updated = count(|machine| machine.current && !machine.deleting);
    let phase = match all.cmp(&wanted) {
        std::cmp::Ordering::Less => "ScalingUp",
        std::cmp::Ordering::Greater => "ScalingDown",
        std::cmp::Ordering::Equal if ready < wanted || updated < wanted => "ScalingUp",
        std::cmp::Ordering::Equal => "Running",
    };
    let status = json!({
        "observedGeneration": object["metadata"]["generation"], "phase": phase,
        "replicas": all, "readyReplicas": ready, "availableReplicas": ready, "updatedReplicas": updated,
        "unavailableReplicas": wanted.saturating_sub(ready),
        "selector": format!("cluster.x-k8s.io/deployment-name={}", key.name),
    });
    pass.status(key, &status);
}

/// The machines of a deployment that its status counts: how many are ready, and their names, ordered.
pub(super) fn ready_nodes(deployment: &Key, pass: &Pass<'_>) -> Vec<String> {
    let machines = pass.mirror.inside(Kind::Machine, &deployment.namespace);
    let of_deployment = machines.filter(|(_, machine)| {
        owner(Kind::MachineDeployment, machine).as_ref() == Some(deployment) && !is_deleting(machine)
    });
    let running = of_deployment.filter(|(_, machine)| text(machine, "/status/phase") == "Running");
    running
        .map(|(_, machine)| text(machine, "/status/nodeRef/name").to_owned())
        .collect()
}

/// Why machines of a deployment do not come, in the words of the first that says so.
pub(super) fn trouble(namespace: &str, pass: &Pass<'_>) -> Option<String> {
    pass.mirror.inside(Kind::Machine, namespace).find_map(|(key, machine)| {
        let conditions = list(machine, "/status/conditions");
        let ready = conditions.iter().find(|condition| condition["type"] == "Ready")?;
        let message = text(ready, "/message");
        (!message.is_empty()).then(|| format!("machine {}: {message}", key.name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(name: &'static str, current: bool, ready: bool) -> Owned<'static> {
        Owned {
            name,
            created: name,
            current,
            ready,
            deleting: false,
        }
    }

    #[test]
    fn a_new_deployment_gets_all_its_machines_at_once_and_loses_the_newest_first() {
        assert_eq!(missing(&[], 3), 3);
        let three = ["a", "b", "c"].map(|name| machine(name, true, true));
        assert_eq!(missing(&three, 3), 0);
        assert_eq!(missing(&three, 5), 2);
        assert_eq!(surplus(&three, 1), ["c", "b"]);
        let late = [machine("a", true, true), machine("b", true, false)];
        assert_eq!(surplus(&late, 1), ["b"], "one that is not ready is missed least");
    }

    #[test]
    fn machines_of_an_old_template_are_replaced_one_by_one_each_after_the_new_one_is_ready() {
        let old = [machine("a", false, true), machine("b", false, true)];
        assert_eq!(missing(&old, 2), 1);
        assert!(surplus(&old, 2).is_empty());
        let surging = [
            machine("a", false, true),
            machine("b", false, true),
            machine("n", true, false),
        ];
        assert_eq!(missing(&surging, 2), 0);
        assert!(surplus(&surging, 2).is_empty(), "the new one is not ready");
        let replaced = [
            machine("a", false, true),
            machine("b", false, true),
            machine("n", true, true),
        ];
        assert_eq!(surplus(&replaced, 2), ["b"]);
        let next = [machine("a", false, true), machine("n", true, true)];
        assert_eq!(missing(&next, 2), 1);
    }

    #[test]
    fn an_old_machine_that_never_got_ready_does_not_block_the_new_template() {
        let broken = [machine("a", false, false), machine("b", false, true)];
        assert_eq!(missing(&broken, 2), 1);
        let surging = [
            machine("a", false, false),
            machine("b", false, true),
            machine("n", true, false),
        ];
        assert_eq!(surplus(&surging, 2), ["a"]);
    }
}
