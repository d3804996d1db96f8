//! Our files against the real talosctl: it must validate, generate and read the same. Skipped where it is not built.

#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]
#![expect(clippy::unwrap_used, reason = "what stops a test")]

mod peer;

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use butler_api::config::{self as configuration, Discovery, Host, HttpUrl, Mirror, Patches};
use butler_talos::config::{ClusterSpec, Cni, NodeSpec, RegistryHost, Role, render};
use butler_talos::secrets::SecretsBundle;
use butler_talos::talosconfig;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use semver::Version;
use serde_json::Value;

const ENDPOINT: &str = "https://10.0.0.10:6443";

static SECRETS: LazyLock<SecretsBundle> = LazyLock::new(|| SecretsBundle::generate(Timestamp::now()).unwrap());

#[test]
fn talosctl_validates_what_we_render() {
    let Some(talosctl) = peer::talosctl() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (what, cluster, node) in configurations() {
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, render(&cluster, &node, &SECRETS).unwrap().expose_secret()).unwrap();
        let output = Command::new(&talosctl)
            .args(["validate", "--mode", "metal", "--strict", "--config"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{what}, {:?}: {}",
            node.role,
            peer::words(&output)
        );
    }
}

#[test]
fn talosctl_generates_the_same_from_our_secrets() {
    let Some(talosctl) = peer::talosctl() else { return };
    let folder = tempfile::tempdir().unwrap();
    let secrets = folder.path().join("secrets.yaml");
    std::fs::write(&secrets, SECRETS.to_yaml().unwrap().expose_secret()).unwrap();
    let out = folder.path().join("out");
    for (contract, talos) in [("v1.12", "1.12.0"), ("v1.9", "1.9.6")] {
        let output = Command::new(&talosctl)
            .args([
                "gen",
                "config",
                "mgmt",
                ENDPOINT,
                "--with-docs=false",
                "--with-examples=false",
                "--force",
            ])
            .args(["--kubernetes-version", "1.32.4", "--talos-version", contract])
            .args([
                "--install-disk",
                "/dev/vda",
                "--install-image",
                "factory.talos.dev/installer/x:v1",
            ])
            .args([
                "--additional-sans",
                "10.0.0.11,mgmt.example",
                "--registry-mirror",
                "docker.io=https://mirror",
            ])
            .arg("--with-secrets")
            .arg(&secrets)
            .arg("--output")
            .arg(&out)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", peer::words(&output));
        let mut cluster = cluster(talos, "1.32.4");
        cluster.install_disk = Some("/dev/vda".into());
        cluster.install_image = Some("factory.talos.dev/installer/x:v1".into());
        cluster.extra_cert_sans = vec!["10.0.0.11".into(), "mgmt.example".into()];
        cluster
            .registry_mirrors
            .insert("docker.io".into(), mirror("https://mirror"));
        for (role, file) in [(Role::ControlPlane, "controlplane.yaml"), (Role::Worker, "worker.yaml")] {
            let ours = documents(
                render(&cluster, &NodeSpec::new(role), &SECRETS)
                    .unwrap()
                    .expose_secret(),
            );
            let theirs = documents(&std::fs::read_to_string(out.join(file)).unwrap());
            assert_eq!(ours, theirs, "{contract} {file}");
        }
    }
}

#[test]
fn we_read_the_secrets_of_talosctl() {
    let Some(talosctl) = peer::talosctl() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secrets.yaml");
    let output = Command::new(&talosctl)
        .args(["gen", "secrets", "--output-file"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", peer::words(&output));
    let text = std::fs::read_to_string(&file).unwrap();
    let bundle = SecretsBundle::from_yaml(&text).unwrap();
    assert_eq!(documents(bundle.to_yaml().unwrap().expose_secret()), documents(&text));
}

#[test]
fn talosctl_reads_our_talosconfig() {
    let Some(talosctl) = peer::talosctl() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("talosconfig");
    let endpoints = ["10.0.0.1".to_owned(), "10.0.0.2".to_owned()];
    let text = talosconfig::render("mgmt", &endpoints, &endpoints[..1], &SECRETS, Timestamp::now()).unwrap();
    std::fs::write(&file, text.expose_secret()).unwrap();
    let output = Command::new(&talosctl)
        .args(["config", "info", "--output", "json", "--talosconfig"])
        .arg(&file)
        .output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", peer::words(&output));
    let info: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(info["context"], "mgmt");
    assert_eq!(info["endpoints"], serde_json::json!(endpoints));
    assert_eq!(info["roles"], serde_json::json!(["os:admin"]));
}

/// Patches in the forms that people use, each a list of texts.
const PATCHES: [&[&str]; 9] = [
    &["machine:\n  sysctls:\n    net.core.somaxconn: \"65535\"\n    kernel.x: 0644\n  certSANs: [extra.example.org]\n"],
    &[
        "machine: {network: {interfaces: [{interface: eth1, dhcp: true, vlans: [{vlanId: 5, dhcp: true}]}]}}",
        "machine: {network: {interfaces: [{interface: eth1, mtu: 1400, vlans: [{vlanId: 5, mtu: 1300}, {vlanId: 6, dhcp: true}]}, {interface: eth2, dhcp: true}]}}",
        "machine: {network: {interfaces: [{deviceSelector: {busPath: 00:*}, addresses: [192.0.2.7/24]}, {deviceSelector: {busPath: 00:*}, addresses: [192.0.2.8/24]}]}}",
    ],
    &[
        "machine: {kubelet: {extraArgs: {rotate-server-certificates: \"true\"}, nodeIP: {validSubnets: [192.0.2.0/24]}}}",
        "machine: {kubelet: {extraArgs: {rotate-server-certificates: \"false\", v: \"2\"}, nodeIP: {validSubnets: [198.51.100.0/24]}}}",
    ],
    &[
        "machine: {features: {diskQuotaSupport: {$patch: delete}}, nodeLabels: {own: label}}",
        "machine: {time: {servers: [a.example.org], disabled: false}}",
        "machine: {time: {servers: [b.example.org], bootTimeout: 2m}}",
    ],
    &[
        "machine: {files: [{path: /var/one, op: create, permissions: 0o600, content: \"a\\n\"}]}",
        "machine: {files: [{path: /var/two, op: create, permissions: 0o644, content: b}]}",
        "machine: {files: [{path: /var/one, $patch: delete}]}",
    ],
    &[
        "apiVersion: v1alpha1\nkind: NetworkRuleConfig\nname: one\nportSelector: {ports: [80, 443], protocol: tcp}\ningress: [{subnet: 192.0.2.0/24}]\n---\napiVersion: v1alpha1\nkind: NetworkDefaultActionConfig\ningress: block\n",
        "apiVersion: v1alpha1\nkind: NetworkRuleConfig\nname: one\nportSelector: {ports: [8080], protocol: tcp}\ningress: [{subnet: 198.51.100.0/24}]\n",
        "apiVersion: v1alpha1\nkind: NetworkDefaultActionConfig\n$patch: delete\n",
    ],
    &[
        "apiVersion: v1alpha1\nkind: ExtensionServiceConfig\nname: agent\nconfigFiles: [{content: a, mountPath: /etc/a}]\nenvironment: [A=1]\n",
        "apiVersion: v1alpha1\nkind: ExtensionServiceConfig\nname: agent\nconfigFiles: [{content: b, mountPath: /etc/a}, {content: c, mountPath: /etc/c}]\nenvironment: [B=2]\n",
        "apiVersion: v1alpha1\nkind: WatchdogTimerConfig\ndevice: /dev/watchdog0\ntimeout: 2m0s\n",
    ],
    &[
        "machine: {install: {extraKernelArgs: [a=1], wipe: true}, kernel: {modules: [{name: br_netfilter}]}}\ncluster: {discovery: {registries: {service: {disabled: true}}}, allowSchedulingOnControlPlanes: true}",
        "machine: {install: {wipe: false, disk: \"\"}, env: {a: b}}",
    ],
    &[
        "cluster: {network: {dnsDomain: example.internal}, extraManifests: [https://a.example.org/x.yaml]}\ndebug: true\n",
    ],
];

/// Those that only control planes can have.
const FOR_CONTROL_PLANES: [&[&str]; 2] = [
    &[
        "cluster: {apiServer: {extraArgs: {v: \"1\"}, certSANs: [a.example.org], auditPolicy: {apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None}]}}}",
        "cluster: {apiServer: {admissionControl: [{name: PodSecurity, configuration: {exemptions: {namespaces: [extra]}}}, {name: Other, configuration: {a: 1}}]}}",
    ],
    &[
        "cluster: {apiServer: {admissionControl: {$patch: delete}}, etcd: {extraArgs: {listen-metrics-urls: \"http://0.0.0.0:2381\"}}}",
        "cluster: {apiServer: {auditPolicy: {$patch: delete}}, controllerManager: {extraArgs: {bind-address: 0.0.0.0}}}",
    ],
];

const OPERATIONS: &str = r#"[{"op": "add", "path": "/machine/sysctls", "value": {"a": "1"}},
    {"op": "replace", "path": "/machine/install/disk", "value": "/dev/sdb"},
    {"op": "add", "path": "/machine/certSANs/-", "value": "x.example.org"},
    {"op": "copy", "from": "/machine/install/disk", "path": "/machine/sysctls/b"},
    {"op": "test", "path": "/machine/sysctls/b", "value": "/dev/sdb"},
    {"op": "remove", "path": "/machine/features/diskQuotaSupport"}]"#;

#[test]
fn patches_give_what_talosctl_makes_of_them() {
    let Some(talosctl) = peer::talosctl() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (talos, kubernetes) in [("1.9.6", "1.32.0"), ("1.12.1", "1.35.0")] {
        for role in [Role::ControlPlane, Role::Worker] {
            let own: &[&[&str]] = match role {
                Role::ControlPlane => &FOR_CONTROL_PLANES,
                Role::Worker => &[],
            };
            for texts in PATCHES.iter().chain(own) {
                let (ours, theirs) = both(&talosctl, folder.path(), talos, kubernetes, role, texts);
                assert_eq!(ours, theirs, "{talos} {role:?} {texts:?}");
            }
        }
    }
}

#[test]
fn json_patches_give_what_talosctl_makes_of_them_where_it_takes_them() {
    let Some(talosctl) = peer::talosctl() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = both(&talosctl, folder.path(), "1.9.6", "1.32.0", Role::Worker, &[OPERATIONS]);
    assert_eq!(ours, theirs);
    // With further documents it refuses them; ours change the main one.
    let file = folder.path().join("several.yaml");
    let node = NodeSpec::new(Role::Worker);
    let text = render(&cluster("1.12.1", "1.35.0"), &node, &SECRETS).unwrap();
    std::fs::write(&file, text.expose_secret()).unwrap();
    let output = patched(&talosctl, &file, &[OPERATIONS], &folder.path().join("out.yaml"));
    assert!(
        !output.status.success() && peer::words(&output).contains("multi-document"),
        "{}",
        peer::words(&output)
    );
}

/// Documents that we and talosctl make of a configuration and patches.
fn both(
    talosctl: &Path,
    folder: &Path,
    talos: &str,
    kubernetes: &str,
    role: Role,
    texts: &[&str],
) -> (Vec<Value>, Vec<Value>) {
    let mut cluster = cluster(talos, kubernetes);
    let mut node = NodeSpec::new(role);
    node.hostname = Some("mgmt-0".into());
    let (plain, ours) = (folder.join("plain.yaml"), folder.join("ours.yaml"));
    std::fs::write(&plain, render(&cluster, &node, &SECRETS).unwrap().expose_secret()).unwrap();
    cluster.patches = patches(talos, texts);
    std::fs::write(&ours, render(&cluster, &node, &SECRETS).unwrap().expose_secret()).unwrap();
    let made = |file: &Path, texts: &[&str]| {
        let out = folder.join("made.yaml");
        let output = patched(talosctl, file, texts, &out);
        assert!(
            output.status.success(),
            "{talos} {role:?} {texts:?}: {}",
            peer::words(&output)
        );
        documents(&std::fs::read_to_string(out).unwrap())
    };
    // The tool writes its own form; a patch that changes nothing brings ours into it.
    (made(&ours, &["machine: {}"]), made(&plain, texts))
}

fn patched(talosctl: &Path, file: &Path, texts: &[&str], out: &Path) -> std::process::Output {
    let mut command = Command::new(talosctl);
    command
        .args(["machineconfig", "patch"])
        .arg(file)
        .arg("--output")
        .arg(out);
    for (i, text) in texts.iter().enumerate() {
        let patch = out.with_extension(format!("patch-{i}"));
        std::fs::write(&patch, text).unwrap();
        command.arg("--patch").arg(format!("@{}", patch.display()));
    }
    command.output().unwrap()
}

fn patches(talos: &str, texts: &[&str]) -> Patches {
    let items: Vec<String> = texts.iter().map(|text| serde_json::to_string(text).unwrap()).collect();
    let text = format!(
        "provider: inmemory\ncluster: {{name: demo, topology: single-node, controlPlane: {{cpu: 2, memoryMB: 4096, diskGB: \
         40}}}}\nnetwork: {{loadBalancerPool: {{start: 192.0.2.10, end: 192.0.2.50}}}}\ntalos:\n  version: v{talos}\n  \
         patches: {{all: [{}]}}\n",
        items.join(", ")
    );
    let loaded = configuration::load(&text, "butler.yaml").unwrap_or_else(|errors| panic!("{errors}"));
    loaded.config.talos.patches
}

fn mirror(url: &str) -> Mirror {
    Mirror {
        endpoints: vec![HttpUrl::parse(url).unwrap()],
        override_path: false,
        skip_fallback: false,
    }
}

/// Everything that a closed network needs.
fn closed_network(cluster: &mut ClusterSpec) {
    for (registry, url) in [
        ("docker.io", "https://mirror.example:5000/v2/docker"),
        ("*", "http://192.0.2.5"),
    ] {
        let mirror = Mirror {
            override_path: true,
            skip_fallback: true,
            ..mirror(url)
        };
        cluster.registry_mirrors.insert(registry.into(), mirror);
    }
    let host = RegistryHost {
        ca: Some(SECRETS.os_ca().crt.clone()),
        login: Some(("robot".into(), "hunter2".into())),
    };
    cluster.registry_hosts.insert("mirror.example:5000".into(), host);
    cluster.trusted_cas = vec![SECRETS.os_ca().crt.clone(), SECRETS.k8s_ca().crt.clone()];
    cluster.discovery = Discovery {
        enabled: false,
        endpoint: None,
    };
    cluster.patches = patches(
        &cluster.talos_version.to_string(),
        &["machine: {sysctls: {vm.swappiness: \"1\"}}", OPERATIONS_OF_OURS],
    );
}

const OPERATIONS_OF_OURS: &str = r#"[{"op": "add", "path": "/machine/env", "value": {"A": "b"}}]"#;

/// What is particular, the cluster and the node.
fn configurations() -> Vec<(&'static str, ClusterSpec, NodeSpec)> {
    let base = cluster("1.12.1", "1.35.0");
    let mut full = base.clone();
    full.pod_cidrs = vec!["10.240.0.0/16".into()];
    full.service_cidrs = vec!["10.241.0.0/16".into()];
    full.install_image = Some(
        "factory.talos.dev/metal-installer/376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba:v1.12.1"
            .into(),
    );
    full.allow_scheduling_on_control_planes = true;
    full.cni = Cni::None;
    full.proxy_disabled = true;
    full.time_servers = vec![Host::parse("time.example").unwrap()];
    full.extra_cert_sans = vec!["10.0.0.10".into(), "api.example".into()];
    full.longhorn_mounts = true;
    full.registry_mirrors
        .insert("docker.io".into(), mirror("https://mirror.example"));
    full.sysctls.insert("vm.nr_hugepages".into(), "1024".into());
    let mut with_mtu = full.clone();
    with_mtu.mtu = Some(9000);
    let mut old = with_mtu.clone();
    (old.talos_version, old.kubernetes_version) = (Version::new(1, 9, 0), Version::new(1, 32, 0));
    let mut new = with_mtu.clone();
    new.talos_version = Version::new(1, 13, 0);

    let mut configurations = Vec::new();
    for role in [Role::ControlPlane, Role::Worker] {
        let mut node = NodeSpec::new(role);
        configurations.push(("defaults", base.clone(), node.clone()));
        node.hostname = Some("mgmt-0".into());
        node.labels
            .insert("butler.butlerlabs.dev/pool".into(), "storage".into());
        node.taints
            .insert("example.com/dedicated".into(), "x:NoSchedule".into());
        node.install_disk = Some("/dev/nvme0n1".into());
        configurations.push(("every option", full.clone(), node.clone()));
        node.interface = Some("eth0".into());
        if role == Role::ControlPlane {
            node.vip = Some((IpAddr::V4(Ipv4Addr::new(10, 0, 0, 10)), "eth0".into()));
            node.loopback = vec![IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7))];
        }
        configurations.push(("an address of its own", full.clone(), node.clone()));
        configurations.push(("an MTU", with_mtu.clone(), node.clone()));
        configurations.push(("the form of 1.9", old.clone(), node.clone()));
        configurations.push(("the form of 1.13", new.clone(), node.clone()));
        for (talos, kubernetes) in [
            ("1.8.4", "1.31.4"),
            ("1.9.6", "1.32.4"),
            ("1.10.8", "1.33.6"),
            ("1.11.6", "1.34.1"),
            ("1.12.1", "1.35.0"),
            ("1.13.0", "1.35.0"),
        ] {
            let mut closed = cluster(talos, kubernetes);
            closed_network(&mut closed);
            configurations.push(("a closed network", closed.clone(), node.clone()));
            closed.discovery = Discovery {
                enabled: true,
                endpoint: HttpUrl::parse("https://discovery.example:3000/"),
            };
            configurations.push(("a discovery service of one's own", closed, node.clone()));
        }
    }
    configurations
}

fn cluster(talos: &str, kubernetes: &str) -> ClusterSpec {
    let mut cluster = ClusterSpec::new("mgmt", ENDPOINT, talos.parse().unwrap(), kubernetes.parse().unwrap());
    cluster.install_disk = Some("/dev/vda".into());
    cluster
}

fn documents(text: &str) -> Vec<Value> {
    text.split("\n---\n")
        .map(|document| serde_saphyr::from_str(document).unwrap())
        .collect()
}
