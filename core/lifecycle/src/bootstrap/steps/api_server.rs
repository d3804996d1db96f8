//! The management cluster's API server.

use std::time::Duration;

use butler_api::{
    config::Deadlines,
    error::StepError,
    event::{CauseLine, Layer},
};
use butler_engine::{Now, Step, StepId, Verbs};
use butler_kubernetes::chain;
use kube::Client;
use tokio::time::timeout;

use super::{
    Pace,
    below::{Wait, explained, line},
};
use crate::bootstrap::{Bootstrap, Looked, Proof, Proved, Report, phases, steps};

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

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(seen(context))
    }
}

async fn seen(context: &Bootstrap) -> Result<Now, StepError> {
    let management = context.management().await?;
    Ok(says(&management.access.client).await)
}

/// What an API server says of itself.
pub(super) async fn says(client: &Client) -> Now {
    match ready(client).await {
        Ok(()) => Now::So("it says that it is ready".to_owned()),
        Err(unready) => Now::Still(unready.cause),
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
                Err(unready) => {
                    let top = unready.line(format!("API server {}", servers.current()));
                    wait.cause(Some(unready.cause), vec![top]);
                }
            }
            pace.pause().await;
            // Control planes that got their configuration meanwhile may be first.
            context.management().await?;
        }
    };
    explained(context, &wait, || context.configured_control_planes(), waited).await
}

/// Why an API server is not ready.
pub(crate) struct Unready {
    /// Its words, or what happened on the way to it.
    pub(crate) cause: String,
    answered: bool,
}

impl Unready {
    /// The cause, of this object.
    pub(super) fn line(&self, object: String) -> CauseLine {
        let layer = if self.answered { Layer::Object } else { Layer::Network };
        line(layer, object, self.cause.clone(), "GET /readyz")
    }
}

/// Whether an API server says that it is ready, and if not why.
pub(crate) async fn ready(client: &Client) -> Result<(), Unready> {
    let unready = |cause: String, answered| Unready { cause, answered };
    let request = http::Request::get("/readyz")
        .body(Vec::new())
        .map_err(|e| unready(e.to_string(), false))?;
    match timeout(LOOK, client.request_text(request)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(unready(chain(&error), matches!(error, kube::Error::Api(_)))),
        Err(_) => Err(unready(format!("no answer within {} s", LOOK.as_secs()), false)),
    }
}
