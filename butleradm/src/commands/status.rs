//! `butleradm status`: a short overview of a management cluster, and what happens to it.

use std::collections::BTreeMap;
use std::time::Duration;

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work;
use butler_lifecycle::health::{self, Change, Component, Count, Severity, Sight, State, Summary, Watch, Weights};
use butler_tenancy::reach::Reach;
use butler_terminal::style::{Line, Tone};
use butler_terminal::table::Cell;
use butler_terminal::{Answer, Failure, Format, Table, Ui, args::OutputArgs, output};
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use super::doctor;
use crate::failure;

/// Changes that come together are told together.
const TOGETHER: Duration = Duration::from_millis(100);
/// How often is looked whether something has been on its way for too long.
const TICK: Duration = Duration::from_mins(1);

/// Options of `status`.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Print a sentence for everything that changes, until it is interrupted
    #[arg(short, long)]
    pub watch: bool,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &StatusArgs) -> Result<(), Failure> {
    work::run(account, &args.access, async |reach| {
        let sight = health::look(&reach.client).await;
        let sight = sight.map_err(|error| failure::health(&error, "cannot look at the management cluster"))?;
        let findings = health::examine(&sight, Timestamp::now());
        let summary = Summary::of(&sight, &findings);
        let format = args.output.output;
        if args.watch {
            return watch(account.ui, format, &reach, sight, &summary).await;
        }
        show(account.ui, format, &summary)
    })
}

fn show(ui: &Ui, format: Format, summary: &Summary) -> Result<(), Failure> {
    ui.answer(&Overview(summary), format)?;
    if format == Format::Wide {
        ui.print("\n")?;
        ui.print_table(&components(summary.components.as_deref().unwrap_or(&[])), true)?;
    }
    if matches!(format, Format::Table | Format::Wide) && summary.findings != Weights::default() {
        ui.hint("butleradm doctor");
    }
    Ok(())
}

/// The overview, and a line for every change from then on.
async fn watch(ui: &Ui, format: Format, reach: &Reach, sight: Sight, summary: &Summary) -> Result<(), Failure> {
    match format {
        Format::Json => ui.print_json(&output::json_line(summary)?)?,
        Format::Yaml => ui.print(&format!("---\n{}", output::yaml(summary)?))?,
        Format::Table | Format::Wide | Format::Name => show(ui, format, summary)?,
    }
    let mut state = State::of(&sight, Timestamp::now());
    let mut watch = Watch::new(&reach.client, sight);
    let mut told = None;
    loop {
        if let Err(trouble) = next(&mut watch).await {
            // The same trouble again is no news.
            if told.as_ref() != Some(&trouble) {
                ui.warn(&format!("the watch is interrupted and begins again: {trouble}"), None);
                told = Some(trouble);
            }
            continue;
        }
        told = None;
        let now = State::of(watch.sight(), Timestamp::now());
        for change in health::changes(&state, &now) {
            tell(ui, format, &change)?;
        }
        if ui.is_unread() {
            return Ok(());
        }
        state = now;
    }
}

/// Waits for a change and for what comes together with it, or for the next tick.
async fn next(watch: &mut Watch) -> Result<(), String> {
    match tokio::time::timeout(TICK, watch.changed()).await {
        Ok(changed) => changed?,
        Err(_) => return Ok(()),
    }
    let until = Instant::now() + TOGETHER;
    while let Ok(changed) = tokio::time::timeout_at(until, watch.changed()).await {
        changed?;
    }
    Ok(())
}

fn tell(ui: &Ui, format: Format, change: &Change) -> Result<(), Failure> {
    match format {
        Format::Json => ui.print_json(&output::json_line(change)?),
        Format::Yaml => ui.print(&format!("---\n{}", output::yaml(change)?)),
        Format::Table | Format::Wide | Format::Name => {
            let tone = match change {
                Change::Found { finding } => doctor::tone(finding.severity),
                Change::Well { .. } => doctor::tone(Severity::Ok),
                Change::Phase { .. } => Tone::Plain,
            };
            ui.print_lines(&[Line::new().with(tone, &change.to_string())])
        }
    }
}

/// The overview as an answer.
#[derive(Serialize)]
#[serde(transparent)]
struct Overview<'a>(&'a Summary);

/// What is said of something that could not be looked at.
const NOT_KNOWN: &str = "not known";

impl Answer for Overview<'_> {
    fn table(&self) -> Table {
        let summary = self.0;
        let text = |text: &Option<String>| Cell::from(text.as_deref().unwrap_or(NOT_KNOWN));
        let mut fields: Vec<(&'static str, Cell)> = Vec::new();
        // A cluster that was made by other means has no record.
        if let (Some(cluster), Some(phase)) = (&summary.cluster, &summary.bootstrap) {
            fields.push(("cluster", format!("{cluster} ({phase})").into()));
        }
        fields.extend([
            ("api server", text(&summary.api_server)),
            ("nodes", count(summary.nodes, "ready")),
            ("kubelets", parts(summary.kubelets.as_ref())),
            ("systems", parts(summary.systems.as_ref())),
            ("components", of_components(summary.components.as_deref())),
            ("addons", count(summary.addons, "installed")),
            ("providers", count(summary.providers, "validated")),
            ("pools", pools(summary)),
            ("teams", count(summary.teams, "ready")),
            ("clusters", parts(summary.clusters.as_ref())),
            ("findings", weights(summary.findings)),
        ]);
        Table::fields(fields)
    }

    fn names(&self) -> Vec<String> {
        let components = self.0.components.iter().flatten();
        components.map(|component| component.name.clone()).collect()
    }
}

fn count(count: Option<Count>, word: &str) -> Cell {
    match count {
        None => NOT_KNOWN.into(),
        Some(Count { total: 0, .. }) => "none".into(),
        Some(Count { ready, total }) => {
            let tone = if ready == total { Tone::Plain } else { Tone::Busy };
            Cell::new(tone, &format!("{ready} of {total} {word}"))
        }
    }
}

fn of_components(components: Option<&[Component]>) -> Cell {
    let is_ready = |component: &&Component| component.workloads.ready == component.workloads.total;
    let counted = components.map(|all| Count {
        ready: all.iter().filter(is_ready).count(),
        total: all.len(),
    });
    count(counted, "ready")
}

/// How many of which: `2 Ready, 1 Failed`.
fn parts(counted: Option<&BTreeMap<String, usize>>) -> Cell {
    match counted {
        None => NOT_KNOWN.into(),
        Some(counted) if counted.is_empty() => "none".into(),
        Some(counted) => {
            let parts: Vec<String> = counted.iter().map(|(what, count)| format!("{count} {what}")).collect();
            parts.join(", ").into()
        }
    }
}

fn pools(summary: &Summary) -> Cell {
    match summary.pools.as_deref() {
        None => NOT_KNOWN.into(),
        Some([]) => "none".into(),
        Some(pools) => {
            let part =
                |pool: &health::PoolUse| format!("{}: {} of {} addresses in use", pool.name, pool.used, pool.total);
            let parts: Vec<String> = pools.iter().map(part).collect();
            parts.join(", ").into()
        }
    }
}

fn weights(weights: Weights) -> Cell {
    let parts = [
        (weights.error, "errors"),
        (weights.warning, "warnings"),
        (weights.unknown, "not known"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let tone = match weights {
        Weights { error: 1.., .. } => Tone::Bad,
        Weights { warning: 1.., .. } => Tone::Busy,
        Weights { .. } => Tone::Good,
    };
    if parts.is_empty() {
        Cell::new(tone, "all is well")
    } else {
        Cell::new(tone, &parts.join(", "))
    }
}

fn components(components: &[Component]) -> Table {
    let mut table = Table::new(&["COMPONENT", "READY", "VERSION", "NAMESPACE"], &[]);
    for component in components {
        let Count { ready, total } = component.workloads;
        let tone = if ready == total { Tone::Plain } else { Tone::Busy };
        table.row([
            component.name.as_str().into(),
            Cell::new(tone, &format!("{ready}/{total}")),
            component.versions.join(", ").into(),
            component.namespaces.join(", ").into(),
        ]);
    }
    table
}
