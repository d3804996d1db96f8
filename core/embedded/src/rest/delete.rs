//! `DELETE` of one object and of collections.

use std::sync::Arc;

use serde_json::json;

use super::{Api, negotiate, options, read};
use crate::http::{self, Reply, Request};
use crate::kinds::RequestInfo;
use crate::status::Failure;
use crate::text::meta;

/// `DELETE` of one object. The answer is the object, or a `Status` that names it.
pub(super) async fn one(api: &Arc<Api>, request: &Request, info: &RequestInfo) -> Result<Reply, Failure> {
    let options = options::delete_options(request)?;
    let deleted = api.registry.delete(info, &options)?;
    api.registry.durable(deleted.revision).await?;
    let resource = &info.resource;
    if deleted.returned {
        return Ok(http::json(200, negotiate::full_bytes(resource, &deleted.object)));
    }
    let uid = meta(&deleted.object.value, "uid");
    let mut details = json!({"name": info.name, "kind": resource.plural, "uid": uid});
    if !resource.group.is_empty() {
        details["group"] = resource.group.clone().into();
    }
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
    });
    Ok(http::value(200, &status))
}

/// `DELETE` of a collection. The answer is the list as it was.
pub(super) async fn collection(api: &Arc<Api>, request: &Request, info: &RequestInfo) -> Result<Reply, Failure> {
    let resource = &info.resource;
    if !resource.verbs().contains(&"deletecollection") {
        return Err(Failure::method_not_allowed());
    }
    let options = options::delete_options(request)?;
    let page = read::page(api, request, info)?;
    let revision = api.registry.delete_collection(info, &page, &options)?;
    api.registry.durable(revision).await?;
    Ok(http::json_for(request, 200, read::list_bytes(resource, &page)))
}
