//! What a bootstrap leaves, in the hands of the real kubectl, helm and talosctl; and the real helm as its installer.

#![expect(clippy::unwrap_used, reason = "what stops a test")]

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::{
    charts::mirror,
    world::{SHORT, Site, peer},
};

/// Runs a tool on one of the files that were written for people; what it printed.
fn run(site: &Site, tool: &Path, file: [&str; 2], arguments: &[&str]) -> String {
    let output = Command::new(tool)
        .env_clear()
        .env("HOME", site.path(""))
        .arg(file[0])
        .arg(site.butler_home().join(file[1]))
        .args(arguments)
        .output()
        .expect("the tool starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let all = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{} {arguments:?}: {all}", tool.display());
    all
}

#[test]
fn an_administrator_uses_what_was_written_with_the_usual_tools() {
    let (Some(kubectl), Some(helm), Some(talosctl)) = (peer("kubectl"), peer("helm"), peer("talosctl")) else {
        return;
    };
    let site = Site::new(SHORT, 3, 3, "");
    site.bootstrap(&[]).is_ready();
    let kubeconfig = ["--kubeconfig", "demo-kubeconfig"];
    let talosconfig = ["--talosconfig", "demo-talosconfig"];

    let nodes = run(&site, &kubectl, kubeconfig, &["get", "nodes", "--no-headers"]);
    let ready = nodes.lines().filter(|l| l.split_whitespace().nth(1) == Some("Ready"));
    assert_eq!(ready.count(), 6, "{nodes}");
    let phase = [
        "get",
        "clusterbootstraps",
        "-A",
        "-o",
        "jsonpath={.items[*].status.phase}",
    ];
    assert_eq!(run(&site, &kubectl, kubeconfig, &phase), "Ready");
    let described = run(&site, &kubectl, kubeconfig, &["describe", "node", "demo-cp-0"]);
    assert!(described.contains("control-plane"), "{described}");

    let releases: Value = serde_json::from_str(&run(&site, &helm, kubeconfig, &["list", "-A", "-o", "json"])).unwrap();
    let releases = releases.as_array().unwrap();
    assert!(
        releases.len() > 8 && releases.iter().all(|r| r["status"] == "deployed"),
        "{releases:?}"
    );
    let status = run(&site, &helm, kubeconfig, &["status", "cilium", "-n", "kube-system"]);
    assert!(status.contains("STATUS: deployed"), "{status}");

    assert!(run(&site, &talosctl, talosconfig, &["version"]).contains("v1.12.1"));
    assert!(run(&site, &talosctl, talosconfig, &["services"]).contains("etcd"));
    let members = run(&site, &talosctl, talosconfig, &["etcd", "members"]);
    for name in ["demo-cp-0", "demo-cp-1", "demo-cp-2"] {
        assert!(members.contains(name), "{members}");
    }
    let members = run(&site, &talosctl, talosconfig, &["get", "members"]);
    assert_eq!(members.lines().count(), 7, "a heading and six machines: {members}");
    let health = run(&site, &talosctl, talosconfig, &["health", "--wait-timeout", "30s"]);
    assert!(
        health.contains("waiting for all k8s nodes to report ready: OK"),
        "{health}"
    );
}

#[test]
fn machines_in_maintenance_mode_become_a_cluster_with_the_real_helm() {
    let (Some(helm), Some(kubectl)) = (peer("helm"), peer("kubectl")) else {
        return;
    };
    let site = Site::new(SHORT, 3, 1, "");
    let up = site
        .butleradm()
        .args(["inmemory", "up", "--static", "4", "--world", "world.yaml"])
        .output();
    assert!(up.expect("the binary starts").status.success());
    let config = static_configuration(&site);
    fs::write(site.config(), &config).expect("a configuration");
    mirror(&helm, &config, &site.path("charts"));

    let path = helm.parent().unwrap().display().to_string();
    let output = site
        .command(&[])
        .env("PATH", &path)
        .output()
        .expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("management cluster ready"),
        "{said}"
    );
    assert_eq!(
        site.counter("machinesCreated"),
        0,
        "machines that others booted are not made"
    );
    assert_eq!(site.counter("bootstrapsTakenEffect"), 1);
    let kubeconfig = ["--kubeconfig", "demo-kubeconfig"];
    let nodes = run(&site, &kubectl, kubeconfig, &["get", "nodes", "-o", "name"]);
    assert_eq!(nodes, "node/demo-cp-0\nnode/demo-cp-1\nnode/demo-cp-2\nnode/store-1\n");
    let releases = run(&site, &helm, kubeconfig, &["list", "-A", "-o", "json"]);
    let releases: Vec<Value> = serde_json::from_str(&releases).unwrap();
    assert!(
        releases
            .iter()
            .all(|r| r["status"] == "deployed" && r["revision"] == "1"),
        "{releases:?}"
    );

    let again = site
        .command(&[])
        .env("PATH", &path)
        .output()
        .expect("the binary starts");
    assert!(again.status.success());
    assert_eq!(site.counter("bootstrapCalls"), 1);
}

/// The site's own configuration, with the machines that its world offers.
fn static_configuration(site: &Site) -> String {
    let config = fs::read_to_string(site.config()).unwrap();
    let config = config
        .split("providerConfig:")
        .next()
        .unwrap()
        .replace("provider: inmemory", "provider: static");
    let status = site.status();
    let machines = status["machines"].as_array().unwrap().iter().enumerate();
    let lines: Vec<String> = machines
        .map(|(i, machine)| match i {
            3 => format!(
                "      - {{address: {}, role: worker, name: store-1}}\n",
                address(machine)
            ),
            _ => format!("      - {{address: {}, role: control-plane}}\n", address(machine)),
        })
        .collect();
    format!(
        "{config}bootstrapCluster: embedded\naddons: {{chartMirror: {}}}\nproviderConfig:\n  static:\n    machines:\n{}",
        site.path("charts").display(),
        lines.concat()
    )
}

fn address(machine: &Value) -> &str {
    machine["address"].as_str().unwrap()
}
