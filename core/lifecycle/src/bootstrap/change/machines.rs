//! Machines that come, go or change. They are told apart by name, not by their place on a list.

use std::collections::BTreeMap;

use butler_api::config::Change;
use butler_engine::StepId;
use serde_json::Value;

use super::{Refused, State, Verdict};
use crate::bootstrap::steps;

/// The pools and how their machines are called.
const POOLS: [(&str, &str, &str); 2] = [("controlPlane", "control-plane", "cp"), ("workers", "worker", "worker")];

/// A machine in a canonical form.
struct Machine<'a> {
    /// Place on the list, where there is one.
    at: Option<usize>,
    /// Its entry on the list, where there is one.
    entry: Option<&'a Value>,
}

/// Names of the machines, control planes first.
pub(super) fn names(config: &Value) -> Vec<String> {
    POOLS.iter().flat_map(|(pool, ..)| of_pool(config, pool)).collect()
}

/// Names of the machines of a pool.
pub(super) fn of_pool(config: &Value, pool: &str) -> Vec<String> {
    of(config, pool).into_iter().map(|(name, _)| name).collect()
}

fn of<'a>(config: &'a Value, pool: &str) -> Vec<(String, Machine<'a>)> {
    let Some((_, role, short)) = POOLS.iter().find(|(name, ..)| *name == pool) else {
        return Vec::new();
    };
    // Every canonical form names its cluster; a pool that it leaves out has no machines.
    let cluster = config["cluster"]["name"].as_str().unwrap_or("");
    let replicas = config["cluster"][pool]["replicas"].as_u64().unwrap_or(0);
    let list: &[Value] = config["providerConfig"]["machines"]
        .as_array()
        .map_or(&[], Vec::as_slice);
    let mut listed = list.iter().enumerate().filter(|(_, entry)| entry["role"] == *role);
    (0..replicas)
        .map(|n| {
            let (at, entry) = listed.next().unzip();
            let given = entry.and_then(|entry| entry["name"].as_str()).map(str::to_owned);
            let name = given.unwrap_or_else(|| format!("{cluster}-{short}-{n}"));
            (name, Machine { at, entry })
        })
        .collect()
}

/// Whether the change of this setting is judged here.
pub(super) fn judges(before: &Value, now: &Value, path: &str) -> bool {
    let listed = before["provider"] == "static" && now["provider"] == "static";
    listed && path.starts_with("providerConfig.machines")
}

/// The step that has given a worker its address, where another number of control planes would give it another one.
pub(super) fn moved(state: &State<'_>, path: &str) -> Option<StepId> {
    let counts = ["cluster.controlPlane.replicas", "cluster.topology"].contains(&path);
    let addresses = state.before["network"].get("nodeAddresses");
    addresses.filter(|_| counts)?;
    let mut workers = of_pool(state.before, "workers").into_iter();
    workers.find_map(|name| state.claimed(&name))
}

/// Judges the machines that went, came or are described otherwise.
pub(super) fn judge(state: &State<'_>, now: &Value, verdict: &mut Verdict) {
    let all = |config| -> BTreeMap<String, (usize, Machine<'_>)> {
        let mut order = 0;
        let pools = POOLS.iter().flat_map(move |(pool, ..)| of(config, pool));
        pools
            .map(|(name, machine)| {
                order += 1;
                (name, (order, machine))
            })
            .collect()
    };
    if state.before["provider"] != now["provider"] {
        verdict.forget.extend(names(state.before).into_iter().chain(names(now)));
        verdict
            .again
            .extend(verdict.forget.iter().flat_map(|name| of_machine(name)));
        return;
    }
    let (old, new) = (all(state.before), all(now));
    for (name, (_, machine)) in &old {
        match new.get(name) {
            None => gone(state, name, machine, verdict),
            Some((_, other)) => changed(state, name, machine, other, verdict),
        }
    }
    for (name, (_, machine)) in &new {
        if !old.contains_key(name) {
            came(state, name, machine, verdict);
        }
    }
}

fn of_machine(name: &str) -> [StepId; 2] {
    [steps::machine::id(name), steps::boot::id(name)]
}

/// Nothing of what is known of it holds any more.
fn forget(name: &str, verdict: &mut Verdict) {
    verdict.forget.push(name.to_owned());
    verdict.again.extend(of_machine(name));
}

fn setting(machine: &Machine<'_>, name: &str) -> String {
    match machine.at {
        Some(at) => format!("providerConfig.static.machines[{at}]"),
        None => format!("machine {name}"),
    }
}

fn gone(state: &State<'_>, name: &str, machine: &Machine<'_>, verdict: &mut Verdict) {
    let change = Change {
        path: setting(machine, name),
        old: Some(machine.entry.cloned().unwrap_or_else(|| name.into())),
        new: None,
    };
    let by = state.claimed(name).or_else(|| state.tried(steps::pivot::commit_id()));
    if let Some(by) = by {
        verdict.refused.push(Refused { change, by });
        return;
    }
    forget(name, verdict);
    // For machines that are made, the number of replicas says it.
    verdict.allowed.extend(machine.at.map(|_| change));
}

fn came(state: &State<'_>, name: &str, machine: &Machine<'_>, verdict: &mut Verdict) {
    let Some(entry) = machine.entry else { return };
    let change = Change {
        path: setting(machine, name),
        old: None,
        new: Some(entry.clone()),
    };
    if let Some(by) = state.tried(steps::pivot::commit_id()) {
        verdict.refused.push(Refused { change, by });
        return;
    }
    forget(name, verdict);
    verdict.allowed.push(change);
}

fn changed(state: &State<'_>, name: &str, old: &Machine<'_>, new: &Machine<'_>, verdict: &mut Verdict) {
    let (Some(before), Some(now)) = (old.entry, new.entry) else {
        return;
    };
    for key in ["address", "role", "installDisk", "networkInterface", "fingerprint"] {
        let value = |entry: &Value| Some(entry[key].clone()).filter(|value| !value.is_null());
        let (was, is) = (value(before), value(now));
        if was == is {
            continue;
        }
        let change = Change {
            path: format!("{}.{key}", setting(new, name)),
            old: was,
            new: is,
        };
        if let Some(by) = used(state, name, key) {
            verdict.refused.push(Refused { change, by });
            continue;
        }
        verdict.allowed.push(change);
        if matches!(key, "address" | "role") {
            forget(name, verdict);
        }
    }
}

/// The step that has used this setting of a listed machine.
fn used(state: &State<'_>, name: &str, key: &str) -> Option<StepId> {
    // A fingerprint is only compared.
    if key == "fingerprint" {
        return None;
    }
    let handed_over = state.tried(steps::pivot::commit_id());
    handed_over.or_else(|| state.claimed(name))
}
