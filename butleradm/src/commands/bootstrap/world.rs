//! The simulated world that provider `inmemory` needs.

use butler_api::config::{InMemory, Provider};
use butler_files::home::Home;
use butler_infra::WorldAccess;
use butler_terminal::{Env, Failure};
use butler_world::{
    process::{self, UpOptions},
    world::file::Settings,
};

use crate::{commands::inmemory, failure};

/// Refuses a world file that cannot be used: here it is a usage error, and no world ends before it answers.
pub(super) fn check(provider: &Provider) -> Result<(), Failure> {
    match provider {
        Provider::InMemory(InMemory { world: Some(file) }) => Settings::load(file.as_ref())
            .map(|_| ())
            .map_err(|e| failure::world(&e.into())),
        _ => Ok(()),
    }
}

/// The world of this home; started if it is not up and `start` says so.
pub(super) async fn find(
    env: &Env,
    home: &Home,
    settings: &InMemory,
    start: bool,
) -> Result<Option<WorldAccess>, Failure> {
    let state = home.state.clone();
    if !start {
        let found = process::find(&state).await.map_err(|e| failure::world(&e))?;
        return Ok(found.map(|e| WorldAccess {
            control: e.control,
            token: e.token,
        }));
    }
    let options = UpOptions {
        world: settings.world.as_ref().map(Into::into),
        static_nodes: 0,
    };
    let found = process::ensure_up(&inmemory::program(env)?, &state, &options)
        .await
        .map_err(|e| failure::world(&e))?;
    Ok(Some(WorldAccess {
        control: found.control,
        token: found.token,
    }))
}
