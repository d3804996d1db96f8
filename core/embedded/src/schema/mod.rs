//! Structural schemas: what a custom resource or a built-in kind looks like. Read once, then shared.

pub(crate) mod cel;
mod keys;
pub(crate) mod normal;
pub(crate) mod openapi;
pub(crate) mod pattern;
pub(crate) mod rules;
mod trail;
pub(crate) mod validate;

pub(crate) use self::trail::Trail;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use self::pattern::Pattern;
use self::rules::Rule;

use crate::text::{items, owned_texts, text};

static ANY: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    Arc::new(Schema {
        preserve: true,
        ..Schema::default()
    })
});

/// The schema that every value fits.
pub(crate) fn any() -> &'static Schema {
    &ANY
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Type {
    /// The schema names no type.
    #[default]
    Any,
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

impl Type {
    fn parse(text: &str) -> Self {
        match text {
            "object" => Self::Object,
            "array" => Self::Array,
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            _ => Self::Any,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

/// How the items of a list are told apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum ListType {
    /// The list is one value.
    #[default]
    Atomic,
    /// Items are distinct scalars.
    Set,
    /// Items are objects with these key fields.
    Map(Vec<String>),
}

/// One node of a schema.
#[derive(Debug, Clone, Default)]
pub(crate) struct Schema {
    pub(crate) kind: Type,
    pub(crate) properties: BTreeMap<String, Arc<Schema>>,
    pub(crate) additional: Option<Arc<Schema>>,
    pub(crate) items: Option<Arc<Schema>>,
    pub(crate) required: Vec<String>,
    pub(crate) default: Option<Value>,
    /// The properties that have defaults.
    pub(crate) defaulted: Vec<String>,
    pub(crate) nullable: bool,
    pub(crate) preserve: bool,
    pub(crate) embedded: bool,
    pub(crate) int_or_string: bool,
    pub(crate) atomic_map: bool,
    pub(crate) list: ListType,
    /// Built-in kinds: the key that strategic merge patches merge this list by.
    pub(crate) merge_key: Option<&'static str>,
    pub(crate) limits: Limits,
    pub(crate) rules: Vec<Rule>,
    /// Whether it, or a schema below it, has validation rules.
    pub(crate) ruled: bool,
    /// How much there is to check in it and below it beside types and numbers: branches of logic and expressions.
    pub(crate) effort: usize,
    /// `allOf`, `anyOf`, `oneOf` and `not`.
    pub(crate) logic: Option<Box<Logic>>,
}

/// What a schema says about the size and the form of a value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    pub(crate) minimum: Option<f64>,
    pub(crate) maximum: Option<f64>,
    pub(crate) exclusive_minimum: bool,
    pub(crate) exclusive_maximum: bool,
    pub(crate) multiple_of: Option<f64>,
    pub(crate) min_length: Option<u64>,
    pub(crate) max_length: Option<u64>,
    pub(crate) min_items: Option<u64>,
    pub(crate) max_items: Option<u64>,
    pub(crate) min_properties: Option<u64>,
    pub(crate) max_properties: Option<u64>,
    pub(crate) pattern: Option<Arc<Pattern>>,
    pub(crate) allowed: Option<Allowed>,
    pub(crate) format: Option<String>,
}

/// The values of an enum.
#[derive(Debug, Clone)]
pub(crate) struct Allowed {
    /// The values as messages show them, in the order of the schema.
    pub(crate) shown: Vec<String>,
    values: HashSet<Value>,
}

impl Allowed {
    fn new(list: &[Value]) -> Self {
        let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
        Self {
            shown: list.iter().map(text).collect(),
            values: list.iter().cloned().collect(),
        }
    }

    pub(crate) fn contains(&self, value: &Value) -> bool {
        self.values.contains(value)
    }
}

/// Other schemas that a value must fit, in the combinations of JSON schema.
#[derive(Debug, Clone, Default)]
pub(crate) struct Logic {
    pub(crate) all: Vec<Schema>,
    pub(crate) any: Vec<Schema>,
    pub(crate) one: Vec<Schema>,
    pub(crate) not: Option<Schema>,
}

impl Schema {
    /// The schema that every value fits.
    pub(crate) fn any() -> Arc<Self> {
        Arc::clone(&ANY)
    }

    /// The schema of a definition.
    pub(crate) fn custom(raw: &Value) -> Self {
        let mut schema = Reader::default().read(raw, "");
        schema.embedded = false;
        schema
    }

    /// The schema of a built-in kind: `definitions` resolves references, `hints` knows lists that merge.
    pub(crate) fn builtin(root: &Value, name: &str, hints: Hints) -> Arc<Self> {
        let mut reader = Reader {
            definitions: Some(root),
            hints: Some(hints),
            ..Reader::default()
        };
        Arc::new(reader.read(root, name))
    }

    /// The schema of a member, whether declared or additional.
    pub(crate) fn member(&self, name: &str) -> Option<&Arc<Schema>> {
        self.properties.get(name).or(self.additional.as_ref())
    }
}

/// What is known of a built-in list beyond its OpenAPI form: how its items are told apart, and the key of strategic merge.
pub(crate) type Hints = fn(definition: &str, field: &str) -> Option<(ListType, Option<&'static str>)>;

#[derive(Default)]
struct Reader<'a> {
    /// Root of a document with `$defs`.
    definitions: Option<&'a Value>,
    hints: Option<Hints>,
    known: HashMap<String, Arc<Schema>>,
    open: Vec<String>,
    /// Equal expressions are kept once.
    patterns: HashMap<&'a str, Option<Arc<Pattern>>>,
}

impl<'a> Reader<'a> {
    fn child(&mut self, raw: &'a Value, definition: &str) -> Arc<Schema> {
        let Some(reference) = raw["$ref"].as_str() else {
            return Arc::new(self.read(raw, definition));
        };
        let name = reference.trim_start_matches("#/$defs/").to_owned();
        if let Some(known) = self.known.get(&name) {
            return Arc::clone(known);
        }
        let target = self.definitions.and_then(|d| d["$defs"].get(&name));
        let Some(target) = target.filter(|_| !self.open.contains(&name)) else {
            return Schema::any();
        };
        self.open.push(name.clone());
        let schema = Arc::new(self.read(target, &name));
        self.open.pop();
        self.known.insert(name, Arc::clone(&schema));
        schema
    }

    fn read(&mut self, raw: &'a Value, definition: &str) -> Schema {
        let mut schema = Schema {
            kind: Type::parse(text(&raw["type"])),
            required: owned_texts(&raw["required"]),
            default: raw.get("default").cloned(),
            nullable: raw["nullable"] == true,
            preserve: raw["x-kubernetes-preserve-unknown-fields"] == true,
            embedded: raw["x-kubernetes-embedded-resource"] == true,
            int_or_string: raw["x-kubernetes-int-or-string"] == true,
            atomic_map: raw["x-kubernetes-map-type"] == "atomic",
            limits: limits(raw, self.pattern(raw)),
            rules: rules::read(&raw["x-kubernetes-validations"]),
            list: match raw["x-kubernetes-list-type"].as_str() {
                Some("set") => ListType::Set,
                Some("map") => ListType::Map(owned_texts(&raw["x-kubernetes-list-map-keys"])),
                _ => ListType::Atomic,
            },
            ..Schema::default()
        };
        for (name, property) in raw["properties"].as_object().into_iter().flatten() {
            let mut child = self.child(property, "");
            if let Some((list, key)) = self.hints.and_then(|hints| hints(definition, name)) {
                let node = Arc::make_mut(&mut child);
                node.list = list;
                node.merge_key = key;
            }
            if child.default.is_some() {
                schema.defaulted.push(name.clone());
            }
            schema.properties.insert(name.clone(), child);
        }
        match &raw["additionalProperties"] {
            Value::Bool(true) => schema.additional = Some(Schema::any()),
            values @ Value::Object(_) => schema.additional = Some(self.child(values, "")),
            _ => {}
        }
        if raw["items"].is_object() {
            schema.items = Some(self.child(&raw["items"], ""));
        }
        schema.ruled = !schema.rules.is_empty()
            || schema.properties.values().any(|s| s.ruled)
            || schema.additional.as_ref().is_some_and(|s| s.ruled)
            || schema.items.as_ref().is_some_and(|s| s.ruled);
        // An object of a built-in kind that declares nothing holds anything.
        if self.hints.is_some() && schema.properties.is_empty() && schema.additional.is_none() {
            schema.preserve |= matches!(schema.kind, Type::Object | Type::Any);
            if schema.preserve {
                schema.kind = Type::Any;
            }
        }
        if self.hints.is_none() {
            schema.logic = self.logic(raw);
        }
        schema.effort = effort(&schema);
        schema
    }

    fn pattern(&mut self, raw: &'a Value) -> Option<Arc<Pattern>> {
        let text = raw["pattern"].as_str()?;
        let read = || {
            Pattern::parse(text)
                .inspect_err(|error| {
                    tracing::warn!(pattern = text, error, "a pattern that is no expression is not checked");
                })
                .ok()
                .map(Arc::new)
        };
        self.patterns.entry(text).or_insert_with(read).clone()
    }

    fn logic(&mut self, raw: &'a Value) -> Option<Box<Logic>> {
        let mut list = |name: &str| -> Vec<Schema> { items(&raw[name]).iter().map(|s| self.read(s, "")).collect() };
        let mut logic = Logic {
            all: list("allOf"),
            any: list("anyOf"),
            one: list("oneOf"),
            not: None,
        };
        if raw["not"].is_object() {
            logic.not = Some(self.read(&raw["not"], ""));
        }
        let empty = logic.all.is_empty() && logic.any.is_empty() && logic.one.is_empty() && logic.not.is_none();
        (!empty).then(|| Box::new(logic))
    }
}

fn effort(schema: &Schema) -> usize {
    let below = schema
        .properties
        .values()
        .chain(&schema.additional)
        .chain(&schema.items);
    let below = below.map(|s| s.effort).fold(0, usize::saturating_add);
    let own = schema.limits.pattern.as_ref().map_or(0, |p| p.states());
    let branches = schema.logic.as_ref().map_or(0, |logic| {
        let all = logic.all.iter().chain(&logic.any).chain(&logic.one).chain(&logic.not);
        all.map(|s| 100 + s.effort).fold(0, usize::saturating_add)
    });
    own.saturating_add(branches).saturating_add(below)
}

fn limits(raw: &Value, pattern: Option<Arc<Pattern>>) -> Limits {
    Limits {
        minimum: raw["minimum"].as_f64(),
        maximum: raw["maximum"].as_f64(),
        exclusive_minimum: raw["exclusiveMinimum"] == true,
        exclusive_maximum: raw["exclusiveMaximum"] == true,
        multiple_of: raw["multipleOf"].as_f64(),
        min_length: raw["minLength"].as_u64(),
        max_length: raw["maxLength"].as_u64(),
        min_items: raw["minItems"].as_u64(),
        max_items: raw["maxItems"].as_u64(),
        min_properties: raw["minProperties"].as_u64(),
        max_properties: raw["maxProperties"].as_u64(),
        pattern,
        allowed: raw["enum"].as_array().map(|list| Allowed::new(list)),
        format: raw["format"].as_str().map(str::to_owned),
    }
}
