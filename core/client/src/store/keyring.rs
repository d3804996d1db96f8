//! The keyring of the platform. It may be absent, locked or silent: every question has a limit, and the answer says which.

use std::sync::Arc;
use std::time::Duration;

use butler_files::Environment;
use keyring_core::{CredentialStore, Entry, Error};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::choice::Choice;
use super::pieces::{self, PiecesError};

/// What people know it as.
pub const KEYRING: &str = if cfg!(target_os = "macos") {
    "the login keychain"
} else if cfg!(windows) {
    "the Windows Credential Manager"
} else {
    "the keyring (Secret Service)"
};

/// Which program items belong to.
const SERVICE: &str = "butler";
/// How long a keyring may take that asks nobody.
const ANSWER: Duration = Duration::from_secs(3);
/// How long a person may take to type the password of the keyring.
const PERSON: Duration = Duration::from_mins(1);

/// Why a keyring cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// Programs cannot reach each other.
    #[error("this session has no D-Bus (DBUS_SESSION_BUS_ADDRESS is not set)")]
    NoBus,
    /// Nothing on the bus keeps secrets, or not as a keyring does: its words.
    #[error("no Secret Service answers: {0}")]
    NoService(String),
    /// There is a service, and no keyring that new items go to.
    #[error("the Secret Service has no default keyring")]
    NoDefault,
    /// It is locked, and nobody would see the window that asks for the password.
    #[error("it is locked, and there is no display to ask for its password on")]
    Locked,
    /// It does not answer.
    #[error("it did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// It refuses: its words.
    #[error("it says: {0}")]
    Refused(String),
    /// No program can be started that asks it.
    #[error("it cannot be asked")]
    Thread(#[source] std::io::Error),
    /// This platform has none that is known.
    #[error("keyrings of this platform are not supported")]
    Unsupported,
}

/// A keyring that answers.
#[derive(Debug, Clone)]
pub(super) struct Keyring {
    store: Arc<CredentialStore>,
    limit: Duration,
    /// It can show a text to people who look at their items.
    has_labels: bool,
}

/// What came of a look at the pieces of an item.
pub(super) type Found = Result<SecretString, PiecesError>;

impl Keyring {
    /// The keyring of this session.
    pub(super) async fn connect(choice: &Choice) -> Result<Self, KeyringError> {
        if cfg!(target_os = "linux") && !choice.has_bus {
            return Err(KeyringError::NoBus);
        }
        let is_locked = within(ANSWER, platform::is_locked).await??;
        if is_locked && !choice.has_display {
            return Err(KeyringError::Locked);
        }
        let store = within(ANSWER, platform::open).await??;
        Ok(Self {
            store,
            limit: if is_locked { PERSON } else { ANSWER },
            has_labels: cfg!(target_os = "linux"),
        })
    }

    /// A keyring in the memory of this process.
    #[cfg(test)]
    pub(super) fn in_memory() -> Self {
        Self {
            store: keyring_core::mock::Store::new().expect("it needs nothing"),
            limit: ANSWER,
            has_labels: false,
        }
    }

    /// What it is made of.
    #[cfg(test)]
    pub(super) fn store(&self) -> &CredentialStore {
        &*self.store
    }

    /// What an item holds.
    pub(super) async fn get(&self, item: Uuid) -> Result<Found, KeyringError> {
        self.ask(move |keyring| {
            let first = keyring.piece(item, 0)?;
            let header = first.as_ref().and_then(|first| pieces::header(first.expose_secret()));
            let mut all = vec![first];
            for n in 1..header.map_or(1, |header| header.count) {
                all.push(keyring.piece(item, n)?);
            }
            Ok(pieces::join(&all))
        })
        .await
    }

    /// Puts one piece of an item, in the place of what may be there.
    pub(super) async fn put(
        &self,
        item: Uuid,
        piece: usize,
        label: String,
        text: SecretString,
    ) -> Result<(), KeyringError> {
        self.ask(move |keyring| {
            let entry = keyring.entry(item, piece, Some(&label))?;
            entry.set_secret(text.expose_secret().as_bytes())
        })
        .await
    }

    /// Removes the pieces of an item from this one on. What is not there is as good as removed.
    ///
    /// Pieces are put from the first to the last and removed from the last to the first, so that whatever ends this process
    /// leaves a row that a later look finds the end of.
    pub(super) async fn trim(&self, item: Uuid, from: usize) -> Result<(), KeyringError> {
        self.ask(move |keyring| {
            let first = keyring.piece(item, 0)?;
            let header = first.and_then(|first| pieces::header(first.expose_secret()));
            let mut end = header.map_or(from, |header| header.count.max(from));
            while end < pieces::MOST && keyring.piece(item, end)?.is_some() {
                end += 1;
            }
            for piece in (from..end).rev() {
                match keyring.entry(item, piece, None)?.delete_credential() {
                    Ok(()) | Err(Error::NoEntry) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
        .await
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let keyring = self.clone();
        let answer = within(self.limit, move || question(&keyring)).await?;
        // In words: an error of the library may hold what it could not read, and its words do not repeat it.
        answer.map_err(|error| KeyringError::Refused(error.to_string()))
    }

    fn piece(&self, item: Uuid, piece: usize) -> Result<Option<SecretString>, Error> {
        match self.entry(item, piece, None)?.get_secret() {
            // Pieces are put as text; what is none does not fit the sum either.
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned().into())),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn entry(&self, item: Uuid, piece: usize, label: Option<&str>) -> Result<Entry, Error> {
        let label = label.filter(|_| self.has_labels).map(|label| [("label", label)].into());
        self.store.build(SERVICE, &format!("{item}.{piece}"), label.as_ref())
    }
}

/// What an entry of the keyring holds that another program put there; none where there is no such entry.
pub async fn entry(
    environment: &Environment,
    service: &str,
    username: &str,
) -> Result<Option<SecretString>, KeyringError> {
    let keyring = Keyring::connect(&Choice::of_session(environment)).await?;
    let (service, username) = (service.to_owned(), username.to_owned());
    let found = keyring.ask(move |keyring| {
        let entry = keyring.store.build(&service, &username, None)?;
        match entry.get_password() {
            Ok(value) => Ok(Some(SecretString::from(value))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        }
    });
    found.await
}

/// Asks on a thread of its own, because the libraries block. One that gets no answer is left behind and ends with the process.
async fn within<T: Send + 'static>(
    limit: Duration,
    question: impl FnOnce() -> T + Send + 'static,
) -> Result<T, KeyringError> {
    let (sender, receiver) = oneshot::channel();
    let thread = std::thread::Builder::new().name("keyring".to_owned());
    thread
        .spawn(move || drop(sender.send(question())))
        .map_err(KeyringError::Thread)?;
    match tokio::time::timeout(limit, receiver).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(KeyringError::Refused("its library failed".to_owned())),
        Err(_) => Err(KeyringError::Silent(limit)),
    }
}

/// A Secret Service on the session's D-Bus.
#[cfg(target_os = "linux")]
mod platform {
    use std::sync::Arc;

    use keyring_core::CredentialStore;
    use secret_service::EncryptionType;
    use secret_service::blocking::SecretService;
    use zbus_secret_service_keyring_store::Store;

    use super::KeyringError;

    pub(super) fn is_locked() -> Result<bool, KeyringError> {
        let no_service = |error: secret_service::Error| KeyringError::NoService(error.to_string());
        // Nothing secret goes over this connection.
        let service = SecretService::connect(EncryptionType::Plain).map_err(no_service)?;
        let default = service.get_default_collection().map_err(|error| match error {
            secret_service::Error::NoResult => KeyringError::NoDefault,
            error => no_service(error),
        })?;
        default.is_locked().map_err(no_service)
    }

    pub(super) fn open() -> Result<Arc<CredentialStore>, KeyringError> {
        let store = Store::new().map_err(|error| KeyringError::NoService(error.to_string()))?;
        Ok(store)
    }
}

/// The keychain of the user. It asks by itself where it is locked.
#[cfg(target_os = "macos")]
mod platform {
    use std::sync::Arc;

    use apple_native_keyring_store::keychain::Store;
    use keyring_core::CredentialStore;

    use super::KeyringError;

    /// As good as locked: it asks whenever a program is new to it.
    #[expect(clippy::unnecessary_wraps, reason = "same signature on every platform")]
    pub(super) fn is_locked() -> Result<bool, KeyringError> {
        Ok(true)
    }

    pub(super) fn open() -> Result<Arc<CredentialStore>, KeyringError> {
        let store = Store::new().map_err(|error| KeyringError::Refused(error.to_string()))?;
        Ok(store)
    }
}

/// The Credential Manager, which is open while its user is logged in.
#[cfg(windows)]
mod platform {
    use std::sync::Arc;

    use keyring_core::CredentialStore;
    use windows_native_keyring_store::Store;

    use super::KeyringError;

    #[expect(clippy::unnecessary_wraps, reason = "same signature on every platform")]
    pub(super) fn is_locked() -> Result<bool, KeyringError> {
        Ok(false)
    }

    pub(super) fn open() -> Result<Arc<CredentialStore>, KeyringError> {
        let store = Store::new().map_err(|error| KeyringError::Refused(error.to_string()))?;
        Ok(store)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
mod platform {
    use std::sync::Arc;

    use keyring_core::CredentialStore;

    use super::KeyringError;

    pub(super) fn is_locked() -> Result<bool, KeyringError> {
        Err(KeyringError::Unsupported)
    }

    pub(super) fn open() -> Result<Arc<CredentialStore>, KeyringError> {
        Err(KeyringError::Unsupported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &str) -> SecretString {
        SecretString::from(words.to_owned())
    }

    async fn put(keyring: &Keyring, item: Uuid, parts: &[SecretString]) {
        for (n, part) in parts.iter().enumerate() {
            keyring.put(item, n, "label".to_owned(), part.clone()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn an_item_is_whole_or_it_is_said_what_is_wrong() {
        let (keyring, item) = (Keyring::in_memory(), Uuid::from_u128(1));
        assert_eq!(keyring.get(item).await.unwrap().unwrap_err(), PiecesError::Absent);
        let secret = text(&"secret ".repeat(1000));
        put(&keyring, item, &pieces::split(&secret)).await;
        let found = keyring.get(item).await.unwrap().unwrap();
        assert_eq!(found.expose_secret(), secret.expose_secret());
        keyring.put(item, 1, String::new(), text("other")).await.unwrap();
        assert_eq!(keyring.get(item).await.unwrap().unwrap_err(), PiecesError::Damaged);
        keyring.entry(item, 2, None).unwrap().delete_credential().unwrap();
        let torn = keyring.get(item).await.unwrap().unwrap_err();
        assert!(matches!(torn, PiecesError::Missing { piece: 3, .. }), "{torn}");
    }

    #[tokio::test]
    async fn nothing_is_left_of_what_is_removed_also_where_others_took_a_piece() {
        let (keyring, item) = (Keyring::in_memory(), Uuid::from_u128(1));
        put(&keyring, item, &pieces::split(&text(&"x".repeat(10_000)))).await;
        keyring.entry(item, 1, None).unwrap().delete_credential().unwrap();
        keyring.trim(item, 0).await.unwrap();
        for n in 0..10 {
            assert!(keyring.piece(item, n).unwrap().is_none(), "{n}");
        }
        // Room that was reserved and not needed.
        put(&keyring, item, &pieces::filler(10_000)).await;
        put(&keyring, item, &pieces::split(&text("short"))).await;
        keyring.trim(item, 1).await.unwrap();
        assert_eq!(keyring.get(item).await.unwrap().unwrap().expose_secret(), "short");
        assert!(keyring.piece(item, 1).unwrap().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_keyring_that_does_not_answer_is_left() {
        let (_hold, never) = std::sync::mpsc::channel::<()>();
        let error = within(ANSWER, move || never.recv()).await.unwrap_err();
        assert_eq!(error.to_string(), "it did not answer within 3 s");
    }

    #[tokio::test]
    async fn without_a_bus_there_is_no_keyring() {
        if cfg!(target_os = "linux") {
            let error = Keyring::connect(&Choice::default()).await.unwrap_err();
            assert!(error.to_string().contains("DBUS_SESSION_BUS_ADDRESS"), "{error}");
        }
    }
}
