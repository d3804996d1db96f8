//! What a TenantCluster must be before anything is made for it.

use butler_api::names;
use butler_api::v1alpha1::butler_config::MultiTenancyMode;
use butler_api::v1alpha1::{ButlerConfig, ProviderConfig};

use super::super::kinds::Kind;
use super::super::pass::Pass;
use super::{Cluster, Failure};

/// Checks a cluster against the team, the mode of the platform and its ProviderConfig, which it gives.
pub(super) fn check(cluster: &Cluster<'_>, pass: &Pass<'_>) -> Result<ProviderConfig, Failure> {
    let config: Option<ButlerConfig> = pass.mirror.typed(Kind::ButlerConfig, "", names::BUTLER_CONFIG);
    let spec = config.map(|config| config.spec);
    let mode = spec.as_ref().and_then(|spec| spec.multi_tenancy.as_ref()?.mode.clone());
    let default = spec.as_ref().and_then(|spec| spec.default_namespace.clone());
    let default = default.unwrap_or_else(|| names::TENANTS_NAMESPACE.to_owned());
    namespace(cluster, mode.as_ref(), &default, pass).map_err(|message| Failure {
        reason: "ValidationFailed",
        message,
    })?;
    let by_default = spec.and_then(|spec| spec.default_provider_config_ref);
    let named = cluster
        .object
        .spec
        .provider_config_ref
        .as_ref()
        .map(|named| named.name.clone());
    let name = named.or(by_default.map(|named| named.name)).ok_or_else(|| Failure {
        reason: "ConfigError",
        message: "no providerConfigRef, and no default in ButlerConfig".to_owned(),
    })?;
    let provider = pass.mirror.typed(Kind::ProviderConfig, names::SYSTEM_NAMESPACE, &name);
    provider.ok_or_else(|| Failure {
        reason: "ConfigError",
        message: format!(
            "failed to get ProviderConfig {system}/{name}: ProviderConfig.butler.butlerlabs.dev \"{name}\" not found",
            system = names::SYSTEM_NAMESPACE
        ),
    })
}

/// Where a cluster may be. The texts are those of the real controller.
fn namespace(
    cluster: &Cluster<'_>,
    mode: Option<&MultiTenancyMode>,
    default: &str,
    pass: &Pass<'_>,
) -> Result<(), String> {
    let actual = cluster.key.namespace.as_str();
    let team = cluster.object.spec.team_ref.as_ref().map(|team| team.name.as_str());
    if mode == Some(&MultiTenancyMode::Disabled) {
        return if actual == default {
            Ok(())
        } else {
            Err(format!(
                "TenantCluster must be in default namespace {default:?} when multi-tenancy is disabled, got {actual:?}"
            ))
        };
    }
    let Some(team) = team else {
        return match mode {
            Some(MultiTenancyMode::Enforced) => {
                Err("teamRef is required when multi-tenancy mode is Enforced".to_owned())
            }
            _ if actual == default => Ok(()),
            _ => Err(format!(
                "TenantCluster without teamRef must be in default namespace {default:?}, got {actual:?}"
            )),
        };
    };
    if pass.mirror.find(Kind::Team, "", team).is_none() {
        return Err(format!("team {team:?} not found"));
    }
    if actual != team {
        return Err(format!(
            "TenantCluster must be in team namespace {team:?} when teamRef is set, got {actual:?}"
        ));
    }
    Ok(())
}
