//! `butleradm bootstrap list`: every cluster that this home has a state folder of.

use butler_api::event::Outcome;
use butler_files::home::Home;
use butler_lifecycle::runs::list::{self, Listed};
use butler_terminal::{Answer, Env, Exit, Failure, Table, Ui, args::OutputArgs, env, table::Cell};
use serde::Serialize;

use crate::failure;

/// Runs the command.
pub(super) fn run(ui: &Ui, env: &Env, args: OutputArgs) -> Result<(), Failure> {
    let home = Home::resolve(env.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e))?;
    let clusters = list::list(&home).map_err(|e| Failure::from_error(Exit::Failed, &e))?;
    if clusters.is_empty() {
        ui.note(&format!(
            "no bootstrap was begun in this home ({})",
            home.clusters().display()
        ));
    }
    ui.answer(&Clusters(clusters), args.output)
}

/// The answer.
#[derive(Serialize)]
#[serde(transparent)]
struct Clusters(Vec<Listed>);

impl Answer for Clusters {
    fn table(&self) -> Table {
        let mut table = Table::new(
            &["CLUSTER", "PROVIDER", "PHASE", "STEPS", "LAST RUN", "OUTCOME"],
            &["HOLDER", "FOLDER"],
        );
        for cluster in &self.0 {
            let run = cluster.run.as_ref();
            let steps = run.map(|run| format!("{}/{}", run.proven, run.steps));
            let started = run.and_then(|run| run.started).map(|time| format!("{time:.0}"));
            let holder = cluster.holder.as_ref().map(|holder| {
                let host = if holder.is_here() {
                    String::new()
                } else {
                    format!(" on {}", holder.host)
                };
                format!("process {}{host}", holder.pid)
            });
            table.row([
                Cell::from(&cluster.cluster),
                Cell::from(cluster.provider.as_deref().unwrap_or("?")),
                Cell::from(cluster.phase.as_deref().unwrap_or("-")),
                Cell::from(steps.unwrap_or_else(|| "-".to_owned())),
                Cell::from(started.unwrap_or_else(|| "-".to_owned())),
                Cell::from(outcome(cluster)),
                Cell::from(holder.unwrap_or_else(|| "-".to_owned())),
                Cell::from(cluster.folder.display().to_string()),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|cluster| cluster.cluster.clone()).collect()
    }
}

fn outcome(cluster: &Listed) -> &'static str {
    if cluster.exported.is_some() {
        return "exported";
    }
    let ended = cluster.run.as_ref().map(|run| run.outcome);
    match (cluster.running, ended) {
        (true, _) => "running",
        (false, Some(Some(Outcome::Done))) => "done",
        (false, Some(Some(Outcome::Failed))) => "failed",
        (false, Some(Some(Outcome::Deadline))) => "deadline",
        (false, Some(Some(Outcome::Interrupted))) => "interrupted",
        (false, Some(None)) => "gone",
        (false, None) => "-",
    }
}
