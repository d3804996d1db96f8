//! What is asked.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use butler_api::config::ProviderKind;
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream, stream::BoxStream};
use http_body::{Body as HttpBody, Frame, SizeHint};
use reqwest::{
    Method, RequestBuilder,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use uuid::Uuid;

use crate::{
    ErrorKind, InfraError,
    call::{Clock, Semantics},
};

/// The longest answer that is taken where a request names no other bound: a list of many thousands of machines.
const LONGEST_ANSWER: usize = 64 << 20;
const TIMEOUT: Duration = Duration::from_secs(30);

/// One request. It can be sent again, as far as its semantics allow.
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The segments of the path below the endpoint's base; each is escaped.
    pub path: Vec<&'a str>,
    /// What follows the path.
    pub query: Vec<(String, String)>,
    /// Headers beside those that every request has. Those with secrets are marked sensitive.
    pub headers: HeaderMap,
    /// What is sent.
    pub body: Body,
    /// What sending it twice does.
    pub semantics: Semantics,
    /// How long all of it may take.
    pub timeout: Duration,
    /// The longest answer that is taken, in bytes.
    pub longest_answer: usize,
    /// What it does, for errors, such as `create machine`.
    pub op: &'static str,
    /// What it is about, for errors; empty where that is clear.
    pub resource: &'a str,
}

/// The body of a request.
#[derive(Debug, Clone)]
pub enum Body {
    /// None.
    Empty,
    /// A form: `application/x-www-form-urlencoded`.
    Form(Vec<(String, String)>),
    /// A JSON value, already written.
    Json(Vec<u8>),
}

/// A file with the form fields before it: `multipart/form-data`. Its length is known, so that it is sent as one piece.
pub struct Upload {
    /// The fields before the file.
    pub fields: Vec<(String, String)>,
    /// The name of the file's field.
    pub field: &'static str,
    /// The file's name.
    pub file_name: String,
    /// The file's length in bytes.
    pub length: u64,
    /// The file.
    pub content: BoxStream<'static, std::io::Result<Bytes>>,
}

impl<'a> Request<'a> {
    /// A request without query and body. A GET is safe; everything else is sent once unless its maker says otherwise.
    pub fn new(method: Method, path: &[&'a str], op: &'static str, resource: &'a str) -> Self {
        let semantics = if method == Method::GET || method == Method::HEAD {
            Semantics::Safe
        } else {
            Semantics::Once
        };
        Self {
            method,
            path: path.to_vec(),
            query: vec![],
            headers: HeaderMap::new(),
            body: Body::Empty,
            semantics,
            timeout: TIMEOUT,
            longest_answer: LONGEST_ANSWER,
            op,
            resource,
        }
    }

    /// An error about this request.
    pub fn error(&self, provider: ProviderKind, kind: ErrorKind, message: impl Into<String>) -> InfraError {
        let error = InfraError::new(provider, self.op, kind, message);
        if self.resource.is_empty() {
            error
        } else {
            error.about(self.resource)
        }
    }
}

pub(super) fn with_body(request: RequestBuilder, body: &Body) -> RequestBuilder {
    match body {
        Body::Empty => request,
        Body::Form(fields) => {
            let text = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields)
                .finish();
            request
                .header(
                    CONTENT_TYPE,
                    HeaderValue::from_static("application/x-www-form-urlencoded"),
                )
                .body(text)
        }
        Body::Json(text) => request
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(text.clone()),
    }
}

/// The headers and the body of an upload, and how far it is.
pub(super) fn multipart(upload: Upload) -> (HeaderMap, reqwest::Body, Moved) {
    let Upload {
        fields,
        field,
        file_name,
        length,
        content,
    } = upload;
    let boundary = Uuid::new_v4().simple().to_string();
    let (before, after) = frame(&boundary, &fields, field, &file_name);
    let total = length + (before.len() + after.len()) as u64;
    let moved = Moved::default();
    let counted = moved.clone();
    let parts = stream::iter([Ok(Bytes::from(before))])
        .chain(content)
        .chain(stream::iter([Ok(Bytes::from(after))]))
        .inspect(move |part| {
            if let Ok(part) = part {
                counted.0.fetch_add(part.len() as u64, Ordering::Relaxed);
            }
        });
    let body = Sized {
        parts: std::sync::Mutex::new(parts.boxed()),
        left: total,
    };
    let kind = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"))
        .expect("hexadecimal digits are valid in a header");
    (
        HeaderMap::from_iter([(CONTENT_TYPE, kind)]),
        reqwest::Body::wrap(body),
        moved,
    )
}

/// What stands before and after the file.
fn frame(boundary: &str, fields: &[(String, String)], field: &str, file_name: &str) -> (Vec<u8>, Vec<u8>) {
    // A quotation mark or a line end would end the name.
    let quoted = |text: &str| text.replace(['"', '\r', '\n'], "_");
    let field_of = |(name, value): &(String, String)| {
        let name = quoted(name);
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let fields: String = fields.iter().map(field_of).collect();
    let file_name = quoted(file_name);
    let before = format!(
        "{fields}--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{file_name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    (before.into_bytes(), format!("\r\n--{boundary}--\r\n").into_bytes())
}

/// A stream as a body of known length: a server that takes no chunked requests takes it too.
struct Sized {
    /// The lock makes it shareable, as bodies have to be; nobody shares it.
    parts: std::sync::Mutex<BoxStream<'static, std::io::Result<Bytes>>>,
    left: u64,
}

impl HttpBody for Sized {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let this = &mut *self;
        let parts = this.parts.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        let next = std::task::ready!(Pin::new(parts).poll_next(context));
        Poll::Ready(match next {
            Some(Ok(part)) => match this.left.checked_sub(part.len() as u64) {
                Some(left) => {
                    this.left = left;
                    Some(Ok(Frame::data(part)))
                }
                None => Some(Err(std::io::Error::other("the file is longer than it was said to be"))),
            },
            Some(Err(error)) => Some(Err(error)),
            None if this.left > 0 => Some(Err(std::io::Error::other("the file is shorter than it was said to be"))),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// How many bytes of an upload were taken.
#[derive(Clone, Default)]
pub(super) struct Moved(Arc<AtomicU64>);

impl Moved {
    /// Ends when nothing has moved for this long.
    pub(super) async fn stands_still(&self, idle: Duration, clock: &dyn Clock) {
        let mut before = self.0.load(Ordering::Relaxed);
        loop {
            clock.sleep(idle).await;
            let now = self.0.load(Ordering::Relaxed);
            if now == before {
                return;
            }
            before = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stands_after_its_fields_and_its_name_cannot_leave_its_place() {
        let fields = [("content".to_owned(), "iso".to_owned())];
        let (before, after) = frame("B", &fields, "filename", "a\"b\r\nc.iso");
        assert_eq!(
            String::from_utf8(before).unwrap(),
            "--B\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\niso\r\n\
             --B\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"a_b__c.iso\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        assert_eq!(after, b"\r\n--B--\r\n");
    }
}
