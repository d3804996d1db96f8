//! What a TenantAddon is as a Helm release: an entry of the catalog, or a chart of one's own.

use butler_api::v1alpha1::tenant_addon::HelmChart;
use butler_api::v1alpha1::{AddonDefinition, TenantAddon};
use serde_json::{Map, Value};

use super::super::kinds::Kind;
use super::super::mirror::{Key, Mirror, read};
use crate::world::tenants::{Addon, ReleaseName};

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
