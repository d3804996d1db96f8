//! Certificates in Secrets: whether they are good for a while.

use jiff::{SignedDuration, Timestamp};

use super::super::certificates::Validity;
use super::super::finding::{Finding, Id, Severity, Subject};
use super::super::objects::TlsSecret;
use super::super::sight::Sight;

/// Nobody is warned earlier than so long before the end.
const EARLIEST: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Nobody is alarmed earlier than so long before the end.
const LATEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is to be said of certificates.
pub(super) fn examine(sight: &Sight, now: Timestamp) -> Vec<Finding> {
    sight
        .secrets
        .all()
        .filter_map(|secret| certificate(secret, now))
        .collect()
}

fn certificate(secret: &TlsSecret, now: Timestamp) -> Option<Finding> {
    let validity = secret.data.0?;
    let weight = weight(validity, now)?;
    let sentence = if validity.ends <= now {
        "its certificate has ended"
    } else {
        "its certificate ends soon, and nobody has renewed it"
    };
    let (namespace, name) = (&secret.metadata.namespace, &secret.metadata.name);
    let subject = Subject::one("Secret", namespace, name);
    let finding = Finding::new(Id::CertificateEndsSoon, weight, subject, sentence);
    let seen = format!("it is good until {}", validity.ends);
    Some(finding.seen(seen, None).remedy(format!(
        "kubectl --namespace {namespace} get certificates,secrets {name}"
    )))
}

/// How much it weighs that a certificate ends. What is good for a short time only is renewed late in it, so that a part of that
/// time counts and not only days.
fn weight(validity: Validity, now: Timestamp) -> Option<Severity> {
    let whole = validity.ends.duration_since(validity.begins);
    let left = validity.ends.duration_since(now);
    if left <= (whole / 10).min(LATEST) {
        Some(Severity::Error)
    } else if left <= (whole / 4).min(EARLIEST) {
        Some(Severity::Warning)
    } else {
        None
    }
}
