//! Logging in: by a code that a person approves in a browser, or by a password.

use std::time::{Duration, Instant};

use http::Method;
use http::header::SET_COOKIE;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::IgnoredAny;

use crate::device::{self, Answered, DeviceError, Next, Waiting};
use crate::http::{CallError, Request, Server};
use crate::wire::{DeviceAnswer, TokenAnswer};

/// Why there is no login.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The server could not be asked, or refuses.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The code led to nothing.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The server has no device login.
    #[error("{0} has no login for command lines")]
    NoDeviceLogin(String),
    /// The password is not right, or the person may not log in.
    #[error("{0} refuses the login")]
    Password(String, #[source] CallError),
}

#[derive(Serialize)]
struct ForToken<'a> {
    device_code: &'a str,
}

#[derive(Serialize)]
struct ByPassword<'a> {
    username: &'a str,
    password: &'a str,
}

#[derive(Serialize)]
struct Nothing {}

/// Begins a login by a code.
pub async fn begin(server: &Server) -> Result<DeviceAnswer, LoginError> {
    let answer = server.post(&["api", "auth", "cli", "device"], &Nothing {}, None).await;
    answer.map_err(|error| match error {
        CallError::Refused { status: 404, .. } => LoginError::NoDeviceLogin(server.address().to_string()),
        error => LoginError::Call(error),
    })
}

/// What a login that waits tells meanwhile.
pub trait Watcher {
    /// The server cannot be reached, in these words; `None`: it can again.
    fn trouble(&mut self, words: Option<&str>);
}

/// What came of one question for the token.
pub(crate) enum Asked<T> {
    /// The token.
    Given(T),
    /// None yet, or none at all.
    Not(Answered),
}

/// Waits until somebody approves the code.
pub async fn wait(
    server: &Server,
    device: &DeviceAnswer,
    watcher: &mut impl Watcher,
) -> Result<TokenAnswer, LoginError> {
    let question = async || match ask(server, device).await {
        Ok(answer) => Ok(Asked::Given(answer)),
        Err(error) => heard(error).map(Asked::Not),
    };
    poll(device, watcher, question).await
}

/// Asks for the token, at the pace that the answers allow, until there is one or none can come any more.
pub(crate) async fn poll<T, E: From<DeviceError>>(
    device: &DeviceAnswer,
    watcher: &mut impl Watcher,
    mut question: impl AsyncFnMut() -> Result<Asked<T>, E>,
) -> Result<T, E> {
    let life = Duration::from_secs(device.expires_in);
    let mut waiting = Waiting::new(life, Duration::from_secs(device.interval));
    let began = Instant::now();
    let mut pause = waiting.pause();
    loop {
        tokio::time::sleep(pause).await;
        let answered = match question().await? {
            Asked::Given(token) => return Ok(token),
            Asked::Not(answered) => answered,
        };
        let told = waiting.trouble().map(str::to_owned);
        pause = match waiting.after(answered, began.elapsed()) {
            Next::Ask(pause) => pause,
            Next::End(error) => return Err(error.into()),
        };
        if waiting.trouble() != told.as_deref() {
            watcher.trouble(waiting.trouble());
        }
    }
}

async fn ask(server: &Server, device: &DeviceAnswer) -> Result<TokenAnswer, CallError> {
    let question = ForToken {
        device_code: device.device_code.expose_secret(),
    };
    server.post(&["api", "auth", "cli", "token"], &question, None).await
}

/// What a failed question for the token means; a certificate that is not trusted ends the login.
fn heard(error: CallError) -> Result<Answered, LoginError> {
    match error {
        CallError::Refused { status, words, .. } => Ok(device::answered(status, &words)),
        CallError::Unreachable { source, .. } => Ok(Answered::Trouble(source.to_string())),
        error @ (CallError::Untrusted { .. } | CallError::Answer { .. }) => Err(error.into()),
    }
}

/// Logs in by a password: the session that it gives approves a code of our own.
pub async fn by_password(server: &Server, user: &str, password: &SecretString) -> Result<TokenAnswer, LoginError> {
    let body = ByPassword {
        username: user,
        password: password.expose_secret(),
    };
    let answer = server
        .send(
            &Request::new(Method::POST, &["api", "auth", "login"]),
            Some(&body),
            None,
        )
        .await?;
    let cookie = answer
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .find_map(|cookie| session_of(cookie.to_str().ok()?));
    let (status, text) = server.read(answer).await?;
    if status != 200 {
        return Err(LoginError::Password(
            server.address().to_string(),
            server.refused(status, &text),
        ));
    }
    let session = cookie.ok_or_else(|| server.answer("it gives no session".to_owned()))?;
    by_session(server, &session).await
}

/// Logs in by a session of the server: it approves a code of our own.
pub async fn by_session(server: &Server, session: &SecretString) -> Result<TokenAnswer, LoginError> {
    let device = begin(server).await?;
    let code = ForToken {
        device_code: device.device_code.expose_secret(),
    };
    let _: IgnoredAny = server
        .post(&["api", "auth", "cli", "approve"], &code, Some(session))
        .await?;
    Ok(ask(server, &device).await?)
}

/// The token in a `Set-Cookie`, if it is that of a session.
fn session_of(cookie: &str) -> Option<SecretString> {
    let (name, rest) = cookie.split_once('=')?;
    let token = rest.split(';').next()?;
    (name == "butler_session" && !token.is_empty()).then(|| SecretString::from(token.to_owned()))
}
