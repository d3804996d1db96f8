//! Boxes on top of a step.

use std::collections::BTreeMap;

use butler_terminal::duration;
use butler_wizard::{list::ImageState, session::Session};
use jiff::Timestamp;

use crate::{
    effect::Effect,
    look::Role,
    widgets::{Ask, Field, Line, wrap},
};

/// A box on top of a step.
#[derive(Debug, Clone)]
pub(super) enum Popup {
    /// Whether one leaves, and what becomes of the draft.
    Leave(Ask),
    /// What did not work.
    Error(Ask),
    /// Whether the cluster is made.
    Launch(Ask),
    /// Whether a file is replaced.
    Replace {
        ask: Ask,
        path: String,
        other: String,
        launch: bool,
    },
    /// The path of a file that is written or opened.
    Path { purpose: Purpose, field: Field },
}

/// What a path is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Save,
    Open,
}

/// What was asked of the runner and is not answered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pending {
    Save,
    Open,
    Launch,
}

/// The answers of the box about leaving.
pub(super) const KEEP: usize = 0;
pub(super) const THROW_AWAY: usize = 1;

/// The answers of the box about the launch.
pub(super) const LAUNCH: usize = 0;
pub(super) const ONLY_WRITE: usize = 1;

/// The answers of the box about a file that is there.
pub(super) const OTHER: usize = 0;
pub(super) const REPLACE: usize = 1;

pub(super) fn leave(now: Timestamp) -> Popup {
    let text = vec![
        Line::plain("Nothing was launched. The draft holds every answer, and of secrets only"),
        Line::plain("where they come from; those that were typed are forgotten."),
    ];
    let answers = [('k', "keep the draft"), ('t', "throw it away"), ('s', "stay here")];
    Popup::Leave(Ask::new("leave", text, &answers, now))
}

pub(super) fn error(what: &str, error: &str, hint: Option<&str>, now: Timestamp) -> Popup {
    let mut text: Vec<Line> = error
        .lines()
        .flat_map(|line| wrap(line, 92))
        .map(|line| Line::plain(&line))
        .collect();
    for (at, line) in hint.iter().flat_map(|hint| wrap(hint, 86)).enumerate() {
        let head = if at == 0 { "hint: " } else { "      " };
        text.push(Line::of(Role::Hint, head).with(Role::Plain, &line));
    }
    text.push(Line::new());
    text.push(Line::of(Role::Faint, "Every answer is kept."));
    Popup::Error(Ask::new(&format!("error: {what}"), text, &[('b', "back")], now).at_once())
}

pub(super) fn replace(path: &str, other: String, launch: bool, now: Timestamp) -> Popup {
    let text = vec![Line::plain(&format!(
        "{path} is there already, and says something else."
    ))];
    let use_other = format!("write {other}");
    let answers = [('w', use_other.as_str()), ('r', "replace it"), ('b', "back")];
    let mut ask = Ask::new("the file is there", text, &answers, now);
    if launch {
        // Its first answer loses nothing, and belongs to the way that Enter goes.
        ask = ask.at_once();
    }
    Popup::Replace {
        ask,
        path: path.to_owned(),
        other,
        launch,
    }
}

/// What the box about the launch tells.
pub(super) struct LaunchFacts<'a> {
    pub(super) cluster: &'a str,
    pub(super) place: &'a str,
    pub(super) path: &'a str,
    pub(super) addons: Option<usize>,
    pub(super) warnings: usize,
    /// How long such a run takes usually, and how many runs say so.
    pub(super) usual: Option<(std::time::Duration, usize)>,
    /// How far the image of the machines is, where the platform is given one.
    pub(super) image: Option<&'a ImageState>,
}

pub(super) fn launch(session: &Session, facts: &LaunchFacts<'_>, now: Timestamp) -> Popup {
    let totals = session.totals();
    let row = |word: &str, text: String| Line::of(Role::Strong, word).padded(8).with(Role::Plain, &text);
    let addons = facts
        .addons
        .map_or_else(String::new, |count| format!(", {count} addons chosen"));
    let makes = format!(
        "{} machines ({} CPU, {} memory, {} GB disk){addons}",
        totals.machines,
        totals.cpu,
        memory(totals.memory_mb),
        totals.disk_gb,
    );
    let takes = match facts.usual {
        Some((usual, 1)) => format!("{} the last time", duration::short(usual)),
        Some((usual, runs)) => format!("usually {} ({runs} runs)", duration::short(usual)),
        None => "not known yet: no run of this kind was finished here".to_owned(),
    };
    let mut text = vec![
        row("makes", makes),
        row("takes", takes),
        row(
            "stops",
            "when you say; the same command continues; nothing is deleted".to_owned(),
        ),
        row("runs", "on its own: closing this window does not stop it".to_owned()),
        row("as", format!("butleradm bootstrap --config {}", facts.path)),
    ];
    let image = facts.image.map(|state| match state {
        ImageState::There { name, .. } => format!("there: {name}"),
        ImageState::Coming { .. } => "on its way; the run goes on with it".to_owned(),
        ImageState::Open | ImageState::Idle | ImageState::Failed { .. } => "brought by the run".to_owned(),
    });
    if let Some(image) = image {
        text.insert(1, row("image", image));
    }
    if facts.warnings > 0 {
        let words = format!("{} warnings are not dealt with", facts.warnings);
        text.push(Line::of(Role::Late, "warning").padded(8).with(Role::Plain, &words));
    }
    let title = format!("launch {} on {}", facts.cluster, facts.place);
    let answers = [('l', "launch"), ('w', "only write the file"), ('b', "back")];
    Popup::Launch(Ask::new(&title, text, &answers, now).at_once())
}

/// Memory as people say it.
pub(super) fn memory(mb: u64) -> String {
    if mb.is_multiple_of(1024) || mb >= 10 * 1024 {
        format!("{} GB", mb / 1024)
    } else {
        format!("{mb} MB")
    }
}

/// A path like that one which nobody uses yet, as far as the names tell: the next number before its ending.
pub(super) fn other_path(path: &str) -> String {
    let (stem, ending) = match path.rsplit_once('.') {
        Some((stem, ending)) if !ending.contains('/') && !stem.is_empty() && !stem.ends_with('/') => {
            (stem, format!(".{ending}"))
        }
        _ => (path, String::new()),
    };
    let (base, number) = match stem.rsplit_once('-') {
        Some((base, number)) => number.parse().map_or((stem, 1), |number: u32| (base, number)),
        None => (stem, 1),
    };
    format!("{base}-{}{ending}", number.saturating_add(1))
}

/// The effect that writes the file, and starts the run where that is meant.
pub(super) fn write(session: &Session, path: String, replace: bool, launch: Option<String>) -> Effect {
    let text = session.file().text();
    match launch {
        None => Effect::SaveFile { path, text, replace },
        Some(cluster) => Effect::Launch {
            cluster,
            path,
            text,
            replace,
            secrets: session.secrets().clone().into_iter().collect::<BTreeMap<_, _>>(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_name_for_a_file() {
        assert_eq!(other_path("./demo.yaml"), "./demo-2.yaml");
        assert_eq!(other_path("./demo-2.yaml"), "./demo-3.yaml");
        assert_eq!(other_path("../a.b/demo"), "../a.b/demo-2");
        assert_eq!(other_path("/etc/.yaml"), "/etc/.yaml-2");
        assert_eq!(other_path("pay-eu.yaml"), "pay-eu-2.yaml");
    }

    #[test]
    fn memory_in_the_unit_that_people_use() {
        assert_eq!(memory(512), "512 MB");
        assert_eq!(memory(2048), "2 GB");
        assert_eq!(memory(73_728), "72 GB");
        assert_eq!(memory(1536), "1536 MB");
    }
}
