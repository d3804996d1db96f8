//! The phases that people see.

use butler_engine::Phase;

const fn phase(order: u8, name: &'static str) -> Phase {
    Phase { order, name }
}

/// Tenant clusters go first: their machines may be on other platforms.
pub(super) const TENANTS: Phase = phase(0, "DeletingTenants");
/// The machines are deleted.
pub(super) const MACHINES: Phase = phase(1, "DeletingMachines");
/// What was made beside the machines is deleted.
pub(super) const OBJECTS: Phase = phase(2, "DeletingObjects");
/// The platform is asked whether anything is left.
pub(super) const VERIFYING: Phase = phase(3, "Verifying");
/// What is left on this computer goes.
pub(super) const TIDYING: Phase = phase(4, "Tidying");
