//! `butlerctl addon list`.

use butler_account::access::AccessArgs;
use butler_account::objects::Listed;
use butler_account::tool::Account;
use butler_account::work::{self, PlaceArgs};
use butler_tenancy::addons::read;
use butler_tenancy::clusters::read::cluster;
use butler_terminal::{Exit, Failure, args::OutputArgs};
use jiff::Timestamp;

use super::{failure, rows};
use crate::commands::cluster::waiting::Work;

/// Options of `addon list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER", required_unless_present = "named")]
    cluster: Option<String>,
    /// Name of the cluster
    #[arg(long = "cluster", id = "named", value_name = "CLUSTER", conflicts_with = "cluster")]
    named: Option<String>,
    /// Where to look.
    #[command(flatten)]
    place: PlaceArgs,
    /// Which management cluster.
    #[command(flatten)]
    access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &ListArgs) -> Result<(), Failure> {
    let Some(name) = args.cluster.as_deref().or(args.named.as_deref()) else {
        return Err(Failure::new(Exit::Usage, "name a cluster"));
    };
    let addons = work::run_stoppable(account, &args.access, async |reach, stop| {
        let place = args.place.find(account, &reach).await?;
        let on = Work {
            account,
            reach: &reach,
            place: &place,
            stop: &stop,
        };
        let found = async {
            let cluster = cluster(&reach, &place.namespace, name).await?;
            read::addons(&reach, &cluster).await
        };
        on.unless_left(failure::told(&on, found)).await
    })?;
    if addons.platform.is_empty() && addons.own.is_empty() {
        account.ui.note(&format!("cluster {name} has no addons"));
    }
    let table = rows::table(&addons.platform, &addons.own, Timestamp::now());
    let items = addons.own;
    account.ui.answer(&Listed { items, table }, args.output.output)
}
