//! Whom a connection is made to: by authorities or by the certificate's fingerprint, never without.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use sha2::{Digest, Sha256};

/// What a server's certificate is checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The authorities that this computer trusts.
    Computer,
    /// The authorities in this PEM text, and no others.
    Authorities(String),
    /// This one certificate, whatever it says about itself.
    Certificate(Fingerprint),
}

/// SHA-256 over a certificate, shown as pairs of hexadecimal digits with colons.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }

    /// Reads 32 pairs of hexadecimal digits, with or without colons.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.trim().chars().filter(|c| *c != ':').collect();
        if digits.len() != 64 || !digits.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(":")?;
            }
            write!(f, "{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The certificate that a server showed last, shared between the verifier and whoever explains a refusal.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown(Arc<Mutex<Option<Fingerprint>>>);

impl Shown {
    pub(super) fn last(&self) -> Option<Fingerprint> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, certificate: &CertificateDer<'_>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Fingerprint::of(certificate));
    }
}

/// The TLS configuration for this trust.
pub(super) fn configuration(trust: &Trust, shown: &Shown) -> Result<ClientConfig, String> {
    let provider = provider();
    let check = match trust {
        Trust::Computer => Check::Chain(Arc::new(
            rustls_platform_verifier::Verifier::new(provider.clone())
                .map_err(|e| format!("the certificate authorities of this computer cannot be used: {e}"))?,
        )),
        Trust::Authorities(pem) => Check::Chain(by_authorities(pem, provider.clone())?),
        Trust::Certificate(fingerprint) => Check::Pinned(*fingerprint),
    };
    let verifier = Verifier {
        check,
        provider: provider.clone(),
        shown: shown.clone(),
    };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

fn by_authorities(pem: &str, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|e| format!("the certificate authority is not PEM: {e}"))?;
        roots
            .add(certificate)
            .map_err(|e| format!("the certificate authority is no certificate: {e}"))?;
    }
    if roots.is_empty() {
        return Err("the text of the certificate authority holds no certificate in PEM".into());
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|e| e.to_string())?;
    Ok(verifier)
}

#[derive(Debug)]
enum Check {
    Chain(Arc<dyn ServerCertVerifier>),
    Pinned(Fingerprint),
}

/// Checks as it is told, and remembers what it saw. The signature of the handshake is always checked: the server holds the
/// key of the certificate that is remembered.
#[derive(Debug)]
struct Verifier {
    check: Check,
    provider: Arc<CryptoProvider>,
    shown: Shown,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.shown.remember(end_entity);
        match &self.check {
            Check::Chain(chain) => chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
            Check::Pinned(pinned) if *pinned == Fingerprint::of(end_entity) => Ok(ServerCertVerified::assertion()),
            Check::Pinned(_) => Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            )),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(ring::default_provider()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_people_write_it() {
        let print = Fingerprint::of(b"certificate");
        let shown = print.to_string();
        assert_eq!(shown.len(), 95);
        assert_eq!(Fingerprint::parse(&shown), Some(print));
        assert_eq!(Fingerprint::parse(&shown.to_lowercase().replace(':', "")), Some(print));
        assert_eq!(Fingerprint::parse(&shown[3..]), None);
        assert_eq!(Fingerprint::parse(&shown.replace(['A', '0'], "G")), None);
    }

    #[test]
    fn authorities_have_to_be_certificates() {
        let refused = |pem: &str| configuration(&Trust::Authorities(pem.into()), &Shown::default()).map(|_| ());
        assert!(refused("").unwrap_err().contains("holds no certificate"));
        assert!(refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_err());
    }
}
