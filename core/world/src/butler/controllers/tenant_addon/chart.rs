//! What a TenantAddon is as a Helm release: an entry of the catalog, or a chart of one's own.

use butler_api::config::versions;
use butler_api::v1alpha1::tenant_addon::HelmChart;
use butler_api::v1alpha1::{AddonDefinition, TenantAddon};
use serde_json::{Map, Value};

use super::super::kinds::Kind;
use super::super::mirror::{Key, Mirror, read};
use crate::world::tenants::{Addon, ReleaseName, TenantFacts};

/// The release of an addon; an error in words where the catalog has no such entry.
pub(super) fn wanted(key: &Key, addon: &TenantAddon, mirror: &Mirror) -> Result<Addon, String> {
    let spec = &addon.spec;
    let named = spec.addon.as_deref().filter(|name| !name.is_empty());
    let own = spec.values.as_ref().map_or_else(Map::new, Map::clone);
    match (named, &spec.helm) {
        (Some(name), _) => {
            let definition: Option<AddonDefinition> = mirror.typed(Kind::AddonDefinition, "", name);
            let definition = definition.ok_or_else(|| format!("addon definition not found: {name}"))?;
            Ok(of_definition(name, &definition, &spec.version, own))
        }
        (None, Some(helm)) => Ok(of_chart(key, helm, &spec.version, own)),
        (None, None) => Err("neither addon nor helm is set".to_owned()),
    }
}

/// Why Helm does not find a chart in that version, in its words; none where it does. The repository of a definition has the
/// versions that the definition lists, or all where it lists none.
pub(super) fn missing(key: &Key, addon: &TenantAddon, wanted: &Addon, mirror: &Mirror) -> Option<String> {
    let Addon { chart, version, .. } = wanted;
    if version.is_empty() {
        // The newest one is taken.
        return None;
    }
    let named = addon.spec.addon.as_deref().filter(|name| !name.is_empty());
    let index = format!("butler-{}", named.unwrap_or(&key.name));
    let not_found = format!("chart {chart:?} matching {version} not found in {index} index. (try 'helm repo update')");
    let Some(asked) = versions::parse(version) else {
        return Some(match semver::VersionReq::parse(version) {
            Ok(_) => format!("{not_found}: ranges of versions are not simulated"),
            Err(_) => format!("{not_found}: improper constraint: {version:?}"),
        });
    };
    let definition: Option<AddonDefinition> = named.and_then(|name| mirror.typed(Kind::AddonDefinition, "", name));
    let listed = definition.map(|definition| definition.spec.chart)?;
    let all = listed.available_versions.iter().chain([&listed.default_version]);
    let known = listed.available_versions.is_empty()
        || all
            .into_iter()
            .any(|known| versions::parse(known) == Some(asked.clone()));
    (!known).then(|| format!("{not_found}: no chart version found for {chart}-{version}"))
}

/// What Helm says where it is not to make the namespace of a release, and there is none.
pub(super) fn homeless(addon: &TenantAddon, wanted: &Addon, tenant: &TenantFacts, mirror: &Mirror) -> Option<String> {
    let named = addon.spec.addon.as_deref().filter(|name| !name.is_empty());
    let makes_it = match named {
        Some(name) => {
            let definition: Option<AddonDefinition> = mirror.typed(Kind::AddonDefinition, "", name);
            definition.and_then(|definition| definition.spec.defaults?.create_namespace)
        }
        None => addon.spec.helm.as_ref().and_then(|helm| helm.create_namespace),
    };
    let missing = makes_it == Some(false) && !tenant.namespaces.contains(&wanted.namespace);
    missing.then(|| format!("create: failed to create: namespaces {:?} not found", wanted.namespace))
}

/// Namespace and name of the release of an addon, if that is known.
pub(super) fn release(key: &Key, object: &Value, mirror: &Mirror) -> Option<ReleaseName> {
    let addon = read::<TenantAddon>(object)?;
    let wanted = wanted(key, &addon, mirror).ok()?;
    Some((wanted.namespace, wanted.release))
}

/// The name that the release of a definition has.
pub(super) fn release_name(name: &str, definition: &AddonDefinition) -> String {
    let defaults = definition.spec.defaults.as_ref();
    let given = defaults.and_then(|defaults| defaults.release_name.clone());
    given
        .filter(|given| !given.is_empty())
        .unwrap_or_else(|| name.to_owned())
}

fn of_definition(name: &str, definition: &AddonDefinition, version: &str, own: Map<String, Value>) -> Addon {
    let chart = &definition.spec.chart;
    let defaults = definition.spec.defaults.as_ref();
    let given = defaults.and_then(|defaults| defaults.namespace.clone());
    let values = defaults.and_then(|defaults| defaults.values.as_ref());
    let mut values = values.map_or_else(Map::new, Map::clone);
    merge(&mut values, own);
    Addon {
        release: release_name(name, definition),
        namespace: given
            .filter(|given| !given.is_empty())
            .unwrap_or_else(|| name.to_owned()),
        chart: chart.name.clone(),
        version: if version.is_empty() {
            &chart.default_version
        } else {
            version
        }
        .to_owned(),
        values,
    }
}

fn of_chart(key: &Key, helm: &HelmChart, version: &str, values: Map<String, Value>) -> Addon {
    let release = helm.release_name.clone().filter(|given| !given.is_empty());
    let release = release.unwrap_or_else(|| key.name.clone());
    let namespace = helm.namespace.clone().filter(|given| !given.is_empty());
    Addon {
        namespace: namespace.unwrap_or_else(|| release.clone()),
        release,
        chart: helm.chart.clone(),
        version: version.to_owned(),
        values,
    }
}

/// Lays values over others: maps merge, everything else replaces.
fn merge(values: &mut Map<String, Value>, over: Map<String, Value>) {
    for (name, value) in over {
        match (values.get_mut(&name), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above),
            (_, value) => drop(values.insert(name, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_lie_over_those_of_the_definition_maps_merge_and_lists_replace() {
        let mut values = json!({"a": {"b": 1, "c": [1, 2]}, "d": 1})
            .as_object()
            .cloned()
            .unwrap();
        let over = json!({"a": {"c": [3], "e": null}, "d": {"f": 1}})
            .as_object()
            .cloned()
            .unwrap();
        merge(&mut values, over);
        let merged = Value::Object(values);
        assert_eq!(merged, json!({"a": {"b": 1, "c": [3], "e": null}, "d": {"f": 1}}));
    }
}
