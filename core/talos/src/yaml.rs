//! YAML in and out, in one place: the library behind it has no value type of its own and changes quickly.

use std::fmt;

use butler_api::config::patch::VERBATIM;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
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

/// Writes one document in which strings that begin with [`VERBATIM`] are plain scalars to be written as they are.
pub(crate) fn write_verbatim(value: &Value) -> Result<String, YamlError> {
    let mut plain = Vec::new();
    let text = write(&numbered(value, &mut plain))?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    // Each stands between two marks, by its number; the writer puts no quotes around such a word.
    while let Some((before, after)) = rest.split_once(VERBATIM) {
        let (number, after) = after.split_once(VERBATIM).unwrap_or((after, ""));
        let scalar = number
            .parse::<usize>()
            .ok()
            .and_then(|n| plain.get(n))
            .ok_or_else(|| YamlError {
                place: None,
                problem: "a private-use character that cannot be written".to_owned(),
            })?;
        out.push_str(before);
        out.push_str(scalar);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn numbered(value: &Value, plain: &mut Vec<String>) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix(VERBATIM) {
            Some(scalar) => {
                plain.push(scalar.to_owned());
                format!("{VERBATIM}{}{VERBATIM}", plain.len() - 1).into()
            }
            None => text.as_str().into(),
        },
        Value::Array(items) => items.iter().map(|item| numbered(item, plain)).collect(),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, entry)| (key.clone(), numbered(entry, plain)));
            Value::Object(entries.collect())
        }
        other => other.clone(),
    }
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
    fn plain_scalars_are_written_as_they_were() {
        for scalar in ["0644", "1.10", "yes", "0x1F", "12:30:45", "2024-01-01", "~"] {
            let value =
                serde_json::json!({ "k": format!("{VERBATIM}{scalar}"), "list": [format!("{VERBATIM}{scalar}")] });
            let written = write_verbatim(&value).unwrap();
            assert_eq!(written, format!("k: {scalar}\nlist:\n    - {scalar}\n"));
        }
    }

    #[test]
    fn long_strings_stay_on_one_line() {
        let written = write(&BTreeMap::from([("k", "a".repeat(300))])).unwrap();
        assert_eq!(written.trim_end().lines().count(), 1);
    }
}
