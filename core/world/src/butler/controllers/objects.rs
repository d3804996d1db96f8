//! Parts of objects that several controllers make.

use std::collections::BTreeMap;

use butler_api::labels;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::kinds::Kind;
use super::mirror::Key;
use super::pass::uid;
use crate::values::text;

/// The metadata of an object that Butler makes.
pub(super) fn metadata(namespace: &str, name: &str) -> ObjectMeta {
    let managed_by = (labels::MANAGED_BY.to_owned(), labels::BUTLER.to_owned());
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty()),
        labels: Some(BTreeMap::from([managed_by])),
        ..ObjectMeta::default()
    }
}

/// Names an object as the owner of another.
pub(super) fn owned_by(kind: Kind, owner: &Value) -> OwnerReference {
    let resource = kind.resource();
    OwnerReference {
        api_version: resource.api_version(),
        kind: resource.kind.to_owned(),
        name: text(owner, "/metadata/name").to_owned(),
        uid: uid(owner).to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Whether an event is news or a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventKind {
    Normal,
    Warning,
}

/// An event about an object, and its name, which is the same for the same news.
pub(super) fn event(
    key: &Key,
    object: &Value,
    kind: EventKind,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> (Event, String) {
    let digest = Sha256::digest(format!("{}/{reason}/{message}", uid(object)));
    let mut number = format!("{digest:x}");
    number.truncate(16);
    let name = format!("{}.{number}", key.name);
    let resource = key.kind.resource();
    let event = Event {
        metadata: metadata(&key.namespace, &name),
        involved_object: ObjectReference {
            api_version: Some(resource.api_version()),
            kind: Some(resource.kind.to_owned()),
            name: Some(key.name.clone()),
            namespace: Some(key.namespace.clone()),
            uid: Some(uid(object).to_owned()),
            ..ObjectReference::default()
        },
        type_: Some(format!("{kind:?}")),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        count: Some(1),
        first_timestamp: Some(Time(now)),
        last_timestamp: Some(Time(now)),
        source: Some(EventSource {
            component: Some("butler-controller".to_owned()),
            host: None,
        }),
        ..Event::default()
    };
    (event, name)
}

/// An object as JSON.
pub(super) fn value(object: &impl Serialize) -> Value {
    serde_json::to_value(object).expect("the types of the Kubernetes API have text keys and finite numbers")
}
