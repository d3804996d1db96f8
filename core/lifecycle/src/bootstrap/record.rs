//! The public record of a bootstrap: the objects written to the bootstrap cluster, with our owner markers. Pure.

use butler_api::{
    config::{BootstrapConfig, Role},
    labels::{BUTLER, CLUSTER_ID, CONFIG_DIGEST, GENERATION, MANAGED_BY},
    names, record,
    v1alpha1::ClusterBootstrap,
};
use butler_infra::PLAIN_SCHEMATIC;
use k8s_openapi::{
    api::core::v1::Namespace,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use kube::{Resource as _, ResourceExt as _};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// Where the record lives.
pub const NAMESPACE: &str = names::SYSTEM_NAMESPACE;

/// Namespace, ProviderConfig, NetworkPool and ClusterBootstrap, in the order to apply them.
pub fn groundwork(config: &BootstrapConfig, cluster_id: Uuid) -> Result<Vec<Value>, serde_json::Error> {
    let mut objects = vec![namespace([(MANAGED_BY, BUTLER)])?];
    objects.push(marked(&record::provider_config(config), cluster_id)?);
    if let Some(pool) = record::network_pool(config) {
        objects.push(marked(&pool, cluster_id)?);
    }
    let mut bootstrap = marked(&record::cluster_bootstrap(config), cluster_id)?;
    bootstrap["metadata"]["annotations"][CONFIG_DIGEST] = stamp(config).into();
    objects.push(bootstrap);
    Ok(objects)
}

/// The namespace of the record, with these labels.
pub(crate) fn namespace<const N: usize>(labels: [(&str, &str); N]) -> Result<Value, serde_json::Error> {
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    serde_json::to_value(Namespace {
        metadata: ObjectMeta {
            name: Some(NAMESPACE.to_owned()),
            labels: (N > 0).then(|| labels.into()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    })
}

/// What the ClusterBootstrap says it was made from: when it says so, it and everything before it is written.
pub fn stamp(config: &BootstrapConfig) -> String {
    format!("{}/{}", env!("CARGO_PKG_VERSION"), config.digest)
}

/// The MachineRequest of one machine; `owner` is the UID of the ClusterBootstrap, `image` what the machine is made from.
pub fn machine_request(
    config: &BootstrapConfig,
    cluster_id: Uuid,
    (name, role): (&str, Role),
    image: Option<&str>,
    owner: &str,
) -> Result<Value, serde_json::Error> {
    let mut request = record::machine_request(config, name, role, image);
    request.labels_mut().insert(GENERATION.to_owned(), "1".to_owned());
    request.owner_references_mut().push(owned_by(config, owner));
    marked(&request, cluster_id)
}

/// The ImageSync of the machines' image; `owner` is the UID of the ClusterBootstrap.
pub fn image_sync(config: &BootstrapConfig, cluster_id: Uuid, owner: &str) -> Result<Value, serde_json::Error> {
    let mut image = record::image_sync(config, schematic(config));
    image.owner_references_mut().push(owned_by(config, owner));
    marked(&image, cluster_id)
}

/// The schematic of the machines' image.
pub fn schematic(config: &BootstrapConfig) -> &str {
    config.talos.schematic.as_deref().unwrap_or(PLAIN_SCHEMATIC)
}

fn owned_by(config: &BootstrapConfig, uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: ClusterBootstrap::api_version(&()).into_owned(),
        kind: ClusterBootstrap::kind(&()).into_owned(),
        name: config.cluster.name.clone(),
        uid: uid.to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

fn marked(object: &impl Serialize, cluster_id: Uuid) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(object)?;
    value["metadata"]["labels"][CLUSTER_ID] = cluster_id.to_string().into();
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_the_record_carries_the_clusters_id() {
        let config = crate::samples::shipped("inmemory-ha.yaml");
        let id = Uuid::from_u128(7);
        let mut objects = groundwork(&config, id).unwrap().split_off(1);
        let machine = ("butler-demo-cp-0", Role::ControlPlane);
        objects.push(machine_request(&config, id, machine, None, "uid").unwrap());
        objects.push(image_sync(&config, id, "uid").unwrap());
        for object in objects {
            assert_eq!(object["metadata"]["labels"][CLUSTER_ID], id.to_string(), "{object}");
        }
    }
}
