//! The last step: what was found, the file, and what is different from the one that was opened.

use crate::widgets::{Field, Scroll};

/// Where one is on the last step.
#[derive(Debug, Clone, Default)]
pub(super) struct Review {
    pub(super) tab: Tab,
    pub(super) place: Place,
    pub(super) scroll: Scroll,
    /// Where the file is written; empty as long as nobody said, then it is named after the cluster.
    pub(super) path: Field,
}

/// What of it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tab {
    /// What is wrong or should be known.
    #[default]
    Checks,
    /// The file.
    File,
    /// What is different from the file that was opened.
    Difference,
}

impl Tab {
    pub(super) const ALL: [Self; 3] = [Self::Checks, Self::File, Self::Difference];

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Checks => "checks",
            Self::File => "file",
            Self::Difference => "difference",
        }
    }

    pub(super) fn turned(self, by: usize) -> Self {
        let at = Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0);
        Self::ALL[(at + by) % Self::ALL.len()]
    }
}

/// What has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Place {
    /// A finding, by its place in the list.
    Finding(usize),
    /// The path of the file.
    Path,
    /// The launch.
    #[default]
    Launch,
}

impl Place {
    /// The place above or below, with so many findings.
    pub(super) fn moved(self, down: bool, findings: usize) -> Self {
        match (self, down) {
            (Self::Finding(at), true) if at + 1 < findings => Self::Finding(at + 1),
            (Self::Finding(at), false) => Self::Finding(at.saturating_sub(1)),
            (Self::Path, false) if findings > 0 => Self::Finding(findings - 1),
            (Self::Path | Self::Launch, true) => Self::Launch,
            (Self::Finding(_), true) | (Self::Path | Self::Launch, false) => Self::Path,
        }
    }

    /// The same place, where there are only so many findings.
    pub(super) fn within(self, findings: usize) -> Self {
        match self {
            Self::Finding(_) if findings == 0 => Self::Launch,
            Self::Finding(at) => Self::Finding(at.min(findings - 1)),
            other => other,
        }
    }
}
