//! CustomResourceDefinitions: defaults, checks and conditions.

use serde_json::{Value, json};

use super::names;
use crate::status::Cause;
use crate::text::{meta, now, string_at};

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
    match spec["scope"].as_str().unwrap_or_default() {
        "" => causes.push(Cause::required("spec.scope", "")),
        "Cluster" | "Namespaced" => {}
        _ => {
            let allowed = ["Cluster", "Namespaced"].map(str::to_owned);
            causes.push(Cause::unsupported("spec.scope", &spec["scope"], &allowed));
        }
    }
    versions(definition, &mut causes);
    if let Some(old) = old {
        immutable(old, definition, &mut causes);
    }
    causes
}

fn versions(definition: &Value, causes: &mut Vec<Cause>) {
    let spec = &definition["spec"];
    let list = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
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
        structural(schema, &path, "object", causes);
    }
}

/// Every node of a structural schema has a type, unless it says what else it is.
fn structural(schema: &Value, path: &str, place: &str, causes: &mut Vec<Cause>) {
    let untyped =
        schema["x-kubernetes-int-or-string"] == true || schema["x-kubernetes-preserve-unknown-fields"] == true;
    if schema["type"].as_str().is_none_or(str::is_empty) && !untyped {
        let why = format!("must not be empty for specified {place}");
        causes.push(Cause::required(format!("{path}.type"), &why));
    }
    if schema["uniqueItems"] == true {
        let why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        causes.push(Cause::forbidden(format!("{path}.uniqueItems"), why));
    }
    if let Some(pattern) = schema["pattern"].as_str()
        && let Err(error) = regex::Regex::new(pattern)
    {
        let why = format!("must be a valid regular expression, but isn't: {error}");
        causes.push(Cause::invalid(format!("{path}.pattern"), &schema["pattern"], &why));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        structural(property, &format!("{path}.properties[{name}]"), "object fields", causes);
    }
    if schema["additionalProperties"].is_object() {
        let path = format!("{path}.additionalProperties");
        structural(&schema["additionalProperties"], &path, "object fields", causes);
    }
    if schema["items"].is_object() {
        structural(&schema["items"], &format!("{path}.items"), "array items", causes);
    } else if schema["type"] == "array" {
        causes.push(Cause::required(format!("{path}.items"), "must be specified"));
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

/// The status that a definition should have beside the others; nothing if it has it.
pub(crate) fn settle(definition: &Value, others: &[&Value]) -> Option<Value> {
    let spec = &definition["spec"];
    let clash = others.iter().find_map(|other| {
        let accepted = &other["status"]["acceptedNames"];
        if meta(other, "name") == meta(definition, "name") || other["spec"]["group"] != spec["group"] {
            return None;
        }
        [
            ("plural", "PluralConflict"),
            ("singular", "SingularConflict"),
            ("kind", "KindConflict"),
            ("listKind", "ListKindConflict"),
        ]
        .into_iter()
        .rev()
        .find(|(member, _)| accepted[*member].is_string() && accepted[*member] == spec["names"][*member])
    });
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
