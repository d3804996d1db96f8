//! Addresses of machines, endpoint, services, pods and tenants.

use butler_api::{
    config::ProviderKind::{InMemory, Local},
    names,
};

use super::{Ask, View, ask, machines};
use crate::{codec::Codec, question::Step::Network};

const ENDPOINT: &str = "Endpoint";
const SERVICES: &str = "Services";
const NODES: &str = "Machines";
const INSIDE: &str = "Inside the cluster";
const TENANTS: &str = "Tenants";
const LIMITS: &str = "Limits of tenants";

pub(super) const ASKS: [Ask; 32] = [
    ask("network.podCIDR", Network, INSIDE, "pods").writes(|_| Some("10.244.0.0/16".to_owned())),
    ask("network.serviceCIDR", Network, INSIDE, "services").writes(|_| Some("10.96.0.0/12".to_owned())),
    ask("network.vip", Network, ENDPOINT, "address")
        .when(|v| v.on_premises() && (!v.is_single() || v.is_answered("network.vip")) || v.is_given("network.vip"))
        .needed_when(|v| v.on_premises() && !v.on(Local) && !v.is_single())
        .writes(|v| world(v).map(|world| world.vip)),
    ask("network.vipInterface", Network, ENDPOINT, "interface")
        .when(|v| {
            v.on_premises() && (!v.is_single() || v.is_answered("network.vip")) || v.is_given("network.vipInterface")
        })
        .holds(|v| Some(v.provider()?.default_interface().to_owned()))
        .rare(),
    ask("network.loadBalancerPool.start", Network, SERVICES, "first address")
        .when(|v| v.on_premises() || v.is_given("network.loadBalancerPool.start"))
        .needed_when(needs_pool)
        .writes(|v| world(v).map(|world| world.services.0)),
    ask("network.loadBalancerPool.end", Network, SERVICES, "last address")
        .when(|v| v.on_premises() || v.is_given("network.loadBalancerPool.end"))
        .needed_when(needs_pool)
        .writes(|v| world(v).map(|world| world.services.1)),
    ask("network.nodeAddresses.start", Network, NODES, "first address")
        .when(|v| tells_addresses(v, "network.nodeAddresses.start"))
        .needed_when(needs_nodes),
    ask("network.nodeAddresses.end", Network, NODES, "last address")
        .when(|v| tells_addresses(v, "network.nodeAddresses.end"))
        .needed_when(needs_nodes),
    ask("network.nodeAddresses.prefixLength", Network, NODES, "prefix length")
        .when(|v| tells_addresses(v, "network.nodeAddresses.prefixLength"))
        .needed_when(needs_nodes),
    ask("network.nodeAddresses.gateway", Network, NODES, "gateway")
        .when(|v| tells_addresses(v, "network.nodeAddresses.gateway"))
        .needed_when(needs_nodes),
    ask("network.nodeAddresses.nameservers", Network, NODES, "DNS servers")
        .when(|v| tells_addresses(v, "network.nodeAddresses.nameservers"))
        .needed_when(needs_nodes),
    ask("talos.timeServers", Network, NODES, "time servers"),
    ask("network.mtu", Network, NODES, "MTU").rare(),
    ask("network.jumboFrames", Network, NODES, "jumbo frames").rare(),
    ask("providerNetwork.mode", Network, TENANTS, "addresses by").writes(|v| v.on(InMemory).then(|| "ipam".to_owned())),
    ask("networkPool.name", Network, TENANTS, "pool")
        .when(has_pool)
        .writes(|_| Some("tenants".to_owned()))
        .rare(),
    ask("networkPool.cidr", Network, TENANTS, "network")
        .when(has_pool)
        .needed()
        .writes(|v| world(v).map(|world| world.tenants)),
    ask("networkPool.reserved", Network, TENANTS, "never handed out")
        .when(has_pool)
        .form(Codec::Reserved)
        .rare(),
    ask("networkPool.tenantAllocation.start", Network, TENANTS, "first address")
        .when(has_pool)
        .needed_when(|v| v.is_answered("networkPool.tenantAllocation.end"))
        .rare(),
    ask("networkPool.tenantAllocation.end", Network, TENANTS, "last address")
        .when(has_pool)
        .needed_when(|v| v.is_answered("networkPool.tenantAllocation.start"))
        .rare(),
    ask(
        "networkPool.tenantAllocation.defaults.lbPoolPerTenant",
        Network,
        LIMITS,
        "service addresses",
    )
    .when(has_pool)
    .rare(),
    ask(
        "networkPool.tenantAllocation.defaults.nodesPerTenant",
        Network,
        LIMITS,
        "node addresses",
    )
    .when(has_pool)
    .rare(),
    ask("providerNetwork.poolRefs", Network, TENANTS, "from pools")
        .when(|v| v.says("providerNetwork.mode", "ipam") || v.is_given("providerNetwork.poolRefs"))
        .needed_when(|v| v.says("providerNetwork.mode", "ipam"))
        .form(Codec::Names)
        .writes(|v| {
            let cluster = || Some(names::network_pool(&v.text("cluster.name")?));
            v.text("networkPool.name").or_else(cluster)
        })
        .rare(),
    ask("providerNetwork.gateway", Network, TENANTS, "gateway").rare(),
    ask("providerNetwork.dnsServers", Network, TENANTS, "DNS servers").rare(),
    ask("providerNetwork.subnet", Network, TENANTS, "platform's network").rare(),
    ask(
        "providerNetwork.loadBalancer.allocationMode",
        Network,
        LIMITS,
        "service pools",
    )
    .rare(),
    ask("providerNetwork.loadBalancer.defaultPoolSize", Network, LIMITS, "size")
        .when(|v| !is_elastic(v) || v.is_given("providerNetwork.loadBalancer.defaultPoolSize"))
        .rare(),
    ask(
        "providerNetwork.loadBalancer.initialPoolSize",
        Network,
        LIMITS,
        "first size",
    )
    .when(|v| is_elastic(v) || v.is_given("providerNetwork.loadBalancer.initialPoolSize"))
    .rare(),
    ask(
        "providerNetwork.loadBalancer.growthIncrement",
        Network,
        LIMITS,
        "grows by",
    )
    .when(|v| is_elastic(v) || v.is_given("providerNetwork.loadBalancer.growthIncrement"))
    .rare(),
    ask(
        "providerNetwork.quotaPerTenant.maxLoadBalancerIPs",
        Network,
        LIMITS,
        "most service addresses",
    )
    .rare(),
    ask(
        "providerNetwork.quotaPerTenant.maxNodeIPs",
        Network,
        LIMITS,
        "most node addresses",
    )
    .rare(),
];

/// Addresses of a cluster in the simulated world.
struct World {
    vip: String,
    services: (String, String),
    tenants: String,
}

/// The clusters of one world get addresses of their own, as far as it can be told here.
fn world(view: &View<'_>) -> Option<World> {
    const POOLS: usize = 5;
    if !view.on(InMemory) {
        return None;
    }
    let number = machines::number(view).min(49);
    let (third, first) = (254 - number / POOLS, 10 + 48 * (number % POOLS));
    Some(World {
        vip: format!("127.64.255.{}", 10 + number),
        services: (
            format!("127.64.{third}.{first}"),
            format!("127.64.{third}.{}", first + 40),
        ),
        tenants: format!("10.{}.0.0/16", 200 + number),
    })
}

/// Traefik waits for an address of the pool.
fn needs_pool(view: &View<'_>) -> bool {
    let together = ["network.loadBalancerPool.start", "network.loadBalancerPool.end"];
    let taken = view.yes("addons.loadBalancer.enabled") && view.yes("addons.ingress.enabled");
    let exposed = view.says("controlPlaneExposure.mode", "LoadBalancer");
    let old = view.has_kept("addons.loadBalancer.addressPool");
    view.on_premises() && !view.on(Local) && !old && (taken || exposed)
        || together.iter().any(|path| view.is_answered(path))
}

fn tells_addresses(view: &View<'_>, path: &str) -> bool {
    view.provider()
        .is_some_and(butler_api::config::ProviderKind::tells_addresses)
        || view.is_given(path)
}

/// The block is whole or not there; where the configuration comes on a volume, it must be.
fn needs_nodes(view: &View<'_>) -> bool {
    const KEYS: [&str; 5] = ["start", "end", "prefixLength", "gateway", "nameservers"];
    let answered = |key: &&str| view.is_answered(&format!("network.nodeAddresses.{key}"));
    KEYS.iter().any(answered) || view.says("providerConfig.proxmox.configDelivery", "cidata")
}

/// Whether tenants get addresses of a pool that is made here.
fn has_pool(view: &View<'_>) -> bool {
    let given = view.is_given("networkPool.cidr") && !view.is_answered("providerNetwork.mode");
    view.says("providerNetwork.mode", "ipam") || given
}

fn is_elastic(view: &View<'_>) -> bool {
    view.says("providerNetwork.loadBalancer.allocationMode", "elastic")
}
