//! `butleradm bootstrap export`: hands a cluster over to another home.

use std::{
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
};

use butler_files::{
    ClusterFolder,
    home::{self, Home},
    read,
};
use butler_lifecycle::{
    runs::list,
    transfer::{self, Destination, EncryptionKey, Handover, KeyError},
};
use butler_terminal::{Answer, Env, Exit, Failure, Table, Ui, args::OutputArgs, env};
use serde::Serialize;

use super::passphrase::PassphraseArgs;
use crate::failure;

/// The most that is read of a file with recipients.
const LIMIT: u64 = 1 << 20;

/// Options of `bootstrap export`.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER")]
    pub cluster: String,
    /// File to write the archive to; - is stdout
    #[arg(long, value_name = "FILE", required_unless_present = "undo")]
    pub to: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
    /// Where the passphrase is.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    /// Encrypt for the holder of this age key instead (age1...); may be given several times
    #[arg(long, value_name = "KEY", conflicts_with_all = ["passphrase_file", "passphrase_stdin"])]
    pub recipient: Vec<String>,
    /// Encrypt for the age keys in this file, one in a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["passphrase_file", "passphrase_stdin"])]
    pub recipients_file: Vec<PathBuf>,
    /// Go on here after all: take an export back that nobody has imported
    #[arg(long, conflicts_with_all = ["to", "force", "passphrase_file", "passphrase_stdin", "recipient", "recipients_file"])]
    pub undo: bool,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(super) fn run(ui: &Ui, env: &Env, args: &ExportArgs) -> Result<(), Failure> {
    let home = Home::resolve(env.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e))?;
    let folder = list::choose(&home, Some(&args.cluster)).map_err(|e| failure::choose(&e, "bootstrap export"))?;
    match &args.to {
        Some(to) => export(ui, env, args, &folder, to),
        None => take_back(ui, &folder),
    }
}

fn export(ui: &Ui, env: &Env, args: &ExportArgs, folder: &ClusterFolder, to: &Path) -> Result<(), Failure> {
    let destination = destination(to, args.force)?;
    let key = key(env, args)?;
    let handover = transfer::export(folder, &key, destination).map_err(|e| failure::export(&e, &args.cluster))?;
    if handover.kind_stays {
        ui.warn(
            "its kind cluster stays on this computer; the other home makes one of its own",
            Some("once that has gone on: kind delete cluster --name NAME (kind get clusters)"),
        );
    }
    match &handover.archive {
        Some(archive) => {
            ui.hint(&format!(
                "in the other home: butleradm bootstrap import {}; this one does not go on with it",
                archive.display()
            ));
            ui.answer(&Exported(handover), args.output.output)
        }
        None => Ok(()),
    }
}

fn take_back(ui: &Ui, folder: &ClusterFolder) -> Result<(), Failure> {
    let cluster = folder.cluster();
    let exported = transfer::take_back(folder).map_err(|e| failure::export(&e, cluster))?;
    let archive = exported
        .to
        .map_or_else(|| "its archive".to_owned(), |to| format!("the archive {to}"));
    ui.note(&format!("this home goes on with {cluster}"));
    ui.hint(&format!("nobody may import {archive} now: delete it"));
    Ok(())
}

fn destination(to: &Path, replace: bool) -> Result<Destination, Failure> {
    if to.as_os_str() == "-" {
        if io::stdout().is_terminal() {
            return Err(Failure::new(Exit::Usage, "an archive is nothing for a terminal")
                .hint("name a file with --to, or pipe it on"));
        }
        return Ok(Destination::Writer(Box::new(io::stdout())));
    }
    let path = home::expand(to).map_err(|e| failure::home(&e))?;
    let path = std::path::absolute(&path);
    let path =
        path.map_err(|e| Failure::from_error(Exit::Usage, &e).while_doing("cannot use the path of the archive"))?;
    Ok(Destination::File { path, replace })
}

fn key(env: &Env, args: &ExportArgs) -> Result<EncryptionKey, Failure> {
    if args.recipient.is_empty() && args.recipients_file.is_empty() {
        let passphrase = args.passphrase.read(env, true, "--recipient KEY")?;
        return Ok(EncryptionKey::Passphrase(passphrase));
    }
    let refused = |error: &KeyError, place: &str| {
        Failure::from_error(Exit::Usage, error).while_doing(format!("cannot encrypt for the keys in {place}"))
    };
    let mut keys = Vec::new();
    for path in &args.recipients_file {
        let path = home::expand(path).map_err(|e| failure::home(&e))?;
        let place = path.display().to_string();
        let bytes = read::file(&path, LIMIT)
            .map_err(|e| Failure::from_error(Exit::Usage, &e).while_doing(format!("cannot read {place}")))?;
        let recipients = EncryptionKey::recipients(&String::from_utf8_lossy(&bytes));
        keys.push(recipients.map_err(|e| refused(&e, &place))?);
    }
    if !args.recipient.is_empty() {
        let recipients = EncryptionKey::recipients(&args.recipient.join("\n"));
        keys.push(recipients.map_err(|e| refused(&e, "--recipient"))?);
    }
    let all = keys.into_iter().reduce(EncryptionKey::and);
    Ok(all.expect("one of them was given"))
}

/// The answer.
#[derive(Serialize)]
#[serde(transparent)]
struct Exported(Handover);

impl Answer for Exported {
    fn table(&self) -> Table {
        let mut table = Table::new(&["CLUSTER", "ARCHIVE", "FILES"], &["CLUSTER-ID", "EXPORTED"]);
        let Self(handover) = self;
        let archive = handover.archive.as_ref().map(|path| path.display().to_string());
        table.row([
            handover.cluster.as_str().into(),
            archive.unwrap_or_else(|| "-".to_owned()).into(),
            handover.files.to_string().into(),
            handover.cluster_id.to_string().into(),
            format!("{:.0}", handover.at).into(),
        ]);
        table
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.cluster.clone()]
    }
}
