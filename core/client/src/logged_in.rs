//! Butler's server, as somebody who is logged in: the session token, and one renewal where the server does not take it.

use http::Method;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use crate::address::ServerAddress;
use crate::http::{CallError, Request, Server};
use crate::refresh::{self, SessionError};
use crate::session::Session;
use crate::store::Store;

/// A server and a session on it.
#[derive(Debug)]
pub struct LoggedIn {
    store: Store,
    server: Server,
    session: Mutex<Session>,
}

/// Why the server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// There is no token for it.
    #[error("the login on {0} has no session for the server itself, only a token for the cluster")]
    NoSession(ServerAddress),
    /// The session cannot be used.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The call did not succeed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl ServerError {
    /// The status with which the server said no.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Call(CallError::Refused { status, .. }) => Some(*status),
            _ => None,
        }
    }
}

impl LoggedIn {
    /// The server of a session that is good.
    pub fn new(store: Store, address: ServerAddress, session: Session) -> Result<Self, SessionError> {
        let server = Server::new(address, session.authority.as_deref().map(str::as_bytes))?;
        Ok(Self {
            store,
            server,
            session: Mutex::new(session),
        })
    }

    /// Where the server is.
    pub fn address(&self) -> &ServerAddress {
        self.server.address()
    }

    /// The session as it is now.
    pub async fn session(&self) -> Session {
        self.session.lock().await.clone()
    }

    /// Asks for something.
    pub async fn get<A: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<A, ServerError> {
        let request = Request {
            query,
            ..Request::new(Method::GET, path)
        };
        self.call(&request, None::<&()>).await
    }

    /// Sends something to a place.
    pub async fn send<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&impl Serialize>,
    ) -> Result<A, ServerError> {
        self.call(&Request::new(method, path), body).await
    }

    /// The same with a query, which says more of the place.
    pub async fn send_query<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&impl Serialize>,
    ) -> Result<A, ServerError> {
        let request = Request {
            query,
            ..Request::new(method, path)
        };
        self.call(&request, body).await
    }

    /// The same with further headers, which the server reads some things from.
    pub async fn send_with<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        headers: &[(&'static str, &str)],
        body: &impl Serialize,
    ) -> Result<A, ServerError> {
        let request = Request {
            headers,
            ..Request::new(method, path)
        };
        self.call(&request, Some(body)).await
    }

    async fn call<A: DeserializeOwned>(
        &self,
        request: &Request<'_>,
        body: Option<&impl Serialize>,
    ) -> Result<A, ServerError> {
        let token = self.token().await?;
        let first = self.server.call(request, body, Some(&token)).await;
        match first {
            // The server may have been restarted with another key, or its clock may be ahead of ours. It carried nothing out.
            Err(error) if error.is_invalid_session() => {}
            other => return Ok(other?),
        }
        self.renew(&token).await?;
        let token = self.token().await?;
        Ok(self.server.call(request, body, Some(&token)).await?)
    }

    async fn token(&self) -> Result<SecretString, ServerError> {
        let session = self.session.lock().await;
        let token = session.session_token.clone();
        token.ok_or_else(|| ServerError::NoSession(self.address().clone()))
    }

    /// A session whose token is another than the one that was refused. Calls that were refused at the same time renew it once.
    async fn renew(&self, refused: &SecretString) -> Result<(), SessionError> {
        let mut session = self.session.lock().await;
        let same = session
            .session_token
            .as_ref()
            .is_some_and(|token| token.expose_secret() == refused.expose_secret());
        if same {
            let renewed = refresh::refused(&self.store, self.address(), refused, Timestamp::now).await?;
            *session = renewed.session;
        }
        Ok(())
    }
}
