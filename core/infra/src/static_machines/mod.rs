//! Provider `static`: machines that somebody else booted into Talos maintenance mode.
//!
//! It makes nothing. A machine is claimed by being given a configuration, and given back by a reset. What marks it as
//! ours is that its certificate is of the cluster's authority; nothing on it tells the cluster's UUID.

mod judge;
mod reset;

use std::time::Duration;

use butler_api::{
    config::{NodeAddress, ProviderKind, Role, StaticMachines as Settings, TALOS_PORT},
    names,
};
use butler_talos::client::{Address, Credentials, Maintenance, MaintenanceFacts, Mode, probe};
use futures::future::join_all;
use jiff::Timestamp;

use self::judge::{Candidate, SILENT, Sighting, Verdict, checks, judge};
use crate::{
    Capabilities, Check, CheckStatus, ErrorKind, ExistingMachines, FoundMachine, Fut, InfraError, InfraPlan, Inventory,
    Lifecycle, MachineRef, MachineSpec, MachineState, ObjectKind, OpHandle, OpKind, OwnedObject, Owner, Pending,
    Progress, Provider, ProviderInfo, Scope, UnknownObject,
};

const KIND: ProviderKind = ProviderKind::Static;

static INFO: ProviderInfo = ProviderInfo {
    kind: KIND,
    display: "machines in maintenance mode",
    capabilities: Capabilities {
        creates_machines: false,
        max_parallel_creates: 64,
    },
};

/// The longest that one look takes.
const LOOK: Duration = Duration::from_secs(5);
/// How often a machine that changes is looked at.
const POLL: Duration = Duration::from_secs(1);
/// A claimed machine has no generations: it is not replaced, only given back.
const GENERATION: u32 = 1;

/// The provider `static`: listed machines, and the credentials of the cluster that may have them.
#[derive(Debug)]
pub struct StaticMachines {
    machines: Vec<Listed>,
    credentials: Option<Credentials>,
}

/// One machine of the list.
#[derive(Debug, Clone)]
struct Listed {
    /// Its address, as the settings write it.
    written: NodeAddress,
    /// Its address, as the Talos client takes it.
    address: Address,
    role: Role,
    name: Option<String>,
    /// Its position among the machines of its role, which makes its name where it has none of its own.
    index: u32,
    fingerprint: Option<String>,
    /// Its position in the file.
    at: usize,
}

impl Listed {
    /// The name that it has in a cluster.
    fn name_in(&self, cluster: &str) -> String {
        self.name
            .clone()
            .unwrap_or_else(|| names::machine(cluster, self.role, self.index))
    }
}

impl StaticMachines {
    /// A provider for the listed machines. With credentials of the cluster (from an earlier run) it recognises
    /// machines that are configured already, and may reset them. Nothing is sent yet.
    pub fn new(settings: &Settings, credentials: Option<Credentials>) -> Result<Self, InfraError> {
        let mut machines: Vec<Listed> = Vec::new();
        for (at, machine) in settings.machines.iter().enumerate() {
            let earlier = machines.iter().filter(|listed| listed.role == machine.role).count();
            machines.push(Listed {
                written: machine.address,
                address: machine.address.into(),
                role: machine.role,
                name: machine.name.clone(),
                index: u32::try_from(earlier)
                    .map_err(|e| invalid(&machine.address.to_string(), "the list is too long").because(e))?,
                fingerprint: machine.fingerprint.clone(),
                at,
            });
        }
        Ok(Self { machines, credentials })
    }

    /// The listed machine that a planned one claims.
    fn candidate<'a>(&'a self, spec: &'a MachineSpec) -> Result<Candidate<'a>, InfraError> {
        let claim = spec.claim.as_ref();
        let listed = claim.and_then(|claim| self.machines.iter().find(|m| m.written == claim.address));
        match (claim, listed) {
            (Some(claim), Some(listed)) => Ok(Candidate {
                name: &spec.name,
                listed,
                claim,
            }),
            _ => Err(invalid(&spec.name, "the machine is not on the list")),
        }
    }

    async fn probe(&self, address: &Address) -> Mode {
        probe(address, self.credentials.as_ref(), LOOK).await
    }

    async fn look(&self, listed: &Listed) -> Sighting {
        let mode = self.probe(&listed.address).await;
        let facts = match &mode {
            Mode::Maintenance { fingerprint } => maintenance_facts(&listed.address, fingerprint).await,
            _ => MaintenanceFacts::default(),
        };
        Sighting { mode, facts }
    }

    async fn verdict(&self, candidate: Candidate<'_>) -> Verdict {
        judge(candidate, &self.look(candidate.listed).await)
    }

    async fn preflight_checks(&self, plan: &InfraPlan) -> Vec<Check> {
        let (listed, unlisted): (Vec<_>, Vec<_>) = plan
            .machines
            .iter()
            .map(|spec| self.candidate(spec))
            .partition(Result::is_ok);
        let looks = listed
            .into_iter()
            .flatten()
            .map(|candidate| async move { (candidate, self.verdict(candidate).await) });
        let mut found = checks(&join_all(looks).await);
        found.extend(unlisted.into_iter().filter_map(Result::err).map(|error| Check {
            id: "static/machine",
            status: CheckStatus::Fail,
            summary: error.to_string(),
            hint: error.hint.clone(),
        }));
        found
    }

    async fn ensure(&self, spec: &MachineSpec, previous: Option<OpHandle>) -> Result<Progress<MachineRef>, InfraError> {
        let candidate = self.candidate(spec)?;
        let (name, address) = (candidate.name, &candidate.listed.address);
        match self.verdict(candidate).await {
            Verdict::Free { .. } | Verdict::Ours => Ok(Progress::Done(MachineRef {
                provider: KIND,
                id: address.to_string(),
                name: name.to_owned(),
                generation: spec.generation,
                created: None,
            })),
            Verdict::Silent { cause } => Ok(Progress::Pending(Pending {
                handle: OpHandle {
                    kind: OpKind::MachineCreate,
                    provider: KIND,
                    id: address.to_string(),
                    started: previous.map_or_else(Timestamp::now, |p| p.started),
                },
                poll_after: POLL,
                note: format!("{name} ({address}) does not answer: {cause}"),
                hint: Some(SILENT.to_owned()),
            })),
            Verdict::Refused { kind, message, hint } => Err(InfraError::new(KIND, "claim machine", kind, message)
                .about(name)
                .hint(hint)),
        }
    }

    /// The machines that have the configuration of the cluster whose credentials we have. A silent one may have it.
    async fn owned(&self, owner: &Owner) -> Inventory {
        let looks = self
            .machines
            .iter()
            .map(|listed| async move { (listed, self.probe(&listed.address).await) });
        let mut inventory = Inventory::default();
        for (listed, mode) in join_all(looks).await {
            let name = listed.name_in(&owner.cluster_name);
            let id = listed.address.to_string();
            let cause = match mode {
                Mode::Configured => {
                    inventory.objects.push(OwnedObject {
                        kind: ObjectKind::Machine,
                        owner: owner.clone(),
                        provider: KIND,
                        id,
                        name,
                        generation: GENERATION,
                        created: None,
                        raw_status: "configured".to_owned(),
                    });
                    continue;
                }
                Mode::Silent { cause } => format!("it does not answer: {cause}"),
                Mode::Foreign { detail } if self.credentials.is_none() => {
                    format!("without the cluster's Talos credentials nobody can tell whose it is: {detail}")
                }
                // It has nothing of this cluster.
                Mode::Foreign { .. } | Mode::Maintenance { .. } => continue,
            };
            inventory.unknown.push(UnknownObject {
                kind: ObjectKind::Machine,
                id,
                name,
                cause,
            });
        }
        inventory
    }
}

impl Provider for StaticMachines {
    fn info(&self) -> &ProviderInfo {
        &INFO
    }

    fn preflight<'a>(&'a self, plan: &'a InfraPlan) -> Fut<'a, Vec<Check>> {
        Box::pin(async { Ok(self.preflight_checks(plan).await) })
    }

    fn machine_ensure<'a>(
        &'a self,
        spec: &'a MachineSpec,
        previous: Option<OpHandle>,
    ) -> Fut<'a, Progress<MachineRef>> {
        Box::pin(self.ensure(spec, previous))
    }

    fn machine_observe<'a>(&'a self, machine: &'a MachineRef) -> Fut<'a, MachineState> {
        Box::pin(async {
            let address = parse(&machine.name, &machine.id)?;
            Ok(state(&address, self.probe(&address).await))
        })
    }

    /// Resets the machine through the Talos API. Only a node whose certificate is of the cluster's authority is asked,
    /// and it obeys only the cluster's credentials: they are the marker, whatever the owner's id.
    fn machine_delete<'a>(
        &'a self,
        _owner: &'a Owner,
        machine: &'a MachineRef,
        previous: Option<OpHandle>,
    ) -> Fut<'a, Progress<()>> {
        Box::pin(async {
            let address = parse(&machine.name, &machine.id)?;
            reset::reset(machine, &address, self.credentials.as_ref(), previous).await
        })
    }

    /// Answers for one cluster only: the machines carry no name of a cluster, and obey nobody without its credentials.
    fn inventory<'a>(&'a self, scope: Scope<'a>) -> Fut<'a, Inventory> {
        Box::pin(async move {
            match scope {
                Scope::Cluster(owner) => Ok(self.owned(owner).await),
                Scope::Named(_) | Scope::Everything => {
                    let message = "listed machines do not tell whose they are without the credentials of their cluster";
                    Err(InfraError::new(KIND, "list machines", ErrorKind::Unsupported, message)
                        .hint("the state folder of the cluster has its id and its credentials"))
                }
            }
        })
    }

    fn existing_machines(&self) -> Option<&dyn ExistingMachines> {
        Some(self)
    }
}

impl ExistingMachines for StaticMachines {
    fn machines(&self) -> Fut<'_, Vec<FoundMachine>> {
        Box::pin(async {
            let looks = self.machines.iter().map(|listed| async {
                FoundMachine {
                    address: listed.written,
                    facts: judge::facts(&self.look(listed).await),
                }
            });
            Ok(join_all(looks).await)
        })
    }
}

/// What a node in maintenance mode tells of itself.
async fn maintenance_facts(address: &Address, fingerprint: &str) -> MaintenanceFacts {
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
        Err(_) => {
            tracing::debug!(%address, "the node does not tell in time what it is");
            MaintenanceFacts::default()
        }
    }
}

/// What a look says about the machine's life. Whose configuration it has is decided when it is claimed.
fn state(address: &Address, mode: Mode) -> MachineState {
    let (lifecycle, raw_status) = match mode {
        Mode::Silent { cause } => (Lifecycle::Silent, cause),
        Mode::Maintenance { .. } => (Lifecycle::Unclaimed, "maintenance".to_owned()),
        Mode::Configured => (Lifecycle::Running, "configured".to_owned()),
        Mode::Foreign { detail } => (Lifecycle::Running, detail),
    };
    // A host name is no address that a cluster could be told.
    let ip = address.host().parse().ok();
    let addresses = ip.map(|ip| NodeAddress {
        ip,
        port: Some(address.port()).filter(|port| *port != TALOS_PORT),
    });
    MachineState {
        lifecycle,
        addresses: addresses.into_iter().collect(),
        raw_status,
        poll_after: POLL,
    }
}

fn parse(machine: &str, address: &str) -> Result<Address, InfraError> {
    address
        .parse()
        .map_err(|e| invalid(machine, "the address is wrong").because(e))
}

fn invalid(machine: &str, message: &str) -> InfraError {
    let fields = vec![("providerConfig.static.machines".to_owned(), message.to_owned())];
    InfraError::new(
        KIND,
        "read the list of machines",
        ErrorKind::Invalid { fields },
        message,
    )
    .about(machine)
}
