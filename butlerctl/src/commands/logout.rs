//! `butlerctl logout`: forgets credentials.

use butler_client::store::Content;
use butler_terminal::{Env, Failure, Ui, interrupt};

use crate::failure;
use crate::session::{self, ServerArgs};

/// Options of `logout`.
#[derive(Debug, clap::Args)]
pub struct LogoutArgs {
    /// The server to forget the login on.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Forget the logins on all servers
    #[arg(long, conflicts_with = "server")]
    pub all: bool,
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, env: &Env, args: &LogoutArgs) -> Result<(), Failure> {
    let (store, content) = session::stored(env)?;
    let gone: Vec<_> = if args.all {
        content.servers.keys().cloned().collect()
    } else {
        let chosen = args.server.chosen(&content)?;
        content
            .servers
            .keys()
            .filter(|server| **server == chosen)
            .cloned()
            .collect()
    };
    if gone.is_empty() {
        ui.note("nobody is logged in there");
        return Ok(());
    }
    interrupt::run(ui, |_| async {
        let locked = store.lock().await.map_err(|error| failure::store(&error))?;
        let mut content = locked.read().map_err(|error| failure::store(&error))?;
        for server in &gone {
            content.servers.remove(server);
        }
        settle(&mut content);
        locked.write(&content).map_err(|error| failure::store(&error))
    })?;
    for server in &gone {
        ui.note(&format!("the credentials for {server} are forgotten"));
    }
    ui.note("The server cannot take its tokens back: copies of them are good until they end.");
    Ok(())
}

/// Where the active server is gone, the only one that is left takes its place.
fn settle(content: &mut Content) {
    let there = content
        .active_server
        .as_ref()
        .is_some_and(|server| content.servers.contains_key(server));
    if !there {
        let mut left = content.servers.keys();
        content.active_server = left.next().filter(|_| left.next().is_none()).cloned();
    }
}
