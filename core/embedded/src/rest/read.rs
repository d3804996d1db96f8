//! `GET` of one object and of collections.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use serde_json::{Value, json};

use super::negotiate::{self, Form};
use super::{Api, list_options, table};
use crate::http::{self, Reply, Request};
use crate::kinds::{RequestInfo, Resource};
use crate::registry::{Page, Selection};
use crate::status::StatusError;

/// `GET` of one object, or of its status.
pub(super) async fn get(api: &Arc<Api>, request: &Request, info: &RequestInfo) -> Result<Reply, StatusError> {
    if let Some(version) = request.query_text("resourceVersion") {
        api.registry
            .check_not_from_the_future(list_options::revision(version)?)?;
    }
    let object = api.registry.get(info)?;
    let body = negotiate::body(request, &info.resource, &object)?;
    api.registry.durable(object.revision).await?;
    Ok(http::json_for(request, 200, body))
}

/// `GET` of a collection, page by page.
pub(super) async fn list(api: &Arc<Api>, request: &Request, info: &RequestInfo) -> Result<Reply, StatusError> {
    let resource = &info.resource;
    let form = negotiate::form(request, true)?;
    let page = page(api, request, info)?;
    api.registry.durable(page.revision).await?;
    let body = match form {
        Form::Object => list_bytes(resource, &page),
        Form::Table => {
            let mut table = table::many(request, resource, &page.objects)?;
            table["metadata"] = page.metadata(resource).into();
            table.to_string().into()
        }
        Form::Metadata => {
            let items = page.objects.iter().map(|o| negotiate::partial(&o.value));
            let list = json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                "metadata": page.metadata(resource), "items": items.collect::<Vec<_>>(),
            });
            list.to_string().into()
        }
    };
    Ok(http::json_for(request, 200, body))
}

/// The page that a request on a collection asks for.
pub(super) fn page(api: &Api, request: &Request, info: &RequestInfo) -> Result<Page, StatusError> {
    let selection = selection(request, &info.resource)?;
    let options = list_options::read(request)?;
    api.registry.list(info, &selection, &options)
}

/// Both selectors of a request.
pub(super) fn selection(request: &Request, resource: &Resource) -> Result<Selection, StatusError> {
    let selector = |name: &str| request.query_text(name).unwrap_or("");
    Selection::parse(selector("labelSelector"), selector("fieldSelector"), resource)
}

/// A page as a list with whole objects.
pub(super) fn list_bytes(resource: &Resource, page: &Page) -> Bytes {
    let size = page.objects.iter().map(|o| o.bytes.len() + 96).sum::<usize>();
    let mut out = BytesMut::with_capacity(size + 256);
    out.put_slice(
        format!(
            "{{\"kind\":\"{}\",\"apiVersion\":\"{}\",\"metadata\":{},\"items\":[",
            resource.list_kind,
            resource.api_version(),
            Value::Object(page.metadata(resource))
        )
        .as_bytes(),
    );
    for (index, object) in page.objects.iter().enumerate() {
        if index > 0 {
            out.put_u8(b',');
        }
        if resource.is_built_in() {
            out.put_slice(&object.bytes);
        } else {
            out.put_slice(&negotiate::full_bytes(resource, object));
        }
    }
    out.put_slice(b"]}");
    out.freeze()
}
