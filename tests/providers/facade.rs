//! The platform that the simulated world has: what fakepve cannot be, such as a node that is off, is seen there.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A home with a world in it, which ends with the test. No machine is made: it listens on free ports only.
struct World(tempfile::TempDir);

impl World {
    fn up(settings: &str) -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        let file = world.0.path().join("world.yaml");
        std::fs::write(&file, settings).unwrap();
        let up = world.run(&[
            "inmemory",
            "up",
            "--platform",
            "proxmox",
            "--world",
            file.to_str().unwrap(),
        ]);
        assert_eq!(up.0, Some(0), "{up:?}");
        world
    }

    /// Exit code and what was printed, without the home and the port.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_butleradm"));
        command.env_clear().env("BUTLER_HOME", self.0.path()).args(arguments);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    /// A configuration that leads to the platform.
    fn configuration(&self, more: &str) -> (String, String) {
        let (_, status, _) = self.run(&["inmemory", "status", "-o", "json"]);
        let status: Value = serde_json::from_str(&status).unwrap();
        let platform = &status["platforms"][0];
        let text = |key: &str| platform[key].as_str().unwrap();
        let pool = "{replicas: 3, cpu: 2, memoryMB: 4096, diskGB: 20}";
        let text = format!(
            "provider: proxmox\ncluster: {{name: demo, topology: ha, controlPlane: {pool}, workers: {pool}}}\nnetwork:\n  \
             vip: 192.0.2.9\n  loadBalancerPool: {{start: 192.0.2.10, end: 192.0.2.50}}\ntalos: {{imageFactory: '{}'}}\n\
             providerConfig:\n  proxmox:\n    endpoint: {}\n    caFile: {}\n    username: {}\n    password: {{file: {}}}\n{more}",
            text("imageFactory"),
            text("endpoint"),
            text("caFile"),
            text("token"),
            text("tokenFile"),
        );
        let file = self.0.path().join("butler.yaml");
        std::fs::write(&file, text).unwrap();
        let endpoint = platform["endpoint"].as_str().unwrap().to_owned();
        (file.to_str().unwrap().to_owned(), endpoint)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.run(&["inmemory", "down"]));
    }
}

const WORLD: &str = "\
platforms:
  proxmox:
    version: 8.2.4
    quorate: false
    nodes:
      pve1: {memoryGB: 8, usedMemoryGB: 4}
      pve2: {memoryGB: 8, online: false}
    storages:
      local-lvm: {type: lvm, content: [images], sizeGB: 40}
      shared: {type: nfs, content: [iso], shared: true, sizeGB: 10, usedGB: 10}
    vnets:
      lab: {zone: z1}
    denied:
      - {path: /storage/shared, privilege: Datastore.Allocate}
      - {path: /vms, privilege: VM.PowerMgmt}
";

#[test]
fn everything_that_speaks_against_a_plan_is_told_at_once() {
    let world = World::up(WORLD);
    let (file, endpoint) = world.configuration("    nodes: [pve1, pve2]\n    storage: local-lvm\n    bridge: lab\n");
    let (code, stdout, stderr) = world.run(&["provider", "validate", "--config", &file]);
    assert!(!stderr.contains("panicked") && code == Some(1), "{stderr}");
    let home: &Path = world.0.path();
    let shown = stdout
        .replace(&endpoint, "[ENDPOINT]")
        .replace(home.to_str().unwrap(), "[HOME]");
    let lines = shown.lines().filter(|line| !line.contains(" secrets "));
    let lines: Vec<String> = lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    STATUS CHECK FINDING
    ok proxmox/endpoint [ENDPOINT] answers
    ok proxmox/credentials the credentials are accepted
    warn proxmox/version Proxmox VE 8.2.4 is older than 8.4: machines start from an ISO instead of a disk image
    ok proxmox/clock the clocks agree
    fail proxmox/quorum the cluster has lost its quorum: nothing can be changed
    fail proxmox/permissions VM.PowerMgmt is missing on /vms; needed to switch a machine on, switch a machine off
    fail proxmox/permissions Datastore.Allocate is missing on /storage/shared; needed to delete images and first-boot data
    fail proxmox/nodes node pve2 is offline
    fail proxmox/storage storage local-lvm has 24 GiB free, and the disks of the plan have 120 GiB
    fail proxmox/image-storage storage shared of node pve1 is full: 0 B free, and images take up to 2 GiB
    fail proxmox/memory the plan takes 24 GiB of memory and does not fit: 4 GiB are free, and no node has 4 GiB left for one more machine
    ok proxmox/network network lab is on every node
    ok proxmox/vmids 999999900 VMIDs are free between 100 and 999999999
    ");
    // A node that is off takes nothing from the others.
    let (code, nodes, _) = world.run(&["provider", "nodes", "--config", &file, "-o", "json"]);
    let nodes: Value = serde_json::from_str(&nodes).unwrap();
    assert_eq!(
        (code, nodes[1]["unusable"].as_str()),
        (Some(0), Some("it is offline")),
        "{nodes}"
    );
    let (code, networks, _) = world.run(&["provider", "networks", "--config", &file, "-o", "name"]);
    assert_eq!((code, networks.as_str()), (Some(0), "vmbr0\nvmbr1\nlab\n"));
}
