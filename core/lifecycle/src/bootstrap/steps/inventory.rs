//! The machines of earlier runs are still there.

use std::collections::BTreeSet;

use butler_api::{
    config::Deadlines,
    error::{Class, StepError},
};
use butler_engine::{Now, Step, StepId, Verbs};
use butler_infra::{MachineRef, Scope};

use super::preflight::platform_failed;
use crate::bootstrap::{Bootstrap, Looked, Probed, Proof, Proved, Report, phases, steps};

/// Id of the step.
pub(in crate::bootstrap) fn id() -> StepId {
    StepId::new("inventory")
}

/// Looks for the machines that earlier runs made.
pub(in crate::bootstrap) fn step(deadlines: &Deadlines) -> Step<Bootstrap> {
    let title = "look for the machines of earlier runs";
    Step::new(id(), title, phases::PROVISIONING, deadlines.machine, Inventory)
        .after([steps::preflight::id()])
        .volatile()
}

#[derive(Debug)]
struct Inventory;

impl Verbs<Bootstrap> for Inventory {
    fn probe<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Probed<'a> {
        Box::pin(async { inventory(context, report).await.map(Some) })
    }

    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(inventory(context, report))
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Looked<'a> {
        Box::pin(async { Ok(Now::So(inventory(context, report).await?.evidence)) })
    }
}

/// Everything later trusts what earlier runs have proven: a machine that somebody deleted since would be waited for until
/// a deadline, with a cause that does not tell.
pub(super) async fn inventory(context: &Bootstrap, report: &Report) -> Result<Proof, StepError> {
    let made = context.machines_with(steps::machine::id);
    let info = context.links.provider.info();
    if !info.capabilities.creates_machines {
        return Ok(Proof::of(format!("{} machines are others' to keep", made.len())));
    }
    let found = context
        .links
        .provider
        .inventory(Scope::Cluster(&context.settled.owner))
        .await;
    let found = found.map_err(|e| platform_failed("list the machines of this cluster", e))?;
    let found: BTreeSet<String> = found.objects.into_iter().map(|object| object.id).collect();
    let known = context.known().memory.machines.clone();
    let id = |name: &String| known.get(name).and_then(|facts| facts.provider_id.clone());
    let unlisted: Vec<(&String, String)> = made
        .iter()
        .filter_map(|name| Some((name, id(name)?)))
        .filter(|(_, id)| !found.contains(id))
        .collect();
    let mut gone = Vec::new();
    for (name, id) in unlisted {
        // A list may be late: only the platform's answer about this very machine counts.
        if is_gone(context, name, &id).await? {
            gone.push((name, id));
        }
    }
    if gone.is_empty() {
        return Ok(Proof::of(format!("{} machines are there", made.len())));
    }
    for (name, _) in &gone {
        let change = steps::machine_state(&context.view.borrow(), name, "gone");
        if let Some(body) = change {
            report.emit(body);
        }
    }
    let gone: Vec<String> = gone.into_iter().map(|(name, id)| format!("{name} ({id})")).collect();
    let message = format!("the {} no longer has {}", info.display, gone.join(", "));
    let hint = format!(
        "a cluster whose machines are gone cannot go on: `butleradm destroy {}` takes away what is left of it; then begin anew",
        context.settled.config.cluster.name
    );
    Err(StepError::new(Class::Foreign, message).hint(hint))
}

async fn is_gone(context: &Bootstrap, name: &str, id: &str) -> Result<bool, StepError> {
    let machine = MachineRef {
        provider: context.links.provider.info().kind,
        id: id.to_owned(),
        name: name.to_owned(),
        generation: 1,
        created: None,
    };
    let seen = context.links.provider.machine_observe(&machine).await;
    let seen = seen.map_err(|e| platform_failed(&format!("look at machine {name}"), e))?;
    Ok(seen.lifecycle.is_gone())
}
