//! Options of writes, from the query and, for deletions, the body.

use serde_json::Value;

use crate::http::Request;
use crate::status::{Cause, Failure};

/// What to do about unknown and duplicate fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// Options of create, update and patch.
#[derive(Debug, Clone)]
pub(crate) struct WriteOptions {
    pub(crate) dry_run: bool,
    pub(crate) manager: String,
    pub(crate) manager_given: bool,
    pub(crate) force: Option<bool>,
    pub(crate) validation: FieldValidation,
}

impl WriteOptions {
    /// Reads the query; `kind` names the options in failures.
    pub(crate) fn read(request: &Request, kind: &str) -> Result<Self, Failure> {
        let mut causes = Vec::new();
        let dry = request
            .query
            .iter()
            .filter(|(n, _)| n == "dryRun")
            .map(|(_, v)| v.as_str());
        let dry = dry.collect::<Vec<_>>();
        if dry.iter().any(|v| *v != "All") {
            let values = Value::from(dry.clone());
            causes.push(Cause::unsupported("dryRun", &values, &["All".to_owned()]));
        }
        let validation = match request.query("fieldValidation").unwrap_or_default() {
            "" | "Warn" => FieldValidation::Warn,
            "Ignore" => FieldValidation::Ignore,
            "Strict" => FieldValidation::Strict,
            other => {
                let allowed = ["", "Ignore", "Strict", "Warn"].map(str::to_owned);
                causes.push(Cause::unsupported("fieldValidation", &Value::from(other), &allowed));
                FieldValidation::Warn
            }
        };
        let given = request.query("fieldManager").unwrap_or_default();
        if given.len() > 128 {
            causes.push(Cause::too_long("fieldManager", 128));
        }
        let force = request.query("force").map(parse_bool);
        if !causes.is_empty() {
            return Err(Failure::invalid("meta.k8s.io", kind, "", &causes));
        }
        let manager = if given.is_empty() {
            default_manager(request.header("user-agent"))
        } else {
            given.to_owned()
        };
        Ok(Self {
            dry_run: !dry.is_empty(),
            manager,
            manager_given: !given.is_empty(),
            force,
            validation,
        })
    }
}

/// A boolean in a query: everything but `false` and `0` is true.
pub(crate) fn parse_bool(text: &str) -> bool {
    !(text == "0" || text.eq_ignore_ascii_case("false"))
}

/// The program's name in a `User-Agent`.
fn default_manager(agent: &str) -> String {
    let name = agent.split('/').next().unwrap_or_default();
    if name.is_empty() {
        "unknown".to_owned()
    } else {
        name.chars().take(128).collect()
    }
}
