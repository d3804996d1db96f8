//! What is worth knowing of a run when it is over: how it ended, machines, addons, what failed, what was slow. Pure.

mod markdown;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use butler_api::{
    event::{MachineLine, Outcome, StepLine},
    view::{Interval, Open, StepState, View, since},
};

use super::{
    frame::{outcome_tone, plural},
    plain::outcome_word,
};
use crate::{
    duration,
    style::{Line, Tone},
    table::{Cell, Table},
    text,
};

/// Machines that have a line.
const MACHINES: usize = 50;

/// Failures, open waits and warnings that are told, of each.
const NOTES: usize = 20;

/// Steps that are compared with what is usual.
const SLOWEST: usize = 5;

/// Longest text that is told, in columns; a peer may say more than anybody reads.
const TEXT: usize = 1000;

/// The summary of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Summary {
    cluster: String,
    /// How it ended; none if it ended without saying so.
    outcome: Option<Outcome>,
    blocks: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Block {
    /// Labelled values.
    Facts(Vec<(&'static str, String)>),
    Table {
        title: &'static str,
        columns: &'static [&'static str],
        rows: Vec<Vec<String>>,
        more: usize,
    },
    Notes {
        title: &'static str,
        notes: Vec<Note>,
        more: usize,
    },
}

/// Something that went wrong, or that is to be known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Note {
    /// What it is about.
    head: String,
    /// Id of the step.
    step: Option<String>,
    /// The words of somebody else.
    words: Option<String>,
    hint: Option<String>,
}

impl Summary {
    /// The summary of what happened so far.
    pub(super) fn of(view: &View) -> Self {
        let blocks = [
            Some(facts(view)),
            notes("Failures", failures(view)),
            notes("Not done at the end", unfinished(view)),
            notes("Warnings", warnings(view)),
            machines(&view.machines),
            addons(view),
            slowest(view),
        ];
        Self {
            cluster: view.cluster.clone(),
            outcome: view.finished.as_ref().map(|(outcome, ..)| *outcome),
            blocks: blocks.into_iter().flatten().collect(),
        }
    }

    /// As lines of a log.
    pub(super) fn lines(&self) -> Vec<Line> {
        let tone = self.outcome.map_or(Tone::Bad, outcome_tone);
        let mut lines = vec![
            Line::new()
                .with(Tone::Strong, &self.cluster)
                .with(Tone::Plain, ": ")
                .with(tone, self.ending()),
        ];
        for block in &self.blocks {
            block.lines(&mut lines);
        }
        lines
    }

    fn ending(&self) -> &'static str {
        self.outcome.map_or("ended early", outcome_word)
    }
}

impl Block {
    fn lines(&self, lines: &mut Vec<Line>) {
        let heading = |title: &str| [Line::new(), Line::new().with(Tone::Strong, title)];
        let more = |more: usize| (more > 0).then(|| Line::new().with(Tone::Faint, &format!("and {more} more")));
        match self {
            Self::Facts(facts) => {
                let fields = facts.iter().map(|(label, value)| (*label, value.as_str()));
                lines.extend(Table::fields(fields).lines(false, None));
            }
            Self::Table {
                title,
                columns,
                rows,
                more: rest,
            } => {
                let mut table = Table::new(columns, &[]);
                for row in rows {
                    table.row(row.iter().map(Cell::from));
                }
                lines.extend(heading(title));
                lines.extend(table.lines(false, None));
                lines.extend(more(*rest));
            }
            Self::Notes {
                title,
                notes,
                more: rest,
            } => {
                lines.extend(heading(title));
                lines.extend(notes.iter().flat_map(Note::lines));
                lines.extend(more(*rest));
            }
        }
    }
}

impl Note {
    fn lines(&self) -> Vec<Line> {
        let mut head = Line::new().with(Tone::Plain, &self.head);
        if let Some(step) = &self.step {
            head.push(Tone::Faint, &format!(" ({step})"));
        }
        if let Some(words) = &self.words {
            let separator = if self.head.is_empty() { "" } else { ": " };
            head.push(Tone::Plain, &format!("{separator}{words}"));
        }
        let hint = self.hint.as_ref().map(|hint| {
            Line::new()
                .with(Tone::Hint, "  hint")
                .with(Tone::Plain, &format!(": {hint}"))
        });
        std::iter::once(head).chain(hint).collect()
    }
}

fn facts(view: &View) -> Block {
    let took = view
        .finished
        .as_ref()
        .map_or_else(|| view.elapsed(), |(_, took, _)| *took);
    let mut facts = vec![
        ("time", duration::clock(took)),
        ("steps", format!("{} of {} proven", view.proven(), view.steps)),
    ];
    if let Some((_, _, message)) = &view.finished {
        facts.insert(0, ("result", short(message)));
    }
    if !view.machines.is_empty() {
        let states = counted(view.machines.iter().map(|machine| machine.state.as_str()));
        facts.push(("machines", states));
    }
    if !view.addons.is_empty() {
        facts.push(("addons", counted(view.addons.iter().map(|addon| addon.state.as_str()))));
    }
    let files = view.files.iter().map(|(what, path)| format!("{what} {path}"));
    let files: Vec<String> = files.collect();
    if !files.is_empty() {
        facts.push(("files", short(&files.join(", "))));
    }
    Block::Facts(facts)
}

/// How many there are in which state: `3 ready, 1 failed`.
fn counted<'a>(states: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for state in states {
        *counts.entry(state).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    counts.join(", ")
}

fn failures(view: &View) -> Vec<Note> {
    let note = |failed: &butler_api::view::Failed| Note {
        head: short(&failed.title),
        step: Some(short(&failed.step)),
        words: Some(short(&failed.error)),
        hint: failed.hint.as_deref().map(short),
    };
    view.failed.iter().map(note).collect()
}

/// What was under way when the run ended, unless all is well; what several steps wait for is told once.
fn unfinished(view: &View) -> Vec<Note> {
    let (Some(now), false) = (view.now(), matches!(view.finished, Some((Outcome::Done, ..)))) else {
        return Vec::new();
    };
    let mut told = BTreeSet::new();
    let steps = view.ended.iter().chain(&view.open);
    let new = steps.filter(|(_, open)| told.insert((what(open), open.cause.clone())));
    let note = |(step, open): (&String, &Open)| {
        let began = open.waits_for().map_or(open.started, |(_, began)| began);
        let age = duration::short(since(began, now));
        Note {
            head: short(&format!("{}, for {age}", what(open))),
            step: Some(short(step)),
            words: open.cause.as_deref().map(short),
            hint: open.hint.as_deref().map(short),
        }
    };
    new.map(note).collect()
}

fn what(open: &Open) -> String {
    open.waits_for()
        .map_or_else(|| open.title.clone(), |(what, _)| what.to_owned())
}

fn warnings(view: &View) -> Vec<Note> {
    let note = |(message, hint): &(String, Option<String>)| Note {
        words: Some(short(message)),
        hint: hint.as_deref().map(short),
        ..Note::default()
    };
    view.warnings.iter().map(note).collect()
}

fn notes(title: &'static str, mut notes: Vec<Note>) -> Option<Block> {
    let more = notes.len().saturating_sub(NOTES);
    notes.truncate(NOTES);
    (!notes.is_empty()).then_some(Block::Notes { title, notes, more })
}

/// Those that are not ready come first.
fn machines(machines: &[MachineLine]) -> Option<Block> {
    let mut ordered: Vec<&MachineLine> = machines.iter().collect();
    ordered.sort_by_key(|machine| machine.state == "ready");
    let row = |machine: &&MachineLine| {
        let address = machine.address.as_deref().unwrap_or("");
        [&machine.name, &machine.role, &machine.state, address]
            .map(short)
            .to_vec()
    };
    let rows: Vec<Vec<String>> = ordered.iter().take(MACHINES).map(row).collect();
    (!rows.is_empty()).then_some(Block::Table {
        title: "Machines",
        columns: &["MACHINE", "ROLE", "STATE", "ADDRESS"],
        rows,
        more: machines.len().saturating_sub(MACHINES),
    })
}

/// The addons that are not ready; the others are counted.
fn addons(view: &View) -> Option<Block> {
    let late = view.addons.iter().filter(|addon| addon.state != "ready");
    let rows: Vec<Vec<String>> = late
        .map(|addon| {
            let detail = addon.detail.as_deref().unwrap_or("");
            [&addon.name, &addon.state, detail].map(short).to_vec()
        })
        .collect();
    let more = rows.len().saturating_sub(NOTES);
    (!rows.is_empty()).then(|| Block::Table {
        title: "Addons that are not ready",
        columns: &["ADDON", "STATE", "DETAIL"],
        rows: rows.into_iter().take(NOTES).collect(),
        more,
    })
}

/// The steps that took longest, and how long they usually take.
fn slowest(view: &View) -> Option<Block> {
    let took = |(line, state): (&StepLine, StepState)| match state {
        StepState::Proven(interval) | StepState::Failed(interval) | StepState::Stopped(interval) => {
            (!interval.already).then(|| (line.clone(), interval))
        }
        StepState::Pending | StepState::Earlier | StepState::Open(_) => None,
    };
    let mut steps: Vec<(StepLine, Interval)> = view.graph.iter().filter_map(took).collect();
    steps.sort_by_key(|(_, interval)| std::cmp::Reverse(interval.took()));
    steps.truncate(SLOWEST);
    let row = |(line, interval): &(StepLine, Interval)| {
        vec![
            short(&line.title),
            seconds(interval.took()),
            usually(line, interval.took()),
        ]
    };
    let rows: Vec<Vec<String>> = steps.iter().map(row).collect();
    (!rows.is_empty()).then_some(Block::Table {
        title: "Slowest steps",
        columns: &["STEP", "TOOK", "USUALLY"],
        rows,
        more: 0,
    })
}

/// How long steps of this kind usually take, from how many runs, and whether this one took longer than nearly all.
fn usually(line: &StepLine, took: Duration) -> String {
    let Some(usual) = line.usual_seconds else {
        return String::new();
    };
    // What is no span of time tells nothing.
    let spans = [usual.p50, usual.p95].map(Duration::try_from_secs_f64);
    let [Ok(half), Ok(most)] = spans else {
        return String::new();
    };
    let source = match usual.runs {
        0 => "shipped figures".to_owned(),
        runs => plural(runs, "run"),
    };
    let slow = if took > most { "; slower than usual" } else { "" };
    format!("{}, at most {} ({source}){slow}", seconds(half), seconds(most))
}

/// A span for people who compare: tenths below ten seconds.
fn seconds(span: Duration) -> String {
    if span < Duration::from_secs(10) {
        format!("{:.1}s", span.as_secs_f64())
    } else {
        duration::short(span)
    }
}

/// Text on one line that is safe to show and not endless.
fn short<T: AsRef<str> + ?Sized>(words: &T) -> String {
    text::cut(&text::sanitise_line(words.as_ref()), TEXT)
}
