//! CustomResourceDefinitions: defaults, checks and conditions.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::names;
use crate::schema::pattern::Pattern;
use crate::status::{CAUSES, Cause};
use crate::text::{items, meta, now, string_at, text};

/// Holds a definition until its objects are gone.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Fills names, conversion and the first status.
pub(crate) fn default(definition: &mut Value) {
    if !definition["spec"].is_object() {
        return;
    }
    let spec = &mut definition["spec"];
    let kind = string_at(spec, "/names/kind").to_owned();
    if spec["names"].is_object() && !kind.is_empty() {
        let names = &mut spec["names"];
        if string_at(names, "/singular").is_empty() {
            names["singular"] = kind.to_lowercase().into();
        }
        if string_at(names, "/listKind").is_empty() {
            names["listKind"] = format!("{kind}List").into();
        }
    }
    if spec["conversion"].is_null() {
        spec["conversion"] = json!({"strategy": "None"});
    }
    let storage = storage_version(definition).map(str::to_owned);
    if definition["status"].is_null() {
        let stored = storage.iter().collect::<Vec<_>>();
        definition["status"] =
            json!({"acceptedNames": {"kind": "", "plural": ""}, "conditions": [], "storedVersions": stored});
    } else if let (Some(storage), Some(stored)) = (storage, definition["status"]["storedVersions"].as_array_mut())
        && !stored.iter().any(|v| *v == storage)
    {
        stored.push(storage.into());
    }
}

fn storage_version(definition: &Value) -> Option<&str> {
    let versions = definition["spec"]["versions"].as_array()?;
    versions.iter().find(|v| v["storage"] == true)?["name"].as_str()
}

/// What is wrong with a definition.
pub(crate) fn check(old: Option<&Value>, definition: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &definition["spec"];
    let (group, plural) = (string_at(spec, "/group"), string_at(spec, "/names/plural"));
    let name = meta(definition, "name");
    if name != format!("{plural}.{group}") {
        let why = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", &Value::from(name), why));
    }
    if group.is_empty() {
        causes.push(Cause::required("spec.group", ""));
    }
    for member in ["plural", "singular", "kind", "listKind"] {
        let text = string_at(&spec["names"], &format!("/{member}"));
        let field = format!("spec.names.{member}");
        if text.is_empty() {
            causes.push(Cause::required(field, ""));
            continue;
        }
        let value = Value::from(text);
        let problems = names::label_1035(&if member.ends_with("ind") || member == "listKind" {
            text.to_lowercase()
        } else {
            text.to_owned()
        });
        causes.extend(problems.iter().map(|p| Cause::invalid(&field, &value, p)));
    }
    match text(&spec["scope"]) {
        "" => causes.push(Cause::required("spec.scope", "")),
        "Cluster" | "Namespaced" => {}
        _ => {
            let allowed = ["Cluster", "Namespaced"].map(str::to_owned);
            causes.push(Cause::unsupported("spec.scope", &spec["scope"], &allowed));
        }
    }
    versions(old, definition, &mut causes);
    if let Some(old) = old {
        immutable(old, definition, &mut causes);
    }
    causes
}

fn versions(old: Option<&Value>, definition: &Value, causes: &mut Vec<Cause>) {
    let spec = &definition["spec"];
    let list = items(&spec["versions"]);
    let stored = &definition["status"]["storedVersions"];
    let storing = list.iter().filter(|v| v["storage"] == true).collect::<Vec<_>>();
    if storing.len() != 1 {
        let why = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid("spec.versions", &spec["versions"], why));
        if let Some(last) = storing.last() {
            let why = format!("must have the storage version {}", string_at(last, "/name"));
            causes.push(Cause::invalid("status.storedVersions", stored, &why));
        }
    }
    if stored.as_array().is_none_or(Vec::is_empty) {
        causes.push(Cause::invalid(
            "status.storedVersions",
            &Value::Null,
            "must have at least one stored version",
        ));
    }
    for (index, version) in list.iter().enumerate() {
        let schema = &version["schema"]["openAPIV3Schema"];
        let path = if list.len() == 1 {
            "spec.validation.openAPIV3Schema".to_owned()
        } else {
            format!("spec.versions[{index}].schema.openAPIV3Schema")
        };
        if schema.is_null() {
            causes.push(Cause::required(
                format!("spec.versions[{index}].schema.openAPIV3Schema"),
                "",
            ));
            continue;
        }
        let name = string_at(version, "/name");
        let value = Value::from(name);
        let field = format!("spec.versions[{index}].name");
        causes.extend(
            names::label_1035(name)
                .iter()
                .map(|p| Cause::invalid(&field, &value, p)),
        );
        if schema["type"] != "object" {
            causes.push(Cause::invalid(
                format!("{path}.type"),
                &schema["type"],
                "must be object at the root",
            ));
        }
        let mut structure = Structure {
            causes,
            patterns: HashMap::new(),
            ruled: false,
        };
        let sound = structure.causes.len();
        structure.node(schema, SchemaPath::Root(&path), "object");
        // What was taken once stays usable.
        let unchanged = old.is_some_and(|old| schema_of(old, name) == Some(schema));
        if structure.ruled && structure.causes.len() == sound && !unchanged {
            super::validations::check(schema, &path, causes);
        }
    }
}

/// The schema of a version.
fn schema_of<'a>(definition: &'a Value, version: &str) -> Option<&'a Value> {
    let versions = definition["spec"]["versions"].as_array()?;
    let found = versions.iter().find(|v| v["name"] == version)?;
    Some(&found["schema"]["openAPIV3Schema"])
}

/// A place in a schema, spelt out only when something is wrong there.
#[derive(Clone, Copy)]
pub(crate) enum SchemaPath<'a> {
    Root(&'a str),
    Property(&'a SchemaPath<'a>, &'a str),
    /// A member of a schema that is a schema itself, such as `items`.
    Below(&'a SchemaPath<'a>, &'a str),
    Branch(&'a SchemaPath<'a>, &'a str, usize),
}

impl std::fmt::Display for SchemaPath<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root(path) => f.write_str(path),
            Self::Property(above, name) => write!(f, "{above}.properties[{name}]"),
            Self::Below(above, name) => write!(f, "{above}.{name}"),
            Self::Branch(above, name, index) => write!(f, "{above}.{name}[{index}]"),
        }
    }
}

/// Looks at the nodes of one schema.
struct Structure<'a, 'c> {
    causes: &'c mut Vec<Cause>,
    /// Equal expressions are read once.
    patterns: HashMap<&'a str, Option<String>>,
    /// Whether the schema has validation rules.
    ruled: bool,
}

impl<'a> Structure<'a, '_> {
    /// Every node of a structural schema has a type, unless it says what else it is.
    fn node(&mut self, schema: &'a Value, path: SchemaPath<'_>, place: &str) {
        if self.causes.len() >= CAUSES {
            return;
        }
        let untyped =
            schema["x-kubernetes-int-or-string"] == true || schema["x-kubernetes-preserve-unknown-fields"] == true;
        if schema["type"].as_str().is_none_or(str::is_empty) && !untyped {
            let why = format!("must not be empty for specified {place}");
            self.causes.push(Cause::required(format!("{path}.type"), &why));
        }
        self.ruled |= schema["x-kubernetes-validations"].is_array();
        self.values(schema, path);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            self.node(property, SchemaPath::Property(&path, name), "object fields");
        }
        if schema["additionalProperties"].is_object() {
            let below = SchemaPath::Below(&path, "additionalProperties");
            self.node(&schema["additionalProperties"], below, "object fields");
        }
        if schema["items"].is_object() {
            self.node(&schema["items"], SchemaPath::Below(&path, "items"), "array items");
        } else if schema["type"] == "array" {
            self.causes
                .push(Cause::required(format!("{path}.items"), "must be specified"));
        }
    }

    /// What a schema, or a branch of its logic, says of values.
    fn values(&mut self, schema: &'a Value, path: SchemaPath<'_>) {
        if self.causes.len() >= CAUSES {
            return;
        }
        if schema["uniqueItems"] == true {
            let why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
            self.causes.push(Cause::forbidden(format!("{path}.uniqueItems"), why));
        }
        if let Some(text) = schema["pattern"].as_str() {
            let wrong = self.patterns.entry(text).or_insert_with(|| Pattern::parse(text).err());
            if let Some(error) = wrong {
                let why = format!("must be a valid regular expression, but isn't: {error}");
                self.causes
                    .push(Cause::invalid(format!("{path}.pattern"), &schema["pattern"], &why));
            }
        }
        for name in ["allOf", "anyOf", "oneOf"] {
            for (index, branch) in schema[name].as_array().into_iter().flatten().enumerate() {
                self.branch(branch, SchemaPath::Branch(&path, name, index));
            }
        }
        if schema["not"].is_object() {
            self.branch(&schema["not"], SchemaPath::Below(&path, "not"));
        }
    }

    fn branch(&mut self, schema: &'a Value, path: SchemaPath<'_>) {
        self.values(schema, path);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            self.branch(property, SchemaPath::Property(&path, name));
        }
        for name in ["additionalProperties", "items"] {
            if schema[name].is_object() {
                self.branch(&schema[name], SchemaPath::Below(&path, name));
            }
        }
    }
}

fn immutable(old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    let established = condition(old, "Established").is_some_and(|c| c["status"] == "True");
    let fields = [
        ("/spec/group", "spec.group"),
        ("/spec/names/plural", "spec.names.plural"),
    ];
    let once = [("/spec/scope", "spec.scope"), ("/spec/names/kind", "spec.names.kind")];
    for (pointer, field) in fields.into_iter().chain(once.into_iter().filter(|_| established)) {
        if old.pointer(pointer) != new.pointer(pointer) {
            let value = new.pointer(pointer).cloned().unwrap_or(Value::Null);
            causes.retain(|c| c.field != "metadata.name");
            causes.push(Cause::invalid(field, &value, "field is immutable"));
        }
    }
}

fn condition<'a>(definition: &'a Value, kind: &str) -> Option<&'a Value> {
    definition["status"]["conditions"]
        .as_array()?
        .iter()
        .find(|c| c["type"] == kind)
}

/// The names of a definition, each with the reason of the condition where another definition has the name. In this order, the
/// first name that clashes is the one that the real server reports.
const NAMES: [(&str, &str); 4] = [
    ("listKind", "ListKindConflict"),
    ("kind", "KindConflict"),
    ("singular", "SingularConflict"),
    ("plural", "PluralConflict"),
];

/// The names that definitions have been given.
#[derive(Debug, Default)]
pub(crate) struct Taken(HashMap<(String, &'static str, String), HashSet<String>>);

impl Taken {
    /// Notes the accepted names of a definition.
    pub(crate) fn add(&mut self, definition: &Value) {
        let accepted = &definition["status"]["acceptedNames"];
        for (member, _) in NAMES {
            if let Some(name) = accepted[member].as_str().filter(|name| !name.is_empty()) {
                let key = (string_at(definition, "/spec/group").to_owned(), member, name.to_owned());
                let owner = meta(definition, "name").to_owned();
                self.0.entry(key).or_default().insert(owner);
            }
        }
    }

    /// The first name of a definition that another one has.
    fn clash(&self, definition: &Value) -> Option<(&'static str, &'static str)> {
        let own = meta(definition, "name");
        NAMES.into_iter().find(|(member, _)| {
            let name = string_at(&definition["spec"]["names"], &format!("/{member}")).to_owned();
            let key = (string_at(definition, "/spec/group").to_owned(), *member, name);
            self.0
                .get(&key)
                .is_some_and(|owners| owners.iter().any(|owner| owner != own))
        })
    }
}

/// Whether a definition waits for names that another one has.
pub(crate) fn waits(definition: &Value) -> bool {
    condition(definition, "NamesAccepted").is_none_or(|c| c["status"] != "True")
}

/// The status of a definition, given the names that others have; nothing if it is up to date.
pub(crate) fn settle(definition: &Value, taken: &Taken) -> Option<Value> {
    let spec = &definition["spec"];
    let clash = taken.clash(definition);
    let mut status = definition["status"].clone();
    let (accepted, reason, message) = match clash {
        None => ("True", "NoConflicts", "no conflicts found".to_owned()),
        Some((member, reason)) => ("False", reason, format!("{} is already in use", spec["names"][member])),
    };
    let established = condition(definition, "Established").is_some_and(|c| c["status"] == "True");
    let (ready, ready_reason, ready_message) = if clash.is_none() || established {
        ("True", "InitialNamesAccepted", "the initial names have been accepted")
    } else {
        ("False", "NotAccepted", "not all names are accepted")
    };
    let keep = |kind: &str, value: &str| {
        condition(definition, kind)
            .filter(|c| c["status"] == value)
            .and_then(|c| c["lastTransitionTime"].as_str())
            .map(str::to_owned)
    };
    let time = |kind: &str, value: &str| keep(kind, value).unwrap_or_else(now);
    let mut conditions = vec![
        json!({
            "type": "NamesAccepted", "status": accepted, "reason": reason, "message": message,
            "lastTransitionTime": time("NamesAccepted", accepted),
        }),
        json!({
            "type": "Established", "status": ready, "reason": ready_reason, "message": ready_message,
            "lastTransitionTime": time("Established", ready),
        }),
    ];
    if definition["metadata"]["deletionTimestamp"].is_string() {
        conditions.push(json!({
            "type": "Terminating", "status": "True", "reason": "InstanceDeletionInProgress",
            "message": "CustomResource deletion is in progress", "lastTransitionTime": time("Terminating", "True"),
        }));
    }
    status["conditions"] = conditions.into();
    if clash.is_none() {
        status["acceptedNames"] = spec["names"].clone();
    }
    (status != definition["status"]).then_some(status)
}
