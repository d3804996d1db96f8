//! The control-plane endpoint: free before the first machine, and answering in the end.

use butler_api::{
    config::Deadlines,
    error::StepError,
    event::{Body, Layer},
};
use butler_engine::{Now, Step, StepId, Verbs, Waiting};
use butler_kubernetes::connect as connection;

use super::{
    Pace, api_server,
    below::{Wait, explained, line},
};
use crate::bootstrap::{Bootstrap, Looked, Proof, Proved, Report, addresses, context::bracketed, phases, steps};

/// Id of the step that looks whether it is free.
pub(in crate::bootstrap) fn free_id() -> StepId {
    StepId::new("endpoint/free")
}

/// Id of the step that waits for it.
pub(in crate::bootstrap) fn ready_id() -> StepId {
    StepId::new("endpoint/ready")
}

/// Looks whether nothing else answers on the control-plane endpoint.
pub(in crate::bootstrap) fn free(deadlines: &Deadlines) -> Step<Bootstrap> {
    let title = "check that the control-plane endpoint is free";
    Step::new(free_id(), title, phases::PROVISIONING, deadlines.endpoint, Free)
}

/// Waits until the endpoint answers with this cluster's certificate; after the addon that announces it, if there is one.
pub(in crate::bootstrap) fn ready(announcer: Option<&str>, deadlines: &Deadlines) -> Step<Bootstrap> {
    let title = "wait for the control-plane endpoint";
    Step::new(ready_id(), title, phases::INSTALLING, deadlines.endpoint, Endpoint)
        .after([steps::api_server::id()])
        .after(announcer.map(steps::addon::id))
}

#[derive(Debug)]
struct Free;

impl Verbs<Bootstrap> for Free {
    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(endpoint_free(context, report))
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(seen_free(context))
    }
}

#[derive(Debug)]
struct Endpoint;

impl Verbs<Bootstrap> for Endpoint {
    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(endpoint(context, report))
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(seen(context))
    }
}

async fn seen_free(context: &Bootstrap) -> Result<Now, StepError> {
    let Some(vip) = &context.settled.config.network.vip else {
        return Ok(Now::So(
            "the endpoint is the first control plane's own address".to_owned(),
        ));
    };
    let host = vip.to_string();
    Ok(match addresses::endpoint_state(&host, &context.files).await {
        addresses::State::Free => Now::So(format!("nothing foreign answers on {host}:6443")),
        addresses::State::Ours => Now::So(format!("{host}:6443 is this cluster's")),
        addresses::State::Refuses => Now::So(addresses::refusal(&host)),
        addresses::State::Taken(cause) => Now::Still(cause),
        addresses::State::Unknown(cause) => Now::Unknown(cause),
    })
}

async fn seen(context: &Bootstrap) -> Result<Now, StepError> {
    let client = connection::connect_file(&context.files.kubeconfig(), &connection::Options::default()).await;
    let client = client.map_err(|e| StepError::retryable("connect to the control-plane endpoint", e))?;
    Ok(api_server::says(&client).await)
}

/// Waits until nothing foreign answers on the endpoint.
pub(super) async fn endpoint_free(context: &Bootstrap, report: &Report) -> Result<Proof, StepError> {
    let Some(vip) = &context.settled.config.network.vip else {
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
                report.wait_for(Waiting {
                    waiting_for: waiting.clone(),
                    chain: vec![line(Layer::Network, format!("endpoint {host}:6443"), cause.clone(), "")],
                    cause: Some(cause),
                    hint: None,
                });
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
        report.wait_for(Waiting {
            waiting_for: waiting.clone(),
            chain: vec![line(Layer::Network, format!("endpoint {host}:6443"), cause.clone(), "")],
            cause: Some(cause),
            hint: Some(hint.to_owned()),
        });
        pace.pause().await;
    }
}

/// Waits until the control-plane endpoint answers with this cluster's certificate.
pub(super) async fn endpoint(context: &Bootstrap, report: &Report) -> Result<Proof, StepError> {
    let host = context.endpoint_host()?;
    let endpoint = format!("https://{}:6443", bracketed(&host));
    let options = connection::Options::default();
    let client = connection::connect_file(&context.files.kubeconfig(), &options)
        .await
        .map_err(|e| StepError::fatal("connect to the control-plane endpoint", e))?;
    let wait = Wait::new(report, format!("the control-plane endpoint {endpoint} to answer"));
    let waited = async {
        let pace = Pace::new();
        loop {
            match api_server::ready(&client).await {
                Ok(()) => return Ok(Proof::of(format!("{endpoint} answers with this cluster's certificate"))),
                Err(unready) => {
                    let top = unready.line(format!("control-plane endpoint {endpoint}"));
                    wait.cause(Some(unready.cause), vec![top]);
                }
            }
            pace.pause().await;
        }
    };
    explained(context, &wait, || context.configured_control_planes(), waited).await
}
