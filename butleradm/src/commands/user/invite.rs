//! `butleradm user invite`.

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::users::{find, invite};
use butler_terminal::{Failure, args::OutputArgs};
use jiff::Timestamp;

use super::{UserArgs, access, invitation};
use crate::commands::people;
use crate::failure;

/// Options of `user invite`.
#[derive(Debug, clap::Args)]
pub struct InviteArgs {
    /// The account of the person.
    #[command(flatten)]
    pub user: UserArgs,
    /// Which management cluster; with --kubeconfig, --server is where the console is.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &InviteArgs) -> Result<(), Failure> {
    let (access, base) = access::of(account, &args.access)?;
    let (user, invited) = work::run(account, &access, async |reach| {
        let user = find::user(&reach, &args.user.user).await;
        let user = user.map_err(|error| failure::people::find(&error))?;
        let writer = people::writer(false);
        let invited = invite::invite(&reach, &writer, &user, base.as_ref(), Timestamp::now()).await;
        let invited = invited.map_err(|error| failure::people::invite(account.tool, &error))?;
        Ok((user, invited))
    })?;
    invitation::print(account.ui, &user, &invited, args.output.output)
}
