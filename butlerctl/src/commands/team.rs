//! Which team a command is about.

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work::{self, PlaceArgs};
use butler_terminal::{Exit, Failure};

use super::cluster::waiting::Work;

/// Which team.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct TeamArgs {
    /// Team, instead of the active one
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// Which management cluster.
    #[command(flatten)]
    access: AccessArgs,
}

impl TeamArgs {
    /// Connects, finds the team, and works for it.
    pub(super) fn work<T>(
        &self,
        account: Account<'_>,
        work: impl AsyncFnOnce(&Work<'_>, &str) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        work::run_stoppable(account, &self.access, async |reach, stop| {
            let Some(team) = self.team.clone().or_else(|| reach.team.clone()) else {
                return Err(Failure::new(Exit::Usage, "no team is named, and none is active").hint("--team NAME"));
            };
            let of_team = PlaceArgs {
                namespace: None,
                team: Some(team.clone()),
            };
            let place = tokio::select! {
                place = of_team.find(account, &reach) => place?,
                () = stop.cancelled() => return Err(butler_account::failure::interrupted()),
            };
            let on = Work {
                account,
                reach: &reach,
                place: &place,
                stop: &stop,
            };
            work(&on, &team).await
        })
    }
}
