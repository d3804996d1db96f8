//! Sockets, TLS and the shape of requests and replies. Decides nothing about resources.

pub(crate) mod request;
mod seats;
mod serve;

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use serde::Serialize;

pub(crate) use self::request::Request;
pub(crate) use self::seats::Times;
pub(crate) use self::serve::{Collected, Reset, collect, serve};
use crate::status::StatusError;

/// The body of a reply: a text, or the stream of a watch.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;
/// A reply on its way out.
pub(crate) type Reply = http::Response<Body>;

/// Marks a reply whose body goes on until somebody ends it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endless;

/// Bodies from this size are compressed for clients that accept it.
const COMPRESS_FROM: usize = 128 << 10;

/// A reply with a JSON body.
pub(crate) fn json(code: u16, body: impl Into<Bytes>) -> Reply {
    typed(code, "application/json", body)
}

/// A reply with a value as JSON.
pub(crate) fn value(code: u16, body: &impl Serialize) -> Reply {
    json(code, json_bytes(body))
}

/// A value as JSON text.
pub(crate) fn json_bytes(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("API objects have text keys, so that they are always JSON")
}

/// A reply with a content type.
pub(crate) fn typed(code: u16, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    reply(code, content_type, Full::new(body.into()).boxed_unsync())
}

/// A reply of any kind of body.
pub(crate) fn reply(code: u16, content_type: &'static str, body: Body) -> Reply {
    let mut reply = http::Response::new(body);
    *reply.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    reply
}

/// The refusal of a request as a reply.
pub(crate) fn failure(failure: &StatusError) -> Reply {
    let mut reply = if failure.plain {
        typed(
            failure.code,
            "text/plain; charset=utf-8",
            format!("{}\n", failure.message),
        )
    } else {
        value(failure.code, &failure.to_status())
    };
    warn(&mut reply, &failure.warnings);
    if failure.code == 429 {
        reply
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    reply
}

/// Adds a header `Warning` per warning.
pub(crate) fn warn(reply: &mut Reply, warnings: &[String]) {
    for warning in warnings {
        let text = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(header) = HeaderValue::try_from(format!("299 - \"{text}\"")) {
            reply.headers_mut().append(header::WARNING, header);
        }
    }
}

/// A JSON body, compressed if it is large and the client takes gzip.
pub(crate) fn json_for(request: &Request, code: u16, body: Bytes) -> Reply {
    if request.header("accept").starts_with("application/yaml") {
        // JSON is YAML.
        return typed(code, "application/yaml", body);
    }
    if body.len() < COMPRESS_FROM || !request.header("accept-encoding").contains("gzip") {
        return json(code, body);
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let written = std::io::Write::write_all(&mut encoder, &body).and_then(|()| encoder.finish());
    let Ok(packed) = written else { return json(code, body) };
    let mut reply = json(code, packed);
    reply
        .headers_mut()
        .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    reply
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    reply
}
