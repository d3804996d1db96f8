//! Addresses: parsing with a message, and who overlaps whom.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::Validator;
use crate::config::IpRange;

pub(super) fn address(v: &mut Validator<'_>, value: &str, path: &str) -> Option<Ipv4Addr> {
    let parsed = value.trim().parse().ok();
    if parsed.is_none() {
        v.problem(path, format!("`{path}` is no IPv4 address"), "");
    }
    parsed
}

pub(super) fn cidr(v: &mut Validator<'_>, value: &str, path: &str) -> Option<Ipv4Net> {
    let Ok(net) = value.trim().parse::<Ipv4Net>() else {
        v.problem(
            path,
            format!("`{path}` is no IPv4 network"),
            "write it like `10.244.0.0/16`",
        );
        return None;
    };
    if net.trunc() != net {
        v.problem(
            path,
            format!("`{path}` has bits behind its prefix"),
            format!("write `{}`", net.trunc()),
        );
    }
    Some(net.trunc())
}

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

pub(super) fn contains(range: IpRange, address: Ipv4Addr) -> bool {
    (range.start..=range.end).contains(&address)
}

pub(super) fn ranges_overlap(a: IpRange, b: IpRange) -> bool {
    common(a, b).is_some()
}

/// The addresses that are in both.
pub(super) fn common(a: IpRange, b: IpRange) -> Option<IpRange> {
    let (start, end) = (a.start.max(b.start), a.end.min(b.end));
    (start <= end).then_some(IpRange { start, end })
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
    fn ranges_that_share_one_address_overlap() {
        assert!(ranges_overlap(r("10.0.0.1", "10.0.0.9"), r("10.0.0.9", "10.0.0.20")));
        assert!(!ranges_overlap(r("10.0.0.1", "10.0.0.9"), r("10.0.0.10", "10.0.0.20")));
        assert!(contains(
            whole("10.0.0.0/24".parse().unwrap()),
            "10.0.0.255".parse().unwrap()
        ));
    }
}
