//! Answers as Proxmox VE gives them: the text of a refusal is in the reason phrase and in the body.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

use crate::net::Text;
use crate::world::proxmox::refusal::Refusal;

/// An answer on its way out.
pub(crate) type Reply = http::Response<Text>;

/// What a request is answered with when it is not refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub data: Value,
    /// How many there are in all, where only some are shown.
    pub total: Option<usize>,
}

/// The body of an answer.
#[derive(Serialize)]
struct Envelope<'a> {
    data: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
}

/// An answer with a value.
pub(super) fn data(value: &impl Serialize) -> Result<Answer, Refusal> {
    match serde_json::to_value(value) {
        Ok(data) => Ok(Answer { data, total: None }),
        // Our own types always serialise; were one not to, its reader must not take nothing for an answer.
        Err(problem) => Err(Refusal::failed(problem.to_string())),
    }
}

/// An answer with nothing in it.
pub(super) fn nothing() -> Answer {
    Answer {
        data: Value::Null,
        total: None,
    }
}

/// The answer to a request.
pub(super) fn reply(result: &Result<Answer, Refusal>) -> Reply {
    match result {
        Ok(answer) => {
            let envelope = Envelope {
                data: &answer.data,
                message: None,
                errors: None,
                total: answer.total,
            };
            json(200, "OK", &envelope)
        }
        Err(refusal) => {
            let envelope = Envelope {
                data: &Value::Null,
                message: Some(format!("{}\n", refusal.message)),
                errors: (!refusal.errors.is_empty()).then_some(&refusal.errors),
                total: None,
            };
            json(refusal.status, &refusal.message, &envelope)
        }
    }
}

fn json(status: u16, reason: &str, envelope: &Envelope<'_>) -> Reply {
    let body = serde_json::to_vec(envelope).unwrap_or_else(|error| error.to_string().into_bytes());
    let mut reply = http::Response::new(Text::whole(Bytes::from(body)));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = reply.headers_mut();
    headers.insert(header::SERVER, HeaderValue::from_static("pve-api-daemon/3.0"));
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json;charset=UTF-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=0"));
    let line: String = reason.lines().next().unwrap_or("").chars().take(200).collect();
    if let Ok(reason) = hyper::ext::ReasonPhrase::try_from(line.into_bytes()) {
        reply.extensions_mut().insert(reason);
    }
    reply
}
