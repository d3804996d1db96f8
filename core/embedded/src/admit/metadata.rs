//! Validation of `metadata`, which is the same for every kind.

use std::collections::HashSet;

use serde_json::Value;

use super::names;
use crate::kinds::Resource;
use crate::kinds::finalizers::{FOREGROUND, KUBERNETES, ORPHAN};
use crate::status::{CAUSES, Cause};
use crate::text::{clip, meta, string_at, texts};

/// Bytes that all annotations together may have.
const ANNOTATIONS: usize = 256 << 10;

/// What is wrong with the metadata of a new object; `validate_name` tells what is wrong with a name.
pub(crate) fn check_new(
    resource: &Resource,
    object: &Value,
    validate_name: impl Fn(&str) -> Vec<String>,
) -> Vec<Cause> {
    let mut causes = Vec::new();
    let (name, generate) = (meta(object, "name"), meta(object, "generateName"));
    if !generate.is_empty() {
        let text = Value::from(generate);
        let problems = validate_name(&format!("{generate}x"));
        let invalid = |p: &String| Cause::invalid("metadata.generateName", &text, p);
        causes.extend(problems.iter().map(invalid));
    }
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    } else {
        let text = Value::from(name);
        causes.extend(
            validate_name(name)
                .iter()
                .map(|p| Cause::invalid("metadata.name", &text, p)),
        );
    }
    causes.extend(check_common(resource, object));
    causes
}

/// What is wrong with the metadata of a changed object.
pub(crate) fn check_update(resource: &Resource, old: &Value, new: &Value) -> Vec<Cause> {
    let common = check_common(resource, new);
    let mut causes = Vec::new();
    for field in [
        "creationTimestamp",
        "uid",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        let (before, after) = (&old["metadata"][field], &new["metadata"][field]);
        if before != after {
            causes.push(Cause::invalid(format!("metadata.{field}"), after, "field is immutable"));
        }
    }
    if old["metadata"]["deletionTimestamp"].is_string() {
        let before = texts(&old["metadata"]["finalizers"])
            .into_iter()
            .collect::<HashSet<_>>();
        let added = texts(&new["metadata"]["finalizers"])
            .into_iter()
            .filter(|f| !before.contains(f))
            .collect::<Vec<_>>();
        if !added.is_empty() {
            let list = added.iter().map(|f| format!("{f:?}")).collect::<Vec<_>>().join(", ");
            causes.push(Cause::forbidden(
                "metadata.finalizers",
                &format!("no new finalizers can be added if the object is being deleted, found new finalizers []string{{{list}}}"),
            ));
        }
    }
    // The real server checks updates more than once, and says so each time.
    let again = if resource.is_built_in() { 2 } else { 3 };
    let times = |list: &[Cause], n: usize| std::iter::repeat_n(list.to_vec(), n).flatten().collect::<Vec<_>>();
    [times(&causes, 2), times(&common, again)].concat()
}

/// Warnings about the metadata of a custom resource.
pub(crate) fn warnings(resource: &Resource, old: Option<&Value>, new: &Value) -> Vec<String> {
    if resource.is_built_in() {
        return Vec::new();
    }
    let before = old.into_iter().flat_map(|o| texts(&o["metadata"]["finalizers"]));
    let before = before.collect::<HashSet<_>>();
    texts(&new["metadata"]["finalizers"])
        .iter()
        .filter(|f| !f.contains('/') && !before.contains(**f) && !matches!(**f, FOREGROUND | ORPHAN))
        .take(CAUSES)
        .map(|f| {
            let f = clip((*f).to_owned(), 1 << 10);
            format!(
                "metadata.finalizers: {f:?}: prefer a domain-qualified finalizer name to avoid accidental conflicts \
                 with other finalizer writers"
            )
        })
        .collect()
}

fn check_common(resource: &Resource, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let metadata = &object["metadata"];
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        if causes.len() >= CAUSES {
            return causes;
        }
        let (name, text) = (Value::from(key.as_str()), crate::text::text(value));
        causes.extend(
            names::qualified_name(key)
                .iter()
                .map(|p| Cause::invalid("metadata.labels", &name, p)),
        );
        causes.extend(
            names::label_value(text)
                .iter()
                .map(|p| Cause::invalid("metadata.labels", value, p)),
        );
    }
    let mut size = 0;
    for (key, value) in metadata["annotations"].as_object().into_iter().flatten() {
        size += key.len() + value.as_str().map_or(0, str::len);
        if causes.len() >= CAUSES {
            return causes;
        }
        let name = Value::from(key.as_str());
        let problems = names::qualified_name(&key.to_lowercase());
        causes.extend(
            problems
                .iter()
                .map(|p| Cause::invalid("metadata.annotations", &name, p)),
        );
    }
    if size > ANNOTATIONS {
        causes.push(Cause::too_long("metadata.annotations", ANNOTATIONS));
    }
    for (index, finalizer) in texts(&metadata["finalizers"]).into_iter().enumerate() {
        if causes.len() >= CAUSES {
            return causes;
        }
        let (field, value) = (format!("metadata.finalizers[{index}]"), Value::from(finalizer));
        causes.extend(
            names::qualified_name(finalizer)
                .iter()
                .map(|p| Cause::invalid(&field, &value, p)),
        );
        let known = matches!(finalizer, FOREGROUND | ORPHAN | KUBERNETES);
        if resource.is_built_in() && !finalizer.contains('/') && !known {
            causes.push(Cause::invalid(
                field,
                &value,
                "name is neither a standard finalizer name nor is it fully qualified",
            ));
        }
    }
    owners(metadata, &mut causes);
    causes
}

fn owners(metadata: &Value, causes: &mut Vec<Cause>) {
    let field = "metadata.ownerReferences";
    let mut controllers = Vec::new();
    for owner in metadata["ownerReferences"].as_array().into_iter().flatten() {
        if causes.len() >= CAUSES {
            return;
        }
        for member in ["kind", "name", "uid"] {
            let value = owner.get(member).cloned().unwrap_or_else(|| Value::from(""));
            if value.as_str().is_none_or(str::is_empty) {
                causes.push(Cause::invalid(format!("{field}.{member}"), &value, "must not be empty"));
            }
        }
        if string_at(owner, "/apiVersion").is_empty() {
            causes.push(Cause::invalid(
                format!("{field}.apiVersion"),
                &owner["apiVersion"],
                "version must not be empty",
            ));
        }
        if owner["controller"] == true {
            controllers.push(format!("{}/{}", string_at(owner, "/kind"), string_at(owner, "/name")));
        }
    }
    if let [first, second, ..] = controllers.as_slice() {
        causes.push(Cause::invalid(
            field,
            &metadata["ownerReferences"],
            &format!(
                "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {second}"
            ),
        ));
    }
}
