//! Reviews: questions about users and rights, answered and not stored.

use k8s_openapi::api::authentication::v1::{SelfSubjectReviewStatus, TokenRequestStatus, TokenReviewStatus, UserInfo};
use k8s_openapi::api::authorization::v1::{
    NonResourceRule, ResourceRule, SubjectAccessReviewStatus, SubjectRulesReviewStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
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
    let status = match resource.kind.as_str() {
        "SelfSubjectReview" => serde_json::to_value(SelfSubjectReviewStatus {
            user_info: Some(user_info(&request.user)),
        }),
        "TokenReview" => serde_json::to_value(token(api, &spec)?),
        "SelfSubjectRulesReview" => serde_json::to_value(rules(request.user.is_master())),
        "SelfSubjectAccessReview" => serde_json::to_value(verdict(api, info, &request.user, &spec)?),
        _ => {
            let user = User {
                name: string_at(&spec, "/user").to_owned(),
                groups: owned_texts(&spec["groups"]),
            };
            serde_json::to_value(verdict(api, info, &user, &spec)?)
        }
    };
    object["status"] = status.map_err(|error| StatusError::internal(error.to_string()))?;
    Ok(http::value(201, &resource.with_type(&object)))
}

fn invalid(info: &RequestInfo, cause: Cause) -> StatusError {
    StatusError::invalid(&info.resource.group, &info.resource.kind, "", &[cause])
}

fn user_info(user: &User) -> UserInfo {
    UserInfo {
        username: Some(user.name.clone()),
        groups: Some(user.groups.clone()),
        ..UserInfo::default()
    }
}

/// Whether a user may do what a specification names.
fn verdict(api: &Api, info: &RequestInfo, user: &User, spec: &Value) -> Result<SubjectAccessReviewStatus, StatusError> {
    if spec["resourceAttributes"].is_object() == spec["nonResourceAttributes"].is_object() {
        let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        let cause = Cause::invalid("spec.resourceAttributes", &spec["resourceAttributes"], why);
        return Err(invalid(info, cause));
    }
    Ok(SubjectAccessReviewStatus {
        allowed: allowed(api, user, spec),
        ..SubjectAccessReviewStatus::default()
    })
}

fn rules(all: bool) -> SubjectRulesReviewStatus {
    let every = || vec!["*".to_owned()];
    let mut status = SubjectRulesReviewStatus::default();
    if all {
        status.resource_rules.push(ResourceRule {
            verbs: every(),
            api_groups: Some(every()),
            resources: Some(every()),
            resource_names: None,
        });
        status.non_resource_rules.push(NonResourceRule {
            verbs: every(),
            non_resource_urls: Some(every()),
        });
    }
    status
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

fn token(api: &Api, spec: &Value) -> Result<TokenReviewStatus, StatusError> {
    let token = string_at(spec, "/token");
    if token.is_empty() {
        return Err(StatusError::bad_request(
            "token is required for TokenReview in authentication",
        ));
    }
    let now = jiff::Timestamp::now().as_second();
    Ok(match api.tokens.user(token, api.registry.store(), now) {
        Some(user) => TokenReviewStatus {
            authenticated: Some(true),
            user: Some(user_info(&user)),
            ..TokenReviewStatus::default()
        },
        None => TokenReviewStatus {
            user: Some(UserInfo::default()),
            error: Some("invalid bearer token".to_owned()),
            ..TokenReviewStatus::default()
        },
    })
}

/// `POST` to the `token` of a service account: a token for it.
pub(super) fn issue(api: &Api, request: &Request, info: &RequestInfo) -> Result<Reply, StatusError> {
    const HOUR: i64 = 3600;
    api.registry.get(info)?;
    let mut body = if request.content_type() == body::PROTOBUF {
        protobuf::object(&request.body)
    } else {
        body::yaml(&request.body)
    }
    .map_err(StatusError::bad_request)?;
    let seconds = seconds(&body)?.unwrap_or(HOUR);
    let status = issue_token(api, info, seconds)?;
    // The rest of the answer is the request as the client wrote it.
    if !body.is_object() {
        body = json!({});
    }
    body["kind"] = "TokenRequest".into();
    body["apiVersion"] = "authentication.k8s.io/v1".into();
    body["metadata"] = json!({"name": info.name, "namespace": info.namespace});
    body["spec"]["expirationSeconds"] = seconds.into();
    body["status"] = serde_json::to_value(status).map_err(|error| StatusError::internal(error.to_string()))?;
    Ok(http::value(201, &body))
}

/// A token for the service account that a request is about, good for so many seconds.
pub(crate) fn issue_token(api: &Api, info: &RequestInfo, seconds: i64) -> Result<TokenRequestStatus, StatusError> {
    const LONGEST: i64 = (1 << 32) + 1;
    let account = api.registry.get(info)?;
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
    let time = jiff::Timestamp::from_second(expires).map_err(|error| StatusError::internal(error.to_string()))?;
    Ok(TokenRequestStatus {
        token: api.tokens.issue(&account.value, expires),
        expiration_timestamp: Time(time),
    })
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
