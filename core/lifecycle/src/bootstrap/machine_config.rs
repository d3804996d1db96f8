//! What machines are configured with, and whether their configurations can be made, before anything is. Pure.

use std::collections::BTreeMap;

use butler_api::{
    config::{BootstrapConfig, Role, SecretSource},
    error::{Class, StepError},
};
use butler_talos::{
    client::{Address, Hardware},
    config as machine_config,
    config::{ClusterSpec, Cni, ConfigError, NodeSpec, RegistryHost, StaticAddress},
    secrets::SecretsBundle,
};
use secrecy::SecretString;

use crate::bootstrap::context::bracketed;

/// Stands for the endpoint where that is an address which only the platform knows.
const SOME_HOST: &str = "192.0.2.1";

/// Makes the configuration of every machine without the cluster's secrets: patches that do not fit and certificates that
/// are none are found here.
pub fn check(config: &BootstrapConfig) -> Result<(), ConfigError> {
    let host = config.network.vip.as_ref().map(ToString::to_string);
    let cluster = cluster_spec(config, host.as_deref().unwrap_or(SOME_HOST));
    for (name, role) in config.machine_names() {
        machine_config::check(&cluster, &node_spec(config, &name, role))?;
    }
    Ok(())
}

pub(crate) fn cluster_spec(config: &BootstrapConfig, host: &str) -> ClusterSpec {
    let endpoint = format!("https://{}:6443", bracketed(host));
    let talos = &config.talos;
    let version = talos.version.clone();
    let mut spec = ClusterSpec::new(
        &config.cluster.name,
        endpoint,
        version.clone(),
        talos.kubernetes_version.clone(),
    );
    spec.pod_cidrs = vec![config.network.pod_cidr.to_string()];
    spec.service_cidrs = vec![config.network.service_cidr.to_string()];
    spec.install_disk = Some(talos.install_disk.clone());
    spec.install_image = Some(config.install_image());
    spec.allow_scheduling_on_control_planes = config.cluster.workers.is_none();
    spec.cni = Cni::None;
    spec.proxy_disabled = config.addons.cni.is_some();
    spec.time_servers.clone_from(&talos.time_servers);
    spec.mtu = config.network.mtu;
    spec.extra_cert_sans = vec![host.to_owned()];
    spec.longhorn_mounts = config.addons.storage.is_some();
    spec.registry_mirrors.clone_from(&talos.registries.mirrors);
    spec.registry_hosts = registry_hosts(config);
    spec.trusted_cas.clone_from(&talos.trusted_cas);
    spec.discovery.clone_from(&talos.discovery);
    spec.patches.clone_from(&talos.patches);
    spec
}

/// Registries with the values of their secrets, which were read when the run began.
fn registry_hosts(config: &BootstrapConfig) -> BTreeMap<String, RegistryHost> {
    let read = |source: &SecretSource| match source {
        SecretSource::Clear(value) => Some(value.clone()),
        SecretSource::File(_) | SecretSource::Env(_) | SecretSource::Exec(_) | SecretSource::Keyring { .. } => None,
    };
    let hosts = config.talos.registries.hosts.iter().map(|(name, host)| {
        let login = host.login.as_ref();
        let login = login.and_then(|login| read(&login.username).zip(read(&login.password)));
        let ca = host.ca.clone();
        (name.clone(), RegistryHost { ca, login })
    });
    hosts.collect()
}

pub(crate) fn node_spec(config: &BootstrapConfig, name: &str, role: Role) -> NodeSpec {
    let mut spec = NodeSpec::new(role);
    spec.hostname = Some(name.to_owned());
    spec.labels.clone_from(&config.pool(role).labels);
    let machine = config.listed_machine(name).map(|(_, machine)| machine);
    spec.install_disk = machine.and_then(|m| m.install_disk.clone());
    spec.interface = machine.and_then(|m| m.network_interface.clone());
    let nodes = config.network.node_addresses.as_ref();
    spec.address = nodes
        .zip(config.node_address(name))
        .map(|(nodes, address)| StaticAddress {
            address: address.into(),
            prefix_length: nodes.prefix_length,
            gateway: nodes.gateway.into(),
            nameservers: nodes.nameservers.clone(),
        });
    spec
}

/// The configuration of a machine that finds it at its first boot: before anybody could ask which links it has.
pub(crate) fn beforehand(
    config: &BootstrapConfig,
    (name, role): (&str, Role),
    bundle: &SecretsBundle,
) -> Result<SecretString, ConfigError> {
    let first = || config.machine_names().into_iter().next();
    let host = match &config.network.vip {
        Some(vip) => vip.to_string(),
        None => first()
            .and_then(|(name, _)| config.node_address(&name))
            .map_or_else(|| SOME_HOST.to_owned(), |address| address.to_string()),
    };
    let mut node = node_spec(config, name, role);
    let link = config.network.vip_interface.as_deref();
    let link = link.unwrap_or_else(|| config.provider_kind().default_interface());
    node.vip = own_vip(config, role).map(|vip| (vip, link.to_owned()));
    machine_config::render(&cluster_spec(config, &host), &node, bundle)
}

/// Without kube-vip Talos itself carries a VIP that is an address, on control planes.
pub(crate) fn own_vip(config: &BootstrapConfig, role: Role) -> Option<std::net::IpAddr> {
    if role != Role::ControlPlane || config.addons.control_plane_ha.is_some() {
        return None;
    }
    config.network.vip.as_ref()?.address().map(Into::into)
}

/// The link of the VIP: the configured one, else the one that has the node's address.
pub(crate) fn vip_link(
    config: &BootstrapConfig,
    name: &str,
    address: &Address,
    hardware: &Hardware,
) -> Result<String, StepError> {
    let listed = config.listed_machine(name).map(|(_, machine)| machine);
    let named = config.network.vip_interface.clone();
    if let Some(link) = named.or_else(|| listed.and_then(|machine| machine.network_interface.clone())) {
        return Ok(link);
    }
    // What does not tell its links is taken for a machine as most of the platform are.
    let usual = || Some(config.provider_kind().default_interface()).filter(|link| !hardware.lacks_link(link));
    let found = hardware.main_link(address.host().parse().ok()).or_else(usual);
    found.map(str::to_owned).ok_or_else(|| {
        let links = hardware.describe_links();
        let message = format!("which link of {name} at {address} shall carry the VIP? It has {links}");
        StepError::new(Class::Configuration, message).hint("set network.vipInterface to a link that the machine has")
    })
}
