//! The HTTP client of every platform that speaks HTTP: one place for trust, pace, retries, bounds and what an error says.
//!
//! A platform brings its [`Judge`], which reads a refusal, and makes [`Request`]s. [`Http::json`] carries one out. What may
//! be repeated is repeated here, by [`call::Policy`](crate::call::Policy); what may not, and may have been carried out, is
//! [`Timeout { maybe_applied: true }`](ErrorKind::Timeout): the caller looks at the platform before anything else.

mod answer;
mod lost;
mod pace;
mod request;
mod tls;

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use butler_api::config::ProviderKind;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Url, header::HeaderMap, redirect};
use serde::de::DeserializeOwned;

use self::{answer::skew, pace::Turnstile, tls::Shown};
pub use self::{
    answer::{Answer, Judge, Verdict},
    pace::Pace,
    request::{Body, Request, Upload},
    tls::{Fingerprint, Trust},
};
use crate::{
    ErrorKind, InfraError,
    call::{Clock, Policy, Semantics},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an upload may stand still.
const UPLOAD_IDLE: Duration = Duration::from_mins(1);
/// From this on a difference between the clocks is worth a word: tickets and certificates are dated.
const NOTABLE_SKEW: SignedDuration = SignedDuration::from_mins(2);

/// What an endpoint's client is made from.
pub struct Settings {
    /// The platform, for errors.
    pub provider: ProviderKind,
    /// What every path is below.
    pub base: Url,
    /// What the server's certificate is checked with, where the base is `https`.
    pub trust: Trust,
    /// Whether the proxies of the environment are used; off for what is on this computer.
    pub proxies: bool,
    /// Names that DNS does not know.
    pub aliases: Vec<(String, IpAddr)>,
    /// How many requests, how fast.
    pub pace: Pace,
    /// Reads the platform's refusals.
    pub judge: Judge,
    /// What to try when there is no connection.
    pub unreachable_hint: &'static str,
}

/// The client of one endpoint.
pub struct Http {
    client: reqwest::Client,
    provider: ProviderKind,
    base: Url,
    judge: Judge,
    unreachable_hint: &'static str,
    turnstile: Turnstile,
    shown: Shown,
    clock: Arc<dyn Clock>,
    policy: Policy,
    skew: Mutex<Option<SignedDuration>>,
}

impl Http {
    /// A client with these settings. Nothing is sent yet.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, InfraError> {
        let problem = |message: String| {
            let kind = ErrorKind::Invalid { fields: vec![] };
            InfraError::new(settings.provider, "connect", kind, message)
        };
        let shown = Shown::default();
        let mut builder = reqwest::Client::builder()
            // Where the reason of a refusal stands, only HTTP/1 carries it.
            .http1_only()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            // Shorter than servers wait: no connection is taken that is just being cut.
            .pool_idle_timeout(Duration::from_secs(4));
        if settings.base.scheme() == "https" {
            let tls = tls::configuration(&settings.trust, &shown).map_err(problem)?;
            builder = builder.tls_backend_preconfigured(tls);
        }
        if !settings.proxies {
            builder = builder.no_proxy();
        }
        for (name, address) in &settings.aliases {
            builder = builder.resolve(name, SocketAddr::new(*address, 0));
        }
        let client = builder
            .build()
            .map_err(|e| problem("the HTTP client cannot be made".into()).because(e))?;
        Ok(Self {
            client,
            provider: settings.provider,
            base: settings.base,
            judge: settings.judge,
            unreachable_hint: settings.unreachable_hint,
            turnstile: Turnstile::new(settings.pace),
            shown,
            clock,
            policy: Policy::default(),
            skew: Mutex::new(None),
        })
    }

    /// Carries out a request, with retries where it may be repeated, and reads its JSON answer.
    pub async fn json<T: DeserializeOwned>(&self, request: &Request<'_>) -> Result<T, InfraError> {
        self.repeat(request.semantics, || self.json_once(request)).await
    }

    /// One attempt, no retry, and its JSON answer.
    pub async fn json_once<T: DeserializeOwned>(&self, request: &Request<'_>) -> Result<T, InfraError> {
        let answer = self.once(request).await?;
        self.read(request, &answer)
    }

    /// Carries out a request, with retries where it may be repeated.
    pub async fn send(&self, request: &Request<'_>) -> Result<Answer, InfraError> {
        self.repeat(request.semantics, || self.once(request)).await
    }

    /// Repeats an attempt as long as the policy has it.
    pub async fn repeat<T, F: Future<Output = Result<T, InfraError>>>(
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

    /// One attempt, no retry. An answer that is no success is an error.
    pub async fn once(&self, request: &Request<'_>) -> Result<Answer, InfraError> {
        let _turn = self.turnstile.pass(self.clock.as_ref()).await;
        let built = self
            .client
            .request(request.method.clone(), self.url(request)?)
            .headers(request.headers.clone())
            .timeout(request.timeout);
        let built = request::with_body(built, &request.body);
        self.exchange(request, built).await
    }

    /// Sends a file, once. Its request has no body of its own; the time that it may take is not limited as long as it moves.
    pub async fn upload(&self, request: &Request<'_>, upload: Upload) -> Result<Answer, InfraError> {
        let _turn = self.turnstile.pass(self.clock.as_ref()).await;
        let (headers, body, moved) = request::multipart(upload);
        let built = self
            .client
            .request(request.method.clone(), self.url(request)?)
            .headers(request.headers.clone())
            .headers(headers)
            .body(body);
        tokio::select! {
            answer = self.exchange(request, built) => answer,
            () = moved.stands_still(UPLOAD_IDLE, self.clock.as_ref()) => {
                let kind = ErrorKind::Timeout { maybe_applied: true };
                Err(self.error(request, kind, "the upload stood still for a minute"))
            }
        }
    }

    /// Has the server speak another protocol on the connection of this request, whose headers ask for it; once.
    pub async fn upgrade(&self, request: &Request<'_>) -> Result<(HeaderMap, reqwest::Upgraded), InfraError> {
        let _turn = self.turnstile.pass(self.clock.as_ref()).await;
        let built = self
            .client
            .request(request.method.clone(), self.url(request)?)
            .headers(request.headers.clone())
            .timeout(request.timeout);
        let lost = |error| lost::lost(request, self.provider, error, &self.shown, self.unreachable_hint);
        let response = built.send().await.map_err(lost)?;
        if response.status() != reqwest::StatusCode::SWITCHING_PROTOCOLS {
            let answer = self.whole(request, response).await?;
            return Err(self.refused(request, &answer));
        }
        let headers = response.headers().clone();
        Ok((headers, response.upgrade().await.map_err(lost)?))
    }

    /// The certificate that the server showed last, whether it was taken or not.
    pub fn shown_certificate(&self) -> Option<Fingerprint> {
        self.shown.last()
    }

    /// By how much the server's clock is ahead of ours, from its last dated answer; accurate to about a second.
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error about this request.
    pub fn error(&self, request: &Request<'_>, kind: ErrorKind, message: impl Into<String>) -> InfraError {
        request.error(self.provider, kind, message)
    }

    /// Whatever a segment or a value holds, it stays one segment of the path, or one value of the query.
    fn url(&self, request: &Request<'_>) -> Result<Url, InfraError> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| self.error(request, ErrorKind::Protocol, "the address of the platform has no path"))?
            .pop_if_empty()
            .extend(request.path.iter());
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        Ok(url)
    }

    async fn exchange(&self, request: &Request<'_>, built: reqwest::RequestBuilder) -> Result<Answer, InfraError> {
        let lost = |error| lost::lost(request, self.provider, error, &self.shown, self.unreachable_hint);
        let sent = Timestamp::now();
        let response = built.send().await.map_err(lost)?;
        self.note_skew(response.headers(), sent);
        let answer = self.whole(request, response).await?;
        if answer.is_success() {
            return Ok(answer);
        }
        Err(self.refused(request, &answer))
    }

    /// Reads the rest of an answer.
    async fn whole(&self, request: &Request<'_>, mut response: reqwest::Response) -> Result<Answer, InfraError> {
        let lost = |error| lost::lost(request, self.provider, error, &self.shown, self.unreachable_hint);
        let mut answer = Answer::start(&response);
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if answer.body.len() + chunk.len() > request.longest_answer {
                return Err(self.error(request, ErrorKind::Protocol, "the answer is too long"));
            }
            answer.body.extend_from_slice(&chunk);
        }
        Ok(answer)
    }

    fn refused(&self, request: &Request<'_>, answer: &Answer) -> InfraError {
        let error = answer::refused(request, self.provider, answer, (self.judge)(answer));
        if error.kind == ErrorKind::Throttled {
            self.turnstile.slow_down(self.clock.elapsed());
        }
        error
    }

    fn read<T: DeserializeOwned>(&self, request: &Request<'_>, answer: &Answer) -> Result<T, InfraError> {
        serde_json::from_slice(&answer.body).map_err(|e| {
            let ended_early = e.is_eof() && !answer.body.is_empty();
            let (kind, message) = match (ended_early, request.semantics) {
                (true, Semantics::Safe) => (ErrorKind::Timeout { maybe_applied: false }, "the answer ended early"),
                (true, _) => (ErrorKind::Timeout { maybe_applied: true }, "the answer ended early"),
                (false, _) => (ErrorKind::Protocol, "the answer cannot be understood"),
            };
            self.error(request, kind, message).because(e)
        })
    }

    fn note_skew(&self, headers: &HeaderMap, sent: Timestamp) {
        let Some(now) = skew(headers, sent, Timestamp::now()) else {
            return;
        };
        let before = self.skew.lock().unwrap_or_else(PoisonError::into_inner).replace(now);
        let notable = |skew: SignedDuration| skew.abs() >= NOTABLE_SKEW;
        if notable(now) && !before.is_some_and(notable) {
            tracing::warn!(
                platform = %self.provider,
                seconds = now.as_secs(),
                "the platform's clock is not ours: set both by NTP"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use super::*;
    use crate::call::SystemClock;

    #[test]
    fn ids_and_names_cannot_lead_to_another_call() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = |base: &str| {
            let settings = Settings {
                provider: ProviderKind::InMemory,
                base: Url::parse(base).unwrap(),
                trust: Trust::Computer,
                proxies: false,
                aliases: vec![],
                pace: Pace {
                    at_once: 1,
                    burst: 1,
                    per_second: 1,
                },
                judge: |answer| Verdict::by_status(answer.status),
                unreachable_hint: "",
            };
            Http::new(settings, SystemClock::new()).unwrap()
        };
        let mut request = Request::new(Method::GET, &["v1", "machines", "../x?y"], "read machine", "x");
        request.query.push(("clusterName".into(), "a&owned=any".into()));
        for base in ["http://127.0.0.1:4000", "http://127.0.0.1:4000/"] {
            assert_eq!(
                http(base).url(&request).unwrap().as_str(),
                "http://127.0.0.1:4000/v1/machines/..%2Fx%3Fy?clusterName=a%26owned%3Dany"
            );
        }
        let console = Request::new(Method::GET, &["v1", "machines", "a/b", "console"], "read console", "x");
        assert_eq!(
            http("http://127.0.0.1:4000/below").url(&console).unwrap().as_str(),
            "http://127.0.0.1:4000/below/v1/machines/a%2Fb/console"
        );
    }
}
