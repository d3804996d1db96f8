//! Which handler answers a request, as the real server's router decides it.

use std::borrow::Cow;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode};

use super::ButlerServer;
use super::reply::{Answer, Reply};
use super::session::Session;

/// A request for a handler.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) headers: HeaderMap,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// What stands in the path where the route has names, as it was sent: the real server does not decode it.
    pub(super) parameters: Vec<String>,
}

impl Call {
    /// One of the parameters of the path, counted from 0.
    pub(super) fn parameter(&self, number: usize) -> &str {
        self.parameters.get(number).map_or("", String::as_str)
    }

    /// A parameter of the path, decoded. E-mail addresses are, unlike all others.
    pub(super) fn decoded(&self, number: usize) -> Cow<'_, str> {
        let raw = self.parameter(number).replace('+', "%2B");
        let mut pairs = form_urlencoded::parse(raw.as_bytes());
        pairs
            .next()
            .map_or(Cow::Borrowed(""), |(text, _)| Cow::Owned(text.into_owned()))
    }

    /// A parameter of the query; empty where it is absent.
    pub(super) fn query(&self, name: &str) -> &str {
        let pair = self.query.iter().find(|(key, _)| key == name);
        pair.map_or("", |(_, value)| value)
    }
}

/// Who may ask, and what answers.
pub(super) enum Handler {
    /// Everybody.
    Public(fn(&ButlerServer, &Call) -> Answer),
    /// Everybody, and the answer takes a while.
    PublicWait(for<'a> fn(&'a ButlerServer, &'a Call) -> BoxFuture<'a, Answer>),
    /// Whoever has a session.
    Session(fn(&ButlerServer, &Call, &Session) -> Answer),
    /// Whoever has a session, and the answer takes a while.
    SessionWait(for<'a> fn(&'a ButlerServer, &'a Call, &'a Session) -> BoxFuture<'a, Answer>),
    /// Platform administrators.
    Admin(fn(&ButlerServer, &Call, &Session) -> Answer),
    /// Whoever has a session hears that this is not simulated.
    NotSimulated(&'static str),
}

/// A method and a path with names in braces.
pub(super) struct Route {
    method: Method,
    path: &'static str,
    handler: Handler,
}

/// A route.
pub(super) const fn route(method: Method, path: &'static str, handler: Handler) -> Route {
    Route { method, path, handler }
}

impl Route {
    /// What stands in a path where this route has names; `None`: it is not this route's.
    fn parameters(&self, path: &str) -> Option<Vec<String>> {
        let mut parameters = Vec::new();
        let (mut own, mut given) = (self.path.split('/'), path.split('/'));
        loop {
            match (own.next(), given.next()) {
                (None, None) => return Some(parameters),
                (Some(name), Some(part)) if name.starts_with('{') && !part.is_empty() => {
                    parameters.push(part.to_owned());
                }
                (Some(name), Some(part)) if name == part => {}
                _ => return None,
            }
        }
    }
}

/// What a router says to a method and a path.
pub(super) enum Routed<'a> {
    /// This handler, with the parameters of the path.
    Found(&'a Handler, Vec<String>),
    /// There are other methods only.
    OtherMethods(Vec<Method>),
    /// There is nothing.
    Nothing,
}

/// The first route that fits.
pub(super) fn find<'a>(routes: impl Iterator<Item = &'a Route>, method: &Method, path: &str) -> Routed<'a> {
    let mut others: Vec<Method> = Vec::new();
    for route in routes {
        let Some(parameters) = route.parameters(path) else {
            continue;
        };
        if route.method == *method {
            return Routed::Found(&route.handler, parameters);
        }
        if !others.contains(&route.method) {
            others.push(route.method.clone());
        }
    }
    if others.is_empty() {
        Routed::Nothing
    } else {
        Routed::OtherMethods(others)
    }
}

impl Handler {
    /// Answers, if the caller may ask.
    pub(super) async fn answer(&self, server: &ButlerServer, call: &Call) -> Reply {
        let answer = match self {
            Self::Public(handler) => handler(server, call),
            Self::PublicWait(handler) => handler(server, call).await,
            Self::Session(_) | Self::SessionWait(_) | Self::Admin(_) | Self::NotSimulated(_) => {
                match server.authenticate(&call.headers) {
                    Ok(session) => self.answer_to(server, call, &session).await,
                    Err(refusal) => Err(refusal),
                }
            }
        };
        answer.unwrap_or_else(|refusal| refusal)
    }

    async fn answer_to(&self, server: &ButlerServer, call: &Call, session: &Session) -> Answer {
        match self {
            Self::Session(handler) => handler(server, call, session),
            Self::SessionWait(handler) => handler(server, call, session).await,
            Self::Admin(handler) => {
                if !session.is_admin() {
                    return Err(admin_required());
                }
                handler(server, call, session)
            }
            Self::NotSimulated(what) => Err(Reply::not_simulated(what)),
            Self::Public(handler) => handler(server, call),
            Self::PublicWait(handler) => handler(server, call).await,
        }
    }
}

/// What those hear who are no administrators.
pub(super) fn admin_required() -> Reply {
    Reply::middleware(StatusCode::FORBIDDEN, "forbidden: admin role required")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "a handler like the others")]
    fn nothing(_: &ButlerServer, _: &Call) -> Answer {
        Ok(Reply::text("ok"))
    }

    #[test]
    fn names_take_one_part_of_a_path_and_slashes_count() {
        let routes = [
            route(Method::GET, "/a/{x}/b", Handler::Public(nothing)),
            route(Method::PUT, "/a/{x}/b", Handler::Public(nothing)),
        ];
        let found = |method: &Method, path: &str| match find(routes.iter(), method, path) {
            Routed::Found(_, parameters) => format!("found {parameters:?}"),
            Routed::OtherMethods(methods) => format!("other {methods:?}"),
            Routed::Nothing => "nothing".to_owned(),
        };
        assert_eq!(found(&Method::GET, "/a/c%2Fd/b"), r#"found ["c%2Fd"]"#);
        assert_eq!(found(&Method::HEAD, "/a/c/b"), "other [GET, PUT]");
        for path in ["/a/c/b/", "/a//b", "/a/c", "/a/c/d/b", "//a/c/b"] {
            assert_eq!(found(&Method::GET, path), "nothing", "{path}");
        }
    }
}
