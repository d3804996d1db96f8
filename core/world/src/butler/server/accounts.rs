//! Who there is: users, their passwords, and what they are in which team.

use std::collections::BTreeMap;

use butler_api::membership::{self, Person};
use butler_api::names::{self, SYSTEM_NAMESPACE};
use butler_api::v1alpha1::shared::SecretRef;
use butler_api::v1alpha1::team::{Team, TeamRole};
use butler_api::v1alpha1::user::{PlatformRole, TeamMembership, User, UserPhase};
use butler_embedded::{Local, Refused};
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::{Deserialize, Serialize};

use super::kinds::{self, SECRETS, TEAMS, USERS};

/// The key of a password's hash in its Secret.
const PASSWORD_KEY: &str = "password";

/// A team that somebody is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Membership {
    pub(super) name: String,
    pub(super) role: String,
}

/// What somebody is on the whole platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    Admin,
    Viewer,
    Nobody,
}

impl Platform {
    /// What a user's own object says.
    pub(super) fn of(user: &User) -> Self {
        let spec = &user.spec;
        match &spec.platform_role {
            _ if spec.is_platform_admin == Some(true) => Self::Admin,
            Some(PlatformRole::Admin) => Self::Admin,
            Some(PlatformRole::Viewer) => Self::Viewer,
            _ => Self::Nobody,
        }
    }

    /// The word for it in tokens and answers.
    pub(super) fn word(self) -> Option<&'static str> {
        match self {
            Self::Admin => Some("admin"),
            Self::Viewer => Some("viewer"),
            Self::Nobody => None,
        }
    }
}

/// Which of two roles is more; a role that is not known is the least.
pub(super) fn rank(role: &str) -> u8 {
    membership::rank(&TeamRole::from(role))
}

/// All users.
pub(super) fn users(local: &Local) -> Result<Vec<User>, Refused> {
    kinds::list(local, USERS, "")
}

/// All teams.
pub(super) fn teams(local: &Local) -> Result<Vec<Team>, Refused> {
    kinds::list(local, TEAMS, "")
}

/// The user of an e-mail address.
pub(super) fn by_email(local: &Local, email: &str) -> Result<Option<User>, Refused> {
    let is = |user: &User| user.spec.email.eq_ignore_ascii_case(email.trim());
    Ok(users(local)?.into_iter().find(is))
}

/// The user of a user name, else of an e-mail address.
pub(super) fn by_name_or_email(local: &Local, who: &str) -> Result<Option<User>, Refused> {
    match kinds::find(local, USERS, "", who)? {
        Some(user) => Ok(Some(user)),
        None => by_email(local, who),
    }
}

/// The name of a user for people: the display name, else the user name.
pub(super) fn name_of(user: &User) -> String {
    let shown = user.spec.display_name.clone().filter(|name| !name.is_empty());
    shown.unwrap_or_else(|| user_name(user).to_owned())
}

/// The user name, which is the name of the object.
pub(super) fn user_name(user: &User) -> &str {
    user.metadata.name.as_deref().unwrap_or("")
}

/// Whether somebody still has to choose a password.
pub(super) fn is_pending(user: &User) -> bool {
    let status = user.status.as_ref();
    match status.and_then(|status| status.phase.as_ref()) {
        Some(phase) => *phase == UserPhase::Pending,
        None => status.is_none_or(|status| status.password_secret_ref.is_none()),
    }
}

/// The hash of a user's password, where there is one.
pub(super) fn password_hash(local: &Local, user: &User) -> Result<Option<String>, Refused> {
    let reference = user
        .status
        .as_ref()
        .and_then(|status| status.password_secret_ref.as_ref());
    let Some(reference) = reference else {
        return Ok(None);
    };
    let namespace = reference.namespace.as_deref().unwrap_or(SYSTEM_NAMESPACE);
    let key = reference.key.as_deref().unwrap_or(PASSWORD_KEY);
    let secret: Option<Secret> = kinds::find(local, SECRETS, namespace, &reference.name)?;
    let data = secret.and_then(|secret| secret.data?.remove(key));
    Ok(data.and_then(|data| String::from_utf8(data.0).ok()))
}

/// Keeps the hash of a password in its Secret, and makes the account an active one without invitation.
#[expect(clippy::disallowed_macros, reason = "a merge patch says what is to go")]
pub(crate) fn keep_password(local: &Local, name: &str, hash: &str, now: Timestamp) -> Result<(), Refused> {
    let secret_name = names::user_password(name);
    let secret = kinds::value(&Secret {
        metadata: ObjectMeta {
            name: Some(secret_name.clone()),
            namespace: Some(SYSTEM_NAMESPACE.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(
            PASSWORD_KEY.to_owned(),
            ByteString(hash.as_bytes().to_vec()),
        )])),
        ..Secret::default()
    })?;
    let at = SECRETS.at(SYSTEM_NAMESPACE);
    match local.create(at, secret.clone()) {
        Err(error) if error.code == 409 => local.patch(at, &secret_name, false, secret).map(drop)?,
        result => result.map(drop)?,
    }
    let reference = SecretRef {
        name: secret_name,
        namespace: Some(SYSTEM_NAMESPACE.to_owned()),
        key: Some(PASSWORD_KEY.to_owned()),
    };
    let patch = serde_json::json!({"status": {
        "phase": UserPhase::Active, "passwordSecretRef": reference, "passwordChangedAt": Time(now),
        "inviteTokenHash": null, "inviteExpiresAt": null, "inviteSentAt": null,
    }});
    local.patch(USERS.at(""), name, true, patch).map(drop)
}

/// The teams of somebody, by name, with the highest role in each. From where his groups are nobody asks here.
pub(super) fn memberships(teams: &[Team], email: &str, groups: &[String]) -> Vec<Membership> {
    let person = Person {
        email,
        groups,
        provider: None,
    };
    let teams = person.teams(teams).into_iter();
    let membership = |team: TeamMembership| Membership {
        name: team.name,
        role: team.role,
    };
    teams.map(membership).collect()
}

/// The word for a role; without one it is the least.
pub(super) fn role_word(role: Option<&TeamRole>) -> String {
    membership::effective(role).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn team(name: &str, access: &serde_json::Value) -> Team {
        serde_json::from_value(json!({
            "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "Team",
            "metadata": {"name": name}, "spec": {"access": access},
        }))
        .unwrap()
    }

    #[test]
    fn the_highest_role_counts_whether_own_or_of_a_group() {
        let teams = [
            team(
                "beta",
                &json!({"users": [{"name": "Bob@Example.com", "role": "viewer"}]}),
            ),
            team(
                "alpha",
                &json!({"users": [{"name": "bob@example.com"}], "groups": [{"name": "alpha-devs", "role": "operator"}]}),
            ),
            team(
                "other",
                &json!({"users": [{"name": "alice@example.com", "role": "admin"}]}),
            ),
        ];
        let found = |groups: &[&str]| {
            let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
            let memberships = memberships(&teams, "bob@example.com", &groups);
            memberships
                .into_iter()
                .map(|m| format!("{}:{}", m.name, m.role))
                .collect::<Vec<_>>()
        };
        assert_eq!(found(&[]), ["alpha:viewer", "beta:viewer"]);
        assert_eq!(found(&["Alpha-Devs@corp.example"]), ["alpha:operator", "beta:viewer"]);
        assert_eq!(
            found(&["CN=alpha-devs,OU=x,DC=corp"]),
            ["alpha:operator", "beta:viewer"]
        );
    }
}
