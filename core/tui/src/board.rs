//! What is heard of a management cluster, and what is done with it.

use std::path::PathBuf;
use std::sync::Arc;

use butler_files::Draft;
use butler_lifecycle::health::Finding;
use butler_tenancy::clusters::{
    create::{Wanted, interview::Interview},
    describe::tree::Part,
    edit::Edit,
    read::Found,
};
use butler_tenancy::live::{Kind, News};

/// Whom a management cluster is worked with as, and which one it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Who {
    /// The cluster, by the server of the login or the file of the kubeconfig.
    pub place: String,
    /// The person, where somebody is logged in.
    pub person: Option<String>,
    /// The active team.
    pub team: Option<String>,
    /// The namespace that new clusters go to, and whose objects come first.
    pub namespace: Option<String>,
}

/// A tenant cluster, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// What no other cluster ever has.
    pub uid: String,
}

/// A tenant cluster that somebody has edited as a text.
#[derive(Debug, Clone)]
pub struct Edited {
    /// The cluster.
    pub target: Target,
    /// The object that was edited.
    pub found: Arc<Found>,
    /// What the edit means.
    pub edit: Edit,
    /// What it comes to, as the lines that change.
    pub lines: Vec<String>,
    /// The text.
    pub draft: Draft,
}

impl PartialEq for Edited {
    fn eq(&self, other: &Self) -> bool {
        (&self.target, &self.edit, &self.lines, &self.draft) == (&other.target, &other.edit, &other.lines, &other.draft)
    }
}

/// Another management cluster, or another team of the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    /// The one of the login on this server of Butler's.
    Login(String),
    /// The one of a kubeconfig.
    Kubeconfig(PathBuf),
    /// The one of a context of the kubeconfig that is used.
    Context(String),
    /// This team of the login that is used.
    Team(String),
}

/// A place that can be gone to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Where it leads.
    pub to: Elsewhere,
    /// What it is called.
    pub name: String,
    /// What is known of it.
    pub about: String,
    /// It is where somebody is.
    pub is_here: bool,
}

/// Something to do with a tenant cluster.
#[derive(Debug, Clone)]
pub enum Act {
    /// Makes one.
    Create(Box<Wanted>),
    /// Asks for so many workers.
    Scale(Target, String),
    /// Asks for a release of Kubernetes.
    Upgrade(Target, String),
    /// Deletes it, and no other one that has its name by now.
    Delete(Target),
    /// Writes its kubeconfig to a file.
    Kubeconfig(Target, String),
    /// Enables an addon on it.
    Enable(Target, String),
    /// Takes an addon from it.
    Disable(Target, String),
    /// Changes it as somebody has edited it.
    Edit(Box<Edited>),
}

/// Rows of words, with a heading for each column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// The headings.
    pub heads: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
    /// What is missing, and why.
    pub remark: Option<String>,
}

/// A tenant cluster with everything that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Details {
    /// The cluster as a tree of its parts.
    pub tree: Part,
    /// Its nodes or machines.
    pub nodes: Section,
    /// Its addons.
    pub addons: Section,
    /// What its controllers say.
    pub conditions: Section,
    /// What happened to it.
    pub events: Section,
    /// What became of it and its parts, in the order of time.
    pub timeline: Section,
    /// The object, as text.
    pub yaml: Vec<String>,
}

/// What is heard.
#[derive(Debug, Clone, PartialEq)]
pub enum Board {
    /// The cluster can be worked with.
    Reached(Who),
    /// It cannot.
    Away {
        /// Why not.
        error: String,
        /// What can be done about it.
        hint: Option<String>,
    },
    /// News of a list.
    List {
        /// The kind.
        kind: Kind,
        /// Which part of the list it is about, such as one of several namespaces.
        part: u16,
        /// How many parts there are.
        parts: u16,
        /// What is heard.
        news: News,
    },
    /// A kind may not be seen, or cannot be.
    Refused {
        /// The kind.
        kind: Kind,
        /// Why not.
        error: String,
        /// What can be done about it.
        hint: Option<String>,
    },
    /// What is known of a cluster.
    Details {
        /// The cluster.
        uid: String,
        /// What is known, or why nothing is.
        details: Result<Box<Details>, String>,
    },
    /// How the management cluster does, the worst first; or why nobody knows for the moment.
    Health(Result<Vec<Finding>, String>),
    /// What became of something that was done.
    Acted {
        /// What was done, as a command.
        command: String,
        /// What came of it.
        outcome: Result<String, (String, Option<String>)>,
    },
    /// The questions of a new cluster can be asked.
    Prepared(Box<Interview>),
    /// A cluster was edited as a text; nothing is changed by that yet.
    Edited(Box<Edited>),
    /// The places that can be gone to, or why nobody knows.
    Places(Result<Vec<Choice>, String>),
}
