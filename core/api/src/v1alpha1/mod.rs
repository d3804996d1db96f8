//! The kinds of `butler.butlerlabs.dev/v1alpha1`.
//!
//! Optional fields are `Option`, and absent stays absent: defaults belong to the schema, which the API server applies.
//! Every word that may grow is an open enum, so that objects of a newer Butler can be read and written back.

pub mod butler_config;
pub mod cluster_bootstrap;
pub mod machine_request;
pub mod network_pool;
pub mod provider_config;
mod schema;
pub mod shared;
pub mod wire;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

pub use self::{
    butler_config::ButlerConfig, cluster_bootstrap::ClusterBootstrap, machine_request::MachineRequest,
    network_pool::NetworkPool, provider_config::ProviderConfig,
};

/// API group of every kind.
pub const GROUP: &str = "butler.butlerlabs.dev";

/// The only version, served and stored.
pub const VERSION: &str = "v1alpha1";

/// The definitions of all kinds, ready to be applied.
pub fn all_crds() -> Vec<CustomResourceDefinition> {
    vec![
        schema::definition::<ButlerConfig>(),
        schema::definition::<ClusterBootstrap>(),
        schema::definition::<MachineRequest>(),
        schema::definition::<NetworkPool>(),
        schema::definition::<ProviderConfig>(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_is_complete() {
        for crd in all_crds() {
            let name = crd.metadata.name.clone().unwrap_or_default();
            assert_eq!(name, format!("{}.{GROUP}", crd.spec.names.plural));
            let text = serde_json::to_string(&crd).unwrap();
            assert!(!text.contains("nullable"), "{name} has nullable fields");
        }
    }
}
