//! `GET`, `PUT` and `PATCH` of the scale subresource.

use std::sync::Arc;

use serde_json::Value;

use super::{Api, body, options, patch};
use crate::http::{self, Reply, Request};
use crate::kinds::RequestInfo;
use crate::registry::{Context, ScaleChange};
use crate::status::StatusError;

/// Shows or changes the scale of an object.
pub(super) async fn answer(api: &Arc<Api>, request: &Request, info: &RequestInfo) -> Result<Reply, StatusError> {
    let (shown, revision) = api.registry.scale(info)?;
    if request.method == "GET" {
        api.registry.durable(revision).await?;
        return Ok(http::value(200, &shown));
    }
    let put = request.method == "PUT";
    let options = options::write_options(request, if put { "UpdateOptions" } else { "PatchOptions" })?;
    let context = Context {
        info,
        user: &request.user,
        options: &options,
    };
    let change = if put {
        ScaleChange::Replace(replacement(request)?)
    } else {
        ScaleChange::Patch(patch::read(request)?.ok_or_else(patch::unsupported_media_type)?)
    };
    let (shown, revision) = api.registry.update_scale(&context, &change)?;
    api.registry.durable(revision).await?;
    Ok(http::value(200, &shown))
}

fn replacement(request: &Request) -> Result<Value, StatusError> {
    if request.content_type() == "application/yaml" {
        return body::yaml(&request.body).map_err(StatusError::bad_request);
    }
    serde_json::from_slice(&request.body)
        .map_err(|error| StatusError::bad_request(format!("error decoding the scale: {error}")))
}
