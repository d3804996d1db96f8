//! Storages and their content. Downloads and uploads are in `transfer`.

use http::Method;
use serde::Serialize;
use serde_json::Value;

use super::super::access::{allows, require};
use super::super::reply::{Answer, data};
use super::super::request::Request;
use super::super::transfer;
use super::unknown;
use crate::live::World;
use crate::world::proxmox::refusal::Refusal;
use crate::world::proxmox::settings::{ProxmoxSettings, StorageSettings};
use crate::world::proxmox::{Volume, VolumeKey};
use crate::world::state::State;

pub(super) fn answer(
    world: &World,
    settings: &ProxmoxSettings,
    request: &Request,
    node: &str,
    path: &[&str],
) -> Result<Answer, Refusal> {
    match (&request.method, path) {
        (&Method::GET, ["storage"]) => list(world, settings, request, node),
        (&Method::GET, ["storage", name, "status"]) => status(world, settings, node, name),
        (&Method::GET, ["storage", name, "content"]) => content(world, settings, request, node, name),
        (&Method::GET, ["storage", name, "content", volume @ ..]) => {
            one(world, settings, node, name, &volume.join("/"))
        }
        (&Method::DELETE, ["storage", name, "content", volume @ ..]) => {
            remove(world, settings, request, node, name, &volume.join("/"))
        }
        (&Method::POST, ["storage", name, "upload"]) => transfer::upload(world, settings, request, node, name),
        _ => Err(unknown(request)),
    }
}

/// A storage that a node has, that is switched on and that can be reached.
pub(in super::super) fn usable<'a>(
    settings: &'a ProxmoxSettings,
    node: &str,
    name: &str,
) -> Result<&'a StorageSettings, Refusal> {
    if !settings.storages.contains_key(name) {
        return Err(Refusal::no_storage(name));
    }
    let Some(facts) = settings.storage_of(node, name) else {
        let problem = format!("storage '{name}' is not available on node '{node}'");
        return Err(Refusal::failed(problem));
    };
    if !facts.enabled {
        return Err(Refusal::failed(format!("storage '{name}' is disabled")));
    }
    if !facts.active {
        return Err(Refusal::failed(format!("storage '{name}' is not online")));
    }
    Ok(facts)
}

/// The kinds of content that a storage may hold, as this release knows them.
fn kinds(settings: &ProxmoxSettings, facts: &StorageSettings) -> String {
    let known = facts
        .content
        .iter()
        .filter(|kind| *kind != "import" || settings.has_import());
    known.map(String::as_str).collect::<Vec<_>>().join(",")
}

fn seen(settings: &ProxmoxSettings, name: &str) -> bool {
    let path = format!("/storage/{name}");
    allows(settings, &path, "Datastore.Audit") || allows(settings, &path, "Datastore.AllocateSpace")
}

#[derive(Serialize)]
struct Space {
    total: u64,
    used: u64,
    avail: u64,
}

fn space(state: &State, facts: &StorageSettings, node: &str, name: &str) -> Space {
    if !facts.active || !facts.enabled {
        return Space {
            total: 0,
            used: 0,
            avail: 0,
        };
    }
    let total = facts.size_gb << 30;
    let used = ((facts.used_gb << 30) + state.proxmox.stored(node, name)).min(total);
    Space {
        total,
        used,
        avail: total - used,
    }
}

/// A storage as the list of a node shows it.
#[derive(Serialize)]
struct Listed<'a> {
    storage: &'a str,
    used_fraction: f64,
    #[serde(flatten)]
    shown: Shown<'a>,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    content: String,
    enabled: u8,
    active: u8,
    shared: u8,
    #[serde(flatten)]
    space: Space,
}

fn shown<'a>(
    state: &State,
    settings: &ProxmoxSettings,
    node: &str,
    name: &str,
    facts: &'a StorageSettings,
) -> Shown<'a> {
    Shown {
        kind: &facts.kind,
        content: kinds(settings, facts),
        enabled: u8::from(facts.enabled),
        active: u8::from(facts.active && facts.enabled),
        shared: u8::from(facts.shared),
        space: space(state, facts, node, name),
    }
}

impl<'a> Listed<'a> {
    fn new(storage: &'a str, shown: Shown<'a>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a fraction for people")]
        let fraction = |space: &Space| space.used as f64 / space.total.max(1) as f64;
        Self {
            storage,
            used_fraction: fraction(&shown.space),
            shown,
        }
    }
}

fn list(world: &World, settings: &ProxmoxSettings, request: &Request, node: &str) -> Result<Answer, Refusal> {
    let wanted = request.param("content");
    let holds = |facts: &StorageSettings| {
        let kinds = kinds(settings, facts);
        wanted.is_none_or(|wanted| wanted.split(',').any(|word| kinds.split(',').any(|kind| kind == word)))
    };
    world.with(|state| {
        let names = settings.storages.keys().filter(|name| {
            seen(settings, name) && request.param("storage").is_none_or(|storage| storage == name.as_str())
        });
        let storages: Vec<Listed<'_>> = names
            .filter_map(|name| Some((name, settings.storage_of(node, name)?)))
            .filter(|(_, facts)| holds(facts) && (facts.enabled || !request.flag("enabled")))
            .map(|(name, facts)| Listed::new(name, shown(state, settings, node, name, facts)))
            .collect();
        data(&storages)
    })
}

fn status(world: &World, settings: &ProxmoxSettings, node: &str, name: &str) -> Result<Answer, Refusal> {
    let Some(facts) = settings.storage_of(node, name) else {
        return Err(Refusal::no_storage(name));
    };
    if !seen(settings, name) {
        return Err(Refusal::permission(
            &format!("/storage/{name}"),
            "Datastore.Audit|Datastore.AllocateSpace",
        ));
    }
    world.with(|state| data(&shown(state, settings, node, name, facts)))
}

#[derive(Serialize)]
struct Configured<'a> {
    storage: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    content: String,
    shared: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable: Option<u8>,
}

/// The storages as the cluster has them configured.
pub(super) fn configured(settings: &ProxmoxSettings) -> Result<Answer, Refusal> {
    let seen = settings.storages.iter().filter(|(name, _)| seen(settings, name));
    let storages: Vec<Configured<'_>> = seen
        .map(|(name, facts)| Configured {
            storage: name,
            kind: &facts.kind,
            content: kinds(settings, facts),
            shared: u8::from(facts.shared),
            nodes: (!facts.nodes.is_empty()).then(|| facts.nodes.join(",")),
            disable: (!facts.enabled).then_some(1),
        })
        .collect();
    data(&storages)
}

#[derive(Serialize)]
struct Resource<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'a str,
    node: &'a str,
    storage: &'a str,
    status: &'a str,
    plugintype: &'a str,
    content: String,
    shared: u8,
    disk: u64,
    maxdisk: u64,
}

/// The storages as the list of resources shows them: once for every node.
pub(super) fn resources(state: &State, settings: &ProxmoxSettings) -> Vec<Value> {
    let mut all = Vec::new();
    for (node, facts) in &settings.nodes {
        for name in settings.storages.keys().filter(|name| seen(settings, name)) {
            let Some(storage) = settings.storage_of(node, name).filter(|storage| storage.enabled) else {
                continue;
            };
            let space = space(state, storage, node, name);
            let there = storage.active && facts.online;
            let shown = Resource {
                id: format!("storage/{node}/{name}"),
                kind: "storage",
                node,
                storage: name,
                status: if there { "available" } else { "unknown" },
                plugintype: &storage.kind,
                content: kinds(settings, storage),
                shared: u8::from(storage.shared),
                disk: space.used,
                maxdisk: space.total,
            };
            all.extend(serde_json::to_value(shown));
        }
    }
    all
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the API calls it so")]
struct Content<'a> {
    volid: &'a str,
    content: &'a str,
    format: &'a str,
    size: u64,
    ctime: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    vmid: Option<u32>,
}

fn content(
    world: &World,
    settings: &ProxmoxSettings,
    request: &Request,
    node: &str,
    name: &str,
) -> Result<Answer, Refusal> {
    usable(settings, node, name)?;
    if !seen(settings, name) {
        return Err(Refusal::permission(
            &format!("/storage/{name}"),
            "Datastore.Audit|Datastore.AllocateSpace",
        ));
    }
    let wanted = request.param("content");
    let vmid: Option<u32> = request.param("vmid").and_then(|text| text.parse().ok());
    world.update(|_, _| ());
    world.with(|state| {
        let here = |key: &VolumeKey| key.storage() == name && key.node.as_deref().is_none_or(|other| other == node);
        let of = |volume: &Volume| {
            wanted.is_none_or(|wanted| wanted == volume.content) && (vmid.is_none() || volume.vmid == vmid)
        };
        let volumes = state
            .proxmox
            .volumes
            .iter()
            .filter(|(key, volume)| here(key) && of(volume));
        let volumes: Vec<Content<'_>> = volumes
            .map(|(key, volume)| Content {
                volid: &key.volid,
                content: &volume.content,
                format: &volume.format,
                size: volume.size,
                ctime: volume.ctime.as_second(),
                vmid: volume.vmid,
            })
            .collect();
        data(&volumes)
    })
}

#[derive(Serialize)]
struct Attributes<'a> {
    path: String,
    size: u64,
    used: u64,
    format: &'a str,
}

/// The full id of a volume, which may be given without its storage.
fn volid(name: &str, volume: &str) -> String {
    if volume.contains(':') {
        return volume.to_owned();
    }
    format!("{name}:{volume}")
}

fn one(world: &World, settings: &ProxmoxSettings, node: &str, name: &str, volume: &str) -> Result<Answer, Refusal> {
    usable(settings, node, name)?;
    let volid = volid(name, volume);
    world.with(|state| match state.proxmox.volume(node, &volid) {
        Some((_, volume)) => data(&Attributes {
            path: format!("/mnt/pve/{name}/{}", volid.split(':').nth(1).unwrap_or("")),
            size: volume.size,
            used: volume.size,
            format: &volume.format,
        }),
        None => Err(Refusal::failed(format!(
            "volume_size_info on '{volid}' failed - no format"
        ))),
    })
}

fn remove(
    world: &World,
    settings: &ProxmoxSettings,
    request: &Request,
    node: &str,
    name: &str,
    volume: &str,
) -> Result<Answer, Refusal> {
    usable(settings, node, name)?;
    let volid = volid(name, volume);
    let image = volid.contains(":vm-") || volid.contains(":base-");
    let privilege = if image {
        "Datastore.Allocate"
    } else {
        "Datastore.AllocateTemplate"
    };
    require(settings, &format!("/storage/{name}"), privilege)?;
    let upid = world.update(|state, now| {
        let key = state.proxmox.volume(node, &volid).map(|(key, _)| key.clone());
        let id = format!("{name}@{}", volid.split(':').nth(1).unwrap_or("").replace('/', "-"));
        state.pve_do(request.caller(node), "imgdel", id, now, |state| {
            key.map(|key| state.proxmox.volumes.remove(&key));
            Ok(())
        })
    });
    data(&upid)
}
