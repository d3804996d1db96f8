//! Requests without an answer, or with only a part of one.

use std::{error::Error as _, io};

use butler_api::{config::ProviderKind, descriptors};
use rustls::{CertificateError, Error as TlsError};

use super::{Fingerprint, Request, tls::Shown};
use crate::{ErrorKind, InfraError, call::Semantics};

/// Makes the error of a request that got no whole answer.
pub(super) fn lost(
    request: &Request<'_>,
    provider: ProviderKind,
    error: reqwest::Error,
    shown: &Shown,
    unreachable_hint: &str,
) -> InfraError {
    if let Some(exhausted) = descriptors::exhausted(&error) {
        return request
            .error(provider, ErrorKind::Unreachable, exhausted.to_string())
            .hint(descriptors::HINT);
    }
    if let Some(tls) = tls_error(&error) {
        let (message, hint) = untrusted(tls, shown.last().as_ref());
        let fingerprint = certificate_refused(tls).then(|| shown.last()).flatten();
        let kind = ErrorKind::Tls {
            fingerprint: fingerprint.map(|print| print.to_string()),
        };
        return request
            .error(provider, kind, message)
            .hint(hint)
            .because(tls.to_string());
    }
    let reads = request.semantics == Semantics::Safe;
    let (kind, message) = if error.is_connect() {
        (ErrorKind::Unreachable, "cannot connect")
    } else if error.is_timeout() {
        (ErrorKind::Timeout { maybe_applied: !reads }, "no answer in time")
    } else if reads {
        (ErrorKind::Unreachable, "the connection ended before the answer")
    } else {
        (
            ErrorKind::Timeout { maybe_applied: true },
            "the connection ended before the answer",
        )
    };
    let mut failure = request.error(provider, kind, message);
    if failure.kind == ErrorKind::Unreachable {
        failure = failure.hint(unreachable_hint);
    }
    // The outermost layer repeats the URL and says nothing else.
    let cause = error.without_url();
    match cause.source() {
        Some(inner) => failure.because(descriptors::words(inner)),
        None => failure.because(cause),
    }
}

/// The TLS error underneath, where there is one.
fn tls_error(error: &reqwest::Error) -> Option<&TlsError> {
    let mut next = error.source();
    while let Some(layer) = next {
        if let Some(tls) = layer.downcast_ref::<TlsError>() {
            return Some(tls);
        }
        // An io::Error names as its source the source of what it wraps, and so hides it.
        next = match layer.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => layer.source(),
        };
    }
    None
}

fn certificate_refused(error: &TlsError) -> bool {
    matches!(error, TlsError::InvalidCertificate(_))
}

/// What is wrong with the connection's TLS, and what to do about it.
fn untrusted(error: &TlsError, shown: Option<&Fingerprint>) -> (String, String) {
    let Some(shown) = shown.filter(|_| certificate_refused(error)) else {
        return (
            "no TLS connection can be made".into(),
            "check that the address leads to the platform's HTTPS port".into(),
        );
    };
    let why = match error {
        TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => "its authority is not trusted",
        TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "it is made out for another host",
        TlsError::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "it has expired"
        }
        TlsError::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            "it is not valid yet: compare the clocks"
        }
        TlsError::InvalidCertificate(CertificateError::ApplicationVerificationFailure) => {
            "it is not the one whose fingerprint is set"
        }
        _ => "it does not stand the test",
    };
    (
        format!("the server's certificate is refused: {why}"),
        format!(
            "compare the fingerprint {shown} with the one that the platform shows; if they are the same set \
             `fingerprint: {shown}`, or `caFile` to the authority that issued it"
        ),
    )
}
