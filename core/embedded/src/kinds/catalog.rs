//! Which resources exist at a moment, by path and by group. Rebuilt when a CustomResourceDefinition changes.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Custom, Resource, Scale, builtin};
use crate::text::{items, meta, owned_texts, string_at, text};

/// A version of a group with the resources in it.
type Version = (String, Vec<Arc<Resource>>);

/// Every resource that is served, built in or defined.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    by_path: HashMap<(String, String, String), Arc<Resource>>,
    /// Group, then versions in order of preference, then resources by name.
    groups: BTreeMap<String, Vec<Version>>,
    /// The place of a version in its group.
    places: HashMap<(String, String), usize>,
    /// Resources by the definition that adds them, and its revision.
    definitions: HashMap<String, (u64, Vec<Arc<Resource>>)>,
}

impl Catalog {
    /// The built-in kinds and every definition that is established. Definitions come with their revision: the resources of one
    /// that has not changed since `before` are taken over.
    pub(crate) fn build<'a>(before: &Self, definitions: impl Iterator<Item = (u64, &'a Value)>) -> Self {
        let mut catalog = Self::default();
        for resource in builtin::resources() {
            catalog.add(Arc::clone(resource));
        }
        for (revision, definition) in definitions {
            let name = meta(definition, "name").to_owned();
            let resources = match before.definitions.get(&name) {
                Some((at, resources)) if *at == revision => resources.clone(),
                _ => served(definition).into_iter().map(Arc::new).collect(),
            };
            for resource in &resources {
                catalog.add(Arc::clone(resource));
            }
            catalog.definitions.insert(name, (revision, resources));
        }
        catalog.places.clear();
        for (group, versions) in &mut catalog.groups {
            versions.sort_by(|a, b| compare_versions(&b.0, &a.0));
            for (place, (version, resources)) in versions.iter_mut().enumerate() {
                resources.sort_by(|a, b| a.plural.cmp(&b.plural));
                catalog.places.insert((group.clone(), version.clone()), place);
            }
        }
        catalog
    }

    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Resource>> {
        self.by_path
            .get(&(group.to_owned(), version.to_owned(), plural.to_owned()))
    }

    /// Groups with their versions in order of preference.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.groups
            .iter()
            .map(|(group, versions)| (group.as_str(), versions.iter().map(|v| v.0.as_str()).collect()))
    }

    pub(crate) fn resources(&self, group: &str, version: &str) -> Option<&[Arc<Resource>]> {
        let place = *self.places.get(&(group.to_owned(), version.to_owned()))?;
        Some(self.groups.get(group)?.get(place)?.1.as_slice())
    }

    /// One resource per table that stores objects.
    pub(crate) fn stored(&self) -> Vec<Arc<Resource>> {
        let mut seen = HashMap::new();
        for resource in self.by_path.values().filter(|r| !super::is_review(&r.group)) {
            seen.entry(Arc::clone(&resource.table))
                .or_insert_with(|| Arc::clone(resource));
        }
        seen.into_values().collect()
    }

    fn add(&mut self, resource: Arc<Resource>) {
        let path = (
            resource.group.clone(),
            resource.version.clone(),
            resource.plural.clone(),
        );
        let versions = self.groups.entry(resource.group.clone()).or_default();
        let place = self.places.entry((resource.group.clone(), resource.version.clone()));
        let place = *place.or_insert_with(|| {
            versions.push((resource.version.clone(), Vec::new()));
            versions.len() - 1
        });
        versions[place].1.push(Arc::clone(&resource));
        self.by_path.insert(path, resource);
    }
}

/// The store's table for the objects of a definition.
pub(crate) fn table_of(definition: &Value) -> String {
    format!(
        "{}/{}",
        string_at(definition, "/spec/group"),
        string_at(definition, "/spec/names/plural")
    )
}

/// The resources that one definition adds.
fn served(definition: &Value) -> Vec<Resource> {
    let established = definition["status"]["conditions"]
        .as_array()
        .is_some_and(|list| list.iter().any(|c| c["type"] == "Established" && c["status"] == "True"));
    let versions = items(&definition["spec"]["versions"]);
    if !established {
        return Vec::new();
    }
    let newest = newest(versions);
    versions
        .iter()
        .filter(|v| v["served"] == true)
        .map(|version| custom(definition, version, newest))
        .collect()
}

/// The newest version that is served and not deprecated.
fn newest(versions: &[Value]) -> Option<&str> {
    versions
        .iter()
        .filter(|v| v["served"] == true && v["deprecated"] != true)
        .filter_map(|v| v["name"].as_str())
        .max_by(|a, b| compare_versions(a, b))
}

fn custom(definition: &Value, version: &Value, newest: Option<&str>) -> Resource {
    let names = &definition["spec"]["names"];
    let text = |value: &Value| text(value).to_owned();
    let group = text(&definition["spec"]["group"]);
    let name = text(&version["name"]);
    let kind = text(&names["kind"]);
    let raw_schema = version["schema"]["openAPIV3Schema"].clone();
    let deprecation = (version["deprecated"] == true).then(|| {
        version["deprecationWarning"]
            .as_str()
            .map_or_else(|| default_deprecation(newest, &name, &group, &kind), str::to_owned)
    });
    let scale = &version["subresources"]["scale"];
    let scale = scale.is_object().then(|| Scale {
        spec_replicas: text(&scale["specReplicasPath"]),
        status_replicas: text(&scale["statusReplicasPath"]),
        selector: scale["labelSelectorPath"].as_str().map(str::to_owned),
    });
    let selectable = items(&version["selectableFields"]).iter();
    let selectable = selectable.map(|field| string_at(field, "/jsonPath").trim_start_matches('.').to_owned());
    Resource {
        plural: text(&names["plural"]),
        singular: text(&names["singular"]),
        list_kind: text(&names["listKind"]),
        short_names: owned_texts(&names["shortNames"]),
        categories: owned_texts(&names["categories"]),
        namespaced: definition["spec"]["scope"] == "Namespaced",
        status: version["subresources"]["status"].is_object(),
        scale,
        table: table_of(definition).into(),
        schema: std::sync::OnceLock::new(),
        custom: Some(Custom {
            raw_schema,
            fingerprint: std::sync::OnceLock::new(),
            columns: version["additionalPrinterColumns"].clone(),
            selectable: selectable.collect(),
            deprecation,
            terminating: definition["metadata"]["deletionTimestamp"].is_string(),
        }),
        generation: true,
        group,
        version: name,
        kind,
    }
}

/// The warning of a deprecated version, with the newest version that is not.
fn default_deprecation(newest: Option<&str>, version: &str, group: &str, kind: &str) -> String {
    let deprecated = format!("{group}/{version} {kind} is deprecated");
    match newest.filter(|name| compare_versions(name, version).is_gt()) {
        Some(name) => format!("{deprecated}; use {group}/{name} {kind}"),
        None => deprecated,
    }
}

/// Kubernetes' order of versions: `v2 > v1 > v1beta2 > v1beta1 > v1alpha1 > anything else by name`.
fn compare_versions(a: &str, b: &str) -> std::cmp::Ordering {
    match (rank(a), rank(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => std::cmp::Ordering::Greater,
        (None, Some(_)) => std::cmp::Ordering::Less,
        (None, None) => b.cmp(a),
    }
}

fn rank(version: &str) -> Option<(u8, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let major = rest[..digits].parse().ok()?;
    match &rest[digits..] {
        "" => Some((2, major, 0)),
        tail => {
            let (stage, minor) = tail
                .strip_prefix("beta")
                .map(|m| (1, m))
                .or_else(|| tail.strip_prefix("alpha").map(|m| (0, m)))?;
            Some((stage, major, minor.parse().ok()?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_versions_come_before_beta_alpha_and_others() {
        let mut versions = vec!["v1alpha1", "foo", "v2", "v1", "v1beta2", "v10", "v1beta1"];
        versions.sort_by(|a, b| compare_versions(b, a));
        assert_eq!(versions, ["v10", "v2", "v1", "v1beta2", "v1beta1", "v1alpha1", "foo"]);
    }
}
