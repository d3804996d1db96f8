//! `providerConfig`: one block per platform, and the ways to give a secret.

#![expect(clippy::disallowed_macros, reason = "what derives a schema expands to it")]

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use serde::Deserialize;

use super::{Role, raw::roles};

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawProviderConfig {
    /// Harvester HCI.
    pub(super) harvester: Option<RawHarvester>,
    /// Nutanix Prism Central.
    pub(super) nutanix: Option<RawNutanix>,
    /// Proxmox VE.
    pub(super) proxmox: Option<RawProxmox>,
    /// Google Cloud.
    pub(super) gcp: Option<RawGcp>,
    /// Amazon Web Services.
    pub(super) aws: Option<RawAws>,
    /// Microsoft Azure.
    pub(super) azure: Option<RawAzure>,
    /// The simulated world.
    pub(super) inmemory: Option<RawInMemory>,
    /// Machines that are in Talos maintenance mode already.
    #[serde(rename = "static")]
    pub(super) machines: Option<RawStatic>,
}

/// A secret: `file`, `env`, `exec`, `keyring`, or clear text.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawSecret {
    Clear(SecretString),
    From(RawSecretRef),
}

/// Where a secret comes from; exactly one of them.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(super) struct RawSecretRef {
    /// Path of a file that holds the value.
    pub(super) file: Option<String>,
    /// Name of an environment variable that holds the value.
    pub(super) env: Option<String>,
    /// A command and its arguments that print the value; no shell is involved.
    #[schemars(extend("minItems" = 1))]
    pub(super) exec: Option<Vec<String>>,
    /// An entry of the keyring of whoever runs the command.
    pub(super) keyring: Option<RawKeyringEntry>,
}

/// An entry of a keyring.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawKeyringEntry {
    /// The program or platform that the entry is for (attribute `service`).
    #[schemars(required, extend("minLength" = 1))]
    pub(super) service: Option<String>,
    /// Who logs in with it (attribute `username`).
    #[schemars(required, extend("minLength" = 1))]
    pub(super) username: Option<String>,
}

impl JsonSchema for RawSecret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let reference = RawSecretRef::json_schema(generator);
        json_schema!({ "x-secret": true, "anyOf": [reference, { "type": "string", "minLength": 1 }] })
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawHarvester {
    /// Path of the kubeconfig of the Harvester cluster.
    #[schemars(required)]
    pub(super) kubeconfig_path: Option<String>,
    /// Namespace of the virtual machines.
    #[schemars(extend("default" = "default"))]
    pub(super) namespace: Option<String>,
    /// `namespace/name` of the VM network.
    #[schemars(required, extend("pattern" = "^[a-z0-9-]+/[a-z0-9-]+$"))]
    pub(super) network_name: Option<String>,
    /// `namespace/name` of the image; made from the schematic by default.
    pub(super) image_name: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawNutanix {
    /// URL of Prism Central, without port.
    #[schemars(required)]
    pub(super) endpoint: Option<String>,
    /// Port of Prism Central.
    #[schemars(extend("default" = 9440), range(min = 1, max = 65535))]
    pub(super) port: Option<u16>,
    /// Has no effect: TLS is always verified.
    #[schemars(extend("default" = false))]
    pub(super) insecure: Option<bool>,
    /// Login name.
    #[schemars(required)]
    pub(super) username: Option<RawSecret>,
    /// Password.
    #[schemars(required)]
    pub(super) password: Option<RawSecret>,
    /// UUID of the Prism Element cluster that carries the machines.
    #[serde(rename = "clusterUUID")]
    #[schemars(required)]
    pub(super) cluster_uuid: Option<String>,
    /// UUID of the subnet of the machines.
    #[serde(rename = "subnetUUID")]
    #[schemars(required)]
    pub(super) subnet_uuid: Option<String>,
    /// Image; made from the schematic by default.
    #[serde(rename = "imageUUID")]
    pub(super) image_uuid: Option<String>,
    /// Storage container of the disks.
    #[serde(rename = "storageContainerUUID")]
    pub(super) storage_container_uuid: Option<String>,
    /// Lines `IP HOST` for names that DNS does not know.
    #[serde(default)]
    pub(super) host_aliases: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawProxmox {
    /// URL of the API, such as `https://pve.example.org:8006`.
    #[schemars(required)]
    pub(super) endpoint: Option<String>,
    /// Nodes that may carry machines.
    #[serde(default)]
    #[schemars(required, extend("minItems" = 1))]
    pub(super) nodes: Option<Vec<String>>,
    /// Refused when `true`: TLS is always verified; write `fingerprint` or `caFile`.
    #[schemars(extend("default" = false))]
    pub(super) insecure: Option<bool>,
    /// `user@realm`, or a token id `user@realm!name`.
    pub(super) username: Option<RawSecret>,
    /// Password, or the secret of the token.
    pub(super) password: Option<RawSecret>,
    /// File with the certificate authorities (PEM) of the API, relative to this file; those of this computer by default.
    pub(super) ca_file: Option<String>,
    /// SHA-256 fingerprint of the API's certificate, as Proxmox VE shows it; it is trusted then without an authority.
    pub(super) fingerprint: Option<String>,
    /// Storage of the disks.
    #[schemars(required)]
    pub(super) storage: Option<String>,
    /// Storage of images and first-boot volumes, one with the content types `import` (or `iso`); found by default.
    pub(super) image_storage: Option<String>,
    /// Bridge, or network of the SDN, that the machines are connected to.
    #[schemars(extend("default" = "vmbr0"))]
    pub(super) bridge: Option<String>,
    /// VLAN of the machines on that bridge.
    #[schemars(range(min = 1, max = 4094))]
    pub(super) vlan: Option<u16>,
    /// Pool that the machines are put into.
    pub(super) pool: Option<String>,
    /// `maintenance`: pushed to the machine while it waits for it; `cidata`: on a volume that the machine finds at its first
    /// boot, for which `network.nodeAddresses` is needed.
    #[schemars(extend("default" = "maintenance"))]
    pub(super) config_delivery: Option<RawConfigDelivery>,
    /// Template machine to clone.
    #[serde(rename = "templateID")]
    #[schemars(range(min = 100))]
    pub(super) template_id: Option<u32>,
    /// First VMID to use.
    #[schemars(range(min = 100))]
    pub(super) vmid_start: Option<u32>,
    /// Last VMID to use.
    #[schemars(range(min = 100))]
    pub(super) vmid_end: Option<u32>,
    /// Lines `IP HOST` for names that DNS does not know.
    #[serde(default)]
    pub(super) host_aliases: Vec<String>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawConfigDelivery {
    Maintenance,
    Cidata,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawGcp {
    /// Path of the service account key (JSON).
    #[schemars(required)]
    pub(super) service_account_key_path: Option<String>,
    /// Project.
    #[serde(rename = "projectID")]
    #[schemars(required)]
    pub(super) project_id: Option<String>,
    /// Region.
    #[schemars(required)]
    pub(super) region: Option<String>,
    /// VPC network.
    #[schemars(required)]
    pub(super) network: Option<String>,
    /// Zone; `<region>-a` by default.
    pub(super) zone: Option<String>,
    /// Subnetwork.
    pub(super) subnetwork: Option<String>,
    /// Machine type; chosen by cpu and memory by default.
    pub(super) machine_type: Option<String>,
    /// Project of the image family.
    pub(super) image_project: Option<String>,
    /// Image family.
    pub(super) image_family: Option<String>,
    /// Image; wins over the family.
    pub(super) image: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawAws {
    /// Access key id.
    #[serde(rename = "accessKeyID")]
    #[schemars(required)]
    pub(super) access_key_id: Option<RawSecret>,
    /// Secret access key.
    #[schemars(required)]
    pub(super) secret_access_key: Option<RawSecret>,
    /// Region.
    #[schemars(required)]
    pub(super) region: Option<String>,
    /// VPC.
    #[serde(rename = "vpcID")]
    pub(super) vpc_id: Option<String>,
    /// Subnet of the machines.
    #[serde(rename = "subnetID")]
    pub(super) subnet_id: Option<String>,
    /// Security group of the machines.
    #[serde(rename = "securityGroupID")]
    pub(super) security_group_id: Option<String>,
    /// Instance type; chosen by cpu and memory by default.
    pub(super) instance_type: Option<String>,
    /// AMI; the official Talos one by default.
    pub(super) ami: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawAzure {
    /// Client id of the service principal.
    #[serde(rename = "clientID")]
    #[schemars(required)]
    pub(super) client_id: Option<RawSecret>,
    /// Client secret of the service principal.
    #[schemars(required)]
    pub(super) client_secret: Option<RawSecret>,
    /// Directory (tenant) id.
    #[serde(rename = "tenantID")]
    #[schemars(required)]
    pub(super) tenant_id: Option<RawSecret>,
    /// Subscription.
    #[serde(rename = "subscriptionID")]
    #[schemars(required)]
    pub(super) subscription_id: Option<String>,
    /// Resource group.
    #[schemars(required)]
    pub(super) resource_group: Option<String>,
    /// Location.
    #[schemars(required)]
    pub(super) location: Option<String>,
    /// Virtual network.
    pub(super) vnet_name: Option<String>,
    /// Subnet of the machines.
    pub(super) subnet_name: Option<String>,
    /// Network security group of the machines.
    pub(super) security_group_name: Option<String>,
    /// VM size; chosen by cpu and memory by default.
    pub(super) vm_size: Option<String>,
    /// Resource id of the image.
    #[serde(rename = "imageURN")]
    pub(super) image_urn: Option<String>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawInMemory {
    /// World file with latencies and faults, relative to this file; used when the world has to be started.
    pub(super) world: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawStatic {
    /// The machines; their number and roles must match `cluster`.
    #[serde(default)]
    #[schemars(required, extend("minItems" = 1))]
    pub(super) machines: Option<Vec<RawMachine>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawMachine {
    /// IP address, or `IP:PORT` where the Talos API is not on port 50000.
    #[schemars(required)]
    pub(super) address: Option<String>,
    /// Role of the machine.
    #[schemars(required, schema_with = "roles")]
    pub(super) role: Option<Role>,
    /// Name of the machine; derived from the cluster's name and the role by default.
    pub(super) name: Option<String>,
    /// Fingerprint of the maintenance certificate, as the machine's console shows it.
    pub(super) fingerprint: Option<String>,
    /// Disk that Talos is installed to; `talos.installDisk` by default.
    pub(super) install_disk: Option<String>,
    /// Interface that carries the node's address (and the VIP).
    pub(super) network_interface: Option<String>,
}
