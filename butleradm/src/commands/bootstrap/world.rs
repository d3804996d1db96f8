//! The simulated world that provider `inmemory` needs.

use std::path::Path;

use butler_api::config::InMemory;
use butler_client::home::Home;
use butler_fixtures::process::{self, UpOptions};
use butler_infra::World;
use butler_terminal::{Env, Failure};

use crate::{commands::inmemory, failure};

/// The world of this home; started if it is not up and `start` says so.
pub(super) async fn find(
    env: &Env,
    home: &Home,
    file: &Path,
    settings: &InMemory,
    start: bool,
) -> Result<Option<World>, Failure> {
    let state = home.state.clone();
    if !start {
        let found = process::find(&state).await.map_err(|e| failure::world(&e))?;
        return Ok(found.map(|e| World {
            control: e.control,
            token: e.token,
        }));
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    let options = UpOptions {
        world: settings.world.as_ref().map(|w| folder.join(w)),
        static_nodes: 0,
    };
    let found = process::ensure_up(&inmemory::program(env)?, &state, &options)
        .await
        .map_err(|e| failure::world(&e))?;
    Ok(Some(World {
        control: found.control,
        token: found.token,
    }))
}
