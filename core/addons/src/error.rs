//! What can go wrong with addons, by what the caller should do about it.

use butler_api::error::{Class, StepError};

/// A configuration whose addons do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// An addon is on, and one that it cannot work without is off.
    #[error("{addon} needs {missing}, which is switched off")]
    Missing {
        /// The addon that needs another one.
        addon: &'static str,
        /// The addon that is switched off.
        missing: &'static str,
        /// What to change in the configuration.
        hint: &'static str,
    },
    /// A setting asks for something there is no addon for.
    #[error("{setting}: {message}")]
    Unsupported {
        /// The setting that nobody can carry out.
        setting: &'static str,
        /// What is wrong with it.
        message: String,
    },
}

/// An addon that could not be installed.
#[derive(Debug, thiserror::Error)]
#[error("cannot install {addon}: {message}")]
pub struct InstallError {
    /// Name of the addon that could not be installed.
    pub addon: String,
    /// What went wrong, in the peer's words.
    pub message: String,
    /// What the failure means for whoever tries again.
    pub class: Class,
    /// A command, flag or setting to try.
    pub hint: Option<String>,
}

impl InstallError {
    pub(super) fn new(addon: &str, class: Class, message: impl Into<String>) -> Self {
        Self {
            addon: addon.to_owned(),
            message: butler_api::words::peer(&message.into()),
            class,
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn apply(addon: &str, error: &butler_kubernetes::ApplyError) -> Self {
        Self::new(addon, error.class, error.to_string())
    }

    pub(super) fn kube(addon: &str, what: &str, error: &kube::Error) -> Self {
        Self::new(
            addon,
            butler_kubernetes::class_of(error),
            format!("{what}: {}", butler_kubernetes::chain(error)),
        )
    }
}

impl From<InstallError> for StepError {
    fn from(error: InstallError) -> Self {
        Self {
            hint: error.hint.clone(),
            ..Self::new(error.class, error.to_string())
        }
    }
}

/// A helm that cannot be worked with.
#[derive(Debug, thiserror::Error)]
#[error("helm cannot be used: {message}")]
pub struct HelmUnusable {
    /// Why this helm cannot be used, as a sentence.
    pub message: String,
    /// What the failure means for whoever tries again.
    pub class: Class,
    /// A command or a setting that would help.
    pub hint: Option<String>,
}

impl From<HelmUnusable> for StepError {
    fn from(error: HelmUnusable) -> Self {
        Self {
            hint: error.hint.clone(),
            ..Self::new(error.class, error.to_string())
        }
    }
}
