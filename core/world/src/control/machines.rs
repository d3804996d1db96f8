//! The platform's part of the control API: what provisioners ask for machines, with the faults that the world was told.

use std::time::Duration;

use http::{Method, StatusCode};
use serde::Serialize;

use super::query::{self, QueryError, Selection};
use super::reply::{self, Reply};
use crate::live::World;
use crate::world::faults::ApiCall;
use crate::world::machine::{MachineView, Order};
use crate::world::state::{DeleteError, OrderError, State};

/// The longest time that an answer is held back.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Answer of a list.
#[derive(Debug, Serialize)]
struct Machines {
    machines: Vec<MachineView>,
    /// How many more there is room for.
    room: usize,
}

/// A request for machines, understood.
#[derive(Debug)]
pub(super) enum Request<'a> {
    /// Lists the machines that a selection has.
    List(Selection),
    /// Orders a machine, as the body says.
    Create(&'a [u8]),
    /// Reads one, and waits for its address for so long.
    Read(&'a str, Option<Duration>),
    /// Deletes one, if it belongs to the owner that is named.
    Delete(&'a str, Option<String>),
    /// Reads the console of one.
    Console(&'a str),
}

impl<'a> Request<'a> {
    /// What a method wants of a path below `/v1/machines`; `None`: there is no such request.
    pub(super) fn parse(
        method: &Method,
        path: &[&'a str],
        query: &str,
        body: &'a [u8],
    ) -> Result<Option<Self>, QueryError> {
        Ok(Some(match (method, path) {
            (&Method::GET, []) => Self::List(Selection::parse(query)?),
            (&Method::POST, []) => Self::Create(body),
            (&Method::GET, [id]) => {
                let wait = query::wait(query)?;
                Self::Read(id, wait.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT)))
            }
            (&Method::DELETE, [id]) => Self::Delete(id, query::owner(query)?),
            (&Method::GET, [id, "console"]) => Self::Console(id),
            _ => return Ok(None),
        }))
    }

    /// The kind of call that faults can be told to strike.
    pub(super) fn call(&self) -> ApiCall {
        match self {
            Self::List(_) => ApiCall::List,
            Self::Create(_) => ApiCall::Create,
            Self::Read(..) => ApiCall::Read,
            Self::Delete(..) => ApiCall::Delete,
            Self::Console(_) => ApiCall::Console,
        }
    }

    /// Waits as long as the caller wants for what is not there yet.
    pub(super) async fn hold_back(&self, world: &World) {
        if let Self::Read(id, Some(patience)) = self {
            settled(world, id, *patience).await;
        }
    }

    /// Carries the request out and answers it.
    pub(super) fn answer(&self, world: &World) -> Reply {
        match self {
            Self::List(selection) => {
                let mut machines = world.update(State::listed);
                machines.retain(|machine| selects(selection, machine));
                let room = world.with(State::room);
                reply::ok(&Machines { machines, room })
            }
            Self::Create(body) => create(world, body),
            Self::Read(id, _) => {
                let found = world.with(|state| state.machines.get(*id).map(MachineView::from));
                found.map_or_else(|| missing(id), |machine| reply::ok(&machine))
            }
            Self::Delete(id, owner) => delete(world, id, owner.as_deref()),
            Self::Console(id) => {
                let console = world.with(|state| state.machines.get(*id).map(|machine| machine.console.join("\n")));
                console.map_or_else(|| missing(id), reply::text)
            }
        }
    }
}

fn selects(selection: &Selection, machine: &MachineView) -> bool {
    let Selection {
        owner,
        cluster_name,
        owned,
    } = selection;
    let marker = machine.owner.as_ref();
    let is = |wanted: &Option<String>, found: Option<&String>| wanted.is_none() || wanted.as_ref() == found;
    is(owner, marker.map(|marker| &marker.cluster_id))
        && is(cluster_name, marker.map(|marker| &marker.cluster_name))
        && (!owned || marker.is_some())
}

/// Waits until a machine has an address, is gone or the time is up.
async fn settled(world: &World, id: &str, patience: Duration) {
    let waits = || world.with(|state| state.machines.get(id).is_some_and(|machine| machine.address.is_none()));
    let mut changes = world.changes_of(id);
    let settled = async { while waits() && changes.changed().await.is_ok() {} };
    tokio::select! {
        _ = tokio::time::timeout(patience, settled) => {}
        () = world.ended() => {}
    }
}

fn create(world: &World, body: &[u8]) -> Reply {
    let order: Order = match serde_json::from_slice(body) {
        Ok(order) => order,
        Err(problem) => return reply::error(StatusCode::BAD_REQUEST, "BadRequest", &problem.to_string()),
    };
    match world.order(order) {
        Ok((machine, true)) => reply::json(StatusCode::CREATED, &machine),
        Ok((machine, false)) => reply::ok(&machine),
        Err(refusal) => {
            let (status, code) = match refusal {
                OrderError::IdempotencyMismatch(_) => (StatusCode::CONFLICT, "IdempotencyMismatch"),
                OrderError::Foreign { .. } => (StatusCode::CONFLICT, "Foreign"),
                OrderError::AlreadyExists(_) => (StatusCode::CONFLICT, "AlreadyExists"),
                OrderError::Deleting(_) => (StatusCode::CONFLICT, "Deleting"),
                OrderError::Capacity(_) => (StatusCode::INSUFFICIENT_STORAGE, "Capacity"),
            };
            reply::error(status, code, &refusal.to_string())
        }
    }
}

fn delete(world: &World, id: &str, owner: Option<&str>) -> Reply {
    match world.update(|state, now| state.delete(id, owner, now)) {
        Ok(()) => reply::accepted(),
        Err(DeleteError::NotFound(id)) => missing(&id),
        Err(refusal @ DeleteError::Foreign { .. }) => {
            reply::error(StatusCode::CONFLICT, "Foreign", &refusal.to_string())
        }
    }
}

fn missing(id: &str) -> Reply {
    let message = DeleteError::NotFound(id.to_owned()).to_string();
    reply::error(StatusCode::NOT_FOUND, "NotFound", &message)
}
