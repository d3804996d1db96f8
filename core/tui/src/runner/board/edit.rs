//! A tenant cluster that is edited as a text: what the editor is given, and what becomes of that.

use std::{io, process::ExitStatus, sync::Arc};

use butler_files::Draft;
use butler_tenancy::clusters::{change::Writer, edit};
use butler_terminal::{Exit, Failure};

use super::{Context, Editing, act, told};
use crate::board::{Board, Edited, Target};

/// The command that does the same.
pub(super) fn command(target: &Target) -> String {
    format!(
        "butlerctl cluster edit {} --namespace {}",
        target.name, target.namespace
    )
}

pub(super) fn failed(target: &Target, failure: &Failure) -> Board {
    Board::Acted {
        command: command(target),
        outcome: Err(told(failure)),
    }
}

/// Writes the text of a cluster for the editor.
pub(super) async fn begin(context: &Context, target: &Target) -> Result<Editing, Failure> {
    let (program, arguments) = context.door.editor()?;
    let reach = context.reach().await?;
    let found = act::same(&reach, target).await?;
    let text = edit::document(&found.object).map_err(|error| act::refused(&error))?;
    let (folder, name) = (
        context.door.drafts()?,
        format!("{}-{}.yaml", target.namespace, target.name),
    );
    let draft = Draft::write(&folder, &name, &text).map_err(|error| act::refused(&error))?;
    Ok(Editing {
        program,
        arguments,
        draft,
        target: target.clone(),
        found: Arc::new(found),
    })
}

/// The same with a text as it was left.
pub(super) fn again(context: &Context, edited: &Edited) -> Result<Editing, Failure> {
    let (program, arguments) = context.door.editor()?;
    Ok(Editing {
        program,
        arguments,
        draft: edited.draft.clone(),
        target: edited.target.clone(),
        found: Arc::clone(&edited.found),
    })
}

/// What an edited text comes to, as the API server would take it; nothing where it means the same as before. A text that leads to
/// nothing stays.
pub(super) async fn read(
    context: &Context,
    editing: Editing,
    ended: io::Result<ExitStatus>,
) -> Result<Option<Edited>, Failure> {
    let draft = editing.draft.clone();
    let edited = Box::pin(meant(context, editing, ended)).await;
    match &edited {
        Ok(None) => draft.remove(),
        Ok(Some(_)) => {}
        Err(_) => return edited.map_err(|failure| kept(&draft, failure)),
    }
    edited
}

/// The failure with the place where the text is kept.
pub(super) fn kept(draft: &Draft, failure: Failure) -> Failure {
    failure.hint(format!("the edited text is kept in {}", draft.path().display()))
}

async fn meant(context: &Context, editing: Editing, ended: io::Result<ExitStatus>) -> Result<Option<Edited>, Failure> {
    let Editing {
        program,
        draft,
        target,
        found,
        ..
    } = editing;
    let not_done = |words: String| Failure::new(Exit::Failed, words).hint("choose another editor: EDITOR=NAME");
    match ended {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(not_done(format!("the editor {program} ended with {status}"))),
        Err(error) => return Err(not_done(format!("cannot start the editor {program}: {error}"))),
    }
    let text = draft.read().map_err(|error| act::refused(&error))?;
    let Some(edit) = edit::read_edit(&found.object, &text).map_err(|error| act::usage(&error))? else {
        return Ok(None);
    };
    let reach = context.reach().await?;
    let writer = Writer {
        manager: context.door.manager(),
        dry_run: None,
    };
    let lines = edit::preview(&reach, &found, &edit, writer).await;
    let lines = lines.map_err(|error| act::refused(&error))?;
    Ok(Some(Edited {
        target,
        found,
        edit,
        lines: lines.lines().map(str::to_owned).collect(),
        draft,
    }))
}
