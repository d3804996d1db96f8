//! What commands on a management cluster begin with: their place in it, and work that a person can stop.

use butler_tenancy::place::{self, Asked, Place};
use butler_tenancy::reach::Reach;
use butler_terminal::{Failure, interrupt};
use tokio_util::sync::CancellationToken;

use crate::access::{self, AccessArgs};
use crate::failure;
use crate::tool::Account;

/// The variable that names a namespace.
pub const BUTLER_NAMESPACE: &str = "BUTLER_NAMESPACE";

/// The namespace that a command works in.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct PlaceArgs {
    /// Namespace to work in; without it the one of the active team. BUTLER_NAMESPACE does as well
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Team to work for, instead of the active one
    #[arg(long, value_name = "TEAM")]
    pub team: Option<String>,
}

impl PlaceArgs {
    /// The place in a management cluster.
    pub async fn find(&self, account: Account<'_>, reach: &Reach) -> Result<Place, Failure> {
        let asked = Asked {
            namespace: self.namespace.clone(),
            team: self.team.clone(),
            namespace_variable: account.env.text(BUTLER_NAMESPACE).map(str::to_owned),
        };
        let place = place::find(reach, &asked).await;
        place.map_err(|error| failure::place(account.tool, &error))
    }
}

/// Connects to the management cluster and works with it, until it is done or a person stops it. What is stopped may have been
/// carried out in part: work that must say more about that listens for the stop itself.
pub fn run<T, F>(account: Account<'_>, args: &AccessArgs, work: impl FnOnce(Reach) -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    interrupt::run(account.ui, |stop| async move {
        let whole = async { work(access::reach(account, args).await?).await };
        tokio::select! {
            result = whole => result,
            () = stop.cancelled() => Err(failure::interrupted()),
        }
    })
}

/// The same for work that says itself what becomes of it when a person stops it.
pub fn run_stoppable<T, F>(
    account: Account<'_>,
    args: &AccessArgs,
    work: impl FnOnce(Reach, CancellationToken) -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    interrupt::run(account.ui, |stop| async move {
        let reach = tokio::select! {
            reach = access::reach(account, args) => reach?,
            () = stop.cancelled() => return Err(failure::interrupted()),
        };
        work(reach, stop).await
    })
}
