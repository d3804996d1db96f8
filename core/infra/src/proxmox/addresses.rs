//! Addresses of machines: what the guest agent says, what the network's own address management gave out, and at last what
//! answers on the network. One that we chose needs none of this.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use butler_api::config;
use ipnet::IpNet;
use serde::Deserialize;

use super::client::{Call, Client};
use crate::{
    ErrorKind, InfraError,
    call::Clock,
    mac::Mac,
    scan::{Scanned, Scanner},
};

const OP: &str = "learn address";
/// As long an answer about the leases of all machines is good.
const LEASES: Duration = Duration::from_secs(2);

/// Whoever may know where machines are.
pub(super) struct Addresses {
    client: Arc<Client>,
    settings: Arc<config::Proxmox>,
    scanner: Scanner,
    /// The network of the machines as each node sees it; none where it does not tell.
    networks: Mutex<HashMap<String, Option<IpNet>>>,
    leases: tokio::sync::Mutex<Option<Leases>>,
    clock: Arc<dyn Clock>,
}

/// What the address management gave out to all machines, and when it said so.
struct Leases {
    at: Duration,
    leases: Vec<Lease>,
}

/// The machine whose address is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sought<'a> {
    /// Its name, for errors.
    pub(super) name: &'a str,
    /// The node that it is on.
    pub(super) node: &'a str,
    /// Its VMID in decimal digits.
    pub(super) vmid: &'a str,
    /// The hardware address of its network card.
    pub(super) mac: Mac,
}

/// What is known of a machine's addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Learned {
    /// Best first.
    pub(super) addresses: Vec<IpAddr>,
    /// Why there are none yet.
    pub(super) note: Option<String>,
}

#[derive(Debug, Deserialize)]
struct AgentAnswer {
    #[serde(default)]
    result: Vec<Interface>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Interface {
    hardware_address: Option<String>,
    #[serde(default)]
    ip_addresses: Vec<InterfaceAddress>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct InterfaceAddress {
    ip_address: String,
    prefix: Option<u8>,
}

#[derive(Debug, Deserialize)]
struct Lease {
    mac: Option<String>,
    ip: Option<String>,
}

#[derive(Debug, Deserialize)]
struct NetworkRow {
    #[serde(default)]
    iface: String,
    cidr: Option<String>,
    cidr6: Option<String>,
}

#[derive(Debug, Deserialize)]
struct SubnetRow {
    cidr: Option<String>,
}

impl Addresses {
    /// Those that this client can ask. Nothing is sent yet.
    pub(super) fn new(client: Arc<Client>, settings: Arc<config::Proxmox>, clock: Arc<dyn Clock>) -> Self {
        Self {
            client,
            settings,
            scanner: Scanner::new(Arc::clone(&clock)),
            networks: Mutex::default(),
            leases: tokio::sync::Mutex::new(None),
            clock,
        }
    }

    /// The addresses of a machine that runs, as far as anybody tells.
    pub(super) async fn learn(&self, sought: Sought<'_>) -> Result<Learned, InfraError> {
        let found = |address| Learned {
            addresses: vec![address],
            note: None,
        };
        let of_agent = self.of_agent(sought).await?;
        if !of_agent.is_empty() {
            return Ok(Learned {
                addresses: of_agent,
                note: None,
            });
        }
        if let Some(address) = self.of_leases(sought).await? {
            return Ok(found(address));
        }
        let Some(network) = self.network(sought).await? else {
            return Ok(waiting(format!(
                "neither guest agent nor network tell its address, and the network behind {} is not known to be asked",
                self.settings.bridge
            )));
        };
        Ok(match self.scanner.find(network, sought.mac).await {
            Scanned::Found(address) => found(address),
            Scanned::NotSeen => waiting(format!(
                "no node with hardware address {} answers in {network} yet",
                sought.mac
            )),
            Scanned::TooLarge => waiting(format!(
                "neither guest agent nor network tell its address, and {network} is too large to be asked"
            )),
        })
    }

    async fn of_agent(&self, sought: Sought<'_>) -> Result<Vec<IpAddr>, InfraError> {
        let Sought { node, vmid, .. } = sought;
        let path = ["nodes", node, "qemu", vmid, "agent", "network-get-interfaces"];
        let answer: Option<AgentAnswer> = self.unless_silent(&Call::new(OP, sought.name, &path)).await?;
        Ok(answer.map_or_else(Vec::new, |answer| best(&answer.result, sought.mac)))
    }

    /// One answer tells of all machines, so many that ask at once are told the same.
    async fn of_leases(&self, sought: Sought<'_>) -> Result<Option<IpAddr>, InfraError> {
        let mut known = self.leases.lock().await;
        let now = self.clock.elapsed();
        if let Some(Leases { leases, .. }) = known.as_ref().filter(|known| now < known.at + LEASES) {
            return Ok(lease_of(leases, sought.mac));
        }
        let path = ["cluster", "sdn", "ipams", "pve", "status"];
        let told: Option<Vec<Lease>> = self.unless_silent(&Call::new(OP, sought.name, &path)).await?;
        let leases: Vec<Lease> = told.into_iter().flatten().collect();
        let found = lease_of(&leases, sought.mac);
        *known = Some(Leases { at: now, leases });
        Ok(found)
    }

    /// The network that the machines are in: that of the bridge, else a subnet of the virtual network. Behind a VLAN of its
    /// own the bridge's address says nothing.
    async fn network(&self, sought: Sought<'_>) -> Result<Option<IpNet>, InfraError> {
        if let Some(known) = self.networks().get(sought.node) {
            return Ok(*known);
        }
        let mut network = None;
        if self.settings.vlan.is_none() {
            let call = Call::new(OP, sought.name, &["nodes", sought.node, "network"]).with("type", "any_bridge");
            let rows: Option<Vec<NetworkRow>> = self.unless_silent(&call).await?;
            network = rows.and_then(|rows| of_bridge(&rows, &self.settings.bridge));
        }
        if network.is_none() {
            let path = ["cluster", "sdn", "vnets", self.settings.bridge.as_str(), "subnets"];
            let rows: Option<Vec<SubnetRow>> = self.unless_silent(&Call::new(OP, sought.name, &path)).await?;
            network = rows.and_then(|rows| rows.iter().find_map(|row| row.cidr.as_deref()?.parse().ok()));
        }
        let network = network.map(|network: IpNet| network.trunc());
        self.networks().insert(sought.node.to_owned(), network);
        Ok(network)
    }

    /// An answer, or none where there is nobody to give it: no agent yet, no such network, no permission to ask.
    async fn unless_silent<T: serde::de::DeserializeOwned>(&self, call: &Call<'_>) -> Result<Option<T>, InfraError> {
        match self.client.get(call).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if is_silence(&error.kind) => {
                tracing::debug!(%error, "nobody tells");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn networks(&self) -> std::sync::MutexGuard<'_, HashMap<String, Option<IpNet>>> {
        self.networks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn waiting(note: String) -> Learned {
    Learned {
        addresses: vec![],
        note: Some(note),
    }
}

/// Errors of somebody who does not tell; the others say that something is wrong with the platform.
fn is_silence(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotReady
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::Server
            | ErrorKind::Unsupported
            | ErrorKind::Invalid { .. }
            | ErrorKind::Forbidden { .. }
    )
}

/// The addresses on our card, those of a network before those of one host: a virtual address of the cluster is of one host,
/// and goes from node to node. What is on other cards belongs to pods and bridges.
fn best(interfaces: &[Interface], mac: Mac) -> Vec<IpAddr> {
    let is_ours = |interface: &&Interface| {
        let address = interface.hardware_address.as_deref();
        address.and_then(|address| address.parse().ok()) == Some(mac)
    };
    let addresses = interfaces
        .iter()
        .filter(is_ours)
        .flat_map(|interface| &interface.ip_addresses);
    let mut found: Vec<(bool, bool, IpAddr)> = addresses
        .filter_map(|address| {
            let ip: IpAddr = address.ip_address.parse().ok()?;
            let of_one_host = address
                .prefix
                .is_some_and(|prefix| prefix == if ip.is_ipv4() { 32 } else { 128 });
            reachable(ip).then_some((of_one_host, ip.is_ipv6(), ip))
        })
        .collect();
    // Whoever has addresses of networks is not spoken to by others.
    if found.iter().any(|(of_one_host, ..)| !of_one_host) {
        found.retain(|(of_one_host, ..)| !of_one_host);
    }
    found.sort();
    found.into_iter().map(|(.., ip)| ip).collect()
}

/// Whether others can reach an address that is on our card. A loopback address is on it only where the machine is simulated.
fn reachable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_unicast_link_local() && !ip.is_unspecified(),
    }
}

fn lease_of(leases: &[Lease], mac: Mac) -> Option<IpAddr> {
    leases.iter().find_map(|lease| {
        let ours = lease.mac.as_deref().and_then(|text| text.parse().ok()) == Some(mac);
        lease.ip.as_deref().filter(|_| ours)?.parse().ok()
    })
}

fn of_bridge(rows: &[NetworkRow], bridge: &str) -> Option<IpNet> {
    let row = rows.iter().find(|row| row.iface == bridge)?;
    let cidr = row.cidr.as_deref().or(row.cidr6.as_deref())?;
    cidr.parse().ok()
}

/// The hardware address in the setting of a network card, such as `virtio=BC:24:11:00:00:01,bridge=vmbr0`.
pub(super) fn mac_of(card: &str) -> Option<Mac> {
    let mut parts = card.split(',').filter_map(|part| part.split_once('='));
    parts.find_map(|(_, value)| value.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac() -> Mac {
        "BC:24:11:00:00:01".parse().unwrap()
    }

    #[test]
    fn the_agents_answer_is_read_for_our_card_only() {
        let answer: AgentAnswer = serde_json::from_str(
            r#"{"result": [
                {"name": "lo", "hardware-address": "00:00:00:00:00:00",
                 "ip-addresses": [{"ip-address": "127.0.0.1", "ip-address-type": "ipv4", "prefix": 8}]},
                {"name": "eth0", "hardware-address": "bc:24:11:00:00:01", "ip-addresses": [
                    {"ip-address": "fe80::1", "ip-address-type": "ipv6", "prefix": 64},
                    {"ip-address": "2001:db8::11", "ip-address-type": "ipv6", "prefix": 64},
                    {"ip-address": "192.0.2.10", "ip-address-type": "ipv4", "prefix": 32},
                    {"ip-address": "169.254.3.3", "ip-address-type": "ipv4", "prefix": 16},
                    {"ip-address": "192.0.2.11", "ip-address-type": "ipv4", "prefix": 24}]},
                {"name": "cilium_host", "hardware-address": "be:24:11:00:00:02",
                 "ip-addresses": [{"ip-address": "10.244.0.7", "ip-address-type": "ipv4", "prefix": 24}]},
                {"name": "dummy0"}]}"#,
        )
        .unwrap();
        let expected: Vec<IpAddr> = ["192.0.2.11", "2001:db8::11"].map(|ip| ip.parse().unwrap()).into();
        assert_eq!(best(&answer.result, mac()), expected);
        assert_eq!(
            best(&answer.result, "BC:24:11:00:00:09".parse().unwrap()),
            Vec::<IpAddr>::new()
        );
    }

    #[test]
    fn a_machine_with_nothing_but_addresses_of_one_host_is_reached_by_them() {
        let interface = Interface {
            hardware_address: Some(mac().to_string()),
            ip_addresses: vec![InterfaceAddress {
                ip_address: "192.0.2.10".into(),
                prefix: Some(32),
            }],
        };
        assert_eq!(best(&[interface], mac()), ["192.0.2.10".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn a_lease_is_found_by_hardware_address() {
        let leases: Vec<Lease> = serde_json::from_str(
            r#"[{"mac": null, "ip": "192.0.2.1", "gateway": 1}, {"mac": "bc:24:11:00:00:01", "ip": "192.0.2.11", "vmid": 100}]"#,
        )
        .unwrap();
        assert_eq!(lease_of(&leases, mac()), Some("192.0.2.11".parse().unwrap()));
    }

    #[test]
    fn the_network_is_that_of_the_bridge() {
        let rows: Vec<NetworkRow> = serde_json::from_str(
            r#"[{"iface": "vmbr1"}, {"iface": "vmbr0", "cidr": "192.0.2.5/24", "address": "192.0.2.5"}]"#,
        )
        .unwrap();
        assert_eq!(
            of_bridge(&rows, "vmbr0").map(|net| net.trunc()),
            Some("192.0.2.0/24".parse().unwrap())
        );
        assert_eq!(of_bridge(&rows, "vmbr1"), None);
    }

    #[test]
    fn the_hardware_address_is_in_the_setting_of_the_card() {
        assert_eq!(mac_of("virtio=bc:24:11:00:00:01,bridge=vmbr0,tag=7"), Some(mac()));
        assert_eq!(
            mac_of("model=virtio,macaddr=BC:24:11:00:00:01,bridge=vmbr0"),
            Some(mac())
        );
        assert_eq!(mac_of("virtio,bridge=vmbr0"), None);
    }
}
