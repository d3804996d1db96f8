//! From a validated configuration to a provider.

use std::sync::Arc;

use butler_api::config::{self, BootstrapConfig};
use butler_talos::client::Credentials;
use secrecy::SecretString;

use crate::{Class, InfraError, Provider, call::RealPace, inmemory::InMemory, static_machines::StaticMachines};

/// What a provider needs beside the configuration. Filled by the caller, which reads environment and state.
#[derive(Debug, Default)]
pub struct ConnectEnv {
    /// Where the simulated world listens, for `inmemory`.
    pub world: Option<World>,
    /// Talos credentials of the cluster, where an earlier run made them: how `static` recognises machines of ours.
    pub credentials: Option<Credentials>,
}

/// The control API of the simulated world.
#[derive(Debug, Clone)]
pub struct World {
    /// Base URL, for example `http://127.0.0.1:4000`.
    pub control: String,
    /// Bearer token.
    pub token: SecretString,
}

/// Makes the provider that the configuration names. Nothing is sent yet.
pub fn connect(config: &BootstrapConfig, env: &ConnectEnv) -> Result<Arc<dyn Provider>, InfraError> {
    let kind = config.provider_kind();
    match &config.provider {
        config::Provider::InMemory(_) => {
            let world = env.world.as_ref().ok_or_else(|| {
                InfraError::new(
                    kind,
                    "connect",
                    Class::Unreachable,
                    "the simulated world is not running",
                )
                .hint("butleradm inmemory up")
            })?;
            Ok(Arc::new(InMemory::new(world, RealPace::new())?))
        }
        config::Provider::Static(_) => Ok(Arc::new(StaticMachines::new(config, env.credentials.clone())?)),
        config::Provider::Harvester(_)
        | config::Provider::Nutanix(_)
        | config::Provider::Proxmox(_)
        | config::Provider::Gcp(_)
        | config::Provider::Aws(_)
        | config::Provider::Azure(_)
        | config::Provider::Local => {
            let message = format!("provider {kind} is not implemented yet");
            Err(InfraError::new(kind, "connect", Class::Unsupported, message).hint("use provider inmemory or static"))
        }
    }
}
