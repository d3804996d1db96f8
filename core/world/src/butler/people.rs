//! Writes the people of the world file to a cluster, as users and teams.

use butler_api::v1alpha1::team::{Team, TeamAccess, TeamRole, TeamSpec, UserAccess};
use butler_api::v1alpha1::user::{AuthType, User, UserSpec};
use butler_embedded::{Local, Refused};
use jiff::Timestamp;

use super::server::{TEAMS, USERS, keep_password, object_value};
use crate::world::people::{People, TeamSeed, UserSeed};

/// The least that a password's hash can cost: these passwords are no secrets, and nobody is to wait for them.
const COST: u32 = 4;

/// Writes everybody who is not there. Who is there already keeps the object, and gets the password if there is none.
pub(crate) fn bring(local: &Local, people: &People, now: Timestamp) -> Result<(), Refused> {
    for (name, user) in &people.users {
        let there = created(local.create(USERS.at(""), object_value(&user_object(name, user))?))?;
        let object = local.get(USERS.at(""), name)?;
        if there || crate::values::text(&object, "/status/passwordSecretRef/name").is_empty() {
            let hash = bcrypt::hash(&user.password, COST).map_err(|error| Refused {
                code: 500,
                message: format!("cannot hash the password of {name}: {error}"),
            })?;
            keep_password(local, name, &hash, now)?;
        }
    }
    for (name, team) in &people.teams {
        created(local.create(TEAMS.at(""), object_value(&team_object(name, team, people))?))?;
    }
    Ok(())
}

/// Whether something was created; something of that name may be there already.
fn created<T>(result: Result<T, Refused>) -> Result<bool, Refused> {
    match result {
        Ok(_) => Ok(true),
        Err(refused) if refused.code == 409 => Ok(false),
        Err(refused) => Err(refused),
    }
}

fn user_object(name: &str, user: &UserSeed) -> User {
    User::new(
        name,
        UserSpec {
            auth_type: Some(AuthType::Internal),
            avatar: None,
            disabled: None,
            display_name: user.display_name.clone(),
            email: user.email.clone(),
            is_platform_admin: user.platform_admin.then_some(true),
            platform_role: None,
            ssh_keys: Vec::new(),
            sso_provider: None,
            sso_subject: None,
        },
    )
}

fn team_object(name: &str, team: &TeamSeed, people: &People) -> Team {
    let users = team.members.iter().filter_map(|(member, role)| {
        Some(UserAccess {
            name: people.email(member)?.to_owned(),
            role: Some(TeamRole::from(role.as_str())),
        })
    });
    Team::new(
        name,
        TeamSpec {
            access: Some(TeamAccess {
                groups: Vec::new(),
                users: users.collect(),
            }),
            display_name: Some(team.display_name.clone().unwrap_or_else(|| name.to_owned())),
            ..TeamSpec::default()
        },
    )
}
