//! The world's JSON, and what it means.

use std::{collections::BTreeMap, time::Duration};

use butler_api::config::{ExtraDisk, ProviderKind, Role};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Addr, AddrSource, Class, Lifecycle, MachineSpec, MachineState, ObjectKind, OwnedObject, Owner};

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
}

/// A machine of the world.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Machine {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) owner: Option<Owner>,
    #[serde(default)]
    pub(super) generation: u32,
    #[serde(default)]
    pub(super) idempotency_key: Option<Uuid>,
    #[serde(default)]
    pub(super) spec_hash: Option<String>,
    pub(super) stage: String,
    #[serde(default)]
    pub(super) address: String,
    #[serde(default)]
    pub(super) fingerprint: Option<String>,
    #[serde(default)]
    pub(super) boot_time: Option<Timestamp>,
    #[serde(default)]
    pub(super) created_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) provider_id: Option<String>,
}

/// How often a machine in motion is looked at.
const POLL: Duration = Duration::from_millis(100);

impl Machine {
    pub(super) fn belongs_to(&self, owner: &Owner) -> bool {
        self.owner.as_ref().is_some_and(|o| o.cluster_id == owner.cluster_id)
    }

    /// Whether this is what the given request made, or would have made.
    pub(super) fn is_answer_to(&self, request: &CreateMachine<'_>) -> bool {
        self.belongs_to(request.owner) && self.idempotency_key == Some(request.idempotency_key)
    }

    pub(super) fn state(self) -> MachineState {
        let address = Addr::parse(&self.address, AddrSource::Reported);
        let lifecycle = match self.stage.as_str() {
            "deleted" => Lifecycle::Absent,
            "deleting" => Lifecycle::Deleting,
            "failed" => Lifecycle::Failed {
                reason: "the machine failed".into(),
            },
            _ if address.is_none() => Lifecycle::Creating,
            _ => Lifecycle::Running,
        };
        MachineState {
            lifecycle,
            addresses: address.into_iter().collect(),
            provider_id: self.provider_id,
            fingerprint: self.fingerprint,
            boot_time: self.boot_time,
            raw_status: self.stage,
            poll_after: POLL,
        }
    }

    pub(super) fn owned_object(self) -> OwnedObject {
        OwnedObject {
            kind: ObjectKind::Machine,
            id: self.id,
            name: self.name,
            generation: self.generation,
            raw_status: self.stage,
            created: self.created_at,
        }
    }
}

/// The state of a machine that the world does not know.
pub(super) fn absent() -> MachineState {
    MachineState {
        lifecycle: Lifecycle::Absent,
        addresses: vec![],
        provider_id: None,
        fingerprint: None,
        boot_time: None,
        raw_status: "not found".into(),
        poll_after: POLL,
    }
}

/// An error answer.
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
pub(super) fn class(status: u16, code: &str) -> Class {
    match (status, code) {
        (_, "Foreign") => Class::Foreign,
        (_, "IdempotencyMismatch") => Class::SpecDrift,
        (_, "AlreadyExists") => Class::AlreadyExists,
        (507, _) => Class::Capacity {
            place: "the simulated world".into(),
        },
        (400 | 422, _) => Class::Invalid { fields: vec![] },
        (401, _) => Class::Unauthenticated,
        (403, _) => Class::Forbidden { missing: vec![] },
        (404, _) => Class::NotFound,
        (409, _) => Class::Conflict,
        (429, _) => Class::Throttled,
        (500..=599, _) => Class::Server,
        _ => Class::Protocol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }

    #[test]
    fn tombstones_are_absent() {
        assert_eq!(machine("deleted", "127.64.0.7").state().lifecycle, Lifecycle::Absent);
    }

    #[test]
    fn a_machine_without_owner_is_nobodys() {
        let owner = Owner {
            cluster_id: Uuid::nil(),
            cluster_name: "demo".into(),
        };
        assert!(!machine("maintenance", "127.64.0.7").belongs_to(&owner));
    }

    #[test]
    fn conflicts_are_told_apart_by_their_code() {
        assert_eq!(class(409, "Foreign"), Class::Foreign);
        assert_eq!(class(409, "IdempotencyMismatch"), Class::SpecDrift);
        assert_eq!(class(409, "AlreadyExists"), Class::AlreadyExists);
        assert_eq!(class(409, "other"), Class::Conflict);
        assert_eq!(class(418, ""), Class::Protocol);
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
