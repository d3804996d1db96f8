//! `butleradm team delete`.

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::teams::wait::{self, For, Waited};
use butler_tenancy::teams::{change, delete};
use butler_terminal::{Exit, Failure};

use crate::commands::people::WaitArgs;
use crate::confirm::ConfirmArgs;
use crate::failure;

/// Options of `team delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    /// Name of the team
    #[arg(value_name = "TEAM")]
    pub team: String,
    /// Whether the user means it.
    #[command(flatten)]
    pub confirm: ConfirmArgs,
    /// Whether it is waited until the team is gone.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &DeleteArgs) -> Result<(), Failure> {
    let (ui, name) = (account.ui, &args.team);
    let waited = work::run(account, &args.access, async |reach| {
        let team = change::find(&reach, name).await;
        let team = team.map_err(|error| failure::people::team(&error))?;
        let refused = delete::refuse_blocked(&reach, &team).await;
        refused.map_err(|error| failure::people::delete_team(&error))?;
        args.confirm.ask(ui, "team", name)?;
        let deleted = delete::delete(&reach, &team).await;
        deleted.map_err(|error| failure::people::delete_team(&error))?;
        if !args.wait.wait {
            return Ok(None);
        }
        let tell = |cause: &str| ui.note(&format!("team {name}: {cause}"));
        Ok(Some(wait::wait(&reach, name, For::Gone, args.wait.timeout, tell).await))
    })?;
    match waited {
        None => ui.note(&format!("team {name} is being deleted, with its namespace")),
        Some(Waited::Done(_) | Waited::Deleted) => ui.note(&format!("team {name} deleted")),
        Some(Waited::Deadline(cause)) => {
            let message = format!("team {name} is being deleted, and is still there");
            let failure = Failure::new(Exit::Deadline, message).cause(cause);
            return Err(failure.hint(format!("look again: butleradm team get {name}")));
        }
    }
    Ok(())
}
