//! The environment as a value: the binary reads it once and passes it down, so that nothing in core asks the process.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};

/// Root of everything we write (`config/`, `state/`, `cache/` and the kubeconfigs).
pub const BUTLER_HOME: &str = "BUTLER_HOME";
/// Certificate authorities (a PEM file, or a folder of them) that the bootstrap cluster shall trust.
pub const BUTLER_CA_CERT_PATH: &str = "BUTLER_CA_CERT_PATH";
/// Container runtime that kind uses.
pub const KIND_EXPERIMENTAL_PROVIDER: &str = "KIND_EXPERIMENTAL_PROVIDER";

/// Where kubectl finds its clusters.
pub const KUBECONFIG: &str = "KUBECONFIG";

/// Variables with their values, as they were when the program started.
#[derive(Clone, Default)]
pub struct Environment {
    values: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// A variable; empty counts as unset.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.values
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// Whether a variable is set to nothing, which counts as unset.
    pub fn is_blank(&self, name: &OsStr) -> bool {
        self.values.get(name).is_some_and(|value| value.is_empty())
    }

    /// A variable that is text; empty and not UTF-8 count as unset.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.to_str()
    }

    /// All variables, for a child that is this program again.
    pub fn all(&self) -> impl Iterator<Item = (OsString, OsString)> {
        self.values.iter().map(|(name, value)| (name.clone(), value.clone()))
    }

    /// Those of these variables that are set, for a child that needs no others.
    pub fn only(&self, names: &[&str]) -> Vec<(OsString, OsString)> {
        let pair = |name: &&str| Some((OsString::from(name), self.get(name)?.to_owned()));
        names.iter().filter_map(pair).collect()
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(variables: T) -> Self {
        Self {
            values: variables.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
        }
    }
}

/// Values may be secrets, so only names are shown.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_is_unset() {
        let environment: Environment = [("A", ""), ("B", "x")].into_iter().collect();
        let texts = ["A", "B", "C"].map(|name| environment.text(name));
        assert_eq!(texts, [None, Some("x"), None]);
        assert!(environment.is_blank(OsStr::new("A")) && !environment.is_blank(OsStr::new("C")));
    }

    #[test]
    fn a_child_gets_only_what_it_was_promised_and_nothing_that_is_empty() {
        let environment: Environment = [("A", ""), ("B", "x"), ("TOKEN", "hunter2")].into_iter().collect();
        assert_eq!(environment.only(&["A", "B", "C"]), [("B".into(), "x".into())]);
    }

    #[test]
    fn debug_shows_no_value() {
        let environment: Environment = [("TOKEN", "hunter2")].into_iter().collect();
        assert_eq!(format!("{environment:?}"), r#"{"TOKEN"}"#);
    }
}
