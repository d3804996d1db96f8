//! The text that somebody edits, and the editor.

use std::process::Command;

use butler_files::Draft;
use butler_tenancy::clusters::read::Found;
use butler_terminal::{Env, Exit, Failure, editor};

use crate::commands::cluster::waiting::Work;

/// Writes the text of a cluster to edit.
pub(super) fn write(env: &Env, found: &Found, text: &str) -> Result<Draft, Failure> {
    let folder = butler_account::session::home(env)?.cache.join("edit");
    let name = format!("{}-{}.yaml", found.namespace, found.name);
    Draft::write(&folder, &name, text).map_err(|error| butler_account::failure::home(&error))
}

/// Lets somebody edit it, and gives what it holds then.
pub(super) async fn edited(draft: &Draft, work: &Work<'_>) -> Result<String, Failure> {
    let (program, arguments) = editor::command(work.account.env)?;
    let (name, path) = (program.clone(), draft.path().to_owned());
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
    draft.read().map_err(|error| Failure::from_error(Exit::Failed, &error))
}

/// The failure with the place where the text is kept.
pub(super) fn kept(draft: &Draft, failure: Failure) -> Failure {
    failure.hint(format!("the edited text is kept in {}", draft.path().display()))
}
