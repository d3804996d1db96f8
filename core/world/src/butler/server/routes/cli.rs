//! Logging a program in: it gets a code, a person approves it elsewhere, and it gets its tokens.

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{form, required};
use crate::butler::server::accounts;
use crate::butler::server::device::{Poll, Renewal, Unresolved, Verdict, remaining};
use crate::butler::server::provision::seconds;
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::{Person, PersonBody, Session, later};
use crate::butler::server::{ButlerServer, hex, refused};

pub(super) const ROUTES: &[Route] = &[
    route(Method::POST, "/api/auth/cli/device", Handler::Public(device)),
    route(Method::POST, "/api/auth/cli/token", Handler::Public(token)),
    route(Method::POST, "/api/auth/cli/verify", Handler::Public(verify)),
    route(Method::POST, "/api/auth/cli/approve", Handler::Session(approve)),
    route(Method::POST, "/api/auth/cli/refresh", Handler::Public(refresh)),
];

/// How long a program is asked to wait between two questions, in seconds.
const INTERVAL: u32 = 5;
/// The letters of user codes: none that looks like another one.
const LETTERS: &[u8; 23] = b"ABCDEFGHJKMNPQRSTUVWXYZ";

#[derive(Debug, Serialize)]
struct Device<'a> {
    #[serde(rename = "device_code")]
    code: &'a str,
    expires_in: u64,
    interval: u32,
    user_code: &'a str,
    verification_uri: &'a str,
}

#[derive(Debug, Serialize)]
struct Verified<'a> {
    device_code: &'a str,
    expires_in: u64,
}

#[derive(Debug, Serialize)]
struct Tokens<'a> {
    user: PersonBody<'a>,
    kubeconfig: &'a str,
    expires_at: &'a str,
    session_token: &'a str,
    session_expires_at: &'a str,
    refresh_token: &'a str,
    refresh_expires_at: &'a str,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DeviceForm {
    device_code: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UserForm {
    user_code: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RefreshForm {
    refresh_token: String,
}

/// The body is not read at all.
fn device(server: &ButlerServer, call: &Call) -> Answer {
    let base = server.base_url(call).ok_or_else(|| {
        let unknown = "server misconfigured: cannot determine public URL";
        Reply::internal(unknown)
    })?;
    let now = server.now();
    let expires = later(now, server.options.lifetimes.device_code);
    let device_code = secret();
    let mut logins = server.logins();
    let user_code = std::iter::repeat_with(user_code)
        .find(|code| !logins.knows(code))
        .ok_or_else(|| Reply::internal("Failed to create device code"))?;
    logins.begin(device_code.clone(), user_code.clone(), expires, now);
    Ok(Reply::ok(&Device {
        code: &device_code,
        expires_in: remaining(expires, now).map_or(0, |left| left.as_secs()),
        interval: INTERVAL,
        user_code: &user_code,
        verification_uri: &format!("{base}/auth/device"),
    }))
}

fn token(server: &ButlerServer, call: &Call) -> Answer {
    let form: DeviceForm = form(call)?;
    required(&form.device_code, "device_code is required")?;
    let poll = server.logins().poll(&form.device_code, server.now());
    match poll {
        Poll::Pending => Err(Reply::bad_request("authorization_pending")),
        Poll::Expired => Err(Reply::bad_request("expired_token")),
        Poll::Denied => Err(Reply::bad_request("access_denied")),
        Poll::Approved(person) => tokens(server, &person, "Failed to provision CLI access"),
    }
}

/// Everything that a program gets for a person.
fn tokens(server: &ButlerServer, person: &Person, failure: &str) -> Answer {
    let provisioned = server.provision(person).map_err(|error| {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            email = person.email,
            "a login failed"
        );
        Reply::internal(failure)
    })?;
    let now = server.now();
    let (session_token, session_expires) = server.session_token(person);
    let refresh_token = secret();
    let refresh_expires = later(now, server.options.lifetimes.refresh);
    let renewal = Renewal {
        email: person.email.clone(),
        expires: refresh_expires,
    };
    server.logins().allow_renewal(refresh_token.clone(), renewal, now);
    Ok(Reply::ok(&Tokens {
        user: person.body(),
        kubeconfig: &provisioned.kubeconfig,
        expires_at: &seconds(provisioned.expires),
        session_token: &session_token,
        session_expires_at: &seconds(session_expires),
        refresh_token: &refresh_token,
        refresh_expires_at: &seconds(refresh_expires),
    }))
}

/// Whoever knows the user code gets the device code, as with the real server.
fn verify(server: &ButlerServer, call: &Call) -> Answer {
    let form: UserForm = form(call)?;
    required(&form.user_code, "user_code is required")?;
    let found = server.logins().find(&form.user_code, server.now());
    let (device_code, left) = found.ok_or_else(|| Reply::not_found("Invalid or expired user code"))?;
    Ok(Reply::ok(&Verified {
        device_code: &device_code,
        expires_in: left.as_secs(),
    }))
}

fn approve(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let form: DeviceForm = form(call)?;
    required(&form.device_code, "device_code is required")?;
    let verdict = Verdict::Approved(Box::new(session.person.clone()));
    let said = server.logins().resolve(&form.device_code, verdict, server.now());
    said.map_err(|problem| match problem {
        Unresolved::NotFound => Reply::not_found("Invalid or expired device code"),
        Unresolved::Resolved => Reply::conflict("Device code already resolved"),
    })?;
    Ok(Reply::status("approved"))
}

fn refresh(server: &ButlerServer, call: &Call) -> Answer {
    let form: RefreshForm = form(call)?;
    required(&form.refresh_token, "refresh_token is required")?;
    let unauthorized = |error| Reply::error(StatusCode::UNAUTHORIZED, error);
    let now: Timestamp = server.now();
    // Spent by now, whatever follows.
    let renewal = server.logins().renew(&form.refresh_token, now);
    let renewal = renewal.ok_or_else(|| unauthorized("Invalid or expired refresh token"))?;
    let user = accounts::by_email(&server.local, &renewal.email).map_err(|error| refused(&error))?;
    let user = user.ok_or_else(|| unauthorized("User not found"))?;
    if user.spec.disabled == Some(true) {
        return Err(Reply::forbidden("Account is disabled"));
    }
    let mut person = server.person(&user)?;
    if (server.options.faults)().refresh_loses_teams {
        person.teams.clear();
    }
    tokens(server, &person, "Failed to refresh CLI access")
}

/// A secret of 256 random bits in 64 characters.
pub(in crate::butler::server) fn secret() -> String {
    let mut bytes = [0; 32];
    random(&mut bytes);
    hex(&bytes)
}

/// A code that people type.
fn user_code() -> String {
    let mut letters = String::new();
    while letters.len() < 8 {
        let mut byte = [0];
        random(&mut byte);
        letters.extend(letter(byte[0]));
    }
    format!("{}-{}", &letters[..4], &letters[4..])
}

/// The letter of a random byte; none for the last few bytes, so that all letters are as likely.
fn letter(byte: u8) -> Option<char> {
    const FAIR: usize = 256 / LETTERS.len() * LETTERS.len();
    let byte = usize::from(byte);
    (byte < FAIR).then(|| char::from(LETTERS[byte % LETTERS.len()]))
}

fn random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the system has random numbers");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_code_is_two_groups_of_letters_that_nobody_mistakes() {
        for _ in 0..100 {
            let code = user_code();
            let (first, second) = code.split_once('-').unwrap();
            assert_eq!((first.len(), second.len()), (4, 4));
            assert!(code.chars().all(|c| c == '-' || LETTERS.contains(&(c as u8))), "{code}");
        }
        let letters: Vec<char> = (0..=255).filter_map(letter).collect();
        assert_eq!(letters.len(), 253, "each of 23 letters has 11 bytes");
    }
}
