//! The user on whose behalf a request is made.

/// A user with the groups it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
}

impl User {
    pub(crate) fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            groups: vec!["system:unauthenticated".to_owned()],
        }
    }

    /// Whoever acts within the process of the server, with all rights.
    pub(crate) fn administrator() -> Self {
        Self::authenticated("system:admin".to_owned(), vec!["system:masters".to_owned()])
    }

    /// A named user; everyone with a credential is `system:authenticated`.
    pub(crate) fn authenticated(name: String, mut groups: Vec<String>) -> Self {
        groups.push("system:authenticated".to_owned());
        Self { name, groups }
    }

    pub(crate) fn is_master(&self) -> bool {
        self.groups.iter().any(|g| g == "system:masters")
    }
}
