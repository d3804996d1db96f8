//! Failures of handing a cluster over to another home.

use butler_files::{HandedOver, LockError};
use butler_lifecycle::transfer::{ExportError, ImportError, ManifestError, OpenError, UnpackError};
use butler_terminal::{Exit, Failure};

/// Another home goes on with the cluster.
pub(crate) fn handed_over(error: &HandedOver) -> Failure {
    let failure = Failure::from_error(Exit::Usage, error);
    error.hints().into_iter().fold(failure, Failure::hint)
}

/// A cluster that was not exported.
pub(crate) fn export(error: &ExportError, cluster: &str) -> Failure {
    let own = |exit| Failure::from_error(exit, error);
    match error {
        ExportError::Lock(LockError::Held { .. }) => own(Exit::Failed).hint(format!(
            "wait for it (butleradm attach {cluster}), or end it: butleradm cancel {cluster}"
        )),
        ExportError::HandedOver(error) => handed_over(error),
        ExportError::Nothing { .. } => own(Exit::Usage).hint("begin its bootstrap where it is to run"),
        ExportError::Journal { .. } => {
            own(Exit::Failed).hint("the bootstrap command tells how the journal is put right; it changes nothing")
        }
        ExportError::Exists(_) => own(Exit::Usage).hint("name another file, or add --force"),
        ExportError::NotExported { .. } => own(Exit::Usage).hint("butleradm bootstrap list shows what was exported"),
        ExportError::Lock(_) | ExportError::Pack(_) | ExportError::Home(_) => own(Exit::Failed),
    }
}

/// A cluster that was not imported. Nothing of this home was changed then.
pub(crate) fn import(error: &ImportError) -> Failure {
    let own = |exit| Failure::from_error(exit, error);
    match error {
        ImportError::File { .. } => own(Exit::Usage),
        ImportError::Open { source, .. } => match source {
            OpenError::Foreign => own(Exit::Usage).hint("name a file that `butleradm bootstrap export` wrote"),
            OpenError::NeedsPassphrase => own(Exit::Usage)
                .hint("leave --identity out: the passphrase is asked for, or comes with --passphrase-file FILE"),
            OpenError::NeedsIdentity => own(Exit::Usage).hint("add --identity FILE, the file of `age-keygen`"),
            OpenError::WrongPassphrase => {
                own(Exit::Failed).hint("try again: without its passphrase nobody opens it; nothing was changed")
            }
            OpenError::WrongIdentity => own(Exit::Failed)
                .hint("--identity FILE has to hold the private key of one of the recipients of the export"),
            OpenError::Damaged | OpenError::Work => own(Exit::Failed).hint(COPY),
            OpenError::Io(_) => own(Exit::Failed),
        },
        ImportError::Content { source, .. } => match source {
            UnpackError::Manifest(ManifestError::Newer(_)) => {
                own(Exit::Failed).hint("use the release that wrote it, or a later one")
            }
            UnpackError::Folder(_) => own(Exit::Failed),
            _ => own(Exit::Failed).hint(COPY),
        },
        ImportError::Journal { .. } | ImportError::Other { .. } => own(Exit::Failed).hint(COPY),
        ImportError::Exists { .. } => own(Exit::Usage)
            .hint("butleradm bootstrap list shows it; another home takes the archive: set BUTLER_HOME to its folder"),
        ImportError::Stale { cluster, .. } => own(Exit::Usage)
            .hint("import the last export of the home that went on with it")
            .hint(format!(
                "only if no home went on with it: butleradm bootstrap export {cluster} --undo"
            )),
        ImportError::Lock(_) | ImportError::Home(_) => own(Exit::Failed),
    }
}

const COPY: &str = "copy the archive again from where it was written, or export the cluster again";
