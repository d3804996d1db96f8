//! Questions and answers.

use serde::{Deserialize, Serialize};

use crate::{finding::Finding, list::Want};

/// A part of the wizard: the questions that one looks at together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Which platform.
    Provider,
    /// How the platform is reached: addresses, trust, credentials.
    Access,
    /// What of the platform is used: nodes, storages, networks, images.
    Resources,
    /// Name, shape and size of the cluster.
    Machines,
    /// Addresses of machines, endpoint, services, pods and tenants.
    Network,
    /// What is installed, how tenants are reached, and how people are kept apart.
    Addons,
    /// The file, with everything that was found.
    Review,
}

impl Step {
    /// Every step in order.
    pub const ALL: [Self; 7] = [
        Self::Provider,
        Self::Access,
        Self::Resources,
        Self::Machines,
        Self::Network,
        Self::Addons,
        Self::Review,
    ];

    /// The word for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Provider => "Provider",
            Self::Access => "Access",
            Self::Resources => "Resources",
            Self::Machines => "Machines",
            Self::Network => "Network",
            Self::Addons => "Addons",
            Self::Review => "Review",
        }
    }
}

/// One question as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Path of the setting in the file.
    pub path: String,
    /// The step that it belongs to.
    pub step: Step,
    /// Heading that it stands under; questions of one heading follow each other.
    pub group: &'static str,
    /// A few words before the field.
    pub label: String,
    /// A sentence or two about what it means.
    pub help: String,
    /// What an answer looks like.
    pub kind: Kind,
    /// Whether the file is not complete without it.
    pub required: bool,
    /// Whether it is usually left alone, so that it may be folded away.
    pub rare: bool,
    /// What holds where nothing is answered, as text.
    pub usual: Option<String>,
    /// What was answered.
    pub answer: Option<Answer>,
    /// The list of the platform that answers can be chosen from.
    pub list: Option<Want>,
    /// The worst that is wrong with it.
    pub finding: Option<Finding>,
}

/// What an answer looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Any text in one line.
    Text,
    /// A whole number.
    Number {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
        /// What is counted, such as `MB`; empty where the label says it.
        unit: &'static str,
    },
    /// One of a few.
    Choice(Vec<Alternative>),
    /// Yes or no.
    Flag,
    /// Several texts; written with commas.
    Texts,
    /// Where a secret comes from, never the secret itself.
    Secret,
}

/// One of a few answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// What the file says.
    pub value: String,
    /// What it means.
    pub about: String,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The answer as text, as one types it: `3`, `yes`, `a, b`, `env:NAME`.
    pub text: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// Nobody was asked: it holds where nothing is said.
    Usual,
    /// The platform offers it, and nothing else fits.
    Discovered,
    /// Chosen from a list.
    Chosen,
    /// Typed.
    Typed,
    /// From a configuration that was opened.
    File,
    /// From the command line.
    Set,
}

impl Origin {
    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usual => "default",
            Self::Discovered => "discovered",
            Self::Chosen => "chosen",
            Self::Typed => "typed",
            Self::File => "file",
            Self::Set => "set",
        }
    }
}
