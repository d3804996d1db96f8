//! Lists and checks of a platform, as the wizard waits for them.

use butler_api::choice::{Choice, Query};
use jiff::Timestamp;

/// What the platform is asked for. What it was asked with is part of it: an answer to other credentials fits nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Want {
    /// A digest of the settings that decide who is asked, and as whom. Secrets count by their source.
    pub platform: String,
    /// What is asked.
    pub about: About,
}

/// What a platform can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum About {
    /// Whether it can be used: reachable, trusted, permitted.
    Access,
    /// What it has that a configuration can name.
    List(Query),
    /// The image that the machines are made from, which it brings.
    Image,
}

/// How far the image of the machines is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageState {
    /// What decides it is not answered yet.
    Open,
    /// Nobody has asked for it: the run brings it.
    Idle,
    /// It is being brought.
    Coming {
        /// Since when.
        since: Timestamp,
        /// What is being done, in the platform's own words; empty as long as it has said nothing.
        words: String,
        /// What can be done about it.
        hint: Option<String>,
    },
    /// The platform has it.
    There {
        /// What it is called there.
        name: String,
        /// Since when that is known.
        at: Timestamp,
    },
    /// It could not be brought.
    Failed {
        /// What went wrong, in the platform's own words.
        error: String,
        /// What can be done about it.
        hint: Option<String>,
        /// When it failed.
        at: Timestamp,
    },
}

/// How far a question to the platform is.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Not asked yet.
    Idle,
    /// Being answered.
    Loading {
        /// Since when.
        since: Timestamp,
        /// What has come so far.
        so_far: Vec<Choice>,
    },
    /// Answered.
    Here {
        /// What there is.
        items: Vec<Choice>,
        /// When it was complete.
        at: Timestamp,
    },
    /// It could not be had; what had come before the failure stays usable.
    Failed {
        /// What went wrong, in the platform's own words.
        error: String,
        /// What can be done about it.
        hint: Option<String>,
        /// What had come.
        items: Vec<Choice>,
        /// When it failed.
        at: Timestamp,
    },
}

/// One check of the access to a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// How it went.
    pub verdict: Verdict,
    /// What was looked at and what was seen.
    pub summary: String,
    /// What can be done about it.
    pub hint: Option<String>,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// It works, and should be known.
    Warn,
    /// It does not work.
    Fail,
}

/// What whoever asks the platform hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// It is being asked.
    Asked,
    /// Some more of a list.
    More(Vec<Choice>),
    /// The list is complete.
    End,
    /// The checks of the access.
    Checks(Vec<Checked>),
    /// What is being done about the image.
    Brings {
        /// In the platform's own words.
        words: String,
        /// What can be done about it.
        hint: Option<String>,
    },
    /// The platform has the image.
    There {
        /// What it is called there.
        name: String,
    },
    /// No more will come.
    Failed {
        /// What went wrong, in the platform's own words.
        error: String,
        /// What can be done about it.
        hint: Option<String>,
    },
}
