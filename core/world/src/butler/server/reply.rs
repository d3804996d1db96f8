//! Answers in the shapes of Butler's server: what its handlers say, what stands before them says, and what its router says.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, SET_COOKIE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use super::gojson;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const NOSNIFF: HeaderName = http::header::X_CONTENT_TYPE_OPTIONS;

/// What a handler answers: a reply either way, so that whatever refuses can return early.
pub(super) type Answer = Result<Reply, Reply>;

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: Vec<u8>,
}

/// The envelope of most errors.
#[derive(Debug, Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
}

/// The envelope of what was done and has nothing to show.
#[derive(Debug, Serialize)]
struct MessageBody<'a> {
    message: &'a str,
}

/// The same, of other handlers.
#[derive(Debug, Serialize)]
struct StatusBody<'a> {
    status: &'a str,
}

impl Reply {
    /// A value as a handler writes it.
    pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        match gojson::encode(value) {
            Ok(body) => Self::of(status, JSON, body),
            // Our own types always serialise; were one not to, its reader must not take half an answer for the whole.
            Err(problem) => Self::of(
                StatusCode::INTERNAL_SERVER_ERROR,
                TEXT,
                problem.to_string().into_bytes(),
            ),
        }
    }

    /// 200 with a value.
    pub(super) fn ok(value: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, value)
    }

    /// 201 with a value.
    pub(super) fn created(value: &impl Serialize) -> Self {
        Self::json(StatusCode::CREATED, value)
    }

    /// 200 with `message`.
    pub(super) fn message(message: &str) -> Self {
        Self::ok(&MessageBody { message })
    }

    /// 200 with `status`.
    pub(super) fn status(status: &str) -> Self {
        Self::ok(&StatusBody { status })
    }

    /// An error of a handler.
    pub(super) fn error(status: StatusCode, error: &str) -> Self {
        Self::json(status, &ErrorBody { error })
    }

    /// 400.
    pub(super) fn bad_request(error: &str) -> Self {
        Self::error(StatusCode::BAD_REQUEST, error)
    }

    /// 403 of a handler.
    pub(super) fn forbidden(error: &str) -> Self {
        Self::error(StatusCode::FORBIDDEN, error)
    }

    /// 404 of a handler.
    pub(super) fn not_found(error: &str) -> Self {
        Self::error(StatusCode::NOT_FOUND, error)
    }

    /// 409.
    pub(super) fn conflict(error: &str) -> Self {
        Self::error(StatusCode::CONFLICT, error)
    }

    /// 500.
    pub(super) fn internal(error: &str) -> Self {
        Self::error(StatusCode::INTERNAL_SERVER_ERROR, error)
    }

    /// 501: the real server has this route, and this one does not play it.
    pub(super) fn not_simulated(what: &str) -> Self {
        let error = format!("{what} is not implemented in the simulated world");
        Self::error(StatusCode::NOT_IMPLEMENTED, &error)
    }

    /// An error of what stands before the handlers: JSON that says it is text.
    pub(super) fn middleware(status: StatusCode, error: &str) -> Self {
        let body = gojson::encode(&ErrorBody { error }).expect("a text is always JSON");
        Self::of(status, TEXT, body).with(NOSNIFF, "nosniff")
    }

    /// 404 of the router.
    pub(super) fn no_page() -> Self {
        Self::of(StatusCode::NOT_FOUND, TEXT, b"404 page not found\n".to_vec()).with(NOSNIFF, "nosniff")
    }

    /// 405 of the router: one header for each method that there is.
    pub(super) fn method_not_allowed(methods: &[Method]) -> Self {
        let mut reply = Self::empty(StatusCode::METHOD_NOT_ALLOWED);
        for method in methods {
            reply = reply.with(ALLOW, method.as_str());
        }
        reply
    }

    /// A text such as `ok`.
    pub(super) fn text(text: &str) -> Self {
        Self::of(StatusCode::OK, TEXT, text.as_bytes().to_vec())
    }

    /// A page. It loads nothing, runs nothing and stands in no frame.
    pub(super) fn page(status: StatusCode, html: String) -> Self {
        const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
        Self::of(status, "text/html; charset=utf-8", html.into_bytes())
            .with(http::header::CONTENT_SECURITY_POLICY, POLICY)
            .with(http::header::CACHE_CONTROL, "no-store")
    }

    /// A file for download.
    pub(super) fn attachment(content_type: &'static str, name: &str, text: String) -> Self {
        let disposition = format!("attachment; filename=\"{name}\"");
        Self::of(StatusCode::OK, content_type, text.into_bytes()).with(http::header::CONTENT_DISPOSITION, &disposition)
    }

    /// 303 to another page.
    pub(super) fn see_other(location: &str) -> Self {
        Self::empty(StatusCode::SEE_OTHER).with(http::header::LOCATION, location)
    }

    /// The same with a cookie set.
    pub(super) fn with_cookie(self, cookie: &str) -> Self {
        self.with(SET_COOKIE, cookie)
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    fn of(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: vec![(CONTENT_TYPE, content_type.to_owned())],
            body,
        }
    }

    /// The answer for the wire.
    pub(super) fn into_response(self) -> http::Response<Full<Bytes>> {
        let mut response = http::Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            // A value that is no header would be one that a caller brought; without it the rest still holds.
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}
