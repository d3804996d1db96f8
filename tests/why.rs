//! `why` names the root cause of every fault that a simulated world can have, and not a shadow of it.

#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]

#[expect(dead_code, reason = "other tests use the rest of it")]
mod world;

use std::{fmt::Write as _, fs, thread};

use serde_json::Value;
use world::{SHORT, Site};

/// What is expected where a fault holds a run up.
#[derive(Clone, Copy)]
struct Expected {
    /// The fault, as the world file calls it.
    fault: &'static str,
    /// The step that waits.
    step: &'static str,
    /// Words of the deepest cause that `why` names.
    root: &'static str,
}

/// A run with faults.
struct Case {
    /// Faults of the world file, below `faults:`.
    faults: &'static str,
    /// Control planes and workers.
    machines: (u32, u32),
    /// Further lines of the configuration.
    further: &'static str,
    /// When the run gives up.
    deadline: &'static str,
    expected: &'static [Expected],
    /// The counter of the world that tells that the fault struck, where the cause does not.
    struck: Option<&'static str>,
}

impl Case {
    fn run(&self) -> String {
        let world = format!("{SHORT}faults: {}\n", self.faults);
        let (control_planes, workers) = self.machines;
        let site = Site::new(&world, control_planes, workers, self.further);
        let run = site.bootstrap(&["--deadline", self.deadline]);
        assert_ne!(run.code, Some(0), "{}: nothing held it up: {}", self.faults, run.stderr);
        if let Some(counter) = self.struck {
            site.struck(counter, 1);
        }
        let why = why(&site);
        self.expected.iter().map(|expected| told(expected, &why)).collect()
    }
}

fn why(site: &Site) -> Value {
    let output = site
        .butleradm()
        .args(["why", "-o", "json"])
        .output()
        .expect("the binary starts");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The chain of the step that is expected to wait, one layer a line, after a look whether its end is the root cause.
fn told(expected: &Expected, why: &Value) -> String {
    let Expected { fault, step, root } = expected;
    let waits = why["waits"].as_array().expect("waits");
    let reason = waits.iter().find(|reason| reason["step"] == *step);
    let reason = reason.unwrap_or_else(|| panic!("{fault}: {step} does not wait: {why:#}"));
    let mut layers: Vec<String> = Vec::new();
    for line in reason["chain"].as_array().expect("a chain") {
        let text = |key: &str| line[key].as_str().map_or("", |text| text).to_owned();
        let source = text("source");
        let source = if source.is_empty() {
            source
        } else {
            format!(" ({source})")
        };
        layers.push(format!(
            "{} {}: {}{source}",
            text("layer"),
            text("object"),
            text("text")
        ));
    }
    if layers.is_empty() {
        layers.push(format!("cause: {}", reason["cause"].as_str().expect("a cause")));
    }
    let deepest = layers.last().expect("a layer");
    assert!(
        deepest.contains(root),
        "{fault}: {root:?} is not the end of {layers:#?}"
    );
    let mut words = format!("{fault}: {step}\n");
    for layer in layers {
        let _ = writeln!(words, "  {layer}");
    }
    words
}

/// Runs them at the same time: most of their time is spent waiting.
fn all(cases: Vec<Case>) -> String {
    let running: Vec<_> = cases
        .into_iter()
        .map(|case| thread::spawn(move || case.run()))
        .collect();
    running.into_iter().map(|run| run.join().expect("a case")).collect()
}

const fn expected(fault: &'static str, step: &'static str, root: &'static str) -> Expected {
    Expected { fault, step, root }
}

#[test]
fn machines_that_do_not_get_on() {
    let cases = vec![Case {
        faults: "
  machines:
    demo-cp-1: {bootDelay: 1s, services: {etcd: {fails: crashLoop}}}
    demo-cp-2: {bootDelay: 1s, services: {etcd: {fails: imagePull}}}
    demo-cp-3: {bootDelay: 1s, services: {etcd: {fails: preparing}}}
    demo-cp-4: {bootDelay: 1s, diskFull: true}
    demo-worker-0: {neverAnswers: true}
    demo-worker-1: {bootDelay: 10m}
    demo-worker-2: {refuse: 10m}
    demo-worker-3: {stall: 10m}
    demo-worker-4: {wrongCertificate: true}
    demo-worker-5: {clockSkew: 2h}
    demo-worker-6: {diskFull: true}
    demo-worker-7: {powerOff: {after: registered}}
    demo-worker-8: {services: {kubelet: {fails: crashLoop}}}
    demo-worker-9: {services: {kubelet: {fails: imagePull}}}
    demo-worker-10: {services: {kubelet: {fails: preparing}}}
    demo-worker-11: {powerOff: {after: created}}",
        machines: (5, 12),
        further: "",
        deadline: "30s",
        expected: &[
            expected("services.etcd crashLoop", "etcd/member/demo-cp-1", "exit code 255"),
            expected(
                "services.etcd imagePull",
                "etcd/member/demo-cp-2",
                "failed to pull image",
            ),
            expected("services.etcd preparing", "etcd/member/demo-cp-3", "Running pre state"),
            expected("diskFull", "etcd/member/demo-cp-4", "no space left on device"),
            expected("neverAnswers", "machine/demo-worker-0/boot", "no bootable device"),
            expected("bootDelay", "machine/demo-worker-1/boot", "longer than usual"),
            expected("refuse", "machine/demo-worker-2/boot", "has not started"),
            expected("stall", "machine/demo-worker-3/boot", "no answer within"),
            expected("wrongCertificate", "machine/demo-worker-4/configure", "certificate"),
            expected("clockSkew", "machine/demo-worker-5/configure", "not valid yet"),
            expected("diskFull", "node/demo-worker-6/registered", "no space left on device"),
            expected("powerOff", "node/demo-worker-7/ready", "power lost"),
            expected(
                "services.kubelet crashLoop",
                "node/demo-worker-8/registered",
                "exit code 1",
            ),
            expected(
                "services.kubelet imagePull",
                "node/demo-worker-9/registered",
                "failed to pull image",
            ),
            expected(
                "services.kubelet preparing",
                "node/demo-worker-10/registered",
                "Running pre state",
            ),
            expected("powerOff", "machine/demo-worker-11/boot", "power lost"),
        ],
        struck: None,
    }];
    insta::assert_snapshot!(all(cases), @"");
}

#[test]
fn a_cluster_that_does_not_get_on() {
    let one = |faults, deadline, expected, struck| Case {
        faults,
        machines: (1, 0),
        further: "",
        deadline,
        expected,
        struck,
    };
    let cases = vec![
        one(
            "{machines: {demo-cp-0: {powerCutAtBootstrap: 10m}}}",
            "20s",
            &[expected("powerCutAtBootstrap", "etcd/bootstrap", "power lost")],
            None,
        ),
        one(
            "{machines: {demo-cp-0: {wiped: {after: registered}}}}",
            "40s",
            &[expected("wiped", "node/demo-cp-0/ready", "the only member of etcd")],
            None,
        ),
        one(
            "{machines: {demo-cp-0: {disks: [/dev/nvme0n1]}}}",
            "20s",
            &[expected("disks", "machine/demo-cp-0/configure", "/dev/vda")],
            None,
        ),
        one(
            "{machines: {demo-cp-0: {links: [enp3s0]}}}",
            "20s",
            &[expected("links", "machine/demo-cp-0/configure", "eth0")],
            None,
        ),
        one(
            "{workloads: {traefik/Deployment/traefik: {reason: ImagePullBackOff, message: no such image}}}",
            "20s",
            &[expected("workloads", "addon/traefik", "no such image")],
            None,
        ),
        one(
            "{network: {from: 0s, for: 10m}}",
            "15s",
            &[expected("network", "preflight", "connection")],
            Some("callsWithoutNetwork"),
        ),
        one(
            "{vip: {taken: forever}}",
            "10s",
            &[expected("vip", "endpoint/free", "accepts connections")],
            None,
        ),
    ];
    insta::assert_snapshot!(all(cases), @"");
}

#[test]
fn servers_that_do_not_answer() {
    let one = |faults, deadline, expected, struck| Case {
        faults,
        machines: (1, 0),
        further: "",
        deadline,
        expected,
        struck: Some(struck),
    };
    let cases = vec![
        one(
            "{api: {everyNth: 1, kinds: [throttle], only: [create]}}",
            "12s",
            &[expected("api throttle", "machine/demo-cp-0/create", "HTTP 429")],
            "apiFaults",
        ),
        one(
            "{api: {everyNth: 1, kinds: [error], only: [create]}}",
            "12s",
            &[expected("api error", "machine/demo-cp-0/create", "HTTP 500")],
            "apiFaults",
        ),
        one(
            "{api: {everyNth: 1, kinds: [resetBefore], only: [create]}}",
            "12s",
            &[expected("api resetBefore", "machine/demo-cp-0/create", "connection")],
            "apiFaults",
        ),
        one(
            "{api: {everyNth: 1, kinds: [timeoutAfterApply], only: [list]}}",
            "25s",
            &[expected("api timeoutAfterApply", "preflight", "no answer in time")],
            "apiFaults",
        ),
        one(
            "{api: {everyNth: 1, kinds: [resetAfterApply], only: [list]}}",
            "12s",
            &[expected("api resetAfterApply", "preflight", "connection")],
            "apiFaults",
        ),
        one(
            "{kubernetesApi: {everyNth: 1, kinds: [throttle]}}",
            "15s",
            &[expected("kubernetesApi throttle", "api-server", "too many requests")],
            "kubernetesFaults",
        ),
        one(
            "{kubernetesApi: {everyNth: 1, kinds: [error]}}",
            "15s",
            &[expected("kubernetesApi error", "api-server", "500")],
            "kubernetesFaults",
        ),
        one(
            "{kubernetesApi: {everyNth: 1, kinds: [resetAfterApply]}}",
            "15s",
            &[expected("kubernetesApi resetAfterApply", "api-server", "connection")],
            "kubernetesFaults",
        ),
        one(
            "{kubernetesApi: {everyNth: 1, kinds: [resetBefore]}}",
            "15s",
            &[expected("kubernetesApi resetBefore", "api-server", "connection")],
            "kubernetesFaults",
        ),
    ];
    insta::assert_snapshot!(all(cases), @"");
}
