//! From one provider's settings and credentials to a provider.

use std::sync::Arc;

use butler_api::config;
use butler_talos::client::Credentials;
use secrecy::SecretString;

use crate::{
    ErrorKind, InfraError, Provider, call::SystemClock, inmemory::InMemory, proxmox::Proxmox,
    static_machines::StaticMachines,
};

/// What opens the door to a platform beside its settings. The caller fills it from environment and state.
#[derive(Debug, Default)]
pub struct Access {
    /// Where the simulated world listens, for `inmemory`.
    pub world: Option<WorldAccess>,
    /// Talos credentials of the cluster, where an earlier run made them. With them `static` recognises machines of the
    /// cluster and may reset them.
    pub credentials: Option<Credentials>,
}

/// The control API of the simulated world.
#[derive(Debug, Clone)]
pub struct WorldAccess {
    /// Base URL, for example `http://127.0.0.1:4000`.
    pub control: String,
    /// The token that every request to it carries.
    pub token: SecretString,
}

/// Makes a provider from its settings, without a cluster and without a plan. Nothing is sent yet.
pub fn connect(settings: &config::Provider, access: &Access) -> Result<Arc<dyn Provider>, InfraError> {
    let kind = settings.kind();
    match settings {
        config::Provider::InMemory(_) => {
            let world = access.world.as_ref().ok_or_else(|| {
                InfraError::new(
                    kind,
                    "connect",
                    ErrorKind::Unreachable,
                    "the simulated world is not running",
                )
                .hint("butleradm inmemory up")
            })?;
            Ok(Arc::new(InMemory::new(world, SystemClock::new())?))
        }
        config::Provider::Proxmox(settings) => Ok(Arc::new(Proxmox::new(settings, SystemClock::new())?)),
        config::Provider::Static(list) => Ok(Arc::new(StaticMachines::new(list, access.credentials.clone())?)),
        config::Provider::Harvester(_)
        | config::Provider::Nutanix(_)
        | config::Provider::Gcp(_)
        | config::Provider::Aws(_)
        | config::Provider::Azure(_)
        | config::Provider::Local => {
            let message = format!("provider {kind} is not implemented yet");
            Err(InfraError::new(kind, "connect", ErrorKind::Unsupported, message)
                .hint("use provider proxmox, inmemory or static"))
        }
    }
}
