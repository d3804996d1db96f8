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

use butler_api::{
    error::StepError,
    event::{CauseLine, Layer, Level},
};
use butler_engine::Waiting;
use butler_kubernetes::{Unmet, Watched};
use butler_talos::client::{Address, Node, Side, TalosError, health};
use futures::{FutureExt as _, StreamExt as _};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node as KubernetesNode;
use tokio::time::{Instant, sleep, timeout};

use super::{node, platform, wiped};
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
    /// The nodes, where objects of Kubernetes are waited for: then machines are asked only for the nodes that are not ready.
    nodes: Option<&'a Watched<KubernetesNode>>,
    causes: Mutex<Causes>,
}

#[derive(Default)]
struct Causes {
    waiting: String,
    above: Option<String>,
    above_chain: Vec<CauseLine>,
    /// Whether nodes hold it up; only for objects.
    for_nodes: bool,
    below: Option<Named>,
}

/// What a machine says, and how a person can ask it for more.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Named {
    pub(super) told: Told,
    pub(super) hint: Option<String>,
}

/// Words of a machine, in one line and layer by layer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Told {
    /// The deepest cause in one line; empty where what is missing above says it better.
    pub(super) words: String,
    pub(super) chain: Vec<CauseLine>,
}

/// A cause whose age is not known.
pub(super) fn line(
    layer: Layer,
    object: impl Into<String>,
    text: impl Into<String>,
    source: impl Into<String>,
) -> CauseLine {
    CauseLine {
        layer,
        object: object.into(),
        text: text.into(),
        source: source.into(),
        age_seconds: None,
    }
}

impl<'a> Wait<'a> {
    /// Says what is waited for.
    pub(super) fn new(report: &'a Report, waiting: impl Into<String>) -> Self {
        let waiting = waiting.into();
        report.waiting(waiting.clone(), None);
        Self {
            report,
            nodes: None,
            causes: Mutex::new(Causes {
                waiting,
                ..Causes::default()
            }),
        }
    }

    /// A wait for objects of Kubernetes. What it waits for is known when they are looked at.
    pub(super) fn for_objects(report: &'a Report, nodes: &'a Watched<KubernetesNode>) -> Self {
        Self {
            report,
            nodes: Some(nodes),
            causes: Mutex::default(),
        }
    }

    /// Tells what is still missing, if that is known, and the causes known so far.
    pub(super) fn cause(&self, cause: Option<String>, chain: Vec<CauseLine>) {
        self.change(|causes| {
            causes.above = cause;
            causes.above_chain = chain;
        });
    }

    /// Which objects are waited for, and why they are not as they should be.
    pub(super) fn unmet(&self, unmet: Unmet) {
        self.change(|causes| {
            let Unmet {
                what,
                cause,
                chain,
                for_nodes,
            } = unmet;
            causes.waiting = what;
            causes.above = cause;
            causes.above_chain = chain;
            causes.for_nodes = for_nodes;
        });
    }

    /// What was found below.
    pub(super) fn below(&self, below: Option<Named>) {
        self.change(|causes| causes.below = below);
    }

    /// The machines to ask where objects are waited for: some of those whose nodes are not ready.
    pub(super) fn unready(&self) -> Vec<String> {
        let for_nodes = self.lock().for_nodes;
        match self.nodes.filter(|_| for_nodes) {
            Some(nodes) => node::unready(nodes, AT_ONCE),
            None => Vec::new(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Causes> {
        self.causes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Causes)) {
        let mut causes = self.lock();
        change(&mut causes);
        let objects = self.nodes.is_some();
        let below = causes.below.as_ref().filter(|_| !objects || causes.for_nodes);
        let words = below.map(|named| named.told.words.clone());
        let cause = words.filter(|words| !words.is_empty()).or_else(|| causes.above.clone());
        let mut chain = causes.above_chain.clone();
        chain.extend(below.iter().flat_map(|named| named.told.chain.clone()));
        self.report.wait_for(Waiting {
            waiting_for: causes.waiting.clone(),
            cause,
            chain,
            hint: below.and_then(|named| named.hint.clone()),
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
    let counted = settled(context).await;
    loop {
        let names = machines();
        let looks: Vec<_> = names.iter().map(|name| look(context, name, wait).boxed()).collect();
        let found: Vec<_> = futures::stream::iter(looks).buffered(AT_ONCE).collect().await;
        let mut said = Vec::new();
        for (name, state) in names.iter().zip(found) {
            match state {
                Ok(state) => said.push((name.as_str(), state)),
                Err(error) => return error,
            }
        }
        wait.below(named(context, wait, &said));
        counted.pause().await;
    }
}

/// Lets a wait last a while before anybody is asked why. Hundreds of machines that are waited for at once are not all asked
/// at once.
pub(super) async fn settled(context: &Bootstrap) -> Counted<'_> {
    sleep(SETTLED).await;
    let counted = Counted::new(&context.links.below.waits);
    sleep(SHARE.saturating_mul(counted.place())).await;
    counted
}

/// The machine that says most, and what. Of nodes that are not ready the first one is told even if its Talos is well.
fn named(context: &Bootstrap, wait: &Wait<'_>, said: &[(&str, State)]) -> Option<Named> {
    let deepest = deepest(said);
    let Some(nodes) = wait.nodes else {
        let (name, told) = deepest?;
        return Some(Named {
            hint: hint(context, name),
            told,
        });
    };
    let first = || Some((said.first()?.0, Told::default()));
    let (name, mut told) = deepest.or_else(first)?;
    // An object is told in its own words: what lies below is told by the chain.
    told.words.clear();
    told.chain.splice(0..0, node::condition_line(nodes, name));
    Some(Named {
        hint: hint(context, name),
        told,
    })
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
fn deepest<'a>(said: &[(&'a str, State)]) -> Option<(&'a str, Told)> {
    let told = |(name, state): &(&'a str, State)| match state {
        State::Well => None,
        State::Says(told) | State::Silent(told) => Some((
            *name,
            Told {
                words: format!("{name}: {}", told.words),
                chain: told.chain.clone(),
            },
        )),
    };
    let says = |(_, state): &&(&str, State)| matches!(state, State::Says(_));
    let first = said.iter().find(says);
    first.and_then(told).or_else(|| said.iter().find_map(told))
}

/// What a look at a machine finds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    /// Nothing is wrong with it.
    Well,
    /// It says what is wrong.
    Says(Told),
    /// It cannot be asked.
    Silent(Told),
}

impl State {
    /// What is said of a machine as a whole.
    pub(super) fn says(name: &str, words: String) -> Self {
        let chain = vec![line(Layer::Talos, name, words.clone(), "")];
        Self::Says(Told { words, chain })
    }
}

/// The trouble of a node: the state of its service, and the last event of that.
fn trouble_of(name: &str, trouble: &health::Trouble, now: Timestamp) -> Told {
    let object = format!("{name} {}", trouble.object());
    let state = trouble.state().map(|state| match trouble.health() {
        Some(health) => line(Layer::Talos, &object, format!("{state}: {health}"), "health check"),
        None => line(Layer::Talos, &object, state, "state"),
    });
    let (text, when) = trouble.says();
    let source = match trouble {
        health::Trouble::Service { .. } => "event",
        health::Trouble::Unmet(_) => "machine status",
    };
    let last = CauseLine {
        // The clock of the node may be ahead of ours.
        age_seconds: when.map(|when| now.duration_since(when).as_secs_f64().max(0.0)),
        ..line(Layer::Talos, object, text, source)
    };
    Told {
        words: trouble.to_string(),
        chain: state.into_iter().chain([last]).collect(),
    }
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
pub(super) struct Counted<'a> {
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

    /// Until the next look.
    pub(super) async fn pause(&self) {
        let waits = u32::try_from(self.counter.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        sleep(EVERY.max(SHARE.saturating_mul(waits))).await;
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Looks at one machine; several waits share a look.
async fn look(context: &Bootstrap, name: &str, wait: &Wait<'_>) -> Result<State, StepError> {
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
        Asked::Talked(Some(trouble)) => {
            let told = trouble_of(name, &trouble, Timestamp::now());
            log_news(wait.report, name, seen.last.as_ref(), &told);
            State::Says(told)
        }
        Asked::Silent { cause, short } => State::Silent(Told {
            words: format!("its Talos API at {address} does not answer: {cause}"),
            chain: platform::silence(context, name, &address, &short).await,
        }),
        // Only what was configured can have lost it. Who waits for objects leaves it to those who wait for the machine.
        Asked::Blank if context.is_proven(&steps::configure::id(name)) => match wait.nodes {
            Some(_) => return Ok(State::says(name, wiped::found(&address))),
            None => wiped::configure_again(context, name, &mut seen.again, wait.report).await?,
        },
        Asked::Talked(None) | Asked::Blank => State::Well,
    };
    seen.last = Some((Instant::now(), state.clone()));
    Ok(state)
}

/// What a machine complains about is passed on when it is new.
fn log_news(report: &Report, name: &str, last: Option<&(Instant, State)>, told: &Told) {
    if !matches!(last, Some((_, State::Says(known))) if known.words == told.words) {
        report.log(Level::Warning, format!("talos {name}"), &told.words);
    }
}

/// What a machine answers.
enum Asked {
    /// It is ours and says what is wrong, if anything.
    Talked(Option<health::Trouble>),
    /// It waits for a configuration.
    Blank,
    /// There was no answer, for this reason.
    Silent { cause: String, short: String },
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
        Ok(Err(error)) => Asked::Silent {
            cause: error.failure().cause.clone(),
            short: error.in_short(),
        },
        Err(_) => {
            let cause = format!("no answer within {} s", LOOK.as_secs());
            Asked::Silent {
                short: cause.clone(),
                cause,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use butler_talos::client::Service;

    use super::*;

    fn told(words: &str) -> Told {
        Told {
            words: words.to_owned(),
            chain: vec![line(Layer::Talos, "it", words, "")],
        }
    }

    #[test]
    fn a_failure_that_is_named_is_a_deeper_cause_than_a_machine_that_cannot_be_asked() {
        let silent = ("cp-0", State::Silent(told("no answer")));
        let says = ("cp-2", State::Says(told("kubelet: exit code 1 (Running, unhealthy)")));
        let well = ("cp-1", State::Well);
        let words = |said: &[(&'static str, State)]| deepest(said).map(|(name, told)| (name, told.words));
        assert_eq!(
            words(&[silent.clone(), well.clone(), says]),
            Some(("cp-2", "cp-2: kubelet: exit code 1 (Running, unhealthy)".to_owned()))
        );
        assert_eq!(
            words(&[well.clone(), silent]),
            Some(("cp-0", "cp-0: no answer".to_owned()))
        );
        assert_eq!(words(&[well]), None);
    }

    #[test]
    fn a_service_is_told_with_its_state_and_its_last_event() {
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let kubelet = Service {
            id: "kubelet".to_owned(),
            state: "Running".to_owned(),
            healthy: Some(false),
            message: "Started task kubelet".to_owned(),
            complaint: Some("exit code 1".to_owned()),
            health: "connection refused".to_owned(),
            history: Vec::new(),
            changed: None,
            complained: Some(at),
        };
        let trouble = health::trouble(&[kubelet], None).unwrap();
        let chain = trouble_of("w-0", &trouble, at + jiff::SignedDuration::from_secs(9)).chain;
        let words: Vec<_> = chain
            .iter()
            .map(|line| (line.object.as_str(), line.text.as_str(), line.source.as_str()))
            .collect();
        assert_eq!(
            words,
            [
                (
                    "w-0 service kubelet",
                    "Running, unhealthy: connection refused",
                    "health check"
                ),
                ("w-0 service kubelet", "exit code 1", "event"),
            ]
        );
        assert_eq!(chain[1].age_seconds, Some(9.0));
    }
}
