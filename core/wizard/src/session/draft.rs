//! Drafts: what was answered so far, without any secret.

use butler_api::config::{Tree, read_tree};
use serde::{Deserialize, Serialize};

use super::{Facts, Session};
use crate::{
    document::Node,
    question::{Answer, Origin},
    schema::Place,
    topic::{self, Answers},
};

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Draft {
    version: u32,
    /// The configuration that was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opened: Option<String>,
    answers: Vec<Given>,
    /// Keys of the opened configuration that nobody is asked for, as YAML.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    kept: String,
    /// What is not in the draft, for it may be a secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lost: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Given {
    path: String,
    text: String,
    origin: Origin,
}

pub(crate) fn write(session: &Session) -> String {
    let mut lost = session.lost.clone();
    let mut answers = Vec::new();
    for (path, answer) in &session.answers.given {
        if answer.origin == Origin::Discovered {
            continue;
        }
        if Session::is_secret(path) {
            let names_typed = answer.text.strip_prefix("env:").map(str::trim);
            let names_typed = names_typed.is_some_and(|name| session.secrets.contains_key(name));
            let is_source = topic::find(path).is_some_and(|(topic, _)| topic.codec.write(&answer.text).is_some());
            if names_typed || !is_source {
                lost.push(path.clone());
            }
            if !is_source {
                continue;
            }
        }
        answers.push(Given {
            path: path.clone(),
            text: answer.text.clone(),
            origin: answer.origin,
        });
    }
    let kept = without_secrets(&session.answers.kept, &Place::root(), &mut lost);
    let kept = kept.filter(|kept| !matches!(kept, Tree::Map(entries) if entries.is_empty()));
    lost.sort();
    lost.dedup();
    let draft = Draft {
        version: VERSION,
        opened: session.answers.opened.clone(),
        answers,
        kept: kept.map_or_else(String::new, |kept| Node::of(&kept, Origin::File).file().text()),
        lost,
    };
    serde_json::to_string_pretty(&draft).expect("a draft is made of texts alone")
}

/// The part of a value that holds no secret; none where nothing is left.
fn without_secrets(tree: &Tree, place: &Place, lost: &mut Vec<String>) -> Option<Tree> {
    let mut forget = || {
        lost.push(place.path.clone());
        None
    };
    match tree {
        Tree::Map(entries) if !place.hides(tree) => {
            let left: Vec<(String, Tree)> = entries
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), without_secrets(value, &place.key(key), lost)?)))
                .collect();
            (entries.is_empty() || !left.is_empty()).then_some(Tree::Map(left))
        }
        // An item less is another list.
        Tree::List(_) if place.holds_secret(tree) => forget(),
        value if place.hides(value) => forget(),
        value => Some(value.clone()),
    }
}

pub(crate) fn read(draft: &str, facts: Facts) -> Result<Session, String> {
    let draft: Draft = serde_json::from_str(draft).map_err(|error| format!("the draft cannot be read: {error}"))?;
    if draft.version != VERSION {
        return Err(format!(
            "the draft is of version {}, this release reads {VERSION}",
            draft.version
        ));
    }
    let kept = match draft.kept.as_str() {
        "" => Tree::Map(Vec::new()),
        text => read_tree(text, "the draft").map_err(|error| format!("the draft cannot be read: {error}"))?,
    };
    let mut session = Session::new(facts);
    session.answers = Answers {
        given: draft
            .answers
            .into_iter()
            .filter(|given| topic::find(&given.path).is_some())
            .map(|Given { path, text, origin }| (path, Answer { text, origin }))
            .collect(),
        kept,
        opened: draft.opened,
    };
    session.lost = draft.lost;
    session.changed();
    Ok(session)
}
