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
    a.start <= b.end && b.start <= a.end
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
    fn ranges_that_share_one_address_overlap() {
        assert!(ranges_overlap(r("10.0.0.1", "10.0.0.9"), r("10.0.0.9", "10.0.0.20")));
        assert!(!ranges_overlap(r("10.0.0.1", "10.0.0.9"), r("10.0.0.10", "10.0.0.20")));
        assert!(contains(
            whole("10.0.0.0/24".parse().unwrap()),
            "10.0.0.255".parse().unwrap()
        ));
    }
}
