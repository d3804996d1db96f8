//! Hardware addresses of network cards.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The hardware address of a network card. It is shown in capitals, as hypervisors do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac([u8; 6]);

impl Mac {
    /// The address of the card of the machine that this idempotency key stands for: the same after a restart, so that the
    /// machine is recognised by it on the network.
    pub fn derived(vendor: [u8; 3], key: Uuid) -> Self {
        let [a, b, c] = vendor;
        let digest = Sha256::digest(key.as_bytes());
        Self([a, b, c, digest[0], digest[1], digest[2]])
    }

    /// The bytes as they are on the wire.
    pub fn bytes(self) -> [u8; 6] {
        self.0
    }
}

impl From<[u8; 6]> for Mac {
    fn from(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let colon = if at > 0 { ":" } else { "" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

/// The text is no hardware address.
#[derive(Debug, PartialEq, Eq)]
pub struct NoMac;

impl FromStr for Mac {
    type Err = NoMac;

    fn from_str(text: &str) -> Result<Self, NoMac> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().ok_or(NoMac)?;
            if part.len() != 2 || !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(NoMac);
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| NoMac)?;
        }
        if parts.next().is_some() {
            return Err(NoMac);
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_the_same_address_every_time_and_keeps_the_vendor() {
        let vendor = [0xbc, 0x24, 0x11];
        let mac = Mac::derived(vendor, Uuid::from_u128(7));
        assert_eq!(mac, Mac::derived(vendor, Uuid::from_u128(7)));
        assert_ne!(mac, Mac::derived(vendor, Uuid::from_u128(8)));
        assert_eq!(mac.bytes()[..3], vendor);
    }

    #[test]
    fn text_is_read_in_either_case_and_written_in_capitals() {
        let mac: Mac = "bc:24:11:0a:Ff:00".parse().unwrap();
        assert_eq!(mac.to_string(), "BC:24:11:0A:FF:00");
        for wrong in [
            "",
            "bc:24:11:0a:ff",
            "bc:24:11:0a:ff:00:01",
            "bc:24:11:0a:ff:+1",
            "bc-24-11-0a-ff-00",
        ] {
            assert_eq!(wrong.parse::<Mac>(), Err(NoMac), "{wrong}");
        }
    }
}
