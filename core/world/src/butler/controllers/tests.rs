//! The frame of the controllers; each kind has its tests beside it.

use serde_json::json;

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
