//! Who is what in a team: by e-mail, and by the groups of an identity provider.

use crate::v1alpha1::{
    Team,
    team::{TeamAccess, TeamRole},
    user::TeamMembership,
};

/// Somebody, as teams know him.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    /// The e-mail address, compared without case.
    pub email: &'a str,
    /// Groups, as the identity provider tells them.
    pub groups: &'a [String],
    /// The IdentityProvider that told them. Where nobody knows it, no group is refused for it.
    pub provider: Option<&'a str>,
}

impl Person<'_> {
    /// The highest role that somebody has by these rights.
    pub fn role(&self, access: &TeamAccess) -> Option<TeamRole> {
        let users = access.users.iter();
        let users = users.filter(|user| user.name.trim().eq_ignore_ascii_case(self.email.trim()));
        let groups = access.groups.iter().filter(|group| {
            let by = group.identity_provider.as_deref().filter(|by| !by.is_empty());
            let counts = by.is_none_or(|by| self.provider.is_none_or(|provider| by == provider));
            counts && self.groups.iter().any(|own| is_same_group(own, &group.name))
        });
        let roles = users.map(|user| &user.role).chain(groups.map(|group| &group.role));
        roles.map(|role| effective(role.as_ref())).max_by_key(rank)
    }

    /// The teams that somebody is in, by name, with the highest role in each.
    pub fn teams<'a>(&self, teams: impl IntoIterator<Item = &'a Team>) -> Vec<TeamMembership> {
        let found = teams.into_iter().filter_map(|team| {
            let role = self.role(team.spec.access.as_ref()?)?;
            Some(TeamMembership {
                name: team.metadata.name.clone()?,
                role: role.as_str().to_owned(),
            })
        });
        let mut found: Vec<TeamMembership> = found.collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }
}

/// The role that is written; none is the least.
pub fn effective(role: Option<&TeamRole>) -> TeamRole {
    role.filter(|role| !role.as_str().is_empty())
        .cloned()
        .unwrap_or(TeamRole::Viewer)
}

/// How much a role may, to compare roles by. One of a newer Butler counts as the least.
pub fn rank(role: &TeamRole) -> u8 {
    match role {
        TeamRole::Admin => 2,
        TeamRole::Operator => 1,
        TeamRole::Viewer | TeamRole::Other(_) => 0,
    }
}

/// Whether two names of a group mean the same: as they are written, or in their plain form.
pub fn is_same_group(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(|name| name.trim().to_lowercase());
    one == other || plain(&one) == plain(&other)
}

/// The plain form of a group's name in lower case: the common name of a distinguished name, without its domain.
fn plain(lower: &str) -> &str {
    let parts = lower.split(',').map(str::trim);
    let common = parts.into_iter().find_map(|part| part.strip_prefix("cn="));
    let name = common.unwrap_or(lower).trim();
    name.split('@').next().unwrap_or(name).trim()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn access(value: &serde_json::Value) -> TeamAccess {
        serde_json::from_value(value.clone()).unwrap()
    }

    fn role(email: &str, groups: &[&str], provider: Option<&str>, rights: &serde_json::Value) -> Option<String> {
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        let person = Person {
            email,
            groups: &groups,
            provider,
        };
        person.role(&access(rights)).map(|role| role.as_str().to_owned())
    }

    #[test]
    fn an_address_is_compared_without_case_and_the_highest_role_counts() {
        let rights = json!({
            "users": [{"name": "Ann@Example.com"}, {"name": "bob@example.com", "role": ""}],
            "groups": [{"name": "devs", "role": "operator"}, {"name": "leads", "role": "admin"}],
        });
        assert_eq!(role("ann@example.com", &[], None, &rights).as_deref(), Some("viewer"));
        assert_eq!(role("bob@example.com", &[], None, &rights).as_deref(), Some("viewer"));
        assert_eq!(
            role("ANN@example.com", &["leads", "devs"], None, &rights).as_deref(),
            Some("admin")
        );
        assert_eq!(role("eve@example.com", &["others"], None, &rights), None);
    }

    #[test]
    fn groups_are_the_same_in_all_their_spellings() {
        for spelling in [
            "devs",
            " Devs ",
            "devs@example.com",
            "CN=Devs,OU=Groups,DC=corp",
            "ou=x, cn=devs@corp",
        ] {
            assert!(is_same_group(spelling, "devs"), "{spelling}");
        }
        assert!(is_same_group("CN=devs,DC=a", "cn=DEVS,dc=a"));
        assert!(!is_same_group("devs", "dev"));
        assert!(!is_same_group("ou=devs", "devs"));
    }

    #[test]
    fn a_group_of_one_provider_is_not_that_of_another() {
        let rights = json!({"groups": [{"name": "devs", "role": "admin", "identityProvider": "corp"}]});
        let by = |provider| role("ann@example.com", &["devs"], provider, &rights);
        assert_eq!(by(Some("corp")).as_deref(), Some("admin"));
        assert_eq!(by(Some("other")), None);
        assert_eq!(
            by(None).as_deref(),
            Some("admin"),
            "nobody knows where the groups are from"
        );
    }
}
