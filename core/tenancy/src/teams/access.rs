//! Who belongs to a team: one change of its members or groups, decided purely. Entries are changed where they stand, so that
//! fields of a newer Butler stay in them.

use butler_api::membership;
use butler_api::v1alpha1::team::TeamRole;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::users::email::Email;

/// A group of an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The name of the group.
    pub name: String,
    /// The IdentityProvider that must have told it; without one any does.
    pub provider: Option<String>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Somebody becomes a member.
    AddMember(Email, TeamRole),
    /// A member gets another role.
    UpdateMember(Email, TeamRole),
    /// Somebody is no member any more.
    RemoveMember(Email),
    /// The people of a group become members.
    AddGroup(Group, TeamRole),
    /// A group gets another role.
    UpdateGroup(Group, TeamRole),
    /// The people of a group are no members any more.
    RemoveGroup(Group),
}

/// Why a change cannot be made on a team as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The person is one already.
    #[error("{email} is a member already, as {role}")]
    Member {
        /// The address.
        email: Email,
        /// The role that the person has.
        role: String,
    },
    /// The person is none.
    #[error("{0} is no member")]
    NoMember(Email),
    /// The group is there already.
    #[error("group {name} is in the team already, as {role}")]
    Group {
        /// The name of the group, as the team spells it.
        name: String,
        /// The role that it has.
        role: String,
    },
    /// The group is not there.
    #[error("group {0} is not in the team")]
    NoGroup(String),
    /// Several entries have the name.
    #[error("group {name} is in the team several times, for these identity providers: {}", providers.join(", "))]
    Ambiguous {
        /// The name of the group.
        name: String,
        /// What each entry says of its provider.
        providers: Vec<String>,
    },
}

/// The lists of a team that a change leaves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    access: Lists,
    /// Rights in environments end with the membership: Butler takes no environment with people of no team.
    #[serde(skip_serializing_if = "Option::is_none")]
    environments: Option<Vec<Value>>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Lists {
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<Value>>,
}

/// What an edit makes of the specification of a team; nothing where it is so already.
pub fn edited(spec: &Value, edit: &Edit) -> Result<Option<Change>, EditError> {
    match edit {
        Edit::AddMember(email, role) => add_member(spec, email, role).map(Some),
        Edit::UpdateMember(email, role) => update_member(spec, email, role),
        Edit::RemoveMember(email) => remove_member(spec, email).map(Some),
        Edit::AddGroup(group, role) => add_group(spec, group, role).map(Some),
        Edit::UpdateGroup(group, role) => update_group(spec, group, role),
        Edit::RemoveGroup(group) => remove_group(spec, group).map(Some),
    }
}

fn add_member(spec: &Value, email: &Email, role: &TeamRole) -> Result<Change, EditError> {
    let mut users = list(spec, "/access/users");
    if let Some(there) = users.iter().find(|user| is_user(user, email)) {
        return Err(EditError::Member {
            email: email.clone(),
            role: role_of(there),
        });
    }
    users.push(entry(&[("name", email.as_str()), ("role", role.as_str())]));
    Ok(Change::of_users(users))
}

fn update_member(spec: &Value, email: &Email, role: &TeamRole) -> Result<Option<Change>, EditError> {
    let mut users = list(spec, "/access/users");
    let found: Vec<usize> = places(&users, |user| is_user(user, email));
    if found.is_empty() {
        return Err(EditError::NoMember(email.clone()));
    }
    let changed = set_role(&mut users, &found, role);
    Ok(changed.then(|| Change::of_users(users)))
}

fn remove_member(spec: &Value, email: &Email) -> Result<Change, EditError> {
    let mut users = list(spec, "/access/users");
    let before = users.len();
    users.retain(|user| !is_user(user, email));
    if users.len() == before {
        return Err(EditError::NoMember(email.clone()));
    }
    Ok(Change {
        environments: without(spec, "users", |user| is_user(user, email)),
        ..Change::of_users(users)
    })
}

fn add_group(spec: &Value, group: &Group, role: &TeamRole) -> Result<Change, EditError> {
    let mut groups = list(spec, "/access/groups");
    let is_same = |there: &&Value| is_group(there, &group.name) && provider_of(there) == group.provider.as_deref();
    if let Some(there) = groups.iter().find(is_same) {
        return Err(EditError::Group {
            name: text(there, "name").to_owned(),
            role: role_of(there),
        });
    }
    let mut fields = vec![("name", group.name.as_str()), ("role", role.as_str())];
    fields.extend(group.provider.as_deref().map(|provider| ("identityProvider", provider)));
    groups.push(entry(&fields));
    Ok(Change::of_groups(groups))
}

fn update_group(spec: &Value, group: &Group, role: &TeamRole) -> Result<Option<Change>, EditError> {
    let mut groups = list(spec, "/access/groups");
    let found = the_group(&groups, group)?;
    let changed = set_role(&mut groups, &[found], role);
    Ok(changed.then(|| Change::of_groups(groups)))
}

fn remove_group(spec: &Value, group: &Group) -> Result<Change, EditError> {
    let mut groups = list(spec, "/access/groups");
    let found = the_group(&groups, group)?;
    let gone = groups.remove(found);
    // Butler compares the names of groups in environments letter by letter.
    let name = text(&gone, "name").to_owned();
    let stays = groups.iter().any(|other| text(other, "name") == name);
    let environments = if stays {
        None
    } else {
        without(spec, "groups", |other| text(other, "name") == name)
    };
    Ok(Change {
        environments,
        ..Change::of_groups(groups)
    })
}

/// The place of the group that is meant.
fn the_group(groups: &[Value], group: &Group) -> Result<usize, EditError> {
    let wanted = group.provider.as_deref();
    let is = |there: &Value| is_group(there, &group.name) && (wanted.is_none() || provider_of(there) == wanted);
    match &*places(groups, is) {
        [] => Err(EditError::NoGroup(group.name.clone())),
        [only] => Ok(*only),
        several => {
            let provider = |place: &usize| provider_of(groups.get(*place)?);
            let providers = several.iter().map(|place| provider(place).unwrap_or("any").to_owned());
            Err(EditError::Ambiguous {
                name: group.name.clone(),
                providers: providers.collect(),
            })
        }
    }
}

impl Change {
    fn of_users(users: Vec<Value>) -> Self {
        let users = Some(users);
        Self {
            access: Lists { users, groups: None },
            environments: None,
        }
    }

    fn of_groups(groups: Vec<Value>) -> Self {
        let groups = Some(groups);
        Self {
            access: Lists { users: None, groups },
            environments: None,
        }
    }
}

/// The environments without an entry of their access; none where no environment has it.
fn without(spec: &Value, kind: &str, is: impl Fn(&Value) -> bool) -> Option<Vec<Value>> {
    let mut environments = list(spec, "/environments");
    let mut changed = false;
    for environment in &mut environments {
        let Some(Value::Array(entries)) = environment.pointer_mut(&format!("/access/{kind}")) else {
            continue;
        };
        let before = entries.len();
        entries.retain(|entry| !is(entry));
        changed |= entries.len() != before;
    }
    changed.then_some(environments)
}

fn set_role(entries: &mut [Value], places: &[usize], role: &TeamRole) -> bool {
    let mut changed = false;
    for place in places {
        if let Some(Value::Object(entry)) = entries.get_mut(*place)
            && entry.get("role").and_then(Value::as_str) != Some(role.as_str())
        {
            entry.insert("role".to_owned(), role.as_str().into());
            changed = true;
        }
    }
    changed
}

fn places(entries: &[Value], is: impl Fn(&Value) -> bool) -> Vec<usize> {
    let all = entries.iter().enumerate();
    all.filter(|(_, entry)| is(entry)).map(|(place, _)| place).collect()
}

fn list(spec: &Value, path: &str) -> Vec<Value> {
    let list = spec.pointer(path).and_then(Value::as_array);
    list.cloned().unwrap_or_else(Vec::new)
}

fn entry(fields: &[(&str, &str)]) -> Value {
    let fields = fields
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Value::from(*value)));
    Value::Object(fields.collect::<Map<_, _>>())
}

pub(crate) fn text<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry.get(key).and_then(Value::as_str).unwrap_or("")
}

/// The role of an entry; none is the least.
pub(super) fn role_of(entry: &Value) -> String {
    membership::effective(Some(&TeamRole::from(text(entry, "role")))).to_string()
}

fn is_user(entry: &Value, email: &Email) -> bool {
    email.is(text(entry, "name"))
}

fn is_group(entry: &Value, name: &str) -> bool {
    membership::is_same_group(text(entry, "name"), name)
}

fn provider_of(entry: &Value) -> Option<&str> {
    Some(text(entry, "identityProvider")).filter(|provider| !provider.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn email(text: &str) -> Email {
        text.parse().unwrap()
    }

    fn group(name: &str, provider: Option<&str>) -> Group {
        Group {
            name: name.to_owned(),
            provider: provider.map(str::to_owned),
        }
    }

    fn change(spec: &Value, edit: &Edit) -> Value {
        serde_json::to_value(edited(spec, edit).unwrap()).unwrap()
    }

    fn ann() -> Value {
        json!({"access": {"users": [{"name": "Ann@Example.com", "role": "viewer", "since": "2027"}]}})
    }

    #[test]
    fn a_member_is_known_in_any_case_and_added_once() {
        let bob = change(&ann(), &Edit::AddMember(email("bob@example.com"), TeamRole::Operator));
        assert_eq!(
            bob,
            json!({"access": {"users": [
                {"name": "Ann@Example.com", "role": "viewer", "since": "2027"},
                {"name": "bob@example.com", "role": "operator"},
            ]}})
        );
        let again = edited(&ann(), &Edit::AddMember(email("ANN@example.com"), TeamRole::Admin));
        assert_eq!(
            again.unwrap_err().to_string(),
            "ann@example.com is a member already, as viewer"
        );
    }

    #[test]
    fn a_role_changes_where_the_member_stands_and_keeps_the_rest() {
        let edit = |role| Edit::UpdateMember(email("ann@example.com"), role);
        let expected = json!({"access": {"users": [{"name": "Ann@Example.com", "role": "admin", "since": "2027"}]}});
        assert_eq!(change(&ann(), &edit(TeamRole::Admin)), expected);
        assert_eq!(change(&ann(), &edit(TeamRole::Viewer)), Value::Null);
        let stranger = Edit::UpdateMember(email("eve@example.com"), TeamRole::Admin);
        assert_eq!(
            edited(&ann(), &stranger),
            Err(EditError::NoMember(email("eve@example.com")))
        );
    }

    #[test]
    fn rights_in_environments_end_with_the_membership() {
        let mut spec = ann();
        spec["environments"] = json!([
            {"name": "dev", "access": {"users": [{"name": "ann@example.com", "role": "admin"}, {"name": "bob@x"}]}},
            {"name": "prod", "limits": {"maxClusters": 1}},
        ]);
        assert_eq!(
            change(&spec, &Edit::RemoveMember(email("ann@example.com"))),
            json!({"access": {"users": []}, "environments": [
                {"name": "dev", "access": {"users": [{"name": "bob@x"}]}},
                {"name": "prod", "limits": {"maxClusters": 1}},
            ]})
        );
    }

    #[test]
    fn a_group_of_several_providers_has_to_be_named_with_one() {
        let spec = json!({"access": {"groups": [
            {"name": "CN=devs,OU=x", "role": "viewer", "identityProvider": "corp"},
            {"name": "devs", "role": "viewer"},
        ]}});
        let edit = |provider| Edit::UpdateGroup(group("devs", provider), TeamRole::Admin);
        assert_eq!(
            edited(&spec, &edit(None)).unwrap_err().to_string(),
            "group devs is in the team several times, for these identity providers: corp, any"
        );
        let changed = change(&spec, &edit(Some("corp")));
        assert_eq!(changed["access"]["groups"][0]["role"], "admin");
        assert_eq!(changed["access"]["groups"][1]["role"], "viewer");
        let there = edited(&spec, &Edit::AddGroup(group("Devs@corp", None), TeamRole::Admin));
        assert_eq!(
            there.unwrap_err().to_string(),
            "group devs is in the team already, as viewer"
        );
        let removed = change(&spec, &Edit::RemoveGroup(group("devs", Some("corp"))));
        assert_eq!(
            removed,
            json!({"access": {"groups": [{"name": "devs", "role": "viewer"}]}})
        );
    }

    #[test]
    fn a_team_without_anybody_gets_its_first_group() {
        let edit = Edit::AddGroup(group("devs", Some("corp")), TeamRole::Viewer);
        let expected = json!({"access": {"groups": [{"name": "devs", "role": "viewer", "identityProvider": "corp"}]}});
        assert_eq!(change(&json!({}), &edit), expected);
    }
}
