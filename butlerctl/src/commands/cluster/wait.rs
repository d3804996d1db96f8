//! `butlerctl cluster wait`.

use std::time::Duration;

use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::clusters::wait::{Asked, Goal};
use butler_terminal::{Failure, args::OutputArgs};

use super::one::ClusterArgs;
use super::waiting::Work;

/// Options of `cluster wait`.
#[derive(Debug, clap::Args)]
pub struct WaitForArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// What to wait for: ready, deleted, condition=TYPE[=STATUS] or version=VERSION
    #[arg(long = "for", value_name = "GOAL", default_value = "ready")]
    pub goal: Goal,
    /// How long to wait, for example 15m
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = butler_api::duration::parse_positive)]
    pub timeout: Duration,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &WaitForArgs) -> Result<(), Failure> {
    let object = work::run_stoppable(account, &args.cluster.access, async |reach, stop| {
        let place = args.cluster.place.find(account, &reach).await?;
        let work = Work {
            account,
            reach: &reach,
            place: &place,
            stop: &stop,
        };
        let asked = Asked {
            namespace: place.namespace.clone(),
            name: args.cluster.name().to_owned(),
            goal: args.goal.clone(),
            uid: None,
            timeout: args.timeout,
        };
        work.follow(&asked).await
    })?;
    let name = args.cluster.name();
    let Some(object) = object else {
        account.ui.note(&format!("cluster {name} is gone"));
        return Ok(());
    };
    account.ui.note(&format!("cluster {name} is {}", args.goal));
    super::waiting::answer(account, object, args.output)
}
