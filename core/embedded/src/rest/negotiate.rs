//! What the client wants to see: the object, a table row, or metadata only.

use bytes::{BufMut as _, Bytes, BytesMut};
use serde_json::{Value, json};

use super::{Api, table};
use crate::http::{self, Reply, Request};
use crate::kinds::{RequestInfo, Resource};
use crate::registry::Written;
use crate::status::StatusError;
use crate::store::Object;

/// The form of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Object,
    Table,
    /// Only the metadata: `PartialObjectMetadata`, or a list of those.
    Metadata,
}

/// The form that the header `Accept` asks for.
pub(super) fn form(request: &Request, list: bool) -> Result<Form, StatusError> {
    let accept = request.header("accept");
    if accept.trim().is_empty() {
        return Ok(Form::Object);
    }
    for clause in accept.split(',') {
        let media = clause.split_once(';').map_or(clause, |(media, _)| media).trim();
        if !matches!(media, "application/json" | "*/*" | "application/yaml") {
            continue;
        }
        let parameter = |name: &str| {
            clause
                .split(';')
                .skip(1)
                .filter_map(|p| p.trim().split_once('='))
                .find(|(n, _)| *n == name)
                .map(|(_, v)| v)
        };
        let meta_v1 = parameter("g") == Some("meta.k8s.io") && matches!(parameter("v"), Some("v1" | "v1beta1"));
        match parameter("as") {
            None => return Ok(Form::Object),
            Some("Table") if meta_v1 => return Ok(Form::Table),
            Some("PartialObjectMetadata") if meta_v1 && !list => return Ok(Form::Metadata),
            Some("PartialObjectMetadataList") if meta_v1 && list => return Ok(Form::Metadata),
            Some(_) => {}
        }
    }
    Err(StatusError::new(
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json, application/yaml",
    ))
}

/// An object with its `kind` and `apiVersion` in front.
pub(super) fn full_bytes(resource: &Resource, object: &Object) -> Bytes {
    let head = format!(
        "{{\"kind\":\"{}\",\"apiVersion\":\"{}\"",
        resource.kind,
        resource.api_version()
    );
    let rest = &object.bytes[1..];
    let mut out = BytesMut::with_capacity(head.len() + rest.len() + 1);
    out.put_slice(head.as_bytes());
    if rest.first() != Some(&b'}') {
        out.put_u8(b',');
    }
    out.put_slice(rest);
    out.freeze()
}

/// The metadata of an object as `PartialObjectMetadata`.
pub(super) fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// An object in the form that a client wants to see.
pub(super) fn body(request: &Request, resource: &Resource, object: &Object) -> Result<Bytes, StatusError> {
    Ok(match form(request, false)? {
        Form::Object => full_bytes(resource, object),
        Form::Table => table::one(request, resource, object)?.to_string().into(),
        Form::Metadata => partial(&object.value).to_string().into(),
    })
}

/// The reply to a write, as soon as that is on disk.
pub(super) async fn written(
    api: &Api,
    request: &Request,
    info: &RequestInfo,
    written: &Written,
) -> Result<Reply, StatusError> {
    api.registry.durable(written.revision).await?;
    let body = body(request, &info.resource, &written.object)?;
    let code = if written.created { 201 } else { 200 };
    let mut reply = http::json_for(request, code, body);
    http::warn(&mut reply, &written.warnings);
    Ok(reply)
}
