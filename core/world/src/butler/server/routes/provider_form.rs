//! The form of a new provider, and what it means.

use std::collections::BTreeMap;

use butler_api::v1alpha1::provider_config::{
    AwsProvider, AzureProvider, GcpProvider, NetworkMode, NutanixProvider, ProviderConfigSpec, ProviderNetwork,
    ProxmoxProvider,
};
use butler_api::v1alpha1::shared::{ProviderType, SecretRef};
use serde::Deserialize;
use serde_json::Value;

use super::required;
use crate::butler::server::reply::Reply;

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
pub(super) struct ProviderForm {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) provider: String,
    harvesterkubeconfig: String,
    nutanixendpoint: String,
    nutanixport: i32,
    nutanixusername: String,
    nutanixpassword: String,
    nutanixinsecure: bool,
    proxmoxendpoint: String,
    proxmoxusername: String,
    proxmoxpassword: String,
    proxmoxinsecure: bool,
    awsregion: String,
    awsaccesskeyid: String,
    awssecretaccesskey: String,
    awsvpcid: String,
    azuresubscriptionid: String,
    azuretenantid: String,
    azureclientid: String,
    azureclientsecret: String,
    azureresourcegroup: String,
    azurelocation: String,
    gcpprojectid: String,
    gcpregion: String,
    gcpserviceaccount: String,
}

/// A provider that is to be made, and the data of its Secret.
pub(super) struct Wanted {
    pub(super) spec: ProviderConfigSpec,
    pub(super) credentials: BTreeMap<&'static str, String>,
}

/// What goes into a Secret: keys and values.
type Credentials<'a> = Vec<(&'static str, &'a str)>;

/// What a form means.
pub(super) fn wanted(form: &ProviderForm, namespace: &str) -> Result<Wanted, Reply> {
    let mut spec = ProviderConfigSpec {
        aws: None,
        azure: None,
        credentials_ref: Some(SecretRef {
            key: None,
            name: format!("{}-credentials", form.name),
            namespace: Some(namespace.to_owned()),
        }),
        gcp: None,
        harvester: None,
        limits: None,
        local: None,
        network: None,
        nutanix: None,
        provider: ProviderType::from(form.provider.as_str()),
        proxmox: None,
        scope: None,
    };
    let credentials = match form.provider.as_str() {
        "aws" | "azure" | "gcp" => cloud(form, &mut spec)?,
        _ => on_premises(form, &mut spec)?,
    };
    let credentials = credentials.into_iter();
    Ok(Wanted {
        spec,
        credentials: credentials.map(|(key, value)| (key, value.to_owned())).collect(),
    })
}

/// A text; the empty one is as good as none.
fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

fn cloud<'a>(form: &'a ProviderForm, spec: &mut ProviderConfigSpec) -> Result<Credentials<'a>, Reply> {
    spec.network = Some(ProviderNetwork {
        mode: Some(NetworkMode::Cloud),
        ..ProviderNetwork::default()
    });
    Ok(match form.provider.as_str() {
        "aws" => {
            required(&form.awsregion, "awsRegion is required")?;
            spec.aws = Some(AwsProvider {
                region: form.awsregion.clone(),
                security_group_ids: Vec::new(),
                subnet_ids: Vec::new(),
                vpc_id: some(&form.awsvpcid),
            });
            vec![
                ("accessKeyID", &form.awsaccesskeyid),
                ("secretAccessKey", &form.awssecretaccesskey),
            ]
        }
        "azure" => {
            spec.azure = Some(AzureProvider {
                image_urn: None,
                location: some(&form.azurelocation),
                resource_group: form.azureresourcegroup.clone(),
                subnet_name: None,
                subscription_id: form.azuresubscriptionid.clone(),
                vm_size: None,
                vnet_name: None,
            });
            vec![
                ("tenantID", &form.azuretenantid),
                ("clientID", &form.azureclientid),
                ("clientSecret", &form.azureclientsecret),
            ]
        }
        _ => {
            spec.gcp = Some(GcpProvider {
                image: None,
                image_family: None,
                image_project: None,
                machine_type: None,
                network: None,
                project_id: form.gcpprojectid.clone(),
                region: form.gcpregion.clone(),
                service_account: None,
                subnetwork: None,
                tags: Vec::new(),
                zone: None,
            });
            vec![("serviceAccount", &form.gcpserviceaccount)]
        }
    })
}

fn on_premises<'a>(form: &'a ProviderForm, spec: &mut ProviderConfigSpec) -> Result<Credentials<'a>, Reply> {
    Ok(match form.provider.as_str() {
        "harvester" => {
            required(&form.harvesterkubeconfig, "harvesterKubeconfig is required")?;
            if let Some(reference) = &mut spec.credentials_ref {
                reference.key = Some("kubeconfig".to_owned());
            }
            vec![("kubeconfig", &form.harvesterkubeconfig)]
        }
        "nutanix" => {
            required(&form.nutanixendpoint, "nutanixEndpoint is required")?;
            spec.nutanix = Some(NutanixProvider {
                cluster_uuid: String::new(),
                endpoint: form.nutanixendpoint.clone(),
                image_uuid: None,
                insecure: Some(form.nutanixinsecure),
                port: Some(form.nutanixport).filter(|port| *port != 0),
                storage_container_uuid: None,
                subnet_uuid: String::new(),
            });
            vec![("username", &form.nutanixusername), ("password", &form.nutanixpassword)]
        }
        "proxmox" => {
            required(&form.proxmoxendpoint, "proxmoxEndpoint is required")?;
            spec.proxmox = Some(ProxmoxProvider {
                endpoint: form.proxmoxendpoint.clone(),
                insecure: Some(form.proxmoxinsecure),
                nodes: Vec::new(),
                storage: String::new(),
                template_id: None,
                vmid_range: None,
            });
            vec![("username", &form.proxmoxusername), ("password", &form.proxmoxpassword)]
        }
        other => return Err(Reply::bad_request(&format!("unsupported provider type: {other}"))),
    })
}

/// The form has no fields for what the kind demands of these platforms, so that the API server refuses them.
pub(super) fn without_unknown(provider: &mut Value) {
    for (platform, fields) in [
        ("nutanix", ["clusterUUID", "subnetUUID"]),
        ("proxmox", ["nodes", "storage"]),
    ] {
        if let Some(block) = provider["spec"].get_mut(platform).and_then(Value::as_object_mut) {
            for field in fields {
                block.remove(field);
            }
        }
    }
}
