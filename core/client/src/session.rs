//! A session: what a login gave, and what it is good for.

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
    /// What a refresh is asked with, once.
    #[serde(serialize_with = "exposed")]
    pub refresh_token: SecretString,
    /// When that ends.
    pub refresh_expires_at: Timestamp,
    /// The team whose namespace commands use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_team: Option<String>,
    /// The authority of the server's certificate (PEM), where the system does not trust it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
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
    pub fn of(answer: TokenAnswer, before: Option<&Self>) -> Self {
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
            refresh_token: answer.refresh_token,
            refresh_expires_at: answer.refresh_expires_at,
        }
    }

    /// How good it is at this time.
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        let soon = now.saturating_add(MARGIN).unwrap_or(Timestamp::MAX);
        let session = self.session_expires_at.unwrap_or(Timestamp::MAX);
        if self.expires_at > soon && session > soon {
            return Freshness::Good;
        }
        if self.refresh_expires_at > now {
            Freshness::Renew
        } else {
            Freshness::Ended
        }
    }

    /// Teams that it had and that `later` lacks.
    pub fn lost_teams(&self, later: &Self) -> Vec<String> {
        let kept = |name: &str| later.user.teams.iter().any(|team| team.name == name);
        let lost = self.user.teams.iter().filter(|team| !kept(&team.name));
        lost.map(|team| team.name.clone()).collect()
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
            refresh_token: "refresh".to_owned().into(),
            refresh_expires_at: at(refresh),
            active_team: teams.first().map(|team| (*team).to_owned()),
            authority: None,
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
    fn a_missing_session_token_is_no_reason_to_renew() {
        let mut session = session(&[], 1000, 2000);
        (session.session_token, session.session_expires_at) = (None, None);
        assert_eq!(session.freshness(Timestamp::UNIX_EPOCH), Freshness::Good);
    }

    #[test]
    fn lost_teams_are_named_and_a_chosen_one_that_is_lost_is_left() {
        let (before, after) = (session(&["a", "b"], 1, 2), session(&["b"], 1, 2));
        assert_eq!(before.lost_teams(&after), ["a"]);
        let answer = TokenAnswer {
            user: after.user.clone(),
            kubeconfig: "k".to_owned().into(),
            expires_at: after.expires_at,
            session_token: None,
            session_expires_at: None,
            refresh_token: "r".to_owned().into(),
            refresh_expires_at: after.refresh_expires_at,
        };
        assert_eq!(Session::of(answer, Some(&before)).active_team.as_deref(), Some("b"));
    }
}
