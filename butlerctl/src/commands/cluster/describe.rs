//! `butlerctl cluster describe`: a tenant cluster, what it consists of, its conditions, and what happened to it.

use butler_account::tool::Account;
use butler_tenancy::clusters::describe::{parts, tree};
use butler_tenancy::clusters::events;
use butler_terminal::style::{Line, Tone};
use butler_terminal::{Failure, Table};
use jiff::Timestamp;

use super::one::{ClusterArgs, unread};
use super::{conditions, events as shown};

/// How many events are shown.
const EVENTS: usize = 20;

/// Options of `cluster describe`.
#[derive(Debug, clap::Args)]
pub struct DescribeArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &DescribeArgs) -> Result<(), Failure> {
    args.cluster.work(account, async |reach, found| {
        let cluster = found.typed().map_err(|error| unread(account.tool, &error))?;
        let (parts, events) = tokio::join!(
            parts::gather(&reach, &found, &cluster),
            events::of(&reach, &found, EVENTS)
        );
        let now = Timestamp::now();
        let mut lines = super::tree::lines(&tree::of(&cluster, &parts));
        lines.extend(section(
            "Conditions",
            &conditions::table(parts::conditions(&cluster), now),
        ));
        match events {
            Ok(events) => {
                lines.extend(section("Events", &shown::table(&events.events, now)));
                lines.extend(events.missing.map(|missing| aside(&missing)));
            }
            Err(error) => {
                lines.extend(section("Events", &Table::default()));
                let told = unread(account.tool, &error);
                lines.push(aside(told.message()));
            }
        }
        account.ui.print_lines(&lines)
    })
}

fn section(title: &str, table: &Table) -> Vec<Line> {
    let mut lines = vec![Line::new(), Line::new().with(Tone::Strong, title)];
    if table.is_empty() {
        lines.push(aside("none"));
    }
    lines.extend(table.lines(false, None));
    lines
}

fn aside(words: &str) -> Line {
    Line::new().with(Tone::Faint, &format!("({words})"))
}
