//! Session tokens: JSON Web Tokens (RFC 7519) signed with HMAC (RFC 7515, A.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Sha256, Sha512};

use super::accounts::Membership;

/// What a session token says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Claims {
    #[serde(default)]
    pub(super) subject: String,
    #[serde(default)]
    pub(super) email: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) picture: Option<String>,
    #[serde(default)]
    pub(super) provider: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) groups: Option<Vec<String>>,
    /// As they were when it was issued.
    pub(super) teams: Option<Vec<Membership>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) platform_role: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_platform_admin: bool,
    #[serde(default)]
    pub(super) iss: String,
    #[serde(default)]
    pub(super) sub: String,
    /// Seconds of Unix time; one without end is taken, as the real server does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) exp: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) iat: Option<i64>,
}

/// What a token says of its signature.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    typ: Option<String>,
}

/// The token of these claims.
pub(super) fn sign(claims: &Claims, key: &[u8]) -> String {
    let header = Header {
        alg: "HS256".to_owned(),
        typ: Some("JWT".to_owned()),
    };
    let header = serde_json::to_vec(&header).expect("texts are always JSON");
    let claims = serde_json::to_vec(claims).expect("texts and numbers are always JSON");
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut mac = mac::<Hmac<Sha256>>(key);
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// The claims of a token that was signed with this key and is valid at this second.
pub(super) fn verify(token: &str, key: &[u8], now: i64) -> Option<Claims> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    // Compared in constant time. No other algorithm is taken: not "none", and none whose key is public.
    match header.alg.as_str() {
        "HS256" => mac::<Hmac<Sha256>>(key).chain_update(signed).verify_slice(&signature),
        "HS512" => mac::<Hmac<Sha512>>(key).chain_update(signed).verify_slice(&signature),
        _ => return None,
    }
    .ok()?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let begun = claims.nbf.is_none_or(|begin| begin <= now);
    let lasts = claims.exp.is_none_or(|end| now < end);
    (begun && lasts).then_some(claims)
}

fn mac<M: hmac::Mac + KeyInit>(key: &[u8]) -> M {
    <M as hmac::Mac>::new_from_slice(key).expect("a key of any length is one for HMAC")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            subject: "internal:alice".to_owned(),
            email: "alice@example.com".to_owned(),
            name: "Alice".to_owned(),
            picture: None,
            provider: "internal".to_owned(),
            groups: None,
            teams: Some(Vec::new()),
            platform_role: None,
            is_platform_admin: false,
            iss: "butler-server".to_owned(),
            sub: "internal:alice".to_owned(),
            exp: Some(100),
            nbf: Some(10),
            iat: Some(10),
        }
    }

    #[test]
    fn a_token_is_valid_between_its_times_and_with_its_key_only() {
        let token = sign(&claims(), b"key");
        assert_eq!(verify(&token, b"key", 10), Some(claims()));
        assert_eq!(verify(&token, b"key", 99), Some(claims()));
        for (key, now) in [(&b"key"[..], 9), (b"key", 100), (b"other", 50)] {
            assert_eq!(verify(&token, key, now), None, "{now}");
        }
        let (signed, _) = token.rsplit_once('.').unwrap();
        assert_eq!(verify(&format!("{signed}."), b"key", 50), None);
        assert_eq!(verify("abc", b"key", 50), None);
    }

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        let mut mac = mac::<Hmac<Sha256>>(b"Jefe");
        mac.update(b"what do ya want for nothing?");
        assert_eq!(mac.finalize().into_bytes()[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }

    #[test]
    fn a_token_without_signature_is_none() {
        let token = sign(&claims(), b"key");
        let claims = token.split('.').nth(1).unwrap();
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        assert_eq!(verify(&format!("{header}.{claims}."), b"key", 50), None);
    }
}
