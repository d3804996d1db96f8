//! What the loader makes of files that are fine: defaults, other spellings, warnings, digests.

#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]

use std::time::Duration;

use butler_api::config::{
    self, BootstrapCluster, BootstrapConfig, Change, ChartMirror, Exposure, Loaded, SecretSource, Topology, difference,
};
use butler_api::v1alpha1::{network_pool::NetworkPoolSpec, provider_config::ProviderNetwork};
use secrecy::ExposeSecret;
use serde_json::json;

const SINGLE: &str = "
provider: inmemory
cluster:
  name: demo
  topology: single-node
  controlPlane: {cpu: 2, memoryMB: 4096, diskGB: 40}
network:
  loadBalancerPool: {start: 192.0.2.10, end: 192.0.2.50}
";

fn load(text: &str) -> Loaded {
    config::load(text, "butler.yaml").unwrap_or_else(|errors| panic!("{errors}"))
}

fn with(extra: &str) -> BootstrapConfig {
    load(&format!("{SINGLE}{extra}")).config
}

fn warnings(text: &str) -> Vec<String> {
    load(text).warnings.into_iter().map(|warning| warning.message).collect()
}

#[test]
fn what_is_not_written_has_its_default() {
    let config = with("");
    assert_eq!(config.cluster.topology, Topology::SingleNode);
    assert_eq!(config.cluster.control_plane.replicas, 1);
    assert_eq!(config.network.pod_cidr.to_string(), "10.244.0.0/16");
    assert_eq!(config.network.service_cidr.to_string(), "10.96.0.0/12");
    assert_eq!(config.network.mtu, None);
    assert_eq!(config.talos.version.to_string(), "1.12.1");
    assert_eq!(config.talos.kubernetes_version.to_string(), "1.35.4");
    assert_eq!(config.talos.install_disk, "/dev/vda");
    assert_eq!(config.bootstrap_cluster, BootstrapCluster::Embedded);
    assert_eq!(config.deadlines, config::Deadlines::default());
    assert!(config.addons.cni.as_ref().is_some_and(|cni| cni.hubble));
    assert!(config.addons.console.is_none() && config.addons.git_ops.is_none());
}

#[test]
fn a_character_that_cannot_be_seen_is_refused_and_a_tab_is_not() {
    let world = |name: &str| format!("{SINGLE}providerConfig: {{inmemory: {{world: \"{name}\"}}}}\n");
    for (name, code) in [(r"a\u202eb", "U+202E"), (r"a\u0007b", "U+0007"), (r"\ufeffa", "U+FEFF")] {
        let errors = config::load(&world(name), "butler.yaml").expect_err(name).to_string();
        assert!(errors.contains(code), "{errors}");
    }
    load(&world(r"a\tb"));
}

#[test]
fn both_spellings_of_git_ops_are_understood() {
    assert!(with("addons: {gitOps: {type: flux}}").addons.git_ops.is_some());
    assert!(with("addons: {gitops: {type: flux}}").addons.git_ops.is_some());
    assert!(with("addons: {gitops: {type: none}}").addons.git_ops.is_none());
}

#[test]
fn every_addon_can_be_left_out() {
    let config = with(
        "addons:
  cni: {type: none}
  storage: {enabled: false}
  loadBalancer: {type: none}
  gitOps: {enabled: false}
  controlPlaneHA: {type: none}
  certManager: {enabled: false}
  ingress: {type: none}
  controlPlaneProvider: {enabled: false}
  capi: {enabled: false}
  butlerController: {enabled: false}
  console: {enabled: false}
",
    );
    let config::Addons {
        chart_mirror,
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
    } = config.addons;
    assert!(chart_mirror.is_none() && cni.is_none() && storage.is_none() && load_balancer.is_none());
    assert!(git_ops.is_none() && control_plane_ha.is_none() && cert_manager.is_none() && ingress.is_none());
    assert!(control_plane_provider.is_none() && capi.is_none() && butler_controller.is_none() && console.is_none());
}

#[test]
fn the_bootstrap_cluster_is_a_word_or_a_mapping() {
    let kind = with("bootstrapCluster: kind").bootstrap_cluster;
    assert_eq!(kind, BootstrapCluster::Kind { node_image: None });
    let existing =
        with("bootstrapCluster: {type: existing, kubeconfig: ~/.kube/config, context: lab}").bootstrap_cluster;
    let (kubeconfig, context) = ("~/.kube/config".to_owned(), Some("lab".to_owned()));
    assert_eq!(existing, BootstrapCluster::Existing { kubeconfig, context });
}

#[test]
fn a_replaced_bootstrap_cluster_counts_as_if_it_were_written() {
    let written = [
        "",
        "bootstrapCluster: kind",
        "bootstrapCluster: {type: kind, nodeImage: kindest/node:v1.35.0}",
        "bootstrapCluster: {type: existing, kubeconfig: /etc/lab, context: lab}",
    ]
    .map(with);
    for from in &written {
        for to in &written {
            let mut config = from.clone();
            config.replace_bootstrap_cluster(to.bootstrap_cluster.clone());
            assert_eq!(config.bootstrap_cluster, to.bootstrap_cluster);
            assert_eq!((&config.canonical, &config.digest), (&to.canonical, &to.digest));
        }
    }
}

#[test]
fn deadlines_are_set_one_by_one() {
    let deadlines = with("deadlines: {boot: 90s, addon: 1h30m}").deadlines;
    assert_eq!(deadlines.boot, Duration::from_secs(90));
    assert_eq!(deadlines.addon, Duration::from_mins(90));
    assert_eq!(deadlines.pivot, config::Deadlines::default().pivot);
}

#[test]
fn charts_come_from_a_repository_a_registry_or_a_folder() {
    let mirror = |value: &str| with(&format!("addons: {{chartMirror: {value}}}")).addons.chart_mirror;
    assert!(matches!(
        mirror("https://charts.example.org"),
        Some(ChartMirror::Repository(_))
    ));
    assert!(matches!(
        mirror("oci://registry.example.org/charts"),
        Some(ChartMirror::Oci(_))
    ));
    assert!(matches!(mirror("./charts"), Some(ChartMirror::Folder(_))));
}

#[test]
fn a_frame_size_above_1500_is_taken_when_the_network_carries_it() {
    assert_eq!(with("  mtu: 9000\n  jumboFrames: true").network.mtu, Some(9000));
    assert_eq!(with("  mtu: 0").network.mtu, None);
}

#[test]
fn the_older_address_pool_is_understood_with_a_warning() {
    let text = SINGLE.replace(
        "  loadBalancerPool: {start: 192.0.2.10, end: 192.0.2.50}\n",
        "  mtu: 0\n",
    );
    let loaded = load(&format!(
        "{text}addons: {{loadBalancer: {{addressPool: 192.0.2.10-192.0.2.50}}}}"
    ));
    let pool = loaded.config.network.load_balancer_pool.expect("the pool");
    assert_eq!(
        (pool.start.to_string(), pool.end.to_string()),
        ("192.0.2.10".to_owned(), "192.0.2.50".to_owned())
    );
    assert_eq!(
        loaded.warnings[0].message,
        "`addons.loadBalancer.addressPool` is deprecated"
    );
}

#[test]
fn exposure_keeps_what_its_mode_needs() {
    let exposure =
        with("controlPlaneExposure: {mode: Gateway, hostname: \"*.k8s.example.org\", gatewayRef: infra/public}");
    let Some(Exposure::Gateway { hostname, gateway_ref }) = exposure.exposure else {
        panic!("no gateway")
    };
    assert_eq!(
        (hostname.as_str(), gateway_ref.as_str()),
        ("*.k8s.example.org", "infra/public")
    );
}

#[test]
fn pool_and_provider_network_have_the_shape_of_their_resources() {
    let config = with(
        "networkPool:
  cidr: 198.51.100.0/24
  reserved: [{cidr: 198.51.100.0/28, description: gateway}]
  tenantAllocation: {start: 198.51.100.32, end: 198.51.100.250, defaults: {lbPoolPerTenant: 4}}
providerNetwork:
  mode: ipam
  poolRefs: [{name: demo-underlay, priority: 1}]
  loadBalancer: {allocationMode: elastic, growthIncrement: 4}
  quotaPerTenant: {maxNodeIPs: 9}
",
    );
    let pool = config.network_pool.expect("the pool");
    assert_eq!(pool.name, "demo-underlay");
    let spec = serde_json::to_value(NetworkPoolSpec::from(&pool.spec)).unwrap();
    assert_eq!(
        spec,
        json!({
            "cidr": "198.51.100.0/24",
            "reserved": [{ "cidr": "198.51.100.0/28", "description": "gateway" }],
            "tenantAllocation": { "start": "198.51.100.32", "end": "198.51.100.250", "defaults": { "lbPoolPerTenant": 4 } },
        })
    );
    let network = config.provider_network.as_ref().map(ProviderNetwork::from);
    assert_eq!(
        serde_json::to_value(network).unwrap(),
        json!({
            "mode": "ipam",
            "poolRefs": [{ "name": "demo-underlay", "priority": 1 }],
            "loadBalancer": { "allocationMode": "elastic", "growthIncrement": 4 },
            "quotaPerTenant": { "maxNodeIPs": 9 },
        })
    );
}

#[test]
fn the_simulated_world_takes_a_thousand_workers_and_platforms_take_ten() {
    let text = |provider: &str, workers: u32| {
        format!(
            "provider: {provider}
cluster:
  name: demo
  controlPlane: {{replicas: 3, cpu: 2, memoryMB: 4096, diskGB: 40}}
  workers: {{replicas: {workers}, cpu: 2, memoryMB: 4096, diskGB: 40}}
network: {{podCIDR: 10.128.0.0/10, serviceCIDR: 10.96.0.0/12, vip: 192.0.2.5, loadBalancerPool: {{start: 192.0.2.10, end: 192.0.2.50}}}}
"
        )
    };
    assert_eq!(load(&text("inmemory", 1000)).config.machine_names().len(), 1003);
    assert_eq!(load(&text("local", 10)).config.machine_names().len(), 13);
    let errors = config::load(&text("local", 11), "butler.yaml").expect_err("eleven are too many");
    assert_eq!(errors.problems()[0].path, "cluster.workers.replicas");
}

#[test]
fn warnings_name_what_has_no_effect() {
    let text = format!(
        "{SINGLE}addons: {{console: {{version: 0.14.1}}, storage: {{replicaCount: 3}}}}\nproviderConfig: {{static: {{machines: [{{address: 192.0.2.1, role: worker}}]}}}}"
    );
    assert_eq!(
        warnings(&text),
        [
            "the console is not installed",
            "a single-node cluster keeps 1 copy of each volume",
            "`providerConfig.static` is not used: the provider is inmemory",
        ]
    );
}

#[test]
fn a_password_in_clear_text_is_taken_with_a_warning_and_never_shown() {
    let text = format!("{SINGLE}addons: {{console: {{enabled: true, auth: {{adminPassword: hunter2-hunter2}}}}}}");
    let loaded = load(&text);
    assert_eq!(
        loaded.warnings[0].message,
        "`addons.console.auth.adminPassword` is a secret in clear text"
    );
    let password = loaded
        .config
        .addons
        .console
        .as_ref()
        .and_then(|console| console.admin_password.as_ref());
    assert!(matches!(password, Some(SecretSource::Clear(text)) if text.expose_secret() == "hunter2-hunter2"));
    for shown in [
        format!("{loaded:?}"),
        loaded.config.canonical.to_string(),
        loaded.warnings[0].render("butler.yaml"),
    ] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn writing_a_default_down_changes_no_digest() {
    let plain = with("");
    let explicit = with("talos: {version: v1.12.1, installDisk: /dev/vda}\naddons: {certManager: {enabled: true}}");
    assert_eq!(plain.digest, explicit.digest);
    assert_eq!(plain.digest.len(), 64);
}

#[test]
fn deadlines_and_passwords_are_no_part_of_the_digest() {
    let digest = |extra: &str| with(extra).digest;
    assert_eq!(digest(""), digest("deadlines: {boot: 1h}"));
    let console = |password: &str| {
        digest(&format!(
            "addons: {{console: {{enabled: true, auth: {{adminPassword: {password}}}}}}}"
        ))
    };
    assert_eq!(console("one"), console("two"));
    assert_ne!(console("one"), digest(""));
}

#[test]
fn differences_name_the_settings_that_changed() {
    let old = with("");
    let new = with("talos: {version: v1.12.2}\naddons: {ingress: {enabled: false}}");
    assert_ne!(old.digest, new.digest);
    let changes = difference(&old.canonical, &new.canonical);
    assert_eq!(
        changes,
        [
            Change {
                path: "addons.ingress".to_owned(),
                old: Some(json!({ "enabled": true })),
                new: None
            },
            Change {
                path: "talos.version".to_owned(),
                old: Some(json!("v1.12.1")),
                new: Some(json!("v1.12.2"))
            },
        ]
    );
    assert!(difference(&old.canonical, &old.canonical).is_empty());
}

#[test]
fn differences_in_lists_name_the_position() {
    let old = json!({ "talos": { "timeServers": ["a", "b"] } });
    let new = json!({ "talos": { "timeServers": ["a", "c", "d"] } });
    let paths: Vec<String> = difference(&old, &new).into_iter().map(|change| change.path).collect();
    assert_eq!(paths, ["talos.timeServers[1]", "talos.timeServers[2]"]);
}

#[test]
fn anchors_are_understood() {
    let text = "
provider: inmemory
cluster:
  name: demo
  controlPlane: &pool {replicas: 3, cpu: 2, memoryMB: 4096, diskGB: 40}
  workers: *pool
network: {vip: 192.0.2.5, loadBalancerPool: {start: 192.0.2.10, end: 192.0.2.50}}
";
    assert_eq!(load(text).config.machine_names().len(), 6);
}

const HARVESTER: &str = "
provider: harvester
cluster:
  name: demo
  controlPlane: {replicas: 3, cpu: 4, memoryMB: 8192, diskGB: 50}
  workers: {replicas: 2, cpu: 4, memoryMB: 8192, diskGB: 50}
network: {vip: 192.0.2.5, loadBalancerPool: {start: 192.0.2.10, end: 192.0.2.50}}
providerConfig: {harvester: {kubeconfigPath: kubeconfig, networkName: default/vlan40}}
";

#[test]
fn volumes_get_as_many_copies_as_there_are_nodes_for_them() {
    let copies = |text: &str| load(text).config.addons.storage.map(|storage| storage.replica_count);
    assert_eq!(copies(HARVESTER), Some(2));
    assert_eq!(
        copies(&HARVESTER.replace("workers: {replicas: 2", "workers: {replicas: 5")),
        Some(3)
    );
    assert_eq!(
        copies(&format!("{HARVESTER}addons: {{storage: {{replicaCount: 1}}}}")),
        Some(1)
    );
    let too_many = warnings(&format!("{HARVESTER}addons: {{storage: {{replicaCount: 4}}}}"));
    assert!(
        too_many.contains(&"4 copies of each volume need as many nodes; 2 carry volumes".to_owned()),
        "{too_many:?}"
    );
}

#[test]
fn longhorn_on_plain_talos_is_warned_about() {
    let message = "Longhorn needs the Talos extension iscsi-tools, which plain Talos lacks";
    assert_eq!(warnings(HARVESTER), [message]);
    let schematic = "75d479b0960e56ef9ecc3a11c0572e4fe41f8b1e8a24c70ad38fc34e89431524";
    assert!(warnings(&format!("{HARVESTER}talos: {{schematic: {schematic}}}")).is_empty());
    assert!(warnings(&HARVESTER.replace("vlan40", "vlan40, imageName: default/talos")).is_empty());
}

#[test]
fn addons_that_do_not_work_in_clouds_are_warned_about() {
    let text = "
provider: aws
cluster:
  name: demo
  controlPlane: {replicas: 3, cpu: 4, memoryMB: 8192, diskGB: 50}
network: {vip: api.example.org, loadBalancerPool: {start: 192.0.2.10, end: 192.0.2.50}}
providerConfig: {aws: {accessKeyID: {env: A}, secretAccessKey: {env: B}, region: eu-central-1}}
addons: {loadBalancer: {type: metallb}, ingress: {}, controlPlaneHA: {type: kube-vip}}
";
    let loaded = load(text);
    assert!(loaded.config.addons.load_balancer.is_none() && loaded.config.network.load_balancer_pool.is_none());
    let messages: Vec<&str> = loaded.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "`network.loadBalancerPool` is not used on aws",
            "MetalLB is not installed on aws",
            "Traefik is not installed on aws",
            "kube-vip is not installed on aws",
        ]
    );
}

#[test]
fn what_waits_for_something_of_yours_is_warned_about() {
    let messages = warnings(&format!(
        "{SINGLE}addons: {{cni: {{type: none}}, storage: {{type: none}}, loadBalancer: {{type: none}}}}"
    ));
    assert_eq!(
        messages,
        [
            "without a CNI the nodes stay NotReady",
            "without Longhorn Steward needs another default storage class",
            "without a load balancer Traefik gets no address",
        ]
    );
    let no_pool = SINGLE.replace(
        "network:\n  loadBalancerPool: {start: 192.0.2.10, end: 192.0.2.50}\n",
        "",
    );
    let loaded = load(&format!("{no_pool}addons: {{ingress: {{enabled: false}}}}"));
    assert_eq!(
        loaded.warnings[0].message,
        "without `network.loadBalancerPool` MetalLB is not installed"
    );
    assert!(loaded.config.addons.load_balancer.is_none());
}

#[test]
fn switching_verification_off_has_no_effect() {
    let text = fs_sample("nutanix.yaml").replace("    port: 9440", "    insecure: true");
    assert_eq!(
        warnings(&text),
        ["`providerConfig.nutanix.insecure` has no effect: TLS is always verified"]
    );
}

fn fs_sample(name: &str) -> String {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/configs")
        .join(name);
    std::fs::read_to_string(path).expect("the sample is there")
}

#[test]
fn places_are_counted_in_characters_and_secrets_have_one_length() {
    let text = "provider: inmemory\nzürich: {jwtSecret: \"ä€\", tokne: 1}\ncluster: {name: dämo}\n";
    let errors = config::load(text, "butler.yaml").expect_err("nothing of it fits");
    let shown = errors.to_string();
    assert!(
        shown.contains("2 | zürich: {jwtSecret: ***, tokne: 1}\n  | ^^^^^^"),
        "{shown}"
    );
    assert!(
        shown.contains("3 | cluster: {name: dämo}\n  |                 ^^^^"),
        "{shown}"
    );
    let name = errors
        .problems()
        .iter()
        .find(|problem| problem.path == "cluster.name")
        .expect("a problem");
    assert_eq!((name.line, name.column), (3, 17));
}

#[test]
fn a_file_of_the_other_platform_family_is_read_alike() {
    let unix = load(SINGLE).config.digest;
    assert_eq!(load(&SINGLE.replace('\n', "\r\n")).config.digest, unix);
    assert_eq!(load(&format!("\u{feff}{SINGLE}")).config.digest, unix);
}

#[test]
fn more_than_a_hundred_problems_are_counted() {
    let keys = (0..150)
        .map(|i| format!("unknown{i}: 1"))
        .collect::<Vec<_>>()
        .join("\n");
    let errors = config::load(&format!("{SINGLE}{keys}"), "butler.yaml").expect_err("unknown keys");
    assert_eq!(errors.problems().len(), 100);
    let shown = errors.to_string();
    assert!(
        shown.starts_with("butler.yaml: 150 problems\n") && shown.ends_with("\n\nand 50 more"),
        "{shown}"
    );
}

#[test]
fn pairs_that_nobody_says_anything_about_are_warned_of() {
    let text =
        format!("{SINGLE}addons: {{cni: {{version: 1.17.0}}, storage: {{version: 1.99.0}}, capi: {{version: main}}}}");
    let mut found = warnings(&text);
    found.retain(|warning| warning.starts_with("nobody says"));
    assert_eq!(
        found,
        [
            "nobody says whether Cilium 1.17.0 works on Kubernetes v1.35.4",
            "nobody says whether Longhorn 1.99.0 works on Kubernetes v1.35.4",
            "nobody says whether Cluster API main works on Kubernetes v1.35.4",
            "nobody says whether Cluster API provider Steward v0.3.0 works with Cluster API main",
        ]
    );
}

/// What is chosen where nothing is written goes together on every Kubernetes release that Talos runs, but for the newest:
/// then it is said.
#[test]
fn defaults_on_every_kubernetes_release_load_without_a_refusal() {
    for line in &config::versions::TALOS_LINES {
        for minor in line.kubernetes_min.max(28)..=line.kubernetes_max {
            let talos = format!(
                "talos: {{version: v1.{}.0, kubernetesVersion: v1.{minor}.0}}\n",
                line.minor
            );
            let text = format!("{SINGLE}{talos}");
            let stated = (29..=35).contains(&minor);
            let mut found = warnings(&text);
            found.retain(|warning| warning.starts_with("nobody says"));
            assert_eq!(found.is_empty(), stated, "{talos}{found:?}");
        }
    }
}

const CA: &str = "-----BEGIN CERTIFICATE-----
MIIBejCCASGgAwIBAgIQ
-----END CERTIFICATE-----
";

const CLOSED: &str = "
talos:
  registries:
    mirrors:
      docker.io: {endpoints: [\"https://mirror.example.org:5000/v2/docker\"], overridePath: true, skipFallback: true}
      \"*\": {endpoints: [\"http://192.0.2.5\"]}
    config:
      mirror.example.org:5000:
        tls: {ca: {file: mirror.pem}}
        auth: {username: robot, password: {file: mirror-password}}
  trustedCAs: [{file: corp.pem}]
  discovery: false
  patches:
    all:
      - machine: {sysctls: {a: 1}}
      - {file: patch.yaml}
    controlPlane:
      - [{op: add, path: /machine/env, value: {TOKEN: hunter2}}]
    workers:
      - |
        machine:
          env: {TOKEN: hunter2}
";

fn load_with(text: &str, files: &[(&str, &str)]) -> Loaded {
    let read = |path: &str| {
        let found = files.iter().find(|(name, _)| *name == path);
        found
            .map(|(_, text)| (*text).to_owned())
            .ok_or_else(|| "no such file".to_owned())
    };
    config::load_with(text, "butler.yaml", &read).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn a_closed_network_can_be_described() {
    let text = format!("{SINGLE}{CLOSED}");
    let files = [
        ("mirror.pem", CA),
        ("corp.pem", CA),
        ("patch.yaml", "machine: {env: {A: b}}"),
    ];
    let config = load_with(&text, &files).config;
    let talos = &config.talos;
    let mirror = &talos.registries.mirrors["docker.io"];
    let endpoints: Vec<String> = mirror.endpoints.iter().map(ToString::to_string).collect();
    assert_eq!(endpoints, ["https://mirror.example.org:5000/v2/docker"]);
    assert!(mirror.override_path && mirror.skip_fallback);
    let host = &talos.registries.hosts["mirror.example.org:5000"];
    assert_eq!(host.ca.as_deref(), Some(CA));
    let login = host.login.as_ref().unwrap();
    assert!(matches!(&login.password, SecretSource::File(path) if path == "mirror-password"));
    assert!(!talos.discovery.enabled);
    assert_eq!((talos.trusted_cas.len(), talos.patches.all.len()), (1, 2));
    assert_eq!((talos.patches.control_plane.len(), talos.patches.workers.len()), (1, 1));
    let shown = format!("{config:?} {}", config.canonical);
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn the_digest_follows_the_content_of_files_and_patches_and_no_secret() {
    let text = format!("{SINGLE}{CLOSED}");
    let digest = |text: &str, ca: &str, patch: &str| {
        load_with(text, &[("mirror.pem", CA), ("corp.pem", ca), ("patch.yaml", patch)])
            .config
            .digest
    };
    let first = digest(&text, CA, "machine: {env: {A: b}}");
    assert_eq!(digest(&text, CA, "# a comment\nmachine:\n  env:\n    A: b\n"), first);
    assert_ne!(digest(&text, CA, "machine: {env: {A: c}}"), first);
    assert_ne!(
        digest(&text, &CA.replace("MIIB", "MIIC"), "machine: {env: {A: b}}"),
        first
    );
    assert_ne!(
        digest(
            &text.replace("discovery: false", "discovery: true"),
            CA,
            "machine: {env: {A: b}}"
        ),
        first
    );
    // Without these settings it is what it was before there were any.
    assert_eq!(
        with("talos: {discovery: true, patches: {all: []}, trustedCAs: []}").digest,
        with("").digest
    );
}

#[test]
fn paths_are_resolved_everywhere_and_the_digest_stays() {
    let text = format!(
        "{SINGLE}bootstrapCluster: {{type: existing, kubeconfig: kubeconfig}}\nproviderConfig: {{inmemory: {{world: w.yaml}}}}\n\
         addons:\n  chartMirror: charts\n  capi: {{infrastructureProviders: [{{name: aws, variables: {{AWS_REGION: x, AWS_ACCESS_KEY_ID: {{env: A}}, \
          AWS_SECRET_ACCESS_KEY: {{file: key}}}}}}]}}\n  console: {{enabled: true, auth: {{adminPassword: {{file: secret}}, jwtSecret: \
         {{exec: [./print, x]}}}}}}\n{CLOSED}"
    );
    let files = [
        ("mirror.pem", CA),
        ("corp.pem", CA),
        ("patch.yaml", "machine: {env: {A: b}}"),
    ];
    let mut config = load_with(&text, &files).config;
    let digest = config.digest.clone();
    let mut seen = Vec::new();
    config
        .resolve_paths(|path| {
            seen.push(path.to_owned());
            Ok::<_, ()>(format!("/etc/{path}"))
        })
        .unwrap();
    seen.sort();
    assert_eq!(
        seen,
        [
            "./print",
            "charts",
            "key",
            "kubeconfig",
            "mirror-password",
            "secret",
            "w.yaml"
        ]
    );
    assert_eq!(config.digest, digest);
    let console = config.addons.console.unwrap();
    assert!(matches!(console.admin_password, Some(SecretSource::File(path)) if path == "/etc/secret"));
    assert!(matches!(console.jwt_secret, Some(SecretSource::Exec(words)) if words == ["/etc/./print", "x"]));
}

#[test]
fn a_secret_can_be_an_entry_of_the_keyring() {
    let with = |entry: &str| {
        format!("{SINGLE}addons: {{console: {{enabled: true, auth: {{jwtSecret: {{keyring: {entry}}}}}}}}}\n{CLOSED}")
    };
    let files = [
        ("mirror.pem", CA),
        ("corp.pem", CA),
        ("patch.yaml", "machine: {env: {A: b}}"),
    ];
    let config = load_with(&with("{service: pve, username: root@pam}"), &files).config;
    let secret = config.addons.console.unwrap().jwt_secret;
    assert!(
        matches!(&secret, Some(SecretSource::Keyring { service, username }) if service == "pve" && username == "root@pam"),
        "{secret:?}"
    );
    let half = butler_api::config::load(&with("{service: pve}"), "file.yaml")
        .unwrap_err()
        .to_string();
    assert!(
        half.contains("addons.console.auth.jwtSecret.keyring.username"),
        "{half}"
    );
    let empty = butler_api::config::load(&with("{service: \" \", username: a}"), "file.yaml")
        .unwrap_err()
        .to_string();
    assert!(
        empty.contains("`addons.console.auth.jwtSecret.keyring.service` is empty"),
        "{empty}"
    );
}
