//! The Talos secrets of a new cluster, made beside everything else: their RSA key takes a second or more of computing, and
//! nothing needs it before the first machine takes its configuration.

use butler_api::error::StepError;
use butler_files::ClusterFolder;
use butler_talos::secrets::{SecretsBundle, SecretsError};
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::bootstrap::promised;

/// A bundle that is being made.
#[derive(Debug)]
pub struct Bundle(oneshot::Receiver<Result<SecretsBundle, SecretsError>>);

impl Bundle {
    /// Begins, unless the cluster has its secrets. On a thread that nobody waits for: a command that ends early ends at once.
    pub fn begin(files: &ClusterFolder) -> Option<Self> {
        // A lost one may have to be taken back instead: then this work was for nothing.
        if promised::read(&files.secrets()).is_ok() {
            return None;
        }
        let (made, bundle) = oneshot::channel();
        let work = move || drop(made.send(SecretsBundle::generate(Timestamp::now())));
        let thread = std::thread::Builder::new().name("secrets".to_owned()).spawn(work);
        thread.ok().map(|_| Self(bundle))
    }

    /// The bundle, when it is made.
    pub(crate) async fn made(self) -> Result<SecretsBundle, StepError> {
        self.0
            .await
            .map_err(|e| StepError::fatal("make the Talos secrets", e))?
            .map_err(|e| StepError::fatal("make the Talos secrets", e))
    }
}
