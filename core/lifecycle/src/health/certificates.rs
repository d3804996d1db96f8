//! Until when a certificate in a Secret is good.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The certificate that a Secret holds. It is read while the Secret is: nothing else of it is kept, least of all its key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Held(pub(super) Option<Validity>);

/// From when until when a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    /// From when.
    pub(super) begins: Timestamp,
    /// Until when.
    pub(super) ends: Timestamp,
}

impl<'de> Deserialize<'de> for Held {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Data {
            #[serde(rename = "tls.crt")]
            certificate: Option<String>,
        }
        let data = Data::deserialize(deserializer)?;
        let pem = data.certificate.and_then(|text| STANDARD.decode(text).ok());
        Ok(Self(pem.and_then(|pem| validity(&pem))))
    }
}

/// The validity of the first certificate of a chain, which is the one that ends first in practice.
fn validity(pem: &[u8]) -> Option<Validity> {
    let blocks = pem::parse_many(pem).ok()?;
    let block = blocks.iter().find(|block| block.tag() == "CERTIFICATE")?;
    let (_, certificate) = X509Certificate::from_der(block.contents()).ok()?;
    let validity = certificate.validity();
    Some(Validity {
        begins: Timestamp::from_second(validity.not_before.timestamp()).ok()?,
        ends: Timestamp::from_second(validity.not_after.timestamp()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_certificate_is_not_known() {
        for data in [
            json!({}),
            json!({"tls.crt": "?"}),
            json!({"tls.crt": STANDARD.encode("-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----\n")}),
        ] {
            let held: Held = serde_json::from_value(data).unwrap();
            assert_eq!(held, Held(None));
        }
    }
}
