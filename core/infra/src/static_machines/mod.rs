//! Provider `static`: machines that somebody else booted into Talos maintenance mode.
//!
//! It makes nothing and deletes nothing. A machine is claimed by being given a configuration; what marks it as ours is
//! that its certificate is of this cluster's authority.

mod judge;

use std::{collections::BTreeMap, time::Duration};

use butler_api::config::{BootstrapConfig, Machine, ProviderKind, TALOS_PORT};
use butler_talos::client::{Address, Credentials, Maintenance, MaintenanceFacts, Mode, probe};
use futures::future::join_all;
use jiff::Timestamp;
use semver::Version;

use self::judge::{Observation, SILENT, Verdict, checks, judge, seen};
use crate::{
    Addr, AddrKind, AddrSource, Capabilities, Check, Class, DiscoverItem, DiscoverKind, DiscoverQuery, EndpointKind,
    Fut, InfraError, InfraPlan, Lifecycle, MachineRef, MachineSpec, MachineState, OpHandle, OpKind, OwnedObject, Owner,
    Provider, ProviderInfo, Step, Usable, hardware,
};

const KIND: ProviderKind = ProviderKind::Static;

static INFO: ProviderInfo = ProviderInfo {
    kind: KIND,
    display: "machines in maintenance mode",
    capabilities: Capabilities {
        talos_platform: None,
        creates_machines: false,
        user_data: None,
        endpoint: EndpointKind::Vip,
        max_parallel_creates: 64,
    },
    discovers: &[DiscoverKind::Machine],
};

/// The longest that one look takes.
const LOOK: Duration = Duration::from_secs(5);
/// How often a silent machine is looked at.
const POLL: Duration = Duration::from_secs(1);

/// The provider.
#[derive(Debug)]
pub struct StaticMachines {
    machines: Vec<Listed>,
    talos: Version,
    credentials: Option<Credentials>,
}

/// One machine of the list.
#[derive(Debug, Clone)]
struct Listed {
    name: String,
    address: Address,
    fingerprint: Option<String>,
    /// Position in the file.
    at: usize,
    /// Links and disks that the configuration names for it.
    named: hardware::Named,
}

impl StaticMachines {
    /// A provider for the listed machines. With credentials of the cluster (from an earlier run) it recognises
    /// machines that are configured already. Nothing is sent yet.
    pub fn new(config: &BootstrapConfig, credentials: Option<Credentials>) -> Result<Self, InfraError> {
        let mut machines = Vec::new();
        for Machine { name, role, listed } in config.machines() {
            let Some((at, machine)) = listed else {
                let message = format!("the list has no machine left for the role {}", role.as_str());
                return Err(invalid(&name, "machines", message));
            };
            machines.push(Listed {
                named: hardware::named(config, &name),
                name,
                address: machine.address.into(),
                fingerprint: machine.fingerprint.clone(),
                at,
            });
        }
        Ok(Self {
            machines,
            talos: config.talos.version.clone(),
            credentials,
        })
    }

    fn listed(&self, name: &str) -> Result<&Listed, InfraError> {
        self.machines
            .iter()
            .find(|m| m.name == name)
            .ok_or_else(|| invalid(name, "machines", "the machine is not on the list"))
    }

    async fn look(&self, listed: &Listed) -> Observation {
        let mode = probe(&listed.address, self.credentials.as_ref(), LOOK).await;
        let facts = match &mode {
            Mode::Maintenance { fingerprint } => facts(&listed.address, fingerprint).await,
            _ => MaintenanceFacts::default(),
        };
        Observation { mode, facts }
    }

    async fn verdict(&self, listed: &Listed) -> Verdict {
        judge(listed, &self.talos, &self.look(listed).await)
    }

    async fn checks(&self) -> Vec<Check> {
        let found = join_all(
            self.machines
                .iter()
                .map(|listed| async move { (listed, self.verdict(listed).await) }),
        )
        .await;
        checks(&found)
    }

    async fn ensure(&self, spec: &MachineSpec, previous: Option<OpHandle>) -> Result<Step<MachineRef>, InfraError> {
        let listed = self.listed(&spec.name)?;
        match self.verdict(listed).await {
            Verdict::Free { .. } | Verdict::Ours => Ok(Step::Done(MachineRef {
                provider: KIND,
                id: listed.address.to_string(),
                name: listed.name.clone(),
                generation: spec.generation,
            })),
            Verdict::Silent { cause } => Ok(Step::Pending {
                handle: OpHandle {
                    kind: OpKind::MachineCreate,
                    provider: KIND,
                    id: listed.address.to_string(),
                    started: previous.map_or_else(Timestamp::now, |p| p.started),
                },
                progress: None,
                poll_after: POLL,
                note: format!("{} ({}) does not answer: {cause}", listed.name, listed.address),
                hint: Some(SILENT.to_owned()),
            }),
            Verdict::Refused { class, message, hint } => Err(InfraError::new(KIND, "claim machine", class, message)
                .about(&listed.name)
                .hint(hint)),
        }
    }
}

impl Provider for StaticMachines {
    fn info(&self) -> &ProviderInfo {
        &INFO
    }

    fn preflight<'a>(&'a self, _plan: &'a InfraPlan) -> Fut<'a, Vec<Check>> {
        Box::pin(async { Ok(self.checks().await) })
    }

    fn machine_ensure<'a>(&'a self, spec: &'a MachineSpec, previous: Option<OpHandle>) -> Fut<'a, Step<MachineRef>> {
        Box::pin(self.ensure(spec, previous))
    }

    fn machine_observe<'a>(&'a self, machine: &'a MachineRef) -> Fut<'a, MachineState> {
        Box::pin(async {
            let listed = self.listed(&machine.name)?;
            let mode = probe(&listed.address, self.credentials.as_ref(), LOOK).await;
            Ok(state(listed, mode))
        })
    }

    /// Does nothing: the machine is not ours to delete. [`leaves_behind`](Provider::leaves_behind) says what stays.
    fn machine_delete<'a>(&'a self, _owner: &'a Owner, _machine: &'a MachineRef) -> Fut<'a, Step<()>> {
        Box::pin(async { Ok(Step::Done(())) })
    }

    fn leaves_behind(&self, machine: &MachineRef) -> Option<String> {
        Some(format!(
            "machine {} ({}) keeps its disk; wipe it with `talosctl reset` before it is used again",
            machine.name, machine.id
        ))
    }

    /// What is to be seen of the listed machines, all looked at together.
    fn discover<'a>(&'a self, query: &'a DiscoverQuery) -> Fut<'a, Vec<DiscoverItem>> {
        Box::pin(async move {
            if query.kind != DiscoverKind::Machine {
                return Err(InfraError::unsupported(KIND, "discover"));
            }
            let look = |listed| async move { item(listed, &self.talos, &self.look(listed).await) };
            Ok(join_all(self.machines.iter().map(look)).await)
        })
    }

    /// Nothing: no machine was made.
    fn inventory<'a>(&'a self, _owner: &'a Owner) -> Fut<'a, Vec<OwnedObject>> {
        Box::pin(async { Ok(vec![]) })
    }
}

/// What a node in maintenance mode tells of itself.
async fn facts(address: &Address, fingerprint: &str) -> MaintenanceFacts {
    let read = async {
        let (node, _) = Maintenance::connect(address, Some(fingerprint)).await?;
        node.facts().await
    };
    match tokio::time::timeout(LOOK, read).await {
        Ok(Ok(facts)) => facts,
        Ok(Err(error)) => {
            tracing::debug!(%address, %error, "the node does not tell what it is");
            MaintenanceFacts::default()
        }
        Err(_) => MaintenanceFacts::default(),
    }
}

/// A machine as people choose by it.
fn item(listed: &Listed, wanted: &Version, seen_now: &Observation) -> DiscoverItem {
    let detail: BTreeMap<&'static str, String> = seen(seen_now);
    DiscoverItem {
        kind: DiscoverKind::Machine,
        id: listed.address.to_string(),
        name: listed.name.clone(),
        parent: None,
        detail,
        usable: match judge(listed, wanted, seen_now) {
            Verdict::Free { .. } | Verdict::Ours => Usable::Yes,
            Verdict::Silent { cause } => Usable::No(cause),
            Verdict::Refused { message, .. } => Usable::No(message),
        },
    }
}

/// What a look says about the machine's life. Whose configuration it has is decided when it is claimed.
fn state(listed: &Listed, mode: Mode) -> MachineState {
    let (lifecycle, fingerprint, raw_status) = match mode {
        Mode::Silent { cause } => (Lifecycle::Silent, None, cause),
        Mode::Maintenance { fingerprint } => (Lifecycle::Running, Some(fingerprint), "maintenance".to_owned()),
        Mode::Configured => (Lifecycle::Running, None, "configured".to_owned()),
        Mode::Foreign { detail } => (Lifecycle::Running, None, detail),
    };
    let ip = listed.address.host().parse().ok();
    let addresses = ip.map(|ip| Addr {
        ip,
        talos_port: Some(listed.address.port()).filter(|port| *port != TALOS_PORT),
        kind: AddrKind::Internal,
        source: AddrSource::Assigned,
        mac: None,
    });
    MachineState {
        lifecycle,
        addresses: addresses.into_iter().collect(),
        provider_id: None,
        fingerprint,
        boot_time: None,
        raw_status,
        poll_after: POLL,
    }
}

fn invalid(machine: &str, field: &str, message: impl Into<String>) -> InfraError {
    let message = message.into();
    let fields = vec![(field.to_owned(), message.clone())];
    InfraError::new(KIND, "read the list of machines", Class::Invalid { fields }, message).about(machine)
}
