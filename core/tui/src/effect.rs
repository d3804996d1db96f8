//! What a screen wants to happen. Screens perform nothing themselves.

use std::{collections::BTreeMap, path::PathBuf};

use butler_api::config::{ImageSettings, Provider};
use butler_tenancy::live::Kind;
use butler_wizard::list::Want;
use secrecy::SecretString;

use crate::board::{Act, Edited, Elsewhere, Target};

/// A platform as it is described.
#[derive(Debug, Clone)]
pub struct Described {
    /// Its settings, with credentials by their sources.
    pub settings: Provider,
    /// Values of environment variables that sources may name beside those of this process.
    pub secrets: BTreeMap<String, SecretString>,
    /// The folder that relative paths in the settings are of.
    pub folder: PathBuf,
}

/// An image as it is described, with what the platform is asked with.
#[derive(Debug, Clone)]
pub struct Wished {
    /// Which image, and on which platform; credentials by their sources.
    pub image: ImageSettings,
    /// Values of environment variables that sources may name beside those of this process.
    pub secrets: BTreeMap<String, SecretString>,
    /// The folder that relative paths in the settings are of.
    pub folder: PathBuf,
}

/// One thing to do.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Ends the program; the words stay on the terminal below the command.
    Leave {
        /// Lines of text.
        words: Vec<String>,
    },
    /// Gives the terminal back until the program is continued.
    Suspend,
    /// Draws everything anew.
    Redraw,
    /// Puts a text on the clipboard.
    Copy(String),
    /// Switches whether the mouse speaks to the program.
    Mouse(bool),
    /// Asks the platform. A newer question of the same kind and parent takes the place of an older one.
    Ask {
        /// What is asked.
        want: Want,
        /// Who is asked.
        platform: Box<Described>,
    },
    /// Has the platform bring the image of the machines. Another image takes the place of an earlier one.
    Bring {
        /// What is answered.
        want: Want,
        /// Which image.
        wished: Box<Wished>,
    },
    /// Does not wait any longer for what the platform says.
    Forget(Want),
    /// Keeps a draft; it holds no secret.
    SaveDraft(String),
    /// Throws the draft away.
    DropDraft,
    /// Writes the configuration.
    SaveFile {
        /// Where to.
        path: String,
        /// What.
        text: String,
        /// Whether a file that is there is replaced. Where it is not, and another text is there, `Done::Taken` comes of it.
        replace: bool,
    },
    /// Reads a configuration; `Done::Opened` comes of it.
    OpenFile {
        /// Where it is.
        path: String,
    },
    /// Writes the configuration and starts the run as a process of its own.
    Launch {
        /// The cluster.
        cluster: String,
        /// Where the configuration is written.
        path: String,
        /// The configuration.
        text: String,
        /// Whether a file that is there is replaced. Where it is not, and another text is there, `Done::Taken` comes of it.
        replace: bool,
        /// Environment variables that the run is started with, beside those of this process.
        secrets: BTreeMap<String, SecretString>,
    },
    /// Watches the run of a cluster.
    Watch {
        /// The cluster.
        cluster: String,
    },
    /// Stops a run and keeps everything that it made.
    StopRun {
        /// The cluster.
        cluster: String,
    },
    /// Stops a run and destroys what it made.
    DestroyRun {
        /// The cluster.
        cluster: String,
    },
    /// Looks for earlier runs on a cluster; `Done::Earlier` comes of it.
    FindEarlier {
        /// The cluster.
        cluster: String,
    },
    /// Writes a bundle about a run for whoever helps; `Done::Bundled` comes of it.
    Bundle {
        /// The cluster.
        cluster: String,
        /// Why it is not further, as text.
        why: String,
    },
    /// Lists the runs of this home.
    ListRuns,
    /// Shows the wizard of a new management cluster; who leaves it comes back here.
    Bootstrap,
    /// Shows the runs of this home in the same way.
    Runs,
    /// Reaches the management cluster; `Board::Reached` comes of it.
    Reach,
    /// Keeps a list true, from its beginning; an older one of the kind ends.
    Follow {
        /// The kind.
        kind: Kind,
        /// Only objects with these labels.
        labels: Option<String>,
    },
    /// Does not listen to a list any more.
    Unfollow(Kind),
    /// Looks at a tenant cluster; `Board::Details` comes of it. A newer look takes the place of an older one.
    Look(Target),
    /// Examines the management cluster, and again when something changes; `Board::Health` comes of it.
    Examine,
    /// Examines it no longer.
    LeaveHealth,
    /// Looks up what the questions of a new cluster need; `Board::Prepared` comes of it.
    Prepare,
    /// Lets somebody edit a tenant cluster as a text; `Board::Edited` comes of it, or `Board::Acted` where nothing was edited.
    Edit(Target),
    /// The same with the text as it was left.
    EditAgain(Box<Edited>),
    /// Looks up which management clusters and teams there are; `Board::Places` comes of it.
    Places,
    /// Works with another management cluster, or for another team; it is not reached by that yet.
    Switch(Elsewhere),
    /// Does something; `Board::Acted` comes of it.
    Act {
        /// What.
        act: Act,
        /// The command that it stands for.
        command: String,
    },
}
