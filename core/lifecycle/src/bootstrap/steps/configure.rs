//! A machine gets its configuration.

use butler_api::{
    config::{Deadlines, Role},
    error::{Class, StepError},
    event::Body,
    view::View,
};
use butler_engine::{Moment, Now, Step, StepId, Verbs};
use butler_infra::hardware;
use butler_kubernetes::chain;
use butler_talos::{
    client::{Address, Hardware, Maintenance, Mode, Side, TalosError, TlsProblem, probe},
    config as talos_config,
};
use secrecy::SecretString;

use super::{
    Pace,
    below::Wait,
    boot,
    machine::role_of,
    platform,
    talos::{LOOK, call_failed, in_short, node, talos_failed},
};
use crate::bootstrap::{Acted, Bootstrap, Fact, Looked, Probed, Proof, Proved, Report, machine_config, phases, steps};

/// Id of the step.
pub(in crate::bootstrap) fn id(machine: &str) -> StepId {
    StepId::new(format!("machine/{machine}/configure"))
}

/// Gives the machine its configuration. `endpoint` is the machine whose address is the control-plane endpoint, which every
/// configuration names; none where the endpoint has an address of its own.
pub(in crate::bootstrap) fn step(machine: &str, endpoint: Option<&str>, deadlines: &Deadlines) -> Step<Bootstrap> {
    let verbs = Configure {
        machine: machine.to_owned(),
    };
    Step::new(
        id(machine),
        format!("configure {machine}"),
        phases::CONFIGURING,
        deadlines.configure,
        verbs,
    )
    .after([steps::boot::id(machine), steps::secrets::id()])
    .after(endpoint.map(steps::machine::id))
    .about(machine)
    .hint("the machine took its configuration but does not come back; look at its console")
}

#[derive(Debug)]
struct Configure {
    machine: String,
}

impl Verbs<Bootstrap> for Configure {
    fn probe<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Probed<'a> {
        Box::pin(is_configured(context, &self.machine, report))
    }

    fn act<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Acted<'a> {
        Box::pin(configure(context, &self.machine, report))
    }

    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(configured(context, &self.machine, report))
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(seen(context, &self.machine))
    }

    fn shows(&self, moment: Moment<'_>, seen: &View) -> Option<Body> {
        let state = match moment {
            Moment::Begun => "configuring",
            Moment::Proven => "configured",
            Moment::Failed => "failed",
            Moment::Waiting(_) => return None,
        };
        steps::machine_state(seen, &self.machine, state)
    }
}

async fn seen(context: &Bootstrap, name: &str) -> Result<Now, StepError> {
    let (address, mode) = boot::mode(context, name).await?;
    Ok(boot::as_configured(&address, mode))
}

/// Whether the node answers with this cluster's certificate. Not, if it was in maintenance mode a moment ago.
pub(super) async fn is_configured(
    context: &Bootstrap,
    name: &str,
    report: &Report,
) -> Result<Option<Proof>, StepError> {
    if context.unconfigured().remove(name) {
        return Ok(None);
    }
    let address = context.address(name)?;
    match version(context, name, &address).await {
        Ok(version) => {
            context.was_configured(name);
            Ok(Some(configured_as(context, name, &address, &version, report).await?))
        }
        Err(_) => Ok(None),
    }
}

/// Pushes the configuration to a machine in maintenance mode; one that has it already is left alone. For every machine
/// that has to get its configuration, be it the first time or again.
pub(super) async fn configure(context: &Bootstrap, name: &str, report: &Report) -> Result<(), StepError> {
    let address = context.address(name)?;
    let Some(node) = maintenance(context, name, &address, report).await? else {
        return Ok(());
    };
    let hardware = match node.hardware().await {
        Ok(hardware) => hardware,
        Err(error) => return already_or(error, name, &address),
    };
    if let Some(missing) = hardware::missing(&hardware::named(&context.settled.config, name), &hardware) {
        let message = format!("{name} at {address} {}", missing.message);
        return Err(StepError::new(Class::Configuration, message).hint(missing.hint));
    }
    let text = render(context, name, &address, &hardware).await?;
    match node.apply(&text, false).await {
        Ok(_) => Ok(()),
        Err(error) => already_or(error, name, &address),
    }
}

/// A connection to the machine in maintenance mode, by the fingerprint that the configuration names or else the one seen
/// at first contact; none if it has a configuration already.
async fn maintenance(
    context: &Bootstrap,
    name: &str,
    address: &Address,
    report: &Report,
) -> Result<Option<Maintenance>, StepError> {
    let known = context
        .known()
        .memory
        .machines
        .get(name)
        .and_then(|m| m.fingerprint.clone());
    let expected = pinned(context, name).map(|(_, pin)| pin).or(known);
    let error = match Maintenance::connect(address, expected.as_deref()).await {
        Ok((node, _)) => return Ok(Some(node)),
        Err(error) => error,
    };
    let other = matches!(
        &error,
        TalosError::Tls {
            problem: TlsProblem::Fingerprint,
            ..
        }
    );
    if !other {
        return already_or(error, name, address).map(|()| None);
    }
    // A restart in maintenance mode makes a new certificate: look who it is, settle that, and then hold it to that.
    let talos = context.talos().await?;
    match probe(address, Some(&talos.credentials), LOOK).await {
        Mode::Maintenance { fingerprint } => {
            renew(context, name, address, &fingerprint, report).await?;
            match Maintenance::connect(address, Some(&fingerprint)).await {
                Ok((node, _)) => Ok(Some(node)),
                Err(error) if matches!(&error, TalosError::Tls { .. }) => {
                    Err(StepError::retryable(format!("configure {name} at {address}"), error))
                }
                Err(error) => already_or(error, name, address).map(|()| None),
            }
        }
        Mode::Configured => Ok(None),
        Mode::Foreign { detail } => Err(foreign(name, address, &detail)),
        Mode::Silent { cause } => {
            let message = format!("configure {name} at {address}: {cause}");
            Err(StepError::new(Class::Retryable, message))
        }
    }
}

/// Takes another certificate of a machine in maintenance mode over, unless the configuration names one.
async fn renew(
    context: &Bootstrap,
    name: &str,
    address: &Address,
    shown: &str,
    report: &Report,
) -> Result<(), StepError> {
    refuse_other_fingerprint(context, name, address, shown)?;
    let before = context
        .known()
        .memory
        .machines
        .get(name)
        .and_then(|m| m.fingerprint.clone());
    let fact = Fact::Fingerprint {
        machine: name.to_owned(),
        fingerprint: shown.to_owned(),
    };
    let what = format!("{name} is taken on trust with the fingerprint {shown}");
    report.intent(what, vec![fact]).await?;
    let before = before.map_or_else(String::new, |before| format!(", it was {before}"));
    report.emit(Body::Warning {
        message: format!(
            "{name} at {address} shows another maintenance certificate than at first contact: its fingerprint is \
             {shown}{before}; it is taken on trust"
        ),
        hint: Some("a restart in maintenance mode makes a new one; compare with the machine's console".to_owned()),
    });
    Ok(())
}

/// The fingerprint that the configuration names, with the machine's position on the list.
fn pinned(context: &Bootstrap, name: &str) -> Option<(usize, String)> {
    let (at, machine) = context.settled.config.listed_machine(name)?;
    Some((at, machine.fingerprint.clone()?))
}

pub(super) fn refuse_other_fingerprint(
    context: &Bootstrap,
    name: &str,
    address: &Address,
    shown: &str,
) -> Result<(), StepError> {
    match pinned(context, name) {
        Some((at, pin)) if pin != shown => {
            let message = format!("{name} at {address} shows the fingerprint {shown}, the configuration names {pin}");
            Err(StepError::new(Class::Configuration, message).hint(hardware::fingerprint_hint(at)))
        }
        _ => Ok(()),
    }
}

pub(super) fn foreign(name: &str, address: &Address, detail: &str) -> StepError {
    let message = format!("{name} at {address} belongs to another cluster: {detail}");
    StepError::new(Class::Foreign, message).hint("reset that machine, or take it off the configuration")
}

/// A node that is on the other side of the switch took an earlier push; the proof decides.
fn already_or(error: TalosError, name: &str, address: &Address) -> Result<(), StepError> {
    match error {
        TalosError::WrongSide {
            side: Side::Configured, ..
        } => Ok(()),
        error => Err(talos_failed(format!("configure {name} at {address}"), error)),
    }
}

/// Waits until the node answers with this cluster's certificate.
pub(super) async fn configured(context: &Bootstrap, name: &str, report: &Report) -> Result<Proof, StepError> {
    let address = context.address(name)?;
    let wait = Wait::new(
        report,
        format!("{name} ({address}) to come back with its configuration"),
    );
    let pace = Pace::of(role_of(context, name)?);
    let waited = async {
        loop {
            let error = match version(context, name, &address).await {
                Ok(version) => return configured_as(context, name, &address, &version, report).await,
                Err(error) => error,
            };
            let top = platform::unanswered(name, &address, &in_short(&error));
            wait.cause(Some(chain(&error)), vec![top]);
            pace.pause().await;
        }
    };
    platform::explained(context, &wait, name, waited).await
}

async fn version(context: &Bootstrap, name: &str, address: &Address) -> Result<String, StepError> {
    let what = format!("ask {address} for its version");
    let node = node(context, name, &what).await?;
    let version = node.version().await.map_err(|e| call_failed(context, name, what, e))?;
    Ok(version.tag)
}

async fn configured_as(
    context: &Bootstrap,
    name: &str,
    address: &Address,
    version: &str,
    report: &Report,
) -> Result<Proof, StepError> {
    let wanted = format!("v{}", context.settled.config.talos.version);
    if version != wanted {
        let message = format!("{name} runs Talos {version}, the configuration names {wanted}");
        report.emit(Body::Warning {
            message,
            hint: Some("upgrade the node with `talosctl upgrade`".to_owned()),
        });
    }
    if role_of(context, name)? == Role::ControlPlane {
        context.write_talosconfig().await?;
    }
    Ok(Proof::of(format!(
        "{address} answers with this cluster's certificate, Talos {version}"
    )))
}

async fn render(
    context: &Bootstrap,
    name: &str,
    address: &Address,
    hardware: &Hardware,
) -> Result<SecretString, StepError> {
    let talos = context.talos().await?;
    let host = context.endpoint_host()?;
    let cluster = machine_config::cluster_spec(&context.settled.config, &host);
    let mut node = machine_config::node_spec(&context.settled.config, name, role_of(context, name)?);
    if let Some(vip) = machine_config::own_vip(&context.settled.config, node.role) {
        node.vip = Some((
            vip,
            machine_config::vip_link(&context.settled.config, name, address, hardware)?,
        ));
    }
    talos_config::render(&cluster, &node, &talos.bundle).map_err(|e| StepError {
        class: Class::Configuration,
        ..StepError::fatal(format!("render the machine configuration of {name}"), e)
    })
}
