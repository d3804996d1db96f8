//! `butlerctl cluster get`: a tenant cluster and what it consists of.

use butler_account::objects::Shown;
use butler_account::tool::Account;
use butler_tenancy::clusters::describe::{parts, tree};
use butler_tenancy::clusters::list::Row;
use butler_tenancy::clusters::read::ReadError;
use butler_terminal::{Failure, Format, Table, args::OutputArgs};
use jiff::Timestamp;
use kube::api::DynamicObject;

use super::list;
use super::one::ClusterArgs;

/// Options of `cluster get`.
#[derive(Debug, clap::Args)]
pub struct GetArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &GetArgs) -> Result<(), Failure> {
    let format = args.output.output;
    args.cluster.work(account, async |reach, found| {
        if !matches!(format, Format::Table | Format::Wide) {
            let (object, table) = (found.object, Table::default());
            return account.ui.answer(&Shown { object, table }, format);
        }
        let cluster = match found.typed() {
            Ok(cluster) => cluster,
            Err(error) => return of_unknown_shape(account, &found.object, &error),
        };
        let parts = parts::gather(&reach, &found, &cluster).await;
        account.ui.print_lines(&super::tree::lines(&tree::of(&cluster, &parts)))
    })
}

/// A cluster of a newer Butler: what is known of it is shown, and that this is not all.
fn of_unknown_shape(account: Account<'_>, object: &DynamicObject, error: &ReadError) -> Result<(), Failure> {
    account.ui.warn(&error.to_string(), Some("all of it: -o yaml"));
    let table = list::table(&[Row::of(object)], false, Timestamp::now());
    account.ui.print_table(&table, true)
}
