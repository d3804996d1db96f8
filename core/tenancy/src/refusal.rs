//! Why the API server forbids something: who wanted what, and which role of Butler's would allow it.

use std::fmt;

use butler_api::names::SYSTEM_NAMESPACE;
use butler_client::logged_in::LoggedIn;
use serde::Deserialize;

/// Where something was forbidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// In one namespace.
    Namespace(String),
    /// In all of them, or of a kind that is in none.
    Cluster,
}

/// Something that the API server forbids somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The user, as the API server knows him.
    pub user: String,
    /// What he wanted to do.
    pub verb: String,
    /// The resource, with its subresource.
    pub resource: String,
    /// The group of the resource; empty for the core.
    pub group: String,
    /// Where.
    pub scope: Scope,
}

/// The roles that Butler's server gives a login, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// May look at what a team has.
    Viewer,
    /// May change it.
    Operator,
    /// May change who may.
    Admin,
    /// May do everything everywhere.
    PlatformAdmin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::PlatformAdmin => "platform admin",
        })
    }
}

const BUTLER: &str = "butler.butlerlabs.dev";
const READ: [&str; 3] = ["get", "list", "watch"];

/// The least role that reads a resource in the namespace of a team, and the least one that changes it.
const OF_TEAMS: [(&str, &str, Role, Role); 9] = [
    (BUTLER, "tenantclusters", Role::Viewer, Role::Operator),
    (BUTLER, "tenantaddons", Role::Viewer, Role::Operator),
    (BUTLER, "imagesyncs", Role::Viewer, Role::Operator),
    (BUTLER, "workspaces", Role::Viewer, Role::Operator),
    (BUTLER, "providerconfigs", Role::Viewer, Role::Admin),
    (BUTLER, "ipallocations", Role::Viewer, Role::Admin),
    (BUTLER, "networkpools", Role::Viewer, Role::Admin),
    ("", "secrets", Role::Viewer, Role::PlatformAdmin),
    ("", "events", Role::Viewer, Role::PlatformAdmin),
];

/// What only administrators of the platform may read and change: kinds that are in no namespace.
const OF_THE_PLATFORM: [(&str, &str); 7] = [
    (BUTLER, "butlerconfigs"),
    (BUTLER, "teams"),
    (BUTLER, "users"),
    (BUTLER, "identityproviders"),
    (BUTLER, "addondefinitions"),
    (BUTLER, "managementaddons"),
    ("", "namespaces"),
];

impl Refusal {
    /// The refusal of an error. Only what roles forbid is one: a webhook's denial tells by itself.
    pub fn of(error: &kube::Error) -> Option<Self> {
        match error {
            kube::Error::Api(status) if status.code == 403 => Self::parse(&status.message),
            _ => None,
        }
    }

    /// Reads the words of the API server.
    fn parse(message: &str) -> Option<Self> {
        let (_, rest) = message.split_once("is forbidden: User ")?;
        let (user, rest) = quoted(rest)?;
        let (verb, rest) = rest.strip_prefix(" cannot ")?.split_once(" resource ")?;
        let (resource, rest) = quoted(rest)?;
        let (group, rest) = quoted(rest.strip_prefix(" in API group ")?)?;
        let scope = match rest.strip_prefix(" in the namespace ").and_then(quoted) {
            Some((namespace, _)) => Scope::Namespace(namespace.to_owned()),
            None => Scope::Cluster,
        };
        Some(Self {
            user: user.to_owned(),
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            group: group.to_owned(),
            scope,
        })
    }

    /// The resource with its group, as kubectl names it.
    pub fn what(&self) -> String {
        match self.group.as_str() {
            "" => self.resource.clone(),
            group => format!("{}.{group}", self.resource),
        }
    }

    /// The least role that allows it; none does where nothing is said.
    pub fn role(&self) -> Option<Role> {
        let is_it = |group: &str, resource: &str| self.group == group && self.resource == resource;
        let reads = READ.contains(&self.verb.as_str());
        let team = OF_TEAMS.iter().find(|(group, resource, ..)| is_it(group, resource));
        if let Some((.., read, write)) = team {
            let least = if reads { *read } else { *write };
            let alone = self.group.is_empty() && !reads;
            return match self.scope {
                // Nobody who logs in may change these.
                _ if alone => None,
                // The platform's own namespace is of no team.
                Scope::Namespace(ref namespace) if namespace == SYSTEM_NAMESPACE => Some(Role::PlatformAdmin),
                Scope::Namespace(_) => Some(least),
                Scope::Cluster => Some(Role::PlatformAdmin),
            };
        }
        let platform = OF_THE_PLATFORM.iter().any(|(group, resource)| is_it(group, resource));
        (platform && (reads || !self.group.is_empty())).then_some(Role::PlatformAdmin)
    }
}

/// Who may do what, and where.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} may not {} {}", self.user, self.verb, self.what())?;
        match &self.scope {
            Scope::Namespace(namespace) => write!(f, " in namespace {namespace}"),
            Scope::Cluster => f.write_str(" in the whole cluster"),
        }
    }
}

/// A text in quotes at the beginning, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('"')?.split_once('"')
}

#[derive(Deserialize)]
struct Members {
    #[serde(default)]
    members: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    email: String,
    role: String,
}

/// Who can give roles in a team, as far as the login may know.
pub async fn admins(server: &LoggedIn, team: &str) -> Vec<String> {
    let members = server.get::<Members>(&["api", "teams", team, "members"], &[]).await;
    let members = members.map_or_else(|_| Vec::new(), |answer| answer.members);
    let admins = members.into_iter().filter(|member| member.role == "admin");
    admins.map(|member| member.email).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(verb: &str, resource: &str, group: &str, place: &str) -> Refusal {
        let message = format!(
            r#"{resource}.{group} "x" is forbidden: User "system:serviceaccount:butler-system:butler-cli-1" cannot {verb} resource "{resource}" in API group "{group}" {place}"#
        );
        Refusal::parse(&message).unwrap()
    }

    #[test]
    fn the_words_of_the_api_server_are_read() {
        let one = refusal("list", "tenantclusters", BUTLER, r#"in the namespace "beta""#);
        assert_eq!(
            one.to_string(),
            "system:serviceaccount:butler-system:butler-cli-1 may not list tenantclusters.butler.butlerlabs.dev in namespace beta"
        );
        let all = refusal("watch", "secrets", "", "at the cluster scope");
        assert_eq!(
            all.to_string(),
            "system:serviceaccount:butler-system:butler-cli-1 may not watch secrets in the whole cluster"
        );
    }

    #[test]
    fn what_webhooks_and_controllers_deny_is_no_matter_of_roles() {
        for text in [
            "admission webhook \"vtenantcluster.kb.io\" denied the request: spec: Forbidden: no",
            "pods \"web\" is forbidden: violates PodSecurity",
            "",
        ] {
            assert_eq!(Refusal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_least_role_is_named() {
        let team = r#"in the namespace "alpha""#;
        let role = |verb, resource, group, place| refusal(verb, resource, group, place).role();
        assert_eq!(role("list", "tenantclusters", BUTLER, team), Some(Role::Viewer));
        assert_eq!(role("create", "tenantclusters", BUTLER, team), Some(Role::Operator));
        assert_eq!(role("create", "providerconfigs", BUTLER, team), Some(Role::Admin));
        assert_eq!(
            role("list", "tenantclusters", BUTLER, "at the cluster scope"),
            Some(Role::PlatformAdmin)
        );
        let platform = r#"in the namespace "butler-system""#;
        assert_eq!(
            role("create", "imagesyncs", BUTLER, platform),
            Some(Role::PlatformAdmin)
        );
        assert_eq!(
            role("patch", "teams", BUTLER, "at the cluster scope"),
            Some(Role::PlatformAdmin)
        );
        // Nobody gets these by a login.
        assert_eq!(role("update", "secrets", "", team), None);
        assert_eq!(role("patch", "tenantclusters/status", BUTLER, team), None);
        assert_eq!(role("list", "pods", "", team), None);
    }
}
