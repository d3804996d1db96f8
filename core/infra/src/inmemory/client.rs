//! The world's control API: its calls, and what its refusals mean.

use std::{sync::Arc, time::Duration};

use butler_api::config::ProviderKind;
use reqwest::{Method, StatusCode, Url, header};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;

use super::wire::{self, CreateMachine, Refusal};
use crate::{
    ErrorKind, InfraError, WorldAccess,
    call::{Clock, Semantics},
    http::{Answer, Body, Http, Pace, Request, Settings, Trust, Verdict},
};

const KIND: ProviderKind = ProviderKind::InMemory;
const TIMEOUT: Duration = Duration::from_secs(10);
/// The world is on this computer and answers any number at once.
const PACE: Pace = Pace {
    at_once: 1000,
    burst: 10_000,
    per_second: 10_000,
};

/// The control API of one world.
pub(super) struct Client {
    http: Http,
    token: header::HeaderValue,
}

/// One request.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// What it asks: `machines` or `offers`.
    pub(super) of: &'static str,
    /// The machine or kind it is about; without one it is about all machines.
    pub(super) machine: Option<&'a str>,
    /// The part of the machine that is meant, such as its console.
    pub(super) part: Option<&'static str>,
    pub(super) query: Vec<(&'static str, String)>,
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
            of: "machines",
            machine,
            part: None,
            query: Vec::new(),
            body: None,
            op,
            resource,
        }
    }
}

impl Client {
    pub(super) fn new(world: &WorldAccess, clock: Arc<dyn Clock>) -> Result<Self, InfraError> {
        let problem = |message: &str| InfraError::new(KIND, "connect", ErrorKind::Invalid { fields: vec![] }, message);
        let base = Url::parse(&world.control).map_err(|e| problem("the world's address is no URL").because(e))?;
        let mut token = header::HeaderValue::from_str(&format!("Bearer {}", world.token.expose_secret()))
            .map_err(|_| problem("the world's token holds characters that no header can carry"))?;
        token.set_sensitive(true);
        let settings = Settings {
            provider: KIND,
            base,
            trust: Trust::Computer,
            proxies: false,
            aliases: vec![],
            pace: PACE,
            judge: refusal,
            unreachable_hint: "butleradm inmemory status",
        };
        Ok(Self {
            http: Http::new(settings, clock)?,
            token,
        })
    }

    /// Carries out a call that reads, with retries.
    pub(super) async fn read<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, InfraError> {
        self.http.json(&self.request(call)?).await
    }

    /// Carries out a call that reads text, with retries.
    pub(super) async fn text(&self, call: &Call<'_>) -> Result<Vec<u8>, InfraError> {
        Ok(self.http.send(&self.request(call)?).await?.body)
    }

    /// Repeats an attempt as long as the policy has it.
    pub(super) async fn repeat<T, F: Future<Output = Result<T, InfraError>>>(
        &self,
        attempt: impl FnMut() -> F,
    ) -> Result<T, InfraError> {
        self.http.repeat(Semantics::Idempotent, attempt).await
    }

    /// One attempt, no retry, and its answer.
    pub(super) async fn once<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, InfraError> {
        self.http.json_once(&self.request(call)?).await
    }

    /// One attempt, no retry, whose answer says no more than that it was done.
    pub(super) async fn done_once(&self, call: &Call<'_>) -> Result<(), InfraError> {
        self.http.once(&self.request(call)?).await.map(drop)
    }

    fn request<'a>(&self, call: &Call<'a>) -> Result<Request<'a>, InfraError> {
        let mut path = vec!["v1", call.of];
        path.extend(call.machine);
        path.extend(call.part);
        let mut request = Request::new(call.method.clone(), &path, call.op, call.resource);
        if request.semantics == Semantics::Once {
            // The world knows a machine by its key, and deletes what is there.
            request.semantics = Semantics::Idempotent;
        }
        request.timeout = TIMEOUT;
        request.headers.insert(header::AUTHORIZATION, self.token.clone());
        request
            .query
            .extend(call.query.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        if let Some(body) = call.body {
            let text = serde_json::to_vec(body).map_err(|e| {
                self.http
                    .error(&request, ErrorKind::Protocol, "the request cannot be written")
                    .because(e)
            })?;
            request.body = Body::Json(text);
        }
        Ok(request)
    }
}

/// Reads a refusal.
fn refusal(answer: &Answer) -> Verdict {
    #[expect(
        clippy::disallowed_methods,
        reason = "what stands between us and the world, or a world that ends, answers without our JSON: then the status tells"
    )]
    let refusal: Refusal = serde_json::from_slice(&answer.body).unwrap_or_default();
    let kind = wire::error_kind(answer.status, refusal.code.as_deref());
    let told = || {
        let status = StatusCode::from_u16(answer.status).map_or_else(|_| answer.status.to_string(), |s| s.to_string());
        format!("the world answered {status}")
    };
    let mut verdict = Verdict::of(kind);
    verdict.hint = hint(&verdict.kind).map(Into::into);
    verdict.retry_after = refusal.retry_after();
    verdict.code = refusal
        .code
        .map(|code| code.chars().filter(char::is_ascii_alphanumeric).collect());
    verdict.message = refusal.message.or_else(|| Some(told()));
    verdict
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

    fn judged(status: u16, body: &str) -> Verdict {
        refusal(&Answer {
            status,
            reason: None,
            headers: header::HeaderMap::new(),
            body: body.into(),
        })
    }

    #[test]
    fn words_of_the_world_cannot_steer_a_terminal() {
        let body = r#"{"code": "No\u001b[2JSuch", "message": "a\u001b]0;x\u0007b", "retryAfterSeconds": 2}"#;
        let verdict = judged(503, body);
        assert_eq!(verdict.code.as_deref(), Some("No2JSuch"));
        assert_eq!(verdict.retry_after, Some(Duration::from_secs(2)));
        let error = InfraError::new(KIND, "list machines", verdict.kind, verdict.message.unwrap());
        assert_eq!(error.to_string(), "inmemory: list machines: ab");
    }

    #[test]
    fn an_error_answer_without_a_body_is_told_by_its_status() {
        let verdict = judged(502, "<html>");
        assert_eq!(verdict.message.as_deref(), Some("the world answered 502 Bad Gateway"));
        assert_eq!(verdict.kind, ErrorKind::Server);
    }
}
