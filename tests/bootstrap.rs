//! The main job end to end: the binary, the simulated world, real sockets.

#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]

mod accidents;
#[path = "common/charts.rs"]
mod charts;
mod destroy;
mod export;
mod kill;
#[cfg(target_os = "linux")]
mod limits;
mod logins;
mod plan;
mod proofs;
mod real_tools;
mod record;
mod runs;
mod world;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};
use world::{Run, SHORT, Site, files_with};

#[test]
fn an_ha_cluster_becomes_ready_and_the_same_command_again_makes_nothing() {
    let site = Site::new(SHORT, 3, 3, "");
    site.bootstrap(&[]).is_ready();
    assert_eq!(site.counter("machinesCreated"), 6);
    assert_eq!(site.counter("bootstrapsTakenEffect"), 1);
    for name in ["demo-kubeconfig", "demo-talosconfig"] {
        let mode = fs::metadata(site.butler_home().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert!(
        !site.state().join("bootstrap-cluster").exists(),
        "the bootstrap cluster is still there"
    );
    let again = site.bootstrap(&["-o", "json"]);
    again.is_ready();
    let answer: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(answer["phase"], "Ready");
    assert_eq!(answer["machines"].as_array().map(Vec::len), Some(6));
    assert_eq!(site.counter("machinesCreated"), 6);
    assert_eq!(site.counter("bootstrapCalls"), 1);
}

#[test]
fn names_that_look_like_numbers_and_proxies_that_nobody_uses_do_no_harm() {
    for (name, further) in [("2024", CLOSED), ("no", "")] {
        let mut site = Site::new(SHORT, 1, 0, "");
        let text = fs::read_to_string(site.config()).unwrap();
        let text = text.replace("name: demo", &format!("name: '{name}'"));
        fs::write(site.config(), text.replace("talos:\n", &format!("talos:\n{further}"))).unwrap();
        name.clone_into(&mut site.cluster);
        let mut command = site.command(&[]);
        let output = command
            .env("HTTPS_PROXY", "http://user:hunter2 @:::")
            .env("NO_PROXY", ":::")
            .env("MIRROR", "hunter2\r\n")
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        assert_eq!(
            files_with(&site.butler_home(), "hunter2"),
            Vec::<std::path::PathBuf>::new()
        );
        let kubeconfig = site.butler_home().join(format!("{name}-kubeconfig"));
        let read: Value = serde_saphyr::from_str(&fs::read_to_string(&kubeconfig).unwrap()).unwrap();
        assert_eq!(read["clusters"][0]["name"], name);
        assert_eq!(read["contexts"][0]["context"]["cluster"], name);
        if let Some(kubectl) = world::peer("kubectl") {
            let view = ["get", "nodes", "--no-headers"];
            let output = std::process::Command::new(kubectl)
                .arg("--kubeconfig")
                .arg(&kubeconfig)
                .args(view)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        if let Some(talosctl) = world::peer("talosctl") {
            let talosconfig = site.butler_home().join(format!("{name}-talosconfig"));
            let output = std::process::Command::new(talosctl)
                .arg("--talosconfig")
                .arg(&talosconfig)
                .arg("version")
                .output();
            let output = output.unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// What the simulated node takes as a real one would.
const CLOSED: &str = "  registries:
    mirrors: {docker.io: {endpoints: ['https://mirror.example.org'], skipFallback: true}}
    config: {mirror.example.org: {auth: {username: robot, password: {env: MIRROR}}}}
  discovery: false
  patches:
    all: [{machine: {sysctls: {vm.max_map_count: '262144'}}}]
    controlPlane: [[{op: add, path: /machine/env, value: {A: b}}]]
";

#[test]
fn a_changed_configuration_is_refused_with_the_difference() {
    let site = Site::new(SHORT, 1, 0, "");
    site.bootstrap(&[]).is_ready();
    let text = fs::read_to_string(site.config()).unwrap();
    fs::write(site.config(), text.replace("cpu: 2", "cpu: 4")).unwrap();
    let run = site.bootstrap(&[]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(
        run.stderr.contains("cluster.controlPlane.cpu: was 2, is 4"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_plan_touches_nothing_and_names_what_will_be_made() {
    let site = Site::new(SHORT, 3, 3, "");
    let run = site.bootstrap(&["--dry-run", "-o", "json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(plan["machines"].as_array().map(Vec::len), Some(6));
    let addons: Vec<&str> = plan["addons"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|a| a["name"].as_str())
        .collect();
    assert!(addons.contains(&"cilium") && addons.contains(&"steward"), "{addons:?}");
    let cilium = plan["addons"]
        .as_array()
        .unwrap()
        .iter()
        .find(|a| a["name"] == "cilium")
        .unwrap();
    assert!(cilium["version"].is_string(), "{cilium}");
    assert!(!site.butler_home().exists(), "a dry run wrote to the home");
}

#[test]
fn authorities_without_a_certificate_are_refused_before_anything_is_made() {
    let site = Site::new(SHORT, 1, 0, "");
    let file = site.path("ca.pem");
    fs::write(&file, "no certificate\n").unwrap();
    let folder = site.path("empty");
    fs::create_dir(&folder).unwrap();
    for (path, words) in [
        (&file, "ca.pem holds no certificate"),
        (&folder, "empty holds no .crt or .pem file"),
        (&site.path("nothing"), "cannot read"),
    ] {
        let mut command = site.command(&[]);
        let output = command.env("BUTLER_CA_CERT_PATH", path).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(
            stderr.contains(words) && stderr.contains("hint: BUTLER_CA_CERT_PATH"),
            "{stderr}"
        );
        assert!(!site.butler_home().exists(), "something was made");
    }
}

#[test]
fn a_node_that_never_answers_ends_at_its_deadline_and_the_rest_is_built() {
    let faults = "faults: {machines: {demo-worker-1: {neverAnswers: true}}}\n";
    let site = Site::new(&format!("{SHORT}{faults}"), 3, 3, "deadlines: {boot: 3s}\n");
    let run = site.bootstrap(&[]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    let error = run.stderr.split("error:").nth(1).expect("an error");
    for part in [
        "demo-worker-1",
        "machine/demo-worker-1/boot",
        "last cause",
        "hint:",
        "TCP 50000",
    ] {
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
    assert!(run.stderr.contains("addon cilium: ready"), "{}", run.stderr);
    assert_eq!(site.counter("machinesDeleted"), 0);
}

#[test]
fn a_run_that_is_out_of_time_says_what_it_waited_for() {
    let faults = "faults: {machines: {demo-worker-1: {neverAnswers: true}}}\n";
    let site = Site::new(&format!("{SHORT}{faults}"), 3, 3, "");
    let run = site.bootstrap(&["--deadline", "9s"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    let error = run.stderr.split("error:").nth(1).expect("an error");
    for part in [
        "--deadline",
        "Talos on demo-worker-1",
        "machine/demo-worker-1/boot",
        "last cause",
        "machines exist",
    ] {
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
}

#[test]
fn machines_that_vanished_are_named_at_once() {
    let site = Site::new(SHORT, 1, 0, "");
    site.bootstrap(&[]).is_ready();
    let down = site.butleradm().args(["inmemory", "down"]).output();
    assert!(down.expect("the binary starts").status.success());
    let run = site.bootstrap(&[]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(
        run.stderr
            .contains("the simulated world no longer has demo-cp-0 (inmemory-"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("hint:"), "{}", run.stderr);
    let exist = "none of 1 machines exists any more";
    assert!(run.stderr.contains(exist), "{}", run.stderr);
    assert_eq!(site.counter("machinesCreated"), 0);
}

#[test]
fn a_node_that_answers_late_is_waited_for() {
    let faults = "faults: {machines: {demo-cp-1: {bootDelay: 3s}}}\n";
    let site = Site::new(&format!("{SHORT}{faults}"), 3, 3, "");
    site.bootstrap(&[]).is_ready();
    let booted = site.between("machine/demo-cp-1/create", "machine/demo-cp-1/boot");
    assert!(booted >= Duration::from_secs(2), "{booted:?}");
}

#[test]
fn throttles_errors_and_lost_replies_of_the_platform_make_nothing_twice() {
    let faults = "faults: {api: {everyNth: 3, kinds: [throttle, error, resetAfterApply, resetBefore]}}\n";
    let site = Site::new(&format!("{SHORT}{faults}"), 3, 3, "");
    site.bootstrap(&[]).is_ready();
    assert_eq!(site.counter("machinesCreated"), 6);
    site.struck("apiFaults", 4);
}

#[test]
fn errors_of_the_management_cluster_are_overcome() {
    let faults = "faults: {kubernetesApi: {everyNth: 9, kinds: [throttle, error, resetAfterApply, resetBefore]}}\n";
    let site = Site::new(&format!("{SHORT}{faults}"), 3, 3, "");
    site.bootstrap(&[]).is_ready();
    site.struck("kubernetesFaults", 4);
}

#[test]
fn a_lost_network_is_survived() {
    let faults = "faults: {network: {from: 500ms, for: 5s}}\n";
    let site = Site::new(&format!("{SHORT}{faults}"), 3, 3, "");
    site.bootstrap(&[]).is_ready();
    assert_eq!(site.counter("machinesCreated"), 6);
    assert_eq!(site.counter("bootstrapsTakenEffect"), 1);
    site.struck("callsWithoutNetwork", 1);
}

#[test]
fn a_taken_endpoint_is_named_and_waited_for() {
    let faults = "faults: {vip: {taken: forever}}\n";
    let site = Site::new(&format!("{SHORT}{faults}"), 3, 3, "");
    let events = site.path("events.ndjson");
    let mut command = site.command(&["--events", events.to_str().unwrap()]);
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let named = "another machine answers ARP requests for 127.100.";
    while !fs::read_to_string(&events).is_ok_and(|told| told.contains(named)) {
        assert!(run.try_wait().unwrap().is_none(), "nobody had the endpoint");
        std::thread::sleep(Duration::from_millis(10));
    }
    site.patch(&json!({"faults": {"vip": null}}));
    Run::of(&run.wait_with_output().unwrap()).is_ready();
}

#[test]
fn an_endpoint_that_somebody_answers_is_told_before_machines_are_made_and_another_one_may_be_chosen() {
    let site = Site::new(SHORT, 3, 1, "deadlines: {endpoint: 2s}\n");
    let text = fs::read_to_string(site.config()).unwrap();
    let vip = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("vip: "))
        .unwrap()
        .to_owned();
    let stranger = std::net::TcpListener::bind((vip.as_str(), 6443)).unwrap();
    let plan = site.bootstrap(&["--dry-run", "-o", "json"]);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let check = plan["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["id"] == "network/vip")
        .unwrap();
    assert_eq!(check["status"], "fail", "{check}");

    let run = site.bootstrap(&[]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    for part in [
        "warning: network.vip is in use, nothing is made before it is free",
        &vip,
        "set network.vip to another one",
    ] {
        assert!(run.stderr.contains(part), "{part:?} is not in {}", run.stderr);
    }
    assert_eq!(site.counter("machinesCreated"), 0);
    let other = {
        let ip: std::net::Ipv4Addr = vip.parse().unwrap();
        std::net::Ipv4Addr::from(u32::from(ip) | 1 << 7)
    };
    fs::write(
        site.config(),
        text.replace(&format!("vip: {vip}"), &format!("vip: {other}")),
    )
    .unwrap();
    site.bootstrap(&[]).is_ready();
    drop(stranger);
}

#[test]
fn without_a_name_the_link_of_the_nodes_address_carries_the_endpoint() {
    let faults = "faults:
  machines:
    demo-cp-0: {links: [enp3s0, eth0], disks: [/dev/sda]}
    demo-cp-1: {links: [ens18], disks: [/dev/sda]}
    demo-cp-2: {links: [eth0], disks: [/dev/sda]}
    demo-worker-0: {disks: [/dev/vda, /dev/sda]}
";
    let further = "addons: {controlPlaneHA: {enabled: false}}\n";
    let site = Site::new(&format!("{SHORT}{faults}"), 3, 1, further);
    // The disk is refused before the configuration is pushed, and may be corrected though a worker has got its own.
    let run = site.bootstrap(&[]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let words = "has no disk /dev/vda (talos.installDisk); it has /dev/sda";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    let text = fs::read_to_string(site.config()).unwrap();
    let disk = "version: v1.12.1\n  installDisk: /dev/sda";
    fs::write(site.config(), text.replace("version: v1.12.1", disk)).unwrap();
    site.bootstrap(&[]).is_ready();
}

#[test]
fn an_interrupted_run_says_what_exists_and_goes_on() {
    let site = Site::new(SHORT, 3, 3, "");
    let mut child = site
        .command(&[])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut seen = String::new();
    for line in lines.by_ref() {
        let line = line.unwrap();
        let configured = line.contains("configured at");
        seen.push_str(&line);
        if configured {
            break;
        }
    }
    let kill = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    let rest: String = lines.map_while(Result::ok).map(|l| l + "\n").collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(
        rest.contains("interrupted") && rest.contains("machines exist"),
        "{rest}"
    );
    assert!(rest.contains("goes on from here"), "{rest}");
    site.bootstrap(&[]).is_ready();
    assert_eq!(site.counter("machinesCreated"), 6);
}

#[test]
fn the_event_stream_is_complete_and_in_order() {
    let site = Site::new(SHORT, 1, 0, "");
    let events = site.path("events.ndjson");
    site.bootstrap(&["--events", events.to_str().unwrap()]).is_ready();
    let text = fs::read_to_string(events).unwrap();
    let events: Vec<butler_api::event::Event> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(events.iter().map(|e| e.seq).eq(1..=events.len() as u64));
    let codes: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap()["code"].clone())
        .collect();
    assert_eq!(codes.first(), Some(&Value::from("run.started")));
    assert_eq!(codes.last(), Some(&Value::from("run.finished")));
}

/// A secret of the configuration reaches the cluster and nothing else.
#[test]
fn a_planted_secret_is_in_no_output_event_journal_line_or_log() {
    const CANARY: &str = "canary-7f3a9c51-do-not-print";
    let console = "addons:
  console:
    enabled: true
    auth: {adminPassword: {file: password}, jwtSecret: canary-7f3a9c51-do-not-print}
";
    let faults = "faults: {api: {everyNth: 3, kinds: [throttle, error, resetAfterApply]}}\n";
    let site = Site::new(&format!("{SHORT}{faults}"), 3, 3, console);
    fs::write(site.path("password"), format!("{CANARY}\n")).unwrap();
    let events = site.path("events.ndjson");
    let mut command = site.command(&["--events", events.to_str().unwrap(), "-vv"]);
    let output = command.output().unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{stderr}");
    assert!(
        !stdout.contains(CANARY) && !stderr.contains(CANARY),
        "a secret was printed"
    );
    for name in ["state/clusters", "config", "cache"] {
        assert_eq!(
            files_with(&site.butler_home().join(name), CANARY),
            Vec::<std::path::PathBuf>::new()
        );
    }
    assert!(
        !fs::read_to_string(events).unwrap().contains(CANARY),
        "a secret is in the event stream"
    );
    assert!(!site.journal().is_empty());
    site.struck("apiFaults", 1);
}
