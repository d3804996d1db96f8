//! The strategy of service accounts.

use serde_json::Value;

use super::Strategy;
use crate::text::copy_member;

pub(super) struct ServiceAccount;

impl Strategy for ServiceAccount {
    /// An update without secrets keeps those that there are.
    fn prepare_for_update(&self, old: &Value, new: &mut Value) {
        if new.get("secrets").is_none()
            && let Some(members) = new.as_object_mut()
        {
            copy_member(Some(old), members, "secrets");
        }
    }

    fn returns_deleted_object(&self) -> bool {
        true
    }
}
