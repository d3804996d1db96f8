//! Whether the user of a request may make it, and the refusal if not.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::StatusDetails;

use super::{Api, Named, watch};
use crate::access::{self, Attributes};
use crate::http::Request;
use crate::status::{GroupResource, StatusError};

/// Refuses a request that its user may not make.
pub(super) fn check(api: &Api, request: &Request, segments: &[&str]) -> Result<(), StatusError> {
    let user = &request.user;
    if user.is_master() {
        return Ok(());
    }
    // What is not served may be forbidden all the same: nobody learns by that what there is.
    let Some(named) = Named::read(segments) else {
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
    let verb = verb(request, named);
    let Named {
        group,
        plural,
        namespace,
        name,
        ..
    } = named;
    let what = if named.subresource.is_empty() {
        plural.to_owned()
    } else {
        format!("{plural}/{}", named.subresource)
    };
    let attributes = Attributes::Resource {
        verb,
        group,
        resource: &what,
        name,
        namespace,
    };
    if access::allowed(api.registry.store(), user, attributes) {
        return Ok(());
    }
    let scope = if namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {namespace:?}")
    };
    let why = format!(
        "User {:?} cannot {verb} resource {what:?} in API group {group:?} {scope}",
        user.name
    );
    let target = GroupResource {
        group,
        resource: plural,
    };
    Err(StatusError::forbidden(&target, name, &why))
}

/// The verb of a request on a resource.
fn verb<'a>(request: &'a Request, named: Named<'_>) -> &'a str {
    match (request.method.as_str(), !named.name.is_empty()) {
        ("GET" | "HEAD", false) if watch::wanted(request) || named.watch => "watch",
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
