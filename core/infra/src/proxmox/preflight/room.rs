//! Nodes, storages and memory: whether there is room for the plan.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ground, fail, ok, unknown, warn};
use crate::{
    Check, CheckStatus, MachineSpec,
    proxmox::survey::{Guest, Node, Storage},
    units::bytes,
};

/// What a machine takes of a disk storage at least: the image and the firmware's variables.
const LEAST_DISK: u64 = 2 << 30;
/// What images and first-boot data take of their storage.
const IMAGE: u64 = 2 << 30;
const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

/// The nodes of the settings: whether they are there, and answer.
pub(super) fn nodes(ground: &Ground<'_>) -> Vec<Check> {
    let id = "proxmox/nodes";
    let nodes = match &ground.seen.nodes {
        Ok(nodes) => nodes,
        Err(error) => return vec![unknown(id, "the nodes", error)],
    };
    let names: Vec<&str> = nodes.iter().map(|node| node.node.as_str()).collect();
    let wrong: Vec<Check> = ground
        .nodes()
        .iter()
        .filter_map(|wanted| match nodes.iter().find(|node| node.node == *wanted) {
            None => Some(fail(
                id,
                format!("there is no node {wanted}"),
                choices("setting `nodes`", wanted, &names),
            )),
            Some(node) if !node.is_online() => Some(fail(
                id,
                format!("node {wanted} is {}", node.status),
                "switch it on, or take it out of `nodes`",
            )),
            Some(_) => None,
        })
        .collect();
    if wrong.is_empty() {
        let count = ground.nodes().len();
        let nodes = if count == 1 {
            "the node is".to_owned()
        } else {
            format!("all {count} nodes are")
        };
        return vec![ok(id, format!("{nodes} online"))];
    }
    wrong
}

/// The storage of the disks, on every node; nothing where none is chosen yet.
pub(super) fn disks(ground: &Ground<'_>) -> Vec<Check> {
    let id = "proxmox/storage";
    let name = &ground.settings.storage;
    if name.is_empty() {
        return Vec::new();
    }
    let mut checks = Vec::new();
    let mut usable = Vec::new();
    for (node, answer) in &ground.seen.storages {
        match answer {
            Err(error) => checks.push(unknown(id, &format!("storage {name} on node {node}"), error)),
            Ok(list) => match usable_on(list, name, node, &["images"], "storage") {
                Ok(storage) => usable.push(storage),
                Err(wrong) => checks.push(fail(id, wrong.summary, wrong.hint)),
            },
        }
    }
    checks.extend(free_space(ground, &usable));
    if checks.is_empty() {
        checks.push(ok(id, format!("storage {name} takes disks on every node")));
    }
    checks
}

/// Why a storage cannot be used.
struct Wrong {
    summary: String,
    hint: String,
}

/// The storage of that name on a node, if it can hold one of these kinds of content.
fn usable_on<'a>(
    list: &'a [Storage],
    name: &str,
    node: &str,
    content: &[&str],
    setting: &str,
) -> Result<&'a Storage, Wrong> {
    let wrong = |summary: String, hint: String| Err(Wrong { summary, hint });
    let Some(storage) = list.iter().find(|storage| storage.storage == name) else {
        let fitting = list.iter().filter(|one| content.iter().any(|word| one.holds(word)));
        let names: Vec<&str> = fitting.map(|one| one.storage.as_str()).collect();
        return wrong(
            format!("node {node} has no storage {name} that we may see"),
            choices(&format!("setting `{setting}`"), name, &names),
        );
    };
    if !storage.is_enabled() {
        let hint = format!("enable it: pvesm set {name} --disable 0");
        return wrong(format!("storage {name} is disabled"), hint);
    }
    if !storage.is_active() {
        let hint = "is its server up? `pvesm status` on the node tells more".to_owned();
        return wrong(format!("node {node} does not reach storage {name}"), hint);
    }
    if !content.iter().any(|word| storage.holds(word)) {
        let (first, has) = (content[0], &storage.content);
        return wrong(
            format!("storage {name} may not hold {}", content.join(" or ")),
            format!("allow it: pvesm set {name} --content {has},{first}; or choose another one with `{setting}`"),
        );
    }
    Ok(storage)
}

/// Whether the disks of the plan fit on their storage.
fn free_space(ground: &Ground<'_>, usable: &[&Storage]) -> Option<Check> {
    let id = "proxmox/storage";
    // The disks of what an earlier run has made are in the storage already.
    let machines = ground
        .plan
        .machines
        .iter()
        .filter(|machine| ground.made(machine).is_none());
    let machines: Vec<&MachineSpec> = machines.collect();
    let (first, name) = (usable.first()?, &ground.settings.storage);
    let told: Vec<u64> = usable.iter().filter_map(|storage| storage.avail).collect();
    // A shared storage is the same on every node.
    let free: u64 = if first.shared.is_set() {
        *told.first()?
    } else {
        told.iter().sum()
    };
    if told.is_empty() || machines.is_empty() {
        return None;
    }
    let disk = |machine: &&MachineSpec| {
        let extra: u64 = machine.extra_disks.iter().map(|disk| u64::from(disk.size_gb)).sum();
        (u64::from(machine.disk_gb) + extra) * GIB
    };
    let whole: u64 = machines.iter().map(disk).sum();
    let least = LEAST_DISK * u64::try_from(machines.len()).unwrap_or(u64::MAX / LEAST_DISK);
    let sizes = format!(
        "storage {name} has {} free, and the disks of the plan have {}",
        bytes(free),
        bytes(whole)
    );
    let hint = "make room, choose another storage, or plan smaller disks";
    if free < least {
        return Some(fail(id, format!("storage {name} is full: {} free", bytes(free)), hint));
    }
    if free >= whole {
        return None;
    }
    Some(if first.is_thick() {
        fail(id, sizes, hint)
    } else {
        warn(id, format!("{sizes} once they are full"), hint)
    })
}

/// Files that are kept on a storage, and the kinds of content that they can be, the best first.
struct Files {
    what: &'static str,
    content: &'static [&'static str],
}

/// The files of the plan.
fn files(ground: &Ground<'_>) -> Vec<Files> {
    let kind = ground.kind();
    let images: &[&str] = if ground.seen.version.imports() {
        &["import", "iso"]
    } else {
        &["iso"]
    };
    let mut files = Vec::new();
    if !kind.template {
        files.push(Files {
            what: "images",
            content: images,
        });
    }
    if kind.first_boot {
        files.push(Files {
            what: "first-boot data",
            content: &["iso"],
        });
    }
    files
}

/// The storage of files: the one of the settings, or one that every node has and that can hold them, a shared one first.
fn chosen(ground: &Ground<'_>, files: &Files) -> Option<String> {
    if let Some(name) = &ground.settings.image_storage {
        return Some(name.clone());
    }
    let lists: Vec<&Vec<Storage>> = ground
        .seen
        .storages
        .values()
        .filter_map(|list| list.as_ref().ok())
        .collect();
    let first = lists.first()?;
    files.content.iter().find_map(|content| {
        let fits = |storage: &Storage| storage.holds(content) && storage.is_enabled() && storage.is_active();
        let everywhere = |name: &str| {
            let there = |list: &&Vec<Storage>| list.iter().any(|one| one.storage == name && fits(one));
            lists.iter().all(there)
        };
        let found = first.iter().filter(|one| everywhere(&one.storage));
        let best = found.min_by_key(|one| (!one.shared.is_set(), &one.storage));
        best.map(|one| one.storage.clone())
    })
}

/// The storages of images and first-boot data, as far as they are known.
pub(super) fn image_storages(ground: &Ground<'_>) -> BTreeSet<String> {
    files(ground).iter().filter_map(|files| chosen(ground, files)).collect()
}

/// The storages of images and first-boot data, on every node.
pub(super) fn images(ground: &Ground<'_>) -> Vec<Check> {
    files(ground).iter().flat_map(|files| of_files(ground, files)).collect()
}

fn of_files(ground: &Ground<'_>, files: &Files) -> Vec<Check> {
    let id = "proxmox/image-storage";
    let (what, content) = (files.what, files.content);
    let Some(name) = chosen(ground, files) else {
        if ground.seen.storages.values().all(Result::is_err) {
            return Vec::new();
        }
        return vec![fail(
            id,
            format!(
                "no storage of every node may hold {}, which {what} are",
                content.join(" or ")
            ),
            format!(
                "allow it on a storage of files: pvesm set local --content iso,vztmpl,backup,{}",
                content[0]
            ),
        )];
    };
    let mut checks = Vec::new();
    for (node, answer) in &ground.seen.storages {
        let Ok(list) = answer else { continue };
        match usable_on(list, &name, node, content, "imageStorage") {
            Err(wrong) => checks.push(fail(id, wrong.summary, wrong.hint)),
            Ok(storage) => checks.extend(is_full(storage, node, what)),
        }
    }
    if checks.is_empty() {
        checks.push(ok(id, format!("storage {name} takes {what} on every node")));
    }
    checks
}

fn is_full(storage: &Storage, node: &str, what: &str) -> Option<Check> {
    let name = &storage.storage;
    let free = storage.avail.filter(|free| *free < IMAGE)?;
    Some(fail(
        "proxmox/image-storage",
        format!(
            "storage {name} of node {node} is full: {} free, and {what} take up to {}",
            bytes(free),
            bytes(IMAGE)
        ),
        "make room, or choose another one with `imageStorage`",
    ))
}

/// Whether the nodes have memory for the plan, spread so that the largest machines go where most is free.
pub(super) fn memory(ground: &Ground<'_>) -> Check {
    let id = "proxmox/memory";
    let nodes = match &ground.seen.nodes {
        Ok(nodes) => nodes,
        Err(error) => return unknown(id, "free memory", error),
    };
    let carriers = ground.nodes();
    let ours = |node: &&Node| carriers.contains(&node.node) && node.is_online();
    let free: BTreeMap<&str, u64> = nodes
        .iter()
        .filter(ours)
        .filter_map(|node| Some((node.node.as_str(), node.free()?)))
        .collect();
    let sum: u64 = free.values().sum();
    // What runs already has its memory.
    let waits = |machine: &&MachineSpec| !ground.made(machine).is_some_and(Guest::is_running);
    let waiting = ground.plan.machines.iter().filter(waits);
    let mut sizes: Vec<u64> = waiting.map(|machine| u64::from(machine.memory_mb) * MIB).collect();
    if free.is_empty() {
        return super::found(id, CheckStatus::Skipped, "no node tells how much memory is free", None);
    }
    sizes.sort_unstable_by(|one, other| other.cmp(one));
    match unplaced(free, &sizes) {
        None if sizes.is_empty() => ok(id, format!("{} of memory are free", bytes(sum))),
        None => ok(
            id,
            format!("{} of memory are free for {}", bytes(sum), bytes(sizes.iter().sum())),
        ),
        Some(size) => fail(
            id,
            format!(
                "the plan takes {} of memory and does not fit: {} are free, and no node has {} left for one more machine",
                bytes(sizes.iter().sum()),
                bytes(sum),
                bytes(size),
            ),
            "plan fewer or smaller machines, name more nodes, or stop other machines",
        ),
    }
}

/// The first of the sizes, largest first, that fits nowhere.
fn unplaced(mut free: BTreeMap<&str, u64>, sizes: &[u64]) -> Option<u64> {
    for size in sizes {
        let most = free.values_mut().max()?;
        match most.checked_sub(*size) {
            Some(left) => *most = left,
            None => return Some(*size),
        }
    }
    None
}

/// What can be chosen instead of a name that is wrong.
pub(super) fn choices(setting: &str, wrong: &str, names: &[&str]) -> String {
    if let Some(close) = butler_api::config::closest(wrong, names) {
        return format!("did you mean {close}? ({setting})");
    }
    if names.is_empty() {
        return format!("none can be seen: a privilege may be missing ({setting})");
    }
    format!("there are: {} ({setting})", names.join(", "))
}
