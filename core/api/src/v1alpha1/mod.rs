//! The kinds of `butler.butlerlabs.dev/v1alpha1`.
//!
//! Optional fields are `Option`, and absent stays absent: defaults belong to the schema, which the API server applies.
//! Every word that may grow is an open enum, so that objects of a newer Butler can be read and written back.

#![expect(clippy::disallowed_macros, reason = "what derives a schema expands to it")]

pub mod addon_definition;
pub mod butler_config;
pub mod cluster_bootstrap;
pub mod cluster_creation_policy;
pub mod identity_provider;
pub mod image_sync;
pub mod ip_allocation;
mod list;
pub mod load_balancer_request;
pub mod machine_request;
pub mod management_addon;
pub mod network_pool;
pub mod provider_config;
mod redact;
mod schema;
pub mod shared;
pub mod team;
pub mod tenant_addon;
pub mod tenant_cluster;
pub mod user;
pub mod wire;
pub mod workspace;
pub mod workspace_template;

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

pub use self::{
    addon_definition::AddonDefinition,
    butler_config::ButlerConfig,
    cluster_bootstrap::ClusterBootstrap,
    cluster_creation_policy::ClusterCreationPolicy,
    identity_provider::IdentityProvider,
    image_sync::ImageSync,
    ip_allocation::IPAllocation,
    list::{BadItem, decode, decode_list},
    load_balancer_request::LoadBalancerRequest,
    machine_request::MachineRequest,
    management_addon::ManagementAddon,
    network_pool::NetworkPool,
    provider_config::ProviderConfig,
    redact::{REDACTED, redact},
    team::Team,
    tenant_addon::TenantAddon,
    tenant_cluster::TenantCluster,
    user::User,
    workspace::Workspace,
    workspace_template::WorkspaceTemplate,
};

/// API group of every kind.
pub const GROUP: &str = "butler.butlerlabs.dev";

/// The only version, served and stored.
pub const VERSION: &str = "v1alpha1";

/// The definitions of all kinds, ready to be applied.
pub fn all_crds() -> &'static [CustomResourceDefinition] {
    static ALL: LazyLock<Vec<CustomResourceDefinition>> = LazyLock::new(make_all);
    &ALL
}

/// Deriving them from the types takes some 50 ms.
fn make_all() -> Vec<CustomResourceDefinition> {
    vec![
        schema::definition::<AddonDefinition>(),
        schema::definition::<ButlerConfig>(),
        schema::definition::<ClusterBootstrap>(),
        schema::definition::<ClusterCreationPolicy>(),
        schema::definition::<IdentityProvider>(),
        schema::definition::<ImageSync>(),
        schema::definition::<IPAllocation>(),
        schema::definition::<LoadBalancerRequest>(),
        schema::definition::<MachineRequest>(),
        schema::definition::<ManagementAddon>(),
        schema::definition::<NetworkPool>(),
        schema::definition::<ProviderConfig>(),
        schema::definition::<Team>(),
        schema::definition::<TenantAddon>(),
        schema::definition::<TenantCluster>(),
        schema::definition::<User>(),
        schema::definition::<Workspace>(),
        schema::definition::<WorkspaceTemplate>(),
    ]
}

#[cfg(test)]
mod tests;
