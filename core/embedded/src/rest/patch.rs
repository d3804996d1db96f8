//! `PATCH` in its four forms.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::StatusDetails;
use serde_json::Value;

use super::{Api, body, negotiate, options};
use crate::http::{Reply, Request};
use crate::kinds::{RequestInfo, Resource};
use crate::patch::operations;
use crate::registry::{Context, Patch, WriteOptions};
use crate::status::{Cause, StatusError};

/// The media type of server-side apply.
const APPLY: &str = "application/apply-patch+yaml";
/// The media type of strategic merge patches.
const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// `PATCH` of an object or its status.
pub(super) async fn patch(api: &Arc<Api>, request: &Request, info: &RequestInfo) -> Result<Reply, StatusError> {
    let options = options::write_options(request, "PatchOptions")?;
    let context = Context {
        info,
        user: &request.user,
        options: &options,
    };
    let written = if request.content_type() == APPLY {
        let wanted = applied(request, &options)?;
        api.registry.apply(&context, wanted)?
    } else {
        // Strategic merge patches follow the Go types of built-in kinds, which custom resources have not.
        let readable = request.content_type() != STRATEGIC || info.resource.is_built_in();
        let patch = if readable { read(request)? } else { None };
        let patch = patch.ok_or_else(|| unsupported(&info.resource))?;
        if options.force.is_some() {
            let cause = Cause::forbidden("force", "may not be specified for non-apply patch");
            return Err(StatusError::invalid("meta.k8s.io", "PatchOptions", "", &[cause]));
        }
        api.registry.patch(&context, &patch)?
    };
    negotiate::written(api, request, info, &written).await
}

/// The patch of a request; nothing if its media type is that of none.
pub(super) fn read(request: &Request) -> Result<Option<Patch>, StatusError> {
    Ok(Some(match request.content_type() {
        "application/json-patch+json" => Patch::Operations(operations::parse(&request.body)?),
        "application/merge-patch+json" => Patch::Merge(merge_body(&request.body)?),
        STRATEGIC => Patch::Strategic(merge_body(&request.body)?),
        _ => return Ok(None),
    }))
}

fn merge_body(bytes: &[u8]) -> Result<Value, StatusError> {
    let value = serde_json::from_slice::<Value>(bytes)
        .map_err(|error| StatusError::bad_request(format!("error decoding patch: {error}")))?;
    if value.is_object() {
        return Ok(value);
    }
    Err(StatusError::bad_request(
        "error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}",
    ))
}

/// The configuration that is applied.
fn applied(request: &Request, options: &WriteOptions) -> Result<Value, StatusError> {
    if !options.manager_given {
        let cause = Cause::required("fieldManager", "is required for apply patch");
        return Err(StatusError::invalid("meta.k8s.io", "PatchOptions", "", &[cause]));
    }
    body::yaml(&request.body).map_err(|error| StatusError::bad_request(format!("error decoding YAML: {error}")))
}

/// The refusal of a patch in a form that the server does not know.
pub(super) fn unsupported_media_type() -> StatusError {
    StatusError::new(415, "UnsupportedMediaType", "415: Unsupported Media Type").with_details(StatusDetails::default())
}

/// The same for the objects of a resource; the real server names the forms that custom resources take.
fn unsupported(resource: &Resource) -> StatusError {
    if resource.is_built_in() {
        return unsupported_media_type();
    }
    StatusError::new(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, \
         application/merge-patch+json, application/apply-patch+yaml",
    )
}
