//! A plan that was saved, to be carried out later as it was looked at, or not at all.

use std::path::Path;

use butler_files::{
    home::{self, HomeError},
    read::{self, ReadError},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Plan;

/// Version of the file.
const VERSION: u32 = 1;

/// The most that is read of a file.
const LARGEST: u64 = 64 << 20;

/// Differences that are told at most.
const TOLD: usize = 10;

/// A saved plan.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Saved {
    version: u32,
    /// When it was made.
    pub made: Timestamp,
    /// Version of the program that made it.
    pub program: String,
    plan: Value,
}

/// Why a plan cannot be saved, read or carried out.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// It cannot be written.
    #[error("cannot save the plan")]
    Write(#[from] HomeError),
    /// It cannot be read.
    #[error("cannot read the plan {path}")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        source: ReadError,
    },
    /// The file is no plan.
    #[error("{path} is no plan")]
    NoPlan {
        /// The file.
        path: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// It was made by a later release.
    #[error("the plan {path} has version {version}; this release knows version {VERSION}")]
    Version {
        /// The file.
        path: String,
        /// Its version.
        version: u32,
    },
    /// The world is not as it was.
    #[error("the plan of {made:.0} does not hold any more:\n{}", list(.differences))]
    Differs {
        /// When it was made.
        made: Timestamp,
        /// What is different.
        differences: Vec<String>,
    },
    /// A plan is plain data.
    #[error("cannot write the plan as JSON")]
    Json(#[from] serde_json::Error),
}

fn list(differences: &[String]) -> String {
    let mut lines: Vec<String> = differences.iter().take(TOLD).map(|line| format!("  {line}")).collect();
    if let Some(more @ 1..) = differences.len().checked_sub(TOLD) {
        lines.push(format!("  and {more} more"));
    }
    lines.join("\n")
}

impl Saved {
    /// Saves a plan; a file of that name is replaced.
    pub fn write(path: &Path, plan: &Plan, made: Timestamp) -> Result<(), SavedError> {
        let saved = Self {
            version: VERSION,
            made,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            plan: serde_json::to_value(plan)?,
        };
        let mut text = serde_json::to_vec_pretty(&saved)?;
        text.push(b'\n');
        Ok(home::write_secret(path, &text)?)
    }

    /// Reads a saved plan.
    pub fn read(path: &Path) -> Result<Self, SavedError> {
        let name = || path.display().to_string();
        let bytes = read::file(path, LARGEST).map_err(|source| SavedError::Read { path: name(), source })?;
        let saved: Self =
            serde_json::from_slice(&bytes).map_err(|source| SavedError::NoPlan { path: name(), source })?;
        if saved.version != VERSION {
            return Err(SavedError::Version {
                path: name(),
                version: saved.version,
            });
        }
        Ok(saved)
    }

    /// Whether the plan of this moment is the saved one; an error that says what is different.
    pub fn holds(&self, now: &Plan) -> Result<(), SavedError> {
        let mut differences = Vec::new();
        compare("", &self.plan, &serde_json::to_value(now)?, &mut differences);
        if differences.is_empty() {
            return Ok(());
        }
        Err(SavedError::Differs {
            made: self.made,
            differences,
        })
    }
}

/// Collects what is different. The words of a check may tell how long something took; what it found is its status.
fn compare(path: &str, was: &Value, is: &Value, differences: &mut Vec<String>) {
    match (was, is) {
        (Value::Object(was), Value::Object(is)) => {
            let mut keys: Vec<&String> = was.keys().chain(is.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys
                .into_iter()
                .filter(|key| !(path.starts_with("checks[") && *key == "summary"))
            {
                let inner = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                compare(
                    &inner,
                    was.get(key).unwrap_or(&Value::Null),
                    is.get(key).unwrap_or(&Value::Null),
                    differences,
                );
            }
        }
        (Value::Array(was), Value::Array(is)) => {
            for at in 0..was.len().max(is.len()) {
                let element = |list: &[Value]| list.get(at).cloned().unwrap_or(Value::Null);
                compare(&format!("{path}[{at}]"), &element(was), &element(is), differences);
            }
        }
        (was, is) if was != is => differences.push(format!("{path}: was {}, is {}", words(was), words(is))),
        _ => {}
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => "not there".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let name = fields.get("name").or_else(|| fields.get("id"));
            name.and_then(Value::as_str)
                .map_or_else(|| value.to_string(), ToOwned::to_owned)
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use butler_addons::ClusterFacts;

    use super::*;
    use crate::bootstrap::plan::{Findings, PlannedCheck, plan};

    fn planned() -> Plan {
        let config = crate::samples::shipped("inmemory-ha.yaml");
        let addons = butler_addons::plan(&config, &ClusterFacts::default()).unwrap();
        plan(&config, &addons, &Findings::default(), Vec::new())
    }

    fn check(status: &'static str, summary: &str) -> PlannedCheck {
        PlannedCheck {
            id: "network/vip".to_owned(),
            status,
            summary: summary.to_owned(),
            hint: None,
        }
    }

    #[test]
    fn a_saved_plan_holds_until_something_is_different() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        let mut now = planned();
        now.checks.push(check("ok", "nothing answered for 1.0 s"));
        Saved::write(&path, &now, Timestamp::UNIX_EPOCH).unwrap();
        let saved = Saved::read(&path).unwrap();
        now.checks[0].summary = "nothing answered for 1.1 s".to_owned();
        saved.holds(&now).unwrap();
        now.checks[0].status = "fail";
        now.machines.pop();
        let error = saved.holds(&now).unwrap_err().to_string();
        for words in [
            "1970-01-01T00:00:00Z does not hold any more",
            "checks[0].status: was ok, is fail",
            "is not there",
        ] {
            assert!(error.contains(words), "{words}: {error}");
        }
    }

    #[test]
    fn what_is_no_plan_of_this_release_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        std::fs::write(&path, "provider: inmemory").unwrap();
        assert!(matches!(Saved::read(&path), Err(SavedError::NoPlan { .. })));
        Saved::write(&path, &planned(), Timestamp::UNIX_EPOCH).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen("\"version\": 1", "\"version\": 7", 1)).unwrap();
        assert!(matches!(
            Saved::read(&path),
            Err(SavedError::Version { version: 7, .. })
        ));
    }
}
