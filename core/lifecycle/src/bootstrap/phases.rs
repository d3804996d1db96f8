//! The phases that people see, as written to `ClusterBootstrap.status.phase`.

use butler_engine::Phase;

const fn phase(order: u8, name: &'static str) -> Phase {
    Phase { order, name }
}

/// Machines are made and boot.
pub(crate) const PROVISIONING: Phase = phase(0, "ProvisioningMachines");
/// Machines get their Talos configurations.
pub(crate) const CONFIGURING: Phase = phase(1, "ConfiguringTalos");
/// etcd and the API server come up.
pub(crate) const BOOTSTRAPPING: Phase = phase(2, "BootstrappingCluster");
/// Addons are installed, each when its needs are proven.
pub(crate) const INSTALLING: Phase = phase(3, "InstallingAddons");
/// The record moves to the management cluster.
pub(crate) const PIVOTING: Phase = phase(4, "Pivoting");
/// The management cluster is ready.
pub(crate) const READY: Phase = phase(5, "Ready");
