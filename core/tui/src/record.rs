//! Recordings of what a person did, to be played again: for tests, and for reports of defects.
//!
//! What platforms and runs said is not in them: it may be anybody's, and runs keep events of their own. What was typed into a
//! field that holds a secret is there as so many keys, not as which.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader},
    path::Path,
    time::Duration,
};

use butler_files::append;
use crossterm::event::KeyCode;
use serde::{Deserialize, Serialize};

use crate::{
    input::{Input, Key, Mouse},
    screen::Typing,
};

/// Stands for a character of a secret.
const MASK: char = '*';

/// The longest line of a recording that is read.
const LONGEST: u64 = 4 << 20;

/// One line of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Milliseconds since the recording began.
    pub at: u64,
    /// What was done.
    #[serde(flatten)]
    pub did: Did,
}

/// What a person did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Did {
    /// Pressed a key.
    Key(Key),
    /// Pasted a text.
    Paste(String),
    /// Changed the size of the terminal: columns, rows.
    Resize(u16, u16),
    /// Pressed the mouse at a column and a row.
    Pressed(u16, u16),
    /// Turned the wheel by so many rows.
    Turned(i16),
}

impl Did {
    /// What of an input is recorded, given what becomes of characters.
    pub fn of(input: &Input, typing: Typing) -> Option<Self> {
        let secret = typing == Typing::Secret;
        Some(match input {
            Input::Key(key) => Self::Key(match key.code {
                KeyCode::Char(_) if secret => Key {
                    code: KeyCode::Char(MASK),
                    ..*key
                },
                _ => *key,
            }),
            Input::Paste(text) if secret => Self::Paste(text.chars().map(|_| MASK).collect()),
            Input::Paste(text) => Self::Paste(text.clone()),
            Input::Resize(columns, rows) => Self::Resize(*columns, *rows),
            Input::Mouse(Mouse::Pressed(column, row)) => Self::Pressed(*column, *row),
            Input::Mouse(Mouse::Turned(rows)) => Self::Turned(*rows),
            Input::Tick | Input::Heard(..) | Input::Done(_) | Input::Run(_) | Input::Board(_) => return None,
        })
    }
}

impl From<Did> for Input {
    fn from(did: Did) -> Self {
        match did {
            Did::Key(key) => Self::Key(key),
            Did::Paste(text) => Self::Paste(text),
            Did::Resize(columns, rows) => Self::Resize(columns, rows),
            Did::Pressed(column, row) => Self::Mouse(Mouse::Pressed(column, row)),
            Did::Turned(rows) => Self::Mouse(Mouse::Turned(rows)),
        }
    }
}

/// Writes a recording, readable by its owner only.
#[derive(Debug)]
pub struct Recorder {
    file: File,
}

impl Recorder {
    /// Begins a recording; one that is there is continued.
    pub fn begin(path: &Path) -> io::Result<Self> {
        let file = append::private(path)?;
        Ok(Self { file })
    }

    /// Records an input that came at this time.
    pub fn record(&mut self, at: Duration, input: &Input, typing: Typing) -> io::Result<()> {
        let Some(did) = Did::of(input, typing) else {
            return Ok(());
        };
        let at = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        let mut line = serde_json::to_vec(&Entry { at, did })?;
        line.push(b'\n');
        append::whole(&mut self.file, &line)
    }
}

/// Reads a recording.
pub fn load(path: &Path) -> io::Result<Vec<Entry>> {
    let mut file = BufReader::new(File::open(path)?);
    let mut entries = Vec::new();
    for number in 1.. {
        let mut line = String::new();
        let length = io::Read::take(&mut file, LONGEST).read_line(&mut line)?;
        if length == 0 {
            break;
        }
        let entry = serde_json::from_str(&line)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("line {number}: {error}")))?;
        entries.push(entry);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyModifiers;

    use super::*;

    fn key(c: char) -> Input {
        Input::Key(Key {
            code: KeyCode::Char(c),
            modifiers: KeyModifiers::NONE,
        })
    }

    #[test]
    fn what_was_done_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        let mut recorder = Recorder::begin(&path).unwrap();
        let inputs = [
            key('a'),
            Input::Paste("two\nlines".to_owned()),
            Input::Resize(80, 24),
            Input::Mouse(Mouse::Pressed(1, 2)),
            Input::Mouse(Mouse::Turned(-3)),
        ];
        for input in &inputs {
            recorder.record(Duration::from_millis(5), input, Typing::Text).unwrap();
        }
        recorder.record(Duration::ZERO, &Input::Tick, Typing::Text).unwrap();
        let played: Vec<Input> = load(&path).unwrap().into_iter().map(|entry| entry.did.into()).collect();
        assert_eq!(played, inputs);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn secrets_are_recorded_by_their_length_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        let mut recorder = Recorder::begin(&path).unwrap();
        for c in "hunter2".chars() {
            recorder.record(Duration::ZERO, &key(c), Typing::Secret).unwrap();
        }
        let paste = Input::Paste("correct horse".to_owned());
        recorder.record(Duration::ZERO, &paste, Typing::Secret).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for part in ["h", "u", "2", "correct", "horse"] {
            assert!(!text.contains(&format!("\"{part}")), "{part}: {text}");
        }
        assert_eq!(load(&path).unwrap().len(), 8);
        assert!(text.contains(&"*".repeat(13)), "{text}");
    }

    #[test]
    fn a_line_that_is_none_is_told_by_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        std::fs::write(&path, "{\"at\":1,\"resize\":[80,24]}\nnonsense\n").unwrap();
        assert!(load(&path).unwrap_err().to_string().starts_with("line 2: "));
    }
}
