//! `butlerctl access`: who may do what in a team.

mod change;
mod list;

use butler_account::failure;
use butler_account::tool::Account;
use butler_tenancy::access::AccessError;
use butler_tenancy::teams::change::TeamError;
use butler_terminal::{Exit, Failure};

use super::cluster::waiting::Work;

/// What to do with access.
#[derive(Debug, clap::Subcommand)]
pub enum AccessCommand {
    /// Give a person or a group a role in the team
    #[command(
        visible_alias = "add",
        after_help = "For example: butlerctl access grant carol@example.com --role operator"
    )]
    Grant(change::GrantArgs),
    /// List who may do what in the team
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Take the role of a person or a group in the team
    #[command(visible_aliases = ["remove", "rm"])]
    Revoke(change::RevokeArgs),
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, chosen: AccessCommand) -> Result<(), Failure> {
    match chosen {
        AccessCommand::Grant(args) => change::grant(account, &args),
        AccessCommand::List(args) => list::run(account, &args),
        AccessCommand::Revoke(args) => change::revoke(account, &args),
    }
}

/// Does something about access, and tells why it did not come about.
async fn told<T>(on: &Work<'_>, work: impl Future<Output = Result<T, AccessError>>) -> Result<T, Failure> {
    let error = match work.await {
        Ok(done) => return Ok(done),
        Err(error) => error,
    };
    let failure = Failure::from_error(Exit::Failed, &error);
    Err(match &error {
        AccessError::Server { source, .. } => {
            let failure = failure::server(on.account.tool, failure, source);
            match source.status() {
                Some(403) => failure.hint("admins of the team and administrators of the platform may"),
                _ => failure,
            }
        }
        AccessError::Team(TeamError::Kubernetes { source, .. }) => {
            failure::kubernetes(source).while_doing(error.to_string())
        }
        AccessError::Team(_) => failure,
    })
}
