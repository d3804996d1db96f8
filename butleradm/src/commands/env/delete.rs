//! `butleradm env delete`.

use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::environments::change::{self, Edit};
use butler_tenancy::environments::list::{self, InUse};
use butler_tenancy::teams;
use butler_terminal::{Exit, Failure};

use super::OfTeamArgs;
use crate::commands::people;
use crate::confirm::ConfirmArgs;
use crate::failure;

/// Options of `env delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    /// Name of the environment
    #[arg(value_name = "ENVIRONMENT")]
    pub name: String,
    /// Of which team.
    #[command(flatten)]
    pub of: OfTeamArgs,
    /// Whether the user means it.
    #[command(flatten)]
    pub confirm: ConfirmArgs,
    /// Also if clusters are in it, which then name an environment that is not there
    #[arg(long)]
    pub force: bool,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &DeleteArgs) -> Result<(), Failure> {
    let (ui, name, team) = (account.ui, &args.name, &args.of.team);
    work::run(account, &args.of.access, async |reach| {
        let found = teams::change::find(&reach, team).await;
        let found = found.map_err(|error| failure::people::team(&error))?;
        change::there(&found, name).map_err(|error| failure::people::environment(&error))?;
        if !args.force {
            let clusters = list::in_use(&reach, &found, name).await;
            clusters.map_err(|error| in_use(&error, team))?;
        }
        args.confirm.ask(ui, "environment", name)?;
        let gone = change::change(&reach, &people::writer(false), team, name, &Edit::Remove).await;
        gone.map_err(|error| failure::people::environment(&error))
    })?;
    ui.note(&format!("environment {name} of team {team} deleted"));
    Ok(())
}

fn in_use(error: &InUse, team: &str) -> Failure {
    match error {
        InUse::Clusters { .. } => Failure::from_error(Exit::Failed, error)
            .hint(format!(
                "first: butleradm env migrate --team {team} --environment OTHER --all --relabel"
            ))
            .hint("or add --force: they then name an environment that is not there"),
        InUse::Kubernetes { source, .. } => failure::people::kubernetes(source, error.to_string()),
    }
}
