//! The management cluster's API server.

use std::time::Duration;

use butler_api::{config::Deadlines, error::StepError};
use butler_engine::{Step, StepId, Verbs};
use butler_kubernetes::chain;
use kube::Client;
use tokio::time::timeout;

use super::{
    Pace,
    below::{Wait, explained},
};
use crate::bootstrap::{Bootstrap, Proof, Proved, Report, phases, steps};

/// Id of the step.
pub(in crate::bootstrap) fn id() -> StepId {
    StepId::new("api-server")
}

/// Waits until an API server of the management cluster is ready.
pub(in crate::bootstrap) fn step(deadlines: &Deadlines) -> Step<Bootstrap> {
    Step::new(
        id(),
        "wait for the API server",
        phases::BOOTSTRAPPING,
        deadlines.bootstrap,
        ApiServer,
    )
    .after([steps::etcd::id(), steps::kubeconfig::id()])
}

#[derive(Debug)]
struct ApiServer;

impl Verbs<Bootstrap> for ApiServer {
    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(api_server(context, report))
    }
}

/// How long one look may take.
const LOOK: Duration = Duration::from_secs(3);

/// Waits until an API server says that it is ready, at the address of a control plane.
pub(super) async fn api_server(context: &Bootstrap, report: &Report) -> Result<Proof, StepError> {
    let management = context.management().await?;
    let servers = &management.access.servers;
    let wait = Wait::new(report, format!("the API server at {} to be ready", servers.current()));
    let waited = async {
        let pace = Pace::new();
        loop {
            match ready(&management.access.client).await {
                Ok(()) => return Ok(Proof::of(format!("{} is ready", servers.current()))),
                Err(cause) => wait.cause(Some(cause)),
            }
            pace.pause().await;
            // Control planes that got their configuration meanwhile may be first.
            context.management().await?;
        }
    };
    explained(context, &wait, || context.configured_control_planes(), waited).await
}

/// Whether an API server says that it is ready, and if not why.
pub(crate) async fn ready(client: &Client) -> Result<(), String> {
    let request = http::Request::get("/readyz")
        .body(Vec::new())
        .map_err(|e| e.to_string())?;
    match timeout(LOOK, client.request_text(request)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(chain(&error)),
        Err(_) => Err(format!("no answer within {} s", LOOK.as_secs())),
    }
}
