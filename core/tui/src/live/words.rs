//! Words about runs that lines and screens share.

use std::time::Duration;

use butler_api::{
    event::{CauseLine, Layer, Usual},
    view::View,
};
use butler_lifecycle::runs::why::{Now, Reason, State};
use butler_terminal::{
    duration,
    style::{Line, Tone},
};
use jiff::Timestamp;

/// Columns of the words in front.
const LABEL: usize = 10;

/// How an operation stands.
pub fn state(state: State) -> (Tone, &'static str) {
    match state {
        State::Running => (Tone::Busy, "running"),
        State::Done => (Tone::Good, "done"),
        State::Failed => (Tone::Bad, "failed"),
        State::Deadline => (Tone::Bad, "its deadline passed"),
        State::Interrupted => (Tone::Busy, "stopped on request"),
        State::Gone => (Tone::Bad, "its process is gone"),
    }
}

/// Why something is not so, from the thing waited for down to the deepest cause, and what to do.
pub fn reason(reason: &Reason) -> Vec<Line> {
    let mut lines = vec![title(reason)];
    lines.push(labelled(
        "step",
        Tone::Plain,
        &format!("{} ({})", reason.step, reason.title),
    ));
    for cause in &reason.chain {
        lines.push(labelled(layer(cause.layer), Tone::Plain, &cause_words(cause)));
    }
    if let Some(cause) = &reason.cause {
        let deepest = reason.chain.last().is_some_and(|last| last.text == *cause);
        if !deepest || reason.chain.len() > 1 {
            lines.push(labelled("cause", Tone::Bad, cause));
        }
    }
    if let Some(seen) = reason.seen_seconds_ago {
        lines.push(labelled("seen", Tone::Faint, &format!("{} ago", span(seen))));
    }
    lines.extend(reason.now.as_ref().map(now));
    let next = match reason.gives_up_in_seconds {
        Some(left) => format!("{}; gives up in {}", reason.next, span(left)),
        None => reason.next.clone(),
    };
    lines.push(labelled("next", Tone::Plain, &next));
    if reason.holds_up > 0 {
        let more = reason.holds_up.saturating_sub(reason.held_up.len());
        let held = reason.held_up.join(", ");
        let held = if more > 0 {
            format!("{held} and {more} more")
        } else {
            held
        };
        lines.push(labelled("holds up", Tone::Plain, &held));
    }
    if let Some(hint) = &reason.hint {
        lines.push(labelled("try", Tone::Hint, hint));
    }
    lines
}

fn now(now: &Now) -> Line {
    let (tone, words) = match now {
        Now::So(evidence) => (Tone::Good, format!("it is so now ({evidence})")),
        Now::Still(cause) => (Tone::Bad, format!("still: {cause}")),
        Now::Unknown(cause) => (Tone::Faint, format!("cannot be asked: {cause}")),
    };
    labelled("now", tone, &words)
}

fn title(reason: &Reason) -> Line {
    let mut line = Line::new().with(Tone::Strong, &reason.waiting_for);
    line.push(Tone::Plain, &format!("  {}", span(reason.seconds)));
    if let Some(seconds) = reason.usual_seconds {
        line.push(Tone::Faint, &format!(", usually {}", usual(seconds)));
    }
    if reason.late {
        line.push(Tone::Bad, ", late");
    }
    line
}

/// How long something usually takes, and who says so.
pub fn usual(usual: Usual) -> String {
    let from = match usual.runs {
        0 => "as shipped".to_owned(),
        1 => "1 run".to_owned(),
        runs => format!("{runs} runs"),
    };
    format!("{} ({from})", span(usual.p50))
}

fn cause_words(cause: &CauseLine) -> String {
    let words = format!("{}: {}", cause.object, cause.text);
    let words = if cause.source.is_empty() {
        words
    } else {
        format!("{words} ({})", cause.source)
    };
    match cause.age_seconds {
        Some(age) => format!("{words}, {} ago", span(age)),
        None => words,
    }
}

fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::Installer => "installer",
        Layer::Object => "object",
        Layer::Pod => "pod",
        Layer::Node => "node",
        Layer::Talos => "talos",
        Layer::Platform => "platform",
        Layer::Console => "console",
        Layer::Network => "network",
    }
}

/// Text behind a word that says what it is.
pub fn labelled(label: &str, tone: Tone, text: &str) -> Line {
    Line::new()
        .with(Tone::Faint, &format!("  {label:LABEL$}"))
        .with(tone, text)
}

/// A span of seconds in words that stay short.
pub fn span(seconds: f64) -> String {
    duration::short(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO))
}

/// What exists of a cluster, so that nobody has to look for it.
pub fn exists(view: &View) -> String {
    let machines = &view.machines;
    let made: Vec<String> = machines
        .iter()
        .filter(|m| m.state != GONE)
        .filter_map(|m| Some(format!("{} ({}, {})", m.name, m.provider_id.as_deref()?, m.state)))
        .collect();
    let gone = machines.iter().filter(|m| m.state == GONE).count();
    match made.len() {
        0 if gone > 0 => format!("none of {} machines exists any more", machines.len()),
        0 => "no machine exists yet".to_owned(),
        n if n > 12 => format!("{n} machines exist; the first is {}", made[0]),
        n => format!("{n} of {} machines exist: {}", machines.len(), made.join(", ")),
    }
}

/// That a run can be continued, and by what.
pub fn again(command: &str) -> String {
    format!("nothing was deleted; `{command}` goes on from here")
}

/// That the process of a run ended without a word.
pub fn gone(cluster: &str, last: Option<Timestamp>) -> String {
    match last {
        Some(last) => format!("the process that worked on {cluster} is gone; its last word is of {last:.0}"),
        None => format!("the process that worked on {cluster} is gone"),
    }
}

/// That somebody does not look at a run any more.
pub fn left(cluster: &str) -> String {
    format!("left; the run on {cluster} goes on")
}

/// The state of a machine that the platform no longer has.
const GONE: &str = "gone";
