//! The public record of a bootstrap: the objects written to the bootstrap cluster, with our owner markers. Pure.

use butler_api::{
    config::{BootstrapConfig, Role},
    labels::{BUTLER, CLUSTER_ID, CONFIG_DIGEST, GENERATION, MANAGED_BY},
    names, record,
};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// Where the record lives.
pub const NAMESPACE: &str = names::SYSTEM_NAMESPACE;

/// Namespace, ProviderConfig, NetworkPool and ClusterBootstrap, in the order to apply them.
pub fn groundwork(config: &BootstrapConfig, cluster_id: Uuid) -> Result<Vec<Value>, serde_json::Error> {
    let mut objects = vec![json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {MANAGED_BY: BUTLER}},
    })];
    objects.push(marked(&record::provider_config(config), cluster_id)?);
    if let Some(pool) = record::network_pool(config) {
        objects.push(marked(&pool, cluster_id)?);
    }
    let mut bootstrap = marked(&record::cluster_bootstrap(config), cluster_id)?;
    bootstrap["metadata"]["annotations"][CONFIG_DIGEST] = json!(stamp(config));
    objects.push(bootstrap);
    Ok(objects)
}

/// What the ClusterBootstrap says it was made from: when it says so, it and everything before it is written.
pub fn stamp(config: &BootstrapConfig) -> String {
    format!("{}/{}", env!("CARGO_PKG_VERSION"), config.digest)
}

/// The MachineRequest of one machine; `owner` is the UID of the ClusterBootstrap.
pub fn machine_request(
    config: &BootstrapConfig,
    cluster_id: Uuid,
    name: &str,
    role: Role,
    owner: &str,
) -> Result<Value, serde_json::Error> {
    let mut object = marked(&record::machine_request(config, name, role), cluster_id)?;
    object["metadata"]["labels"][GENERATION] = json!("1");
    object["metadata"]["ownerReferences"] = json!([{
        "apiVersion": object["apiVersion"], "kind": "ClusterBootstrap", "name": config.cluster.name, "uid": owner,
        "controller": true, "blockOwnerDeletion": true,
    }]);
    Ok(object)
}

fn marked(object: &impl Serialize, cluster_id: Uuid) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(object)?;
    value["metadata"]["labels"][CLUSTER_ID] = json!(cluster_id);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_the_record_carries_the_clusters_id() {
        let text = include_str!("../../../../fixtures/configs/inmemory-ha.yaml");
        let config = butler_api::config::load(text, "inmemory-ha.yaml").unwrap().config;
        let id = Uuid::from_u128(7);
        let mut objects = groundwork(&config, id).unwrap().split_off(1);
        objects.push(machine_request(&config, id, "butler-demo-cp-0", Role::ControlPlane, "uid").unwrap());
        for object in objects {
            assert_eq!(object["metadata"]["labels"][CLUSTER_ID], json!(id), "{object}");
        }
    }
}
