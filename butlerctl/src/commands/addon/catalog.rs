//! `butlerctl addon catalog`.

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::addons::AddonError;
use butler_tenancy::addons::catalog::{self, Entry};
use butler_terminal::{Answer, Exit, Failure, Table, args::OutputArgs};
use serde::Serialize;

use super::failure;

/// Options of `addon catalog`.
#[derive(Debug, clap::Args)]
pub struct CatalogArgs {
    /// Only this addon, with its versions
    #[arg(value_name = "ADDON")]
    pub addon: Option<String>,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &CatalogArgs) -> Result<(), Failure> {
    let entries = work::run(account, &args.access, async |reach| {
        let entries = catalog::all(&reach).await;
        entries.map_err(|error| failure::catalog(account.tool, &error))
    })?;
    match &args.addon {
        None => {
            if entries.is_empty() {
                account.ui.note("the catalog is empty");
            }
            account.ui.answer(&Catalog(entries), args.output.output)
        }
        Some(addon) => {
            let entry = catalog::named(&entries, addon).map_err(|error| unknown(account, &error))?;
            account.ui.answer(&One(entry), args.output.output)
        }
    }
}

fn unknown(account: Account<'_>, error: &AddonError) -> Failure {
    failure::unknown(account.tool, Failure::from_error(Exit::Failed, error), error)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Catalog(Vec<Entry>);

#[derive(Serialize)]
#[serde(transparent)]
struct One<'a>(&'a Entry);

impl Answer for Catalog {
    fn table(&self) -> Table {
        let columns = ["NAME", "DISPLAY NAME", "CATEGORY", "VERSION", "PLATFORM"];
        let mut table = Table::new(&columns, &["OTHER VERSIONS", "NEEDS", "CHART", "REPOSITORY"]);
        for entry in &self.0 {
            table.row([
                entry.name.as_str().into(),
                entry.display_name.as_str().into(),
                entry.category.as_str().into(),
                entry.default_version.as_str().into(),
                if entry.platform { "yes" } else { "no" }.into(),
                entry.versions().get(1..).unwrap_or(&[]).join(", ").into(),
                entry.depends_on.join(", ").into(),
                entry.chart_name.as_str().into(),
                entry.chart_repository.as_str().into(),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|entry| entry.name.clone()).collect()
    }
}

impl Answer for One<'_> {
    fn table(&self) -> Table {
        let Self(entry) = self;
        let documentation = entry.links.as_ref().and_then(|links| links.documentation.clone());
        Table::fields([
            ("name", entry.name.clone()),
            ("display name", entry.display_name.clone()),
            ("description", entry.description.clone()),
            ("category", entry.category.clone()),
            ("version", entry.default_version.clone()),
            ("other versions", entry.versions().get(1..).unwrap_or(&[]).join(", ")),
            ("needs", entry.depends_on.join(", ")),
            (
                "comes with clusters",
                if entry.platform { "yes" } else { "no" }.to_owned(),
            ),
            (
                "namespace",
                entry.default_namespace.clone().unwrap_or_else(|| "-".to_owned()),
            ),
            ("chart", format!("{} of {}", entry.chart_name, entry.chart_repository)),
            ("documentation", documentation.unwrap_or_else(|| "-".to_owned())),
        ])
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.name.clone()]
    }
}
