//! Addresses: parsing with a message, and who overlaps whom.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;

use super::Validator;
use crate::config::IpRange;

pub(super) fn address(v: &mut Validator<'_>, value: &str, path: &str) -> Option<Ipv4Addr> {
    let parsed: Option<Ipv4Addr> = value.trim().parse().ok();
    match parsed {
        None => v.problem(path, format!("`{path}` is no IPv4 address"), without_zeroes(value)),
        Some(address) => {
            if let Some(what) = never_of_a_host(IpAddr::V4(address)) {
                v.problem(path, format!("`{path}` is {what}"), "write the address of a host");
            }
        }
    }
    parsed
}

/// What an address is that no host can have.
pub(super) fn never_of_a_host(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        IpAddr::V4(v4) if v4.octets()[0] == 0 => Some("no address of a host (0.0.0.0/8)"),
        IpAddr::V4(v4) if v4.is_broadcast() => Some("the broadcast address"),
        IpAddr::V4(v4) if v4.is_multicast() => Some("a multicast address"),
        IpAddr::V4(v4) if v4.octets()[0] >= 240 => Some("no address of a host (240.0.0.0/4)"),
        IpAddr::V6(v6) if v6.is_unspecified() => Some("no address of a host"),
        IpAddr::V6(v6) if v6.is_multicast() => Some("a multicast address"),
        _ => None,
    }
}

/// The hint for octets such as `010`, which programs read in two ways.
fn without_zeroes(value: &str) -> String {
    let value = value.trim();
    let address = value.split_once('/').map_or(value, |(address, _)| address);
    let octets: Vec<Option<u8>> = address.split('.').map(|octet| octet.parse().ok()).collect();
    match octets[..] {
        [Some(a), Some(b), Some(c), Some(d)] => {
            format!(
                "without zeroes in front of a number it would be {}",
                Ipv4Addr::new(a, b, c, d)
            )
        }
        _ => String::new(),
    }
}

/// An IPv4 network in the one way to write it.
pub(super) fn parse_net(value: &str) -> Option<Ipv4Net> {
    let (address, prefix) = value.split_once('/')?;
    let address: Ipv4Addr = address.parse().ok()?;
    let length: u8 = prefix.parse().ok()?;
    let net = Ipv4Net::new(address, length).ok()?;
    (length.to_string() == prefix).then_some(net)
}

pub(super) fn cidr(v: &mut Validator<'_>, value: &str, path: &str) -> Option<Ipv4Net> {
    let Some(net) = parse_net(value.trim()) else {
        let zeroes = without_zeroes(value);
        let hint = if zeroes.is_empty() {
            "write it like `10.244.0.0/16`".to_owned()
        } else {
            zeroes
        };
        v.problem(path, format!("`{path}` is no IPv4 network"), hint);
        return None;
    };
    let reserved = RESERVED.iter().find(|(first, prefix, _)| {
        let reserved = Ipv4Net::new_assert(Ipv4Addr::new(*first, 0, 0, 0), *prefix);
        whole(reserved).overlaps(whole(net))
    });
    if let Some((_, _, what)) = reserved {
        v.problem(
            path,
            format!("`{path}` has {what} in it"),
            "choose a private network, such as one of 10.0.0.0/8",
        );
    }
    if net.trunc() != net {
        v.problem(
            path,
            format!("`{path}` has bits behind its prefix"),
            format!("write `{}`", net.trunc()),
        );
    }
    Some(net.trunc())
}

/// Networks that no hosts can have: first octet, prefix, and what is in it.
const RESERVED: [(u8, u8, &str); 3] = [
    (0, 8, "addresses that no host can have (0.0.0.0/8)"),
    (127, 8, "loopback addresses (127.0.0.0/8)"),
    (224, 3, "multicast and reserved addresses (224.0.0.0/3)"),
];

/// A range whose first address is not behind its last.
pub(super) fn range(v: &mut Validator<'_>, start: &str, end: &str, path: &str) -> Option<IpRange> {
    let start = address(v, start, &format!("{path}.start"));
    let end = address(v, end, &format!("{path}.end"));
    let range = IpRange {
        start: start?,
        end: end?,
    };
    if range.start > range.end {
        v.problem(
            path,
            format!("`{path}` begins behind its end"),
            "swap `start` and `end`",
        );
        return None;
    }
    Some(range)
}

/// Whether the networks together hold every address of the range.
pub(super) fn is_covered(range: IpRange, nets: &[Ipv4Net]) -> bool {
    let mut next = range.start;
    while let Some(net) = nets.iter().find(|net| net.contains(&next)) {
        if net.broadcast() >= range.end {
            return true;
        }
        next = Ipv4Addr::from_bits(net.broadcast().to_bits() + 1);
    }
    false
}

/// All addresses of a network.
pub(super) fn whole(net: Ipv4Net) -> IpRange {
    IpRange {
        start: net.network(),
        end: net.broadcast(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(start: &str, end: &str) -> IpRange {
        IpRange {
            start: start.parse().unwrap(),
            end: end.parse().unwrap(),
        }
    }

    #[test]
    fn several_networks_cover_a_range_when_they_leave_no_gap() {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Ipv4Net>>();
        let range = r("10.0.0.10", "10.0.0.50");
        assert!(is_covered(
            range,
            &nets(&["10.0.0.32/27", "10.0.0.0/28", "10.0.0.16/28"])
        ));
        assert!(!is_covered(range, &nets(&["10.0.0.32/27", "10.0.0.0/28"])));
        assert!(!is_covered(range, &[]));
        assert!(is_covered(
            r("255.255.255.250", "255.255.255.255"),
            &nets(&["255.255.255.0/24"])
        ));
    }

    #[test]
    fn a_network_is_written_in_one_way() {
        assert!(parse_net("10.244.0.0/16").is_some());
        for wrong in [
            "010.244.0.0/16",
            "10.244.0.0/016",
            "10.244.0.0/+16",
            "10.244.0.0",
            "10.244.0.0/33",
            "10.244/16",
        ] {
            assert!(parse_net(wrong).is_none(), "{wrong}");
        }
        assert_eq!(
            without_zeroes("010.244.0.0/16"),
            "without zeroes in front of a number it would be 10.244.0.0"
        );
        assert_eq!(without_zeroes("a.b"), "");
    }

    #[test]
    fn some_addresses_are_of_no_host() {
        for wrong in [
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "ff02::1",
            "::ffff:224.0.0.1",
        ] {
            assert!(never_of_a_host(wrong.parse().unwrap()).is_some(), "{wrong}");
        }
        for fine in ["10.0.0.0", "127.64.0.1", "192.0.2.255", "169.254.1.1", "2001:db8::1"] {
            assert!(never_of_a_host(fine.parse().unwrap()).is_none(), "{fine}");
        }
    }
}
