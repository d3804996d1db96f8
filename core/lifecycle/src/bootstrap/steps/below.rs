//! What lies below: the nodes' own words while a step waits for something above them.
//!
//! Kubernetes tells nothing of a kubelet that crashes or of an image that cannot be pulled, and nothing of a machine that has
//! lost its disk. A wait that has lasted a while asks the Talos API of the machines it depends on: seldom, at the same time,
//! bounded. What a node says is a deeper cause than what is missing above it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use butler_api::error::StepError;
use butler_engine::Waiting;
use butler_talos::client::{Address, Node, Side, TalosError, health};
use futures::{FutureExt as _, StreamExt as _};
use tokio::time::{Instant, sleep, timeout};

use super::wiped;
use crate::bootstrap::{Bootstrap, Report, steps};

/// A wait shorter than this needs no explanation.
const SETTLED: Duration = Duration::from_secs(4);
/// How often a machine is asked.
const EVERY: Duration = Duration::from_secs(5);
/// With many waits each asks less often: so much time for each machine that is waited for.
const SHARE: Duration = Duration::from_millis(100);
/// How long one look may take.
const LOOK: Duration = Duration::from_secs(4);
/// Machines asked at the same time.
const AT_ONCE: usize = 8;

/// A wait with its causes, above and below.
pub(super) struct Wait<'a> {
    report: &'a Report,
    waiting: String,
    causes: Mutex<Causes>,
}

#[derive(Default)]
struct Causes {
    above: Option<String>,
    below: Option<Named>,
}

/// What a machine says, and how a person can ask it for more.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    words: String,
    hint: Option<String>,
}

impl<'a> Wait<'a> {
    /// Says what is waited for.
    pub(super) fn new(report: &'a Report, waiting: impl Into<String>) -> Self {
        let waiting = waiting.into();
        report.waiting(waiting.clone(), None);
        Self {
            report,
            waiting,
            causes: Mutex::default(),
        }
    }

    /// Tells what is still missing, if that is known.
    pub(super) fn cause(&self, cause: Option<String>) {
        self.change(|causes| causes.above = cause);
    }

    fn below(&self, cause: Option<Named>) {
        self.change(|causes| causes.below = cause);
    }

    fn change(&self, change: impl FnOnce(&mut Causes)) {
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut causes);
        let (cause, hint) = match &causes.below {
            Some(named) => (Some(named.words.clone()), named.hint.clone()),
            None => (causes.above.clone(), None),
        };
        self.report.wait_for(Waiting {
            waiting_for: self.waiting.clone(),
            cause,
            hint,
            ..Waiting::default()
        });
    }
}

/// Waits, and meanwhile looks at the machines that this depends on. A machine for which nothing can be done ends the wait.
pub(super) async fn explained<T>(
    context: &Bootstrap,
    wait: &Wait<'_>,
    machines: impl Fn() -> Vec<String>,
    waited: impl Future<Output = Result<T, StepError>>,
) -> Result<T, StepError> {
    tokio::select! {
        biased;
        done = waited => done,
        error = look_on(context, wait, machines) => Err(error),
    }
}

async fn look_on(context: &Bootstrap, wait: &Wait<'_>, machines: impl Fn() -> Vec<String>) -> StepError {
    sleep(SETTLED).await;
    let counted = Counted::new(&context.links.below.waits);
    // Hundreds of machines that are waited for at once are not all asked at once.
    sleep(SHARE.saturating_mul(counted.place())).await;
    loop {
        let names = machines();
        let looks: Vec<_> = names
            .iter()
            .map(|name| look(context, name, wait.report).boxed())
            .collect();
        let found: Vec<_> = futures::stream::iter(looks).buffered(AT_ONCE).collect().await;
        let mut said = Vec::new();
        for (name, state) in names.iter().zip(found) {
            match state {
                Ok(state) => said.push((name.as_str(), state)),
                Err(error) => return error,
            }
        }
        wait.below(deepest(&said).map(|(name, words)| Named {
            hint: hint(context, name),
            words,
        }));
        let waits = u32::try_from(context.links.below.waits.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        sleep(EVERY.max(SHARE.saturating_mul(waits))).await;
    }
}

/// How a person asks a machine for more.
fn hint(context: &Bootstrap, name: &str) -> Option<String> {
    let address = context.address(name).ok()?;
    let talosctl = format!(
        "talosctl --talosconfig {} --endpoints {host} --nodes {host}",
        context.files.people_talosconfig().display(),
        host = address.host()
    );
    Some(format!("ask the machine: {talosctl} services; {talosctl} dmesg"))
}

/// Of what several machines say: the first that names a failure, else the first that cannot be asked. Which, and its words.
fn deepest<'a>(said: &[(&'a str, State)]) -> Option<(&'a str, String)> {
    let words = |(name, state): &(&'a str, State)| match state {
        State::Well => None,
        State::Says(words) | State::Silent(words) => Some((*name, format!("{name}: {words}"))),
    };
    let says = |(_, state): &&(&str, State)| matches!(state, State::Says(_));
    let first = said.iter().find(says);
    first.and_then(words).or_else(|| said.iter().find_map(words))
}

/// What a look at a machine finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing is wrong with it.
    Well,
    /// It says what is wrong.
    Says(String),
    /// It cannot be asked.
    Silent(String),
}

/// What the looks of a run share.
#[derive(Default)]
pub(crate) struct Below {
    machines: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Seen>>>>,
    waits: AtomicUsize,
}

/// A machine as it was last seen.
#[derive(Default)]
struct Seen {
    last: Option<(Instant, State)>,
    /// How often it got its configuration again in this run.
    again: u32,
}

/// One of the waits that look on.
struct Counted<'a> {
    counter: &'a AtomicUsize,
    before: usize,
}

impl<'a> Counted<'a> {
    fn new(counter: &'a AtomicUsize) -> Self {
        let before = counter.fetch_add(1, Ordering::Relaxed);
        Self { counter, before }
    }

    /// How many there were before it.
    fn place(&self) -> u32 {
        u32::try_from(self.before).unwrap_or(u32::MAX)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Looks at one machine; several waits share a look.
async fn look(context: &Bootstrap, name: &str, report: &Report) -> Result<State, StepError> {
    let seen = {
        let mut machines = context
            .links
            .below
            .machines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(machines.entry(name.to_owned()).or_default())
    };
    let mut seen = seen.lock().await;
    if let Some((when, state)) = &seen.last
        && when.elapsed() < EVERY / 2
    {
        return Ok(state.clone());
    }
    let address = context.address(name)?;
    let state = match ask(context, &address).await? {
        Asked::Talked(trouble) => trouble.map_or(State::Well, State::Says),
        Asked::Silent(cause) => State::Silent(format!("its Talos API at {address} does not answer: {cause}")),
        // Only what was configured can have lost it.
        Asked::Blank if context.is_proven(&steps::configure::id(name)) => {
            wiped::configure_again(context, name, &mut seen.again, report).await?
        }
        Asked::Blank => State::Well,
    };
    seen.last = Some((Instant::now(), state.clone()));
    Ok(state)
}

/// What a machine answers.
enum Asked {
    /// It is ours and says what is wrong, if anything.
    Talked(Option<String>),
    /// It waits for a configuration.
    Blank,
    /// There was no answer, for this reason.
    Silent(String),
}

async fn ask(context: &Bootstrap, address: &Address) -> Result<Asked, StepError> {
    let talos = context.talos().await?;
    let asked = async {
        let node = Node::connect(address, &talos.credentials).await?;
        let (services, status) = futures::join!(node.services(), node.machine_status());
        Ok(health::trouble(&services?, status.ok().as_ref()))
    };
    Ok(match timeout(LOOK, asked).await {
        Ok(Ok(trouble)) => Asked::Talked(trouble),
        Ok(Err(TalosError::WrongSide {
            side: Side::Maintenance,
            ..
        })) => Asked::Blank,
        Ok(Err(error)) => Asked::Silent(error.failure().cause.clone()),
        Err(_) => Asked::Silent(format!("no answer within {} s", LOOK.as_secs())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_is_named_is_a_deeper_cause_than_a_machine_that_cannot_be_asked() {
        let silent = ("cp-0", State::Silent("no answer".to_owned()));
        let says = (
            "cp-2",
            State::Says("kubelet: exit code 1 (Running, unhealthy)".to_owned()),
        );
        let well = ("cp-1", State::Well);
        assert_eq!(
            deepest(&[silent.clone(), well.clone(), says]),
            Some(("cp-2", "cp-2: kubelet: exit code 1 (Running, unhealthy)".to_owned()))
        );
        let silent = deepest(&[well.clone(), silent]);
        assert_eq!(silent, Some(("cp-0", "cp-0: no answer".to_owned())));
        assert_eq!(deepest(&[well]), None);
    }
}
