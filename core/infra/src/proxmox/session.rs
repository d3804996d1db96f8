//! Who we are: an API token, or the ticket of a login that is renewed before it ends.

use std::{fmt, sync::Arc, time::Duration};

use butler_api::config::{self, ProviderKind, SecretSource};
use reqwest::{
    Method,
    header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::{
    ErrorKind, InfraError,
    call::{Clock, Semantics},
    http::{Body, Http, Request},
};

const KIND: ProviderKind = ProviderKind::Proxmox;
const OP: &str = "log in";
/// A ticket lives for two hours.
const TICKET_LIFE: Duration = Duration::from_mins(90);
const CSRF: HeaderName = HeaderName::from_static("csrfpreventiontoken");

/// Who we are at one cluster.
pub(super) struct Session {
    user: String,
    login: Login,
    clock: Arc<dyn Clock>,
}

enum Login {
    Token(Pass),
    Password {
        username: String,
        password: SecretString,
        ticket: Mutex<Option<Ticket>>,
    },
}

struct Ticket {
    pass: Pass,
    since: Duration,
}

/// What a request shows. Its headers are marked sensitive: nobody prints them.
#[derive(Clone)]
pub(super) struct Pass {
    name: HeaderName,
    value: HeaderValue,
    csrf: Option<HeaderValue>,
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pass([REDACTED])")
    }
}

impl Pass {
    /// Shows it with a request.
    pub(super) fn mark(&self, request: &mut Request<'_>) {
        request.headers.insert(self.name.clone(), self.value.clone());
        if let Some(csrf) = self.csrf.as_ref().filter(|_| request.method != Method::GET) {
            request.headers.insert(CSRF, csrf.clone());
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    data: Granted,
}

/// The answer to a login.
#[derive(Deserialize)]
struct Granted {
    ticket: Option<SecretString>,
    #[serde(rename = "CSRFPreventionToken")]
    csrf: Option<SecretString>,
    #[serde(rename = "NeedTFA", default)]
    second_factor: Option<u8>,
}

impl Session {
    pub(super) fn new(settings: &config::Proxmox, clock: Arc<dyn Clock>) -> Result<Self, InfraError> {
        let username = read(settings.username.as_ref(), "username")?;
        let password = read(settings.password.as_ref(), "password")?;
        let name = username.expose_secret().trim();
        let login = if name.contains('!') {
            let text = format!("PVEAPIToken={name}={}", password.expose_secret().trim());
            Login::Token(Pass {
                name: AUTHORIZATION,
                value: sensitive(&text)?,
                csrf: None,
            })
        } else {
            if !name.contains('@') {
                return Err(credentials(
                    "the user name names no realm",
                    "write USER@REALM, such as root@pam, or USER@REALM!TOKEN",
                ));
            }
            Login::Password {
                username: name.to_owned(),
                password: password.clone(),
                ticket: Mutex::new(None),
            }
        };
        Ok(Self {
            user: name.to_owned(),
            login,
            clock,
        })
    }

    /// The user, or the token with its user: whom the platform notes with a task.
    pub(super) fn user(&self) -> &str {
        &self.user
    }

    pub(super) fn uses_token(&self) -> bool {
        matches!(self.login, Login::Token(_))
    }

    /// What the next request shows; logs in where there is no ticket, or an old one.
    pub(super) async fn pass(&self, http: &Http) -> Result<Pass, InfraError> {
        match &self.login {
            Login::Token(pass) => Ok(pass.clone()),
            Login::Password {
                username,
                password,
                ticket,
            } => {
                // Whoever comes meanwhile waits for this login instead of starting another.
                let mut held = ticket.lock().await;
                let now = self.clock.elapsed();
                if let Some(ticket) = held.as_ref().filter(|t| now.saturating_sub(t.since) < TICKET_LIFE) {
                    return Ok(ticket.pass.clone());
                }
                let pass = log_in(http, username, password).await?;
                *held = Some(Ticket {
                    pass: pass.clone(),
                    since: now,
                });
                Ok(pass)
            }
        }
    }

    /// Forgets a ticket that was refused, unless another has taken its place.
    pub(super) async fn forget(&self, refused: &Pass) {
        if let Login::Password { ticket, .. } = &self.login {
            let mut held = ticket.lock().await;
            if held.as_ref().is_some_and(|ticket| ticket.pass.value == refused.value) {
                *held = None;
            }
        }
    }
}

async fn log_in(http: &Http, username: &str, password: &SecretString) -> Result<Pass, InfraError> {
    let mut request = Request::new(Method::POST, &["access", "ticket"], OP, username);
    // A second ticket does no harm.
    request.semantics = Semantics::Idempotent;
    request.body = Body::Form(vec![
        ("username".into(), username.to_owned()),
        ("password".into(), password.expose_secret().to_owned()),
    ]);
    let granted = http.json::<Envelope>(&request).await.map_err(|error| {
        if error.kind == ErrorKind::Unauthenticated {
            error.hint("check user name, realm and password; better, make an API token and write USER@REALM!TOKEN")
        } else {
            error
        }
    })?;
    let Granted {
        ticket,
        csrf,
        second_factor,
    } = granted.data;
    if second_factor.is_some_and(|needed| needed != 0) {
        return Err(credentials(
            "this user logs in with a second factor, which a program does not have",
            "make an API token for it and write USER@REALM!TOKEN",
        ));
    }
    let (Some(ticket), Some(csrf)) = (ticket, csrf) else {
        return Err(InfraError::new(
            KIND,
            OP,
            ErrorKind::Protocol,
            "the login was answered without a ticket",
        ));
    };
    Ok(Pass {
        name: COOKIE,
        value: sensitive(&format!("PVEAuthCookie={}", ticket.expose_secret()))?,
        csrf: Some(sensitive(csrf.expose_secret())?),
    })
}

fn read<'a>(source: Option<&'a SecretSource>, field: &'static str) -> Result<&'a SecretString, InfraError> {
    let hint = "set username and password in the provider's settings, as a file, an environment variable or a command";
    match source {
        Some(SecretSource::Clear(secret)) if !secret.expose_secret().trim().is_empty() => Ok(secret),
        Some(SecretSource::Clear(_)) => Err(credentials(&format!("the {field} is empty"), hint)),
        Some(_) => Err(credentials(&format!("the {field} was not read from its source"), hint)),
        None => Err(credentials(&format!("no {field} is given"), hint)),
    }
}

fn sensitive(text: &str) -> Result<HeaderValue, InfraError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        credentials(
            "the credentials hold characters that no header can carry",
            "check that the source holds the secret and nothing else",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn credentials(message: &str, hint: &str) -> InfraError {
    InfraError::new(KIND, OP, ErrorKind::Unauthenticated, message).hint(hint)
}
