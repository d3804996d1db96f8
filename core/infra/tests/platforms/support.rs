//! What tests of providers share.

use std::{collections::BTreeMap, time::Duration};

use butler_api::config::{ProviderKind, Role};
use butler_infra::{
    Addressing, ImageRef, InfraError, MachineRef, MachineSpec, OpHandle, Owner, Pending, Progress, Provider, Scope,
};
use uuid::Uuid;

pub(crate) fn owner(n: u128) -> Owner {
    Owner {
        cluster_id: Uuid::from_u128(n),
        cluster_name: format!("cluster-{n}"),
    }
}

pub(crate) fn spec(owner: &Owner, name: &str) -> MachineSpec {
    MachineSpec {
        owner: owner.clone(),
        name: name.into(),
        role: Role::ControlPlane,
        generation: 1,
        cpu: 2,
        memory_mb: 2048,
        disk_gb: 20,
        extra_disks: vec![],
        labels: BTreeMap::new(),
        claim: None,
        image: None,
        addressing: Addressing::Dhcp,
        user_data: None,
    }
}

pub(crate) fn image(id: &str) -> ImageRef {
    ImageRef {
        provider: ProviderKind::Proxmox,
        id: id.into(),
    }
}

/// How often a step is asked about before a test gives it up.
const LOOKS: usize = 600;

/// Makes a machine, as the engine does: again and again with the handle of the last answer.
pub(crate) async fn ensure(
    provider: &dyn Provider,
    spec: &MachineSpec,
    first: Option<OpHandle>,
) -> Result<MachineRef, InfraError> {
    let mut handle = first;
    for _ in 0..LOOKS {
        match provider.machine_ensure(spec, handle.take()).await? {
            Progress::Done(machine) => return Ok(machine),
            Progress::Pending(Pending {
                handle: next,
                poll_after,
                ..
            }) => {
                handle = Some(next);
                pause(poll_after).await;
            }
        }
    }
    panic!("{} is not made, last {handle:?}", spec.name);
}

/// Deletes a machine, as the engine does.
pub(crate) async fn delete(provider: &dyn Provider, owner: &Owner, machine: &MachineRef) -> Result<(), InfraError> {
    let mut handle = None;
    for _ in 0..LOOKS {
        match provider.machine_delete(owner, machine, handle.take()).await? {
            Progress::Done(()) => return Ok(()),
            Progress::Pending(Pending {
                handle: next,
                poll_after,
                ..
            }) => {
                handle = Some(next);
                pause(poll_after).await;
            }
        }
    }
    panic!("{} is not deleted, last {handle:?}", machine.name);
}

/// The platform says when to look again; a test looks sooner, for its platform is a fast one.
async fn pause(poll_after: Duration) {
    tokio::time::sleep(poll_after.min(Duration::from_millis(20))).await;
}

/// The names of the machines that a cluster has on the platform.
pub(crate) async fn names(provider: &dyn Provider, owner: &Owner) -> Vec<String> {
    let found = provider.inventory(Scope::Cluster(owner)).await.unwrap();
    assert_eq!(found.unknown, []);
    let machines = found.objects.iter().filter_map(butler_infra::OwnedObject::machine);
    let mut names: Vec<String> = machines.map(|machine| machine.name).collect();
    names.sort();
    names
}

/// An error with everything below it, as logs show it.
pub(crate) fn whole(error: &InfraError) -> String {
    format!("{error} {error:?}")
}

/// A clock that does not wait: a sleep passes at once.
pub(crate) fn patient() -> std::sync::Arc<dyn butler_infra::call::Clock> {
    std::sync::Arc::new(Patient(std::sync::Mutex::new(Duration::ZERO)))
}

struct Patient(std::sync::Mutex<Duration>);

impl butler_infra::call::Clock for Patient {
    fn sleep(&self, duration: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        *self.0.lock().unwrap() += duration;
        Box::pin(tokio::task::yield_now())
    }

    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn jitter(&self) -> f64 {
        1.0
    }
}
