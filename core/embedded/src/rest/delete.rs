//! `DELETE` of one object and of collections.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusDetails};

use super::{Api, negotiate, options, read};
use crate::http::{self, Reply, Request};
use crate::kinds::RequestInfo;
use crate::status::StatusError;
use crate::text::meta;

/// `DELETE` of one object. The answer is the object, or a `Status` that names it.
pub(super) async fn one(api: &Arc<Api>, request: &Request, info: &RequestInfo) -> Result<Reply, StatusError> {
    let options = options::delete_options(request)?;
    let deleted = api.registry.delete(info, &request.user, &options)?;
    api.registry.durable(deleted.revision).await?;
    let resource = &info.resource;
    if deleted.returned {
        return Ok(http::json(200, negotiate::full_bytes(resource, &deleted.object)));
    }
    let status = Status {
        status: Some("Success".to_owned()),
        details: Some(StatusDetails {
            name: Some(info.name.clone()),
            group: (!resource.group.is_empty()).then(|| resource.group.clone()),
            kind: Some(resource.plural.clone()),
            uid: Some(meta(&deleted.object.value, "uid").to_owned()),
            ..StatusDetails::default()
        }),
        ..Status::default()
    };
    Ok(http::value(200, &status))
}

/// `DELETE` of a collection. The answer is the list as it was.
pub(super) async fn collection(api: &Arc<Api>, request: &Request, info: &RequestInfo) -> Result<Reply, StatusError> {
    let resource = &info.resource;
    if !resource.verbs().contains(&"deletecollection") {
        return Err(StatusError::method_not_allowed());
    }
    let options = options::delete_options(request)?;
    let page = read::page(api, request, info)?;
    let revision = api.registry.delete_collection(info, &page, &request.user, &options)?;
    api.registry.durable(revision).await?;
    Ok(http::json_for(request, 200, read::list_bytes(resource, &page)))
}
