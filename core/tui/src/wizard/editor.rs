//! How the question that has the focus is answered.

use butler_wizard::{
    list::State,
    question::{Kind, Question},
};
use crossterm::event::{KeyCode, KeyModifiers};

use crate::{input::Key, widgets::Field};

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// A text is typed.
    Text,
    /// Something is chosen from a list of the platform.
    List,
    /// One of a few is chosen.
    Choice,
    /// It is yes or no.
    Flag,
    /// The source of a secret is named.
    Secret,
}

impl Mode {
    /// How a question is answered, given how far its list is, and whether one asked to type instead.
    pub(super) fn of(question: &Question, list: Option<&State>, typed: bool) -> Self {
        match &question.kind {
            Kind::Choice(_) => Self::Choice,
            Kind::Flag => Self::Flag,
            Kind::Secret => Self::Secret,
            Kind::Text | Kind::Number { .. } | Kind::Texts if typed => Self::Text,
            Kind::Text | Kind::Number { .. } | Kind::Texts => match list {
                Some(State::Loading { .. }) => Self::List,
                Some(State::Here { items, .. } | State::Failed { items, .. }) if !items.is_empty() => Self::List,
                // Without a list one types.
                Some(State::Idle | State::Here { .. } | State::Failed { .. }) | None => Self::Text,
            },
        }
    }
}

/// Where a secret comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// An environment variable.
    Env,
    /// A file.
    File,
    /// What a command prints.
    Exec,
    /// An entry of the keyring.
    Keyring,
    /// The keyboard, now.
    Now,
}

impl Source {
    pub(super) const ALL: [Self; 5] = [Self::Env, Self::File, Self::Exec, Self::Keyring, Self::Now];

    /// What an answer begins with that names this source.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Env => "env:",
            Self::File => "file:",
            Self::Exec => "exec:",
            Self::Keyring => "keyring:",
            Self::Now => "",
        }
    }

    /// A word or a few for people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Env => "variable",
            Self::File => "file",
            Self::Exec => "command",
            Self::Keyring => "keyring",
            Self::Now => "type for now",
        }
    }

    /// What its text means.
    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Env => "the name of an environment variable; the file holds the name alone",
            Self::File => "the path of a file that holds it; the file holds the path alone",
            Self::Exec => "a command that prints it; the file holds the command alone",
            Self::Keyring => "SERVICE/USERNAME of an entry of your keyring; the file holds the names alone",
            Self::Now => "it stays in memory, for this run alone; the file names a variable",
        }
    }

    /// The source and what an answer says of it.
    pub(super) fn read(answer: &str) -> (Self, &str) {
        [Self::Env, Self::File, Self::Exec, Self::Keyring]
            .into_iter()
            .find_map(|source| Some((source, answer.strip_prefix(source.prefix())?)))
            .unwrap_or((Self::Env, ""))
    }

    fn next(self) -> Self {
        match self {
            Self::Env => Self::File,
            Self::File => Self::Exec,
            Self::Exec => Self::Keyring,
            Self::Keyring => Self::Now,
            Self::Now => Self::Env,
        }
    }
}

/// What was typed into the question that has the focus.
#[derive(Debug, Clone)]
pub(super) enum Editor {
    /// Nothing is typed here: it is chosen by keys.
    Keys,
    /// A text.
    Text {
        field: Field,
        /// Whether it was not touched: then what is typed takes the place of what is there.
        fresh: bool,
    },
    /// The source of a secret.
    Secret { source: Source, field: Field, fresh: bool },
}

impl Editor {
    /// For a question as it stands.
    pub(super) fn of(question: &Question, mode: Mode) -> Self {
        let answer = question.answer.as_ref().map(|answer| answer.text.as_str());
        match mode {
            Mode::List | Mode::Choice | Mode::Flag => Self::Keys,
            Mode::Text => Self::Text {
                field: Field::new(answer.or(question.usual.as_deref()).unwrap_or("")),
                fresh: true,
            },
            Mode::Secret => {
                let (source, text) = Source::read(answer.or(question.usual.as_deref()).unwrap_or(""));
                Self::Secret {
                    source,
                    field: Field::new(text),
                    fresh: true,
                }
            }
        }
    }

    /// Whether something was typed that was not left yet.
    pub(super) fn is_touched(&self) -> bool {
        match self {
            Self::Keys => false,
            Self::Text { fresh, .. } | Self::Secret { fresh, .. } => !fresh,
        }
    }

    /// Whether it holds a secret itself.
    pub(super) fn is_secret(&self) -> bool {
        matches!(self, Self::Secret { field, .. } if field.is_secret())
    }

    /// The answer that it stands for; none for a secret that was typed, which is no answer but goes its own way.
    pub(super) fn answer(&self) -> Option<String> {
        match self {
            Self::Keys => None,
            Self::Text { field, .. } => Some(field.text().trim().to_owned()),
            Self::Secret { field, .. } if field.is_secret() => None,
            Self::Secret { source, field, .. } => {
                let text = field.text().trim();
                Some(if text.is_empty() {
                    String::new()
                } else {
                    format!("{}{text}", source.prefix())
                })
            }
        }
    }

    /// Takes a key for the text; says whether it was one.
    pub(super) fn key(&mut self, key: Key) -> bool {
        let (field, fresh) = match self {
            Self::Keys => return false,
            Self::Text { field, fresh } | Self::Secret { field, fresh, .. } => (field, fresh),
        };
        let types = matches!(key.code, KeyCode::Char(_))
            && !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        let mut next = if *fresh && types { emptied(field) } else { field.clone() };
        if !next.key(key) {
            return false;
        }
        *field = next;
        *fresh = false;
        true
    }

    /// Takes a pasted text; says whether it had a place for it.
    pub(super) fn paste(&mut self, text: &str) -> bool {
        let (field, fresh) = match self {
            Self::Keys => return false,
            Self::Text { field, fresh } | Self::Secret { field, fresh, .. } => (field, fresh),
        };
        if *fresh {
            *field = emptied(field);
        }
        field.paste(text);
        *fresh = false;
        true
    }

    /// Goes to the next source of a secret. What was typed as a secret never becomes the name of something.
    pub(super) fn next_source(&mut self) -> bool {
        let Self::Secret { source, field, fresh } = self else {
            return false;
        };
        *source = source.next();
        *field = if *source == Source::Now {
            Field::secret()
        } else {
            Field::default()
        };
        *fresh = false;
        true
    }
}

fn emptied(field: &Field) -> Field {
    if field.is_secret() {
        Field::secret()
    } else {
        Field::default()
    }
}

/// A number that is stepped by a key: the next or the one before, within what is allowed.
pub(super) fn stepped(kind: &Kind, text: &str, up: bool) -> Option<String> {
    let Kind::Number { min, max, unit } = kind else {
        return None;
    };
    let step = if *unit == "MB" || *unit == "MiB" { 1024 } else { 1 };
    let number: i64 = text.trim().parse().ok()?;
    let next = if up {
        number.saturating_add(step)
    } else {
        number.saturating_sub(step)
    };
    (*min <= next && next <= *max).then(|| next.to_string())
}
