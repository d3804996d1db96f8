//! `butlerctl image catalog`.

use butler_account::tool::Account;
use butler_tenancy::images::{self, Query, Schematic};
use butler_terminal::{Answer, Failure, Table, args::OutputArgs};
use serde::Serialize;

use super::place::ImagePlaceArgs;
use crate::commands::objects;

/// Options of `image catalog`.
#[derive(Debug, clap::Args)]
pub struct CatalogArgs {
    /// Where to look.
    #[command(flatten)]
    place: ImagePlaceArgs,
    /// Format of the answer.
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &CatalogArgs) -> Result<(), Failure> {
    let found = args.place.work(account, async |on| {
        let query = Query::default();
        let found = images::all(on.reach, &args.place.namespace, &query);
        on.unless_left(objects::told(on, "image list", found)).await
    })?;
    if found.is_empty() {
        account
            .ui
            .note(&format!("no images in namespace {}", args.place.namespace));
    }
    let catalog = Catalog(images::by_schematic(&found));
    account.ui.answer(&catalog, args.output.output)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Catalog(Vec<Schematic>);

impl Answer for Catalog {
    fn table(&self) -> Table {
        let mut table = Table::new(&["SCHEMATIC", "VERSIONS", "FORMATS", "READY", "TOTAL"], &[]);
        for entry in &self.0 {
            let joined = |texts: &std::collections::BTreeSet<String>| {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                texts.join(", ")
            };
            table.row([
                entry.schematic.as_str().into(),
                joined(&entry.versions).into(),
                joined(&entry.formats).into(),
                entry.ready.to_string().into(),
                entry.total.to_string().into(),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|entry| entry.schematic.clone()).collect()
    }
}
