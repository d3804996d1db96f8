//! What a check of a platform found, as an answer and as an end of a command.

use butler_infra::{Check, CheckStatus};
use butler_tenancy::providers::report::Verdict;
use butler_terminal::{Answer, Exit, Failure, Table, style::Tone, table::Cell};
use serde::Serialize;

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    /// What was checked.
    provider: String,
    /// Whether nothing failed.
    valid: bool,
    /// The findings.
    checks: Vec<Finding>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    id: &'static str,
    status: &'static str,
    summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Found {
    /// What was found of a provider.
    pub(super) fn new(provider: &str, checks: Vec<Check>) -> Self {
        let findings: Vec<Finding> = checks
            .into_iter()
            .map(|check| Finding {
                id: check.id,
                status: word(check.status),
                summary: check.summary,
                hint: check.hint,
            })
            .collect();
        Self {
            provider: provider.to_owned(),
            valid: findings.iter().all(|finding| finding.status != FAIL),
            checks: findings,
        }
    }

    fn failed(&self) -> impl Iterator<Item = &Finding> {
        self.checks.iter().filter(|finding| finding.status == FAIL)
    }

    /// What it comes to, for the status of the object.
    pub(super) fn verdict(&self) -> Verdict {
        if self.valid {
            return Verdict::Good;
        }
        Verdict::Bad(self.failed().map(|finding| finding.summary.clone()).collect())
    }

    /// The end of the command: a failure with what to do about each finding, if a run would fail.
    pub(super) fn end(&self) -> Result<(), Failure> {
        if self.valid {
            return Ok(());
        }
        let failure = Failure::new(
            Exit::Failed,
            format!("provider {} cannot be used as it is", self.provider),
        );
        let mut hints: Vec<String> = Vec::new();
        for finding in self.failed() {
            let hint = finding.hint.as_ref().map(|hint| format!("{}: {hint}", finding.id));
            hints.extend(hint.filter(|hint| !hints.contains(hint)));
        }
        Err(hints.into_iter().fold(failure, Failure::hint))
    }

    /// The same, where the findings themselves are not the answer.
    pub(super) fn refusal(&self) -> Result<(), Failure> {
        self.end().map_err(|failure| {
            let told = self
                .failed()
                .map(|finding| format!("{} ({})", finding.summary, finding.id));
            told.fold(failure, Failure::cause)
        })
    }
}

const FAIL: &str = "fail";

fn word(status: CheckStatus) -> &'static str {
    match status {
        CheckStatus::Ok => "ok",
        CheckStatus::Skipped => "skipped",
        CheckStatus::Warn => "warn",
        CheckStatus::Fail => FAIL,
    }
}

impl Answer for Found {
    fn table(&self) -> Table {
        let mut table = Table::new(&["STATUS", "CHECK", "FINDING"], &["HINT"]);
        for finding in &self.checks {
            let tone = match finding.status {
                "ok" => Tone::Good,
                "warn" => Tone::Busy,
                FAIL => Tone::Bad,
                _ => Tone::Faint,
            };
            table.row([
                Cell::new(tone, finding.status),
                finding.id.into(),
                finding.summary.as_str().into(),
                finding.hint.as_deref().unwrap_or("").into(),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.failed().map(|finding| finding.id.to_owned()).collect()
    }
}
