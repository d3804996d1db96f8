//! Checks before the first effect on Proxmox VE: what is there is asked for at once, and all findings are told together.

mod entry;
mod ids;
mod network;
mod room;

use std::collections::BTreeMap;

use butler_api::config::{ConfigDelivery, Proxmox as Settings};
use futures::{StreamExt as _, stream};
use jiff::SignedDuration;

use super::{
    client::{Call, Client},
    permissions::{self, Held, Kind, Missing, Paths, Weight},
    survey::{self, Guest, Interface, Node, Pool, Status, Storage, Version, Vnet},
};
use crate::{Addressing, Check, CheckStatus, ErrorKind, InfraError, InfraPlan, MachineSpec};

/// An answer of the platform, or why there is none.
type Answer<T> = Result<T, InfraError>;

/// As many nodes are asked at once.
const AT_ONCE: usize = 4;

/// Looks at the platform, and tells everything that there is to say about a plan.
pub(super) async fn preflight(client: &Client, settings: &Settings, plan: &InfraPlan) -> Vec<Check> {
    match survey::version(client).await {
        Ok(version) => judge(settings, plan, &look(client, settings, version).await),
        Err(error) => entry::refused(settings, &error),
    }
}

/// Asks for everything at once.
async fn look(client: &Client, settings: &Settings, version: Version) -> Seen {
    let status = Call::new("read the cluster's status", "", &["cluster", "status"]);
    let held = Call::new("read permissions", "", &["access", "permissions"]);
    let nodes = async {
        let nodes = survey::nodes(client).await;
        let online = match &nodes {
            Ok(all) => carriers(settings, all),
            Err(_) => settings.nodes.clone(),
        };
        let of_node = |name: String| async move {
            let (storages, networks) = futures::join!(survey::storages(client, &name), survey::networks(client, &name));
            (name, storages, networks)
        };
        let answers: Vec<_> = stream::iter(online)
            .map(of_node)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        (nodes, answers)
    };
    let (status, held, (nodes, answers), vnets, pools, guests) = futures::join!(
        client.get(&status),
        client.get(&held),
        nodes,
        survey::vnets(client),
        survey::pools(client),
        survey::guests(client),
    );
    let mut seen = Seen {
        version,
        status,
        held,
        nodes,
        storages: BTreeMap::new(),
        networks: BTreeMap::new(),
        vnets,
        pools,
        guests,
        skew: client.clock_skew(),
    };
    for (name, storages, networks) in answers {
        seen.storages.insert(name.clone(), storages);
        seen.networks.insert(name, networks);
    }
    seen
}

/// The nodes that answer and may carry machines: the named ones, or all where none is named.
fn carriers(settings: &Settings, nodes: &[Node]) -> Vec<String> {
    let online = nodes.iter().filter(|node| node.is_online()).map(|node| &node.node);
    online
        .filter(|name| settings.nodes.is_empty() || settings.nodes.contains(name))
        .cloned()
        .collect()
}

/// What was seen of the platform.
struct Seen {
    /// Which release answers.
    pub version: Version,
    /// Quorum.
    pub status: Answer<Vec<Status>>,
    /// What we may do.
    pub held: Answer<Held>,
    /// All nodes.
    pub nodes: Answer<Vec<Node>>,
    /// The storages of each node of the settings.
    pub storages: BTreeMap<String, Answer<Vec<Storage>>>,
    /// Bridges and networks of each node of the settings.
    pub networks: BTreeMap<String, Answer<Vec<Interface>>>,
    /// SDN networks.
    pub vnets: Answer<Vec<Vnet>>,
    /// Pools.
    pub pools: Answer<Vec<Pool>>,
    /// Machines and containers of the whole cluster.
    pub guests: Answer<Vec<Guest>>,
    /// How far the platform's clock is ahead of ours, where that is known.
    pub skew: Option<SignedDuration>,
}

/// The oldest release that storages with images to import from came with.
const RECOMMENDED: &str = "8.4";

/// A clock that is off by more makes tickets and certificates fail.
const MOST_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Everything that there is to say about a plan on what was seen.
fn judge(settings: &Settings, plan: &InfraPlan, seen: &Seen) -> Vec<Check> {
    let ground = Ground { settings, plan, seen };
    let mut checks = vec![
        ok("proxmox/endpoint", format!("{} answers", settings.endpoint)),
        ok("proxmox/credentials", "the credentials are accepted"),
        version(&seen.version),
        clock(seen.skew),
        quorum(&seen.status),
    ];
    checks.extend(granted(&ground));
    checks.extend(room::nodes(&ground));
    checks.extend(room::disks(&ground));
    checks.extend(room::images(&ground));
    checks.push(room::memory(&ground));
    checks.extend(network::checks(&ground));
    checks.extend(ids::pool(&ground));
    checks.push(ids::vmids(&ground));
    checks.extend(ids::template(&ground));
    checks.extend(ids::names(&ground));
    checks
}

/// What is asked for, and what is there.
#[derive(Clone, Copy)]
struct Ground<'a> {
    settings: &'a Settings,
    plan: &'a InfraPlan,
    seen: &'a Seen,
}

impl Ground<'_> {
    /// The nodes that may carry machines, whether they answer or not.
    fn nodes(&self) -> Vec<String> {
        if !self.settings.nodes.is_empty() {
            return self.settings.nodes.clone();
        }
        let all = self.seen.nodes.as_ref().ok().into_iter().flatten();
        all.map(|node| node.node.clone()).collect()
    }

    /// Whether the nodes list no storage: we may see none.
    fn sees_no_storage(&self) -> bool {
        let lists = || self.seen.storages.values().filter_map(|answer| answer.as_ref().ok());
        lists().next().is_some() && lists().all(Vec::is_empty)
    }

    /// A machine of the plan that an earlier run has made.
    fn made(&self, machine: &MachineSpec) -> Option<&Guest> {
        let guests = self.seen.guests.as_ref().ok()?;
        let named = |guest: &&Guest| guest.name.as_deref() == Some(machine.name.as_str());
        guests.iter().find(|guest| self.is_ours(guest) && named(guest))
    }

    /// Whether a machine was made for this cluster.
    fn is_ours(&self, guest: &Guest) -> bool {
        guest.is_tagged(&format!("butler-{}", self.plan.owner.cluster_id))
    }

    /// Which requests this run makes.
    fn kind(&self) -> Kind {
        let told = |machine: &MachineSpec| {
            machine.user_data.is_some() || matches!(machine.addressing, Addressing::Static { .. })
        };
        Kind {
            template: self.settings.template_id.is_some(),
            first_boot: self.settings.config_delivery == ConfigDelivery::Cidata || self.plan.machines.iter().any(told),
        }
    }
}

/// A finding that all is well.
fn ok(id: &'static str, summary: impl Into<String>) -> Check {
    found(id, CheckStatus::Ok, summary, None)
}

/// A finding without which a run would fail.
fn fail(id: &'static str, summary: impl Into<String>, hint: impl Into<String>) -> Check {
    found(id, CheckStatus::Fail, summary, Some(hint.into()))
}

/// A finding that somebody should know.
fn warn(id: &'static str, summary: impl Into<String>, hint: impl Into<String>) -> Check {
    found(id, CheckStatus::Warn, summary, Some(hint.into()))
}

fn found(id: &'static str, status: CheckStatus, summary: impl Into<String>, hint: Option<String>) -> Check {
    Check {
        id,
        status,
        summary: summary.into(),
        hint,
    }
}

/// What could not be asked for.
fn unknown(id: &'static str, what: &str, error: &InfraError) -> Check {
    let summary = format!("{what} could not be checked: {}", error.message);
    if matches!(error.kind, ErrorKind::Forbidden { .. }) {
        // The missing privilege is told by its own check.
        return found(id, CheckStatus::Skipped, summary, None);
    }
    found(id, CheckStatus::Warn, summary, error.hint.clone())
}

fn version(version: &Version) -> Check {
    let id = "proxmox/version";
    let text = &version.version;
    if version.imports() {
        return ok(id, format!("Proxmox VE {text}"));
    }
    warn(
        id,
        format!("Proxmox VE {text} is older than {RECOMMENDED}: machines start from an ISO instead of a disk image"),
        format!("upgrade to {RECOMMENDED} or later"),
    )
}

fn clock(skew: Option<SignedDuration>) -> Check {
    let id = "proxmox/clock";
    match skew {
        None => found(id, CheckStatus::Skipped, "the platform does not tell its time", None),
        Some(skew) if skew.abs() <= MOST_SKEW => ok(id, "the clocks agree"),
        Some(skew) => {
            let side = if skew.is_negative() { "behind" } else { "ahead of" };
            let seconds = skew.abs().as_secs();
            warn(
                id,
                format!("the platform's clock is {seconds} s {side} the one of this computer"),
                "have both take their time from NTP servers",
            )
        }
    }
}

fn quorum(status: &Answer<Vec<Status>>) -> Check {
    let id = "proxmox/quorum";
    match status {
        Err(error) => unknown(id, "the quorum", error),
        Ok(entries) => match entries.iter().find(|entry| entry.r#type == "cluster") {
            None => ok(id, "the node is on its own and needs no quorum"),
            Some(cluster) if cluster.quorate.is_none_or(survey::Flag::is_set) => ok(id, "the cluster has a quorum"),
            Some(_) => fail(
                id,
                "the cluster has lost its quorum: nothing can be changed",
                "`pvecm status` on a node tells which nodes are missing; bring them back",
            ),
        },
    }
}

/// The privileges that the plan needs, from its first request to its last deletion.
fn granted(ground: &Ground<'_>) -> Vec<Check> {
    let id = "proxmox/permissions";
    let held = match &ground.seen.held {
        Ok(held) => held,
        Err(error) => return vec![unknown(id, "the privileges", error)],
    };
    let missing = permissions::missing(held, &paths(ground), ground.kind());
    if missing.is_empty() {
        return vec![ok(id, "every privilege of the plan is granted, deletions included")];
    }
    if held.is_empty() {
        return vec![fail(
            id,
            "nothing at all is granted to these credentials",
            "a token with privilege separation needs grants of its own: grant them to the token, or make it with `--privsep 0`",
        )];
    }
    missing.iter().map(|missing| lacks(id, missing)).collect()
}

fn lacks(id: &'static str, missing: &Missing) -> Check {
    let Missing {
        privilege,
        path,
        weight,
        purposes,
    } = missing;
    let purposes = purposes.join(", ");
    let hint = format!("grant a role with {privilege} on {path}");
    match weight {
        Weight::Needed => fail(
            id,
            format!("{privilege} is missing on {path}; needed to {purposes}"),
            hint,
        ),
        Weight::Helpful(without) => warn(id, format!("{privilege} is missing on {path}: {without}"), hint),
    }
}

/// What the table of requests is about on this platform.
fn paths(ground: &Ground<'_>) -> Paths {
    let settings = ground.settings;
    let mut images = room::image_storages(ground);
    if images.is_empty() && ground.sees_no_storage() {
        // Which one would be chosen is not known, but that nothing is granted on any is.
        images.insert(String::new());
    }
    let storage = |name: String| {
        if name.is_empty() {
            "/storage".to_owned()
        } else {
            format!("/storage/{name}")
        }
    };
    Paths {
        nodes: ground.nodes().iter().map(|node| format!("/nodes/{node}")).collect(),
        disks: vec![storage(settings.storage.clone())],
        images: images.into_iter().map(storage).collect(),
        template: settings
            .template_id
            .map(|id| format!("/vms/{id}"))
            .into_iter()
            .collect(),
        network: vec![network::path(ground)],
        pool: settings.pool.iter().map(|pool| format!("/pool/{pool}")).collect(),
    }
}

#[cfg(test)]
pub(super) mod tests;
