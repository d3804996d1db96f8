//! Addresses, hosts and URLs of a validated configuration. They are read once, here; whoever needs a part asks for it.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use serde::{Serialize, Serializer};

/// Port on which a node serves the Talos API where nobody says otherwise.
pub const TALOS_PORT: u16 = 50_000;

/// Longest label of a DNS name, and so the longest host name of a machine.
pub(super) const LABEL_MAX: usize = 63;

/// The longest name that DNS allows.
const NAME_MAX: usize = 253;

/// Whether a text is a DNS-1123 label.
pub(crate) fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty()
        && text.len() <= LABEL_MAX
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether a text is a DNS name in lower case: labels separated by dots.
pub(super) fn is_dns_name(text: &str) -> bool {
    text.len() <= NAME_MAX && text.split('.').all(is_label)
}

/// A host: an IP address, or a name that somebody has to look up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// An IP address of either family.
    Address(IpAddr),
    /// A DNS name, as it was written.
    Name(String),
}

impl Host {
    /// Reads an IP address (without brackets) or a DNS name in any case.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address));
        }
        is_dns_name(&text.to_lowercase()).then(|| Self::Name(text.to_owned()))
    }
}

/// Without brackets, as certificates and settings of a host have it.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A host with a port of its own where one is written: the part of a URL before its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// Who is connected to.
    pub host: Host,
    /// The port; none means the usual one of the protocol.
    pub port: Option<u16>,
}

impl Authority {
    /// Reads `HOST`, `HOST:PORT`, `[IPv6]` or `[IPv6]:PORT`; port 0 is none.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            let host = Host::Address(address);
            return Some(Self { host, port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                let port = port.parse().ok().filter(|port| *port > 0)?;
                (host, Some(port))
            }
            _ => (text, None),
        };
        let host = match host.strip_prefix('[') {
            Some(rest) => Host::Address(IpAddr::V6(rest.strip_suffix(']')?.parse().ok()?)),
            None => Host::parse(host)?,
        };
        Some(Self { host, port })
    }
}

/// With brackets around an IPv6 address.
impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
            host => host.fmt(f)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// An `http://` or `https://` URL of a host. It has no credentials, no query and no fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl {
    /// Whether the connection is encrypted (`https://`).
    pub tls: bool,
    /// Host and port that the URL leads to.
    pub authority: Authority,
    /// What follows the host, with its leading slash; empty where nothing does.
    pub path: String,
}

impl HttpUrl {
    /// Reads a URL with its scheme in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        let (tls, rest) = match text.split_once("://")? {
            ("https", rest) => (true, rest),
            ("http", rest) => (false, rest),
            _ => return None,
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if path.contains(|c: char| matches!(c, '?' | '#') || c.is_whitespace()) {
            return None;
        }
        Some(Self {
            tls,
            authority: Authority::parse(authority)?,
            path: path.to_owned(),
        })
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

/// Where people and nodes reach the Kubernetes API of the cluster (`network.vip`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlPlaneEndpoint {
    /// A virtual address, which the control planes announce themselves.
    Vip(Ipv4Addr),
    /// The name of a load balancer, which may answer before the cluster does.
    Name(String),
}

impl ControlPlaneEndpoint {
    /// Whether the machines announce it: only an address is announced, a name belongs to somebody's load balancer.
    pub fn is_announced(&self) -> bool {
        self.address().is_some()
    }

    /// The address, if it is one.
    pub fn address(&self) -> Option<Ipv4Addr> {
        match self {
            Self::Vip(address) => Some(*address),
            Self::Name(_) => None,
        }
    }
}

/// The host to connect to, and to write into configurations and certificates.
impl fmt::Display for ControlPlaneEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vip(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Where the Talos API of a listed machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeAddress {
    /// The address of the machine.
    pub ip: IpAddr,
    /// The port, where one is written.
    pub port: Option<u16>,
}

impl NodeAddress {
    /// Reads `IP` or `IP:PORT`; a port of 0 is none.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(ip) = text.parse() {
            return Some(Self { ip, port: None });
        }
        let socket: SocketAddr = text.parse().ok()?;
        let port = Some(socket.port()).filter(|port| *port > 0)?;
        let ip = socket.ip();
        Some(Self { ip, port: Some(port) })
    }

    /// Address and port to connect to.
    pub fn socket(self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port.unwrap_or(TALOS_PORT))
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(_) => self.socket().fmt(f),
            None => self.ip.fmt(f),
        }
    }
}

/// Names that stand for an address where DNS does not know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAlias {
    /// The address that the names stand for.
    pub address: IpAddr,
    /// One or more DNS names, as they were written.
    pub names: Vec<String>,
}

impl HostAlias {
    /// Reads `IP HOST`, with further hosts where there are any.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let address = words.next()?.parse().ok()?;
        let names: Vec<String> = words.map(str::to_owned).collect();
        let valid = !names.is_empty() && names.iter().all(|name| is_dns_name(&name.to_lowercase()));
        valid.then_some(Self { address, names })
    }
}

impl fmt::Display for HostAlias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.address, self.names.join(" "))
    }
}

/// A closed range of IPv4 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct IpRange {
    /// The first address of the range.
    pub start: Ipv4Addr,
    /// The last address of the range.
    pub end: Ipv4Addr,
}

impl IpRange {
    /// The range of a single address.
    pub fn of(address: Ipv4Addr) -> Self {
        Self {
            start: address,
            end: address,
        }
    }

    /// Reads one address, or `first-last`; the last is not before the first.
    pub fn parse(text: &str) -> Option<Self> {
        let (start, end) = text.split_once('-').unwrap_or((text, text));
        let range = Self {
            start: start.parse().ok()?,
            end: end.parse().ok()?,
        };
        (range.start <= range.end).then_some(range)
    }

    /// Whether the address is in the range.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        (self.start..=self.end).contains(&address)
    }

    /// The addresses that are in both ranges.
    pub fn common(self, other: Self) -> Option<Self> {
        let (start, end) = (self.start.max(other.start), self.end.min(other.end));
        (start <= end).then_some(Self { start, end })
    }

    /// Whether the ranges share an address.
    pub fn overlaps(self, other: Self) -> bool {
        self.common(other).is_some()
    }
}

/// Writes values as people write them.
macro_rules! serialize_as_text {
    ($($name:ident),+) => {
        $(impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        })+
    };
}

serialize_as_text!(Host, HttpUrl, ControlPlaneEndpoint, NodeAddress, HostAlias);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_as_they_are_written() {
        for text in [
            "https://mirror.example.org:5000/v2/docker",
            "http://192.0.2.5",
            "http://[2001:db8::7]:8080/",
            "https://Mirror.example.org",
        ] {
            assert_eq!(HttpUrl::parse(text).map(|url| url.to_string()).as_deref(), Some(text));
        }
        for wrong in [
            "mirror.example.org",
            "ftp://mirror.example.org",
            "https://",
            "https://user@mirror.example.org",
            "https://mirror.example.org/?a=b",
            "https://mirror.example.org/#a",
            "https://mirror.example.org:0",
            "https://mirror.example.org:port",
            "https://mirror example.org/",
            "https://mirror.example.org/a b",
        ] {
            assert_eq!(HttpUrl::parse(wrong), None, "{wrong}");
        }
        let bare = HttpUrl::parse("http://2001:db8::7/").map(|url| url.to_string());
        assert_eq!(bare.as_deref(), Some("http://[2001:db8::7]/"));
    }

    #[test]
    fn a_node_address_keeps_whether_its_port_was_written() {
        for (text, socket) in [
            ("192.0.2.11", "192.0.2.11:50000"),
            ("192.0.2.11:50000", "192.0.2.11:50000"),
            ("[2001:db8::21]:50002", "[2001:db8::21]:50002"),
            ("2001:db8::21", "[2001:db8::21]:50000"),
        ] {
            let address = NodeAddress::parse(text).unwrap();
            assert_eq!(
                (address.to_string().as_str(), address.socket().to_string().as_str()),
                (text, socket)
            );
        }
        for wrong in ["", "192.0.2", "192.0.2.11:0", "192.0.2.11:99999", "host:50000"] {
            assert_eq!(NodeAddress::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_an_address_is_announced_by_the_machines() {
        let vip = ControlPlaneEndpoint::Vip(Ipv4Addr::new(192, 0, 2, 10));
        let name = ControlPlaneEndpoint::Name("api.example.org".to_owned());
        assert!(vip.is_announced() && !name.is_announced());
        assert_eq!(
            (vip.to_string(), name.to_string()),
            ("192.0.2.10".to_owned(), "api.example.org".to_owned())
        );
    }

    #[test]
    fn ranges_that_share_one_address_overlap() {
        let range = |a: u8, b: u8| IpRange {
            start: Ipv4Addr::new(10, 0, 0, a),
            end: Ipv4Addr::new(10, 0, 0, b),
        };
        assert!(range(1, 9).overlaps(range(9, 20)));
        assert!(!range(1, 9).overlaps(range(10, 20)));
        assert!(range(0, 255).contains(Ipv4Addr::new(10, 0, 0, 255)));
    }
}
