//! Addresses of servers, as people type them.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;
use serde::{Deserialize, Serialize};

/// The address of a Butler server: scheme, host and port, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerAddress(String);

/// Why a text is no address of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It cannot be read.
    #[error("{text:?} is no address: {reason}")]
    Unreadable {
        /// What was typed, without what may be secret.
        text: String,
        /// Why not.
        reason: String,
    },
    /// Nobody could see that it is not read by others on the way.
    #[error("{0} is not encrypted")]
    NotEncrypted(String),
    /// It holds a user name or a password, which would be kept and shown.
    #[error("the address of a server holds no user name and no password")]
    HasCredentials,
}

impl ServerAddress {
    /// Reads an address. Without a scheme it is https; plain http is for loopback only, unless that is allowed.
    pub fn parse(text: &str, allow_http: bool) -> Result<Self, AddressError> {
        let text = text.trim();
        let whole = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let unreadable = |reason: &str| AddressError::Unreadable {
            text: without_user(text).to_owned(),
            reason: reason.to_owned(),
        };
        let url = Url::parse(&whole).map_err(|error| unreadable(&error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::HasCredentials);
        }
        let Some(host) = url.host_str() else {
            return Err(unreadable("it names no host"));
        };
        match url.scheme() {
            "https" => {}
            "http" if allow_http || is_loopback(host) => {}
            "http" => return Err(AddressError::NotEncrypted(format!("http://{host}"))),
            other => return Err(unreadable(&format!("{other} is no scheme of a server"))),
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(unreadable("it goes on after the path"));
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of a path of the server. Parts that others chose are escaped: what is no unreserved character would be read as
    /// something else.
    pub fn path(&self, segments: &[&str]) -> String {
        let escaped = segments.iter().map(|segment| {
            let bytes = segment.bytes().map(|byte| match byte {
                byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            });
            bytes.collect::<String>()
        });
        let path: Vec<String> = escaped.collect();
        format!("{}/{}", self.0, path.join("/"))
    }

    /// Its host, as names of contexts have it.
    pub fn host(&self) -> &str {
        let rest = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        rest.split(['/', '?']).next().unwrap_or(rest)
    }

    /// It is on this computer.
    pub fn is_loopback(&self) -> bool {
        let url = Url::parse(&self.0).ok();
        url.is_some_and(|url| url.host_str().is_some_and(is_loopback))
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Addresses in a store were allowed when they were put there.
impl TryFrom<String> for ServerAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text, true)
    }
}

impl From<ServerAddress> for String {
    fn from(address: ServerAddress) -> Self {
        address.0
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What was typed without what stands before an `@`: it may be a password.
fn without_user(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, String> {
        let address = ServerAddress::parse(text, false);
        address.map(|address| address.0).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_is_https_unless_it_is_on_this_computer() {
        assert_eq!(parsed("console.example.com").unwrap(), "https://console.example.com");
        assert_eq!(
            parsed(" https://c.example.com:8443/ ").unwrap(),
            "https://c.example.com:8443"
        );
        assert_eq!(parsed("http://127.0.0.1:8080").unwrap(), "http://127.0.0.1:8080");
        assert_eq!(parsed("http://[::1]:8080").unwrap(), "http://[::1]:8080");
        assert!(
            parsed("http://console.example.com")
                .unwrap_err()
                .contains("not encrypted")
        );
        let allowed = ServerAddress::parse("http://console.example.com", true).unwrap();
        assert_eq!(allowed.as_str(), "http://console.example.com");
    }

    #[test]
    fn what_is_no_address_is_refused_and_no_password_is_repeated() {
        assert!(parsed("ftp://x").unwrap_err().contains("no scheme"));
        assert!(parsed("https://").is_err());
        assert!(parsed("https://x?a=b").is_err());
        for text in ["https://me:secret@x", "me:secret@x y"] {
            let error = parsed(text).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn parts_of_a_path_cannot_leave_it() {
        let address = ServerAddress::parse("https://x", false).unwrap();
        assert_eq!(
            address.path(&["api", "clusters", "a-b.c"]),
            "https://x/api/clusters/a-b.c"
        );
        assert_eq!(address.path(&["api", "../admin?x"]), "https://x/api/..%2Fadmin%3Fx");
    }
}
