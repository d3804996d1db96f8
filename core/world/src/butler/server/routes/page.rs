//! The pages: what a person sees who approves a login.

use std::fmt::Write as _;

use http::header::{HOST, ORIGIN};
use http::{Method, StatusCode};

use super::auth;
use crate::butler::server::device::{Unresolved, Verdict};
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::Session;
use crate::butler::server::{ButlerServer, wait};

const DEVICE: &str = "/auth/device";

pub(super) const ROUTES: &[Route] = &[
    route(Method::GET, DEVICE, Handler::Public(device)),
    route(
        Method::POST,
        "/auth/device/login",
        Handler::PublicWait(|server, call| wait(login(server, call))),
    ),
    route(Method::POST, "/auth/device/logout", Handler::Public(logout)),
    route(Method::POST, "/auth/device/decide", Handler::Public(decide)),
];

/// The page of every path that no route has.
pub(in crate::butler::server) fn console() -> Reply {
    let body =
        format!("<p>The console itself is not simulated.</p>\n<p><a href=\"{DEVICE}\">Approve a login</a></p>\n");
    Reply::page(StatusCode::OK, page("Butler", &body))
}

#[expect(clippy::unnecessary_wraps, reason = "a handler like the others")]
fn device(server: &ButlerServer, call: &Call) -> Answer {
    Ok(show(server, call, StatusCode::OK, None))
}

/// The page for whoever asks: the login, or the code.
fn show(server: &ButlerServer, call: &Call, status: StatusCode, remark: Option<&str>) -> Reply {
    let mut body = String::new();
    if let Some(remark) = remark {
        let _ = writeln!(body, "<p role=\"status\"><strong>{}</strong></p>", escaped(remark));
    }
    match server.authenticate(&call.headers) {
        Ok(session) => body.push_str(&code_form(&session)),
        Err(_) => body.push_str(LOGIN_FORM),
    }
    Reply::page(status, page("Approve a login", &body))
}

const LOGIN_FORM: &str = "<p>Sign in first; then enter the code that your terminal shows.</p>
<form method=\"post\" action=\"/auth/device/login\">
<p><label>User name or e-mail<br><input name=\"username\" autocomplete=\"username\" required autofocus></label></p>
<p><label>Password<br><input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label></p>
<p><button>Sign in</button></p>
</form>
";

fn code_form(session: &Session) -> String {
    let who = escaped(&session.person.name);
    let email = escaped(&session.person.email);
    format!(
        "<p>You are {who} ({email}).</p>
<form method=\"post\" action=\"/auth/device/decide\">
<p><label>Code<br><input name=\"user_code\" autocomplete=\"off\" autocapitalize=\"characters\" required autofocus
placeholder=\"ABCD-EFGH\"></label></p>
<p>Whoever shows this code will act as you. Approve it only if that is your own terminal.</p>
<p><button name=\"verdict\" value=\"approve\">Approve</button> <button name=\"verdict\" value=\"deny\">Deny</button></p>
</form>
<form method=\"post\" action=\"/auth/device/logout\"><p><button>Sign out</button></p></form>
"
    )
}

async fn login(server: &ButlerServer, call: &Call) -> Answer {
    own_page(call)?;
    let who = field(call, "username");
    match auth::by_password(server, who.trim(), field(call, "password")).await {
        Ok(person) => Ok(Reply::see_other(DEVICE).with_cookie(&server.session_cookie(&person))),
        Err(_) => Ok(show(
            server,
            call,
            StatusCode::UNAUTHORIZED,
            Some("That user name and password do not let you in."),
        )),
    }
}

fn logout(_: &ButlerServer, call: &Call) -> Answer {
    own_page(call)?;
    Ok(Reply::see_other(DEVICE).with_cookie(&ButlerServer::no_cookie()))
}

fn decide(server: &ButlerServer, call: &Call) -> Answer {
    own_page(call)?;
    let Ok(session) = server.authenticate(&call.headers) else {
        let remark = "Sign in first.";
        return Ok(show(server, call, StatusCode::UNAUTHORIZED, Some(remark)));
    };
    let code = field(call, "user_code").trim().to_uppercase();
    let (verdict, done) = match field(call, "verdict").as_str() {
        "approve" => {
            let person = Box::new(session.person);
            (Verdict::Approved(person), "Approved. Go back to your terminal.")
        }
        "deny" => (Verdict::Denied, "Denied."),
        _ => return Err(Reply::bad_request("verdict has to be approve or deny")),
    };
    let now = server.now();
    let said = {
        let mut logins = server.logins();
        match logins.find(&code, now) {
            Some((device_code, _)) => logins.resolve(&device_code, verdict, now),
            None => Err(Unresolved::NotFound),
        }
    };
    let (status, remark) = match said {
        Ok(()) => (StatusCode::OK, done),
        Err(Unresolved::NotFound) => (
            StatusCode::NOT_FOUND,
            "No login waits with that code: it is wrong or too old.",
        ),
        Err(Unresolved::Resolved) => (StatusCode::CONFLICT, "That code has been approved or denied already."),
    };
    Ok(show(server, call, status, Some(remark)))
}

/// Forms are taken from this server's own pages only. A browser says where a form comes from; whoever is no browser has no cookie
/// that another page could use.
fn own_page(call: &Call) -> Result<(), Reply> {
    let text = |name| call.headers.get(name).and_then(|value| value.to_str().ok());
    let foreign = match (text(ORIGIN), text(HOST)) {
        (None, _) => text(http::HeaderName::from_static("sec-fetch-site")).is_some_and(|site| site != "same-origin"),
        (Some(origin), Some(host)) => origin.split_once("://").is_none_or(|(_, from)| from != host),
        (Some(_), None) => true,
    };
    if foreign {
        return Err(Reply::forbidden("this form does not come from this server's own page"));
    }
    Ok(())
}

/// A field of a form; empty where it is absent.
fn field(call: &Call, name: &str) -> String {
    let mut pairs = form_urlencoded::parse(&call.body);
    pairs
        .find(|(key, _)| key == name)
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>
<html lang=\"en\">
<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>
<style>body{{font:1rem/1.5 sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}}input{{font:inherit;width:100%}}button{{font:inherit}}</style>
</head>
<body>
<h1>{title}</h1>
{body}</body>
</html>
"
    )
}

/// A text for a page.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
