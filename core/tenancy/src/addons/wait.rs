//! Waiting until an addon is installed, or gone, by watching it. The API server may be restarted meanwhile, and a watch may end.

use std::ops::ControlFlow;
use std::time::Duration;

use butler_api::v1alpha1::tenant_addon::TenantAddonPhase as Phase;
use kube::api::DynamicObject;
use kube::runtime::watcher;
use serde_json::Value;

use super::read::{self, Row};
use super::text;
use crate::clusters;
use crate::follow::{self, Step};
use crate::reach::Reach;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// The release is there, as it is asked for now.
    Installed,
    /// The object is gone.
    Gone,
}

/// Whose state is watched.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A TenantAddon: its name, and which one of that name.
    Addon(String, Option<String>),
    /// What a cluster says of an addon that came with it.
    Platform {
        /// The cluster.
        cluster: String,
        /// The addon.
        addon: String,
    },
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The namespace.
    pub namespace: String,
    /// Whose state is watched.
    pub subject: Subject,
    /// What is waited for.
    pub goal: Goal,
    /// How long to wait.
    pub timeout: Duration,
}

/// What there is to be seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sight {
    /// How far it is.
    pub phase: Option<String>,
    /// Why it is not as it should be.
    pub cause: Option<String>,
    /// Why nothing new is seen.
    pub trouble: Option<String>,
}

/// Why a wait ended without what it waited for.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// It cannot be watched.
    #[error("cannot watch it")]
    Watch(#[source] watcher::Error),
    /// Somebody removed it meanwhile.
    #[error("it was removed meanwhile")]
    Removed,
    /// It failed; its controller tries again, sooner or later.
    #[error("it has failed")]
    Failed(Option<String>),
    /// Time is up; what is waited for goes on.
    #[error("time is up")]
    Deadline(Option<String>),
}

/// What a look at the object says.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Met,
    Removed,
    Failed(Option<String>),
    Not(Sight),
}

/// Waits, and reports what there is to be seen whenever that changes. It gives the object as it was at the end.
pub async fn wait(
    reach: &Reach,
    asked: &Asked,
    report: &mut dyn FnMut(&Sight),
) -> Result<Option<DynamicObject>, WaitError> {
    let (api, name) = match &asked.subject {
        Subject::Addon(name, _) => (super::api(reach, &asked.namespace), name),
        Subject::Platform { cluster, .. } => (clusters::change::clusters(reach, &asked.namespace), cluster),
    };
    let mut last = Sight::default();
    let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let watch = follow::follow(api, only, |step| {
        let object = match step {
            Step::First(objects) => objects.into_iter().next(),
            Step::Changed(object) => Some(object),
            Step::Gone(_) => None,
            Step::Trouble(words) => {
                last.trouble = Some(words);
                report(&last);
                return ControlFlow::Continue(());
            }
        };
        match judge(object.as_ref(), asked) {
            Verdict::Met => return ControlFlow::Break(Ok(object)),
            Verdict::Removed => return ControlFlow::Break(Err(WaitError::Removed)),
            Verdict::Failed(cause) => return ControlFlow::Break(Err(WaitError::Failed(cause))),
            Verdict::Not(sight) if sight != last => {
                report(&sight);
                last = sight;
            }
            Verdict::Not(_) => {}
        }
        ControlFlow::Continue(())
    });
    match tokio::time::timeout(asked.timeout, watch).await {
        Ok(Ok(ended)) => ended,
        Ok(Err(error)) => Err(WaitError::Watch(error)),
        Err(_) => Err(WaitError::Deadline(last.trouble.or(last.cause))),
    }
}

fn judge(object: Option<&DynamicObject>, asked: &Asked) -> Verdict {
    let Some(object) = object else {
        return match asked.goal {
            Goal::Gone => Verdict::Met,
            Goal::Installed => Verdict::Removed,
        };
    };
    match &asked.subject {
        Subject::Addon(_, uid) => {
            let is_another = uid.is_some() && *uid != object.metadata.uid;
            match (is_another, asked.goal) {
                (true, Goal::Gone) => Verdict::Met,
                (true, Goal::Installed) => Verdict::Removed,
                (false, goal) => of_addon(object, goal),
            }
        }
        Subject::Platform { addon, .. } => of_platform(object, addon),
    }
}

fn of_addon(object: &DynamicObject, goal: Goal) -> Verdict {
    let row = Row::of(object);
    let observed = object
        .data
        .pointer("/status/observedGeneration")
        .and_then(Value::as_i64);
    // What was said about an earlier wish says nothing about this one.
    let is_current = observed.is_none() || observed == object.metadata.generation;
    let is = |phase: &Phase| row.phase.as_deref() == Some(phase.as_str());
    let has_version = row.version.is_none() || row.installed.is_none() || row.version == row.installed;
    if goal == Goal::Installed && is_current {
        if is(&Phase::Installed) && has_version {
            return Verdict::Met;
        }
        if is(&Phase::Failed) {
            return Verdict::Failed(cause(object, &row));
        }
    }
    Verdict::Not(Sight {
        cause: match (&row.phase, goal) {
            (None, _) => Some("no controller has looked at it yet".to_owned()),
            (Some(_), Goal::Installed) if !is_current => {
                Some("its controller has not come to the change yet".to_owned())
            }
            (Some(_), _) => cause(object, &row),
        },
        phase: row.phase,
        trouble: None,
    })
}

/// What holds an addon up, in the words of its controller.
fn cause(object: &DynamicObject, row: &Row) -> Option<String> {
    let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array);
    let mut conditions = conditions.into_iter().flatten();
    let ready = conditions.find(|one| one["type"] == "Ready" && one["status"] != "True");
    let said = ready
        .and_then(|ready| ready["message"].as_str())
        .filter(|said| !said.is_empty());
    row.message.clone().or_else(|| said.map(str::to_owned))
}

fn of_platform(cluster: &DynamicObject, addon: &str) -> Verdict {
    let found = read::of_platform(cluster).into_iter().find(|one| one.name == addon);
    if found.as_ref().is_some_and(read::OfPlatform::is_well) {
        return Verdict::Met;
    }
    let phase = text(cluster, "/status/phase").unwrap_or("new");
    Verdict::Not(Sight {
        phase: found.and_then(|found| found.status),
        cause: Some(format!("cluster is {phase}")),
        trouble: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(object: Option<Value>, goal: Goal) -> Verdict {
        let asked = Asked {
            namespace: "alpha".to_owned(),
            subject: Subject::Addon("redis-web".to_owned(), Some("1".to_owned())),
            goal,
            timeout: Duration::from_secs(1),
        };
        let object: Option<DynamicObject> = object.map(|object| serde_json::from_value(object).unwrap());
        judge(object.as_ref(), &asked)
    }

    #[expect(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        reason = "tests write values where they use them, and a wait sees an addon or none"
    )]
    fn addon(status: Value) -> Option<Value> {
        Some(json!({
            "metadata": {"name": "redis-web", "uid": "1", "generation": 2}, "spec": {"version": "2.0.0"}, "status": status,
        }))
    }

    fn cause_of(verdict: Verdict) -> Option<String> {
        match verdict {
            Verdict::Not(sight) => sight.cause,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_addon_is_installed_in_the_version_that_is_asked_for_now() {
        let status = |generation: i64, installed: &str| {
            addon(json!({"phase": "Installed", "observedGeneration": generation, "installedVersion": installed}))
        };
        assert_eq!(judged(status(2, "2.0.0"), Goal::Installed), Verdict::Met);
        // Butler's controllers leave the phase alone while they upgrade.
        assert!(matches!(judged(status(2, "1.0.0"), Goal::Installed), Verdict::Not(_)));
        let late = judged(status(1, "2.0.0"), Goal::Installed);
        assert_eq!(
            cause_of(late).as_deref(),
            Some("its controller has not come to the change yet")
        );
        let silent = judged(addon(Value::Null), Goal::Installed);
        assert_eq!(cause_of(silent).as_deref(), Some("no controller has looked at it yet"));
    }

    #[test]
    fn a_failure_of_now_ends_the_wait_with_its_cause() {
        let failed = |generation: i64| {
            addon(json!({"phase": "Failed", "observedGeneration": generation, "message": "no such chart"}))
        };
        let words = Some("no such chart".to_owned());
        assert_eq!(judged(failed(2), Goal::Installed), Verdict::Failed(words));
        assert!(matches!(judged(failed(1), Goal::Installed), Verdict::Not(_)));
        // Deleting an object is a new generation of it, which its controller tells about without saying so.
        assert_eq!(
            cause_of(judged(failed(1), Goal::Gone)).as_deref(),
            Some("no such chart")
        );
    }

    #[test]
    fn another_object_of_the_name_is_not_the_one_that_is_waited_for() {
        let other = || Some(json!({"metadata": {"name": "redis-web", "uid": "2"}, "spec": {}}));
        assert_eq!(judged(other(), Goal::Installed), Verdict::Removed);
        assert_eq!(judged(other(), Goal::Gone), Verdict::Met);
        assert_eq!(judged(None, Goal::Installed), Verdict::Removed);
        assert_eq!(judged(None, Goal::Gone), Verdict::Met);
    }

    #[test]
    fn what_comes_with_a_cluster_is_there_as_soon_as_it_is_well() {
        let cluster = |status: &str| -> DynamicObject {
            serde_json::from_value(
                json!({"metadata": {"name": "web"}, "status": {"phase": "Installing", "observedState": {
                    "addons": [{"name": "longhorn", "status": status}],
                }}}),
            )
            .unwrap()
        };
        assert_eq!(of_platform(&cluster("Healthy"), "longhorn"), Verdict::Met);
        assert_eq!(
            of_platform(&cluster("Installing"), "longhorn"),
            Verdict::Not(Sight {
                phase: Some("Installing".to_owned()),
                cause: Some("cluster is Installing".to_owned()),
                trouble: None,
            })
        );
    }
}
