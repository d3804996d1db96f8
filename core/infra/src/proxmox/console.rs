//! The serial console of a machine. Proxmox VE keeps nothing of it: what is shown is what the machine prints while somebody
//! listens, and only one can listen at a time. So it is listened to shortly, and seldom.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{SinkExt as _, StreamExt as _};
use reqwest::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::{client::generate_key, derive_accept_key},
        protocol::{Role, WebSocketConfig},
    },
};

use super::{KIND, Proxmox, client::Call};
use crate::{Console, ErrorKind, Fut, InfraError, MachineRef, call::Clock, console};

const OP: &str = "read the console of machine";
/// How long it is listened to.
const LISTEN: Duration = Duration::from_secs(2);
/// A console is not listened to again earlier than this: each time makes a task on the node, and keeps others out.
const PAUSE: Duration = Duration::from_secs(30);
/// The longest message that is taken.
const LONGEST: usize = 1 << 20;
/// What the console says once it has taken the ticket.
const TAKEN: &[u8] = b"OK";

/// What was heard of each console.
pub(super) struct Consoles {
    clock: Arc<dyn Clock>,
    heard: Mutex<HashMap<String, Heard>>,
}

struct Heard {
    at: Duration,
    lines: Vec<String>,
}

/// Admission to a console: for one connection, within seconds.
#[derive(Deserialize)]
struct Admission {
    user: String,
    ticket: SecretString,
    port: super::wire::Number,
}

type Socket = WebSocketStream<reqwest::Upgraded>;

impl Consoles {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            heard: Mutex::default(),
        }
    }

    /// What was heard of late. Where that is nothing, the caller is the one who listens now.
    fn lately(&self, machine: &str) -> Option<Vec<String>> {
        let now = self.clock.elapsed();
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(heard) = heard.get(machine).filter(|heard| now < heard.at + PAUSE) {
            return Some(heard.lines.clone());
        }
        // Written down before: who is interrupted has listened all the same.
        heard
            .entry(machine.to_owned())
            .or_insert_with(|| Heard { at: now, lines: vec![] })
            .at = now;
        None
    }

    fn remember(&self, machine: &str, lines: &[String]) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(heard) = heard.get_mut(machine).filter(|_| !lines.is_empty()) {
            heard.lines = lines.to_vec();
        }
    }

    /// What comes within the time that is listened.
    async fn listen(&self, mut socket: Socket) -> Vec<u8> {
        let mut text = Vec::new();
        let end = self.clock.sleep(LISTEN);
        tokio::pin!(end);
        loop {
            let message = tokio::select! {
                message = socket.next() => message,
                () = &mut end => break,
            };
            match message {
                Some(Ok(Message::Binary(bytes))) => text.extend_from_slice(&bytes),
                Some(Ok(Message::Text(words))) => text.extend_from_slice(words.as_bytes()),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                // What was heard counts, however it ended.
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
            }
            // A machine that prints without end is listened to at its end.
            if text.len() > 4 * console::BYTES {
                text.drain(..text.len() - console::BYTES);
            }
        }
        let _ = socket.close(None).await;
        text
    }
}

impl Console for Proxmox {
    fn tail<'a>(&'a self, machine: &'a MachineRef) -> Fut<'a, Vec<String>> {
        Box::pin(async move {
            if let Some(lines) = self.consoles.lately(&machine.id) {
                return Ok(lines);
            }
            let socket = self.open_console(machine).await?;
            let text = self.consoles.listen(socket).await;
            let lines = console::last_lines(text.strip_prefix(TAKEN).unwrap_or(&text));
            self.consoles.remember(&machine.id, &lines);
            Ok(lines)
        })
    }
}

impl Proxmox {
    async fn open_console(&self, machine: &MachineRef) -> Result<Socket, InfraError> {
        let name = &machine.name;
        let unknown = || InfraError::new(KIND, OP, ErrorKind::NotFound, "the platform does not know it").about(name);
        let vmid = machine.id.parse().map_err(|_| unknown())?;
        let found = self.find(vmid, OP, name).await?.ok_or_else(unknown)?;
        let path = |last| ["nodes", found.place.node.as_str(), "qemu", machine.id.as_str(), last];
        let ask = Call::new(OP, name, &path("termproxy")).with("serial", "serial0");
        let Admission { user, ticket, port } = self.client.post(&ask).await?;
        let key = generate_key();
        let call = Call::new(OP, name, &path("vncwebsocket"))
            .with("port", port.0.to_string())
            .with("vncticket", ticket.expose_secret());
        let (answer, connection) = self.client.upgrade(&call, headers(&key, &call)?).await?;
        let accepted = answer.get("sec-websocket-accept").map(HeaderValue::as_bytes);
        if accepted != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
            return Err(call.error(
                ErrorKind::Protocol,
                "what answers does not speak the WebSocket protocol",
            ));
        }
        let limits = WebSocketConfig::default()
            .max_message_size(Some(LONGEST))
            .max_frame_size(Some(LONGEST));
        let mut socket = WebSocketStream::from_raw_socket(connection, Role::Client, Some(limits)).await;
        let hello = format!("{user}:{}\n", ticket.expose_secret());
        socket
            .send(Message::text(hello))
            .await
            .map_err(|e| call.error(ErrorKind::Unreachable, "the console has hung up").because(e))?;
        Ok(socket)
    }
}

/// What asks for a WebSocket.
fn headers(key: &str, call: &Call<'_>) -> Result<HeaderMap, InfraError> {
    let key = HeaderValue::from_str(key).map_err(|e| {
        call.error(ErrorKind::Protocol, "the WebSocket's key is no header")
            .because(e)
    })?;
    let mut headers = HeaderMap::new();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
    headers.insert("sec-websocket-protocol", HeaderValue::from_static("binary"));
    headers.insert("sec-websocket-key", key);
    Ok(headers)
}
