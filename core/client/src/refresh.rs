//! Renewing a session: under the lock of the store, and only if nobody else has done it meanwhile. A refresh token is good
//! once: two processes that both used it would leave one of them without a login.

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use crate::address::ServerAddress;
use crate::http::{CallError, ClientError, Server};
use crate::session::{Freshness, Session};
use crate::store::{Store, StoreError};
use crate::wire::TokenAnswer;

/// Why there is no session to work with.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Nobody has logged in on the server.
    #[error("nobody is logged in on {0}")]
    None(ServerAddress),
    /// It has ended, and cannot be renewed.
    #[error("the login on {0} has ended")]
    Ended(ServerAddress),
    /// The server does not renew it.
    #[error("the login on {address} cannot be renewed")]
    Lost {
        /// The server of the login.
        address: ServerAddress,
        /// What the server said.
        source: CallError,
    },
    /// The server could not be asked.
    #[error("the login on {address} could not be renewed now")]
    Unreachable {
        /// The server of the login.
        address: ServerAddress,
        /// What went wrong.
        source: CallError,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No connections can be made.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// A session that is good, and what people should know of its renewal.
#[derive(Debug, Clone)]
pub struct Renewed {
    /// The session.
    pub session: Session,
    /// Teams that the server left out when it was renewed.
    pub lost_teams: Vec<String>,
}

#[derive(Serialize)]
struct Question<'a> {
    refresh_token: &'a str,
}

/// A session on a server that is good at this time, renewed if need be.
pub async fn session(store: &Store, address: &ServerAddress, now: fn() -> Timestamp) -> Result<Renewed, SessionError> {
    let known = store.read()?;
    let known = known
        .servers
        .get(address)
        .ok_or_else(|| SessionError::None(address.clone()))?;
    match known.freshness(now()) {
        Freshness::Good => Ok(as_it_is(known.clone())),
        Freshness::Ended => Err(SessionError::Ended(address.clone())),
        Freshness::Renew => renew(store, address, now).await,
    }
}

fn as_it_is(session: Session) -> Renewed {
    Renewed {
        session,
        lost_teams: Vec::new(),
    }
}

async fn renew(store: &Store, address: &ServerAddress, now: fn() -> Timestamp) -> Result<Renewed, SessionError> {
    let locked = store.lock().await?;
    let mut content = locked.read()?;
    let before = content.servers.get(address).cloned();
    let before = before.ok_or_else(|| SessionError::None(address.clone()))?;
    match before.freshness(now()) {
        // Somebody else was faster.
        Freshness::Good => return Ok(as_it_is(before)),
        Freshness::Ended => return Err(SessionError::Ended(address.clone())),
        Freshness::Renew => {}
    }
    // A refresh token is good once: a place that cannot be written must not cost the login.
    let place = locked.prepare()?;
    let server = Server::new(address.clone(), before.authority.as_deref().map(str::as_bytes))?;
    let question = Question {
        refresh_token: before.refresh_token.expose_secret(),
    };
    let answer: Result<TokenAnswer, CallError> = server.post(&["api", "auth", "cli", "refresh"], &question, None).await;
    let answer = answer.map_err(|source| {
        let address = address.clone();
        if source.may_pass() {
            SessionError::Unreachable { address, source }
        } else {
            SessionError::Lost { address, source }
        }
    })?;
    let session = Session::of(answer, Some(&before));
    let lost_teams = before.lost_teams(&session);
    content.servers.insert(address.clone(), session.clone());
    place.write(&content)?;
    Ok(Renewed { session, lost_teams })
}
