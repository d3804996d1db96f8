//! Teams: who may set which limits, and who may get rights in an environment.

use std::collections::BTreeMap;

use super::{Facts, Need, Requester};
use crate::v1alpha1::{
    Team,
    team::{Environment, EnvironmentLimits, TeamAccess, TeamRole},
};

/// Why the requester may not write the team, if he may not.
pub(super) fn refusal(
    old: Option<&Team>,
    new: &Team,
    requester: &Requester,
    facts: &Facts,
) -> Result<Option<String>, Need> {
    let limits = match old {
        None => refusal_of_new_limits(new, requester, facts)?,
        Some(old) => refusal_of_changed_limits(old, new, requester, facts)?,
    };
    Ok(limits.or_else(|| refusal_of_rights(new)))
}

/// A new team has no admins yet, so its limits are the platform's.
fn refusal_of_new_limits(new: &Team, requester: &Requester, facts: &Facts) -> Result<Option<String>, Need> {
    let user = &requester.name;
    if new.spec.resource_limits.is_some() && !is_platform_admin(requester, facts)? {
        return Ok(Some(format!(
            "spec.resourceLimits may only be set by platform admins; user {user:?} is not a platform admin"
        )));
    }
    let limited = new.spec.environments.iter().position(|e| e.limits.is_some());
    match limited {
        Some(at) if !is_platform_admin(requester, facts)? => Ok(Some(format!(
            "spec.environments[{at}].limits on a new team may only be set by platform admins; user {user:?} is not a \
             platform admin"
        ))),
        _ => Ok(None),
    }
}

/// The limits of the team are the platform's, those inside it also its own admins'.
fn refusal_of_changed_limits(
    old: &Team,
    new: &Team,
    requester: &Requester,
    facts: &Facts,
) -> Result<Option<String>, Need> {
    let user = &requester.name;
    if old.spec.resource_limits != new.spec.resource_limits && !is_platform_admin(requester, facts)? {
        return Ok(Some(format!(
            "spec.resourceLimits may only be modified by platform admins; user {user:?} is not a platform admin"
        )));
    }
    let changed = limits_by_name(&old.spec.environments) != limits_by_name(&new.spec.environments);
    if changed && !is_platform_admin(requester, facts)? && !is_team_admin(requester, new) {
        let team = new.metadata.name.as_deref().unwrap_or("");
        return Ok(Some(format!(
            "spec.environments[].limits may only be modified by team admins of {team:?} or platform admins; user {user:?} \
             is neither"
        )));
    }
    Ok(None)
}

/// An environment without limits is as good as none.
fn limits_by_name(environments: &[Environment]) -> BTreeMap<&str, &EnvironmentLimits> {
    let limited = environments.iter();
    limited
        .filter_map(|e| Some((e.name.as_str(), e.limits.as_ref()?)))
        .collect()
}

/// What the account of the requester says; for somebody without one, whether he may update teams at all.
fn is_platform_admin(requester: &Requester, facts: &Facts) -> Result<bool, Need> {
    let mut users = facts.users()?.iter();
    match users.find(|user| same_text(&user.spec.email, &requester.name)) {
        Some(user) => Ok(user.spec.is_platform_admin == Some(true)),
        None => facts.may_update_teams(),
    }
}

fn is_team_admin(requester: &Requester, team: &Team) -> bool {
    let Some(TeamAccess { users, groups }) = &team.spec.access else {
        return false;
    };
    let admin = |role: &Option<TeamRole>| *role == Some(TeamRole::Admin);
    users
        .iter()
        .any(|user| admin(&user.role) && same_text(&user.name, &requester.name))
        || groups
            .iter()
            .any(|group| admin(&group.role) && requester.groups.contains(&group.name))
}

/// Environments add rights for people of the team, and bring in nobody else.
fn refusal_of_rights(team: &Team) -> Option<String> {
    let members = team.spec.access.as_ref();
    let is_user = |name: &str| members.is_some_and(|m| m.users.iter().any(|u| same_text(&u.name, name)));
    let is_group = |name: &str| members.is_some_and(|m| m.groups.iter().any(|g| g.name == name));
    for (at, environment) in team.spec.environments.iter().enumerate() {
        let Some(access) = &environment.access else { continue };
        if let Some(stranger) = access.users.iter().find(|user| !is_user(&user.name)) {
            return Some(format!(
                "spec.environments[{at}].access.users[{:?}] is not a team member; env access is additive only and cannot \
                 introduce subjects absent from spec.access.users",
                stranger.name
            ));
        }
        if let Some(stranger) = access.groups.iter().find(|group| !is_group(&group.name)) {
            return Some(format!(
                "spec.environments[{at}].access.groups[{:?}] is not a team group; env access is additive only and cannot \
                 introduce groups absent from spec.access.groups",
                stranger.name
            ));
        }
    }
    None
}

/// E-mails are the same whatever their case.
pub(super) fn same_text(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
