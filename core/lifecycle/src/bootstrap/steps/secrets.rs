//! The Talos secrets and the talosconfig made from them.

use std::path::Path;

use butler_api::{
    config::Deadlines,
    error::{Class, StepError},
    event::Body,
};
use butler_engine::{Now, Step, StepId, Verbs};
use butler_files::home;
use butler_kubernetes::chain;
use butler_talos::{
    client::{Address, Credentials, Node},
    secrets::SecretsBundle,
    talosconfig::Talosconfig,
};
use secrecy::ExposeSecret as _;

use crate::bootstrap::{
    Acted, Bootstrap, Fact, Looked, Probed, Proof, Proved, Report,
    context::{not_written, write_secret},
    phases, promised, remains,
};

/// Id of the step.
pub(in crate::bootstrap) fn id() -> StepId {
    StepId::new("talos/secrets")
}

/// Makes the secrets of the cluster, or reads those that it has.
pub(in crate::bootstrap) fn step(deadlines: &Deadlines) -> Step<Bootstrap> {
    Step::new(
        id(),
        "make the Talos secrets",
        phases::PROVISIONING,
        deadlines.machine,
        Secrets,
    )
    .volatile()
}

#[derive(Debug)]
struct Secrets;

impl Verbs<Bootstrap> for Secrets {
    fn probe<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Probed<'a> {
        Box::pin(have_secrets(context, report))
    }

    fn act<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Acted<'a> {
        Box::pin(make_secrets(context, report))
    }

    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(secrets_written(context, report))
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(kept(context))
    }
}

/// The secrets are there and ours, and what is made from them is too.
pub(super) async fn have_secrets(context: &Bootstrap, report: &Report) -> Result<Option<Proof>, StepError> {
    // Better known before the first machine than after.
    for path in [context.files.kubeconfig(), context.files.people_kubeconfig()] {
        home::is_replaceable(&path).map_err(|e| not_written(&e))?;
    }
    match promised::read(&context.files.secrets()) {
        Err(flaw) if [promised::MISSING, promised::EMPTY].contains(&flaw.as_str()) => Ok(None),
        // Reading it again says what is wrong.
        _ => secrets_written(context, report).await.map(Some),
    }
}

/// Whether the secrets are there and can be read.
async fn kept(context: &Bootstrap) -> Result<Now, StepError> {
    let path = context.files.secrets();
    if let Err(flaw) = promised::read(&path) {
        return Ok(Now::Still(format!("{}: {flaw}", path.display())));
    }
    let talos = context.talos().await?;
    Ok(if is_ours(context, &talos.bundle) {
        Now::So(format!("{} holds them", path.display()))
    } else {
        Now::Still(format!("{} holds those of another cluster", path.display()))
    })
}

/// Makes the secrets, or takes those back that machines have already.
pub(super) async fn make_secrets(context: &Bootstrap, report: &Report) -> Result<(), StepError> {
    let in_use = remains::in_use(&context.known());
    let bundle = if in_use {
        restored(context, report).await?
    } else {
        context.new_bundle().await?
    };
    let text = bundle
        .to_yaml()
        .map_err(|e| StepError::fatal("write the Talos secrets", e))?;
    let path = context.files.secrets();
    write_secret(&path, &text)?;
    if in_use {
        report.emit(Body::Warning {
            message: format!("{} was lost and is restored from a control plane", path.display()),
            hint: Some("keep a backup of it: without it nobody reaches the nodes".to_owned()),
        });
    }
    Ok(())
}

/// The secrets out of a control plane, which has all of them, read with the credentials of a talosconfig.
async fn restored(context: &Bootstrap, report: &Report) -> Result<SecretsBundle, StepError> {
    let path = context.files.secrets();
    let lost = |cause: String| {
        let hint = format!(
            "put it back from a backup; without it the talosconfig cannot be renewed when it expires, and no machine added: {}",
            path.display()
        );
        StepError::new(
            Class::Retryable,
            format!("{} is lost and no control plane gives it back: {cause}", path.display()),
        )
        .hint(hint)
    };
    let credentials = talosconfig_credentials(context);
    let credentials = credentials.ok_or_else(|| StepError {
        class: Class::Fatal,
        ..lost("no talosconfig of this cluster is left".to_owned())
    })?;
    report.waiting("a control plane to give the Talos secrets back", None);
    let mut cause = "none is known".to_owned();
    for name in context.control_planes() {
        let Ok(address) = context.address(&name) else { continue };
        for credentials in &credentials {
            match bundle_of(&address, credentials).await {
                Ok(bundle) if is_ours(context, &bundle) => return Ok(bundle),
                Ok(_) => cause = format!("{name} ({address}) has those of another cluster"),
                Err(error) => cause = format!("{name} ({address}): {error}"),
            }
        }
    }
    Err(lost(cause))
}

fn is_ours(context: &Bootstrap, bundle: &SecretsBundle) -> bool {
    let known = context.known().memory.authority.clone();
    known.is_none_or(|known| known == remains::authority(bundle))
}

async fn bundle_of(address: &Address, credentials: &Credentials) -> Result<SecretsBundle, String> {
    let node = Node::connect(address, credentials).await.map_err(|e| chain(&e))?;
    let text = node.machine_config().await.map_err(|e| chain(&e))?;
    SecretsBundle::from_machine_config(text.expose_secret()).map_err(|e| chain(&e))
}

/// Credentials of our own talosconfig and of people's; none if neither can be used.
fn talosconfig_credentials(context: &Bootstrap) -> Option<Vec<Credentials>> {
    let places = [context.files.talosconfig(), context.files.people_talosconfig()];
    let found: Vec<Credentials> = places
        .iter()
        .filter_map(|path| {
            let config = Talosconfig::parse(&promised::read(path).ok()?).ok()?;
            Credentials::from_context(&config.context(None).ok()?).ok()
        })
        .collect();
    (!found.is_empty()).then_some(found)
}

pub(super) async fn secrets_written(context: &Bootstrap, report: &Report) -> Result<Proof, StepError> {
    let talos = context.talos().await?;
    if let Some(flaw) = context.write_talosconfig().await? {
        promised_again(
            context,
            report,
            "talosconfig",
            &context.files.people_talosconfig(),
            Some(&flaw),
        );
    }
    Ok(Proof {
        evidence: "the Talos secrets are on disk".to_owned(),
        facts: vec![Fact::Authority {
            digest: remains::authority(&talos.bundle),
        }],
    })
}

/// Tells that a file for people was written, and if something else stood there, what was wrong with it.
pub(super) fn promised_again(context: &Bootstrap, report: &Report, what: &str, path: &Path, flaw: Option<&str>) {
    let shown = path.display().to_string();
    if let Some(flaw) = flaw.filter(|flaw| ![promised::MISSING, promised::ENDPOINTS].contains(flaw)) {
        let cluster = &context.settled.config.cluster.name;
        report.emit(Body::Warning {
            message: format!("{shown} was not the {what} of {cluster} ({flaw}) and is written again"),
            hint: None,
        });
    }
    report.emit(Body::FileWritten {
        what: what.to_owned(),
        path: shown,
    });
}

/// Writes the secrets again if they were lost while this run went on.
pub(super) async fn secrets_kept(context: &Bootstrap) -> Result<(), StepError> {
    let path = context.files.secrets();
    let talos = context.talos().await?;
    let kept = promised::read(&path)
        .ok()
        .and_then(|text| SecretsBundle::from_yaml(&text).ok())
        .is_some_and(|bundle| remains::authority(&bundle) == remains::authority(&talos.bundle));
    if kept {
        return Ok(());
    }
    let text = talos.bundle.to_yaml();
    write_secret(
        &path,
        &text.map_err(|e| StepError::fatal("write the Talos secrets", e))?,
    )
}
