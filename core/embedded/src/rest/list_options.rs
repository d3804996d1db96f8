//! Options of lists, from the query.

use serde_json::Value;

use crate::http::Request;
use crate::registry::{Continue, ListOptions, Version};
use crate::status::{Cause, StatusError};

/// Reads the options of a list.
pub(super) fn read(request: &Request) -> Result<ListOptions, StatusError> {
    let limit = match request.query_text("limit") {
        None => 0,
        Some(text) => text.parse::<i64>().map_err(|_| {
            StatusError::bad_request(format!(
                "limit: Invalid value: {text:?}: strconv.ParseInt: parsing {text:?}: invalid syntax"
            ))
        })?,
    };
    let token = request.query_text("continue").map(Continue::decode).transpose()?;
    Ok(ListOptions {
        version: version(request, token)?,
        // The real server takes a negative limit for none.
        limit: usize::try_from(limit).ok().filter(|limit| *limit > 0),
    })
}

fn version(request: &Request, token: Option<Continue>) -> Result<Version, StatusError> {
    let version = request.query_text("resourceVersion");
    let matching = request.query_text("resourceVersionMatch");
    check_match(version, matching, token.is_some())?;
    if request.query_text("sendInitialEvents").is_some() {
        let why = "sendInitialEvents is forbidden for list";
        return Err(invalid(&[Cause::forbidden("sendInitialEvents", why)]));
    }
    if let Some(token) = token {
        return Ok(Version::Continued(token));
    }
    let Some(version) = version else {
        return Ok(Version::Latest);
    };
    let version = revision(version)
        .map_err(|failure| StatusError::bad_request(format!("invalid resource version: {}", failure.message)))?;
    // A limit with a version is an exact read for the real server as well, unless the version is 0.
    let exact = matching == Some("Exact")
        || (matching.is_none() && version > 0 && request.query_text("limit").is_some_and(|l| l != "0"));
    Ok(if exact {
        Version::Exact(version)
    } else {
        Version::NotOlderThan(version)
    })
}

fn check_match(version: Option<&str>, matching: Option<&str>, continued: bool) -> Result<(), StatusError> {
    if continued && version.is_some_and(|v| v != "0") {
        return Err(StatusError::bad_request(
            "specifying resource version is not allowed when using continue",
        ));
    }
    let field = "resourceVersionMatch";
    match (matching, version) {
        (Some(other), _) if !matches!(other, "Exact" | "NotOlderThan") => {
            let allowed = ["Exact", "NotOlderThan", ""].map(str::to_owned);
            Err(invalid(&[Cause::unsupported(field, &Value::from(other), &allowed)]))
        }
        (Some(_), None) => Err(invalid(&[Cause::forbidden(
            field,
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        )])),
        (Some("Exact"), Some("0")) => Err(invalid(&[Cause::forbidden(
            field,
            "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
        )])),
        _ => Ok(()),
    }
}

/// Reads the text of a resource version.
pub(super) fn revision(text: &str) -> Result<u64, StatusError> {
    text.parse().map_err(|_| {
        StatusError::bad_request(format!(
            "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
        ))
    })
}

/// The refusal of a list or watch with options that are wrong.
pub(super) fn invalid(causes: &[Cause]) -> StatusError {
    StatusError::invalid("meta.k8s.io", "ListOptions", "", causes)
}
