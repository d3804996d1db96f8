//! Certificates: the authority, serving certificates, and client certificates for administrators.

use std::io::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _};
use rustls::server::WebPkiClientVerifier;
use secrecy::{ExposeSecret as _, SecretString};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Why certificates cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PkiError {
    /// The authority's key is of no kind we know.
    #[error("the key of the certificate authority is not a PKCS#8 or SEC 1 key")]
    Key,
    /// The authority's key belongs to another certificate.
    #[error("the key does not belong to the certificate of the certificate authority")]
    Foreign,
    /// A certificate could not be made.
    #[error("cannot make the certificate of {name}")]
    Make { name: String, source: rcgen::Error },
    /// The authority's certificate does not read.
    #[error("the certificate of the certificate authority is not readable")]
    Certificate { source: rustls::pki_types::pem::Error },
    /// TLS does not take the certificates.
    #[error("TLS refuses the certificates")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A file cannot be read or written.
    #[error("cannot access {path}")]
    File { path: String, source: std::io::Error },
}

/// A certificate authority and what it signs.
pub(crate) struct Pki {
    ca_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// Who a client certificate says its bearer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
}

impl std::fmt::Debug for Pki {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pki").finish_non_exhaustive()
    }
}

impl Pki {
    /// The authority of this folder, made on first use.
    pub(crate) fn own(folder: &Path) -> Result<Self, PkiError> {
        let (cert_path, key_path) = (folder.join("ca.crt"), folder.join("ca.key"));
        if key_path.exists() && cert_path.exists() {
            let key = SecretString::from(read(&key_path)?);
            return Self::given(read(&cert_path)?, &key);
        }
        let failed = |source| PkiError::Make {
            name: "butler-embedded-ca".into(),
            source,
        };
        let mut params = CertificateParams::default();
        params.distinguished_name = named("butler-embedded-ca", None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        validity(&mut params);
        let key = KeyPair::generate().map_err(failed)?;
        let ca_pem = params.self_signed(&key).map_err(failed)?.pem();
        private_folder(folder).map_err(|source| PkiError::File {
            path: folder.display().to_string(),
            source,
        })?;
        write_private(&cert_path, ca_pem.as_bytes())?;
        write_private(&key_path, key.serialize_pem().as_bytes())?;
        Ok(Self {
            ca_pem,
            issuer: Issuer::new(params, key),
        })
    }

    /// Uses an authority that was made elsewhere; key and certificate must belong together.
    pub(crate) fn given(ca_pem: String, key: &SecretString) -> Result<Self, PkiError> {
        let failed = |source| PkiError::Make {
            name: "the certificate authority".into(),
            source,
        };
        let key = key_pair(key.expose_secret())?;
        let der =
            CertificateDer::from_pem_slice(ca_pem.as_bytes()).map_err(|source| PkiError::Certificate { source })?;
        let belongs = X509Certificate::from_der(&der)
            .is_ok_and(|(_, parsed)| parsed.public_key().subject_public_key.data == key.public_key_raw());
        let issuer = Issuer::from_ca_cert_pem(&ca_pem, key).map_err(failed)?;
        if !belongs {
            return Err(PkiError::Foreign);
        }
        Ok(Self { ca_pem, issuer })
    }

    pub(crate) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// A TLS configuration for these names; client certificates of this authority are asked for, not demanded.
    pub(crate) fn serving(&self, names: &[String]) -> Result<rustls::ServerConfig, PkiError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named("kube-apiserver", None);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        for name in names {
            params.subject_alt_names.push(match name.parse::<IpAddr>() {
                Ok(ip) => SanType::IpAddress(ip),
                Err(_) => SanType::DnsName(name.clone().try_into().map_err(|source| PkiError::Make {
                    name: name.clone(),
                    source,
                })?),
            });
        }
        let (cert, key) = self.issue(params, "kube-apiserver")?;
        let ca = self.ca()?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(ca.clone()).map_err(|e| PkiError::Tls(e.into()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .map_err(|e| PkiError::Tls(e.into()))?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| PkiError::Tls(e.into()))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![cert.der().clone(), ca], key)
            .map_err(|e| PkiError::Tls(e.into()))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// A client certificate and key, both PEM.
    pub(crate) fn client(&self, name: &str, group: &str) -> Result<(String, SecretString), PkiError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name, Some(group));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let (cert, key) = self.issue(params, name)?;
        Ok((cert.pem(), SecretString::from(key.serialize_pem())))
    }

    fn issue(&self, mut params: CertificateParams, name: &str) -> Result<(rcgen::Certificate, KeyPair), PkiError> {
        let failed = |source| PkiError::Make {
            name: name.to_owned(),
            source,
        };
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        validity(&mut params);
        let key = KeyPair::generate().map_err(failed)?;
        let cert = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok((cert, key))
    }

    fn ca(&self) -> Result<CertificateDer<'static>, PkiError> {
        CertificateDer::from_pem_slice(self.ca_pem.as_bytes()).map_err(|source| PkiError::Certificate { source })
    }
}

/// The subject of a verified client certificate.
pub(crate) fn subject(certificate: &CertificateDer<'_>) -> Option<Subject> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let name = parsed.subject().iter_common_name().next()?.as_str().ok()?.to_owned();
    let groups = parsed
        .subject()
        .iter_organization()
        .filter_map(|o| o.as_str().ok())
        .map(str::to_owned)
        .collect::<Vec<_>>();
    Some(Subject { name, groups })
}

/// Makes a folder that only its owner can enter, and those above it that are missing.
pub(crate) fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a file that only its owner may read, in one step.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), PkiError> {
    let failed = |source| PkiError::File {
        path: path.display().to_string(),
        source,
    };
    // The same name with more behind it, so that both are in one folder.
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = std::path::PathBuf::from(fresh);
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&fresh, path).map_err(failed)
}

fn read(path: &Path) -> Result<String, PkiError> {
    std::fs::read_to_string(path).map_err(|source| PkiError::File {
        path: path.display().to_string(),
        source,
    })
}

fn named(name: &str, group: Option<&str>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    if let Some(group) = group {
        subject.push(DnType::OrganizationName, group);
    }
    subject.push(DnType::CommonName, name);
    subject
}

fn validity(params: &mut CertificateParams) {
    // Clocks of machines may be behind; a day of slack is enough for any that still works.
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2120, 1, 1);
}

/// Reads a PKCS#8 key, or a SEC 1 key on P-256 (what Talos writes) by wrapping it.
fn key_pair(text: &str) -> Result<KeyPair, PkiError> {
    let parsed = pem::parse(text).map_err(|_| PkiError::Key)?;
    let der = match parsed.tag() {
        "EC PRIVATE KEY" => wrap_sec1(parsed.contents()),
        _ => parsed.contents().to_vec(),
    };
    KeyPair::try_from(der.as_slice()).map_err(|_| PkiError::Key)
}

/// Puts an `ECPrivateKey` on P-256 into the PKCS#8 envelope.
fn wrap_sec1(sec1: &[u8]) -> Vec<u8> {
    const ALGORITHM: &[u8] = &[
        0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
        0x03, 0x01, 0x07,
    ];
    let mut inner = vec![0x02, 0x01, 0x00];
    inner.extend_from_slice(ALGORITHM);
    inner.extend(tlv(0x04, sec1));
    tlv(0x30, &inner)
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = content.len().to_be_bytes();
            let significant = &bytes[bytes.iter().take_while(|b| **b == 0).count()..];
            let count = u8::try_from(significant.len()).expect("a length has at most eight bytes");
            out.push(0x80 | count);
            out.extend_from_slice(significant);
        }
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sec1_key_reads_like_its_pkcs8_form() {
        let pair = KeyPair::generate().unwrap();
        let pkcs8 = pair.serialize_der();
        // The ECPrivateKey is the last OCTET STRING of the envelope; the public key is its last part.
        let at = pkcs8.windows(2).position(|w| w == [0x04, 0x6d]).unwrap();
        let plain = pkcs8[at + 2..].to_vec();
        let (private, public) = plain[2..].split_at(37);
        let curve = [0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
        // Go names the curve inside as well.
        let with_curve = tlv(0x30, &[private, &curve, public].concat());
        for sec1 in [plain.clone(), with_curve] {
            let text = pem::encode(&pem::Pem::new("EC PRIVATE KEY", sec1));
            let read = key_pair(&text).unwrap();
            assert_eq!(
                rcgen::PublicKeyData::der_bytes(&read),
                rcgen::PublicKeyData::der_bytes(&pair)
            );
        }
    }

    #[test]
    fn the_authority_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = Pki::own(folder.path()).unwrap();
        let second = Pki::own(folder.path()).unwrap();
        assert_eq!(first.ca_pem(), second.ca_pem());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(folder.path().join("ca.key"))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_client_certificate_names_its_bearer_and_group() {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::own(folder.path()).unwrap();
        let (cert, _) = pki.client("admin", "system:masters").unwrap();
        let der = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
        let found = subject(&der).unwrap();
        assert_eq!(found.name, "admin");
        assert_eq!(found.groups, ["system:masters"]);
    }
}
