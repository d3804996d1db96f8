//! The parameters of a request. An unknown one is refused: left out, it could widen what a caller asks for.

/// A parameter that cannot be used, in words for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum QueryError {
    /// The request does not have it.
    #[error("there is no parameter {name:?} here: possible are {}", known.join(", "))]
    Unknown {
        /// What the request has instead.
        name: String,
        /// The parameters that the request could have.
        known: &'static [&'static str],
    },
    /// It has no such value.
    #[error("parameter {name} cannot be {value:?}")]
    Value {
        /// The parameter that the request knows.
        name: &'static str,
        /// What the request has instead.
        value: String,
    },
}

/// Which machines a list is to have; without any condition all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selection {
    /// Id of the cluster in their owner marker.
    pub owner: Option<String>,
    /// Name of the cluster in their owner marker.
    pub cluster_name: Option<String>,
    /// They carry an owner marker, whosever.
    pub owned: bool,
}

impl Selection {
    /// `owner=UUID`, `clusterName=NAME`, `owned=any`; several must all hold.
    pub(super) fn parse(query: &str) -> Result<Self, QueryError> {
        const KNOWN: &[&str] = &["owner", "clusterName", "owned"];
        let mut selection = Self::default();
        for (name, value) in pairs(query) {
            match name.as_str() {
                "owner" => selection.owner = Some(value),
                "clusterName" => selection.cluster_name = Some(value),
                "owned" if value == "any" => selection.owned = true,
                "owned" => return Err(QueryError::Value { name: "owned", value }),
                _ => return Err(QueryError::Unknown { name, known: KNOWN }),
            }
        }
        Ok(selection)
    }
}

/// The cluster that a machine must belong to (`owner=UUID`).
pub(super) fn owner(query: &str) -> Result<Option<String>, QueryError> {
    only("owner", &["owner"], query)
}

/// How many seconds an answer may be held back (`wait=SECONDS`).
pub(super) fn wait(query: &str) -> Result<Option<u64>, QueryError> {
    let Some(value) = only("wait", &["wait"], query)? else {
        return Ok(None);
    };
    match value.parse() {
        Ok(seconds) => Ok(Some(seconds)),
        Err(_) => Err(QueryError::Value { name: "wait", value }),
    }
}

/// Which page of what there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OfferPage {
    /// Only what belongs to this node.
    pub parent: Option<String>,
    /// What follows this id.
    pub after: Option<String>,
}

/// `parent=NODE` and `after=ID`.
pub(super) fn offer_page(query: &str) -> Result<OfferPage, QueryError> {
    const KNOWN: &[&str] = &["parent", "after"];
    let mut page = OfferPage::default();
    for (name, value) in pairs(query) {
        match name.as_str() {
            "parent" => page.parent = Some(value),
            "after" => page.after = Some(value),
            _ => return Err(QueryError::Unknown { name, known: KNOWN }),
        }
    }
    Ok(page)
}

fn only(name: &str, known: &'static [&'static str], query: &str) -> Result<Option<String>, QueryError> {
    let mut found = None;
    for (given, value) in pairs(query) {
        if given != name {
            return Err(QueryError::Unknown { name: given, known });
        }
        found = Some(value);
    }
    Ok(found)
}

fn pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    form_urlencoded::parse(query.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_add_up() {
        let selection = Selection::parse("owner=a&clusterName=butler%2Ddemo&owned=any").unwrap();
        assert_eq!(selection.owner.as_deref(), Some("a"));
        assert_eq!(selection.cluster_name.as_deref(), Some("butler-demo"));
        assert!(selection.owned);
        assert_eq!(Selection::parse(""), Ok(Selection::default()));
    }

    /// A misspelt condition that were left out would show, or delete, the machines of others.
    #[test]
    fn what_is_not_known_is_refused() {
        assert!(Selection::parse("cluster=demo").is_err());
        assert!(Selection::parse("owned=yes").is_err());
        assert!(owner("ownr=a").is_err());
        assert!(wait("wait=long").is_err());
        assert_eq!(wait("wait=7"), Ok(Some(7)));
    }
}
