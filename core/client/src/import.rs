//! Logins of the former command line, which kept them in `~/.butler/credentials.json`. Pure, but for [`read()`].
//!
//! Both hold the same tokens afterwards, and a refresh token is good once; so nothing is taken over that nobody asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use butler_files::read::{self, ReadError};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::address::{AddressError, ServerAddress};
use crate::session::{Freshness, Known, Session};
use crate::store::Content;
use crate::wire::Person;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// What a file of the former command line holds.
#[derive(Debug)]
pub struct Import {
    /// What can be taken over.
    logins: BTreeMap<ServerAddress, Session>,
    /// The server that it used where none was named.
    active: Option<ServerAddress>,
    /// What cannot be taken over.
    pub left_out: Vec<LeftOut>,
}

/// A login that is not taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its server, as it stands in the file.
    pub server: String,
    /// Why it is left out.
    pub reason: Reason,
}

/// Why a login is not taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// There is a login on that server already.
    Known,
    /// Nothing can renew it any more.
    Ended(Timestamp),
    /// Nothing could renew it when it ends.
    NotRenewable,
    /// Its server cannot be used.
    Address(AddressError),
    /// It does not look like a login.
    Unreadable,
}

/// Why there is nothing that could be taken over.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("cannot read the logins of the former command line in {}", path.display())]
    Read {
        /// The file that was named.
        path: PathBuf,
        /// What the system said.
        source: ReadError,
    },
    /// It holds something else.
    #[error("{} holds no logins of the former command line", .0.display())]
    Unreadable(PathBuf),
}

/// Reads what a file of the former command line holds, and judges it by what is already known.
pub fn read(path: &Path, known: &Content, now: Timestamp) -> Result<Import, ImportError> {
    let bytes = read::file(path, LARGEST).map_err(|source| ImportError::Read {
        path: path.to_owned(),
        source,
    })?;
    Import::of(&bytes, known, now).ok_or_else(|| ImportError::Unreadable(path.to_owned()))
}

impl Import {
    /// What is in such a file; nothing: it is no such file.
    fn of(bytes: &[u8], known: &Content, now: Timestamp) -> Option<Self> {
        let former: Former = serde_json::from_slice(bytes).ok()?;
        let mut import = Self {
            logins: BTreeMap::new(),
            active: None,
            left_out: Vec::new(),
        };
        for (server, login) in former.servers? {
            match judged(&server, login, known, now) {
                Ok((address, session)) => {
                    if former.active_server.as_deref() == Some(server.as_str()) {
                        import.active = Some(address.clone());
                    }
                    import.logins.insert(address, session);
                }
                Err(reason) => import.left_out.push(LeftOut { server, reason }),
            }
        }
        Some(import)
    }

    /// What would be taken over, without secrets.
    pub fn logins(&self) -> BTreeMap<&ServerAddress, Known> {
        let logins = self.logins.iter();
        logins.map(|(server, session)| (server, session.known())).collect()
    }

    /// The server that the former command line used where none was named, if its login can be taken over.
    pub fn active(&self) -> Option<&ServerAddress> {
        self.active.as_ref()
    }

    /// What is taken over.
    pub fn into_sessions(self) -> BTreeMap<ServerAddress, Session> {
        self.logins
    }
}

fn judged(
    server: &str,
    login: serde_json::Value,
    known: &Content,
    now: Timestamp,
) -> Result<(ServerAddress, Session), Reason> {
    let address = ServerAddress::parse(server, false).map_err(Reason::Address)?;
    if known.servers.contains_key(&address) {
        return Err(Reason::Known);
    }
    let login: FormerLogin = serde_json::from_value(login).map_err(|_| Reason::Unreadable)?;
    let refresh_token = login.refresh_token.filter(is_something);
    let refresh_ends = login.refresh_expires_at.ok_or(Reason::NotRenewable)?;
    let session_token = login.session_token.filter(is_something);
    let session = Session {
        user: login.user,
        kubeconfig: login.kubeconfig,
        expires_at: login.expires_at,
        // Without a token it has the zero time of its language.
        session_expires_at: login.session_expires_at.filter(|_| session_token.is_some()),
        session_token,
        refresh_token: Some(refresh_token.ok_or(Reason::NotRenewable)?),
        refresh_expires_at: Some(refresh_ends),
        active_team: login.active_team.filter(|team| !team.is_empty()),
        authority: None,
        issuer: None,
    };
    match session.freshness(now) {
        Freshness::Ended => Err(Reason::Ended(refresh_ends)),
        Freshness::Good | Freshness::Renew => Ok((address, session)),
    }
}

fn is_something(secret: &SecretString) -> bool {
    !secret.expose_secret().is_empty()
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known => f.write_str("there is a login on it already"),
            Self::Ended(at) => write!(f, "it ended at {at:.0}"),
            Self::NotRenewable => f.write_str("it cannot be renewed"),
            Self::Address(error) => error.fmt(f),
            Self::Unreadable => f.write_str("it cannot be understood"),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Former {
    active_server: Option<String>,
    /// One by one, so that one that is damaged does not cost the others.
    servers: Option<BTreeMap<String, serde_json::Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FormerLogin {
    user: Person,
    kubeconfig: SecretString,
    expires_at: Timestamp,
    session_token: Option<SecretString>,
    session_expires_at: Option<Timestamp>,
    refresh_token: Option<SecretString>,
    refresh_expires_at: Option<Timestamp>,
    active_team: Option<String>,
}

#[cfg(test)]
#[expect(
    clippy::disallowed_macros,
    reason = "the files of another program, as people read them"
)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn login(refresh_expires: i64) -> Value {
        json!({
            "user": {"email": "alice@example.com", "name": "Alice", "isPlatformAdmin": false,
                     "teams": [{"name": "alpha", "role": "admin"}]},
            "kubeconfig": "a3ViZWNvbmZpZw==", "expiresAt": "1970-01-01T01:00:00.5+00:00",
            "sessionToken": "", "sessionExpiresAt": "0001-01-01T00:00:00Z",
            "refreshToken": "refresh", "refreshExpiresAt": at(refresh_expires).to_string(),
            "activeTeam": "alpha",
        })
    }

    fn import(file: &Value) -> Import {
        Import::of(&serde_json::to_vec(file).unwrap(), &Content::default(), at(5000)).unwrap()
    }

    #[test]
    fn a_login_that_is_still_good_is_taken_over_and_shown_without_secrets() {
        let file = json!({"activeServer": "https://a/", "servers": {"https://a/": login(9000)}});
        let import = import(&file);
        let address = ServerAddress::parse("https://a", false).unwrap();
        assert_eq!(import.active(), Some(&address));
        assert_eq!(import.left_out, []);
        let known = &import.logins()[&address];
        assert_eq!(known.user.email, "alice@example.com");
        assert_eq!(known.active_team.as_deref(), Some("alpha"));
        assert_eq!(known.session_expires_at, None);
        let session = &import.into_sessions()[&address];
        assert_eq!(session.refresh_token.as_ref().unwrap().expose_secret(), "refresh");
        assert_eq!(session.kubeconfig_text().unwrap().expose_secret(), "kubeconfig");
        assert!(session.session_token.is_none());
    }

    #[test]
    fn what_is_no_use_is_left_out_and_said() {
        let mut lasting = login(9000);
        lasting["refreshToken"] = json!("");
        let file = json!({"servers": {
            "https://ended": login(4000), "https://lasting": lasting, "https://junk": {"user": "hunter2"},
            "http://open.example.com": login(9000), "https://good": login(9000),
        }});
        let import = import(&file);
        assert_eq!(import.logins().len(), 1);
        let told = import
            .left_out
            .iter()
            .map(|one| format!("{}: {}", one.server, one.reason));
        let expected = [
            "http://open.example.com: http://open.example.com is not encrypted",
            "https://ended: it ended at 1970-01-01T01:06:40Z",
            "https://junk: it cannot be understood",
            "https://lasting: it cannot be renewed",
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_server_that_is_known_stays_as_it_is() {
        let known = serde_json::to_vec(&json!({"servers": {"https://a": login(9000)}})).unwrap();
        let content = Content::parse(&known).unwrap();
        let file = serde_json::to_vec(&json!({"servers": {"https://a": login(9000)}})).unwrap();
        let import = Import::of(&file, &content, at(5000)).unwrap();
        assert!(import.logins().is_empty());
        assert_eq!(import.left_out[0].reason, Reason::Known);
    }

    #[test]
    fn another_file_is_none_of_the_former_command_line() {
        for bytes in [&b"apiVersion: v1"[..], b"{}", b"[]"] {
            assert!(Import::of(bytes, &Content::default(), at(0)).is_none());
        }
    }
}
