//! The routes and their handlers, a file for each part of the API.

mod addons;
mod auth;
mod catalog;
mod certificates;
mod cli;
mod cluster_update;
mod clusters;
mod images;
mod invites;
mod management;
mod management_addons;
mod members;
mod networks;
mod page;
mod provider_form;
mod providers;
mod teams;
mod tenants;
mod users;

use butler_embedded::Refused;
use http::Method;

pub(super) use self::cli::secret;
pub(super) use self::page::console as console_page;
use super::reply::{Answer, Reply};
use super::router::{Call, Handler, Route, route};
use super::session::Session;
use super::{ButlerServer, gojson};

/// All routes; of those that fit a path the first one is taken.
pub(super) fn all() -> impl Iterator<Item = &'static Route> {
    let parts: [&[Route]; 18] = [
        HEALTH,
        auth::ROUTES,
        invites::ROUTES,
        cli::ROUTES,
        page::ROUTES,
        users::ROUTES,
        teams::ROUTES,
        members::ROUTES,
        clusters::ROUTES,
        cluster_update::ROUTES,
        tenants::ROUTES,
        certificates::ROUTES,
        catalog::ROUTES,
        addons::ROUTES,
        management_addons::ROUTES,
        providers::ROUTES,
        management::ROUTES,
        OTHERS,
    ];
    parts
        .into_iter()
        .flatten()
        .chain(networks::ROUTES)
        .chain(images::ROUTES)
}

const HEALTH: &[Route] = &[
    route(Method::GET, "/healthz", Handler::Public(healthy)),
    route(Method::GET, "/readyz", Handler::Public(healthy)),
];

#[expect(clippy::unnecessary_wraps, reason = "a handler like the others")]
fn healthy(_: &ButlerServer, _: &Call) -> Answer {
    Ok(Reply::text("ok"))
}

/// Routes of the real server that are not played.
const OTHERS: &[Route] = &[
    not_simulated(Method::GET, "/api/gitops/config", "GitOps"),
    not_simulated(Method::POST, "/api/gitops/config", "GitOps"),
    not_simulated(Method::DELETE, "/api/gitops/config", "GitOps"),
    not_simulated(Method::GET, "/api/gitops/repos", "GitOps"),
    not_simulated(Method::GET, "/api/gitops/repos/branches", "GitOps"),
    not_simulated(Method::POST, "/api/gitops/preview", "GitOps"),
    not_simulated(Method::GET, "/api/management/gitops/status", "GitOps"),
    not_simulated(Method::GET, "/api/management/gitops/discover", "GitOps"),
    not_simulated(Method::POST, "/api/management/gitops/enable", "GitOps"),
    not_simulated(Method::DELETE, "/api/management/gitops", "GitOps"),
    not_simulated(Method::POST, "/api/management/gitops/export", "GitOps"),
    not_simulated(Method::POST, "/api/management/gitops/migrate", "GitOps"),
    not_simulated(Method::POST, "/api/management/gitops/preview-cluster", "GitOps"),
    not_simulated(Method::POST, "/api/management/gitops/export-cluster", "GitOps"),
    not_simulated(Method::GET, "/api/clusters/{namespace}/{name}/gitops/status", "GitOps"),
    not_simulated(
        Method::GET,
        "/api/clusters/{namespace}/{name}/gitops/discover",
        "GitOps",
    ),
    not_simulated(Method::POST, "/api/clusters/{namespace}/{name}/gitops/enable", "GitOps"),
    not_simulated(Method::DELETE, "/api/clusters/{namespace}/{name}/gitops", "GitOps"),
    not_simulated(Method::POST, "/api/clusters/{namespace}/{name}/gitops/export", "GitOps"),
    not_simulated(
        Method::POST,
        "/api/clusters/{namespace}/{name}/gitops/preview-cluster",
        "GitOps",
    ),
    not_simulated(
        Method::POST,
        "/api/clusters/{namespace}/{name}/gitops/export-cluster",
        "GitOps",
    ),
    not_simulated(Method::GET, "/api/clusters/{namespace}/{name}/workspaces", "workspaces"),
    not_simulated(
        Method::POST,
        "/api/clusters/{namespace}/{name}/workspaces",
        "workspaces",
    ),
    not_simulated(
        Method::GET,
        "/api/clusters/{namespace}/{name}/workspaces/{workspace}",
        "workspaces",
    ),
    not_simulated(
        Method::DELETE,
        "/api/clusters/{namespace}/{name}/workspaces/{workspace}",
        "workspaces",
    ),
    not_simulated(Method::GET, "/api/clusters/{namespace}/{name}/services", "workspaces"),
    not_simulated(
        Method::POST,
        "/api/clusters/{namespace}/{name}/workspaces/{workspace}/{action}",
        "workspaces",
    ),
    not_simulated(
        Method::GET,
        "/api/clusters/{namespace}/{name}/workspaces/{workspace}/metrics",
        "workspaces",
    ),
    not_simulated(Method::GET, "/api/workspace-images", "workspaces"),
    not_simulated(Method::GET, "/api/workspace-templates", "workspaces"),
    not_simulated(Method::POST, "/api/workspace-templates", "workspaces"),
    not_simulated(Method::GET, "/api/auth/ssh-keys", "SSH keys of users"),
    not_simulated(Method::POST, "/api/auth/ssh-keys", "SSH keys of users"),
    not_simulated(Method::DELETE, "/api/auth/ssh-keys/{fingerprint}", "SSH keys of users"),
    not_simulated(Method::GET, "/api/observability/config", "observability"),
    not_simulated(Method::PUT, "/api/admin/observability/config", "observability"),
    not_simulated(Method::GET, "/api/admin/observability/status", "observability"),
    not_simulated(Method::POST, "/api/admin/observability/pipeline/setup", "observability"),
    not_simulated(Method::DELETE, "/api/admin/observability/pipeline", "observability"),
    not_simulated(Method::POST, "/api/admin/identity-providers", "identity providers"),
    not_simulated(Method::POST, "/api/admin/identity-providers/test", "identity providers"),
    not_simulated(
        Method::POST,
        "/api/admin/identity-providers/{name}/validate",
        "identity providers",
    ),
    not_simulated(
        Method::DELETE,
        "/api/admin/identity-providers/{name}",
        "identity providers",
    ),
    not_simulated(Method::GET, "/api/admin/audit", "the audit log"),
    not_simulated(Method::GET, "/api/teams/{team}/audit", "the audit log"),
    not_simulated(Method::GET, "/api/admin/config", "the settings of the platform"),
    not_simulated(Method::PUT, "/api/admin/config", "the settings of the platform"),
    not_simulated(Method::GET, "/api/admin/policies", "policies for clusters"),
    not_simulated(Method::POST, "/api/admin/policies", "policies for clusters"),
    not_simulated(Method::GET, "/api/admin/policies/{name}", "policies for clusters"),
    not_simulated(Method::PUT, "/api/admin/policies/{name}", "policies for clusters"),
    not_simulated(Method::DELETE, "/api/admin/policies/{name}", "policies for clusters"),
    not_simulated(Method::GET, "/ws/clusters", "the stream of changes"),
    not_simulated(Method::GET, "/ws/terminal/management", "the terminal"),
    not_simulated(Method::GET, "/ws/terminal/{type}/{namespace}/{cluster}", "the terminal"),
];

const fn not_simulated(method: Method, path: &'static str, what: &'static str) -> Route {
    route(method, path, Handler::NotSimulated(what))
}

/// What a handler of clusters, addons, providers or networks says to a body that it cannot read.
fn body<T: serde::de::DeserializeOwned>(call: &Call) -> Result<T, Reply> {
    gojson::decode(&call.body).map_err(|_| Reply::bad_request("invalid request body"))
}

/// The same of a handler of users, teams or logins.
fn form<T: serde::de::DeserializeOwned>(call: &Call) -> Result<T, Reply> {
    gojson::decode(&call.body).map_err(|_| Reply::bad_request("Invalid request body"))
}

/// A text that has to be there.
fn required<'a>(text: &'a str, error: &str) -> Result<&'a str, Reply> {
    if text.is_empty() {
        return Err(Reply::bad_request(error));
    }
    Ok(text)
}

/// What the real server's client says to a name that no request can be made of: it does not send one.
fn sendable(what: &str, name: &str) -> Result<(), String> {
    if name.contains('%') {
        return Err(format!("invalid {what} {}: [may not contain '%']", quoted(name)));
    }
    Ok(())
}

/// A text in quotes, as Go's `%q` writes it.
fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// An object of a namespace, as it is; `not_found` begins the answer where there is none.
fn raw(
    server: &ButlerServer,
    kind: crate::reconcile::resource::Resource,
    namespace: &str,
    name: &str,
    not_found: &str,
) -> Result<serde_json::Value, Reply> {
    let missing = |why: &str| Reply::not_found(&format!("{not_found}: {why}"));
    if !namespace.is_empty() {
        sendable("namespace", namespace).map_err(|why| missing(&why))?;
    }
    sendable("resource name", name).map_err(|why| missing(&why))?;
    server
        .local
        .get(kind.at(namespace), name)
        .map_err(|Refused { message, .. }| missing(&message))
}

/// A write that was refused: the real server answers 500, whatever the API server said.
fn failed(what: &str) -> impl Fn(Refused) -> Reply {
    move |error| Reply::internal(&format!("{what}: {}", error.message))
}

/// What only a platform administrator may do in this world, though the real server lets others do it.
fn only_admins(session: &Session) -> Result<(), Reply> {
    if session.is_admin() {
        return Ok(());
    }
    Err(super::router::admin_required())
}
