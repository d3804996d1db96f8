//! Where a node's Talos API is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use butler_api::config::{NodeAddress, TALOS_PORT};

/// Host and port of a node's Talos API, and the name its certificate must have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    host: String,
    port: u16,
    server_name: Option<String>,
}

/// The text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a node address; expected HOST or HOST:PORT")]
pub struct AddressError {
    text: String,
}

impl Address {
    /// An address with an explicit port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            server_name: None,
        }
    }

    /// Expects this name in the certificate instead of the host, as where an address is translated on the way.
    #[must_use]
    pub fn expecting(mut self, server_name: impl Into<String>) -> Self {
        self.server_name = Some(server_name.into());
        self
    }

    /// Host name or IP address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port of the Talos API.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn server_name(&self) -> &str {
        self.server_name.as_deref().unwrap_or(&self.host)
    }

    pub(super) fn uri(&self) -> String {
        format!("https://{self}")
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        Self::new(ip.to_string(), TALOS_PORT)
    }
}

impl From<NodeAddress> for Address {
    fn from(address: NodeAddress) -> Self {
        let socket = address.socket();
        Self::new(socket.ip().to_string(), socket.port())
    }
}

/// `HOST:PORT`, with brackets around an IPv6 address.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || AddressError { text: text.to_owned() };
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(ip.into());
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or_else(wrong)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
                match rest {
                    "" => (host, None),
                    _ => (host, Some(rest.strip_prefix(':').ok_or_else(wrong)?)),
                }
            }
            None => text
                .split_once(':')
                .map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let port = port
            .map_or(Some(TALOS_PORT), |port| port.parse().ok().filter(|port| *port > 0))
            .ok_or_else(wrong)?;
        let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b':');
        if host.is_empty() || !host.bytes().all(allowed) {
            return Err(wrong());
        }
        Ok(Self::new(host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_port() {
        for (text, shown) in [
            ("10.0.0.1", "10.0.0.1:50000"),
            ("10.0.0.1:6000", "10.0.0.1:6000"),
            ("cp-0.example", "cp-0.example:50000"),
            ("fd00::1", "[fd00::1]:50000"),
            ("[fd00::1]", "[fd00::1]:50000"),
            ("[fd00::1]:7", "[fd00::1]:7"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            ":1",
            "a:0",
            "a:70000",
            "a:b",
            "a b",
            "[fd00::1",
            "[x]:1",
            "a/b",
            "u@h",
            "[fd00::1]7",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text:?}");
        }
    }
}
