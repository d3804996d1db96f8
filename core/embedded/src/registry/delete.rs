//! Deletion of objects.

use std::sync::Arc;

use serde_json::{Value, json};

use super::namespace_lifecycle::refuse_immortal_namespace;
use super::{DeleteOptions, Page, Registry, refused, strategy};
use crate::access::User;
use crate::admission::Admitted;
use crate::kinds::{RequestInfo, Resource};
use crate::status::{GroupResource, StatusError};
use crate::store::{Clash, Expect, Object};
use crate::text::{meta, meta_mut, now};

/// The outcome of a deletion.
pub(crate) struct Deleted {
    /// The object as it went, or with the marks of a deletion that has begun.
    pub(crate) object: Arc<Object>,
    /// The object itself is the answer, not a `Status` about it: something holds the object, or its kind is answered so.
    pub(crate) returned: bool,
    /// Must be on disk before anybody hears of it; 0 where nothing was written.
    pub(crate) revision: u64,
}

impl Registry {
    /// Deletes an object, or begins to where something holds it.
    pub(crate) fn delete(
        &self,
        info: &RequestInfo,
        user: &User,
        options: &DeleteOptions,
    ) -> Result<Deleted, StatusError> {
        let resource = &info.resource;
        refuse_immortal_namespace(info)?;
        let key = info.key();
        let deleted = self.begin_deletion(resource, &key, Some(user), options)?;
        let deleted = deleted.ok_or_else(|| info.not_found())?;
        if !options.dry_run {
            self.after_write(resource, &key);
        }
        Ok(deleted)
    }

    /// Deletes the objects of a page, or begins to. Tells the revision that must be on disk before anybody hears of it.
    pub(crate) fn delete_collection(
        &self,
        info: &RequestInfo,
        page: &Page,
        user: &User,
        options: &DeleteOptions,
    ) -> Result<u64, StatusError> {
        let mut revision = 0;
        for object in &page.objects {
            let one = RequestInfo {
                namespace: meta(&object.value, "namespace").to_owned(),
                name: meta(&object.value, "name").to_owned(),
                ..info.without_subresource()
            };
            match self.delete(&one, user, options) {
                Ok(deleted) => revision = revision.max(deleted.revision),
                // Somebody else was faster.
                Err(failure) if failure.code == 404 => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(revision)
    }

    /// Deletes an object, or begins to; nothing if there is none. Without a user the server itself does it, and nobody is asked
    /// for admission. [`Registry::after_write`] is the caller's to call.
    pub(crate) fn begin_deletion(
        &self,
        resource: &Resource,
        key: &str,
        user: Option<&User>,
        options: &DeleteOptions,
    ) -> Result<Option<Deleted>, StatusError> {
        let strategy = strategy::of(resource);
        let deleted = |object: Arc<Object>, gone: bool, revision| Deleted {
            object,
            returned: !gone || strategy.returns_deleted_object(),
            revision,
        };
        loop {
            let Some(current) = self.store.get(&resource.table, key) else {
                return Ok(None);
            };
            check_preconditions(resource, &current.value, options)?;
            let admitted = match user {
                Some(user) => self.admit(resource, user, (Some(&current.value), None))?,
                None => Admitted::default(),
            };
            let marked = marked(resource, &current.value, options);
            let gone = strategy::is_finished(resource, &marked);
            if options.dry_run {
                let shown = if gone { current.value.clone() } else { marked };
                return Ok(Some(deleted(Arc::new(Object::unsaved(shown)), gone, 0)));
            }
            let expect = Expect::At(current.revision);
            let stored = if gone {
                let last = if strategy.goes_with_deletion_marks() {
                    marked
                } else {
                    current.value.clone()
                };
                self.store.remove(&resource.table, key, expect, last)
            } else if marked == current.value {
                // Its deletion has begun before; that must be on disk before it is confirmed.
                let revision = current.revision;
                return Ok(Some(deleted(current, false, revision)));
            } else {
                self.store.commit(&resource.table, key, expect, Some(marked))
            };
            drop(admitted);
            match stored {
                Ok(object) => {
                    let revision = object.revision;
                    return Ok(Some(deleted(object, gone, revision)));
                }
                Err(Clash::Changed) => {}
                Err(clash) => return Err(refused(clash, || super::stale(resource, meta(&current.value, "name")))),
            }
        }
    }
}

/// Refuses to delete an object that is not the one, or not in the state, that the client means.
fn check_preconditions(resource: &Resource, current: &Value, options: &DeleteOptions) -> Result<(), StatusError> {
    let check = |wanted: &Option<String>, member: &str, what: &str, perhaps: &str| match wanted {
        Some(wanted) if wanted != meta(current, member) => Err(StatusError::conflict(
            &GroupResource {
                group: &resource.group,
                resource: &resource.kind,
            },
            meta(current, "name"),
            &format!(
                "the {what} in the precondition ({wanted}) does not match the {what} in record ({}). The object might have \
                 been {perhaps}",
                meta(current, member)
            ),
        )),
        _ => Ok(()),
    };
    check(&options.uid, "uid", "UID", "deleted and then recreated")?;
    check(
        &options.resource_version,
        "resourceVersion",
        "ResourceVersion",
        "modified",
    )
}

/// The object with the marks of a deletion that has begun.
fn marked(resource: &Resource, current: &Value, options: &DeleteOptions) -> Value {
    let strategy = strategy::of(resource);
    let mut marked = current.clone();
    let begins = !current["metadata"]["deletionTimestamp"].is_string();
    let metadata = meta_mut(&mut marked);
    if begins {
        metadata.insert("deletionTimestamp".into(), now().into());
        if let Some(seconds) = strategy.deletion_grace_period() {
            metadata.insert("deletionGracePeriodSeconds".into(), seconds.into());
        }
        if resource.generation || metadata.contains_key("generation") {
            let generation = metadata.get("generation").and_then(Value::as_i64).unwrap_or(0);
            metadata.insert("generation".into(), generation.saturating_add(1).into());
        }
    }
    if let Some(finalizer) = options.propagation.finalizer() {
        let list = metadata.entry("finalizers").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut()
            && !list.iter().any(|f| f == finalizer)
        {
            list.push(finalizer.into());
        }
    }
    if begins {
        strategy.begin_deletion(&mut marked);
    }
    marked
}
