//! The file as written: one struct per block, every key optional. The comments are the texts that editors show, for the
//! JSON schema is derived from these structs, and the check of keys and types is driven by that schema.

#![expect(clippy::disallowed_macros, reason = "what derives a schema expands to it")]

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use super::{ProviderKind, Role, raw_addons::RawAddons, raw_providers::RawProviderConfig, raw_talos::RawTalos};

/// Configuration of `butleradm bootstrap`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawConfig {
    /// The platform that carries the machines.
    #[schemars(required, schema_with = "providers")]
    pub(super) provider: Option<ProviderKind>,
    /// Where the objects live until they move to the management cluster.
    #[serde(default)]
    #[schemars(schema_with = "bootstrap_cluster")]
    pub(super) bootstrap_cluster: Option<RawBootstrapCluster>,
    /// Name, shape and machines of the management cluster.
    #[schemars(required)]
    pub(super) cluster: Option<RawCluster>,
    /// Addresses.
    pub(super) network: Option<RawNetwork>,
    /// The operating system of every node.
    pub(super) talos: Option<RawTalos>,
    /// What is installed on the management cluster.
    pub(super) addons: Option<RawAddons>,
    /// Settings of the platform; only the block named by `provider` is used.
    pub(super) provider_config: Option<RawProviderConfig>,
    /// How the control planes of tenant clusters are reached.
    pub(super) control_plane_exposure: Option<RawExposure>,
    /// Whether clusters belong to teams.
    pub(super) multi_tenancy_mode: Option<RawMultiTenancy>,
    /// A pool of addresses for tenant clusters (on-prem).
    pub(super) network_pool: Option<RawNetworkPool>,
    /// How tenant clusters on this platform get addresses.
    pub(super) provider_network: Option<RawProviderNetwork>,
    /// How long each kind of wait may take, such as `15m`; measured from the start of the step.
    pub(super) deadlines: Option<RawDeadlines>,
}

/// `bootstrapCluster`, as a word or a mapping.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawBootstrapCluster {
    Word(BootstrapClusterType),
    Block(RawBootstrapBlock),
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum BootstrapClusterType {
    Embedded,
    Kind,
    Existing,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawBootstrapBlock {
    /// `embedded`: inside butleradm; `kind`: a kind cluster on docker or podman; `existing`: a cluster of yours.
    #[serde(rename = "type")]
    #[schemars(required)]
    pub(super) kind: Option<BootstrapClusterType>,
    /// Kubeconfig of the existing cluster.
    pub(super) kubeconfig: Option<String>,
    /// Context of that kubeconfig; its current one by default.
    pub(super) context: Option<String>,
    /// Node image of the kind cluster; a pinned one by default.
    pub(super) node_image: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawCluster {
    /// Name of the cluster: lower-case letters, digits and `-`. Machines are named after it.
    #[schemars(required, extend("pattern" = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "minLength" = 1, "maxLength" = 63))]
    pub(super) name: Option<String>,
    /// `single-node`: one control plane that also carries workloads; `ha`: an odd number of control planes, and workers.
    #[schemars(extend("default" = "ha"))]
    pub(super) topology: Option<RawTopology>,
    /// Control-plane machines.
    pub(super) control_plane: Option<RawPool>,
    /// Worker machines; none in a single-node cluster.
    pub(super) workers: Option<RawPool>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawTopology {
    SingleNode,
    Ha,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawPool {
    /// Number of machines.
    #[schemars(range(min = 0, max = 1000))]
    pub(super) replicas: Option<u32>,
    /// Virtual CPUs of each.
    #[schemars(range(min = 1, max = 128))]
    pub(super) cpu: Option<u32>,
    /// Memory of each, in MiB.
    #[serde(rename = "memoryMB")]
    #[schemars(range(min = 2048))]
    pub(super) memory_mb: Option<u32>,
    /// System disk of each, in GiB.
    #[serde(rename = "diskGB")]
    #[schemars(range(min = 20))]
    pub(super) disk_gb: Option<u32>,
    /// Further disks of each.
    #[serde(default)]
    pub(super) extra_disks: Vec<RawDisk>,
    /// Labels of the Kubernetes nodes.
    #[serde(default)]
    pub(super) labels: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawDisk {
    /// Size in GiB.
    #[serde(rename = "sizeGB")]
    #[schemars(required, range(min = 1))]
    pub(super) size_gb: Option<u32>,
    /// Storage class of the platform.
    pub(super) storage_class: Option<String>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawNetwork {
    /// Addresses of pods.
    #[serde(rename = "podCIDR")]
    #[schemars(extend("default" = "10.244.0.0/16", "pattern" = CIDR))]
    pub(super) pod_cidr: Option<String>,
    /// Addresses of services.
    #[serde(rename = "serviceCIDR")]
    #[schemars(extend("default" = "10.96.0.0/12", "pattern" = CIDR))]
    pub(super) service_cidr: Option<String>,
    /// Address of the Kubernetes API that the control planes share (on-prem); a free one of the node network.
    pub(super) vip: Option<String>,
    /// Network interface that carries the VIP; the platform's usual one by default.
    pub(super) vip_interface: Option<String>,
    /// Addresses for services of type LoadBalancer (on-prem); free ones of the node network.
    pub(super) load_balancer_pool: Option<RawRange>,
    /// Addresses of the machines, handed out in order, control planes first; the network's DHCP server does by default. For
    /// platforms that tell a machine its address.
    pub(super) node_addresses: Option<RawNodeAddresses>,
    /// MTU of the physical interfaces; 0 leaves it alone. Above 1500 `jumboFrames: true` is needed.
    #[schemars(extend("default" = 0), range(min = 0, max = 9000))]
    pub(super) mtu: Option<u32>,
    /// Says that switches and hypervisors carry frames above 1500 bytes.
    #[schemars(extend("default" = false))]
    pub(super) jumbo_frames: Option<bool>,
}

/// An address range, both ends included.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawRange {
    /// First address.
    #[schemars(required, extend("pattern" = IP))]
    pub(super) start: Option<String>,
    /// Last address.
    #[schemars(required, extend("pattern" = IP))]
    pub(super) end: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawNodeAddresses {
    /// First address.
    #[schemars(required, extend("pattern" = IP))]
    pub(super) start: Option<String>,
    /// Last address.
    #[schemars(required, extend("pattern" = IP))]
    pub(super) end: Option<String>,
    /// Length of the node network's prefix, such as 24.
    #[schemars(required, range(min = 1, max = 30))]
    pub(super) prefix_length: Option<u8>,
    /// Gateway of the node network.
    #[schemars(required, extend("pattern" = IP))]
    pub(super) gateway: Option<String>,
    /// DNS servers of the machines.
    #[serde(default)]
    #[schemars(required, extend("minItems" = 1))]
    pub(super) nameservers: Option<Vec<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawExposure {
    /// `LoadBalancer`: an address for each tenant; `Ingress` and `Gateway`: one shared address with TLS passthrough.
    #[schemars(required)]
    pub(super) mode: Option<RawExposureMode>,
    /// Wildcard host such as `*.k8s.example.org`; for `Ingress` and `Gateway`.
    pub(super) hostname: Option<String>,
    /// Ingress class; for `Ingress`.
    pub(super) ingress_class_name: Option<String>,
    /// Kind of ingress controller; for `Ingress`.
    pub(super) controller_type: Option<RawControllerType>,
    /// `namespace/name` of the Gateway; for `Gateway`.
    pub(super) gateway_ref: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(super) enum RawExposureMode {
    LoadBalancer,
    Ingress,
    Gateway,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawControllerType {
    Haproxy,
    Nginx,
    Traefik,
    Generic,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
pub(super) enum RawMultiTenancy {
    Optional,
    Enforced,
    Disabled,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawNetworkPool {
    /// Name of the object; `<cluster>-underlay` by default.
    pub(super) name: Option<String>,
    /// The network the pool covers.
    #[schemars(required, extend("pattern" = CIDR))]
    pub(super) cidr: Option<String>,
    /// Parts of it that are never handed out.
    #[serde(default)]
    pub(super) reserved: Vec<RawReserved>,
    /// Which addresses tenants get, and how many.
    pub(super) tenant_allocation: Option<RawTenantAllocation>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawReserved {
    /// The part.
    #[schemars(required, extend("pattern" = CIDR))]
    pub(super) cidr: Option<String>,
    /// What it is reserved for.
    pub(super) description: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawTenantAllocation {
    /// First address for tenants.
    #[schemars(extend("pattern" = IP))]
    pub(super) start: Option<String>,
    /// Last address for tenants.
    #[schemars(extend("pattern" = IP))]
    pub(super) end: Option<String>,
    /// How many addresses a tenant gets.
    pub(super) defaults: Option<RawTenantDefaults>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawTenantDefaults {
    /// Load balancer addresses for each tenant.
    #[schemars(extend("default" = 8), range(min = 1))]
    pub(super) lb_pool_per_tenant: Option<u32>,
    /// Node addresses for each tenant.
    #[schemars(extend("default" = 5), range(min = 1))]
    pub(super) nodes_per_tenant: Option<u32>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawProviderNetwork {
    /// `ipam`: addresses come from network pools; `cloud`: the platform hands them out.
    #[schemars(extend("default" = "cloud"))]
    pub(super) mode: Option<RawNetworkMode>,
    /// Network pools to take addresses from.
    #[serde(default)]
    pub(super) pool_refs: Vec<RawPoolRef>,
    /// Gateway of the node network.
    #[schemars(extend("pattern" = IP))]
    pub(super) gateway: Option<String>,
    /// DNS servers of the nodes.
    #[serde(default)]
    pub(super) dns_servers: Vec<String>,
    /// Name of the platform's network for tenant machines.
    pub(super) subnet: Option<String>,
    /// How load balancer addresses are handed out.
    pub(super) load_balancer: Option<RawLbAllocation>,
    /// Limits for each tenant.
    pub(super) quota_per_tenant: Option<RawQuota>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawNetworkMode {
    Ipam,
    Cloud,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawPoolRef {
    /// Name of the NetworkPool.
    #[schemars(required)]
    pub(super) name: Option<String>,
    /// Lower ones are used first.
    #[schemars(extend("default" = 0))]
    pub(super) priority: Option<i32>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawLbAllocation {
    /// `static`: one block of fixed size; `elastic`: starts small and grows.
    #[schemars(extend("default" = "static"))]
    pub(super) allocation_mode: Option<RawAllocationMode>,
    /// First size in elastic mode.
    #[schemars(extend("default" = 2), range(min = 1))]
    pub(super) initial_pool_size: Option<u32>,
    /// Size in static mode.
    #[schemars(extend("default" = 8), range(min = 1))]
    pub(super) default_pool_size: Option<u32>,
    /// Addresses added at a time in elastic mode.
    #[schemars(extend("default" = 2), range(min = 1))]
    pub(super) growth_increment: Option<u32>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawAllocationMode {
    Static,
    Elastic,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawQuota {
    /// Load balancer addresses.
    #[serde(rename = "maxLoadBalancerIPs")]
    #[schemars(range(min = 1))]
    pub(super) max_load_balancer_ips: Option<u32>,
    /// Node addresses.
    #[serde(rename = "maxNodeIPs")]
    #[schemars(range(min = 1))]
    pub(super) max_node_ips: Option<u32>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawDeadlines {
    /// Image import.
    #[schemars(extend("default" = "30m"))]
    pub(super) image: Option<String>,
    /// A machine created and given an address.
    #[schemars(extend("default" = "10m"))]
    pub(super) machine: Option<String>,
    /// Talos answers in maintenance mode.
    #[schemars(extend("default" = "10m"))]
    pub(super) boot: Option<String>,
    /// Talos answers with the cluster's certificate.
    #[schemars(extend("default" = "10m"))]
    pub(super) configure: Option<String>,
    /// etcd healthy, Kubernetes API ready.
    #[schemars(extend("default" = "10m"))]
    pub(super) bootstrap: Option<String>,
    /// A node registered, and ready once the network is there.
    #[schemars(extend("default" = "10m"))]
    pub(super) node: Option<String>,
    /// One addon installed and ready.
    #[schemars(extend("default" = "15m"))]
    pub(super) addon: Option<String>,
    /// The move to the management cluster.
    #[schemars(extend("default" = "5m"))]
    pub(super) pivot: Option<String>,
    /// Load balancer or VIP answering.
    #[schemars(extend("default" = "10m"))]
    pub(super) endpoint: Option<String>,
}

const CIDR: &str = r"^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$";
const IP: &str = r"^([0-9]{1,3}\.){3}[0-9]{1,3}$";
pub(super) const RELEASE: &str = r"^v[0-9]+\.[0-9]+\.[0-9]+$";

fn providers(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<Value> = PROVIDERS.iter().map(|kind| kind.as_str().into()).collect();
    json_schema!({ "type": "string", "enum": names })
}

/// Every platform, in the order in which messages name them.
pub(super) const PROVIDERS: [ProviderKind; 9] = [
    ProviderKind::Harvester,
    ProviderKind::Nutanix,
    ProviderKind::Proxmox,
    ProviderKind::Aws,
    ProviderKind::Azure,
    ProviderKind::Gcp,
    ProviderKind::Local,
    ProviderKind::InMemory,
    ProviderKind::Static,
];

fn bootstrap_cluster(generator: &mut SchemaGenerator) -> Schema {
    let word = BootstrapClusterType::json_schema(generator);
    let block = RawBootstrapBlock::json_schema(generator);
    json_schema!({ "anyOf": [word, block], "default": "embedded" })
}

pub(super) fn roles(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": [Role::ControlPlane.as_str(), Role::Worker.as_str()] })
}
