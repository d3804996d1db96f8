//! The catalog: the addons that clusters can have.

use butler_api::config::closest;
use butler_api::labels;
use butler_api::v1alpha1::AddonDefinition;
use butler_api::v1alpha1::addon_definition::AddonLinks;
use butler_client::logged_in::{LoggedIn, ServerError};
use kube::ResourceExt as _;
use kube::api::{Api, DynamicObject};
use kube::core::ApiResource;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AddonError, text};
use crate::pages;
use crate::reach::Reach;
use crate::transport::{Operation, Way};

/// An addon that clusters can have, in the form in which Butler's server tells it, whoever was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The name, by which it is enabled.
    pub name: String,
    /// The name for people.
    pub display_name: String,
    /// What it does.
    pub description: String,
    /// What it is about.
    pub category: String,
    /// A picture of one character.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Where the chart is.
    pub chart_repository: String,
    /// The name of the chart.
    pub chart_name: String,
    /// The version where none is asked for.
    pub default_version: String,
    /// Versions to choose from; others may work too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub available_versions: Vec<String>,
    /// The namespace that it is installed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_namespace: Option<String>,
    /// Whether clusters have it without being asked, as a rule.
    pub platform: bool,
    /// Addons that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// `builtin`, or `custom` where somebody added it.
    pub source: String,
    /// Where to read more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<AddonLinks>,
}

/// Why the catalog cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The API server does not give it.
    #[error("cannot read the catalog of addons")]
    Kubernetes(#[source] Box<kube::Error>),
    /// Butler's server does not give it.
    #[error("cannot read the catalog of addons")]
    Server(#[from] ServerError),
}

#[derive(Deserialize)]
struct Told {
    addons: Vec<Entry>,
}

/// All entries, by name. Members of a team may not read AddonDefinitions, and ask Butler's server.
pub async fn all(reach: &Reach) -> Result<Vec<Entry>, CatalogError> {
    let ways = Operation::Catalog.ways_of(reach).await;
    let mut entries = match (ways.first(), &reach.server) {
        (Some(Way::Server), Some(server)) => by_server(server).await?,
        _ => by_kubernetes(reach).await?,
    };
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

async fn by_server(server: &LoggedIn) -> Result<Vec<Entry>, CatalogError> {
    let told: Told = server.get(&["api", "addons", "catalog"], &[]).await?;
    Ok(told.addons)
}

async fn by_kubernetes(reach: &Reach) -> Result<Vec<Entry>, CatalogError> {
    let kind = ApiResource::erase::<AddonDefinition>(&());
    let api: Api<DynamicObject> = Api::all_with(reach.client.clone(), &kind);
    let found = pages::all(&api).await;
    let found = found.map_err(|source| CatalogError::Kubernetes(Box::new(source)))?;
    Ok(found.iter().map(Entry::of).collect())
}

/// The entry of a name.
pub fn named<'a>(entries: &'a [Entry], name: &str) -> Result<&'a Entry, AddonError> {
    let found = entries.iter().find(|entry| entry.name == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        AddonError::Unknown {
            name: name.to_owned(),
            similar: closest(name, &names).map(str::to_owned),
        }
    })
}

impl Entry {
    /// The entry of an AddonDefinition. Objects of any Butler are shown, also those that this one cannot read as a whole.
    fn of(object: &DynamicObject) -> Self {
        let own = |path: &str| text(object, path).map(str::to_owned);
        let or_none = |path: &str| own(path).unwrap_or_else(String::new);
        let list = |path: &str| {
            let entries = object.data.pointer(path).and_then(Value::as_array);
            let texts = entries.into_iter().flatten().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        };
        let links = object.data.pointer("/spec/links");
        let is_builtin = object
            .labels()
            .get(labels::SOURCE)
            .is_some_and(|source| source == labels::BUILTIN);
        Self {
            name: object.name_any(),
            display_name: own("/spec/displayName").unwrap_or_else(|| object.name_any()),
            description: or_none("/spec/description"),
            category: or_none("/spec/category"),
            icon: own("/spec/icon"),
            chart_repository: or_none("/spec/chart/repository"),
            chart_name: or_none("/spec/chart/name"),
            default_version: or_none("/spec/chart/defaultVersion"),
            available_versions: list("/spec/chart/availableVersions"),
            default_namespace: own("/spec/defaults/namespace"),
            platform: object.data.pointer("/spec/platform").and_then(Value::as_bool) == Some(true),
            depends_on: list("/spec/dependsOn"),
            source: if is_builtin { labels::BUILTIN } else { "custom" }.to_owned(),
            links: links.and_then(|links| serde_json::from_value(links.clone()).ok()),
        }
    }

    /// All versions to choose from, the one where none is asked for first.
    pub fn versions(&self) -> Vec<&str> {
        let others = self.available_versions.iter().map(String::as_str);
        let others = others.filter(|version| *version != self.default_version);
        let first = Some(self.default_version.as_str()).filter(|version| !version.is_empty());
        first.into_iter().chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(definition: Value) -> Entry {
        Entry::of(&serde_json::from_value(definition).unwrap())
    }

    #[test]
    fn a_definition_is_told_as_the_server_tells_it() {
        let entry = entry(json!({
            "metadata": {"name": "loki", "labels": {"butler.butlerlabs.dev/source": "builtin"}},
            "spec": {
                "displayName": "Loki", "description": "Logs", "category": "observability",
                "chart": {
                    "repository": "https://charts.example.com", "name": "loki-stack", "defaultVersion": "2.10.2",
                    "availableVersions": ["2.10.2", "2.10.1"],
                },
                "defaults": {"namespace": "logging"}, "dependsOn": ["minio"], "newer": true,
            },
        }));
        assert_eq!(entry.versions(), ["2.10.2", "2.10.1"]);
        let told = json!({
            "name": "loki", "displayName": "Loki", "description": "Logs", "category": "observability",
            "chartRepository": "https://charts.example.com", "chartName": "loki-stack", "defaultVersion": "2.10.2",
            "availableVersions": ["2.10.2", "2.10.1"], "defaultNamespace": "logging", "platform": false,
            "dependsOn": ["minio"], "source": "builtin",
        });
        assert_eq!(serde_json::to_value(&entry).unwrap(), told);
        assert_eq!(serde_json::from_value::<Entry>(told).unwrap(), entry);
    }

    #[test]
    fn a_name_that_nobody_has_brings_the_one_that_was_meant() {
        let entries = ["loki", "longhorn"].map(|name| entry(json!({"metadata": {"name": name}, "spec": {}})));
        assert_eq!(named(&entries, "loki").unwrap().name, "loki");
        let similar = |name: &str| match named(&entries, name) {
            Err(AddonError::Unknown { similar, .. }) => similar,
            other => panic!("{other:?}"),
        };
        assert_eq!(similar("lokki").as_deref(), Some("loki"));
        assert_eq!(similar("Longhorm").as_deref(), Some("longhorn"));
        assert_eq!(similar("redis"), None);
    }
}
