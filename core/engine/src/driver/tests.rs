use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use butler_api::error::{Class, StepError};
use futures::future::BoxFuture;

use super::*;
use crate::{
    Proof, Verbs, Words,
    journal::{Known, Record, read},
    operation::tests::PHASE,
};

/// A world of yes and no: a step is so once it was acted on.
#[derive(Default)]
struct Switches {
    on: Mutex<BTreeSet<StepId>>,
    acts: AtomicU32,
    silent: Option<StepId>,
    flaky: Option<StepId>,
    refused: Option<StepId>,
    /// The act of this step never returns.
    hangs: Option<StepId>,
}

impl Operation for Switches {
    type Memory = ();
    const WORDS: Words = Words {
        done: "all are on",
        not_done: "some are off",
    };
}

#[derive(Debug)]
struct Switch(StepId);

impl Verbs<Switches> for Switch {
    fn probe<'a>(
        &'a self,
        all: &'a Switches,
        _: &'a Report<Switches>,
    ) -> BoxFuture<'a, Result<Option<Proof<()>>, StepError>> {
        Box::pin(async move { Ok(all.on.lock().unwrap().contains(&self.0).then(|| Proof::of("on"))) })
    }

    fn act<'a>(&'a self, all: &'a Switches, report: &'a Report<Switches>) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(async move {
            let count = all.acts.fetch_add(1, Ordering::SeqCst);
            if all.hangs.as_ref() == Some(&self.0) {
                report.waiting("a peer", Some("it says nothing".into()));
                std::future::pending::<()>().await;
            }
            if all.refused.as_ref() == Some(&self.0) {
                return Err(StepError::new(Class::Permission, "may not").hint("ask"));
            }
            if all.flaky.as_ref() == Some(&self.0) && count == 0 {
                return Err(StepError::new(Class::Retryable, "reset"));
            }
            all.on.lock().unwrap().insert(self.0.clone());
            report.effect("switched on", Vec::new()).await
        })
    }

    fn prove<'a>(
        &'a self,
        all: &'a Switches,
        report: &'a Report<Switches>,
    ) -> BoxFuture<'a, Result<Proof<()>, StepError>> {
        Box::pin(async move {
            if all.silent.as_ref() == Some(&self.0) {
                report.waiting("an answer", Some("connection refused".into()));
                std::future::pending::<()>().await;
            }
            Ok(Proof::of("on"))
        })
    }

    fn shows(&self, moment: Moment<'_>, _: &View) -> Option<Body> {
        let shown = Body::Warning {
            message: format!("{} {moment:?}", self.0),
            hint: None,
        };
        matches!(moment, Moment::Begun | Moment::Waiting(_) | Moment::Proven).then_some(shown)
    }
}

struct Lines(Vec<Body>);

impl Sink for Lines {
    fn emit(&mut self, event: &Event) {
        self.0.push(event.body.clone());
    }

    fn remark(&mut self, _: &str, _: Option<&str>) {}
}

fn id(text: &str) -> StepId {
    StepId::new(text)
}

fn step(name: &str, needs: &[&str], deadline: u64) -> Step<Switches> {
    Step::new(
        id(name),
        "do it",
        PHASE,
        Duration::from_secs(deadline),
        Switch(id(name)),
    )
    .after(needs.iter().copied().map(id))
}

fn steps() -> Vec<Step<Switches>> {
    vec![
        step("first", &[], 30),
        step("m/boot", &["first"], 1).about("m").hint("look at its console"),
        step("last", &["m/boot"], 30),
    ]
}

async fn run(verbs: Switches, cancel: CancellationToken) -> (Ended, Vec<Body>, Known<()>, u32) {
    let (ended, events, records, acts) = run_within(verbs, cancel, None).await;
    (ended, events, Known::of(&records), acts)
}

async fn run_within(
    verbs: Switches,
    cancel: CancellationToken,
    deadline: Option<Duration>,
) -> (Ended, Vec<Body>, Vec<Record<()>>, u32) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.ndjson");
    let journal = Journal::open(&path, Uuid::nil(), 0, 0, Known::default(), None).unwrap();
    let mut sink = Lines(Vec::new());
    let (view, _) = watch::channel(View::default());
    let verbs = Arc::new(verbs);
    let run = Run {
        usual: BTreeMap::new(),
        id: Uuid::nil(),
        cluster: "demo".into(),
        proven: Vec::new(),
        limit: 10,
        opening: Vec::new(),
        deadline,
        grace: Duration::from_millis(200),
        cancel,
    };
    let ended = drive(
        Arc::clone(&verbs),
        Graph::new(steps()).unwrap(),
        journal,
        &mut sink,
        view,
        run,
    )
    .await
    .unwrap();
    let (records, _) = read(&path).unwrap();
    (ended, sink.0, records, verbs.acts.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_run_ends_with_every_step_proven_in_the_journal() {
    let (ended, events, known, acts) = run(Switches::default(), CancellationToken::new()).await;
    assert_eq!((ended.outcome, acts), (Outcome::Done, 3));
    assert_eq!(known.proven.len(), 3);
    assert_eq!(known.last_outcome, Some(Outcome::Done));
    assert!(matches!(
        events.last(),
        Some(Body::RunFinished {
            outcome: Outcome::Done,
            ..
        })
    ));
}

#[tokio::test]
async fn every_effect_that_a_step_reports_stands_between_its_intent_and_its_proof() {
    let (_, _, records, _) = run_within(Switches::default(), CancellationToken::new(), None).await;
    let kinds = records.iter().filter_map(|record| match &record.entry {
        Entry::Intent { step, .. } => Some(format!("intent {step}")),
        Entry::Effect { step, what, .. } => Some(format!("{what} {step}")),
        Entry::Proof { step, .. } => Some(format!("proof {step}")),
        _ => None,
    });
    let wanted = ["first", "m/boot", "last"].map(|step| {
        [
            format!("intent {step}"),
            format!("switched on {step}"),
            format!("do it {step}"),
            format!("proof {step}"),
        ]
    });
    assert_eq!(kinds.collect::<Vec<_>>(), wanted.concat());
}

#[tokio::test]
async fn people_are_told_of_a_phase_once_and_of_what_steps_show_at_their_moments() {
    let (_, events, ..) = run(Switches::default(), CancellationToken::new()).await;
    let phases = events.iter().filter(|e| matches!(e, Body::PhaseChanged { .. }));
    assert_eq!(phases.count(), 1, "{events:?}");
    let shown = |events: &[Body]| -> Vec<String> {
        let messages = events.iter().filter_map(|event| match event {
            Body::Warning { message, .. } => Some(message.clone()),
            _ => None,
        });
        messages.collect()
    };
    let moments = ["first", "m/boot", "last"].map(|step| [format!("{step} Begun"), format!("{step} Proven")]);
    assert_eq!(shown(&events), moments.concat());
    let verbs = Switches {
        silent: Some(id("m/boot")),
        ..Switches::default()
    };
    let (_, events, ..) = run(verbs, CancellationToken::new()).await;
    let last = shown(&events).pop();
    assert_eq!(last.as_deref(), Some("m/boot Waiting(\"connection refused\")"));
}

#[tokio::test]
async fn a_retryable_failure_is_tried_again() {
    let verbs = Switches {
        flaky: Some(id("first")),
        ..Switches::default()
    };
    let (ended, events, _, acts) = run(verbs, CancellationToken::new()).await;
    assert_eq!((ended.outcome, acts), (Outcome::Done, 4));
    assert!(
        events.iter().any(|e| matches!(e, Body::StepRetried { attempt: 1, .. })),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_deadline_names_machine_wait_and_cause() {
    let verbs = Switches {
        silent: Some(id("m/boot")),
        ..Switches::default()
    };
    let (ended, _, known, _) = run(verbs, CancellationToken::new()).await;
    assert_eq!(ended.outcome, Outcome::Deadline);
    let failed = &ended.failures[0];
    assert_eq!(failed.about.as_deref(), Some("m"));
    assert_eq!(
        failed.failure.message,
        "not done within 1 s: waited for an answer; last cause: connection refused"
    );
    assert!(failed.failure.hint.as_deref().is_some_and(|h| h.contains("console")));
    assert_eq!(known.last_outcome, Some(Outcome::Deadline));
}

#[tokio::test]
async fn a_refusal_ends_the_run_with_the_peers_words() {
    let verbs = Switches {
        refused: Some(id("m/boot")),
        ..Switches::default()
    };
    let (ended, ..) = run(verbs, CancellationToken::new()).await;
    assert_eq!(ended.outcome, Outcome::Failed);
    assert_eq!(ended.failures[0].failure.message, "may not");
    assert_eq!(ended.failures[0].failure.hint.as_deref(), Some("ask"));
}

#[tokio::test]
async fn cancelling_is_an_outcome_of_its_own() {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let (ended, _, known, _) = run(Switches::default(), cancel).await;
    assert_eq!(ended.outcome, Outcome::Interrupted);
    assert_eq!(known.last_outcome, Some(Outcome::Interrupted));
}

async fn hanging(cancel: CancellationToken, deadline: Option<Duration>) -> (Ended, Vec<Body>, Known<()>) {
    let verbs = Switches {
        hangs: Some(id("first")),
        ..Switches::default()
    };
    let (ended, events, records, _) = run_within(verbs, cancel, deadline).await;
    assert!(ended.took < Duration::from_secs(20), "the step's own deadline ended it");
    (ended, events, Known::of(&records))
}

#[tokio::test]
async fn an_act_that_hangs_is_cut_off_after_the_grace() {
    let (ended, events, known) = hanging(CancellationToken::new(), Some(Duration::from_millis(100))).await;
    assert_eq!(ended.outcome, Outcome::Deadline);
    let [words] = &ended.unfinished[..] else {
        panic!("{:?}", ended.unfinished);
    };
    assert!(
        words.contains("for a peer (step first), then cut off; last cause: it says nothing"),
        "{words}"
    );
    let [
        ..,
        Body::StepFailed {
            step, deadline: true, ..
        },
        Body::RunFinished { .. },
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!(step, "first");
    assert!(known.touched.contains(&id("first")), "the intent stands");
    assert!(!known.proven.contains(&id("first")));
    assert_eq!(known.last_outcome, Some(Outcome::Deadline));
}

#[tokio::test]
async fn a_signal_cuts_off_an_act_that_hangs_as_well() {
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.cancel();
    });
    let (ended, _, known) = hanging(cancel, None).await;
    assert_eq!(ended.outcome, Outcome::Interrupted);
    assert!(ended.unfinished[0].contains("then cut off"), "{:?}", ended.unfinished);
    assert_eq!(known.last_outcome, Some(Outcome::Interrupted));
}
