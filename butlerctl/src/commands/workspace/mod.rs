//! `butlerctl workspace`: development pods in tenant clusters.

mod change;
mod create;
mod list;

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work::{self, PlaceArgs};
use butler_terminal::Failure;

use super::cluster::waiting::Work;

/// The command that shows what there is.
const LIST: &str = "workspace list";

/// What to do with workspaces.
#[derive(Debug, clap::Subcommand)]
pub enum WorkspaceCommand {
    /// Open the way to a workspace by SSH
    Connect(change::OneArgs),
    /// Create a workspace in a cluster
    #[command(
        after_help = "For example: butlerctl workspace create ann --cluster my-cluster --image ghcr.io/example/dev:1"
    )]
    Create(Box<create::CreateArgs>),
    /// Delete a workspace and its volume
    #[command(visible_alias = "rm")]
    Delete(change::DeleteArgs),
    /// Close the way to a workspace
    Disconnect(change::OneArgs),
    /// Show a workspace
    #[command(visible_alias = "show")]
    Get(list::GetArgs),
    /// List workspaces
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Start a workspace that was stopped
    Start(change::OneArgs),
    /// Take the SSH keys of the owner anew
    SyncSshKeys(change::OneArgs),
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, chosen: WorkspaceCommand) -> Result<(), Failure> {
    match chosen {
        WorkspaceCommand::Connect(args) => change::connect(account, &args, true),
        WorkspaceCommand::Create(args) => create::run(account, &args),
        WorkspaceCommand::Delete(args) => change::delete(account, &args),
        WorkspaceCommand::Disconnect(args) => change::connect(account, &args, false),
        WorkspaceCommand::Get(args) => list::get(account, &args),
        WorkspaceCommand::List(args) => list::run(account, &args),
        WorkspaceCommand::Start(args) => change::start(account, &args),
        WorkspaceCommand::SyncSshKeys(args) => change::sync_keys(account, &args),
    }
}

/// Where to look.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct WhereArgs {
    /// Where to look.
    #[command(flatten)]
    place: PlaceArgs,
    /// Which management cluster.
    #[command(flatten)]
    access: AccessArgs,
}

impl WhereArgs {
    /// Connects, finds the place, and works there.
    pub(super) fn work<T>(
        &self,
        account: Account<'_>,
        work: impl AsyncFnOnce(&Work<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        work::run_stoppable(account, &self.access, async |reach, stop| {
            let place = tokio::select! {
                place = self.place.find(account, &reach) => place?,
                () = stop.cancelled() => return Err(butler_account::failure::interrupted()),
            };
            let on = Work {
                account,
                reach: &reach,
                place: &place,
                stop: &stop,
            };
            work(&on).await
        })
    }
}
