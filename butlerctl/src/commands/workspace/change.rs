//! `butlerctl workspace connect`, `disconnect`, `start`, `sync-ssh-keys` and `delete`.

use butler_account::tool::Account;
use butler_tenancy::clusters::change::DryRun;
use butler_tenancy::workspaces::{self, ActError, Action, Row};
use butler_terminal::{Exit, Failure};

use super::{LIST, WhereArgs};
use crate::commands::cluster::waiting::{DryRunArgs, Work};
use crate::commands::objects;

/// Options of the commands about one workspace.
#[derive(Debug, clap::Args)]
pub struct OneArgs {
    /// Name of the workspace
    #[arg(value_name = "NAME")]
    name: String,
    /// Where to look.
    #[command(flatten)]
    place: WhereArgs,
}

/// Options of `workspace delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    /// Which workspace.
    #[command(flatten)]
    one: OneArgs,
    /// Delete without asking
    #[arg(short, long)]
    yes: bool,
    /// Whether to change anything.
    #[command(flatten)]
    dry_run: DryRunArgs,
}

/// Opens the way to a workspace, or closes it.
pub(super) fn connect(account: Account<'_>, args: &OneArgs, open: bool) -> Result<(), Failure> {
    let name = &args.name;
    args.place.work(account, async |on| {
        let writer = DryRunArgs { dry_run: None }.change(account);
        let changed = workspaces::connect(on.reach, &writer, &on.place.namespace, name, open);
        let changed = Box::pin(objects::told(on, LIST, changed));
        let outcome = on.write(changed, || look(on, name)).await?;
        if !open {
            account.ui.note(&format!("the way to workspace {name} is being closed"));
            return Ok(());
        }
        if let Some(endpoint) = Row::of(&outcome.object).endpoint {
            let words = format!("workspace {name} answers by SSH at {endpoint}");
            account.ui.note(&words);
        } else {
            account.ui.note(&format!("the way to workspace {name} is being opened"));
            account.ui.hint(&format!("see where it answers: {}", look(on, name)));
        }
        Ok(())
    })
}

/// Starts a workspace that was stopped.
pub(super) fn start(account: Account<'_>, args: &OneArgs) -> Result<(), Failure> {
    act(account, args, Action::Start)?;
    account.ui.note(&format!("workspace {} is being started", args.name));
    Ok(())
}

/// Has the keys of the owner taken anew.
pub(super) fn sync_keys(account: Account<'_>, args: &OneArgs) -> Result<(), Failure> {
    act(account, args, Action::SyncKeys)?;
    account
        .ui
        .note(&format!("workspace {} has the keys of its owner", args.name));
    Ok(())
}

fn act(account: Account<'_>, args: &OneArgs, action: Action) -> Result<(), Failure> {
    let name = &args.name;
    args.place.work(account, async |on| {
        let done = async {
            match workspaces::act(on.reach, &on.place.namespace, name, action).await {
                Ok(()) => Ok(()),
                Err(ActError::Object(error)) => Err(objects::failed(on, LIST, &error).await),
                Err(error @ ActError::NoCluster(_)) => Err(Failure::from_error(Exit::Failed, &error)),
                Err(error @ ActError::Nobody) => Err(Failure::from_error(Exit::LoginNeeded, &error)
                    .hint(format!("log in: {}", account.tool.command("login --server URL")))),
            }
        };
        on.write(done, || look(on, name)).await
    })
}

/// Runs `workspace delete`.
pub(super) fn delete(account: Account<'_>, args: &DeleteArgs) -> Result<(), Failure> {
    let name = &args.one.name;
    args.one.place.work(account, async |on| {
        let of = workspaces::of(on.reach, &on.place.namespace);
        let object = on.unless_left(objects::told(on, LIST, of.get(name))).await?;
        if !args.yes && args.dry_run.dry_run.is_none() {
            on.agreed(&format!("Delete workspace {name} and its volume?"), "--yes")
                .await?;
        }
        if args.dry_run.dry_run != Some(DryRun::Client) {
            let writer = args.dry_run.change(account);
            let deleted = objects::told(on, LIST, of.delete(&writer, &object));
            on.write(deleted, || look(on, name)).await?;
        }
        account.ui.note(&match args.dry_run.dry_run {
            Some(_) => format!("workspace {name} would be deleted; a dry run, nothing was changed"),
            None => format!("workspace {name} is being deleted"),
        });
        Ok(())
    })
}

/// The command that shows a workspace.
fn look(on: &Work<'_>, name: &str) -> String {
    on.line(&format!("workspace get {name}"))
}
