//! Talos: answering, and configuration.

use std::{collections::BTreeMap, time::Duration};

use butler_api::{
    config::{BootstrapConfig, Role, SecretSource},
    error::{Class, StepError},
    event::Body,
};
use butler_infra::hardware;
use butler_kubernetes::chain;
use butler_talos::{
    client::{Address, EtcdMember, Hardware, Maintenance, Mode, Node, Side, TalosError, TlsProblem, probe},
    config as machine_config,
    config::{ClusterSpec, Cni, NodeSpec, RegistryHost},
};
use secrecy::SecretString;

use super::{Pace, machine::role_of};
use crate::{
    context::{Context, bracketed},
    driver::{Proof, Report},
    graph::Kind,
    journal::Fact,
};

/// How long one look at a node may take.
const LOOK: Duration = Duration::from_secs(3);

/// One look whether Talos answers.
pub(super) async fn answers(context: &Context, name: &str) -> Result<Option<Proof>, StepError> {
    let address = context.address(name)?;
    look(context, name, &address).await.map(Result::ok)
}

/// Waits until Talos answers, in maintenance mode or with this cluster's configuration.
pub(super) async fn booted(context: &Context, name: &str, report: &Report) -> Result<Proof, StepError> {
    let address = context.address(name)?;
    let waiting = format!("Talos on {name} ({address}) to answer");
    report.waiting(waiting.clone(), None);
    let pace = Pace::of(role_of(context, name)?);
    loop {
        match look(context, name, &address).await? {
            Ok(proof) => return Ok(proof),
            Err(cause) => report.waiting(waiting.clone(), Some(cause)),
        }
        pace.pause().await;
    }
}

/// The proof, or the cause why there is none yet.
async fn look(context: &Context, name: &str, address: &Address) -> Result<Result<Proof, String>, StepError> {
    let talos = context.talos_if_made().await?;
    let credentials = talos.as_ref().map(|t| &t.credentials);
    match probe(address, credentials, LOOK).await {
        Mode::Maintenance { fingerprint } => {
            refuse_other_fingerprint(context, name, address, &fingerprint)?;
            context.unconfigured().insert(name.to_owned());
            let facts = vec![Fact::Fingerprint {
                machine: name.to_owned(),
                fingerprint: fingerprint.clone(),
            }];
            Ok(Ok(Proof {
                evidence: format!("{address} is in maintenance mode, fingerprint {fingerprint}"),
                facts,
            }))
        }
        Mode::Configured => Ok(Ok(Proof::of(format!("{address} has this cluster's configuration")))),
        // A node of ours that was configured a moment ago may still be changing its certificate.
        Mode::Foreign { detail } => Err(foreign(name, address, &detail)),
        Mode::Silent { cause } => Ok(Err(cause)),
    }
}

/// Whether the node answers with this cluster's certificate. Not, if it was in maintenance mode a moment ago.
pub(super) async fn is_configured(context: &Context, name: &str, report: &Report) -> Result<Option<Proof>, StepError> {
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
pub(super) async fn configure(context: &Context, name: &str, report: &Report) -> Result<(), StepError> {
    let address = context.address(name)?;
    let Some(node) = maintenance(context, name, &address, report).await? else {
        return Ok(());
    };
    let hardware = match node.hardware().await {
        Ok(hardware) => hardware,
        Err(error) => return already_or(error, name, &address),
    };
    if let Some(missing) = hardware::missing(&hardware::named(&context.config, name), &hardware) {
        let message = format!("{name} at {address} {}", missing.message);
        return Err(StepError::new(Class::Configuration, message).hint(missing.hint));
    }
    let text = render(context, name, &address, &hardware).await?;
    context.known().touched.insert(Kind::Configure(name.to_owned()).id());
    match node.apply(&text, false).await {
        Ok(_) => Ok(()),
        Err(error) => already_or(error, name, &address),
    }
}

/// A connection to the machine in maintenance mode, by the fingerprint that the configuration names or else the one seen
/// at first contact; none if it has a configuration already.
async fn maintenance(
    context: &Context,
    name: &str,
    address: &Address,
    report: &Report,
) -> Result<Option<Maintenance>, StepError> {
    let known = context.known().machines.get(name).and_then(|m| m.fingerprint.clone());
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
    context: &Context,
    name: &str,
    address: &Address,
    shown: &str,
    report: &Report,
) -> Result<(), StepError> {
    refuse_other_fingerprint(context, name, address, shown)?;
    let before = context.known().machines.get(name).and_then(|m| m.fingerprint.clone());
    let fact = Fact::Fingerprint {
        machine: name.to_owned(),
        fingerprint: shown.to_owned(),
    };
    let what = format!("{name} is taken on trust with the fingerprint {shown}");
    report.intent(what, vec![fact.clone()]).await?;
    context.known().learn(&fact);
    let before = before.map(|before| format!(", it was {before}")).unwrap_or_default();
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
fn pinned(context: &Context, name: &str) -> Option<(usize, String)> {
    let (at, machine) = context.config.listed_machine(name)?;
    Some((at, machine.fingerprint.clone()?))
}

fn refuse_other_fingerprint(context: &Context, name: &str, address: &Address, shown: &str) -> Result<(), StepError> {
    match pinned(context, name) {
        Some((at, pin)) if pin != shown => {
            let message = format!("{name} at {address} shows the fingerprint {shown}, the configuration names {pin}");
            Err(StepError::new(Class::Configuration, message).hint(hardware::fingerprint_hint(at)))
        }
        _ => Ok(()),
    }
}

fn foreign(name: &str, address: &Address, detail: &str) -> StepError {
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
pub(super) async fn configured(context: &Context, name: &str, report: &Report) -> Result<Proof, StepError> {
    let address = context.address(name)?;
    let waiting = format!("{name} ({address}) to come back with its configuration");
    report.waiting(waiting.clone(), None);
    let pace = Pace::of(role_of(context, name)?);
    loop {
        match version(context, name, &address).await {
            Ok(version) => return configured_as(context, name, &address, &version, report).await,
            Err(error) => report.waiting(waiting.clone(), Some(chain(&error))),
        }
        pace.pause().await;
    }
}

async fn version(context: &Context, name: &str, address: &Address) -> Result<String, StepError> {
    let what = format!("ask {address} for its version");
    let node = node(context, name, &what).await?;
    let version = node.version().await.map_err(|e| call_failed(context, name, what, e))?;
    Ok(version.tag)
}

/// A connection to a configured node; the one of the last call, if that is a control plane and the call went well.
pub(super) async fn node(context: &Context, name: &str, what: &str) -> Result<Node, StepError> {
    connection(context, name)
        .await?
        .map_err(|e| talos_failed(what.to_owned(), e))
}

/// The same with the node's own error.
pub(super) async fn connection(context: &Context, name: &str) -> Result<Result<Node, TalosError>, StepError> {
    let kept = context.talos_nodes().get(name).cloned();
    if let Some(node) = kept {
        return Ok(Ok(node));
    }
    let address = context.address(name)?;
    let talos = context.talos().await?;
    let node = match Node::connect(&address, &talos.credentials).await {
        Ok(node) => node,
        Err(error) => return Ok(Err(error)),
    };
    if role_of(context, name)? == Role::ControlPlane {
        context.talos_nodes().insert(name.to_owned(), node.clone());
    }
    Ok(Ok(node))
}

/// A call that failed; the next one makes a new connection.
pub(super) fn call_failed(context: &Context, name: &str, what: String, error: TalosError) -> StepError {
    context.talos_nodes().remove(name);
    talos_failed(what, error)
}

async fn configured_as(
    context: &Context,
    name: &str,
    address: &Address,
    version: &str,
    report: &Report,
) -> Result<Proof, StepError> {
    let wanted = format!("v{}", context.config.talos.version);
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
    context: &Context,
    name: &str,
    address: &Address,
    hardware: &Hardware,
) -> Result<SecretString, StepError> {
    let talos = context.talos().await?;
    let host = context.endpoint_host()?;
    let cluster = cluster_spec(&context.config, &host);
    let mut node = node_spec(&context.config, name, role_of(context, name)?);
    if let Some(vip) = own_vip(&context.config, node.role) {
        node.vip = Some((vip, vip_link(&context.config, name, address, hardware)?));
    }
    machine_config::render(&cluster, &node, &talos.bundle).map_err(|e| StepError {
        class: Class::Configuration,
        ..StepError::fatal(format!("render the machine configuration of {name}"), e)
    })
}

pub(crate) fn cluster_spec(config: &BootstrapConfig, host: &str) -> ClusterSpec {
    let endpoint = format!("https://{}:6443", bracketed(host));
    let talos = &config.talos;
    let version = talos.version.clone();
    let mut spec = ClusterSpec::new(
        &config.cluster.name,
        endpoint,
        version.clone(),
        talos.kubernetes_version.clone(),
    );
    spec.pod_cidrs = vec![config.network.pod_cidr.to_string()];
    spec.service_cidrs = vec![config.network.service_cidr.to_string()];
    spec.install_disk = Some(talos.install_disk.clone());
    spec.install_image = Some(config.install_image());
    spec.allow_scheduling_on_control_planes = config.cluster.workers.is_none();
    spec.cni = Cni::None;
    spec.proxy_disabled = config.addons.cni.is_some();
    spec.time_servers.clone_from(&talos.time_servers);
    spec.mtu = config.network.mtu;
    spec.extra_cert_sans = vec![host.to_owned()];
    spec.longhorn_mounts = config.addons.storage.is_some();
    spec.registry_mirrors.clone_from(&talos.registries.mirrors);
    spec.registry_hosts = registry_hosts(config);
    spec.trusted_cas.clone_from(&talos.trusted_cas);
    spec.discovery.clone_from(&talos.discovery);
    spec.patches.clone_from(&talos.patches);
    spec
}

/// Registries with the values of their secrets, which were read when the run began.
fn registry_hosts(config: &BootstrapConfig) -> BTreeMap<String, RegistryHost> {
    let read = |source: &SecretSource| match source {
        SecretSource::Clear(value) => Some(value.clone()),
        SecretSource::File(_) | SecretSource::Env(_) | SecretSource::Exec(_) => None,
    };
    let hosts = config.talos.registries.hosts.iter().map(|(name, host)| {
        let login = host.login.as_ref();
        let login = login.and_then(|login| read(&login.username).zip(read(&login.password)));
        let ca = host.ca.clone();
        (name.clone(), RegistryHost { ca, login })
    });
    hosts.collect()
}

pub(crate) fn node_spec(config: &BootstrapConfig, name: &str, role: Role) -> NodeSpec {
    let mut spec = NodeSpec::new(role);
    spec.hostname = Some(name.to_owned());
    spec.labels.clone_from(&config.pool(role).labels);
    let machine = config.listed_machine(name).map(|(_, machine)| machine);
    spec.install_disk = machine.and_then(|m| m.install_disk.clone());
    spec.interface = machine.and_then(|m| m.network_interface.clone());
    spec
}

/// Without kube-vip Talos itself carries a VIP that is an address, on control planes.
fn own_vip(config: &BootstrapConfig, role: Role) -> Option<std::net::IpAddr> {
    if role != Role::ControlPlane || config.addons.control_plane_ha.is_some() {
        return None;
    }
    config.network.vip.as_ref()?.address().map(Into::into)
}

/// The link of the VIP: the configured one, else the one that has the node's address.
fn vip_link(config: &BootstrapConfig, name: &str, address: &Address, hardware: &Hardware) -> Result<String, StepError> {
    let listed = config.listed_machine(name).map(|(_, machine)| machine);
    let named = config.network.vip_interface.clone();
    if let Some(link) = named.or_else(|| listed.and_then(|machine| machine.network_interface.clone())) {
        return Ok(link);
    }
    // What does not tell its links is taken for a machine as most of the platform are.
    let usual = || Some(config.provider_kind().default_interface()).filter(|link| !hardware.lacks_link(link));
    let found = hardware.main_link(address.host().parse().ok()).or_else(usual);
    found.map(str::to_owned).ok_or_else(|| {
        let links = hardware.describe_links();
        let message = format!("which link of {name} at {address} shall carry the VIP? It has {links}");
        StepError::new(Class::Configuration, message).hint("set network.vipInterface to a link that the machine has")
    })
}

/// The members as this node lists them, if it does so within this time.
pub(super) async fn members(context: &Context, name: &str, limit: Duration) -> Result<Vec<EtcdMember>, StepError> {
    let what = format!("list etcd members on {name} at {}", context.address(name)?);
    let node = node(context, name, &what).await?;
    match node.etcd_members_within(limit).await {
        Ok(members) => Ok(members),
        // Nothing is wrong with the connection: etcd is not up.
        Err(error @ TalosError::Deadline { .. }) if limit < LOOK => Err(talos_failed(what, error)),
        Err(error) => Err(call_failed(context, name, what, error)),
    }
}

fn talos_failed(what: String, error: TalosError) -> StepError {
    let class = match &error {
        e if e.is_retryable() => Class::Retryable,
        TalosError::PermissionDenied(_) => Class::Permission,
        TalosError::Invalid(_) => Class::Configuration,
        _ => Class::Fatal,
    };
    let hint = error.hint().map(ToOwned::to_owned);
    StepError {
        class,
        hint,
        ..StepError::retryable(what, error)
    }
}
