//! The control API of a world: HTTP and JSON on loopback, with a bearer token.
//!
//! Below `/v1/machines` and `/v1/offers` it is the platform that provisioners talk to, with the faults the world was told to
//! have. Everything else is for whoever runs the world, and never fails on purpose.

mod logins;
mod machines;
mod offers;
mod query;
mod reply;

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use self::reply::Reply;
use crate::live::World;
use crate::net::{self, Connection, UnprovenConnections};
use crate::world::butler_server::ButlerServerView;
use crate::world::clusters::{ClusterView, TenantView};
use crate::world::faults::ApiFault;
use crate::world::file::FileError;
use crate::world::machine::MachineView;
use crate::world::people::PersonView;
use crate::world::proxmox::PlatformView;
use crate::world::state::Counters;

/// What a world says of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// There is a world.
    pub running: bool,
    /// The process id of the world.
    pub pid: u32,
    /// URL of its control API.
    pub control: String,
    /// Its machines as they are, oldest first.
    pub machines: Vec<MachineView>,
    /// Its clusters, one for each bootstrap that took effect.
    pub clusters: Vec<ClusterView>,
    /// The clusters of tenants that those host.
    #[serde(default)]
    pub tenants: Vec<TenantView>,
    /// Butler's servers on its clusters, as far as they answer.
    #[serde(default)]
    pub butler_servers: Vec<ButlerServerView>,
    /// The platforms that it plays.
    #[serde(default)]
    pub platforms: Vec<PlatformView>,
    /// Who can log in there, as the world file says.
    #[serde(default)]
    pub people: Vec<PersonView>,
    /// How often things happened.
    pub counters: Counters,
    /// The critical path so far.
    pub critical_path_seconds: f64,
}

/// The control API of one world.
#[derive(Debug)]
pub(crate) struct Control {
    pub world: World,
    pub url: String,
    pub token: SecretString,
    pub platforms: Vec<PlatformView>,
}

/// The largest request body that is read, in bytes.
const LIMIT: usize = 1 << 20;

/// How long a connection may be open before its first request with the token.
const UNPROVEN: Duration = Duration::from_secs(10);
/// How long a connection may be open without a request, a header may take, and a body.
const IDLE: Duration = Duration::from_secs(30);

/// Serves the control API until the world ends.
pub(crate) async fn serve(listener: TcpListener, control: Arc<Control>) {
    let connections = TaskTracker::new();
    let unproven = Arc::new(UnprovenConnections::default());
    let refusal = reply::exhausted();
    loop {
        let stream = tokio::select! {
            () = control.world.ended() => break,
            stream = net::accept(&listener, &refusal) => stream,
        };
        connections.spawn(connection(stream, Arc::clone(&control), Arc::new(unproven.admit())));
    }
    connections.close();
    let _ = tokio::time::timeout(Duration::from_secs(1), connections.wait()).await;
}

async fn connection(stream: TcpStream, control: Arc<Control>, guard: Arc<Connection>) {
    let service = hyper::service::service_fn(|request| {
        let (control, guard) = (Arc::clone(&control), Arc::clone(&guard));
        async move {
            let _busy = guard.busy();
            if !is_authorised(&control, &request) {
                return Ok(reply::error(
                    StatusCode::UNAUTHORIZED,
                    "Unauthorized",
                    "a valid bearer token is required",
                ));
            }
            guard.proven();
            answer(&control, request).await
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = &mut connection => return,
        () = guard.expired(UNPROVEN, IDLE) => return,
        () = control.world.ended() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

fn is_authorised(control: &Control, request: &http::Request<Incoming>) -> bool {
    request
        .headers()
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .is_some_and(|token| same(token, control.token.expose_secret()))
}

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection reset on purpose")]
struct Reset;

async fn answer(control: &Control, request: http::Request<Incoming>) -> Result<Reply, Reset> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().trim_end_matches('/').to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let of_machines = segments.strip_prefix(&["v1", "machines"]);
    if of_machines.is_some() || segments.starts_with(&["v1", "offers"]) {
        connected(&control.world)?;
    }
    let Ok(Ok(body)) = tokio::time::timeout(IDLE, Limited::new(body, LIMIT).collect()).await else {
        return Ok(bad_request("the request body cannot be read"));
    };
    let body = body.to_bytes();
    let query = parts.uri.query().unwrap_or("");
    if let (&Method::GET, ["v1", "offers", kind]) = (&parts.method, &*segments) {
        return match offers::Question::parse(kind, query) {
            Ok(Some(question)) => question.answer(&control.world).await,
            Ok(None) => Ok(route(control, &parts.method, &segments, &body)),
            Err(error) => Ok(bad_request(&error.to_string())),
        };
    }
    let Some(rest) = of_machines else {
        return Ok(route(control, &parts.method, &segments, &body));
    };
    match machines::Request::parse(&parts.method, rest, query, &body) {
        Ok(Some(request)) => platform(&control.world, &request).await,
        Ok(None) => Ok(not_allowed(&parts.method)),
        Err(error) => Ok(bad_request(&error.to_string())),
    }
}

/// Without network nobody reaches the platform.
fn connected(world: &World) -> Result<(), Reset> {
    if world.update(|state, _| state.is_reached()) {
        Ok(())
    } else {
        Err(Reset)
    }
}

/// Answers a request for machines, or lets it go wrong.
async fn platform(world: &World, request: &machines::Request<'_>) -> Result<Reply, Reset> {
    match world.update(|state, _| state.api_fault(request.call())) {
        None => {
            request.hold_back(world).await;
            connected(world)?;
            Ok(request.answer(world))
        }
        Some(ApiFault::ResetBefore) => Err(Reset),
        Some(ApiFault::ResetAfterApply) => {
            request.answer(world);
            Err(Reset)
        }
        Some(ApiFault::TimeoutAfterApply) => {
            request.answer(world);
            world.ended().await;
            Err(Reset)
        }
        Some(ApiFault::Throttle) => Ok(reply::throttled()),
        Some(ApiFault::Error) => Ok(reply::error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            "the platform failed for a moment",
        )),
    }
}

/// Compares without telling by time how much agrees.
fn same(left: &str, right: &str) -> bool {
    left.len() == right.len() && left.bytes().zip(right.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// Answers whoever runs the world.
fn route(control: &Control, method: &Method, segments: &[&str], body: &[u8]) -> Reply {
    let world = &control.world;
    match (method, segments) {
        (&Method::GET, ["v1", "status"]) => reply::ok(&status(control)),
        (&Method::GET, ["v1", "world"]) => reply::ok(&world.with(|state| state.settings.clone())),
        (&Method::PATCH, ["v1", "world"]) => patch(world, body),
        (&Method::POST, ["v1", "shutdown"]) => {
            world.end();
            reply::accepted()
        }
        (&Method::POST, ["v1", "logins", code, "approve"]) => logins::approve(world, code, body),
        (&Method::POST, ["v1", "logins", code, "deny"]) => logins::deny(world, code),
        (_, ["v1", "status" | "world" | "shutdown"] | ["v1", "logins", _, "approve" | "deny"]) => not_allowed(method),
        _ => reply::error(StatusCode::NOT_FOUND, "NotFound", "there is nothing at this path"),
    }
}

/// What the world says of itself.
pub(crate) fn status(control: &Control) -> Status {
    control.world.with(|state| Status {
        running: true,
        pid: std::process::id(),
        control: control.url.clone(),
        machines: state.views(),
        clusters: state
            .clusters
            .values()
            .filter(|cluster| cluster.tenant.is_none())
            .map(|cluster| ClusterView {
                name: cluster.name.clone(),
                server: cluster.settings().server(),
            })
            .collect(),
        tenants: state.tenant_views(),
        butler_servers: state.butler_servers.values().cloned().collect(),
        platforms: control.platforms.clone(),
        people: state.settings.people.views(),
        counters: state.counters,
        critical_path_seconds: state.critical.as_secs_f64(),
    })
}

fn patch(world: &World, body: &[u8]) -> Reply {
    let change: Value = match serde_json::from_slice(body) {
        Ok(change) => change,
        Err(problem) => return bad_request(&problem.to_string()),
    };
    match world.update(|state, now| {
        let settings = state.settings.patched(&change)?;
        state.change(settings.clone(), now);
        Ok::<_, FileError>(settings)
    }) {
        Ok(settings) => reply::ok(&settings),
        Err(problem) => bad_request(&problem.to_string()),
    }
}

fn bad_request(problem: &str) -> Reply {
    reply::error(StatusCode::BAD_REQUEST, "BadRequest", problem)
}

fn not_allowed(method: &Method) -> Reply {
    reply::error(
        StatusCode::METHOD_NOT_ALLOWED,
        "MethodNotAllowed",
        &format!("{method} is not possible here"),
    )
}
