//! What is wrong with the answers, and what should be known about them.

use std::collections::BTreeSet;

use butler_api::{
    choice::ChoiceKind,
    config::{ConfigErrors, Loaded, Problem, ProviderKind},
};

use super::{Session, plan, room};
use crate::{
    codec::{self, Codec},
    finding::{Finding, Severity},
    list::{State, Verdict},
    question::{Alternative, Kind, Origin, Step},
    topic::{self, Topic, View},
};

/// A topic that applies, with its path and the view of its rules.
type Applying<'a> = (String, &'static Topic, View<'a>);

/// The cause of a problem that is only about a file that could not be looked at.
pub(crate) const NO_READER: &str = "it is read when the run starts";

/// Everything about the answers, the worst first; what is equally bad in the order of the questions.
pub(crate) fn findings(session: &Session, loaded: &Result<Loaded, ConfigErrors>) -> Vec<Finding> {
    let view = session.view();
    let topics: Vec<Applying<'_>> = view.topics().collect();
    let mut found = session.remarks.clone();
    found.extend(left_out(session, &topics));
    found.extend(lost(session));
    found.extend(secrets(session, &topics));
    let (problems, severity) = match loaded {
        Ok(loaded) => (&loaded.warnings[..], Severity::Warning),
        Err(errors) => (errors.problems(), Severity::Error),
    };
    let mut judged: Vec<Finding> = problems
        .iter()
        .map(|problem| of_problem(&topics, problem, severity))
        .collect();
    let incomplete = missing(session, &topics, &judged);
    // That a block is missing says no more than that its settings are.
    judged.retain(|finding| {
        let block = format!("{}.", finding.path);
        let is_block = topic::find(&finding.path).is_none() && finding.message.contains("is missing");
        !(is_block && incomplete.iter().any(|other| other.path.starts_with(&block)))
    });
    found.extend(judged);
    found.extend(incomplete);
    found.extend(driver(session, &view));
    found.extend(platform(session, &topics));
    found.extend(fits(session));
    plan::mend(&view, &mut found);
    let place = |path: &str| {
        topics
            .iter()
            .position(|(other, ..)| other == path)
            .unwrap_or(usize::MAX)
    };
    found.sort_by_cached_key(|finding| (std::cmp::Reverse(finding.severity), place(&finding.path)));
    found
}

/// A problem of the file as one of the question that it is about.
fn of_problem(topics: &[Applying<'_>], problem: &Problem, severity: Severity) -> Finding {
    // Only what cannot be looked at here; it is judged again before anything is made.
    let severity = if problem.message.ends_with(NO_READER) {
        Severity::Note
    } else {
        severity
    };
    let path = match topic::find(&problem.path) {
        Some(_) => problem.path.clone(),
        // Of a block, its first question; below a question, that one.
        None => below(topics, &problem.path)
            .or_else(|| above(&problem.path))
            .unwrap_or_else(|| problem.path.clone()),
    };
    let is_block = problem.message.contains("is missing") && topic::find(&problem.path).is_none();
    Finding {
        severity,
        path: if is_block { problem.path.clone() } else { path },
        message: problem.message.clone(),
        hint: problem.hint.clone(),
        fix: Vec::new(),
    }
}

fn below(topics: &[Applying<'_>], block: &str) -> Option<String> {
    if block.is_empty() {
        return None;
    }
    let begins = |path: &str| {
        path.strip_prefix(block)
            .is_some_and(|rest| rest.starts_with(['.', '[']))
    };
    topics.iter().map(|(path, ..)| path).find(|path| begins(path)).cloned()
}

fn above(path: &str) -> Option<String> {
    let ends = path
        .char_indices()
        .filter(|(_, c)| matches!(c, '.' | '['))
        .map(|(at, _)| at);
    let candidates: Vec<&str> = ends.map(|end| &path[..end]).collect();
    candidates
        .into_iter()
        .rev()
        .find(|path| topic::find(path).is_some())
        .map(str::to_owned)
}

/// Questions that need an answer and have none, where nothing else is said about them.
fn missing(session: &Session, topics: &[Applying<'_>], judged: &[Finding]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, topic, view) in topics {
        let has_answer = session.answers.given.contains_key(path) || view.usual(topic).is_some();
        if !(topic.ask.required)(view) || has_answer || judged.iter().any(|finding| finding.path == *path) {
            continue;
        }
        // What stands there though no answer is like it is judged as it stands.
        if view.has_kept(path) {
            continue;
        }
        let hint = lower_first(topic.help.split(". ").next().unwrap_or("").trim_end_matches('.'));
        found.push(Finding::error(path, format!("`{path}` is missing"), &hint));
    }
    found
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return String::new();
    };
    // Abbreviations stay.
    match chars.clone().next() {
        Some(second) if second.is_uppercase() => text.to_owned(),
        _ => first.to_lowercase().chain(chars).collect(),
    }
}

/// What somebody wrote and the other answers leave no place for.
fn left_out(session: &Session, topics: &[Applying<'_>]) -> Vec<Finding> {
    let applies: BTreeSet<&str> = topics.iter().map(|(path, ..)| path.as_str()).collect();
    let written = |origin: Origin| matches!(origin, Origin::File | Origin::Set);
    let given = session.answers.given.iter();
    given
        .filter(|(path, answer)| written(answer.origin) && !applies.contains(path.as_str()))
        .map(|(path, _)| {
            Finding::warning(
                path,
                format!("`{path}` does not apply to the other answers and is left out"),
                "",
            )
        })
        .collect()
}

/// What a draft could not keep.
fn lost(session: &Session) -> Vec<Finding> {
    let lost = session.lost.iter();
    lost.map(|path| match topic::find(path) {
        Some(_) => Finding::error(
            path,
            format!("`{path}` was typed before and is not kept in a draft"),
            "type it again, or say where it comes from",
        ),
        None => Finding::error(
            path,
            format!("`{path}` may hold a secret and is not kept in a draft"),
            "open the configuration again",
        ),
    })
    .collect()
}

/// Secrets that stand in the answers themselves, and variables that are not set.
fn secrets(session: &Session, topics: &[Applying<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, topic, view) in topics {
        if !matches!(topic.codec, Codec::Secret | Codec::Identity) {
            continue;
        }
        let Some(text) = view.text(path) else { continue };
        if topic.codec == Codec::Secret && topic.codec.write(&text).is_none() {
            let hint = "write `env:NAME`, `file:PATH`, `exec:COMMAND` or `keyring:SERVICE/USERNAME`, or type the secret where it is hidden";
            let message =
                format!("`{path}` does not say where the secret comes from; secrets are not written into files");
            found.push(Finding::error(path, message, hint));
        }
        if let Some(name) = text.strip_prefix("env:").map(str::trim)
            && !session.facts.variables.iter().any(|set| set == name)
            && !session.secrets.contains_key(name)
            && !session.lost.contains(path)
        {
            let message = format!("the environment variable {name} is not set here");
            found.push(Finding::warning(path, message, "set it where the run is started"));
        }
    }
    found
}

/// Platforms that this release does not speak to.
fn driver(session: &Session, view: &View<'_>) -> Option<Finding> {
    let kind = view.provider()?;
    if session.facts.drivers.contains(&kind) {
        return None;
    }
    let message = format!(
        "this release does not make clusters on {kind}: its settings can be written, and are not checked there"
    );
    Some(Finding::warning(
        "provider",
        message,
        "save the file for a release that does",
    ))
}

/// What the platform said about itself and about the answers.
fn platform(session: &Session, topics: &[Applying<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    let Some(kind) = session.provider() else { return found };
    let entrance = topics
        .iter()
        .find(|(_, topic, _)| topic.ask.step == Step::Access)
        .map_or("provider", |(path, ..)| path.as_str());
    if let Some(State::Failed { error, hint, .. }) = session.access().map(|want| session.list(&want)) {
        // The world is started by the run.
        let severity = if kind == ProviderKind::InMemory {
            Severity::Note
        } else {
            Severity::Warning
        };
        found.push(Finding::new(
            severity,
            entrance,
            error.clone(),
            hint.as_deref().unwrap_or(""),
        ));
    }
    for check in session.checks() {
        let severity = match check.verdict {
            Verdict::Pass => continue,
            Verdict::Warn => Severity::Note,
            Verdict::Fail => Severity::Warning,
        };
        found.push(Finding::new(
            severity,
            entrance,
            check.summary.clone(),
            check.hint.as_deref().unwrap_or(""),
        ));
    }
    for (path, topic, _) in topics {
        found.extend(unconfirmed(session, path, topic));
    }
    found
}

/// An answer that the platform's list does not have, or that could not be compared with it.
fn unconfirmed(session: &Session, path: &str, topic: &Topic) -> Vec<Finding> {
    let Some(text) = session.value(path) else {
        return Vec::new();
    };
    let Some(want) = session.want(topic) else {
        return Vec::new();
    };
    let ids: Vec<&str> = match topic.codec {
        Codec::Texts => codec::items(&text).collect(),
        _ => vec![text.as_str()],
    };
    let word = topic.ask.list.map_or("", ChoiceKind::as_str);
    let offers = session.offers(path);
    let mut found = Vec::new();
    for id in ids {
        let offer = offers.iter().find(|offer| offer.id == id);
        match (offer.map(|offer| &offer.unusable), session.list(&want)) {
            (Some(Some(reason)), _) => {
                found.push(Finding::warning(
                    path,
                    format!("{word} {id} cannot be used: {reason}"),
                    "",
                ));
            }
            (None, State::Here { .. }) if topic.ask.list != Some(ChoiceKind::MachineId) => {
                let message = format!("the platform lists no {word} {id}");
                found.push(Finding::warning(
                    path,
                    message,
                    "choose one of the list, or load it again",
                ));
            }
            (None, State::Failed { .. }) => {
                let message = format!("{word} {id} is not confirmed by the platform");
                found.push(Finding::note(path, message, "its list could not be had"));
            }
            _ => {}
        }
    }
    found
}

/// Machines that the platform has no room for.
fn fits(session: &Session) -> Vec<Finding> {
    let (totals, has) = (session.totals(), session.room());
    let mut found = Vec::new();
    let free = "make them smaller or fewer, or free some";
    if let Some(free_mb) = has.free_memory_mb.filter(|free| *free < totals.memory_mb) {
        let message = format!(
            "the machines take {} MiB of memory, {free_mb} are free",
            totals.memory_mb
        );
        found.push(Finding::warning("cluster.workers.memoryMB", message, free));
    } else if has.survives_loss == Some(false) && has.largest.is_some() && totals.machines > 1 {
        let message = "the machines do not fit any more when the largest node is lost";
        found.push(Finding::note("cluster.workers.memoryMB", message, ""));
    }
    if let Some(free_gb) = has.free_disk_gb.filter(|free| *free < totals.disk_gb) {
        let message = format!("the disks take {} GiB, {free_gb} are free", totals.disk_gb);
        found.push(Finding::warning("cluster.workers.diskGB", message, free));
    }
    if let Some((node, most)) = &has.largest {
        for (pool, name) in room::pools(&session.view()).iter().zip(["controlPlane", "workers"]) {
            if pool.count > 0 && pool.memory_mb > *most {
                let message = format!(
                    "no node has {} MiB of free memory; {node} has most: {most}",
                    pool.memory_mb
                );
                found.push(Finding::warning(&format!("cluster.{name}.memoryMB"), message, free));
            }
        }
    }
    found
}

/// What an answer looks like now: of platforms, what was found here and which are only written.
pub(crate) fn kind(session: &Session, topic: &Topic) -> Kind {
    match &topic.kind {
        Kind::Choice(words) if topic.ask.path == "provider" => {
            let about = |word: &Alternative| {
                let mut about = word.about.clone();
                if let Some(found) = session.facts.found.get(&word.value) {
                    about = format!("{about}; {found}");
                }
                let driven = session.facts.drivers.iter().any(|kind| kind.as_str() == word.value);
                if driven {
                    about
                } else {
                    format!("{about}; this release only writes its settings")
                }
            };
            Kind::Choice(
                words
                    .iter()
                    .map(|word| Alternative {
                        value: word.value.clone(),
                        about: about(word),
                    })
                    .collect(),
            )
        }
        kind => kind.clone(),
    }
}
