//! What a binary brings to the commands that both have.

use std::path::{Path, PathBuf};

use butler_terminal::{Env, Ui};
use futures::future::BoxFuture;

/// One of the two command lines.
#[derive(Clone, Copy)]
pub struct Tool {
    /// Its name, for hints.
    pub name: &'static str,
    /// Only platform administrators can work with it.
    pub for_administrators: bool,
    /// The servers that run on this computer for this home, whose authorities are trusted without being named. It gets the
    /// folder of the home's state.
    pub own_servers: fn(PathBuf) -> BoxFuture<'static, Vec<OwnServer>>,
}

/// A server that runs on this computer for this home.
#[derive(Debug, Clone)]
pub struct OwnServer {
    /// Its address.
    pub url: String,
    /// The file with the authority of its certificate (PEM).
    pub authority: PathBuf,
}

impl From<(String, PathBuf)> for OwnServer {
    /// A server by its address and the file of its authority.
    fn from((url, authority): (String, PathBuf)) -> Self {
        Self { url, authority }
    }
}

/// What a command works with: the tool it belongs to, where it prints, and the environment.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    /// The command line that it is a command of.
    pub tool: Tool,
    /// Where it prints.
    pub ui: &'a Ui,
    /// The environment of the process.
    pub env: &'a Env,
}

impl Tool {
    /// A command of this tool, as people type it.
    pub fn command(&self, rest: &str) -> String {
        format!("{} {rest}", self.name)
    }

    /// The servers of this home.
    pub(crate) async fn servers(&self, state: &Path) -> Vec<OwnServer> {
        (self.own_servers)(state.to_owned()).await
    }
}
