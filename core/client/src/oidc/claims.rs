//! The ID token: who signed it, for whom, about whom, and until when. Pure; time comes in.

use std::fmt;
use std::str::FromStr as _;

use chrono::DateTime;
use jiff::{SignedDuration, Timestamp};
use openidconnect::core::{
    CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJsonWebKey, CoreJwsSigningAlgorithm,
};
use openidconnect::{ClientId, IssuerUrl, JsonWebKeySet, Nonce};
use secrecy::{ExposeSecret as _, SecretString};

use super::error::OidcError;

/// Clocks may differ by so much.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

/// Signatures that only the holder of a private key can make. Those by a shared secret anybody could, who has this program.
const SIGNATURES: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Who an ID token is of and for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a IssuerUrl,
    pub(super) keys: &'a JsonWebKeySet<CoreJsonWebKey>,
    pub(super) client_id: &'a str,
}

/// What an ID token that can be trusted says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// Who it is, as the issuer never changes it.
    pub(super) subject: String,
    pub(super) email: Option<String>,
    pub(super) name: Option<String>,
    /// When the token ends.
    pub(super) ends: Timestamp,
}

/// How far two clocks differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skew {
    /// The token was made in the future.
    Behind(SignedDuration),
    /// A token that has just come has ended.
    Ahead(SignedDuration),
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Behind(by) => write!(f, "this one is {} behind", spoken(*by)),
            Self::Ahead(by) => write!(f, "this one is {} ahead", spoken(*by)),
        }
    }
}

fn spoken(by: SignedDuration) -> String {
    match by.as_secs() {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

/// Checks an ID token that has just come: its signature, its issuer, its audience and its times.
pub(super) fn check(expected: Expected<'_>, token: &SecretString, now: Timestamp) -> Result<Identity, OidcError> {
    let issuer = || expected.issuer.as_str().to_owned();
    let token = CoreIdToken::from_str(token.expose_secret()).map_err(|_| OidcError::Token { issuer: issuer() })?;
    let client_id = ClientId::new(expected.client_id.to_owned());
    let verifier = CoreIdTokenVerifier::new_public_client(client_id, expected.issuer.clone(), expected.keys.clone())
        .set_allowed_algs(SIGNATURES)
        // Times are judged below, where the difference between two clocks can be named.
        .set_time_fn(|| DateTime::UNIX_EPOCH);
    // The device grant has no nonce: what comes was asked for on the same connection.
    let claims = token.claims(&verifier, |_: Option<&Nonce>| Ok(()));
    let claims = claims.map_err(|source| OidcError::Claims {
        issuer: issuer(),
        source,
    })?;
    let at = |time: i64| Timestamp::from_second(time).map_err(|_| OidcError::Token { issuer: issuer() });
    let (made, ends) = (
        at(claims.issue_time().timestamp())?,
        at(claims.expiration().timestamp())?,
    );
    match skew(now, made, ends) {
        Some(skew) => Err(OidcError::Clock { issuer: issuer(), skew }),
        None => Ok(identity(claims, ends)),
    }
}

/// How far this computer's clock is from that of who made a token, where that is more than is tolerated.
fn skew(now: Timestamp, made: Timestamp, ends: Timestamp) -> Option<Skew> {
    let (age, over) = (now.duration_since(made), now.duration_since(ends));
    if -age > TOLERANCE {
        return Some(Skew::Behind(-age));
    }
    (over > TOLERANCE).then_some(Skew::Ahead(age))
}

fn identity(claims: &CoreIdTokenClaims, ends: Timestamp) -> Identity {
    let name = claims
        .name()
        .and_then(|name| name.get(None))
        .map(|name| name.to_string());
    let user = claims.preferred_username().map(|name| name.to_string());
    Identity {
        subject: claims.subject().to_string(),
        email: claims.email().map(|email| email.to_string()),
        name: name.or(user),
        ends,
    }
}

#[cfg(test)]
mod tests {
    use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreHmacKey};
    use openidconnect::{
        Audience, EmptyAdditionalClaims, JsonWebKeyId, PrivateSigningKey, StandardClaims, SubjectIdentifier,
    };

    use super::*;

    const ISSUER: &str = "https://login.example.com";
    const CLIENT: &str = "butler";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn key() -> CoreEdDsaPrivateSigningKey {
        let pem = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519)
            .unwrap()
            .serialize_pem();
        let id = JsonWebKeyId::new("a".to_owned());
        CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(id)).unwrap()
    }

    /// Claims of a token that is good from second 1000 to second 2000.
    fn claims(issuer: &str, audience: &[&str]) -> CoreIdTokenClaims {
        let time = |second| DateTime::from_timestamp(second, 0).unwrap();
        CoreIdTokenClaims::new(
            IssuerUrl::new(issuer.to_owned()).unwrap(),
            audience.iter().map(|one| Audience::new((*one).to_owned())).collect(),
            time(2000),
            time(1000),
            StandardClaims::new(SubjectIdentifier::new("subject".to_owned())),
            EmptyAdditionalClaims {},
        )
    }

    fn signed(claims: CoreIdTokenClaims, key: &CoreEdDsaPrivateSigningKey) -> SecretString {
        let token = CoreIdToken::new(claims, key, CoreJwsSigningAlgorithm::EdDsa, None, None).unwrap();
        token.to_string().into()
    }

    fn checked(token: &SecretString, key: &CoreEdDsaPrivateSigningKey, now: i64) -> Result<Identity, OidcError> {
        let issuer = IssuerUrl::new(ISSUER.to_owned()).unwrap();
        let expected = Expected {
            issuer: &issuer,
            keys: &JsonWebKeySet::new(vec![key.as_verification_key()]),
            client_id: CLIENT,
        };
        check(expected, token, at(now))
    }

    fn said(result: Result<Identity, OidcError>) -> String {
        let error = result.unwrap_err();
        let source = std::error::Error::source(&error).map_or(String::new(), ToString::to_string);
        format!("{error}: {source}")
    }

    #[test]
    fn a_token_tells_who_it_is_about_and_when_it_ends() {
        let key = key();
        let identity = checked(&signed(claims(ISSUER, &[CLIENT]), &key), &key, 1500).unwrap();
        assert_eq!((identity.subject.as_str(), identity.ends), ("subject", at(2000)));
    }

    #[test]
    fn what_others_signed_or_nobody_or_anybody_could_is_refused() {
        let (ours, theirs) = (key(), key());
        let forged = signed(claims(ISSUER, &[CLIENT]), &theirs);
        let error = said(checked(&forged, &ours, 1500));
        assert!(error.contains("Signature verification failed"), "{error}");
        let shared = CoreHmacKey::new("known to everybody");
        let algorithm = CoreJwsSigningAlgorithm::HmacSha256;
        let token = CoreIdToken::new(claims(ISSUER, &[CLIENT]), &shared, algorithm, None, None).unwrap();
        checked(&token.to_string().into(), &ours, 1500).unwrap_err();
        // The same claims with the algorithm `none`.
        let good = signed(claims(ISSUER, &[CLIENT]), &ours);
        let payload = good.expose_secret().split('.').nth(1).unwrap().to_owned();
        let unsigned = format!("eyJhbGciOiJub25lIn0.{payload}.");
        checked(&unsigned.into(), &ours, 1500).unwrap_err();
    }

    #[test]
    fn a_token_of_another_issuer_or_for_another_client_is_refused() {
        let key = key();
        let check =
            |issuer: &str, audience: &[&str]| said(checked(&signed(claims(issuer, audience), &key), &key, 1500));
        let error = check("https://other.example.com", &[CLIENT]);
        assert!(error.contains("https://other.example.com"), "{error}");
        let error = check("https://login.example.com/", &[CLIENT]);
        assert!(error.contains("Invalid issuer"), "{error}");
        assert!(check(ISSUER, &["somebody"]).contains("`somebody`"));
        assert!(check(ISSUER, &[CLIENT, "somebody"]).contains("not a trusted audience"));
    }

    #[test]
    fn a_minute_between_two_clocks_is_tolerated_and_more_is_named() {
        let key = key();
        let token = signed(claims(ISSUER, &[CLIENT]), &key);
        for now in [940, 1000, 2000, 2060] {
            checked(&token, &key, now).unwrap();
        }
        let error = said(checked(&token, &key, 939));
        assert!(error.contains("this one is 61 s behind"), "{error}");
        let error = said(checked(&token, &key, 2061));
        assert!(error.contains("this one is 17 min ahead"), "{error}");
    }

    #[test]
    fn what_is_no_token_is_not_repeated() {
        let error = said(checked(&"secret.secret.secret".to_owned().into(), &key(), 0));
        assert!(error.contains("cannot be read") && !error.contains("secret"), "{error}");
    }
}
