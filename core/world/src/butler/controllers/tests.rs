//! The frame of the controllers, and what the tests of all kinds stand on; each kind has its tests beside it.

mod bench;
mod served;

use serde_json::json;

pub(super) use self::bench::{Bench, ends_the_same_wherever_it_is_cut_off};
pub(super) use self::served::{Served, phase};
use super::*;

#[test]
fn an_owner_is_found_by_its_kind() {
    let object = json!({"metadata": {"namespace": "n", "name": "m", "ownerReferences": [
        {"kind": "Other", "name": "x"}, {"kind": "MachineDeployment", "name": "d"},
    ]}});
    let found = owner(Kind::MachineDeployment, &object);
    assert_eq!(found, Some(Key::new(Kind::MachineDeployment, "n", "d")));
    assert_eq!(owner(Kind::TenantCluster, &object), None);
}

#[test]
fn every_kind_is_found_at_its_path() {
    for kind in FOLLOWED {
        assert_eq!(Kind::at_path(kind.resource().path), Some(*kind));
    }
}
