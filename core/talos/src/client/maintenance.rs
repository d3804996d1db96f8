//! A node without configuration: who it is, what it has, and giving it its configuration.

use std::fmt;
use std::time::Duration;

use butler_talos_proto::machine::machine_service_client::MachineServiceClient;
use butler_talos_proto::storage::disk::DiskType;
use butler_talos_proto::storage::storage_service_client::StorageServiceClient;
use secrecy::SecretString;

use super::channel::{MAX_MESSAGE, Transport, open, within};
use super::error::{Call, Side, TalosError};
use super::hardware::{Hardware, clean, told};
use super::node::{AppliedConfig, apply};
use super::resources::{MachineStatus, Resources};
use super::tls::{ByFingerprint, Seen};
use super::{Address, Stage};

const READ: Duration = Duration::from_secs(5);

/// A connection to a node in maintenance mode.
#[derive(Clone)]
pub struct Maintenance {
    address: Address,
    seen: Seen,
    transport: Transport,
    resources: Resources,
}

/// A disk of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Path of the device, such as `/dev/sda`.
    pub device: String,
    /// Size in bytes.
    pub size: u64,
    /// Model, as the disk says it.
    pub model: String,
    /// Serial number, as the disk says it.
    pub serial: String,
    /// `ssd`, `hdd`, `nvme`, `sd`, `cd` or empty.
    pub kind: &'static str,
    /// Whether it cannot be written to.
    pub read_only: bool,
    /// Whether the system is on it.
    pub system: bool,
}

/// What a node in maintenance mode tells of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MaintenanceFacts {
    /// The Talos release it runs, such as `v1.12.0`.
    pub talos: Option<String>,
    /// The links and disks that the machine shows.
    pub hardware: Hardware,
}

impl fmt::Debug for Maintenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maintenance")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Maintenance {
    /// Connects to a node that waits for its configuration.
    ///
    /// Such a node has a throw-away certificate. With a fingerprint (of its console, or of an earlier contact) the
    /// connection is refused unless it is that node; without one the returned fingerprint is taken on trust, and
    /// whoever calls should say so.
    pub async fn connect(address: &Address, fingerprint: Option<&str>) -> Result<(Self, String), TalosError> {
        let seen = Seen::new(false);
        let verifier = ByFingerprint::new(fingerprint, seen.clone());
        let transport = open(address, std::sync::Arc::new(verifier), None, &seen).await?;
        let call = Call {
            address,
            action: "connect to the node in maintenance mode",
        };
        let Some(fingerprint) = seen.fingerprint().filter(|_| seen.is_maintenance()) else {
            let failure = call.failure("its certificate is that of a configured node");
            return Err(TalosError::WrongSide {
                side: Side::Configured,
                failure,
            });
        };
        let resources = Resources::new(transport.clone(), address.clone(), seen.clone());
        Ok((
            Self {
                address: address.clone(),
                seen,
                transport,
                resources,
            },
            fingerprint,
        ))
    }

    /// Gives the node its configuration; with `dry_run` it only says whether it would take it.
    ///
    /// After success the node leaves maintenance mode and drops this connection. Drop the connection too: a node
    /// waits up to five seconds for connections that are in use.
    pub async fn apply(&self, config: &SecretString, dry_run: bool) -> Result<AppliedConfig, TalosError> {
        let client = MachineServiceClient::new(self.transport.clone());
        apply(client, &self.address, &self.seen, config, dry_run).await
    }

    /// The disks of the node.
    pub async fn disks(&self) -> Result<Vec<Disk>, TalosError> {
        let call = Call {
            address: &self.address,
            action: "list the disks",
        };
        let mut client = StorageServiceClient::new(self.transport.clone()).max_decoding_message_size(MAX_MESSAGE);
        let reply = within(READ, call, &self.seen, client.disks(())).await?;
        Ok(reply
            .messages
            .into_iter()
            .flat_map(|message| message.disks)
            .map(Disk::from)
            .collect())
    }

    /// Links and disks of the node, asked at once.
    pub async fn hardware(&self) -> Result<Hardware, TalosError> {
        let (links, disks) = futures::join!(self.resources.links(READ), self.disks());
        Ok(Hardware {
            links: told(links)?,
            disks: told(disks)?,
        })
    }

    /// Everything that the node tells of itself before it is configured, asked at once.
    pub async fn facts(&self) -> Result<MaintenanceFacts, TalosError> {
        let (talos, hardware) = futures::join!(self.talos_version(), self.hardware());
        Ok(MaintenanceFacts {
            talos: told(talos)?,
            hardware: hardware?,
        })
    }

    /// State of the node as a whole.
    pub async fn machine_status(&self) -> Result<MachineStatus, TalosError> {
        self.resources.machine_status(READ).await
    }

    /// What the node is doing.
    pub async fn machine_stage(&self) -> Result<Stage, TalosError> {
        Ok(self.machine_status().await?.stage)
    }

    /// The Talos version of the node, such as `v1.12.0`.
    pub async fn talos_version(&self) -> Result<String, TalosError> {
        self.resources.talos_version(READ).await
    }
}

impl From<butler_talos_proto::storage::Disk> for Disk {
    fn from(disk: butler_talos_proto::storage::Disk) -> Self {
        let kind = match disk.r#type() {
            DiskType::Ssd => "ssd",
            DiskType::Hdd => "hdd",
            DiskType::Nvme => "nvme",
            DiskType::Sd => "sd",
            DiskType::Cd => "cd",
            DiskType::Unknown => "",
        };
        Self {
            device: clean(&disk.device_name),
            size: disk.size,
            model: clean(&disk.model),
            serial: clean(&disk.serial),
            kind,
            read_only: disk.readonly,
            system: disk.system_disk,
        }
    }
}
