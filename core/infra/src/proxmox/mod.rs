//! Provider `proxmox`: machines of Proxmox VE, through the API of one of its nodes.
//!
//! A machine is a virtual machine whose description carries our marker; its id is the VMID. Every method sends a few
//! requests and never waits for a task: what the platform works on is `Pending` with the task's name (UPID).

mod addresses;
mod begun;
pub mod client;
mod cluster;
mod console;
mod decide;
mod delete;
mod discovery;
mod ensure;
mod form;
mod images;
mod inventory;
mod judge;
mod marker;
mod memory;
mod objects;
mod observe;
pub mod permissions;
mod placement;
mod preflight;
mod session;
mod storage;
mod survey;
pub mod task;
mod transfer;
mod vmid;
mod volume;
mod volumes;
mod wire;

use std::{sync::Arc, time::Duration};

use butler_api::config::{self, ProviderKind};
use futures::stream::BoxStream;
use jiff::Timestamp;

use self::{
    addresses::Addresses,
    begun::Earlier,
    client::{Call, Client},
    console::Consoles,
    memory::{Places, Promises},
    task::Outcome,
    volumes::Volumes,
};
use crate::{
    Capabilities, Check, Choice, Console, Discovery, ErrorKind, Fut, Images, InfraError, InfraPlan, Inventory,
    MachineRef, MachineSpec, MachineState, Objects, OpHandle, OpKind, Owner, Pending, Progress, Provider, ProviderInfo,
    Query, Scope, call::Clock,
};

const KIND: ProviderKind = ProviderKind::Proxmox;

static INFO: ProviderInfo = ProviderInfo {
    kind: KIND,
    display: "Proxmox VE",
    capabilities: Capabilities {
        creates_machines: true,
        // Each copies an image onto a storage that all of them share.
        max_parallel_creates: 6,
    },
};

/// How often a task is looked at, at first and at last.
const TASK_POLL: Duration = Duration::from_millis(250);
const LONGEST_TASK_POLL: Duration = Duration::from_secs(5);

/// The provider `proxmox`: one cluster of Proxmox VE.
pub struct Proxmox {
    client: Arc<Client>,
    settings: Arc<config::Proxmox>,
    volumes: Volumes,
    addresses: Addresses,
    consoles: Consoles,
    places: Places,
    promises: Promises,
    earlier: Earlier,
    /// When this process took up the work: tasks that began before may be those of an earlier run.
    begin: Timestamp,
}

impl Proxmox {
    /// A provider with these settings, whose secrets have been read. Nothing is sent yet.
    pub fn new(settings: &config::Proxmox, clock: Arc<dyn Clock>) -> Result<Self, InfraError> {
        let client = Arc::new(Client::new(settings, Arc::clone(&clock))?);
        let settings = Arc::new(settings.clone());
        Ok(Self {
            volumes: Volumes::new(Arc::clone(&client), Arc::clone(&settings), Arc::clone(&clock))?,
            addresses: Addresses::new(Arc::clone(&client), Arc::clone(&settings), Arc::clone(&clock)),
            consoles: Consoles::new(clock),
            client,
            settings,
            places: Places::default(),
            promises: Promises::default(),
            earlier: Earlier::default(),
            begin: Timestamp::now(),
        })
    }

    /// Looks at the task of an earlier call. One that failed is an error, except where it found its work done.
    async fn still_runs(&self, upid: &str, op: &'static str, resource: &str) -> Result<bool, InfraError> {
        match task::follow_once(&self.client, upid, op, resource).await? {
            Outcome::Running => Ok(true),
            // Whatever it was about is looked at next.
            Outcome::Ok | Outcome::Unknown => Ok(false),
            Outcome::Failed { text, log } => {
                let error = task::failure(&Call::new(op, resource, &[]), &text, &log);
                let done = matches!(error.kind, ErrorKind::AlreadyExists | ErrorKind::NotFound)
                    || text.contains("already running");
                if done { Ok(false) } else { Err(error) }
            }
        }
    }
}

impl Provider for Proxmox {
    fn info(&self) -> &ProviderInfo {
        &INFO
    }

    fn preflight<'a>(&'a self, plan: &'a InfraPlan) -> Fut<'a, Vec<Check>> {
        Box::pin(async { Ok(preflight::preflight(&self.client, &self.settings, plan).await) })
    }

    fn machine_ensure<'a>(
        &'a self,
        spec: &'a MachineSpec,
        previous: Option<OpHandle>,
    ) -> Fut<'a, Progress<MachineRef>> {
        Box::pin(self.ensure(spec, previous))
    }

    fn machine_observe<'a>(&'a self, machine: &'a MachineRef) -> Fut<'a, MachineState> {
        Box::pin(self.observe(machine))
    }

    fn machine_delete<'a>(
        &'a self,
        owner: &'a Owner,
        machine: &'a MachineRef,
        previous: Option<OpHandle>,
    ) -> Fut<'a, Progress<()>> {
        Box::pin(self.delete(owner, machine, previous))
    }

    fn inventory<'a>(&'a self, scope: Scope<'a>) -> Fut<'a, Inventory> {
        Box::pin(self.list(scope))
    }

    fn discovery(&self) -> Option<&dyn Discovery> {
        Some(self)
    }

    fn images(&self) -> Option<&dyn Images> {
        Some(&self.volumes)
    }

    fn objects(&self) -> Option<&dyn Objects> {
        Some(&self.volumes)
    }

    fn console(&self) -> Option<&dyn Console> {
        Some(self)
    }
}

impl Discovery for Proxmox {
    fn discover(&self, query: Query) -> BoxStream<'_, Result<Choice, InfraError>> {
        discovery::discover(&self.client, &self.settings, query)
    }
}

/// A step that the platform works on: looked at less often the longer it takes.
fn pending<T>(kind: OpKind, id: String, since: Timestamp, note: String, hint: Option<String>) -> Progress<T> {
    let handle = OpHandle {
        kind,
        provider: KIND,
        id,
        started: since,
    };
    let poll_after = (handle.age(Timestamp::now()) / 20).clamp(TASK_POLL, LONGEST_TASK_POLL);
    Progress::Pending(Pending {
        handle,
        poll_after,
        note,
        hint,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use butler_api::config::{ConfigDelivery, HttpUrl, Role, SecretSource};
    use uuid::Uuid;

    use super::*;
    use crate::{Addressing, ImageRef};

    pub(super) fn spec() -> MachineSpec {
        MachineSpec {
            owner: Owner {
                cluster_id: Uuid::from_u128(7),
                cluster_name: "demo".into(),
            },
            name: "demo-cp-0".into(),
            role: Role::ControlPlane,
            generation: 1,
            cpu: 2,
            memory_mb: 4096,
            disk_gb: 40,
            extra_disks: vec![],
            labels: BTreeMap::new(),
            claim: None,
            image: Some(ImageRef {
                provider: KIND,
                id: "local:import/talos.qcow2".into(),
            }),
            addressing: Addressing::Dhcp,
            user_data: None,
        }
    }

    pub(super) fn settings() -> config::Proxmox {
        config::Proxmox {
            endpoint: HttpUrl::parse("https://127.0.0.1:8006").unwrap(),
            nodes: vec![],
            insecure: false,
            username: Some(SecretSource::Clear("root@pam!butler".into())),
            password: Some(SecretSource::Clear("secret".into())),
            ca: None,
            fingerprint: None,
            storage: "local-lvm".into(),
            image_storage: None,
            bridge: "vmbr0".into(),
            vlan: None,
            pool: None,
            config_delivery: ConfigDelivery::Maintenance,
            template_id: None,
            vmid_range: None,
            host_aliases: vec![],
        }
    }
}
