//! The world's JSON, and what it means.

use std::{collections::BTreeMap, time::Duration};

use butler_api::config::{ExtraDisk, NodeAddress, ProviderKind, Role};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ErrorKind, Lifecycle, MachineRef, MachineSpec, MachineState, ObjectKind, OwnedObject, Owner};

/// Body of `POST /v1/machines`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateMachine<'a> {
    owner: &'a Owner,
    name: &'a str,
    role: Role,
    generation: u32,
    idempotency_key: Uuid,
    spec_hash: String,
    cpu: u32,
    #[serde(rename = "memoryMB")]
    memory_mb: u32,
    #[serde(rename = "diskGB")]
    disk_gb: u32,
    extra_disks: &'a [ExtraDisk],
    labels: &'a BTreeMap<String, String>,
}

impl<'a> CreateMachine<'a> {
    pub(super) fn new(spec: &'a MachineSpec) -> Self {
        Self {
            owner: &spec.owner,
            name: &spec.name,
            role: spec.role,
            generation: spec.generation,
            idempotency_key: spec.idempotency_key(ProviderKind::InMemory),
            spec_hash: spec.hash(),
            cpu: spec.cpu,
            memory_mb: spec.memory_mb,
            disk_gb: spec.disk_gb,
            extra_disks: &spec.extra_disks,
            labels: &spec.labels,
        }
    }
}

/// Answer of `GET /v1/machines`.
#[derive(Debug, Deserialize)]
pub(super) struct Machines {
    pub(super) machines: Vec<Machine>,
    /// How many more there is room for; worlds of earlier releases do not say it.
    #[serde(default)]
    pub(super) room: Option<usize>,
}

/// A machine of the world; one that nobody ordered has neither owner nor key nor hash.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Machine {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) owner: Option<Marker>,
    pub(super) generation: u32,
    #[serde(default)]
    pub(super) idempotency_key: Option<Uuid>,
    #[serde(default)]
    pub(super) spec_hash: Option<String>,
    pub(super) stage: String,
    /// It has no power.
    #[serde(default)]
    pub(super) off: bool,
    /// Address of the Talos API; empty as long as it has none.
    pub(super) address: String,
    #[serde(default)]
    pub(super) created: Option<Timestamp>,
}

/// Answer of `GET /v1/offers/KIND`.
#[derive(Debug, Deserialize)]
pub(super) struct Offers {
    pub(super) items: Vec<Offered>,
    /// More follow after this id.
    #[serde(default)]
    pub(super) after: Option<String>,
}

/// One thing that a configuration can name.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offered {
    pub(super) id: String,
    #[serde(default)]
    pub(super) parent: Option<String>,
    #[serde(default)]
    pub(super) cpus: Option<u64>,
    #[serde(default, rename = "memoryMB")]
    pub(super) memory_mb: Option<u64>,
    #[serde(default, rename = "freeMemoryMB")]
    pub(super) free_memory_mb: Option<u64>,
    #[serde(default, rename = "sizeGB")]
    pub(super) size_gb: Option<u64>,
    #[serde(default, rename = "freeGB")]
    pub(super) free_gb: Option<u64>,
    #[serde(default)]
    pub(super) cidr: Option<String>,
    #[serde(default)]
    pub(super) version: Option<String>,
    /// Why it cannot be used.
    #[serde(default)]
    pub(super) unusable: Option<String>,
}

/// The owner marker of a machine. Others may write what they like into theirs.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Marker {
    cluster_id: String,
    pub(super) cluster_name: String,
}

/// How often a machine in motion is looked at.
const POLL: Duration = Duration::from_millis(100);

impl Machine {
    pub(super) fn belongs_to(&self, owner: &Owner) -> bool {
        self.owner().is_some_and(|o| o.cluster_id == owner.cluster_id)
    }

    /// Which cluster it belongs to; none if its marker is not one of ours, whose ids are UUIDs.
    pub(super) fn owner(&self) -> Option<Owner> {
        let marker = self.owner.as_ref()?;
        Some(Owner {
            cluster_id: Uuid::parse_str(&marker.cluster_id).ok()?,
            cluster_name: marker.cluster_name.clone(),
        })
    }

    /// Whether this is what the given request made, or would have made.
    pub(super) fn is_answer_to(&self, request: &CreateMachine<'_>) -> bool {
        self.belongs_to(request.owner) && self.idempotency_key == Some(request.idempotency_key)
    }

    /// Whether the platform has carried the deletion out.
    pub(super) fn is_deleted(&self) -> bool {
        self.stage == "deleted"
    }

    /// Whether the platform has accepted the deletion.
    pub(super) fn is_being_deleted(&self) -> bool {
        self.stage == "deleting"
    }

    /// Whether this is the very creation that the reference means, not a later one under its id. A creation time that
    /// one side does not know tells nothing.
    pub(super) fn is_creation_of(&self, machine: &MachineRef) -> bool {
        let same_time = match (self.created, machine.created) {
            (Some(found), Some(meant)) => found == meant,
            _ => true,
        };
        same_time && self.generation == machine.generation
    }

    pub(super) fn state(self) -> MachineState {
        let address = NodeAddress::parse(&self.address);
        let lifecycle = match self.stage.as_str() {
            "deleting" => Lifecycle::Deleting,
            "failed" => Lifecycle::Failed {
                reason: "the machine failed".into(),
            },
            _ if address.is_none() => Lifecycle::Creating,
            _ if self.off => Lifecycle::Off,
            _ => Lifecycle::Running,
        };
        let raw_status = match lifecycle {
            Lifecycle::Off => format!("{}, powered off", self.stage),
            _ => self.stage,
        };
        MachineState {
            lifecycle,
            addresses: address.into_iter().collect(),
            raw_status,
            poll_after: POLL,
        }
    }

    /// As an object of the inventory; none if no cluster of ours owns it.
    pub(super) fn owned_object(self) -> Option<OwnedObject> {
        Some(OwnedObject {
            kind: ObjectKind::Machine,
            owner: self.owner()?,
            provider: ProviderKind::InMemory,
            id: self.id,
            name: self.name,
            generation: self.generation,
            created: self.created,
            raw_status: self.stage,
        })
    }
}

/// The state of a machine that the world does not know.
pub(super) fn absent() -> MachineState {
    MachineState {
        lifecycle: Lifecycle::Absent,
        addresses: vec![],
        raw_status: "not found".into(),
        poll_after: POLL,
    }
}

/// The body of an error answer.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Refusal {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) retry_after_seconds: Option<f64>,
}

impl Refusal {
    /// The delay asked for, if it is a sensible number.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after_seconds
            .and_then(|s| Duration::try_from_secs_f64(s).ok())
    }
}

/// What an error answer means.
pub(super) fn error_kind(status: u16, code: Option<&str>) -> ErrorKind {
    match (status, code) {
        (_, Some("Foreign")) => ErrorKind::Foreign,
        (_, Some("IdempotencyMismatch")) => ErrorKind::SpecDrift,
        // Its name and its key are free when it is gone.
        (_, Some("Deleting")) => ErrorKind::NotReady,
        (_, Some("AlreadyExists")) => ErrorKind::AlreadyExists,
        (507, _) => ErrorKind::Capacity {
            place: "the simulated world".into(),
        },
        (400 | 422, _) => ErrorKind::Invalid { fields: vec![] },
        (401, _) => ErrorKind::Unauthenticated,
        (403, _) => ErrorKind::Forbidden { missing: vec![] },
        (404, _) => ErrorKind::NotFound,
        (409, _) => ErrorKind::Conflict,
        (429, _) => ErrorKind::Throttled,
        (500..=599, _) => ErrorKind::Server,
        _ => ErrorKind::Protocol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_macros, reason = "as the world sends it")]
    fn machine(stage: &str, address: &str) -> Machine {
        serde_json::from_value(serde_json::json!({
            "id": "inmemory-1", "name": "demo-cp-0", "owner": null, "role": "control-plane", "generation": 1,
            "stage": stage, "address": address,
        }))
        .unwrap()
    }

    #[test]
    fn a_machine_without_address_is_still_being_made() {
        assert_eq!(machine("creating", "").state().lifecycle, Lifecycle::Creating);
        let booting = machine("booting", "127.64.0.7").state();
        assert_eq!(booting.lifecycle, Lifecycle::Running);
        assert_eq!(booting.address().unwrap().to_string(), "127.64.0.7");
        let off = Machine {
            off: true,
            ..machine("configured", "127.64.0.7")
        };
        let off = off.state();
        assert_eq!(
            (off.lifecycle, off.raw_status.as_str()),
            (Lifecycle::Off, "configured, powered off")
        );
    }

    #[test]
    fn a_later_machine_under_a_reused_id_is_another_one() {
        let meant = MachineRef {
            provider: ProviderKind::InMemory,
            id: "inmemory-1".into(),
            name: "demo-cp-0".into(),
            generation: 1,
            created: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        };
        let made = |created: &str| Machine {
            created: Some(created.parse().unwrap()),
            ..machine("running", "127.64.0.7")
        };
        assert!(made("2026-01-01T00:00:00Z").is_creation_of(&meant));
        assert!(!made("2026-01-01T00:00:01Z").is_creation_of(&meant));
        assert!(machine("running", "127.64.0.7").is_creation_of(&meant));
        let replaced = Machine {
            generation: 2,
            ..made("2026-01-01T00:00:00Z")
        };
        assert!(!replaced.is_creation_of(&meant));
    }

    #[test]
    fn a_machine_without_owner_is_nobodys() {
        let owner = Owner {
            cluster_id: Uuid::nil(),
            cluster_name: "demo".into(),
        };
        assert!(!machine("maintenance", "127.64.0.7").belongs_to(&owner));
    }

    /// One machine of somebody else must not make the whole list unreadable.
    #[test]
    fn a_marker_that_is_not_one_of_ours_is_no_owner() {
        let marked = |cluster_id: &str| Machine {
            owner: Some(Marker {
                cluster_id: cluster_id.into(),
                cluster_name: "demo".into(),
            }),
            ..machine("running", "127.64.0.7")
        };
        assert_eq!(marked("tenant-demo").owner(), None);
        assert!(marked("tenant-demo").owned_object().is_none());
        let ours = marked("00000000-0000-0000-0000-000000000007").owner().unwrap();
        assert_eq!(
            (ours.cluster_id, ours.cluster_name.as_str()),
            (Uuid::from_u128(7), "demo")
        );
    }

    #[test]
    fn conflicts_are_told_apart_by_their_code() {
        assert_eq!(error_kind(409, Some("Foreign")), ErrorKind::Foreign);
        assert_eq!(error_kind(409, Some("IdempotencyMismatch")), ErrorKind::SpecDrift);
        assert_eq!(error_kind(409, Some("AlreadyExists")), ErrorKind::AlreadyExists);
        assert_eq!(error_kind(409, Some("Deleting")), ErrorKind::NotReady);
        assert_eq!(error_kind(409, Some("other")), ErrorKind::Conflict);
        assert_eq!(error_kind(418, None), ErrorKind::Protocol);
    }

    #[test]
    fn a_nonsense_delay_is_ignored() {
        for seconds in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(
                Refusal {
                    retry_after_seconds: Some(seconds),
                    ..Refusal::default()
                }
                .retry_after(),
                None
            );
        }
    }
}
