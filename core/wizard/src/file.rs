//! The file that the answers make.

use std::borrow::Cow;

use crate::question::Origin;

/// The YAML, and where each of its lines comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The lines, without their ends.
    pub lines: Vec<Line>,
}

/// A line of the file.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// What it says. Screens show [`Line::shown`].
    pub text: String,
    /// The setting whose value it holds; none for headings and comments.
    pub path: Option<String>,
    /// Where the value comes from.
    pub origin: Option<Origin>,
    /// Whether it may hold a secret, which somebody wrote into a configuration that was opened.
    pub masked: bool,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?} {:?}", self.shown(), self.path, self.origin)
    }
}

impl Line {
    pub(crate) fn comment(text: &str) -> Self {
        Self::heading(text.to_owned())
    }

    pub(crate) fn heading(text: String) -> Self {
        Self {
            text,
            path: None,
            origin: None,
            masked: false,
        }
    }

    /// The line as it may be seen: what may be a secret is hidden.
    pub fn shown(&self) -> Cow<'_, str> {
        if !self.masked {
            return Cow::Borrowed(&self.text);
        }
        let begin = self.text.len() - self.text.trim_start_matches([' ', '-']).len();
        let key = self.text.find(": ").map_or(begin, |at| at + 2);
        Cow::Owned(format!("{}***", &self.text[..key.max(begin)]))
    }
}

impl File {
    /// The whole text, as it is written to disk.
    pub fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect()
    }
}
