//! The store of credentials.
//!
//! One file says who is logged in where; it is private, and replaced as a whole. Secrets are in the keyring of the platform
//! where there is one, else in the file as well. Whoever changes anything holds a lock that goes with the process.
//!
//! `choice` says where new logins go, `content` what the file holds, `pieces` how a secret fits into a keyring and
//! `plan` in which order a change is made; all four are pure. `keyring` asks the platform, and what is here does the rest.

mod choice;
mod content;
mod keyring;
mod pieces;
mod plan;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use butler_files::home::{self, Home, HomeError, SecretFile};
use butler_files::read::{self, ReadError};
use butler_files::{Environment, Held, Holder, Lock, LockError};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use uuid::Uuid;

pub use self::choice::{Asked, BUTLER_CREDENTIALS, Choice, ChoiceError};
pub use self::content::{Content, Entry};
use self::content::{Kept, Unreadable};
use self::keyring::Keyring;
pub use self::keyring::{KEYRING, KeyringError, entry};
pub use self::pieces::PiecesError;
use self::plan::{Plan, Step, Target};
use crate::address::ServerAddress;
use crate::session::Session;

/// The largest store that is read, in bytes.
const LARGEST: u64 = 16 << 20;
/// How long another process may hold the lock: as long as a refresh may take, and a bit.
const PATIENCE: Duration = Duration::from_secs(45);
/// How often is looked whether the lock is free.
const LOOK: Duration = Duration::from_millis(20);
/// How much larger than all that is kept a new login may make it, in bytes: a person may have come into many teams.
const GROWTH: u64 = 64 << 10;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be read.
    #[error("cannot read the credentials in {}", path.display())]
    Read {
        /// The file of the store.
        path: PathBuf,
        /// What the system said.
        source: ReadError,
    },
    /// It holds something else.
    #[error("the credentials in {} are damaged: {reason}", path.display())]
    Damaged {
        /// The file of the store.
        path: PathBuf,
        /// Where, without a word of the content.
        reason: String,
    },
    /// A later release wrote it.
    #[error("the credentials in {} are of a later release (format {version})", path.display())]
    Newer {
        /// The file of the store.
        path: PathBuf,
        /// Its format.
        version: u32,
    },
    /// It cannot be written.
    #[error("cannot write the credentials")]
    Write(#[from] HomeError),
    /// There is no room for it.
    #[error("cannot write the credentials to {}", path.display())]
    Full {
        /// The file of the store.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its content cannot be put into words.
    #[error("cannot encode the credentials")]
    Encode(#[from] serde_json::Error),
    /// Its lock cannot be had.
    #[error("cannot lock the credentials")]
    Lock(#[from] LockError),
    /// Somebody keeps it.
    #[error("{} has kept the credentials locked for {} s ({})", who(holder.as_deref()), PATIENCE.as_secs(), path.display())]
    Locked {
        /// The file of the lock.
        path: PathBuf,
        /// Who keeps it, where that is known.
        holder: Option<Box<Holder>>,
    },
    /// The keyring cannot be used.
    #[error("cannot use {}", KEYRING)]
    Keyring(#[source] KeyringError),
    /// The keyring was asked for, and there is none.
    #[error("{BUTLER_CREDENTIALS} asks for {}, which cannot be used", KEYRING)]
    NoKeyring(#[source] KeyringError),
    /// The keyring does not hold what was put there.
    #[error("the login on {server} is not whole in {}", KEYRING)]
    Torn {
        /// The server of the login.
        server: ServerAddress,
        /// What is wrong.
        source: PiecesError,
    },
    /// Nobody is logged in where something is to be changed.
    #[error("nobody is logged in on {0}")]
    Unknown(ServerAddress),
}

/// Where a new login will be kept.
#[derive(Debug)]
pub enum Place {
    /// In the keyring.
    Keyring,
    /// In the file, because that was asked for or because there is no keyring: why not.
    File(Option<KeyringError>),
}

/// A file of the store that others could read.
#[derive(Debug)]
pub struct Exposed {
    path: PathBuf,
    mode: u32,
    /// Why they still can.
    still: Option<io::Error>,
}

/// The store of one home.
#[derive(Debug, Clone)]
pub struct Store {
    file: PathBuf,
    lock: PathBuf,
    choice: Choice,
    keyring: Arc<OnceCell<Keyring>>,
}

/// The store while nobody else can change it.
pub struct LockedStore {
    store: Store,
    content: Content,
    /// The file that will take the place of the store, with room for it.
    ready: Option<SecretFile>,
    _lock: Lock,
}

impl Store {
    /// The store of a home. Nothing is made until something is kept.
    pub fn of(home: &Home, environment: &Environment) -> Result<Self, ChoiceError> {
        Ok(Self {
            file: home.config.join("credentials.json"),
            lock: home.config.join("credentials.lock"),
            choice: Choice::of(environment)?,
            keyring: Arc::default(),
        })
    }

    /// The file that says who is logged in where.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Where the secrets of a login are, in words.
    pub fn whereabouts(&self, entry: &Entry) -> String {
        match entry.kept {
            Kept::File(_) => self.file.display().to_string(),
            Kept::Keyring(_) => KEYRING.to_owned(),
        }
    }

    /// Who is logged in where; nothing where there is no file. The keyring is not asked.
    pub fn read(&self) -> Result<Content, StoreError> {
        let bytes = match read::file(&self.file, LARGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(Content::default()),
            Err(source) => {
                return Err(StoreError::Read {
                    path: self.file.clone(),
                    source,
                });
            }
        };
        let path = self.file.clone();
        Content::parse(&bytes).map_err(|error| match error {
            Unreadable::Newer(version) => StoreError::Newer { path, version },
            Unreadable::Damaged(reason) => StoreError::Damaged { path, reason },
        })
    }

    /// Closes the file to others where it was open to them: a copy, or another program, may have left it so.
    pub fn close(&self) -> Option<Exposed> {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = self.file.metadata().ok()?.permissions().mode() & 0o777;
        if mode | 0o700 == 0o700 {
            return None;
        }
        let closed = std::fs::set_permissions(&self.file, std::fs::Permissions::from_mode(0o600));
        Some(Exposed {
            path: self.file.clone(),
            mode,
            still: closed.err(),
        })
    }

    /// Where a new login will be kept.
    pub async fn place(&self) -> Result<Place, StoreError> {
        if self.choice.asked == Some(Asked::File) {
            return Ok(Place::File(None));
        }
        match (self.keyring().await, self.choice.asked) {
            (Ok(_), _) => Ok(Place::Keyring),
            (Err(why), Some(Asked::Keyring)) => Err(StoreError::NoKeyring(why)),
            (Err(why), _) => Ok(Place::File(Some(why))),
        }
    }

    /// The login on a server, with its secrets.
    pub async fn session(&self, server: &ServerAddress) -> Result<Option<Session>, StoreError> {
        let mut content = self.read()?;
        loop {
            let Some(entry) = content.servers.get(server) else {
                return Ok(None);
            };
            let item = match &entry.kept {
                Kept::File(session) => return Ok(Some(entry.session(Session::clone(session)))),
                Kept::Keyring(item) => *item,
            };
            match self.item(item).await? {
                Ok(secrets) => return Ok(Some(entry.session(secrets))),
                Err(source) => {
                    // Somebody may have renewed it meanwhile, and have removed what the file named before.
                    content = self.read()?;
                    if content.item(server) == Some(item) {
                        let server = server.clone();
                        return Err(StoreError::Torn { server, source });
                    }
                }
            }
        }
    }

    /// Takes the lock, and waits for it as long as another process may need it. `now` is what others are told.
    pub async fn lock(&self, now: Timestamp) -> Result<LockedStore, StoreError> {
        if let Some(folder) = self.lock.parent() {
            home::private_folder(folder)?;
        }
        let began = Instant::now();
        let run = Uuid::new_v4();
        let lock = loop {
            match Lock::try_take(&self.lock, run, now)? {
                Some(lock) => break lock,
                None if began.elapsed() < PATIENCE => tokio::time::sleep(LOOK).await,
                None => {
                    let holder = match Lock::holder(&self.lock)? {
                        Some(Held::By(holder)) => Some(Box::new(holder)),
                        Some(Held::Unknown) | None => None,
                    };
                    let path = self.lock.clone();
                    return Err(StoreError::Locked { path, holder });
                }
            }
        };
        Ok(LockedStore {
            store: self.clone(),
            // What is not understood is not locked either, so that nobody replaces it.
            content: self.read()?,
            ready: None,
            _lock: lock,
        })
    }

    /// The keyring, which is looked for once.
    async fn keyring(&self) -> Result<&Keyring, KeyringError> {
        self.keyring.get_or_try_init(|| Keyring::connect(&self.choice)).await
    }

    /// What an item of the keyring holds.
    async fn item(&self, item: Uuid) -> Result<Result<Session, PiecesError>, StoreError> {
        let keyring = self.keyring().await.map_err(StoreError::Keyring)?;
        let found = keyring.get(item).await.map_err(StoreError::Keyring)?;
        Ok(found.and_then(|secret| content::unsealed(&secret).ok_or(PiecesError::Damaged)))
    }
}

impl LockedStore {
    /// Who is logged in where.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The login on a server, with its secrets: also one that a process left in the keyring that was killed before it could
    /// say so in the file.
    pub async fn session(&mut self, server: &ServerAddress) -> Result<Option<Session>, StoreError> {
        self.adopt(server).await?;
        self.store.session(server).await
    }

    /// Makes sure that a login can be kept in the place of this one: the room for it is taken. Where it cannot be had, nothing
    /// has been spent yet that would have to be kept.
    pub async fn prepare(&mut self, server: &ServerAddress, session: &Session) -> Result<(), StoreError> {
        self.reserve()?;
        let plan = plan::reserve(&self.content, server, session)?;
        self.perform(plan).await
    }

    /// Takes the room that the file can need.
    pub fn reserve(&mut self) -> Result<(), StoreError> {
        let size = self.content.text()?.expose_secret().len() as u64;
        let mut file = SecretFile::create(&self.store.file)?;
        file.reserve(2 * size + GROWTH)?;
        self.ready = Some(file);
        Ok(())
    }

    /// Keeps a login, which becomes the active one; durable when this returns.
    pub async fn keep(&mut self, server: &ServerAddress, session: &Session, place: &Place) -> Result<(), StoreError> {
        let target = match place {
            Place::Keyring => {
                // What is there is replaced in its order.
                self.adopt(server).await?;
                Target::Keyring(Uuid::new_v4())
            }
            // Also where the keyring of the login before cannot be had.
            Place::File(_) => Target::File,
        };
        let mut before = self.content.clone();
        before.active_server = Some(server.clone());
        self.perform(plan::keep(&before, server, session, target)?).await
    }

    /// Keeps a login that was renewed, where it was; durable when this returns.
    pub async fn renewed(&mut self, server: &ServerAddress, session: &Session) -> Result<(), StoreError> {
        let target = self.content.item(server).map_or(Target::File, Target::Keyring);
        self.perform(plan::keep(&self.content, server, session, target)?).await
    }

    /// Chooses the server and, if one is named, the team that commands use.
    pub async fn choose(&mut self, server: &ServerAddress, team: Option<&str>) -> Result<(), StoreError> {
        let mut content = self.content.clone();
        let entry = content.servers.get_mut(server);
        let entry = entry.ok_or_else(|| StoreError::Unknown(server.clone()))?;
        if let Some(team) = team {
            entry.known.active_team = Some(team.to_owned());
        }
        content.active_server = Some(server.clone());
        let must = vec![Step::Write(content)];
        self.perform(Plan { must, may: Vec::new() }).await
    }

    /// Forgets logins, and removes their secrets from the keyring.
    pub async fn forget(&mut self, servers: &[ServerAddress]) -> Result<(), StoreError> {
        if servers.iter().any(|server| self.content.item(server).is_some()) {
            // Nothing is forgotten whose secrets would stay.
            self.store.keyring().await.map_err(StoreError::Keyring)?;
        }
        self.perform(plan::forget(&self.content, servers)).await
    }

    /// Takes over what a process left in the keyring that was killed before it could say so in the file.
    async fn adopt(&mut self, server: &ServerAddress) -> Result<(), StoreError> {
        let Some(old) = self.content.item(server) else {
            return Ok(());
        };
        match self.store.item(plan::next(old)).await? {
            Ok(found) => self.perform(plan::adopt(&self.content, server, old, &found)).await,
            // Room that was reserved, half of an item, or, as a rule, nothing.
            Err(_) => Ok(()),
        }
    }

    async fn perform(&mut self, plan: Plan) -> Result<(), StoreError> {
        for step in plan.must {
            self.step(step).await?;
        }
        for step in plan.may {
            if self.step(step).await.is_err() {
                // It stays in the list of what is left, and the next change tries again.
                break;
            }
        }
        Ok(())
    }

    async fn step(&mut self, step: Step) -> Result<(), StoreError> {
        match step {
            Step::Write(content) => {
                self.write(&content)?;
                self.content = content;
                Ok(())
            }
            Step::Put {
                item,
                piece,
                label,
                text,
            } => {
                let keyring = self.store.keyring().await.map_err(StoreError::Keyring)?;
                let put = keyring.put(item, piece, label, text).await;
                put.map_err(StoreError::Keyring)
            }
            Step::Trim { item, from } => {
                let keyring = self.store.keyring().await.map_err(StoreError::Keyring)?;
                keyring.trim(item, from).await.map_err(StoreError::Keyring)
            }
        }
    }

    fn write(&mut self, content: &Content) -> Result<(), StoreError> {
        let text = content.text()?;
        let mut file = match self.ready.take() {
            Some(file) => file,
            None => SecretFile::create(&self.store.file)?,
        };
        file.write_all(text.expose_secret().as_bytes())
            .map_err(|source| StoreError::Full {
                path: self.store.file.clone(),
                source,
            })?;
        Ok(file.replace()?)
    }
}

/// Without the file that is being made, which has nothing to show.
impl fmt::Debug for LockedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockedStore")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, mode, still } = self;
        let path = path.display();
        match still {
            None => write!(f, "others could read {path} (mode {mode:o}); they no longer can"),
            Some(error) => write!(
                f,
                "others can read {path} (mode {mode:o}), which cannot be changed: {error}"
            ),
        }
    }
}

fn who(holder: Option<&Holder>) -> String {
    match holder {
        Some(holder) if holder.is_here() => format!("process {}", holder.pid),
        Some(holder) => format!("process {} on {}", holder.pid, holder.host),
        None => "another process".to_owned(),
    }
}
