//! Our configurations against those of Talos's own generator, and what the options change.

use std::{fs, path::Path};

use butler_api::config::HttpUrl;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::*;
use crate::{reference, secrets::tests::BUNDLE};

/// The folder of configurations that Talos's own generator wrote, and the bundle it took.
fn goldens() -> Option<(impl Fn(&str) -> Vec<Value>, SecretsBundle)> {
    let not_checked = "configurations for Talos 1.8 to 1.13 against those of its own generator";
    let folder = reference::find("talos/goldens", not_checked)?;
    let secrets = SecretsBundle::from_yaml(&text(&folder.join("secrets.yaml"))).unwrap();
    Some((move |file: &str| documents(&text(&folder.join(file))), secrets))
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn documents(text: &str) -> Vec<Value> {
    text.split("\n---\n")
        .map(|document| yaml::read(document).unwrap())
        .collect()
}

fn mirror(url: &str) -> Mirror {
    Mirror {
        endpoints: vec![HttpUrl::parse(url).unwrap()],
        override_path: false,
        skip_fallback: false,
    }
}

fn base(talos: &str) -> ClusterSpec {
    let version: Version = talos.parse().unwrap();
    // The goldens name a Kubernetes version that no such line runs; the form does not depend on it.
    let kubernetes = butler_api::config::versions::default_kubernetes(&version).unwrap();
    ClusterSpec::new("base", "https://base:6443", version, kubernetes)
}

fn rendered(cluster: &ClusterSpec, node: &NodeSpec, secrets: &SecretsBundle) -> Vec<Value> {
    let text = render(cluster, node, secrets).unwrap();
    let own = format!(":v{}", cluster.kubernetes_version);
    documents(&text.expose_secret().replace(&own, ":v1.28.0"))
}

/// What always runs of the comparison with Talos's own generator.
#[test]
fn the_sample_is_what_the_generator_of_talos_writes() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/talos");
    let secrets = SecretsBundle::from_yaml(&text(&sample.join("secrets.yaml"))).unwrap();
    let (endpoint, talos) = ("https://sample.example.org:6443", Version::new(1, 12, 1));
    let mut cluster = ClusterSpec::new("sample", endpoint, talos, Version::new(1, 35, 0));
    cluster.install_disk = Some("/dev/vda".into());
    cluster.install_image = Some("ghcr.io/siderolabs/installer:v1.12.1".into());
    cluster.extra_cert_sans = vec!["sample.internal".into()];
    let mirrors = &mut cluster.registry_mirrors;
    mirrors.insert("docker.io".into(), mirror("https://mirror.example.org"));
    for (role, file) in [(Role::ControlPlane, "controlplane.yaml"), (Role::Worker, "worker.yaml")] {
        let ours = render(&cluster, &NodeSpec::new(role), &secrets).unwrap();
        let (mut ours, mut golden) = (documents(ours.expose_secret()), documents(&text(&sample.join(file))));
        comparable(&mut ours, &mut golden);
        similar_asserts(&ours, &golden);
    }
}

#[test]
fn a_base_configuration_is_what_the_generator_of_talos_writes() {
    let Some((golden, secrets)) = goldens() else { return };
    for (folder, talos) in [
        ("v1.9", "1.8.0"),
        ("v1.9", "1.11.6"),
        ("v1.12", "1.12.0"),
        ("v1.13", "1.13.9"),
    ] {
        for (role, file) in [(Role::ControlPlane, "controlplane"), (Role::Worker, "worker")] {
            let ours = rendered(&base(talos), &NodeSpec::new(role), &secrets);
            similar_asserts(&ours, &golden(&format!("{folder}/base-{file}.yaml")));
        }
    }
}

#[test]
fn options_appear_where_the_generator_of_talos_puts_them() {
    let Some((golden, secrets)) = goldens() else { return };
    for (folder, talos) in [("v1.9", "1.9.6"), ("v1.12", "1.12.0"), ("v1.13", "1.13.9")] {
        for (role, file) in [(Role::ControlPlane, "controlplane"), (Role::Worker, "worker")] {
            let mut cluster = base(talos);
            cluster.extra_cert_sans = vec!["foo".into(), "bar".into()];
            cluster.allow_scheduling_on_control_planes = true;
            cluster.install_disk = Some("/dev/vda".into());
            cluster.sysctls.insert("foo".into(), "bar".into());
            cluster.cni = Cni::Custom(vec!["https://example.com/cni.yaml".into()]);
            cluster
                .registry_mirrors
                .insert("ghcr.io".into(), mirror("https://ghcr.io.my-mirror.com"));
            let mut ours = rendered(&cluster, &NodeSpec::new(role), &secrets);
            let mut golden = golden(&format!("{folder}/overrides-{file}.yaml"));
            let main = &mut golden[0];
            // What we have no option for.
            remove(main, "/machine/kubelet", "extraMounts");
            remove(main, "/machine/install", "extraKernelArgs");
            remove(main, "/cluster/controlPlane", "localAPIServerPort");
            main["cluster"]["network"]["dnsDomain"] = "cluster.local".into();
            // The generator keeps load balancers away even from control planes that run workloads; we do not.
            remove(main, "/machine", "nodeLabels");
            comparable(&mut ours, &mut golden);
            similar_asserts(&ours, &golden);
        }
    }
}

/// What a machine is told at its first boot is taken from it later: its configuration has to say it too.
#[test]
fn an_address_that_a_node_is_told_stays_when_its_first_boot_is_forgotten() {
    let mut node = NodeSpec::new(Role::Worker);
    node.address = Some(StaticAddress {
        address: "10.0.0.21".parse().unwrap(),
        prefix_length: 24,
        gateway: "10.0.0.1".parse().unwrap(),
        nameservers: vec!["10.0.0.2".parse().unwrap()],
    });
    let network = serde_json::json!({
        "interfaces": [{
            "deviceSelector": { "physical": true }, "dhcp": false, "addresses": ["10.0.0.21/24"],
            "routes": [{ "network": "0.0.0.0/0", "gateway": "10.0.0.1" }],
        }],
        "nameservers": ["10.0.0.2"],
    });
    let rendered = rendered(&base("1.12.0"), &node, &BUNDLE);
    assert_eq!(rendered[0]["machine"]["network"], network);
}

#[test]
fn names_and_virtual_addresses_move_to_documents_with_1_12() {
    let mut node = NodeSpec::new(Role::ControlPlane);
    node.hostname = Some("cp-0".into());
    node.vip = Some(("10.0.0.10".parse().unwrap(), "eth0".into()));
    node.loopback = vec!["203.0.113.7".parse().unwrap()];
    let loopback = serde_json::json!({ "interface": "lo", "addresses": ["203.0.113.7/32"] });

    let old = rendered(&base("1.11.6"), &node, &BUNDLE);
    assert_eq!(old.len(), 1);
    let vip = serde_json::json!({ "interface": "eth0", "dhcp": true, "vip": { "ip": "10.0.0.10" } });
    let network = serde_json::json!({ "hostname": "cp-0", "interfaces": [vip, loopback] });
    assert_eq!(old[0]["machine"]["network"], network);

    let new = rendered(&base("1.12.0"), &node, &BUNDLE);
    assert_eq!(
        new[0]["machine"]["network"],
        serde_json::json!({ "interfaces": [loopback] })
    );
    assert_eq!(
        (&new[1]["kind"], &new[1]["auto"], &new[1]["hostname"]),
        (&"HostnameConfig".into(), &"off".into(), &"cp-0".into())
    );
    assert_eq!(
        (&new[2]["kind"], &new[2]["name"], &new[2]["link"]),
        (&"Layer2VIPConfig".into(), &"10.0.0.10".into(), &"eth0".into())
    );
}

#[test]
fn a_worker_gets_no_private_key_of_the_cluster() {
    let text = render(&base("1.12.0"), &NodeSpec::new(Role::Worker), &BUNDLE).unwrap();
    let text = text.expose_secret();
    for key in [
        &BUNDLE.os_ca().key,
        &BUNDLE.k8s_ca().key,
        &BUNDLE.etcd_ca().key,
        &BUNDLE.aggregator_ca().key,
    ] {
        assert!(!text.contains(crate::secrets::to_base64(key).expose_secret()));
    }
    assert!(!text.contains(crate::secrets::to_base64(BUNDLE.service_account_key()).expose_secret()));
}

#[test]
fn what_cannot_be_rendered_says_why() {
    let node = NodeSpec::new(Role::Worker);
    let with = |change: fn(&mut ClusterSpec, &mut NodeSpec)| {
        let (mut cluster, mut node) = (base("1.12.0"), node.clone());
        change(&mut cluster, &mut node);
        render(&cluster, &node, &BUNDLE).unwrap_err().to_string()
    };
    insta::assert_snapshot!(
        [
            with(|cluster, _| cluster.talos_version = Version::new(1, 14, 0)),
            with(|cluster, _| cluster.kubernetes_version = Version::new(1, 36, 0)),
            with(|cluster, _| cluster.endpoint = "http://base:6443".into()),
            with(|cluster, _| cluster.endpoint = "https://base".into()),
            with(|_, node| node.vip = Some(("10.0.0.10".parse().unwrap(), "eth0".into()))),
        ]
        .join("\n"),
        @r#"
    machine configuration for Talos 1.14.0 is not supported; supported are v1.8.x to v1.13.x
    Talos 1.12.0 does not run Kubernetes 1.36.0
    cluster endpoint "http://base:6443" is not of the form https://HOST:PORT
    cluster endpoint "https://base" is not of the form https://HOST:PORT
    virtual address 10.0.0.10 is only possible on control planes
    "#
    );
}

#[test]
fn the_host_of_an_endpoint_is_found_or_refused() {
    assert_eq!(endpoint_host("https://[fd00::1]:6443"), Some("fd00::1"));
    assert_eq!(endpoint_host("https://api.example:443/"), Some("api.example"));
    for wrong in [
        "https://:6443",
        "https://a:0",
        "https://a:b",
        "https://[x]:1",
        "https://u@h:1",
        "a:1",
        "https://fd00::1",
    ] {
        assert_eq!(endpoint_host(wrong), None, "{wrong}");
    }
}

/// Brings what may stand in any order into one.
fn comparable(ours: &mut [Value], golden: &mut [Value]) {
    for documents in [ours, golden] {
        // The order of names in a certificate does not matter.
        sort(documents[0].pointer_mut("/cluster/apiServer/certSANs"));
        // Nor does that of documents.
        documents.sort_by_key(|document| document["kind"].to_string());
    }
}

fn remove(config: &mut Value, section: &str, key: &str) {
    if let Some(section) = config.pointer_mut(section).and_then(Value::as_object_mut) {
        section.remove(key);
    }
}

fn sort(list: Option<&mut Value>) {
    if let Some(list) = list.and_then(Value::as_array_mut) {
        list.sort_by_key(Value::to_string);
    }
}

/// Compares by lines, so that a failure shows the place.
fn similar_asserts(ours: &[Value], golden: &[Value]) {
    let lines = |documents: &[Value]| -> Vec<String> {
        serde_json::to_string_pretty(documents)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    };
    let (ours, golden) = (lines(&sorted(ours)), lines(&sorted(golden)));
    let only = |a: &[String], b: &[String]| a.iter().filter(|line| !b.contains(line)).cloned().collect::<Vec<_>>();
    assert_eq!(
        ours,
        golden,
        "only ours: {:#?}, only golden: {:#?}",
        only(&ours, &golden),
        only(&golden, &ours)
    );
}

/// The same values with the keys of every map in one order.
fn sorted(documents: &[Value]) -> Vec<Value> {
    documents.iter().map(sorted_value).collect()
}

fn sorted_value(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map
                .iter()
                .map(|(key, value)| (key.clone(), sorted_value(value)))
                .collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(sorted_value).collect()),
        other => other.clone(),
    }
}
