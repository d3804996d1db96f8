//! What new clusters of an environment get where they say nothing: `KEY=VALUE`, as people write it.

use std::str::FromStr;

use serde_json::Value;

/// One default.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterDefault {
    pub(super) key: &'static str,
    /// Nothing takes it away.
    pub(super) value: Option<Value>,
}

/// A text that is no default.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefaultError {
    /// It has no `=`.
    #[error("a default is written KEY=VALUE; nothing after the = takes it away")]
    Shape,
    /// There is no such key.
    #[error("there is no default {0:?}; there are {keys}", keys = KEYS.map(|(key, _)| key).join(", "))]
    Key(String),
    /// The value is no whole number of the least size.
    #[error("{key} is a whole number from {least}, not {value:?}")]
    Number {
        /// The key.
        key: &'static str,
        /// The least number.
        least: i32,
        /// The text.
        value: String,
    },
}

/// How a value is read.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Number(i32),
    List,
}

const KEYS: [(&str, Shape); 6] = [
    ("kubernetesVersion", Shape::Text),
    ("workerCount", Shape::Number(0)),
    ("workerCPU", Shape::Number(1)),
    ("workerMemoryGi", Shape::Number(1)),
    ("workerDiskGi", Shape::Number(10)),
    ("defaultAddons", Shape::List),
];

impl FromStr for ClusterDefault {
    type Err = DefaultError;

    fn from_str(text: &str) -> Result<Self, DefaultError> {
        let (key, value) = text.split_once('=').ok_or(DefaultError::Shape)?;
        let found = KEYS.iter().find(|(known, _)| known.eq_ignore_ascii_case(key.trim()));
        let (key, shape) = *found.ok_or_else(|| DefaultError::Key(key.to_owned()))?;
        let value = value.trim();
        if value.is_empty() {
            return Ok(Self { key, value: None });
        }
        let value = match shape {
            Shape::Text => Value::from(value),
            Shape::List => value.split(',').map(|part| Value::from(part.trim())).collect(),
            Shape::Number(least) => {
                let number = value.parse::<i32>().ok().filter(|number| *number >= least);
                let wrong = || DefaultError::Number {
                    key,
                    least,
                    value: value.to_owned(),
                };
                Value::from(number.ok_or_else(wrong)?)
            }
        };
        Ok(Self {
            key,
            value: Some(value),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_of_the_kind_that_its_key_has() {
        let parsed = |text: &str| text.parse::<ClusterDefault>().map(|one| (one.key, one.value));
        assert_eq!(parsed("workercpu=4"), Ok(("workerCPU", Some(Value::from(4)))));
        assert_eq!(
            parsed("kubernetesVersion=v1.32.2"),
            Ok(("kubernetesVersion", Some("v1.32.2".into())))
        );
        let addons = Value::from(vec!["cilium", "flux"]);
        assert_eq!(
            parsed("defaultAddons=cilium, flux"),
            Ok(("defaultAddons", Some(addons)))
        );
        assert_eq!(parsed("workerCount="), Ok(("workerCount", None)));
        for wrong in [
            "workerCPU",
            "cpu=4",
            "workerCPU=0",
            "workerDiskGi=9",
            "workerCount=-1",
            "workerCPU=4.5",
        ] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
