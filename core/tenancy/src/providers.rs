//! ProviderConfigs of a running management cluster: the platforms that clusters are made on, with their credentials.

pub mod by_server;
pub mod create;
pub mod credentials;
pub mod delete;
pub mod list;
pub mod report;
pub mod settings;
pub mod update;
pub mod wish;

use butler_api::v1alpha1::ProviderConfig;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;

use crate::objects::Objects;
use crate::reach::Reach;

/// What people call one of them.
const WORD: &str = "provider";

/// What people call what holds their credentials.
const SECRET: &str = "secret";

/// The ProviderConfigs of a namespace.
pub fn objects(reach: &Reach, namespace: &str) -> Objects {
    Objects::of::<ProviderConfig>(reach, namespace, WORD)
}

/// The namespace of an object.
fn namespace_of(object: &impl ResourceExt) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "without one the API server refuses it in its own words"
    )]
    object.namespace().unwrap_or_default()
}

/// The Secrets of a namespace.
fn secrets(reach: &Reach, namespace: &str) -> Objects {
    Objects::of::<Secret>(reach, namespace, SECRET)
}
