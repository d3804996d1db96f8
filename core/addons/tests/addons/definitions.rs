//! The catalog of a world beside that of the published chart.

use std::collections::{BTreeMap, BTreeSet};

use butler_addons::{ClusterFacts, Source, plan};
use butler_api::v1alpha1::{AddonDefinition, ButlerConfig};
use serde_json::Value;

use crate::{plan::sample, reference};

/// The objects that the chart butler-addons brings, in a plan of a sample.
fn catalog(name: &str) -> Vec<Value> {
    let addons = plan(&sample(name), &ClusterFacts::default()).unwrap();
    let catalog = addons.into_iter().find(|addon| addon.name == "butler-addons").unwrap();
    match catalog.source {
        Source::Chart(release) => release.contents.objects,
        other => panic!("not a chart: {other:?}"),
    }
}

fn definitions() -> BTreeMap<String, AddonDefinition> {
    let objects = catalog("inmemory-ha").into_iter();
    let of_catalog = objects.filter(|object| object["kind"] == "AddonDefinition");
    of_catalog
        .map(|object| serde_json::from_value::<AddonDefinition>(object).unwrap())
        .map(|definition| (definition.metadata.name.clone().unwrap(), definition))
        .collect()
}

/// The values by their paths, as the reference data has them.
fn flat(value: &Value, path: &str, out: &mut BTreeMap<String, Value>) {
    let objects = |items: &[Value]| !items.is_empty() && items.iter().all(Value::is_object);
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            let dot = if path.is_empty() { "" } else { "." };
            flat(value, &format!("{path}{dot}{name}"), out);
        }),
        Value::Array(items) if objects(items) => (0..)
            .zip(items)
            .for_each(|(number, item): (u32, _)| flat(item, &format!("{path}[{number}]"), out)),
        value => drop(out.insert(path.to_owned(), value.clone())),
    }
}

/// What the published chart says of an addon, but for its prose and pictures.
#[test]
fn the_catalog_is_that_of_the_published_chart() {
    let Some(path) = reference::find("addon-catalog.json", "that our catalog is that of the chart") else {
        return;
    };
    let published: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut ours = definitions();
    for theirs in published["addons"].as_array().unwrap() {
        let name = theirs["name"].as_str().unwrap();
        let definition = ours.remove(name).unwrap_or_else(|| panic!("the catalog lacks {name}"));
        let labels = definition.metadata.labels.clone().unwrap();
        assert_eq!(labels["butler.butlerlabs.dev/source"], "builtin", "{name}");
        assert_eq!(labels["butler.butlerlabs.dev/category"], theirs["category"], "{name}");
        let spec = serde_json::to_value(&definition.spec).unwrap();
        for member in ["category", "platform", "displayName", "chart", "links"] {
            assert_eq!(spec[member], theirs[member], "{name}: {member}");
        }
        assert_eq!(spec["tier"], theirs["tier"], "{name}");
        let needs = spec
            .get("dependsOn")
            .cloned()
            .unwrap_or_else(|| Value::Array(Vec::new()));
        assert_eq!(needs, theirs["dependsOn"], "{name}");
        for (member, value) in theirs["defaults"].as_object().unwrap() {
            assert_eq!(spec["defaults"][member], *value, "{name}: defaults.{member}");
        }
        compare_values(name, &spec["defaults"]["values"], theirs);
    }
    assert!(ours.is_empty(), "the chart has none of {:?}", ours.keys());
}

/// Long texts and passwords are left out of the reference data, which says so in brackets.
fn compare_values(name: &str, ours: &Value, theirs: &Value) {
    let left_out = |value: &Value| value.as_str().is_some_and(|text| text.starts_with('('));
    let values = theirs["valuesSummary"].as_object().unwrap();
    let mut own = BTreeMap::new();
    if !ours.is_null() {
        flat(ours, "", &mut own);
    }
    for (path, value) in values {
        let found = own.remove(path);
        if !left_out(value) {
            assert_eq!(found.as_ref(), Some(value), "{name}: {path}");
        }
    }
    assert!(own.is_empty(), "{name}: the chart has no {own:?}");
    let text = ours.to_string();
    for word in theirs["valuesPlaceholders"].as_array().unwrap() {
        assert!(text.contains(word.as_str().unwrap()), "{name}: {word}");
    }
}

#[test]
fn addons_depend_on_addons_of_the_catalog_and_every_one_has_defaults() {
    let all = definitions();
    let names: BTreeSet<&String> = all.keys().collect();
    for (name, definition) in &all {
        for need in &definition.spec.depends_on {
            assert!(names.contains(need), "{name} needs {need}");
        }
        // The real controller ends in a panic without the block.
        assert!(definition.spec.defaults.is_some(), "{name}");
        let chart = &definition.spec.chart;
        assert_eq!(chart.available_versions.first(), Some(&chart.default_version), "{name}");
    }
    assert_eq!(all["external-secrets"].spec.platform, Some(false));
}

#[test]
fn clusters_that_name_no_platform_are_made_on_the_one_that_the_bootstrap_describes() {
    let default = |name: &str| {
        let objects = catalog(name).into_iter();
        let mut config = objects.filter(|object| object["kind"] == "ButlerConfig");
        let config: ButlerConfig = serde_json::from_value(config.next().unwrap()).unwrap();
        config.spec.default_provider_config_ref.map(|provider| provider.name)
    };
    assert_eq!(default("inmemory-ha").as_deref(), Some("inmemory"));
    assert_eq!(default("aws").as_deref(), Some("aws"));
    assert_eq!(default("static"), None, "no machines can be had there");
}
