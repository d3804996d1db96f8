//! Whether the user of a request may make it, and the refusal if not.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::StatusDetails;

use super::{Api, Route, route, watch};
use crate::access::{self, Attributes};
use crate::http::Request;
use crate::status::StatusError;

/// Refuses a request that its user may not make.
pub(super) fn check(api: &Api, request: &Request, segments: &[&str]) -> Result<(), StatusError> {
    let user = &request.user;
    if user.is_master() {
        return Ok(());
    }
    let below_resources = matches!(segments, ["api", _, _, ..] | ["apis", _, _, _, ..]);
    let Some(route) = below_resources.then(|| route(api, segments).ok()).flatten() else {
        let verb = request.method.to_lowercase();
        let attributes = Attributes::NonResource {
            verb: &verb,
            path: &request.path,
        };
        if access::allowed(api.registry.store(), user, attributes) {
            return Ok(());
        }
        let text = format!("forbidden: User {:?} cannot {verb} path {:?}", user.name, request.path);
        return Err(StatusError::new(403, "Forbidden", text).with_details(StatusDetails::default()));
    };
    let verb = verb(request, &route);
    let info = &route.info;
    let resource = &info.resource;
    let what = if info.subresource.is_empty() {
        resource.plural.clone()
    } else {
        format!("{}/{}", resource.plural, info.subresource)
    };
    let attributes = Attributes::Resource {
        verb,
        group: &resource.group,
        resource: &what,
        name: &info.name,
        namespace: &info.namespace,
    };
    if access::allowed(api.registry.store(), user, attributes) {
        return Ok(());
    }
    let scope = if info.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {:?}", info.namespace)
    };
    let group = &resource.group;
    let why = format!(
        "User {:?} cannot {verb} resource {what:?} in API group {group:?} {scope}",
        user.name
    );
    Err(StatusError::forbidden(&resource.group_resource(), &info.name, &why))
}

/// The verb of a request on a resource.
fn verb<'a>(request: &'a Request, route: &Route) -> &'a str {
    match (request.method.as_str(), !route.info.name.is_empty()) {
        ("GET" | "HEAD", false) if watch::wanted(request) || route.watch => "watch",
        ("GET" | "HEAD", false) => "list",
        ("GET" | "HEAD", true) => "get",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", false) => "deletecollection",
        ("DELETE", true) => "delete",
        (other, _) => other,
    }
}
