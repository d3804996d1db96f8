//! Turns errors of the libraries into failures: kind, hints and exit code.

use std::path::Path;

use butler_addons::PlanError;
use butler_api::{descriptors, event::Outcome};
use butler_embedded::OpenError;
use butler_engine::{Ended, FailedStep};
use butler_files::{home::HomeError, read::ReadError};
use butler_infra::InfraError;
use butler_lifecycle::bootstrap::{context::Files, run::RunError};
use butler_terminal::{Exit, Failure};
use butler_world::process::WorldError;

/// A configuration file that cannot be read.
pub(crate) fn unreadable_config(path: &Path, error: &ReadError) -> Failure {
    let failure = Failure::from_error(Exit::Usage, error)
        .while_doing(format!("cannot read the configuration {}", path.display()));
    if error.is_missing() {
        return failure.hint(
            "fixtures/configs/ holds samples; `butleradm bootstrap schema` prints what a configuration may contain",
        );
    }
    failure
}

/// The command line and the configuration name different providers.
pub(crate) fn other_provider(wanted: &str, provider: &str, path: &Path) -> Failure {
    Failure::new(
        Exit::Usage,
        format!(
            "the command line says {wanted}, the configuration {} says {provider}",
            path.display()
        ),
    )
    .hint(format!("leave {wanted} out, or choose another file with --config"))
}

/// An API server that cannot be opened or cannot listen.
pub(crate) fn embedded(error: &OpenError) -> Failure {
    let failure = Failure::from_error(Exit::Failed, error);
    match error {
        OpenError::Damaged { folder, .. } => failure.hint(format!(
            "restore {folder} from a backup, or move it away and start with an empty one"
        )),
        _ => failure,
    }
}

/// No folder to work in.
pub(crate) fn home(error: &HomeError) -> Failure {
    Failure::from_error(Exit::Usage, error)
}

/// A world that cannot be started, found or ended.
pub(crate) fn world(error: &WorldError) -> Failure {
    match error {
        WorldError::File(_) => Failure::from_error(Exit::Usage, error),
        WorldError::Running(_) => {
            Failure::from_error(Exit::Failed, error).hint("end it first: butleradm inmemory down")
        }
        WorldError::Descriptors { .. } => Failure::from_error(Exit::Failed, error).hint(descriptors::HINT),
        WorldError::Silent { .. } => {
            Failure::from_error(Exit::Failed, error).hint("butleradm inmemory down ends it, also when it hangs")
        }
        WorldError::Unknown(lock) => {
            Failure::from_error(Exit::Failed, error).hint(format!("find it with `fuser {}` and end it", lock.display()))
        }
        _ => Failure::from_error(Exit::Failed, error),
    }
}

/// The user stopped the command.
pub(crate) fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted")
}

/// The deadline passed before the first step.
pub(crate) fn too_late(cluster: &str) -> Failure {
    let message =
        format!("the bootstrap of {cluster} had not begun when --deadline passed; nothing was changed on the platform");
    Failure::new(Exit::Deadline, message).hint("run the same command again, with more time")
}

/// Addons that do not fit together.
pub(crate) fn plan(error: &PlanError) -> Failure {
    let failure = Failure::from_error(Exit::Usage, error);
    match error {
        PlanError::Missing { hint, .. } => failure.hint(*hint),
        PlanError::Unsupported { .. } => failure,
    }
}

/// A platform that cannot be used.
pub(crate) fn infra(error: &InfraError) -> Failure {
    let exit = if error.kind == butler_infra::ErrorKind::Unsupported {
        Exit::Usage
    } else {
        Exit::Failed
    };
    let failure = Failure::from_error(exit, error);
    match &error.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// A run that could not begin, or had to stop.
pub(crate) fn run(error: &RunError, files: &Files) -> Failure {
    match error {
        RunError::Changed { .. } => Failure::from_error(Exit::Usage, error).hint(
            "undo these changes and run the same command again; a cluster under way keeps what it was made with. \
                 A machine on the list keeps its name when its `name` is written down",
        ),
        RunError::Plan(error) => plan(error),
        RunError::Lost(lost) => lost
            .hints()
            .iter()
            .fold(Failure::from_error(Exit::Failed, error), |failure, hint| {
                failure.hint(hint)
            }),
        RunError::Journal(_) => Failure::from_error(Exit::Failed, error).hint(format!(
            "nothing was deleted; the state of this bootstrap is in {}",
            files.folder.display()
        )),
        _ => Failure::from_error(Exit::Failed, error),
    }
}

/// As many waits are told when the time was up: the longest ones.
const MOST_WAITS: usize = 3;

/// As many hints are told.
const MOST_HINTS: usize = 3;

/// How a run ended, if not well: what failed, what exists, how to go on.
pub(crate) fn ended(ended: &Ended, cluster: &str, config: &Path) -> Result<(), Failure> {
    let exit = match ended.outcome {
        Outcome::Done => return Ok(()),
        Outcome::Failed => Exit::Failed,
        Outcome::Deadline => Exit::Deadline,
        Outcome::Interrupted => Exit::Interrupted,
    };
    let mut failure = match (ended.failures.first(), ended.outcome) {
        (_, Outcome::Interrupted) => Failure::new(exit, format!("the bootstrap of {cluster} was interrupted")),
        (Some(first), _) => failed_step(exit, cluster, first),
        (None, _) => Failure::new(
            exit,
            format!("the bootstrap of {cluster} did not end within --deadline"),
        ),
    };
    let told = usize::from(ended.outcome != Outcome::Interrupted);
    for further in ended.failures.iter().skip(told) {
        failure = failure.cause(describe(further));
    }
    for wait in ended.unfinished.iter().take(MOST_WAITS) {
        failure = failure.cause(wait.clone());
    }
    if let Some(more) = ended.unfinished.len().checked_sub(MOST_WAITS).filter(|more| *more > 0) {
        failure = failure.cause(format!("and {more} more"));
    }
    failure = failure.cause(exists(ended));
    let mut hints: Vec<&str> = Vec::new();
    let of_failures = ended.failures.iter().filter_map(|f| f.failure.hint.as_deref());
    for hint in of_failures.chain(ended.hints.iter().map(String::as_str)) {
        if !hints.contains(&hint) && hints.len() < MOST_HINTS {
            hints.push(hint);
        }
    }
    for hint in hints {
        failure = failure.hint(hint);
    }
    if ended.unfinished.iter().any(|words| descriptors::is_told(words)) {
        failure = failure.hint(descriptors::HINT);
    }
    let again = format!("butleradm bootstrap --config {}", config.display());
    Err(failure.hint(format!("nothing was deleted; `{again}` goes on from here")))
}

fn failed_step(exit: Exit, cluster: &str, step: &FailedStep) -> Failure {
    Failure::new(exit, format!("the bootstrap of {cluster} stopped")).cause(describe(step))
}

fn describe(step: &FailedStep) -> String {
    let subject = step.about.as_ref().map(|m| format!("{m}: ")).unwrap_or_default();
    format!("{subject}{} (step {}): {}", step.title, step.step, step.failure.message)
}

/// What exists, so that nobody has to look for it.
fn exists(ended: &Ended) -> String {
    let machines = &ended.view.machines;
    let made: Vec<String> = machines
        .iter()
        .filter(|m| m.state != GONE)
        .filter_map(|m| Some(format!("{} ({}, {})", m.name, m.provider_id.as_deref()?, m.state)))
        .collect();
    let gone = machines.iter().filter(|m| m.state == GONE).count();
    match made.len() {
        0 if gone > 0 => format!("none of {} machines exists any more", machines.len()),
        0 => "no machine exists yet".to_owned(),
        n if n > 12 => format!("{n} machines exist; the first is {}", made[0]),
        n => format!("{n} of {} machines exist: {}", machines.len(), made.join(", ")),
    }
}

/// The state of a machine that the platform no longer has.
const GONE: &str = "gone";
