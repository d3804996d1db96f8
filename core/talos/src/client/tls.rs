//! Verification of server certificates, with a memory of what was seen.
//!
//! A node in maintenance mode has a throw-away certificate: it can only be pinned. A configured node has one of the
//! cluster's CA. The verifiers remember the certificate, for the cause of a failure often lies in which one came.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

/// CN of the certificate of a node in maintenance mode.
const MAINTENANCE_NAME: &str = "maintenance-service.talos.dev";

/// The certificate that a server showed, shared between a verifier and whoever explains a failure.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    certificate: Arc<Mutex<Option<CertificateDer<'static>>>>,
    identity: bool,
}

impl Seen {
    pub(super) fn new(with_identity: bool) -> Self {
        Self {
            certificate: Arc::default(),
            identity: with_identity,
        }
    }

    /// Whether we had a client certificate to show.
    pub(super) fn with_identity(&self) -> bool {
        self.identity
    }

    pub(super) fn certificate(&self) -> Option<CertificateDer<'static>> {
        self.certificate.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the certificate names itself one of maintenance mode.
    pub(super) fn is_maintenance(&self) -> bool {
        self.certificate().is_some_and(|der| {
            X509Certificate::from_der(&der).is_ok_and(|(_, certificate)| {
                certificate
                    .subject()
                    .iter_common_name()
                    .any(|name| name.as_str().is_ok_and(|name| name == MAINTENANCE_NAME))
            })
        })
    }

    /// Fingerprint of the certificate's public key, in the form that the node's console shows.
    pub(super) fn fingerprint(&self) -> Option<String> {
        fingerprint(&self.certificate()?)
    }

    fn remember(&self, certificate: &CertificateDer<'_>) {
        let certificate = Some(certificate.clone().into_owned());
        *self.certificate.lock().unwrap_or_else(PoisonError::into_inner) = certificate;
    }
}

fn fingerprint(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(STANDARD.encode(Sha256::digest(certificate.public_key().raw)))
}

/// Verifies by the cluster's CA.
#[derive(Debug)]
pub(super) struct ByCa {
    inner: Arc<WebPkiServerVerifier>,
    seen: Seen,
}

impl ByCa {
    /// A verifier for the CAs in a PEM text, which may hold several while they are being rotated.
    pub(super) fn new(ca: &str, seen: Seen) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for block in pem::parse_many(ca).map_err(|_| "the CA of the talosconfig is not PEM")? {
            roots
                .add(CertificateDer::from(block.into_contents()))
                .map_err(|_| "the CA of the talosconfig is not a certificate")?;
        }
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { inner, seen })
    }

    /// Whether a certificate is of this CA, whatever its names and, where the clocks differ, its validity.
    pub(super) fn issued(&self, certificate: &CertificateDer<'_>) -> bool {
        match self.check(certificate, UnixTime::now()) {
            // Validity is looked at before the issuer, so look again at a time that suits the certificate.
            Standing::Untimely => start(certificate).is_some_and(|at| self.check(certificate, at) != Standing::Foreign),
            standing => standing == Standing::Issued,
        }
    }

    fn check(&self, certificate: &CertificateDer<'_>, at: UnixTime) -> Standing {
        // A name that cannot be in any certificate: reaching that check means that all others passed.
        let name = ServerName::try_from("name.invalid").expect("a well-formed name");
        match self.inner.verify_server_cert(certificate, &[], &name, &[], at) {
            Err(Error::InvalidCertificate(reason)) => match reason {
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Standing::Issued,
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => Standing::Untimely,
                _ => Standing::Foreign,
            },
            Ok(_) => Standing::Issued,
            Err(_) => Standing::Foreign,
        }
    }
}

#[derive(PartialEq, Eq)]
enum Standing {
    Issued,
    Untimely,
    Foreign,
}

/// When the validity of a certificate starts.
fn start(certificate: &CertificateDer<'_>) -> Option<UnixTime> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let seconds = u64::try_from(certificate.validity().not_before.timestamp()).ok()?;
    Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

impl ServerCertVerifier for ByCa {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.seen.remember(end_entity);
        self.inner
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Verifies by a fingerprint, or takes any certificate where none is known. The handshake's signature is always
/// checked: the server holds the key of the certificate that is remembered.
#[derive(Debug)]
pub(super) struct ByFingerprint {
    pinned: Option<String>,
    provider: Arc<CryptoProvider>,
    seen: Seen,
}

impl ByFingerprint {
    pub(super) fn new(pinned: Option<&str>, seen: Seen) -> Self {
        Self {
            pinned: pinned.map(str::to_owned),
            provider: provider(),
            seen,
        }
    }
}

impl ServerCertVerifier for ByFingerprint {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.seen.remember(end_entity);
        if self.pinned.is_some() && self.pinned != fingerprint(end_entity) {
            return Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ));
        }
        Ok(ServerCertVerified::assertion())
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
