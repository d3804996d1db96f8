//! Updates of objects, and the steps that every change of an object takes before it is stored.

use std::sync::Arc;

use serde_json::Value;

use super::{Context, Decoded, Registry, Written, refused, stale, strategy, with_warnings};
use crate::access::grant;
use crate::admission::Admitted;
use crate::admit;
use crate::apply::managers::{self, Actor};
use crate::kinds::{RequestInfo, Resource};
use crate::status::{Cause, StatusError};
use crate::store::{Clash, Expect, Object};
use crate::text::{copy_member, meta, meta_mut};

/// How often a change is tried again when somebody else was faster.
const ATTEMPTS: usize = 64;

/// What a change makes of the current object, with warnings. Neither has `kind` and `apiVersion`.
pub(super) type Change<'a> = dyn Fn(&Value) -> Result<(Value, Vec<String>), StatusError> + Sync + 'a;

impl Registry {
    /// Replaces an object; creates it where its kind allows that.
    pub(crate) fn update(&self, context: &Context<'_>, decoded: Decoded) -> Result<Written, StatusError> {
        let Context { info, user, options } = *context;
        let Decoded { object, warnings } = decoded;
        let resource = &info.resource;
        check_names(info, &object)?;
        let actor = Actor::update(&options.manager, resource, &info.subresource);
        let strategy = strategy::of(resource);
        let exists = self.find(info).is_some();
        if !exists && strategy.allow_create_on_update() && info.subresource.is_empty() {
            return with_warnings(self.insert(context, object, &actor), warnings);
        }
        if exists && !strategy.allow_unconditional_update() && is_unconditional(&object) {
            let cause = Cause::invalid(
                "metadata.resourceVersion",
                &Value::from(0),
                "must be specified for an update",
            );
            return Err(StatusError::invalid(
                &resource.group,
                &resource.plural,
                &info.name,
                &[cause],
            ));
        }
        let replace = |current: &Value| {
            check_uid(info, current, &object)?;
            grant::check(&self.store, user, info, Some(current), &object)?;
            Ok((object.clone(), Vec::new()))
        };
        with_warnings(self.change(context, &actor, &replace), warnings)
    }

    /// Changes an object that is there. A change that can be computed again from a newer object is, until nobody is faster.
    pub(super) fn change(
        &self,
        context: &Context<'_>,
        actor: &Actor<'_>,
        change: &Change<'_>,
    ) -> Result<Written, StatusError> {
        let info = context.info;
        let resource = &info.resource;
        let key = info.key();
        for _ in 0..ATTEMPTS {
            let current = self.get(info)?;
            let (object, mut warnings) = change(&current.value)?;
            let unconditional = is_unconditional(&object);
            let written = |object, warnings, revision| Written {
                object,
                warnings,
                created: false,
                revision,
            };
            let next = prepare_for_update(info, &current.value, object, actor)?;
            let mut admitted = if info.subresource.is_empty() {
                self.admit(resource, context.user, (Some(&current.value), Some(&next)))?
            } else {
                Admitted::default()
            };
            warnings.append(&mut admitted.warnings);
            if next == current.value {
                return Ok(written(current, warnings, 0));
            }
            warnings.extend(admit::metadata::warnings(resource, Some(&current.value), &next));
            if context.options.dry_run {
                return Ok(written(self.would_store(resource, &key, next)?, warnings, 0));
            }
            let replaced = self.replace(resource, &key, &current, next);
            drop(admitted);
            match replaced {
                Ok((object, revision)) => {
                    self.after_write(resource, &key);
                    return Ok(written(object, warnings, revision));
                }
                Err(Clash::Changed) if unconditional || actor.retries() => {}
                Err(clash) => return Err(refused(clash, || stale(resource, &info.name))),
            }
        }
        Err(stale(resource, &info.name))
    }

    /// Stores the next state of an object, or removes the object where nothing holds it any more. Tells the object to answer
    /// with, and the revision of the write.
    fn replace(
        &self,
        resource: &Resource,
        key: &str,
        current: &Object,
        next: Value,
    ) -> Result<(Arc<Object>, u64), Clash> {
        let expect = Expect::At(current.revision);
        if strategy::is_finished(resource, &next) {
            // Watchers see it go as it was; the answer shows what the change made of it.
            let gone = self.store.remove(&resource.table, key, expect, current.value.clone())?;
            return Ok((Arc::new(Object::unsaved(next)), gone.revision));
        }
        let stored = self.store.commit(&resource.table, key, expect, Some(next))?;
        let revision = stored.revision;
        Ok((stored, revision))
    }
}

/// Whether an update is meant whatever the version of the object that is there.
fn is_unconditional(object: &Value) -> bool {
    matches!(meta(object, "resourceVersion"), "" | "0")
}

/// The object must be the one that the request names.
pub(super) fn check_names(info: &RequestInfo, object: &Value) -> Result<(), StatusError> {
    let (name, namespace) = (meta(object, "name"), meta(object, "namespace"));
    if name.is_empty() {
        return Err(StatusError::bad_request(format!(
            "name must be provided for an update of {}",
            info.resource.group_resource().qualified()
        )));
    }
    if name != info.name {
        return Err(StatusError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            info.name
        )));
    }
    if info.resource.namespaced && !namespace.is_empty() && namespace != info.namespace {
        return Err(StatusError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

/// A replacement that names a uid means the object with that uid.
fn check_uid(info: &RequestInfo, current: &Value, object: &Value) -> Result<(), StatusError> {
    let (wanted, found) = (meta(object, "uid"), meta(current, "uid"));
    if wanted.is_empty() || wanted == found {
        return Ok(());
    }
    let key = format!("/registry/{}/{}", info.resource.table, info.key());
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition \
         failed: UID in precondition: {wanted}, UID in object meta: {found}"
    );
    Err(StatusError::conflict(&info.resource.group_resource(), &info.name, &why))
}

/// The object as it is to be stored after a change.
fn prepare_for_update(
    info: &RequestInfo,
    old: &Value,
    mut new: Value,
    actor: &Actor<'_>,
) -> Result<Value, StatusError> {
    let resource = &*info.resource;
    let strategy = strategy::of(resource);
    if !is_unconditional(&new) && meta(&new, "resourceVersion") != meta(old, "resourceVersion") {
        return Err(stale(resource, &info.name));
    }
    keep_metadata(info, old, &mut new);
    keep_other_part(resource, &info.subresource, old, &mut new);
    strategy.set_defaults(resource, &mut new)?;
    strategy.prepare_for_update(old, &mut new);
    if resource.generation && counts(resource, old) != counts(resource, &new) {
        // Objects of earlier releases may have no generation.
        let generation = old["metadata"]["generation"].as_i64().unwrap_or(0).saturating_add(1);
        meta_mut(&mut new).insert("generation".into(), generation.into());
    }
    strategy::validate(resource, Some(old), &new, &info.subresource)?;
    managers::track_update(Some(old), &mut new, resource, actor);
    Ok(new)
}

/// Sets the metadata that no client may change.
fn keep_metadata(info: &RequestInfo, old: &Value, new: &mut Value) {
    let metadata = meta_mut(new);
    metadata.insert("name".into(), info.name.clone().into());
    if info.resource.namespaced {
        metadata.insert("namespace".into(), info.namespace.clone().into());
    } else {
        metadata.remove("namespace");
    }
    let before = old.get("metadata");
    for member in ["creationTimestamp", "resourceVersion"] {
        copy_member(before, metadata, member);
    }
    // These may be left out, but validation refuses other values.
    for member in ["uid", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        if metadata.get(member).is_none_or(Value::is_null) {
            copy_member(before, metadata, member);
        }
    }
    metadata.remove("selfLink");
    if info.resource.generation {
        copy_member(before, metadata, "generation");
    }
}

/// The main resource and each subresource leave the parts of an object alone that belong to the others.
fn keep_other_part(resource: &Resource, subresource: &str, old: &Value, new: &mut Value) {
    match subresource {
        "status" => {
            let metadata = new.get_mut("metadata").map(Value::take);
            let status = new.get_mut("status").map(Value::take);
            *new = without_status(old);
            set(new, "status", status);
            let kept = meta_mut(new);
            copy_member(metadata.as_ref(), kept, "managedFields");
            if resource.is_built_in() {
                for member in ["labels", "annotations", "finalizers"] {
                    copy_member(metadata.as_ref(), kept, member);
                }
            }
        }
        "finalize" => {
            let finalizers = new["spec"].get("finalizers").cloned();
            *new = old.clone();
            new["spec"]["finalizers"] = finalizers.unwrap_or_else(|| Value::Array(Vec::new()));
        }
        _ if resource.status => set(new, "status", old.get("status").cloned()),
        _ => {}
    }
}

fn without_status(object: &Value) -> Value {
    let members = object.as_object().into_iter().flatten();
    let members = members.filter(|(name, _)| *name != "status");
    members.map(|(name, value)| (name.clone(), value.clone())).collect()
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
    let members = object.as_object().into_iter().flatten();
    let counted = |name: &str| name != "metadata" && !(resource.status && name == "status");
    members.filter(|(name, _)| counted(name)).collect()
}
