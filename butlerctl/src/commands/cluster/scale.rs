//! `butlerctl cluster scale`.

use butler_account::tool::Account;
use butler_account::work;
use butler_api::admission::Operation;
use butler_tenancy::clusters::change::{DryRun, Writer};
use butler_tenancy::clusters::scale::{self, Workers};
use butler_terminal::{Failure, args::OutputArgs};

use super::one::ClusterArgs;
use super::waiting::{DryRunArgs, WaitArgs, Words, Work};

/// Options of `cluster scale`.
#[derive(Debug, clap::Args)]
pub struct ScaleArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// How many workers the cluster should have, from 1 to 100
    #[arg(short, long, value_name = "NUMBER", value_parser = Workers::parse)]
    pub workers: Workers,
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
pub(crate) fn run(account: Account<'_>, args: &ScaleArgs) -> Result<(), Failure> {
    let object = work::run_stoppable(account, &args.cluster.access, async |reach, stop| {
        let place = args.cluster.place.find(account, &reach).await?;
        let work = Work {
            account,
            reach: &reach,
            place: &place,
            stop: &stop,
        };
        let (name, writer) = (args.cluster.name(), args.dry_run.writer(account));
        let planned = Writer {
            dry_run: Some(DryRun::Client),
            ..writer
        };
        let changed = work.unless_stopped(name, async {
            if let Ok(planned) = scale::scale(&reach, &place.namespace, name, args.workers, planned).await {
                work.warn_of_quota(&planned.object, Operation::Update).await;
            }
            match scale::scale(&reach, &place.namespace, name, args.workers, writer).await {
                Ok(changed) => Ok(changed),
                Err(error) => Err(work.unchanged(&error).await),
            }
        });
        let changed = Box::pin(changed).await?;
        let workers = args.workers.get();
        let done = format!("cluster {name} is asked for {workers} workers");
        let same = format!("cluster {name} is asked for {workers} workers already");
        let words = Words {
            done: &done,
            same: &same,
        };
        work.settle(changed, args.waiting, args.dry_run, words).await
    })?;
    super::waiting::answer(account, object, args.output)
}
