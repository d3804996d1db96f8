//! Options of writes, from the query and, for deletions, the body.

use serde_json::{Value, json};

use super::body;
use crate::http::Request;
use crate::protobuf;
use crate::registry::{DeleteOptions, FieldValidation, Propagation, WriteOptions};
use crate::status::{Cause, StatusError};

/// Bytes that the name of a field manager may have.
const MANAGER: usize = 128;

/// Reads the options of a create, update or patch; `kind` names them in failures.
pub(super) fn write_options(request: &Request, kind: &str) -> Result<WriteOptions, StatusError> {
    let mut causes = Vec::new();
    let dry_run = dry_run(&in_query(request, "dryRun"), &mut causes);
    let validation = match request.query_text("fieldValidation") {
        None | Some("Warn") => FieldValidation::Warn,
        Some("Ignore") => FieldValidation::Ignore,
        Some("Strict") => FieldValidation::Strict,
        Some(other) => {
            let allowed = ["", "Ignore", "Strict", "Warn"].map(str::to_owned);
            causes.push(Cause::unsupported("fieldValidation", &Value::from(other), &allowed));
            FieldValidation::Warn
        }
    };
    let given = request.query_text("fieldManager");
    if given.is_some_and(|name| name.len() > MANAGER) {
        causes.push(Cause::too_long("fieldManager", MANAGER));
    }
    let force = request.query("force").map(parse_bool);
    if !causes.is_empty() {
        return Err(StatusError::invalid("meta.k8s.io", kind, "", &causes));
    }
    let default = || default_manager(request.header("user-agent"));
    Ok(WriteOptions {
        dry_run,
        manager: given.map_or_else(default, str::to_owned),
        manager_given: given.is_some(),
        force,
        validation,
    })
}

/// A boolean in a query: everything but `false` and `0` is true.
pub(super) fn parse_bool(text: &str) -> bool {
    !(text == "0" || text.eq_ignore_ascii_case("false"))
}

/// The program's name in a `User-Agent`.
fn default_manager(agent: &str) -> String {
    match agent.split('/').next() {
        None | Some("") => "unknown".to_owned(),
        Some(name) => name.chars().take(MANAGER).collect(),
    }
}

/// All values of a query parameter, as a list.
fn in_query(request: &Request, name: &str) -> Value {
    let values = request.query.iter().filter(|(given, _)| given == name);
    values.map(|(_, value)| Value::from(value.as_str())).collect()
}

/// Whether a list of stages asks for a dry run. The only stage there is means all of them.
fn dry_run(stages: &Value, causes: &mut Vec<Cause>) -> bool {
    let list = stages.as_array().map_or(&[][..], Vec::as_slice);
    if list.iter().any(|stage| stage != "All") {
        causes.push(Cause::unsupported("dryRun", stages, &["All".to_owned()]));
    }
    !list.is_empty()
}

/// Reads the options of a deletion: from the body, or from the query where there is none.
pub(super) fn delete_options(request: &Request) -> Result<DeleteOptions, StatusError> {
    let raw = if request.body.is_empty() {
        delete_options_in_query(request)?
    } else {
        delete_options_in_body(request)?
    };
    if let Some(kind) = raw["kind"].as_str().filter(|k| !k.is_empty() && *k != "DeleteOptions") {
        return Err(StatusError::bad_request(format!(
            "no kind {kind:?} is registered for the internal version of deletion"
        )));
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut causes = Vec::new();
    let options = DeleteOptions {
        dry_run: dry_run(&raw["dryRun"], &mut causes),
        propagation: propagation(&raw, &mut causes),
        uid: text(&raw["preconditions"]["uid"]),
        resource_version: text(&raw["preconditions"]["resourceVersion"]),
    };
    if !causes.is_empty() {
        return Err(StatusError::invalid("meta.k8s.io", "DeleteOptions", "", &causes));
    }
    Ok(options)
}

fn delete_options_in_body(request: &Request) -> Result<Value, StatusError> {
    match request.content_type() {
        "" | "application/json" => serde_json::from_slice(&request.body)
            .map_err(|error| StatusError::bad_request(format!("couldn't get version/kind; json parse error: {error}"))),
        "application/yaml" => {
            body::yaml(&request.body).map_err(|error| StatusError::bad_request(format!("yaml parse error: {error}")))
        }
        body::PROTOBUF => protobuf::object(&request.body).map_err(StatusError::bad_request),
        _ => Err(StatusError::new(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: application/json, \
             application/yaml, application/vnd.kubernetes.protobuf",
        )),
    }
}

fn delete_options_in_query(request: &Request) -> Result<Value, StatusError> {
    let mut raw = json!({"dryRun": in_query(request, "dryRun")});
    if let Some(policy) = request.query_text("propagationPolicy") {
        raw["propagationPolicy"] = policy.into();
    }
    if let Some(text) = request.query_text("orphanDependents") {
        raw["orphanDependents"] = parse_bool(text).into();
    }
    // The period itself has no meaning here: nothing runs that could use it.
    if let Some(text) = request.query_text("gracePeriodSeconds")
        && text.parse::<i64>().is_err()
    {
        return Err(StatusError::bad_request(format!(
            "gracePeriodSeconds: Invalid value: {text:?}: invalid syntax"
        )));
    }
    Ok(raw)
}

/// What happens to dependents, in the words of today or of an older release.
fn propagation(raw: &Value, causes: &mut Vec<Cause>) -> Propagation {
    let field = "propagationPolicy";
    let (policy, orphan) = (&raw[field], raw["orphanDependents"].as_bool());
    let chosen = match (policy.as_str(), orphan) {
        (Some("Foreground"), _) => Propagation::Foreground,
        (Some("Orphan"), _) | (None, Some(true)) => Propagation::Orphan,
        (Some("Background") | None, _) => Propagation::Background,
        (Some(_), _) => {
            let allowed = ["Foreground", "Background", "Orphan", "nil"].map(str::to_owned);
            causes.push(Cause::unsupported(field, policy, &allowed));
            Propagation::Background
        }
    };
    if policy.is_string() && orphan.is_some() {
        let why = "orphanDependents and deletionPropagation cannot be both set";
        causes.push(Cause::invalid(field, policy, why));
    }
    chosen
}
