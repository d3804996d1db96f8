//! Reconciles MachineRequests with a [`Provider`]: creates what is missing, reports id, address and trouble in status.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use butler_api::{
    config::{ExtraDisk, ProviderKind, Role},
    error::{Class, StepError},
    v1alpha1::MachineRequest,
};
use butler_infra::{
    Claim, ErrorKind, InfraError, Lifecycle, MachineRef, MachineSpec, Owner, Pending, Progress, Provider, Retry,
};
use butler_kubernetes::{MANAGER, Watched, chain};
use jiff::Timestamp;
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::reflector::ObjectRef,
};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet};

use crate::bootstrap::{Entry, Fact, Journal, record::NAMESPACE, steps};

/// What the controller last saw of each machine: the cause that a waiting step shows, or the error that ends it.
#[derive(Debug, Clone, Default)]
pub struct Trouble {
    machines: Arc<Mutex<BTreeMap<String, watch::Sender<Option<Said>>>>>,
}

/// What is said of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The cause.
    pub message: String,
    /// The hint that goes with it.
    pub hint: Option<String>,
    /// The class, if it ends the step.
    pub refusal: Option<Class>,
}

impl Trouble {
    /// What is said of this machine, now and from now on.
    pub fn of(&self, machine: &str) -> watch::Receiver<Option<Said>> {
        self.sender(machine).subscribe()
    }

    fn set(&self, machine: &str, said: Option<Said>) {
        self.sender(machine).send_if_modified(|now| {
            let changed = *now != said;
            *now = said;
            changed
        });
    }

    fn sender(&self, machine: &str) -> watch::Sender<Option<Said>> {
        let mut machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        machines.entry(machine.to_owned()).or_default().clone()
    }
}

/// What the controller works with.
#[derive(Clone)]
pub struct Machines {
    /// MachineRequests of the bootstrap cluster.
    pub api: Api<MachineRequest>,
    /// The platform.
    pub provider: Arc<dyn Provider>,
    /// Whose machines they are.
    pub owner: Owner,
    /// Which existing machine each of them takes, where the platform makes none.
    pub claims: Arc<BTreeMap<String, Claim>>,
    /// Where effects are recorded.
    pub journal: Journal,
    /// What is said of each machine.
    pub trouble: Trouble,
}

impl Machines {
    /// Reconciles until dropped: one task per MachineRequest that is not Running.
    pub async fn run(self, watched: Arc<Watched<MachineRequest>>) {
        let mut tasks: JoinSet<()> = JoinSet::new();
        let mut busy: BTreeSet<String> = BTreeSet::new();
        loop {
            let found = watched.until(|store, _| {
                let mut open: Vec<Arc<MachineRequest>> = store
                    .state()
                    .into_iter()
                    .filter(|m| wanted(m) && !busy.contains(&m.name_any()))
                    .collect();
                // Control planes first: they have a longer way to go.
                open.sort_by_key(|m| (m.spec.role.as_str() == Role::Worker.as_str(), m.name_any()));
                (!open.is_empty()).then_some(open)
            });
            tokio::select! {
                open = found => {
                    for request in open {
                        busy.insert(request.name_any());
                        let controller = self.clone();
                        tasks.spawn(async move { controller.reconcile(&request).await });
                    }
                }
                // Once Running it is no longer wanted; a refusal is final for this run, so the name stays busy.
                Some(_) = tasks.join_next() => {}
            }
        }
    }

    async fn reconcile(&self, request: &MachineRequest) {
        let name = request.name_any();
        let mut pause = FIRST_PAUSE;
        loop {
            match self.bring_up(request).await {
                Ok(()) => {
                    self.trouble.set(&name, None);
                    return;
                }
                Err(error) => {
                    let refusal = refusal(&error);
                    let said = Said {
                        message: chain(&error),
                        hint: error.hint.clone(),
                        refusal,
                    };
                    self.report_failure(&name, &said).await;
                    self.trouble.set(&name, Some(said));
                    if refusal.is_some() {
                        return;
                    }
                    let asked = match error.retry() {
                        Retry::After(wait) => wait,
                        _ => Duration::ZERO,
                    };
                    tokio::time::sleep(pause.max(asked)).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
            }
        }
    }

    async fn bring_up(&self, request: &MachineRequest) -> Result<(), InfraError> {
        let spec = self.spec(request);
        let machine = self.ensure(&spec).await?;
        let mut running = false;
        loop {
            let state = self.provider.machine_observe(&machine).await?;
            if let Lifecycle::Failed { reason } = &state.lifecycle {
                let kind = self.provider.info().kind;
                let failed = ErrorKind::TaskFailed;
                return Err(InfraError::new(kind, "create machine", failed, reason.clone()));
            }
            if let Some(address) = state.address().map(ToString::to_string) {
                let addresses: Vec<String> = state.addresses.iter().map(ToString::to_string).collect();
                self.status(&spec.name, &running_status(&machine.id, &address, &addresses))
                    .await;
                return Ok(());
            }
            if !running {
                running = true;
                self.status(
                    &spec.name,
                    &waiting_status(&machine, "WaitingForIP", "waiting for an address"),
                )
                .await;
            }
            let message = format!("the machine has no address yet ({})", state.raw_status);
            self.trouble.set(
                &spec.name,
                Some(Said {
                    message,
                    hint: None,
                    refusal: None,
                }),
            );
            tokio::time::sleep(state.poll_after).await;
        }
    }

    async fn ensure(&self, spec: &MachineSpec) -> Result<MachineRef, InfraError> {
        let mut handle = None;
        loop {
            match self.provider.machine_ensure(spec, handle.take()).await? {
                Progress::Done(machine) => {
                    self.record(spec, &machine).await?;
                    return Ok(machine);
                }
                Progress::Pending(Pending {
                    handle: next,
                    poll_after,
                    note,
                    hint,
                }) => {
                    self.trouble.set(
                        &spec.name,
                        Some(Said {
                            message: note,
                            hint,
                            refusal: None,
                        }),
                    );
                    handle = Some(next);
                    tokio::time::sleep(poll_after).await;
                }
            }
        }
    }

    /// The id is on disk before anything is built upon it.
    async fn record(&self, spec: &MachineSpec, machine: &MachineRef) -> Result<(), InfraError> {
        let entry = Entry::Effect {
            step: steps::machine::id(&spec.name),
            what: format!("machine {} exists", spec.name),
            facts: vec![Fact::ProviderId {
                machine: spec.name.clone(),
                id: machine.id.clone(),
            }],
        };
        self.journal.append(entry).await.map_err(|error| {
            let kind: ProviderKind = self.provider.info().kind;
            let mut failed = InfraError::new(kind, "record machine", ErrorKind::Cancelled, "journal");
            failed.source = Some(Box::new(error));
            failed
        })
    }

    fn spec(&self, request: &MachineRequest) -> MachineSpec {
        let spec = &request.spec;
        let role = if spec.role.as_str() == Role::Worker.as_str() {
            Role::Worker
        } else {
            Role::ControlPlane
        };
        let number = |n: i32| u32::try_from(n).unwrap_or_default();
        MachineSpec {
            owner: self.owner.clone(),
            name: spec.machine_name.clone(),
            role,
            generation: 1,
            cpu: number(spec.cpu),
            memory_mb: number(spec.memory_mb),
            disk_gb: number(spec.disk_gb),
            extra_disks: spec
                .extra_disks
                .iter()
                .map(|d| ExtraDisk {
                    size_gb: number(d.size_gb),
                    storage_class: d.storage_class.clone(),
                })
                .collect(),
            labels: spec.labels.clone(),
            claim: self.claims.get(&spec.machine_name).cloned(),
        }
    }

    async fn report_failure(&self, name: &str, said: &Said) {
        let mut status = json!({
            "conditions": [condition("Progressing", said.refusal.is_none(), "ProviderError", &said.message)],
        });
        if said.refusal.is_some() {
            status["phase"] = json!("Failed");
            status["failureReason"] = json!("ProviderError");
            status["failureMessage"] = json!(said.message);
        }
        self.status(name, &status).await;
    }

    /// Writes status, however long that takes: a step waits for it.
    async fn status(&self, name: &str, status: &Value) {
        let mut status = status.clone();
        status["lastUpdated"] = json!(seconds(Timestamp::now()));
        let patch = Patch::Merge(json!({"status": status}));
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let mut pause = FIRST_PAUSE;
        loop {
            match self.api.patch_status(name, &params, &patch).await {
                Ok(_) => return,
                Err(error) => tracing::warn!(machine = name, error = %chain(&error), "status not written"),
            }
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }
}

/// Writes what the journal knows of a machine into the status of its request.
pub(crate) async fn restore_status(
    api: &Api<MachineRequest>,
    name: &str,
    id: &str,
    address: &str,
) -> Result<(), kube::Error> {
    let mut status = running_status(id, address, &[address.to_owned()]);
    status["lastUpdated"] = json!(seconds(Timestamp::now()));
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(json!({"status": status}));
    api.patch_status(name, &params, &patch).await.map(|_| ())
}

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

fn wanted(request: &MachineRequest) -> bool {
    let phase = request
        .status
        .as_ref()
        .and_then(|s| s.phase.as_ref())
        .map_or("", |p| p.as_str());
    request.metadata.deletion_timestamp.is_none() && phase != "Running"
}

/// The class that ends a step, if the error is one that trying again cannot cure.
pub(crate) fn refusal(error: &InfraError) -> Option<Class> {
    if !matches!(error.retry(), Retry::Never) {
        return None;
    }
    Some(match &error.kind {
        ErrorKind::Unauthenticated | ErrorKind::Forbidden { .. } => Class::Permission,
        ErrorKind::Foreign => Class::Foreign,
        ErrorKind::Quota { .. } | ErrorKind::Capacity { .. } => Class::Capacity,
        ErrorKind::SpecDrift | ErrorKind::Invalid { .. } | ErrorKind::Unsupported => Class::Configuration,
        _ => Class::Fatal,
    })
}

fn running_status(id: &str, address: &str, addresses: &[String]) -> Value {
    json!({
        "phase": "Running",
        "providerID": id,
        "ipAddress": address,
        "ipAddresses": addresses,
        "conditions": [
            condition("Ready", true, "Running", "the machine has an address"),
            condition("Progressing", false, "Running", "nothing is left to do"),
        ],
    })
}

fn waiting_status(machine: &MachineRef, reason: &str, message: &str) -> Value {
    json!({
        "phase": "Creating",
        "providerID": machine.id,
        "conditions": [condition("Progressing", true, reason, message)],
    })
}

fn condition(kind: &str, met: bool, reason: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": if met { "True" } else { "False" }, "reason": reason, "message": message,
        "lastTransitionTime": seconds(Timestamp::now()),
    })
}

/// Kubernetes' own form of a time.
fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Waits until the MachineRequest says Running; returns platform id and address.
pub async fn running(
    watched: &Watched<MachineRequest>,
    trouble: &Trouble,
    name: &str,
    mut report: impl FnMut(Said),
) -> Result<(String, String), StepError> {
    let key = ObjectRef::<MachineRequest>::new(name).within(NAMESPACE);
    let mut said = trouble.of(name);
    loop {
        if let Some(now) = said.borrow_and_update().clone() {
            if let Some(class) = now.refusal {
                let mut error = StepError::new(class, now.message);
                error.hint = now.hint;
                return Err(error);
            }
            report(now);
        }
        let seen = watched.until_of(&key, |request, _| running_as(&*request?));
        tokio::select! {
            found = seen => return Ok(found),
            changed = said.changed() => {
                if changed.is_err() {
                    return Err(StepError::new(Class::Fatal, "the machine controller ended"));
                }
            }
        }
    }
}

/// Platform id and address of a machine that is Running.
pub(crate) fn running_as(request: &MachineRequest) -> Option<(String, String)> {
    let status = request.status.as_ref()?;
    let running = status.phase.as_ref().is_some_and(|phase| phase.as_str() == "Running");
    running.then(|| {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        (text(&status.provider_id), text(&status.ip_address))
    })
}
