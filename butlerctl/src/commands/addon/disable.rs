//! `butlerctl addon disable`.

use butler_account::tool::Account;
use butler_tenancy::addons::catalog;
use butler_tenancy::addons::disable::{self, Begun, Facts};
use butler_tenancy::addons::wait::{Goal, Subject};
use butler_tenancy::addons::{AddonError, Target};
use butler_tenancy::clusters::change::DryRun;
use butler_terminal::prompt::Question;
use butler_terminal::{Failure, text};
use kube::ResourceExt as _;

use super::failure;
use super::target::TargetArgs;
use super::waiting::{self, WaitArgs};
use crate::commands::cluster::waiting::{DryRunArgs, Work};

/// Options of `addon disable`.
#[derive(Debug, clap::Args)]
pub struct DisableArgs {
    /// Which addon.
    #[command(flatten)]
    target: TargetArgs,
    /// Remove without asking for the name
    #[arg(short, long)]
    yes: bool,
    /// Succeed where the cluster does not have it
    #[arg(long)]
    ignore_not_found: bool,
    /// Whether to wait.
    #[command(flatten)]
    waiting: WaitArgs,
    /// Whether to change anything.
    #[command(flatten)]
    dry_run: DryRunArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &DisableArgs) -> Result<(), Failure> {
    args.target.work(account, async |on, target| {
        let found = async {
            match disable::look_up(on.reach, target).await {
                Err(AddonError::Missing { .. }) if args.ignore_not_found => Ok(None),
                found => found.map(Some),
            }
        };
        let Some(facts) = on.unless_left(failure::told(on, found)).await? else {
            on.account
                .ui
                .note(&format!("cluster {} has no addon {}", target.cluster, target.addon));
            return Ok(());
        };
        tell_needed(on, target, &facts).await?;
        if !args.yes && args.dry_run.dry_run.is_none() && facts.object.metadata.deletion_timestamp.is_none() {
            confirm(on, target).await?;
        }
        remove(on, args, target, &facts).await
    })
}

/// Says which other addons need it. Where the catalog cannot be read, nobody knows.
async fn tell_needed(on: &Work<'_>, target: &Target, facts: &Facts) -> Result<(), Failure> {
    let needed = on.unless_left(async {
        let catalog = catalog::all(on.reach).await.unwrap_or_else(|_| Vec::new());
        Ok(facts.needed_by(&catalog))
    });
    let needed = needed.await?;
    if !needed.is_empty() {
        let (addon, others) = (&target.addon, needed.join(", "));
        on.account.ui.warn(
            &format!("cluster {} has addons that need {addon}: {others}", target.cluster),
            None,
        );
    }
    Ok(())
}

/// Lets somebody type the name of the addon.
async fn confirm(on: &Work<'_>, target: &Target) -> Result<(), Failure> {
    let expected = target.addon.clone();
    let words = format!(
        "Type the name of the addon to remove it from cluster {}: {}",
        text::sanitise_line(&target.cluster),
        text::sanitise_line(&target.addon)
    );
    on.ask("--yes", move |prompt| {
        let question = Question {
            words: &words,
            flag: "--yes",
        };
        prompt.text(question, None, move |typed| {
            if typed == expected {
                Ok(())
            } else {
                Err(format!("it is called {expected}"))
            }
        })
    })
    .await
}

async fn remove(on: &Work<'_>, args: &DisableArgs, target: &Target, facts: &Facts) -> Result<(), Failure> {
    let (ui, Target { cluster, addon, .. }) = (on.account.ui, target);
    let would = format!("addon {addon} would be removed from cluster {cluster}; a dry run, nothing was changed");
    if args.dry_run.dry_run == Some(DryRun::Client) {
        ui.note(&would);
        return Ok(());
    }
    let writer = args.dry_run.change(on.account);
    let begun = failure::told(on, disable::disable(on.reach, &writer, target, facts));
    let begun = on.write(begun, || waiting::look(on, target)).await?;
    if args.dry_run.dry_run.is_some() {
        ui.note(&would);
        return Ok(());
    }
    match begun {
        Begun::Now => ui.note(&format!("addon {addon} is being removed from cluster {cluster}")),
        Begun::Before => ui.note(&format!(
            "addon {addon} is being removed from cluster {cluster} already"
        )),
        Begun::Gone => {}
    }
    if begun != Begun::Gone {
        if !args.waiting.wait {
            return Ok(());
        }
        let subject = Subject::Addon(facts.object.name_any(), facts.object.metadata.uid.clone());
        waiting::follow(on, target, subject, Goal::Gone, args.waiting.timeout).await?;
    }
    ui.note(&format!("addon {addon} is gone from cluster {cluster}"));
    Ok(())
}
