//! `tui` of those who work with clusters: the dashboard of a management cluster.

use std::sync::Arc;

use butler_files::home::Home;
use butler_terminal::{Exit, Failure, env};
use butler_tui::app::App;
use butler_tui::dashboard::Dashboard;
use butler_tui::live::Live;
use butler_tui::runner::Runner;
use jiff::Timestamp;

use crate::access::AccessArgs;
use crate::failure;
use crate::screen::{AccountDoor, ScreenArgs};
use crate::tool::Account;
use crate::work::PlaceArgs;

/// Options of `tui`.
#[derive(Debug, clap::Args)]
pub struct TuiArgs {
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Where new clusters go.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// How it looks.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// Runs the command.
pub fn run(account: Account<'_>, args: &TuiArgs) -> Result<(), Failure> {
    if !args.screen.is_wanted(account.env) {
        return Err(
            Failure::new(Exit::Usage, "the dashboard needs a whole terminal").hint(format!(
                "line by line: {}",
                account.tool.command("cluster list --watch")
            )),
        );
    }
    // A wrong option or no cluster at all is told before the terminal is taken.
    crate::access::decide(account, &args.access)?;
    let home = Home::resolve(account.env.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e))?;
    let now = Timestamp::now();
    let (dashboard, first) = Dashboard::new(account.tool.name, now);
    let app = App::new(
        Box::new(dashboard),
        Box::new(|cluster, now| Box::new(Live::following(cluster, now))),
    );
    let door = Arc::new(AccountDoor::new(account, &args.access, &args.place));
    let environment = account.env.variables().clone();
    args.screen
        .show(account.ui, account.env, &home, (app, first), |tasks, tell| {
            Runner::of_clusters(&home, environment, door, tasks, tell)
        })
}
