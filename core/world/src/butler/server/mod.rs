//! Butler's server, played: sessions, device logins and the routes that the command lines need, answered from the objects of
//! one cluster as the real server answers them.
//!
//! What a request may do is decided from the objects at that moment (`session`, `accounts`); what is waiting for a person is in
//! memory only (`device`) and gone with the server, as with the real one. Routes are tables beside their handlers (`routes`),
//! looked through by `router`. `listen` puts all of it on a socket, and `deploy` starts and ends it with its Deployment.
//!
//! Where the real server lets people do what is not theirs, this one does not; `docs/world.md` lists the differences.

mod accounts;
mod deploy;
mod device;
mod gojson;
mod jwt;
mod kinds;
mod listen;
mod provision;
mod reply;
mod router;
mod routes;
mod session;
mod tenant;

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use butler_embedded::{Local, Refused};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::Method;
use http_body_util::Full;
use jiff::Timestamp;
use secrecy::SecretString;

pub(crate) use self::accounts::keep_password;
pub(crate) use self::deploy::{Site, run};
use self::device::{DeviceLogins, Unresolved, Verdict};
pub(crate) use self::kinds::{TEAMS, USERS, value as object_value};
use self::reply::Reply;
use self::router::{Call, Routed};
use self::session::Session;
pub use self::tenant::{HttpsTenants, TenantAccess, TenantError};
pub use crate::world::butler_server::{LoginError, LoginServer};
pub use crate::world::faults::ButlerServerFaults;

/// What a server needs to know beside its cluster.
pub struct Options {
    /// The URL that people and programs know it by; without one, each request's `Host` tells.
    pub base_url: Option<String>,
    /// Cookies are for HTTPS only.
    pub secure_cookies: bool,
    /// The URL of the cluster's API server, for kubeconfigs.
    pub api_server: String,
    /// The certificate of the authority of that API server, as PEM.
    pub authority: String,
    /// The name and password of an administrator who is no user of the cluster.
    pub legacy_admin: Option<(String, SecretString)>,
    /// Signs session tokens.
    pub signing_key: Vec<u8>,
    /// How long things are good.
    pub lifetimes: Lifetimes,
    /// Tells the time.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// What is to go wrong now.
    pub faults: Arc<dyn Fn() -> ButlerServerFaults + Send + Sync>,
    /// How tenant clusters are reached.
    pub tenants: Arc<dyn TenantAccess>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

/// How long things are good: the real server's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// A code that waits for a person.
    pub device_code: Duration,
    /// A session token.
    pub session: Duration,
    /// A token for the API server.
    pub kubernetes: Duration,
    /// A token that renews a login.
    pub refresh: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            device_code: Duration::from_mins(15),
            session: Duration::from_hours(24),
            kubernetes: Duration::from_hours(24),
            refresh: Duration::from_hours(168),
        }
    }
}

/// A server of one cluster.
pub struct ButlerServer {
    local: Local,
    options: Options,
    logins: Mutex<DeviceLogins>,
}

impl fmt::Debug for ButlerServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ButlerServer")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl ButlerServer {
    /// A server that has just started: nobody waits for anything.
    pub fn new(local: Local, options: Options) -> Self {
        Self {
            local,
            options,
            logins: Mutex::default(),
        }
    }

    /// Writes the roles that logins are bound to, where they are missing. The chart of Butler's CRDs brings them on a real cluster.
    pub fn make_roles(&self) -> Result<(), Refused> {
        provision::make_roles(&self.local)
    }

    /// Answers a request.
    pub async fn answer(&self, request: http::Request<Bytes>) -> http::Response<Full<Bytes>> {
        if let Some(slow) = (self.options.faults)().slow {
            tokio::time::sleep(slow.0).await;
        }
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let reply = match router::find(routes::all(), &parts.method, path) {
            Routed::Found(handler, parameters) => {
                let query = parts.uri.query().unwrap_or("");
                let call = Call {
                    headers: parts.headers,
                    query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
                    body,
                    parameters,
                };
                handler.answer(self, &call).await
            }
            Routed::OtherMethods(methods) => Reply::method_not_allowed(&methods),
            Routed::Nothing if parts.method == Method::GET && !is_api(path) => routes::console_page(),
            Routed::Nothing => Reply::no_page(),
        };
        reply.into_response()
    }

    fn resolve(&self, user_code: &str, verdict: Verdict) -> Result<(), LoginError> {
        let now = self.now();
        let no_code = || LoginError::NoCode(user_code.to_owned());
        let mut logins = self.logins();
        let (device_code, _) = logins.find(user_code, now).ok_or_else(no_code)?;
        logins
            .resolve(&device_code, verdict, now)
            .map_err(|problem| match problem {
                Unresolved::NotFound => no_code(),
                Unresolved::Resolved => LoginError::Resolved(user_code.to_owned()),
            })
    }

    /// Forgets codes and refresh tokens, as a server that was restarted.
    pub fn restart(&self) {
        self.logins().forget();
    }

    /// Access in the name of a person, for what is checked against who does it.
    fn acting_as(&self, session: &Session) -> Local {
        self.local
            .acting_as(&session.person.email, vec!["butler-api-users".to_owned()])
    }

    fn logins(&self) -> MutexGuard<'_, DeviceLogins> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        (self.options.clock)()
    }

    /// The URL that a caller reaches the server by.
    fn base_url(&self, call: &Call) -> Option<String> {
        let by_host = || session::header(&call.headers, "host").map(|host| format!("http://{host}"));
        self.options.base_url.clone().or_else(by_host)
    }
}

impl LoginServer for ButlerServer {
    fn approve(&self, user_code: &str, who: &str) -> Result<(), LoginError> {
        // Another server may have it, with other people.
        self.logins()
            .find(user_code, self.now())
            .ok_or_else(|| LoginError::NoCode(user_code.to_owned()))?;
        let user =
            accounts::by_name_or_email(&self.local, who).map_err(|error| LoginError::Unreadable(error.message))?;
        let user = user.ok_or_else(|| LoginError::NoUser(who.to_owned()))?;
        let no_access = || LoginError::NoAccess(who.to_owned());
        let person = self.person(&user).map_err(|_| no_access())?;
        let nothing = person.teams.is_empty() && person.platform == accounts::Platform::Nobody;
        if nothing || user.spec.disabled == Some(true) {
            return Err(no_access());
        }
        self.resolve(user_code, Verdict::Approved(Box::new(person)))
    }

    fn deny(&self, user_code: &str) -> Result<(), LoginError> {
        self.resolve(user_code, Verdict::Denied)
    }
}

/// Paths at which there is no page.
fn is_api(path: &str) -> bool {
    ["/api", "/ws"].iter().any(|prefix| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// What a handler says when the API server refused something for which the real server has no words of its own.
fn refused(error: &Refused) -> Reply {
    Reply::internal(&error.message)
}

/// A future of a handler that takes a while.
fn wait<'a>(answer: impl Future<Output = reply::Answer> + Send + 'a) -> BoxFuture<'a, reply::Answer> {
    Box::pin(answer)
}

/// Bytes in hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A text takes whatever is written to it.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A key that nobody else has.
fn new_key() -> Vec<u8> {
    routes::secret().into_bytes()
}
