//! Create and update, and the steps that every change of an object takes before it is stored.

use std::sync::Arc;

use serde_json::Value;

use super::body;
use super::options::WriteOptions;
use super::{Place, negotiate};
use crate::access::grant;
use crate::admit;
use crate::apply::managers::{self, Actor};
use crate::http::{Reply, Request};
use crate::kinds::Resource;
use crate::patch::bounds;
use crate::schema::{normal, rules, validate};
use crate::server::Inner;
use crate::status::{Cause, Failure};
use crate::store::{Clash, Expect, Object};
use crate::text::{copy_member, meta, meta_mut, now};

/// How often a change is tried again when somebody else was faster.
const ATTEMPTS: usize = 64;

/// The outcome of a write.
pub(crate) struct Written {
    /// The object as stored, or as it would be.
    pub(crate) object: Arc<Object>,
    pub(crate) warnings: Vec<String>,
    /// Must be on disk before anybody hears of it; 0 where nothing was written.
    pub(crate) revision: u64,
}

/// `POST`
pub(crate) async fn create(server: &Arc<Inner>, request: &Request, place: &Place) -> Result<Reply, Failure> {
    if place.resource.namespaced && place.namespace.is_empty() {
        // Built-in resources are there in all namespaces, only not for this method; custom ones are not.
        let core = place.resource.is_core();
        return Err(if core {
            Failure::method_not_allowed()
        } else {
            Failure::no_page()
        });
    }
    let options = WriteOptions::read(request, "CreateOptions")?;
    let decoded = body::object(request, &place.resource, options.validation)?;
    if !meta(&decoded.object, "resourceVersion").is_empty() {
        return Err(Failure::new(
            500,
            "",
            "resourceVersion should not be set on objects to be created",
        ));
    }
    grant::check(&server.store, &request.user, place, None, &decoded.object)?;
    let actor = Actor::update(&options.manager, &place.resource, "");
    let inserted = insert(server, place, decoded.object, &options, &actor).await;
    let mut written = inserted.map_err(|failure| failure.with_warnings(&decoded.warnings))?;
    written.warnings.splice(0..0, decoded.warnings);
    negotiate::object_reply(request, place, 201, &written)
}

/// Stores a new object and waits until it is on disk.
pub(crate) async fn insert(
    server: &Arc<Inner>,
    place: &Place,
    object: Value,
    options: &WriteOptions,
    actor: &Actor<'_>,
) -> Result<Written, Failure> {
    let written = insert_now(server, place, object, options, actor)?;
    server.settled(written.revision).await?;
    Ok(written)
}

/// Stores a new object.
pub(crate) fn insert_now(
    server: &Inner,
    place: &Place,
    mut object: Value,
    options: &WriteOptions,
    actor: &Actor<'_>,
) -> Result<Written, Failure> {
    let resource = &place.resource;
    let given = meta(&object, "namespace").to_owned();
    if resource.namespaced {
        if !given.is_empty() && given != place.namespace {
            return Err(Failure::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        meta_mut(&mut object).insert("namespace".into(), place.namespace.clone().into());
    } else {
        meta_mut(&mut object).remove("namespace");
    }
    let generate = meta(&object, "generateName").to_owned();
    let generated = meta(&object, "name").is_empty() && !generate.is_empty();
    if generated {
        let base = generate.chars().take(58).collect::<String>();
        meta_mut(&mut object).insert("name".into(), format!("{base}{}", suffix()).into());
    }
    writable_namespace(server, place, meta(&object, "name"))?;
    prepare_new(resource, &mut object)?;
    let warnings = admit::metadata::warnings(resource, None, &object);
    check_all(resource, None, &mut object, "")?;
    managers::track_update(None, &mut object, resource, actor);
    let name = meta(&object, "name").to_owned();
    let key = resource.key(&place.namespace, &name);
    if options.dry_run {
        if server.store.get(&resource.table, &key).is_some() {
            return Err(Failure::already_exists(&resource.target(), &name));
        }
        meta_mut(&mut object).remove("resourceVersion");
        return Ok(Written {
            object: Arc::new(would_store(server, resource, &key, object)?),
            warnings,
            revision: 0,
        });
    }
    let object = match server.store.commit(&resource.table, &key, Expect::Absent, Some(object)) {
        Ok(object) => object,
        Err(Clash::Changed) => return Err(Failure::already_exists(&resource.target(), &name)),
        Err(Clash::TooMuch(excess)) => return Err(Failure::too_much(excess)),
        Err(Clash::Broken(error)) => return Err(Failure::internal(error.to_string())),
    };
    server.after_write(resource, &key);
    let revision = object.revision;
    Ok(Written {
        object,
        warnings,
        revision,
    })
}

/// The object of a dry run: refused where it would be refused.
fn would_store(server: &Inner, resource: &Resource, key: &str, object: Value) -> Result<Object, Failure> {
    let object = Object::unsaved(object);
    match server.store.excess(&resource.table, key, &object) {
        Some(excess) => Err(Failure::too_much(excess)),
        None => Ok(object),
    }
}

/// Sets what the server sets on new objects.
fn prepare_new(resource: &Resource, object: &mut Value) -> Result<(), Failure> {
    let metadata = meta_mut(object);
    for member in [
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "resourceVersion",
    ] {
        metadata.remove(member);
    }
    metadata.insert("uid".into(), uuid::Uuid::new_v4().to_string().into());
    metadata.insert("creationTimestamp".into(), now().into());
    if resource.generation {
        metadata.insert("generation".into(), 1.into());
    }
    if resource.status && !admit::core::keeps_status_on_create(resource) {
        object.as_object_mut().map(|m| m.remove("status"));
    }
    if resource.is_core() {
        admit::core::default(resource, object);
        return Ok(());
    }
    normal::default(object, resource.schema()).map_err(|_| bounds::too_large())
}

/// Five characters that spell nothing.
fn suffix() -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    uuid::Uuid::new_v4().as_bytes()[..5]
        .iter()
        .map(|b| char::from(ALPHABET[usize::from(*b) % ALPHABET.len()]))
        .collect()
}

/// New objects need a namespace that is there and not on its way out.
fn writable_namespace(server: &Inner, place: &Place, name: &str) -> Result<(), Failure> {
    let resource = &place.resource;
    if resource.custom.as_ref().is_some_and(|c| c.terminating) {
        let why = "create not allowed while custom resource definition is terminating";
        return Err(Failure::forbidden(&resource.target(), name, why));
    }
    if !resource.namespaced {
        return Ok(());
    }
    let namespace = &place.namespace;
    let target = crate::status::Target {
        group: "",
        resource: "namespaces",
    };
    let found = server
        .store
        .get("namespaces", namespace)
        .ok_or_else(|| Failure::not_found(&target, namespace))?;
    if !found.value["metadata"]["deletionTimestamp"].is_string() {
        return Ok(());
    }
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let mut failure = Failure::forbidden(&resource.target(), name, &why);
    failure.details["causes"] = serde_json::json!([{
        "reason": "NamespaceTerminating",
        "message": format!("namespace {namespace} is being terminated"),
        "field": "metadata.namespace",
    }]);
    Err(failure)
}

/// Everything that may be wrong with an object.
fn check_all(resource: &Resource, old: Option<&Value>, object: &mut Value, subresource: &str) -> Result<(), Failure> {
    let mut causes = match old {
        None => admit::metadata::check_new(resource, object),
        Some(old) => admit::metadata::check_update(resource, old, object),
    };
    if resource.is_core() {
        causes.extend(admit::check::check(resource, old, object));
    } else {
        let schema = resource.schema();
        let mut found = validate::check(object, old, schema);
        if subresource == "status" {
            found.retain(|c| c.field.starts_with("status") || c.field == "<nil>");
        }
        causes.extend(found);
        if schema.ruled {
            // Rules are written for objects of the right shape.
            let blocking = causes.iter().any(|c| {
                matches!(
                    c.reason,
                    "FieldValueRequired"
                        | "FieldValueNotSupported"
                        | "FieldValueTooLong"
                        | "FieldValueTooMany"
                        | "FieldValueTypeInvalid"
                )
            });
            if blocking {
                causes.push(Cause::invalid(
                    "<nil>",
                    &Value::Null,
                    "some validation rules were not checked because the object was invalid; correct the existing errors \
                     to complete validation",
                ));
            } else {
                causes.extend(rules::check(object, old, schema));
            }
        }
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Failure::invalid(
        &resource.group,
        &resource.kind,
        meta(object, "name"),
        &causes,
    ))
}

/// `PUT`
pub(crate) async fn replace(server: &Arc<Inner>, request: &Request, place: &Place) -> Result<Reply, Failure> {
    let options = WriteOptions::read(request, "UpdateOptions")?;
    let resource = &place.resource;
    let decoded = body::object(request, resource, options.validation)?;
    same_place(place, &decoded.object)?;
    let actor = Actor::update(&options.manager, resource, &place.subresource);
    let must_carry_version = !resource.is_core() || resource.plural == "leases";
    let exists = server
        .store
        .get(&resource.table, &resource.key(&place.namespace, &place.name))
        .is_some();
    if !exists && resource.plural == "leases" && place.subresource.is_empty() {
        let written = insert(server, place, decoded.object, &options, &actor).await?;
        return negotiate::object_reply(request, place, 201, &written);
    }
    let version = meta(&decoded.object, "resourceVersion").to_owned();
    if exists && must_carry_version && matches!(version.as_str(), "" | "0") {
        let cause = Cause::invalid(
            "metadata.resourceVersion",
            &Value::from(0),
            "must be specified for an update",
        );
        return Err(Failure::invalid(
            &resource.group,
            &resource.plural,
            &place.name,
            &[cause],
        ));
    }
    let make = |current: &Value| {
        same_uid(place, current, &decoded.object)?;
        grant::check(&server.store, &request.user, place, Some(current), &decoded.object)?;
        Ok((decoded.object.clone(), Vec::new()))
    };
    let changed = change(server, place, &options, &actor, &make).await;
    let mut written = changed.map_err(|failure| failure.with_warnings(&decoded.warnings))?;
    written.warnings.splice(0..0, decoded.warnings);
    negotiate::object_reply(request, place, 200, &written)
}

/// The object must be the one that the path names.
pub(crate) fn same_place(place: &Place, object: &Value) -> Result<(), Failure> {
    let (name, namespace) = (meta(object, "name"), meta(object, "namespace"));
    if name.is_empty() {
        return Err(Failure::bad_request(format!(
            "name must be provided for an update of {}",
            place.resource.target().qualified()
        )));
    }
    if name != place.name {
        return Err(Failure::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            place.name
        )));
    }
    if place.resource.namespaced && !namespace.is_empty() && namespace != place.namespace {
        return Err(Failure::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

/// A replacement that names a uid means that very object.
fn same_uid(place: &Place, current: &Value, object: &Value) -> Result<(), Failure> {
    let (wanted, found) = (meta(object, "uid"), meta(current, "uid"));
    if wanted.is_empty() || wanted == found {
        return Ok(());
    }
    let resource = &place.resource;
    let key = format!(
        "/registry/{}/{}",
        resource.table,
        resource.key(&place.namespace, &place.name)
    );
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition \
         failed: UID in precondition: {wanted}, UID in object meta: {found}"
    );
    Err(Failure::conflict(&resource.target(), &place.name, &why))
}

/// What a change makes of the current object, with warnings. Neither has `kind` and `apiVersion`.
pub(crate) type Make<'a> = dyn Fn(&Value) -> Result<(Value, Vec<String>), Failure> + Sync + 'a;

/// Changes an object that is there and waits until the change is on disk.
pub(crate) async fn change(
    server: &Arc<Inner>,
    place: &Place,
    options: &WriteOptions,
    actor: &Actor<'_>,
    make: &Make<'_>,
) -> Result<Written, Failure> {
    let written = change_now(server, place, options, actor, make)?;
    server.settled(written.revision).await?;
    Ok(written)
}

/// Changes an object that is there.
pub(crate) fn change_now(
    server: &Inner,
    place: &Place,
    options: &WriteOptions,
    actor: &Actor<'_>,
    make: &Make<'_>,
) -> Result<Written, Failure> {
    let resource = &place.resource;
    let key = resource.key(&place.namespace, &place.name);
    for _ in 0..ATTEMPTS {
        let current = server
            .store
            .get(&resource.table, &key)
            .ok_or_else(|| Failure::not_found(&resource.target(), &place.name))?;
        let (object, warnings) = make(&current.value)?;
        let unconditional = matches!(meta(&object, "resourceVersion"), "" | "0");
        let Some(next) = next(resource, place, &current.value, object, actor)? else {
            return Ok(Written {
                object: current,
                warnings,
                revision: 0,
            });
        };
        let mut warnings = warnings;
        warnings.extend(admit::metadata::warnings(resource, Some(&current.value), &next));
        if options.dry_run {
            return Ok(Written {
                object: Arc::new(would_store(server, resource, &key, next)?),
                warnings,
                revision: 0,
            });
        }
        let expect = Expect::At(current.revision);
        // What goes is shown as it was; the answer shows what the change made of it.
        let last = is_finished(resource, &next).then(|| Arc::new(Object::unsaved(next.clone())));
        let stored = if last.is_some() {
            server
                .store
                .remove(&resource.table, &key, expect, current.value.clone())
        } else {
            server.store.commit(&resource.table, &key, expect, Some(next))
        };
        match stored {
            Ok(object) => {
                server.after_write(resource, &key);
                let revision = object.revision;
                let object = last.unwrap_or(object);
                return Ok(Written {
                    object,
                    warnings,
                    revision,
                });
            }
            Err(Clash::Changed) if unconditional || actor.retries() => {}
            Err(Clash::Changed) => return Err(stale(resource, &place.name)),
            Err(Clash::TooMuch(excess)) => return Err(Failure::too_much(excess)),
            Err(Clash::Broken(error)) => return Err(Failure::internal(error.to_string())),
        }
    }
    Err(stale(resource, &place.name))
}

pub(crate) fn stale(resource: &Resource, name: &str) -> Failure {
    Failure::conflict(
        &resource.target(),
        name,
        "the object has been modified; please apply your changes to the latest version and try again",
    )
}

/// An object that is being deleted and that nothing holds any more.
pub(crate) fn is_finished(resource: &Resource, object: &Value) -> bool {
    let metadata = &object["metadata"];
    let some = |list: &Value| list.as_array().is_some_and(|f| !f.is_empty());
    let namespace = resource.is_core() && resource.plural == "namespaces";
    let held = some(&metadata["finalizers"]) || namespace && some(&object["spec"]["finalizers"]);
    metadata["deletionTimestamp"].is_string()
        && !held
        && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
}

/// The object after the change; nothing if the change changes nothing.
fn next(
    resource: &Resource,
    place: &Place,
    old: &Value,
    mut new: Value,
    actor: &Actor<'_>,
) -> Result<Option<Value>, Failure> {
    let version = meta(&new, "resourceVersion");
    if !matches!(version, "" | "0") && version != meta(old, "resourceVersion") {
        return Err(stale(resource, &place.name));
    }
    let metadata = meta_mut(&mut new);
    metadata.insert("name".into(), place.name.clone().into());
    if resource.namespaced {
        metadata.insert("namespace".into(), place.namespace.clone().into());
    } else {
        metadata.remove("namespace");
    }
    let before = old.get("metadata");
    for member in ["creationTimestamp", "resourceVersion"] {
        copy_member(before, metadata, member);
    }
    // These may be left out, but not be changed.
    for member in ["uid", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        if metadata.get(member).is_none_or(Value::is_null) {
            copy_member(before, metadata, member);
        }
    }
    metadata.remove("selfLink");
    if resource.generation {
        copy_member(before, metadata, "generation");
    }
    separate(resource, &place.subresource, old, &mut new);
    if resource.is_core() {
        admit::core::default(resource, &mut new);
        admit::core::inherit(resource, old, &mut new);
    } else {
        normal::default(&mut new, resource.schema()).map_err(|_| bounds::too_large())?;
    }
    if resource.generation && counts(resource, old) != counts(resource, &new) {
        let generation = old["metadata"]["generation"].as_i64().unwrap_or(0).saturating_add(1);
        meta_mut(&mut new).insert("generation".into(), generation.into());
    }
    check_all(resource, Some(old), &mut new, &place.subresource)?;
    managers::track_update(Some(old), &mut new, resource, actor);
    Ok((new != *old).then_some(new))
}

/// Each of the main resource and `/status` leaves the other's part alone.
fn separate(resource: &Resource, subresource: &str, old: &Value, new: &mut Value) {
    match subresource {
        "status" => {
            let metadata = new.get_mut("metadata").map(Value::take);
            let given = new.get_mut("status").map(Value::take);
            *new = without(old, &["status"]);
            set(new, "status", given);
            let kept = meta_mut(new);
            copy_member(metadata.as_ref(), kept, "managedFields");
            if resource.is_core() {
                for member in ["labels", "annotations", "finalizers"] {
                    copy_member(metadata.as_ref(), kept, member);
                }
            }
        }
        "finalize" => {
            let given = new["spec"].get("finalizers").cloned();
            *new = old.clone();
            new["spec"]["finalizers"] = given.unwrap_or_else(|| Value::Array(Vec::new()));
        }
        _ if resource.status => set(new, "status", old.get("status").cloned()),
        _ => {}
    }
}

/// A copy of an object without some members.
fn without(object: &Value, members: &[&str]) -> Value {
    let copied = object
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| !members.contains(&name.as_str()));
    copied.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn set(object: &mut Value, member: &str, value: Option<Value>) {
    if let Some(map) = object.as_object_mut() {
        match value {
            Some(value) => map.insert(member.to_owned(), value),
            None => map.remove(member),
        };
    }
}

/// The part of an object whose changes count for the generation.
fn counts<'a>(resource: &Resource, object: &'a Value) -> Vec<(&'a String, &'a Value)> {
    object
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "metadata" && !(resource.status && *name == "status"))
        .collect()
}
