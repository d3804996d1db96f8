//! `credential`: the credentials of a login, for kubectl. A kubeconfig that `kubeconfig` writes calls it.

use butler_client::address::ServerAddress;
use butler_client::kubeconfig::entry::Entry;
use butler_terminal::{Exit, Failure};

use crate::session::{self, ServerArgs};
use crate::tool::Account;

/// Options of `credential`.
#[derive(Debug, clap::Args)]
pub struct CredentialArgs {
    /// The server whose login is used.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Runs the command.
pub fn run(account: Account<'_>, args: &CredentialArgs) -> Result<(), Failure> {
    let (store, content) = session::stored(account)?;
    let address = args.server.chosen(account.tool, &content)?;
    let session = session::good(account, &store, &address)?;
    let text = session.kubeconfig_text();
    let text = text.map_err(|error| unusable(account, &address, &error))?;
    let entry = Entry::of(&text, "butler").map_err(|error| unusable(account, &address, &error))?;
    let credential = entry.credential(session.expires_at);
    let credential = credential.map_err(|error| unusable(account, &address, &error))?;
    account.ui.print(&format!("{credential}\n"))
}

/// A login whose kubeconfig is of no use.
pub(super) fn unusable(
    account: Account<'_>,
    address: &ServerAddress,
    error: &(dyn std::error::Error + 'static),
) -> Failure {
    Failure::from_error(Exit::LoginNeeded, error)
        .while_doing(format!("the kubeconfig of the login on {address} cannot be used"))
        .hint(format!("log in again: {} login --server {address}", account.tool.name))
}
