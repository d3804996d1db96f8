//! Parts of objects that several controllers make.

use std::collections::BTreeMap;

use butler_api::labels;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::Serialize;
use serde_json::Value;

use super::kinds::Kind;
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

/// An object as JSON.
pub(super) fn value(object: &impl Serialize) -> Value {
    serde_json::to_value(object).expect("the types of the Kubernetes API have text keys and finite numbers")
}
