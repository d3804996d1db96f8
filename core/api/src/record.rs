//! The objects that record a bootstrap, made from its configuration: what the operators and the console find afterwards.

mod convert;
mod convert_provider;
mod provider_settings;

use std::collections::BTreeMap;

use kube::ResourceExt;

use crate::{
    config::{self, BootstrapConfig, Role},
    labels, names,
    v1alpha1::{
        ClusterBootstrap, ImageSync, MachineRequest, NetworkPool, ProviderConfig,
        cluster_bootstrap::{
            AddonsSpec, AddressRange, ButlerControllerAddon, CapiAddon, CapiInfrastructureProvider, CertManagerAddon,
            ClusterBootstrapSpec, ClusterSpec, CniAddon, CniType, ConsoleAddon, ConsoleIngress, ControlPlaneHaAddon,
            ControlPlaneHaType, ControlPlaneProviderAddon, ControlPlaneProviderType, GitOpsAddon, GitOpsType,
            IngressAddon, IngressType, LoadBalancerAddon, LoadBalancerType, NetworkSpec, NodePool, StorageAddon,
            StorageType, TalosSpec, Topology,
        },
        image_sync::{Arch, FactoryRef, ImageSyncSpec, TransferMode},
        machine_request::MachineRequestSpec,
        network_pool::NetworkPoolSpec,
        provider_config::ProviderConfigSpec,
        shared::{ExtraDisk, ProviderRef, ProviderType},
    },
};

pub use self::provider_settings::{DEFAULT_BRIDGE, SettingsError, annotations, provider_settings};

/// The ClusterBootstrap. What is not installed is said to be so; versions are written where the
/// configuration names one.
pub fn cluster_bootstrap(config: &BootstrapConfig) -> ClusterBootstrap {
    let cluster = &config.cluster;
    #[expect(
        clippy::disallowed_methods,
        reason = "the schema wants the field; empty means the plain image"
    )]
    let schematic = config.talos.schematic.clone().unwrap_or_default();
    let spec = ClusterBootstrapSpec {
        provider: config.provider_kind().into(),
        provider_ref: provider_ref(config),
        cluster: ClusterSpec {
            name: cluster.name.clone(),
            topology: Some(match cluster.topology {
                config::Topology::SingleNode => Topology::SingleNode,
                config::Topology::Ha => Topology::Ha,
            }),
            control_plane: node_pool(&cluster.control_plane),
            workers: cluster.workers.as_ref().map(node_pool),
        },
        network: network(&config.network),
        talos: TalosSpec {
            version: format!("v{}", config.talos.version),
            schematic,
            install_disk: Some(config.talos.install_disk.clone()),
            config_patches: Vec::new(),
        },
        addons: Some(addons(&config.addons)),
        control_plane_exposure: config.exposure.as_ref().map(Into::into),
        paused: None,
    };
    let mut object = ClusterBootstrap::new(&cluster.name, spec);
    place(&mut object, config);
    object
}

/// The ProviderConfig; it refers to credentials where the platform has any.
pub fn provider_config(config: &BootstrapConfig) -> ProviderConfig {
    let provider = ProviderType::from(config.provider_kind());
    let cluster = &config.cluster.name;
    let mut object = ProviderConfig::new(&names::provider_config(cluster), ProviderConfigSpec::from(config));
    if !names::credential_keys(&provider).is_empty() {
        object.spec.credentials_ref = Some(crate::v1alpha1::shared::SecretRef {
            name: names::bootstrap_credentials(cluster, &provider),
            namespace: Some(names::SYSTEM_NAMESPACE.to_owned()),
            key: None,
        });
    }
    if let config::Provider::Proxmox(settings) = &config.provider {
        let notes = annotations(settings);
        object.metadata.annotations = Some(notes).filter(|notes| !notes.is_empty());
    }
    place(&mut object, config);
    object
}

/// The NetworkPool, if the configuration has one.
pub fn network_pool(config: &BootstrapConfig) -> Option<NetworkPool> {
    let pool = config.network_pool.as_ref()?;
    let mut object = NetworkPool::new(&pool.name, NetworkPoolSpec::from(&pool.spec));
    place(&mut object, config);
    Some(object)
}

/// The ImageSync that brings the image of this schematic to the platform.
pub fn image_sync(config: &BootstrapConfig, schematic: &str) -> ImageSync {
    let version = format!("v{}", config.talos.version);
    let provider = provider_ref(config);
    let marks = [
        (labels::SCHEMATIC_ID, labels::label_value(schematic)),
        (labels::IMAGE_VERSION, version.as_str()),
        (labels::IMAGE_ARCH, "amd64"),
        (labels::PROVIDER_CONFIG, provider.name.as_str()),
    ];
    let marks: Vec<(String, String)> = marks.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let spec = ImageSyncSpec {
        display_name: None,
        factory_ref: FactoryRef {
            arch: Some(Arch::Amd64),
            platform: Some(config.provider_kind().talos_platform().to_owned()),
            schematic_id: schematic.to_owned(),
            version: version.clone(),
        },
        format: Some("qcow2".to_owned()),
        provider_config_ref: provider,
        transfer_mode: Some(TransferMode::Direct),
    };
    let mut object = ImageSync::new(&names::image_sync(&config.cluster.name, schematic, &version), spec);
    place(&mut object, config);
    object.labels_mut().extend(marks);
    object
}

/// The MachineRequest of one machine; `image` is what it is made from, where the platform was given that.
pub fn machine_request(config: &BootstrapConfig, name: &str, role: Role, image: Option<&str>) -> MachineRequest {
    let pool = match role {
        Role::ControlPlane => &config.cluster.control_plane,
        Role::Worker => config.cluster.workers.as_ref().unwrap_or(&config.cluster.control_plane),
    };
    let spec = MachineRequestSpec {
        machine_name: name.to_owned(),
        role: role.into(),
        provider_ref: provider_ref(config),
        cpu: int(pool.cpu),
        memory_mb: int(pool.memory_mb),
        disk_gb: int(pool.disk_gb),
        extra_disks: extra_disks(pool),
        labels: pool.labels.clone(),
        image: image.map(str::to_owned),
        network_data: None,
        user_data: None,
    };
    let mut object = MachineRequest::new(name, spec);
    place(&mut object, config);
    let role = role.as_str().to_owned();
    object.labels_mut().insert(labels::ROLE.to_owned(), role);
    object
}

/// Namespace and the labels that say whose object it is.
fn place(object: &mut impl ResourceExt, config: &BootstrapConfig) {
    let cluster = &config.cluster.name;
    object.meta_mut().namespace = Some(names::SYSTEM_NAMESPACE.to_owned());
    object.labels_mut().extend(BTreeMap::from([
        (labels::MANAGED_BY.to_owned(), labels::BUTLER.to_owned()),
        (labels::CLUSTER.to_owned(), cluster.clone()),
        (labels::CLUSTER_BOOTSTRAP.to_owned(), cluster.clone()),
    ]));
}

fn provider_ref(config: &BootstrapConfig) -> ProviderRef {
    ProviderRef {
        name: names::provider_config(&config.cluster.name),
        namespace: Some(names::SYSTEM_NAMESPACE.to_owned()),
    }
}

fn node_pool(pool: &config::Pool) -> NodePool {
    NodePool {
        replicas: int(pool.replicas),
        cpu: int(pool.cpu),
        memory_mb: int(pool.memory_mb),
        disk_gb: int(pool.disk_gb),
        extra_disks: extra_disks(pool),
        labels: pool.labels.clone(),
    }
}

fn extra_disks(pool: &config::Pool) -> Vec<ExtraDisk> {
    pool.extra_disks
        .iter()
        .map(|disk| ExtraDisk {
            size_gb: int(disk.size_gb),
            storage_class: disk.storage_class.clone(),
        })
        .collect()
}

fn network(network: &config::Network) -> NetworkSpec {
    NetworkSpec {
        pod_cidr: network.pod_cidr.to_string(),
        service_cidr: network.service_cidr.to_string(),
        vip: network.vip.as_ref().map(ToString::to_string),
        vip_interface: network.vip_interface.clone(),
        load_balancer_pool: network.load_balancer_pool.map(|pool| AddressRange {
            start: pool.start.to_string(),
            end: pool.end.to_string(),
        }),
    }
}

fn addons(addons: &config::Addons) -> AddonsSpec {
    let config::Addons {
        chart_mirror: _,
        cni,
        storage,
        load_balancer,
        git_ops,
        control_plane_ha,
        cert_manager,
        ingress,
        control_plane_provider,
        capi,
        butler_controller,
        console,
    } = addons;
    AddonsSpec {
        cni: Some(CniAddon {
            r#type: Some(either(cni.is_some(), CniType::Cilium, CniType::None)),
            version: cni.as_ref().and_then(|c| c.version.clone()),
            hubble_enabled: Some(cni.as_ref().is_some_and(|c| c.hubble)),
        }),
        storage: Some(StorageAddon {
            r#type: Some(either(storage.is_some(), StorageType::Longhorn, StorageType::None)),
            version: storage.as_ref().and_then(|s| s.version.clone()),
            replica_count: storage.as_ref().map(|s| int(s.replica_count)),
        }),
        load_balancer: Some(LoadBalancerAddon {
            r#type: Some(either(
                load_balancer.is_some(),
                LoadBalancerType::MetalLb,
                LoadBalancerType::None,
            )),
            address_pool: None,
        }),
        git_ops: Some(GitOpsAddon {
            enabled: Some(git_ops.is_some()),
            r#type: Some(either(git_ops.is_some(), GitOpsType::Flux, GitOpsType::None)),
        }),
        control_plane_ha: Some(ControlPlaneHaAddon {
            r#type: Some(either(
                control_plane_ha.is_some(),
                ControlPlaneHaType::KubeVip,
                ControlPlaneHaType::None,
            )),
            version: version(control_plane_ha.as_ref()),
        }),
        cert_manager: Some(CertManagerAddon {
            enabled: Some(cert_manager.is_some()),
            version: version(cert_manager.as_ref()),
        }),
        ingress: Some(IngressAddon {
            enabled: Some(ingress.is_some()),
            r#type: Some(either(ingress.is_some(), IngressType::Traefik, IngressType::None)),
            version: version(ingress.as_ref()),
        }),
        control_plane_provider: Some(control_plane_provider_addon(control_plane_provider.as_ref())),
        capi: Some(capi_addon(capi.as_ref())),
        butler_controller: Some(ButlerControllerAddon {
            enabled: Some(butler_controller.is_some()),
            version: butler_controller.as_ref().and_then(|c| c.version.clone()),
            image: butler_controller.as_ref().and_then(|c| c.image.clone()),
        }),
        console: Some(console_addon(console.as_ref())),
        unknown: BTreeMap::new(),
    }
}

fn control_plane_provider_addon(addon: Option<&config::Versioned>) -> ControlPlaneProviderAddon {
    let none = ControlPlaneProviderType::None;
    ControlPlaneProviderAddon {
        enabled: Some(addon.is_some()),
        r#type: Some(either(addon.is_some(), ControlPlaneProviderType::Steward, none)),
        version: version(addon),
    }
}

fn version(addon: Option<&config::Versioned>) -> Option<String> {
    addon?.version.clone()
}

fn either<T>(installed: bool, implementation: T, none: T) -> T {
    if installed { implementation } else { none }
}

fn capi_addon(capi: Option<&config::Capi>) -> CapiAddon {
    CapiAddon {
        enabled: Some(capi.is_some()),
        version: capi.and_then(|c| c.version.clone()),
        infrastructure_providers: capi
            .into_iter()
            .flat_map(|c| &c.infrastructure_providers)
            .map(|provider| CapiInfrastructureProvider {
                name: provider.name.as_str().into(),
                version: provider.version.clone(),
                credentials_secret_ref: None,
            })
            .collect(),
    }
}

fn console_addon(console: Option<&config::Console>) -> ConsoleAddon {
    ConsoleAddon {
        enabled: Some(console.is_some()),
        version: console.and_then(|c| c.version.clone()),
        ingress: console.and_then(|c| c.ingress.as_ref()).map(|ingress| ConsoleIngress {
            enabled: Some(true),
            host: Some(ingress.host.clone()),
            class_name: ingress.class_name.clone(),
            tls: Some(ingress.tls),
            tls_secret_name: Some(ingress.tls_secret_name.clone()),
        }),
    }
}

/// A count, size or id as the resource definitions have it; the schema of the configuration allows no larger one.
pub(super) fn int(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HA: &str = "
provider: inmemory
cluster:
  name: mgmt
  controlPlane: {replicas: 3, cpu: 4, memoryMB: 8192, diskGB: 40}
  workers: {replicas: 2, cpu: 8, memoryMB: 16384, diskGB: 80, extraDisks: [{sizeGB: 100}], labels: {zone: a}}
network:
  podCIDR: 10.244.0.0/16
  serviceCIDR: 10.96.0.0/12
  vip: 127.64.255.10
  loadBalancerPool: {start: 127.64.254.10, end: 127.64.254.50}
talos: {version: v1.12.1}
addons:
  storage: {enabled: false}
networkPool: {cidr: 10.0.0.0/24}
";

    fn load(text: &str) -> BootstrapConfig {
        match config::load(text, "test.yaml") {
            Ok(loaded) => loaded.config,
            Err(errors) => panic!("{errors}"),
        }
    }

    #[test]
    fn the_bootstrap_says_what_is_and_what_is_not_installed() {
        let object = serde_json::to_value(cluster_bootstrap(&load(HA))).unwrap();
        assert_eq!(object["metadata"]["namespace"], "butler-system");
        let spec = &object["spec"];
        assert_eq!(
            spec["providerRef"],
            json!({"name": "mgmt-provider", "namespace": "butler-system"})
        );
        assert_eq!(spec["talos"]["version"], "v1.12.1");
        assert_eq!(spec["addons"]["storage"], json!({"type": "none"}));
        assert_eq!(spec["addons"]["cni"]["type"], "cilium");
        assert_eq!(spec["cluster"]["workers"]["extraDisks"], json!([{"sizeGB": 100}]));
        assert_eq!(
            spec["network"]["loadBalancerPool"],
            json!({"start": "127.64.254.10", "end": "127.64.254.50"})
        );
    }

    #[test]
    fn machines_take_the_size_of_their_role() {
        let config = load(HA);
        let control_plane = machine_request(&config, "mgmt-cp-0", Role::ControlPlane, None);
        let worker = machine_request(&config, "mgmt-worker-0", Role::Worker, Some("local:import/a.qcow2"));
        assert_eq!(worker.spec.image.as_deref(), Some("local:import/a.qcow2"));
        assert_eq!((control_plane.spec.cpu, worker.spec.cpu), (4, 8));
        assert_eq!(
            worker.spec.labels,
            BTreeMap::from([("zone".to_owned(), "a".to_owned())])
        );
        assert_eq!(worker.labels()[labels::ROLE], "worker");
        assert_eq!(worker.labels()[labels::CLUSTER], "mgmt");
    }

    #[test]
    fn credentials_are_referred_to_only_where_there_are_any() {
        let mut config = load(HA);
        let object = provider_config(&config);
        assert_eq!(object.spec.credentials_ref, None);
        config.provider = config::Provider::Aws(config::Aws {
            access_key_id: config::SecretSource::Env("ID".to_owned()),
            secret_access_key: config::SecretSource::Env("KEY".to_owned()),
            region: "eu-central-1".to_owned(),
            vpc_id: None,
            subnet_id: None,
            security_group_id: None,
            instance_type: None,
            ami: None,
        });
        let object = provider_config(&config);
        let spec = serde_json::to_value(&object.spec).unwrap();
        assert_eq!(spec["aws"], json!({"region": "eu-central-1"}));
        assert_eq!(object.spec.credentials_ref.unwrap().name, "mgmt-aws-credentials");
    }

    /// The other tools look for an image by these labels before they bring it again.
    #[test]
    fn an_image_is_found_by_its_schematic_and_release() {
        let schematic = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba";
        let object = image_sync(&load(HA), schematic);
        assert_eq!(object.name_any(), "mgmt-37656798-1-12-1");
        let labels = serde_json::to_value(object.labels()).unwrap();
        assert_eq!(labels["butler.butlerlabs.dev/schematic-id"], schematic[..63]);
        assert_eq!(labels["butler.butlerlabs.dev/image-version"], "v1.12.1");
        assert_eq!(labels["butler.butlerlabs.dev/image-arch"], "amd64");
        assert_eq!(labels["butler.butlerlabs.dev/provider-config"], "mgmt-provider");
        assert_eq!(object.spec.factory_ref.schematic_id, schematic);
    }

    #[test]
    fn a_network_pool_is_made_only_when_asked_for() {
        let config = load(HA);
        let pool = network_pool(&config).unwrap();
        assert_eq!(pool.name_any(), "mgmt-underlay");
        assert_eq!(pool.spec.cidr, "10.0.0.0/24");
        let without = BootstrapConfig {
            network_pool: None,
            ..config
        };
        assert_eq!(network_pool(&without), None);
    }

    #[test]
    fn nothing_is_null() {
        let object = serde_json::to_value(cluster_bootstrap(&load(HA))).unwrap();
        assert!(!object["spec"].to_string().contains("null"), "{object}");
    }
}
