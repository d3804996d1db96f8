//! `butleradm provider list`.

use butler_account::access::AccessArgs;
use butler_account::objects::Listed;
use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::providers::list::{self, Row};
use butler_terminal::{Failure, Table, args::OutputArgs, duration};
use jiff::Timestamp;

use crate::failure;

/// Options of `provider list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(super) fn run(account: Account<'_>, args: &ListArgs) -> Result<(), Failure> {
    let items = work::run(account, &args.access, async |reach| {
        let items = list::all(&reach).await;
        items.map_err(|error| failure::people::kubernetes(&error, "cannot list providers"))
    })?;
    let rows: Vec<Row> = items.iter().map(Row::of).collect();
    let table = table(&rows, Timestamp::now());
    account.ui.answer(&Listed { items, table }, args.output.output)
}

fn table(rows: &[Row], now: Timestamp) -> Table {
    let columns = ["NAME", "PROVIDER", "VALIDATED", "ENDPOINT", "AGE"];
    let mut table = Table::new(&columns, &["NAMESPACE", "SCOPE"]);
    for row in rows {
        let age = row.created.map(|created| duration::age(created, now));
        table.row([
            row.name.as_str().into(),
            row.provider.as_str().into(),
            row.validated.as_str().into(),
            row.endpoint.as_deref().unwrap_or("-").into(),
            age.as_deref().unwrap_or("-").into(),
            row.namespace.as_str().into(),
            row.scope.as_str().into(),
        ]);
    }
    table
}
