//! Answers of the control API.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

/// An answer of the control API.
pub(super) type Reply = http::Response<Full<Bytes>>;

/// What an answer says when something is refused.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Refusal<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u32>,
}

/// An answer without content, which is an empty object.
#[derive(Debug, Serialize)]
struct Nothing {}

/// 200 with a value.
pub(super) fn ok(value: &impl Serialize) -> Reply {
    json(StatusCode::OK, value)
}

/// 202 for something that takes its time.
pub(super) fn accepted() -> Reply {
    json(StatusCode::ACCEPTED, &Nothing {})
}

/// A value as JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(body) => reply(status, "application/json", body),
        // Our own types always serialise; were one not to, its reader must not take half an answer for the whole.
        Err(problem) => reply(
            StatusCode::INTERNAL_SERVER_ERROR,
            "text/plain; charset=utf-8",
            problem.to_string().into_bytes(),
        ),
    }
}

/// 200 with a text.
pub(super) fn text(text: String) -> Reply {
    reply(StatusCode::OK, "text/plain; charset=utf-8", text.into_bytes())
}

/// A refusal with a code for programs and a message for people.
pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Reply {
    let refusal = Refusal {
        code,
        message,
        retry_after_seconds: None,
    };
    json(status, &refusal)
}

/// 429, to be tried again after a second.
pub(super) fn throttled() -> Reply {
    let refusal = Refusal {
        code: "Throttled",
        message: "too many requests",
        retry_after_seconds: Some(1),
    };
    let mut reply = json(StatusCode::TOO_MANY_REQUESTS, &refusal);
    reply
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    reply
}

/// The bytes that refuse a connection when no descriptor is free to answer it.
pub(super) fn exhausted() -> Vec<u8> {
    // Written out, because it must not need anything at the time that it is sent.
    const BODY: &str = r#"{"code":"Exhausted","message":"the world has no free file descriptors: end it, and start it with a higher ulimit -n"}"#;
    let length = BODY.len();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{BODY}"
    )
    .into_bytes()
}

fn reply(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Reply {
    let mut reply = http::Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}
