//! `butlerctl addon upgrade`.

use butler_account::tool::Account;
use butler_tenancy::addons::AddonError;
use butler_tenancy::addons::read::One;
use butler_tenancy::addons::upgrade::{self, Facts, Wanted};
use butler_tenancy::change::Outcome;
use butler_tenancy::clusters::change::DryRun;
use butler_terminal::{Failure, args::OutputArgs};

use super::rows::Answered;
use super::target::TargetArgs;
use super::values::ValuesArgs;
use super::waiting::{self, WaitArgs};
use super::{enable, failure};
use crate::commands::cluster::waiting::{DryRunArgs, Work};

/// Options of `addon upgrade`.
#[derive(Debug, clap::Args)]
pub struct UpgradeArgs {
    /// Which addon.
    #[command(flatten)]
    target: TargetArgs,
    /// Version of the chart; where no values are given either, the one of the catalog
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Values of the chart.
    #[command(flatten)]
    values: ValuesArgs,
    /// Forget the values so far; without it new ones are put over them
    #[arg(long)]
    reset_values: bool,
    /// Whether to wait.
    #[command(flatten)]
    waiting: WaitArgs,
    /// Whether to change anything.
    #[command(flatten)]
    dry_run: DryRunArgs,
    /// Format of the answer.
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &UpgradeArgs) -> Result<(), Failure> {
    let values = args.values.read()?;
    let object = args.target.work(account, async |on, target| {
        let wanted = Wanted {
            target: target.clone(),
            version: args.version.clone(),
            values: values.clone(),
            reset_values: args.reset_values,
        };
        let facts = on.unless_left(failure::told(on, upgrade::look_up(on.reach, wanted)));
        let facts = facts.await?;
        enable::tell(on, target, &facts.warnings);
        let what = match facts.version() {
            Some(version) => format!(
                "addon {} of cluster {} is asked for {version}",
                target.addon, target.cluster
            ),
            None => format!(
                "addon {} of cluster {} is asked for other values",
                target.addon, target.cluster
            ),
        };
        let sent = Box::pin(failure::told(on, send(on, args, facts)));
        let Outcome { object, changed } = on.write(sent, || waiting::look(on, target)).await?;
        on.account.ui.note(&match (changed, args.dry_run.dry_run) {
            (false, _) => format!("addon {} of cluster {} is so already", target.addon, target.cluster),
            (true, None) => what,
            (true, Some(_)) => format!("{what}; a dry run, nothing was changed"),
        });
        match args.dry_run.dry_run {
            Some(_) => Ok(Box::new(object)),
            None => waiting::settle(on, target, Box::new(object), args.waiting, changed).await,
        }
    })?;
    account.ui.answer(&Answered::row(One::Own(object)), args.output.output)
}

/// Sends the change, or finds out what would become of it.
async fn send(on: &Work<'_>, args: &UpgradeArgs, facts: Facts) -> Result<Outcome, AddonError> {
    if args.dry_run.dry_run != Some(DryRun::Client) {
        return upgrade::upgrade(on.reach, &args.dry_run.change(on.account), facts).await;
    }
    Ok(match facts.changed() {
        Some(object) => Outcome { object, changed: true },
        None => Outcome {
            object: facts.into_object(),
            changed: false,
        },
    })
}
