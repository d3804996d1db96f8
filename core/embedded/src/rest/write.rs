//! `POST` and `PUT`.

use std::sync::Arc;

use super::{Api, body, negotiate, options};
use crate::http::{Reply, Request};
use crate::kinds::RequestInfo;
use crate::registry::Context;
use crate::status::StatusError;

/// `POST` of a new object.
pub(super) async fn create(api: &Arc<Api>, request: &Request, info: &RequestInfo) -> Result<Reply, StatusError> {
    if info.resource.namespaced && info.namespace.is_empty() {
        // Built-in resources are there in all namespaces, only not for this method; custom ones are not.
        return Err(if info.resource.is_built_in() {
            StatusError::method_not_allowed()
        } else {
            StatusError::no_page()
        });
    }
    let options = options::write_options(request, "CreateOptions")?;
    let decoded = body::object(request, &info.resource, options.validation)?;
    let context = Context {
        info,
        user: &request.user,
        options: &options,
    };
    let written = api.registry.create(&context, decoded)?;
    negotiate::written(api, request, info, &written).await
}

/// `PUT` of an object, its status or its finalizers.
pub(super) async fn update(api: &Arc<Api>, request: &Request, info: &RequestInfo) -> Result<Reply, StatusError> {
    let options = options::write_options(request, "UpdateOptions")?;
    let decoded = body::object(request, &info.resource, options.validation)?;
    let context = Context {
        info,
        user: &request.user,
        options: &options,
    };
    let written = api.registry.update(&context, decoded)?;
    negotiate::written(api, request, info, &written).await
}
