//! JSON as Go's `encoding/json` writes and reads it, because clients see the difference.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A body that is not what a handler takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Writes a value: `<`, `>` and `&` escaped, as for HTML, and with a line feed at the end.
pub(super) fn encode(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let plain = serde_json::to_string(value)?;
    let mut text = String::with_capacity(plain.len() + 1);
    // In JSON these characters stand in strings only.
    for character in plain.chars() {
        match character {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            other => text.push(other),
        }
    }
    text.push('\n');
    Ok(text.into_bytes())
}

/// Reads the first value of a body, which has to be an object: what follows it is ignored, keys match in any case, the last of
/// several counts, and `null` is as good as nothing. The fields of `T` are written in lower case.
pub(super) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Malformed> {
    let first = serde_json::Deserializer::from_slice(body).into_iter::<Fields>().next();
    let Some(Ok(Fields(fields))) = first else {
        return Err(Malformed);
    };
    serde_json::from_value(Value::Object(fields)).map_err(|_| Malformed)
}

/// For fields that are objects of known fields themselves.
pub(super) fn nested<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    let Fields(fields) = Fields::deserialize(deserializer)?;
    serde_json::from_value(Value::Object(fields)).map_err(serde::de::Error::custom)
}

/// The fields of an object, their names in lower case.
struct Fields(Map<String, Value>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<Fields, E> {
        Ok(Fields(Map::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Fields, A::Error> {
        let mut fields = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if !value.is_null() {
                fields.insert(name.to_lowercase(), value);
            }
        }
        Ok(Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase", default)]
    struct Sample {
        name: String,
        count: i32,
        #[serde(deserialize_with = "nested")]
        inner: Inner,
        values: Option<Map<String, Value>>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase", default)]
    struct Inner {
        #[serde(rename = "disksize")]
        disk_size: Option<String>,
    }

    #[test]
    fn what_html_would_take_for_its_own_is_escaped() {
        let written = encode(&json!({"b": "<a> & b", "a": "ü"})).unwrap();
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "{\"a\":\"ü\",\"b\":\"\\u003ca\\u003e \\u0026 b\"}\n"
        );
    }

    #[test]
    fn keys_match_in_any_case_and_the_last_one_counts() {
        let read: Sample = decode(br#"{"NAME":"a","name":"b","Inner":{"DISKSIZE":"1Gi"},"zz":1} garbage"#).unwrap();
        assert_eq!(
            (read.name.as_str(), read.inner.disk_size.as_deref()),
            ("b", Some("1Gi"))
        );
        let read: Sample = decode(br#"{"name":null,"values":{"Case":1}}"#).unwrap();
        assert_eq!(read.name, "");
        assert!(read.values.unwrap().contains_key("Case"), "free values are left alone");
    }

    #[test]
    fn what_is_no_object_of_these_fields_is_malformed() {
        for wrong in [
            "",
            "[]",
            "{",
            "5",
            r#"{"name":5}"#,
            r#"{"count":2.5}"#,
            r#"{"count":"3"}"#,
        ] {
            assert_eq!(decode::<Sample>(wrong.as_bytes()), Err(Malformed), "{wrong}");
        }
        assert_eq!(decode::<Sample>(b"null"), Ok(Sample::default()));
    }
}
