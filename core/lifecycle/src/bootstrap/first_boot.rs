//! What a machine is told at its first boot: its address, and its configuration where that is not pushed to it.

use std::path::Path;

use butler_api::config::{BootstrapConfig, ConfigDelivery, Role};
use butler_files::ClusterFolder;
use butler_infra::{Addressing, BoxError, ErrorKind, InfraError, UserData};
use butler_talos::secrets::SecretsBundle;
use secrecy::{ExposeSecret as _, SecretString};

use super::{machine_config, plan};

/// Where what a machine is told comes from.
#[derive(Debug, Clone)]
pub struct FirstBoot {
    /// The configuration of the cluster.
    pub config: BootstrapConfig,
    /// Where the Talos secrets are.
    pub files: ClusterFolder,
}

impl FirstBoot {
    /// How the machine gets its address.
    pub fn addressing(&self, machine: &str) -> Addressing {
        plan::addressing(&self.config, machine)
    }

    /// The machine's configuration, where it finds that at its first boot. It holds keys, so no object of the record has it.
    pub fn user_data(&self, machine: &str, role: Role) -> Result<Option<UserData>, InfraError> {
        if self.config.config_delivery() != ConfigDelivery::Cidata {
            return Ok(None);
        }
        let path = self.files.secrets();
        let bundle = read(&path).map_err(|error| {
            let message = format!("cannot use the Talos secrets {}", path.display());
            self.failed(machine, ErrorKind::Cancelled, message).because(error)
        })?;
        let text = machine_config::beforehand(&self.config, (machine, role), &bundle).map_err(|error| {
            let fields = vec![("talos".to_owned(), error.to_string())];
            let message = "its configuration cannot be made".to_owned();
            self.failed(machine, ErrorKind::Invalid { fields }, message)
                .because(error)
        })?;
        Ok(Some(UserData::new(text)))
    }

    fn failed(&self, machine: &str, kind: ErrorKind, message: String) -> InfraError {
        InfraError::new(self.config.provider_kind(), "configure machine", kind, message).about(machine)
    }
}

fn read(path: &Path) -> Result<SecretsBundle, BoxError> {
    let text = std::fs::read_to_string(path).map(SecretString::from)?;
    Ok(SecretsBundle::from_yaml(text.expose_secret())?)
}
