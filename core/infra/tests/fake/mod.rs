//! A fake of the world's control API: the contract's answers for machines, and one fault per request on demand.

#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What goes wrong with one request.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// 429 with a delay in seconds.
    Throttle(u64),
    /// Status 500, and nothing was done.
    Internal,
    /// Done, but the connection ends before the answer.
    ResetAfterApply,
    /// Not done, and the connection ends.
    ResetBefore,
    /// 200 with something that is no JSON.
    Rubbish,
}

#[derive(Default)]
struct State {
    machines: Vec<Value>,
    made: usize,
    faults: VecDeque<(&'static str, Fault)>,
    struck: usize,
    requests: Vec<String>,
    delete_at_once: bool,
    /// The machine whose owner becomes this one after it was read.
    changes_hands: Option<(String, String)>,
}

pub(crate) struct FakeWorld {
    port: u16,
    state: Arc<Mutex<State>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl FakeWorld {
    pub(crate) async fn start(faults: &[(&'static str, Fault)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            faults: faults.iter().copied().collect(),
            ..State::default()
        }));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // One at a time: nothing here waits.
                let _ = serve(stream, &shared).await;
            }
        });
        Self {
            port,
            state,
            task: Mutex::new(Some(task)),
        }
    }

    pub(crate) fn control(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn stop(&self) {
        let task = self.task.lock().unwrap().take().unwrap();
        task.abort();
        let _ = task.await;
    }

    pub(crate) fn fault(&self, method: &'static str, fault: Fault) {
        self.state.lock().unwrap().faults.push_back((method, fault));
    }

    pub(crate) fn made(&self) -> usize {
        self.state.lock().unwrap().made
    }

    /// How many requests went wrong on purpose.
    pub(crate) fn struck(&self) -> usize {
        self.state.lock().unwrap().struck
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.state
            .lock()
            .unwrap()
            .machines
            .iter()
            .map(|m| m["id"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn requests(&self, method: &str) -> usize {
        self.state
            .lock()
            .unwrap()
            .requests
            .iter()
            .filter(|r| *r == method)
            .count()
    }

    pub(crate) fn advance(&self, id: &str, stage: &str, address: &str) {
        let mut world = self.state.lock().unwrap();
        let machine = world.machines.iter_mut().find(|m| m["id"] == id).unwrap();
        machine["stage"] = stage.into();
        machine["address"] = address.into();
    }

    /// Makes the machine look as if it was made at another time.
    pub(crate) fn made_at(&self, id: &str, created: &str) {
        let mut world = self.state.lock().unwrap();
        let machine = world.machines.iter_mut().find(|m| m["id"] == id).unwrap();
        machine["created"] = created.into();
    }

    /// Gives the machine another owner as soon as somebody has read it.
    pub(crate) fn change_owner_after_read(&self, id: &str, cluster_id: &str) {
        self.state.lock().unwrap().changes_hands = Some((id.to_owned(), cluster_id.to_owned()));
    }

    /// A machine that carries nobody's marker.
    pub(crate) fn add_unowned(&self, name: &str) {
        let machine = json!({"id": format!("static-{name}"), "name": name, "owner": null, "generation": 0, "stage": "running", "address": ""});
        self.state.lock().unwrap().machines.push(machine);
    }

    pub(crate) fn remove(&self, id: &str) {
        self.state.lock().unwrap().machines.retain(|m| m["id"] != id);
    }

    pub(crate) fn delete_at_once(&self) {
        self.state.lock().unwrap().delete_at_once = true;
    }
}

async fn serve(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let (head, body) = read_request(&mut stream).await?;
    let mut words = head.split_whitespace();
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let authorized = head.to_ascii_lowercase().contains("authorization: bearer s3cret\r\n");
    let answer = {
        let mut state = state.lock().unwrap();
        state.requests.push(method.to_owned());
        if authorized {
            state.answer(method, path, &body)
        } else {
            Some(refusal(401, "Unauthorized", "who are you"))
        }
    };
    let Some((status, text)) = answer else { return Ok(()) };
    let reply = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
    stream.write_all(reply.as_bytes()).await?;
    stream.shutdown().await
}

async fn read_request(stream: &mut TcpStream) -> std::io::Result<(String, Value)> {
    let mut data = Vec::new();
    loop {
        if let Some(end) = data.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&data[..end + 4]).into_owned();
            let length = head
                .lines()
                .find_map(|l| {
                    l.to_ascii_lowercase()
                        .strip_prefix("content-length:")
                        .map(|v| v.trim().parse().unwrap())
                })
                .unwrap_or(0_usize);
            if data.len() >= end + 4 + length {
                return Ok((head, serde_json::from_slice(&data[end + 4..]).unwrap_or(Value::Null)));
            }
        }
        if stream.read_buf(&mut data).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn refusal(status: u16, code: &str, message: &str) -> (u16, String) {
    (status, json!({"code": code, "message": message}).to_string())
}

impl State {
    /// The answer, or none when the connection shall just end.
    fn answer(&mut self, method: &str, path: &str, body: &Value) -> Option<(u16, String)> {
        let fault = self
            .faults
            .iter()
            .position(|(m, _)| *m == method)
            .and_then(|at| self.faults.remove(at));
        self.struck += usize::from(fault.is_some());
        match fault.map(|(_, fault)| fault) {
            Some(Fault::Throttle(seconds)) => {
                let text = json!({"code": "Throttled", "message": "slow down", "retryAfterSeconds": seconds});
                Some((429, text.to_string()))
            }
            Some(Fault::Internal) => Some(refusal(500, "InternalError", "out of luck")),
            Some(Fault::ResetBefore) => None,
            Some(Fault::Rubbish) => Some((200, "<html>".into())),
            Some(Fault::ResetAfterApply) => {
                self.apply(method, path, body);
                None
            }
            None => Some(self.apply(method, path, body)),
        }
    }

    fn apply(&mut self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let id = path.strip_prefix("/v1/machines/").unwrap_or("");
        match (method, path) {
            ("POST", "/v1/machines") => self.create(body),
            ("GET", "/v1/machines") => self.list(query),
            ("GET", _) => {
                let found = self.machines.iter().find(|m| m["id"] == id).map(Value::to_string);
                self.change_hands(id);
                found.map_or_else(|| refusal(404, "NotFound", "no such machine"), |machine| (200, machine))
            }
            ("DELETE", _) => self.delete(id, query),
            _ => refusal(404, "NotFound", "no such call"),
        }
    }

    /// Any number of machines by one condition, which must be one that the contract knows.
    fn list(&self, query: &str) -> (u16, String) {
        let wanted: Box<dyn Fn(&Value) -> bool> = match query.split_once('=') {
            None => Box::new(|_| true),
            Some(("owner", id)) => Box::new(move |owner| owner["clusterId"] == id),
            Some(("clusterName", name)) => Box::new(move |owner| owner["clusterName"] == name),
            Some(("owned", "any")) => Box::new(|owner| !owner.is_null()),
            _ => return refusal(400, "BadRequest", "no such parameter"),
        };
        let found: Vec<_> = self.machines.iter().filter(|m| wanted(&m["owner"])).collect();
        (200, json!({ "machines": found }).to_string())
    }

    fn delete(&mut self, id: &str, query: &str) -> (u16, String) {
        let owner = query.strip_prefix("owner=");
        let Some(machine) = self.machines.iter_mut().find(|m| m["id"] == id) else {
            return refusal(404, "NotFound", "no such machine");
        };
        if owner.is_some_and(|owner| machine["owner"]["clusterId"] != owner) {
            return refusal(409, "Foreign", "the machine belongs to another owner");
        }
        machine["stage"] = "deleting".into();
        if self.delete_at_once {
            self.machines.retain(|m| m["id"] != id);
        }
        (202, "{}".into())
    }

    fn change_hands(&mut self, id: &str) {
        let Some((_, cluster_id)) = self.changes_hands.take_if(|(of, _)| of == id) else {
            return;
        };
        let machine = self.machines.iter_mut().find(|m| m["id"] == id).unwrap();
        machine["owner"]["clusterId"] = cluster_id.into();
    }

    fn create(&mut self, body: &Value) -> (u16, String) {
        let name = body["name"].as_str().unwrap();
        if let Some(old) = self.machines.iter().find(|m| m["name"] == name) {
            return if old["owner"]["clusterId"] != body["owner"]["clusterId"] {
                refusal(409, "Foreign", "the name belongs to another owner")
            } else if old["idempotencyKey"] != body["idempotencyKey"] {
                refusal(409, "AlreadyExists", "the name is in use")
            } else if old["specHash"] != body["specHash"] {
                refusal(
                    409,
                    "IdempotencyMismatch",
                    &format!("{name} was made with another specification"),
                )
            } else {
                (200, old.to_string())
            };
        }
        self.made += 1;
        let mut machine = body.clone();
        machine["id"] = format!("inmemory-{}", self.made).into();
        machine["stage"] = "creating".into();
        machine["address"] = "".into();
        machine["created"] = format!("2026-01-01T00:00:{:02}Z", self.made).into();
        self.machines.push(machine.clone());
        (201, machine.to_string())
    }
}
