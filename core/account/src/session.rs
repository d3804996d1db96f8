//! Which server is meant, and the store of this home.

use butler_client::address::ServerAddress;
use butler_client::refresh;
use butler_client::session::Session;
use butler_client::store::{Content, Store};
use butler_files::home::Home;
use butler_terminal::{Env, Failure, env, interrupt};
use jiff::Timestamp;

use crate::failure;
use crate::tool::{Account, Tool};

/// The variable that names a server.
pub const BUTLER_SERVER: &str = "BUTLER_SERVER";

/// Which server a command is about.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ServerArgs {
    /// Address of the server; without it the one of the active context
    #[arg(long, value_name = "URL", env = BUTLER_SERVER, hide_env_values = true)]
    pub server: Option<String>,
}

/// The home of this process.
pub fn home(env: &Env) -> Result<Home, Failure> {
    Home::resolve(env.get(env::BUTLER_HOME)).map_err(|error| failure::home(&error))
}

/// The store of credentials of this home.
pub fn store(env: &Env) -> Result<Store, Failure> {
    Store::of(&home(env)?, env.variables()).map_err(|error| failure::choice(&error))
}

/// The store of credentials of this home, and what it holds. One that others could read is closed to them, and that is said.
pub fn stored(account: Account<'_>) -> Result<(Store, Content), Failure> {
    let store = store(account.env)?;
    let content = store.read().map_err(|error| failure::store(account.tool, &error))?;
    if let Some(exposed) = store.close() {
        let hint = "if somebody may have read it, log in again";
        account.ui.warn(&exposed.to_string(), Some(hint));
    }
    Ok((store, content))
}

impl ServerArgs {
    /// The server that is named, else the one of the active context.
    pub fn chosen(&self, tool: Tool, content: &Content) -> Result<ServerAddress, Failure> {
        let named = self.named(true)?;
        named
            .or_else(|| content.active_server.clone())
            .ok_or_else(|| failure::nobody(tool))
    }

    /// The server that is named on the command line or in the environment.
    pub fn named(&self, allow_http: bool) -> Result<Option<ServerAddress>, Failure> {
        let named = self.server.as_deref().filter(|text| !text.is_empty());
        let parsed = named.map(|text| ServerAddress::parse(text, allow_http)).transpose();
        parsed.map_err(|error| failure::address(&error))
    }
}

/// Says which teams a renewed login no longer has.
pub fn tell_lost_teams(account: Account<'_>, lost: &[String]) {
    for team in lost {
        account.ui.warn(
            &format!("the server no longer counts you to team {team}"),
            Some(&format!(
                "if the team comes from a group of your organisation, log in again: {} login",
                account.tool.name
            )),
        );
    }
}

/// The session on a server, good for a while and renewed if need be. A person can stop it.
pub fn good(account: Account<'_>, store: &Store, address: &ServerAddress) -> Result<Session, Failure> {
    let renewed = interrupt::run(account.ui, |stop| async move {
        tokio::select! {
            renewed = refresh::session(store, address, Timestamp::now) => {
                renewed.map_err(|error| failure::session(account.tool, &error))
            }
            () = stop.cancelled() => Err(failure::interrupted()),
        }
    })?;
    tell_lost_teams(account, &renewed.lost_teams);
    Ok(renewed.session)
}
