//! Reviews: questions about users and rights, answered and not stored.

use serde_json::{Value, json};

use super::Place;
use super::body;
use super::options::FieldValidation;
use crate::http::{self, Reply, Request};
use crate::server::Inner;
use crate::status::{Cause, Failure};
use crate::text::string_at;

/// Answers a review.
pub(crate) fn answer(server: &Inner, request: &Request, place: &Place) -> Result<Reply, Failure> {
    if request.method != "POST" || !place.name.is_empty() {
        return Err(Failure::method_not_allowed());
    }
    let resource = &place.resource;
    let mut object = body::object(request, resource, FieldValidation::Ignore)?.object;
    let spec = object["spec"].clone();
    object["status"] = match resource.kind.as_str() {
        "SelfSubjectReview" => json!({"userInfo": user_info(&request.user.name, &request.user.groups)}),
        "TokenReview" => token(server, &spec).map_err(|cause| invalid(place, cause))?,
        "SelfSubjectRulesReview" => rules(request.user.is_master()),
        "SelfSubjectAccessReview" => {
            attributes(&spec).map_err(|cause| invalid(place, cause))?;
            access(request.user.is_master())
        }
        _ => {
            attributes(&spec).map_err(|cause| invalid(place, cause))?;
            let groups = spec["groups"].as_array();
            access(groups.is_some_and(|g| g.iter().any(|g| g == "system:masters")))
        }
    };
    let full = super::negotiate::full_value(resource, &object);
    Ok(http::value(201, &full))
}

fn invalid(place: &Place, cause: Cause) -> Failure {
    Failure::invalid(&place.resource.group, &place.resource.kind, "", &[cause])
}

fn user_info(name: &str, groups: &[String]) -> Value {
    json!({"username": name, "groups": groups})
}

fn access(allowed: bool) -> Value {
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

fn token(server: &Inner, spec: &Value) -> Result<Value, Cause> {
    let token = string_at(spec, "/token");
    if token.is_empty() {
        return Err(Cause::required("spec.token", ""));
    }
    Ok(match server.tokens.find(token) {
        Some((name, groups)) => json!({"authenticated": true, "user": user_info(&name, &groups)}),
        None => json!({"user": {}, "error": "invalid bearer token"}),
    })
}
