//! `butleradm env list`, and what other commands show of environments.

use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::environments::list::{self, Row};
use butler_tenancy::teams::change;
use butler_terminal::{Answer, Failure, Table, args::OutputArgs};
use serde::Serialize;
use serde_json::Value;

use super::OfTeamArgs;
use crate::failure;

/// Options of `env list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Of which team.
    #[command(flatten)]
    pub of: OfTeamArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Environments as an answer.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Environments(pub(super) Vec<Row>);

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &ListArgs) -> Result<(), Failure> {
    let (rows, trouble) = work::run(account, &args.of.access, async |reach| {
        let team = change::find(&reach, &args.of.team).await;
        let team = team.map_err(|error| failure::people::team(&error))?;
        Ok(list::all(&reach, &team).await)
    })?;
    if let Some(error) = trouble {
        let reason = failure::people::in_words(&error);
        account
            .ui
            .warn(&format!("the clusters cannot be counted: {reason}"), None);
    }
    account.ui.answer(&Environments(rows), args.output.output)
}

impl Answer for Environments {
    fn table(&self) -> Table {
        let columns = ["NAME", "CLUSTERS", "MAX CLUSTERS", "MAX PER MEMBER"];
        let mut table = Table::new(&columns, &["DESCRIPTION"]);
        let shown = |number: Option<i64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        for row in &self.0 {
            let clusters = row.clusters.map_or_else(|| "-".to_owned(), |count| count.to_string());
            let description = row.entry.get("description").and_then(Value::as_str);
            table.row([
                row.name().into(),
                clusters.into(),
                shown(row.limit("maxClusters")).into(),
                shown(row.limit("maxClustersPerMember")).into(),
                description.unwrap_or("-").into(),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|row| row.name().to_owned()).collect()
    }
}
