//! The simulated world of a home, as the door that core is given: core itself does not know that world.

use std::path::Path;
use std::time::Duration;

use butler_api::config::{HttpUrl, InMemory};
use butler_files::home::Home;
use butler_infra::{BoxError, WorldAccess};
use butler_lifecycle::setup::WorldDoor;
use butler_terminal::{Env, Ui};
use butler_world::{
    process::{self, Program, UpOptions, WorldError},
    world::file::Settings,
};
use futures::future::{BoxFuture, FutureExt as _};

/// The program itself, which runs the world, cannot be found.
#[derive(Debug, thiserror::Error)]
#[error("cannot find the program that runs the world")]
pub(crate) struct NoProgram(#[from] std::io::Error);

/// This program, as one that runs a world.
pub(crate) fn program(env: &Env) -> Result<Program, NoProgram> {
    Ok(Program {
        file: std::env::current_exe()?,
        env: env.variables().only(process::ENVIRONMENT),
    })
}

/// The world of one home.
pub(crate) struct HomeWorld<'a> {
    /// Whose world it is.
    pub home: &'a Home,
    /// What a world that is started finds in its environment.
    pub env: &'a Env,
}

impl HomeWorld<'_> {
    async fn look(&self, settings: &InMemory, start: bool) -> Result<Option<WorldAccess>, BoxError> {
        let state = &self.home.state;
        let found = if start {
            let options = UpOptions {
                world: settings.world.as_ref().map(Into::into),
                ..UpOptions::default()
            };
            Some(process::ensure_up(&program(self.env)?, state, &options).await?)
        } else {
            process::find(state).await?
        };
        Ok(found.map(|endpoint| WorldAccess {
            control: endpoint.control,
            token: endpoint.token,
        }))
    }
}

/// How long Butler's server may take to answer once its pods are ready.
const SERVER: Duration = Duration::from_secs(3);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// Where Butler's server of a cluster of this world answers, if it does soon.
pub(crate) async fn server(home: &Home, cluster: &str) -> Option<String> {
    let found = async {
        loop {
            let status = process::status(&home.state).await.ok()?;
            let server = status
                .butler_servers
                .into_iter()
                .find(|server| server.cluster == cluster);
            if let Some(server) = server {
                return Some(server.url);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(SERVER, found).await.ok().flatten()
}

/// Says where Butler's server of a cluster is, and how to go on. That it does not answer is no failure of what was asked for.
pub(crate) async fn tell_server(ui: &Ui, home: &Home, cluster: &str) {
    match server(home, cluster).await {
        Some(url) => {
            ui.note(&format!("Butler's server: {url}"));
            ui.hint(&format!(
                "as the platform administrator: butleradm login --server {url}"
            ));
            ui.hint(&format!("butlerctl login --server {url}"));
        }
        None => ui.hint("butleradm inmemory status lists Butler's servers, once they answer"),
    }
}

impl WorldDoor for HomeWorld<'_> {
    fn check(&self, settings: &InMemory) -> Result<(), BoxError> {
        match &settings.world {
            Some(file) => match Settings::load(Path::new(file)) {
                Ok(_) => Ok(()),
                Err(error) => Err(WorldError::from(error).into()),
            },
            None => Ok(()),
        }
    }

    fn find<'a>(&'a self, settings: &'a InMemory, start: bool) -> BoxFuture<'a, Result<Option<WorldAccess>, BoxError>> {
        self.look(settings, start).boxed()
    }

    fn offers(&self, settings: &InMemory, kind: &str, parent: Option<&str>) -> Result<Vec<u8>, BoxError> {
        let settings = match &settings.world {
            Some(file) => Settings::load(Path::new(file)).map_err(WorldError::from)?,
            None => Settings::default(),
        };
        Ok(settings.offers_to_come(kind, parent)?)
    }

    fn plays<'a>(&'a self, endpoint: &'a HttpUrl) -> BoxFuture<'a, bool> {
        async {
            // Without a world, and with one that cannot be asked, nobody plays a platform.
            let Ok(status) = process::status(&self.home.state).await else {
                return false;
            };
            status
                .platforms
                .iter()
                .filter_map(|platform| HttpUrl::parse(&platform.endpoint))
                .any(|played| played == *endpoint)
        }
        .boxed()
    }
}
