//! The life of machines.

use butler_api::config::{ExtraDisk, ProviderKind, Role, VmidRange};
use butler_infra::{
    ErrorKind, Lifecycle, MachineSpec, OpHandle, OpKind, Progress, Provider as _, Scope, call::SystemClock,
    proxmox::Proxmox,
};
use jiff::Timestamp;
use serde_json::json;

use super::start;
use crate::support::{delete, ensure, image, names, owner, spec};

fn machine(name: &str) -> MachineSpec {
    MachineSpec {
        image: Some(image("nfs:import/talos.qcow2")),
        ..spec(&owner(1), name)
    }
}

#[tokio::test]
async fn a_machine_is_made_grown_started_seen_and_deleted() {
    let Some((fake, provider)) = start(json!({})).await else {
        return;
    };
    let wanted = MachineSpec {
        extra_disks: vec![ExtraDisk {
            size_gb: 5,
            storage_class: None,
        }],
        ..machine("demo-cp-0")
    };
    let made = ensure(&provider, &wanted, None).await.unwrap();
    let state = fake.state().await;
    let [vm] = &state.vms[..] else { panic!("{state:?}") };
    assert_eq!(
        (vm.vmid.to_string(), vm.name.as_str(), vm.status.as_str()),
        (made.id.clone(), "demo-cp-0", "running")
    );
    assert!(made.created.is_some());
    let shown = |key: &str| vm.config[key].as_str();
    assert!(shown("scsi0").contains("size=20G"), "{}", shown("scsi0"));
    assert!(shown("scsi1").contains("size=5G"), "{}", shown("scsi1"));
    assert_eq!(shown("tags"), format!("butler;butler-{}", owner(1).cluster_id));
    assert!(shown("net0").starts_with("virtio=BC:24:11:"), "{}", shown("net0"));
    let kinds: Vec<&str> = state.tasks.iter().map(|task| task.kind.as_str()).collect();
    assert_eq!(kinds, ["qmcreate", "resize", "qmstart"]);

    assert_eq!(ensure(&provider, &wanted, None).await.unwrap(), made);
    assert_eq!(
        provider.machine_observe(&made).await.unwrap().lifecycle,
        Lifecycle::Running
    );
    assert_eq!(names(&provider, &owner(1)).await, ["demo-cp-0"]);

    delete(&provider, &owner(1), &made).await.unwrap();
    let state = fake.state().await;
    assert!(state.vms.is_empty(), "{state:?}");
    assert!(
        state.tasks.iter().all(|task| task.exitstatus.as_deref() == Some("OK")),
        "{state:?}"
    );
    assert_eq!(
        provider.machine_observe(&made).await.unwrap().lifecycle,
        Lifecycle::Absent
    );
    delete(&provider, &owner(1), &made).await.unwrap();
}

/// A run that ends between any two requests is continued by the next one, which knows nothing of it.
#[tokio::test]
async fn a_machine_is_continued_from_every_step_by_a_process_that_knows_nothing() {
    for steps in 0..6 {
        let Some((fake, provider)) = start(json!({"time_scale": 0.01, "task_secs": 5})).await else {
            return;
        };
        let wanted = machine("demo-cp-0");
        let mut handle = None;
        for _ in 0..steps {
            if let Progress::Pending(pending) = provider.machine_ensure(&wanted, handle.take()).await.unwrap() {
                handle = Some(pending.handle);
            }
        }
        let next = Proxmox::new(&fake.settings(), SystemClock::new()).unwrap();
        ensure(&next, &wanted, None).await.unwrap();
        let state = fake.state().await;
        assert_eq!(state.vms.len(), 1, "after {steps} steps: {state:?}");
        assert_eq!(state.count("POST", "/qemu"), 1, "after {steps} steps: {state:?}");
        assert_eq!(
            state.count("POST", "/status/start"),
            1,
            "after {steps} steps: {state:?}"
        );
    }
}

#[tokio::test]
async fn control_planes_are_spread_over_the_nodes_and_vmids_come_from_the_range() {
    let Some((fake, _)) = start(json!({"time_scale": 0.01, "task_secs": 2})).await else {
        return;
    };
    let mut settings = fake.settings();
    settings.vmid_range = Some(VmidRange { start: 900, end: 903 });
    let provider = Proxmox::new(&settings, SystemClock::new()).unwrap();
    let wanted = ["demo-cp-0", "demo-cp-1", "demo-cp-2"].map(machine);
    let made = futures::future::try_join_all(wanted.iter().map(|spec| ensure(&provider, spec, None))).await;
    made.unwrap();
    let state = fake.state().await;
    let mut nodes: Vec<&str> = state.vms.iter().map(|vm| vm.node.as_str()).collect();
    nodes.sort_unstable();
    assert_eq!(nodes, ["pve1", "pve2", "pve3"]);
    assert!(state.vms.iter().all(|vm| (900..=903).contains(&vm.vmid)), "{state:?}");

    // The range has one more, and then none.
    let worker = |name: &str| MachineSpec {
        role: Role::Worker,
        ..machine(name)
    };
    ensure(&provider, &worker("demo-worker-0"), None).await.unwrap();
    let full = ensure(&provider, &worker("demo-worker-1"), None).await.unwrap_err();
    assert!(matches!(full.kind, ErrorKind::Capacity { .. }), "{full}");
}

#[tokio::test]
async fn a_vmid_that_somebody_else_has_is_passed_over() {
    let Some((fake, _)) = start(json!({})).await else {
        return;
    };
    let foreign = |vmid: u32| json!({"do": "vm", "vm": {"vmid": vmid, "name": format!("other-{vmid}")}});
    fake.act(foreign(900)).await;
    // The fake's token sees everything; a VMID that is taken between the look and the request is simulated by a list that
    // does not have it: a container.
    fake.act(foreign(901)).await;
    let mut settings = fake.settings();
    settings.vmid_range = Some(VmidRange { start: 900, end: 902 });
    let provider = Proxmox::new(&settings, SystemClock::new()).unwrap();
    let made = ensure(&provider, &machine("demo-cp-0"), None).await.unwrap();
    assert_eq!(made.id, "902");
    assert_eq!(fake.state().await.vms.len(), 3);
}

/// What a process saw of its predecessor's machines is of then: a VMID may have gone to another machine since.
#[tokio::test]
async fn a_vmid_that_has_gone_to_another_machine_is_no_reason_to_refuse() {
    let Some((fake, _)) = start(json!({})).await else {
        return;
    };
    let mut settings = fake.settings();
    settings.vmid_range = Some(VmidRange { start: 900, end: 901 });
    let process = || Proxmox::new(&settings, SystemClock::new()).unwrap();
    let first = ensure(&process(), &machine("demo-cp-0"), None).await.unwrap();
    let next = process();
    let second = ensure(&next, &machine("demo-cp-1"), None).await.unwrap();
    delete(&next, &owner(1), &first).await.unwrap();
    let third = ensure(&next, &machine("demo-cp-2"), None).await.unwrap();
    assert_eq!(third.id, first.id);
    delete(&next, &owner(1), &second).await.unwrap();
    let successor = MachineSpec {
        generation: 2,
        ..machine("demo-cp-0")
    };
    assert_eq!(ensure(&next, &successor, None).await.unwrap().id, second.id);
}

#[tokio::test]
async fn a_machine_that_somebody_switched_off_stays_off() {
    let Some((fake, provider)) = start(json!({})).await else {
        return;
    };
    let wanted = machine("demo-cp-0");
    let made = ensure(&provider, &wanted, None).await.unwrap();
    let vmid: u32 = made.id.parse().unwrap();
    fake.act(json!({"do": "edit", "vmid": vmid, "set": {"status": "stopped", "qmpstatus": "stopped"}}))
        .await;
    assert_eq!(ensure(&provider, &wanted, None).await.unwrap(), made);
    assert_eq!(fake.state().await.vms[0].status, "stopped");
    assert_eq!(provider.machine_observe(&made).await.unwrap().lifecycle, Lifecycle::Off);
}

#[tokio::test]
async fn a_machine_that_moved_to_another_node_is_found_there() {
    let Some((fake, provider)) = start(json!({})).await else {
        return;
    };
    let made = ensure(&provider, &machine("demo-cp-0"), None).await.unwrap();
    let vmid: u32 = made.id.parse().unwrap();
    let node = fake.state().await.vms[0].node.clone();
    let target = if node == "pve3" { "pve2" } else { "pve3" };
    fake.act(json!({"do": "call", "name": "migrate", "args": [vmid, target]}))
        .await;
    assert_eq!(
        provider.machine_observe(&made).await.unwrap().lifecycle,
        Lifecycle::Running
    );
    delete(&provider, &owner(1), &made).await.unwrap();
    assert!(fake.state().await.vms.is_empty());
}

#[tokio::test]
async fn a_machine_of_ours_that_got_another_name_is_known_by_its_description() {
    let Some((fake, provider)) = start(json!({})).await else {
        return;
    };
    let wanted = machine("demo-cp-0");
    let made = ensure(&provider, &wanted, None).await.unwrap();
    let vmid: u32 = made.id.parse().unwrap();
    fake.act(json!({"do": "edit", "vmid": vmid, "set": {"name": "renamed"}, "config": {"name": "renamed"}}))
        .await;
    assert_eq!(ensure(&provider, &wanted, None).await.unwrap(), made);
    assert_eq!(names(&provider, &owner(1)).await, ["demo-cp-0"]);
    assert_eq!(fake.state().await.vms.len(), 1);
}

#[tokio::test]
async fn a_half_made_machine_is_made_anew() {
    let Some((fake, provider)) = start(json!({})).await else {
        return;
    };
    let wanted = machine("demo-cp-0");
    let made = ensure(&provider, &wanted, None).await.unwrap();
    let description = fake.state().await.vms[0].config["description"].clone();
    delete(&provider, &owner(1), &made).await.unwrap();
    let tags = format!("butler;butler-{}", owner(1).cluster_id);
    let half = json!({"description": description, "tags": tags, "memory": "2048"});
    fake.act(json!({"do": "vm", "vm": {"vmid": 300, "name": "demo-cp-0", "config": half}}))
        .await;
    ensure(&provider, &wanted, None).await.unwrap();
    let state = fake.state().await;
    assert_eq!(state.vms.len(), 1, "{state:?}");
    assert!(state.vms[0].config.contains_key("scsi0"));
}

#[tokio::test]
async fn a_locked_machine_is_waited_for_and_its_lock_is_never_skipped() {
    let Some((fake, provider)) = start(json!({})).await else {
        return;
    };
    let made = ensure(&provider, &machine("demo-cp-0"), None).await.unwrap();
    let vmid: u32 = made.id.parse().unwrap();
    fake.act(json!({"do": "call", "name": "snapshot_lock", "args": [vmid, "backup"]}))
        .await;
    let Progress::Pending(pending) = provider.machine_delete(&owner(1), &made, None).await.unwrap() else {
        panic!("a locked machine was deleted")
    };
    assert!(pending.note.contains("is locked (backup)"), "{}", pending.note);
    assert!(pending.hint.unwrap().contains("qm unlock"));
    fake.act(json!({"do": "call", "name": "unlock", "args": [vmid]})).await;
    delete(&provider, &owner(1), &made).await.unwrap();
    let state = fake.state().await;
    assert!(
        state
            .requests
            .iter()
            .all(|(_, path, body)| !path.contains("skiplock") && !body.contains("skiplock"))
    );
}

#[tokio::test]
async fn a_copy_of_a_template_gets_its_own_settings() {
    let Some((fake, _)) = start(json!({})).await else {
        return;
    };
    let config = json!({"scsi0": "local-lvm:base-9000-disk-0,size=1246M", "boot": "order=scsi0", "memory": "512",
        "tags": "templates", "net0": "virtio=AA:BB:CC:00:00:01,bridge=vmbr9"});
    fake.act(json!({"do": "vm", "vm": {"vmid": 9000, "name": "talos-template", "template": true, "config": config}}))
        .await;
    let mut settings = fake.settings();
    settings.template_id = Some(9000);
    settings.nodes = vec!["pve1".into()];
    let provider = Proxmox::new(&settings, SystemClock::new()).unwrap();
    let made = ensure(&provider, &machine("demo-cp-0"), None).await.unwrap();
    let state = fake.state().await;
    let vm = state.vms.iter().find(|vm| vm.vmid.to_string() == made.id).unwrap();
    assert_eq!((vm.status.as_str(), vm.config["memory"].as_str()), ("running", "2048"));
    assert!(vm.config["net0"].contains("bridge=vmbr0"), "{vm:?}");
    assert!(vm.config["scsi0"].contains("size=20G"), "{vm:?}");
    assert!(vm.config["tags"].contains(&owner(1).cluster_id.to_string()), "{vm:?}");
}

#[tokio::test]
async fn scopes_list_by_id_by_name_and_everything_of_ours() {
    let Some((fake, provider)) = start(json!({})).await else {
        return;
    };
    ensure(&provider, &machine("demo-cp-0"), None).await.unwrap();
    let other = MachineSpec {
        image: Some(image("nfs:import/talos.qcow2")),
        ..spec(&owner(2), "other-cp-0")
    };
    ensure(&provider, &other, None).await.unwrap();
    fake.act(json!({"do": "vm", "vm": {"vmid": 500, "name": "pet", "config": {"tags": "butler"}}}))
        .await;
    let list = async |scope: Scope<'_>| -> Vec<String> {
        let found = provider.inventory(scope).await.unwrap();
        found.objects.into_iter().map(|object| object.name).collect()
    };
    assert_eq!(list(Scope::Cluster(&owner(1))).await, ["demo-cp-0"]);
    assert_eq!(list(Scope::Named("cluster-2")).await, ["other-cp-0"]);
    assert_eq!(list(Scope::Everything).await, ["demo-cp-0", "other-cp-0"]);
}

/// A handle that was written down long ago, or on a node that was set up anew since.
#[tokio::test]
async fn a_task_that_the_node_has_forgotten_is_no_obstacle() {
    let Some((fake, provider)) = start(json!({})).await else {
        return;
    };
    let forgotten = |kind, id: &str| OpHandle {
        kind,
        provider: ProviderKind::Proxmox,
        id: id.into(),
        started: Timestamp::now(),
    };
    let upid = "UPID:pve1:000003E8:00000000:6A1B2C3D:qmcreate:100:butler@pve!driver:";
    let handle = forgotten(OpKind::MachineCreate, upid);
    let made = ensure(&provider, &machine("demo-cp-0"), Some(handle)).await.unwrap();
    let handle = forgotten(OpKind::MachineDelete, upid);
    let deleting = provider.machine_delete(&owner(1), &made, Some(handle)).await.unwrap();
    assert!(matches!(deleting, Progress::Pending(_)));
    delete(&provider, &owner(1), &made).await.unwrap();
    assert!(fake.state().await.vms.is_empty());
}

/// Whoever starts anew while an earlier run's machine is being made cannot see whose that is. It waits for it.
#[tokio::test]
async fn a_machine_that_is_being_made_is_listed_as_unknown_and_waited_for() {
    let Some((fake, provider)) = start(json!({"time_scale": 1, "hold": true})).await else {
        return;
    };
    let wanted = machine("demo-cp-0");
    let first = provider.machine_ensure(&wanted, None).await.unwrap();
    assert!(matches!(first, Progress::Pending(_)));
    let next = Proxmox::new(&fake.settings(), SystemClock::new()).unwrap();
    let seen = next.inventory(Scope::Cluster(&owner(1))).await.unwrap();
    assert_eq!((seen.objects.len(), seen.unknown.len()), (0, 1), "{seen:?}");
    assert!(seen.unknown[0].cause.contains("is being made"), "{seen:?}");
    let Progress::Pending(waiting) = next.machine_ensure(&wanted, None).await.unwrap() else {
        panic!("it is not made yet")
    };
    assert!(waiting.note.contains("an earlier run"), "{}", waiting.note);
    fake.act(json!({"do": "set", "name": "hold", "value": false})).await;
    ensure(&next, &wanted, Some(waiting.handle)).await.unwrap();
    assert_eq!(fake.state().await.count("POST", "/qemu"), 1);
}

/// The task may end between the list, in which the machine does not say yet whose it is, and the look at tasks.
#[tokio::test]
async fn a_machine_that_is_born_between_two_looks_is_not_made_again() {
    let Some((fake, provider)) = start(json!({"time_scale": 1, "hold": true})).await else {
        return;
    };
    let wanted = machine("demo-cp-0");
    let first = provider.machine_ensure(&wanted, None).await.unwrap();
    assert!(matches!(first, Progress::Pending(_)));
    let finish = json!({"kind": "finish", "method": "GET", "path": "/nodes/pve1/tasks"});
    fake.act(json!({"do": "fault", "fault": finish})).await;
    let next = Proxmox::new(&fake.settings(), SystemClock::new()).unwrap();
    ensure(&next, &wanted, None).await.unwrap();
    let state = fake.state().await;
    assert_eq!(state.struck, 1);
    assert_eq!((state.count("POST", "/qemu"), state.vms.len()), (1, 1), "{state:?}");
}
