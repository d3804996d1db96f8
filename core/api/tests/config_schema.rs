//! The JSON schema against the samples, against the loader, and against a validator of other people.

#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]

use std::{fs, path::PathBuf};

use butler_api::config;
use serde_json::{Map, Value, json};

fn files(folder: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let yaml = paths.filter(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("the file is readable");
        (
            path.file_stem()
                .expect("a file has a name")
                .to_string_lossy()
                .into_owned(),
            text,
        )
    };
    yaml.map(read).collect()
}

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::new(&config::json_schema()).expect("a schema of draft 2020-12")
}

/// Calls `visit` for every schema of a mapping with fixed keys.
fn blocks(path: &str, schema: &Value, visit: &mut dyn FnMut(&str, &Map<String, Value>)) {
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        blocks(path, choice, visit);
    }
    if schema["items"].is_object() {
        blocks(&format!("{path}[]"), &schema["items"], visit);
    }
    if let Some(properties) = schema["properties"].as_object() {
        visit(path, schema.as_object().expect("a schema with keys"));
        for (key, value) in properties {
            blocks(&format!("{path}.{key}"), value, visit);
        }
    }
}

/// So many choices reach every alternative: a secret has four sources, or is clear text.
const CHOICES: usize = 8;

/// A value that fits, with every key there is; `choice` picks among alternatives.
fn example(schema: &Value, choice: usize) -> Value {
    if let Some(choices) = schema["anyOf"].as_array() {
        return example(&choices[choice % choices.len()], choice);
    }
    if let Some(words) = schema["enum"].as_array() {
        return words[choice % words.len()].clone();
    }
    match schema["type"].as_str().unwrap_or("") {
        "object" => {
            let keys = schema["properties"].as_object().cloned().into_iter().flatten();
            // The other spelling of a key that is there already.
            let keys = keys.filter(|(key, _)| key != "gitops");
            let examples: Vec<_> = keys.map(|(key, schema)| (key, example(&schema, choice))).collect();
            match schema["maxProperties"].as_u64() {
                // An even choice has led here, so that every second one picks the next key.
                Some(1) => Value::Object([examples[choice / 2 % examples.len()].clone()].into_iter().collect()),
                _ => Value::Object(examples.into_iter().collect()),
            }
        }
        "array" => json!([example(&schema["items"], choice)]),
        "boolean" => json!(choice.is_multiple_of(2)),
        "integer" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        _ => json!("text"),
    }
}

#[test]
fn the_schema_is_a_valid_one() {
    jsonschema::meta::validate(&config::json_schema()).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_sample_fits_the_schema() {
    let validator = validator();
    let samples = files("../../fixtures/configs");
    assert_eq!(samples.len(), 11);
    for (name, text) in samples {
        let document: Value = serde_saphyr::from_str(&text).expect("YAML");
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

#[test]
fn unknown_keys_and_wrong_types_do_not_fit_the_schema() {
    let validator = validator();
    let names = [
        "misspelt_keys",
        "wrong_types",
        "unknown_values",
        "nothing_required",
        "sizes_too_small",
    ];
    let bad: Vec<_> = files("tests/bad_configs")
        .into_iter()
        .filter(|(name, _)| names.contains(&name.as_str()))
        .collect();
    assert_eq!(bad.len(), names.len());
    for (name, text) in bad {
        let document: Value = serde_saphyr::from_str(&text).expect("YAML");
        assert!(!validator.is_valid(&document), "{name} fits");
    }
}

#[test]
fn every_key_has_a_description_and_no_mapping_takes_other_keys() {
    let mut seen = 0;
    blocks("", &config::json_schema(), &mut |path, schema| {
        assert_eq!(schema.get("additionalProperties"), Some(&json!(false)), "{path}");
        for (key, value) in schema["properties"].as_object().expect("keys") {
            let described = value["description"].as_str().is_some_and(|text| !text.is_empty());
            assert!(described, "{path}.{key} has no description");
            seen += 1;
        }
    });
    assert!(seen > 150, "{seen} keys");
}

#[test]
fn the_schema_knows_no_null_and_no_reference() {
    let text = config::json_schema().to_string();
    assert!(!text.contains("\"null\"") && !text.contains("$ref"), "{text}");
}

#[test]
fn the_loader_reads_every_key_that_the_schema_knows() {
    let schema = config::json_schema();
    let validator = validator();
    for choice in 0..9 {
        let document = example(&schema, choice);
        let errors = config::load(&document.to_string(), "butler.yaml").expect_err("its values make no sense together");
        for problem in errors.problems() {
            let shape = [
                "unknown key",
                "must be a ",
                "must be text",
                "must be true",
                "written twice",
                "could not be read",
            ];
            let message = &problem.message;
            assert!(
                !shape.iter().any(|part| message.contains(part)),
                "choice {choice}: {message}"
            );
        }
        let unfit = validator
            .iter_errors(&document)
            .filter(|error| !error.to_string().contains("does not match"));
        let unfit: Vec<String> = unfit
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(unfit.is_empty(), "choice {choice}: {unfit:?}");
    }
}

#[test]
fn loader_and_schema_refuse_a_foreign_key_in_every_block() {
    let schema = config::json_schema();
    let mut pointers = Vec::new();
    blocks("", &schema, &mut |path, _| {
        pointers.push(path.replace("[]", ".0").replace('.', "/"));
    });
    let validator = validator();
    for pointer in pointers.iter().filter(|pointer| !pointer.ends_with("/gitops")) {
        let mut reached = false;
        for choice in 0..CHOICES {
            if reached && choice > 1 {
                break;
            }
            let mut document = example(&schema, choice);
            let Some(Value::Object(block)) = document.pointer_mut(pointer) else {
                continue;
            };
            block.insert("foreignKey".to_owned(), json!(1));
            reached = true;
            let errors = config::load(&document.to_string(), "butler.yaml").expect_err("a foreign key");
            let named = |message: &str| message.starts_with("unknown key") && message.ends_with("foreignKey`");
            assert!(
                errors.problems().iter().any(|problem| named(&problem.message)),
                "{pointer}: {errors}"
            );
            assert!(!validator.is_valid(&document), "{pointer}");
        }
        assert!(reached, "{pointer} is in no example");
    }
}
