//! YAML in and out, in one place: the library behind it has no value type of its own and changes quickly.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_saphyr::Error;

/// A YAML document could not be read or written. Says where and which key, never a value: those are secrets.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct YamlError {
    place: Option<(u64, u64)>,
    problem: String,
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "line {line}, column {column}: {}", self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

/// Text that is written as it is and never shown by `Debug`.
#[derive(Clone)]
pub(crate) struct Exposed(pub(crate) SecretString);

impl Serialize for Exposed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for Exposed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SecretString::deserialize(deserializer).map(Self)
    }
}

/// Writes one document, four spaces per level as Talos's own tools do.
pub(crate) fn write<T: Serialize>(value: &T) -> Result<String, YamlError> {
    let options = serde_saphyr::ser_options! {
        indent_step: 4,
        compact_list_indent: false,
        prefer_block_scalars: false,
    };
    serde_saphyr::to_string_with_options(value, options).map_err(|error| YamlError {
        place: None,
        problem: error.to_string(),
    })
}

/// Reads one document; unknown keys are refused where the type says so.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| describe(&error))
}

fn describe(error: &Error) -> YamlError {
    let problem = match error.without_snippet() {
        Error::SerdeUnknownField { field, .. } => format!("unknown key {field:?}"),
        Error::SerdeMissingField { field, .. } => format!("key {field:?} is missing"),
        Error::DuplicateMappingKey { .. } => "a key is there twice".to_owned(),
        Error::Eof { .. } => "the document is empty or ends too early".to_owned(),
        Error::SerdeInvalidType { expected, .. } | Error::SerdeInvalidValue { expected, .. } => {
            format!("expected {expected}")
        }
        _ => "not the expected YAML".to_owned(),
    };
    YamlError {
        place: error.location().map(|at| (at.line(), at.column())),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_error_never_repeats_a_value() {
        for text in [
            "a: hunter2",
            "a: [hunter2]",
            "hunter2",
            "a: {b: hunter2",
            "a: !!int hunter2",
        ] {
            let error = read::<BTreeMap<String, BTreeMap<String, u8>>>(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn strings_that_look_like_other_types_come_back_as_strings() {
        for text in [
            "off",
            "123456.1234567890123456",
            "1e5",
            "null",
            "~",
            "",
            "true",
            "0x10",
            "- a",
            "a: b",
            "#",
        ] {
            let written = write(&BTreeMap::from([("k", text)])).unwrap();
            let read: BTreeMap<String, serde_json::Value> = read(&written).unwrap();
            assert_eq!(read["k"], serde_json::Value::from(text), "{written}");
        }
    }

    #[test]
    fn long_strings_stay_on_one_line() {
        let written = write(&BTreeMap::from([("k", "a".repeat(300))])).unwrap();
        assert_eq!(written.trim_end().lines().count(), 1);
    }
}
