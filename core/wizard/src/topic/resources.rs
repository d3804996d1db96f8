//! What of the platform is used.

use butler_api::{
    choice::ChoiceKind,
    config::ProviderKind::{Aws, Azure, Gcp, Harvester, Nutanix, Proxmox},
};

use super::{Ask, ask};
use crate::question::Step::Resources;

const PLACE: &str = "Place";
const STORAGE: &str = "Storage";
const NETWORK: &str = "Network";
const IMAGE: &str = "Image";
const IDS: &str = "Machine ids";

pub(super) const ASKS: [Ask; 38] = [
    // Proxmox VE.
    ask("providerConfig.proxmox.nodes", Resources, PLACE, "nodes")
        .when(|v| v.on(Proxmox))
        .needed()
        .from(ChoiceKind::Node),
    ask("providerConfig.proxmox.pool", Resources, PLACE, "pool")
        .when(|v| v.on(Proxmox))
        .rare()
        .from(ChoiceKind::Pool),
    ask("providerConfig.proxmox.storage", Resources, STORAGE, "disks on")
        .when(|v| v.on(Proxmox))
        .needed()
        .from(ChoiceKind::Storage),
    ask("providerConfig.proxmox.imageStorage", Resources, STORAGE, "images on")
        .when(|v| v.on(Proxmox))
        .from(ChoiceKind::Storage),
    ask("providerConfig.proxmox.bridge", Resources, NETWORK, "bridge")
        .when(|v| v.on(Proxmox))
        .from(ChoiceKind::Network),
    ask("providerConfig.proxmox.vlan", Resources, NETWORK, "VLAN").when(|v| v.on(Proxmox)),
    ask(
        "providerConfig.proxmox.templateID",
        Resources,
        IMAGE,
        "template to clone",
    )
    .when(|v| v.on(Proxmox))
    .rare()
    .from(ChoiceKind::Template),
    ask(
        "providerConfig.proxmox.configDelivery",
        Resources,
        IMAGE,
        "configuration by",
    )
    .when(|v| v.on(Proxmox))
    .rare(),
    ask("providerConfig.proxmox.vmidStart", Resources, IDS, "first id")
        .when(|v| v.on(Proxmox))
        .needed_when(|v| v.is_answered("providerConfig.proxmox.vmidEnd"))
        .rare()
        .from(ChoiceKind::MachineId),
    ask("providerConfig.proxmox.vmidEnd", Resources, IDS, "last id")
        .when(|v| v.on(Proxmox))
        .needed_when(|v| v.is_answered("providerConfig.proxmox.vmidStart"))
        .rare(),
    // Harvester.
    ask("providerConfig.harvester.namespace", Resources, PLACE, "namespace").when(|v| v.on(Harvester)),
    ask("providerConfig.harvester.networkName", Resources, NETWORK, "VM network")
        .when(|v| v.on(Harvester))
        .needed()
        .from(ChoiceKind::Network),
    ask("providerConfig.harvester.imageName", Resources, IMAGE, "image")
        .when(|v| v.on(Harvester))
        .rare()
        .from(ChoiceKind::Image),
    // Nutanix.
    ask("providerConfig.nutanix.clusterUUID", Resources, PLACE, "Prism Element")
        .when(|v| v.on(Nutanix))
        .needed(),
    ask(
        "providerConfig.nutanix.storageContainerUUID",
        Resources,
        STORAGE,
        "storage container",
    )
    .when(|v| v.on(Nutanix))
    .from(ChoiceKind::Storage),
    ask("providerConfig.nutanix.subnetUUID", Resources, NETWORK, "subnet")
        .when(|v| v.on(Nutanix))
        .needed()
        .from(ChoiceKind::Network),
    ask("providerConfig.nutanix.imageUUID", Resources, IMAGE, "image")
        .when(|v| v.on(Nutanix))
        .rare()
        .from(ChoiceKind::Image),
    // Google Cloud.
    ask("providerConfig.gcp.region", Resources, PLACE, "region")
        .when(|v| v.on(Gcp))
        .needed(),
    ask("providerConfig.gcp.zone", Resources, PLACE, "zone")
        .when(|v| v.on(Gcp))
        .holds(|v| v.text("providerConfig.gcp.region").map(|region| format!("{region}-a"))),
    ask("providerConfig.gcp.network", Resources, NETWORK, "VPC network")
        .when(|v| v.on(Gcp))
        .needed()
        .writes(|_| Some("default".to_owned())),
    ask("providerConfig.gcp.subnetwork", Resources, NETWORK, "subnetwork").when(|v| v.on(Gcp)),
    ask("providerConfig.gcp.machineType", Resources, "Machines", "machine type")
        .when(|v| v.on(Gcp))
        .rare(),
    ask("providerConfig.gcp.image", Resources, IMAGE, "image").when(|v| v.on(Gcp)),
    ask("providerConfig.gcp.imageFamily", Resources, IMAGE, "image family")
        .when(|v| v.on(Gcp))
        .rare(),
    ask("providerConfig.gcp.imageProject", Resources, IMAGE, "its project")
        .when(|v| v.on(Gcp))
        .rare(),
    // AWS.
    ask("providerConfig.aws.region", Resources, PLACE, "region")
        .when(|v| v.on(Aws))
        .needed(),
    ask("providerConfig.aws.vpcID", Resources, NETWORK, "VPC").when(|v| v.on(Aws)),
    ask("providerConfig.aws.subnetID", Resources, NETWORK, "subnet").when(|v| v.on(Aws)),
    ask(
        "providerConfig.aws.securityGroupID",
        Resources,
        NETWORK,
        "security group",
    )
    .when(|v| v.on(Aws)),
    ask(
        "providerConfig.aws.instanceType",
        Resources,
        "Machines",
        "instance type",
    )
    .when(|v| v.on(Aws))
    .rare(),
    ask("providerConfig.aws.ami", Resources, IMAGE, "image (AMI)")
        .when(|v| v.on(Aws))
        .rare(),
    // Azure.
    ask("providerConfig.azure.resourceGroup", Resources, PLACE, "resource group")
        .when(|v| v.on(Azure))
        .needed(),
    ask("providerConfig.azure.location", Resources, PLACE, "location")
        .when(|v| v.on(Azure))
        .needed(),
    ask("providerConfig.azure.vnetName", Resources, NETWORK, "virtual network").when(|v| v.on(Azure)),
    ask("providerConfig.azure.subnetName", Resources, NETWORK, "subnet").when(|v| v.on(Azure)),
    ask(
        "providerConfig.azure.securityGroupName",
        Resources,
        NETWORK,
        "security group",
    )
    .when(|v| v.on(Azure)),
    ask("providerConfig.azure.vmSize", Resources, "Machines", "size")
        .when(|v| v.on(Azure))
        .rare(),
    ask("providerConfig.azure.imageURN", Resources, IMAGE, "image").when(|v| v.on(Azure)),
];
