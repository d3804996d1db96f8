//! New teams.

use butler_api::admission::{Denial, Operation};
use butler_api::v1alpha1::Team;
use butler_api::v1alpha1::team::TeamSpec;
use kube::api::DynamicObject;

use super::limits::Limits;
use crate::admitted;
use crate::change::{ChangeError, Writer, code};
use crate::reach::Reach;

/// The team that is wanted.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The name, which its namespace gets too.
    pub name: String,
    /// The name for people.
    pub display_name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// What it may use.
    pub limits: Limits,
}

/// Why there is no new team.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The name is none that Kubernetes takes.
    #[error("{name:?} cannot be the name of a team: {reason}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is one of this name.
    #[error("there is a team {0} already")]
    Exists(String),
    /// Butler's rules refuse it.
    #[error("Butler does not admit team {name}: {}", denial.text())]
    Denied {
        /// The name.
        name: String,
        /// What the rules say.
        denial: Denial,
    },
    /// The API server did not do it.
    #[error("cannot create team {name}")]
    Kubernetes {
        /// The name.
        name: String,
        /// What went wrong.
        source: ChangeError<std::convert::Infallible>,
    },
}

/// The longest name: that of a namespace.
const LONGEST: usize = 63;

impl Wish {
    /// Checks what needs no cluster.
    pub fn validate(&self) -> Result<(), CreateError> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let reason = if self.name.is_empty() {
            "it is empty"
        } else if self.name.len() > LONGEST {
            "it has more than 63 characters"
        } else if !self.name.chars().all(fits) {
            "small letters, digits and dashes only, because its namespace has the same name"
        } else if self.name.starts_with('-') || self.name.ends_with('-') {
            "it begins or ends with a dash"
        } else {
            return Ok(());
        };
        Err(CreateError::Name {
            name: self.name.clone(),
            reason,
        })
    }

    /// The object.
    pub fn build(&self) -> Team {
        Team::new(
            &self.name,
            TeamSpec {
                description: self.description.clone(),
                display_name: self.display_name.clone(),
                resource_limits: self.limits.named().cloned(),
                ..TeamSpec::default()
            },
        )
    }
}

/// Makes a team.
pub async fn create(reach: &Reach, writer: &Writer, wish: &Wish) -> Result<DynamicObject, CreateError> {
    wish.validate()?;
    let failed = |source| CreateError::Kubernetes {
        name: wish.name.clone(),
        source,
    };
    let team = wish.build();
    if wish.limits.named().is_some() {
        let value = serde_json::to_value(&team).map_err(|error| failed(error.into()))?;
        let denial = admitted::refusal(&reach.client, "teams", Operation::Create, (None, Some(&value))).await;
        if let Some(denial) = denial {
            return Err(CreateError::Denied {
                name: wish.name.clone(),
                denial,
            });
        }
    }
    match writer.create(&super::api(reach), &team).await {
        Ok(team) => Ok(team),
        Err(ChangeError::Kubernetes(error)) if code(&error) == Some(409) => Err(CreateError::Exists(wish.name.clone())),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(name: &str) -> Wish {
        Wish {
            name: name.to_owned(),
            display_name: None,
            description: None,
            limits: Limits::default(),
        }
    }

    #[test]
    fn a_name_is_that_of_a_namespace() {
        for name in ["a", "platform-2", &"x".repeat(63)] {
            assert!(wish(name).validate().is_ok(), "{name}");
        }
        for name in ["", "A", "a.b", "a_b", "-a", "a-", "ä", &"x".repeat(64)] {
            assert!(wish(name).validate().is_err(), "{name}");
        }
    }

    #[test]
    fn a_team_without_limits_has_none() {
        assert_eq!(wish("a").build().spec, TeamSpec::default());
    }
}
