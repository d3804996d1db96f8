//! `butleradm team update`.

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::teams::change::{self, Wish};
use butler_terminal::{Exit, Failure, args::OutputArgs};

use super::limits::LimitArgs;
use super::shown;
use crate::commands::people;
use crate::failure;

/// Options of `team update`.
#[derive(Debug, clap::Args)]
pub struct UpdateArgs {
    /// Name of the team
    #[arg(value_name = "TEAM")]
    pub team: String,
    /// Name for people; empty takes it away
    #[arg(long, value_name = "TEXT")]
    pub display_name: Option<String>,
    /// What the team is for; empty takes it away
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// What the team may use; what is not named stays.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &UpdateArgs) -> Result<(), Failure> {
    let wish = Wish {
        display_name: args.display_name.clone(),
        description: args.description.clone(),
        limits: (&args.limits).into(),
    };
    if wish.is_empty() {
        let failure = Failure::new(Exit::Usage, "nothing says what is to change");
        return Err(failure.hint("name it, for example --max-clusters COUNT"));
    }
    let outcome = work::run(account, &args.access, async |reach| {
        let outcome = change::update(&reach, &people::writer(false), &args.team, &wish).await;
        outcome.map_err(|error| failure::people::team(&error))
    })?;
    account.ui.answer(&shown::shown(outcome.object), args.output.output)?;
    if !outcome.changed {
        account.ui.note("It was so already.");
    }
    Ok(())
}
