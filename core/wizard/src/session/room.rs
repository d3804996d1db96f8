//! What the machines take, and what the nodes and storages that were listed have.

use butler_api::choice::{Choice, ChoiceKind};

use super::Session;
use crate::{
    codec,
    sizing::{Room, Totals},
    topic::View,
};

/// Machines of one kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pool {
    pub(crate) count: u64,
    pub(crate) cpu: u64,
    pub(crate) memory_mb: u64,
    pub(crate) disk_gb: u64,
}

/// Control planes and workers as they are answered.
pub(crate) fn pools(view: &View<'_>) -> [Pool; 2] {
    let (control_planes, workers) = view.counts();
    [("controlPlane", control_planes), ("workers", workers)].map(|(pool, count)| {
        let number = |key: &str| view.number(&format!("cluster.{pool}.{key}")).unwrap_or(0);
        let disks = view.text(&format!("cluster.{pool}.extraDisks"));
        let more = disks.as_deref().into_iter().flat_map(codec::items);
        let more = more.filter_map(|disk| disk.split_whitespace().next()?.parse::<u64>().ok());
        Pool {
            count,
            cpu: number("cpu"),
            memory_mb: number("memoryMB"),
            disk_gb: more.fold(number("diskGB"), u64::saturating_add),
        }
    })
}

pub(crate) fn totals(view: &View<'_>) -> Totals {
    pools(view).iter().fold(Totals::default(), |sum, pool| {
        let with = |sum: u64, each: u64| sum.saturating_add(each.saturating_mul(pool.count));
        Totals {
            machines: sum.machines.saturating_add(pool.count),
            cpu: with(sum.cpu, pool.cpu),
            memory_mb: with(sum.memory_mb, pool.memory_mb),
            disk_gb: with(sum.disk_gb, pool.disk_gb),
        }
    })
}

pub(crate) fn room(session: &Session) -> Room {
    let chosen = session.value("providerConfig.proxmox.nodes");
    let chosen: Vec<&str> = chosen.as_deref().into_iter().flat_map(codec::items).collect();
    let is_chosen = |name: &str| chosen.is_empty() || chosen.contains(&name);
    let (nodes, _) = session.items(ChoiceKind::Node);
    let nodes: Vec<&Choice> = nodes
        .iter()
        .filter(|node| node.unusable.is_none() && is_chosen(&node.id))
        .collect();
    let free: Option<Vec<(&str, u64)>> = nodes
        .iter()
        .map(|node| Some((node.name.as_str(), mib(node.facts.get("free")?)?)))
        .collect();
    let free = free.filter(|free| !free.is_empty());
    let cpu: Option<Vec<u64>> = nodes.iter().map(|node| node.facts.get("cpus")?.parse().ok()).collect();
    let largest = free.as_ref().and_then(|free| free.iter().max_by_key(|(_, free)| *free));
    Room {
        cpu: cpu.filter(|cpu| !cpu.is_empty()).map(|cpu| cpu.iter().sum()),
        free_memory_mb: free.as_ref().map(|free| free.iter().map(|(_, free)| free).sum()),
        free_disk_gb: free_disk(session, &is_chosen),
        largest: largest.map(|(name, free)| ((*name).to_owned(), *free)),
        survives_loss: free.as_ref().map(|free| survives(&session.view(), free)),
    }
}

/// Whether the machines fit on the nodes without the largest one: each goes where most is free, the big ones first.
fn survives(view: &View<'_>, free: &[(&str, u64)]) -> bool {
    let mut left: Vec<u64> = free.iter().map(|(_, free)| *free).collect();
    left.sort_unstable();
    left.pop();
    let mut pools = pools(view);
    pools.sort_by_key(|pool| std::cmp::Reverse(pool.memory_mb));
    for pool in pools {
        for _ in 0..pool.count.min(MOST) {
            match left.iter_mut().max() {
                Some(most) if *most >= pool.memory_mb => *most -= pool.memory_mb,
                _ => return false,
            }
        }
    }
    true
}

/// Most machines that are placed one by one.
const MOST: u64 = 10_000;

/// What is free where the disks go: a shared storage once, others on each node.
fn free_disk(session: &Session, is_chosen: &dyn Fn(&str) -> bool) -> Option<u64> {
    let storage = session.value("providerConfig.proxmox.storage");
    let (rows, _) = session.items(ChoiceKind::Storage);
    let rows: Vec<&Choice> = rows
        .iter()
        .filter(|row| storage.as_ref().is_none_or(|storage| row.id == *storage))
        .filter(|row| row.unusable.is_none() && row.parent.as_deref().is_none_or(is_chosen))
        .collect();
    // Of several storages it is not known which one the disks go to.
    let first = rows.first()?;
    if rows.iter().any(|row| row.id != first.id) {
        return None;
    }
    let free: Option<Vec<u64>> = rows
        .iter()
        .map(|row| Some(bytes(row.facts.get("free")?)? >> 30))
        .collect();
    let free = free?;
    match first.facts.get("shared") {
        Some(_) => free.into_iter().max(),
        None => Some(free.into_iter().sum()),
    }
}

fn mib(text: &str) -> Option<u64> {
    Some(bytes(text)? >> 20)
}

/// `1.5 GiB` as bytes.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = text.trim().split_once(' ')?;
    let shift = match unit {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
    let tenths = whole
        .parse::<u64>()
        .ok()?
        .checked_mul(10)?
        .checked_add(tenth.parse().ok()?)?;
    Some(tenths.checked_mul(1 << shift)? / 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Facts;

    #[test]
    fn sizes_are_read_as_platforms_tell_them() {
        assert_eq!(bytes("0 B"), Some(0));
        assert_eq!(bytes("1.5 GiB"), Some(3 << 29));
        assert_eq!(bytes("112 GiB"), Some(112 << 30));
        for wrong in ["", "12", "12 GB", "x GiB", "99999999999999 TiB"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn totals_follow_the_answers() {
        let mut session = Session::new(Facts::default());
        let usual = Totals {
            machines: 6,
            cpu: 18,
            memory_mb: 36864,
            disk_gb: 360,
        };
        assert_eq!(session.totals(), usual);
        session.answer(
            "cluster.workers.extraDisks",
            "200, 100 fast",
            crate::question::Origin::Typed,
        );
        assert_eq!(session.totals().disk_gb, 360 + 900);
        session.answer("cluster.topology", "single-node", crate::question::Origin::Typed);
        assert_eq!(session.totals().machines, 1);
    }
}
