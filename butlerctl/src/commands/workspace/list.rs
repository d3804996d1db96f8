//! `butlerctl workspace list` and `get`.

use butler_account::objects::{Listed, Shown};
use butler_account::tool::Account;
use butler_tenancy::workspaces::{self, Row};
use butler_terminal::style::Tone;
use butler_terminal::table::Cell;
use butler_terminal::{Failure, Table, args::OutputArgs, duration};
use jiff::Timestamp;
use kube::api::DynamicObject;

use super::{LIST, WhereArgs};
use crate::commands::objects;

/// Options of `workspace list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only those in this cluster
    #[arg(value_name = "CLUSTER")]
    cluster: Option<String>,
    /// Only those in this cluster
    #[arg(long = "cluster", id = "named", value_name = "CLUSTER", conflicts_with = "cluster")]
    named: Option<String>,
    /// Where to look.
    #[command(flatten)]
    place: WhereArgs,
    /// Format of the answer.
    #[command(flatten)]
    output: OutputArgs,
}

/// Options of `workspace get`.
#[derive(Debug, clap::Args)]
pub struct GetArgs {
    /// Name of the workspace
    #[arg(value_name = "NAME")]
    name: String,
    /// Where to look.
    #[command(flatten)]
    place: WhereArgs,
    /// Format of the answer.
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs `workspace list`.
pub(super) fn run(account: Account<'_>, args: &ListArgs) -> Result<(), Failure> {
    let cluster = args.cluster.as_ref().or(args.named.as_ref());
    let items = args.place.work(account, async |on| {
        let namespace = &on.place.namespace;
        let of = workspaces::of(on.reach, namespace);
        let mut found = on.unless_left(objects::told(on, LIST, of.all())).await?;
        found.retain(|object| cluster.is_none() || Row::of(object).cluster.as_ref() == cluster);
        if found.is_empty() {
            let of_cluster = cluster.map_or_else(String::new, |cluster| format!(" of cluster {cluster}"));
            account
                .ui
                .note(&format!("no workspaces{of_cluster} in namespace {namespace}"));
        }
        Ok(found)
    })?;
    let table = table(&items, Timestamp::now());
    account.ui.answer(&Listed { items, table }, args.output.output)
}

/// Runs `workspace get`.
pub(super) fn get(account: Account<'_>, args: &GetArgs) -> Result<(), Failure> {
    let object = args.place.work(account, async |on| {
        let of = workspaces::of(on.reach, &on.place.namespace);
        on.unless_left(objects::told(on, LIST, of.get(&args.name))).await
    })?;
    let table = fields(&Row::of(&object), Timestamp::now());
    account.ui.answer(&Shown { object, table }, args.output.output)
}

/// What people see of workspaces.
pub(super) fn table(objects: &[DynamicObject], now: Timestamp) -> Table {
    let columns = ["NAME", "CLUSTER", "OWNER", "PHASE", "CONNECTED", "AGE"];
    let mut table = Table::new(&columns, &["SSH", "IMAGE", "CAUSE"]);
    for row in objects.iter().map(Row::of) {
        table.row([
            row.name.as_str().into(),
            shown(row.cluster.as_ref()),
            shown(row.owner.as_ref()),
            phase(row.phase.as_deref()),
            connected(row.connected).into(),
            shown(row.created.map(|created| duration::age(created, now)).as_ref()),
            shown(row.endpoint.as_ref()),
            shown(row.image.as_ref()),
            shown(row.cause.as_ref()),
        ]);
    }
    table
}

fn shown(text: Option<&String>) -> Cell {
    text.map_or("-", String::as_str).into()
}

fn connected(connected: Option<bool>) -> &'static str {
    match connected {
        Some(true) => "yes",
        Some(false) => "no",
        None => "-",
    }
}

fn phase(phase: Option<&str>) -> Cell {
    let tone = match phase {
        Some("Running") => Tone::Good,
        Some("Failed") => Tone::Bad,
        Some("Stopped") | None => Tone::Faint,
        Some(_) => Tone::Busy,
    };
    Cell::new(tone, phase.unwrap_or("-"))
}

fn fields(row: &Row, now: Timestamp) -> Table {
    let age = row.created.map(|created| duration::age(created, now));
    Table::fields([
        ("name", row.name.as_str().into()),
        ("cluster", shown(row.cluster.as_ref())),
        ("owner", shown(row.owner.as_ref())),
        ("phase", phase(row.phase.as_deref())),
        ("cause", shown(row.cause.as_ref())),
        ("connected", connected(row.connected).into()),
        ("SSH", shown(row.endpoint.as_ref())),
        ("image", shown(row.image.as_ref())),
        ("age", shown(age.as_ref())),
    ])
}
