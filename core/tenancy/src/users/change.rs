//! Changes of accounts. The platform does not lose its last administrator unless that is asked for.

use butler_api::names;
use butler_api::v1alpha1::user::PlatformRole;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, DynamicObject, Preconditions};
use serde::Serialize;

use super::administrators;
use super::list::{Platform, Row};
use crate::change::{ChangeError, Outcome, Spec, Writer, code};
use crate::pages;
use crate::reach::Reach;

/// What is to change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wish {
    /// Whether logins are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// The name for people; empty for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What the person may do on the whole platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_role: Option<PlatformRole>,
    /// The deprecated way to say so, of which the higher one counts: it must not contradict.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_platform_admin: Option<bool>,
}

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UserChangeError {
    /// Nobody else could administer the platform.
    #[error("{0} is the last platform administrator who can log in")]
    Last(String),
    /// What the API server said.
    #[error("cannot change user {user}")]
    Kubernetes {
        /// The name of the account.
        user: String,
        /// What went wrong.
        source: ChangeError<std::convert::Infallible>,
    },
}

/// What became of a deletion.
#[derive(Debug)]
pub struct Deleted {
    /// The Secret with the password, where it could not be deleted: somebody of the same name would have it again.
    pub password_stays: Option<String>,
}

impl Wish {
    /// That logins are refused, or not any more.
    pub fn disabled(disabled: bool) -> Self {
        Self {
            disabled: Some(disabled),
            ..Self::default()
        }
    }

    /// That the person has this role and this name, as far as they are named.
    pub fn of(platform_role: Option<PlatformRole>, display_name: Option<String>) -> Self {
        Self {
            display_name,
            platform_role,
            ..Self::default()
        }
    }

    /// Whether this account would be no administrator who can log in any more.
    fn takes_away(&self) -> bool {
        let lesser = |role: &PlatformRole| *role != PlatformRole::Admin;
        self.disabled == Some(true) || self.platform_role.as_ref().is_some_and(lesser)
    }

    /// What of it is not so already.
    fn left(&self, row: &Row) -> Option<Self> {
        let role = match row.platform {
            Platform::Administrator => PlatformRole::Admin,
            Platform::Viewer => PlatformRole::Viewer,
            Platform::Nothing => PlatformRole::Unset,
        };
        let platform_role = self.platform_role.clone().filter(|wanted| *wanted != role);
        let lesser = platform_role.as_ref().filter(|wanted| **wanted != PlatformRole::Admin);
        let left = Self {
            disabled: self.disabled.filter(|wanted| *wanted != row.disabled),
            display_name: self
                .display_name
                .clone()
                .filter(|wanted| row.display_name.as_ref() != Some(wanted)),
            is_platform_admin: lesser.map(|_| false),
            platform_role,
        };
        (left != Self::default()).then_some(left)
    }
}

/// Changes an account.
pub async fn change(
    reach: &Reach,
    writer: &Writer,
    user: &DynamicObject,
    wish: &Wish,
    force: bool,
) -> Result<Outcome, UserChangeError> {
    let name = user.name_any();
    if wish.takes_away() && !force {
        refuse_last(reach, &name).await?;
    }
    let left = |object: &DynamicObject| Ok(wish.left(&Row::of(object)).map(|spec| Spec { spec }));
    let changed = writer.change(&super::api(reach), &name, left).await;
    changed.map_err(|source| UserChangeError::Kubernetes { user: name, source })
}

/// Refuses what would leave the platform without an administrator who can log in.
pub async fn refuse_last(reach: &Reach, name: &str) -> Result<(), UserChangeError> {
    let all = pages::all(&super::api(reach)).await;
    let all = all.map_err(|error| kubernetes(name, error))?;
    if administrators::is_last(name, &all) {
        return Err(UserChangeError::Last(name.to_owned()));
    }
    Ok(())
}

fn kubernetes(name: &str, error: kube::Error) -> UserChangeError {
    UserChangeError::Kubernetes {
        user: name.to_owned(),
        source: error.into(),
    }
}

/// Deletes an account, and the Secret with its password.
pub async fn delete(reach: &Reach, user: &DynamicObject, force: bool) -> Result<Deleted, UserChangeError> {
    let name = user.name_any();
    if !force {
        refuse_last(reach, &name).await?;
    }
    let params = DeleteParams {
        // Not one that somebody has made again meanwhile.
        preconditions: Some(Preconditions {
            uid: user.uid(),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    match super::api(reach).delete(&name, &params).await {
        Err(error) if code(&error) != Some(404) => return Err(kubernetes(&name, error)),
        _ => {}
    }
    let secret = names::user_password(&name);
    let secrets: Api<Secret> = Api::namespaced(reach.client.clone(), names::SYSTEM_NAMESPACE);
    let password_stays = match secrets.delete(&secret, &DeleteParams::default()).await {
        Err(error) if code(&error) != Some(404) => Some(secret),
        _ => None,
    };
    Ok(Deleted { password_stays })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "tests write values where they use them")]
    fn left(wish: &Wish, spec: Value) -> Value {
        let object: DynamicObject = serde_json::from_value(json!({"metadata": {"name": "ann"}, "spec": spec})).unwrap();
        serde_json::to_value(wish.left(&Row::of(&object))).unwrap()
    }

    #[test]
    fn only_what_is_not_so_already_is_written() {
        let wish = Wish {
            disabled: Some(true),
            ..Wish::default()
        };
        assert_eq!(left(&wish, json!({})), json!({"disabled": true}));
        assert_eq!(left(&wish, json!({"disabled": true})), Value::Null);
    }

    #[test]
    fn a_role_is_taken_away_in_both_of_its_spellings() {
        let wish = Wish {
            platform_role: Some(PlatformRole::Unset),
            ..Wish::default()
        };
        let expected = json!({"platformRole": "", "isPlatformAdmin": false});
        assert_eq!(left(&wish, json!({"isPlatformAdmin": true})), expected);
        assert_eq!(left(&wish, json!({"platformRole": "admin"})), expected);
        assert_eq!(left(&wish, json!({})), Value::Null);
        assert!(wish.takes_away());
    }
}
