//! `provider` and `providerConfig`: the platform that carries the machines.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use crate::{
    config::{HostAlias, HttpUrl, NodeAddress},
    role::Role,
};

/// The kind of infrastructure, as written in `provider`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// Harvester HCI, through the API of its Kubernetes cluster.
    Harvester,
    /// Nutanix AHV, through Prism Central.
    Nutanix,
    /// Proxmox VE, through the API of one of its nodes.
    Proxmox,
    /// Google Cloud, through Compute Engine.
    Gcp,
    /// Amazon Web Services, through EC2.
    Aws,
    /// Microsoft Azure, through its resource manager.
    Azure,
    /// Docker or podman on this machine.
    Local,
    /// The simulated world, in which nothing costs anything.
    #[serde(rename = "inmemory")]
    InMemory,
    /// Machines that somebody else booted into Talos maintenance mode.
    Static,
}

impl ProviderKind {
    /// The word used in configuration files, labels and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Harvester => "harvester",
            Self::Nutanix => "nutanix",
            Self::Proxmox => "proxmox",
            Self::Gcp => "gcp",
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Local => "local",
            Self::InMemory => "inmemory",
            Self::Static => "static",
        }
    }

    /// Whether a machine can be told its address at its first boot, before it has a configuration.
    pub fn tells_addresses(self) -> bool {
        matches!(self, Self::Harvester | Self::Nutanix | Self::Proxmox)
    }

    /// The first disk of a machine that this platform makes, and so the one that Talos is installed to where nobody names
    /// another.
    pub fn default_disk(self) -> &'static str {
        match self {
            // A disk of the SCSI controller, which alone of Proxmox VE's can give storage back.
            Self::Proxmox => "/dev/sda",
            Self::Harvester
            | Self::Nutanix
            | Self::Gcp
            | Self::Aws
            | Self::Azure
            | Self::Local
            | Self::InMemory
            | Self::Static => "/dev/vda",
        }
    }

    /// Whether the control-plane endpoint is a cloud load balancer rather than a VIP.
    pub fn is_cloud(self) -> bool {
        matches!(self, Self::Gcp | Self::Aws | Self::Azure)
    }

    /// The Talos platform whose images the machines boot, in the words of the Image Factory.
    pub fn talos_platform(self) -> &'static str {
        match self {
            Self::Harvester | Self::Nutanix | Self::Proxmox => "nocloud",
            Self::Gcp => "gcp",
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Local | Self::InMemory | Self::Static => "metal",
        }
    }

    /// The first network interface of a machine that this platform makes, and so the one that carries the VIP where nobody
    /// names another.
    pub fn default_interface(self) -> &'static str {
        match self {
            Self::Harvester => "enp1s0",
            Self::Nutanix => "ens3",
            Self::Gcp => "ens4",
            Self::Proxmox | Self::Aws | Self::Azure | Self::Local | Self::InMemory | Self::Static => "eth0",
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Settings of the chosen platform.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Provider {
    /// Harvester HCI; see [`Harvester`].
    Harvester(Harvester),
    /// Nutanix AHV; see [`Nutanix`].
    Nutanix(Nutanix),
    /// Proxmox VE; see [`Proxmox`].
    Proxmox(Proxmox),
    /// Google Cloud; see [`Gcp`].
    Gcp(Gcp),
    /// Amazon Web Services; see [`Aws`].
    Aws(Aws),
    /// Microsoft Azure; see [`Azure`].
    Azure(Azure),
    /// Docker or podman on this machine; no settings.
    Local,
    /// The simulated world; see [`InMemory`].
    InMemory(InMemory),
    /// Machines by address; see [`StaticMachines`].
    Static(StaticMachines),
}

impl Provider {
    /// The kind of infrastructure.
    pub fn kind(&self) -> ProviderKind {
        match self {
            Self::Harvester(_) => ProviderKind::Harvester,
            Self::Nutanix(_) => ProviderKind::Nutanix,
            Self::Proxmox(_) => ProviderKind::Proxmox,
            Self::Gcp(_) => ProviderKind::Gcp,
            Self::Aws(_) => ProviderKind::Aws,
            Self::Azure(_) => ProviderKind::Azure,
            Self::Local => ProviderKind::Local,
            Self::InMemory(_) => ProviderKind::InMemory,
            Self::Static(_) => ProviderKind::Static,
        }
    }

    /// Whether the platform has to be given the image that machines are made from.
    pub fn brings_image(&self) -> bool {
        matches!(self, Self::Proxmox(proxmox) if proxmox.template_id.is_none())
    }
}

/// Where a secret comes from. It is serialised without the value, so the value is never part of the canonical form.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// A file holding the value (one trailing newline is dropped); `~` is not yet expanded.
    File(String),
    /// The environment variable of this name.
    Env(String),
    /// A command (argument vector, no shell) that prints the value.
    Exec(Vec<String>),
    /// An entry of the keyring of whoever runs the command.
    Keyring {
        /// The program or platform that the entry is for.
        service: String,
        /// Who logs in with it.
        username: String,
    },
    /// Clear text in the configuration file; accepted with a warning.
    #[serde(rename = "clear text")]
    Clear(#[serde(skip)] SecretString),
}

/// Settings of the simulated world (`providerConfig.inmemory`).
#[derive(Debug, Clone, Default, Serialize)]
pub struct InMemory {
    /// World file (latencies and faults) for a world that has to be started; relative to the configuration file. It says how
    /// the simulation behaves, not which cluster is wanted, so it is not part of the canonical form.
    #[serde(skip)]
    pub world: Option<String>,
}

/// Settings of listed machines (`providerConfig.static`).
#[derive(Debug, Clone, Serialize)]
pub struct StaticMachines {
    /// The listed machines, in file order.
    pub machines: Vec<StaticMachine>,
}

/// One machine of `providerConfig.static.machines[]`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StaticMachine {
    /// Where its Talos API is.
    pub address: NodeAddress,
    /// Whether it is a control plane or a worker.
    pub role: Role,
    /// Name of the machine; none means the name derived from role and position.
    pub name: Option<String>,
    /// Standard base64 of SHA-256 over the maintenance certificate's SubjectPublicKeyInfo.
    pub fingerprint: Option<String>,
    /// The disk that Talos is installed to, instead of `talos.installDisk`.
    pub install_disk: Option<String>,
    /// The interface that carries the node address (and the VIP).
    pub network_interface: Option<String>,
}

/// Settings of Harvester (`providerConfig.harvester`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Harvester {
    /// Kubeconfig of the Harvester cluster.
    pub kubeconfig: SecretSource,
    /// Namespace of the virtual machines.
    pub namespace: String,
    /// `namespace/name` of the VM network.
    pub network_name: String,
    /// `namespace/name` of the image; none when it is made from the schematic.
    pub image_name: Option<String>,
}

/// Settings of Nutanix (`providerConfig.nutanix`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Nutanix {
    /// URL of Prism Central, without port.
    pub endpoint: HttpUrl,
    /// Port of Prism Central.
    pub port: u16,
    /// As written; TLS is verified all the same (see the user guide), so it is not part of the canonical form.
    #[serde(skip)]
    pub insecure: bool,
    /// Name to log in with.
    pub username: SecretSource,
    /// Password to log in with.
    pub password: SecretSource,
    /// UUID of the Prism Element cluster that carries the machines.
    #[serde(rename = "clusterUUID")]
    pub cluster_uuid: String,
    /// UUID of the subnet of the machines.
    #[serde(rename = "subnetUUID")]
    pub subnet_uuid: String,
    /// UUID of the image, when it is not made from the schematic.
    #[serde(rename = "imageUUID")]
    pub image_uuid: Option<String>,
    /// UUID of the storage container of the disks.
    #[serde(rename = "storageContainerUUID")]
    pub storage_container_uuid: Option<String>,
    /// Names that DNS does not know, with their addresses.
    pub host_aliases: Vec<HostAlias>,
}

/// Settings of Proxmox VE (`providerConfig.proxmox`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proxmox {
    /// URL of the API.
    pub endpoint: HttpUrl,
    /// Node names that may carry virtual machines.
    pub nodes: Vec<String>,
    /// As written; TLS is verified all the same (see the user guide), so it is not part of the canonical form.
    #[serde(skip)]
    pub insecure: bool,
    /// `user@realm` or a token id: a name, so the canonical form has it where the file does.
    #[serde(serialize_with = "name")]
    pub username: Option<SecretSource>,
    /// Password or token secret.
    pub password: Option<SecretSource>,
    /// Certificates (PEM) of the authorities that the API's certificate is checked with; none means those of this computer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// SHA-256 over the API's certificate, which is then trusted as it is; as Proxmox VE shows it, in pairs of hexadecimal
    /// digits with colons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Storage of the disks.
    pub storage: String,
    /// Storage of images and of the data of a first boot; none means one that can hold them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_storage: Option<String>,
    /// Bridge or SDN network of the machines. The usual one is left out of the canonical form.
    #[serde(skip_serializing_if = "is_usual_bridge")]
    pub bridge: String,
    /// VLAN of the machines on that bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// Pool that the machines are put into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// How a machine gets its configuration. What was the only way before it could be set is left out of the canonical form.
    #[serde(skip_serializing_if = "ConfigDelivery::is_default")]
    pub config_delivery: ConfigDelivery,
    /// Template virtual machine that is cloned.
    #[serde(rename = "templateID")]
    pub template_id: Option<u32>,
    /// VMIDs that the machines may take.
    #[serde(flatten)]
    pub vmid_range: Option<VmidRange>,
    /// Names that DNS does not know, with their addresses.
    pub host_aliases: Vec<HostAlias>,
}

#[expect(clippy::ref_option, reason = "serde hands a reference in")]
fn name<S: Serializer>(source: &Option<SecretSource>, serializer: S) -> Result<S::Ok, S::Error> {
    match source {
        Some(SecretSource::Clear(name)) => serializer.serialize_str(name.expose_secret()),
        source => source.serialize(serializer),
    }
}

/// The bridge that an installation of Proxmox VE makes, and so the network of the machines where nobody names another.
pub const USUAL_BRIDGE: &str = "vmbr0";

fn is_usual_bridge(bridge: &str) -> bool {
    bridge == USUAL_BRIDGE
}

impl ConfigDelivery {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference in")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How a machine gets its machine configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfigDelivery {
    /// It is pushed to the machine while that waits in maintenance mode.
    #[default]
    Maintenance,
    /// The machine finds it at its first boot, on a volume with the label `cidata`. It needs an address that is chosen before.
    Cidata,
}

/// A closed range of VMIDs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct VmidRange {
    /// The first VMID of the range.
    #[serde(rename = "vmidStart")]
    pub start: u32,
    /// The last VMID of the range.
    #[serde(rename = "vmidEnd")]
    pub end: u32,
}

/// Settings of Google Cloud (`providerConfig.gcp`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gcp {
    /// Service account key (JSON).
    pub service_account_key: SecretSource,
    /// Id of the project that the machines belong to.
    #[serde(rename = "projectID")]
    pub project_id: String,
    /// Region of addresses and load balancers.
    pub region: String,
    /// VPC network of the machines.
    pub network: String,
    /// Zone of the machines; `<region>-a` when not written.
    pub zone: String,
    /// Subnetwork of the machines.
    pub subnetwork: Option<String>,
    /// Machine type; chosen by cpu and memory when none.
    pub machine_type: Option<String>,
    /// Project of the image family.
    pub image_project: Option<String>,
    /// Family of images, of which the newest is taken.
    pub image_family: Option<String>,
    /// Image by name; wins over the family.
    pub image: Option<String>,
}

/// Settings of Amazon Web Services (`providerConfig.aws`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Aws {
    /// Id of the access key.
    #[serde(rename = "accessKeyID")]
    pub access_key_id: SecretSource,
    /// The secret part of the access key.
    pub secret_access_key: SecretSource,
    /// Region that the machines run in.
    pub region: String,
    /// Id of the virtual network (VPC).
    #[serde(rename = "vpcID")]
    pub vpc_id: Option<String>,
    /// Id of the subnet of the nodes.
    #[serde(rename = "subnetID")]
    pub subnet_id: Option<String>,
    /// Id of the security group of the nodes.
    #[serde(rename = "securityGroupID")]
    pub security_group_id: Option<String>,
    /// Instance type; chosen by cpu and memory when none.
    pub instance_type: Option<String>,
    /// Id of the image (AMI), when it is not the official one of Talos.
    pub ami: Option<String>,
}

/// Settings of Microsoft Azure (`providerConfig.azure`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Azure {
    /// Client id of the service principal.
    #[serde(rename = "clientID")]
    pub client_id: SecretSource,
    /// Client secret of the service principal.
    pub client_secret: SecretSource,
    /// Id of the directory of the service principal.
    #[serde(rename = "tenantID")]
    pub tenant_id: SecretSource,
    /// Id of the subscription that pays for the machines.
    #[serde(rename = "subscriptionID")]
    pub subscription_id: String,
    /// Resource group of everything that is made.
    pub resource_group: String,
    /// Location (region) of the machines.
    pub location: String,
    /// Virtual network of the machines.
    pub vnet_name: Option<String>,
    /// Subnet of the machines.
    pub subnet_name: Option<String>,
    /// Network security group of the machines.
    pub security_group_name: Option<String>,
    /// Size of the machines; chosen by cpu and memory when none.
    pub vm_size: Option<String>,
    /// Resource id of the image.
    #[serde(rename = "imageURN")]
    pub image_urn: Option<String>,
}
