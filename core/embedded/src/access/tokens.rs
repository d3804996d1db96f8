//! Bearer tokens: those of a file, and those that are issued for service accounts.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;

use super::User;
use crate::kinds::builtin::SERVICE_ACCOUNTS;
use crate::pki::{self, PkiError};
use crate::store::Store;
use crate::text::meta;

/// The header of an issued token (RFC 7519).
const HEAD: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// What an issued token says of its service account.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    /// The name of the user that the account is.
    sub: String,
    namespace: String,
    name: String,
    uid: String,
    /// The second of Unix time at which the token expires.
    exp: i64,
}

/// The tokens of a server.
pub(crate) struct Tokens {
    /// The lines of the token file: token, name of the user, and groups.
    file: Vec<(String, String, Vec<String>)>,
    /// The key that signs tokens of service accounts.
    key: Vec<u8>,
}

impl Tokens {
    /// Reads `tokens.csv` of a folder if it is there (`token,user,uid,"group,group"` a line, as the real server reads it),
    /// and the signing key, which is made on first use.
    pub(crate) fn open(folder: &Path) -> Result<Self, PkiError> {
        let path = folder.join("tokens.csv");
        let file = match std::fs::read_to_string(&path) {
            Ok(text) => parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => {
                return Err(PkiError::File {
                    path: path.display().to_string(),
                    source,
                });
            }
        };
        Ok(Self {
            file,
            key: signing_key(&folder.join("token.key"))?,
        })
    }

    /// The user of a token, if the token is valid.
    pub(crate) fn user(&self, token: &str, store: &Store, now: i64) -> Option<User> {
        if let Some((_, name, groups)) = self.file.iter().find(|(t, ..)| same(t.as_bytes(), token.as_bytes())) {
            return Some(User::authenticated(name.clone(), groups.clone()));
        }
        let claims = self.verify(token, now)?;
        let (namespace, name) = (&claims.namespace, &claims.name);
        let account = store.get(SERVICE_ACCOUNTS, &format!("{namespace}/{name}"))?;
        // An account that was made again under the same name is another one.
        if meta(&account.value, "uid") != claims.uid {
            return None;
        }
        let groups = vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
        ];
        Some(User::authenticated(claims.sub, groups))
    }

    /// Issues a token for a service account.
    pub(crate) fn issue(&self, account: &Value, expires: i64) -> String {
        let (namespace, name) = (meta(account, "namespace"), meta(account, "name"));
        let claims = Claims {
            sub: format!("system:serviceaccount:{namespace}:{name}"),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: meta(account, "uid").to_owned(),
            exp: expires,
        };
        let claims = serde_json::to_vec(&claims).expect("texts and a number are always JSON");
        let body = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEAD), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(hmac(&self.key, body.as_bytes()));
        format!("{body}.{signature}")
    }

    fn verify(&self, token: &str, now: i64) -> Option<Claims> {
        let (body, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        if !same(&signature, &hmac(&self.key, body.as_bytes())) {
            return None;
        }
        let claims = URL_SAFE_NO_PAD.decode(body.split_once('.')?.1).ok()?;
        let claims = serde_json::from_slice::<Claims>(&claims).ok()?;
        (claims.exp > now).then_some(claims)
    }
}

fn parse(text: &str) -> Vec<(String, String, Vec<String>)> {
    let lines = text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut fields = line.splitn(4, ',').map(|f| f.trim().trim_matches('"'));
            let (token, user) = (fields.next()?, fields.next()?);
            // A user needs no groups.
            let groups = fields.nth(1).unwrap_or("");
            let groups = groups
                .split(',')
                .map(str::trim)
                .filter(|g| !g.is_empty())
                .map(str::to_owned)
                .collect();
            (!token.is_empty() && !user.is_empty()).then(|| (token.to_owned(), user.to_owned(), groups))
        })
        .collect()
}

fn signing_key(path: &Path) -> Result<Vec<u8>, PkiError> {
    match std::fs::read(path) {
        Ok(key) => Ok(key),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
            let key = key.iter().flat_map(|u| u.into_bytes()).collect::<Vec<_>>();
            pki::write_private(path, &key)?;
            Ok(key)
        }
        Err(source) => Err(PkiError::File {
            path: path.display().to_string(),
            source,
        }),
    }
}

/// HMAC with SHA-256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is one for HMAC");
    mac.chain_update(message).finalize().into_bytes().to_vec()
}

/// Compares in a time that does not depend on where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |d, (x, y)| d | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_names_token_user_and_groups() {
        let tokens = parse("# comment\nabc,jane,7,\"devs,system:masters\"\nx,y,z\nbroken\n");
        let jane = (
            "abc".to_owned(),
            "jane".to_owned(),
            vec!["devs".to_owned(), "system:masters".to_owned()],
        );
        assert_eq!(tokens, [jane, ("x".to_owned(), "y".to_owned(), Vec::new())]);
    }

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        let found = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(found[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }

    #[test]
    fn an_issued_token_verifies_until_it_expires_or_is_changed() {
        let tokens = Tokens {
            file: Vec::new(),
            key: b"key".to_vec(),
        };
        let account = json!({"metadata": {"name": "robot", "namespace": "n", "uid": "u"}});
        let token = tokens.issue(&account, 100);
        assert_eq!(tokens.verify(&token, 99).unwrap().name, "robot");
        assert!(tokens.verify(&token, 100).is_none());
        assert!(tokens.verify(&format!("{token}x"), 99).is_none());
        let other = Tokens {
            file: Vec::new(),
            key: b"other".to_vec(),
        };
        assert!(other.verify(&token, 99).is_none());
    }
}
