//! A session: what a login gave, and what it is good for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use crate::wire::{Person, TokenAnswer};

/// Tokens are renewed before they end: clocks differ, and a command takes its time.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// What a login on one server gave.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Who logged in.
    pub user: Person,
    /// A kubeconfig for the management cluster, in base64.
    #[serde(serialize_with = "exposed")]
    pub kubeconfig: SecretString,
    /// When the token in it ends.
    pub expires_at: Timestamp,
    /// The token for the server itself.
    #[serde(default, serialize_with = "exposed_if_any", skip_serializing_if = "Option::is_none")]
    pub session_token: Option<SecretString>,
    /// When that ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_expires_at: Option<Timestamp>,
    /// What a refresh is asked with, once. Some issuers give none.
    #[serde(default, serialize_with = "exposed_if_any", skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<SecretString>,
    /// When that ends, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_expires_at: Option<Timestamp>,
    /// The team whose namespace commands use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_team: Option<String>,
    /// The authority of the server's certificate (PEM), where the system does not trust it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Who gave the login, where it was not Butler's server. The server that it is kept for is then the cluster's API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Box<Issuer>>,
}

/// An OpenID Connect issuer, and what a login of it is renewed with. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Issuer {
    /// Its address, exactly as it calls itself.
    pub url: String,
    /// What it knows these programs by.
    pub client_id: String,
    /// What it was asked for.
    pub scopes: Vec<String>,
    /// The authority of its certificate (PEM), where the system does not trust it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Who it says logged in.
    pub subject: String,
}

/// Why the kubeconfig of a session cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SessionKubeconfigError {
    /// It is no base64.
    #[error("it is not in base64")]
    Encoding,
    /// It is no text.
    #[error("it is no text")]
    Text,
}

/// What may be known of a session by everybody who may see the screen: all of it but its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    /// Who logged in.
    pub user: Person,
    /// When the token in the kubeconfig ends.
    pub expires_at: Timestamp,
    /// When the token for the server itself ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_expires_at: Option<Timestamp>,
    /// Until when both can be renewed, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_expires_at: Option<Timestamp>,
    /// The team whose namespace commands use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_team: Option<String>,
    /// The authority of the server's certificate (PEM), where the system does not trust it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Who gave the login, where it was not Butler's server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Box<Issuer>>,
}

/// What is to be done before a session is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It is good.
    Good,
    /// Its tokens have ended or soon will, and can be renewed.
    Renew,
    /// Nothing can renew it: a login is needed.
    Ended,
}

impl Session {
    /// The session that an answer of the server gives. What the person chose before stays, where it still can be chosen.
    pub fn of(answer: TokenAnswer, before: Option<&Known>) -> Self {
        let is_member = |team: &&String| answer.user.teams.iter().any(|known| known.name == **team);
        let chosen = before.and_then(|before| before.active_team.as_ref());
        let only = answer.user.teams.first().map(|team| &team.name);
        let active_team = chosen.filter(is_member).or(only).cloned();
        Self {
            active_team,
            authority: before.and_then(|before| before.authority.clone()),
            user: answer.user,
            kubeconfig: answer.kubeconfig,
            expires_at: answer.expires_at,
            session_token: answer.session_token,
            session_expires_at: answer.session_expires_at,
            refresh_token: Some(answer.refresh_token),
            refresh_expires_at: Some(answer.refresh_expires_at),
            issuer: None,
        }
    }

    /// All of it but its secrets.
    pub fn known(&self) -> Known {
        Known {
            user: self.user.clone(),
            expires_at: self.expires_at,
            session_expires_at: self.session_expires_at,
            refresh_expires_at: self.refresh_expires_at,
            active_team: self.active_team.clone(),
            authority: self.authority.clone(),
            issuer: self.issuer.clone(),
        }
    }

    /// How good it is at this time.
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        if self.known().is_good(now) {
            return Freshness::Good;
        }
        match self.renewable(now) {
            Some(_) => Freshness::Renew,
            None => Freshness::Ended,
        }
    }

    /// What it can be renewed with at this time.
    pub(crate) fn renewable(&self, now: Timestamp) -> Option<&SecretString> {
        let token = self.refresh_token.as_ref();
        token.filter(|_| self.refresh_expires_at.is_none_or(|end| end > now))
    }

    /// The kubeconfig for the management cluster, as text.
    pub fn kubeconfig_text(&self) -> Result<SecretString, SessionKubeconfigError> {
        let bytes = BASE64
            .decode(self.kubeconfig.expose_secret())
            .map_err(|_| SessionKubeconfigError::Encoding)?;
        let text = String::from_utf8(bytes).map_err(|_| SessionKubeconfigError::Text)?;
        Ok(text.into())
    }

    /// Teams that it had and that `later` lacks.
    pub fn lost_teams(&self, later: &Self) -> Vec<String> {
        let kept = |name: &str| later.user.teams.iter().any(|team| team.name == name);
        let lost = self.user.teams.iter().filter(|team| !kept(&team.name));
        lost.map(|team| team.name.clone()).collect()
    }
}

impl Known {
    /// The tokens of the session are good at this time, and for a while.
    pub fn is_good(&self, now: Timestamp) -> bool {
        let soon = now.saturating_add(MARGIN).unwrap_or(Timestamp::MAX);
        let session = self.session_expires_at.unwrap_or(Timestamp::MAX);
        self.expires_at > soon && session > soon
    }
}

fn exposed<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

#[expect(clippy::ref_option, reason = "serde hands a reference to the field")]
fn exposed_if_any<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => exposed(secret, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::wire::Membership;

    /// A session that ends at this second, and can be renewed until a later one.
    pub(crate) fn session(teams: &[&str], expires: i64, refresh: i64) -> Session {
        let at = |second| Timestamp::from_second(second).unwrap();
        Session {
            user: Person {
                email: "alice@example.com".to_owned(),
                name: "Alice".to_owned(),
                teams: teams
                    .iter()
                    .map(|name| Membership {
                        name: (*name).to_owned(),
                        role: "operator".to_owned(),
                    })
                    .collect(),
                is_platform_admin: false,
            },
            kubeconfig: "kubeconfig".to_owned().into(),
            expires_at: at(expires),
            session_token: Some("session".to_owned().into()),
            session_expires_at: Some(at(expires)),
            refresh_token: Some("refresh".to_owned().into()),
            refresh_expires_at: Some(at(refresh)),
            active_team: teams.first().map(|team| (*team).to_owned()),
            authority: None,
            issuer: None,
        }
    }

    #[test]
    fn a_session_is_renewed_a_while_before_it_ends() {
        let session = session(&[], 1000, 2000);
        let at = |second| session.freshness(Timestamp::from_second(second).unwrap());
        assert_eq!(at(900), Freshness::Good);
        assert_eq!(at(950), Freshness::Renew);
        assert_eq!(at(1999), Freshness::Renew);
        assert_eq!(at(2000), Freshness::Ended);
    }

    #[test]
    fn a_session_without_a_refresh_token_ends_and_one_whose_end_is_not_known_is_renewed() {
        let mut session = session(&[], 1000, 2000);
        let late = Timestamp::from_second(5000).unwrap();
        session.refresh_expires_at = None;
        assert_eq!(session.freshness(late), Freshness::Renew);
        session.refresh_token = None;
        assert_eq!(session.freshness(late), Freshness::Ended);
    }

    #[test]
    fn a_missing_session_token_is_no_reason_to_renew() {
        let mut session = session(&[], 1000, 2000);
        (session.session_token, session.session_expires_at) = (None, None);
        assert_eq!(session.freshness(Timestamp::UNIX_EPOCH), Freshness::Good);
    }

    #[test]
    fn lost_teams_are_named_and_a_chosen_one_that_is_lost_is_left() {
        let (before, after) = (session(&["a", "b"], 1, 2), session(&["b"], 1, 2));
        assert_eq!(before.lost_teams(&after), ["a"]);
        let at = after.expires_at;
        let answer = TokenAnswer {
            user: after.user.clone(),
            kubeconfig: "k".to_owned().into(),
            expires_at: after.expires_at,
            session_token: None,
            session_expires_at: None,
            refresh_token: "r".to_owned().into(),
            refresh_expires_at: at,
        };
        assert_eq!(
            Session::of(answer, Some(&before.known())).active_team.as_deref(),
            Some("b")
        );
    }
}
