//! Reconciles MachineRequests with a [`Provider`]: creates what is missing, reports id, address and trouble in status.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use butler_api::{
    backoff::Backoff,
    conditions::{self, Observation, reasons, types},
    config::{ExtraDisk, ProviderKind, Role},
    error::{Class, StepError},
    event::{CauseLine, Layer},
    v1alpha1::{
        MachineRequest,
        machine_request::{MachinePhase, MachineRequestStatus},
    },
};
use butler_engine::{StepId, journal::JournalError};
use butler_infra::{
    Claim, ErrorKind, ImageRef, InfraError, Lifecycle, MachineRef, MachineSpec, OpHandle, Owner, Pending, Progress,
    Provider, ProviderInfo, Retry,
};
use butler_kubernetes::{Watched, chain, merge_status};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{Api, Resource, ResourceExt as _, runtime::reflector::ObjectRef};
use serde::de::DeserializeOwned;
use tokio::{sync::watch, task::JoinSet};

use crate::bootstrap::{Entry, Fact, Journal, first_boot::FirstBoot, record::NAMESPACE, steps};

/// What the controller last saw of each machine: the cause that a waiting step shows, or the error that ends it.
#[derive(Debug, Clone, Default)]
pub struct Trouble {
    machines: Arc<Mutex<BTreeMap<String, watch::Sender<Option<Said>>>>>,
}

/// What people are told about a machine that is not there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What goes wrong, or what is waited for, as a sentence.
    pub message: String,
    /// The hint that goes with it.
    pub hint: Option<String>,
    /// The class, if it ends the step.
    pub refusal: Option<Class>,
    /// Whether nothing was heard of the platform.
    pub unheard: bool,
}

impl Said {
    /// What the platform said of a machine while nothing failed.
    pub(super) fn of_platform(message: String, hint: Option<String>) -> Self {
        Self {
            message,
            hint,
            refusal: None,
            unheard: false,
        }
    }

    /// What an error of the platform says.
    pub(super) fn of_error(error: &InfraError) -> Self {
        Self {
            message: chain(error),
            hint: error.hint.clone(),
            refusal: refusal(error),
            unheard: matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Timeout { .. }),
        }
    }

    /// As a cause: of the platform, of the way to it, or of the machine itself where machines are only claimed.
    pub fn line(&self, machine: &str, platform: &ProviderInfo) -> CauseLine {
        let (layer, object, source) = if !platform.capabilities.creates_machines {
            (Layer::Talos, machine, "")
        } else if self.unheard {
            (Layer::Network, platform.display, "")
        } else {
            (Layer::Platform, machine, platform.display)
        };
        CauseLine {
            layer,
            object: object.to_owned(),
            text: self.message.clone(),
            source: source.to_owned(),
            age_seconds: None,
        }
    }
}

impl Trouble {
    /// What people are told about this machine, as it changes.
    pub fn of(&self, machine: &str) -> watch::Receiver<Option<Said>> {
        self.sender(machine).subscribe()
    }

    pub(super) fn set(&self, machine: &str, said: Option<Said>) {
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
    /// The platform that makes the machines.
    pub provider: Arc<dyn Provider>,
    /// Whose machines they are.
    pub owner: Owner,
    /// What they are told at their first boot.
    pub first_boot: Arc<FirstBoot>,
    /// Which existing machine each of them takes, where the platform makes none.
    pub claims: Arc<BTreeMap<String, Claim>>,
    /// Where effects are recorded.
    pub journal: Journal,
    /// What people are told about each machine.
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
                open.sort_by_key(|m| (m.spec.role.known() == Some(Role::Worker), m.name_any()));
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
        #[expect(
            clippy::disallowed_methods,
            reason = "nobody else writes it: what this task wrote last is what is there, and before the first time nothing"
        )]
        let mut status = request.status.clone().unwrap_or_default();
        let mut failures = 0;
        loop {
            match self.bring_up(request, &mut status).await {
                Ok(()) => {
                    self.trouble.set(&name, None);
                    return;
                }
                Err(error) => {
                    let said = Said::of_error(&error);
                    let refused = said.refusal.is_some();
                    self.report_failure(&name, &mut status, &said).await;
                    self.trouble.set(&name, Some(said));
                    if refused {
                        return;
                    }
                    failures += 1;
                    tokio::time::sleep(pause(failures, &error)).await;
                }
            }
        }
    }

    async fn bring_up(&self, request: &MachineRequest, status: &mut MachineRequestStatus) -> Result<(), InfraError> {
        let spec = self.spec(request)?;
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
                is_running(status, &machine.id, &address, addresses);
                self.write_status(&spec.name, status).await;
                return Ok(());
            }
            if !running {
                running = true;
                waits_for_address(status, &machine);
                self.write_status(&spec.name, status).await;
            }
            let message = format!("the machine has no address yet ({})", state.raw_status);
            self.trouble.set(&spec.name, Some(Said::of_platform(message, None)));
            tokio::time::sleep(state.poll_after).await;
        }
    }

    async fn ensure(&self, spec: &MachineSpec) -> Result<MachineRef, InfraError> {
        let step = || steps::machine::id(&spec.name);
        let mut handle = self.journal.known().memory.operations.get(&spec.name).cloned();
        loop {
            let asked = self.provider.machine_ensure(spec, handle.take()).await;
            if let Err(error) = &asked {
                given_up(&self.journal, step(), &spec.name, error).await?;
            }
            match asked? {
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
                    // Where machines are only found there is nothing to follow.
                    if self.provider.info().capabilities.creates_machines {
                        follow(&self.journal, step(), &spec.name, &next).await?;
                    }
                    self.trouble.set(&spec.name, Some(Said::of_platform(note, hint)));
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
        let kind = self.provider.info().kind;
        self.journal.append(entry).await.map_err(|e| not_recorded(kind, e))
    }

    fn spec(&self, request: &MachineRequest) -> Result<MachineSpec, InfraError> {
        let spec = &request.spec;
        let invalid = |field: &str, value: &str, complaint: &str| {
            let message = format!("spec.{field} of the MachineRequest is {value}: it {complaint}");
            let fields = vec![(format!("spec.{field}"), complaint.to_owned())];
            let kind = ErrorKind::Invalid { fields };
            InfraError::new(self.provider.info().kind, "create machine", kind, message)
                .about(&spec.machine_name)
                .hint("delete the MachineRequest and run the same command again: it is made anew")
        };
        let role = spec.role.known();
        let role = role.ok_or_else(|| invalid("role", spec.role.as_str(), "must be control-plane or worker"))?;
        let number =
            |field: &str, n: i32| u32::try_from(n).map_err(|_| invalid(field, &n.to_string(), "must not be negative"));
        Ok(MachineSpec {
            owner: self.owner.clone(),
            name: spec.machine_name.clone(),
            role,
            generation: 1,
            cpu: number("cpu", spec.cpu)?,
            memory_mb: number("memoryMB", spec.memory_mb)?,
            disk_gb: number("diskGB", spec.disk_gb)?,
            extra_disks: spec
                .extra_disks
                .iter()
                .map(|d| {
                    Ok(ExtraDisk {
                        size_gb: number("extraDisks.sizeGB", d.size_gb)?,
                        storage_class: d.storage_class.clone(),
                    })
                })
                .collect::<Result<_, InfraError>>()?,
            labels: spec.labels.clone(),
            claim: self.claims.get(&spec.machine_name).cloned(),
            image: spec.image.clone().map(|id| ImageRef {
                provider: self.provider.info().kind,
                id,
            }),
            addressing: self.first_boot.addressing(&spec.machine_name),
            user_data: self.first_boot.user_data(&spec.machine_name, role)?,
        })
    }

    async fn report_failure(&self, name: &str, status: &mut MachineRequestStatus, said: &Said) {
        let goes_on = said.refusal.is_none();
        observe(
            status,
            types::PROGRESSING,
            goes_on,
            reasons::PROVIDER_ERROR,
            &said.message,
        );
        if !goes_on {
            status.phase = Some(MachinePhase::Failed);
            status.failure_reason = Some(reasons::PROVIDER_ERROR.to_owned());
            status.failure_message = Some(said.message.clone());
        }
        self.write_status(name, status).await;
    }

    /// Writes status, however long that takes: a step waits for it.
    async fn write_status(&self, name: &str, status: &mut MachineRequestStatus) {
        status.last_updated = Some(Time(Timestamp::now()));
        let mut failures = 0;
        loop {
            match merge_status(&self.api, name, status).await {
                Ok(_) => return,
                Err(error) => tracing::warn!(machine = name, error = %chain(&error), "status not written"),
            }
            failures += 1;
            tokio::time::sleep(PAUSES.pause(failures)).await;
        }
    }
}

/// Notes what the platform works on, unless that is noted already, so that a later run follows it.
pub(super) async fn follow(journal: &Journal, step: StepId, object: &str, handle: &OpHandle) -> Result<(), InfraError> {
    if journal.known().memory.operations.get(object) == Some(handle) {
        return Ok(());
    }
    let entry = Entry::Effect {
        step,
        what: format!("the platform works on {object}"),
        facts: vec![Fact::Operation {
            object: object.to_owned(),
            handle: Some(handle.clone()),
        }],
    };
    journal
        .append(entry)
        .await
        .map_err(|e| not_recorded(handle.provider, e))
}

/// Notes that nothing is to be followed any more, where an error is final.
pub(super) async fn given_up(
    journal: &Journal,
    step: StepId,
    object: &str,
    error: &InfraError,
) -> Result<(), InfraError> {
    let followed = journal.known().memory.operations.contains_key(object);
    if !followed || !matches!(error.retry(), Retry::Never) {
        return Ok(());
    }
    let entry = Entry::Effect {
        step,
        what: format!("the platform has failed with {object}"),
        facts: vec![Fact::Operation {
            object: object.to_owned(),
            handle: None,
        }],
    };
    journal.append(entry).await.map_err(|e| not_recorded(error.provider, e))
}

/// The journal could not be written: nothing may be built upon what it should have said.
pub(super) fn not_recorded(kind: ProviderKind, error: JournalError) -> InfraError {
    InfraError::new(kind, "record what was made", ErrorKind::Cancelled, "journal").because(error)
}

/// Writes what the journal knows of a machine into the status of its request, which said this much before.
pub(crate) async fn restore_status(
    api: &Api<MachineRequest>,
    name: &str,
    before: Option<MachineRequestStatus>,
    (id, address): (&str, &str),
) -> Result<(), kube::Error> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a request that was only just written has no status yet"
    )]
    let mut status = before.unwrap_or_default();
    is_running(&mut status, id, address, vec![address.to_owned()]);
    status.last_updated = Some(Time(Timestamp::now()));
    merge_status(api, name, &status).await.map(drop)
}

/// How long to leave the platform alone after an error.
pub(crate) fn pause(failures: u32, error: &InfraError) -> Duration {
    let asked = match error.retry() {
        Retry::After(wait) => wait,
        _ => Duration::ZERO,
    };
    PAUSES.pause(failures).max(asked)
}

/// Pauses after what the provider or the API server refused for the moment.
pub(super) const PAUSES: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

fn wanted(request: &MachineRequest) -> bool {
    request.metadata.deletion_timestamp.is_none() && running_as(request).is_none()
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

fn is_running(status: &mut MachineRequestStatus, id: &str, address: &str, addresses: Vec<String>) {
    status.phase = Some(MachinePhase::Running);
    status.provider_id = Some(id.to_owned());
    status.ip_address = Some(address.to_owned());
    status.ip_addresses = addresses;
    observe(
        status,
        types::READY,
        true,
        reasons::RUNNING,
        "the machine has an address",
    );
    observe(
        status,
        types::PROGRESSING,
        false,
        reasons::RUNNING,
        "nothing is left to do",
    );
}

fn waits_for_address(status: &mut MachineRequestStatus, machine: &MachineRef) {
    status.phase = Some(MachinePhase::Creating);
    status.provider_id = Some(machine.id.clone());
    let message = "waiting for an address";
    observe(status, types::PROGRESSING, true, reasons::WAITING_FOR_IP, message);
}

fn observe(status: &mut MachineRequestStatus, kind: &str, met: bool, reason: &str, message: &str) {
    note(&mut status.conditions, kind, met, reason, message);
}

/// Notes a condition; its transition time moves only with its status.
pub(super) fn note(conditions: &mut Vec<Condition>, kind: &str, met: bool, reason: &str, message: &str) {
    let observation = Observation {
        kind,
        status: met.into(),
        reason,
        message,
        generation: None,
    };
    conditions::set(conditions, &observation, Timestamp::now());
}

/// Waits until the MachineRequest says Running; returns platform id and address.
pub async fn running(
    watched: &Watched<MachineRequest>,
    trouble: &Trouble,
    name: &str,
    report: impl FnMut(Said),
) -> Result<(String, String), StepError> {
    until_told(watched, trouble, name, running_as, report).await
}

/// Waits until an object says what is asked, and meanwhile tells what its controller says of it; a refusal ends the wait.
pub(super) async fn until_told<K, T>(
    watched: &Watched<K>,
    trouble: &Trouble,
    name: &str,
    found: impl Fn(&K) -> Option<T>,
    mut report: impl FnMut(Said),
) -> Result<T, StepError>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + fmt::Debug + Send + Sync + 'static,
{
    let key = ObjectRef::<K>::new(name).within(NAMESPACE);
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
        let seen = watched.until_of(&key, |object, _| found(&*object?));
        tokio::select! {
            found = seen => return Ok(found),
            changed = said.changed() => {
                if changed.is_err() {
                    return Err(StepError::new(Class::Fatal, format!("the controller of {name} ended")));
                }
            }
        }
    }
}

/// Platform id and address of a machine that is Running. Without both it is not Running yet, whatever its phase says.
pub(crate) fn running_as(request: &MachineRequest) -> Option<(String, String)> {
    let status = request.status.as_ref()?;
    let known = |value: &Option<String>| value.clone().filter(|text| !text.is_empty());
    (status.phase == Some(MachinePhase::Running)).then_some(())?;
    Some((known(&status.provider_id)?, known(&status.ip_address)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What says Running without saying what runs is brought up again instead of being built upon.
    #[test]
    fn a_machine_is_running_only_with_its_id_and_its_address() {
        let request = |status: serde_json::Value| -> MachineRequest {
            let spec = serde_json::json!({
                "machineName": "a", "role": "worker", "providerRef": {"name": "p"}, "cpu": 2, "memoryMB": 4096, "diskGB": 40,
            });
            serde_json::from_value(serde_json::json!({"metadata": {"name": "a"}, "spec": spec, "status": status}))
                .unwrap()
        };
        let whole = request(serde_json::json!({"phase": "Running", "providerID": "7", "ipAddress": "192.0.2.1"}));
        assert_eq!(running_as(&whole), Some(("7".to_owned(), "192.0.2.1".to_owned())));
        assert!(!wanted(&whole));
        for status in [
            serde_json::json!({"phase": "Running"}),
            serde_json::json!({"phase": "Running", "providerID": "7", "ipAddress": ""}),
            serde_json::json!({"phase": "Running", "ipAddress": "192.0.2.1"}),
            serde_json::json!({"phase": "Creating", "providerID": "7", "ipAddress": "192.0.2.1"}),
        ] {
            let request = request(status);
            assert_eq!(running_as(&request), None, "{:?}", request.status);
            assert!(wanted(&request));
        }
    }

    #[test]
    fn the_transition_time_of_a_condition_moves_only_with_its_status() {
        let mut status = MachineRequestStatus::default();
        observe(
            &mut status,
            types::PROGRESSING,
            true,
            reasons::PROVIDER_ERROR,
            "refused",
        );
        let since = status.conditions[0].last_transition_time.clone();
        observe(
            &mut status,
            types::PROGRESSING,
            true,
            reasons::PROVIDER_ERROR,
            "refused again",
        );
        assert_eq!(status.conditions[0].last_transition_time, since);
        assert_eq!(status.conditions[0].message, "refused again");
        is_running(&mut status, "vm-1", "192.0.2.1", vec!["192.0.2.1".to_owned()]);
        let progressing = conditions::find(&status.conditions, types::PROGRESSING);
        assert!(progressing.is_some_and(|now| now.last_transition_time != since));
        assert!(conditions::is_true(&status.conditions, types::READY));
    }
}
