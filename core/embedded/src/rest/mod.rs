//! Requests on resources, discovery and the rest of the HTTP surface.

pub(crate) mod body;
mod columns;
pub(crate) mod delete;
mod discovery;
mod health;
mod negotiate;
mod openapi;
pub(crate) mod options;
pub(crate) mod patch;
mod permission;
mod read;
mod review;
mod scale;
mod table;
mod watch;
pub(crate) mod write;

use std::sync::Arc;

use crate::http::{self, Reply, Request};
use crate::kinds::Resource;
use crate::server::Inner;
use crate::status::Failure;

/// What a path points at.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) resource: Arc<Resource>,
    /// Empty for cluster-scoped resources and for all namespaces.
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) subresource: String,
    /// The old `/watch/` prefix.
    pub(crate) watch: bool,
}

/// Answers a request.
pub(crate) async fn handle(server: &Arc<Inner>, request: &Request) -> Reply {
    match route(server, request).await {
        Ok(reply) => reply,
        Err(failure) => http::failure(&failure),
    }
}

/// A request whose body is no longer than this is quick, if what it is about is so too.
const QUICK_BODY: usize = 16 << 10;
/// The same of an object that is there.
const QUICK_OBJECT: usize = 32 << 10;
/// The same of a schema without rules: branches of logic and states of expressions.
const QUICK_SCHEMA: usize = 20_000;
/// The same of a collection, in objects and bytes.
const QUICK_LIST: (usize, usize) = (500, 512 << 10);

/// Whether a request is answered in no time for sure, so that it need not go to another thread.
pub(crate) fn is_quick(server: &Inner, request: &Request) -> bool {
    let segments = request.segments.iter().map(String::as_str).collect::<Vec<_>>();
    match segments.as_slice() {
        [] | ["healthz" | "readyz" | "livez" | "version", ..] => return true,
        ["api", _, _, ..] | ["apis", _, _, _, ..] => {}
        _ => return false,
    }
    let Ok(place) = place(server, &segments) else {
        return true;
    };
    let resource = &place.resource;
    let object = || {
        let found = server
            .store
            .get(&resource.table, &resource.key(&place.namespace, &place.name));
        found.is_none_or(|object| object.bytes.len() <= QUICK_OBJECT)
    };
    let ruled = || {
        let schema = || resource.schema();
        let costly = || schema().ruled || schema().effort > QUICK_SCHEMA;
        &*resource.table == crate::server::DEFINITIONS || resource.custom.is_some() && costly()
    };
    let body = request.body.len() <= QUICK_BODY && request.content_type() != "application/yaml";
    match request.method.as_str() {
        "GET" | "HEAD" if place.name.is_empty() => {
            let (objects, bytes) = server.store.size(&resource.table);
            objects <= QUICK_LIST.0 && bytes <= QUICK_LIST.1
        }
        "POST" => body && !ruled(),
        "PUT" | "PATCH" => body && request.content_type() != "application/json-patch+json" && !ruled() && object(),
        "DELETE" => body && !place.name.is_empty() && !ruled(),
        // One object is read, or there is no such method.
        _ => true,
    }
}

async fn route(server: &Arc<Inner>, request: &Request) -> Result<Reply, Failure> {
    let segments = request.segments.iter().map(String::as_str).collect::<Vec<_>>();
    permission::check(server, request, &segments)?;
    match segments.as_slice() {
        ["healthz" | "readyz" | "livez", ..] | ["version"] | [] => health::answer(server, request, &segments),
        ["openapi", ..] => openapi::answer(server, request, &segments),
        ["api" | "apis"] | ["api", "v1"] | ["apis", _] | ["apis", _, _] => {
            discovery::answer(server, request, &segments)
        }
        ["api" | "apis", ..] => {
            let place = place(server, &segments)?;
            resource(server, request, &place).await
        }
        _ => Err(Failure::no_page()),
    }
}

async fn resource(server: &Arc<Inner>, request: &Request, place: &Place) -> Result<Reply, Failure> {
    if crate::kinds::is_review(&place.resource.group) {
        return review::answer(server, request, place);
    }
    let named = !place.name.is_empty();
    let result = match (request.method.as_str(), named, place.subresource.as_str()) {
        ("GET" | "HEAD", false, _) if place.watch || watch::wanted(request) => {
            watch::start(server, request, place).await
        }
        ("GET", false, _) => read::list(server, request, place).await,
        ("HEAD", false, _) if !place.resource.is_core() => read::list(server, request, place).await,
        ("GET", true, "" | "status") => read::get(server, request, place).await,
        ("POST", false, _) => write::create(server, request, place).await,
        ("POST", true, "token") => review::issue(server, request, place),
        ("PUT", true, "" | "status" | "finalize") => write::replace(server, request, place).await,
        ("PATCH", true, "" | "status") => patch::patch(server, request, place).await,
        ("DELETE", true, "") => delete::one(server, request, place).await,
        ("DELETE", false, _) => delete::collection(server, request, place).await,
        ("GET" | "PUT" | "PATCH", true, "scale") => scale::answer(server, request, place).await,
        _ => Err(Failure::method_not_allowed()),
    };
    let Some(text) = place.resource.custom.as_ref().and_then(|c| c.deprecation.clone()) else {
        return result;
    };
    match result {
        Ok(mut reply) => {
            http::warn(&mut reply, &[text]);
            Ok(reply)
        }
        Err(failure) => Err(failure.with_warnings(&[text])),
    }
}

/// Finds the resource of a path.
fn place(server: &Inner, segments: &[&str]) -> Result<Place, Failure> {
    let (group, version, rest) = match segments {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Err(Failure::no_page()),
    };
    let catalog = server.catalog();
    let core = crate::kinds::builtin::is_builtin_group(group, version);
    let missing = || {
        if core {
            Failure::no_resource()
        } else {
            Failure::no_page()
        }
    };
    let (watch, rest) = match rest {
        ["watch", rest @ ..] if !rest.is_empty() => (true, rest),
        _ => (false, rest),
    };
    let (namespace, plural, name, subresource) = match rest {
        ["namespaces"] => ("", "namespaces", "", ""),
        ["namespaces", name] => ("", "namespaces", *name, ""),
        ["namespaces", name, sub @ ("status" | "finalize")] => ("", "namespaces", *name, *sub),
        ["namespaces", namespace, plural] => (*namespace, *plural, "", ""),
        ["namespaces", namespace, plural, name] => (*namespace, *plural, *name, ""),
        ["namespaces", namespace, plural, name, sub] => (*namespace, *plural, *name, *sub),
        [plural] => ("", *plural, "", ""),
        [plural, name] => ("", *plural, *name, ""),
        [plural, name, sub] => ("", *plural, *name, *sub),
        _ => return Err(missing()),
    };
    let resource = catalog.find(group, version, plural).cloned().ok_or_else(missing)?;
    if matches!(name, "." | "..") {
        return Err(Failure::bad_request(format!(
            "invalid resource name {name:?}: [may not be '{name}']"
        )));
    }
    let scope_fits = if resource.namespaced {
        !namespace.is_empty() || name.is_empty()
    } else {
        namespace.is_empty()
    };
    let subresource_there = match subresource {
        "" => true,
        "status" => resource.status,
        "scale" => resource.scale.is_some(),
        "finalize" => resource.is_core() && plural == "namespaces",
        "token" => resource.is_core() && plural == "serviceaccounts",
        _ => false,
    };
    if !scope_fits || !subresource_there {
        return Err(missing());
    }
    Ok(Place {
        resource,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        subresource: subresource.to_owned(),
        watch,
    })
}
