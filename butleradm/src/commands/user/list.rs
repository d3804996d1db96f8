//! `butleradm user list`.

use butler_account::access::AccessArgs;
use butler_account::objects::Listed;
use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::users::list::{self, Platform, Row};
use butler_terminal::{Failure, Table, args::OutputArgs, duration};
use jiff::Timestamp;

use crate::failure;

/// Options of `user list`.
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
        items.map_err(|error| failure::people::kubernetes(&error, "cannot list users"))
    })?;
    let rows: Vec<Row> = items.iter().map(Row::of).collect();
    let table = table(&rows, Timestamp::now());
    account.ui.answer(&Listed { items, table }, args.output.output)
}

fn table(rows: &[Row], now: Timestamp) -> Table {
    let columns = ["NAME", "EMAIL", "DISPLAY NAME", "PHASE", "AUTH TYPE", "ADMIN", "AGE"];
    let mut table = Table::new(&columns, &["LAST LOGIN", "LOGINS", "TEAMS"]);
    for row in rows {
        let shown = |text: &Option<String>| text.as_deref().unwrap_or("-").into();
        let age = |time: Option<Timestamp>| time.map(|time| duration::age(time, now));
        let teams: Vec<&str> = row.teams.iter().map(|(team, _)| team.as_str()).collect();
        let admin = if row.platform == Platform::Administrator {
            "yes"
        } else {
            "no"
        };
        table.row([
            row.name.as_str().into(),
            shown(&row.email),
            shown(&row.display_name),
            shown(&row.phase),
            row.auth_type.as_str().into(),
            admin.into(),
            shown(&age(row.created)),
            shown(&age(row.last_login).map(|age| format!("{age} ago"))),
            shown(&row.logins.map(|count| count.to_string())),
            shown(&(!teams.is_empty()).then(|| teams.join(","))),
        ]);
    }
    table
}
