//! Images, first boots and addresses on Proxmox VE, against the simulated world's own API of it: here machines really start,
//! and read what they are given.

use std::{collections::BTreeMap, net::IpAddr};

use butler_api::config::{self, HttpUrl};
use butler_infra::{
    Addressing, ErrorKind, ImageRef, ImageSpec, InfraError, MachineRef, MachineSpec, ObjectKind, PLAIN_SCHEMATIC,
    Progress, Provider, Retry, Scope, Transfer,
    call::SystemClock,
    proxmox::{
        Proxmox,
        client::{Call, Client},
    },
};
use butler_talos::client::{Address, Maintenance, Mode, probe};
use butler_world::world::proxmox::PlatformView;
use serde_json::Value;

use crate::{
    grounds::settings_of,
    support::{delete, ensure, owner, spec},
    world::{DEADLINE, Running, until},
};

/// A world with Proxmox VE in front of it, in a network of 256 addresses.
async fn start(network: u8, more: &str) -> (Running, PlatformView) {
    start_with(network, more, "").await
}

/// One whose calls have faults.
async fn start_with(network: u8, more: &str, faults: &str) -> (Running, PlatformView) {
    let text = format!("platforms: {{proxmox: {{{more}}}}}\nfaults: {{{faults}}}");
    let world = Running::start(&format!("127.{network}.0.0/24"), &text, 0).await;
    let view = world.status().await.platforms.remove(0);
    (world, view)
}

fn settings(view: &PlatformView) -> config::Proxmox {
    config::Proxmox {
        ca: None,
        fingerprint: Some(view.fingerprint.clone()),
        nodes: view.nodes.clone(),
        storage: "local-zfs".into(),
        ..settings_of(view)
    }
}

fn provider(settings: &config::Proxmox) -> Proxmox {
    Proxmox::new(settings, SystemClock::new()).unwrap()
}

fn wanted(view: &PlatformView, transfer: Transfer) -> ImageSpec {
    ImageSpec {
        owner: owner(1),
        factory: HttpUrl::parse(&view.image_factory).unwrap(),
        talos: "1.12.1".parse().unwrap(),
        schematic: PLAIN_SCHEMATIC.into(),
        transfer,
    }
}

/// Brings an image, as the engine does; what is returned with it are the notes on the way.
async fn bring(provider: &dyn Provider, spec: &ImageSpec) -> Result<(ImageRef, Vec<String>), InfraError> {
    let mut handle = None;
    let mut notes = Vec::new();
    let start = std::time::Instant::now();
    loop {
        match provider.images().unwrap().image_ensure(spec, handle.take()).await? {
            Progress::Done(image) => return Ok((image, notes)),
            Progress::Pending(pending) => {
                assert!(start.elapsed() < DEADLINE, "no end: {notes:?}");
                notes.push(pending.note);
                handle = Some(pending.handle);
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn address(provider: &dyn Provider, machine: &MachineRef) -> IpAddr {
    until(|| async {
        provider
            .machine_observe(machine)
            .await
            .unwrap()
            .address()
            .map(|address| address.ip)
    })
    .await
}

/// The hardware addresses of the node that waits for its configuration there.
async fn cards(address: IpAddr) -> Vec<[u8; 6]> {
    let address = Address::from(address);
    until(|| async {
        let mode = probe(&address, None, DEADLINE).await;
        matches!(mode, Mode::Maintenance { .. }).then_some(())
    })
    .await;
    let (node, _) = Maintenance::connect(&address, None).await.unwrap();
    let links = node.hardware().await.unwrap().links.unwrap();
    links.into_iter().filter_map(|link| link.hardware_address).collect()
}

async fn left(provider: &dyn Provider) -> Vec<(ObjectKind, String)> {
    let found = provider.inventory(Scope::Everything).await.unwrap();
    assert_eq!(found.unknown, []);
    found
        .objects
        .into_iter()
        .map(|object| (object.kind, object.id))
        .collect()
}

#[tokio::test]
async fn a_machine_finds_its_address_at_its_first_boot_and_nothing_is_left_of_it() {
    let (world, view) = start(201, "").await;
    let provider = provider(&settings(&view));
    let (image, notes) = bring(&provider, &wanted(&view, Transfer::Auto)).await.unwrap();
    assert!(image.id.starts_with("shared:import/butler_cluster-1_"), "{}", image.id);
    assert!(
        notes.iter().any(|note| note.contains("is being fetched by node pve1")),
        "{notes:?}"
    );
    let chosen: IpAddr = "127.201.0.77".parse().unwrap();
    let machine = MachineSpec {
        image: Some(image.clone()),
        addressing: Addressing::Static {
            address: chosen,
            prefix_length: 24,
            gateway: Some("127.201.0.1".parse().unwrap()),
            nameservers: vec![],
        },
        ..spec(&owner(1), "demo-cp-0")
    };
    let made = ensure(&provider, &machine, None).await.unwrap();
    assert_eq!(address(&provider, &made).await, chosen);
    assert_eq!(cards(chosen).await[0][..3], [0xbc, 0x24, 0x11]);
    let mut kinds: Vec<ObjectKind> = left(&provider).await.into_iter().map(|(kind, _)| kind).collect();
    kinds.sort();
    assert_eq!(kinds, [ObjectKind::Machine, ObjectKind::Image, ObjectKind::Volume]);
    let objects = provider.objects().unwrap();
    until(|| async {
        let scrubbed = objects.machine_scrub(&owner(1), &made, None).await.unwrap();
        matches!(scrubbed, Progress::Done(())).then_some(())
    })
    .await;
    assert_eq!(left(&provider).await.len(), 2);
    delete(&provider, &owner(1), &made).await.unwrap();
    let found = provider.inventory(Scope::Everything).await.unwrap().objects;
    let image = found[0].object().unwrap();
    until(|| async {
        let deleted = objects.object_delete(&owner(1), &image, None).await.unwrap();
        matches!(deleted, Progress::Done(())).then_some(())
    })
    .await;
    assert_eq!(left(&provider).await, []);
    world.end().await;
}

#[tokio::test]
async fn a_machine_whose_address_nobody_tells_is_found_by_its_hardware_address() {
    let (world, view) = start(202, "agent: false").await;
    let provider = provider(&settings(&view));
    let (image, _) = bring(&provider, &wanted(&view, Transfer::Direct)).await.unwrap();
    let machine = |name| MachineSpec {
        image: Some(image.clone()),
        ..spec(&owner(1), name)
    };
    let first = ensure(&provider, &machine("demo-cp-0"), None).await.unwrap();
    let second = ensure(&provider, &machine("demo-cp-1"), None).await.unwrap();
    let (first, second) = (address(&provider, &first).await, address(&provider, &second).await);
    assert_ne!(first, second);
    let machines = world.status().await.machines;
    for (name, found) in [("demo-cp-0", first), ("demo-cp-1", second)] {
        let machine = machines.iter().find(|machine| machine.name == name).unwrap();
        assert!(
            format!("{machine:?}").contains(&found.to_string()),
            "{found}: {machine:?}"
        );
    }
    world.end().await;
}

#[tokio::test]
async fn the_guest_agent_tells_where_a_machine_is() {
    let (world, view) = start(203, "").await;
    let provider = provider(&settings(&view));
    let (image, _) = bring(&provider, &wanted(&view, Transfer::Auto)).await.unwrap();
    let machine = MachineSpec {
        image: Some(image),
        ..spec(&owner(1), "demo-cp-0")
    };
    let made = ensure(&provider, &machine, None).await.unwrap();
    let found = address(&provider, &made).await;
    assert!(!cards(found).await.is_empty());
    world.end().await;
}

/// Before release 8.4 no storage takes disks to import: the machine starts from a disc.
#[tokio::test]
async fn an_older_release_starts_from_a_disc() {
    let (world, view) = start(204, "version: 8.2.7").await;
    let provider = provider(&settings(&view));
    let (image, _) = bring(&provider, &wanted(&view, Transfer::Auto)).await.unwrap();
    assert!(
        image.id.starts_with("shared:iso/") && image.id.ends_with("nocloud-amd64.iso"),
        "{}",
        image.id
    );
    let machine = MachineSpec {
        image: Some(image),
        ..spec(&owner(1), "demo-cp-0")
    };
    let made = ensure(&provider, &machine, None).await.unwrap();
    let found = address(&provider, &made).await;
    assert!(!cards(found).await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn an_image_passes_through_this_computer_to_every_node_that_may_not_fetch() {
    let (world, view) = start(
        205,
        "denied: [{path: /, privilege: Sys.AccessNetwork}, {path: /, privilege: Sys.Modify}]",
    )
    .await;
    let settings = config::Proxmox {
        image_storage: Some("local".into()),
        ..settings(&view)
    };
    let provider = provider(&settings);
    let refused = bring(&provider, &wanted(&view, Transfer::Direct)).await.unwrap_err();
    assert!(
        refused
            .hint
            .as_deref()
            .unwrap()
            .contains("has to reach the Image Factory"),
        "{refused:?}"
    );
    let (image, notes) = bring(&provider, &wanted(&view, Transfer::Auto)).await.unwrap();
    assert!(image.id.starts_with("local:import/"), "{}", image.id);
    let images = left(&provider).await;
    let places: Vec<&str> = images.iter().map(|(_, id)| id.rsplit('@').next().unwrap()).collect();
    assert_eq!(places, ["pve1", "pve2", "pve3"], "{notes:?}");
    let machine = MachineSpec {
        image: Some(image),
        ..spec(&owner(1), "demo-cp-0")
    };
    let made = ensure(&provider, &machine, None).await.unwrap();
    address(&provider, &made).await;
    world.end().await;
}

const FETCH: &str = "method: POST, path: /nodes/*/storage/*/download-url";

/// The answer of the node is lost, and with it the name of its task: it is recognised by the file that it fetches.
#[tokio::test]
async fn a_fetch_whose_answer_is_lost_is_not_asked_for_twice() {
    let faults = format!("proxmox: [{{{FETCH}, drop: after, count: 1}}]");
    let (world, view) = start_with(206, "", &faults).await;
    let provider = provider(&settings(&view));
    let spec = wanted(&view, Transfer::Direct);
    let lost = bring(&provider, &spec).await.unwrap_err();
    assert_eq!(lost.kind, ErrorKind::Timeout { maybe_applied: true });
    bring(&provider, &spec).await.unwrap();
    let client = Client::new(&settings(&view), SystemClock::new()).unwrap();
    let tasks: Vec<BTreeMap<String, Value>> = client
        .get(&Call::new("list tasks", "", &["nodes", "pve1", "tasks"]))
        .await
        .unwrap();
    let fetches = tasks.iter().filter(|task| task["type"] == "download").count();
    assert_eq!(fetches, 1, "{tasks:?}");
    world.end().await;
}

#[tokio::test]
async fn an_image_that_a_node_fails_to_fetch_is_brought_by_us_where_we_may() {
    let faults = format!("proxmox: [{{{FETCH}, task: {{fails: \"download failed: 503\"}}}}]");
    let (world, view) = start_with(207, "", &faults).await;
    let direct = provider(&settings(&view));
    let failed = bring(&direct, &wanted(&view, Transfer::Direct)).await.unwrap_err();
    assert_eq!(failed.kind, ErrorKind::TaskFailed);
    assert!(failed.message.contains("download failed: 503"), "{}", failed.message);
    let (image, _) = bring(&direct, &wanted(&view, Transfer::Auto)).await.unwrap();
    assert!(image.id.starts_with("shared:import/"), "{}", image.id);
    world.end().await;
}

#[tokio::test]
async fn a_factory_that_breaks_off_is_asked_again_and_one_without_the_image_is_told_about() {
    let faults = "imageFactory: [{method: GET, path: /image/**, truncate: true, count: 1}]";
    let (world, view) = start_with(208, "", faults).await;
    let provider = provider(&settings(&view));
    bring(&provider, &wanted(&view, Transfer::Proxy)).await.unwrap();
    world.end().await;

    let (world, view) = start_with(209, "", "imageFactory: [{path: /image/**, status: 404}]").await;
    let provider = self::provider(&settings(&view));
    let error = bring(&provider, &wanted(&view, Transfer::Auto)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.hint.as_deref().unwrap().contains("talos.schematic"), "{error:?}");
    world.end().await;
}

#[tokio::test]
async fn an_upload_whose_answer_is_lost_is_looked_for_before_it_is_sent_again() {
    let faults = "proxmox: [{method: POST, path: /nodes/*/storage/*/upload, drop: after, count: 1}]";
    let (world, view) = start_with(210, "", faults).await;
    let provider = provider(&settings(&view));
    let spec = wanted(&view, Transfer::Proxy);
    // Where a look comes upon the task of the upload before the loss is told, nobody has to try again.
    if let Err(lost) = bring(&provider, &spec).await {
        assert_eq!(lost.retry(), Retry::Observe);
        bring(&provider, &spec).await.unwrap();
    }
    assert_eq!(world.status().await.counters.proxmox_faults, 1);
    assert_eq!(left(&provider).await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_storage_without_room_is_told_about() {
    let storages = "storages: {local: {type: dir, content: [import], sizeGB: 1, usedGB: 1}, local-zfs: {type: zfspool, \
                    content: [images]}}";
    let (world, view) = start(211, storages).await;
    let provider = provider(&settings(&view));
    for transfer in [Transfer::Direct, Transfer::Proxy] {
        let full = bring(&provider, &wanted(&view, transfer)).await.unwrap_err();
        assert!(matches!(full.kind, ErrorKind::Capacity { .. }), "{full:?}");
    }
    world.end().await;
}

/// The list of the cluster is put together from what the nodes tell each other: here it stays as it was before anything was made.
#[tokio::test]
async fn a_list_that_is_late_makes_no_machine_twice() {
    let late = "proxmox: [{path: /cluster/resources, nth: 2, stale: true}]";
    let (world, view) = start_with(212, "", late).await;
    let (image, _) = bring(&provider(&settings(&view)), &wanted(&view, Transfer::Auto))
        .await
        .unwrap();
    let machine = MachineSpec {
        image: Some(image),
        ..spec(&owner(1), "demo-cp-0")
    };
    // One process begins it and ends there; another one, that knows nothing of it, goes on; a third one finds it done.
    let begun = provider(&settings(&view)).machine_ensure(&machine, None).await.unwrap();
    assert!(matches!(begun, Progress::Pending(_)), "{begun:?}");
    let made = ensure(&provider(&settings(&view)), &machine, None).await.unwrap();
    assert_eq!(ensure(&provider(&settings(&view)), &machine, None).await.unwrap(), made);
    assert_eq!(world.status().await.machines.len(), 1);
    world.end().await;
}
