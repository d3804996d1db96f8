//! Changes of teams that keep what others change at the same time.

use butler_api::admission::{Denial, Operation};
use butler_api::v1alpha1::team::ResourceLimits;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde::Serialize;
use serde_json::Value;

use super::access::{self, Edit, EditError};
use super::limits::Limits;
use crate::admitted;
use crate::change::{ChangeError, Outcome, Spec, Writer, code};
use crate::reach::Reach;

/// Other fields that may change.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The name for people; empty for none.
    pub display_name: Option<String>,
    /// Free text; empty for none.
    pub description: Option<String>,
    /// What the team may use.
    pub limits: Limits,
}

impl Wish {
    /// Whether nothing is to change.
    pub fn is_empty(&self) -> bool {
        self.display_name.is_none() && self.description.is_none() && self.limits.named().is_none()
    }
}

/// Why a team was not changed.
#[derive(Debug, thiserror::Error)]
pub enum TeamError {
    /// There is none.
    #[error("there is no team {0}")]
    None(String),
    /// The team is not as it has to be.
    #[error("cannot change team {team}")]
    Edit {
        /// The team.
        team: String,
        /// What it is not.
        source: EditError,
    },
    /// Butler's rules refuse it.
    #[error("Butler does not admit this change of team {team}: {}", denial.text())]
    Denied {
        /// The team.
        team: String,
        /// What the rules say.
        denial: Denial,
    },
    /// The API server did not do it.
    #[error("cannot change team {team}")]
    Kubernetes {
        /// The team.
        team: String,
        /// What it said.
        source: Box<kube::Error>,
    },
    /// The team has no JSON.
    #[error("cannot encode the change of team {team}")]
    Encode {
        /// The team.
        team: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_limits: Option<&'a ResourceLimits>,
}

/// The team of a name.
pub async fn find(reach: &Reach, team: &str) -> Result<DynamicObject, TeamError> {
    let found = super::api(reach).get(team).await;
    found.map_err(|error| failed(team, error))
}

pub(crate) fn failed(team: &str, error: kube::Error) -> TeamError {
    let team = team.to_owned();
    match code(&error) {
        Some(404) => TeamError::None(team),
        _ => TeamError::Kubernetes {
            team,
            source: Box::new(error),
        },
    }
}

/// Changes who belongs to a team.
pub async fn edit(reach: &Reach, writer: &Writer, team: &str, edit: &Edit) -> Result<Outcome, TeamError> {
    let decide = |object: &DynamicObject| {
        let spec = object.data.get("spec").unwrap_or(&Value::Null);
        Ok(access::edited(spec, edit)?.map(|spec| Spec { spec }))
    };
    let changed = writer.change(&super::api(reach), team, decide).await;
    changed.map_err(|error| match error {
        ChangeError::Refused(source) => TeamError::Edit {
            team: team.to_owned(),
            source,
        },
        error => of_writer(team, error),
    })
}

fn of_writer<E>(team: &str, error: ChangeError<E>) -> TeamError {
    match error {
        ChangeError::Kubernetes(error) => failed(team, error),
        ChangeError::Encode(source) => TeamError::Encode {
            team: team.to_owned(),
            source,
        },
        // Whoever refuses says so before.
        ChangeError::Refused(_) => TeamError::None(team.to_owned()),
    }
}

/// Changes the words about a team, and its limits.
pub async fn update(reach: &Reach, writer: &Writer, team: &str, wish: &Wish) -> Result<Outcome, TeamError> {
    let limits = wish.limits.named();
    let fields = Fields {
        display_name: wish.display_name.as_deref(),
        description: wish.description.as_deref(),
        resource_limits: limits,
    };
    let change = serde_json::to_value(Spec { spec: &fields }).map_err(|source| TeamError::Encode {
        team: team.to_owned(),
        source,
    })?;
    if limits.is_some() {
        refuse_limits(reach, team, &change).await?;
    }
    let decide = |object: &DynamicObject| -> Result<Option<&Value>, std::convert::Infallible> {
        Ok((!contains(&object.data, &change)).then_some(&change))
    };
    let changed = writer.change(&super::api(reach), team, decide).await;
    changed.map_err(|error| of_writer(team, error))
}

async fn refuse_limits(reach: &Reach, team: &str, change: &Value) -> Result<(), TeamError> {
    let old = find(reach, team).await?;
    let name = old.name_any();
    let encode = |source| TeamError::Encode {
        team: name.clone(),
        source,
    };
    let old = serde_json::to_value(old).map_err(encode)?;
    let mut new = old.clone();
    merge(&mut new, change);
    let objects = (Some(&old), Some(&new));
    match admitted::refusal(&reach.client, "teams", Operation::Update, objects).await {
        Some(denial) => Err(TeamError::Denied { team: name, denial }),
        None => Ok(()),
    }
}

/// Whether an object has all that a change without deletions sets.
fn contains(object: &Value, change: &Value) -> bool {
    match (object, change) {
        (Value::Object(own), Value::Object(wanted)) => wanted.iter().all(|(key, value)| {
            let is_nothing = value.as_str() == Some("");
            own.get(key).map_or(is_nothing, |own| contains(own, value))
        }),
        (own, wanted) => own == wanted,
    }
}

/// Puts a change without deletions into an object.
fn merge(object: &mut Value, change: &Value) {
    match (object, change) {
        (Value::Object(own), Value::Object(wanted)) => {
            for (key, value) in wanted {
                merge(own.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (own, wanted) => *own = wanted.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_that_is_so_already_is_none() {
        let team = json!({"spec": {"displayName": "A", "resourceLimits": {"maxClusters": 3, "maxMemory": "1Gi"}}});
        assert!(contains(
            &team,
            &json!({"spec": {"resourceLimits": {"maxClusters": 3}}})
        ));
        assert!(contains(&team, &json!({"spec": {"description": ""}})));
        assert!(!contains(
            &team,
            &json!({"spec": {"resourceLimits": {"maxClusters": 4}}})
        ));
        assert!(!contains(&team, &json!({"spec": {"displayName": ""}})));
    }

    #[test]
    fn limits_that_are_not_named_stay() {
        let mut team = json!({"spec": {"resourceLimits": {"maxClusters": 3, "maxMemory": "1Gi"}}});
        merge(
            &mut team,
            &json!({"spec": {"resourceLimits": {"maxClusters": 4}, "description": "x"}}),
        );
        let expected = json!({"spec": {"resourceLimits": {"maxClusters": 4, "maxMemory": "1Gi"}, "description": "x"}});
        assert_eq!(team, expected);
    }
}
