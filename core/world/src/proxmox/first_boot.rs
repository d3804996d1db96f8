//! What Talos reads at its first boot from a volume with the label `cidata`: its address and its configuration.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::Value;

use crate::node::config::{self, Applied};
use crate::world::proxmox::FirstBoot;
use crate::world::proxmox::iso::Iso;

/// Reads the first volume that has the label. Without one the machine asks DHCP and waits for a configuration.
pub(super) fn read(volumes: &[Arc<[u8]>], macs: &[String], talos: &str) -> FirstBoot {
    let found = volumes.iter().filter_map(|bytes| Iso::read(bytes));
    let mut found = found.filter(|iso| iso.label == "cidata" || iso.label == "CIDATA");
    let Some(volume) = found.next() else {
        return FirstBoot::default();
    };
    match understand(&volume, macs, talos) {
        Ok(first) => first,
        Err(trouble) => FirstBoot {
            trouble: Some(trouble),
            ..FirstBoot::default()
        },
    }
}

fn understand(volume: &Iso, macs: &[String], talos: &str) -> Result<FirstBoot, String> {
    if !volume.files.contains_key("meta-data") {
        return Err("nocloud: meta-data is missing on the cidata volume".to_owned());
    }
    let address = match volume.files.get("network-config") {
        Some(text) => network(text, macs)?,
        None => None,
    };
    let user_data = volume
        .files
        .get("user-data")
        .filter(|data| !data.trim_ascii().is_empty());
    let user_data = user_data.filter(|data| !data.starts_with(b"#cloud-config"));
    let config = match user_data.map(|data| config::read(data, talos)) {
        None | Some(Ok(Applied::Partial)) => None,
        Some(Ok(Applied::Whole(config))) => Some(Arc::from(config)),
        Some(Err(refusal)) => return Err(format!("failed to load the machine configuration: {refusal}")),
    };
    Ok(FirstBoot {
        address,
        config,
        trouble: None,
    })
}

/// The address in `ADDRESS/PREFIX`.
fn address(text: &str) -> Option<Ipv4Addr> {
    text.split('/').next().and_then(|ip| ip.parse().ok())
}

/// The address that network data of version 1 or 2 gives to one of the links.
fn network(text: &[u8], macs: &[String]) -> Result<Option<Ipv4Addr>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "nocloud: network-config is no text".to_owned())?;
    let parsed: Result<Value, _> = serde_saphyr::from_str(text);
    let parsed = parsed.map_err(|_| "nocloud: network-config cannot be parsed".to_owned())?;
    let own = |mac: Option<&str>| mac.is_none_or(|mac| macs.iter().any(|known| known.eq_ignore_ascii_case(mac)));
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    match parsed.get("version").and_then(Value::as_u64) {
        Some(2) => {
            let links = parsed.get("ethernets").and_then(Value::as_object);
            let links = links.into_iter().flatten().map(|(_, link)| link);
            let mut own = links.filter(|link| own(text(link, "/match/macaddress").as_deref()));
            Ok(own.find_map(|link| address(&text(link, "/addresses/0")?)))
        }
        Some(1) => {
            let links = parsed.get("config").and_then(Value::as_array);
            let mut own = links
                .into_iter()
                .flatten()
                .filter(|link| own(text(link, "/mac_address").as_deref()));
            Ok(own.find_map(|link| address(&text(link, "/subnets/0/address")?)))
        }
        _ => Err("nocloud: network-config has no version that is known".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::proxmox::iso::tests::volume;

    const NETWORK: &str = "version: 2\nethernets:\n  a:\n    match: {macaddress: \"bc:24:11:00:00:01\"}\n    addresses: [\"127.64.1.9/24\"]\n";

    fn first(files: &[(&str, &str)], label: &str) -> FirstBoot {
        let macs = ["BC:24:11:00:00:01".to_owned()];
        read(&[Arc::from(volume(label, files))], &macs, "v1.12.1")
    }

    #[test]
    fn an_address_is_taken_by_the_link_that_it_is_meant_for() {
        let told = first(&[("meta-data", "a: b\n"), ("network-config", NETWORK)], "cidata");
        assert_eq!(told.address, Some(Ipv4Addr::new(127, 64, 1, 9)));
        assert!(told.config.is_none() && told.trouble.is_none());
        let other = NETWORK.replace("00:01", "00:02");
        let told = first(&[("meta-data", "a: b\n"), ("network-config", &other)], "cidata");
        assert_eq!(told.address, None);
    }

    #[test]
    fn a_volume_of_another_name_is_nobodys_business() {
        let told = first(&[("meta-data", "a: b\n"), ("network-config", NETWORK)], "OTHER");
        assert_eq!(told.address, None);
    }

    #[test]
    fn a_configuration_that_is_none_keeps_the_machine_from_booting() {
        let told = first(&[("meta-data", "a: b\n"), ("user-data", "machine: [")], "cidata");
        assert!(
            told.trouble
                .unwrap()
                .contains("failed to load the machine configuration")
        );
        let told = first(&[("user-data", "machine: {}")], "cidata");
        assert!(told.trouble.unwrap().contains("meta-data is missing"));
        let told = first(&[("meta-data", "a: b\n"), ("user-data", "#cloud-config\n")], "cidata");
        assert!(told.config.is_none() && told.trouble.is_none());
    }
}
