//! The file that a step of GitHub Actions appends its summary to.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use butler_files::append;

/// The system takes no summary that is larger, and then shows nothing of it.
const LIMIT: u64 = 1 << 20;

/// Why the summary is not in the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepSummaryError {
    /// There is no room.
    #[error("the step summary {} has no room for {size} bytes more: the limit is 1 MiB", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What was to be appended.
        size: usize,
    },
    /// The file cannot be written.
    #[error("cannot write the step summary {}: {why}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
}

/// Appends a summary, whole or not at all.
pub(crate) fn append(path: &Path, markdown: &str) -> Result<(), StepSummaryError> {
    let failed = |why| StepSummaryError::Write {
        path: path.to_owned(),
        why,
    };
    let mut file = File::options().create(true).append(true).open(path).map_err(failed)?;
    let there = file.metadata().map_err(failed)?;
    let length = u64::try_from(markdown.len()).unwrap_or(u64::MAX);
    if there.is_file() && there.len().saturating_add(length) > LIMIT {
        return Err(StepSummaryError::Full {
            path: path.to_owned(),
            size: markdown.len(),
        });
    }
    append::whole(&mut file, markdown.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_follow_each_other_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.md");
        append(&path, "one\n").unwrap();
        append(&path, "two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        let error = append(&path, &"x".repeat((1 << 20) - 7)).unwrap_err();
        assert!(error.to_string().contains("no room for 1048569 bytes more"), "{error}");
        append(&path, &"x".repeat((1 << 20) - 8)).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = append(&folder.path().join("none/summary.md"), "x").unwrap_err();
        assert!(error.to_string().contains("none/summary.md: "), "{error}");
    }
}
