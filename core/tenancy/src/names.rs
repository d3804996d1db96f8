//! Names of objects, for whoever completes what a person types: one short request, and nothing but names.

use butler_api::names as well_known;
use butler_api::v1alpha1::{AddonDefinition, ProviderConfig, Team, TenantCluster, User};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DynamicObject, ListParams};
use kube::core::ApiResource;
use kube::{Api, ResourceExt};
use serde::Deserialize;

use crate::place::Place;
use crate::reach::Reach;

/// The most names that are of use to somebody who completes one.
const MOST: u32 = 500;

/// What has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// Addons of the catalog.
    Addon,
    /// Tenant clusters of a namespace.
    Cluster,
    /// Environments of a team.
    Environment,
    /// Namespaces.
    Namespace,
    /// ProviderConfigs of the platform.
    Provider,
    /// Teams.
    Team,
    /// Accounts.
    User,
}

/// The names of these. What may not be read, or is not answered, is none: nobody is told while a person types.
pub async fn all(reach: &Reach, place: Option<&Place>, of: Named) -> Vec<String> {
    let found = match of {
        Named::Cluster => {
            let namespace = place.map(|place| place.namespace.as_str());
            listed(reach, &ApiResource::erase::<TenantCluster>(&()), namespace).await
        }
        Named::Addon => match listed(reach, &ApiResource::erase::<AddonDefinition>(&()), None).await {
            Some(names) => Some(names),
            None => by_server(reach, &["api", "addons", "catalog"], "addons").await,
        },
        Named::Environment => match place.and_then(|place| place.team.as_deref()) {
            Some(team) => environments(reach, team).await,
            None => None,
        },
        Named::Namespace => listed(reach, &ApiResource::erase::<Namespace>(&()), None).await,
        Named::Provider => {
            let kind = ApiResource::erase::<ProviderConfig>(&());
            match listed(reach, &kind, Some(well_known::SYSTEM_NAMESPACE)).await {
                Some(names) => Some(names),
                None => by_server(reach, &["api", "providers"], "providers").await,
            }
        }
        Named::Team => listed(reach, &ApiResource::erase::<Team>(&()), None).await,
        Named::User => listed(reach, &ApiResource::erase::<User>(&()), None).await,
    };
    found.into_iter().flatten().collect()
}

async fn listed(reach: &Reach, kind: &ApiResource, namespace: Option<&str>) -> Option<Vec<String>> {
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(reach.client.clone(), namespace, kind),
        None => Api::all_with(reach.client.clone(), kind),
    };
    let found = api.list_metadata(&ListParams::default().limit(MOST)).await.ok()?;
    Some(found.items.iter().map(ResourceExt::name_any).collect())
}

#[derive(Deserialize)]
struct NamedItem {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    metadata: Option<NamedMeta>,
}

#[derive(Deserialize)]
struct NamedMeta {
    #[serde(default)]
    name: Option<String>,
}

async fn by_server(reach: &Reach, path: &[&str], list: &str) -> Option<Vec<String>> {
    let mut answer: serde_json::Map<String, serde_json::Value> = reach.server.as_ref()?.get(path, &[]).await.ok()?;
    let items: Vec<NamedItem> = serde_json::from_value(answer.remove(list)?).ok()?;
    let names = items.into_iter().filter_map(|item| item.name.or(item.metadata?.name));
    Some(names.collect())
}

async fn environments(reach: &Reach, team: &str) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct ServersTeam {
        #[serde(default)]
        environments: Vec<NamedItem>,
    }
    if let Some(server) = &reach.server {
        let found: ServersTeam = server.get(&["api", "teams", team], &[]).await.ok()?;
        return Some(found.environments.into_iter().filter_map(|item| item.name).collect());
    }
    let teams: Api<Team> = Api::all(reach.client.clone());
    let found = teams.get(team).await.ok()?;
    Some(
        found
            .spec
            .environments
            .into_iter()
            .map(|environment| environment.name)
            .collect(),
    )
}
