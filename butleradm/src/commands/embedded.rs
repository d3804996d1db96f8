//! `butleradm embedded`: the in-process API server as a server of its own.

use std::{net::SocketAddr, path::PathBuf};

use butler_files::home;
use butler_terminal::{Failure, Ui, interrupt};

use crate::failure;

/// What to do with the API server.
#[derive(Debug, clap::Subcommand)]
pub enum EmbeddedCommand {
    /// Serve a Kubernetes-compatible API from a folder, until Ctrl-C or SIGTERM
    Serve(ServeArgs),
}

/// Options of `embedded serve`.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// Folder of the objects; made if missing
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Where to write an administrator's kubeconfig once the server answers
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: PathBuf,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, command: &EmbeddedCommand) -> Result<(), Failure> {
    let EmbeddedCommand::Serve(ServeArgs {
        data,
        kubeconfig,
        listen,
    }) = command;
    let expand = |path| home::expand(path).map_err(|e| failure::home(&e));
    let (data, kubeconfig) = (&expand(data)?, &expand(kubeconfig)?);
    ui.note(&format!(
        "serving {}; the kubeconfig goes to {}",
        data.display(),
        kubeconfig.display()
    ));
    interrupt::run(ui, |stop| async move {
        butler_embedded::serve_standalone(data, kubeconfig, *listen, stop.cancelled_owned())
            .await
            .map_err(|e| failure::embedded(&e))
    })
}
