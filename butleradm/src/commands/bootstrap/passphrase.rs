//! The passphrase of an archive: from a file, standard input or the terminal, never from the command line.

use std::{
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
};

use butler_files::{home, read};
use butler_lifecycle::setup;
use butler_terminal::{Env, Exit, Failure, env, prompt};
use secrecy::{ExposeSecret as _, SecretString};

use crate::failure;

/// Longer than anybody types.
const LIMIT: u64 = 4 << 10;

/// Where the passphrase is.
#[derive(Debug, clap::Args)]
pub struct PassphraseArgs {
    /// File with the passphrase of the archive; BUTLER_PASSPHRASE_FILE names one too
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_stdin")]
    pub passphrase_file: Option<PathBuf>,
    /// Read the passphrase of the archive from standard input
    #[arg(long)]
    pub passphrase_stdin: bool,
}

impl PassphraseArgs {
    /// Reads it. A new one is typed twice; `other` are the flags that make it needless.
    pub(super) fn read(&self, env: &Env, new: bool, other: &str) -> Result<SecretString, Failure> {
        let variable = env.get(env::BUTLER_PASSPHRASE_FILE).map(Path::new);
        if self.passphrase_stdin {
            let bytes = read::standard_input(LIMIT);
            let bytes = bytes.map_err(|e| unreadable(&e, "standard input"))?;
            return secret(&bytes, "standard input");
        }
        if let Some(path) = self.passphrase_file.as_deref().or(variable) {
            return from_file(path);
        }
        if !io::stdin().is_terminal() {
            return Err(
                Failure::new(Exit::Usage, "the archive needs a passphrase, and nobody can type one")
                    .hint(format!("add --passphrase-file FILE, --passphrase-stdin or {other}")),
            );
        }
        let typed = ask("Passphrase of the archive:")?;
        if new && ask("Once more:")?.expose_secret() != typed.expose_secret() {
            return Err(Failure::new(
                Exit::Usage,
                "the two passphrases differ; nothing was written",
            ));
        }
        Ok(typed)
    }
}

fn from_file(path: &Path) -> Result<SecretString, Failure> {
    let path = home::expand(path).map_err(|e| failure::home(&e))?;
    let place = path.display().to_string();
    let bytes = read::file(&path, LIMIT).map_err(|e| unreadable(&e, &place))?;
    secret(&bytes, &place)
}

fn unreadable(error: &read::ReadError, place: &str) -> Failure {
    Failure::from_error(Exit::Usage, error).while_doing(format!("cannot read the passphrase from {place}"))
}

fn secret(bytes: &[u8], place: &str) -> Result<SecretString, Failure> {
    setup::passphrase(bytes, place).map_err(|e| Failure::from_error(Exit::Usage, &e))
}

/// Asks on the terminal; what is typed is not shown.
fn ask(words: &str) -> Result<SecretString, Failure> {
    let typed = prompt::hidden(words);
    let typed = typed.map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot read the passphrase"))?;
    secret(typed.expose_secret().as_bytes(), "the terminal")
}
