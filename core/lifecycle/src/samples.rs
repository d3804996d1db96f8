//! The configurations that unit tests share.

use butler_api::config::{self, BootstrapConfig};

/// A cluster of three control planes and a worker in the simulated world.
const DEMO: &str = "
provider: inmemory
cluster:
  name: demo
  topology: ha
  controlPlane: {replicas: 3, cpu: 2, memoryMB: 4096, diskGB: 40}
  workers: {replicas: 1, cpu: 2, memoryMB: 4096, diskGB: 40}
network:
  vip: 127.64.255.10
  loadBalancerPool: {start: 127.64.254.10, end: 127.64.254.50}
";

/// The configuration in this text.
pub(crate) fn read(text: &str) -> BootstrapConfig {
    let loaded = config::load(text, "sample.yaml").unwrap_or_else(|error| panic!("{error}"));
    loaded.config
}

/// A small cluster called `demo`.
pub(crate) fn demo() -> BootstrapConfig {
    read(DEMO)
}

/// The text of a sample that is shipped, such as `inmemory-ha.yaml`.
pub(crate) fn shipped_text(name: &str) -> String {
    let path = format!("{}/../../fixtures/configs/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A sample that is shipped.
pub(crate) fn shipped(name: &str) -> BootstrapConfig {
    read(&shipped_text(name))
}
