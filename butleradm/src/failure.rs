//! Turns errors of the libraries into failures: kind, hints and exit code.

use std::{io, path::Path};

use butler_embedded::OpenError;
use butler_terminal::{Exit, Failure};

/// A configuration file that cannot be read.
pub(crate) fn unreadable_config(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::from_error(Exit::Usage, error)
        .while_doing(format!("cannot read the configuration {}", path.display()));
    match error.kind() {
        io::ErrorKind::NotFound => {
            failure.hint("fixtures/configs/ holds samples; `butleradm schema` prints what a configuration may contain")
        }
        _ => failure,
    }
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
    Failure::from_error(Exit::Failed, error)
}
