//! `butleradm bootstrap import`: takes a cluster over from another home.

use std::path::{Path, PathBuf};

use butler_files::{
    home::{self, Home},
    read,
};
use butler_lifecycle::transfer::{self, DecryptionKey, Imported};
use butler_terminal::{Answer, Env, Exit, Failure, Table, Ui, args::OutputArgs, env};
use serde::Serialize;

use super::passphrase::PassphraseArgs;
use crate::failure;

/// The most that is read of a file with identities.
const LIMIT: u64 = 1 << 20;

/// Options of `bootstrap import`.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// The archive that the other home wrote
    #[arg(value_name = "FILE")]
    pub archive: PathBuf,
    /// Where the passphrase is.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    /// Open it with the age keys in this file, as age-keygen writes them; may be given several times
    #[arg(long, value_name = "FILE", conflicts_with_all = ["passphrase_file", "passphrase_stdin"])]
    pub identity: Vec<PathBuf>,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(super) fn run(ui: &Ui, env: &Env, args: &ImportArgs) -> Result<(), Failure> {
    let home = Home::resolve(env.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e))?;
    let archive = home::expand(&args.archive).map_err(|e| failure::home(&e))?;
    transfer::check(&archive).map_err(|e| failure::import(&e))?;
    let key = key(env, args)?;
    let imported = transfer::import(&home, &archive, &key).map_err(|e| failure::import(&e))?;
    if let Some(error) = &imported.unwritten {
        let hint = "the next run writes it again";
        ui.warn(
            &format!("kubeconfig or talosconfig for people is missing: {error}"),
            Some(hint),
        );
    }
    ui.hint("the bootstrap command with the same configuration goes on from there");
    ui.hint("the archive has all credentials of the cluster: delete it");
    ui.answer(&Taken(imported), args.output.output)
}

fn key(env: &Env, args: &ImportArgs) -> Result<DecryptionKey, Failure> {
    let keys = args.identity.iter().map(|path| identities(path));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    if let Some(key) = keys.into_iter().reduce(DecryptionKey::and) {
        return Ok(key);
    }
    let passphrase = args.passphrase.read(env, false, "--identity FILE")?;
    Ok(DecryptionKey::Passphrase(passphrase))
}

fn identities(path: &Path) -> Result<DecryptionKey, Failure> {
    let path = home::expand(path).map_err(|e| failure::home(&e))?;
    let doing = format!("cannot use the identities in {}", path.display());
    let bytes =
        read::file(&path, LIMIT).map_err(|e| Failure::from_error(Exit::Usage, &e).while_doing(doing.as_str()))?;
    let text = String::from_utf8_lossy(&bytes);
    DecryptionKey::identities(&text).map_err(|e| Failure::from_error(Exit::Usage, &e).while_doing(doing))
}

/// The answer.
#[derive(Serialize)]
#[serde(transparent)]
struct Taken(Imported);

impl Answer for Taken {
    fn table(&self) -> Table {
        let mut table = Table::new(&["CLUSTER", "FROM", "EXPORTED", "FILES"], &["CLUSTER-ID", "FOLDER"]);
        let Self(imported) = self;
        table.row([
            imported.cluster.as_str().into(),
            imported.host.as_str().into(),
            format!("{:.0}", imported.exported).into(),
            imported.files.to_string().into(),
            imported.cluster_id.to_string().into(),
            imported.folder.display().to_string().into(),
        ]);
        table
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.cluster.clone()]
    }
}
