//! Private keys: the PEM labels Talos reads and writes, and the PKCS#8 form that our libraries take.
//!
//! Older releases of Talos know only the labels `EC PRIVATE KEY` (SEC1), `RSA PRIVATE KEY` (PKCS#1) and
//! `ED25519 PRIVATE KEY`, a label of its own for PKCS#8; those are what we write. All of them and the usual
//! `PRIVATE KEY` are read.

use pem::{EncodeConfig, LineEnding, Pem};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};

use super::PkiError;
use super::der::{BIT_STRING, INTEGER, OCTET_STRING, SEQUENCE, element, take};

const PKCS8: &str = "PRIVATE KEY";
const SEC1: &str = "EC PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";
const ED25519: &str = "ED25519 PRIVATE KEY";

/// Object identifiers, with tag and length.
const OID_P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const OID_EC_PUBLIC_KEY: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const OID_ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
const OID_RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const NULL: &[u8] = &[0x05, 0x00];

/// PKCS#8 DER of a private key in any of the PEM forms.
pub fn pkcs8(key: &SecretString) -> Result<Zeroizing<Vec<u8>>, PkiError> {
    let parsed = pem::parse(key.expose_secret()).map_err(|_| PkiError::NotPem { what: "private key" })?;
    let der = Zeroizing::new(parsed.contents().to_vec());
    match parsed.tag() {
        PKCS8 | ED25519 => Ok(der),
        SEC1 => sec1_to_pkcs8(&der),
        PKCS1 => Ok(wrap(&element(SEQUENCE, &[OID_RSA, NULL]), &der)),
        label => Err(PkiError::KeyLabel {
            label: label.to_owned(),
        }),
    }
}

/// The key as PKCS#8 under the usual label, which every TLS library reads.
pub fn standard_pem(key: &SecretString) -> Result<SecretString, PkiError> {
    Ok(encode(PKCS8, &pkcs8(key)?))
}

/// Ed25519 PKCS#8 of any version to the first one, under Talos's own label.
pub(super) fn ed25519_pem(pkcs8: &[u8]) -> Option<SecretString> {
    let mut body = take(&mut { pkcs8 }, SEQUENCE)?;
    take(&mut body, INTEGER)?;
    let algorithm = take(&mut body, SEQUENCE)?;
    let private = take(&mut body, OCTET_STRING)?;
    if algorithm != OID_ED25519 {
        return None;
    }
    Some(encode(ED25519, &wrap(&element(SEQUENCE, &[OID_ED25519]), private)))
}

/// ECDSA P-256 PKCS#8 to SEC1 with the curve named inside, as readers of the bare form need it.
pub(super) fn p256_pem(pkcs8: &[u8]) -> Option<SecretString> {
    let mut body = take(&mut { pkcs8 }, SEQUENCE)?;
    take(&mut body, INTEGER)?;
    take(&mut body, SEQUENCE)?;
    let (private, public) = sec1_parts(take(&mut body, OCTET_STRING)?)?;
    Some(encode(SEC1, &sec1(private, public)))
}

/// The key as PEM of the older RSA form (PKCS#1).
pub(super) fn rsa_pem(pkcs1: &[u8]) -> SecretString {
    encode(PKCS1, pkcs1)
}

fn sec1_to_pkcs8(der: &[u8]) -> Result<Zeroizing<Vec<u8>>, PkiError> {
    let (private, public) = sec1_parts(der).ok_or(PkiError::Malformed { what: "EC private key" })?;
    let algorithm = element(SEQUENCE, &[OID_EC_PUBLIC_KEY, OID_P256]);
    Ok(wrap(&algorithm, &sec1(private, public)))
}

/// The private number and the public point (as the contents of its BIT STRING) of a P-256 key.
fn sec1_parts(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut body = take(&mut { der }, SEQUENCE)?;
    take(&mut body, INTEGER)?;
    let private = take(&mut body, OCTET_STRING)?;
    if let Some(curve) = take(&mut body, 0xa0)
        && curve != OID_P256
    {
        return None;
    }
    let public = take(&mut take(&mut body, 0xa1)?, BIT_STRING)?;
    (private.len() == 32 && public.len() == 66).then_some((private, public))
}

fn sec1(private: &[u8], public: &[u8]) -> Zeroizing<Vec<u8>> {
    let private = element(OCTET_STRING, &[private]);
    let public = element(0xa1, &[&element(BIT_STRING, &[public])]);
    Zeroizing::new(element(
        SEQUENCE,
        &[&[INTEGER, 1, 1], &private, &element(0xa0, &[OID_P256]), &public],
    ))
}

fn wrap(algorithm: &[u8], private: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(element(
        SEQUENCE,
        &[&[INTEGER, 1, 0], algorithm, &element(OCTET_STRING, &[private])],
    ))
}

fn encode(label: &str, der: &[u8]) -> SecretString {
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    SecretString::from(pem::encode_config(&Pem::new(label, der), config))
}
