//! Renewing a session: under the lock of the store, and only if nobody else has done it meanwhile. A refresh token is good
//! once: two processes that both used it would leave one of them without a login.

use std::sync::mpsc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use tokio::task::{JoinError, JoinHandle};

use crate::address::ServerAddress;
use crate::http::{CallError, ClientError, Server};
use crate::oidc::{self, OidcError, Renewal};
use crate::session::{Freshness, Issuer, Session};
use crate::store::{LockedStore, Store, StoreError};
use crate::wire::TokenAnswer;

/// How long an answer is waited for that nobody waits for any more: shorter than a command that was stopped may take to end.
const LATE: Duration = Duration::from_secs(5);

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
    /// Its issuer does not renew it, or not in a way that can be trusted.
    #[error("the login on {address} could not be renewed by its issuer")]
    Issuer {
        /// The API server of the login.
        address: ServerAddress,
        /// What is in the way.
        source: Box<OidcError>,
    },
    /// It broke off.
    #[error("the renewal of the login broke off")]
    Failed(#[source] JoinError),
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
    let nobody = || SessionError::None(address.clone());
    let content = store.read()?;
    let entry = content.servers.get(address).ok_or_else(nobody)?;
    match entry.freshness(now()) {
        Freshness::Good => Ok(as_it_is(store.session(address).await?.ok_or_else(nobody)?)),
        Freshness::Renew => renew(store, address, now, &|session| session.freshness(now())).await,
        Freshness::Ended => Err(SessionError::Ended(address.clone())),
    }
}

/// A session whose token is another than this one, which the server does not take although it should still be good.
pub async fn refused(
    store: &Store,
    address: &ServerAddress,
    token: &SecretString,
    now: fn() -> Timestamp,
) -> Result<Renewed, SessionError> {
    let judge = |session: &Session| {
        let same = |known: &SecretString| known.expose_secret() == token.expose_secret();
        match session.freshness(now()) {
            Freshness::Good if session.session_token.as_ref().is_some_and(same) => Freshness::Renew,
            freshness => freshness,
        }
    };
    renew(store, address, now, &judge).await
}

fn as_it_is(session: Session) -> Renewed {
    Renewed {
        session,
        lost_teams: Vec::new(),
    }
}

async fn renew(
    store: &Store,
    address: &ServerAddress,
    now: fn() -> Timestamp,
    judge: &(dyn Fn(&Session) -> Freshness + Sync),
) -> Result<Renewed, SessionError> {
    let mut locked = store.lock(now()).await?;
    let before = locked.session(address).await?;
    let before = before.ok_or_else(|| SessionError::None(address.clone()))?;
    let token = match judge(&before) {
        // Somebody else was faster.
        Freshness::Good => return Ok(as_it_is(before)),
        Freshness::Renew => before.renewable(now()).cloned(),
        Freshness::Ended => None,
    };
    let token = token.ok_or_else(|| SessionError::Ended(address.clone()))?;
    Spending::begin(spend(locked, address.clone(), before, token, now))
        .ended()
        .await
}

/// A refresh token that is being spent, on a task of its own: what the server gives for it, it gives once. Whoever stops waiting
/// for the answer, as a person does with Ctrl-C, is made to wait a while longer.
struct Spending {
    task: JoinHandle<Result<Renewed, SessionError>>,
    /// Closed when the task is over.
    over: mpsc::Receiver<()>,
}

impl Spending {
    fn begin(spent: impl Future<Output = Result<Renewed, SessionError>> + Send + 'static) -> Self {
        let (until, over) = mpsc::channel();
        let task = tokio::spawn(async move {
            let renewed = spent.await;
            drop(until);
            renewed
        });
        Self { task, over }
    }

    async fn ended(mut self) -> Result<Renewed, SessionError> {
        match (&mut self.task).await {
            Ok(renewed) => renewed,
            Err(error) => Err(SessionError::Failed(error)),
        }
    }
}

impl Drop for Spending {
    fn drop(&mut self) {
        if !self.task.is_finished() {
            // It ends by itself, or is ended with the process.
            let _ = self.over.recv_timeout(LATE);
        }
    }
}

async fn spend(
    mut locked: LockedStore,
    address: ServerAddress,
    before: Session,
    token: SecretString,
    now: fn() -> Timestamp,
) -> Result<Renewed, SessionError> {
    // A refresh token is good once: a place that cannot be written must not cost the login.
    locked.prepare(&address, &before).await?;
    let (session, outcome) = match &before.issuer {
        None => (by_server(&before, &token, &address).await?, Ok(())),
        Some(issuer) => by_issuer(&before, issuer, &address, now).await?,
    };
    let lost_teams = before.lost_teams(&session);
    locked.renewed(&address, &session).await?;
    outcome?;
    Ok(Renewed { session, lost_teams })
}

/// The session that Butler's server gives for a refresh token.
async fn by_server(before: &Session, token: &SecretString, address: &ServerAddress) -> Result<Session, SessionError> {
    let server = Server::new(address.clone(), before.authority.as_deref().map(str::as_bytes))?;
    let question = Question {
        refresh_token: token.expose_secret(),
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
    Ok(Session::of(answer, Some(&before.known())))
}

/// The session that an issuer gives for a refresh token, and whether it is good. It is kept either way: the refresh token is
/// spent, and the one that took its place may serve when what is in the way is gone.
async fn by_issuer(
    before: &Session,
    issuer: &Issuer,
    address: &ServerAddress,
    now: fn() -> Timestamp,
) -> Result<(Session, Result<(), SessionError>), SessionError> {
    let failed = |error: OidcError| SessionError::Issuer {
        address: address.clone(),
        source: Box::new(error),
    };
    let renewal = oidc::renew(before, issuer, address, now).await;
    let Renewal { session, outcome } = renewal.map_err(failed)?;
    Ok((session, outcome.map_err(failed)))
}
