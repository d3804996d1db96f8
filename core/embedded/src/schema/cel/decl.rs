//! Schemas as rules see them: types, and how large what they describe can be.

use std::collections::HashMap;
use std::sync::Arc;

use crate::limits;
use crate::schema::{Schema, Type};

/// Bytes of the largest request, from which sizes are estimated that a schema does not bound.
const REQUEST: u64 = limits::SIZE as u64;

/// A place of a schema.
#[derive(Debug)]
pub(crate) struct Decl {
    pub(crate) kind: ValueType,
    /// The most characters, items or members.
    pub(crate) most: u64,
    /// The fewest bytes as JSON.
    pub(crate) least_bytes: u64,
}

/// The type of the values at a place of a schema.
#[derive(Debug)]
pub(crate) enum ValueType {
    Dyn,
    Bool,
    Int,
    Double,
    String,
    Bytes,
    Duration,
    Timestamp,
    List(Arc<Decl>),
    Map(Arc<Decl>),
    Object(HashMap<String, Arc<Decl>>),
}

impl Decl {
    fn scalar(kind: ValueType, least_bytes: u64) -> Self {
        Self {
            kind,
            most: 0,
            least_bytes,
        }
    }

    fn text(kind: ValueType, most: u64, least_bytes: u64) -> Self {
        Self {
            kind,
            most,
            least_bytes,
        }
    }

    /// The place of a schema; nothing where rules see nothing. `root` is an object with kind and metadata.
    pub(crate) fn of(schema: &Schema, root: bool) -> Option<Self> {
        if schema.int_or_string {
            let most = schema.limits.max_length.map_or(REQUEST - 2, |n| n.saturating_mul(4));
            return Some(Self::text(ValueType::Dyn, most, 1));
        }
        Some(match schema.kind {
            Type::Array => {
                let items = schema.items.as_ref()?;
                let items = Self::of(items, items.embedded)?;
                let most = (REQUEST - 2) / (items.least_bytes + 1);
                Self {
                    most: schema.limits.max_items.unwrap_or(most),
                    kind: ValueType::List(Arc::new(items)),
                    least_bytes: 2,
                }
            }
            Type::Object if schema.additional.as_ref().is_some_and(|a| !is_anything(a)) => {
                let values = schema.additional.as_ref()?;
                let values = Self::of(values, values.embedded)?;
                let most = (REQUEST - 2) / (values.least_bytes + 6);
                Self {
                    most: schema.limits.max_properties.unwrap_or(most),
                    kind: ValueType::Map(Arc::new(values)),
                    least_bytes: 2,
                }
            }
            Type::Object => Self::object(schema, root),
            Type::String => Self::string(schema),
            Type::Boolean => Self::scalar(ValueType::Bool, 4),
            Type::Integer => Self::scalar(ValueType::Int, 1),
            Type::Number => Self::scalar(ValueType::Double, 1),
            Type::Any => return None,
        })
    }

    fn object(schema: &Schema, root: bool) -> Self {
        let mut fields = HashMap::new();
        let mut least_bytes = 2;
        for (name, property) in &schema.properties {
            let Some(decl) = Self::of(property, property.embedded) else {
                continue;
            };
            if property.default.is_none() && schema.required.contains(name) {
                least_bytes += name.len() as u64 + decl.least_bytes + 4;
            }
            if let Some(escaped) = escape(name) {
                fields.insert(escaped, Arc::new(decl));
            }
        }
        if root {
            let text = || Arc::new(Self::text(ValueType::String, REQUEST - 2, 2));
            fields.insert("kind".to_owned(), text());
            fields.insert("apiVersion".to_owned(), text());
            let metadata = ["name", "generateName"].map(|name| (name.to_owned(), text()));
            let metadata = Self {
                kind: ValueType::Object(metadata.into()),
                most: 0,
                least_bytes: 2,
            };
            fields.insert("metadata".to_owned(), Arc::new(metadata));
        }
        Self {
            kind: ValueType::Object(fields),
            most: 0,
            least_bytes,
        }
    }

    fn string(schema: &Schema) -> Self {
        let limits = &schema.limits;
        match limits.format.as_deref() {
            Some("byte") => Self::text(ValueType::Bytes, limits.max_length.unwrap_or(REQUEST - 2), 2),
            Some("duration") => Self::text(ValueType::Duration, 32, 3),
            Some("date") => Self::text(ValueType::Timestamp, 12, 12),
            Some("date-time") => Self::text(ValueType::Timestamp, 32, 21),
            _ => {
                let longest = |shown: &Vec<String>| shown.iter().map(|s| s.len() as u64).max().unwrap_or(0);
                let most = match (limits.max_length, &limits.allowed) {
                    (Some(most), _) => most.saturating_mul(4),
                    (None, Some(allowed)) if !allowed.shown.is_empty() => longest(&allowed.shown),
                    (None, _) => REQUEST - 2,
                };
                Self::text(ValueType::String, most, 2)
            }
        }
    }

    /// How often what this describes can be in one object, if nothing else bounds that.
    pub(crate) fn cardinality(&self) -> u64 {
        REQUEST / (self.least_bytes + 1)
    }
}

/// The place of a schema without statements, which any value fits.
fn is_anything(schema: &Schema) -> bool {
    schema.kind == Type::Any && schema.preserve && schema.properties.is_empty() && !schema.int_or_string
}

const RESERVED: &[&str] = &[
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
];

/// A name as rules write it; nothing for names that they cannot write.
pub(crate) fn escape(name: &str) -> Option<String> {
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if RESERVED.contains(&name) {
        return Some(format!("__{name}__"));
    }
    let writable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/');
    name.chars().all(writable).then(|| {
        name.replace("__", "__underscores__")
            .replace('.', "__dot__")
            .replace('-', "__dash__")
            .replace('/', "__slash__")
    })
}

/// The declared name that a name in a rule stands for.
pub(crate) fn unescape(escaped: &str) -> String {
    if let Some(word) = escaped.strip_prefix("__").and_then(|e| e.strip_suffix("__"))
        && RESERVED.contains(&word)
    {
        return word.to_owned();
    }
    escaped
        .replace("__slash__", "/")
        .replace("__dash__", "-")
        .replace("__dot__", ".")
        .replace("__underscores__", "__")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_come_from_limits_and_from_what_fits_into_a_request() {
        let schema = Schema::custom(&json!({"type": "object", "required": ["short"], "properties": {
            "short": {"type": "string", "maxLength": 10},
            "long": {"type": "string"},
            "choice": {"type": "string", "enum": ["abc", "de"]},
            "few": {"type": "array", "maxItems": 5, "items": {"type": "string"}},
            "many": {"type": "array", "items": {"type": "string"}},
            "map": {"type": "object", "additionalProperties": {"type": "integer"}},
            "x-y": {"type": "boolean"},
            "blob": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "unknown": {"x-kubernetes-preserve-unknown-fields": true},
        }}));
        let decl = Decl::of(&schema, true).unwrap();
        let ValueType::Object(fields) = &decl.kind else {
            panic!("an object")
        };
        let most = |name: &str| fields[name].most;
        assert_eq!((most("short"), most("choice"), most("few")), (40, 3, 5));
        assert_eq!(most("long"), 3 * 1024 * 1024 - 2);
        assert_eq!(most("many"), (3 * 1024 * 1024 - 2) / 3);
        assert_eq!(most("map"), (3 * 1024 * 1024 - 2) / 7);
        assert!(fields.contains_key("x__dash__y") && fields.contains_key("metadata"));
        assert!(!fields.contains_key("unknown"));
        assert_eq!(decl.least_bytes, 2 + 5 + 2 + 4);
    }

    #[test]
    fn names_are_escaped_and_read_back() {
        for (name, escaped) in [
            ("plain", "plain"),
            ("a-b.c/d", "a__dash__b__dot__c__slash__d"),
            ("a__b", "a__underscores__b"),
            ("namespace", "__namespace__"),
        ] {
            assert_eq!(escape(name).as_deref(), Some(escaped));
            assert_eq!(unescape(escaped), name);
        }
        assert_eq!(escape("1a"), None);
        assert_eq!(escape("$a"), None);
    }
}
