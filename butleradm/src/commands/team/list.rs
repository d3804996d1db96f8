//! `butleradm team list`.

use butler_account::access::AccessArgs;
use butler_account::objects::Listed;
use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::teams::list::{self, Row};
use butler_terminal::{Failure, Table, args::OutputArgs, duration};
use jiff::Timestamp;

use crate::failure;

/// Options of `team list`.
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
pub(crate) fn run(account: Account<'_>, args: &ListArgs) -> Result<(), Failure> {
    let items = work::run(account, &args.access, async |reach| {
        let items = list::all(&reach).await;
        items.map_err(|error| failure::people::kubernetes(&error, "cannot list teams"))
    })?;
    let rows: Vec<Row> = items.iter().map(Row::of).collect();
    let table = table(&rows, Timestamp::now());
    account.ui.answer(&Listed { items, table }, args.output.output)
}

fn table(rows: &[Row], now: Timestamp) -> Table {
    let columns = [
        "NAME",
        "DISPLAY NAME",
        "PHASE",
        "CLUSTERS",
        "MEMBERS",
        "NAMESPACE",
        "AGE",
    ];
    let mut table = Table::new(&columns, &["QUOTA STATUS", "PROVIDER"]);
    for row in rows {
        let shown = |text: &Option<String>| text.as_deref().unwrap_or("-").into();
        table.row([
            row.name.as_str().into(),
            shown(&row.display_name),
            shown(&row.phase),
            shown(&row.clusters.map(|count| count.to_string())),
            row.members.len().to_string().into(),
            shown(&row.namespace),
            shown(&row.created.map(|created| duration::age(created, now))),
            shown(&row.quota),
            shown(&row.provider),
        ]);
    }
    table
}
