//! Which server is meant, and the store of this home.

use butler_client::address::ServerAddress;
use butler_client::store::{Content, Store};
use butler_files::home::Home;
use butler_terminal::{Env, Exit, Failure, env};

use crate::failure;

/// The variable that names a server.
pub(crate) const BUTLER_SERVER: &str = "BUTLER_SERVER";

/// Which server a command is about.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ServerArgs {
    /// Address of the server; without it the one of the active context
    #[arg(long, value_name = "URL", env = BUTLER_SERVER, hide_env_values = true)]
    pub server: Option<String>,
}

/// The home of this process.
pub(crate) fn home(env: &Env) -> Result<Home, Failure> {
    Home::resolve(env.get(env::BUTLER_HOME)).map_err(|error| failure::home(&error))
}

/// The store of credentials of this home, and what it holds.
pub(crate) fn stored(env: &Env) -> Result<(Store, Content), Failure> {
    let store = Store::of(&home(env)?);
    let content = store.read().map_err(|error| failure::store(&error))?;
    Ok((store, content))
}

impl ServerArgs {
    /// The server that is named, else the one of the active context.
    pub(crate) fn chosen(&self, content: &Content) -> Result<ServerAddress, Failure> {
        let named = self.named(true)?;
        named.or_else(|| content.active_server.clone()).ok_or_else(|| {
            Failure::new(Exit::LoginNeeded, "nobody is logged in").hint("log in: butlerctl login --server URL")
        })
    }

    /// The server that is named on the command line or in the environment.
    pub(crate) fn named(&self, allow_http: bool) -> Result<Option<ServerAddress>, Failure> {
        let named = self.server.as_deref().filter(|text| !text.is_empty());
        let parsed = named.map(|text| ServerAddress::parse(text, allow_http)).transpose();
        parsed.map_err(|error| failure::address(&error))
    }
}
