//! The driver for Proxmox VE against fakepve, an independent server in Python.

mod console;
mod facade;
mod machines;
mod refusals;
mod volumes;

use butler_infra::{call::SystemClock, proxmox::Proxmox};
use serde_json::{Value, json};

use crate::fakepve::{FakePve, SECRET, TOKEN};

/// Three nodes, a storage for images that all of them share, and our token.
fn options() -> Value {
    json!({
        "nodes": ["pve1", "pve2", "pve3"],
        "tokens": {TOKEN: SECRET},
        "storages": {"nfs": {"type": "nfs", "content": "images,iso,import", "shared": 1}},
        "pools": ["talos"],
    })
}

async fn start(more: Value) -> Option<(FakePve, Proxmox)> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut options = options();
    options
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let fake = FakePve::start(options).await?;
    let provider = Proxmox::new(&fake.settings(), SystemClock::new()).unwrap();
    Some((fake, provider))
}
