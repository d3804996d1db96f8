//! The steps of a destroy, one file each.

pub(super) mod absence;
pub(super) mod bootstrap_cluster;
pub(super) mod files;
pub(super) mod machine;
pub(super) mod object;
pub(super) mod tenant;
