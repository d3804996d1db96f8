//! The files for people go; what the state folder holds is archived after the run.

use std::{io::ErrorKind, path::PathBuf, time::Duration};

use butler_api::error::StepError;
use butler_engine::{Now, Step, StepId, Verbs};
use jiff::Timestamp;

use crate::destroy::{
    Acted, Destroy, Looked, Proof, Proved, Report,
    facts::{FILE, Fact, ObjectId},
    phases,
};

/// Id of the step.
pub(in crate::destroy) fn id() -> StepId {
    StepId::new("files/remove")
}

/// Removes kubeconfig and talosconfig for people, after these steps.
pub(in crate::destroy) fn step(paths: Vec<PathBuf>, needs: Vec<StepId>, deadline: Duration) -> Step<Destroy> {
    let title = "remove kubeconfig and talosconfig";
    Step::new(id(), title, phases::TIDYING, deadline, Files { paths }).after(needs)
}

#[derive(Debug)]
struct Files {
    paths: Vec<PathBuf>,
}

impl Verbs<Destroy> for Files {
    fn act<'a>(&'a self, _: &'a Destroy, report: &'a Report) -> Acted<'a> {
        Box::pin(remove(&self.paths, report))
    }

    fn prove<'a>(&'a self, _: &'a Destroy, _: &'a Report) -> Proved<'a> {
        Box::pin(async { Ok(removed(&self.paths)) })
    }

    fn look<'a>(&'a self, _: &'a Destroy, _: &'a Report) -> Looked<'a> {
        Box::pin(async { Ok(left(&self.paths)) })
    }
}

fn left(paths: &[PathBuf]) -> Now {
    let there = paths.iter().filter(|path| path.symlink_metadata().is_ok());
    let there: Vec<String> = there.map(|path| path.display().to_string()).collect();
    if there.is_empty() {
        Now::So(removed(paths).evidence)
    } else {
        Now::Still(format!("still there: {}", there.join(", ")))
    }
}

async fn remove(paths: &[PathBuf], report: &Report) -> Result<(), StepError> {
    for path in paths {
        let object = object(path);
        let found = Fact::Found {
            object: object.clone(),
            created: None,
        };
        report.intent(format!("remove {}", path.display()), vec![found]).await?;
        // What a link leads to is the file that holds the credentials.
        let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        for place in [&target, path] {
            match std::fs::remove_file(place) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(StepError::retryable(format!("remove {}", place.display()), error));
                }
                _ => {}
            }
        }
        let at = Timestamp::now();
        report
            .effect(
                format!("{} is removed", path.display()),
                vec![Fact::Deleted { object, at }],
            )
            .await?;
    }
    Ok(())
}

fn removed(paths: &[PathBuf]) -> Proof {
    let at = Timestamp::now();
    let gone = paths.iter().filter(|path| path.symlink_metadata().is_err());
    let facts: Vec<Fact> = gone
        .map(|path| Fact::Absent {
            object: object(path),
            at,
        })
        .collect();
    Proof {
        evidence: format!("{} files for people are gone", facts.len()),
        facts,
    }
}

fn object(path: &std::path::Path) -> ObjectId {
    let shown = path.display().to_string();
    ObjectId {
        kind: FILE.to_owned(),
        id: shown.clone(),
        name: shown,
    }
}
