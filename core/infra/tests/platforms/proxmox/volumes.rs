//! Images, the volumes of first boots, and the addresses that machines tell.
//!
//! Where fakepve is not like the real thing: a download is always 1 MiB, whatever the URL has, so the factory of these tests
//! serves as much; it refuses to be given an image (content `import`), so what passes through this computer goes to a storage
//! for discs; the task of a download does not name its file, so the one of another process is not recognised; nodes share what is on a
//! storage that is none of theirs.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use butler_api::config::{HttpUrl, ProviderKind};
use butler_infra::{
    Addressing, ErrorKind, ImageRef, ImageSpec, InfraError, Lifecycle, MachineSpec, ObjectKind, ObjectRef, OpHandle,
    PLAIN_SCHEMATIC, Progress, Provider, Scope, Transfer, call::SystemClock, proxmox::Proxmox,
};
use serde_json::json;

use super::start;
use crate::{
    fakepve::FakePve,
    support::{delete, ensure, image, owner, spec},
};

/// What fakepve pretends to have downloaded.
const SIZE: usize = 1 << 20;

/// An image factory whose every artefact has as many bytes as fakepve stores.
struct Factory {
    url: HttpUrl,
    gets: Arc<AtomicUsize>,
}

fn factory() -> Factory {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = HttpUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let gets = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&gets);
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut request = [0; 4096];
            let length = socket.read(&mut request).unwrap();
            let _ = write!(
                socket,
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {SIZE}\r\n\r\n"
            );
            if request[..length].starts_with(b"GET") {
                counted.fetch_add(1, Ordering::Relaxed);
                let _ = socket.write_all(&vec![7; SIZE]);
            }
        }
    });
    Factory { url, gets }
}

fn wanted(factory: &Factory, transfer: Transfer) -> ImageSpec {
    ImageSpec {
        owner: owner(1),
        factory: factory.url.clone(),
        talos: "1.12.1".parse().unwrap(),
        schematic: PLAIN_SCHEMATIC.into(),
        transfer,
    }
}

/// Two nodes, each with a storage of its own and nothing shared.
async fn with_local(content: &str) -> Option<(FakePve, Proxmox)> {
    start(json!({
        "nodes": ["pve1", "pve2"],
        "storages": {"local": {"type": "dir", "content": content, "shared": 0}},
    }))
    .await
}

/// Brings an image, as the engine does; what is returned with it are the handles on the way.
async fn bring(provider: &dyn Provider, spec: &ImageSpec) -> Result<(ImageRef, Vec<OpHandle>), InfraError> {
    let images = provider.images().unwrap();
    let mut handles = Vec::new();
    loop {
        match images.image_ensure(spec, handles.last().cloned()).await? {
            Progress::Done(image) => return Ok((image, handles)),
            Progress::Pending(pending) => {
                assert!(handles.len() < 600, "no end: {}", pending.note);
                handles.push(pending.handle);
                tokio::task::yield_now().await;
            }
        }
    }
}

fn name() -> String {
    let id = owner(1).cluster_id;
    format!("butler_cluster-1_{id}_talos-1.12.1_{PLAIN_SCHEMATIC}_nocloud-amd64")
}

#[tokio::test]
async fn the_nodes_fetch_an_image_themselves_each_for_its_own_storage_and_only_once() {
    let Some((fake, provider)) = with_local("iso,import").await else {
        return;
    };
    let factory = factory();
    let spec = wanted(&factory, Transfer::Direct);
    let (image, handles) = bring(&provider, &spec).await.unwrap();
    assert_eq!(image.id, format!("local:import/{}.qcow2", name()));
    let both = |handle: &OpHandle| handle.id.contains("UPID:pve1:") && handle.id.contains("UPID:pve2:");
    assert!(handles.iter().any(both), "{handles:?}");
    assert_eq!(factory.gets.load(Ordering::Relaxed), 0, "no byte of it came here");
    let (again, handles) = bring(&provider, &spec).await.unwrap();
    assert_eq!((again, handles), (image, vec![]));
    assert_eq!(fake.state().await.count("POST", "/download-url"), 2);
}

#[tokio::test]
async fn a_shared_storage_gets_the_image_once_and_a_run_that_was_killed_follows_its_task() {
    let Some((fake, provider)) = start(json!({"time_scale": 0.01, "task_secs": 20})).await else {
        return;
    };
    let factory = factory();
    let spec = wanted(&factory, Transfer::Auto);
    let first = provider.images().unwrap().image_ensure(&spec, None).await.unwrap();
    let Progress::Pending(first) = first else {
        panic!("{first:?}")
    };
    assert!(first.handle.id.starts_with("UPID:pve1:"), "{first:?}");
    assert_eq!(
        first.note,
        "Talos 1.12.1 (37656798), 1 MiB, is being fetched by node pve1"
    );
    let next = Proxmox::new(&fake.settings(), SystemClock::new()).unwrap();
    let mut handle = Some(first.handle);
    let image = loop {
        match next.images().unwrap().image_ensure(&spec, handle.take()).await.unwrap() {
            Progress::Done(image) => break image,
            Progress::Pending(pending) => handle = Some(pending.handle),
        }
    };
    assert_eq!(image.id, format!("nfs:import/{}.qcow2", name()));
    assert_eq!(fake.state().await.count("POST", "/download-url"), 1);
}

#[tokio::test]
async fn an_image_passes_through_this_computer_where_that_is_asked_for_or_nodes_may_not_fetch() {
    for transfer in [Transfer::Proxy, Transfer::Auto] {
        let Some((fake, provider)) = with_local("iso").await else {
            return;
        };
        let refused = "Permission check failed (/nodes/pve1, Sys.AccessNetwork)";
        let fail = json!({"do": "call", "name": "fail", "args": ["POST", "/download-url", 403, refused]});
        fake.act(fail).await;
        let factory = factory();
        let spec = wanted(&factory, transfer);
        let (image, _) = bring(&provider, &spec).await.unwrap();
        assert_eq!(image.id, format!("local:iso/{}.iso", name()));
        assert_eq!(factory.gets.load(Ordering::Relaxed), 1, "once for both nodes");
        assert_eq!(bring(&provider, &spec).await.unwrap(), (image, vec![]));
        assert_eq!(fake.state().await.count("POST", "/upload"), 2);
    }
}

#[tokio::test]
async fn a_node_that_may_not_fetch_is_an_error_where_nothing_may_pass_through_us() {
    let Some((fake, provider)) = with_local("import").await else {
        return;
    };
    let refused = "Permission check failed (/nodes/pve1, Sys.AccessNetwork)";
    let fail = json!({"do": "call", "name": "fail", "args": ["GET", "/query-url-metadata", 403, refused]});
    fake.act(fail).await;
    let error = bring(&provider, &wanted(&factory(), Transfer::Direct))
        .await
        .unwrap_err();
    let missing = vec!["Sys.AccessNetwork on /nodes/pve1".to_owned()];
    assert_eq!(error.kind, ErrorKind::Forbidden { missing });
    assert!(
        error
            .hint
            .as_deref()
            .unwrap()
            .contains("node pve1 has to reach the Image Factory")
    );
}

#[tokio::test]
async fn half_an_image_is_deleted_and_fetched_anew() {
    let Some((fake, provider)) = start(json!({})).await else {
        return;
    };
    let half = json!({"do": "volume", "storage": "nfs", "name": format!("import/{}.qcow2", name()),
        "volume": {"content": "import", "format": "qcow2", "size": 77, "ctime": 1}});
    fake.act(half).await;
    bring(&provider, &wanted(&factory(), Transfer::Direct)).await.unwrap();
    let state = fake.state().await;
    assert_eq!(state.count("DELETE", &format!("{}.qcow2", name())), 1);
    assert_eq!(state.count("POST", "/download-url"), 1);
}

#[tokio::test]
async fn an_image_is_deleted_by_its_owner_and_by_nobody_else() {
    let Some((_fake, provider)) = start(json!({})).await else {
        return;
    };
    bring(&provider, &wanted(&factory(), Transfer::Auto)).await.unwrap();
    let found = provider.inventory(Scope::Cluster(&owner(1))).await.unwrap().objects;
    let images: Vec<ObjectRef> = found.iter().filter_map(butler_infra::OwnedObject::object).collect();
    assert_eq!(images.len(), 1, "{images:?}");
    let objects = provider.objects().unwrap();
    for image in &images {
        assert_eq!(image.kind, ObjectKind::Image);
        assert!(objects.object_exists(image).await.unwrap());
        let foreign = objects.object_delete(&owner(2), image, None).await.unwrap_err();
        assert_eq!(foreign.kind, ErrorKind::Foreign);
        assert!(objects.object_exists(image).await.unwrap());
        for _ in 0..2 {
            assert_eq!(
                objects.object_delete(&owner(1), image, None).await.unwrap(),
                Progress::Done(())
            );
            assert!(!objects.object_exists(image).await.unwrap());
        }
    }
}

#[tokio::test]
async fn a_storage_that_takes_no_images_is_named() {
    let Some((_fake, provider)) = with_local("backup").await else {
        return;
    };
    let error = bring(&provider, &wanted(&factory(), Transfer::Auto)).await.unwrap_err();
    assert_eq!(
        error.message,
        "no storage takes content of the kind import or iso on all of the nodes pve1, pve2"
    );
}

fn with_address() -> MachineSpec {
    MachineSpec {
        image: Some(image("nfs:import/talos.qcow2")),
        addressing: Addressing::Static {
            address: "192.0.2.11".parse().unwrap(),
            prefix_length: 24,
            gateway: None,
            nameservers: vec![],
        },
        ..spec(&owner(1), "demo-cp-0")
    }
}

async fn volumes_of(provider: &dyn Provider) -> Vec<String> {
    let found = provider.inventory(Scope::Cluster(&owner(1))).await.unwrap().objects;
    let volumes = found.into_iter().filter(|object| object.kind == ObjectKind::Volume);
    volumes.map(|object| object.id).collect()
}

#[tokio::test]
async fn the_data_of_a_first_boot_is_there_before_the_machine_and_gone_after_it_has_joined() {
    let Some((fake, provider)) = start(json!({})).await else {
        return;
    };
    let volid = format!(
        "nfs:iso/butler_cluster-1_{}_demo-cp-0_1_cidata.iso",
        owner(1).cluster_id
    );
    let made = ensure(&provider, &with_address(), None).await.unwrap();
    let drive = |state: crate::fakepve::State| state.vms[0].config["ide2"].clone();
    assert!(drive(fake.state().await).starts_with(&format!("{volid},media=cdrom")));
    assert_eq!(volumes_of(&provider).await, [volid.as_str()]);
    let chosen: Vec<IpAddr> = provider
        .machine_observe(&made)
        .await
        .unwrap()
        .addresses
        .iter()
        .map(|a| a.ip)
        .collect();
    assert_eq!(chosen, ["192.0.2.11".parse::<IpAddr>().unwrap()]);
    for _ in 0..2 {
        let scrubbed = provider
            .objects()
            .unwrap()
            .machine_scrub(&owner(1), &made, None)
            .await
            .unwrap();
        assert_eq!(scrubbed, Progress::Done(()));
    }
    assert_eq!(drive(fake.state().await), "none,media=cdrom");
    assert_eq!(volumes_of(&provider).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_machine_that_is_deleted_takes_the_data_of_its_first_boot_with_it() {
    let Some((_fake, provider)) = start(json!({})).await else {
        return;
    };
    let made = ensure(&provider, &with_address(), None).await.unwrap();
    assert_eq!(volumes_of(&provider).await.len(), 1);
    delete(&provider, &owner(1), &made).await.unwrap();
    assert_eq!(volumes_of(&provider).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_guest_agent_tells_the_addresses_of_our_card_and_whoever_has_none_is_waited_for() {
    let Some((fake, _)) = start(json!({})).await else {
        return;
    };
    let mut settings = fake.settings();
    // No network that could be asked address by address.
    settings.bridge = "vmbr9".into();
    let provider = Proxmox::new(&settings, SystemClock::new()).unwrap();
    let dhcp = MachineSpec {
        addressing: Addressing::Dhcp,
        ..with_address()
    };
    let made = ensure(&provider, &dhcp, None).await.unwrap();
    let silent = provider.machine_observe(&made).await.unwrap();
    assert_eq!((silent.lifecycle, silent.addresses), (Lifecycle::Running, vec![]));
    assert!(
        silent.raw_status.contains("the network behind vmbr9 is not known"),
        "{}",
        silent.raw_status
    );
    let state = fake.state().await;
    let mac = state.vms[0].config["net0"]
        .split(['=', ','])
        .nth(1)
        .unwrap()
        .to_lowercase();
    let card = |mac: &str, address: &str| {
        json!({"name": "x", "hardware-address": mac,
            "ip-addresses": [{"ip-address": address, "ip-address-type": "ipv4", "prefix": 24}]})
    };
    let agent = json!({"interfaces": [card("be:00:00:00:00:01", "10.244.0.1"), card(&mac, "192.0.2.77")]});
    let vmid = state.vms[0].vmid;
    fake.act(json!({"do": "edit", "vmid": vmid, "set": {"agent": agent}}))
        .await;
    let told: Vec<IpAddr> = provider
        .machine_observe(&made)
        .await
        .unwrap()
        .addresses
        .iter()
        .map(|a| a.ip)
        .collect();
    assert_eq!(told, ["192.0.2.77".parse::<IpAddr>().unwrap()]);
    fake.act(json!({"do": "edit", "vmid": vmid, "set": {"agent_hangs": true}}))
        .await;
    assert_eq!(provider.machine_observe(&made).await.unwrap().addresses, vec![]);
}

#[tokio::test]
async fn objects_of_nobody_are_left_alone() {
    let Some((fake, provider)) = start(json!({})).await else {
        return;
    };
    let foreign = json!({"do": "volume", "storage": "nfs", "name": "iso/debian.iso",
        "volume": {"content": "iso", "format": "iso", "size": 5, "ctime": 1}});
    fake.act(foreign).await;
    assert_eq!(provider.inventory(Scope::Everything).await.unwrap().objects, []);
    let debian = ObjectRef {
        kind: ObjectKind::Image,
        provider: ProviderKind::Proxmox,
        id: "nfs:iso/debian.iso".into(),
        name: "debian.iso".into(),
    };
    let error = provider
        .objects()
        .unwrap()
        .object_delete(&owner(1), &debian, None)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Foreign);
    assert!(provider.objects().unwrap().object_exists(&debian).await.unwrap());
}
