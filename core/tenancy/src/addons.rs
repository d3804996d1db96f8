//! Addons of tenant clusters: what the catalog offers, what a cluster has, and how that changes.
//!
//! A cluster has two kinds of them: those that its controller installs because of the cluster's own specification, and
//! TenantAddons, one object for each Helm release. Objects are told apart by the cluster that they refer to, never by their name
//! alone: two clusters of a namespace can have the same addon.

pub mod catalog;
pub mod disable;
pub mod enable;
mod error;
pub mod read;
pub mod upgrade;
pub mod values;
pub mod wait;

pub use self::error::AddonError;

use butler_api::v1alpha1::TenantAddon;
use kube::api::{Api, DynamicObject};
use kube::core::ApiResource;
use serde_json::Value;

use crate::reach::Reach;

/// Label of a TenantAddon: the entry of the catalog that it was made of.
const DEFINITION: &str = "butler.butlerlabs.dev/addon-definition";

/// An addon of a cluster, as somebody names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The namespace of the cluster.
    pub namespace: String,
    /// The cluster.
    pub cluster: String,
    /// The addon: its name in the catalog, or the name of its object.
    pub addon: String,
}

/// The TenantAddons of a namespace, as the API server has them.
pub fn api(reach: &Reach, namespace: &str) -> Api<DynamicObject> {
    let kind = ApiResource::erase::<TenantAddon>(&());
    Api::namespaced_with(reach.client.clone(), namespace, &kind)
}

/// The name of the object of an addon, as Butler's server and its console give it.
pub fn object_name(addon: &str, cluster: &str) -> String {
    format!("{addon}-{cluster}")
}

/// A text of an object; nothing where it is absent or empty.
fn text<'a>(object: &'a DynamicObject, path: &str) -> Option<&'a str> {
    let found = object.data.pointer(path).and_then(Value::as_str);
    found.filter(|text| !text.is_empty())
}
