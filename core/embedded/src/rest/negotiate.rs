//! What the client wants to see: the object, a table row, or metadata only.

use bytes::{BufMut as _, Bytes, BytesMut};
use serde_json::{Value, json};

use super::Place;
use super::table;
use super::write::Written;
use crate::http::{self, Reply, Request};
use crate::kinds::Resource;
use crate::status::Failure;
use crate::store::Object;

/// The form of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Object,
    Table,
    /// `PartialObjectMetadata` or its list.
    Metadata,
}

/// Reads `Accept`.
pub(crate) fn form(request: &Request, list: bool) -> Result<Form, Failure> {
    let accept = request.header("accept");
    if accept.trim().is_empty() {
        return Ok(Form::Object);
    }
    for clause in accept.split(',') {
        let mut parts = clause.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
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
    Err(Failure::new(
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json, application/yaml",
    ))
}

/// An object with its `kind` and `apiVersion` in front.
pub(crate) fn full_bytes(resource: &Resource, object: &Object) -> Bytes {
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

/// An object with its `kind` and `apiVersion`.
pub(crate) fn full_value(resource: &Resource, object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.insert("kind".into(), resource.kind.clone().into());
        map.insert("apiVersion".into(), resource.api_version().into());
    }
    object
}

/// `PartialObjectMetadata` of an object.
pub(crate) fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// The reply to a request about one object.
pub(crate) fn object_reply(request: &Request, place: &Place, code: u16, written: &Written) -> Result<Reply, Failure> {
    let resource = &place.resource;
    let object = &written.object;
    let body = match form(request, false)? {
        Form::Object => full_bytes(resource, object),
        Form::Table => table::one(request, resource, object)?.to_string().into(),
        Form::Metadata => partial(&object.value).to_string().into(),
    };
    let mut reply = http::json_for(request, code, body);
    http::warn(&mut reply, &written.warnings);
    Ok(reply)
}
