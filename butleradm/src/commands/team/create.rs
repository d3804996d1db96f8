//! `butleradm team create`.

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::teams::create::{self, Wish};
use butler_tenancy::teams::wait::{self, For, Waited};
use butler_terminal::{Exit, Failure, args::OutputArgs};
use kube::api::DynamicObject;

use super::limits::LimitArgs;
use super::shown;
use crate::commands::people::{self, DryRun, WaitArgs};
use crate::failure;

/// Options of `team create`.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    /// Name of the team, and of its namespace
    #[arg(value_name = "TEAM", required_unless_present = "name", conflicts_with = "name")]
    pub team: Option<String>,
    /// Name of the team, and of its namespace
    #[arg(long, value_name = "TEAM")]
    pub name: Option<String>,
    /// Name for people
    #[arg(long, value_name = "TEXT")]
    pub display_name: Option<String>,
    /// What the team is for
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Only try it: client prints the object, server has it checked
    #[arg(long, value_name = "WHERE", value_enum, conflicts_with = "wait")]
    pub dry_run: Option<DryRun>,
    /// Whether it is waited until the team is ready.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// What the team may use.
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
pub(crate) fn run(account: Account<'_>, args: &CreateArgs) -> Result<(), Failure> {
    let ui = account.ui;
    let name = args.team.clone().or_else(|| args.name.clone());
    let wish = Wish {
        name: name.ok_or_else(|| Failure::new(Exit::Usage, "which team?").hint("name it: --name TEAM"))?,
        display_name: args.display_name.clone(),
        description: args.description.clone(),
        limits: (&args.limits).into(),
    };
    wish.validate().map_err(|error| failure::people::create_team(&error))?;
    if args.dry_run == Some(DryRun::Client) {
        ui.answer(&shown::shown(object(&wish)?), args.output.output)?;
        ui.note("Nothing was changed.");
        return Ok(());
    }
    let writer = people::writer(args.dry_run.is_some());
    let team = work::run(account, &args.access, async |reach| {
        let team = create::create(&reach, &writer, &wish).await;
        let team = team.map_err(|error| failure::people::create_team(&error))?;
        if !args.wait.wait {
            return Ok(team);
        }
        let tell = |cause: &str| ui.note(&format!("team {}: {cause}", wish.name));
        let waited = wait::wait(&reach, &wish.name, For::Ready, args.wait.timeout, tell).await;
        ready(waited, team, &wish.name)
    })?;
    ui.answer(&shown::shown(team), args.output.output)?;
    if args.dry_run.is_some() {
        ui.note("Nothing was changed.");
    } else {
        let name = &wish.name;
        ui.hint(&format!("butleradm team add-member {name} --email EMAIL --role admin"));
    }
    Ok(())
}

fn object(wish: &Wish) -> Result<DynamicObject, Failure> {
    let object = serde_json::to_value(wish.build()).and_then(serde_json::from_value);
    object.map_err(|error| Failure::from_error(Exit::Failed, &error))
}

fn ready(waited: Waited, made: DynamicObject, name: &str) -> Result<DynamicObject, Failure> {
    match waited {
        Waited::Done(team) => Ok(team.map_or(made, |team| *team)),
        Waited::Deleted => Err(Failure::new(
            Exit::Failed,
            format!("team {name} was deleted before it was ready"),
        )),
        Waited::Deadline(cause) => {
            let message = format!("team {name} was created, and is not ready yet");
            let failure = Failure::new(Exit::Deadline, message).cause(cause);
            Err(failure.hint(format!("look again: butleradm team get {name}")))
        }
    }
}
