//! What the file of the store says: all of it but secrets that are in a keyring. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::address::ServerAddress;
use crate::session::{Freshness, Known, Session};

/// The format that is written. A file of a later one is left alone.
const VERSION: u32 = 1;

/// Everything that is kept, but for secrets in a keyring.
#[derive(Debug, Clone, Default)]
pub struct Content {
    /// The server that commands use where none is named.
    pub active_server: Option<ServerAddress>,
    /// Logins by server.
    pub servers: BTreeMap<ServerAddress, Entry>,
    /// Items of the keyring that nothing needs any more and that may still be there.
    pub(super) left: Vec<Uuid>,
}

/// A login on one server.
#[derive(Debug, Clone)]
pub struct Entry {
    /// All of it but its secrets.
    pub known: Known,
    pub(super) kept: Kept,
}

/// Where the secrets of a login are.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    /// In the file.
    File(Box<Session>),
    /// In this item of the keyring.
    Keyring(Uuid),
}

/// Why a file cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// A later release wrote it, in this format.
    Newer(u32),
    /// It holds something else, at this place.
    Damaged(String),
}

impl Entry {
    /// How good it is at this time, as far as the file knows: in the keyring a process that was killed may have left a newer one.
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        match &self.kept {
            Kept::File(session) => session.freshness(now),
            Kept::Keyring(_) if self.known.is_good(now) => Freshness::Good,
            Kept::Keyring(_) => Freshness::Renew,
        }
    }

    /// The login with its secrets, which come from where they are. What people choose is what the file says: an item is not
    /// written again for it.
    pub(super) fn session(&self, mut secrets: Session) -> Session {
        secrets.active_team.clone_from(&self.known.active_team);
        secrets
    }

    /// The item of its secrets, if they are in the keyring.
    pub(super) fn item(&self) -> Option<Uuid> {
        match self.kept {
            Kept::File(_) => None,
            Kept::Keyring(item) => Some(item),
        }
    }
}

impl Content {
    /// The item of the secrets of a server, if they are in the keyring.
    pub(super) fn item(&self, server: &ServerAddress) -> Option<Uuid> {
        self.servers.get(server).and_then(Entry::item)
    }

    /// Where the active server is gone, the only one that is left takes its place.
    pub(super) fn settle(&mut self) {
        let active = self.active_server.as_ref();
        if !active.is_some_and(|server| self.servers.contains_key(server)) {
            let mut left = self.servers.keys();
            self.active_server = left.next().filter(|_| left.next().is_none()).cloned();
        }
    }

    /// Reads a file.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Unreadable> {
        // Its own words may repeat the content.
        let damaged =
            |error: serde_json::Error| Unreadable::Damaged(format!("line {}, column {}", error.line(), error.column()));
        // The format first: a later one may have nothing else in common.
        let Stamp { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if version > VERSION {
            return Err(Unreadable::Newer(version));
        }
        let OnDisk {
            version: _,
            active_server,
            servers,
            left,
        } = serde_json::from_slice(bytes).map_err(damaged)?;
        let servers = servers.into_iter().map(|(server, login)| (server, login.into()));
        Ok(Self {
            active_server,
            servers: servers.collect(),
            left,
        })
    }

    /// What is written.
    pub(super) fn text(&self) -> Result<SecretString, serde_json::Error> {
        let Self {
            active_server,
            servers,
            left,
        } = self.clone();
        let servers = servers.into_iter().map(|(server, entry)| (server, entry.into()));
        let text = serde_json::to_string_pretty(&OnDisk {
            version: VERSION,
            active_server,
            servers: servers.collect(),
            left,
        })?;
        Ok(SecretString::from(text + "\n"))
    }
}

/// A session as an item of the keyring holds it: what is not secret as well, so that a file that was not written any more can
/// be made up for.
pub(super) fn sealed(session: &Session) -> Result<SecretString, serde_json::Error> {
    serde_json::to_string(session).map(SecretString::from)
}

/// A session from an item of the keyring; nothing: it holds something else.
pub(super) fn unsealed(secret: &SecretString) -> Option<Session> {
    serde_json::from_str(secret.expose_secret()).ok()
}

#[derive(Deserialize)]
struct Stamp {
    #[serde(default = "first")]
    version: u32,
}

/// The format of files that do not say theirs.
fn first() -> u32 {
    1
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnDisk {
    #[serde(default = "first")]
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    active_server: Option<ServerAddress>,
    #[serde(default)]
    servers: BTreeMap<ServerAddress, Login>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    left: Vec<Uuid>,
}

/// The first form that fits is taken.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Login {
    InKeyring {
        #[serde(flatten)]
        known: Box<Known>,
        keyring: Uuid,
    },
    Whole(Box<Session>),
}

impl From<Login> for Entry {
    fn from(login: Login) -> Self {
        match login {
            Login::InKeyring { known, keyring } => Self {
                known: *known,
                kept: Kept::Keyring(keyring),
            },
            Login::Whole(session) => Self {
                known: session.known(),
                kept: Kept::File(session),
            },
        }
    }
}

impl From<Entry> for Login {
    fn from(entry: Entry) -> Self {
        match &entry.kept {
            Kept::Keyring(keyring) => Self::InKeyring {
                keyring: *keyring,
                known: Box::new(entry.known),
            },
            Kept::File(session) => Self::Whole(Box::new(entry.session(Session::clone(session)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::tests::session;

    fn address(text: &str) -> ServerAddress {
        ServerAddress::parse(text, false).unwrap()
    }

    fn content() -> Content {
        let session = session(&["a", "b"], 1, 2);
        let entry = |kept| Entry {
            known: session.known(),
            kept,
        };
        Content {
            active_server: Some(address("https://a")),
            servers: BTreeMap::from([
                (address("https://a"), entry(Kept::File(Box::new(session.clone())))),
                (address("https://b"), entry(Kept::Keyring(Uuid::from_u128(7)))),
            ]),
            left: vec![Uuid::from_u128(8)],
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_secrets_in_the_keyring_are_not_in_it() {
        let mut written = content();
        for entry in written.servers.values_mut() {
            entry.known.active_team = Some("b".to_owned());
        }
        let text = written.text().unwrap();
        let text = text.expose_secret();
        assert_eq!(text.matches("refreshToken").count(), 1, "{text}");
        let read = Content::parse(text.as_bytes()).unwrap();
        assert_eq!(read.active_server, written.active_server);
        assert_eq!(read.left, written.left);
        assert_eq!(read.item(&address("https://b")), Some(Uuid::from_u128(7)));
        for (server, entry) in &read.servers {
            assert_eq!(entry.known, written.servers[server].known);
            assert_eq!(entry.known.active_team.as_deref(), Some("b"));
        }
        assert_eq!(read.text().unwrap().expose_secret(), text);
    }

    #[test]
    fn a_later_format_is_known_as_one_whatever_else_it_holds() {
        let later = Content::parse(b"{\"version\": 2, \"servers\": \"elsewhere\"}");
        assert_eq!(later.unwrap_err(), Unreadable::Newer(2));
        let damaged = Content::parse(b"{\"servers\": {\"https://x\": \"hunter2\"}}").unwrap_err();
        assert!(
            matches!(&damaged, Unreadable::Damaged(place) if place.starts_with("line 1")),
            "{damaged:?}"
        );
        assert!(Content::parse(b"{}").unwrap().servers.is_empty());
    }

    #[test]
    fn the_only_server_that_is_left_becomes_the_active_one() {
        let mut content = content();
        content.settle();
        assert_eq!(content.active_server, Some(address("https://a")));
        content.servers.remove(&address("https://a"));
        content.settle();
        assert_eq!(content.active_server, Some(address("https://b")));
        content.servers.clear();
        content.settle();
        assert_eq!(content.active_server, None);
    }
}
