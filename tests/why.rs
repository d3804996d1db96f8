//! `why` names the root cause of every fault that a simulated world can have, and not a shadow of it.

#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]

mod looks;
#[expect(dead_code, reason = "other tests use the rest of it")]
mod world;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use world::{Run, SHORT, Site};

/// How long the product has to find a cause, on a computer that is busy.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often it is asked for it.
const LOOK: Duration = Duration::from_millis(700);

/// What is expected where a fault holds a run up.
struct Expected {
    /// The fault, as the world file calls it.
    fault: &'static str,
    /// How the id of a step that waits begins.
    step: &'static str,
    /// Words of the deepest cause that `why` names.
    root: &'static str,
}

fn expected(fault: &'static str, step: &'static str, root: &'static str) -> Expected {
    Expected { fault, step, root }
}

/// A run with faults.
struct Case {
    /// Faults of the world file, below `faults:`.
    faults: &'static str,
    /// Control planes and workers.
    machines: (u32, u32),
    /// What is written instead of something in the configuration.
    instead: Option<(&'static str, &'static str)>,
    expected: Vec<Expected>,
    /// The counter of the world that tells that the fault struck, where the cause does not.
    struck: Option<&'static str>,
}

impl Case {
    /// One control plane, held up by one fault.
    fn of_one(faults: &'static str, expected: Expected) -> Self {
        Self {
            faults,
            machines: (1, 0),
            instead: None,
            expected: vec![expected],
            struck: None,
        }
    }

    fn site(&self) -> Site {
        let (control_planes, workers) = self.machines;
        let site = Site::new(
            &format!("{SHORT}faults: {}\n", self.faults),
            control_planes,
            workers,
            "",
        );
        if let Some((before, after)) = self.instead {
            let text = fs::read_to_string(site.config()).expect("the configuration");
            assert!(text.contains(before), "{text}");
            fs::write(site.config(), text.replacen(before, after, 1)).expect("the configuration");
        }
        site
    }

    /// Runs until `why` names every root cause, and then no longer.
    fn run(&self) -> String {
        let site = self.site();
        let begun = Run::of(&site.command(&["--detach"]).output().expect("the binary starts"));
        assert_eq!(begun.code, Some(0), "{}: {}", self.faults, begun.stderr);
        let told = asked(&site, &self.expected);
        if let Some(counter) = self.struck {
            site.struck(counter, 1);
        }
        drop(site.butleradm().args(["cancel", &site.cluster]).output());
        told
    }
}

/// Asks `why` until it names every root cause.
fn asked(site: &Site, expected: &[Expected]) -> String {
    let begun = Instant::now();
    loop {
        let why = why(site);
        let found: Vec<_> = expected.iter().map(|one| found(one, &why)).collect();
        if found.iter().all(Option::is_some) {
            return found.into_iter().flatten().collect();
        }
        if begun.elapsed() > PATIENCE {
            let missing = expected.iter().zip(found).filter(|(_, found)| found.is_none());
            let missing: Vec<_> = missing.map(|(one, _)| (one.fault, ends(one.step, &why))).collect();
            panic!("not named as expected: {missing:#?} of {:?}", steps(&why));
        }
        thread::sleep(LOOK);
    }
}

fn why(site: &Site) -> Value {
    let output = site
        .butleradm()
        .args(["why", "-o", "json"])
        .output()
        .expect("the binary starts");
    // At first there may be nothing to tell of.
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

fn waits(why: &Value) -> impl Iterator<Item = &Value> {
    why["waits"].as_array().into_iter().flatten()
}

fn steps(why: &Value) -> Vec<&Value> {
    waits(why).map(|wait| &wait["step"]).collect()
}

/// The deepest causes of these steps.
fn ends(step: &str, why: &Value) -> Vec<String> {
    let waits = waits(why).filter(|wait| wait["step"].as_str().is_some_and(|id| id.starts_with(step)));
    waits.map(deepest).collect()
}

/// The end of a chain; of what failed the failure, which comes after what was waited for.
fn deepest(wait: &Value) -> String {
    let last = wait["chain"].as_array().and_then(|chain| chain.last());
    let Some(line) = last.filter(|_| wait["failed"] == false) else {
        return format!("cause: {}", wait["cause"].as_str().map_or("none", |cause| cause));
    };
    let text = |key: &str| line[key].as_str().map_or("", |text| text);
    let source = match text("source") {
        "" => String::new(),
        source => format!(" ({source})"),
    };
    format!("{}: {}: {}{source}", text("layer"), text("object"), text("text"))
}

/// The line of the root cause, if `why` names it.
fn found(expected: &Expected, why: &Value) -> Option<String> {
    let Expected { fault, step, root } = expected;
    let end = ends(step, why).into_iter().find(|end| end.contains(root))?;
    Some(format!("{fault}\n  {}\n", normal(&end)))
}

/// Without what every run has of its own.
fn normal(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    let mut normal = String::new();
    for part in text.split_inclusive(|c: char| !is_part(c)) {
        let word = part.trim_end_matches(|c: char| !is_part(c));
        let rest = &part[word.len()..];
        let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let shown = if word.parse::<std::net::Ipv4Addr>().is_ok() {
            "ADDRESS"
        } else if word.starts_with("inmemory-") {
            "ID"
        } else if is_pod(word) {
            "POD"
        } else if digits.len() > 1 && digits.parse::<f64>().is_ok() && !["50000", "6443", "10248"].contains(&word) {
            "NUMBER"
        } else {
            word
        };
        normal.push_str(shown);
        normal.push_str(rest);
    }
    normal
}

/// Whether a word ends as the generated name of a pod does.
fn is_pod(word: &str) -> bool {
    let random = |end: &str| end.len() == 5 && end.chars().all(|c| "bcdfghjklmnpqrstvwxz2456789".contains(c));
    word.rsplit_once('-').is_some_and(|(_, end)| random(end))
}

/// Runs them at the same time: most of their time is spent waiting.
fn all(cases: Vec<Case>) -> String {
    let run = |case: Case| thread::spawn(move || case.run());
    let running: Vec<_> = cases.into_iter().map(run).collect();
    running.into_iter().map(|run| run.join().expect("a case")).collect()
}

/// What befalls the machines of one cluster.
const OF_MACHINES: &str = "
  machines:
    demo-cp-1: {bootDelay: 10s, services: {etcd: {fails: crashLoop}}}
    demo-cp-2: {bootDelay: 10s, services: {etcd: {fails: imagePull}}}
    demo-cp-3: {bootDelay: 10s, services: {etcd: {fails: preparing}}}
    demo-cp-4: {bootDelay: 10s, diskFull: true}
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
    demo-worker-11: {powerOff: {after: created}}";

fn of_machines() -> Vec<Expected> {
    vec![
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
        expected(
            "wrongCertificate",
            "machine/demo-worker-4/configure",
            "not of this cluster's authority",
        ),
        expected("clockSkew", "machine/demo-worker-5/configure", "not valid yet"),
        expected("diskFull", "node/demo-worker-6/registered", "no space left on device"),
        expected("powerOff", "node/demo-worker-7/", "power lost"),
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
    ]
}

#[test]
fn machines_that_do_not_get_on() {
    let cases = vec![Case {
        faults: OF_MACHINES,
        machines: (5, 12),
        instead: None,
        expected: of_machines(),
        struck: None,
    }];
    insta::assert_snapshot!(all(cases), @r#"
    services.etcd crashLoop
      talos: demo-cp-1 service etcd: Error running Containerd(etcd), going to restart forever: task "etcd" failed: exit code NUMBER (event)
    services.etcd imagePull
      talos: demo-cp-2 service etcd: Failed to run pre stage: failed to pull image "registry.k8s.io/etcd:v3.6.7": 1 error(s) occurred: failed to resolve reference "registry.k8s.io/etcd:v3.6.7": registry.k8s.io/etcd:v3.6.7: not found (event)
    services.etcd preparing
      talos: demo-cp-3 service etcd: Running pre state (event)
    diskFull
      talos: demo-cp-4 service etcd: Failed to run pre stage: no space left on device (event)
    neverAnswers
      console: console of demo-worker-0: boot: no bootable device found, halted
    bootDelay
      console: console of demo-worker-1: boot: loading the image takes longer than usual
    refuse
      console: console of demo-worker-2: service[machined](Waiting): the API has not started
    stall
      network: Talos API of demo-worker-3 at ADDRESS:50000: no answer within 3s
    wrongCertificate
      network: Talos API of demo-worker-4 at ADDRESS:50000: its certificate is not of this cluster's authority: invalid peer certificate: BadSignature
    clockSkew
      network: Talos API of demo-worker-5 at ADDRESS:50000: a certificate is not valid now: a clock may be off: invalid peer certificate: certificate not valid yet: verification time NUMBER (UNIX), but certificate is not valid before NUMBER (NUMBER seconds in future)
    diskFull
      talos: demo-worker-6 service kubelet: Failed to run pre stage: no space left on device (event)
    powerOff
      console: console of demo-worker-7: power lost
    services.kubelet crashLoop
      talos: demo-worker-8 service kubelet: Service failed: task "kubelet" failed: exit code 1 (event)
    services.kubelet imagePull
      talos: demo-worker-9 service kubelet: Failed to run pre stage: failed to pull image "ghcr.io/siderolabs/kubelet:v1.35.4": 1 error(s) occurred: failed to resolve reference "ghcr.io/siderolabs/kubelet:v1.35.4": ghcr.io/siderolabs/kubelet:v1.35.4: not found (event)
    services.kubelet preparing
      talos: demo-worker-10 service kubelet: Running pre state (event)
    powerOff
      console: console of demo-worker-11: power lost
    "#);
}

#[test]
fn a_cluster_that_does_not_get_on() {
    let cases = vec![
        Case::of_one(
            "{machines: {demo-cp-0: {powerCutAtBootstrap: 10m}}}",
            expected("powerCutAtBootstrap", "etcd/bootstrap", "power lost"),
        ),
        Case::of_one(
            "{machines: {demo-cp-0: {wiped: {after: registered}}}}",
            expected("wiped", "", "the only member of etcd"),
        ),
        Case::of_one(
            "{machines: {demo-cp-0: {disks: [/dev/nvme0n1]}}}",
            expected("disks", "machine/demo-cp-0/configure", "no disk /dev/vda"),
        ),
        Case {
            instead: Some(("network:\n", "network:\n  vipInterface: eth0\n")),
            ..Case::of_one(
                "{machines: {demo-cp-0: {links: [enp3s0]}}}",
                expected("links", "machine/demo-cp-0/configure", "no link eth0"),
            )
        },
        Case::of_one(
            "{workloads: {traefik/Deployment/traefik: {reason: ImagePullBackOff, message: no such image}}}",
            expected("workloads", "addon/traefik", "no such image"),
        ),
        Case {
            struck: Some("callsWithoutNetwork"),
            ..Case::of_one(
                "{network: {from: 0s, for: 10m}}",
                expected("network", "preflight", "the connection ended before the answer"),
            )
        },
        Case::of_one(
            "{vip: {taken: forever}}",
            expected("vip", "addon/kube-vip", "another machine answers ARP requests"),
        ),
    ];
    insta::assert_snapshot!(all(cases), @r"
    powerCutAtBootstrap
      console: console of demo-cp-0: power lost
    wiped
      cause: demo-cp-0 at ADDRESS:50000 is in maintenance mode: it was wiped or replaced, its configuration is gone, and with it the only member of etcd
    disks
      cause: demo-cp-0 at ADDRESS:50000 has no disk /dev/vda (talos.installDisk); it has /dev/nvme0n1 (NUMBER GiB, ssd, simulated)
    links
      cause: demo-cp-0 at ADDRESS:50000 has no link eth0 (network.vipInterface); it has enp3s0 (ADDRESS), lo (ADDRESS)
    workloads
      pod: pod traefik/POD: container traefik ImagePullBackOff: no such image (container traefik)
    network
      network: platform inmemory: inmemory: list machines: the connection ended before the answer: client error (SendRequest) (check the platform)
    vip
      pod: pod kube-system/POD: container kube-vip CrashLoopBackOff: another machine answers ARP requests for ADDRESS (container kube-vip)
    ");
}

/// A server that every call fails on.
fn refused(faults: &'static str, struck: &'static str, expected: Expected) -> Case {
    Case {
        struck: Some(struck),
        ..Case::of_one(faults, expected)
    }
}

#[test]
fn a_platform_that_does_not_answer() {
    let ended = "the connection ended before the answer";
    let cases = vec![
        refused(
            "{api: {everyNth: 1, kinds: [throttle], only: [create]}}",
            "apiFaults",
            expected("api throttle", "machine/demo-cp-0/create", "HTTP 429"),
        ),
        refused(
            "{api: {everyNth: 1, kinds: [error], only: [create]}}",
            "apiFaults",
            expected("api error", "machine/demo-cp-0/create", "HTTP 500"),
        ),
        refused(
            "{api: {everyNth: 1, kinds: [resetBefore], only: [create]}}",
            "apiFaults",
            expected("api resetBefore", "machine/demo-cp-0/create", ended),
        ),
        refused(
            "{api: {everyNth: 1, kinds: [timeoutAfterApply], only: [list]}}",
            "apiFaults",
            expected("api timeoutAfterApply", "preflight", "no answer in time"),
        ),
        refused(
            "{api: {everyNth: 1, kinds: [resetAfterApply], only: [list]}}",
            "apiFaults",
            expected("api resetAfterApply", "preflight", ended),
        ),
    ];
    insta::assert_snapshot!(all(cases), @r"
    api throttle
      platform: demo-cp-0: inmemory: create machine demo-cp-0: too many requests (Throttled, HTTP NUMBER) (simulated world)
    api error
      platform: demo-cp-0: inmemory: create machine demo-cp-0: the platform failed for a moment (InternalError, HTTP NUMBER) (simulated world)
    api resetBefore
      network: simulated world: inmemory: create machine demo-cp-0: the connection ended before the answer: client error (SendRequest)
    api timeoutAfterApply
      network: platform inmemory: inmemory: list machines: no answer in time: operation timed out (check the platform)
    api resetAfterApply
      network: platform inmemory: inmemory: list machines: the connection ended before the answer: client error (SendRequest) (check the platform)
    ");
}

#[test]
fn an_api_server_that_does_not_answer() {
    let cases = vec![
        refused(
            "{kubernetesApi: {everyNth: 1, kinds: [throttle]}}",
            "kubernetesFaults",
            expected("kubernetesApi throttle", "api-server", "oo many requests"),
        ),
        refused(
            "{kubernetesApi: {everyNth: 1, kinds: [error]}}",
            "kubernetesFaults",
            expected("kubernetesApi error", "api-server", "etcdserver: request timed out"),
        ),
        refused(
            "{kubernetesApi: {everyNth: 1, kinds: [resetAfterApply]}}",
            "kubernetesFaults",
            expected("kubernetesApi resetAfterApply", "api-server", "peer closed connection"),
        ),
        refused(
            "{kubernetesApi: {everyNth: 1, kinds: [resetBefore]}}",
            "kubernetesFaults",
            expected("kubernetesApi resetBefore", "api-server", "peer closed connection"),
        ),
    ];
    insta::assert_snapshot!(all(cases), @r"
    kubernetesApi throttle
      object: API server https://ADDRESS:6443: the server has received too many requests and has asked us to try again later (GET /readyz)
    kubernetesApi error
      object: API server https://ADDRESS:6443: etcdserver: request timed out (GET /readyz)
    kubernetesApi resetAfterApply
      network: API server https://ADDRESS:6443: https://ADDRESS:6443: peer closed connection without sending TLS close_notify (GET /readyz)
    kubernetesApi resetBefore
      network: API server https://ADDRESS:6443: https://ADDRESS:6443: peer closed connection without sending TLS close_notify (GET /readyz)
    ");
}

#[test]
fn a_machine_that_is_not_deleted() {
    let site = Site::new(
        &format!("{SHORT}faults: {{machines: {{demo-cp-0: {{undying: true, neverAnswers: true}}}}}}\n"),
        1,
        0,
        "",
    );
    // Far enough that there is a machine.
    let run = site.bootstrap(&["--deadline", "15s"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    let name = site.cluster.as_str();
    let destroy = ["destroy", name, "--yes", "--confirm", name, "--detach"];
    let begun = Run::of(&site.butleradm().args(destroy).output().expect("the binary starts"));
    assert_eq!(begun.code, Some(0), "{}", begun.stderr);
    let told = asked(&site, &[expected("undying", "machine/", "is being deleted")]);
    drop(site.butleradm().args(["cancel", name]).output());
    insta::assert_snapshot!(told, @r"
    undying
      platform: machine demo-cp-0 (ID): demo-cp-0 (ID) is being deleted (simulated world)
    ");
}

/// Every file below a folder with what it holds.
fn contents(folder: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            contents(&path, into);
        } else if let Ok(bytes) = fs::read(&path) {
            into.insert(path, bytes);
        }
    }
}

#[test]
fn what_a_stopped_run_waited_for_is_looked_at_again_and_nothing_is_written() {
    let site = Site::new(
        &format!("{SHORT}faults: {{machines: {{demo-cp-0: {{neverAnswers: true}}}}}}\n"),
        1,
        0,
        "",
    );
    let run = site.bootstrap(&["--deadline", "15s"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    let files = || {
        let mut files = BTreeMap::new();
        contents(&site.state(), &mut files);
        files
    };
    let before = files();
    let boot = |why: &Value| {
        let wait = waits(why)
            .find(|wait| wait["step"] == "machine/demo-cp-0/boot")
            .expect("a wait");
        (wait["now"]["state"].clone(), normal(&wait["now"]["text"].to_string()))
    };
    let still = boot(&why(&site));
    assert_eq!(still.0, "still", "{still:?}");
    assert!(still.1.contains("onnection refused"), "{still:?}");
    site.patch(&json!({"faults": {"machines": null}}));
    let begun = Instant::now();
    let so = loop {
        let now = boot(&why(&site));
        if now.0 == "so" || begun.elapsed() > PATIENCE {
            break now;
        }
    };
    assert_eq!(so, (json!("so"), "\"ADDRESS:50000 is in maintenance mode\"".to_owned()));
    assert_eq!(files(), before);
    let no_look = site
        .butleradm()
        .args(["why", "--no-look"])
        .output()
        .expect("the binary starts");
    let no_look = Run::of(&no_look).stdout;
    assert!(
        no_look.contains("machine/demo-cp-0/boot") && !no_look.contains("  now  "),
        "{no_look}"
    );
}

/// What the product gets over without anybody having to wait for anything.
#[test]
fn faults_that_hold_nothing_up_leave_nothing_to_tell() {
    let faults = [
        ("restart", "machines: {demo-cp-0: {restart: 0s}}", None),
        ("api.listLag", "api: {listLag: 2s}", Some("lateLists")),
        (
            "kubernetesApi lostStatusWrite",
            "kubernetesApi: {everyNth: 3, kinds: [lostStatusWrite]}",
            Some("kubernetesFaults"),
        ),
    ];
    let run = |(fault, faults, struck): (&'static str, &'static str, Option<&'static str>)| {
        thread::spawn(move || {
            let site = Site::new(&format!("{SHORT}faults: {{{faults}}}\n"), 1, 0, "");
            site.bootstrap(&[]).is_ready();
            if fault == "api.listLag" {
                // Who deletes asks for lists.
                let destroy = ["destroy", "demo", "--yes", "--confirm", "demo"];
                let run = Run::of(&site.butleradm().args(destroy).output().expect("the binary starts"));
                assert_eq!(run.code, Some(0), "{}", run.stderr);
            }
            if let Some(counter) = struck {
                site.struck(counter, 1);
            }
            let why = why(&site);
            // Of what is destroyed nothing is left to tell of.
            let state = if fault == "api.listLag" {
                Value::Null
            } else {
                json!("done")
            };
            assert_eq!((&why["state"], steps(&why).len()), (&state, 0), "{fault}: {why:#}");
        })
    };
    let running: Vec<_> = faults.into_iter().map(run).collect();
    for run in running {
        run.join().expect("a case");
    }
}

/// The names that the world would take instead of a wrong one, as it says itself.
fn names(faults: &str) -> Vec<String> {
    let site = Site::new(&format!("faults: {faults}\n"), 1, 0, "");
    let up = ["inmemory", "up", "--world", "world.yaml"];
    let run = Run::of(&site.butleradm().args(up).output().expect("the binary starts"));
    let first = run.stderr.lines().find_map(|line| line.split_once(", expected "));
    let (_, list) = first.unwrap_or_else(|| panic!("{}", run.stderr));
    let list = list.trim_start_matches("one of ").replace(" or ", ", ");
    list.split(", ").map(|name| name.trim_matches('`').to_owned()).collect()
}

/// Whoever gives the world another fault has to say here what `why` names then.
#[test]
fn every_fault_of_the_world_has_a_case() {
    let known = include_str!("why.rs");
    let machine = names("{machines: {m: {nonsense: 1}}}");
    assert!(machine.len() > 10, "{machine:?}");
    let all = [
        (names("{nonsense: 1}"), ""),
        (machine, ""),
        (names("{machines: {m: {services: {nonsense: 1}}}}"), "services."),
        (
            names("{machines: {m: {services: {etcd: {fails: nonsense}}}}}"),
            "services.etcd ",
        ),
        (
            names("{machines: {m: {services: {kubelet: {fails: nonsense}}}}}"),
            "services.kubelet ",
        ),
        (names("{api: {everyNth: 1, kinds: [nonsense]}}"), "api "),
        (
            names("{kubernetesApi: {everyNth: 1, kinds: [nonsense]}}"),
            "kubernetesApi ",
        ),
        (names("{api: {nonsense: 1}}"), "api."),
    ];
    // Not faults but where and how often they strike; those of what lives on a cluster after its bootstrap, for which no
    // operation waits; and lists of calls of a platform's own API, whose errors the tests of its driver judge one by one, or of
    // what is asked before there is any run.
    let settings = [
        "machines",
        "api.everyNth",
        "api.kinds",
        "api.only",
        "butlerServer",
        "tenants",
        "webhooks",
        "images",
        "managementAddons",
        "proxmox",
        "imageFactory",
        "offers",
    ];
    for (names, before) in all {
        assert!(!names.is_empty(), "{before}");
        for name in names.iter().map(|name| format!("{before}{name}")) {
            let case = known.contains(&format!("\"{name}"));
            assert!(case || settings.contains(&name.as_str()), "no case for {name}");
        }
    }
}
