//! `butleradm doctor`: what is wrong with a management cluster, and what helps.

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work;
use butler_lifecycle::health::{self, Finding, Severity, Weights};
use butler_terminal::style::{Line, Tone};
use butler_terminal::table::Cell;
use butler_terminal::{Answer, Exit, Failure, Format, Table, args::OutputArgs, duration};
use butler_tui::live::words::labelled;
use jiff::Timestamp;
use serde::Serialize;

use crate::failure;

/// Options of `doctor`.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &DoctorArgs) -> Result<(), Failure> {
    let now = Timestamp::now();
    let findings = work::run(account, &args.access, async |reach| {
        let sight = health::look(&reach.client).await;
        let sight = sight.map_err(|error| failure::health(&error, "cannot examine the management cluster"))?;
        Ok(health::examine(&sight, now))
    })?;
    match args.output.output {
        Format::Table | Format::Wide => account.ui.print_lines(&lines(&findings, now))?,
        format => account.ui.answer(&Findings(&findings), format)?,
    }
    end(&findings)
}

/// A failure where something does not work; what wants attention, or is not known, is none.
fn end(findings: &[Finding]) -> Result<(), Failure> {
    match Weights::of(findings).error {
        0 => Ok(()),
        1 => Err(Failure::new(Exit::Failed, "something does not work as it should")),
        errors => Err(Failure::new(
            Exit::Failed,
            format!("{errors} things do not work as they should"),
        )),
    }
}

/// All findings, for programs.
#[derive(Serialize)]
#[serde(transparent)]
struct Findings<'a>(&'a [Finding]);

impl Answer for Findings<'_> {
    fn table(&self) -> Table {
        let mut table = Table::new(&["SEVERITY", "FINDING", "SUBJECT", "WHAT"], &["REMEDY"]);
        for finding in self.0 {
            table.row([
                Cell::new(tone(finding.severity), finding.severity.as_str()),
                finding.id.as_str().into(),
                finding.subject.to_string().into(),
                finding.sentence.as_str().into(),
                finding.remedy.as_deref().unwrap_or("").into(),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        let bad = self.0.iter().filter(|finding| finding.severity != Severity::Ok);
        bad.map(|finding| format!("{} {}", finding.id, finding.subject))
            .collect()
    }
}

/// The tone of a weight.
pub(super) fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Ok => Tone::Good,
        Severity::Unknown => Tone::Faint,
        Severity::Warning => Tone::Busy,
        Severity::Error => Tone::Bad,
    }
}

/// What people read: everything that is not well, with what shows it and what to type, and how much there is.
fn lines(findings: &[Finding], now: Timestamp) -> Vec<Line> {
    let mut lines = Vec::new();
    for finding in findings.iter().filter(|finding| finding.severity != Severity::Ok) {
        lines.extend(paragraph(finding, now));
        lines.push(Line::new());
    }
    let well = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Ok)
        .count();
    lines.push(total(Weights::of(findings), well));
    lines
}

fn paragraph(finding: &Finding, now: Timestamp) -> Vec<Line> {
    let head = format!(" {}: {}", finding.subject, finding.sentence);
    let mut lines = vec![
        Line::new()
            .with(tone(finding.severity), &format!("{}:", finding.severity.as_str()))
            .with(Tone::Plain, &head)
            .with(Tone::Faint, &format!(" ({})", finding.id)),
    ];
    for evidence in &finding.evidence {
        let since = evidence
            .since
            .map(|since| format!(" (for {})", duration::age(since, now)));
        let seen = format!("{}{}", evidence.seen, since.as_deref().unwrap_or(""));
        lines.push(labelled("seen", Tone::Plain, &seen));
    }
    if let Some(remedy) = &finding.remedy {
        lines.push(labelled("try", Tone::Hint, remedy));
    }
    lines
}

/// How much of what there is.
fn total(weights: Weights, well: usize) -> Line {
    let count = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    };
    let parts = [
        count(weights.error, "error", "errors"),
        count(weights.warning, "warning", "warnings"),
        count(weights.unknown, "thing not known", "things not known"),
        count(well, "check is well", "checks are well"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let worst = match weights {
        Weights { error: 1.., .. } => Tone::Bad,
        Weights { warning: 1.., .. } => Tone::Busy,
        Weights { unknown: 1.., .. } => Tone::Plain,
        Weights { .. } => Tone::Good,
    };
    Line::new().with(worst, &parts.join(", "))
}
