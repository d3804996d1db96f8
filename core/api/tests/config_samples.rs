//! The samples that users start from.

use std::{fs, path::PathBuf};

use butler_api::config::{self, Loaded, Role};

fn samples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/configs")
}

fn load(name: &str) -> Loaded {
    let text = fs::read_to_string(samples().join(name)).expect("the sample is there");
    config::load(&text, name).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn every_sample_loads_without_a_warning() {
    let mut seen = 0;
    for entry in fs::read_dir(samples()).expect("the folder is there") {
        let name = entry
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("a name in UTF-8");
        let loaded = load(&name);
        assert!(loaded.warnings.is_empty(), "{name}: {:?}", loaded.warnings);
        seen += 1;
    }
    assert!(seen >= 2);
}

#[test]
fn the_simulated_ha_sample_has_six_machines_and_the_default_addons() {
    let config = load("inmemory-ha.yaml").config;
    let machines = config.machine_names();
    assert_eq!(machines.len(), 6);
    assert_eq!(machines[0], ("butler-demo-cp-0".to_owned(), Role::ControlPlane));
    assert_eq!(machines[5], ("butler-demo-worker-2".to_owned(), Role::Worker));
    assert_eq!(config.network.vip.as_deref(), Some("127.64.255.10"));
    let addons = &config.addons;
    assert!(addons.cni.is_some() && addons.storage.is_some() && addons.load_balancer.is_some());
    assert!(addons.control_plane_ha.is_some() && addons.cert_manager.is_some() && addons.ingress.is_some());
    assert!(addons.control_plane_provider.is_some() && addons.capi.is_some() && addons.butler_controller.is_some());
    assert!(addons.console.is_some() && addons.git_ops.is_none());
}

#[test]
fn the_simulated_single_sample_has_one_machine_and_no_vip() {
    let config = load("inmemory-single.yaml").config;
    assert_eq!(
        config.machine_names(),
        [("butler-single-cp-0".to_owned(), Role::ControlPlane)]
    );
    assert!(config.network.vip.is_none() && config.addons.control_plane_ha.is_none());
    assert_eq!(
        config.addons.storage.as_ref().map(|storage| storage.replica_count),
        Some(1)
    );
}
