//! Proxmox VE in front of the world's machines: its HTTP API, with its own words and status codes.
//!
//! The virtual machines, volumes and tasks are plain data in the state ([`crate::world::proxmox`]). A virtual machine that is
//! started is a machine of the world. Who drives this API and who drives the world's own one meet the same nodes.

mod access;
mod config;
mod console;
mod first_boot;
mod listen;
mod reply;
mod request;
mod routes;
mod transfer;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use http_body::Body as _;
use hyper::upgrade::OnUpgrade;
use secrecy::SecretString;
use uuid::Uuid;

use self::console::Consoles;
pub(crate) use self::listen::serve;
use self::reply::{Answer, Reply, reply};
use self::request::Request;
use crate::live::World;
use crate::world::call_faults::{CallFault, Moment, TaskFault};
use crate::world::proxmox::refusal::Refusal;
use crate::world::state::State;

/// The name of the cluster.
const CLUSTER: &str = "simulated";

/// The secrets of the only user.
#[derive(Debug)]
pub(crate) struct Secrets {
    /// The password.
    pub password: SecretString,
    /// The secret of the API token.
    pub token: SecretString,
}

impl Secrets {
    /// New ones.
    pub(crate) fn new() -> Self {
        Self {
            password: SecretString::from(Uuid::new_v4().simple().to_string()),
            // Tokens are UUIDs there.
            token: SecretString::from(Uuid::new_v4().to_string()),
        }
    }
}

/// The API of the cluster.
#[derive(Debug)]
pub(crate) struct Facade {
    world: World,
    secrets: Secrets,
    /// Fetches what the cluster is told to download.
    client: reqwest::Client,
    /// What reads were answered, while a fault needs it.
    answers: Mutex<BTreeMap<String, Answer>>,
    consoles: Consoles,
}

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped")]
pub(crate) struct Dropped;

impl Facade {
    /// The API of a world.
    pub(crate) fn new(world: World, secrets: Secrets) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self {
            world,
            secrets,
            client,
            answers: Mutex::default(),
            consoles: Consoles::default(),
        })
    }

    /// Answers a request whose body has come in, or lets it go wrong.
    async fn answer(&self, parts: &http::request::Parts, body: Bytes) -> Result<Reply, Dropped> {
        let path = parts.uri.path().strip_prefix("/api2/json").unwrap_or("").to_owned();
        let fault = self
            .world
            .update(|state, _| state.proxmox_fault(parts.method.as_str(), &path));
        let Some(fault) = fault else {
            let result = self.result(parts, body, None).await;
            self.remember(parts, &result);
            return Ok(reply(&result));
        };
        if let Some(delay) = fault.delay {
            tokio::select! {
                () = tokio::time::sleep(delay.0) => {}
                () = self.world.ended() => return Err(Dropped),
            }
        }
        if fault.expire_tickets {
            self.world.update(|state, _| state.proxmox.tickets.clear());
        }
        if fault.drop == Some(Moment::Before) {
            return Err(Dropped);
        }
        let answer = match fault.status {
            Some(status) => faulty(status, &fault),
            None if fault.stale => match self.recall(parts) {
                Some(answer) => reply(&Ok(answer)),
                None => reply(&self.result(parts, body, None).await),
            },
            None => reply(&self.result(parts, body, fault.task).await),
        };
        if fault.drop == Some(Moment::After) {
            return Err(Dropped);
        }
        if fault.truncate {
            return Ok(cut(answer));
        }
        Ok(answer)
    }

    /// Keeps what a read was answered, for readers who are to be told it again later.
    fn remember(&self, parts: &http::request::Parts, result: &Result<Answer, Refusal>) {
        let needed = self
            .world
            .with(|state| state.settings.faults.proxmox.iter().any(|fault| fault.stale));
        if let (true, &Method::GET, Ok(answer)) = (needed, &parts.method, result) {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.insert(parts.uri.to_string(), answer.clone());
        }
    }

    fn recall(&self, parts: &http::request::Parts) -> Option<Answer> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(&parts.uri.to_string()).cloned()
    }

    /// Answers a request for another protocol.
    async fn upgrade(&self, parts: &http::request::Parts, upgrade: OnUpgrade) -> Reply {
        let opened = async {
            let mut request = Request::read(parts, Bytes::new()).await?;
            request.user = self.authenticated(&parts.method, &parts.headers)?;
            self.open_console(&request, &parts.headers, upgrade)
        };
        opened.await.unwrap_or_else(|refusal| reply(&Err(refusal)))
    }

    async fn result(
        &self,
        parts: &http::request::Parts,
        body: Bytes,
        spoil: Option<TaskFault>,
    ) -> Result<Answer, Refusal> {
        let mut request = Request::read(parts, body).await?;
        request.spoil = spoil;
        if request.method == Method::POST && request.path_text() == "/access/ticket" {
            return self.login(&request);
        }
        request.user = self.authenticated(&parts.method, &parts.headers)?;
        self.route(&request).await
    }

    async fn route(&self, request: &Request) -> Result<Answer, Refusal> {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let settings = self.world.with(State::pve_settings);
        match (&request.method, &*path) {
            (&Method::POST, ["nodes", node, "storage", storage, "download-url"]) => {
                self.world.with(State::pve_writable)?;
                routes::reachable(&settings, node)?;
                self.download(&settings, request, node, storage)
            }
            (&Method::GET, ["nodes", node, "query-url-metadata"]) => {
                routes::reachable(&settings, node)?;
                self.url_metadata(&settings, request, node).await
            }
            (&Method::POST, ["nodes", node, "qemu", id, "termproxy"]) => {
                routes::reachable(&settings, node)?;
                self.consoles.admit(&self.world, request, node, id)
            }
            (&Method::POST, ["nodes", node, "qemu", id, "status", "start"]) => {
                self.world.with(State::pve_writable)?;
                routes::qemu::start(&self.world, &settings, request, node, id)
            }
            _ => routes::answer(&self.world, request),
        }
    }
}

/// The answer that a fault gives.
fn faulty(status: u16, fault: &CallFault) -> Reply {
    let usual = match status {
        429 => "Too Many Requests",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        595 => "No route to host",
        596 => "Connection timed out",
        599 => "Too many redirections",
        _ => "the platform failed for a moment",
    };
    let message = fault.message.as_deref().unwrap_or(usual);
    let mut answer = reply(&Err(Refusal::new(status, message)));
    if let Some(seconds) = fault.retry_after {
        answer
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// The same answer, of which only half comes.
fn cut(answer: Reply) -> Reply {
    let (mut parts, body) = answer.into_parts();
    if let Some(length) = body.size_hint().exact() {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    http::Response::from_parts(parts, body.cut())
}

/// What identifiers of a machine are made from.
fn seed() -> Uuid {
    Uuid::new_v4()
}
