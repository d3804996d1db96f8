//! `butlerctl image list`.

use butler_account::objects::Listed;
use butler_account::tool::Account;
use butler_tenancy::images::{self, Query, Row};
use butler_terminal::style::Tone;
use butler_terminal::table::Cell;
use butler_terminal::{Failure, Table, args::OutputArgs, duration};
use jiff::Timestamp;
use kube::api::DynamicObject;

use super::place::ImagePlaceArgs;
use crate::commands::objects;

/// Options of `image list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only images for this ProviderConfig
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Only images in this phase, such as Ready
    #[arg(long, value_name = "PHASE")]
    status: Option<String>,
    /// Only images of schematics that begin so
    #[arg(long, value_name = "ID")]
    schematic: Option<String>,
    /// Where to look.
    #[command(flatten)]
    place: ImagePlaceArgs,
    /// Format of the answer.
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &ListArgs) -> Result<(), Failure> {
    let query = Query {
        provider: args.provider.clone(),
        status: args.status.clone(),
        schematic: args.schematic.clone(),
    };
    let items = args.place.work(account, async |on| {
        let found = images::all(on.reach, &args.place.namespace, &query);
        on.unless_left(objects::told(on, "image list", found)).await
    })?;
    if items.is_empty() {
        account
            .ui
            .note(&format!("no images that fit in namespace {}", args.place.namespace));
    }
    let table = table(&items, Timestamp::now());
    account.ui.answer(&Listed { items, table }, args.output.output)
}

/// What people see of images.
pub(super) fn table(objects: &[DynamicObject], now: Timestamp) -> Table {
    let columns = ["NAME", "PROVIDER", "PHASE", "SCHEMATIC", "VERSION", "IMAGE REF", "AGE"];
    let mut table = Table::new(&columns, &["ARCH", "FORMAT", "FAILURE"]);
    for row in objects.iter().map(Row::of) {
        let shown = |text: &Option<String>| Cell::from(text.as_deref().unwrap_or("-"));
        table.row([
            row.name.as_str().into(),
            shown(&row.provider),
            phase(row.phase.as_deref()),
            shown(&row.short_schematic()),
            shown(&row.version),
            shown(&row.image),
            shown(&row.created.map(|created| duration::age(created, now))),
            shown(&row.arch),
            shown(&row.format),
            shown(&row.failure),
        ]);
    }
    table
}

/// How a phase is shown.
pub(super) fn phase(phase: Option<&str>) -> Cell {
    let tone = match phase {
        Some("Ready") => Tone::Good,
        Some("Failed") => Tone::Bad,
        Some(_) => Tone::Busy,
        None => Tone::Faint,
    };
    Cell::new(tone, phase.unwrap_or("-"))
}
