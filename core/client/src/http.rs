//! Servers over HTTP: every answer is bounded in time and size, and read by its body.

use std::error::Error;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Method, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::address::ServerAddress;
use crate::wire::ErrorAnswer;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a request may take. The server gives up after 15 s.
const REQUEST: Duration = Duration::from_secs(30);
/// The largest answer that is read, in bytes.
const LARGEST: usize = 64 << 20;
/// What most servers here are.
const BUTLER: &str = "Butler's server";

/// A server, and connections to it.
#[derive(Debug, Clone)]
pub struct Server {
    address: ServerAddress,
    client: reqwest::Client,
    /// What it is, for errors about its answers.
    role: &'static str,
}

/// What is asked of a server, but for the body and whoever asks.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    /// What to do.
    pub(crate) method: Method,
    /// The segments of the path.
    pub(crate) path: &'a [&'a str],
    /// The query.
    pub(crate) query: &'a [(&'a str, &'a str)],
    /// Further headers.
    pub(crate) headers: &'a [(&'static str, &'a str)],
}

impl<'a> Request<'a> {
    /// A request without a query and without further headers.
    pub(crate) fn new(method: Method, path: &'a [&'a str]) -> Self {
        Self {
            method,
            path,
            query: &[],
            headers: &[],
        }
    }
}

/// Why a server cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file with its authority holds none.
    #[error("no certificate of an authority can be read")]
    Authority(#[source] Option<reqwest::Error>),
    /// No connections can be made.
    #[error("cannot prepare connections")]
    Build(#[source] reqwest::Error),
}

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody answered.
    #[error("cannot reach {address}")]
    Unreachable {
        /// The server that was called.
        address: ServerAddress,
        /// What went wrong on the way.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Its certificate is not signed by an authority that is trusted.
    #[error("the certificate of {address} is not trusted")]
    Untrusted {
        /// The server that was called.
        address: ServerAddress,
        /// What is wrong with the certificate.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It said no.
    #[error("{address} answers {status}: {words}")]
    Refused {
        /// The server that was called.
        address: ServerAddress,
        /// The status of its answer.
        status: u16,
        /// Its words.
        words: String,
    },
    /// Its answer is none that a server of its kind gives.
    #[error("{address} does not answer as {role} does: {reason}")]
    Answer {
        /// The server that was called.
        address: ServerAddress,
        /// What it was taken for.
        role: &'static str,
        /// What is wrong with the answer.
        reason: String,
    },
}

impl Server {
    /// Connections to Butler's server. With an authority (PEM, one or several certificates) its certificate may also be signed
    /// by that.
    pub fn new(address: ServerAddress, authority: Option<&[u8]>) -> Result<Self, ClientError> {
        Self::of(BUTLER, address, authority)
    }

    /// Connections to a server of another kind, which errors name.
    pub(crate) fn of(
        role: &'static str,
        address: ServerAddress,
        authority: Option<&[u8]>,
    ) -> Result<Self, ClientError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(REQUEST)
            // A token sent after a redirect would go to whoever the server named.
            .redirect(Policy::none())
            .user_agent(concat!("butler/", env!("CARGO_PKG_VERSION")));
        if address.is_loopback() {
            builder = builder.no_proxy();
        }
        if let Some(pem) = authority {
            let certificates =
                Certificate::from_pem_bundle(pem).map_err(|error| ClientError::Authority(Some(error)))?;
            if certificates.is_empty() {
                return Err(ClientError::Authority(None));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().map_err(ClientError::Build)?;
        Ok(Self { address, client, role })
    }

    /// The same connections, for an endpoint at another address.
    pub(crate) fn at(&self, address: ServerAddress) -> Self {
        Self {
            address,
            client: self.client.clone(),
            role: self.role,
        }
    }

    /// Where the server is.
    pub fn address(&self) -> &ServerAddress {
        &self.address
    }

    /// Asks for something.
    pub async fn get<A: DeserializeOwned>(&self, path: &[&str], token: Option<&SecretString>) -> Result<A, CallError> {
        self.call(&Request::new(Method::GET, path), None::<&()>, token).await
    }

    /// Sends something.
    pub async fn post<A: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
        token: Option<&SecretString>,
    ) -> Result<A, CallError> {
        self.call(&Request::new(Method::POST, path), Some(body), token).await
    }

    /// Asks, and reads the answer.
    pub(crate) async fn call<A: DeserializeOwned>(
        &self,
        asked: &Request<'_>,
        body: Option<&impl Serialize>,
        token: Option<&SecretString>,
    ) -> Result<A, CallError> {
        let answer = self.send(asked, body, token).await?;
        let (status, text) = self.read(answer).await?;
        if !(200..300).contains(&status) {
            return Err(self.refused(status, &text));
        }
        serde_json::from_str(&text).map_err(|error| self.answer(format!("its JSON has {error}")))
    }

    /// Sends a request, and gives the answer as it comes.
    pub(crate) async fn send(
        &self,
        asked: &Request<'_>,
        body: Option<&impl Serialize>,
        token: Option<&SecretString>,
    ) -> Result<Response, CallError> {
        let mut request = self.client.request(asked.method.clone(), self.address.path(asked.path));
        if !asked.query.is_empty() {
            request = request.query(asked.query);
        }
        for (name, value) in asked.headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
        request.send().await.map_err(|error| self.failed(error))
    }

    /// Sends a request that is complete, and reads the answer whatever its status is.
    pub(crate) async fn exchange(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, CallError> {
        let request = reqwest::Request::try_from(request).map_err(|error| self.failed(error))?;
        let answer = self.client.execute(request).await;
        let answer = answer.map_err(|error| self.failed(error))?;
        let headers = answer.headers().clone();
        let (status, text) = self.read(answer).await?;
        let mut whole = http::Response::new(text.into_bytes());
        *whole.status_mut() = StatusCode::from_u16(status).map_err(|error| self.answer(error.to_string()))?;
        *whole.headers_mut() = headers;
        Ok(whole)
    }

    /// The status and the text of an answer.
    pub(crate) async fn read(&self, mut answer: Response) -> Result<(u16, String), CallError> {
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.failed(error))? {
            if body.len() + chunk.len() > LARGEST {
                return Err(self.answer(format!("its answer is larger than {} MiB", LARGEST >> 20)));
            }
            body.extend_from_slice(&chunk);
        }
        let text = String::from_utf8(body).map_err(|_| self.answer("its answer is no text".to_owned()))?;
        Ok((status, text))
    }

    pub(crate) fn refused(&self, status: u16, text: &str) -> CallError {
        if (300..400).contains(&status) {
            return self.answer(format!("it answers {status} and names another place"));
        }
        CallError::Refused {
            address: self.address.clone(),
            status,
            words: ErrorAnswer::words(text),
        }
    }

    pub(crate) fn answer(&self, reason: String) -> CallError {
        CallError::Answer {
            address: self.address.clone(),
            role: self.role,
            reason,
        }
    }

    fn failed(&self, error: reqwest::Error) -> CallError {
        let (address, error) = (self.address.clone(), error.without_url());
        if is_about_a_certificate(&error) {
            return CallError::Untrusted {
                address,
                source: Box::new(error),
            };
        }
        CallError::Unreachable {
            address,
            source: Box::new(error),
        }
    }
}

impl CallError {
    /// The server could not be reached, or failed: asking later may succeed.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => *status == 429 || *status >= 500,
            Self::Untrusted { .. } | Self::Answer { .. } => false,
        }
    }

    /// The server does not take the session, which a refresh may mend.
    pub fn is_invalid_session(&self) -> bool {
        matches!(self, Self::Refused { status: 401, words, .. } if words == "invalid session")
    }
}

/// The libraries below tell it in words only.
fn is_about_a_certificate(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let words = error.to_string();
        if words.contains("certificate") || words.contains("UnknownIssuer") {
            return true;
        }
        cause = error.source();
    }
    false
}
