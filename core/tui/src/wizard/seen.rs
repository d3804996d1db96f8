//! What the session says now. Asked once after each change, since a frame needs it many times.

use std::collections::BTreeMap;

use butler_wizard::{
    addresses::AddressPlan,
    file::File,
    finding::{Finding, Severity},
    list::ImageState,
    question::{Question, Step},
    session::{Session, Standing, Ties},
    sizing::{Room, Totals},
};

/// What the session says about the step that is shown, and about the whole.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) steps: Vec<Standing>,
    pub(super) questions: Vec<Question>,
    pub(super) findings: Vec<Finding>,
    pub(super) file: File,
    pub(super) totals: Totals,
    pub(super) room: Room,
    pub(super) addresses: Option<AddressPlan>,
    /// The name of the cluster.
    pub(super) cluster: Option<String>,
    /// What the platform is called in the file.
    pub(super) platform: String,
    /// How far the image of the machines is; none where the platform is given none.
    pub(super) image: Option<ImageState>,
    /// What addons have to do with each other, by the question that switches them on; of the step that asks about them.
    pub(super) ties: BTreeMap<String, Ties>,
    /// For each finding, the step of the question that it is about.
    pub(super) steps_of: Vec<Option<Step>>,
}

impl Seen {
    pub(super) fn of(session: &Session, step: Step) -> Self {
        let findings = session.findings();
        let about = |finding: &Finding| session.question(&finding.path).map(|question| question.step);
        // Only the last step shows them.
        let steps_of = if step == Step::Review {
            findings.iter().map(about).collect()
        } else {
            Vec::new()
        };
        Self {
            steps: session.steps(),
            questions: session.questions(step),
            steps_of,
            findings,
            cluster: session.cluster(),
            image: session.image_state(),
            ties: if step == Step::Addons {
                session.ties()
            } else {
                BTreeMap::new()
            },
            platform: session.value("provider").unwrap_or_else(|| "the platform".to_owned()),
            file: session.file(),
            totals: session.totals(),
            room: session.room(),
            addresses: session.addresses(),
        }
    }

    /// Where a setting stands among the questions of the step.
    pub(super) fn position(&self, path: &str) -> Option<usize> {
        self.questions.iter().position(|question| question.path == path)
    }

    /// How many findings are as bad as that.
    pub(super) fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }
}

/// The word for how bad something is.
pub(super) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}
