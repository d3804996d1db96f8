//! Runs: started, watched, ended and listed.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    sync::{Arc, PoisonError},
};

use butler_api::event::{Event, Outcome};
use butler_files::{ClusterFolder, home::Home};
use butler_lifecycle::{
    clusters::{self, Listed},
    runs::{
        end::{self, EndError},
        follow::{self, Followed, Said},
        stream::Item,
    },
};
use butler_terminal::{Exit, Failure};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::{
    Around, Launch, Launched,
    files::{Write, Written, write},
    launch_of,
};
use crate::input::{Done, Run, RunLine};

/// The most events that come in one piece, so that a picture can be drawn between two.
const BATCH: usize = 2000;

/// Writes the configuration and starts the run.
pub(super) fn launch(
    around: &Around,
    launched: &Launched,
    cluster: String,
    file: &Write,
    secrets: &BTreeMap<String, SecretString>,
) -> Result<Done, Failure> {
    let path = match write(file)? {
        Written::At(path) => path,
        Written::Taken(path) => return Ok(Done::Taken { path }),
    };
    let launch = Launch {
        config: path.clone(),
        secrets: secrets.clone(),
    };
    let arguments = vec![
        OsString::from("bootstrap"),
        OsString::from("--config"),
        path.into_os_string(),
    ];
    around.tool.start(arguments, secrets, &around.home.cluster(&cluster))?;
    launched
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(cluster.clone(), launch);
    Ok(Done::Launched { cluster })
}

/// What people do next with a cluster: how they go on with its run, or what they use it with.
pub(super) async fn results(
    around: &Around,
    folder: &ClusterFolder,
    outcome: Option<Outcome>,
    launched: &Launched,
) -> Vec<(String, String)> {
    let launch = launch_of(launched, folder.cluster());
    if outcome == Some(Outcome::Done) {
        let config = launch.as_ref().map(|launch| launch.config.as_path());
        return around.tool.results(folder, config).await;
    }
    let Some(Launch { config, secrets }) = launch else {
        return Vec::new();
    };
    let again = format!("butleradm bootstrap --config {}", config.display());
    let mut results = vec![("again".to_owned(), again)];
    if !secrets.is_empty() {
        let names: Vec<&str> = secrets.keys().map(String::as_str).collect();
        results.push(("with it set".to_owned(), names.join(", ")));
    }
    results
}

/// Passes on what a run has said and says, until it ends; how it ended, where it said so.
pub(super) async fn watch(
    folder: &ClusterFolder,
    stop: &CancellationToken,
    say: &(impl Fn(Run) + Sync),
) -> Option<Outcome> {
    let mut gathered: Vec<Event> = Vec::new();
    let mut up_to_date = false;
    let pass_on = |gathered: &mut Vec<Event>| {
        if !gathered.is_empty() {
            say(Run::Events(std::mem::take(gathered)));
        }
    };
    let followed = follow::follow(folder, stop, |said| match said {
        Said::Item(Item::Event(event)) => {
            gathered.push(event.as_ref().clone());
            up_to_date = false;
            if gathered.len() >= BATCH {
                pass_on(&mut gathered);
            }
        }
        // What cannot be read is told by `attach` and `replay`; a picture goes on without it.
        Said::Item(_) => {}
        Said::UpToDate => {
            pass_on(&mut gathered);
            if !std::mem::replace(&mut up_to_date, true) {
                say(Run::UpToDate);
            }
        }
    })
    .await;
    pass_on(&mut gathered);
    match followed {
        Ok(Followed::Left) => None,
        Ok(Followed::To(outcome)) => {
            say(Run::UpToDate);
            Some(outcome)
        }
        Ok(Followed::Gone) => {
            say(Run::UpToDate);
            say(Run::Gone);
            None
        }
        Err(error) => {
            let (error, _) = super::told(&Failure::from_error(Exit::Failed, &error));
            say(Run::Failed { error });
            None
        }
    }
}

/// Ends a run as ctrl-c in its terminal would, and returns when it has ended.
pub(super) async fn stop(around: &Around, cluster: &str) -> Result<(), Failure> {
    let ended = end::cancel(&around.home.cluster(cluster)).await;
    ended.map(drop).map_err(|e| around.tool.of_end(&e))
}

/// Ends a run, if one works, and starts the one that takes everything away.
pub(super) async fn destroy(
    around: &Arc<Around>,
    cluster: &str,
    secrets: BTreeMap<String, SecretString>,
) -> Result<(), Failure> {
    match end::cancel(&around.home.cluster(cluster)).await {
        Ok(_) | Err(EndError::Idle { .. }) => {}
        Err(error) => return Err(around.tool.of_end(&error)),
    }
    let (around, name) = (Arc::clone(around), cluster.to_owned());
    let started = tokio::task::spawn_blocking(move || {
        let arguments = ["destroy", &name, "--yes", "--confirm", &name].map(OsString::from);
        around
            .tool
            .start(arguments.to_vec(), &secrets, &around.home.cluster(&name))
    });
    let started = started.await.map_err(|e| Failure::from_error(Exit::Failed, &e))?;
    started.map_err(|failure| failure.hint(format!("by hand: butleradm destroy {cluster}")))
}

/// The runs of a home.
pub(super) fn list(home: &Home) -> Result<Done, Failure> {
    let listed = clusters::list(home).map_err(|e| Failure::from_error(Exit::Failed, &e))?;
    Ok(Done::Runs(listed.into_iter().map(line).collect()))
}

fn line(listed: Listed) -> RunLine {
    let state = state(&listed);
    RunLine {
        state,
        live: listed.running,
        heard: listed.run.and_then(|run| run.heard),
        cluster: listed.cluster,
    }
}

fn state(listed: &Listed) -> String {
    let outcome = listed.run.as_ref().map(|run| run.outcome);
    let words = match (listed.running, outcome) {
        (true, _) => return format!("running, {}", listed.phase.as_deref().unwrap_or("beginning")),
        (false, _) if listed.exported.is_some() => "exported",
        (false, Some(Some(Outcome::Done))) => "done",
        (false, Some(Some(Outcome::Failed))) => "failed",
        (false, Some(Some(Outcome::Deadline))) => "out of time",
        (false, Some(Some(Outcome::Interrupted))) => "interrupted",
        (false, Some(None)) => "gone without a last word",
        (false, None) => "not begun",
    };
    words.to_owned()
}
