//! `cluster`: names, topology and sizes.

use std::collections::BTreeMap;

use super::{Validator, or_default};
use crate::config::{
    Cluster, ExtraDisk, Pool, ProviderKind, Topology,
    address::{LABEL_MAX, is_dns_name, is_label},
    raw::{RawConfig, RawDisk, RawPool, RawTopology},
};

/// Longest cluster name on AWS: the load balancer adds its ending and may have 32 characters.
const AWS_NAME_MAX: usize = 25;

/// Most machines in a pool; the resource definition allows no more.
const POOL_MAX: u32 = 10;

/// Most workers in the simulated world, for measurements.
const INMEMORY_POOL_MAX: u32 = 1000;

/// More etcd members than this make writes slow and help nobody.
const CONTROL_PLANES_MAX: u32 = 9;

pub(super) fn cluster(v: &mut Validator<'_>, raw: &RawConfig, kind: ProviderKind) -> Cluster {
    let empty = Cluster {
        name: String::new(),
        topology: Topology::Ha,
        control_plane: placeholder(),
        workers: None,
    };
    let Some(raw) = &raw.cluster else { return empty };
    let topology = match raw.topology {
        Some(RawTopology::SingleNode) => Topology::SingleNode,
        Some(RawTopology::Ha) | None => Topology::Ha,
    };
    let control_plane = control_plane(v, raw.control_plane.as_ref(), topology, kind);
    let workers = workers(v, raw.workers.as_ref(), topology, kind);
    let cluster = Cluster {
        name: or_default(raw.name.clone()),
        topology,
        control_plane,
        workers,
    };
    if raw.name.is_some() {
        name(v, &cluster, kind);
    }
    cluster
}

fn name(v: &mut Validator<'_>, cluster: &Cluster, kind: ProviderKind) {
    let path = "cluster.name";
    let name = cluster.name.as_str();
    if !is_label(name) {
        let hint = suggestion(name).map_or_else(String::new, |better| format!("for example `{better}`"));
        v.problem(path, "`cluster.name` may only have lower-case letters, digits and `-`, and begins and ends with a letter or digit", hint);
        return;
    }
    let last = |pool: &Pool| pool.replicas.saturating_sub(1).to_string().len();
    let mut endings = vec!["-cp-".len() + last(&cluster.control_plane)];
    endings.extend(cluster.workers.as_ref().map(|pool| "-worker-".len() + last(pool)));
    let room = LABEL_MAX - endings.into_iter().max().unwrap_or(0);
    let length = name.len();
    let (max, why) = match kind {
        ProviderKind::Aws => (AWS_NAME_MAX, "the load balancer's name has no room for more"),
        _ => (room, "machine names are made of it and host names end at 63"),
    };
    if length > max {
        let message = format!("`cluster.name` has {length} characters; on {kind} it may have {max}");
        v.problem(path, message, why);
    }
    if kind == ProviderKind::Gcp && !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        v.problem(path, "`cluster.name` must begin with a letter on gcp", "");
    }
    if kind == ProviderKind::Aws && name.starts_with("internal-") {
        v.problem(
            path,
            "`cluster.name` must not begin with `internal-` on aws",
            "load balancer names may not",
        );
    }
}

fn control_plane(v: &mut Validator<'_>, raw: Option<&RawPool>, topology: Topology, kind: ProviderKind) -> Pool {
    let path = "cluster.controlPlane";
    let has_sizes = matches!(kind, ProviderKind::Static | ProviderKind::Local);
    let Some(raw) = raw else {
        if !(v.is_written(path) || has_sizes && topology == Topology::SingleNode) {
            v.problem(
                path,
                format!("`{path}` is missing"),
                "how many control planes there are, and how big they are",
            );
        }
        return Pool {
            replicas: 1,
            ..placeholder()
        };
    };
    let pool = pool(
        v,
        raw,
        path,
        kind,
        if topology == Topology::SingleNode {
            Some(1)
        } else {
            None
        },
    );
    let at = format!("{path}.replicas");
    if raw.replicas.is_none() {
        return pool;
    }
    let n = pool.replicas;
    match topology {
        Topology::SingleNode if n != 1 => {
            v.problem(
                &at,
                format!("a single-node cluster has 1 control plane, not {n}"),
                "write `topology: ha` for more",
            );
        }
        Topology::Ha if n == 1 => {
            let hint = "write at least 3, or `topology: single-node`";
            v.problem(&at, "1 control plane is not highly available", hint);
        }
        Topology::Ha if n == 0 => v.problem(&at, "a cluster needs control planes", "write 3 or 5"),
        Topology::Ha if n.is_multiple_of(2) => {
            let hint = format!(
                "write {} or {}: an even number tolerates no more failures than one less",
                n - 1,
                n + 1
            );
            let hint = if n == 2 {
                "write 3: two tolerate no failure at all".to_owned()
            } else {
                hint
            };
            v.problem(&at, format!("{n} control planes: the number must be odd"), hint);
        }
        Topology::Ha if n > CONTROL_PLANES_MAX => {
            v.problem(
                &at,
                format!("{n} control planes; the maximum is {CONTROL_PLANES_MAX}"),
                "3 or 5 are usual",
            );
        }
        _ => {}
    }
    pool
}

fn workers(v: &mut Validator<'_>, raw: Option<&RawPool>, topology: Topology, kind: ProviderKind) -> Option<Pool> {
    let path = "cluster.workers";
    let raw = raw?;
    if raw.replicas == Some(0) {
        return None;
    }
    if topology == Topology::SingleNode {
        let hint = "remove the block, or write `topology: ha`";
        v.problem(path, "a single-node cluster has no workers", hint);
        return None;
    }
    let pool = pool(v, raw, path, kind, None);
    let max = if kind == ProviderKind::InMemory {
        INMEMORY_POOL_MAX
    } else {
        POOL_MAX
    };
    if pool.replicas > max {
        let at = format!("{path}.replicas");
        v.problem(
            &at,
            format!("`{at}` is {}; the maximum on {kind} is {max}", pool.replicas),
            "",
        );
    }
    Some(pool)
}

fn pool(v: &mut Validator<'_>, raw: &RawPool, path: &str, kind: ProviderKind, replicas: Option<u32>) -> Pool {
    // The machines of these platforms are as big as they are.
    let sized = matches!(kind, ProviderKind::Static | ProviderKind::Local);
    let known = |default: u32| if sized { Some(default) } else { None };
    let mut number = |value: Option<u32>, default: Option<u32>, key: &str, why: &str| {
        value
            .or(default)
            .unwrap_or_else(|| v.needed(None, &format!("{path}.{key}"), why).unwrap_or(1))
    };
    let replicas = number(raw.replicas, replicas, "replicas", "the number of machines");
    let cpu = number(raw.cpu, known(2), "cpu", "virtual CPUs of each machine");
    let memory_mb = number(
        raw.memory_mb,
        known(2048),
        "memoryMB",
        "memory of each machine in MiB, at least 2048",
    );
    let disk_gb = number(
        raw.disk_gb,
        known(20),
        "diskGB",
        "system disk of each machine in GiB, at least 20",
    );
    labels(v, raw, path);
    let extra_disks = raw.extra_disks.iter().map(extra_disk).collect();
    Pool {
        replicas,
        cpu,
        memory_mb,
        disk_gb,
        extra_disks,
        labels: raw.labels.clone(),
    }
}

fn extra_disk(raw: &RawDisk) -> ExtraDisk {
    ExtraDisk {
        size_gb: raw.size_gb.unwrap_or(1),
        storage_class: super::text(raw.storage_class.as_ref()),
    }
}

fn labels(v: &mut Validator<'_>, raw: &RawPool, path: &str) {
    for (key, value) in &raw.labels {
        let at = format!("{path}.labels.{key}");
        let (prefix, name) = key
            .rsplit_once('/')
            .map_or((None, key.as_str()), |(prefix, name)| (Some(prefix), name));
        if !is_label_name(name) || prefix.is_some_and(|prefix| !is_dns_name(prefix)) {
            v.problem_at_key(
                &at,
                "this is no valid label key",
                "up to 63 letters, digits, `-`, `_` and `.`, perhaps after a DNS name and `/`",
            );
        } else if prefix.is_some_and(is_reserved) {
            v.problem_at_key(
                &at,
                "a node may not give itself this label",
                "use a prefix of your own, such as `example.org/`",
            );
        }
        if !value.is_empty() && !is_label_name(value) {
            v.problem(
                &at,
                "this is no valid label value",
                "up to 63 letters, digits, `-`, `_` and `.`",
            );
        }
    }
}

/// Prefixes that the NodeRestriction admission plugin refuses from kubelets.
fn is_reserved(prefix: &str) -> bool {
    let kubernetes = |domain: &str| prefix == domain || prefix.ends_with(&format!(".{domain}"));
    let allowed = ["kubelet.kubernetes.io", "node.kubernetes.io"];
    let in_allowed = allowed
        .iter()
        .any(|domain| prefix == *domain || prefix.ends_with(&format!(".{domain}")));
    (kubernetes("kubernetes.io") || kubernetes("k8s.io")) && !in_allowed
}

fn placeholder() -> Pool {
    Pool {
        replicas: 0,
        cpu: 2,
        memory_mb: 2048,
        disk_gb: 20,
        extra_disks: Vec::new(),
        labels: BTreeMap::new(),
    }
}

fn is_label_name(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= LABEL_MAX && ends(text.chars().next()) && ends(text.chars().last()) && text.chars().all(inner)
}

/// The nearest valid name, if something is left of it.
fn suggestion(name: &str) -> Option<String> {
    let folded: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let trimmed: String = folded.trim_matches('-').chars().take(40).collect();
    let trimmed = trimmed.trim_end_matches('-');
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}
