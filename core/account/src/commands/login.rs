//! `butlerctl login`: by a code that a person approves, at Butler's server or at an issuer, or by a password.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use butler_client::address::ServerAddress;
use butler_client::http::Server;
use butler_client::login::{self, LoginError, Watcher};
use butler_client::oidc::Request;
use butler_client::session::Session;
use butler_client::store::{Content, KEYRING, Place, Store};
use butler_client::wire::{DeviceAnswer, Person, TokenAnswer};
use butler_files::home::{self, Home};
use butler_files::read;
use butler_terminal::{Env, Exit, Failure, Ui, interrupt, qr};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::import;
use super::issuer::{self, IssuerArgs};
use super::secret::{self, Secret};
use super::whoami::{self, WhoamiArgs};
use crate::failure;
use crate::session::{self, ServerArgs};
use crate::tool::{Account, Tool};

/// The largest file with authorities that is read, in bytes.
const AUTHORITIES: u64 = 1 << 20;

/// Options of `login`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
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
    /// Log in as this user, with a password: of --password-stdin, of BUTLER_PASSWORD, or asked for
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Read the password of --user from standard input
    #[arg(long, requires = "user")]
    pub password_stdin: bool,
    /// Read a session token of the server from standard input; BUTLER_TOKEN does as well
    #[arg(long, conflicts_with = "user")]
    pub token_stdin: bool,
    /// Take over the logins of the former command line, without asking; without a file those in ~/.butler/credentials.json
    #[arg(long, value_name = "FILE", conflicts_with_all = ["server", "ca_file", "user", "token_stdin", "issuer"])]
    pub import: Option<Option<PathBuf>>,
    /// A login that Butler's server has no part in.
    #[command(flatten)]
    pub issuer: IssuerArgs,
    /// Something else about logins.
    #[command(subcommand)]
    pub other: Option<LoginCommand>,
}

/// What there is about a login beside logging in.
#[derive(Debug, clap::Subcommand)]
pub enum LoginCommand {
    /// Show who is logged in, where, and until when, as `whoami` does
    Status(WhoamiArgs),
}

/// Runs the command.
pub fn run(account: Account<'_>, args: &LoginArgs) -> Result<(), Failure> {
    let Account { ui, env, .. } = account;
    if let Some(LoginCommand::Status(args)) = &args.other {
        return whoami::run(account, args);
    }
    let home = session::home(env)?;
    let (store, content) = session::stored(account)?;
    if let Some(file) = &args.import {
        return import::run(account, &home, &store, &content, file.as_deref());
    }
    let secret = secret::given(account, args)?;
    let named = issuer::named(&args.issuer)?;
    if secret.is_none() && named.is_none() {
        let wanted = args.server.named(args.insecure_http)?;
        let taken = import::offer(account, &home, &store, &content, wanted.as_ref())?;
        if !taken.is_empty() {
            return Ok(());
        }
    }
    interrupt::run(ui, |stop| async move {
        let work = work(account, args, &home, (&store, &content), named, secret);
        Box::pin(stopped_by(&stop, work)).await
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
    account: Account<'_>,
    args: &LoginArgs,
    home: &Home,
    (store, content): (&Store, &Content),
    named: Option<Request>,
    secret: Option<Secret>,
) -> Result<(), Failure> {
    let Account { ui, tool, .. } = account;
    let address = match &named {
        Some(request) => request.api.clone(),
        None => address(tool, args, content)?,
    };
    let known = || issuer::known(&address, content.servers.get(&address).map(|entry| &entry.known));
    let request = if secret.is_some() { None } else { named.or_else(known) };
    let (place, session) = match request {
        Some(request) => {
            let place = place(tool, store).await?;
            (place, issuer::log_in(account, args.no_browser, request).await?)
        }
        None => at_server(account, args, home, (store, content), &address, secret).await?,
    };
    keep(tool, store, &address, &session, &place).await?;
    told(account, &address, &session);
    told_where(ui, store, &place);
    Ok(())
}

/// Logs in at Butler's server.
async fn at_server(
    account: Account<'_>,
    args: &LoginArgs,
    home: &Home,
    (store, content): (&Store, &Content),
    address: &ServerAddress,
    secret: Option<Secret>,
) -> Result<(Place, Session), Failure> {
    let Account { ui, env, tool } = account;
    let authority = authority(tool, args, home, content, address).await?;
    let server = Server::new(address.clone(), authority.as_deref().map(str::as_bytes));
    let server = server.map_err(|error| match &args.ca_file {
        Some(path) => failure::client(&error).while_doing(format!("cannot use --ca-file {}", path.display())),
        None => failure::client(&error),
    })?;
    let place = place(tool, store).await?;
    let answer = log_in(ui, env, args, &server, secret).await;
    let answer = answer.map_err(|error| failure::login(tool, &error, address))?;
    let before = content.servers.get(address);
    let mut session = Session::of(answer, before.map(|entry| &entry.known));
    session.authority = authority;
    // One call shows that the login works, before it is kept.
    if let Some(token) = &session.session_token {
        let path = ["api", "auth", "me"];
        session.user = server
            .get::<Person>(&path, Some(token))
            .await
            .map_err(|error| failure::call(&error))?;
    }
    if tool.for_administrators && !session.user.is_platform_admin {
        return Err(failure::no_administrator(&session.user, address));
    }
    Ok((place, session))
}

fn address(tool: Tool, args: &LoginArgs, content: &Content) -> Result<ServerAddress, Failure> {
    let known = content.active_server.clone();
    args.server.named(args.insecure_http)?.or(known).ok_or_else(|| {
        Failure::new(Exit::Usage, "which server?").hint(format!(
            "name it once: {} login --server URL; BUTLER_SERVER does as well",
            tool.name
        ))
    })
}

/// The authority that a server is trusted by: the one that is named, the one of the simulated world of this home, or the one
/// of the last login.
async fn authority(
    tool: Tool,
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
        let same = |url: &str| ServerAddress::parse(url, true).is_ok_and(|own| own == *address);
        let servers = tool.servers(&home.state).await;
        if let Some(own) = servers.into_iter().find(|server| same(&server.url)) {
            return pem(&own.authority).map(Some);
        }
    }
    let known = content.servers.get(address);
    Ok(known.and_then(|entry| entry.known.authority.clone()))
}

pub(super) fn pem(path: &Path) -> Result<String, Failure> {
    let doing = || format!("cannot read the authority in {}", path.display());
    let bytes =
        read::file(path, AUTHORITIES).map_err(|error| Failure::from_error(Exit::Usage, &error).while_doing(doing()))?;
    String::from_utf8(bytes).map_err(|error| Failure::from_error(Exit::Usage, &error).while_doing(doing()))
}

async fn log_in(
    ui: &Ui,
    env: &Env,
    args: &LoginArgs,
    server: &Server,
    secret: Option<Secret>,
) -> Result<TokenAnswer, LoginError> {
    match secret {
        Some(Secret::Password(user, password)) => login::by_password(server, &user, &password).await,
        Some(Secret::Token(token)) => login::by_session(server, &token).await,
        None => {
            let device = login::begin(server).await?;
            show(ui, env, args.no_browser, &device);
            login::wait(server, &device, &mut Told(ui)).await
        }
    }
}

pub(super) fn show(ui: &Ui, env: &Env, no_browser: bool, device: &DeviceAnswer) {
    let (columns, rows) = ui.size();
    let drawn = qr::lines(&device.verification_uri, columns, rows).filter(|_| ui.can_draw());
    drawn.into_iter().flatten().for_each(|line| ui.note(&line));
    ui.note(&format!("code:  {}", device.user_code));
    ui.note(&format!("page:  {}", device.verification_uri));
    if !no_browser && has_display(env) && open(&device.verification_uri) {
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
pub(super) struct Told<'a>(pub(super) &'a Ui);

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

/// Where the login will be kept. That it can be kept there is known before a person is sent to a browser.
async fn place(tool: Tool, store: &Store) -> Result<Place, Failure> {
    let failed = |error| failure::store(tool, &error);
    let place = store.place().await.map_err(failed)?;
    let mut locked = store.lock(Timestamp::now()).await.map_err(failed)?;
    locked.reserve().map_err(failed)?;
    Ok(place)
}

async fn keep(
    tool: Tool,
    store: &Store,
    address: &ServerAddress,
    session: &Session,
    place: &Place,
) -> Result<(), Failure> {
    let failed = |error| failure::store(tool, &error);
    let mut locked = store.lock(Timestamp::now()).await.map_err(failed)?;
    locked.keep(address, session, place).await.map_err(failed)
}

fn told(account: Account<'_>, address: &ServerAddress, session: &Session) {
    let email = &session.user.email;
    account.ui.note(&format!("logged in on {address} as {email}"));
    match &session.issuer {
        Some(_) => issuer::told(account, session),
        None => told_by_server(account, session),
    }
}

/// Says what Butler's server knows of a person.
fn told_by_server(account: Account<'_>, session: &Session) {
    let Account { ui, tool, .. } = account;
    let teams = &session.user.teams;
    match &session.active_team {
        Some(team) if teams.len() > 1 => {
            ui.note(&format!(
                "team: {team}; another one: {} context use --team NAME",
                tool.name
            ));
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
}

pub(super) fn told_where(ui: &Ui, store: &Store, place: &Place) {
    let file = store.path().display();
    match place {
        Place::Keyring => ui.note(&format!(
            "The credentials are in {KEYRING}; {file} says whose they are."
        )),
        Place::File(why) => {
            ui.note(&format!("The credentials are in {file}, which only you can read."));
            if let Some(why) = why {
                ui.note(&format!("They are not in {KEYRING}: {why}."));
            }
        }
    }
}
