//! What the platform tells of a machine that does not answer: its own word for the machine, and the end of its console.

use std::time::Duration;

use butler_api::{
    error::StepError,
    event::{CauseLine, Layer},
};
use butler_infra::{Lifecycle, MachineRef, MachineState};
use butler_talos::client::Address;
use tokio::time::timeout;

use super::below::{Named, Told, Wait, line, settled};
use crate::bootstrap::Bootstrap;

/// How long the platform has for its answers.
const LOOK: Duration = Duration::from_secs(3);
/// Lines of a console that are looked through, from its end.
const LINES: usize = 30;

/// Waits for a machine that does not answer yet, and meanwhile asks the platform why.
pub(super) async fn explained<T>(
    context: &Bootstrap,
    wait: &Wait<'_>,
    name: &str,
    waited: impl Future<Output = Result<T, StepError>>,
) -> Result<T, StepError> {
    let look_on = async {
        let counted = settled(context).await;
        loop {
            let platform = ask(context, name).await;
            wait.below(platform.map(|chain| Named {
                told: Told {
                    words: String::new(),
                    chain,
                },
                hint: None,
            }));
            counted.pause().await;
        }
    };
    tokio::select! {
        biased;
        done = waited => done,
        never = look_on => never,
    }
}

/// Why a machine does not answer, by layers: what happened on the way to it, then what the platform tells of it where that
/// tells more.
pub(super) async fn silence(context: &Bootstrap, name: &str, address: &Address, cause: &str) -> Vec<CauseLine> {
    let mut chain = vec![unanswered(name, address, cause)];
    chain.extend(ask(context, name).await.into_iter().flatten());
    chain
}

/// What happened on the way to a machine.
pub(super) fn unanswered(name: &str, address: &Address, cause: &str) -> CauseLine {
    line(Layer::Network, format!("Talos API of {name} at {address}"), cause, "")
}

/// What the platform tells of a machine; none where that is nothing out of the ordinary, or cannot be asked.
async fn ask(context: &Bootstrap, name: &str) -> Option<Vec<CauseLine>> {
    let provider = &context.links.provider;
    let info = provider.info();
    // A machine that is only claimed is nobody's to ask about but its own.
    if !info.capabilities.creates_machines {
        return None;
    }
    let id = context.known().memory.machines.get(name)?.provider_id.clone()?;
    let machine = MachineRef {
        provider: info.kind,
        id,
        name: name.to_owned(),
        generation: 1,
        created: None,
    };
    let state = async { timeout(LOOK, provider.machine_observe(&machine)).await.ok()?.ok() };
    let console = async { timeout(LOOK, provider.console()?.tail(&machine)).await.ok()?.ok() };
    let (state, console) = futures::join!(state, console);
    let complaint = console.as_deref().and_then(complaint);
    let chain = chain(&machine, info.display, state.as_ref(), complaint);
    (!chain.is_empty()).then_some(chain)
}

/// The layers of the platform. A machine that runs is worth a line only where its console complains.
fn chain(
    machine: &MachineRef,
    platform: &str,
    state: Option<&MachineState>,
    complaint: Option<&str>,
) -> Vec<CauseLine> {
    let ordinary = |state: &&MachineState| complaint.is_none() && state.lifecycle == Lifecycle::Running;
    let mut chain = Vec::new();
    if let Some(state) = state.filter(|state| !ordinary(state)) {
        let object = format!("machine {} ({})", machine.name, machine.id);
        let text = match &state.lifecycle {
            Lifecycle::Failed { reason } => format!("{}: {reason}", state.raw_status),
            _ => state.raw_status.clone(),
        };
        chain.push(line(Layer::Platform, object, text, platform));
    }
    chain.extend(complaint.map(|text| line(Layer::Console, format!("console of {}", machine.name), text, "")));
    chain
}

/// The last line of a console that complains, unless a later one says that all is well.
fn complaint(lines: &[String]) -> Option<&str> {
    const WELL: [&str; 5] = [
        "successful",
        "reachable at its address",
        "is ready",
        "is up",
        "configuration accepted",
    ];
    const BAD: [&str; 18] = [
        "fail",
        "error",
        "not found",
        "no such",
        "cannot",
        "unable",
        "panic",
        "waiting",
        "timed out",
        "timeout",
        "lost",
        "halted",
        "refused",
        "denied",
        "no bootable",
        "no space",
        "longer than",
        "not started",
    ];
    let has = |text: &str, signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    for line in lines.iter().rev().take(LINES) {
        let text = without_time(line);
        let lower = text.to_lowercase();
        if has(&lower, &BAD) {
            return Some(text);
        }
        if has(&lower, &WELL) {
            return None;
        }
    }
    None
}

/// A line of a console without the time in brackets before it.
fn without_time(line: &str) -> &str {
    let rest = line.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    rest.map_or(line, |(_, text)| text).trim()
}

#[cfg(test)]
mod tests {
    use butler_api::config::ProviderKind;

    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn the_last_complaint_of_a_console_counts_unless_it_is_over() {
        let booting = [
            "[1.000] machine created",
            "[2.000] boot: no bootable device found, halted",
        ];
        assert_eq!(
            complaint(&lines(&booting)),
            Some("boot: no bootable device found, halted")
        );
        let over = [
            booting[1],
            "[3.000] service[apid](Running): Health check successful",
            "[4.000] joining etcd",
        ];
        assert_eq!(complaint(&lines(&over)), None);
        assert_eq!(complaint(&lines(&["booted"])), None);
    }

    #[test]
    fn a_machine_that_runs_is_told_only_with_what_its_console_complains_about() {
        let machine = MachineRef {
            provider: ProviderKind::InMemory,
            id: "vm-1".to_owned(),
            name: "cp-0".to_owned(),
            generation: 1,
            created: None,
        };
        let state = |lifecycle, raw: &str| MachineState {
            lifecycle,
            addresses: Vec::new(),
            raw_status: raw.to_owned(),
            poll_after: Duration::ZERO,
        };
        let running = state(Lifecycle::Running, "running");
        assert!(chain(&machine, "p", Some(&running), None).is_empty());
        let both = chain(&machine, "p", Some(&running), Some("halted"));
        assert_eq!((both.len(), both[1].layer), (2, Layer::Console));
        let failed = Lifecycle::Failed {
            reason: "no host".to_owned(),
        };
        let failed = chain(&machine, "p", Some(&state(failed, "error")), None);
        assert_eq!(failed[0].text, "error: no host");
        assert!(chain(&machine, "p", None, None).is_empty());
    }
}
