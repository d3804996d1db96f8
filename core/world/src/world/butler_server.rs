//! Butler's servers as the world shows them, and what whoever runs the world can say to the logins that wait there.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The server of one cluster, as the control API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ButlerServerView {
    /// The name of the cluster.
    pub cluster: String,
    /// Where it answers.
    pub url: String,
    /// The file with the certificate of the authority that its own certificate is of.
    pub ca_file: PathBuf,
}

/// A server at which programs wait for people.
pub trait LoginServer: Send + Sync {
    /// Lets the program with a user code act for a person, who is named by user name or e-mail address.
    fn approve(&self, user_code: &str, who: &str) -> Result<(), LoginError>;
    /// Refuses the program with a user code.
    fn deny(&self, user_code: &str) -> Result<(), LoginError>;
}

/// Why nobody can say that to a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// No server knows the code.
    #[error("no login waits with code {0}: it is wrong, spent or too old")]
    NoCode(String),
    /// Somebody has said something already.
    #[error("code {0} has been approved or denied already")]
    Resolved(String),
    /// The cluster does not know the person.
    #[error("there is no user {0}")]
    NoUser(String),
    /// The person may do nothing here.
    #[error("user {0} cannot log in: the account is disabled, or in no team")]
    NoAccess(String),
    /// The users cannot be read.
    #[error("cannot read the users: {0}")]
    Unreadable(String),
}
