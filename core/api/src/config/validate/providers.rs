//! `providerConfig`: the block of the chosen platform.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use super::{Validator, net, or_default, registries, secrets, talos, text};
use crate::{
    config::{
        Authority, Aws, Azure, Cluster, ConfigDelivery, Gcp, Harvester, Host, HostAlias, HttpUrl, InMemory,
        NodeAddress, Nutanix, Provider, ProviderKind, Proxmox, Role, StaticMachine, StaticMachines, USUAL_BRIDGE,
        VmidRange,
        address::{is_dns_name, is_label},
        raw::RawConfig,
        raw_providers::{
            RawAws, RawAzure, RawConfigDelivery, RawGcp, RawHarvester, RawMachine, RawNutanix, RawProviderConfig,
            RawProxmox, RawStatic,
        },
    },
    names,
};

/// First VMID that Proxmox VE gives to guests.
const VMID_MIN: u32 = 100;

pub(super) fn provider(v: &mut Validator<'_>, raw: &RawConfig, kind: ProviderKind, cluster: &Cluster) -> Provider {
    let empty = RawProviderConfig::default();
    let blocks = raw.provider_config.as_ref().unwrap_or(&empty);
    if raw.provider.is_some() {
        unused(v, blocks, kind);
    }
    let path = format!("providerConfig.{kind}");
    let p = path.as_str();
    let provider = match kind {
        ProviderKind::Harvester => blocks.harvester.as_ref().map(|raw| harvester(v, raw, p)),
        ProviderKind::Nutanix => blocks.nutanix.as_ref().map(|raw| nutanix(v, raw, p)),
        ProviderKind::Proxmox => blocks.proxmox.as_ref().map(|raw| proxmox(v, raw, p, cluster)),
        ProviderKind::Gcp => blocks.gcp.as_ref().map(|raw| gcp(v, raw, p)),
        ProviderKind::Aws => blocks.aws.as_ref().map(|raw| aws(v, raw, p)),
        ProviderKind::Azure => blocks.azure.as_ref().map(|raw| azure(v, raw, p)),
        ProviderKind::Static => blocks.machines.as_ref().map(|raw| machines(v, raw, p, cluster)),
        ProviderKind::Local => Some(Provider::Local),
        ProviderKind::InMemory => {
            let world = blocks.inmemory.as_ref().and_then(|raw| text(raw.world.as_ref()));
            Some(Provider::InMemory(InMemory { world }))
        }
    };
    provider.unwrap_or_else(|| {
        if !v.is_written(p) {
            v.problem(
                p,
                format!("`{p}` is missing"),
                format!("provider {kind} needs its settings"),
            );
        }
        Provider::Local
    })
}

fn unused(v: &mut Validator<'_>, blocks: &RawProviderConfig, kind: ProviderKind) {
    let RawProviderConfig {
        harvester,
        nutanix,
        proxmox,
        gcp,
        aws,
        azure,
        inmemory,
        machines,
    } = blocks;
    let written = [
        (ProviderKind::Harvester, harvester.is_some()),
        (ProviderKind::Nutanix, nutanix.is_some()),
        (ProviderKind::Proxmox, proxmox.is_some()),
        (ProviderKind::Gcp, gcp.is_some()),
        (ProviderKind::Aws, aws.is_some()),
        (ProviderKind::Azure, azure.is_some()),
        (ProviderKind::InMemory, inmemory.is_some()),
        (ProviderKind::Static, machines.is_some()),
    ];
    for (block, _) in written
        .into_iter()
        .filter(|(block, written)| *written && *block != kind)
    {
        let path = format!("providerConfig.{block}");
        v.warn(&path, format!("`{path}` is not used: the provider is {kind}"), "");
    }
}

fn harvester(v: &mut Validator<'_>, raw: &RawHarvester, path: &str) -> Provider {
    let RawHarvester {
        kubeconfig_path,
        namespace,
        network_name,
        image_name,
    } = raw;
    let namespace = text(namespace.as_ref()).unwrap_or_else(|| "default".to_owned());
    if !is_label(&namespace) {
        v.problem(
            &format!("{path}.namespace"),
            format!("`{path}.namespace` is no namespace name"),
            "",
        );
    }
    let network_name = full_name(v, network_name.as_ref(), &format!("{path}.networkName"), is_label);
    Provider::Harvester(Harvester {
        kubeconfig: secrets::file(v, &format!("{path}.kubeconfigPath"), kubeconfig_path.as_ref()),
        namespace,
        network_name: or_default(network_name),
        image_name: full_name(v, image_name.as_ref(), &format!("{path}.imageName"), is_dns_name),
    })
}

/// The name of an object with its namespace, as `namespace/name`.
fn full_name(v: &mut Validator<'_>, value: Option<&String>, path: &str, is_name: fn(&str) -> bool) -> Option<String> {
    let value = value?;
    if !value
        .split_once('/')
        .is_some_and(|(namespace, name)| is_label(namespace) && is_name(name))
    {
        v.problem(path, format!("`{path}` must be `namespace/name`"), "");
    }
    Some(value.clone())
}

fn nutanix(v: &mut Validator<'_>, raw: &RawNutanix, path: &str) -> Provider {
    insecure(v, raw.insecure, path);
    let at = format!("{path}.endpoint");
    let mut endpoint = endpoint(v, raw.endpoint.as_ref(), &at);
    if let Some(port) = endpoint.authority.port.take() {
        let hint = format!("write `port: {port}` and leave it out here");
        v.problem(&at, "the port of Prism Central is a setting of its own", hint);
    }
    let mut uuid = |value: Option<&String>, key: &str| {
        let value = text(value)?;
        if uuid::Uuid::try_parse(&value).is_err() {
            v.problem(
                &format!("{path}.{key}"),
                format!("`{path}.{key}` is no UUID"),
                "Prism Central shows it in the entity's details",
            );
        }
        Some(value)
    };
    let cluster_uuid = or_default(uuid(raw.cluster_uuid.as_ref(), "clusterUUID"));
    let subnet_uuid = or_default(uuid(raw.subnet_uuid.as_ref(), "subnetUUID"));
    let image_uuid = uuid(raw.image_uuid.as_ref(), "imageUUID");
    let storage_container_uuid = uuid(raw.storage_container_uuid.as_ref(), "storageContainerUUID");
    for (value, key) in [(&raw.cluster_uuid, "clusterUUID"), (&raw.subnet_uuid, "subnetUUID")] {
        not_empty(v, value.as_ref(), &format!("{path}.{key}"));
    }
    let username = secrets::identity(v, raw.username.as_ref(), &format!("{path}.username"));
    Provider::Nutanix(Nutanix {
        endpoint,
        port: raw.port.unwrap_or(9440),
        insecure: raw.insecure.unwrap_or(false),
        username: username.unwrap_or_else(secrets::nothing),
        password: secrets::required(v, raw.password.as_ref(), &format!("{path}.password")),
        cluster_uuid,
        subnet_uuid,
        image_uuid,
        storage_container_uuid,
        host_aliases: host_aliases(v, &raw.host_aliases, path),
    })
}

fn proxmox(v: &mut Validator<'_>, raw: &RawProxmox, path: &str, cluster: &Cluster) -> Provider {
    if raw.insecure == Some(true) {
        let at = format!("{path}.insecure");
        let hint = format!(
            "write `{path}.fingerprint`, or `{path}.caFile` with the authority of the certificate; \
             `butleradm provider validate --config FILE` shows the fingerprint to compare"
        );
        v.problem(&at, format!("`{at}`: TLS is always verified"), hint);
    }
    for (value, key) in [
        (raw.username.is_some(), "username"),
        (raw.password.is_some(), "password"),
    ] {
        let at = format!("{path}.{key}");
        if !value && !v.is_written(&at) {
            v.problem(
                &at,
                format!("`{at}` is missing"),
                "a user `name@realm` with its password, or a token id with its secret",
            );
        }
    }
    Provider::Proxmox(Proxmox {
        endpoint: endpoint(v, raw.endpoint.as_ref(), &format!("{path}.endpoint")),
        nodes: or_default(raw.nodes.clone()),
        insecure: false,
        username: secrets::identity(v, raw.username.as_ref(), &format!("{path}.username")),
        password: secrets::optional(v, raw.password.as_ref(), &format!("{path}.password")),
        ca: text(raw.ca_file.as_ref())
            .and_then(|file| registries::certificate_file(v, &file, &format!("{path}.caFile"))),
        fingerprint: certificate_pin(v, raw, path),
        storage: needed_text(v, raw.storage.as_ref(), &format!("{path}.storage")),
        image_storage: text(raw.image_storage.as_ref()),
        bridge: text(raw.bridge.as_ref()).unwrap_or_else(|| USUAL_BRIDGE.to_owned()),
        vlan: raw.vlan,
        pool: text(raw.pool.as_ref()),
        config_delivery: match raw.config_delivery {
            Some(RawConfigDelivery::Cidata) => ConfigDelivery::Cidata,
            Some(RawConfigDelivery::Maintenance) | None => ConfigDelivery::Maintenance,
        },
        template_id: raw.template_id,
        vmid_range: vmids(v, raw, path, cluster),
        host_aliases: host_aliases(v, &raw.host_aliases, path),
    })
}

/// The fingerprint of the API's certificate, in the one way in which Proxmox VE shows it.
fn certificate_pin(v: &mut Validator<'_>, raw: &RawProxmox, path: &str) -> Option<String> {
    let at = format!("{path}.fingerprint");
    let written = text(raw.fingerprint.as_ref())?;
    if text(raw.ca_file.as_ref()).is_some() {
        let hint = format!("with `{path}.fingerprint` the certificate is trusted as it is: leave one of them out");
        v.problem(&at, format!("`{at}` and `{path}.caFile` exclude each other"), hint);
    }
    let digits: String = written.chars().filter(|c| *c != ':').collect();
    let pairs: Vec<&str> = digits
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| str::from_utf8(pair).ok())
        .collect();
    let pin = pairs.join(":").to_uppercase();
    let well_written = [pin.as_str(), &digits.to_uppercase()].contains(&written.to_uppercase().as_str());
    if pairs.len() != 32 || !digits.chars().all(|c| c.is_ascii_hexdigit()) || digits.len() != 64 || !well_written {
        let hint =
            "32 pairs of hexadecimal digits with colons: the SHA-256 fingerprint in Node > System > Certificates";
        v.problem(&at, format!("`{at}` is no SHA-256 fingerprint"), hint);
        return None;
    }
    Some(pin)
}

fn vmids(v: &mut Validator<'_>, raw: &RawProxmox, path: &str, cluster: &Cluster) -> Option<VmidRange> {
    let at = format!("{path}.vmidStart");
    match (raw.vmid_start, raw.vmid_end) {
        (None, None) => None,
        (Some(start), Some(end)) if start > end => {
            v.problem(&at, format!("`{at}` is behind `{path}.vmidEnd`"), "swap them");
            None
        }
        (Some(start), Some(end)) => {
            let machines = cluster.control_plane.replicas + cluster.workers.as_ref().map_or(0, |pool| pool.replicas);
            let room = end - start.max(VMID_MIN) + 1;
            if room < machines {
                v.problem(&at, format!("{room} VMIDs are not enough for {machines} machines"), "");
            }
            Some(VmidRange { start, end })
        }
        _ => {
            let written = if raw.vmid_start.is_some() {
                "vmidStart"
            } else {
                "vmidEnd"
            };
            v.problem(
                &format!("{path}.{written}"),
                "`vmidStart` and `vmidEnd` go together",
                "write both or none",
            );
            None
        }
    }
}

fn gcp(v: &mut Validator<'_>, raw: &RawGcp, path: &str) -> Provider {
    let region = needed_text(v, raw.region.as_ref(), &format!("{path}.region"));
    let zone = text(raw.zone.as_ref()).unwrap_or_else(|| format!("{region}-a"));
    if !region.is_empty() && !zone.starts_with(&format!("{region}-")) {
        let at = format!("{path}.zone");
        v.problem(
            &at,
            format!("`{at}` is not in region {region}"),
            format!("for example `{region}-a`"),
        );
    }
    Provider::Gcp(Gcp {
        service_account_key: secrets::file(
            v,
            &format!("{path}.serviceAccountKeyPath"),
            raw.service_account_key_path.as_ref(),
        ),
        project_id: needed_text(v, raw.project_id.as_ref(), &format!("{path}.projectID")),
        network: needed_text(v, raw.network.as_ref(), &format!("{path}.network")),
        region,
        zone,
        subnetwork: text(raw.subnetwork.as_ref()),
        machine_type: text(raw.machine_type.as_ref()),
        image_project: text(raw.image_project.as_ref()),
        image_family: text(raw.image_family.as_ref()),
        image: text(raw.image.as_ref()),
    })
}

fn aws(v: &mut Validator<'_>, raw: &RawAws, path: &str) -> Provider {
    let mut prefixed = |value: Option<&String>, key: &str, prefix: &str| {
        let value = text(value)?;
        if !value.starts_with(prefix) {
            v.problem(
                &format!("{path}.{key}"),
                format!("`{path}.{key}` must begin with `{prefix}`"),
                "",
            );
        }
        Some(value)
    };
    let vpc_id = prefixed(raw.vpc_id.as_ref(), "vpcID", "vpc-");
    let subnet_id = prefixed(raw.subnet_id.as_ref(), "subnetID", "subnet-");
    let security_group_id = prefixed(raw.security_group_id.as_ref(), "securityGroupID", "sg-");
    let ami = prefixed(raw.ami.as_ref(), "ami", "ami-");
    let access_key_id = secrets::identity(v, raw.access_key_id.as_ref(), &format!("{path}.accessKeyID"));
    Provider::Aws(Aws {
        access_key_id: access_key_id.unwrap_or_else(secrets::nothing),
        secret_access_key: secrets::required(v, raw.secret_access_key.as_ref(), &format!("{path}.secretAccessKey")),
        region: needed_text(v, raw.region.as_ref(), &format!("{path}.region")),
        vpc_id,
        subnet_id,
        security_group_id,
        instance_type: text(raw.instance_type.as_ref()),
        ami,
    })
}

fn azure(v: &mut Validator<'_>, raw: &RawAzure, path: &str) -> Provider {
    let client_id = secrets::identity(v, raw.client_id.as_ref(), &format!("{path}.clientID"));
    let tenant_id = secrets::identity(v, raw.tenant_id.as_ref(), &format!("{path}.tenantID"));
    Provider::Azure(Azure {
        client_id: client_id.unwrap_or_else(secrets::nothing),
        client_secret: secrets::required(v, raw.client_secret.as_ref(), &format!("{path}.clientSecret")),
        tenant_id: tenant_id.unwrap_or_else(secrets::nothing),
        subscription_id: needed_text(v, raw.subscription_id.as_ref(), &format!("{path}.subscriptionID")),
        resource_group: needed_text(v, raw.resource_group.as_ref(), &format!("{path}.resourceGroup")),
        location: needed_text(v, raw.location.as_ref(), &format!("{path}.location")),
        vnet_name: text(raw.vnet_name.as_ref()),
        subnet_name: text(raw.subnet_name.as_ref()),
        security_group_name: text(raw.security_group_name.as_ref()),
        vm_size: text(raw.vm_size.as_ref()),
        image_urn: text(raw.image_urn.as_ref()),
    })
}

fn machines(v: &mut Validator<'_>, raw: &RawStatic, path: &str, cluster: &Cluster) -> Provider {
    let Some(listed) = &raw.machines else {
        return Provider::Static(StaticMachines { machines: Vec::new() });
    };
    let workers = cluster.workers.as_ref().map_or(0, |pool| pool.replicas);
    for (role, wanted, key) in [
        (Role::ControlPlane, cluster.control_plane.replicas, "controlPlane"),
        (Role::Worker, workers, "workers"),
    ] {
        let found = listed.iter().filter(|machine| machine.role == Some(role)).count();
        if wanted as usize != found && listed.iter().all(|machine| machine.role.is_some()) {
            let word = role.as_str();
            let message = format!("machines of role {word}: {found} listed, {wanted} in `cluster.{key}.replicas`");
            v.problem(&format!("{path}.machines"), message, "list one machine for each");
        }
    }
    let machines: Vec<StaticMachine> = listed
        .iter()
        .enumerate()
        .map(|(i, raw)| machine(v, raw, &format!("{path}.machines[{i}]")))
        .collect();
    // With their ports, so that equal addresses can be seen.
    let socket = |address: NodeAddress| (address != NO_ADDRESS).then(|| address.socket().to_string());
    distinct(
        v,
        machines.iter().map(|machine| socket(machine.address)),
        path,
        "address",
    );
    let names = machine_names(&cluster.name, &machines);
    distinct(v, names.into_iter().map(Some), path, "name");
    Provider::Static(StaticMachines { machines })
}

/// The given names, and derived ones for the others, in file order.
fn machine_names(cluster: &str, machines: &[StaticMachine]) -> Vec<String> {
    let (mut control_planes, mut workers) = (0, 0);
    let mut name = |machine: &StaticMachine| {
        let counted = match machine.role {
            Role::ControlPlane => &mut control_planes,
            Role::Worker => &mut workers,
        };
        let derived = names::machine(cluster, machine.role, *counted);
        *counted += 1;
        machine.name.clone().unwrap_or(derived)
    };
    machines.iter().map(&mut name).collect()
}

/// Reports values that two machines have; none stands for a value that is reported already.
fn distinct(v: &mut Validator<'_>, values: impl Iterator<Item = Option<String>>, path: &str, key: &str) {
    let mut seen = BTreeSet::new();
    for (i, value) in values.enumerate() {
        let Some(value) = value else { continue };
        if seen.contains(&value) {
            let at = format!("{path}.machines[{i}].{key}");
            v.problem(&at, format!("two machines have the {key} {value}"), "");
        }
        seen.insert(value);
    }
}

/// Stands for an address that is missing or wrong, which is reported.
const NO_ADDRESS: NodeAddress = NodeAddress {
    ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    port: None,
};

fn machine_address(v: &mut Validator<'_>, written: Option<&str>, at: &str) -> NodeAddress {
    let Some(written) = written else { return NO_ADDRESS };
    let Some(address) = NodeAddress::parse(written) else {
        v.problem(at, format!("`{at}` is no address"), "write `IP` or `IP:PORT`");
        return NO_ADDRESS;
    };
    if let Some(what) = net::never_of_a_host(address.ip) {
        v.problem(at, format!("`{at}` is {what}"), "write the address of the machine");
    } else if address.ip.to_canonical().is_loopback() {
        v.warn(
            at,
            format!("`{at}` is a loopback address"),
            "only machines of the simulated world are on this computer",
        );
    }
    address
}

fn machine(v: &mut Validator<'_>, raw: &RawMachine, path: &str) -> StaticMachine {
    let name = text(raw.name.as_ref());
    if name.as_deref().is_some_and(|name| !is_label(name)) {
        let at = format!("{path}.name");
        v.problem(
            &at,
            format!("`{at}` is no host name"),
            "lower-case letters, digits and `-`, up to 63",
        );
    }
    let fingerprint = text(raw.fingerprint.as_ref());
    if fingerprint.as_deref().is_some_and(|print| !is_fingerprint(print)) {
        let at = format!("{path}.fingerprint");
        let hint = "the console of the machine shows it: 44 characters of base64";
        v.problem(&at, format!("`{at}` is no certificate fingerprint"), hint);
    }
    StaticMachine {
        address: machine_address(v, raw.address.as_deref(), &format!("{path}.address")),
        role: raw.role.unwrap_or(Role::Worker),
        name,
        fingerprint,
        install_disk: talos::install_disk(v, raw.install_disk.as_ref(), &format!("{path}.installDisk")),
        network_interface: text(raw.network_interface.as_ref()),
    }
}

/// Standard base64 of 32 bytes.
fn is_fingerprint(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    text.len() == 44 && text.strip_suffix('=').is_some_and(|body| body.chars().all(inner))
}

fn insecure(v: &mut Validator<'_>, insecure: Option<bool>, path: &str) {
    if insecure == Some(true) {
        let at = format!("{path}.insecure");
        v.warn(
            &at,
            format!("`{at}` has no effect: TLS is always verified"),
            "trust the platform's certificate on this machine instead",
        );
    }
}

/// An `https://` URL; the scheme may be left out.
fn endpoint(v: &mut Validator<'_>, value: Option<&String>, path: &str) -> HttpUrl {
    let Some(value) = value else { return no_url() };
    let value = value.trim().trim_end_matches('/');
    let (scheme, rest) = value.split_once("://").unwrap_or(("https", value));
    if scheme != "https" {
        v.problem(
            path,
            format!("`{path}` must be an `https://` URL"),
            "credentials are not sent unencrypted",
        );
    }
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    if authority.contains('@') {
        v.problem(
            path,
            format!("`{path}` has credentials in it"),
            "write them under `username` and `password`",
        );
        return no_url();
    }
    HttpUrl::parse(&format!("https://{rest}")).unwrap_or_else(|| {
        v.problem(
            path,
            format!("`{path}` names no host"),
            "write it like `https://host.example.org`",
        );
        no_url()
    })
}

/// Stands for a URL that is missing or wrong, which is reported.
fn no_url() -> HttpUrl {
    HttpUrl {
        tls: true,
        authority: Authority {
            host: Host::Address(Ipv4Addr::UNSPECIFIED.into()),
            port: None,
        },
        path: String::new(),
    }
}

fn host_aliases(v: &mut Validator<'_>, lines: &[String], path: &str) -> Vec<HostAlias> {
    let mut aliases = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        if let Some(alias) = HostAlias::parse(line) {
            aliases.push(alias);
        } else {
            let at = format!("{path}.hostAliases[{i}]");
            v.problem(
                &at,
                format!("`{at}` must be `IP HOST`"),
                "write it like `192.0.2.10 pc.example.org`",
            );
        }
    }
    aliases
}

fn needed_text(v: &mut Validator<'_>, value: Option<&String>, path: &str) -> String {
    not_empty(v, value, path);
    or_default(text(value))
}

fn not_empty(v: &mut Validator<'_>, value: Option<&String>, path: &str) {
    if value.is_some_and(|value| value.trim().is_empty()) {
        v.problem(path, format!("`{path}` is empty"), "");
    }
}
