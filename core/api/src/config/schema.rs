//! The JSON schema of the file, derived from the structs in `raw`. Editors use it, and so does the check of keys and types.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::raw::RawConfig;

/// Keys that have a second spelling, as `(block, key, other spelling)`.
pub(super) const ALIASES: [(&str, &str, &str); 1] = [("addons", "gitOps", "gitops")];

/// JSON schema (draft 2020-12) of the configuration file, for editors.
pub fn json_schema() -> Value {
    SCHEMA.clone()
}

pub(super) static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<RawConfig>().to_value();
    tidy(&mut schema);
    for (block, key, other) in ALIASES {
        let properties = schema.pointer_mut(&format!("/properties/{block}/properties"));
        if let Some(properties) = properties.and_then(Value::as_object_mut)
            && let Some(mut copy) = properties.get(key).cloned()
        {
            copy["description"] = format!("Other spelling of `{key}`.").into();
            properties.insert(other.to_owned(), copy);
        }
    }
    schema["title"] = "Butler bootstrap configuration".into();
    schema
});

/// Optional keys are left out, never `null`: takes `null` away wherever the derived schema allows it, and number formats
/// that say nothing beside the bounds.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            tidy_object(object);
            for value in object.values_mut() {
                tidy(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn tidy_object(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice["type"] != "null");
        if choices.len() == 1
            && let Some(Value::Object(only)) = choices.pop()
        {
            object.remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if object.get("default") == Some(&Value::Null) {
        object.remove("default");
    }
    if let Some(format) = object.remove("format") {
        let max = match format.as_str() {
            Some("uint16") => u64::from(u16::MAX),
            Some("uint32") => u64::from(u32::MAX),
            _ => i32::MAX.unsigned_abs().into(),
        };
        object.entry("maximum").or_insert(max.into());
    }
}
