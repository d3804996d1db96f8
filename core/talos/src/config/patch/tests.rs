//! Patches in the forms people write them. `tests/talosctl.rs` compares the same ones with the real tool.

use butler_api::config::{self, Patches};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::super::{ClusterSpec, NodeSpec, render};
use super::*;
use crate::secrets::tests::BUNDLE;

fn patches(talos: &str, list: &str) -> Patches {
    let text = format!(
        "provider: inmemory
cluster: {{name: demo, topology: single-node, controlPlane: {{cpu: 2, memoryMB: 4096, diskGB: 40}}}}
network: {{loadBalancerPool: {{start: 192.0.2.10, end: 192.0.2.50}}}}
talos:
  version: v{talos}
  patches:
    all:
{list}"
    );
    let loaded = config::load(&text, "butler.yaml").unwrap_or_else(|errors| panic!("{errors}"));
    loaded.config.talos.patches
}

fn text(talos: &str, role: Role, list: &str) -> Result<String, ConfigError> {
    let version = talos.parse().unwrap();
    let kubernetes = butler_api::config::versions::default_kubernetes(&version).unwrap();
    let mut cluster = ClusterSpec::new("demo", "https://192.0.2.1:6443", version, kubernetes);
    cluster.patches = patches(talos, list);
    cluster.extra_cert_sans = vec!["192.0.2.1".to_owned()];
    let mut node = NodeSpec::new(role);
    node.hostname = Some("demo-cp-0".to_owned());
    render(&cluster, &node, &BUNDLE).map(|text| text.expose_secret().to_owned())
}

fn documents(talos: &str, role: Role, list: &str) -> Vec<Value> {
    let text = text(talos, role, list).unwrap();
    text.split("\n---\n")
        .map(|document| crate::yaml::read(document).unwrap())
        .collect()
}

fn main_document(list: &str) -> Value {
    documents("1.12.1", Role::ControlPlane, list).remove(0)
}

#[test]
fn mappings_are_merged_and_lists_are_appended() {
    let main = main_document(
        "      - machine: {sysctls: {net.core.somaxconn: 65535}, certSANs: [extra.example.org]}
      - |
        machine:
          sysctls:
            vm.swappiness: \"1\"
        cluster:
          apiServer:
            extraArgs: {v: 2}
",
    );
    assert_eq!(
        main["machine"]["sysctls"],
        json!({ "net.core.somaxconn": 65535, "vm.swappiness": "1" })
    );
    assert_eq!(main["machine"]["certSANs"], json!(["192.0.2.1", "extra.example.org"]));
    assert_eq!(main["cluster"]["apiServer"]["extraArgs"], json!({ "v": 2 }));
    assert!(main["cluster"]["apiServer"]["image"].is_string());
}

#[test]
fn some_lists_have_items_with_a_name_and_some_values_are_replaced() {
    let main = main_document(
        "      - machine: {network: {interfaces: [{interface: eth1, dhcp: true}, {interface: eth0, mtu: 1400}]}}
      - machine: {network: {interfaces: [{interface: eth1, addresses: [192.0.2.9/24]}]}}
      - cluster:
          apiServer:
            auditPolicy: {apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None}]}
            admissionControl: [{name: PodSecurity, configuration: {defaults: {enforce: privileged}}}, {name: X, configuration: {}}]
",
    );
    assert_eq!(
        main["machine"]["network"]["interfaces"],
        json!([
            { "interface": "eth1", "dhcp": true, "addresses": ["192.0.2.9/24"] },
            { "interface": "eth0", "mtu": 1400 },
        ])
    );
    let server = &main["cluster"]["apiServer"];
    assert_eq!(server["auditPolicy"]["rules"], json!([{ "level": "None" }]));
    assert_eq!(server["admissionControl"].as_array().unwrap().len(), 2);
    let defaults = &server["admissionControl"][0]["configuration"]["defaults"];
    assert_eq!(
        (&defaults["enforce"], &defaults["warn"]),
        (&json!("privileged"), &json!("restricted"))
    );
}

#[test]
fn parts_can_be_taken_away() {
    let main = main_document(
        "      - cluster: {apiServer: {admissionControl: [{name: PodSecurity, $patch: delete}]}}
      - machine: {features: {diskQuotaSupport: {$patch: delete}}}
      - machine: {nodeLabels: {node.kubernetes.io/exclude-from-external-load-balancers: {$patch: delete}, own: label}}
",
    );
    assert_eq!(main["cluster"]["apiServer"]["admissionControl"], json!([]));
    assert!(main["machine"]["features"].get("diskQuotaSupport").is_none());
    assert_eq!(main["machine"]["nodeLabels"], json!({ "own": "label" }));
}

#[test]
fn further_documents_are_added_merged_and_taken_away() {
    let list = "      - {apiVersion: v1alpha1, kind: ResolverConfig, nameservers: [{address: 192.0.2.53}]}
      - |
        apiVersion: v1alpha1
        kind: RegistryMirrorConfig
        name: ghcr.io
        endpoints: [{url: https://one.example.org}]
        ---
        apiVersion: v1alpha1
        kind: RegistryMirrorConfig
        name: ghcr.io
        skipFallback: true
        endpoints: [{url: https://two.example.org}]
";
    let all = documents("1.12.1", Role::Worker, list);
    let of = |kind: &str| {
        all.iter()
            .filter(|document| document["kind"] == kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("ResolverConfig").len(), 1);
    assert_eq!(
        of("RegistryMirrorConfig"),
        [&json!({
            "apiVersion": "v1alpha1", "kind": "RegistryMirrorConfig", "name": "ghcr.io", "skipFallback": true,
            "endpoints": [{ "url": "https://one.example.org" }, { "url": "https://two.example.org" }],
        })]
    );
    let gone = format!("{list}      - {{apiVersion: v1alpha1, kind: ResolverConfig, $patch: delete}}\n");
    assert_eq!(documents("1.12.1", Role::Worker, &gone).len(), all.len() - 1);
}

#[test]
fn scalars_keep_their_spelling() {
    let list = "      - machine: {sysctls: {a: 0644, b: 1.10, c: yes, d: '0644', e: 0x1F}, files: [{permissions: 0o600, path: /var/x, op: create, content: y}]}\n";
    let text = text("1.12.1", Role::Worker, list).unwrap();
    for line in [
        "a: 0644",
        "b: 1.10",
        "c: yes",
        "d: \"0644\"",
        "e: 0x1F",
        "permissions: 0o600",
    ] {
        let quoted = line.replace('"', "'");
        assert!(
            text.lines().any(|found| found.trim() == line || found.trim() == quoted),
            "{line}: {text}"
        );
    }
}

#[test]
fn a_json_patch_changes_the_main_document() {
    for talos in ["1.11.6", "1.12.1", "1.13.0"] {
        let list = "      - [{op: add, path: /machine/sysctls, value: {a: '1'}}, {op: replace, path: /machine/install/wipe, value: true}]
      - '[{\"op\": \"add\", \"path\": \"/machine/certSANs/-\", \"value\": \"x.example.org\"}]'
";
        let main = documents(talos, Role::ControlPlane, list).remove(0);
        assert_eq!(main["machine"]["sysctls"], json!({ "a": "1" }));
        assert_eq!(main["machine"]["install"]["wipe"], json!(true));
        assert_eq!(main["machine"]["certSANs"], json!(["192.0.2.1", "x.example.org"]));
    }
}

#[test]
fn a_patch_that_does_not_fit_names_itself_and_the_role() {
    let refused = |role, list: &str| text("1.12.1", role, list).unwrap_err().to_string();
    let delete = "      - cluster: {apiServer: {admissionControl: {$patch: delete}}}\n";
    assert!(text("1.12.1", Role::ControlPlane, delete).is_ok());
    insta::assert_snapshot!(
        [
            refused(Role::Worker, delete),
            refused(Role::Worker, "      - machine: {}\n      - [{op: remove, path: /machine/sysctls/hunter2}]\n"),
            refused(Role::Worker, "      - machine: {install: [hunter2]}\n"),
            refused(Role::ControlPlane, "      - machine: {certSANs: {a: hunter2}}\n"),
        ]
        .join("\n"),
        @"
    patch `talos.patches.all[0]` cannot be applied to the configuration of a worker: there is nothing to take away at `cluster.apiServer.admissionControl`
    patch `talos.patches.all[1]` cannot be applied to the configuration of a worker: operation '/0' failed at path '/machine/sysctls/hunter2': path is invalid
    patch `talos.patches.all[0]` cannot be applied to the configuration of a worker: `machine.install` is a mapping there, not a list
    patch `talos.patches.all[0]` cannot be applied to the configuration of a control plane: `machine.certSANs` is a list there, not a mapping
    "
    );
}

#[test]
fn roles_get_their_own_patches_after_those_for_all() {
    let mut list = patches("1.12.1", "      - machine: {sysctls: {a: one}}\n");
    list.workers = patches("1.12.1", "      - machine: {sysctls: {a: two}}\n").all;
    for (role, value) in [(Role::ControlPlane, "one"), (Role::Worker, "two")] {
        let mut documents = vec![json!({ "machine": {} })];
        apply(&mut documents, &list, role).unwrap();
        assert_eq!(documents[0]["machine"]["sysctls"]["a"], value);
    }
}
