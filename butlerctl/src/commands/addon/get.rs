//! `butlerctl addon get`.

use butler_account::tool::Account;
use butler_tenancy::addons::read;
use butler_tenancy::clusters::read::cluster;
use butler_terminal::{Failure, args::OutputArgs};

use super::failure;
use super::rows::Answered;
use super::target::TargetArgs;

/// Options of `addon get`.
#[derive(Debug, clap::Args)]
pub struct GetArgs {
    /// Which addon.
    #[command(flatten)]
    target: TargetArgs,
    /// Format of the answer.
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &GetArgs) -> Result<(), Failure> {
    let one = args.target.read(account, async |on, target| {
        let found = async {
            let cluster = cluster(on.reach, &target.namespace, &target.cluster).await?;
            read::addons(on.reach, &cluster).await?.named(target)
        };
        failure::told(on, found).await
    })?;
    account.ui.answer(&Answered::fields(one), args.output.output)
}
