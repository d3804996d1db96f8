//! What happens to a screen.

use butler_api::event::Event;
use butler_lifecycle::runs::earlier::Earlier;
use butler_wizard::list::{Heard, Want};
use crossterm::event::{KeyCode, KeyModifiers};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::board::Board;

/// A key that was pressed. Releases never arrive here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Which key.
    pub code: KeyCode,
    /// What was held with it.
    pub modifiers: KeyModifiers,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted: as it came, line ends and all.
    Paste(String),
    /// The screen has this size now: columns, rows.
    Resize(u16, u16),
    /// The mouse: pressed at a column and a row, or turned by so many rows (down is positive).
    Mouse(Mouse),
    /// Time has passed, and nothing else.
    Tick,
    /// What the platform said to the wizard.
    Heard(Box<Want>, Heard),
    /// What became of something that a screen asked for.
    Done(Done),
    /// A run that is watched.
    Run(Run),
    /// A management cluster that is watched.
    Board(Board),
}

/// What the mouse did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mouse {
    /// Its first button was pressed at a column and a row.
    Pressed(u16, u16),
    /// Its wheel was turned by so many rows; down is positive.
    Turned(i16),
}

/// What became of an effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    /// The file was written.
    Saved {
        /// Where it is.
        path: String,
    },
    /// A file with another text is where one was to be written; it is untouched.
    Taken {
        /// Where it is.
        path: String,
    },
    /// A configuration was read.
    Opened {
        /// Where it is.
        path: String,
        /// What it says.
        text: String,
    },
    /// The draft was written.
    DraftSaved,
    /// A run was started by itself, or was there already.
    Launched {
        /// The cluster that it makes.
        cluster: String,
    },
    /// It did not work.
    Failed {
        /// What was tried, such as `save the file`.
        what: String,
        /// Why not.
        error: String,
        /// What can be done about it.
        hint: Option<String>,
    },
    /// Something was copied, or could not be: the words say which.
    Copied(String),
    /// The runs of this home.
    Runs(Vec<RunLine>),
    /// The runs on a cluster whose events are kept, the newest first.
    Earlier {
        /// The cluster.
        cluster: String,
        /// The runs, the one that is shown among them.
        runs: Vec<Earlier>,
    },
    /// A bundle about a run was written.
    Bundled {
        /// Where it is.
        path: String,
    },
}

/// A run of this home, in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLine {
    /// The cluster.
    pub cluster: String,
    /// How it stands, in a word or two.
    pub state: String,
    /// Whether a process works on it.
    pub live: bool,
    /// When it was heard of last.
    pub heard: Option<Timestamp>,
}

/// What is heard of a run that is watched.
#[derive(Debug, Clone, PartialEq)]
pub enum Run {
    /// Events, in order.
    Events(Vec<Event>),
    /// Everything that was written so far has been told; what follows happens now.
    UpToDate,
    /// The process that wrote them is gone without a last word.
    Gone,
    /// The run cannot be followed.
    Failed {
        /// Why.
        error: String,
    },
    /// What people do next, read from the folder of a run that is done: words and values, such as `kubeconfig` and its path.
    Results(Vec<(String, String)>),
}
