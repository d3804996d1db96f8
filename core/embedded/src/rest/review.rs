//! Reviews: questions about users and rights, answered and not stored.

use serde_json::{Value, json};

use super::{Api, body};
use crate::access::{self, Attributes, User};
use crate::http::{self, Reply, Request};
use crate::kinds::RequestInfo;
use crate::protobuf;
use crate::registry::{FieldValidation, go_type};
use crate::status::{Cause, StatusError};
use crate::text::{owned_texts, string_at};

/// Answers a review: a question about users and rights that is not stored.
pub(super) fn answer(api: &Api, request: &Request, info: &RequestInfo) -> Result<Reply, StatusError> {
    if request.method != "POST" || !info.name.is_empty() {
        return Err(StatusError::method_not_allowed());
    }
    let resource = &info.resource;
    let mut object = body::object(request, resource, FieldValidation::Ignore)?.object;
    let spec = object["spec"].clone();
    object["status"] = match resource.kind.as_str() {
        "SelfSubjectReview" => json!({"userInfo": user_info(&request.user.name, &request.user.groups)}),
        "TokenReview" => token(api, &spec)?,
        "SelfSubjectRulesReview" => rules(request.user.is_master()),
        "SelfSubjectAccessReview" => {
            attributes(&spec).map_err(|cause| invalid(info, cause))?;
            verdict(allowed(api, &request.user, &spec))
        }
        _ => {
            attributes(&spec).map_err(|cause| invalid(info, cause))?;
            let groups = owned_texts(&spec["groups"]);
            let user = User {
                name: string_at(&spec, "/user").to_owned(),
                groups,
            };
            verdict(allowed(api, &user, &spec))
        }
    };
    let full = resource.with_type(&object);
    Ok(http::value(201, &full))
}

fn invalid(info: &RequestInfo, cause: Cause) -> StatusError {
    StatusError::invalid(&info.resource.group, &info.resource.kind, "", &[cause])
}

fn user_info(name: &str, groups: &[String]) -> Value {
    json!({"username": name, "groups": groups})
}

fn verdict(allowed: bool) -> Value {
    json!({"allowed": allowed})
}

fn attributes(spec: &Value) -> Result<(), Cause> {
    if spec["resourceAttributes"].is_object() == spec["nonResourceAttributes"].is_object() {
        let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        return Err(Cause::invalid(
            "spec.resourceAttributes",
            &spec["resourceAttributes"],
            why,
        ));
    }
    Ok(())
}

fn rules(all: bool) -> Value {
    if all {
        json!({
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}], "incomplete": false,
        })
    } else {
        json!({"resourceRules": [], "nonResourceRules": [], "incomplete": false})
    }
}

fn allowed(api: &Api, user: &User, spec: &Value) -> bool {
    let text = |pointer: &str| string_at(spec, pointer);
    if spec["nonResourceAttributes"].is_object() {
        let attributes = Attributes::NonResource {
            verb: text("/nonResourceAttributes/verb"),
            path: text("/nonResourceAttributes/path"),
        };
        return access::allowed(api.registry.store(), user, attributes);
    }
    let (plural, sub) = (
        text("/resourceAttributes/resource"),
        text("/resourceAttributes/subresource"),
    );
    let resource = if sub.is_empty() {
        plural.to_owned()
    } else {
        format!("{plural}/{sub}")
    };
    let attributes = Attributes::Resource {
        verb: text("/resourceAttributes/verb"),
        group: text("/resourceAttributes/group"),
        resource: &resource,
        name: text("/resourceAttributes/name"),
        namespace: text("/resourceAttributes/namespace"),
    };
    access::allowed(api.registry.store(), user, attributes)
}

fn token(api: &Api, spec: &Value) -> Result<Value, StatusError> {
    let token = string_at(spec, "/token");
    if token.is_empty() {
        return Err(StatusError::bad_request(
            "token is required for TokenReview in authentication",
        ));
    }
    let now = jiff::Timestamp::now().as_second();
    Ok(match api.tokens.user(token, api.registry.store(), now) {
        Some(user) => json!({"authenticated": true, "user": user_info(&user.name, &user.groups)}),
        None => json!({"user": {}, "error": "invalid bearer token"}),
    })
}

/// `POST` to the `token` of a service account: a token for it.
pub(super) fn issue(api: &Api, request: &Request, info: &RequestInfo) -> Result<Reply, StatusError> {
    const HOUR: i64 = 3600;
    const LONGEST: i64 = (1 << 32) + 1;
    let account = api.registry.get(info)?;
    let mut body = if request.content_type() == body::PROTOBUF {
        protobuf::object(&request.body)
    } else {
        body::yaml(&request.body)
    }
    .map_err(StatusError::bad_request)?;
    let seconds = seconds(&body)?.unwrap_or(HOUR);
    let wrong = match seconds {
        ..600 => Some("may not specify a duration less than 10 minutes"),
        LONGEST.. => Some("may not specify a duration larger than 2^32 seconds"),
        _ => None,
    };
    if let Some(why) = wrong {
        let cause = Cause::invalid("spec.expirationSeconds", &seconds.into(), why);
        return Err(StatusError::invalid(
            "authentication.k8s.io",
            "TokenRequest",
            "",
            &[cause],
        ));
    }
    let expires = jiff::Timestamp::now().as_second().saturating_add(seconds);
    let time = jiff::Timestamp::from_second(expires).unwrap_or(jiff::Timestamp::MAX);
    if !body.is_object() {
        body = json!({});
    }
    body["kind"] = "TokenRequest".into();
    body["apiVersion"] = "authentication.k8s.io/v1".into();
    body["metadata"] = json!({"name": info.name, "namespace": info.namespace});
    body["spec"]["expirationSeconds"] = seconds.into();
    body["status"] = json!({
        "token": api.tokens.issue(&account.value, expires),
        "expirationTimestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    });
    Ok(http::value(201, &body))
}

/// How long a token shall be good, if the request says so.
fn seconds(body: &Value) -> Result<Option<i64>, StatusError> {
    let cannot = |what: &Value, field: &str, kind: &str| {
        StatusError::bad_request(format!(
            "TokenRequest in version \"v1\" cannot be handled as a TokenRequest: json: cannot unmarshal {} into Go struct \
             field {field} of type {kind}",
            go_type(what)
        ))
    };
    if !(body.is_object() || body.is_null()) {
        return Err(StatusError::bad_request(format!(
            "the object provided is unrecognized (must be of type TokenRequest): couldn't get version/kind; json parse error: \
             json: cannot unmarshal {} into Go value of type struct",
            go_type(body)
        )));
    }
    let spec = &body["spec"];
    if !(spec.is_object() || spec.is_null()) {
        return Err(cannot(spec, "TokenRequest.spec", "v1.TokenRequestSpec"));
    }
    let seconds = &spec["expirationSeconds"];
    if !(seconds.is_i64() || seconds.is_null()) {
        return Err(cannot(seconds, "TokenRequestSpec.spec.expirationSeconds", "int64"));
    }
    Ok(seconds.as_i64())
}
