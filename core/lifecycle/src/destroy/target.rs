//! Which cluster is meant. Pure.

use std::collections::BTreeSet;

use uuid::Uuid;

/// What is known of clusters of the wanted name.
#[derive(Debug, Default)]
pub struct Evidence {
    /// The identity in the journal of this home.
    pub journal: Option<Uuid>,
    /// The identities of all markers of that name on the platform.
    pub markers: BTreeSet<Uuid>,
    /// The identity that the user names.
    pub wanted: Option<Uuid>,
    /// Whether a state folder or a configuration of that name was given.
    pub named: bool,
}

/// Which cluster is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The cluster with this identity.
    Cluster(Uuid),
    /// The name is known, and nothing carries it.
    Nothing,
}

/// Why nobody can tell which cluster is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// Nothing is known by that name.
    #[error(
        "nothing is known of a cluster {0}: no state folder, no configuration, and no marker of that name on the platform"
    )]
    Unknown(String),
    /// The identity that the user names is nobody's.
    #[error("nothing on the platform carries the identity {0}")]
    NoSuchId(Uuid),
    /// Several clusters have that name.
    #[error("{count} clusters are called {name}: {}", list(.ids), count = .ids.len())]
    Several {
        /// The name that several clusters have.
        name: String,
        /// The identities of the clusters that have the name.
        ids: BTreeSet<Uuid>,
    },
}

fn list(ids: &BTreeSet<Uuid>) -> String {
    ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join(", ")
}

/// Decides. The user's word comes first, then the journal, then what the platform's markers say.
pub fn decide(name: &str, evidence: &Evidence) -> Result<Target, Unclear> {
    if let Some(id) = evidence.wanted.or(evidence.journal) {
        return Ok(Target::Cluster(id));
    }
    let mut markers = evidence.markers.iter();
    match (markers.next(), markers.next()) {
        (Some(id), None) => Ok(Target::Cluster(*id)),
        (Some(_), Some(_)) => Err(Unclear::Several {
            name: name.to_owned(),
            ids: evidence.markers.clone(),
        }),
        (None, _) if evidence.named => Ok(Target::Nothing),
        (None, _) => Err(Unclear::Unknown(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    #[test]
    fn the_users_word_comes_before_the_journal_and_that_before_the_markers() {
        let evidence = |wanted, journal| Evidence {
            journal,
            markers: [id(3), id(4)].into(),
            wanted,
            named: true,
        };
        let decided = |wanted, journal| decide("demo", &evidence(wanted, journal));
        assert_eq!(decided(Some(id(1)), Some(id(2))), Ok(Target::Cluster(id(1))));
        assert_eq!(decided(None, Some(id(2))), Ok(Target::Cluster(id(2))));
        assert!(matches!(decided(None, None), Err(Unclear::Several { ids, .. }) if ids.len() == 2));
    }

    #[test]
    fn a_name_that_nothing_carries_is_an_error_unless_somebody_vouches_for_it() {
        let mut evidence = Evidence::default();
        assert_eq!(decide("demo", &evidence), Err(Unclear::Unknown("demo".to_owned())));
        evidence.named = true;
        assert_eq!(decide("demo", &evidence), Ok(Target::Nothing));
        evidence.markers.insert(id(7));
        assert_eq!(decide("demo", &evidence), Ok(Target::Cluster(id(7))));
    }
}
