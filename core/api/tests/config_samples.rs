//! The samples that users start from.

use std::{fs, path::PathBuf};

use butler_api::config::{self, Loaded, Provider, Role, SecretSource};

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
    assert_eq!(
        seen, 11,
        "one for each provider, and a second one for inmemory and proxmox"
    );
}

#[test]
fn the_simulated_ha_sample_has_six_machines_and_the_default_addons() {
    let config = load("inmemory-ha.yaml").config;
    let machines = config.machine_names();
    assert_eq!(machines.len(), 6);
    assert_eq!(machines[0], ("butler-demo-cp-0".to_owned(), Role::ControlPlane));
    assert_eq!(machines[5], ("butler-demo-worker-2".to_owned(), Role::Worker));
    let vip = config.network.vip.as_ref().map(ToString::to_string);
    assert_eq!(vip.as_deref(), Some("127.64.255.10"));
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

#[test]
fn listed_machines_keep_their_names_and_the_others_get_derived_ones() {
    let config = load("static.yaml").config;
    let names: Vec<String> = config.machine_names().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["edge-cp-0", "edge-cp-1", "edge-cp-2", "edge-store-1", "edge-worker-1"]
    );
    let listed = |name: &str| {
        let (index, machine) = config.listed_machine(name)?;
        Some((index, machine.address.to_string()))
    };
    assert_eq!(listed("edge-cp-1"), Some((1, "192.0.2.12".to_owned())));
    assert_eq!(listed("edge-store-1"), Some((3, "192.0.2.21".to_owned())));
    assert_eq!(listed("edge-cp-3"), None);
    assert!(
        load("inmemory-ha.yaml")
            .config
            .listed_machine("butler-demo-cp-0")
            .is_none()
    );
}

#[test]
fn secrets_of_the_samples_are_references() {
    let config = load("nutanix.yaml").config;
    let Provider::Nutanix(nutanix) = &config.provider else {
        panic!("provider {}", config.provider_kind())
    };
    assert!(matches!(&nutanix.password, SecretSource::Env(name) if name == "NUTANIX_PASSWORD"));
    assert!(config.addons.git_ops.is_some());
}

#[test]
fn clouds_get_no_load_balancer_addon_and_no_ingress() {
    for name in ["aws.yaml", "azure.yaml", "gcp.yaml"] {
        let config = load(name).config;
        let addons = &config.addons;
        assert!(
            addons.load_balancer.is_none() && addons.ingress.is_none() && addons.control_plane_ha.is_none(),
            "{name}"
        );
        assert!(config.network.vip.is_none(), "{name}");
    }
}
