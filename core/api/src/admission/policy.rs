//! What policies say about the choices of a cluster: for each kind of choice, the most specific policy counts.

use std::collections::BTreeMap;

use super::{Facts, FieldError, Need, environment};
use crate::v1alpha1::{
    ClusterCreationPolicy, TenantCluster,
    cluster_creation_policy::{CreationOption, OptionMode},
    shared::ProviderType,
};

/// What speaks against the choices of a cluster. Only choices that are made are looked at.
pub(super) fn errors(cluster: &TenantCluster, provider: &ProviderType, facts: &Facts) -> Result<Vec<FieldError>, Need> {
    let team = cluster.spec.team_ref.as_ref().map_or("", |team| &team.name);
    let context = Context {
        team,
        environment: environment::label(cluster),
        provider,
    };
    let options = context.resolve(facts.policies()?);
    let errors = options
        .into_iter()
        .filter_map(|(kind, (policy, option))| error(cluster, provider, kind, policy, option));
    Ok(errors.collect())
}

/// Who a cluster is for, and where it is to run.
struct Context<'a> {
    team: &'a str,
    environment: &'a str,
    provider: &'a ProviderType,
}

impl Context<'_> {
    /// The option that counts for each kind of choice, with the name of its policy.
    fn resolve<'a>(&self, policies: &'a [ClusterCreationPolicy]) -> BTreeMap<&'a str, (&'a str, &'a CreationOption)> {
        let mut matching: Vec<(u8, &ClusterCreationPolicy)> = policies
            .iter()
            .filter_map(|policy| Some((self.specificity(policy)?, policy)))
            .collect();
        // The sort is stable: of policies that are as specific as each other, the first one counts.
        matching.sort_by_key(|(specificity, _)| std::cmp::Reverse(*specificity));
        let mut options = BTreeMap::new();
        for (_, policy) in matching {
            let name = policy.metadata.name.as_deref().unwrap_or("");
            for (kind, option) in &policy.spec.options {
                options.entry(kind.as_str()).or_insert((name, option));
            }
        }
        options
    }

    /// How specific a policy is; nothing where it is about something else.
    fn specificity(&self, policy: &ClusterCreationPolicy) -> Option<u8> {
        let targets = &policy.spec.target_providers;
        if !targets.is_empty() && !targets.contains(self.provider) {
            return None;
        }
        let scope = &policy.spec.scope;
        let known = |name: &str, wanted: &str| !wanted.is_empty() && name == wanted;
        if let Some(scope) = &scope.team_and_environment {
            let meant = known(&scope.team_ref.name, self.team) && known(&scope.environment_name, self.environment);
            return meant.then_some(2);
        }
        if let Some(scope) = &scope.team {
            return known(&scope.team_ref.name, self.team).then_some(1);
        }
        scope.platform_wide.is_some().then_some(0)
    }
}

fn error(
    cluster: &TenantCluster,
    provider: &ProviderType,
    kind: &str,
    policy: &str,
    option: &CreationOption,
) -> Option<FieldError> {
    let verb = match option.mode {
        OptionMode::Pin => "pins",
        OptionMode::AllowList => "allow-lists",
        // These only advise.
        OptionMode::Default | OptionMode::Recommended | OptionMode::Other(_) => return None,
    };
    let (field, value) = choice(cluster, provider, kind)?;
    if value.is_empty() || option.values.contains(value) {
        return None;
    }
    let values = option.values.join(" ");
    let detail = format!("ClusterCreationPolicy {policy:?} {verb} {kind} to [{values}]; got {value:?}");
    Some(FieldError::forbidden(
        format!("spec.infrastructureOverride.{field}"),
        detail,
    ))
}

/// The field where a platform keeps a kind of choice, and what it says.
fn choice<'a>(cluster: &'a TenantCluster, provider: &ProviderType, kind: &str) -> Option<(&'static str, &'a String)> {
    let own = cluster.spec.infrastructure_override.as_ref()?;
    match provider {
        ProviderType::Nutanix => {
            let nutanix = own.nutanix.as_ref()?;
            match kind {
                "image" => Some(("nutanix.imageUUID", nutanix.image_uuid.as_ref()?)),
                "network" => Some(("nutanix.subnetUUID", nutanix.subnet_uuid.as_ref()?)),
                "cluster" => Some(("nutanix.clusterUUID", nutanix.cluster_uuid.as_ref()?)),
                "storageContainer" => {
                    let value = nutanix.storage_container_uuid.as_ref()?;
                    Some(("nutanix.storageContainerUUID", value))
                }
                _ => None,
            }
        }
        ProviderType::Harvester => {
            let harvester = own.harvester.as_ref()?;
            match kind {
                "image" => Some(("harvester.imageName", harvester.image_name.as_ref()?)),
                "network" => Some(("harvester.networkName", harvester.network_name.as_ref()?)),
                _ => None,
            }
        }
        _ => None,
    }
}
