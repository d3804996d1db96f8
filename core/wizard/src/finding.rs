//! What is wrong, or should be known.

/// Something about an answer, or about the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The setting that it is about; empty for the whole file.
    pub path: String,
    /// What is so.
    pub message: String,
    /// What can be done about it.
    pub hint: Option<String>,
    /// Answers that would mend it, by their paths; empty where none are known.
    pub fix: Vec<(String, String)>,
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing, such as a value that the platform could not confirm.
    Note,
    /// It works, and may not be meant.
    Warning,
    /// No cluster can be made so.
    Error,
}

impl Finding {
    pub(crate) fn new(severity: Severity, path: &str, message: impl Into<String>, hint: &str) -> Self {
        Self {
            severity,
            path: path.to_owned(),
            message: message.into(),
            hint: (!hint.is_empty()).then(|| hint.to_owned()),
            fix: Vec::new(),
        }
    }

    pub(crate) fn error(path: &str, message: impl Into<String>, hint: &str) -> Self {
        Self::new(Severity::Error, path, message, hint)
    }

    pub(crate) fn warning(path: &str, message: impl Into<String>, hint: &str) -> Self {
        Self::new(Severity::Warning, path, message, hint)
    }

    pub(crate) fn note(path: &str, message: impl Into<String>, hint: &str) -> Self {
        Self::new(Severity::Note, path, message, hint)
    }
}
