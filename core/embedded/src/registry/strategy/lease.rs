//! The strategy of leases.

use super::{Strategy, Validation};
use crate::status::Cause;

pub(super) struct Lease;

impl Strategy for Lease {
    fn validate(&self, write: &Validation<'_>, causes: &mut Vec<Cause>) {
        let seconds = &write.object["spec"]["leaseDurationSeconds"];
        if seconds.as_i64().is_some_and(|n| n <= 0) {
            causes.push(Cause::invalid(
                "spec.leaseDurationSeconds",
                seconds,
                "must be greater than 0",
            ));
        }
    }

    fn allow_create_on_update(&self) -> bool {
        true
    }

    /// Whoever renews a lease must have seen who holds it.
    fn allow_unconditional_update(&self) -> bool {
        false
    }
}
