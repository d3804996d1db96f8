//! Logins by any OpenID Connect provider, for clusters whose API server trusts it.
//!
//! `provider` finds the issuer's endpoints and keys, `grant` gets tokens there by the device grant of RFC 8628, `claims`
//! checks the ID token, `trust` asks the API server whether it takes it, and `kubeconfig` writes it down. [`Login`] is all of
//! that in a row; [`renew`] and [`revoke`] are what comes later.
//!
//! The library reads metadata, keys and tokens and checks signatures. Its own loop for the device grant is left out: ours is the
//! one of every other login, so that waiting, trouble on the way and endings are the same everywhere.

mod claims;
mod error;
mod grant;
mod kubeconfig;
mod provider;
mod trust;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use crate::address::ServerAddress;
use crate::http::Server;
use crate::login::Watcher;
use crate::session::{Issuer, Session};
use crate::wire::{DeviceAnswer, Person};
use claims::Identity;
pub use claims::Skew;
pub use error::{Kind, OidcError};
use grant::{Begun, Tokens};
use provider::Provider;

/// What is asked for where no scopes are named: who it is, and to be renewed.
pub const USUAL_SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// What people name for such a login.
#[derive(Debug, Clone)]
pub struct Request {
    /// The issuer, exactly as the API server knows it.
    pub issuer: String,
    /// The authority of its certificate (PEM), where the system does not trust it.
    pub issuer_authority: Option<String>,
    /// What the issuer knows these programs by.
    pub client_id: String,
    /// What is asked for; nothing: the usual scopes that the issuer offers.
    pub scopes: Vec<String>,
    /// The API server of the management cluster.
    pub api: ServerAddress,
    /// The authority of its certificate (PEM), where the system does not trust it.
    pub authority: Option<String>,
}

/// A login that waits for a person.
pub struct Login {
    request: Request,
    provider: Provider,
    api: Server,
    begun: Begun,
}

impl Login {
    /// Finds the issuer and begins a login there.
    pub async fn begin(request: Request) -> Result<Self, OidcError> {
        let api = trust::api(request.api.clone(), request.authority.as_deref())?;
        let provider = Provider::discover(&request.issuer, request.issuer_authority.as_deref()).await?;
        let begun = grant::begin(&provider, &request.client_id, &request.scopes).await?;
        Ok(Self {
            request,
            provider,
            api,
            begun,
        })
    }

    /// What the person has to know.
    pub fn device(&self) -> &DeviceAnswer {
        &self.begun.device
    }

    /// Waits for the person, and shows that the cluster takes what the issuer gives. Nothing is kept here.
    pub async fn wait(self, watcher: &mut impl Watcher, now: fn() -> Timestamp) -> Result<Session, OidcError> {
        let client_id = &self.request.client_id;
        let tokens = grant::wait(&self.provider, client_id, &self.begun, watcher).await?;
        let id_token = tokens.id_token.as_ref().ok_or_else(|| OidcError::NoIdToken {
            issuer: self.provider.issuer().to_owned(),
            renewed: false,
        })?;
        let identity = claims::check(self.provider.expects(client_id), id_token, now())?;
        let known = trust::ask(&self.api, id_token, self.provider.issuer(), client_id).await?;
        let user = person(&identity, known);
        let issuer = Issuer {
            url: self.provider.issuer().to_owned(),
            client_id: client_id.clone(),
            scopes: self.begun.scopes,
            authority: self.request.issuer_authority,
            subject: identity.subject.clone(),
        };
        let kubeconfig = kubeconfig::of(&self.request.api, self.request.authority.as_deref(), id_token)?;
        Ok(Session {
            user,
            kubeconfig,
            expires_at: identity.ends,
            session_token: None,
            session_expires_at: None,
            refresh_expires_at: tokens.refresh_ends(now()),
            refresh_token: tokens.refresh_token,
            active_team: None,
            authority: self.request.authority,
            issuer: Some(Box::new(issuer)),
        })
    }
}

/// Who logged in. The cluster's own name for the person stands in for an address that the issuer does not tell.
fn person(identity: &Identity, known: Option<String>) -> Person {
    let email = identity.email.clone().or(known);
    Person {
        email: email.unwrap_or_else(|| identity.subject.clone()),
        name: identity.name.as_deref().unwrap_or("").to_owned(),
        teams: Vec::new(),
        is_platform_admin: false,
    }
}

/// What an issuer gave for a refresh token.
#[derive(Debug)]
pub struct Renewal {
    /// The session to keep: with what took the place of the spent refresh token, also where the rest is no good.
    pub session: Session,
    /// Whether the session is good now.
    pub outcome: Result<(), OidcError>,
}

/// Renews a session at its issuer. An error means that the refresh token was not taken.
pub async fn renew(
    before: &Session,
    issuer: &Issuer,
    api: &ServerAddress,
    now: fn() -> Timestamp,
) -> Result<Renewal, OidcError> {
    let token = before.refresh_token.as_ref().ok_or_else(|| OidcError::NoRefreshToken {
        issuer: issuer.url.clone(),
    })?;
    // Keys before tokens: a token that could not be checked would cost the refresh token for nothing.
    let provider = Provider::discover(&issuer.url, issuer.authority.as_deref()).await?;
    let tokens = grant::refresh(&provider, &issuer.client_id, token).await?;
    let mut session = before.clone();
    if let Some(next) = &tokens.refresh_token {
        session.refresh_token = Some(next.clone());
        session.refresh_expires_at = tokens.refresh_ends(now());
    }
    let outcome = renewed(&provider, issuer, &tokens, now()).and_then(|(identity, id_token)| {
        session.kubeconfig = kubeconfig::of(api, before.authority.as_deref(), &id_token)?;
        session.expires_at = identity.ends;
        Ok(())
    });
    Ok(Renewal { session, outcome })
}

/// The ID token of a refresh, which must be there and be that of the same person.
fn renewed(
    provider: &Provider,
    issuer: &Issuer,
    tokens: &Tokens,
    now: Timestamp,
) -> Result<(Identity, SecretString), OidcError> {
    let id_token = tokens.id_token.clone().ok_or_else(|| OidcError::NoIdToken {
        issuer: issuer.url.clone(),
        renewed: true,
    })?;
    let identity = claims::check(provider.expects(&issuer.client_id), &id_token, now)?;
    if identity.subject != issuer.subject {
        return Err(OidcError::OtherSubject {
            issuer: issuer.url.clone(),
            before: issuer.subject.clone(),
            now: identity.subject,
        });
    }
    Ok((identity, id_token))
}

/// What became of the tokens that an issuer had given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// The issuer has taken the refresh token back.
    RefreshToken,
    /// The issuer offers no way to do so.
    NotOffered,
    /// There was no refresh token.
    Nothing,
}

/// Asks an issuer to take back what it can.
pub async fn revoke(session: &Session, issuer: &Issuer) -> Result<Revoked, OidcError> {
    let Some(token) = &session.refresh_token else {
        return Ok(Revoked::Nothing);
    };
    let provider = Provider::discover(&issuer.url, issuer.authority.as_deref()).await?;
    let offered = grant::revoke(&provider, &issuer.client_id, token.expose_secret()).await?;
    Ok(if offered {
        Revoked::RefreshToken
    } else {
        Revoked::NotOffered
    })
}
