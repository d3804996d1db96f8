//! The serial console of a machine, over a WebSocket. As with a real one nothing is kept: what is shown is what the machine
//! prints while somebody listens.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use uuid::Uuid;

use super::Facade;
use super::access::require;
use super::reply::{Answer, Reply, data};
use super::request::{Request, vmid};
use crate::live::World;
use crate::net::Text;
use crate::world::proxmox::refusal::Refusal;
use crate::world::state::State;

/// How long after it was asked for a console can be opened.
const PATIENCE: Duration = Duration::from_secs(10);
/// The port that a proxy of a real node would listen on.
const PORT: u16 = 5900;

/// Who may open a console, by ticket.
#[derive(Debug, Default)]
pub(super) struct Consoles {
    admitted: Mutex<HashMap<String, Admission>>,
}

#[derive(Debug)]
struct Admission {
    vmid: u32,
    user: String,
    upid: String,
    since: Instant,
}

/// The answer to whoever asks for a console.
#[derive(Serialize)]
struct Admitted<'a> {
    user: &'a str,
    ticket: &'a str,
    port: u16,
    upid: &'a str,
}

impl Consoles {
    /// Lets somebody open the console of a machine, once and soon.
    pub(super) fn admit(&self, world: &World, request: &Request, node: &str, id: &str) -> Result<Answer, Refusal> {
        let settings = world.with(State::pve_settings);
        let vmid = vmid(id)?;
        require(&settings, &format!("/vms/{vmid}"), "VM.Console")?;
        let serial = request.param("serial").unwrap_or("serial0");
        let upid = world.update(|state, now| {
            let vm = state.pve_vm(node, vmid)?;
            if !vm.config.contains_key(serial) {
                return Err(Refusal::failed("unable to find a serial interface"));
            }
            Ok(state.pve_begin(request.caller(node), "vncproxy", id, now))
        })?;
        let ticket = format!("PVEVNC:{}", Uuid::new_v4().simple());
        let answer = data(&Admitted {
            user: &request.user,
            ticket: &ticket,
            port: PORT,
            upid: &upid,
        });
        let admission = Admission {
            vmid,
            user: request.user.clone(),
            upid,
            since: Instant::now(),
        };
        self.admitted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(ticket, admission);
        answer
    }

    fn take(&self, ticket: &str) -> Option<Admission> {
        let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        admitted.retain(|_, admission| admission.since.elapsed() < PATIENCE);
        admitted.remove(ticket)
    }
}

/// A request that wants another protocol.
pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    let wanted = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    wanted.is_some_and(|wanted| wanted.eq_ignore_ascii_case("websocket"))
}

impl Facade {
    /// Opens a console for whoever was admitted.
    pub(super) fn open_console(
        &self,
        request: &Request,
        headers: &HeaderMap,
        upgrade: OnUpgrade,
    ) -> Result<Reply, Refusal> {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let ["nodes", _, "qemu", id, "vncwebsocket"] = *path else {
            return Err(super::routes::unknown(request));
        };
        let vmid = vmid(id)?;
        let ticket = request.required("vncticket")?.to_owned();
        let admission = self.consoles.take(&ticket).filter(|admission| admission.vmid == vmid);
        let admission = admission.ok_or_else(|| Refusal::new(401, "permission denied - invalid PVEVNC ticket"))?;
        let key = headers.get(header::SEC_WEBSOCKET_KEY);
        let key = key.ok_or_else(|| Refusal::new(400, "the WebSocket's key is missing"))?;
        let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()));
        let world = self.world.clone();
        tokio::spawn(async move {
            if let Ok(connection) = upgrade.await {
                let socket = WebSocketStream::from_raw_socket(TokioIo::new(connection), Role::Server, None).await;
                show(&world, socket, &admission, &ticket).await;
            }
            world.update(|state, now| state.pve_finish(&admission.upid, Ok(()), now));
        });
        let mut reply = http::Response::new(Text::whole(bytes::Bytes::new()));
        *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let answered = reply.headers_mut();
        answered.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        answered.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        answered.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("binary"));
        if let Ok(accept) = accept {
            answered.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        }
        Ok(reply)
    }
}

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// Shows what the machine prints from now on, to whoever says who they are first.
async fn show(world: &World, mut socket: Socket, admission: &Admission, ticket: &str) {
    let hello = tokio::time::timeout(PATIENCE, socket.next()).await;
    let said = match hello {
        Ok(Some(Ok(message))) => message.into_data(),
        _ => return,
    };
    if said != format!("{}:{ticket}\n", admission.user).as_bytes() {
        return;
    }
    let mut changes = world.changes();
    let mut shown = printed(world, admission.vmid).map_or(0, |lines| lines.len());
    if socket.send(Message::binary("OK")).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            change = changes.changed() => if change.is_err() { return },
            message = socket.next() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
            () = world.ended() => return,
        }
        let Some(lines) = printed(world, admission.vmid) else {
            return;
        };
        // The oldest lines go when there are too many.
        let unseen = lines.iter().skip(shown.min(lines.len()));
        let text: String = unseen.flat_map(|line| [line.as_str(), "\r\n"]).collect();
        shown = lines.len();
        if !text.is_empty() && socket.send(Message::binary(text)).await.is_err() {
            return;
        }
    }
}

/// What a machine that runs has printed so far.
fn printed(world: &World, vmid: u32) -> Option<Vec<String>> {
    world.with(|state| {
        let vm = state.proxmox.vms.get(&vmid).filter(|vm| vm.running)?;
        let machine = vm.machine.as_ref().and_then(|id| state.machines.get(id));
        Some(machine.map_or_else(Vec::new, |machine| machine.console.clone()))
    })
}
