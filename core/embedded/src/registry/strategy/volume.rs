//! The strategies of volumes, claims and storage classes.

use serde_json::{Value, json};

use super::Strategy;
use super::defaults::fill;
use crate::kinds::Resource;
use crate::limits::Excess;

pub(super) struct Claim;

impl Strategy for Claim {
    fn set_defaults(&self, _: &Resource, object: &mut Value) -> Result<(), Excess> {
        fill(
            object,
            json!({"spec": {"volumeMode": "Filesystem"}, "status": {"phase": "Pending"}}),
        );
        Ok(())
    }

    fn returns_deleted_object(&self) -> bool {
        true
    }
}

pub(super) struct Volume;

impl Strategy for Volume {
    fn set_defaults(&self, _: &Resource, object: &mut Value) -> Result<(), Excess> {
        fill(
            object,
            json!({
                "spec": {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"},
                "status": {"phase": "Pending"},
            }),
        );
        Ok(())
    }

    fn returns_deleted_object(&self) -> bool {
        true
    }
}

pub(super) struct StorageClass;

impl Strategy for StorageClass {
    fn set_defaults(&self, _: &Resource, object: &mut Value) -> Result<(), Excess> {
        fill(
            object,
            json!({"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}),
        );
        Ok(())
    }
}
