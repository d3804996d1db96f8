//! The text that somebody edits, and the editor.

use std::path::PathBuf;
use std::process::Command;

use butler_files::{home, read};
use butler_tenancy::clusters::read::Found;
use butler_terminal::{Env, Exit, Failure};

use crate::commands::cluster::waiting::Work;

/// The editor that somebody likes best.
const VISUAL: &str = "VISUAL";
/// The editor for terminals.
const EDITOR: &str = "EDITOR";
/// The editor that is there.
const VI: &str = "vi";
/// The largest text that is read back, in bytes: more than an API server takes.
const LARGEST: u64 = 4 << 20;

/// A text that is edited, in a file that only its owner can read.
pub(super) struct Draft {
    path: PathBuf,
}

impl Draft {
    /// Writes a text to edit.
    pub(super) fn write(env: &Env, found: &Found, text: &str) -> Result<Self, Failure> {
        let folder = butler_account::session::home(env)?.cache.join("edit");
        let path = folder.join(format!("{}-{}.yaml", found.namespace, found.name));
        let written = home::private_folder(&folder).and_then(|()| home::write_secret(&path, text.as_bytes()));
        written.map_err(|error| butler_account::failure::home(&error))?;
        Ok(Self { path })
    }

    /// Lets somebody edit it, and gives what it holds then.
    pub(super) async fn edited(&self, work: &Work<'_>) -> Result<String, Failure> {
        let words = words(work.account.env)?;
        let (program, arguments) = words.split_first().ok_or_else(no_editor)?;
        let (program, arguments, path) = (program.clone(), arguments.to_vec(), self.path.clone());
        let name = program.clone();
        let ended = tokio::task::spawn_blocking(move || Command::new(program).args(arguments).arg(path).status());
        let ended = tokio::select! {
            ended = ended => ended.map_err(std::io::Error::other).flatten(),
            () = work.stop.cancelled() => return Err(Failure::new(Exit::Interrupted, "interrupted; nothing was changed")),
        };
        let failed = |words: String| Failure::new(Exit::Failed, words).hint("choose another editor: EDITOR=NAME");
        match ended {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(failed(format!("the editor {name} ended with {status}"))),
            Err(error) => return Err(failed(format!("cannot start the editor {name}")).cause(error.to_string())),
        }
        let bytes = read::file(&self.path, LARGEST);
        let bytes = bytes.map_err(|error| self.unreadable().cause(error.to_string()))?;
        String::from_utf8(bytes).map_err(|error| self.unreadable().cause(error.to_string()))
    }

    fn unreadable(&self) -> Failure {
        Failure::new(Exit::Failed, format!("cannot read {}", self.path.display()))
    }

    /// The failure with the place where the text is kept.
    pub(super) fn kept(&self, failure: Failure) -> Failure {
        failure.hint(format!("the edited text is kept in {}", self.path.display()))
    }

    /// Removes it; what cannot be removed is overwritten by the next edit.
    pub(super) fn remove(&self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The words of the command line of the editor.
fn words(env: &Env) -> Result<Vec<String>, Failure> {
    let chosen = [VISUAL, EDITOR].into_iter().find_map(|name| env.text(name));
    let words = shlex::split(chosen.unwrap_or(VI)).filter(|words| !words.is_empty());
    words.ok_or_else(no_editor)
}

fn no_editor() -> Failure {
    Failure::new(
        Exit::Usage,
        "VISUAL or EDITOR is no command line: a quote is not closed",
    )
    .hint("write for example EDITOR='code --wait'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Vec<String> {
        words(&variables.iter().copied().collect::<Env>()).unwrap()
    }

    #[test]
    fn the_editor_is_a_command_line_and_visual_comes_first() {
        assert_eq!(of(&[]), ["vi"]);
        assert_eq!(of(&[("EDITOR", "nano")]), ["nano"]);
        assert_eq!(
            of(&[("EDITOR", "nano"), ("VISUAL", "'/opt/my editor/bin' --wait -n")]),
            ["/opt/my editor/bin", "--wait", "-n"]
        );
        assert!(words(&[("EDITOR", "a 'b")].into_iter().collect()).is_err());
    }
}
