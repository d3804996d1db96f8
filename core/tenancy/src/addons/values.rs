//! Helm values as people give them: files, and single values in Helm's own notation.

mod set;

use butler_api::config;
use serde_json::{Map, Value};

pub use self::set::{SetError, SetKind};

/// Values of a chart, by key.
pub type Values = Map<String, Value>;

/// One of the ways to give values, in the order of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// The text of a file (YAML or JSON), and its name for errors.
    File {
        /// The name of the file.
        name: String,
        /// What it holds.
        text: String,
    },
    /// Single values, as `helm --set` and its relatives read them.
    Set {
        /// What the values are.
        kind: SetKind,
        /// The text.
        text: String,
    },
}

/// Values that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValuesError {
    /// The file is no YAML.
    #[error("cannot read the values in {name}: {reason}")]
    Syntax {
        /// The name of the file.
        name: String,
        /// What the parser says.
        reason: String,
    },
    /// The file holds something else.
    #[error("the values in {0} are no mapping")]
    NoMapping(String),
    /// Single values cannot be read. The text itself is not told: it may be a password.
    #[error("cannot read the values of an option")]
    Set(#[from] SetError),
}

/// What all of them come to: files first, single values over them, and later ones over earlier ones, as Helm does.
pub fn merged(given: &[Given]) -> Result<Values, ValuesError> {
    let mut all = Map::new();
    for one in given {
        if let Given::File { name, text } = one {
            merge(&mut all, of_file(name, text)?);
        }
    }
    for one in given {
        if let Given::Set { kind, text } = one {
            set::into(&mut all, *kind, text)?;
        }
    }
    Ok(all)
}

fn of_file(name: &str, text: &str) -> Result<Map<String, Value>, ValuesError> {
    // An empty file has no values, and no document either.
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    let read: Value = serde_saphyr::from_str(text).map_err(|error| ValuesError::Syntax {
        name: name.to_owned(),
        // A snippet of the file could show a password.
        reason: config::yaml_words(&error).map_or_else(|| error.without_snippet().to_string(), str::to_owned),
    })?;
    match read {
        Value::Object(values) => Ok(values),
        Value::Null => Ok(Map::new()),
        _ => Err(ValuesError::NoMapping(name.to_owned())),
    }
}

/// Puts values over others: mappings are merged, everything else replaces what was there.
pub fn merge(below: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (below.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(over)) => merge(below, over),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Given {
        Given::File {
            name: "values.yaml".to_owned(),
            text: text.to_owned(),
        }
    }

    fn set(text: &str) -> Given {
        Given::Set {
            kind: SetKind::Typed,
            text: text.to_owned(),
        }
    }

    #[test]
    fn single_values_stand_over_files_wherever_they_were_given() {
        let all = merged(&[
            set("replicas=3,service.type=NodePort"),
            file("replicas: 1\nservice:\n  type: ClusterIP\n  port: 80\nhosts: [a, b]\n"),
            file("hosts: [c]\nservice: {port: 443}\n"),
        ]);
        let expected = serde_json::json!({
            "replicas": 3, "service": {"type": "NodePort", "port": 443}, "hosts": ["c"],
        });
        assert_eq!(Value::Object(all.unwrap()), expected);
    }

    #[test]
    fn a_file_without_values_has_none() {
        for text in ["", "# only a remark\n", "---\n", "null\n", "{}\n"] {
            assert_eq!(merged(&[file(text)]), Ok(Map::new()), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_mapping_is_refused_with_the_name_of_its_file() {
        let told = |given: Given| merged(&[given]).unwrap_err().to_string();
        assert_eq!(told(file("- a\n")), "the values in values.yaml are no mapping");
        assert!(told(file("a: [b\n")).starts_with("cannot read the values in values.yaml: "));
        assert_eq!(told(set("password=hunter2,b")), "cannot read the values of an option");
    }
}
