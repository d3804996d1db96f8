//! The simulated world of a home, as the door that core is given: core itself does not know that world.

use std::path::Path;

use butler_api::config::InMemory;
use butler_files::home::Home;
use butler_infra::{BoxError, WorldAccess};
use butler_lifecycle::setup::WorldDoor;
use butler_terminal::Env;
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
                static_nodes: 0,
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
}
