//! What a platform says: checks with a sentence for each thing that is wrong, and lists of what it offers.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::ctl::{Ctl, Ran};
use crate::fakepve::{FakePve, SECRET, TOKEN};
use crate::whole;

/// A management cluster with a provider `lab`, which leads to a platform.
struct Lab {
    runtime: tokio::runtime::Runtime,
    ctl: Ctl,
    pve: FakePve,
    ca: PathBuf,
}

/// Settings of the provider, and where its secret is.
struct Provider<'a> {
    username: &'a str,
    secret: &'a str,
    more: &'a [&'a str],
}

const GOOD: Provider<'static> = Provider {
    username: TOKEN,
    secret: SECRET,
    more: &[],
};

impl Lab {
    /// None where fakepve is not installed.
    fn new(options: &Value) -> Option<Self> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut whole = json!({
            "nodes": ["pve1", "pve2"],
            "tokens": {TOKEN: SECRET},
            "storages": {"nfs": {"type": "nfs", "content": "images,iso,import", "shared": 1, "avail": 1_u64 << 40}},
        });
        whole
            .as_object_mut()
            .unwrap()
            .extend(options.as_object().unwrap().clone());
        let pve = runtime.block_on(FakePve::start(whole))?;
        let ctl = Ctl::new();
        let ca = ctl.path("pve-ca.pem");
        std::fs::write(&ca, &pve.ca).unwrap();
        Some(Self { runtime, ctl, pve, ca })
    }

    /// Does something in the fake.
    fn act(&self, request: Value) {
        self.runtime.block_on(self.pve.act(request));
    }

    /// Makes provider `lab`.
    fn create(&self, provider: &Provider<'_>) {
        let made = self.run_create(provider);
        assert_eq!(made.code, Some(0), "{made:?}");
    }

    fn run_create(&self, provider: &Provider<'_>) -> Ran {
        let endpoint = format!("https://127.0.0.1:{}", self.pve.port);
        let mut arguments = vec![
            "provider",
            "create",
            "lab",
            "--provider",
            "proxmox",
            "--credential",
            "password=env:PVE",
        ];
        let has = |flag: &str| provider.more.contains(&flag);
        let ca = self.ca.to_str().unwrap();
        for (flag, value) in [
            ("--endpoint", endpoint.as_str()),
            ("--node", "pve1,pve2"),
            ("--storage", "nfs"),
            ("--username", provider.username),
            ("--ca-file", ca),
        ] {
            let replaced = has(flag) || flag == "--ca-file" && has("--fingerprint");
            if !replaced {
                arguments.extend([flag, value]);
            }
        }
        arguments.extend(provider.more);
        let mut command = self.ctl.command("admin", &arguments);
        command.env("BUTLER_KUBECONFIG", self.ctl.admin_kubeconfig());
        command.env("PVE", provider.secret);
        self.cleaned(self.ctl.ran(&command.output().unwrap()))
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.cleaned(self.ctl.admin(arguments))
    }

    fn cleaned(&self, ran: Ran) -> Ran {
        assert!(!format!("{ran:?}").contains(SECRET), "{ran:?}");
        let clean = |text: String| text.replace(&self.pve.port.to_string(), "[PORT]");
        Ran {
            code: ran.code,
            stdout: clean(ran.stdout),
            stderr: clean(ran.stderr),
        }
    }

    /// The checks that are not well, one line each, and the exit code.
    fn unwell(&self, provider: &Provider<'_>) -> (Option<i32>, Vec<String>) {
        // Another one of the same name, as for a new start.
        self.ctl.admin(&["provider", "delete", "lab", "--yes"]);
        self.create(provider);
        let ran = self.run(&["provider", "validate", "lab", "-o", "json"]);
        let answer = ran.json();
        let checks = answer["checks"].as_array().unwrap();
        let unwell = checks.iter().filter(|check| check["status"] != "ok");
        let lines = unwell
            .map(|check| {
                let text = |key: &str| check[key].as_str().unwrap();
                format!("{} {}: {}", text("status"), text("id"), text("summary"))
            })
            .collect();
        (ran.code, lines)
    }
}

#[test]
fn a_platform_that_is_well_is_told_check_by_check_and_its_object_says_so() {
    let Some(lab) = Lab::new(&json!({})) else { return };
    lab.create(&GOOD);
    let ran = lab.run(&["provider", "validate", "lab"]);
    insta::assert_snapshot!(whole(&ran), @r"
    exit 0
    --- stdout
    STATUS  CHECK                  FINDING
    ok      proxmox/endpoint       https://127.0.0.1:[PORT] answers
    ok      proxmox/credentials    the credentials are accepted
    ok      proxmox/version        Proxmox VE 9.0.10
    ok      proxmox/clock          the clocks agree
    ok      proxmox/quorum         the cluster has a quorum
    ok      proxmox/permissions    every privilege of the plan is granted, deletions included
    ok      proxmox/nodes          all 2 nodes are online
    ok      proxmox/storage        storage nfs takes disks on every node
    ok      proxmox/image-storage  storage nfs takes images on every node
    ok      proxmox/memory         12 GiB of memory are free
    ok      proxmox/network        network vmbr0 is on every node
    ok      proxmox/vmids          999999900 VMIDs are free between 100 and 999999999
    ");
    let object = lab.ctl.site.local.get(crate::PROVIDERS, "lab").unwrap();
    let ready = &object["status"]["conditions"][0];
    assert_eq!(
        (&object["status"]["validated"], &ready["type"], &ready["reason"]),
        (&json!(true), &json!("Ready"), &json!("ValidationSucceeded"))
    );
    let listed = lab.run(&["provider", "list"]);
    assert!(listed.stdout.contains("Ready"), "{listed:?}");
}

#[test]
fn every_wrong_setting_has_one_clear_sentence_and_all_are_told_at_once() {
    let Some(lab) = Lab::new(&json!({})) else { return };
    let (code, unwell) = lab.unwell(&Provider {
        more: &[
            "--node",
            "pve1,pve9",
            "--storage",
            "nfz",
            "--bridge",
            "vmbr9",
            "--pool",
            "lab",
            "--template-id",
            "900",
        ],
        ..GOOD
    });
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(unwell.join("\n"), @r"
    fail proxmox/nodes: there is no node pve9
    fail proxmox/storage: node pve1 has no storage nfz that we may see
    fail proxmox/network: node pve1 has no bridge or network vmbr9
    fail proxmox/pool: there is no pool lab that we may see
    fail proxmox/template: there is no template 900 that we may see
    ");
}

#[test]
fn wrong_credentials_certificates_and_hosts_are_told_apart() {
    let Some(lab) = Lab::new(&json!({})) else { return };
    let first = |provider: &Provider<'_>| {
        let (code, unwell) = lab.unwell(provider);
        assert_eq!((code, unwell.len()), (Some(1), 2), "{unwell:#?}");
        assert_eq!(unwell[1], "skipped proxmox/platform: nothing else could be checked");
        unwell.into_iter().next().unwrap()
    };
    let other = "AB:".repeat(31) + "CD";
    let nobody = lab.ctl.path("other-ca.pem");
    let key = rcgen::generate_simple_self_signed(["nobody".to_owned()]).unwrap();
    std::fs::write(&nobody, key.cert.pem()).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let closed = format!("https://127.0.0.1:{port}");
    let told = [
        first(&Provider {
            secret: "wrong",
            ..GOOD
        }),
        first(&Provider {
            username: "root@pam",
            secret: "wrong",
            ..GOOD
        }),
        first(&Provider {
            username: "nobody@pve!none",
            ..GOOD
        }),
        first(&Provider {
            more: &["--fingerprint", &other],
            ..GOOD
        }),
        first(&Provider {
            more: &["--ca-file", nobody.to_str().unwrap()],
            ..GOOD
        }),
        first(&Provider {
            more: &["--endpoint", &closed],
            ..GOOD
        })
        .replace(&port.to_string(), "[CLOSED]"),
    ];
    insta::assert_snapshot!(told.join("\n"), @r"
    fail proxmox/credentials: the credentials are refused: the token or its secret is wrong (authentication failure)
    fail proxmox/credentials: the credentials are refused: user name or password is wrong (authentication failure)
    fail proxmox/credentials: the credentials are refused: the token or its secret is wrong (authentication failure)
    fail proxmox/tls: the certificate of https://127.0.0.1:[PORT] is not trusted: the server's certificate is refused: it is not the one whose fingerprint is set
    fail proxmox/tls: the certificate of https://127.0.0.1:[PORT] is not trusted: the server's certificate is refused: its authority is not trusted
    fail proxmox/endpoint: https://127.0.0.1:[CLOSED] does not answer: cannot connect
    ");
}

#[test]
fn the_fingerprint_that_would_be_trusted_is_told_and_with_it_all_is_well() {
    let Some(lab) = Lab::new(&json!({})) else { return };
    let other = "AB:".repeat(31) + "CD";
    lab.create(&Provider {
        more: &["--fingerprint", &other],
        ..GOOD
    });
    let refused = lab.run(&["provider", "validate", "lab"]);
    let is_fingerprint = |word: &&str| word.matches(':').count() == 31;
    let words = refused.stderr.split(|c: char| !c.is_ascii_hexdigit() && c != ':');
    let shown = words.map(|word| word.trim_matches(':')).find(is_fingerprint);
    let shown = shown
        .unwrap_or_else(|| panic!("no fingerprint: {refused:?}"))
        .to_owned();
    let update = lab.run(&["provider", "update", "lab", "--fingerprint", &shown]);
    assert_eq!(update.code, Some(0), "{update:?}");
    assert_eq!(lab.run(&["provider", "validate", "lab"]).code, Some(0));
}

#[test]
fn missing_privileges_are_named_and_nothing_is_made_with_validate() {
    let Some(lab) = Lab::new(&json!({})) else { return };
    lab.act(json!({"do": "set", "name": "users", "value": {"butler@pve": "password-of-butler"}}));
    lab.act(json!({"do": "call", "name": "grant", "args": ["butler@pve", "/vms", "VM.Audit", "VM.Allocate"]}));
    let butler = Provider {
        username: "butler@pve",
        secret: "password-of-butler",
        more: &["--validate"],
    };
    let ran = lab.run_create(&butler);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let told = |text: &str| assert!(ran.stderr.contains(text), "{text}: {}", ran.stderr);
    told(
        "Datastore.Audit is missing on /storage/nfs; needed to see storages and their free space (proxmox/permissions)",
    );
    told("provider lab cannot be used as it is");
    told("VM.PowerMgmt is missing on /vms; needed to switch a machine on, switch a machine off (proxmox/permissions)");
    told("Datastore.Allocate is missing on /storage; needed to delete images and first-boot data");
    told("hint: proxmox/permissions: grant a role with VM.PowerMgmt on /vms");
    assert!(
        lab.ctl.site.local.get(crate::PROVIDERS, "lab").is_err(),
        "nothing is made"
    );
    assert!(lab.ctl.site.local.get(crate::SECRETS, "lab-credentials").is_err());
}

#[test]
fn an_old_release_a_lost_quorum_and_a_full_storage() {
    let Some(lab) = Lab::new(&json!({})) else { return };
    lab.act(json!({"do": "set", "name": "version", "value": "8.2.4"}));
    lab.act(json!({"do": "call", "name": "lose_quorum"}));
    let (code, unwell) = lab.unwell(&GOOD);
    assert_eq!(code, Some(1));
    let is_told = |text: &str| unwell.iter().any(|line| line.starts_with(text));
    assert!(
        is_told("warn proxmox/version: Proxmox VE 8.2.4 is older than 8.4"),
        "{unwell:#?}"
    );
    assert!(
        is_told("fail proxmox/quorum: the cluster has lost its quorum: nothing can be changed"),
        "{unwell:#?}"
    );
    let Some(full) = Lab::new(&json!({"storages": {
        "nfs": {"type": "nfs", "content": "images,iso,import", "shared": 1, "avail": 1_u64 << 20},
    }})) else {
        return;
    };
    let (code, unwell) = full.unwell(&GOOD);
    assert_eq!(code, Some(1));
    let expected =
        "fail proxmox/image-storage: storage nfs of node pve1 is full: 1 MiB free, and images take up to 2 GiB";
    assert!(unwell.iter().any(|line| line == expected), "{unwell:#?}");
}

#[test]
fn what_a_platform_offers_is_listed_with_what_it_belongs_to() {
    let Some(lab) = Lab::new(&json!({})) else { return };
    lab.create(&GOOD);
    let image = json!({"size": 1_306_525_696_u64, "format": "qcow2", "content": "import"});
    lab.act(json!({"do": "volume", "storage": "nfs", "name": "import/talos.qcow2", "volume": image}));
    let all = ["nodes", "storages", "networks", "images"].map(|list| whole(&lab.run(&["provider", list, "lab"])));
    insta::assert_snapshot!(all.join(""), @r"
    exit 0
    --- stdout
    NAME  CPUS  MEMORY  FREE   USABLE
    pve1  4     8 GiB   6 GiB  yes
    pve2  4     8 GiB   6 GiB  yes
    exit 0
    --- stdout
    NAME       NODE  TYPE     CONTENT            FREE     USABLE
    local      pve1  dir      iso,vztmpl,backup  50 GiB   yes
    local-lvm  pve1  lvmthin  images,rootdir     100 GiB  yes
    nfs        pve1  nfs      images,iso,import  1 TiB    yes
    local      pve2  dir      iso,vztmpl,backup  50 GiB   yes
    local-lvm  pve2  lvmthin  images,rootdir     100 GiB  yes
    nfs        pve2  nfs      images,iso,import  1 TiB    yes
    exit 0
    --- stdout
    NAME   NODE  TYPE    VLAN  DESCRIPTION  USABLE
    fake   fake  vnet    1     -            yes
    vmbr0  pve1  bridge  -     -            yes
    vmbr0  pve2  bridge  -     -            yes
    exit 0
    --- stdout
    NAME         ID                      STORAGE  SIZE     FORMAT  NODE  USABLE
    talos.qcow2  nfs:import/talos.qcow2  nfs      1.2 GiB  qcow2   -     yes
    ");
    let ids = lab.run(&["provider", "storages", "lab", "--parent", "pve2", "-o", "name"]);
    assert!(ids.stdout.lines().any(|line| line == "nfs"), "{ids:?}");
}

#[test]
fn a_configuration_is_checked_before_there_is_any_cluster() {
    let Some(lab) = Lab::new(&json!({})) else { return };
    let file = lab.ctl.path("butler.yaml");
    let text = format!(
        "provider: proxmox\ncluster:\n  name: demo\n  topology: single-node\n  controlPlane: {{cpu: 2, memoryMB: 4096, diskGB: 40}}\n\
         network:\n  vip: 192.0.2.9\n  loadBalancerPool: {{start: 192.0.2.10, end: 192.0.2.50}}\n\
         providerConfig:\n  proxmox:\n    endpoint: https://127.0.0.1:{}\n    nodes: [pve1]\n    storage: nfs\n    \
         caFile: {}\n    username: '{TOKEN}'\n    password: {{env: PVE}}\n    bridge: vmbr0\n",
        lab.pve.port,
        lab.ca.display()
    );
    std::fs::write(&file, text).unwrap();
    let arguments = ["provider", "validate", "--config", file.to_str().unwrap(), "-o", "json"];
    let mut command = lab.ctl.command("nobody", &arguments);
    command.env("PVE", SECRET);
    let ran = lab.cleaned(lab.ctl.ran(&command.output().unwrap()));
    let answer = ran.json();
    assert_eq!((&answer["provider"], ran.code), (&json!("proxmox"), Some(0)), "{ran:?}");
    let missing = lab.ctl.command("nobody", &arguments).output().unwrap();
    let missing = lab.cleaned(lab.ctl.ran(&missing));
    assert_eq!(missing.code, Some(1), "{missing:?}");
    let first = &missing.json()["checks"][0]["summary"];
    assert!(
        first
            .as_str()
            .is_some_and(|text| text.contains("PVE, which is not set"))
            || missing.json().to_string().contains("PVE, which is not set"),
        "{missing:?}"
    );
}
