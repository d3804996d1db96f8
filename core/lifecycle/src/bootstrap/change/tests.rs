use std::collections::BTreeSet;

use butler_api::config::json_schema;
use serde_json::json;

use super::*;
use crate::bootstrap::{Entry, MachineFacts};

fn canonical(text: &str) -> Value {
    crate::samples::read(text).canonical
}

const LISTED: &str = "
provider: static
cluster: {name: edge, topology: ha, controlPlane: {replicas: 3}, workers: {replicas: 1}}
network:
  vip: 192.0.2.10
  loadBalancerPool: {start: 192.0.2.100, end: 192.0.2.150}
talos: {version: v1.12.1}
providerConfig:
  static:
    machines:
      - {address: 192.0.2.21, role: worker}
      - {address: 192.0.2.11, role: control-plane, name: edge-a}
      - {address: 192.0.2.12, role: control-plane}
      - {address: 192.0.2.13, role: control-plane}
";

const MADE: &str = "
provider: inmemory
cluster:
  name: demo
  topology: ha
  controlPlane: {replicas: 3, cpu: 2, memoryMB: 4096, diskGB: 40}
  workers: {replicas: 2, cpu: 2, memoryMB: 4096, diskGB: 40}
network:
  vip: 127.64.255.10
  loadBalancerPool: {start: 127.64.254.10, end: 127.64.254.50}
talos: {version: v1.12.1}
";

const PROXMOX: &str = "
provider: proxmox
cluster:
  name: demo
  topology: ha
  controlPlane: {replicas: 3, cpu: 2, memoryMB: 4096, diskGB: 40}
  workers: {replicas: 2, cpu: 2, memoryMB: 4096, diskGB: 40}
network:
  vip: 192.0.2.10
  loadBalancerPool: {start: 192.0.2.100, end: 192.0.2.150}
  nodeAddresses: {start: 192.0.2.21, end: 192.0.2.29, prefixLength: 24, gateway: 192.0.2.1, nameservers: [192.0.2.1]}
talos: {version: v1.12.1}
providerConfig:
  proxmox:
    endpoint: https://pve.example.org:8006
    nodes: [pve1]
    username: butler@pve!bootstrap
    password: {env: PROXMOX_TOKEN_SECRET}
    storage: local-zfs
";

/// A journal in which these steps were tried (`step`), carried out (`+step`) or proven (`=step`).
fn journal(steps: &[&str]) -> Known {
    let mut known = Known::default();
    for step in steps {
        let (step, mark) = match step.strip_prefix(['+', '=']) {
            Some(rest) => (rest, &step[..1]),
            None => (*step, ""),
        };
        let step = StepId::new(step);
        let (what, facts) = (String::new(), Vec::new());
        known.add(&match mark {
            "=" => Entry::Proof {
                step,
                evidence: what,
                facts,
            },
            "+" => Entry::Effect { step, what, facts },
            _ => Entry::Intent { step, what, facts },
        });
    }
    known
}

fn verdict(text: &str, edit: (&str, &str), steps: &[&str]) -> Verdict {
    assert!(text.contains(edit.0), "{:?} is not in the configuration", edit.0);
    judge(
        &canonical(text),
        &canonical(&text.replacen(edit.0, edit.1, 1)),
        &journal(steps),
    )
}

fn refusals(verdict: &Verdict) -> Vec<(&str, &str)> {
    verdict
        .refused
        .iter()
        .map(|r| (r.change.path.as_str(), r.by.as_str()))
        .collect()
}

/// What is written when a machine of provider `static` was found, and when it was configured.
const FOUND: &[&str] = &[
    "+record",
    "machine/edge-cp-1/create",
    "=machine/edge-cp-1/create",
    "=machine/edge-cp-1/boot",
];

#[test]
fn a_configuration_that_did_not_change_asks_for_nothing() {
    for steps in [&[][..], FOUND, &["=machine/edge-a/configure", "=pivot/commit"]] {
        let config = canonical(LISTED);
        assert_eq!(judge(&config, &config, &journal(steps)), Verdict::default());
    }
}

#[test]
fn what_no_act_has_used_may_change() {
    let begun = &[
        "=preflight",
        "=talos/secrets",
        "+bootstrap-cluster/start",
        "+record",
        "machine/edge-cp-1/create",
    ];
    for (edit, steps) in [
        (("talos: {version: v1.12.1}", "talos: {version: v1.11.5}"), &begun[..]),
        (("192.0.2.12,", "192.0.2.19,"), &begun[..]),
        (("192.0.2.12,", "192.0.2.19,"), FOUND),
        (("vip: 192.0.2.10", "vip: 192.0.2.9"), FOUND),
        (("vip: 192.0.2.10", "vip: 192.0.2.10\n  vipInterface: eth1"), FOUND),
        // Pinning and correcting a pin, at any time.
        (
            (
                "192.0.2.12,",
                "192.0.2.12, fingerprint: 3q2+7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,",
            ),
            &["machine/edge-cp-1/configure", "=pivot/commit"],
        ),
        (
            (
                "192.0.2.12,",
                "192.0.2.12, networkInterface: eth1, installDisk: /dev/vda,",
            ),
            FOUND,
        ),
        // The link of the VIP, although another control plane has its configuration.
        (
            ("vip: 192.0.2.10", "vip: 192.0.2.10\n  vipInterface: eth1"),
            &["=machine/edge-a/configure"],
        ),
        (
            (
                "talos: {version: v1.12.1}",
                "talos: {version: v1.12.1, installDisk: /dev/sda}",
            ),
            &["=machine/edge-a/configure"],
        ),
        // One machine's own settings, although another one has its configuration.
        (
            ("192.0.2.12,", "192.0.2.12, installDisk: /dev/vda,"),
            &["=machine/edge-a/configure"],
        ),
        (("192.0.2.12,", "192.0.2.19,"), &["=machine/edge-a/configure"]),
    ] {
        let verdict = verdict(LISTED, edit, steps);
        assert_eq!(refusals(&verdict), [], "{edit:?} after {steps:?}");
        assert!(!verdict.allowed.is_empty(), "{edit:?}");
        assert!(verdict.again.contains(&steps::preflight::id()), "{edit:?}");
    }
}

#[test]
fn what_an_act_has_used_stays_and_the_step_is_named() {
    for (edit, steps, expected) in [
        (
            ("talos: {version: v1.12.1}", "talos: {version: v1.11.5}"),
            &["machine/edge-a/configure"][..],
            ("talos.kubernetesVersion", "machine/edge-a/configure"),
        ),
        (
            ("192.0.2.12,", "192.0.2.19,"),
            &["machine/edge-cp-1/configure"],
            (
                "providerConfig.static.machines[2].address",
                "machine/edge-cp-1/configure",
            ),
        ),
        (
            ("vip: 192.0.2.10", "vip: 192.0.2.9"),
            &["=machine/edge-a/configure"],
            ("network.vip", "machine/edge-a/configure"),
        ),
        (
            ("vip: 192.0.2.10", "vip: 192.0.2.10\n  vipInterface: eth1"),
            &["+addon/kube-vip"],
            ("network.vipInterface", "addon/kube-vip"),
        ),
        (
            ("name: edge,", "name: edges,"),
            &["+record"],
            ("cluster.name", "record"),
        ),
    ] {
        let verdict = verdict(LISTED, edit, steps);
        assert_eq!(refusals(&verdict).first(), Some(&expected), "{edit:?} after {steps:?}");
    }
}

#[test]
fn a_machine_that_is_not_claimed_may_go_and_come() {
    let fewer = LISTED
        .replacen("workers: {replicas: 1}", "workers: {replicas: 0}", 1)
        .replacen("      - {address: 192.0.2.21, role: worker}\n", "", 1);
    let found = journal(&[
        "+record",
        "=machine/edge-worker-0/create",
        "=machine/edge-worker-0/boot",
    ]);
    let verdict = judge(&canonical(LISTED), &canonical(&fewer), &found);
    assert_eq!(refusals(&verdict), []);
    assert_eq!(verdict.forget, ["edge-worker-0"]);
    // The others keep what is known of them although their place on the list changed.
    assert!(
        !verdict.again.iter().any(|step| step.as_str().contains("edge-cp")),
        "{verdict:?}"
    );

    let back = judge(&canonical(&fewer), &canonical(LISTED), &Known::default());
    assert_eq!(refusals(&back), []);
    assert_eq!(back.forget, ["edge-worker-0"]);

    let claimed = journal(&["machine/edge-worker-0/configure"]);
    let verdict = judge(&canonical(LISTED), &canonical(&fewer), &claimed);
    assert_eq!(
        refusals(&verdict).first(),
        Some(&("providerConfig.static.machines[0]", "machine/edge-worker-0/configure"))
    );
}

#[test]
fn another_address_means_another_machine() {
    let verdict = verdict(LISTED, ("192.0.2.12,", "192.0.2.19,"), FOUND);
    assert_eq!(verdict.forget, ["edge-cp-1"]);
    let again = verdict.again.iter().map(StepId::as_str).collect::<Vec<_>>();
    assert_eq!(
        again,
        ["machine/edge-cp-1/boot", "machine/edge-cp-1/create", "preflight"]
    );
}

#[test]
fn another_vip_is_looked_at_anew() {
    let verdict = verdict(LISTED, ("vip: 192.0.2.10", "vip: 192.0.2.9"), FOUND);
    let again = verdict.again.iter().map(StepId::as_str).collect::<Vec<_>>();
    assert_eq!(again, ["endpoint/free", "preflight"]);
}

#[test]
fn machines_that_are_made_are_used_once_ordered() {
    let size = (
        "controlPlane: {replicas: 3, cpu: 2",
        "controlPlane: {replicas: 3, cpu: 4",
    );
    assert_eq!(
        refusals(&verdict(MADE, size, &["+record", "machine/demo-worker-0/create"])),
        []
    );
    assert_eq!(
        refusals(&verdict(MADE, size, &["machine/demo-cp-2/create"])),
        [("cluster.controlPlane.cpu", "machine/demo-cp-2/create")]
    );
    let fewer = ("workers: {replicas: 2", "workers: {replicas: 1");
    assert_eq!(refusals(&verdict(MADE, fewer, &["machine/demo-worker-0/create"])), []);
    assert_eq!(
        refusals(&verdict(MADE, fewer, &["machine/demo-worker-1/create"])),
        [("machine demo-worker-1", "machine/demo-worker-1/create")]
    );
}

#[test]
fn a_platform_may_be_reached_in_another_way_while_machines_are_made() {
    let made = &["+record", "=image/talos", "=machine/demo-cp-0/create"];
    let pin = "storage: local-zfs\n    fingerprint: ".to_owned() + &["AB"; 32].join(":");
    for edit in [
        ("storage: local-zfs", pin.as_str()),
        ("butler@pve!bootstrap", "butler@pve!other"),
        ("nodes: [pve1]", "nodes: [pve1, pve2]"),
        ("end: 192.0.2.29", "end: 192.0.2.39"),
        (
            "{version: v1.12.1}",
            "{version: v1.12.1, imageFactory: https://factory.example.org}",
        ),
    ] {
        assert_eq!(refusals(&verdict(PROXMOX, edit, made)), [], "{edit:?}");
    }
    let bridge = ("storage: local-zfs", "storage: local-zfs\n    bridge: vmbr1");
    let refused = verdict(PROXMOX, bridge, made);
    let expected = [("providerConfig.proxmox.bridge", "machine/demo-cp-0/create")];
    assert_eq!(refusals(&refused), expected);
}

/// Addresses are handed out in order, control planes first.
#[test]
fn another_number_of_control_planes_moves_no_address_that_a_worker_has() {
    let fewer = ("replicas: 3", "replicas: 5");
    let refused = verdict(PROXMOX, fewer, &["machine/demo-worker-1/create"]);
    let expected = [("cluster.controlPlane.replicas", "machine/demo-worker-1/create")];
    assert_eq!(refusals(&refused), expected);
    assert_eq!(refusals(&verdict(PROXMOX, fewer, &["machine/demo-cp-0/create"])), []);
    let worker = ("replicas: 2", "replicas: 3");
    assert_eq!(
        refusals(&verdict(PROXMOX, worker, &["machine/demo-worker-1/create"])),
        []
    );
}

#[test]
fn an_order_that_was_refused_is_no_use() {
    let mut known = journal(&["machine/demo-cp-0/create"]);
    known.add(&Entry::Failure {
        step: StepId::new("machine/demo-cp-0/create"),
        error: "no such size".to_owned(),
        deadline: false,
        refused: true,
    });
    let now = MADE.replacen("cpu: 2", "cpu: 4", 1);
    assert_eq!(refusals(&judge(&canonical(MADE), &canonical(&now), &known)), []);
}

#[test]
fn an_addon_may_change_until_it_is_installed() {
    let with = |line: &str| format!("{MADE}addons:\n  cni: {{version: 1.17.0}}\n  {line}\n");
    let edit = ("version: 1.17.0", "version: 1.17.1");
    // A try that failed is no use: a wrong version can be corrected.
    assert_eq!(refusals(&verdict(&with(""), edit, &["addon/cilium"])), []);
    assert_eq!(
        refusals(&verdict(&with(""), edit, &["addon/cilium", "+addon/cilium"])),
        [("addons.cni.version", "addon/cilium")]
    );
    let mirror = ("https://charts.example", "https://mirror.example");
    let text = with("chartMirror: https://charts.example");
    assert_eq!(refusals(&verdict(&text, mirror, &["+addon/cilium"])), []);
    let off = ("gitOps: {enabled: true}", "gitOps: {enabled: false}");
    let text = with("gitOps: {enabled: true}");
    assert_eq!(refusals(&verdict(&text, off, &["+addon/cilium", "addon/flux"])), []);
    assert_eq!(
        refusals(&verdict(&text, off, &["+addon/flux"])),
        [("addons.gitOps", "addon/flux")]
    );
}

#[test]
fn a_setting_is_used_by_the_addons_that_it_is_for_and_by_no_other() {
    let before = canonical(MADE);
    for (setting, installed, user) in [
        ("controlPlaneExposure.mode", "+addon/traefik", Some("addon/traefik")),
        ("controlPlaneExposure.mode", "=addon/cilium", Some("addon/cilium")),
        ("controlPlaneExposure.mode", "addon/traefik", None),
        ("controlPlaneExposure.mode", "=machine/demo-cp-0/configure", None),
        ("addons.capi.version", "+addon/capi-core", Some("addon/capi-core")),
        ("addons.capi.version", "+addon/cert-manager", None),
        // One addon by its whole name, whatever others are called.
        ("addons.loadBalancer.version", "+addon/metallb", Some("addon/metallb")),
        ("addons.loadBalancer.version", "+addon/metallb-pool", None),
        ("addons.loadBalancer", "+addon/metallb-pool", Some("addon/metallb-pool")),
    ] {
        let known = journal(&[installed]);
        let state = State {
            before: &before,
            known: &known,
        };
        let used = rules::of(setting).used(&state);
        assert_eq!(used.as_ref().map(StepId::as_str), user, "{setting} after {installed}");
    }
}

#[test]
fn after_the_record_was_handed_over_the_configuration_stays() {
    let mirror = format!("{MADE}addons: {{chartMirror: 'https://charts.example'}}\n");
    let edit = ("https://charts.example", "https://mirror.example");
    assert_eq!(
        refusals(&verdict(&mirror, edit, &["pivot/commit"])),
        [("addons.chartMirror", "pivot/commit")]
    );
}

#[test]
fn nothing_is_known_of_machines_of_another_platform() {
    let (mut before, mut after) = (canonical(MADE), canonical(MADE));
    before["provider"] = json!("inmemory");
    after["provider"] = json!("static");
    let mut known = journal(&["+record"]);
    known
        .memory
        .machines
        .insert("demo-cp-0".to_owned(), MachineFacts::default());
    let verdict = judge(&before, &after, &known);
    assert_eq!(refusals(&verdict), []);
    assert!(verdict.forget.contains(&"demo-cp-0".to_owned()));
}

/// A setting that is new to the canonical form needs somebody to think of what uses it.
#[test]
fn every_setting_of_the_samples_has_a_rule() {
    fn leaves(path: &str, value: &Value, out: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    leaves(&path, value, out);
                }
            }
            _ => drop(out.insert(path.to_owned())),
        }
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/configs");
    let mut seen = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            leaves("", &canonical(&text), &mut seen);
        }
    }
    assert!(seen.len() > 30, "{seen:?}");
    let without: Vec<&String> = seen.iter().filter(|path| rules::known(path).is_none()).collect();
    assert!(without.is_empty(), "no rule for {without:?}");
}

/// The same for settings that no sample has: everything that the schema of the file allows.
#[test]
fn every_setting_of_the_schema_has_a_rule() {
    fn leaves(path: &str, schema: &Value, out: &mut BTreeSet<String>) {
        let choices = ["anyOf", "oneOf", "allOf"].map(|key| schema[key].as_array().into_iter().flatten());
        let parts: Vec<&Value> = std::iter::once(schema).chain(choices.into_iter().flatten()).collect();
        let mut is_leaf = true;
        for (key, property) in parts.iter().filter_map(|part| part["properties"].as_object()).flatten() {
            is_leaf = false;
            leaves(&format!("{path}.{key}"), property, out);
        }
        if is_leaf {
            out.insert(path.trim_start_matches('.').to_owned());
        }
    }
    let mut seen = BTreeSet::new();
    leaves("", &json_schema(), &mut seen);
    assert!(seen.len() > 100, "{seen:?}");
    seen.retain(|path| !NOT_COMPARED.iter().any(|key| rules::begins(path, key)));
    let without: Vec<&String> = seen.iter().filter(|path| rules::known(path).is_none()).collect();
    assert!(without.is_empty(), "no rule for {without:?}");
}

/// Settings of the file that the canonical form does not have: they only bound waits, spell another setting, or allow one.
const NOT_COMPARED: &[&str] = &["deadlines", "addons.gitops", "network.jumboFrames"];

/// What happens when a hint is followed.
enum Followed {
    /// The configuration changes while these steps were tried, and that is taken over.
    TakenOver(&'static str, (&'static str, &'static str), &'static [&'static str]),
    /// It is told before a run begins: there is nothing yet that could be used.
    NothingBegan,
    /// The configuration stays as it is.
    NothingChanges,
}

/// Every hint that names a setting or the configuration: a fragment of it, and what following it means.
const HINTS: &[(&str, Followed)] = &[
    (
        "set addons.console.enabled to true",
        Followed::TakenOver(
            MADE,
            (
                "talos: {version: v1.12.1}",
                "talos: {version: v1.12.1}\naddons: {console: {enabled: true}}",
            ),
            &[
                "=machine/demo-cp-0/configure",
                "=addon/butler-controller",
                "=addon/butler-addons",
            ],
        ),
    ),
    (
        ".fingerprint, or leave that out",
        Followed::TakenOver(
            LISTED,
            (
                "192.0.2.12,",
                "192.0.2.12, fingerprint: 3q2+7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,",
            ),
            &["machine/edge-cp-1/configure"],
        ),
    ),
    (
        "or change talos.version while no machine is configured",
        Followed::TakenOver(LISTED, ("v1.12.1", "v1.11.5"), FOUND),
    ),
    (
        "or take it off the",
        Followed::TakenOver(
            LISTED,
            (
                "{address: 192.0.2.12, role: control-plane}",
                "{address: 192.0.2.14, role: control-plane, name: edge-d}",
            ),
            &["=machine/edge-cp-1/create", "=machine/edge-a/configure"],
        ),
    ),
    (
        "free the address, or set network.vip to another one",
        Followed::TakenOver(
            LISTED,
            ("vip: 192.0.2.10", "vip: 192.0.2.9"),
            &["+record", "+bootstrap-cluster/start"],
        ),
    ),
    (
        "free the address; the machines are configured with it",
        Followed::NothingChanges,
    ),
    (
        "set network.vipInterface to a link that the machine has",
        Followed::TakenOver(
            LISTED,
            ("vip: 192.0.2.10", "vip: 192.0.2.10\n  vipInterface: enp3s0"),
            &["=machine/edge-a/configure"],
        ),
    ),
    (
        "to a link that the machine has",
        Followed::TakenOver(LISTED, ("192.0.2.12,", "192.0.2.12, networkInterface: enp3s0,"), FOUND),
    ),
    (
        "to a disk that the machine has",
        Followed::TakenOver(
            LISTED,
            ("{version: v1.12.1}", "{version: v1.12.1, installDisk: /dev/sda}"),
            &["=machine/edge-a/configure"],
        ),
    ),
    (
        "set network.loadBalancerPool to addresses that nobody has",
        Followed::TakenOver(
            MADE,
            ("127.64.254.50", "127.64.254.60"),
            &["machine/demo-cp-0/create", "+addon/metallb"],
        ),
    ),
    (
        "use the embedded bootstrap cluster: bootstrapCluster: embedded",
        Followed::TakenOver(KIND, ("bootstrapCluster: kind", "bootstrapCluster: embedded"), &[]),
    ),
    (
        "check bootstrapCluster.kubeconfig and its context",
        Followed::TakenOver(EXISTING, ("one.yaml", "two.yaml"), &[]),
    ),
    (
        "talos.imageFactory; deadlines.image says how long it may take",
        Followed::TakenOver(PROXMOX, FACTORY, &["+record", "image/talos"]),
    ),
    (
        "check talos.imageFactory, and the proxy settings",
        Followed::TakenOver(PROXMOX, FACTORY, &["+record", "image/talos"]),
    ),
    (
        "check talos.version and talos.schematic",
        Followed::TakenOver(PROXMOX, ("v1.12.1", "v1.12.2"), &["+record", "image/talos"]),
    ),
    (
        "or name another providerConfig.proxmox.imageStorage",
        Followed::TakenOver(
            PROXMOX,
            ("storage: local-zfs", "storage: local-zfs\n    imageStorage: nfs"),
            &["+record", "image/talos"],
        ),
    ),
    (
        "check providerConfig.proxmox.nodes",
        Followed::TakenOver(
            PROXMOX,
            ("nodes: [pve1]", "nodes: [pve2]"),
            &["machine/demo-cp-0/create"],
        ),
    ),
    ("choose another cluster name", Followed::NothingBegan),
    (
        "write `bootstrapCluster: {type: existing, kubeconfig: PATH}`",
        Followed::NothingBegan,
    ),
    (
        "the bootstrap command with the same configuration goes on",
        Followed::NothingChanges,
    ),
    ("switch addons.certManager on", Followed::NothingBegan),
    (
        "set network.loadBalancerPool, or set addons.loadBalancer.type: none",
        Followed::NothingBegan,
    ),
    ("prints what a configuration may contain", Followed::NothingBegan),
    (
        "undo these changes and run the same command again",
        Followed::NothingChanges,
    ),
    ("the node has a configuration already", Followed::NothingChanges),
    ("has this cluster's configuration", Followed::NothingChanges),
    (
        "everything that addons.chartMirror has to hold",
        Followed::NothingChanges,
    ),
    ("gets its configuration again", Followed::NothingChanges),
    (
        "move the configuration to a folder whose name is",
        Followed::NothingBegan,
    ),
    (
        "the machine took its configuration but does not come back",
        Followed::NothingChanges,
    ),
];

const FACTORY: (&str, &str) = (
    "{version: v1.12.1}",
    "{version: v1.12.1, imageFactory: https://factory.example.org}",
);

const KIND: &str = "provider: inmemory
bootstrapCluster: kind
cluster: {name: demo, topology: single-node, controlPlane: {cpu: 2, memoryMB: 4096, diskGB: 40}}
network: {loadBalancerPool: {start: 127.64.254.10, end: 127.64.254.50}}
";

const EXISTING: &str = "provider: inmemory
bootstrapCluster: {type: existing, kubeconfig: /one.yaml}
cluster: {name: demo, topology: single-node, controlPlane: {cpu: 2, memoryMB: 4096, diskGB: 40}}
network: {loadBalancerPool: {start: 127.64.254.10, end: 127.64.254.50}}
";

#[test]
fn following_a_hint_works() {
    for (hint, followed) in HINTS {
        if let Followed::TakenOver(text, edit, steps) = followed {
            let verdict = verdict(text, *edit, steps);
            assert_eq!(refusals(&verdict), [], "{hint}");
            assert!(!verdict.allowed.is_empty(), "{hint}: nothing changed");
        }
    }
}

#[test]
fn a_bootstrap_cluster_that_was_refused_may_be_another_one() {
    let mut known = journal(&["bootstrap-cluster/start"]);
    let now = KIND.replacen("bootstrapCluster: kind", "bootstrapCluster: embedded", 1);
    let by = judge(&canonical(KIND), &canonical(&now), &known);
    assert_eq!(refusals(&by), [("bootstrapCluster.type", "bootstrap-cluster/start")]);
    known.add(&Entry::Failure {
        step: StepId::new("bootstrap-cluster/start"),
        error: "no container runtime answers".to_owned(),
        deadline: false,
        refused: true,
    });
    assert_eq!(refusals(&judge(&canonical(KIND), &canonical(&now), &known)), []);
}

/// A hint that is new has to be thought of: is what it says to do possible then?
#[test]
fn every_hint_that_names_a_setting_is_walked() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut hints = Vec::new();
    for folder in [
        "core/addons/src",
        "core/infra/src",
        "core/kubernetes/src",
        "core/lifecycle/src",
        "core/talos/src",
        "butleradm/src",
    ] {
        collect(&root.join(folder), &mut hints);
    }
    assert!(hints.len() >= HINTS.len() / 2, "{hints:?}");
    let walked = |hint: &String| HINTS.iter().any(|(fragment, _)| hint.contains(fragment));
    let missing: Vec<&String> = hints.iter().filter(|hint| !walked(hint)).collect();
    assert!(
        missing.is_empty(),
        "nobody has thought of what follows from {missing:#?}"
    );
}

/// Texts near the word `hint` that name a setting or the configuration.
fn collect(folder: &std::path::Path, hints: &mut Vec<String>) {
    const WORDS: [&str; 9] = [
        "talos.",
        "network.",
        "providerConfig",
        "addons.",
        "bootstrapCluster",
        "the list",
        "configuration",
        "cluster name",
        "that the machine has",
    ];
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, hints);
            continue;
        }
        if path.extension().is_none_or(|kind| kind != "rs") || path.ends_with("tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let lines: Vec<&str> = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        for (n, line) in lines.iter().enumerate() {
            if !line.to_lowercase().contains("hint") {
                continue;
            }
            let near = lines[n..(n + 5).min(lines.len())].join("\n").replace("\\\n", "");
            // A setting alone, as the subject of a message, is no hint.
            let is_hint = |text: &&str| text.contains(' ') && !text.starts_with("addons.");
            let texts = near.split('"').skip(1).step_by(2).filter(is_hint);
            let names_one = |text: &&str| WORDS.iter().any(|word| text.contains(word));
            hints.extend(texts.filter(names_one).map(str::to_owned));
        }
    }
    hints.sort();
    hints.dedup();
}
