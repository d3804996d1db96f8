//! Get and list.

use std::sync::Arc;

use base64::Engine as _;
use bytes::{BufMut as _, Bytes, BytesMut};
use serde_json::{Map, Value, json};

use super::negotiate::{self, Form};
use super::{Place, table};
use crate::http::{self, Reply, Request};
use crate::kinds::Resource;
use crate::select::{Fields, Labels};
use crate::server::Inner;
use crate::status::{Cause, Failure};
use crate::store::{Object, Snapshot, TooOld};

/// Both selectors of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    pub(crate) labels: Labels,
    pub(crate) fields: Fields,
}

impl Selection {
    pub(crate) fn read(request: &Request, resource: &Resource) -> Result<Self, Failure> {
        let labels = Labels::parse(request.query("labelSelector").unwrap_or_default())
            .map_err(|why| Failure::bad_request(format!("unable to parse requirement: {why}")))?;
        let fields = Fields::parse(request.query("fieldSelector").unwrap_or_default()).map_err(Failure::bad_request)?;
        for path in fields.paths() {
            if !selectable(resource, path) {
                let why = if resource.is_core() {
                    format!("{path:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
                } else {
                    format!("field label not supported: {path}")
                };
                let message = if resource.is_core() && known_fields(resource).is_empty() {
                    why
                } else {
                    format!("field label not supported: {path}")
                };
                return Err(Failure::bad_request(message));
            }
        }
        Ok(Self { labels, fields })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.labels.matches(object) && self.fields.matches(object)
    }
}

/// Fields of built-in kinds that may be selected by, beside name and namespace.
fn known_fields(resource: &Resource) -> &'static [&'static str] {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "events") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("", "pods") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        ("", "secrets") => &["type"],
        ("", "nodes") => &["spec.unschedulable"],
        ("", "namespaces") => &["status.phase"],
        ("", "services") => &["spec.clusterIP", "spec.type"],
        ("", "replicationcontrollers") | ("apps", "replicasets") => &["status.replicas"],
        ("batch", "jobs") => &["status.successful"],
        _ => &[],
    }
}

fn selectable(resource: &Resource, path: &str) -> bool {
    path == "metadata.name"
        || (path == "metadata.namespace" && (resource.namespaced || resource.is_core()))
        || known_fields(resource).contains(&path)
        || resource
            .custom
            .as_ref()
            .is_some_and(|c| c.selectable.iter().any(|s| s == path))
}

/// `GET` of one object.
pub(crate) async fn get(server: &Arc<Inner>, request: &Request, place: &Place) -> Result<Reply, Failure> {
    let resource = &place.resource;
    if let Some(version) = request.query_text("resourceVersion") {
        let version = number(version, "resourceVersion")?;
        not_from_the_future(server, version)?;
    }
    let object = server
        .store
        .get(&resource.table, &resource.key(&place.namespace, &place.name))
        .ok_or_else(|| Failure::not_found(&resource.target(), &place.name))?;
    let form = negotiate::form(request, false)?;
    server.settled(object.revision).await?;
    let body = match form {
        Form::Object => negotiate::full_bytes(resource, &object),
        Form::Table => table::one(request, resource, &object)?.to_string().into(),
        Form::Metadata => negotiate::partial(&object.value).to_string().into(),
    };
    Ok(http::json_for(request, 200, body))
}

/// `GET` of a collection.
pub(crate) async fn list(server: &Arc<Inner>, request: &Request, place: &Place) -> Result<Reply, Failure> {
    let resource = &place.resource;
    let form = negotiate::form(request, true)?;
    let selection = Selection::read(request, resource)?;
    let page = page(server, request, place, &selection)?;
    server.settled(page.revision).await?;
    let body = match form {
        Form::Object => list_bytes(resource, &page),
        Form::Table => {
            let mut table = table::many(request, resource, &page.objects)?;
            table["metadata"] = page.metadata().into();
            table.to_string().into()
        }
        Form::Metadata => {
            let items = page
                .objects
                .iter()
                .map(|o| negotiate::partial(&o.value))
                .collect::<Vec<_>>();
            let list = json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": page.metadata(),
                "items": items,
            });
            list.to_string().into()
        }
    };
    Ok(http::json_for(request, 200, body))
}

/// The key range of a place.
pub(crate) fn prefix(place: &Place) -> String {
    if place.resource.namespaced && !place.namespace.is_empty() {
        format!("{}/", place.namespace)
    } else {
        String::new()
    }
}

/// One page of a list.
pub(crate) struct Page {
    pub(crate) revision: u64,
    pub(crate) objects: Vec<Arc<Object>>,
    next: Option<String>,
    remaining: Option<usize>,
    custom: bool,
}

impl Page {
    fn metadata(&self) -> Map<String, Value> {
        let mut metadata = Map::new();
        metadata.insert("resourceVersion".into(), self.revision.to_string().into());
        match &self.next {
            Some(next) => {
                metadata.insert("continue".into(), next.clone().into());
            }
            None if self.custom => {
                metadata.insert("continue".into(), "".into());
            }
            None => {}
        }
        if let Some(remaining) = self.remaining {
            metadata.insert("remainingItemCount".into(), remaining.into());
        }
        metadata
    }
}

pub(crate) fn list_bytes(resource: &Resource, page: &Page) -> Bytes {
    let size = page.objects.iter().map(|o| o.bytes.len() + 96).sum::<usize>();
    let mut out = BytesMut::with_capacity(size + 256);
    out.put_slice(
        format!(
            "{{\"kind\":\"{}\",\"apiVersion\":\"{}\",\"metadata\":{},\"items\":[",
            resource.list_kind,
            resource.api_version(),
            Value::Object(page.metadata())
        )
        .as_bytes(),
    );
    for (index, object) in page.objects.iter().enumerate() {
        if index > 0 {
            out.put_u8(b',');
        }
        if resource.is_core() {
            out.put_slice(&object.bytes);
        } else {
            out.put_slice(&negotiate::full_bytes(resource, object));
        }
    }
    out.put_slice(b"]}");
    out.freeze()
}

/// Selects and cuts the objects of a list request.
pub(crate) fn page(server: &Inner, request: &Request, place: &Place, selection: &Selection) -> Result<Page, Failure> {
    let resource = &place.resource;
    let limit = match request.query_text("limit") {
        None => 0,
        Some(text) => text.parse::<i64>().map_err(|_| {
            Failure::bad_request(format!(
                "limit: Invalid value: {text:?}: strconv.ParseInt: parsing {text:?}: invalid syntax"
            ))
        })?,
    };
    let limit = usize::try_from(limit).unwrap_or(0);
    let token = request.query_text("continue").map(Continue::decode).transpose()?;
    let snapshot = snapshot(server, request, place, token.as_ref())?;
    let after = token.map(|t| t.after).unwrap_or_default();
    let revision = snapshot.revision;
    let mut objects = Vec::new();
    let mut next = None;
    let mut remaining = None;
    let mut rest = snapshot
        .objects
        .into_iter()
        .filter(|(key, _)| after.is_empty() || **key > *after);
    let mut last = String::new();
    while let Some((key, object)) = rest.next() {
        if !selection.is_empty() && !selection.matches(&object.value) {
            continue;
        }
        if limit > 0 && objects.len() == limit {
            next = Some(Continue { revision, after: last }.encode());
            remaining = selection.is_empty().then(|| rest.count() + 1);
            break;
        }
        key.as_ref().clone_into(&mut last);
        objects.push(object);
    }
    Ok(Page {
        revision,
        objects,
        next,
        remaining,
        custom: !resource.is_core(),
    })
}

fn snapshot(server: &Inner, request: &Request, place: &Place, token: Option<&Continue>) -> Result<Snapshot, Failure> {
    let table = &place.resource.table;
    let prefix = prefix(place);
    let version = request.query_text("resourceVersion");
    let matching = request.query_text("resourceVersionMatch");
    check_match(version, matching, token.is_some())?;
    if request.query_text("sendInitialEvents").is_some() {
        let why = "sendInitialEvents is forbidden for list";
        let cause = Cause::forbidden("sendInitialEvents", why);
        return Err(Failure::invalid("meta.k8s.io", "ListOptions", "", &[cause]));
    }
    if let Some(token) = token {
        if token.revision > server.store.revision() {
            return Err(invalid_token());
        }
        return server
            .store
            .list_at(table, &prefix, token.revision)
            .map_err(|e| expired(&e));
    }
    let Some(version) = version else {
        return Ok(server.store.list(table, &prefix));
    };
    let version = number(version, "resourceVersion")
        .map_err(|failure| Failure::bad_request(format!("invalid resource version: {}", failure.message)))?;
    not_from_the_future(server, version)?;
    // A limit with a version is an exact read for the real server as well, unless the version is 0.
    let exact = matching == Some("Exact")
        || (matching.is_none() && version > 0 && request.query_text("limit").is_some_and(|l| l != "0"));
    if exact {
        return server.store.list_at(table, &prefix, version).map_err(|e| expired(&e));
    }
    Ok(server.store.list(table, &prefix))
}

fn check_match(version: Option<&str>, matching: Option<&str>, continued: bool) -> Result<(), Failure> {
    let invalid = |cause: Cause| Err(Failure::invalid("meta.k8s.io", "ListOptions", "", &[cause]));
    if continued && version.is_some_and(|v| v != "0") {
        return Err(Failure::bad_request(
            "specifying resource version is not allowed when using continue",
        ));
    }
    let Some(matching) = matching else { return Ok(()) };
    if !matches!(matching, "Exact" | "NotOlderThan") {
        let allowed = ["Exact", "NotOlderThan", ""].map(str::to_owned);
        return invalid(Cause::unsupported(
            "resourceVersionMatch",
            &Value::from(matching),
            &allowed,
        ));
    }
    if version.is_none() {
        return invalid(Cause::forbidden(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        ));
    }
    if matching == "Exact" && version == Some("0") {
        return invalid(Cause::forbidden(
            "resourceVersionMatch",
            "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
        ));
    }
    Ok(())
}

/// Reads a version.
pub(crate) fn number(text: &str, name: &str) -> Result<u64, Failure> {
    text.parse().map_err(|_| {
        Failure::bad_request(format!(
            "{name}: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
        ))
    })
}

fn not_from_the_future(server: &Inner, version: u64) -> Result<(), Failure> {
    let current = server.store.revision();
    if version <= current {
        return Ok(());
    }
    Err(Failure::new(
        504,
        "Timeout",
        format!("Too large resource version: {version}, current: {current}"),
    )
    .with_details(json!({
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    })))
}

fn expired(error: &TooOld) -> Failure {
    Failure::new(
        410,
        "Expired",
        format!(
            "The resourceVersion for the provided list is too old (oldest: {}).",
            error.oldest
        ),
    )
}

/// Where a continued list goes on.
#[derive(Debug, PartialEq, Eq)]
struct Continue {
    revision: u64,
    after: String,
}

impl Continue {
    fn encode(&self) -> String {
        base64::engine::general_purpose::URL_SAFE_NO_PAD
            .encode(json!({"rv": self.revision, "start": self.after}).to_string())
    }

    fn decode(text: &str) -> Result<Self, Failure> {
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| invalid_token())?;
        let value = serde_json::from_slice::<Value>(&bytes).map_err(|_| invalid_token())?;
        match (value["rv"].as_u64(), value["start"].as_str()) {
            (Some(revision), Some(after)) => Ok(Self {
                revision,
                after: after.to_owned(),
            }),
            _ => Err(invalid_token()),
        }
    }
}

fn invalid_token() -> Failure {
    Failure::bad_request("continue key is not valid: the token is malformed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_continue_token_reads_back_and_nonsense_does_not() {
        let token = Continue {
            revision: 7,
            after: "ns/a".into(),
        };
        assert_eq!(Continue::decode(&token.encode()).unwrap(), token);
        assert!(Continue::decode("nonsense").is_err());
        assert!(Continue::decode("!").is_err());
    }
}
