//! What `why` answers, for people and for programs.

use std::time::Duration;

use butler_api::event::{CauseLine, Layer, Usual};
use butler_lifecycle::runs::why::{Now, Reason, State, Why};
use butler_terminal::{
    Answer, Table, duration,
    style::{Line, Tone},
    table::Cell,
};
use serde::Serialize;

/// Columns of the words in front.
const LABEL: usize = 10;

/// Waits that people are told at most, the longest first: hundreds of machines may wait at once.
const TOLD: usize = 8;

/// The answer for programs.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Reasons(pub(super) Why);

impl Answer for Reasons {
    fn table(&self) -> Table {
        let mut table = Table::new(&["STEP", "WAITS FOR", "CAUSE"], &[]);
        for reason in &self.0.waits {
            table.row([
                Cell::from(&reason.step),
                Cell::from(&reason.waiting_for),
                Cell::from(reason.cause.as_deref().unwrap_or("-")),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.0.waits.iter().map(|reason| reason.step.clone()).collect()
    }
}

/// The answer for people.
pub(super) fn lines(why: &Why) -> Vec<Line> {
    let mut lines = vec![head(why)];
    if let Some(message) = &why.message {
        lines.push(labelled("ended", Tone::Plain, message));
    }
    if why.waits.is_empty() {
        lines.push(Line::new().with(Tone::Plain, nothing(why.state)));
    }
    // What merely was under way when a step failed holds nothing up.
    let failed = why.state != State::Running && why.waits.iter().any(|reason| reason.failed);
    let (told, beside): (Vec<&Reason>, Vec<&Reason>) = why.waits.iter().partition(|reason| reason.failed || !failed);
    for reason in told.iter().take(TOLD) {
        lines.push(Line::new());
        lines.extend(reason_lines(reason));
    }
    if let Some(more @ 1..) = told.len().checked_sub(TOLD) {
        lines.push(Line::new());
        lines.push(labelled(
            "more",
            Tone::Faint,
            &format!("{more} waits are not shown; -o json has them all"),
        ));
    }
    if !beside.is_empty() {
        let titles: Vec<&str> = beside.iter().map(|reason| reason.title.as_str()).take(TOLD).collect();
        let more = beside.len() - titles.len();
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        lines.push(Line::new());
        lines.push(labelled(
            "beside",
            Tone::Faint,
            &format!("under way when it ended: {}{more}", titles.join(", ")),
        ));
    }
    if !why.warnings.is_empty() {
        lines.push(Line::new());
    }
    for warning in &why.warnings {
        lines.push(labelled("warning", Tone::Busy, warning));
    }
    lines
}

fn head(why: &Why) -> Line {
    let (tone, state) = match why.state {
        State::Running => (Tone::Busy, "running"),
        State::Done => (Tone::Good, "done"),
        State::Failed => (Tone::Bad, "failed"),
        State::Deadline => (Tone::Bad, "its deadline passed"),
        State::Interrupted => (Tone::Busy, "stopped on request"),
        State::Gone => (Tone::Bad, "its process is gone"),
    };
    Line::new()
        .with(Tone::Strong, &why.cluster)
        .with(Tone::Plain, ": ")
        .with(tone, state)
        .with(
            Tone::Plain,
            &format!(", phase {}, {} of {} steps proven", why.phase, why.proven, why.steps),
        )
}

fn nothing(state: State) -> &'static str {
    match state {
        State::Done => "Nothing is waited for: everything is proven.",
        State::Running => "Nothing is waited for at this moment.",
        _ => "Nothing was under way when it ended.",
    }
}

fn reason_lines(reason: &Reason) -> Vec<Line> {
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
    if let Some(usual) = reason.usual_seconds {
        line.push(Tone::Faint, &format!(", usually {}", usual_words(usual)));
    }
    if reason.late {
        line.push(Tone::Bad, ", late");
    }
    line
}

fn usual_words(usual: Usual) -> String {
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

fn labelled(label: &str, tone: Tone, text: &str) -> Line {
    Line::new()
        .with(Tone::Faint, &format!("  {label:LABEL$}"))
        .with(tone, text)
}

fn span(seconds: f64) -> String {
    duration::short(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(number: usize, failed: bool) -> Reason {
        Reason {
            step: format!("machine/demo-worker-{number}/boot"),
            title: format!("wait for Talos on demo-worker-{number}"),
            waiting_for: format!("Talos on demo-worker-{number} to answer"),
            seconds: 7.0,
            chain: Vec::new(),
            cause: None,
            now: None,
            seen_seconds_ago: None,
            usual_seconds: None,
            late: false,
            failed,
            gives_up_in_seconds: None,
            next: String::new(),
            hint: None,
            holds_up: 0,
            held_up: Vec::new(),
        }
    }

    fn told(state: State, failed: usize, waiting: usize) -> String {
        let waits = (0..failed)
            .map(|n| reason(n, true))
            .chain((0..waiting).map(|n| reason(1000 + n, false)));
        let why = Why {
            cluster: "demo".to_owned(),
            state,
            phase: "ProvisioningMachines".to_owned(),
            proven: 1,
            steps: 2,
            message: None,
            waits: waits.collect(),
            warnings: Vec::new(),
        };
        lines(&why).iter().map(|line| line.render(false) + "\n").collect()
    }

    #[test]
    fn hundreds_of_waits_fit_on_a_screen_and_say_where_the_rest_is() {
        let text = told(State::Running, 0, 500);
        assert_eq!(text.matches("to answer").count(), TOLD, "{text}");
        assert!(text.contains("492 waits are not shown; -o json has them all"), "{text}");
        assert!(!told(State::Running, 0, TOLD).contains("not shown"));
        let text = told(State::Failed, 1, 500);
        assert!(
            text.contains("to answer") && text.contains("demo-worker-1007 and 492 more"),
            "{text}"
        );
    }
}
