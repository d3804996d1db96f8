//! `butlerctl cluster upgrade`.

use butler_account::tool::Account;
use butler_account::work;
use butler_api::tenants::Release;
use butler_tenancy::clusters::change::ChangeError;
use butler_tenancy::clusters::upgrade::{self, CannotUpgrade};
use butler_terminal::{Failure, args::OutputArgs};

use super::one::ClusterArgs;
use super::waiting::{DryRunArgs, WaitArgs, Words, Work};

/// Options of `cluster upgrade`.
#[derive(Debug, clap::Args)]
pub struct UpgradeArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Kubernetes release to upgrade to
    #[arg(long, visible_alias = "kubernetes-version", value_name = "VERSION", value_parser = Release::parse)]
    pub version: Release,
    /// Upgrade without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Whether to wait.
    #[command(flatten)]
    pub waiting: WaitArgs,
    /// Whether to change anything.
    #[command(flatten)]
    pub dry_run: DryRunArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &UpgradeArgs) -> Result<(), Failure> {
    let object = work::run_stoppable(account, &args.cluster.access, async |reach, stop| {
        let place = args.cluster.place.find(account, &reach).await?;
        let work = Work {
            account,
            reach: &reach,
            place: &place,
            stop: &stop,
        };
        let (name, release, writer) = (args.cluster.name(), &args.version, args.dry_run.writer(account));
        if !args.yes && args.dry_run.dry_run.is_none() {
            work.agreed(&format!("Upgrade cluster {name} to Kubernetes {release}?"), "--yes")
                .await?;
        }
        let changed = work.unless_stopped(name, async {
            match upgrade::upgrade(&reach, &place.namespace, name, release, writer).await {
                Ok(changed) => Ok(changed),
                Err(error) => Err(refused(&work, name, &error).await),
            }
        });
        let (done, same) = (
            format!("cluster {name} is asked for Kubernetes {release}"),
            format!("cluster {name} is asked for Kubernetes {release} already"),
        );
        let words = Words {
            done: &done,
            same: &same,
        };
        work.settle(changed.await?, args.waiting, args.dry_run, words).await
    })?;
    super::waiting::answer(account, object, args.output)
}

/// Why it cannot be upgraded, with the first step of the way where there is one.
async fn refused(work: &Work<'_>, name: &str, error: &ChangeError<CannotUpgrade>) -> Failure {
    let failure = work
        .unchanged(error)
        .await
        .while_doing(format!("cannot upgrade cluster {name}"));
    match error {
        ChangeError::Refused(CannotUpgrade::Skew(skew)) => match skew.next_step() {
            Some(step) => failure.hint(format!(
                "begin with the next release: {} --version {step} --wait",
                work.command("upgrade", name)
            )),
            None => failure,
        },
        _ => failure,
    }
}
