//! Findings on what a platform could look like: one that is well, and every way in which it is not.

#![expect(
    clippy::disallowed_macros,
    reason = "answers are written as the platform writes them"
)]

use std::collections::BTreeMap;

use butler_api::config::{HttpUrl, ProviderKind, Role, VmidRange};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{MachineSpec, Owner};

pub(in crate::proxmox) fn settings() -> Settings {
    Settings {
        endpoint: HttpUrl::parse("https://pve.example.org:8006").unwrap(),
        nodes: vec!["pve1".into(), "pve2".into()],
        insecure: false,
        username: None,
        password: None,
        ca: None,
        fingerprint: None,
        storage: "local-lvm".into(),
        image_storage: None,
        bridge: "vmbr0".into(),
        vlan: None,
        pool: None,
        config_delivery: ConfigDelivery::Maintenance,
        template_id: None,
        vmid_range: None,
        host_aliases: vec![],
    }
}

fn plan(machines: u32) -> InfraPlan {
    let owner = Owner {
        cluster_id: Uuid::from_u128(7),
        cluster_name: "demo".into(),
    };
    let machine = |index: u32| MachineSpec {
        owner: owner.clone(),
        name: format!("demo-cp-{index}"),
        role: Role::ControlPlane,
        generation: 1,
        cpu: 4,
        memory_mb: 8192,
        disk_gb: 50,
        extra_disks: vec![],
        labels: BTreeMap::new(),
        claim: None,
        image: None,
        addressing: Addressing::Dhcp,
        user_data: None,
    };
    InfraPlan {
        machines: (0..machines).map(machine).collect(),
        owner: owner.clone(),
    }
}

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn storages() -> Value {
    json!([
        {"storage": "local", "type": "dir", "content": "iso,vztmpl,import", "enabled": 1, "active": 1, "shared": 0,
         "avail": 40_u64 << 30, "total": 50_u64 << 30},
        {"storage": "local-lvm", "type": "lvmthin", "content": "images,rootdir", "enabled": 1, "active": 1, "shared": 0,
         "avail": 400_u64 << 30, "total": 500_u64 << 30},
    ])
}

fn networks() -> Value {
    json!([{"iface": "vmbr0", "type": "bridge", "active": 1, "bridge_vlan_aware": 1}])
}

/// A platform that is well.
fn seen() -> Seen {
    let all: BTreeMap<&str, u8> = permissions::REQUESTS
        .iter()
        .flat_map(|request| request.needs)
        .map(|need| (need.privileges[0], 1))
        .collect();
    Seen {
        version: read(json!({"version": "9.0.10"})),
        status: Ok(read(
            json!([{"type": "cluster", "quorate": 1}, {"type": "node", "online": 1}]),
        )),
        held: Ok(read(json!({"/": all}))),
        nodes: Ok(read(json!([
            {"node": "pve1", "status": "online", "maxmem": 64_u64 << 30, "mem": 32_u64 << 30},
            {"node": "pve2", "status": "online", "maxmem": 64_u64 << 30, "mem": 48_u64 << 30},
        ]))),
        storages: ["pve1", "pve2"]
            .map(|node| (node.to_owned(), Ok(read(storages()))))
            .into(),
        networks: ["pve1", "pve2"]
            .map(|node| (node.to_owned(), Ok(read(networks()))))
            .into(),
        vnets: Ok(vec![]),
        pools: Ok(vec![]),
        guests: Ok(vec![]),
        skew: Some(SignedDuration::from_secs(3)),
    }
}

fn error(kind: ErrorKind, message: &str) -> InfraError {
    InfraError::new(ProviderKind::Proxmox, "ask", kind, message)
}

/// What is not well, one line each.
fn findings(settings: &Settings, machines: u32, seen: &Seen) -> Vec<String> {
    let checks = judge(settings, &plan(machines), seen);
    let unwell = checks.iter().filter(|check| check.status != CheckStatus::Ok);
    unwell
        .map(|check| {
            let hint = check.hint.as_deref().unwrap_or("-");
            format!("{:?} {}: {} | {hint}", check.status, check.id, check.summary)
        })
        .collect()
}

/// The only thing that is not well.
#[track_caller]
fn only(settings: &Settings, machines: u32, seen: &Seen) -> String {
    let found = findings(settings, machines, seen);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.into_iter().next().unwrap()
}

#[test]
fn a_platform_that_is_well_has_nothing_but_good_news() {
    let checks = judge(&settings(), &plan(6), &seen());
    let told: Vec<String> = checks
        .iter()
        .map(|check| format!("{} {}", check.id, check.summary))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    proxmox/endpoint https://pve.example.org:8006 answers
    proxmox/credentials the credentials are accepted
    proxmox/version Proxmox VE 9.0.10
    proxmox/clock the clocks agree
    proxmox/quorum the cluster has a quorum
    proxmox/permissions every privilege of the plan is granted, deletions included
    proxmox/nodes all 2 nodes are online
    proxmox/storage storage local-lvm takes disks on every node
    proxmox/image-storage storage local takes images on every node
    proxmox/memory 48 GiB of memory are free for 48 GiB
    proxmox/network network vmbr0 is on every node
    proxmox/vmids 999999900 VMIDs are free between 100 and 999999999
    ");
    assert!(
        checks.iter().all(|check| check.status == CheckStatus::Ok),
        "{checks:#?}"
    );
}

#[test]
fn an_old_release_a_wrong_clock_and_a_lost_quorum() {
    let mut seen = seen();
    seen.version = read(json!({"version": "8.3.5"}));
    assert!(only(&settings(), 1, &seen).starts_with("Warn proxmox/version: Proxmox VE 8.3.5 is older than 8.4"));
    seen.version = read(json!({"version": "8.4.0"}));
    seen.skew = Some(SignedDuration::from_mins(-7));
    assert!(only(&settings(), 1, &seen).starts_with("Warn proxmox/clock: the platform's clock is 420 s behind"));
    seen.skew = Some(SignedDuration::ZERO);
    seen.status = Ok(read(json!([{"type": "cluster", "quorate": 0}])));
    assert!(only(&settings(), 1, &seen).starts_with("Fail proxmox/quorum: the cluster has lost its quorum"));
    seen.status = Ok(read(json!([{"type": "node", "online": 1}])));
    assert_eq!(findings(&settings(), 1, &seen), [""; 0], "a node on its own");
}

#[test]
fn missing_privileges_are_named_one_by_one_with_their_path() {
    let mut seen = seen();
    seen.held = Ok(read(
        json!({"/": {"Sys.Audit": 1}, "/vms": {"VM.Audit": 1, "VM.Allocate": 1}}),
    ));
    let found = findings(&settings(), 1, &seen);
    let is_told = |text: &str| found.iter().any(|line| line.contains(text));
    assert!(
        is_told(
            "Fail proxmox/permissions: VM.PowerMgmt is missing on /vms; needed to switch a machine on, switch a machine off | grant a role with VM.PowerMgmt on /vms"
        ),
        "{found:#?}"
    );
    assert!(is_told(
        "Datastore.Allocate is missing on /storage/local; needed to delete images and first-boot data"
    ));
    assert!(is_told(
        "Warn proxmox/permissions: Sys.AccessNetwork is missing on /nodes/pve2: images go through this computer"
    ));
    assert!(is_told("SDN.Use is missing on /sdn/zones/localnetwork/vmbr0"));
    seen.held = Ok(read(json!({"/": {}})));
    assert!(only(&settings(), 1, &seen).contains("nothing at all is granted to these credentials"));
}

#[test]
fn nodes_that_are_unknown_or_off() {
    let mut seen = seen();
    let mut wanted = settings();
    wanted.nodes = vec!["pve1".into(), "pve3".into()];
    let told = only(&wanted, 1, &seen);
    assert_eq!(
        told,
        "Fail proxmox/nodes: there is no node pve3 | did you mean pve1? (setting `nodes`)"
    );
    seen.nodes.as_mut().unwrap()[1].status = "offline".into();
    let told = only(&settings(), 1, &seen);
    assert!(
        told.starts_with("Fail proxmox/nodes: node pve2 is offline | "),
        "{told}"
    );
}

#[test]
fn without_named_nodes_all_of_them_carry_machines() {
    let mut wanted = settings();
    wanted.nodes.clear();
    assert_eq!(findings(&wanted, 6, &seen()), [""; 0]);
    let told = only(&wanted, 7, &seen());
    assert!(told.contains("of memory and does not fit"), "{told}");
}

fn change_storage(seen: &mut Seen, name: &str, key: &str, value: &Value) {
    for answer in seen.storages.values_mut() {
        let mut list = storages();
        for storage in list.as_array_mut().unwrap() {
            if storage["storage"] == name {
                storage[key] = value.clone();
            }
        }
        *answer = Ok(read(list));
    }
}

#[test]
fn storages_that_are_unknown_off_full_or_of_another_kind() {
    let table = [
        (
            "local-lvm",
            "storage",
            json!("local-zfs"),
            "node pve1 has no storage local-lvm that we may see | did you mean local-zfs? (setting `storage`)",
        ),
        (
            "local-lvm",
            "enabled",
            json!(0),
            "storage local-lvm is disabled | enable it: pvesm set local-lvm --disable 0",
        ),
        (
            "local-lvm",
            "active",
            json!(0),
            "node pve1 does not reach storage local-lvm",
        ),
        (
            "local-lvm",
            "content",
            json!("rootdir"),
            "storage local-lvm may not hold images | allow it: pvesm set local-lvm --content rootdir,images",
        ),
        (
            "local-lvm",
            "avail",
            json!(1_u64 << 30),
            "storage local-lvm is full: 2 GiB free",
        ),
        (
            "local-lvm",
            "avail",
            json!(60_u64 << 30),
            "storage local-lvm has 120 GiB free, and the disks of the plan have 150 GiB once they are full",
        ),
        (
            "local",
            "content",
            json!("vztmpl"),
            "no storage of every node may hold import or iso",
        ),
        (
            "local",
            "avail",
            json!(1_u64 << 30),
            "storage local of node pve1 is full: 1 GiB free, and images take up to 2 GiB",
        ),
    ];
    for (name, key, value, expected) in table {
        let mut seen = seen();
        change_storage(&mut seen, name, key, &value);
        let found = findings(&settings(), 3, &seen);
        assert!(
            found.iter().any(|line| line.contains(expected)),
            "{name} {key} {value}: {found:#?}"
        );
    }
}

#[test]
fn first_boot_data_has_a_storage_of_its_own_where_images_are_no_iso() {
    let mut seen = seen();
    for answer in seen.storages.values_mut() {
        let mut list = storages();
        list[0]["content"] = json!("import");
        let more = json!({"storage": "nfs", "type": "nfs", "content": "iso", "shared": 1, "avail": 9_u64 << 30});
        list.as_array_mut().unwrap().push(more);
        *answer = Ok(read(list));
    }
    let mut wanted = settings();
    wanted.config_delivery = ConfigDelivery::Cidata;
    assert_eq!(findings(&wanted, 1, &seen), [""; 0]);
    seen.held = Ok(read(
        json!({"/storage/local": {"Datastore.Allocate": 1}, "/": {"Sys.Audit": 1}}),
    ));
    let found = findings(&wanted, 1, &seen);
    assert!(
        found
            .iter()
            .any(|line| line.contains("Datastore.Allocate is missing on /storage/nfs")),
        "{found:#?}"
    );
    wanted.image_storage = Some("local".into());
    let found = findings(&wanted, 1, &seen);
    assert!(
        found.iter().any(|line| line.contains("storage local may not hold iso")),
        "{found:#?}"
    );
}

#[test]
fn a_thick_storage_has_to_have_room_for_whole_disks() {
    let mut seen = seen();
    for answer in seen.storages.values_mut() {
        let mut list: Vec<Storage> = read(storages());
        list[1].r#type = "lvm".into();
        list[1].avail = Some(60 << 30);
        *answer = Ok(list);
    }
    let told = only(&settings(), 3, &seen);
    assert!(
        told.starts_with("Fail proxmox/storage: storage local-lvm has 120 GiB free"),
        "{told}"
    );
    for answer in seen.storages.values_mut() {
        for storage in answer.as_mut().unwrap() {
            storage.shared = true.into();
        }
    }
    let told = only(&settings(), 3, &seen);
    assert!(told.contains("has 60 GiB free"), "a shared storage counts once: {told}");
}

#[test]
fn memory_is_counted_node_by_node() {
    // 32 GiB and 16 GiB are free: six machines of 8 GiB fit, and no seventh.
    assert_eq!(findings(&settings(), 6, &seen()), [""; 0]);
    let told = only(&settings(), 7, &seen());
    assert!(told.contains("no node has 8 GiB left for one more machine"), "{told}");
}

/// A run that was stopped goes on where most of the memory is taken by what it has made.
#[test]
fn what_an_earlier_run_has_made_takes_its_room_once() {
    let mut seen = seen();
    let tags = format!("butler;butler-{}", Uuid::from_u128(7));
    let ours = |index: u32, status: &str| json!({"vmid": 200 + index, "name": format!("demo-cp-{index}"), "type": "qemu", "status": status, "tags": tags});
    seen.guests = Ok(read(json!([
        ours(0, "running"),
        ours(1, "running"),
        ours(2, "stopped")
    ])));
    assert_eq!(findings(&settings(), 8, &seen), [""; 0]);
    let told = only(&settings(), 9, &seen);
    assert!(told.contains("the plan takes 56 GiB of memory"), "{told}");
    change_storage(&mut seen, "local-lvm", "avail", &json!(100_u64 << 30));
    assert_eq!(
        findings(&settings(), 7, &seen),
        [""; 0],
        "four disks of 50 GiB are missing, and twice 100 GiB are free"
    );
    assert_eq!(findings(&settings(), 8, &seen).len(), 1);
}

#[test]
fn a_bridge_that_is_unknown_down_or_without_vlans() {
    let mut wanted = settings();
    wanted.bridge = "vmbr1".into();
    let found = findings(&wanted, 1, &seen());
    let expected =
        "Fail proxmox/network: node pve1 has no bridge or network vmbr1 | did you mean vmbr0? (setting `bridge`)";
    assert_eq!(found.first().map(String::as_str), Some(expected), "{found:#?}");
    let mut vnet = seen();
    vnet.vnets = Ok(read(json!([{"vnet": "vmbr1", "zone": "lab"}])));
    assert_eq!(findings(&wanted, 1, &vnet), [""; 0], "an SDN network is one too");

    let mut seen = seen();
    for answer in seen.networks.values_mut() {
        *answer = Ok(read(json!([{"iface": "vmbr0", "type": "bridge", "active": 1}])));
    }
    assert_eq!(findings(&settings(), 1, &seen), [""; 0]);
    let mut tagged = settings();
    tagged.vlan = Some(20);
    let found = findings(&tagged, 1, &seen);
    assert!(
        found[0].contains("bridge vmbr0 of node pve1 does not pass VLAN tags on"),
        "{found:#?}"
    );
}

#[test]
fn pools_templates_numbers_and_names() {
    let mut seen = seen();
    seen.pools = Ok(read(json!([{"poolid": "lab"}])));
    seen.guests = Ok(read(json!([
        {"vmid": 200, "name": "demo-cp-0", "type": "qemu", "node": "pve1"},
        {"vmid": 201, "name": "demo-cp-1", "type": "qemu", "node": "pve1",
         "tags": format!("butler;butler-{}", Uuid::from_u128(7))},
        {"vmid": 900, "name": "talos", "type": "qemu", "node": "pve1", "template": 1},
    ])));
    let foreign = "Fail proxmox/names: machines of somebody else have names of the plan: demo-cp-0 (200)";
    let told = only(&settings(), 2, &seen);
    assert!(told.starts_with(foreign), "{told}");

    let mut wanted = settings();
    wanted.pool = Some("lap".into());
    wanted.vmid_range = Some(VmidRange { start: 200, end: 202 });
    wanted.template_id = Some(901);
    let found = findings(&wanted, 3, &seen);
    let is_told = |text: &str| found.iter().any(|line| line.contains(text));
    assert!(
        is_told(
            "there is no pool lap that we may see | did you mean lab? (setting `pool`); or make it: pveum pool add lap"
        ),
        "{found:#?}"
    );
    assert!(
        is_told("3 machines need VMIDs, and 200 to 202 has 2 left"),
        "{found:#?}"
    );
    assert!(
        is_told("there is no template 901 that we may see | there are: 900 (talos)"),
        "{found:#?}"
    );
    wanted.template_id = Some(200);
    let found = findings(&wanted, 3, &seen);
    assert!(
        found
            .iter()
            .any(|line| line.contains("VMID 200 (demo-cp-0) is no template")),
        "{found:#?}"
    );
}

#[test]
fn what_cannot_be_asked_for_is_told_and_the_rest_is_checked_all_the_same() {
    let mut seen = seen();
    seen.nodes = Err(error(ErrorKind::Server, "proxy error"));
    seen.pools = Err(error(ErrorKind::Server, "not asked for"));
    seen.status = Err(error(
        ErrorKind::Forbidden { missing: vec![] },
        "Permission check failed (/, Sys.Audit)",
    ));
    let found = findings(&settings(), 1, &seen);
    assert_eq!(
        found,
        [
            "Skipped proxmox/quorum: the quorum could not be checked: Permission check failed (/, Sys.Audit) | -",
            "Warn proxmox/nodes: the nodes could not be checked: proxy error | -",
            "Warn proxmox/memory: free memory could not be checked: proxy error | -",
        ]
    );
}
