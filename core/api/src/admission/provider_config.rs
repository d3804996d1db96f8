//! ProviderConfigs: complete for their platform, and there as long as a cluster needs them.

use super::{Facts, FieldError, Need};
use crate::{
    names::SYSTEM_NAMESPACE,
    v1alpha1::{
        ProviderConfig,
        provider_config::{NetworkMode, ProviderConfigSpec, ProviderScopeType},
        shared::{ProviderRef, ProviderType},
    },
};

/// What is wrong with a ProviderConfig.
pub(super) fn errors(provider: &ProviderConfig) -> Vec<FieldError> {
    let spec = &provider.spec;
    let mut errors = errors_of_platform(spec);
    let team_scope = |scope: &Option<ProviderScopeType>| *scope == Some(ProviderScopeType::Team);
    if let Some(scope) = &spec.scope
        && team_scope(&scope.r#type)
        && scope.team_ref.is_none()
    {
        errors.push(FieldError::required(
            "spec.scope.teamRef",
            r#"teamRef is required when scope type is "team""#,
        ));
    }
    if let Some(network) = &spec.network
        && network.mode == Some(NetworkMode::Ipam)
    {
        if network.pool_refs.is_empty() {
            errors.push(FieldError::required(
                "spec.network.poolRefs",
                r#"at least one poolRef is required when network mode is "ipam""#,
            ));
        }
        if matches!(
            spec.provider,
            ProviderType::Azure | ProviderType::Aws | ProviderType::Gcp
        ) {
            errors.push(FieldError::forbidden(
                "spec.network.mode",
                "IPAM mode is not supported for cloud providers",
            ));
        }
    }
    errors
}

/// The clouds need their block, and its most important fields. The other platforms are not asked for theirs.
fn errors_of_platform(spec: &ProviderConfigSpec) -> Vec<FieldError> {
    let (block, shown, fields) = match &spec.provider {
        ProviderType::Azure => {
            let fields = spec.azure.as_ref().map(|azure| {
                vec![
                    ("subscriptionID", &azure.subscription_id),
                    ("resourceGroup", &azure.resource_group),
                ]
            });
            ("azure", "Azure", fields)
        }
        ProviderType::Aws => {
            let fields = spec.aws.as_ref().map(|aws| vec![("region", &aws.region)]);
            ("aws", "AWS", fields)
        }
        ProviderType::Gcp => {
            let fields = spec.gcp.as_ref();
            let fields = fields.map(|gcp| vec![("projectID", &gcp.project_id), ("region", &gcp.region)]);
            ("gcp", "GCP", fields)
        }
        _ => return Vec::new(),
    };
    let Some(fields) = fields else {
        let detail = format!("{block} configuration is required when provider is {block:?}");
        return vec![FieldError::required(format!("spec.{block}"), detail)];
    };
    let empty = fields.into_iter().filter(|(_, value)| value.is_empty());
    empty
        .map(|(field, _)| {
            let detail = format!("{field} is required for {shown} provider");
            FieldError::required(format!("spec.{block}.{field}"), detail)
        })
        .collect()
}

/// What speaks against deleting a ProviderConfig.
pub(super) fn errors_of_deletion(provider: &ProviderConfig, facts: &Facts) -> Result<Vec<FieldError>, Need> {
    let metadata = &provider.metadata;
    let name = metadata.name.as_deref().unwrap_or("");
    let namespace = metadata.namespace.as_deref().unwrap_or("");
    let refers = |reference: &ProviderRef| reference.name == name && namespace_of(reference) == namespace;
    let mut clusters = facts.clusters("")?.iter();
    let user = clusters.find(|cluster| cluster.spec.provider_config_ref.as_ref().is_some_and(refers));
    let error = user.map(|user| {
        let detail = format!(
            "cannot delete ProviderConfig {name:?}: TenantCluster {}/{} still references it",
            user.metadata.namespace, user.metadata.name
        );
        FieldError::forbidden("metadata.name", detail)
    });
    Ok(error.into_iter().collect())
}

/// Where a ProviderConfig is that a cluster refers to.
pub(super) fn namespace_of(reference: &ProviderRef) -> &str {
    let given = reference.namespace.as_deref().filter(|namespace| !namespace.is_empty());
    given.unwrap_or(SYSTEM_NAMESPACE)
}
