//! `PATCH` in its four forms.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::options::{FieldValidation, WriteOptions};
use super::{Place, body, negotiate, write};
use crate::access::grant;
use crate::apply::managers::{self, Actor};
use crate::apply::typed;
use crate::http::{Reply, Request};
use crate::patch::{bounds, merge, operations, strategic};
use crate::server::Inner;
use crate::status::{Cause, Failure};
use crate::text::meta;

/// A patch that is read.
pub(crate) enum Patch {
    Operations(Vec<operations::Operation>),
    Merge(Value),
    Strategic(Value),
}

impl Patch {
    /// What it makes of an object, with warnings.
    pub(crate) fn applied(
        &self,
        place: &Place,
        current: &Value,
        validation: FieldValidation,
    ) -> Result<(Value, Vec<String>), Failure> {
        let resource = &place.resource;
        let base = self.base(place, current);
        let patched = match self {
            Self::Operations(list) => operations::apply(list, base)?,
            Self::Merge(patch) => merge::apply(base, patch),
            Self::Strategic(patch) => strategic::apply(base, patch, resource.schema())?,
        };
        bounds::check(&patched)?;
        same_type(place, &patched, false)?;
        write::same_place(place, &patched)?;
        let shown = (validation == FieldValidation::Strict).then(|| patched.clone());
        let decoded = body::conform(resource, patched, validation).map_err(|failure| match &shown {
            Some(shown) => strict(failure, shown),
            None => failure,
        })?;
        Ok((decoded.object, decoded.warnings))
    }

    /// The object to be patched. Of a status patch only the status counts, and most say nothing else: they are spared a copy
    /// of the rest.
    fn base(&self, place: &Place, current: &Value) -> Value {
        const PARTS: [&str; 4] = ["kind", "apiVersion", "metadata", "status"];
        let resource = &place.resource;
        let partial = match self {
            Self::Merge(Value::Object(patch)) if place.subresource == "status" => {
                patch.keys().all(|name| PARTS.contains(&name.as_str()))
            }
            _ => false,
        };
        if !partial {
            return negotiate::full_value(resource, current);
        }
        let parts = current.as_object().into_iter().flatten();
        let parts = parts.filter(|(name, _)| PARTS.contains(&name.as_str()));
        let mut base: Map<String, Value> = parts.map(|(name, value)| (name.clone(), value.clone())).collect();
        base.insert("kind".into(), resource.kind.clone().into());
        base.insert("apiVersion".into(), resource.api_version().into());
        Value::Object(base)
    }
}

/// Changes an object by a patch.
pub(crate) async fn patch(server: &Arc<Inner>, request: &Request, place: &Place) -> Result<Reply, Failure> {
    let resource = &place.resource;
    let options = WriteOptions::read(request, "PatchOptions")?;
    let patch = match request.content_type() {
        "application/apply-patch+yaml" => return apply(server, request, place, &options).await,
        "application/json-patch+json" => Patch::Operations(operations::parse(&request.body)?),
        "application/merge-patch+json" => Patch::Merge(merge_body(&request.body)?),
        "application/strategic-merge-patch+json" if resource.is_core() => Patch::Strategic(merge_body(&request.body)?),
        _ => return Err(unsupported(place)),
    };
    if options.force.is_some() {
        let cause = Cause::forbidden("force", "may not be specified for non-apply patch");
        return Err(Failure::invalid("meta.k8s.io", "PatchOptions", "", &[cause]));
    }
    let actor = Actor::patch(&options.manager, resource, &place.subresource);
    let make = |current: &Value| {
        let patched = patch.applied(place, current, options.validation)?;
        grant::check(&server.store, &request.user, place, Some(current), &patched.0)?;
        Ok(patched)
    };
    let written = write::change(server, place, &options, &actor, &make).await?;
    negotiate::object_reply(request, place, 200, &written)
}

/// Server-side apply.
async fn apply(
    server: &Arc<Inner>,
    request: &Request,
    place: &Place,
    options: &WriteOptions,
) -> Result<Reply, Failure> {
    let resource = &place.resource;
    if !options.manager_given {
        let cause = Cause::required("fieldManager", "is required for apply patch");
        return Err(Failure::invalid("meta.k8s.io", "PatchOptions", "", &[cause]));
    }
    let wanted =
        body::yaml(&request.body).map_err(|error| Failure::bad_request(format!("error decoding YAML: {error}")))?;
    if !wanted.is_object() {
        return Err(Failure::bad_request("error decoding YAML: the patch is no object"));
    }
    bounds::check(&wanted)?;
    same_type(place, &wanted, true)?;
    write::same_place(place, &wanted)?;
    if wanted["metadata"]
        .get("managedFields")
        .is_some_and(|m| m.as_array().is_none_or(|l| !l.is_empty()))
    {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    typed::check(&wanted, resource.schema()).map_err(|why| {
        let kind = format!(
            "({}/{}; {}, Kind={})",
            place.namespace,
            place.name,
            resource.api_version(),
            resource.kind
        );
        Failure::new(500, "", format!("failed to create typed patch object {kind}: {why}"))
    })?;
    let wanted = body::conform(resource, wanted, FieldValidation::Ignore)?.object;
    let actor = Actor::apply(&options.manager, resource, &place.subresource);
    let force = options.force == Some(true);
    let make = |current: &Value| {
        let mut object = managers::apply(current, &wanted, resource, &actor, force)?;
        bounds::check(&object)?;
        if meta(&wanted, "resourceVersion").is_empty() {
            crate::text::meta_mut(&mut object).remove("resourceVersion");
        }
        let decoded = body::conform(resource, object, FieldValidation::Ignore)?;
        grant::check(&server.store, &request.user, place, Some(current), &decoded.object)?;
        Ok((decoded.object, Vec::new()))
    };
    let there = server
        .store
        .get(&resource.table, &resource.key(&place.namespace, &place.name))
        .is_some();
    let (code, written) = if there || !place.subresource.is_empty() {
        (200, write::change(server, place, options, &actor, &make).await?)
    } else {
        let object = managers::apply(&serde_json::json!({}), &wanted, resource, &actor, force)?;
        grant::check(&server.store, &request.user, place, None, &object)?;
        match write::insert(server, place, object, options, &actor).await {
            // Somebody was faster: apply to what is there now.
            Err(failure) if failure.reason == "AlreadyExists" => {
                (200, write::change(server, place, options, &actor, &make).await?)
            }
            inserted => (201, inserted?),
        }
    };
    negotiate::object_reply(request, place, code, &written)
}

/// A patched object that a strict client must not send is the patch's fault.
fn strict(failure: Failure, object: &Value) -> Failure {
    let Some((_, why)) = failure.message.split_once("strict decoding error") else {
        return failure;
    };
    let cause = Cause::invalid(
        "patch",
        &Value::from(object.to_string()),
        &format!("strict decoding error{why}"),
    );
    Failure::invalid("", "", "", &[cause])
}

fn merge_body(bytes: &[u8]) -> Result<Value, Failure> {
    let value = serde_json::from_slice::<Value>(bytes)
        .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
    if value.is_object() {
        return Ok(value);
    }
    Err(Failure::bad_request(
        "error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}",
    ))
}

/// `kind` and `apiVersion` do not change by a patch.
fn same_type(place: &Place, object: &Value, apply: bool) -> Result<(), Failure> {
    let resource = &place.resource;
    let api_version = resource.api_version();
    if object["apiVersion"] != api_version.as_str() && !resource.is_core() && !apply {
        let cause = Cause::invalid("apiVersion", &object["apiVersion"], &format!("must be {api_version}"));
        return Err(Failure::invalid(&resource.group, &resource.kind, &place.name, &[cause]));
    }
    if object["apiVersion"] != resource.api_version().as_str() {
        return Err(Failure::bad_request(format!(
            "the API version in the data ({}) does not match the expected API version ({})",
            object["apiVersion"].as_str().unwrap_or_default(),
            resource.api_version()
        )));
    }
    if object["kind"] == resource.kind.as_str() {
        return Ok(());
    }
    let kind = object["kind"].as_str().unwrap_or_default();
    if resource.is_core() || apply {
        return Err(Failure::bad_request(format!(
            "{kind} cannot be handled as a {}",
            resource.kind
        )));
    }
    let cause = Cause::invalid("kind", &Value::from(kind), &format!("must be {}", resource.kind));
    Err(Failure::invalid(&resource.group, kind, &place.name, &[cause]))
}

fn unsupported(place: &Place) -> Failure {
    if place.resource.is_core() {
        return Failure::new(415, "UnsupportedMediaType", "415: Unsupported Media Type")
            .with_details(serde_json::json!({}));
    }
    Failure::new(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, \
         application/merge-patch+json, application/apply-patch+yaml",
    )
}
