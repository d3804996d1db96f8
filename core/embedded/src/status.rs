//! Errors in Kubernetes' own form: the `Status` object, or plain text where the real server answers so.

use std::collections::HashSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusCause, StatusDetails};
use serde_json::Value;

use crate::limits::{DEPTH, Excess};
use crate::text::clip;

/// Causes that one error names: a longer list helps nobody.
pub(crate) const CAUSES: usize = 200;
/// Bytes of a cause's field or message.
const CAUSE_BYTES: usize = 8 << 10;

/// The refusal of a request, as its client gets it.
#[derive(Debug, Clone)]
pub(crate) struct StatusError {
    /// Status code of the HTTP reply.
    pub(crate) code: u16,
    /// Machine-readable reason; empty where the real server gives none.
    pub(crate) reason: &'static str,
    /// The message for people.
    pub(crate) message: String,
    /// Details for machines, where the real server gives some.
    pub(crate) details: Option<Box<StatusDetails>>,
    /// Answer with the message as plain text instead of a `Status`.
    pub(crate) plain: bool,
    /// What the client is to be warned of as well.
    pub(crate) warnings: Vec<String>,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) reason: &'static str,
    pub(crate) field: String,
    pub(crate) message: String,
}

impl Cause {
    pub(crate) fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::new(
            "FieldValueInvalid",
            field,
            format!("Invalid value: {}: {detail}", shown(value)),
        )
    }

    pub(crate) fn required(field: impl Into<String>, detail: &str) -> Self {
        let message = if detail.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {detail}")
        };
        Self::new("FieldValueRequired", field, message)
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self::new(
            "FieldValueDuplicate",
            field,
            format!("Duplicate value: {}", shown(value)),
        )
    }

    pub(crate) fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::new("FieldValueForbidden", field, format!("Forbidden: {detail}"))
    }

    pub(crate) fn too_long(field: impl Into<String>, limit: usize) -> Self {
        let s = if limit == 1 { "byte" } else { "bytes" };
        Self::new(
            "FieldValueTooLong",
            field,
            format!("Too long: may not be more than {limit} {s}"),
        )
    }

    pub(crate) fn type_invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::new(
            "FieldValueTypeInvalid",
            field,
            format!("Invalid value: {}: {detail}", shown(value)),
        )
    }

    pub(crate) fn unsupported(field: impl Into<String>, value: &Value, allowed: &[String]) -> Self {
        let mut list = String::new();
        for one in allowed {
            if list.len() > CAUSE_BYTES {
                break;
            }
            let comma = if list.is_empty() { "" } else { ", " };
            list.extend([comma, &format!("{one:?}")]);
        }
        Self::new(
            "FieldValueNotSupported",
            field,
            format!("Unsupported value: {}: supported values: {list}", shown(value)),
        )
    }

    pub(crate) fn new(reason: &'static str, field: impl Into<String>, message: String) -> Self {
        Self {
            reason,
            field: clip(field.into(), CAUSE_BYTES),
            message: clip(message, CAUSE_BYTES),
        }
    }
}

/// A value as the real server shows it inside messages.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::String(s) => format!("{s:?}"),
        other => other.to_string(),
    }
}

impl StatusError {
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            plain: false,
            warnings: Vec::new(),
        }
    }

    pub(crate) fn with_warnings(mut self, warnings: &[String]) -> Self {
        self.warnings.extend_from_slice(warnings);
        self
    }

    pub(crate) fn with_details(mut self, details: StatusDetails) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// The plain `404 page not found` of paths that are no resource.
    pub(crate) fn no_page() -> Self {
        Self {
            plain: true,
            ..Self::new(404, "", "404 page not found")
        }
    }

    /// An unknown resource in a group that exists.
    pub(crate) fn no_resource() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
            .with_details(StatusDetails::default())
    }

    pub(crate) fn not_found(target: &GroupResource, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} {name:?} not found", target.qualified()))
            .with_details(target.details(name, target.resource))
    }

    pub(crate) fn already_exists(target: &GroupResource, name: &str) -> Self {
        Self::new(
            409,
            "AlreadyExists",
            format!("{} {name:?} already exists", target.qualified()),
        )
        .with_details(target.details(name, target.resource))
    }

    pub(crate) fn conflict(target: &GroupResource, name: &str, why: &str) -> Self {
        Self::new(
            409,
            "Conflict",
            format!(
                "Operation cannot be fulfilled on {} {name:?}: {why}",
                target.qualified()
            ),
        )
        .with_details(target.details(name, target.resource))
    }

    pub(crate) fn forbidden(target: &GroupResource, name: &str, why: &str) -> Self {
        let message = if name.is_empty() {
            format!("{} is forbidden: {why}", target.qualified())
        } else {
            format!("{} {name:?} is forbidden: {why}", target.qualified())
        };
        Self::new(403, "Forbidden", message).with_details(target.details(name, target.resource))
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(500, "InternalError", format!("Internal error occurred: {message}")).with_details(StatusDetails {
            causes: Some(vec![StatusCause {
                message: Some(message),
                ..StatusCause::default()
            }]),
            ..StatusDetails::default()
        })
    }

    /// A request that was not over in time.
    pub(crate) fn timeout() -> Self {
        let message = "request did not complete within the allotted timeout";
        Self::new(504, "Timeout", format!("Timeout: {message}")).with_details(StatusDetails::default())
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
        .with_details(StatusDetails::default())
    }

    /// 422 with one cause per field.
    pub(crate) fn invalid(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let causes = &causes[..causes.len().min(CAUSES)];
        let mut seen = HashSet::new();
        let mut list = causes
            .iter()
            .map(|c| format!("{}: {}", c.field, c.message))
            .collect::<Vec<_>>();
        list.retain(|text| seen.insert(text.clone()));
        let text = if list.len() == 1 {
            list[0].clone()
        } else {
            format!("[{}]", list.join(", "))
        };
        let qualified = if group.is_empty() {
            kind.to_owned()
        } else {
            format!("{kind}.{group}")
        };
        let causes = causes.iter().map(|cause| StatusCause {
            reason: Some(cause.reason.to_owned()),
            message: Some(cause.message.clone()),
            field: Some(cause.field.clone()),
        });
        let details = StatusDetails {
            causes: Some(causes.collect()),
            ..details(group, kind, name)
        };
        Self::new(422, "Invalid", format!("{qualified} {name:?} is invalid: {text}")).with_details(details)
    }

    /// The failure as the client gets it.
    pub(crate) fn to_status(&self) -> Status {
        Status {
            status: Some("Failure".to_owned()),
            code: Some(self.code.into()),
            reason: (!self.reason.is_empty()).then(|| self.reason.to_owned()),
            message: Some(self.message.clone()),
            details: self.details.as_deref().cloned(),
            ..Status::default()
        }
    }
}

/// An object that exceeds a bound was said, or made, by the request.
impl From<Excess> for StatusError {
    fn from(excess: Excess) -> Self {
        match excess {
            Excess::Depth => Self::bad_request(format!(
                "the object exceeded max depth: limit is {DEPTH} levels, managed fields included"
            )),
            Excess::Size(limit) => Self::new(
                413,
                "RequestEntityTooLarge",
                format!("Request entity too large: limit is {limit}"),
            ),
        }
    }
}

/// A resource as the wording of failures names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GroupResource<'a> {
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
}

impl GroupResource<'_> {
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.resource.to_owned()
        } else {
            format!("{}.{}", self.resource, self.group)
        }
    }

    fn details(&self, name: &str, kind: &str) -> StatusDetails {
        details(self.group, kind, name)
    }
}

fn details(group: &str, kind: &str, name: &str) -> StatusDetails {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    StatusDetails {
        group: given(group),
        kind: given(kind),
        name: given(name),
        ..StatusDetails::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_causes_are_bracketed_and_the_group_is_named() {
        let causes = [Cause::required("spec.a", ""), Cause::forbidden("spec.b", "no")];
        let failure = StatusError::invalid("g.io", "Thing", "x", &causes);
        assert_eq!(
            failure.message,
            "Thing.g.io \"x\" is invalid: [spec.a: Required value, spec.b: Forbidden: no]"
        );
        let causes = failure.details.unwrap().causes.unwrap();
        assert_eq!(causes[0].reason.as_deref(), Some("FieldValueRequired"));
    }

    #[test]
    fn a_failure_stays_readable_however_much_is_wrong() {
        let causes = (0..100_000)
            .map(|n| Cause::invalid(format!("spec.items[{n}]"), &Value::from("x"), "no"))
            .collect::<Vec<_>>();
        let failure = StatusError::invalid("g.io", "Thing", "x", &causes);
        assert_eq!(failure.details.unwrap().causes.unwrap().len(), CAUSES);
        let long = Cause::unsupported(
            "f".repeat(1 << 20),
            &Value::from("ü".repeat(1 << 20)),
            &vec!["v".repeat(64); 9999],
        );
        assert!(long.field.len() + long.message.len() < 3 * CAUSE_BYTES);
    }

    #[test]
    fn a_failure_without_a_reason_has_no_reason_member() {
        let body = serde_json::to_value(StatusError::new(500, "", "x").to_status()).unwrap();
        assert_eq!(body.get("reason"), None);
        assert_eq!(body["code"], 500);
    }
}
