//! Our files against the real talosctl: it must validate, generate and read the same. Skipped where it is not built.

#![expect(clippy::unwrap_used, reason = "what stops a test")]

mod peer;

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::sync::LazyLock;

use butler_talos::config::{ClusterSpec, Cni, NodeSpec, Role, render};
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
            .insert("docker.io".into(), vec!["https://mirror".into()]);
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
    full.time_servers = vec!["time.example".into()];
    full.extra_cert_sans = vec!["10.0.0.10".into(), "api.example".into()];
    full.longhorn_mounts = true;
    full.registry_mirrors
        .insert("docker.io".into(), vec!["https://mirror.example".into()]);
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
        configurations.push(("the form of 1.13", new.clone(), node));
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
