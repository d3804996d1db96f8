//! Which node carries a new machine. Proxmox VE has no scheduler for that. Pure.

use butler_api::config::Role;

/// A node as far as it matters for a new machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) node: String,
    /// Memory in MiB that is neither used nor promised.
    pub(super) free_mb: i64,
    /// Machines of the same cluster that are on it or promised to it.
    pub(super) siblings: usize,
}

/// Chooses the node. Control planes are spread, whatever the memory: a node that fails should take one of them. Workers go
/// where memory is free. A node without room is taken only where none has room: the platform may know better, for memory
/// that machines hold and do not use is not free to us.
pub(super) fn choose(loads: &[Load], role: Role, memory_mb: u32) -> Option<&Load> {
    loads.iter().min_by_key(|load| {
        let full = load.free_mb < i64::from(memory_mb);
        let siblings = match role {
            Role::ControlPlane => load.siblings,
            Role::Worker => 0,
        };
        (full, siblings, -load.free_mb, load.siblings, &load.node)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(node: &str, free_mb: i64, siblings: usize) -> Load {
        Load {
            node: node.into(),
            free_mb,
            siblings,
        }
    }

    fn chosen(loads: &[Load], role: Role) -> &str {
        choose(loads, role, 4096).map_or("none", |load| &load.node)
    }

    #[test]
    fn control_planes_are_spread_and_workers_go_where_memory_is() {
        let loads = [load("a", 64_000, 1), load("b", 16_000, 0), load("c", 8_000, 0)];
        assert_eq!(chosen(&loads, Role::ControlPlane), "b");
        assert_eq!(chosen(&loads, Role::Worker), "a");
    }

    #[test]
    fn a_full_node_is_the_last_choice() {
        let loads = [load("a", 2_000, 0), load("b", 16_000, 3)];
        assert_eq!(chosen(&loads, Role::ControlPlane), "b");
        assert_eq!(chosen(&loads[..1], Role::ControlPlane), "a");
        assert_eq!(chosen(&[], Role::Worker), "none");
    }

    #[test]
    fn equals_are_taken_by_name() {
        let loads = [load("b", 8_000, 0), load("a", 8_000, 0)];
        assert_eq!(chosen(&loads, Role::Worker), "a");
    }
}
