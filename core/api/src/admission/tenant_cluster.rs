//! TenantClusters: their environment, their platform, the choices that policies leave, and limits.

use super::{Facts, FieldError, Need, Requester, environment, policy, provider_config::namespace_of, quota};
use crate::v1alpha1::{ProviderConfig, TenantCluster, provider_config::ProviderScopeType};

/// What is wrong with a cluster that is new, or changes.
pub(super) fn errors(
    old: Option<&TenantCluster>,
    new: &TenantCluster,
    requester: &Requester,
    facts: &Facts,
) -> Result<Vec<FieldError>, Need> {
    if let Some(error) = old.and_then(|old| environment::error_of_move(old, new)) {
        return Ok(vec![error]);
    }
    // Who names a team that is not there belongs to none.
    let team = match &new.spec.team_ref {
        Some(team) => facts.team(&team.name)?,
        None => None,
    };
    let mut errors = match team {
        Some(team) => environment::errors(old, new, team, requester, facts)?,
        None => Vec::new(),
    };
    let Some(reference) = &new.spec.provider_config_ref else {
        return Ok(errors);
    };
    let Some(provider) = facts.provider_config(namespace_of(reference), &reference.name)? else {
        errors.push(FieldError::not_found("spec.providerConfigRef.name", &reference.name));
        return Ok(errors);
    };
    errors.extend(error_of_scope(new, provider));
    errors.extend(policy::errors(new, &provider.spec.provider, facts)?);
    let namespace = new.metadata.namespace.as_deref().unwrap_or("");
    if old.is_none() && provider.spec.limits.is_some() {
        errors.extend(quota::errors_of_provider(new, provider, facts.clusters(namespace)?));
    }
    if let Some(team) = team
        && let Some(limits) = &team.spec.resource_limits
    {
        let others = match old {
            None => Some(facts.clusters(namespace)?),
            Some(_) => None,
        };
        let name = team.metadata.name.as_deref().unwrap_or("");
        errors.extend(quota::errors_of_team(name, limits, new, others));
    }
    Ok(errors)
}

/// The ProviderConfig of a team is for that team alone.
fn error_of_scope(cluster: &TenantCluster, provider: &ProviderConfig) -> Option<FieldError> {
    let scope = provider.spec.scope.as_ref()?;
    if scope.r#type != Some(ProviderScopeType::Team) {
        return None;
    }
    let owner = &scope.team_ref.as_ref()?.name;
    let team = cluster.spec.team_ref.as_ref().map_or("", |team| &team.name);
    (team != owner).then(|| {
        let name = provider.metadata.name.as_deref().unwrap_or("");
        let detail =
            format!("ProviderConfig {name:?} is scoped to team {owner:?}, but TenantCluster references team {team:?}");
        FieldError::forbidden("spec.providerConfigRef", detail)
    })
}
