//! Invitations: a link by which somebody chooses a password. It is shown once; what is kept is its fingerprint.

use std::fmt::Write as _;

use butler_api::v1alpha1::user::{UserPhase, UserStatus};
use butler_client::address::ServerAddress;
use butler_client::logged_in::{LoggedIn, ServerError};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::networking::v1::{Ingress, IngressSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use kube::api::{Api, DynamicObject, ListParams};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::list::Row;
use crate::change::Writer;
use crate::reach::Reach;

/// How long an invitation is good.
const LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Bytes of chance in a token.
const TOKEN: usize = 32;

/// An invitation. Whoever has its link can become that person.
#[derive(Debug)]
pub struct Invitation {
    /// The page on which the password is chosen; only its path where nobody knows where the console is.
    pub link: SecretString,
    /// Whether the link lacks the address of the console.
    pub is_path: bool,
    /// When it ends, as far as it is known.
    pub expires: Option<Timestamp>,
}

/// Why nobody was invited.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// The person has no password here.
    #[error("{0} logs in by an identity provider and needs no invitation")]
    SingleSignOn(String),
    /// The person may not log in.
    #[error("{0} is disabled")]
    Disabled(String),
    /// The system gives no chance.
    #[error("cannot make a token")]
    Chance(#[from] getrandom::Error),
    /// The server did not do it.
    #[error("cannot invite {user}")]
    Server {
        /// The name of the account.
        user: String,
        /// What went wrong.
        source: ServerError,
    },
    /// The API server did not do it.
    #[error("cannot write the invitation of {user}")]
    Kubernetes {
        /// The name of the account.
        user: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServersInvitation {
    invite_url: SecretString,
}

impl ServersInvitation {
    /// What the server says; it tells no time, which is the same for every invitation.
    pub(super) fn invitation(self, now: Timestamp) -> Invitation {
        Invitation {
            link: self.invite_url,
            is_path: false,
            expires: now.checked_add(LIFETIME).ok(),
        }
    }
}

/// Invites somebody once more. Earlier invitations end; a password that there is stays until another one is chosen.
pub async fn invite(
    reach: &Reach,
    writer: &Writer,
    user: &DynamicObject,
    base: Option<&ServerAddress>,
    now: Timestamp,
) -> Result<Invitation, InviteError> {
    let row = Row::of(user);
    if row.auth_type == "sso" {
        return Err(InviteError::SingleSignOn(row.name));
    }
    if row.disabled {
        return Err(InviteError::Disabled(row.name));
    }
    match &reach.server {
        Some(server) => by_server(server, &row.name, now).await,
        None => by_kubernetes(reach, writer, user, base, now).await,
    }
}

async fn by_server(server: &LoggedIn, user: &str, now: Timestamp) -> Result<Invitation, InviteError> {
    let path = ["api", "admin", "users", user, "invite"];
    let answer = server.send(Method::POST, &path, None::<&()>).await;
    let answer: ServersInvitation = answer.map_err(|source| InviteError::Server {
        user: user.to_owned(),
        source,
    })?;
    Ok(answer.invitation(now))
}

/// Writes an invitation into the status of an account.
pub(super) async fn by_kubernetes(
    reach: &Reach,
    writer: &Writer,
    user: &DynamicObject,
    base: Option<&ServerAddress>,
    now: Timestamp,
) -> Result<Invitation, InviteError> {
    let row = Row::of(user);
    let token = token()?;
    let expires = now.checked_add(LIFETIME).ok();
    let status = UserStatus {
        // Somebody who has a password can still use it.
        phase: row.phase.is_none().then_some(UserPhase::Pending),
        invite_token_hash: Some(hex(&Sha256::digest(token.expose_secret().as_bytes())).into()),
        invite_expires_at: expires.map(Time),
        invite_sent_at: Some(Time(now)),
        ..UserStatus::default()
    };
    let written = writer.status(&super::api(reach), &row.name, &status).await;
    written.map_err(|source| InviteError::Kubernetes {
        user: user.name_any(),
        source: Box::new(source),
    })?;
    let base = match base {
        Some(base) => Some(base.to_string()),
        None => console(reach).await,
    };
    let path = format!("/invite/{}", token.expose_secret());
    Ok(Invitation {
        is_path: base.is_none(),
        link: SecretString::from(match base {
            Some(base) => base.trim_end_matches('/').to_owned() + &path,
            None => path,
        }),
        expires,
    })
}

fn token() -> Result<SecretString, getrandom::Error> {
    let mut bytes = [0; TOKEN];
    getrandom::fill(&mut bytes)?;
    Ok(SecretString::from(hex(&bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Where the console is, if an Ingress says so.
async fn console(reach: &Reach) -> Option<String> {
    let api: Api<Ingress> = Api::namespaced(reach.client.clone(), butler_api::names::SYSTEM_NAMESPACE);
    let all = api.list(&ListParams::default()).await.ok()?;
    all.items.iter().find_map(|ingress| address(ingress.spec.as_ref()?))
}

/// The address at which an Ingress serves the console.
fn address(spec: &IngressSpec) -> Option<String> {
    let rule = spec.rules.iter().flatten().find(|rule| {
        let paths = rule.http.iter().flat_map(|http| &http.paths);
        let mut services = paths.filter_map(|path| path.backend.service.as_ref());
        services.any(|service| service.name.starts_with("butler-console"))
    })?;
    let host = rule.host.as_ref()?;
    let encrypted = spec.tls.iter().flatten().flat_map(|tls| tls.hosts.iter().flatten());
    let scheme = if encrypted.into_iter().any(|name| name == host) {
        "https"
    } else {
        "http"
    };
    Some(format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_token_is_another_and_has_32_bytes() {
        let tokens = [token().unwrap(), token().unwrap()].map(|token| token.expose_secret().to_owned());
        assert_ne!(tokens[0], tokens[1]);
        assert!(
            tokens
                .iter()
                .all(|token| token.len() == 64 && token.chars().all(|c| c.is_ascii_hexdigit()))
        );
    }

    #[expect(clippy::needless_pass_by_value, reason = "tests write values where they use them")]
    fn ingress(service: &str, tls: Value) -> IngressSpec {
        let path = json!({"path": "/", "pathType": "Prefix", "backend": {"service": {"name": service}}});
        let rule = json!({"host": "butler.example.com", "http": {"paths": [path]}});
        serde_json::from_value(json!({"rules": [rule], "tls": tls})).unwrap()
    }

    #[test]
    fn the_console_is_where_its_ingress_is() {
        let encrypted = json!([{"hosts": ["butler.example.com"], "secretName": "s"}]);
        let at = |service, tls| address(&ingress(service, tls));
        let console = "butler-console-frontend";
        assert_eq!(at(console, encrypted).as_deref(), Some("https://butler.example.com"));
        assert_eq!(at(console, json!([])).as_deref(), Some("http://butler.example.com"));
        assert_eq!(at("another", json!([])), None);
    }
}
