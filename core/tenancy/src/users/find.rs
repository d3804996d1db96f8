//! The account that is meant: by name or by e-mail address.

use kube::ResourceExt as _;
use kube::api::DynamicObject;

use super::email::{Email, EmailError};
use super::list::Row;
use crate::change::code;
use crate::pages;
use crate::reach::Reach;

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// Nobody has this name or address.
    #[error("there is no user {0}")]
    None(String),
    /// Several accounts have one address; Butler's server takes any of them.
    #[error("several users have the address {email}: {}", names.join(", "))]
    Several {
        /// The address.
        email: Email,
        /// The names of the accounts.
        names: Vec<String>,
    },
    /// The address is none.
    #[error(transparent)]
    Email(#[from] EmailError),
    /// The API server did not tell.
    #[error("cannot look up user {who}")]
    Kubernetes {
        /// Who was asked about.
        who: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
}

/// The account of a name, or of an address where it has an `@`.
pub async fn user(reach: &Reach, who: &str) -> Result<DynamicObject, FindError> {
    let failed = |source| FindError::Kubernetes {
        who: who.to_owned(),
        source: Box::new(source),
    };
    if who.contains('@') {
        let email = who.parse::<Email>()?;
        let all = pages::all(&super::api(reach)).await.map_err(failed)?;
        return only(&email, all);
    }
    match super::api(reach).get(who).await {
        Ok(object) => Ok(object),
        Err(error) if code(&error) == Some(404) => Err(FindError::None(who.to_owned())),
        Err(error) => Err(failed(error)),
    }
}

fn only(email: &Email, all: Vec<DynamicObject>) -> Result<DynamicObject, FindError> {
    let mut found = of(email, all);
    match found.len() {
        0 | 1 => found.pop().ok_or_else(|| FindError::None(email.to_string())),
        _ => {
            let names = found.iter().map(DynamicObject::name_any).collect();
            Err(FindError::Several {
                email: email.clone(),
                names,
            })
        }
    }
}

/// The accounts that have an address.
pub(super) fn of(email: &Email, all: Vec<DynamicObject>) -> Vec<DynamicObject> {
    let is = |object: &DynamicObject| Row::of(object).email.is_some_and(|text| email.is(&text));
    all.into_iter().filter(is).collect()
}
