//! An image factory as Talos has one: schematics, and small images made of nothing but their name.

mod artefact;
mod listen;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use self::artefact::Asset;
pub(crate) use self::listen::serve;
use crate::live::World;
use crate::world::call_faults::Moment;

/// The factory of a world.
#[derive(Debug)]
pub(crate) struct Factory {
    world: World,
    /// The assets that were asked for, and when each is built: on the clock of the computer.
    built: Mutex<std::collections::BTreeMap<String, tokio::time::Instant>>,
    schematics: Mutex<BTreeSet<String>>,
}

/// What a request is answered with.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    content_type: &'static str,
    body: Vec<u8>,
    retry_after: Option<u64>,
    /// Only half of the body comes.
    cut: bool,
}

impl Answer {
    fn text(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: text.into().into_bytes(),
            retry_after: None,
            cut: false,
        }
    }
}

/// The answer to a schematic.
#[derive(Serialize)]
struct Made {
    id: String,
}

impl Factory {
    /// The factory of a world.
    pub(crate) fn new(world: World) -> Self {
        Self {
            world,
            built: Mutex::default(),
            schematics: Mutex::default(),
        }
    }

    /// Answers a request, or lets it go wrong. `None`: the connection ends without an answer.
    async fn answer(&self, method: &Method, path: &str, body: &[u8]) -> Option<Answer> {
        let fault = self
            .world
            .update(|state, _| state.image_factory_fault(method.as_str(), path));
        let Some(fault) = fault else {
            return Some(self.route(method, path, body).await);
        };
        if let Some(delay) = fault.delay {
            tokio::select! {
                () = tokio::time::sleep(delay.0) => {}
                () = self.world.ended() => return None,
            }
        }
        if fault.drop == Some(Moment::Before) {
            return None;
        }
        let answer = match fault.status {
            Some(status) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let text = fault.message.as_deref().or(status.canonical_reason());
                Answer {
                    retry_after: fault.retry_after,
                    ..Answer::text(
                        status,
                        format!("{}\n", text.unwrap_or("the factory failed for a moment")),
                    )
                }
            }
            None => self.route(method, path, body).await,
        };
        (fault.drop != Some(Moment::After)).then_some(Answer {
            cut: fault.truncate,
            ..answer
        })
    }

    async fn route(&self, method: &Method, path: &str, body: &[u8]) -> Answer {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        match (method, &*segments) {
            (&Method::GET | &Method::HEAD, ["image", schematic, version, name]) => {
                self.image(schematic, version, name).await
            }
            (&Method::POST, ["schematics"]) => self.schematic(body),
            (&Method::GET, ["versions"]) => self.versions(),
            _ => Answer::text(StatusCode::NOT_FOUND, "404 page not found\n"),
        }
    }

    /// An image. The first who asks for one waits until it is built.
    async fn image(&self, schematic: &str, version: &str, name: &str) -> Answer {
        if name.ends_with(".sha256") || name.ends_with(".sha512") {
            return Answer::text(
                StatusCode::PAYMENT_REQUIRED,
                "checksums are not available on this factory\n",
            );
        }
        let asset = match Asset::parse(schematic, version, name) {
            Ok(asset) => asset,
            Err(problem) => return Answer::text(StatusCode::BAD_REQUEST, format!("{problem}\n")),
        };
        let latency = self.world.with(|state| state.settings.latencies.image_build.0);
        tokio::select! {
            () = self.build(&asset, latency) => {}
            () = self.world.ended() => {}
        }
        Answer {
            content_type: "application/octet-stream",
            body: asset.bytes(),
            ..Answer::text(StatusCode::OK, "")
        }
    }

    async fn build(&self, asset: &Asset, latency: Duration) {
        let due = {
            let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
            let now = tokio::time::Instant::now();
            *built.entry(asset.to_string()).or_insert(now + latency)
        };
        tokio::time::sleep_until(due).await;
    }

    /// A schematic is known by the digest of its text.
    fn schematic(&self, body: &[u8]) -> Answer {
        let parsed: Result<serde_json::Value, _> = match std::str::from_utf8(body) {
            Ok(text) => serde_saphyr::from_str(text),
            Err(_) => return Answer::text(StatusCode::BAD_REQUEST, "the schematic is no text\n"),
        };
        if let Err(problem) = parsed {
            return Answer::text(StatusCode::BAD_REQUEST, format!("{problem}\n"));
        }
        let id: String = format!("{:x}", Sha256::digest(body));
        self.schematics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.clone());
        json(StatusCode::CREATED, &Made { id })
    }

    fn versions(&self) -> Answer {
        let own = self.world.with(|state| state.settings.talos_version.clone());
        json(StatusCode::OK, &[own])
    }
}

fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(body) => Answer {
            content_type: "application/json",
            body,
            ..Answer::text(status, "")
        },
        Err(problem) => Answer::text(StatusCode::INTERNAL_SERVER_ERROR, problem.to_string()),
    }
}
