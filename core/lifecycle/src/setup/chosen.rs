//! The bootstrap cluster that a command line chooses in place of the one that the configuration names.

use std::path::{Path, PathBuf};

use butler_api::config::{BootstrapCluster, BootstrapConfig};
use butler_files::{Environment, environment::KUBECONFIG, home};

/// A kind of bootstrap cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootstrapClusterKind {
    /// The API server inside of this program.
    Embedded,
    /// A kind cluster.
    Kind,
    /// A cluster that is there.
    Existing,
}

/// Why a choice cannot be followed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ChosenError {
    /// Nothing tells where the existing cluster is.
    #[error("nothing tells which existing cluster shall be the bootstrap cluster")]
    NoKubeconfig,
    /// The environment names several files.
    #[error("{KUBECONFIG} names {count} files, and the bootstrap cluster needs the one that leads to it")]
    Several {
        /// How many.
        count: usize,
    },
    /// The file is not there.
    #[error("the kubeconfig of the bootstrap cluster, {}, is no file", path.display())]
    Missing {
        /// What the environment names.
        path: PathBuf,
    },
    /// The path cannot be written into a configuration.
    #[error("the path {} is not UTF-8", path.display())]
    NotUtf8 {
        /// What the environment names.
        path: PathBuf,
    },
}

impl ChosenError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        let written = "write `bootstrapCluster: {type: existing, kubeconfig: PATH}` into the configuration";
        match self {
            Self::NotUtf8 { .. } => "move the file to a path that is".to_owned(),
            Self::NoKubeconfig | Self::Several { .. } | Self::Missing { .. } => {
                format!("set {KUBECONFIG} to the file of that cluster, or {written}")
            }
        }
    }
}

/// Puts the chosen kind of bootstrap cluster in place of the one that is written. What is written of the same kind stays as it
/// is; an existing cluster that is not written is the one that `KUBECONFIG` leads to.
pub fn choose_bootstrap_cluster(
    config: &mut BootstrapConfig,
    kind: BootstrapClusterKind,
    environment: &Environment,
) -> Result<(), ChosenError> {
    let cluster = match (kind, &config.bootstrap_cluster) {
        (BootstrapClusterKind::Embedded, BootstrapCluster::Embedded)
        | (BootstrapClusterKind::Kind, BootstrapCluster::Kind { .. })
        | (BootstrapClusterKind::Existing, BootstrapCluster::Existing { .. }) => return Ok(()),
        (BootstrapClusterKind::Embedded, _) => BootstrapCluster::Embedded,
        (BootstrapClusterKind::Kind, _) => BootstrapCluster::Kind { node_image: None },
        (BootstrapClusterKind::Existing, _) => BootstrapCluster::Existing {
            kubeconfig: kubeconfig(environment)?,
            context: None,
        },
    };
    config.replace_bootstrap_cluster(cluster);
    Ok(())
}

/// The whole path of the only file that the environment names: the next run may begin in another folder.
fn kubeconfig(environment: &Environment) -> Result<String, ChosenError> {
    let value = environment.get(KUBECONFIG).ok_or(ChosenError::NoKubeconfig)?;
    let files: Vec<PathBuf> = std::env::split_paths(value)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    let path = match files.as_slice() {
        [] => return Err(ChosenError::NoKubeconfig),
        [path] => path,
        several => return Err(ChosenError::Several { count: several.len() }),
    };
    let missing = |path: &Path| ChosenError::Missing { path: path.to_owned() };
    let whole = home::expand(path).map_err(|_| missing(path))?;
    let whole = std::path::absolute(&whole).map_err(|_| missing(path))?;
    if !whole.is_file() {
        return Err(missing(&whole));
    }
    let text = whole.into_os_string().into_string();
    text.map_err(|path| ChosenError::NotUtf8 { path: path.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(further: &str) -> BootstrapConfig {
        let text = format!(
            "provider: inmemory
cluster:
  name: demo
  topology: single-node
  controlPlane: {{cpu: 2, memoryMB: 4096, diskGB: 40}}
network:
  loadBalancerPool: {{start: 192.0.2.10, end: 192.0.2.50}}
{further}"
        );
        crate::samples::read(&text)
    }

    fn chosen(
        further: &str,
        kind: BootstrapClusterKind,
        environment: &Environment,
    ) -> Result<BootstrapCluster, ChosenError> {
        let mut config = config(further);
        choose_bootstrap_cluster(&mut config, kind, environment)?;
        Ok(config.bootstrap_cluster)
    }

    #[test]
    fn what_is_written_of_the_chosen_kind_stays() {
        let nowhere = Environment::default();
        for (written, kind) in [
            ("", BootstrapClusterKind::Embedded),
            (
                "bootstrapCluster: {type: kind, nodeImage: kindest/node:v1.35.0}",
                BootstrapClusterKind::Kind,
            ),
            (
                "bootstrapCluster: {type: existing, kubeconfig: /etc/lab, context: lab}",
                BootstrapClusterKind::Existing,
            ),
        ] {
            let before = config(written).bootstrap_cluster;
            assert_eq!(chosen(written, kind, &nowhere), Ok(before));
        }
        let other = chosen("", BootstrapClusterKind::Kind, &nowhere);
        assert_eq!(other, Ok(BootstrapCluster::Kind { node_image: None }));
        let other = chosen("bootstrapCluster: kind", BootstrapClusterKind::Embedded, &nowhere);
        assert_eq!(other, Ok(BootstrapCluster::Embedded));
    }

    #[test]
    fn an_existing_cluster_is_the_one_of_the_only_kubeconfig() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lab");
        std::fs::write(&file, "").unwrap();
        let with = |value: &std::ffi::OsStr| -> Environment { [(KUBECONFIG, value)].into_iter().collect() };
        let existing = |environment: &Environment| chosen("", BootstrapClusterKind::Existing, environment);
        assert_eq!(
            existing(&with(file.as_os_str())),
            Ok(BootstrapCluster::Existing {
                kubeconfig: file.display().to_string(),
                context: None
            })
        );
        assert_eq!(existing(&Environment::default()), Err(ChosenError::NoKubeconfig));
        let two = std::env::join_paths([&file, &file]).unwrap();
        assert_eq!(existing(&with(&two)), Err(ChosenError::Several { count: 2 }));
        let path = folder.path().join("none");
        assert_eq!(existing(&with(path.as_os_str())), Err(ChosenError::Missing { path }));
    }
}
