//! The platforms that providers are judged on.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use butler_api::config::{self, HttpUrl, SecretSource, VmidRange};
use butler_infra::{
    ImageRef, ImageSpec, MachineRef, MachineSpec, Owner, PLAIN_SCHEMATIC, Pending, Progress, Provider, Transfer,
    call::SystemClock,
    inmemory::InMemory,
    proxmox::{
        Proxmox,
        client::{Call, Client},
        task::{self, Outcome},
    },
};
use butler_world::world::proxmox::PlatformView;
use serde_json::json;

use crate::{
    fakepve::{self, FakePve, SECRET, TOKEN},
    suite::Ground,
    support::{ensure, image, owner, spec},
    world::{Running, until},
};

/// The case that needs a platform which loses answers. Worlds are told their faults when they start.
const LOST: &str = "a_lost_answer_makes_no_second_machine";

/// The simulated world.
pub(crate) struct InMemoryGround {
    world: Running,
}

/// Each world has a loopback network of its own.
static NETWORK: AtomicU8 = AtomicU8::new(120);

impl InMemoryGround {
    pub(crate) async fn start(case: &str) -> Option<Self> {
        let network = format!("127.{}.0.0/16", NETWORK.fetch_add(1, Ordering::Relaxed));
        let faults = if case == LOST {
            "faults: {api: {only: [create], everyNth: 1, kinds: [resetAfterApply]}}"
        } else {
            ""
        };
        Some(Self {
            world: Running::start(&network, faults, 0).await,
        })
    }
}

impl Ground for InMemoryGround {
    fn provider(&self) -> Arc<dyn Provider> {
        Arc::new(InMemory::new(&self.world.access(), SystemClock::new()).unwrap())
    }

    fn spec(&self, owner: &Owner, name: &str) -> MachineSpec {
        spec(owner, name)
    }

    async fn machines(&self) -> usize {
        let counters = self.world.status().await.counters;
        usize::try_from(counters.machines_created - counters.machines_deleted).unwrap()
    }

    async fn foreign(&self, name: &str) {
        let theirs = self.spec(&owner(99), name);
        ensure(&*self.provider(), &theirs, None).await.unwrap();
    }

    async fn reuse(&self, _: &MachineRef) -> bool {
        false
    }

    async fn lose_next_answer(&self) {
        // It loses them all, since its start.
    }

    fn secret(&self) -> String {
        use secrecy::ExposeSecret as _;
        self.world.endpoint.token.expose_secret().to_owned()
    }

    async fn end(self) {
        self.world.end().await;
    }
}

/// Proxmox VE as fakepve plays it. Its tasks take their time.
pub(crate) struct FakePveGround {
    fake: FakePve,
}

impl FakePveGround {
    pub(crate) async fn start(_: &str) -> Option<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = json!({
            "nodes": ["pve1", "pve2", "pve3"],
            "tokens": {TOKEN: SECRET},
            "storages": {"nfs": {"type": "nfs", "content": "images,iso,import", "shared": 1}},
            "time_scale": 0.01,
            "task_secs": 3,
        });
        Some(Self {
            fake: FakePve::start(options).await?,
        })
    }
}

impl Ground for FakePveGround {
    fn provider(&self) -> Arc<dyn Provider> {
        let mut settings = self.fake.settings();
        settings.vmid_range = Some(VmidRange { start: 1000, end: 1063 });
        Arc::new(Proxmox::new(&settings, SystemClock::new()).unwrap())
    }

    fn spec(&self, owner: &Owner, name: &str) -> MachineSpec {
        MachineSpec {
            image: Some(image("nfs:import/talos.qcow2")),
            ..spec(owner, name)
        }
    }

    async fn machines(&self) -> usize {
        self.fake.state().await.vms.len()
    }

    async fn foreign(&self, name: &str) {
        by_hand(&self.fake.settings(), "200", name).await;
    }

    async fn reuse(&self, machine: &MachineRef) -> bool {
        by_hand(&self.fake.settings(), &machine.id, "pet").await;
        true
    }

    async fn lose_next_answer(&self) {
        let fault = json!({"method": "POST", "path": "/qemu", "kind": "drop-after"});
        self.fake.act(json!({"do": "fault", "fault": fault})).await;
    }

    fn secret(&self) -> String {
        SECRET.to_owned()
    }

    async fn end(self) {}
}

/// Somebody makes a machine in the web interface.
async fn by_hand(settings: &config::Proxmox, vmid: &str, name: &str) {
    const OP: &str = "make machine by hand";
    let client = Client::new(settings, SystemClock::new()).unwrap();
    let call = Call::new(OP, name, &["nodes", "pve1", "qemu"])
        .with("vmid", vmid)
        .with("name", name);
    let upid: String = client.post(&call).await.unwrap();
    until(|| async {
        let outcome = task::follow_once(&client, &upid, OP, name).await.unwrap();
        assert!(matches!(outcome, Outcome::Running | Outcome::Ok), "{outcome:?}");
        (outcome == Outcome::Ok).then_some(())
    })
    .await;
}

/// Proxmox VE as the simulated world plays it.
pub(crate) struct FacadeGround {
    world: Running,
    settings: config::Proxmox,
    image: ImageRef,
}

impl FacadeGround {
    pub(crate) async fn start(case: &str) -> Option<Self> {
        let network = format!("127.{}.0.0/16", NETWORK.fetch_add(1, Ordering::Relaxed));
        let faults = if case == LOST {
            "faults: {proxmox: [{method: POST, path: /nodes/*/qemu, drop: after, count: 1}]}"
        } else {
            ""
        };
        let text = format!("platforms: {{proxmox: {{}}}}\n{faults}");
        let world = Running::start(&network, &text, 0).await;
        let status = world.status().await;
        let [platform] = &status.platforms[..] else {
            panic!("the world plays no platform: {:?}", status.platforms)
        };
        let mut settings = settings_of(platform);
        settings.storage = "shared".into();
        settings.vmid_range = Some(VmidRange { start: 1000, end: 1063 });
        let provider = Proxmox::new(&settings, SystemClock::new()).unwrap();
        let image = ImageSpec {
            owner: owner(1),
            factory: HttpUrl::parse(&platform.image_factory).unwrap(),
            talos: "1.12.1".parse().unwrap(),
            schematic: PLAIN_SCHEMATIC.into(),
            transfer: Transfer::Direct,
        };
        let image = bring(&provider, &image).await;
        Some(Self { world, settings, image })
    }
}

/// Settings that lead to a platform of the world, with its API token.
pub(crate) fn settings_of(platform: &PlatformView) -> config::Proxmox {
    let ca = std::fs::read_to_string(&platform.ca_file).unwrap();
    let secret = std::fs::read_to_string(&platform.token_file).unwrap();
    config::Proxmox {
        username: Some(SecretSource::Clear(platform.token.clone().into())),
        password: Some(SecretSource::Clear(secret.into())),
        ..fakepve::settings(&platform.endpoint, &ca)
    }
}

/// Brings an image, as the engine does.
async fn bring(provider: &dyn Provider, image: &ImageSpec) -> ImageRef {
    let images = provider.images().unwrap();
    let handle = std::sync::Mutex::new(None);
    until(|| async {
        let previous = handle.lock().unwrap().take();
        match images.image_ensure(image, previous).await.unwrap() {
            Progress::Done(image) => Some(image),
            Progress::Pending(Pending { handle: next, .. }) => {
                *handle.lock().unwrap() = Some(next);
                None
            }
        }
    })
    .await
}

impl Ground for FacadeGround {
    fn provider(&self) -> Arc<dyn Provider> {
        Arc::new(Proxmox::new(&self.settings, SystemClock::new()).unwrap())
    }

    fn spec(&self, owner: &Owner, name: &str) -> MachineSpec {
        MachineSpec {
            image: Some(self.image.clone()),
            ..spec(owner, name)
        }
    }

    async fn machines(&self) -> usize {
        let client = Client::new(&self.settings, SystemClock::new()).unwrap();
        let call = Call::new("count machines", "", &["cluster", "resources"]).with("type", "vm");
        client.get::<Vec<serde::de::IgnoredAny>>(&call).await.unwrap().len()
    }

    async fn foreign(&self, name: &str) {
        by_hand(&self.settings, "200", name).await;
    }

    async fn reuse(&self, machine: &MachineRef) -> bool {
        by_hand(&self.settings, &machine.id, "pet").await;
        true
    }

    async fn lose_next_answer(&self) {
        // It loses the first, since its start.
    }

    fn secret(&self) -> String {
        use secrecy::ExposeSecret as _;
        match &self.settings.password {
            Some(SecretSource::Clear(secret)) => secret.expose_secret().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    async fn end(self) {
        self.world.end().await;
    }
}
