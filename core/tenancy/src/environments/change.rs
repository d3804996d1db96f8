//! Making, changing and removing environments: each is an entry of its team, and others may change the team at the same time.

use butler_api::admission::{Denial, Operation};
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde::Serialize;
use serde_json::{Map, Value};

use super::entry::Wish;
use super::{name, of_team};
use crate::admitted;
use crate::change::{ChangeError, Outcome, Spec, Writer};
use crate::reach::Reach;
use crate::teams::{self, change::TeamError};

/// What is done with an environment.
#[derive(Debug, Clone)]
pub enum Edit {
    /// A new one.
    Create(Wish),
    /// One that is there changes.
    Update(Wish),
    /// One that is there goes.
    Remove,
}

/// Why an environment was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// The name cannot be the value of a label.
    #[error(
        "{0:?} cannot be the name of an environment: letters, digits, and between them dashes, dots and underscores, 63 at most"
    )]
    Name(String),
    /// There is one of this name.
    #[error("team {team} has an environment {name} already")]
    Exists {
        /// The team.
        team: String,
        /// The environment.
        name: String,
    },
    /// There is none.
    #[error("team {team} has no environment {name}")]
    None {
        /// The team.
        team: String,
        /// The environment.
        name: String,
    },
    /// Butler's rules refuse it.
    #[error("Butler does not admit environment {name} of team {team}: {}", denial.text())]
    Denied {
        /// The team.
        team: String,
        /// The environment.
        name: String,
        /// What the rules say.
        denial: Denial,
    },
    /// The team could not be read or written.
    #[error(transparent)]
    Team(#[from] TeamError),
}

/// The longest name: that of a label's value.
const LONGEST: usize = 63;

/// Whether a name can be the value of a label.
pub fn validate(name: &str) -> Result<(), EnvironmentError> {
    let ends = |c: char| c.is_ascii_alphanumeric();
    let inside = |c: char| ends(c) || matches!(c, '-' | '_' | '.');
    let fits = name.len() <= LONGEST && name.starts_with(ends) && name.ends_with(ends) && name.chars().all(inside);
    if fits {
        Ok(())
    } else {
        Err(EnvironmentError::Name(name.to_owned()))
    }
}

/// Refuses an environment that a team does not have.
pub fn there(team: &DynamicObject, wanted: &str) -> Result<(), EnvironmentError> {
    if of_team(team).iter().any(|one| name(one) == wanted) {
        return Ok(());
    }
    Err(EnvironmentError::None {
        team: team.name_any(),
        name: wanted.to_owned(),
    })
}

#[derive(Serialize)]
struct Environments {
    environments: Vec<Value>,
}

/// Why the environments of a team cannot be so.
enum Refusal {
    Exists,
    None,
}

/// The environments after a change; nothing where they are so already.
fn edited(mut environments: Vec<Value>, wanted: &str, edit: &Edit) -> Result<Option<Vec<Value>>, Refusal> {
    let place = environments.iter().position(|one| name(one) == wanted);
    match (edit, place) {
        (Edit::Create(_), Some(_)) => Err(Refusal::Exists),
        (Edit::Create(wish), None) => {
            let entry = Map::from_iter([("name".to_owned(), Value::from(wanted))]);
            environments.push(wish.applied(&Value::Object(entry)));
            Ok(Some(environments))
        }
        (Edit::Update(wish), Some(place)) => {
            let after = wish.applied(&environments[place]);
            let changed = after != environments[place];
            environments[place] = after;
            Ok(changed.then_some(environments))
        }
        (Edit::Remove, Some(place)) => {
            environments.remove(place);
            Ok(Some(environments))
        }
        (Edit::Update(_) | Edit::Remove, None) => Err(Refusal::None),
    }
}

/// Changes an environment of a team.
pub async fn change(
    reach: &Reach,
    writer: &Writer,
    team: &str,
    wanted: &str,
    edit: &Edit,
) -> Result<Outcome, EnvironmentError> {
    let refused = |refusal: Refusal| {
        let (team, name) = (team.to_owned(), wanted.to_owned());
        match refusal {
            Refusal::Exists => EnvironmentError::Exists { team, name },
            Refusal::None => EnvironmentError::None { team, name },
        }
    };
    let found = teams::change::find(reach, team).await?;
    if let Some(after) = edited(of_team(&found), wanted, edit).map_err(refused)? {
        refuse_denied(reach, &found, after, team, wanted).await?;
    }
    let decide = |object: &DynamicObject| {
        let after = edited(of_team(object), wanted, edit)?;
        Ok(after.map(|environments| Spec {
            spec: Environments { environments },
        }))
    };
    let changed = writer.change(&teams::api(reach), team, decide).await;
    changed.map_err(|error| match error {
        ChangeError::Refused(refusal) => refused(refusal),
        ChangeError::Kubernetes(error) => teams::change::failed(team, error).into(),
        ChangeError::Encode(source) => EnvironmentError::Team(TeamError::Encode {
            team: team.to_owned(),
            source,
        }),
    })
}

async fn refuse_denied(
    reach: &Reach,
    team: &DynamicObject,
    environments: Vec<Value>,
    team_name: &str,
    wanted: &str,
) -> Result<(), EnvironmentError> {
    let mut after = team.clone();
    after.data["spec"]["environments"] = Value::Array(environments);
    let encode = |object: &DynamicObject| {
        serde_json::to_value(object).map_err(|source| TeamError::Encode {
            team: team_name.to_owned(),
            source,
        })
    };
    let (old, new) = (encode(team)?, encode(&after)?);
    let denial = admitted::refusal(&reach.client, "teams", Operation::Update, (Some(&old), Some(&new))).await;
    match denial {
        Some(denial) => Err(EnvironmentError::Denied {
            team: team_name.to_owned(),
            name: wanted.to_owned(),
            denial,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_the_value_of_a_label() {
        for name in ["dev", "Prod-1.2_x", &"a".repeat(63)] {
            assert!(validate(name).is_ok(), "{name}");
        }
        for name in ["", "-a", "a-", "a b", "ä", &"a".repeat(64)] {
            assert!(validate(name).is_err(), "{name}");
        }
    }

    #[test]
    fn environments_keep_their_order_and_what_others_wrote() {
        let before = || vec![json!({"name": "dev", "newer": 1}), json!({"name": "prod"})];
        let wish = Wish {
            max_clusters: Some(2),
            ..Wish::default()
        };
        let after = |name: &str, edit: &Edit| edited(before(), name, edit).ok().flatten().map(Value::Array);
        let update = Edit::Update(wish.clone());
        assert_eq!(
            after("dev", &update),
            Some(json!([{"name": "dev", "newer": 1, "limits": {"maxClusters": 2}}, {"name": "prod"}]))
        );
        assert_eq!(after("dev", &Edit::Update(Wish::default())), None);
        assert_eq!(after("dev", &Edit::Remove), Some(json!([{"name": "prod"}])));
        let create = Edit::Create(wish);
        assert!(matches!(edited(before(), "dev", &create), Err(Refusal::Exists)));
        assert!(matches!(edited(before(), "qa", &update), Err(Refusal::None)));
        assert_eq!(after("qa", &create).unwrap()[2]["limits"], json!({"maxClusters": 2}));
    }
}
