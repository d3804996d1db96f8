//! Creation of objects.

use serde_json::Value;

use super::{Context, Decoded, Registry, Written, refused, strategy, with_warnings};
use crate::access::grant;
use crate::admit;
use crate::apply::managers::{self, Actor};
use crate::kinds::Resource;
use crate::status::StatusError;
use crate::store::Expect;
use crate::text::{meta, meta_mut, now};

/// Characters of a generated name before its random suffix.
const GENERATED_BASE: usize = 58;

impl Registry {
    /// Creates an object on behalf of a user.
    pub(crate) fn create(&self, context: &Context<'_>, decoded: Decoded) -> Result<Written, StatusError> {
        let Decoded { object, warnings } = decoded;
        if !meta(&object, "resourceVersion").is_empty() {
            return Err(StatusError::new(
                500,
                "",
                "resourceVersion should not be set on objects to be created",
            ));
        }
        grant::check(&self.store, context.user, context.info, None, &object)?;
        let actor = Actor::update(&context.options.manager, &context.info.resource, "");
        with_warnings(self.insert(context, object, &actor), warnings)
    }

    /// Takes a new object through all steps into the store.
    pub(super) fn insert(
        &self,
        context: &Context<'_>,
        mut object: Value,
        actor: &Actor<'_>,
    ) -> Result<Written, StatusError> {
        let resource = &context.info.resource;
        place_in_namespace(context, &mut object)?;
        generate_name(&mut object);
        let name = meta(&object, "name").to_owned();
        self.admit_into_namespace(context.info, &name)?;
        prepare_for_create(resource, &mut object)?;
        let mut warnings = admit::metadata::warnings(resource, None, &object);
        strategy::validate(resource, None, &object, "")?;
        managers::track_update(None, &mut object, resource, actor);
        let mut admitted = self.admit(resource, context.user, (None, Some(&object)))?;
        warnings.append(&mut admitted.warnings);
        let key = resource.key(&context.info.namespace, &name);
        let exists = || StatusError::already_exists(&resource.group_resource(), &name);
        if context.options.dry_run {
            if self.store.get(&resource.table, &key).is_some() {
                return Err(exists());
            }
            meta_mut(&mut object).remove("resourceVersion");
            return Ok(Written {
                object: self.would_store(resource, &key, object)?,
                warnings,
                created: true,
                revision: 0,
            });
        }
        let stored = self.store.commit(&resource.table, &key, Expect::Absent, Some(object));
        drop(admitted);
        let object = stored.map_err(|clash| refused(clash, exists))?;
        self.after_write(resource, &key);
        Ok(Written {
            revision: object.revision,
            object,
            warnings,
            created: true,
        })
    }
}

/// An object belongs to the namespace of the request, whether it says so or not.
fn place_in_namespace(context: &Context<'_>, object: &mut Value) -> Result<(), StatusError> {
    let namespace = &context.info.namespace;
    if !context.info.resource.namespaced {
        meta_mut(object).remove("namespace");
        return Ok(());
    }
    let given = meta(object, "namespace");
    if !given.is_empty() && given != namespace {
        return Err(StatusError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    meta_mut(object).insert("namespace".into(), namespace.clone().into());
    Ok(())
}

/// Makes a name where the object asks for one.
fn generate_name(object: &mut Value) {
    let generate = meta(object, "generateName");
    if generate.is_empty() || !meta(object, "name").is_empty() {
        return;
    }
    let base = generate.chars().take(GENERATED_BASE).collect::<String>();
    meta_mut(object).insert("name".into(), format!("{base}{}", suffix()).into());
}

/// Five characters without vowels, so that they spell nothing.
fn suffix() -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    uuid::Uuid::new_v4().as_bytes()[..5]
        .iter()
        .map(|b| char::from(ALPHABET[usize::from(*b) % ALPHABET.len()]))
        .collect()
}

/// Sets what the server sets on new objects.
fn prepare_for_create(resource: &Resource, object: &mut Value) -> Result<(), StatusError> {
    let strategy = strategy::of(resource);
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
    if resource.status
        && !strategy.keeps_status_on_create()
        && let Some(members) = object.as_object_mut()
    {
        members.remove("status");
    }
    Ok(strategy.set_defaults(resource, object)?)
}
