//! What a platform answers, and what its refusals mean.

use std::time::Duration;

use butler_api::config::ProviderKind;
use hyper::ext::ReasonPhrase;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap, LOCATION, RETRY_AFTER};

use super::Request;
use crate::{ErrorKind, InfraError, call::Semantics};

/// One answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The words after the status, where they are not the usual ones.
    pub reason: Option<String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// What follows them.
    pub body: Vec<u8>,
}

/// Reads a refusal in the words of a platform. Pure.
pub type Judge = fn(&Answer) -> Verdict;

/// What a refusal means.
#[derive(Debug)]
pub struct Verdict {
    /// What to do about it.
    pub kind: ErrorKind,
    /// The platform's words; none where it said nothing.
    pub message: Option<String>,
    /// What a person can try.
    pub hint: Option<String>,
    /// The platform's error code, where it has such.
    pub code: Option<String>,
    /// The platform's name for this request, where it has such.
    pub request_id: Option<String>,
    /// How long to stay away, where the body says so; else the header `Retry-After` counts.
    pub retry_after: Option<Duration>,
}

impl Verdict {
    /// A verdict of this kind, with nothing else.
    pub fn of(kind: ErrorKind) -> Self {
        Self {
            kind,
            message: None,
            hint: None,
            code: None,
            request_id: None,
            retry_after: None,
        }
    }

    /// What the status alone says.
    pub fn by_status(status: u16) -> Self {
        Self::of(match status {
            400 | 422 => ErrorKind::Invalid { fields: vec![] },
            401 => ErrorKind::Unauthenticated,
            403 => ErrorKind::Forbidden { missing: vec![] },
            404 | 410 => ErrorKind::NotFound,
            408 => ErrorKind::Timeout { maybe_applied: true },
            409 | 412 | 423 => ErrorKind::Conflict,
            429 => ErrorKind::Throttled,
            501 => ErrorKind::Unsupported,
            500.. => ErrorKind::Server,
            _ => ErrorKind::Protocol,
        })
    }
}

impl Answer {
    /// Status and headers; the body is still to come.
    pub(super) fn start(response: &reqwest::Response) -> Self {
        let reason = response.extensions().get::<ReasonPhrase>();
        Self {
            status: response.status().as_u16(),
            reason: reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned()),
            headers: response.headers().clone(),
            body: vec![],
        }
    }

    /// Whether what was asked was done.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header's text.
    pub fn header(&self, name: impl reqwest::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How long the platform asks us to stay away.
    fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let text = self.header(RETRY_AFTER)?;
        match text.parse() {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => Duration::try_from(http_date(text)?.duration_since(now)).ok(),
        }
    }
}

/// Makes the error of a refusal. A write that a gateway lost may have been carried out behind it.
pub(super) fn refused(request: &Request<'_>, provider: ProviderKind, answer: &Answer, verdict: Verdict) -> InfraError {
    let Verdict {
        kind,
        message,
        hint,
        code,
        request_id,
        retry_after,
    } = verdict;
    let kind = match kind {
        ErrorKind::Server if request.semantics == Semantics::Once && answer.status > 500 => {
            ErrorKind::Timeout { maybe_applied: true }
        }
        ErrorKind::Timeout { .. } if request.semantics == Semantics::Safe => {
            ErrorKind::Timeout { maybe_applied: false }
        }
        kind => kind,
    };
    let message = message
        .filter(|words| !words.trim().is_empty())
        .unwrap_or_else(|| match answer.header(LOCATION) {
            Some(place) => format!("the answer is a redirection to {place}"),
            None => format!("the platform gave no reason: status {}", answer.status),
        });
    let mut error = request.error(provider, kind, message);
    error.http = Some(answer.status);
    error.retry_after = retry_after.or_else(|| answer.retry_after(Timestamp::now()));
    error.hint = hint;
    // Words of the peer: nothing in them may steer a terminal.
    let word = |text: String| text.chars().filter(char::is_ascii_graphic).take(64).collect();
    error.code = code.map(word);
    error.request_id = request_id.map(word);
    error
}

/// By how much the clock that dated an answer is ahead of ours.
pub(super) fn skew(headers: &HeaderMap, sent: Timestamp, received: Timestamp) -> Option<SignedDuration> {
    let theirs = http_date(headers.get(DATE)?.to_str().ok()?)?;
    // The date is cut to seconds: it lies between `theirs` and a second later. Within the exchange there is no telling.
    let earliest = sent.duration_since(theirs + SignedDuration::from_secs(1));
    let latest = received.duration_since(theirs);
    Some(if earliest > SignedDuration::ZERO {
        -earliest
    } else if latest < SignedDuration::ZERO {
        -latest
    } else {
        SignedDuration::ZERO
    })
}

/// A date as HTTP writes it.
fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)]) -> Answer {
        let header = |(name, value): &(&'static str, &str)| {
            (reqwest::header::HeaderName::from_static(name), value.parse().unwrap())
        };
        Answer {
            status,
            reason: None,
            headers: headers.iter().map(header).collect(),
            body: vec![],
        }
    }

    fn error(method: Method, answer: &Answer) -> InfraError {
        let request = Request::new(method, &["x"], "create machine", "demo");
        refused(
            &request,
            ProviderKind::Proxmox,
            answer,
            Verdict::by_status(answer.status),
        )
    }

    #[test]
    fn a_write_that_a_gateway_lost_may_have_been_carried_out() {
        for status in [502, 503, 504, 596] {
            let lost = error(Method::POST, &answer(status, &[]));
            assert_eq!(lost.kind, ErrorKind::Timeout { maybe_applied: true }, "{status}");
            assert_eq!(
                error(Method::GET, &answer(status, &[])).kind,
                ErrorKind::Server,
                "{status}"
            );
        }
        assert_eq!(error(Method::POST, &answer(500, &[])).kind, ErrorKind::Server);
        assert_eq!(error(Method::POST, &answer(429, &[])).kind, ErrorKind::Throttled);
    }

    #[test]
    fn the_platform_may_say_when_to_come_back_in_seconds_or_by_date() {
        let now: Timestamp = "2026-11-30T05:00:00Z".parse().unwrap();
        let after = |text: &str| answer(503, &[("retry-after", text)]).retry_after(now);
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("Mon, 30 Nov 2026 05:00:20 GMT"), Some(Duration::from_secs(20)));
        assert_eq!(after("Mon, 30 Nov 2026 04:00:00 GMT"), None);
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn clocks_differ_only_by_what_the_exchange_cannot_explain() {
        let at = |seconds: &str| -> Timestamp { format!("2026-11-30T05:00:{seconds}Z").parse().unwrap() };
        let dated = |text: &str| answer(200, &[("date", text)]).headers;
        let skew = |text: &str| skew(&dated(text), at("10.5"), at("11.5"));
        assert_eq!(skew("Mon, 30 Nov 2026 05:00:10 GMT"), Some(SignedDuration::ZERO));
        assert_eq!(
            skew("Mon, 30 Nov 2026 05:00:41 GMT"),
            Some(SignedDuration::from_millis(29_500))
        );
        assert_eq!(
            skew("Mon, 30 Nov 2026 04:59:39 GMT"),
            Some(SignedDuration::from_millis(-30_500))
        );
        assert_eq!(skew("yesterday"), None);
    }

    #[test]
    fn a_redirection_is_told_and_not_followed() {
        let moved = error(Method::GET, &answer(302, &[("location", "https://elsewhere/")]));
        assert_eq!(moved.kind, ErrorKind::Protocol);
        assert_eq!(moved.message, "the answer is a redirection to https://elsewhere/");
    }
}
