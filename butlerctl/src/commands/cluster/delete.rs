//! `butlerctl cluster delete`.

use std::time::Duration;

use butler_account::failure;
use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::clusters::delete::{self, Begun};
use butler_tenancy::clusters::read::{self, Found, ReadError};
use butler_tenancy::clusters::wait::{Asked, Goal};
use butler_terminal::prompt::Question;
use butler_terminal::{Failure, text};

use super::one::{ClusterArgs, unread};
use super::waiting::{DryRunArgs, Work};

/// Options of `cluster delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Delete without asking for the name
    #[arg(short, long)]
    pub yes: bool,
    /// Delete without asking for the name
    #[arg(long, hide = true)]
    pub force: bool,
    /// Do not wait until it is gone
    #[arg(long, conflicts_with = "wait")]
    pub no_wait: bool,
    /// Wait until it is gone, as is done anyway
    #[arg(long, hide = true)]
    pub wait: bool,
    /// How long to wait, for example 15m
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = butler_api::duration::parse_positive)]
    pub timeout: Duration,
    /// Succeed where there is no such cluster
    #[arg(long)]
    pub ignore_not_found: bool,
    /// Whether to change anything.
    #[command(flatten)]
    pub dry_run: DryRunArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &DeleteArgs) -> Result<(), Failure> {
    work::run_stoppable(account, &args.cluster.access, async |reach, stop| {
        let place = args.cluster.place.find(account, &reach).await?;
        let work = Work {
            account,
            reach: &reach,
            place: &place,
            stop: &stop,
        };
        let name = args.cluster.name();
        let found = match read::cluster(&reach, &place.namespace, name).await {
            Ok(found) => found,
            Err(ReadError::Missing { .. }) if args.ignore_not_found => {
                account.ui.note(&format!("there is no cluster {name}"));
                return Ok(());
            }
            Err(error) => return Err(unread(account.tool, &error)),
        };
        if !args.yes
            && !args.force
            && args.dry_run.dry_run.is_none()
            && found.object.metadata.deletion_timestamp.is_none()
        {
            confirm(&work, name).await?;
        }
        delete(&work, args, &found).await
    })
}

/// Lets somebody type the name of the cluster.
async fn confirm(work: &Work<'_>, name: &str) -> Result<(), Failure> {
    let expected = name.to_owned();
    let words = format!(
        "Type the name of the cluster to delete it and everything in it: {}",
        text::sanitise_line(name)
    );
    work.ask("--yes", move |prompt| {
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

async fn delete(work: &Work<'_>, args: &DeleteArgs, found: &Found) -> Result<(), Failure> {
    let (ui, name) = (work.account.ui, found.name.as_str());
    let begun = work.unless_stopped(name, async {
        match delete::delete(work.reach, found, args.dry_run.writer(work.account)).await {
            Ok(begun) => Ok(begun),
            Err(error) => {
                let failure = failure::refused(work.reach, work.place, &error).await;
                Err(failure.while_doing(format!("cannot delete cluster {name}")))
            }
        }
    });
    let begun = begun.await?;
    if args.dry_run.dry_run.is_some() {
        ui.note(&format!(
            "cluster {name} would be deleted; a dry run, nothing was changed"
        ));
        return Ok(());
    }
    match begun {
        Begun::Now => ui.note(&format!("cluster {name} is being deleted")),
        Begun::Before => ui.note(&format!("cluster {name} is being deleted already")),
        Begun::Gone => {}
    }
    if args.no_wait && begun != Begun::Gone {
        ui.hint(&format!("wait for it: {}", work.command("wait --for=deleted", name)));
        return Ok(());
    }
    if begun != Begun::Gone {
        let asked = Asked {
            namespace: found.namespace.clone(),
            name: name.to_owned(),
            goal: Goal::Deleted,
            uid: found.object.metadata.uid.clone(),
            timeout: args.timeout,
        };
        work.follow(&asked).await?;
    }
    ui.note(&format!("cluster {name} is gone"));
    Ok(())
}
