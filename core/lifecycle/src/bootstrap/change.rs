//! What of a configuration may still change while a bootstrap is under way. Pure.
//!
//! Every setting is used by certain acts. What an act has used, as the journal tells, stays as it is; everything else may
//! be corrected, and takes back the proofs that no longer hold. After the record was handed over to the management
//! cluster nothing may change but what is only looked at.

mod machines;
mod rules;

use butler_api::config::{Change, difference};
use butler_engine::StepId;
use serde_json::Value;

use crate::bootstrap::{Known, steps};

/// What follows from a changed configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Changes of what was used, each with the step that used it.
    pub refused: Vec<Refused>,
    /// Changes that are taken over.
    pub allowed: Vec<Change>,
    /// Steps whose proofs no longer hold.
    pub again: Vec<StepId>,
    /// Machines of which nothing is known any more.
    pub forget: Vec<String>,
}

/// A change that comes too late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The change, under the setting's name in the file.
    pub change: Change,
    /// The step that has used it.
    pub by: StepId,
}

/// Judges the change from one canonical form to another.
pub fn judge(before: &Value, now: &Value, known: &Known) -> Verdict {
    let state = State { before, known };
    let mut verdict = Verdict::default();
    machines::judge(&state, now, &mut verdict);
    for change in difference(before, now) {
        if machines::judges(before, now, &change.path) {
            continue;
        }
        let by = rules::of(&change.path).used(&state);
        let by = by.or_else(|| machines::moved(&state, &change.path));
        let change = in_file(change, before);
        match by {
            Some(by) => verdict.refused.push(Refused { change, by }),
            None => verdict.allowed.push(change),
        }
    }
    if !verdict.allowed.is_empty() || !verdict.forget.is_empty() {
        verdict.again.push(steps::preflight::id());
    }
    if verdict.allowed.iter().any(|change| change.path == "network.vip") {
        verdict.again.push(steps::endpoint::free_id());
    }
    verdict.again.sort();
    verdict.again.dedup();
    verdict
}

/// A change under the name that its setting has in the file.
fn in_file(change: Change, before: &Value) -> Change {
    let provider = before["provider"].as_str();
    let path = match (provider, change.path.strip_prefix("providerConfig.")) {
        (Some(provider), Some(rest)) => format!("providerConfig.{provider}.{rest}"),
        _ => change.path,
    };
    let path = if path == "providerConfig.proxmox.ca" {
        "providerConfig.proxmox.caFile".to_owned()
    } else {
        path
    };
    let path = ["adminPassword", "jwtSecret"].iter().fold(path, |path, key| {
        path.replace(&format!("addons.console.{key}"), &format!("addons.console.auth.{key}"))
    });
    Change { path, ..change }
}

/// What the configuration was and what has been done with it.
struct State<'a> {
    before: &'a Value,
    known: &'a Known,
}

impl State<'_> {
    /// The step, if something was done with what it uses: it was tried, and not refused.
    fn tried(&self, step: StepId) -> Option<StepId> {
        let known = self.known;
        (known.touched.contains(&step) || known.proven.contains(&step)).then_some(step)
    }

    /// The step, if its effect is there. For acts that replace what a try before left.
    fn done(&self, step: StepId) -> Option<StepId> {
        let known = self.known;
        (known.acted.contains(&step) || known.proven.contains(&step)).then_some(step)
    }

    /// Whether the platform makes the machines.
    fn makes_machines(&self) -> bool {
        self.before["provider"] != "static"
    }

    /// The step that made the machine this cluster's: its order, or where it is there already its configuration.
    fn claimed(&self, machine: &str) -> Option<StepId> {
        let ordered = || self.tried(steps::machine::id(machine));
        let configured = self.tried(steps::configure::id(machine));
        configured.or_else(|| self.makes_machines().then(ordered).flatten())
    }
}

#[cfg(test)]
mod tests;
