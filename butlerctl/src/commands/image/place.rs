//! Where images are.

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work;
use butler_api::names::SYSTEM_NAMESPACE;
use butler_tenancy::place::Place;
use butler_terminal::Failure;

use crate::commands::cluster::waiting::Work;

/// Where to look.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ImagePlaceArgs {
    /// Namespace to work in
    #[arg(short, long, value_name = "NAME", default_value = SYSTEM_NAMESPACE)]
    pub(super) namespace: String,
    /// Which management cluster.
    #[command(flatten)]
    access: AccessArgs,
}

impl ImagePlaceArgs {
    /// Connects, and works there.
    pub(super) fn work<T>(
        &self,
        account: Account<'_>,
        work: impl AsyncFnOnce(&Work<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        work::run_stoppable(account, &self.access, async |reach, stop| {
            let place = Place {
                namespace: self.namespace.clone(),
                team: None,
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
