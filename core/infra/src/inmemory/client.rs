//! HTTP client of the world's control API: one call with its retries.

use std::{error::Error as _, sync::Arc, time::Duration};

use butler_api::{config::ProviderKind, descriptors};
use reqwest::{Method, StatusCode, header};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;

use super::wire::{self, CreateMachine, Refusal};
use crate::{
    ErrorKind, InfraError, WorldAccess,
    call::{Clock, Policy, Semantics},
};

/// The longest answer that is taken, in bytes: a list of many thousands of machines.
const MAX_ANSWER: usize = 64 << 20;

/// The control API of one world.
pub(super) struct Client {
    http: reqwest::Client,
    /// Where its machines are.
    machines: reqwest::Url,
    clock: Arc<dyn Clock>,
    policy: Policy,
}

/// One request about machines.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// The machine it is about; without one it is about all of them.
    pub(super) machine: Option<&'a str>,
    /// The part of the machine that is meant, such as its console.
    pub(super) part: Option<&'static str>,
    pub(super) query: Option<(&'static str, String)>,
    pub(super) body: Option<&'a CreateMachine<'a>>,
    /// What it does and about what, for errors.
    pub(super) op: &'static str,
    pub(super) resource: &'a str,
}

impl<'a> Call<'a> {
    /// A call without query and body.
    pub(super) fn new(method: Method, machine: Option<&'a str>, op: &'static str, resource: &'a str) -> Self {
        Self {
            method,
            machine,
            part: None,
            query: None,
            body: None,
            op,
            resource,
        }
    }

    fn error(&self, kind: ErrorKind, message: impl Into<String>) -> InfraError {
        let error = InfraError::new(ProviderKind::InMemory, self.op, kind, message);
        if self.resource.is_empty() {
            error
        } else {
            error.about(self.resource)
        }
    }
}

impl Client {
    pub(super) fn new(world: &WorldAccess, clock: Arc<dyn Clock>) -> Result<Self, InfraError> {
        let problem = |message: &str| {
            InfraError::new(
                ProviderKind::InMemory,
                "connect",
                ErrorKind::Invalid { fields: vec![] },
                message,
            )
        };
        let no_url = || problem("the world's address is no URL");
        let mut machines = reqwest::Url::parse(&world.control).map_err(|e| no_url().because(e))?;
        machines
            .path_segments_mut()
            .map_err(|()| no_url())?
            .pop_if_empty()
            .extend(["v1", "machines"]);
        let mut token = header::HeaderValue::from_str(&format!("Bearer {}", world.token.expose_secret()))
            .map_err(|_| problem("the world's token holds characters that no header can carry"))?;
        token.set_sensitive(true);
        let http = reqwest::Client::builder()
            .default_headers(header::HeaderMap::from_iter([(header::AUTHORIZATION, token)]))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(5))
            // The world cuts idle connections after 30 s: none is taken that it might just be cutting.
            .pool_idle_timeout(Duration::from_secs(15))
            .timeout(Duration::from_secs(10))
            .build()
            .map_err(|e| problem("the HTTP client cannot be made").because(e))?;
        Ok(Self {
            http,
            machines,
            clock,
            policy: Policy::default(),
        })
    }

    /// Carries out a call that reads, with retries.
    pub(super) async fn read<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, InfraError> {
        let body = self.repeat(Semantics::Safe, || self.once(call)).await?;
        parse(call, &body)
    }

    /// Repeats an attempt as long as the policy has it.
    pub(super) async fn repeat<T, F: Future<Output = Result<T, InfraError>>>(
        &self,
        semantics: Semantics,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, InfraError> {
        let start = self.clock.elapsed();
        let mut failed = 0;
        loop {
            let error = match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            failed += 1;
            let spent = self.clock.elapsed().saturating_sub(start);
            let Some(delay) = self.policy.next(&error, semantics, failed, spent, self.clock.jitter()) else {
                return Err(error);
            };
            tracing::debug!(%error, failed, ?delay, "another try");
            self.clock.sleep(delay).await;
        }
    }

    /// Whatever an id or a name holds, it stays one segment of the path, or one value of the query.
    fn url(&self, call: &Call<'_>) -> Result<reqwest::Url, InfraError> {
        let mut url = self.machines.clone();
        if let Some(machine) = call.machine {
            url.path_segments_mut()
                .map_err(|()| call.error(ErrorKind::Protocol, "the world's address has no path"))?
                .push(machine)
                .extend(call.part);
        }
        if let Some((key, value)) = &call.query {
            url.query_pairs_mut().append_pair(key, value);
        }
        Ok(url)
    }

    /// One attempt, no retry.
    pub(super) async fn once(&self, call: &Call<'_>) -> Result<Vec<u8>, InfraError> {
        let mut request = self.http.request(call.method.clone(), self.url(call)?);
        if let Some(body) = call.body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(|e| lost(call, e))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| lost(call, e))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(call.error(ErrorKind::Protocol, "the world's answer is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            Ok(body)
        } else {
            Err(refused(call, status, &body))
        }
    }
}

/// Reads a JSON answer.
pub(super) fn parse<T: DeserializeOwned>(call: &Call<'_>, body: &[u8]) -> Result<T, InfraError> {
    serde_json::from_slice(body).map_err(|e| {
        call.error(ErrorKind::Protocol, "the world's answer cannot be understood")
            .because(e)
    })
}

/// No answer, or only a part of one.
fn lost(call: &Call<'_>, error: reqwest::Error) -> InfraError {
    let reads = call.method == Method::GET;
    if let Some(exhausted) = descriptors::exhausted(&error) {
        return call
            .error(ErrorKind::Unreachable, exhausted.to_string())
            .hint(descriptors::HINT);
    }
    let (kind, message) = if error.is_connect() {
        (ErrorKind::Unreachable, "cannot connect to the world")
    } else if error.is_timeout() {
        (ErrorKind::Timeout { maybe_applied: !reads }, "no answer in time")
    } else if reads {
        (ErrorKind::Unreachable, "the connection ended before the answer")
    } else {
        (
            ErrorKind::Timeout { maybe_applied: true },
            "the connection ended before the answer",
        )
    };
    let hint = matches!(kind, ErrorKind::Unreachable).then_some("butleradm inmemory status");
    let mut failure = call.error(kind, message);
    failure.hint = hint.map(Into::into);
    // The outermost layer repeats the URL and says nothing else.
    let cause = error.without_url();
    match cause.source() {
        Some(inner) => failure.because(inner.to_string()),
        None => failure.because(cause),
    }
}

/// Turns an error answer into an error.
fn refused(call: &Call<'_>, status: StatusCode, body: &[u8]) -> InfraError {
    #[expect(
        clippy::disallowed_methods,
        reason = "what stands between us and the world, or a world that ends, answers without our JSON: then the status tells"
    )]
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let kind = wire::error_kind(status.as_u16(), refusal.code.as_deref());
    let message = match &refusal.message {
        Some(message) => message.clone(),
        None => format!("the world answered {status}"),
    };
    let mut error = call.error(kind, message);
    error.http = Some(status.as_u16());
    error.retry_after = refusal.retry_after();
    error.hint = hint(&error.kind).map(Into::into);
    error.code = refusal
        .code
        .map(|code| code.chars().filter(char::is_ascii_alphanumeric).take(64).collect());
    error
}

fn hint(kind: &ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Unauthenticated => Some("the world was started anew: run the command again"),
        ErrorKind::Foreign => Some("choose another cluster name, or delete the other cluster first"),
        ErrorKind::SpecDrift => Some("the machine was made from other settings: delete it, or restore them"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_world_cannot_steer_a_terminal() {
        let call = Call::new(Method::GET, None, "list machines", "demo");
        let body = br#"{"code": "No\u001b[2JSuch", "message": "a\u001b]0;x\u0007b", "retryAfterSeconds": 2}"#;
        let error = refused(&call, StatusCode::SERVICE_UNAVAILABLE, body);
        assert_eq!(
            error.to_string(),
            "inmemory: list machines demo: ab (No2JSuch, HTTP 503)"
        );
        assert_eq!(error.retry_after, Some(Duration::from_secs(2)));
    }

    #[test]
    fn ids_and_names_cannot_lead_to_another_call() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let world = WorldAccess {
            control: "http://127.0.0.1:4000/".into(),
            token: "token".into(),
        };
        let client = Client::new(&world, crate::call::SystemClock::new()).unwrap();
        let call = Call {
            query: Some(("clusterName", "a&owned=any".into())),
            ..Call::new(Method::GET, Some("../x?y"), "read machine", "x")
        };
        assert_eq!(
            client.url(&call).unwrap().as_str(),
            "http://127.0.0.1:4000/v1/machines/..%2Fx%3Fy?clusterName=a%26owned%3Dany"
        );
        let all = Call::new(Method::GET, None, "list machines", "");
        assert_eq!(client.url(&all).unwrap().as_str(), "http://127.0.0.1:4000/v1/machines");
        let console = Call {
            part: Some("console"),
            ..Call::new(Method::GET, Some("a/b"), "read console", "x")
        };
        assert_eq!(
            client.url(&console).unwrap().as_str(),
            "http://127.0.0.1:4000/v1/machines/a%2Fb/console"
        );
    }

    #[test]
    fn an_error_answer_without_a_body_is_told_by_its_status() {
        let call = Call::new(Method::GET, None, "list machines", "demo");
        let error = refused(&call, StatusCode::BAD_GATEWAY, b"<html>");
        assert_eq!(
            error.to_string(),
            "inmemory: list machines demo: the world answered 502 Bad Gateway (HTTP 502)"
        );
        assert_eq!(error.kind, ErrorKind::Server);
    }
}
