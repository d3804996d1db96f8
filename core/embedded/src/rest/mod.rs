//! The HTTP surface of the registry: requests become calls, and their outcomes replies. Decides nothing about objects.

#![expect(
    clippy::disallowed_macros,
    reason = "discovery, schemas and tables are documents of the protocol, made of kinds that are known at run time only"
)]

mod body;
mod columns;
mod delete;
mod discovery;
mod health;
mod list_options;
mod negotiate;
mod openapi;
mod options;
mod patch;
mod permission;
mod read;
mod review;
mod scale;
mod table;
mod watch;
mod write;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub(crate) use self::review::issue_token;
use crate::access::tokens::Tokens;
use crate::admission::Operation;
use crate::http::{self, Reply, Request};
use crate::kinds::builtin::{self, DEFINITIONS};
use crate::kinds::{RequestInfo, is_review};
use crate::registry::Registry;
use crate::status::StatusError;

/// Everything that requests are answered from.
pub(crate) struct Api {
    pub(crate) registry: Arc<Registry>,
    pub(crate) tokens: Tokens,
    /// The version of Kubernetes to report.
    pub(crate) version: String,
    /// Cancelled when the server ends, and watches with it.
    pub(crate) stop: CancellationToken,
}

/// The objects that a path leads to.
struct Route {
    info: RequestInfo,
    /// The path has the old prefix `/watch/`.
    watch: bool,
}

/// Answers a request, with a `Status` where it is refused.
pub(crate) async fn handle(api: &Arc<Api>, request: &Request) -> Reply {
    match answer(api, request).await {
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

/// Whether the work on a request is certainly short, so that it need not go to another thread.
pub(crate) fn is_quick(api: &Api, request: &Request) -> bool {
    let segments = request.segments.iter().map(String::as_str).collect::<Vec<_>>();
    match segments.as_slice() {
        [] | ["healthz" | "readyz" | "livez" | "version", ..] => return true,
        ["api", _, _, ..] | ["apis", _, _, _, ..] => {}
        _ => return false,
    }
    let Ok(Route { info, .. }) = route(api, &segments) else {
        return true;
    };
    let resource = &info.resource;
    let object = || {
        let found = api.registry.find(&info);
        found.is_none_or(|object| object.bytes.len() <= QUICK_OBJECT)
    };
    let ruled = || {
        let schema = || resource.schema();
        let costly = || schema().ruled || schema().effort > QUICK_SCHEMA;
        &*resource.table == DEFINITIONS || resource.custom.is_some() && costly()
    };
    // Whoever is asked may look at many objects.
    let asked = |operation| {
        let gate = api.registry.gate();
        info.subresource.is_empty() && gate.asks(&resource.group, &resource.plural, operation)
    };
    let body = request.body.len() <= QUICK_BODY && request.content_type() != "application/yaml";
    match request.method.as_str() {
        "GET" | "HEAD" if info.name.is_empty() => {
            let (objects, bytes) = api.registry.store().size(&resource.table);
            objects <= QUICK_LIST.0 && bytes <= QUICK_LIST.1
        }
        "POST" => body && !ruled() && !asked(Operation::Create),
        "PUT" | "PATCH" => {
            let long = ruled() || asked(Operation::Create) || asked(Operation::Update);
            body && request.content_type() != "application/json-patch+json" && !long && object()
        }
        "DELETE" => body && !info.name.is_empty() && !ruled() && !asked(Operation::Delete),
        // One object is read, or there is no such method.
        _ => true,
    }
}

async fn answer(api: &Arc<Api>, request: &Request) -> Result<Reply, StatusError> {
    let segments = request.segments.iter().map(String::as_str).collect::<Vec<_>>();
    permission::check(api, request, &segments)?;
    match segments.as_slice() {
        ["healthz" | "readyz" | "livez", ..] | ["version"] | [] => health::answer(api, request, &segments),
        ["openapi", ..] => openapi::answer(api, request, &segments),
        ["api" | "apis"] | ["api", "v1"] | ["apis", _] | ["apis", _, _] => discovery::answer(api, request, &segments),
        ["api" | "apis", ..] => {
            let route = route(api, &segments)?;
            resource(api, request, &route).await
        }
        _ => Err(StatusError::no_page()),
    }
}

async fn resource(api: &Arc<Api>, request: &Request, route: &Route) -> Result<Reply, StatusError> {
    let info = &route.info;
    if is_review(&info.resource.group) {
        return review::answer(api, request, info);
    }
    let named = !info.name.is_empty();
    let result = match (request.method.as_str(), named, info.subresource.as_str()) {
        ("GET" | "HEAD", false, _) if route.watch || watch::wanted(request) => watch::start(api, request, info).await,
        ("GET", false, _) => read::list(api, request, info).await,
        ("HEAD", false, _) if !info.resource.is_built_in() => read::list(api, request, info).await,
        ("GET", true, "" | "status") => read::get(api, request, info).await,
        ("POST", false, _) => write::create(api, request, info).await,
        ("POST", true, "token") => review::issue(api, request, info),
        ("PUT", true, "" | "status" | "finalize") => write::update(api, request, info).await,
        ("PATCH", true, "" | "status") => patch::patch(api, request, info).await,
        ("DELETE", true, "") => delete::one(api, request, info).await,
        ("DELETE", false, _) => delete::collection(api, request, info).await,
        ("GET" | "PUT" | "PATCH", true, "scale") => scale::answer(api, request, info).await,
        _ => Err(StatusError::method_not_allowed()),
    };
    let Some(text) = info.resource.custom.as_ref().and_then(|c| c.deprecation.clone()) else {
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

/// What a path below the versions of groups names, whether that is served or not.
#[derive(Debug, Clone, Copy)]
struct Named<'a> {
    group: &'a str,
    version: &'a str,
    /// The path has the old prefix `/watch/`.
    watch: bool,
    namespace: &'a str,
    plural: &'a str,
    name: &'a str,
    subresource: &'a str,
}

impl<'a> Named<'a> {
    /// Reads the segments of a path; nothing where it names no resource.
    fn read(segments: &[&'a str]) -> Option<Self> {
        let (group, version, rest) = of_group(segments)?;
        let (watch, rest) = match rest {
            ["watch", rest @ ..] if !rest.is_empty() => (true, rest),
            _ => (false, rest),
        };
        let (namespace, plural, name, subresource) = match *rest {
            ["namespaces"] => ("", "namespaces", "", ""),
            ["namespaces", name] => ("", "namespaces", name, ""),
            ["namespaces", name, sub @ ("status" | "finalize")] => ("", "namespaces", name, sub),
            ["namespaces", namespace, plural] => (namespace, plural, "", ""),
            ["namespaces", namespace, plural, name] => (namespace, plural, name, ""),
            ["namespaces", namespace, plural, name, sub] => (namespace, plural, name, sub),
            [plural] => ("", plural, "", ""),
            [plural, name] => ("", plural, name, ""),
            [plural, name, sub] => ("", plural, name, sub),
            _ => return None,
        };
        Some(Self {
            group,
            version,
            watch,
            namespace,
            plural,
            name,
            subresource,
        })
    }
}

/// Group, version, and what follows them in a path.
fn of_group<'s, 'a>(segments: &'s [&'a str]) -> Option<(&'a str, &'a str, &'s [&'a str])> {
    match segments {
        ["api", version, rest @ ..] => Some(("", version, rest)),
        ["apis", group, version, rest @ ..] => Some((group, version, rest)),
        _ => None,
    }
}

/// Finds the resource of a path.
fn route(api: &Api, segments: &[&str]) -> Result<Route, StatusError> {
    let core = of_group(segments).is_some_and(|(group, version, _)| builtin::is_builtin_group(group, version));
    let missing = || {
        if core {
            StatusError::no_resource()
        } else {
            StatusError::no_page()
        }
    };
    let named = Named::read(segments).ok_or_else(missing)?;
    let Named {
        group,
        version,
        watch,
        namespace,
        plural,
        name,
        subresource,
    } = named;
    let catalog = api.registry.catalog();
    let resource = catalog.find(group, version, plural).cloned().ok_or_else(missing)?;
    if matches!(name, "." | "..") {
        return Err(StatusError::bad_request(format!(
            "invalid resource name {name:?}: [may not be '{name}']"
        )));
    }
    let scope_fits = if resource.namespaced {
        !namespace.is_empty() || name.is_empty()
    } else {
        namespace.is_empty()
    };
    let there = subresource.is_empty() || resource.subresources().iter().any(|sub| sub.name == subresource);
    if !scope_fits || !there {
        return Err(missing());
    }
    let info = RequestInfo {
        resource,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        subresource: subresource.to_owned(),
    };
    Ok(Route { info, watch })
}
