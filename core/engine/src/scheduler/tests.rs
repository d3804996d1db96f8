use proptest::prelude::*;

use super::*;
use crate::{
    Step,
    operation::tests::{Nothing, nothing},
};

fn id(text: &str) -> StepId {
    StepId::new(text)
}

fn step(name: &str, needs: &[&str]) -> Step<Nothing> {
    nothing(name).after(needs.iter().map(|n| id(n)))
}

fn scheduler(steps: Vec<Step<Nothing>>) -> Scheduler {
    Scheduler::new(&Graph::new(steps).unwrap(), &[], 10)
}

fn retryable(message: &str) -> Failure {
    Failure {
        retryable: true,
        message: message.to_owned(),
        chain: Vec::new(),
        hint: None,
        refused: false,
    }
}

fn refusal(message: &str) -> Failure {
    Failure {
        retryable: false,
        ..retryable(message)
    }
}

#[test]
fn a_step_goes_from_probe_to_act_to_proof_and_then_its_dependant_starts() {
    let mut s = scheduler(vec![step("a", &[]), step("b", &["a"])]);
    assert_eq!(s.start(), [Effect::Begin(id("a")), Effect::Probe(id("a"))]);
    assert_eq!(s.handle(Input::Probed(id("a"), Ok(None))), [Effect::Act(id("a"))]);
    assert_eq!(s.handle(Input::Acted(id("a"), Ok(()))), [Effect::Prove(id("a"))]);
    assert_eq!(
        s.handle(Input::Proved(id("a"), Ok("seen".into()))),
        [
            Effect::Proven {
                step: id("a"),
                evidence: "seen".into(),
                already: false
            },
            Effect::Begin(id("b")),
            Effect::Probe(id("b")),
        ]
    );
    assert_eq!(
        s.handle(Input::Probed(id("b"), Ok(Some("there".into())))),
        [
            Effect::Proven {
                step: id("b"),
                evidence: "there".into(),
                already: true
            },
            Effect::Finish(Outcome::Done),
        ]
    );
}

#[test]
fn a_retryable_failure_pauses_longer_each_time_and_probes_again() {
    let mut s = scheduler(vec![step("a", &[])]);
    s.start();
    let first = s.handle(Input::Probed(id("a"), Err(retryable("refused"))));
    assert_eq!(
        first,
        [Effect::Pause(id("a"), PAUSES.pause(1), 1, retryable("refused"))]
    );
    assert_eq!(s.handle(Input::Due(id("a"))), [Effect::Probe(id("a"))]);
    let second = s.handle(Input::Probed(id("a"), Err(retryable("refused"))));
    assert_eq!(
        second,
        [Effect::Pause(id("a"), PAUSES.pause(2), 2, retryable("refused"))]
    );
}

#[test]
fn a_passed_deadline_ends_only_that_step() {
    let mut s = scheduler(vec![step("a", &[]), step("b", &[]), step("c", &["a"])]);
    s.start();
    let effects = s.handle(Input::Expired(id("a"), retryable("silent")));
    assert_eq!(
        effects,
        [
            Effect::Abort(id("a")),
            Effect::Failed(id("a"), retryable("silent"), true)
        ]
    );
    assert_eq!(
        s.handle(Input::Probed(id("b"), Ok(Some("x".into())))),
        [
            Effect::Proven {
                step: id("b"),
                evidence: "x".into(),
                already: true
            },
            Effect::Finish(Outcome::Deadline),
        ]
    );
}

#[test]
fn a_refusal_lets_acts_in_flight_finish_and_starts_nothing_new() {
    let mut s = scheduler(vec![step("a", &[]), step("b", &[]), step("c", &["b"]), step("d", &[])]);
    s.start();
    s.handle(Input::Probed(id("b"), Ok(None)));
    let effects = s.handle(Input::Probed(id("a"), Err(refusal("forbidden"))));
    assert_eq!(
        effects,
        [
            Effect::Failed(id("a"), refusal("forbidden"), false),
            Effect::Abort(id("d"))
        ]
    );
    assert_eq!(
        s.handle(Input::Acted(id("b"), Ok(()))),
        [Effect::Finish(Outcome::Failed)]
    );
}

#[test]
fn cancelling_waits_for_acts_only() {
    let mut s = scheduler(vec![step("a", &[]), step("b", &[])]);
    s.start();
    s.handle(Input::Probed(id("a"), Ok(None)));
    assert_eq!(s.handle(Input::Cancel), [Effect::Abort(id("b")), Effect::Grace]);
    assert_eq!(
        s.handle(Input::Acted(id("a"), Err(retryable("x")))),
        [Effect::Finish(Outcome::Interrupted)]
    );
    assert_eq!(s.handle(Input::GraceOver), []);
}

#[test]
fn where_nothing_runs_that_could_finish_a_signal_ends_the_run_without_a_grace() {
    let mut s = scheduler(vec![step("a", &[])]);
    s.start();
    s.handle(Input::Probed(id("a"), Err(retryable("refused"))));
    assert_eq!(
        s.handle(Input::Cancel),
        [Effect::Abort(id("a")), Effect::Finish(Outcome::Interrupted)]
    );
}

#[test]
fn an_act_that_outlasts_the_grace_is_cut_off_and_the_run_finishes() {
    for (input, outcome) in [
        (Input::Cancel, Outcome::Interrupted),
        (Input::OutOfTime, Outcome::Deadline),
    ] {
        let mut s = scheduler(vec![step("a", &[]), step("b", &["a"])]);
        s.start();
        s.handle(Input::Probed(id("a"), Ok(None)));
        assert_eq!(s.handle(input), [Effect::Grace]);
        assert_eq!(
            s.handle(Input::GraceOver),
            [Effect::CutOff(id("a")), Effect::Finish(outcome)]
        );
        assert_eq!(s.handle(Input::Acted(id("a"), Ok(()))), []);
    }
}

#[test]
fn acts_that_a_refusal_lets_finish_are_hurried_by_a_signal() {
    let mut s = scheduler(vec![step("a", &[]), step("b", &[])]);
    s.start();
    s.handle(Input::Probed(id("b"), Ok(None)));
    s.handle(Input::Probed(id("a"), Err(refusal("forbidden"))));
    assert_eq!(s.handle(Input::Cancel), [Effect::Grace]);
    assert_eq!(s.handle(Input::OutOfTime), [], "one grace is enough");
    assert_eq!(
        s.handle(Input::GraceOver),
        [Effect::CutOff(id("b")), Effect::Finish(Outcome::Failed)]
    );
}

#[test]
fn nothing_is_cut_off_while_nobody_asked_for_an_end() {
    let mut s = scheduler(vec![step("a", &[])]);
    s.start();
    assert_eq!(s.handle(Input::GraceOver), []);
}

#[test]
fn limited_steps_run_so_many_at_a_time() {
    let steps = (0..5).map(|i| step(&format!("m{i}"), &[]).limited()).collect();
    let mut s = Scheduler::new(&Graph::new(steps).unwrap(), &[], 2);
    let begun = |effects: &[Effect]| effects.iter().filter(|e| matches!(e, Effect::Begin(_))).count();
    assert_eq!(begun(&s.start()), 2);
    assert_eq!(begun(&s.handle(Input::Probed(id("m0"), Ok(Some("x".into()))))), 1);
}

#[test]
fn one_of_several_needs_is_enough_where_the_step_says_so() {
    let any = step("c", &[]).after_any([id("a"), id("b")]);
    let mut s = scheduler(vec![step("a", &[]), step("b", &[]), any]);
    s.start();
    let effects = s.handle(Input::Probed(id("b"), Ok(Some("x".into()))));
    assert!(effects.contains(&Effect::Begin(id("c"))), "{effects:?}");
    let effects = s.handle(Input::Probed(id("a"), Ok(Some("x".into()))));
    assert!(!effects.contains(&Effect::Begin(id("c"))), "{effects:?}");
}

#[test]
fn proven_steps_are_not_started_again() {
    let graph = Graph::new(vec![step("a", &[]), step("b", &["a"])]).unwrap();
    let mut s = Scheduler::new(&graph, &[id("a")], 1);
    assert_eq!(s.start(), [Effect::Begin(id("b")), Effect::Probe(id("b"))]);
}

proptest! {
    /// Whatever the answers and their order, every run finishes exactly once and nothing runs afterwards.
    #[test]
    fn every_run_finishes(answers in proptest::collection::vec((0usize..8, 0u8..6), 0..400)) {
        let steps = vec![
            step("a", &[]), step("b", &["a"]), step("c", &["a"]), step("d", &["b", "c"]),
            step("e", &[]).limited(), step("f", &[]).limited(),
        ];
        let mut s = Scheduler::new(&Graph::new(steps).unwrap(), &[], 1);
        let mut open: Vec<Effect> = s.start();
        let mut finished = 0;
        let runs = |e: &Effect| {
            matches!(e, Effect::Probe(_) | Effect::Act(_) | Effect::Prove(_) | Effect::Pause(..) | Effect::Grace)
        };
        let mut answers = answers.into_iter();
        while let Some(position) = open.iter().position(runs) {
            let (pick, answer) = answers.next().unwrap_or((0, 0));
            let runnable: Vec<usize> = open.iter().enumerate()
                .filter(|(_, e)| runs(e))
                .map(|(i, _)| i).collect();
            let chosen = open.remove(runnable.get(pick % runnable.len()).copied().unwrap_or(position));
            let input = respond(&chosen, answer);
            if input == Input::Cancel {
                // What was asked for still runs; cancelling is no answer to it.
                open.push(chosen);
            }
            let effects = s.handle(input);
            for effect in &effects {
                if let Effect::Abort(gone) | Effect::CutOff(gone) = effect {
                    open.retain(|e| !concerns(e, gone));
                }
                if matches!(effect, Effect::Finish(_)) { finished += 1; }
            }
            open.extend(effects);
        }
        prop_assert_eq!(finished, 1);
    }
}

fn respond(effect: &Effect, answer: u8) -> Input {
    match (effect, answer) {
        (Effect::Probe(s) | Effect::Act(s) | Effect::Prove(s), 5) => Input::Expired(s.clone(), retryable("late")),
        (Effect::Grace, _) => Input::GraceOver,
        (_, 4) => Input::Cancel,
        (Effect::Probe(s), 0 | 3) => Input::Probed(s.clone(), Ok(Some("e".into()))),
        (Effect::Probe(s), 1) => Input::Probed(s.clone(), Ok(None)),
        (Effect::Probe(s), _) => Input::Probed(s.clone(), Err(refusal("no"))),
        (Effect::Act(s), 2) => Input::Acted(s.clone(), Err(retryable("busy"))),
        (Effect::Act(s), _) => Input::Acted(s.clone(), Ok(())),
        (Effect::Prove(s), 2) => Input::Proved(s.clone(), Err(retryable("lost"))),
        (Effect::Prove(s), _) => Input::Proved(s.clone(), Ok("e".into())),
        (Effect::Pause(s, ..), _) => Input::Due(s.clone()),
        (other, _) => unreachable!("{other:?}"),
    }
}

fn concerns(effect: &Effect, step: &StepId) -> bool {
    matches!(effect, Effect::Probe(s) | Effect::Act(s) | Effect::Prove(s) | Effect::Pause(s, ..) if s == step)
}
