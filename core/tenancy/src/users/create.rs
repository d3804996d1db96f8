//! New accounts: nobody gets a second one, and everybody an invitation.

use std::convert::Infallible;

use butler_api::v1alpha1::User;
use butler_api::v1alpha1::user::{AuthType, PlatformRole, UserSpec};
use butler_client::address::ServerAddress;
use butler_client::logged_in::{LoggedIn, ServerError};
use http::Method;
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde::{Deserialize, Serialize};

use super::email::Email;
use super::find;
use super::invite::{self, Invitation, InviteError, ServersInvitation};
use crate::change::{ChangeError, Spec, Writer, code};
use crate::pages;
use crate::reach::Reach;

/// Who is to get an account.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The address.
    pub email: Email,
    /// The name of the object; without it one that comes from the address.
    pub name: Option<String>,
    /// The name for people.
    pub display_name: Option<String>,
    /// What the person may do on the whole platform.
    pub role: Option<PlatformRole>,
}

/// An account that was made.
#[derive(Debug)]
pub struct Created {
    /// The object.
    pub user: DynamicObject,
    /// The invitation; none where it was only tried.
    pub invitation: Option<Invitation>,
}

/// Why there is no new account, or no invitation for it.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The person has one.
    #[error("{email} has an account already: user {name}")]
    Exists {
        /// The address.
        email: Email,
        /// The name of the account.
        name: String,
    },
    /// Somebody else's account has the name.
    #[error("another user has the name {0}")]
    Taken(String),
    /// The API server did not do it.
    #[error("cannot create user {name}")]
    Kubernetes {
        /// The name of the object.
        name: String,
        /// What the API server said.
        source: ChangeError<Infallible>,
    },
    /// The server did not do it.
    #[error("cannot create user {name}")]
    Server {
        /// The name of the object.
        name: String,
        /// What went wrong.
        source: ServerError,
    },
    /// The account is there, and what comes after it is not.
    #[error("user {name} was created, but is not a platform {role} yet")]
    Role {
        /// The name of the account.
        name: String,
        /// The role.
        role: PlatformRole,
        /// What the API server said.
        source: ChangeError<Infallible>,
        /// The invitation, which is told once.
        invitation: Invitation,
    },
    /// The account is there without an invitation.
    #[error("user {name} was created, but not invited")]
    Invite {
        /// The name of the account.
        name: String,
        /// What went wrong.
        source: InviteError,
    },
}

impl Wish {
    /// The name of the object.
    pub fn object_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.email.object_name())
    }

    /// The object.
    pub fn build(&self) -> User {
        User::new(
            &self.object_name(),
            UserSpec {
                auth_type: Some(AuthType::Internal),
                avatar: None,
                disabled: None,
                display_name: self.display_name.clone(),
                email: self.email.to_string(),
                is_platform_admin: None,
                platform_role: self.role.clone(),
                ssh_keys: Vec::new(),
                sso_provider: None,
                sso_subject: None,
            },
        )
    }
}

/// Makes an account, and invites the person. Where somebody is logged in, the server does both.
pub async fn create(
    reach: &Reach,
    writer: &Writer,
    wish: &Wish,
    base: Option<&ServerAddress>,
    now: Timestamp,
) -> Result<Created, CreateError> {
    refuse_second(reach, wish).await?;
    match &reach.server {
        Some(server) if !writer.dry_run => by_server(reach, server, writer, wish, now).await,
        _ => by_kubernetes(reach, writer, wish, base, now).await,
    }
}

async fn refuse_second(reach: &Reach, wish: &Wish) -> Result<(), CreateError> {
    let all = pages::all(&super::api(reach)).await;
    let all = all.map_err(|error| kubernetes(wish, error.into()))?;
    match find::of(&wish.email, all).first() {
        Some(there) => Err(CreateError::Exists {
            email: wish.email.clone(),
            name: there.name_any(),
        }),
        None => Ok(()),
    }
}

fn kubernetes(wish: &Wish, source: ChangeError<Infallible>) -> CreateError {
    CreateError::Kubernetes {
        name: wish.object_name(),
        source,
    }
}

async fn by_kubernetes(
    reach: &Reach,
    writer: &Writer,
    wish: &Wish,
    base: Option<&ServerAddress>,
    now: Timestamp,
) -> Result<Created, CreateError> {
    let user = match writer.create(&super::api(reach), &wish.build()).await {
        Ok(user) => user,
        Err(ChangeError::Kubernetes(error)) if code(&error) == Some(409) => return Err(taken(reach, wish).await),
        Err(error) => return Err(kubernetes(wish, error)),
    };
    if writer.dry_run {
        let invitation = None;
        return Ok(Created { user, invitation });
    }
    let invitation = invite::by_kubernetes(reach, writer, &user, base, now).await;
    let invitation = invitation.map_err(|source| CreateError::Invite {
        name: user.name_any(),
        source,
    })?;
    Ok(Created {
        user,
        invitation: Some(invitation),
    })
}

/// Whose account has the name: perhaps somebody else has made the same one meanwhile.
async fn taken(reach: &Reach, wish: &Wish) -> CreateError {
    match refuse_second(reach, wish).await {
        Ok(()) => CreateError::Taken(wish.object_name()),
        Err(error) => error,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Form<'a> {
    username: &'a str,
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
}

#[derive(Deserialize)]
struct Answer {
    user: AnswersUser,
    #[serde(flatten)]
    invitation: ServersInvitation,
}

#[derive(Deserialize)]
struct AnswersUser {
    username: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoleChange {
    platform_role: Option<PlatformRole>,
}

async fn by_server(
    reach: &Reach,
    server: &LoggedIn,
    writer: &Writer,
    wish: &Wish,
    now: Timestamp,
) -> Result<Created, CreateError> {
    let name = wish.object_name();
    let form = Form {
        username: &name,
        email: wish.email.as_str(),
        display_name: wish.display_name.as_deref(),
    };
    let answer = server.send(Method::POST, &["api", "admin", "users"], Some(&form)).await;
    let failed = |source| CreateError::Server {
        name: name.clone(),
        source,
    };
    let answer: Answer = answer.map_err(failed)?;
    let invitation = answer.invitation.invitation(now);
    // The server's form has no role.
    let role = RoleChange {
        platform_role: wish.role.clone(),
    };
    let change = |_: &DynamicObject| Ok(role.platform_role.as_ref().map(|_| Spec { spec: &role }));
    let changed = writer.change(&super::api(reach), &answer.user.username, change).await;
    match (changed, &wish.role) {
        (Ok(outcome), _) => Ok(Created {
            user: outcome.object,
            invitation: Some(invitation),
        }),
        (Err(source), role) => Err(CreateError::Role {
            name: answer.user.username,
            role: role.clone().unwrap_or(PlatformRole::Unset),
            source,
            invitation,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_an_internal_one_of_the_address() {
        let wish = Wish {
            email: "Ann@Example.com".parse().unwrap(),
            name: None,
            display_name: Some("Ann".to_owned()),
            role: Some(PlatformRole::Admin),
        };
        let user = wish.build();
        assert_eq!(user.metadata.name, Some(wish.email.object_name()));
        assert_eq!(user.spec.email, "ann@example.com");
        assert_eq!(user.spec.platform_role, Some(PlatformRole::Admin));
        assert_eq!(user.spec.is_platform_admin, None);
    }
}
