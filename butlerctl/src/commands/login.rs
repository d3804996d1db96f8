//! `butlerctl login`: by a code that a person approves, or by a password.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use butler_client::address::ServerAddress;
use butler_client::http::Server;
use butler_client::login::{self, LoginError, Watcher};
use butler_client::session::Session;
use butler_client::store::{Content, Store};
use butler_client::wire::{DeviceAnswer, Person, TokenAnswer};
use butler_files::home::{self, Home};
use butler_files::read;
use butler_terminal::{Env, Exit, Failure, Ui, interrupt};
use butler_world::process;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::failure;
use crate::session::{self, ServerArgs};

/// The largest file with authorities that is read, in bytes.
const AUTHORITIES: u64 = 1 << 20;
/// The longest password or token that is read, in bytes.
const SECRET: u64 = 64 << 10;

/// Options of `login`.
#[derive(Debug, clap::Args)]
pub struct LoginArgs {
    /// The server to log in to.
    #[command(flatten)]
    pub server: ServerArgs,
    /// File with the authority of the server's certificate (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Allow a server that is not encrypted
    #[arg(long)]
    pub insecure_http: bool,
    /// Do not open a browser
    #[arg(long)]
    pub no_browser: bool,
    /// Log in as this user, with a password
    #[arg(long, value_name = "NAME", requires = "password_stdin")]
    pub user: Option<String>,
    /// Read the password of --user from standard input
    #[arg(long, requires = "user")]
    pub password_stdin: bool,
    /// Read a session token of the server from standard input
    #[arg(long, conflicts_with = "user")]
    pub token_stdin: bool,
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, env: &Env, args: &LoginArgs) -> Result<(), Failure> {
    let home = session::home(env)?;
    let store = Store::of(&home);
    let content = store.read().map_err(|error| failure::store(&error))?;
    let secret = secret(args)?;
    interrupt::run(ui, |stop| async move {
        let work = work(ui, env, args, &home, &store, &content, secret);
        stopped_by(&stop, work).await
    })
}

/// Ends work that a person stops. Until the login is kept, nothing of it is anywhere.
async fn stopped_by<T>(stop: &CancellationToken, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        result = work => result,
        () = stop.cancelled() => Err(failure::interrupted()),
    }
}

async fn work(
    ui: &Ui,
    env: &Env,
    args: &LoginArgs,
    home: &Home,
    store: &Store,
    content: &Content,
    secret: Option<SecretString>,
) -> Result<(), Failure> {
    let address = address(args, content)?;
    let authority = authority(args, home, content, &address).await?;
    let server = Server::new(address.clone(), authority.as_deref().map(str::as_bytes));
    let server = server.map_err(|error| match &args.ca_file {
        Some(path) => failure::client(&error).while_doing(format!("cannot use --ca-file {}", path.display())),
        None => failure::client(&error),
    })?;
    let answer = log_in(ui, env, args, &server, secret).await;
    let answer = answer.map_err(|error| failure::login(&error, &address))?;
    let before = content.servers.get(&address);
    let mut session = Session::of(answer, before);
    session.authority = authority;
    // One call shows that the login works, before it is kept.
    if let Some(token) = &session.session_token {
        let path = ["api", "auth", "me"];
        session.user = server
            .get::<Person>(&path, Some(token))
            .await
            .map_err(|error| failure::call(&error))?;
    }
    keep(store, &address, session.clone()).await?;
    told(ui, store, &address, &session);
    Ok(())
}

fn address(args: &LoginArgs, content: &Content) -> Result<ServerAddress, Failure> {
    let known = content.active_server.clone();
    args.server.named(args.insecure_http)?.or(known).ok_or_else(|| {
        Failure::new(Exit::Usage, "which server?")
            .hint("name it once: butlerctl login --server URL; BUTLER_SERVER does as well")
    })
}

/// The authority that a server is trusted by: the one that is named, the one of the simulated world of this home, or the one
/// of the last login.
async fn authority(
    args: &LoginArgs,
    home: &Home,
    content: &Content,
    address: &ServerAddress,
) -> Result<Option<String>, Failure> {
    if let Some(path) = &args.ca_file {
        let path = home::expand(path).map_err(|error| failure::home(&error))?;
        return pem(&path).map(Some);
    }
    if address.is_loopback() {
        // A world that cannot be asked is not the one that is meant.
        let status = process::status(&home.state).await.ok();
        let servers = status.into_iter().flat_map(|status| status.butler_servers);
        let same = |url: &str| ServerAddress::parse(url, true).is_ok_and(|own| own == *address);
        if let Some(own) = servers.into_iter().find(|server| same(&server.url)) {
            return pem(&own.ca_file).map(Some);
        }
    }
    let known = content.servers.get(address);
    Ok(known.and_then(|session| session.authority.clone()))
}

fn pem(path: &Path) -> Result<String, Failure> {
    let doing = || format!("cannot read the authority in {}", path.display());
    let bytes =
        read::file(path, AUTHORITIES).map_err(|error| Failure::from_error(Exit::Usage, &error).while_doing(doing()))?;
    String::from_utf8(bytes).map_err(|error| Failure::from_error(Exit::Usage, &error).while_doing(doing()))
}

/// What comes over standard input, read before anything else happens.
fn secret(args: &LoginArgs) -> Result<Option<SecretString>, Failure> {
    if !args.password_stdin && !args.token_stdin {
        return Ok(None);
    }
    let doing = "cannot read the secret from standard input";
    let failed = |error: &dyn Fn() -> Failure| error().while_doing(doing);
    let bytes = read::standard_input(SECRET).map_err(|error| failed(&|| Failure::from_error(Exit::Usage, &error)))?;
    let text = String::from_utf8(bytes).map_err(|_| Failure::new(Exit::Usage, "it is no text").while_doing(doing))?;
    let line = text.trim_end_matches(['\n', '\r']);
    if line.is_empty() {
        return Err(Failure::new(Exit::Usage, "it is empty").while_doing(doing));
    }
    Ok(Some(SecretString::from(line.to_owned())))
}

async fn log_in(
    ui: &Ui,
    env: &Env,
    args: &LoginArgs,
    server: &Server,
    secret: Option<SecretString>,
) -> Result<TokenAnswer, LoginError> {
    match (&args.user, secret) {
        (Some(user), Some(password)) => login::by_password(server, user, &password).await,
        (None, Some(token)) => login::by_session(server, &token).await,
        _ => {
            let device = login::begin(server).await?;
            show(ui, env, args, &device);
            login::wait(server, &device, &mut Told(ui)).await
        }
    }
}

fn show(ui: &Ui, env: &Env, args: &LoginArgs, device: &DeviceAnswer) {
    ui.note(&format!("code:  {}", device.user_code));
    ui.note(&format!("page:  {}", device.verification_uri));
    if !args.no_browser && has_display(env) && open(&device.verification_uri) {
        ui.note("Sign in there and enter the code; a browser has been opened.");
    } else {
        ui.note("Open the page in a browser, sign in there and enter the code.");
    }
}

/// Whether a browser would be seen: not over SSH, and not without a display.
fn has_display(env: &Env) -> bool {
    let is_set = |name: &str| env.text(name).is_some_and(|value| !value.is_empty());
    if is_set("SSH_CONNECTION") || is_set("SSH_TTY") {
        return false;
    }
    cfg!(target_os = "macos") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}

/// Opens a page; `false`: there is nothing to open it with. What the program prints is nobody's business.
fn open(page: &str) -> bool {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = std::process::Command::new(program);
    let quiet = command
        .arg(page)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.spawn().is_ok()
}

/// Says why a login that waits does not get on.
struct Told<'a>(&'a Ui);

impl Watcher for Told<'_> {
    fn trouble(&mut self, words: Option<&str>) {
        match words {
            Some(words) => self
                .0
                .warn(&format!("the server does not answer now: {words}; trying on"), None),
            None => self.0.note("The server answers again."),
        }
    }
}

async fn keep(store: &Store, address: &ServerAddress, session: Session) -> Result<(), Failure> {
    let locked = store.lock().await.map_err(|error| failure::store(&error))?;
    let mut content = locked.read().map_err(|error| failure::store(&error))?;
    content.servers.insert(address.clone(), session);
    content.active_server = Some(address.clone());
    locked.write(&content).map_err(|error| failure::store(&error))
}

fn told(ui: &Ui, store: &Store, address: &ServerAddress, session: &Session) {
    let Person { email, teams, .. } = &session.user;
    ui.note(&format!("logged in on {address} as {email}"));
    match &session.active_team {
        Some(team) if teams.len() > 1 => {
            ui.note(&format!("team: {team}; another one: butlerctl context use --team NAME"));
        }
        Some(team) => ui.note(&format!("team: {team}")),
        None if session.user.is_platform_admin => {}
        None => ui.warn(
            "you are in no team yet",
            Some("an administrator adds you: butleradm team add-member"),
        ),
    }
    if session.session_token.is_none() {
        ui.warn(
            "the server gave no session token: commands that need the server itself will say so",
            Some("a later release of the server gives one"),
        );
    }
    ui.note(&format!(
        "The credentials are in {}, which only you can read.",
        store.path().display()
    ));
}
