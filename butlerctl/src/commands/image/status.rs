//! `butlerctl image status`.

use butler_account::objects::Shown;
use butler_account::tool::Account;
use butler_tenancy::images::{self, Row};
use butler_terminal::table::Cell;
use butler_terminal::{Failure, Table, args::OutputArgs, duration};
use jiff::Timestamp;

use super::list::phase;
use super::place::ImagePlaceArgs;
use crate::commands::objects;

/// Options of `image status`.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Name of the image
    #[arg(value_name = "NAME")]
    name: String,
    /// Where to look.
    #[command(flatten)]
    place: ImagePlaceArgs,
    /// Format of the answer.
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &StatusArgs) -> Result<(), Failure> {
    let object = args.place.work(account, async |on| {
        let found = images::get(on.reach, &args.place.namespace, &args.name);
        on.unless_left(objects::told(on, "image list", found)).await
    })?;
    let table = fields(&Row::of(&object), Timestamp::now());
    account.ui.answer(&Shown { object, table }, args.output.output)
}

fn fields(row: &Row, now: Timestamp) -> Table {
    let shown = |text: &Option<String>| Cell::from(text.as_deref().unwrap_or("-"));
    Table::fields([
        ("name", row.name.as_str().into()),
        ("provider", shown(&row.provider)),
        ("phase", phase(row.phase.as_deref())),
        ("failure", shown(&row.failure)),
        ("schematic", shown(&row.schematic)),
        ("version", shown(&row.version)),
        ("arch", shown(&row.arch)),
        ("format", shown(&row.format)),
        ("image", shown(&row.image)),
        ("taken from", shown(&row.url)),
        ("SHA-256", shown(&row.digest)),
        ("age", shown(&row.created.map(|created| duration::age(created, now)))),
    ])
}
