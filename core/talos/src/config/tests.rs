//! Our configurations against those of Talos's own generator, and what the options change.

use std::path::PathBuf;

use secrecy::ExposeSecret;
use serde_json::Value;

use super::*;

/// Reference data beside the project; none where it is not there.
fn reference(path: &str) -> Option<String> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/reference/talos")
        .join(path);
    let text = std::fs::read_to_string(&file).ok();
    if text.is_none() {
        eprintln!("skipped: {} is absent", file.display());
    }
    text
}

fn documents(text: &str) -> Vec<Value> {
    text.split("\n---\n")
        .map(|document| yaml::read(document).unwrap())
        .collect()
}

fn base(talos: &str) -> ClusterSpec {
    let version: Version = talos.parse().unwrap();
    // The goldens name a Kubernetes version that no such line runs; the form does not depend on it.
    let kubernetes = crate::matrix::default_kubernetes(&version).unwrap();
    ClusterSpec::new("base", "https://base:6443", version, kubernetes)
}

fn rendered(cluster: &ClusterSpec, node: &NodeSpec, secrets: &SecretsBundle) -> Vec<Value> {
    let text = render(cluster, node, secrets).unwrap();
    let own = format!(":v{}", cluster.kubernetes_version);
    documents(&text.expose_secret().replace(&own, ":v1.28.0"))
}

#[test]
fn a_base_configuration_is_what_the_generator_of_talos_writes() {
    let Some(secrets) = reference("goldens/secrets.yaml") else {
        return;
    };
    let secrets = SecretsBundle::from_yaml(&secrets).unwrap();
    for (folder, talos) in [
        ("v1.9", "1.8.0"),
        ("v1.9", "1.11.6"),
        ("v1.12", "1.12.0"),
        ("v1.13", "1.13.9"),
    ] {
        for (role, file) in [(Role::ControlPlane, "controlplane"), (Role::Worker, "worker")] {
            let golden = reference(&format!("goldens/{folder}/base-{file}.yaml")).unwrap();
            similar_asserts(
                &rendered(&base(talos), &NodeSpec::new(role), &secrets),
                &documents(&golden),
            );
        }
    }
}

#[test]
fn options_appear_where_the_generator_of_talos_puts_them() {
    let Some(secrets) = reference("goldens/secrets.yaml") else {
        return;
    };
    let secrets = SecretsBundle::from_yaml(&secrets).unwrap();
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
                .insert("ghcr.io".into(), vec!["https://ghcr.io.my-mirror.com".into()]);
            let mut ours = rendered(&cluster, &NodeSpec::new(role), &secrets);
            let mut golden = documents(&reference(&format!("goldens/{folder}/overrides-{file}.yaml")).unwrap());
            let main = &mut golden[0];
            // What we have no option for.
            remove(main, "/machine/kubelet", "extraMounts");
            remove(main, "/machine/install", "extraKernelArgs");
            remove(main, "/cluster/controlPlane", "localAPIServerPort");
            main["cluster"]["network"]["dnsDomain"] = "cluster.local".into();
            // The generator keeps load balancers away even from control planes that run workloads; we do not.
            remove(main, "/machine", "nodeLabels");
            // The order of names in a certificate does not matter.
            for config in [main, &mut ours[0]] {
                sort(config.pointer_mut("/cluster/apiServer/certSANs"));
            }
            // Nor does that of documents.
            ours.sort_by_key(|document| document["kind"].to_string());
            golden.sort_by_key(|document| document["kind"].to_string());
            similar_asserts(&ours, &golden);
        }
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
