//! The ProviderConfig of a configuration, and the platform credentials as addons need them.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use butler_api::{
    config::{Aws, Azure, BootstrapConfig, Gcp, Harvester, Nutanix, Provider, Proxmox},
    names,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::Context;
use crate::SecretObject;

/// `spec` of the ProviderConfig, without `credentialsRef`.
pub(crate) fn spec(config: &BootstrapConfig) -> Value {
    let mut spec = json!({"provider": config.provider_kind().as_str()});
    if let Some((key, block)) = block(&config.provider) {
        spec[key] = block;
    }
    if let Some(network) = &config.provider_network {
        spec["network"] = network.clone();
    }
    spec
}

/// The Secret with the platform's credentials on the management cluster; none where the platform has none.
pub(super) fn credentials_secret(context: &Context<'_>) -> Option<SecretObject> {
    let kind = context.config.provider_kind();
    let name = match &context.config.provider {
        Provider::Local | Provider::InMemory(_) | Provider::Static(_) => return None,
        Provider::Harvester(_) => "harvester-kubeconfig".to_owned(),
        _ => format!("{kind}-credentials"),
    };
    let namespace = names::SYSTEM_NAMESPACE.to_owned();
    Some(SecretObject {
        namespace,
        name,
        data: context.facts.credentials.clone(),
    })
}

/// One credential, when the credentials were read.
pub(super) fn credential<'a>(context: &'a Context<'_>, key: &str) -> Option<&'a SecretString> {
    context.facts.credentials.as_ref()?.get(key)
}

/// One credential in base64.
pub(super) fn encoded(context: &Context<'_>, key: &str) -> Option<SecretString> {
    credential(context, key).map(|value| STANDARD.encode(value.expose_secret()).into())
}

/// Secret data made from credentials; none while they were not read.
pub(super) fn data<const N: usize>(
    entries: [(&str, Option<SecretString>); N],
) -> Option<BTreeMap<String, SecretString>> {
    entries
        .into_iter()
        .map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}

fn block(provider: &Provider) -> Option<(&'static str, Value)> {
    match provider {
        Provider::Harvester(settings) => Some(("harvester", harvester(settings))),
        Provider::Nutanix(settings) => Some(("nutanix", nutanix(settings))),
        Provider::Proxmox(settings) => Some(("proxmox", proxmox(settings))),
        Provider::Gcp(settings) => Some(("gcp", gcp(settings))),
        Provider::Aws(settings) => Some(("aws", aws(settings))),
        Provider::Azure(settings) => Some(("azure", azure(settings))),
        Provider::Local => Some(("local", json!({}))),
        Provider::InMemory(_) | Provider::Static(_) => None,
    }
}

fn harvester(settings: &Harvester) -> Value {
    object([
        ("namespace", Some(json!(settings.namespace))),
        ("networkName", Some(json!(settings.network_name))),
        ("imageName", settings.image_name.as_ref().map(|v| json!(v))),
    ])
}

fn nutanix(settings: &Nutanix) -> Value {
    object([
        ("endpoint", Some(json!(settings.endpoint))),
        ("port", Some(json!(settings.port))),
        ("insecure", Some(json!(settings.insecure))),
        ("clusterUUID", Some(json!(settings.cluster_uuid))),
        ("subnetUUID", Some(json!(settings.subnet_uuid))),
        ("imageUUID", settings.image_uuid.as_ref().map(|v| json!(v))),
        (
            "storageContainerUUID",
            settings.storage_container_uuid.as_ref().map(|v| json!(v)),
        ),
    ])
}

fn proxmox(settings: &Proxmox) -> Value {
    object([
        ("endpoint", Some(json!(settings.endpoint))),
        ("insecure", Some(json!(settings.insecure))),
        ("nodes", Some(json!(settings.nodes))),
        ("storage", settings.storage.as_ref().map(|v| json!(v))),
        ("templateID", settings.template_id.map(|v| json!(v))),
        (
            "vmidRange",
            settings
                .vmid_range
                .map(|(start, end)| json!({"start": start, "end": end})),
        ),
    ])
}

fn gcp(settings: &Gcp) -> Value {
    object([
        ("projectID", Some(json!(settings.project_id))),
        ("region", Some(json!(settings.region))),
        ("zone", Some(json!(settings.zone))),
        ("network", Some(json!(settings.network))),
        ("subnetwork", settings.subnetwork.as_ref().map(|v| json!(v))),
        ("machineType", settings.machine_type.as_ref().map(|v| json!(v))),
        ("imageProject", settings.image_project.as_ref().map(|v| json!(v))),
        ("imageFamily", settings.image_family.as_ref().map(|v| json!(v))),
        ("image", settings.image.as_ref().map(|v| json!(v))),
    ])
}

fn aws(settings: &Aws) -> Value {
    object([
        ("region", Some(json!(settings.region))),
        ("vpcID", settings.vpc_id.as_ref().map(|v| json!(v))),
        ("subnetIDs", settings.subnet_id.as_ref().map(|v| json!([v]))),
        (
            "securityGroupIDs",
            settings.security_group_id.as_ref().map(|v| json!([v])),
        ),
    ])
}

fn azure(settings: &Azure) -> Value {
    object([
        ("subscriptionID", Some(json!(settings.subscription_id))),
        ("resourceGroup", Some(json!(settings.resource_group))),
        ("location", Some(json!(settings.location))),
        ("vnetName", settings.vnet_name.as_ref().map(|v| json!(v))),
        ("subnetName", settings.subnet_name.as_ref().map(|v| json!(v))),
        ("vmSize", settings.vm_size.as_ref().map(|v| json!(v))),
        ("imageURN", settings.image_urn.as_ref().map(|v| json!(v))),
    ])
}

/// An object of the fields that are there.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let fields = fields
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(fields.collect::<Map<_, _>>())
}
