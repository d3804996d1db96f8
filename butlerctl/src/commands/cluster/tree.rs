//! The tree of a cluster as lines.

use butler_tenancy::clusters::describe::tree::{Part, State, Subject};
use butler_terminal::style::{Line, Tone};

/// The lines of a tree.
pub(super) fn lines(tree: &Part) -> Vec<Line> {
    let mut lines = Vec::new();
    push(tree, "", "", &mut lines);
    lines
}

/// A part behind `first`, and everything below it behind `rest`.
fn push(part: &Part, first: &str, rest: &str, lines: &mut Vec<Line>) {
    lines.push(line(part, first));
    let count = part.parts.len();
    for (number, below) in part.parts.iter().enumerate() {
        let (first, further) = if number + 1 == count {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        push(below, &format!("{rest}{first}"), &format!("{rest}{further}"), lines);
    }
}

fn line(part: &Part, before: &str) -> Line {
    let mut line = Line::new().with(Tone::Faint, before);
    if part.subject == Subject::Unread {
        return line.with(Tone::Faint, &format!("({})", part.name));
    }
    let name = match part.subject {
        Subject::Machine | Subject::Node | Subject::Finalizer => format!("{} {}", kind(part.subject), part.name),
        _ => part.name.clone(),
    };
    line.push(Tone::Strong, &name);
    line.push(Tone::Plain, "  ");
    line.push(tone(part.state), &part.word);
    if !part.facts.is_empty() {
        line.push(Tone::Faint, &format!("  {}", part.facts.join(", ")));
    }
    if let Some(cause) = &part.cause {
        line.push(Tone::Plain, &format!("  {cause}"));
    }
    line
}

fn kind(subject: Subject) -> &'static str {
    match subject {
        Subject::Machine => "machine",
        Subject::Node => "node",
        _ => "finalizer",
    }
}

fn tone(state: State) -> Tone {
    match state {
        State::Good => Tone::Good,
        State::Waiting => Tone::Busy,
        State::Bad => Tone::Bad,
        State::Unknown => Tone::Faint,
    }
}
