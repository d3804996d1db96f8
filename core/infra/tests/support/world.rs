//! A simulated world in this process.

use std::{
    future::Future,
    path::Path,
    time::{Duration, Instant},
};

use butler_infra::WorldAccess;
use butler_world::process::{self, Endpoint, UpOptions};
use tokio::task::JoinHandle;

pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// A world in this process, with a loopback network of its own.
pub(crate) struct Running {
    pub(crate) state: tempfile::TempDir,
    pub(crate) endpoint: Endpoint,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(network: &str, more: &str, static_nodes: u32) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let state = tempfile::tempdir().unwrap();
        let file = state.path().join("world.yaml");
        let text = format!(
            "network: {network}\nlatencies: {{create: 20ms, boot: 20ms, configure: 20ms, delete: 20ms}}\n{more}"
        );
        std::fs::write(&file, text).unwrap();
        let options = UpOptions {
            world: Some(file),
            static_nodes,
            ..UpOptions::default()
        };
        let folder = state.path().to_owned();
        let task = tokio::spawn(async move { process::serve(&folder, &options).await.unwrap() });
        let endpoint = until(|| find(state.path(), &task)).await;
        Self { state, endpoint, task }
    }

    pub(crate) fn access(&self) -> WorldAccess {
        WorldAccess {
            control: self.endpoint.control.clone(),
            token: self.endpoint.token.clone(),
        }
    }

    pub(crate) async fn status(&self) -> process::Status {
        process::status(self.state.path()).await.unwrap()
    }

    pub(crate) async fn end(self) {
        assert!(process::down(self.state.path()).await.unwrap());
        self.task.await.unwrap();
    }
}

async fn find(state: &Path, task: &JoinHandle<()>) -> Option<Endpoint> {
    assert!(!task.is_finished(), "the world did not start");
    process::find(state).await.unwrap()
}

/// Repeats a look until it shows what is waited for.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(mut look: impl FnMut() -> F) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "it did not happen in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
