//! Values from the command line, `PATH=VALUE`.

use butler_api::config::{Tree, closest, read_tree};

use super::{Session, open};
use crate::{
    codec::Codec,
    document::Node,
    path::parts,
    question::{Answer, Origin},
    schema,
    topic::{self, TOPICS},
};

/// Why a value cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// It is not of the form `PATH=VALUE`.
    #[error("`{0}` is not of the form PATH=VALUE")]
    NoValue(String),
    /// There is no such setting.
    #[error("the configuration has no setting `{path}`")]
    Unknown {
        /// What was written.
        path: String,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// The value is a secret itself.
    #[error("`{0}` is a secret, which does not go onto a command line")]
    Secret(String),
    /// It is a block of settings.
    #[error("`{0}` is a block; set what is in it")]
    Block(String),
    /// The value cannot be read.
    #[error("the value of `{0}` cannot be read as YAML")]
    NoYaml(String),
}

impl SetError {
    /// What can be done about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoValue(_) => Some("for example --set cluster.name=demo".to_owned()),
            Self::Unknown { meant: Some(meant), .. } => Some(format!("did you mean {meant}?")),
            Self::Unknown { meant: None, .. } => Some("butleradm bootstrap schema prints all settings".to_owned()),
            Self::Secret(path) => Some(format!(
                "say where it comes from: --set {path}=env:NAME, file:PATH, exec:COMMAND or keyring:SERVICE/USERNAME"
            )),
            Self::Block(_) | Self::NoYaml(_) => None,
        }
    }
}

/// `PATH=VALUE` as both.
pub fn split(text: &str) -> Result<(&str, &str), SetError> {
    let (path, value) = text.split_once('=').ok_or_else(|| SetError::NoValue(text.to_owned()))?;
    Ok((path.trim(), value.trim()))
}

pub(crate) fn set(session: &mut Session, path: &str, value: &str) -> Result<(), SetError> {
    if let Some((topic, _)) = topic::find(path) {
        if topic.codec == Codec::Secret && !value.is_empty() && topic.codec.write(value).is_none() {
            return Err(SetError::Secret(path.to_owned()));
        }
        if value.is_empty() {
            session.answers.given.remove(path);
        } else {
            let (text, origin) = (value.to_owned(), Origin::Set);
            session.answers.given.insert(path.to_owned(), Answer { text, origin });
        }
        open::drop_kept(&mut session.answers.kept, path);
        return Ok(());
    }
    let schema = schema::of(path).ok_or_else(|| unknown(path))?;
    if schema["x-secret"] == true {
        return Err(SetError::Secret(path.to_owned()));
    }
    if schema::properties(schema).is_some() {
        return Err(SetError::Block(path.to_owned()));
    }
    let tree = if schema["type"] == "string" {
        Tree::Text(value.to_owned())
    } else {
        let read = read_tree(&format!("x: {value}\n"), path).ok();
        let read = read.and_then(|tree| tree.get("x").cloned());
        read.ok_or_else(|| SetError::NoYaml(path.to_owned()))?
    };
    let mut kept = Node::of(&session.answers.kept, Origin::File);
    kept.put(path, tree, Origin::Set);
    session.answers.kept = kept.tree();
    Ok(())
}

fn unknown(path: &str) -> SetError {
    let last = parts(path).last().unwrap_or("");
    // A path that is misspelt, or one that lacks its begin.
    let all: Vec<&str> = TOPICS.iter().map(|topic| topic.ask.path).collect();
    let ending = || all.iter().find(|other| other.ends_with(&format!(".{last}"))).copied();
    SetError::Unknown {
        path: path.to_owned(),
        meant: closest(path, &all).or_else(ending).map(str::to_owned),
    }
}
