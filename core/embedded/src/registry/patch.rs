//! Patches: JSON patch, merge patch, strategic merge patch and server-side apply.

use serde_json::{Map, Value};

use super::update::check_names;
use super::{Context, FieldValidation, Registry, Written, decode};
use crate::access::grant;
use crate::apply::managers::{self, Actor};
use crate::apply::typed;
use crate::kinds::{RequestInfo, Resource};
use crate::limits;
use crate::patch::{merge, operations, strategic};
use crate::status::{Cause, StatusError};
use crate::text::{meta, meta_mut};

/// A patch that is not an apply.
pub(crate) enum Patch {
    Operations(Vec<operations::Operation>),
    Merge(Value),
    Strategic(Value),
}

impl Registry {
    /// Changes an object by a patch.
    pub(crate) fn patch(&self, context: &Context<'_>, patch: &Patch) -> Result<Written, StatusError> {
        let Context { info, user, options } = *context;
        let actor = Actor::patch(&options.manager, &info.resource, &info.subresource);
        let change = |current: &Value| {
            let patched = patch.applied(info, current, options.validation)?;
            grant::check(&self.store, user, info, Some(current), &patched.0)?;
            Ok(patched)
        };
        self.change(context, &actor, &change)
    }

    /// Server-side apply: changes an object to what its applier wants, or creates it.
    pub(crate) fn apply(&self, context: &Context<'_>, wanted: Value) -> Result<Written, StatusError> {
        let Context { info, user, options } = *context;
        let resource = &info.resource;
        check_applied(info, &wanted)?;
        let wanted = decode(resource, wanted, FieldValidation::Ignore)?.object;
        let actor = Actor::apply(&options.manager, resource, &info.subresource);
        let force = options.force == Some(true);
        let change = |current: &Value| {
            let mut object = managers::apply(current, &wanted, resource, &actor, force)?;
            limits::check(&object)?;
            if meta(&wanted, "resourceVersion").is_empty() {
                meta_mut(&mut object).remove("resourceVersion");
            }
            let object = decode(resource, object, FieldValidation::Ignore)?.object;
            grant::check(&self.store, user, info, Some(current), &object)?;
            Ok((object, Vec::new()))
        };
        if self.find(info).is_some() || !info.subresource.is_empty() {
            return self.change(context, &actor, &change);
        }
        let object = managers::apply(&Value::Object(Map::new()), &wanted, resource, &actor, force)?;
        grant::check(&self.store, user, info, None, &object)?;
        match self.insert(context, object, &actor) {
            // Somebody was faster: apply to the object that is there now.
            Err(failure) if failure.reason == "AlreadyExists" => self.change(context, &actor, &change),
            inserted => inserted,
        }
    }
}

impl Patch {
    /// What it makes of an object, with warnings.
    fn applied(
        &self,
        info: &RequestInfo,
        current: &Value,
        validation: FieldValidation,
    ) -> Result<(Value, Vec<String>), StatusError> {
        let resource = &info.resource;
        let base = self.base(info, current);
        let patched = match self {
            Self::Operations(list) => operations::apply(list, base)?,
            Self::Merge(patch) => merge::apply(base, patch),
            Self::Strategic(patch) => strategic::apply(base, patch, resource.schema())?,
        };
        limits::check(&patched)?;
        check_patched_type(info, &patched)?;
        check_names(info, &patched)?;
        let shown = (validation == FieldValidation::Strict).then(|| patched.clone());
        let decoded = decode(resource, patched, validation).map_err(|failure| match &shown {
            Some(shown) => fault_of_the_patch(failure, shown),
            None => failure,
        })?;
        Ok((decoded.object, decoded.warnings))
    }

    /// The object to be patched. Of a status patch only the status counts, and most name nothing else: those are spared a copy
    /// of the rest.
    fn base(&self, info: &RequestInfo, current: &Value) -> Value {
        const PARTS: [&str; 4] = ["kind", "apiVersion", "metadata", "status"];
        let partial = match self {
            Self::Merge(Value::Object(patch)) if info.subresource == "status" => {
                patch.keys().all(|name| PARTS.contains(&name.as_str()))
            }
            _ => false,
        };
        if !partial {
            return info.resource.with_type(current);
        }
        let parts = current.as_object().into_iter().flatten();
        let parts = parts.filter(|(name, _)| PARTS.contains(&name.as_str()));
        let mut base: Map<String, Value> = parts.map(|(name, value)| (name.clone(), value.clone())).collect();
        info.resource.insert_type(&mut base);
        Value::Object(base)
    }
}

/// Refuses a configuration that cannot be applied.
fn check_applied(info: &RequestInfo, wanted: &Value) -> Result<(), StatusError> {
    let resource = &info.resource;
    if !wanted.is_object() {
        return Err(StatusError::bad_request("error decoding YAML: the patch is no object"));
    }
    limits::check(wanted)?;
    check_api_version(resource, wanted)?;
    check_kind(resource, wanted)?;
    check_names(info, wanted)?;
    let managers = wanted["metadata"].get("managedFields");
    if managers.is_some_and(|m| m.as_array().is_none_or(|l| !l.is_empty())) {
        return Err(StatusError::bad_request("metadata.managedFields must be nil"));
    }
    typed::check(wanted, resource.schema()).map_err(|why| {
        let kind = format!(
            "({}/{}; {}, Kind={})",
            info.namespace,
            info.name,
            resource.api_version(),
            resource.kind
        );
        StatusError::new(500, "", format!("failed to create typed patch object {kind}: {why}"))
    })
}

/// A patched object that a strict client must not send is the patch's fault.
fn fault_of_the_patch(failure: StatusError, object: &Value) -> StatusError {
    let Some((_, why)) = failure.message.split_once("strict decoding error") else {
        return failure;
    };
    let cause = Cause::invalid(
        "patch",
        &Value::from(object.to_string()),
        &format!("strict decoding error{why}"),
    );
    StatusError::invalid("", "", "", &[cause])
}

/// A patch changes neither `kind` nor `apiVersion`.
fn check_patched_type(info: &RequestInfo, object: &Value) -> Result<(), StatusError> {
    let resource = &info.resource;
    if resource.is_built_in() {
        check_api_version(resource, object)?;
        return check_kind(resource, object);
    }
    let api_version = resource.api_version();
    if object["apiVersion"] != api_version.as_str() {
        let cause = Cause::invalid("apiVersion", &object["apiVersion"], &format!("must be {api_version}"));
        return Err(StatusError::invalid(
            &resource.group,
            &resource.kind,
            &info.name,
            &[cause],
        ));
    }
    if object["kind"] != resource.kind.as_str() {
        let kind = given(object, "kind");
        let cause = Cause::invalid("kind", &Value::from(kind), &format!("must be {}", resource.kind));
        return Err(StatusError::invalid(&resource.group, kind, &info.name, &[cause]));
    }
    Ok(())
}

fn check_api_version(resource: &Resource, object: &Value) -> Result<(), StatusError> {
    let expected = resource.api_version();
    if object["apiVersion"] == expected.as_str() {
        return Ok(());
    }
    Err(StatusError::bad_request(format!(
        "the API version in the data ({}) does not match the expected API version ({expected})",
        given(object, "apiVersion")
    )))
}

fn check_kind(resource: &Resource, object: &Value) -> Result<(), StatusError> {
    if object["kind"] == resource.kind.as_str() {
        return Ok(());
    }
    Err(StatusError::bad_request(format!(
        "{} cannot be handled as a {}",
        given(object, "kind"),
        resource.kind
    )))
}

/// A text member as failures show it: empty where it is absent or no text.
fn given<'a>(object: &'a Value, member: &str) -> &'a str {
    object[member].as_str().unwrap_or("")
}
