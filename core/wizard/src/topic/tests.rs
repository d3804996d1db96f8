//! The table against the schema.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::schema;

/// Every setting of the schema, with `[]` for the items of lists of mappings.
fn settings(schema: &Value, path: &str, found: &mut Vec<String>) {
    let below = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    if schema["x-secret"] != true
        && let Some(keys) = schema::properties(schema)
    {
        for (key, value) in keys {
            settings(value, &below(key), found);
        }
        // A word or a mapping.
        if schema["anyOf"].is_array() && schema["properties"].is_null() {
            found.push(path.to_owned());
        }
    } else if schema["items"]["properties"].is_object() && schema["items"]["x-secret"] != true {
        settings(&schema["items"], &format!("{path}[]"), found);
    } else {
        found.push(path.to_owned());
    }
}

fn is_excused(path: &str) -> bool {
    let fits = |rule: &str| {
        let mut parts = path.split('.');
        rule.split('.').all(|word| {
            parts
                .next()
                .is_some_and(|part| word == "*" || word == part.trim_end_matches("[]"))
        })
    };
    ONLY_IN_THE_FILE.iter().any(|(rule, _)| fits(rule))
}

#[test]
fn every_setting_is_asked_for_or_left_to_the_file_with_a_reason() {
    let mut all = Vec::new();
    settings(&butler_api::config::json_schema(), "", &mut all);
    assert!(all.len() > 150, "{}", all.len());
    // What is asked for as a whole, though it is a list or has two forms.
    let whole = |path: &str| {
        TOPICS
            .iter()
            .any(|topic| path == topic.ask.path || path.starts_with(&format!("{}[].", topic.ask.path)))
    };
    let words = ["bootstrapCluster"];
    let open: Vec<&String> = all
        .iter()
        .filter(|path| !whole(path) && !is_excused(path) && !words.contains(&path.as_str()))
        .collect();
    assert!(open.is_empty(), "neither asked for nor excused: {open:#?}");
    let stale: Vec<&str> = ONLY_IN_THE_FILE
        .iter()
        .map(|(rule, _)| *rule)
        .filter(|rule| {
            let fits = |path: &String| {
                let mut parts = path.split('.');
                rule.split('.').all(|word| {
                    parts
                        .next()
                        .is_some_and(|part| word == "*" || word == part.trim_end_matches("[]"))
                })
            };
            !all.iter().any(fits)
        })
        .collect();
    assert!(stale.is_empty(), "no settings any more: {stale:?}");
}

#[test]
fn every_question_is_a_setting_with_words_for_it_and_stands_once() {
    let asks = [
        &access::ASKS[..],
        &resources::ASKS,
        &machines::ASKS,
        &network::ASKS,
        &addons::ASKS,
    ];
    let mut seen = BTreeSet::new();
    for ask in asks.into_iter().flatten() {
        let schema = schema::of(ask.path).unwrap_or_else(|| panic!("{} is no setting", ask.path));
        assert!(!schema::help(schema).is_empty(), "{} has no help", ask.path);
        assert!(seen.insert(ask.path), "{} is asked twice", ask.path);
    }
    assert_eq!(seen.len(), TOPICS.len());
}

#[test]
fn what_is_not_written_is_the_files_own_default() {
    // Whatever holds without being written must not be the wizard's own idea.
    let own = TOPICS
        .iter()
        .filter(|topic| !topic.ask.written && topic.ask.usual.is_some());
    let own: Vec<&str> = own.map(|topic| topic.ask.path).collect();
    insta::assert_debug_snapshot!(own, @r#"
    [
        "providerConfig.gcp.zone",
        "talos.installDisk",
        "bootstrapCluster.type",
        "network.vipInterface",
        "addons.storage.replicaCount",
        "addons.gitOps.enabled",
    ]
    "#);
}
