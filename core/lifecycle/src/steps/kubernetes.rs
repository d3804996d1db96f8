//! The management cluster's API server, its endpoint and its nodes.

use std::time::Duration;

use butler_api::{error::StepError, event::Body};
use butler_kubernetes::{chain, connect as connection};
use futures::FutureExt as _;
use k8s_openapi::api::core::v1::Node;
use kube::{Client, runtime::reflector::ObjectRef};
use tokio::time::timeout;

use super::{
    Pace,
    below::{Wait, explained},
};
use crate::{
    addresses,
    context::{Context, bracketed},
    driver::{Proof, Report},
};

/// How long one look may take.
const LOOK: Duration = Duration::from_secs(3);

/// Waits until an API server says that it is ready, at the address of a control plane.
pub(super) async fn api_server(context: &Context, report: &Report) -> Result<Proof, StepError> {
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

/// Waits until nothing foreign answers on the endpoint.
pub(super) async fn endpoint_free(context: &Context, report: &Report) -> Result<Proof, StepError> {
    let Some(vip) = &context.config.network.vip else {
        return Ok(Proof::of("the endpoint is the first control plane's own address"));
    };
    let host = vip.to_string();
    let waiting = format!("nothing else to answer on {host}:6443");
    report.waiting(waiting.clone(), None);
    let unused = addresses::is_unused(&context.known()) && vip.is_announced();
    let hint = addresses::taken_hint(unused);
    let mut told = false;
    let pace = Pace::new();
    loop {
        let cause = match addresses::endpoint_state(&host, &context.files).await {
            addresses::State::Free => return Ok(Proof::of(format!("nothing foreign answers on {host}:6443"))),
            addresses::State::Ours => return Ok(Proof::of(format!("{host}:6443 is this cluster's"))),
            // On a machine of ours before its API server is up, this is as it should be.
            addresses::State::Refuses => {
                let message = addresses::refusal(&host);
                if unused {
                    let hint = Some(hint.to_owned());
                    report.emit(Body::Warning {
                        message: message.clone(),
                        hint,
                    });
                }
                return Ok(Proof::of(message));
            }
            addresses::State::Taken(cause) => cause,
            addresses::State::Unknown(cause) => {
                report.waiting(waiting.clone(), Some(cause));
                pace.pause().await;
                continue;
            }
        };
        if !told && unused {
            told = true;
            let message = format!("network.vip is in use, nothing is made before it is free: {cause}");
            report.emit(Body::Warning {
                message,
                hint: Some(hint.to_owned()),
            });
        }
        report.waiting_with(waiting.clone(), Some(cause), Some(hint.to_owned()));
        pace.pause().await;
    }
}

/// Waits until the control-plane endpoint answers with this cluster's certificate.
pub(super) async fn endpoint(context: &Context, report: &Report) -> Result<Proof, StepError> {
    let host = context.endpoint_host()?;
    let endpoint = format!("https://{}:6443", bracketed(&host));
    let options = connection::Options::default();
    let client = connection::connect_file(&context.files.own_kubeconfig(), &options)
        .await
        .map_err(|e| StepError::fatal("connect to the control-plane endpoint", e))?;
    let wait = Wait::new(report, format!("the control-plane endpoint {endpoint} to answer"));
    let waited = async {
        let pace = Pace::new();
        loop {
            match ready(&client).await {
                Ok(()) => return Ok(Proof::of(format!("{endpoint} answers with this cluster's certificate"))),
                Err(cause) => wait.cause(Some(cause)),
            }
            pace.pause().await;
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

/// Waits until the Node object exists.
pub(super) async fn registered(context: &Context, name: &str, report: &Report) -> Result<Proof, StepError> {
    let management = context.management().await?;
    let key = ObjectRef::<Node>::new(name);
    let wait = Wait::new(report, format!("node {name} to register"));
    let found = management.nodes.until_of(&key, |found, trouble| {
        if found.is_none() {
            wait.cause(trouble.map(ToOwned::to_owned));
        }
        found
    });
    explained(context, &wait, || vec![name.to_owned()], found.map(Ok)).await?;
    Ok(Proof::of(format!("node {name} is registered")))
}

/// Waits until the node says Ready.
pub(super) async fn node_ready(context: &Context, name: &str, report: &Report) -> Result<Proof, StepError> {
    let management = context.management().await?;
    let key = ObjectRef::<Node>::new(name);
    let wait = Wait::new(report, format!("node {name} to be ready"));
    let ready = management.nodes.until_of(&key, |found, trouble| {
        let cause = match found {
            None => Some(trouble.map_or_else(|| "it is not registered".to_owned(), ToOwned::to_owned)),
            Some(node) => unreadiness(&node),
        };
        let Some(cause) = cause else { return Some(()) };
        wait.cause(Some(cause));
        None
    });
    explained(context, &wait, || vec![name.to_owned()], ready.map(Ok)).await?;
    Ok(Proof::of(format!("node {name} is Ready")))
}

/// Why a node is not Ready; none if it is.
fn unreadiness(node: &Node) -> Option<String> {
    let conditions = node.status.as_ref().and_then(|s| s.conditions.as_ref());
    let ready = conditions.into_iter().flatten().find(|c| c.type_ == "Ready");
    match ready {
        None => Some("it has not said yet whether it is ready".to_owned()),
        Some(condition) if condition.status == "True" => None,
        Some(condition) => Some(
            [condition.reason.as_deref(), condition.message.as_deref()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(": "),
        ),
    }
}
