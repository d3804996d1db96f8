//! Problems and warnings, and how they are shown: message, place, the line itself, a hint.

use std::fmt::{self, Write as _};

use super::{check::Draft, suggest, yaml::Span};

/// Something in the file that has to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, for example `network.vip`; empty for the whole document.
    pub path: String,
    /// What is wrong, as a sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Line, from 1; 0 when no place can be named.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    pub(super) snippet: Option<Snippet>,
}

/// Something in the file that works but should be known.
pub type ConfigWarning = Problem;

/// Every problem of one file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    pub(super) name: String,
    pub(super) problems: Vec<Problem>,
    /// Further problems, beyond the number that is shown.
    pub(super) further: usize,
}

/// One line of the file with a marked part. Values of secrets are masked already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snippet {
    pub(super) line: String,
    /// Characters before the mark.
    pub(super) indent: usize,
    /// Length of the mark.
    pub(super) width: usize,
}

impl ConfigErrors {
    /// The file's name, as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The problems, in file order; the first hundred if there are more.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() + self.further {
            1 => write!(f, "{}: 1 problem", self.name)?,
            n => write!(f, "{}: {n} problems", self.name)?,
        }
        for problem in &self.problems {
            write!(f, "\n\n{}", problem.render(&self.name))?;
        }
        match self.further {
            0 => Ok(()),
            n => write!(f, "\n\nand {n} more"),
        }
    }
}

impl Problem {
    /// Message, place, line and hint, as several lines without a final line end.
    pub fn render(&self, name: &str) -> String {
        let mut out = self.message.clone();
        let gutter = self.line.to_string().len();
        if self.line > 0 {
            let _ = write!(out, "\n{:gutter$}--> {name}:{}:{}", "", self.line, self.column);
        } else {
            let _ = write!(out, "\n{:gutter$}--> {name}", "");
        }
        if let Some(snippet) = &self.snippet {
            let mark = "^".repeat(snippet.width.max(1));
            let _ = write!(out, "\n{:gutter$} |\n{} | {}", "", self.line, snippet.line);
            let _ = write!(out, "\n{:gutter$} | {:indent$}{mark}", "", "", indent = snippet.indent);
        }
        if let Some(hint) = &self.hint {
            let _ = write!(out, "\n{:gutter$} = hint: {hint}", "");
        }
        out
    }
}

/// The text of the file with the places that must not be shown.
pub(super) struct Source<'a> {
    text: &'a str,
    /// Byte ranges of secret values.
    masked: Vec<(usize, usize)>,
}

/// Longest part of a line that is shown.
const LINE_WIDTH: usize = 120;

/// What stands in place of a secret.
const MASK: &str = "***";

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str, masked: Vec<(usize, usize)>) -> Self {
        Self { text, masked }
    }

    /// For text that is no YAML: what follows a key that sounds secret is hidden, up to the next line that is not
    /// indented deeper.
    pub(super) fn of_broken(text: &'a str) -> Self {
        let mut masked = Vec::new();
        let mut offset = 0;
        let mut below: Option<usize> = None;
        for line in text.split_inclusive('\n') {
            let indent = line.len() - line.trim_start().len();
            if suggest::has_credentials(line) || below.is_some_and(|key| indent > key) {
                masked.push((offset, offset + line.len()));
            } else if let Some(start) = secret_start(line) {
                masked.push((offset + start, offset + line.len()));
                below = Some(indent);
            } else if !line.trim().is_empty() {
                below = None;
            }
            offset += line.len();
        }
        Self { text, masked }
    }

    /// A draft with its line.
    pub(super) fn problem(&self, draft: Draft) -> Problem {
        let Draft {
            path,
            span,
            message,
            hint,
        } = draft;
        let snippet = self.snippet(span);
        let (line, column) = if snippet.is_some() {
            (span.line, span.column)
        } else {
            (0, 0)
        };
        Problem {
            path,
            message,
            hint,
            line,
            column,
            snippet,
        }
    }

    /// The line of a span, fit for a terminal: secrets masked, control characters replaced, cut to a sane width.
    fn snippet(&self, span: Span) -> Option<Snippet> {
        let (offset, raw) = self.line(span.line)?;
        let begin = raw
            .char_indices()
            .nth(span.column.saturating_sub(1))
            .map_or(raw.len(), |(at, _)| at);
        let hidden = self
            .masked
            .iter()
            .find(|(start, end)| (*start..*end).contains(&(offset + begin)));
        let begin = hidden.map_or(begin, |(start, _)| start.saturating_sub(offset));
        let end = hidden.map_or(span.end, |(_, end)| *end).saturating_sub(offset);
        let end = end.clamp(begin, raw.trim_end().len().max(begin));
        let before: Vec<char> = self.shown(offset, &raw[..begin]).chars().collect();
        // A span that ends within a character shows nothing from its begin on: better that than a piece of a secret.
        let part = |from: usize, part: Option<&str>| -> Vec<char> {
            let shown = self.shown(offset + from, part.unwrap_or(""));
            shown.chars().collect()
        };
        let marked = part(begin, raw.get(begin..end));
        let after = part(end, raw.get(end..));
        let whole = before.len() + marked.len() + after.len();
        let skip = if whole > LINE_WIDTH {
            before.len().saturating_sub(LINE_WIDTH / 2)
        } else {
            0
        };
        let line: String = before
            .iter()
            .chain(&marked)
            .chain(&after)
            .skip(skip)
            .take(LINE_WIDTH)
            .collect();
        let indent = before.len() - skip;
        Some(Snippet {
            line: line.trim_end().to_owned(),
            indent,
            width: marked.len().clamp(1, LINE_WIDTH - indent),
        })
    }

    fn line(&self, number: usize) -> Option<(usize, &'a str)> {
        let mut offset = 0;
        for (i, line) in self.text.split_inclusive('\n').enumerate() {
            if i + 1 == number {
                return Some((offset, line.trim_end_matches(['\n', '\r'])));
            }
            offset += line.len();
        }
        None
    }

    /// A part of a line; each secret becomes the same mark, so that not even its length is shown.
    fn shown(&self, offset: usize, part: &str) -> String {
        let mut out = String::new();
        let mut hidden = None;
        for (i, c) in part.char_indices() {
            let at = offset + i;
            let range = self.masked.iter().position(|(start, end)| (*start..*end).contains(&at));
            match range {
                Some(_) if range == hidden => {}
                Some(_) => out.push_str(MASK),
                None if c == '\t' => out.push(' '),
                None if suggest::is_unprintable(c) => out.push(char::REPLACEMENT_CHARACTER),
                None => out.push(c),
            }
            hidden = range;
        }
        out
    }
}

/// Where the value begins after the first key in a line that sounds secret, or that may hold secrets.
fn secret_start(line: &str) -> Option<usize> {
    let mut from = 0;
    for (at, _) in line.match_indices(':') {
        let word = line[from..at]
            .rsplit(|c: char| !c.is_alphanumeric() && c != '_' && c != '-')
            .find(|w| !w.is_empty());
        // Patches may hold anything.
        if word.is_some_and(|word| suggest::sounds_secret(word) || word == "patches") {
            let rest = &line[at + 1..];
            return Some(line.len() - rest.trim_start().len());
        }
        from = at + 1;
    }
    None
}
