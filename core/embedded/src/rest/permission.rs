//! Whether the user of a request may make it, and the refusal if not.

use serde_json::json;

use super::{Place, place, watch};
use crate::access::{self, Wish};
use crate::http::Request;
use crate::server::Inner;
use crate::status::Failure;

/// Refuses a request that its user may not make.
pub(crate) fn check(server: &Inner, request: &Request, segments: &[&str]) -> Result<(), Failure> {
    let user = &request.user;
    if user.is_master() {
        return Ok(());
    }
    let below_resources = matches!(segments, ["api", _, _, ..] | ["apis", _, _, _, ..]);
    let Some(place) = below_resources.then(|| place(server, segments).ok()).flatten() else {
        let verb = request.method.to_lowercase();
        let wish = Wish::Path {
            verb: &verb,
            path: &request.path,
        };
        if access::allowed(&server.store, user, wish) {
            return Ok(());
        }
        let text = format!("forbidden: User {:?} cannot {verb} path {:?}", user.name, request.path);
        return Err(Failure::new(403, "Forbidden", text).with_details(json!({})));
    };
    let resource = &place.resource;
    let verb = verb(request, &place);
    let what = if place.subresource.is_empty() {
        resource.plural.clone()
    } else {
        format!("{}/{}", resource.plural, place.subresource)
    };
    let wish = Wish::Resource {
        verb,
        group: &resource.group,
        resource: &what,
        name: &place.name,
        namespace: &place.namespace,
    };
    if access::allowed(&server.store, user, wish) {
        return Ok(());
    }
    let scope = if place.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {:?}", place.namespace)
    };
    let group = &resource.group;
    let why = format!(
        "User {:?} cannot {verb} resource {what:?} in API group {group:?} {scope}",
        user.name
    );
    Err(Failure::forbidden(&resource.target(), &place.name, &why))
}

/// The verb of a request on a resource.
fn verb<'a>(request: &'a Request, place: &Place) -> &'a str {
    match (request.method.as_str(), !place.name.is_empty()) {
        ("GET" | "HEAD", false) if watch::wanted(request) || place.watch => "watch",
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
