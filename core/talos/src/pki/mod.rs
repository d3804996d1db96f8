//! Keys and certificates in the forms that Talos and Kubernetes read and write.

mod der;
pub mod key;
mod rsa;

use std::fmt;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use rcgen::string::PrintableString;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use secrecy::SecretString;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A certificate and its private key, both PEM.
#[derive(Clone)]
pub struct CertAndKey {
    /// The certificate as PEM.
    pub crt: String,
    /// The private key, under the label Talos uses for its kind.
    pub key: SecretString,
}

impl fmt::Debug for CertAndKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertAndKey")
            .field("crt", &self.crt)
            .finish_non_exhaustive()
    }
}

/// Kind of a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519, the kind of Talos's own API.
    Ed25519,
    /// ECDSA on P-256 with SHA-256, the kind of Kubernetes and etcd.
    EcdsaP256,
}

/// What an issued certificate says.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Common name (CN) of the subject, if it has one.
    pub common_name: Option<String>,
    /// Organization (O) of the subject, if it has one.
    pub organization: Option<String>,
    /// DNS names and IP addresses.
    pub names: Vec<String>,
    /// What the certificate may be used for.
    pub usage: Usage,
    /// Whether the key may encipher keys (RSA-style key exchange), as Kubernetes certificates say.
    pub key_encipherment: bool,
    /// Kind of the key that is made for it.
    pub algorithm: Algorithm,
    /// How long it is valid.
    pub lifetime: SignedDuration,
    /// How long before now its validity starts.
    pub backdate: SignedDuration,
}

/// Extended key usage of a leaf. The Talos API refuses clients whose list holds anything besides `clientAuth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// Clients only: the extended usage `clientAuth`.
    Client,
    /// Servers only: the extended usage `serverAuth`.
    Server,
}

/// Why a key or certificate could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The text is no PEM.
    #[error("{what} is not PEM")]
    NotPem {
        /// What the text was expected to be.
        what: &'static str,
    },
    /// The label is none of those of private keys.
    #[error("PEM label {label:?} is not the label of a private key")]
    KeyLabel {
        /// The label that was found.
        label: String,
    },
    /// The contents have another structure.
    #[error("{what} is malformed")]
    Malformed {
        /// What the content was expected to be.
        what: &'static str,
    },
    /// A key or a certificate could not be made.
    #[error("cannot generate the {what}")]
    Generate {
        /// What was to be made.
        what: &'static str,
    },
    /// The system gave no randomness.
    #[error("the system gives no random bytes")]
    Randomness {
        /// What the system said.
        source: getrandom::Error,
    },
    /// The certificate library refused.
    #[error("cannot {action}")]
    Certificate {
        /// What was being done.
        action: &'static str,
        /// What the library said.
        source: rcgen::Error,
    },
    /// The certificate's validity cannot be expressed.
    #[error("certificate validity is out of range")]
    Validity,
}

/// A certificate authority that can issue.
pub struct Authority {
    crt: String,
    issuer: Issuer<'static, KeyPair>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("crt", &self.crt)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Reads a CA and its key.
    pub fn new(pair: &CertAndKey) -> Result<Self, PkiError> {
        let key = key_pair(&pair.key)?;
        let issuer = Issuer::from_ca_cert_pem(&pair.crt, key).map_err(|source| PkiError::Certificate {
            action: "read the CA certificate",
            source,
        })?;
        Ok(Self {
            crt: pair.crt.clone(),
            issuer,
        })
    }

    /// The CA certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.crt
    }

    /// Issues a certificate for a new key.
    pub fn issue(&self, leaf: &Leaf, now: Timestamp) -> Result<CertAndKey, PkiError> {
        let key = new_key(leaf.algorithm)?;
        let mut params = params(now - leaf.backdate, now + leaf.lifetime)?;
        if let Some(organization) = &leaf.organization {
            params
                .distinguished_name
                .push(DnType::OrganizationName, printable(organization));
        }
        if let Some(name) = &leaf.common_name {
            params.distinguished_name.push(DnType::CommonName, printable(name));
        }
        params.subject_alt_names = leaf
            .names
            .iter()
            .map(|name| alternative_name(name))
            .collect::<Result<_, _>>()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if leaf.key_encipherment {
            params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
        params.extended_key_usages = vec![match leaf.usage {
            Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
            Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        params.use_authority_key_identifier_extension = true;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .map_err(|source| PkiError::Certificate {
                action: "sign the certificate",
                source,
            })?;
        Ok(CertAndKey {
            crt: certificate.pem(),
            key: key_pem(&key, leaf.algorithm)?,
        })
    }
}

/// A new self-signed CA in the form talosctl gives its CAs: organisation only (or nothing), ten years or so.
pub fn new_ca(
    organization: Option<&str>,
    algorithm: Algorithm,
    lifetime: SignedDuration,
    now: Timestamp,
) -> Result<CertAndKey, PkiError> {
    let key = new_key(algorithm)?;
    let mut params = params(now, now + lifetime)?;
    if let Some(organization) = organization {
        params
            .distinguished_name
            .push(DnType::OrganizationName, printable(organization));
    }
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.self_signed(&key).map_err(|source| PkiError::Certificate {
        action: "sign the CA certificate",
        source,
    })?;
    Ok(CertAndKey {
        crt: certificate.pem(),
        key: key_pem(&key, algorithm)?,
    })
}

/// A new RSA key of 4096 bits, PKCS#1 PEM.
pub fn new_rsa_key() -> Result<SecretString, PkiError> {
    rsa::generate()
}

/// Reads a private key of any PEM form for signing.
pub fn key_pair(key: &SecretString) -> Result<KeyPair, PkiError> {
    let der = key::pkcs8(key)?;
    KeyPair::try_from(&PrivatePkcs8KeyDer::from(der.as_slice())).map_err(|source| PkiError::Certificate {
        action: "read the private key",
        source,
    })
}

/// Checks that the text is a PEM certificate, and gives its DER.
pub fn certificate_der(certificate: &str) -> Result<Vec<u8>, PkiError> {
    let parsed = pem::parse(certificate).map_err(|_| PkiError::NotPem { what: "certificate" })?;
    if parsed.tag() != "CERTIFICATE" {
        return Err(PkiError::NotPem { what: "certificate" });
    }
    let der = parsed.into_contents();
    match X509Certificate::from_der(&der) {
        Ok(([], _)) => Ok(der),
        _ => Err(PkiError::Malformed { what: "certificate" }),
    }
}

/// Fills an array with random bytes of the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], PkiError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|source| PkiError::Randomness { source })?;
    Ok(bytes)
}

fn new_key(algorithm: Algorithm) -> Result<KeyPair, PkiError> {
    let kind = match algorithm {
        Algorithm::Ed25519 => &rcgen::PKCS_ED25519,
        Algorithm::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
    };
    KeyPair::generate_for(kind).map_err(|source| PkiError::Certificate {
        action: "generate a key",
        source,
    })
}

fn key_pem(key: &KeyPair, algorithm: Algorithm) -> Result<SecretString, PkiError> {
    let der = key.serialized_der();
    match algorithm {
        Algorithm::Ed25519 => key::ed25519_pem(der),
        Algorithm::EcdsaP256 => key::p256_pem(der),
    }
    .ok_or(PkiError::Malformed {
        what: "generated private key",
    })
}

fn params(not_before: Timestamp, not_after: Timestamp) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = certificate_time(not_before)?;
    params.not_after = certificate_time(not_after)?;
    // Positive, and never shortened: the top bits are 01.
    let mut serial = random::<16>()?;
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn certificate_time(at: Timestamp) -> Result<OffsetDateTime, PkiError> {
    OffsetDateTime::from_unix_timestamp(at.as_second()).map_err(|_| PkiError::Validity)
}

/// PrintableString where the alphabet allows, as Go's library writes it.
fn printable(text: &str) -> DnValue {
    PrintableString::try_from(text).map_or_else(|_| DnValue::from(text), DnValue::PrintableString)
}

fn alternative_name(name: &str) -> Result<SanType, PkiError> {
    if let Ok(ip) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(ip));
    }
    let name = name.try_into().map_err(|source| PkiError::Certificate {
        action: "use a DNS name",
        source,
    })?;
    Ok(SanType::DnsName(name))
}
