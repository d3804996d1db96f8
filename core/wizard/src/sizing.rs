//! What the machines take together, against what the platform has.

/// Totals of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Machines.
    pub machines: u64,
    /// Virtual processors.
    pub cpu: u64,
    /// Memory, in MiB.
    pub memory_mb: u64,
    /// Disks, in GiB.
    pub disk_gb: u64,
}

/// What the nodes of the platform have, as far as they tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Room {
    /// Processors of all nodes; none where unknown.
    pub cpu: Option<u64>,
    /// Memory that is free on all nodes, in MiB.
    pub free_memory_mb: Option<u64>,
    /// What is free on the storage that was chosen, in GiB.
    pub free_disk_gb: Option<u64>,
    /// Name and free memory in MiB of the node that has most of it.
    pub largest: Option<(String, u64)>,
    /// Whether the machines still fit when the largest node is lost; none where unknown.
    pub survives_loss: Option<bool>,
}
