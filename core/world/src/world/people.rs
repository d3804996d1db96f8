//! The people of a world: who is written to its clusters as users and teams.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Users and teams, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct People {
    /// Teams, by name.
    pub teams: BTreeMap<String, TeamSeed>,
    /// Users, by user name.
    pub users: BTreeMap<String, UserSeed>,
}

/// A team that is there from the beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TeamSeed {
    /// The name for people; without one, the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// User names, or e-mail addresses, with the role of each.
    pub members: BTreeMap<String, Role>,
}

/// A user who is there from the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserSeed {
    /// The e-mail address.
    pub email: String,
    /// The name for people; without one, the user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// No secret: it opens nothing but this world, on loopback, and the world tells it to whoever runs it.
    pub password: String,
    /// May do everything on the platform.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub platform_admin: bool,
}

/// What somebody is in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Changes the team itself.
    Admin,
    /// Changes what belongs to the team.
    Operator,
    /// Looks only.
    Viewer,
}

/// A user of the world file, as the control API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonView {
    /// The user name.
    pub user: String,
    /// The e-mail address.
    pub email: String,
    /// What the world file says that it is; somebody may have changed it since.
    pub password: String,
    /// The role in each team.
    pub teams: BTreeMap<String, Role>,
    /// May do everything on the platform.
    pub platform_admin: bool,
}

impl Role {
    /// The word for it in objects.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
        }
    }
}

impl Default for People {
    /// One team with somebody who may change things and somebody who may not, and an administrator of the platform. The address
    /// of the latter is that of the account which a bootstrap makes.
    fn default() -> Self {
        let user = |name: &str, shown: &str, email: &str, platform_admin| {
            let seed = UserSeed {
                email: email.to_owned(),
                display_name: Some(shown.to_owned()),
                password: format!("{name}-password"),
                platform_admin,
            };
            (name.to_owned(), seed)
        };
        let members = [("alice", Role::Operator), ("bob", Role::Viewer)];
        let team = TeamSeed {
            display_name: Some("Demo".to_owned()),
            members: members.map(|(name, role)| (name.to_owned(), role)).into(),
        };
        Self {
            teams: [("demo".to_owned(), team)].into(),
            users: [
                user("admin", "Platform Administrator", "admin@localhost", true),
                user("alice", "Alice", "alice@demo.local", false),
                user("bob", "Bob", "bob@demo.local", false),
            ]
            .into(),
        }
    }
}

impl People {
    /// The e-mail address of a member, who may be named by it.
    pub fn email<'a>(&'a self, member: &'a str) -> Option<&'a str> {
        let user = self.users.get(member).map(|user| user.email.as_str());
        user.or_else(|| member.contains('@').then_some(member))
    }

    /// What is wrong with them.
    pub fn problem(&self) -> Option<String> {
        const SHORTEST: usize = 8;
        for (name, user) in &self.users {
            if !user.email.contains('@') {
                return Some(format!("people.users.{name}: email {:?} is no address", user.email));
            }
            if user.password.chars().count() < SHORTEST {
                return Some(format!(
                    "people.users.{name}: a password has {SHORTEST} characters at least"
                ));
            }
        }
        for (team, seed) in &self.teams {
            let unknown = seed.members.keys().find(|member| self.email(member).is_none());
            if let Some(member) = unknown {
                return Some(format!(
                    "people.teams.{team}: member {member} is neither one of people.users nor an e-mail address"
                ));
            }
        }
        None
    }

    /// All users, as the control API shows them.
    pub fn views(&self) -> Vec<PersonView> {
        let roles = |name: &str, email: &str| {
            let teams = self.teams.iter();
            teams
                .filter_map(|(team, seed)| {
                    let role = seed.members.get(name).or_else(|| seed.members.get(email))?;
                    Some((team.clone(), *role))
                })
                .collect()
        };
        let users = self.users.iter();
        users
            .map(|(name, user)| PersonView {
                user: name.clone(),
                email: user.email.clone(),
                password: user.password.clone(),
                teams: roles(name, &user.email),
                platform_admin: user.platform_admin,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_people_of_the_default_world_can_be_written() {
        let people = People::default();
        assert_eq!(people.problem(), None);
        let views = people.views();
        let alice = views.iter().find(|person| person.user == "alice").unwrap();
        assert_eq!(alice.teams["demo"], Role::Operator);
        assert!(
            views
                .iter()
                .any(|person| person.user == "admin" && person.platform_admin)
        );
    }

    #[test]
    fn a_member_has_to_be_somebody() {
        let mut people = People::default();
        let team = people.teams.get_mut("demo").unwrap();
        team.members.insert("carol@elsewhere.example".to_owned(), Role::Admin);
        assert_eq!(people.problem(), None);
        people
            .teams
            .get_mut("demo")
            .unwrap()
            .members
            .insert("dave".to_owned(), Role::Admin);
        assert!(people.problem().unwrap().contains("dave"));
    }
}
