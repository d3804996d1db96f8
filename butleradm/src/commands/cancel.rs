//! `butleradm cancel`: ends the run that works on a cluster, as Ctrl-C in its terminal would.

use butler_files::home::Home;
use butler_lifecycle::{clusters, runs::end};
use butler_terminal::{Env, Failure, Ui, env, interrupt};

use crate::failure;

/// Options of `cancel`.
#[derive(Debug, clap::Args)]
pub struct CancelArgs {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER")]
    pub cluster: String,
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, env: &Env, args: &CancelArgs) -> Result<(), Failure> {
    let home = Home::resolve(env.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e))?;
    let folder = clusters::choose(&home, Some(&args.cluster)).map_err(|e| failure::choose(&e, "cancel"))?;
    interrupt::watch_only(
        ui,
        "leaving; the run was asked to end all the same",
        |stop| async move {
            tokio::select! {
                ended = end::cancel(&folder) => ended.map_err(|e| failure::end(&e)),
                () = stop.cancelled() => Err(failure::interrupted()),
            }
        },
    )?;
    ui.note(&format!("the run on {} has ended; nothing was deleted", args.cluster));
    ui.hint("the same command as before goes on from here");
    Ok(())
}
