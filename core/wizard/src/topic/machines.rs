//! Name, shape and size of the cluster, and the operating system.

use butler_api::config::ProviderKind::{Aws, Azure, Gcp, Harvester, InMemory, Local, Nutanix, Proxmox, Static};

use super::{Ask, View, ask};
use crate::{codec::Codec, question::Step::Machines, schema};

const CLUSTER: &str = "Cluster";
const CONTROL_PLANES: &str = "Control planes";
const WORKERS: &str = "Workers";
const LISTED: &str = "Machines";
const TALOS: &str = "Talos";
const RECORD: &str = "Until the pivot";

/// Schematics of Talos with qemu-guest-agent, iscsi-tools and util-linux-tools, and with the extensions for Nutanix.
const SCHEMATIC: &str = "75d479b0960e56ef9ecc3a11c0572e4fe41f8b1e8a24c70ad38fc34e89431524";
const NUTANIX_SCHEMATIC: &str = "026b6ae9b4e53a6a40e07e471d6f26617473ab59fdd0ab1fa00e643c170b91f2";

pub(super) const ASKS: [Ask; 27] = [
    ask("cluster.name", Machines, CLUSTER, "name")
        .needed()
        .writes(|v| Some(name(number(v)))),
    ask("cluster.topology", Machines, CLUSTER, "topology").writes(|v| {
        let topology = if v.on(Local) { "single-node" } else { "ha" };
        Some(topology.to_owned())
    }),
    ask("cluster.controlPlane.replicas", Machines, CONTROL_PLANES, "count")
        .when(|v| !v.is_single())
        .needed()
        .writes(|_| Some("3".to_owned())),
    ask("cluster.controlPlane.cpu", Machines, CONTROL_PLANES, "CPUs")
        .when(|v| is_sized(v, "cluster.controlPlane.cpu"))
        .needed()
        .writes(|v| size(v, |sizes| sizes.control_plane.0)),
    ask("cluster.controlPlane.memoryMB", Machines, CONTROL_PLANES, "memory")
        .when(|v| is_sized(v, "cluster.controlPlane.memoryMB"))
        .needed()
        .writes(|v| size(v, |sizes| sizes.control_plane.1)),
    ask("cluster.controlPlane.diskGB", Machines, CONTROL_PLANES, "disk")
        .when(|v| is_sized(v, "cluster.controlPlane.diskGB"))
        .needed()
        .writes(|v| size(v, |sizes| sizes.control_plane.2)),
    ask(
        "cluster.controlPlane.extraDisks",
        Machines,
        CONTROL_PLANES,
        "more disks",
    )
    .when(|v| is_sized(v, "cluster.controlPlane.extraDisks"))
    .form(Codec::Disks)
    .rare(),
    ask("cluster.workers.replicas", Machines, WORKERS, "count")
        .when(|v| !v.is_single())
        .needed_when(|v| {
            ["cpu", "memoryMB", "diskGB"]
                .iter()
                .any(|key| v.is_given(&format!("cluster.workers.{key}")))
        })
        .writes(|v| Some(if v.on(Static) { "2" } else { "3" }.to_owned())),
    ask("cluster.workers.cpu", Machines, WORKERS, "CPUs")
        .when(|v| has_workers(v) && is_sized(v, "cluster.workers.cpu"))
        .needed()
        .writes(|v| size(v, |sizes| sizes.worker.0)),
    ask("cluster.workers.memoryMB", Machines, WORKERS, "memory")
        .when(|v| has_workers(v) && is_sized(v, "cluster.workers.memoryMB"))
        .needed()
        .writes(|v| size(v, |sizes| sizes.worker.1)),
    ask("cluster.workers.diskGB", Machines, WORKERS, "disk")
        .when(|v| has_workers(v) && is_sized(v, "cluster.workers.diskGB"))
        .needed()
        .writes(|v| size(v, |sizes| sizes.worker.2)),
    ask("cluster.workers.extraDisks", Machines, WORKERS, "more disks")
        .when(|v| has_workers(v) && is_sized(v, "cluster.workers.extraDisks"))
        .form(Codec::Disks)
        .rare(),
    // Machines by address: control planes first.
    ask("providerConfig.static.machines[].address", Machines, LISTED, "address")
        .when(|v| v.on(Static))
        .needed(),
    ask("providerConfig.static.machines[].role", Machines, LISTED, "role")
        .when(|v| v.on(Static))
        .needed()
        .writes(|v| {
            let (control_planes, _) = v.counts();
            let role = if (v.index as u64) < control_planes {
                "control-plane"
            } else {
                "worker"
            };
            Some(role.to_owned())
        })
        .rare(),
    ask(
        "providerConfig.static.machines[].fingerprint",
        Machines,
        LISTED,
        "fingerprint",
    )
    .when(|v| v.on(Static))
    .rare(),
    ask("providerConfig.static.machines[].name", Machines, LISTED, "name")
        .when(|v| v.on(Static))
        .rare(),
    ask(
        "providerConfig.static.machines[].installDisk",
        Machines,
        LISTED,
        "install disk",
    )
    .when(|v| v.on(Static))
    .rare(),
    ask(
        "providerConfig.static.machines[].networkInterface",
        Machines,
        LISTED,
        "interface",
    )
    .when(|v| v.on(Static))
    .rare(),
    ask("talos.version", Machines, TALOS, "Talos").writes(|_| schema::default(schema::of("talos.version")?)),
    ask("talos.kubernetesVersion", Machines, TALOS, "Kubernetes").rare(),
    ask("talos.schematic", Machines, TALOS, "schematic")
        .writes(|v| {
            let schematic = match v.provider()? {
                Harvester | Proxmox | Static => SCHEMATIC,
                Nutanix => NUTANIX_SCHEMATIC,
                Aws | Azure | Gcp | InMemory | Local => return None,
            };
            Some(schematic.to_owned())
        })
        .rare(),
    ask("talos.imageFactory", Machines, TALOS, "image factory").rare(),
    ask("talos.installDisk", Machines, TALOS, "install disk")
        .holds(|v| Some(v.provider()?.default_disk().to_owned()))
        .rare(),
    ask("talos.discovery", Machines, TALOS, "discovery service")
        .form(Codec::Flag)
        .rare(),
    ask("bootstrapCluster.type", Machines, RECORD, "record in")
        .needed_when(|v| v.has_kept("bootstrapCluster"))
        .holds(|_| Some("embedded".to_owned()))
        .rare(),
    ask("bootstrapCluster.kubeconfig", Machines, RECORD, "its kubeconfig")
        .when(|v| v.says("bootstrapCluster.type", "existing"))
        .needed()
        .rare(),
    ask("bootstrapCluster.context", Machines, RECORD, "its context")
        .when(|v| v.says("bootstrapCluster.type", "existing"))
        .rare(),
];

/// Virtual processors, memory in MiB and disk in GiB of each machine.
type Size = (u32, u32, u32);

struct Sizes {
    control_plane: Size,
    worker: Size,
}

/// Usual sizes on a platform.
fn size(view: &View<'_>, part: fn(&Sizes) -> u32) -> Option<String> {
    let kind = view.provider()?;
    let sizes = match (kind, view.is_single()) {
        (InMemory, true) => Sizes {
            control_plane: (4, 8192, 80),
            worker: (4, 8192, 80),
        },
        (InMemory, false) => Sizes {
            control_plane: (2, 4096, 40),
            worker: (4, 8192, 80),
        },
        (_, true) => Sizes {
            control_plane: (8, 16384, 100),
            worker: (8, 16384, 100),
        },
        (Aws | Azure | Gcp, false) => Sizes {
            control_plane: (2, 8192, 50),
            worker: (4, 16384, 100),
        },
        (Nutanix, false) => Sizes {
            control_plane: (4, 8192, 50),
            worker: (8, 16384, 200),
        },
        (Harvester, false) => Sizes {
            control_plane: (4, 8192, 50),
            worker: (8, 16384, 100),
        },
        (Proxmox | Local | Static, false) => Sizes {
            control_plane: (4, 8192, 50),
            worker: (4, 16384, 100),
        },
    };
    Some(part(&sizes).to_string())
}

/// Machines that exist are as big as they are; what somebody wrote about them all the same stays.
fn is_sized(view: &View<'_>, path: &str) -> bool {
    !matches!(view.provider(), None | Some(Static | Local)) || view.is_given(path)
}

fn has_workers(view: &View<'_>) -> bool {
    view.text("cluster.workers.replicas").is_some_and(|count| count != "0")
}

/// How many names are taken before the first that is free.
pub(super) fn number(view: &View<'_>) -> usize {
    let is_free = |number: &usize| !view.facts.clusters.contains(&name(*number));
    // One more than are taken is free for certain.
    (0..=view.facts.clusters.len()).find(is_free).unwrap_or(0)
}

fn name(number: usize) -> String {
    match number {
        0 => "butler".to_owned(),
        n => format!("butler-{}", n + 1),
    }
}
