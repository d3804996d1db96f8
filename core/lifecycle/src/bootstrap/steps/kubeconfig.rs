//! The admin kubeconfig: kept with the journal, and written for people.

use butler_api::{
    config::Deadlines,
    error::{Class, StepError},
};
use butler_engine::{Now, Step, StepId, Verbs};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    secrets::promised_again,
    talos::{call_failed, node},
};
use crate::bootstrap::{
    Acted, Bootstrap, Looked, Probed, Proof, Proved, Report,
    context::{bracketed, write_secret},
    phases, promised, steps,
};

/// Id of the step.
pub(in crate::bootstrap) fn id() -> StepId {
    StepId::new("kubeconfig")
}

/// Fetches the admin kubeconfig from a configured control plane.
pub(in crate::bootstrap) fn step(control_planes: &[&str], deadlines: &Deadlines) -> Step<Bootstrap> {
    Step::new(
        id(),
        "fetch the kubeconfig",
        phases::BOOTSTRAPPING,
        deadlines.bootstrap,
        KubeconfigFile,
    )
    .after([steps::secrets::id()])
    .after_any(control_planes.iter().map(|name| steps::configure::id(name)))
    .volatile()
}

#[derive(Debug)]
struct KubeconfigFile;

impl Verbs<Bootstrap> for KubeconfigFile {
    fn probe<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Probed<'a> {
        Box::pin(have(context, report))
    }

    fn act<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Acted<'a> {
        Box::pin(fetch(context, report))
    }

    fn prove<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Proved<'a> {
        Box::pin(written(context))
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(async { Ok(Now::So(written(context).await?.evidence)) })
    }
}

/// What stands at both places: the text if it is ours, else what is wrong with it.
struct Both {
    own: Result<String, String>,
    people: Result<String, String>,
}

async fn look(context: &Bootstrap) -> Result<Both, StepError> {
    let talos = context.talos().await?;
    let server = server(context)?;
    let now = Timestamp::now();
    let read = |path: &std::path::Path| {
        let text = promised::read(path)?;
        match promised::kubeconfig_flaw(&text, &server, &talos.bundle, now) {
            None => Ok(text),
            Some(flaw) => Err(flaw),
        }
    };
    Ok(Both {
        own: read(&context.files.kubeconfig()),
        people: read(&context.files.people_kubeconfig()),
    })
}

fn server(context: &Bootstrap) -> Result<String, StepError> {
    Ok(format!("https://{}:6443", bracketed(&context.endpoint_host()?)))
}

/// Proven by what is in both files. Where one is ours, the other is made from it.
pub(super) async fn have(context: &Bootstrap, report: &Report) -> Result<Option<Proof>, StepError> {
    let Both { own, people } = look(context).await?;
    let Some(good) = own.as_ref().or(people.as_ref()).ok().cloned() else {
        return Ok(None);
    };
    let good = SecretString::from(good);
    if own.is_err() {
        write_secret(&context.files.kubeconfig(), &good)?;
    }
    if let Err(flaw) = people {
        write_secret(&context.files.people_kubeconfig(), &good)?;
        let place = context.files.people_kubeconfig();
        promised_again(context, report, "kubeconfig", &place, Some(&flaw));
    }
    Ok(Some(proof()))
}

/// Fetches it from a configured control plane; it is made from secrets, before the API answers.
pub(super) async fn fetch(context: &Bootstrap, report: &Report) -> Result<(), StepError> {
    let people = look(context).await?.people;
    let text = fetched(context).await?;
    write_secret(&context.files.kubeconfig(), &text)?;
    write_secret(&context.files.people_kubeconfig(), &text)?;
    let (place, flaw) = (context.files.people_kubeconfig(), people.err());
    promised_again(context, report, "kubeconfig", &place, flaw.as_deref());
    Ok(())
}

/// One that is read before it is handed on, from the first control plane that gives it.
async fn fetched(context: &Bootstrap) -> Result<SecretString, StepError> {
    let configured = context.machines_with(steps::configure::id);
    let planes = context.control_planes().into_iter();
    let mut last = None;
    for name in planes.filter(|name| configured.contains(name)) {
        match fetch_from(context, &name).await {
            Ok(text) => return Ok(text),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| StepError::new(Class::Retryable, "no control plane is configured yet")))
}

async fn fetch_from(context: &Bootstrap, source: &str) -> Result<SecretString, StepError> {
    let what = format!("fetch the kubeconfig from {source} at {}", context.address(source)?);
    let node = node(context, source, &what).await?;
    let text = node.kubeconfig().await;
    let text = text.map_err(|e| call_failed(context, source, what.clone(), e))?;
    let talos = context.talos().await?;
    let server = server(context)?;
    let flaw = promised::kubeconfig_flaw(text.expose_secret(), &server, &talos.bundle, Timestamp::now());
    match flaw {
        None => Ok(text),
        Some(flaw) => Err(StepError::new(Class::Retryable, format!("{what}: {flaw}"))),
    }
}

/// Reads both files again.
pub(super) async fn written(context: &Bootstrap) -> Result<Proof, StepError> {
    let Both { own, people } = look(context).await?;
    for (path, found) in [
        (context.files.kubeconfig(), own),
        (context.files.people_kubeconfig(), people),
    ] {
        if let Err(flaw) = found {
            let message = format!("{} is not the kubeconfig that was written: {flaw}", path.display());
            return Err(StepError::new(Class::Retryable, message));
        }
    }
    Ok(proof())
}

/// Makes both files good, from each other or from a control plane.
pub(super) async fn settle(context: &Bootstrap, report: &Report) -> Result<(), StepError> {
    if have(context, report).await?.is_none() {
        fetch(context, report).await?;
    }
    Ok(())
}

fn proof() -> Proof {
    Proof::of("the kubeconfig is on disk, with this cluster's server and authority")
}
