//! `butlerctl cluster export`.

use std::path::{Path, PathBuf};

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work::{self, PlaceArgs};
use butler_files::home;
use butler_tenancy::clusters::export::{self, Exported, Form};
use butler_tenancy::clusters::list::{self, Query};
use butler_tenancy::clusters::read;
use butler_terminal::{Exit, Failure, output};
use kube::api::DynamicObject;

use super::list::unlisted;
use super::one::unread;

/// Options of `cluster export`.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER", required_unless_present_any = ["named", "all", "all_namespaces"])]
    pub name: Option<String>,
    /// Name of the cluster
    #[arg(long = "name", id = "named", value_name = "CLUSTER", conflicts_with_all = ["name", "all", "all_namespaces"])]
    pub named: Option<String>,
    /// Export all clusters of the namespace
    #[arg(long, conflicts_with = "name")]
    pub all: bool,
    /// Export the clusters of all namespaces
    #[arg(short = 'A', long, conflicts_with_all = ["name", "namespace", "team"])]
    pub all_namespaces: bool,
    /// File to write, or a folder with a file for each cluster; readable for you only
    #[arg(short, long, value_name = "PATH", default_value = "-")]
    pub output: PathBuf,
    /// Export it under another name
    #[arg(long = "as", value_name = "NAME", conflicts_with_all = ["all", "all_namespaces"])]
    pub rename: Option<String>,
    /// Keep the status, for people to read
    #[arg(long)]
    pub include_status: bool,
    /// Where to look.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &ExportArgs) -> Result<(), Failure> {
    let objects = objects(account, args)?;
    let form = Form {
        name: args.rename.clone(),
        include_status: args.include_status,
    };
    let exported: Result<Vec<Exported>, _> = objects.iter().map(|object| export::of(object, &form)).collect();
    let exported = exported.map_err(|error| Failure::from_error(Exit::Failed, &error).while_doing("cannot export"))?;
    for one in exported.iter().filter(|one| one.without_addresses) {
        let without = format!(
            "{}: the addresses that a pool of this platform gave are left out",
            one.file
        );
        account.ui.warn(&without, None);
    }
    write(account, args, &exported)
}

fn objects(account: Account<'_>, args: &ExportArgs) -> Result<Vec<DynamicObject>, Failure> {
    work::run(account, &args.access, async |reach| {
        let namespace = if args.all_namespaces {
            None
        } else {
            Some(args.place.find(account, &reach).await?.namespace)
        };
        if let (Some(name), Some(namespace)) = (args.name.as_ref().or(args.named.as_ref()), &namespace) {
            let found = read::cluster(&reach, namespace, name).await;
            return Ok(vec![found.map_err(|error| unread(account.tool, &error))?.object]);
        }
        let query = Query {
            namespace,
            ..Query::default()
        };
        let listing = list::objects(&reach, &query)
            .await
            .map_err(|error| unlisted(account.tool, &error))?;
        super::list::tell_limits(account, listing.only_teams.as_deref());
        if listing.items.is_empty() {
            account.ui.note(&super::list::none(&query));
        }
        Ok(listing.items)
    })
}

fn write(account: Account<'_>, args: &ExportArgs, exported: &[Exported]) -> Result<(), Failure> {
    let written = |path: &Path, text: &str| {
        home::write_secret(path, text.as_bytes())
            .map_err(|error| Failure::from_error(Exit::Failed, &error).while_doing("cannot write the export"))
    };
    let documents: Result<Vec<String>, Failure> = exported.iter().map(|one| output::yaml(&one.object)).collect();
    let documents = documents?;
    let path = &args.output;
    if path == Path::new("-") {
        return account.ui.print(&documents.join("---\n"));
    }
    if !is_folder(path) {
        written(path, &documents.join("---\n"))?;
        account
            .ui
            .note(&format!("{} exported to {}", counted(exported.len()), path.display()));
        return Ok(());
    }
    for (one, document) in exported.iter().zip(&documents) {
        written(&path.join(&one.file), document)?;
    }
    account
        .ui
        .note(&format!("{} exported into {}", counted(exported.len()), path.display()));
    Ok(())
}

fn counted(number: usize) -> String {
    match number {
        1 => "1 cluster".to_owned(),
        number => format!("{number} clusters"),
    }
}

/// A folder that is there, or a path that ends as one.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/')
}
