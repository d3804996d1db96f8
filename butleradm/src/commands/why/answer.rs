//! What `why` answers, for people and for programs.

use butler_lifecycle::runs::why::{Reason, State, Why};
use butler_terminal::{
    Answer, Table,
    style::{Line, Tone},
    table::Cell,
};
use butler_tui::live::words::{self, labelled};
use serde::Serialize;

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
        lines.extend(words::reason(reason));
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
    let (tone, state) = words::state(why.state);
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
