//! Whether the configurations of all machines can be made, before anything is.

use butler_api::config::BootstrapConfig;
use butler_talos::{config as machine_config, config::ConfigError};

use crate::steps::{cluster_spec, node_spec};

/// Stands for the endpoint where that is an address which only the platform knows.
const SOME_HOST: &str = "192.0.2.1";

/// Makes the configuration of every machine without the cluster's secrets: patches that do not fit and certificates that
/// are none are found here.
pub fn check(config: &BootstrapConfig) -> Result<(), ConfigError> {
    let host = config.network.vip.as_ref().map(ToString::to_string);
    let cluster = cluster_spec(config, host.as_deref().unwrap_or(SOME_HOST));
    for (name, role) in config.machine_names() {
        machine_config::check(&cluster, &node_spec(config, &name, role))?;
    }
    Ok(())
}
