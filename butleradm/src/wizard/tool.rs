//! What the full-screen program is told of this one: how it is started, how its failures are told, and the simulated world.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use butler_api::config::{HttpUrl, InMemory};
use butler_files::{ClusterFolder, home::Home};
use butler_infra::{BoxError, WorldAccess};
use butler_lifecycle::{
    runs::end::EndError,
    setup::{self, SetupError, WorldDoor},
};
use butler_terminal::{Env, Failure};
use butler_tui::runner::Tool;
use futures::future::{BoxFuture, FutureExt as _};
use secrecy::SecretString;

use crate::{
    detach, failure, first_login,
    world::{self, HomeWorld},
};

/// The world of a home, by itself.
pub(super) struct OwnWorld {
    home: Home,
    env: Env,
}

impl OwnWorld {
    pub(super) fn new(home: &Home, env: &Env) -> Self {
        Self {
            home: home.clone(),
            env: env.clone(),
        }
    }

    fn look(&self) -> HomeWorld<'_> {
        HomeWorld {
            home: &self.home,
            env: &self.env,
        }
    }
}

impl WorldDoor for OwnWorld {
    fn check(&self, settings: &InMemory) -> Result<(), BoxError> {
        self.look().check(settings)
    }

    fn find<'a>(&'a self, settings: &'a InMemory, start: bool) -> BoxFuture<'a, Result<Option<WorldAccess>, BoxError>> {
        async move { self.look().find(settings, start).await }.boxed()
    }

    fn offers(&self, settings: &InMemory, kind: &str, parent: Option<&str>) -> Result<Vec<u8>, BoxError> {
        self.look().offers(settings, kind, parent)
    }

    fn plays<'a>(&'a self, endpoint: &'a HttpUrl) -> BoxFuture<'a, bool> {
        async move { self.look().plays(endpoint).await }.boxed()
    }
}

/// This program.
pub(super) struct ThisTool {
    home: Home,
    env: Env,
}

impl ThisTool {
    pub(super) fn new(home: &Home, env: &Env) -> Self {
        Self {
            home: home.clone(),
            env: env.clone(),
        }
    }
}

impl Tool for ThisTool {
    fn start(
        &self,
        arguments: Vec<OsString>,
        secrets: &BTreeMap<String, SecretString>,
        folder: &ClusterFolder,
    ) -> Result<(), Failure> {
        detach::start_for_view(&self.env, arguments, secrets, folder)
    }

    fn of_setup(&self, error: &SetupError) -> Failure {
        failure::setup(error)
    }

    fn of_end(&self, error: &EndError) -> Failure {
        failure::end(error)
    }

    fn results<'a>(
        &'a self,
        folder: &'a ClusterFolder,
        config: Option<&'a Path>,
    ) -> BoxFuture<'a, Vec<(String, String)>> {
        async move {
            // Its files are told by its events.
            let mut results = Vec::new();
            if let Some(url) = world::server(&self.home, folder.cluster()).await {
                results.push(("console".to_owned(), url.clone()));
                results.push(("log in".to_owned(), format!("butleradm login --server {url}")));
            } else if let Some(loaded) = config.and_then(|config| setup::load(config, None).ok()) {
                // The run has just read it; one that was changed since tells nothing of this cluster.
                let console = loaded.config.addons.console.as_ref();
                results.extend(first_login::rows(console, &folder.people_kubeconfig()));
            }
            results
        }
        .boxed()
    }
}
