//! `butleradm env migrate`.

use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::environments::change;
use butler_tenancy::environments::list;
use butler_tenancy::environments::migrate::{self, Move, PlanError, Wish};
use butler_tenancy::teams;
use butler_terminal::{Answer, Exit, Failure, Table, args::OutputArgs};
use serde::Serialize;

use super::OfTeamArgs;
use crate::commands::people;
use crate::confirm::ConfirmArgs;
use crate::failure;

/// Options of `env migrate`.
#[derive(Debug, clap::Args)]
pub struct MigrateArgs {
    /// Clusters that move
    #[arg(value_name = "CLUSTER", required_unless_present = "all", conflicts_with = "all")]
    pub clusters: Vec<String>,
    /// All clusters of the team that are in no environment
    #[arg(long)]
    pub all: bool,
    /// Environment that they are put into
    #[arg(long, value_name = "ENVIRONMENT")]
    pub environment: String,
    /// Also clusters that are in another environment
    #[arg(long)]
    pub relabel: bool,
    /// Print what would move; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Whether the user means it.
    #[command(flatten)]
    pub confirm: ConfirmArgs,
    /// Do not ask
    #[arg(long, hide = true)]
    pub force: bool,
    /// Of which team.
    #[command(flatten)]
    pub of: OfTeamArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What becomes of each cluster.
#[derive(Serialize)]
#[serde(transparent)]
struct Moved(Vec<Step>);

#[derive(Serialize)]
struct Step {
    #[serde(flatten)]
    one: Move,
    /// `planned`, `moved` or `failed`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &MigrateArgs) -> Result<(), Failure> {
    let (ui, team) = (account.ui, &args.of.team);
    let steps = work::run(account, &args.of.access, async |reach| {
        let found = teams::change::find(&reach, team).await;
        let found = found.map_err(|error| failure::people::team(&error))?;
        change::there(&found, &args.environment).map_err(|error| failure::people::environment(&error))?;
        let clusters = list::clusters(&reach, &found).await;
        let clusters = clusters.map_err(|error| failure::people::kubernetes(&error, "cannot list tenant clusters"))?;
        let moves = migrate::plan(&args.into(), &clusters).map_err(|error| unplanned(&error))?;
        let planned = Moved(moves.iter().cloned().map(|one| step(one, "planned", None)).collect());
        if args.dry_run || moves.is_empty() {
            return Ok(planned);
        }
        if !args.confirm.yes {
            ui.lines(&planned.table().lines(false, None));
        }
        let confirm = ConfirmArgs {
            yes: args.confirm.yes || args.force,
        };
        confirm.ask_moving(ui, moves.len(), &args.environment)?;
        let done = migrate::carry_out(&reach, &people::writer(false), &found, moves).await;
        let steps = done.into_iter().map(|(one, result)| match result {
            Ok(()) => step(one, "moved", None),
            Err(error) => step(one, "failed", Some(failure::people::change_in_words(&error))),
        });
        Ok(Moved(steps.collect()))
    })?;
    if steps.0.is_empty() {
        ui.note("Nothing has to move.");
    }
    ui.answer(&steps, args.output.output)?;
    let failed = steps.0.iter().filter(|step| step.state == "failed").count();
    if failed > 0 {
        let message = format!(
            "{failed} of the clusters did not move to environment {}",
            args.environment
        );
        return Err(Failure::new(Exit::Failed, message).hint("the same command again goes on with them"));
    }
    Ok(())
}

fn step(one: Move, state: &'static str, reason: Option<String>) -> Step {
    Step { one, state, reason }
}

fn unplanned(error: &PlanError) -> Failure {
    let failure = Failure::from_error(Exit::Usage, error);
    match error {
        PlanError::Missing(_) => failure.hint("butlerctl cluster list --team TEAM"),
        PlanError::Elsewhere(_) => failure.hint("to move them all the same, add --relabel"),
    }
}

impl From<&MigrateArgs> for Wish {
    fn from(args: &MigrateArgs) -> Self {
        Self {
            environment: args.environment.clone(),
            names: args.clusters.clone(),
            relabel: args.relabel,
        }
    }
}

impl Answer for Moved {
    fn table(&self) -> Table {
        let mut table = Table::new(&["CLUSTER", "FROM", "TO", "STATE", "REASON"], &[]);
        for Step { one, state, reason } in &self.0 {
            table.row([
                one.cluster.as_str().into(),
                one.from.as_deref().unwrap_or("-").into(),
                one.to.as_str().into(),
                (*state).into(),
                reason.as_deref().unwrap_or("-").into(),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|step| step.one.cluster.clone()).collect()
    }
}
