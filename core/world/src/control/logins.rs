//! Logins that wait at Butler's servers: whoever runs the world can say what a person would.

use http::StatusCode;
use serde::Deserialize;

use super::reply::{self, Reply};
use crate::live::World;
use crate::world::butler_server::{LoginError, LoginServer};

/// For whom a login is approved.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    user: String,
}

/// Lets the program with a code act for a person.
pub(super) fn approve(world: &World, code: &str, body: &[u8]) -> Reply {
    let approval: Approval = match serde_json::from_slice(body) {
        Ok(approval) => approval,
        Err(problem) => return reply::error(StatusCode::BAD_REQUEST, "BadRequest", &problem.to_string()),
    };
    say(world, code, |server, code| server.approve(code, &approval.user))
}

/// Refuses the program with a code.
pub(super) fn deny(world: &World, code: &str) -> Reply {
    say(world, code, |server, code| server.deny(code))
}

/// Says it to the server that knows the code.
fn say(world: &World, code: &str, say: impl Fn(&dyn LoginServer, &str) -> Result<(), LoginError>) -> Reply {
    let code = code.to_uppercase();
    let mut problem = LoginError::NoCode(code.clone());
    for server in world.login_servers() {
        match say(server.as_ref(), &code) {
            Ok(()) => return reply::accepted(),
            Err(LoginError::NoCode(_)) => {}
            Err(other) => problem = other,
        }
    }
    let (status, name) = match problem {
        LoginError::NoCode(_) => (StatusCode::NOT_FOUND, "NoCode"),
        LoginError::NoUser(_) => (StatusCode::NOT_FOUND, "NoUser"),
        LoginError::Resolved(_) => (StatusCode::CONFLICT, "Resolved"),
        LoginError::NoAccess(_) => (StatusCode::FORBIDDEN, "NoAccess"),
        LoginError::Unreadable(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Unreadable"),
    };
    reply::error(status, name, &problem.to_string())
}
