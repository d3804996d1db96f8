//! From the platform of a bootstrap configuration to the settings of a ProviderConfig.

use super::int;
use crate::{
    config,
    v1alpha1::provider_config::{
        AwsProvider, AzureProvider, GcpProvider, HarvesterProvider, LocalProvider, NutanixProvider, ProviderConfigSpec,
        ProviderNetwork, ProxmoxProvider, VmidRange,
    },
};

/// The settings of the configuration's platform, without a reference to credentials.
impl From<&config::BootstrapConfig> for ProviderConfigSpec {
    fn from(config: &config::BootstrapConfig) -> Self {
        let mut spec = Self {
            aws: None,
            azure: None,
            credentials_ref: None,
            gcp: None,
            harvester: None,
            limits: None,
            local: None,
            network: config.provider_network.as_ref().map(Into::into),
            nutanix: None,
            provider: config.provider_kind().into(),
            proxmox: None,
            scope: None,
        };
        match &config.provider {
            config::Provider::Harvester(settings) => spec.harvester = Some(settings.into()),
            config::Provider::Nutanix(settings) => spec.nutanix = Some(settings.into()),
            config::Provider::Proxmox(settings) => {
                spec.proxmox = Some(settings.into());
                if settings.bridge != super::DEFAULT_BRIDGE {
                    let network = spec.network.get_or_insert_with(ProviderNetwork::default);
                    network.subnet.get_or_insert_with(|| settings.bridge.clone());
                }
            }
            config::Provider::Gcp(settings) => spec.gcp = Some(settings.into()),
            config::Provider::Aws(settings) => spec.aws = Some(settings.into()),
            config::Provider::Azure(settings) => spec.azure = Some(settings.into()),
            config::Provider::Local => spec.local = Some(LocalProvider::default()),
            config::Provider::InMemory(_) | config::Provider::Static(_) => {}
        }
        spec
    }
}

impl From<&config::Harvester> for HarvesterProvider {
    fn from(settings: &config::Harvester) -> Self {
        Self {
            endpoint: None,
            image_name: settings.image_name.clone(),
            namespace: Some(settings.namespace.clone()),
            network_name: settings.network_name.clone(),
            storage_class_name: None,
        }
    }
}

impl From<&config::Nutanix> for NutanixProvider {
    fn from(settings: &config::Nutanix) -> Self {
        Self {
            cluster_uuid: settings.cluster_uuid.clone(),
            endpoint: settings.endpoint.to_string(),
            image_uuid: settings.image_uuid.clone(),
            insecure: Some(settings.insecure),
            port: Some(settings.port.into()),
            storage_container_uuid: settings.storage_container_uuid.clone(),
            subnet_uuid: settings.subnet_uuid.clone(),
        }
    }
}

impl From<&config::Proxmox> for ProxmoxProvider {
    fn from(settings: &config::Proxmox) -> Self {
        Self {
            endpoint: settings.endpoint.to_string(),
            insecure: Some(settings.insecure),
            nodes: settings.nodes.clone(),
            storage: settings.storage.clone(),
            template_id: settings.template_id.map(int),
            vmid_range: settings.vmid_range.map(|range| VmidRange {
                end: int(range.end),
                start: int(range.start),
            }),
        }
    }
}

impl From<&config::Gcp> for GcpProvider {
    fn from(settings: &config::Gcp) -> Self {
        Self {
            image: settings.image.clone(),
            image_family: settings.image_family.clone(),
            image_project: settings.image_project.clone(),
            machine_type: settings.machine_type.clone(),
            network: Some(settings.network.clone()),
            project_id: settings.project_id.clone(),
            region: settings.region.clone(),
            service_account: None,
            subnetwork: settings.subnetwork.clone(),
            tags: Vec::new(),
            zone: Some(settings.zone.clone()),
        }
    }
}

impl From<&config::Aws> for AwsProvider {
    fn from(settings: &config::Aws) -> Self {
        Self {
            region: settings.region.clone(),
            security_group_ids: settings.security_group_id.iter().cloned().collect(),
            subnet_ids: settings.subnet_id.iter().cloned().collect(),
            vpc_id: settings.vpc_id.clone(),
        }
    }
}

impl From<&config::Azure> for AzureProvider {
    fn from(settings: &config::Azure) -> Self {
        Self {
            image_urn: settings.image_urn.clone(),
            location: Some(settings.location.clone()),
            resource_group: settings.resource_group.clone(),
            subnet_name: settings.subnet_name.clone(),
            subscription_id: settings.subscription_id.clone(),
            vm_size: settings.vm_size.clone(),
            vnet_name: settings.vnet_name.clone(),
        }
    }
}

impl From<&config::ProviderNetwork> for ProviderNetwork {
    fn from(network: &config::ProviderNetwork) -> Self {
        let config::ProviderNetwork {
            mode,
            pool_refs,
            gateway,
            dns_servers,
            subnet,
            load_balancer,
            quota_per_tenant,
        } = network.clone();
        Self {
            dns_servers: dns_servers.iter().map(ToString::to_string).collect(),
            gateway: gateway.map(|gateway| gateway.to_string()),
            load_balancer,
            mode,
            pool_refs,
            quota_per_tenant,
            subnet,
            time_servers: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec(text: &str) -> Value {
        let loaded = config::load(text, "butler.yaml").unwrap_or_else(|errors| panic!("{errors}"));
        serde_json::to_value(ProviderConfigSpec::from(&loaded.config)).unwrap()
    }

    #[test]
    fn a_platform_is_described_by_its_own_settings_and_the_network_of_tenants() {
        let harvester = json!({
            "provider": "harvester",
            "harvester": {"namespace": "vms", "networkName": "vms/net", "imageName": "vms/talos"},
            "network": {"mode": "cloud"},
        });
        assert_eq!(
            spec(include_str!("../../tests/canonical/harvester_kind.yaml")),
            harvester
        );
        let local = json!({"provider": "local", "local": {}});
        assert_eq!(spec(include_str!("../../tests/canonical/local.yaml")), local);
        let simulated = json!({"provider": "inmemory"});
        assert_eq!(
            spec(include_str!("../../tests/canonical/inmemory_world.yaml")),
            simulated
        );
    }

    #[test]
    fn endpoints_ids_and_ranges_are_written_as_the_definition_wants_them() {
        let nutanix = json!({
            "provider": "nutanix",
            "nutanix": {
                "endpoint": "https://prism.example.org/console", "port": 9441, "insecure": true,
                "clusterUUID": "00061663-9fa0-28ca-185b-ac1f6b6f97e2",
                "subnetUUID": "7a3c1a35-4c3d-4d35-9d3f-9d0b6d5d3f10",
                "imageUUID": "7a3c1a35-4c3d-4d35-9d3f-9d0b6d5d3f11",
                "storageContainerUUID": "7A3C1A35-4c3d-4d35-9d3f-9d0b6d5d3f12",
            },
        });
        assert_eq!(spec(include_str!("../../tests/canonical/nutanix_all.yaml")), nutanix);
        let proxmox = json!({
            "provider": "proxmox",
            "proxmox": {
                "endpoint": "https://pve.example.org:8006", "insecure": false, "nodes": ["a", "b"],
                "storage": "local-lvm", "templateID": 900, "vmidRange": {"start": 200, "end": 220},
            },
        });
        assert_eq!(spec(include_str!("../../tests/canonical/proxmox_all.yaml")), proxmox);
    }

    #[test]
    fn clouds_have_lists_where_the_configuration_has_one() {
        let aws = json!({
            "provider": "aws",
            "aws": {"region": "eu-central-1", "vpcID": "vpc-1", "subnetIDs": ["subnet-1"], "securityGroupIDs": ["sg-1"]},
        });
        assert_eq!(spec(include_str!("../../tests/canonical/aws_all.yaml")), aws);
        let azure = json!({
            "provider": "azure",
            "azure": {
                "subscriptionID": "sub", "resourceGroup": "rg", "location": "westeurope", "vnetName": "vnet",
                "subnetName": "nodes", "vmSize": "Standard_D4s_v5", "imageURN": "/subscriptions/s/images/i",
            },
        });
        assert_eq!(spec(include_str!("../../tests/canonical/azure_all.yaml")), azure);
        let gcp = json!({
            "provider": "gcp",
            "gcp": {
                "projectID": "project", "region": "europe-west3", "zone": "europe-west3-b", "network": "vpc",
                "subnetwork": "nodes", "machineType": "n2-standard-4", "imageProject": "images",
                "imageFamily": "talos", "image": "talos-v1",
            },
        });
        assert_eq!(spec(include_str!("../../tests/canonical/gcp_all.yaml")), gcp);
    }
}
