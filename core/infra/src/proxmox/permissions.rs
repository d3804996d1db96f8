//! Which privileges the driver needs on Proxmox VE, and where.
//!
//! There is one table, of the requests that the driver makes. The check before a run, the roles that an administrator grants
//! and the page of the guide are read from it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde::Deserialize;

use super::survey::Flag;

/// What a privilege is needed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The whole cluster: `/`.
    Cluster,
    /// The nodes that carry machines.
    Nodes,
    /// The storage of the disks.
    Disks,
    /// The storage of images and of first-boot data.
    Images,
    /// The machines: `/vms`, or the pool that they are put into.
    Machines,
    /// The template that machines are copied from.
    Template,
    /// The bridge or SDN network.
    Network,
    /// The pool that machines are put into.
    Pool,
}

/// When a request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// In every run.
    Always,
    /// Where machines are made from an image.
    FromImage,
    /// Where machines are copied from a template.
    FromTemplate,
    /// Where there is an image or a volume with first-boot data.
    WithVolumes,
}

/// How much depends on a privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Nothing works without it.
    Needed,
    /// Something works otherwise, or is not known; as a sentence.
    Helpful(&'static str),
}

/// One privilege that a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Any of these is enough; the first is the least.
    pub privileges: &'static [&'static str],
    /// On what.
    pub at: Place,
    /// All of these on the whole cluster are enough as well; empty where nothing else is.
    pub or_on_cluster: &'static [&'static str],
    /// How much depends on it.
    pub weight: Weight,
}

/// A request of the driver.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// What it is for, as people say it.
    pub purpose: &'static str,
    /// Its method.
    pub method: &'static str,
    /// Its path below `/api2/json`.
    pub path: &'static str,
    /// When it is made.
    pub when: When,
    /// What it needs.
    pub needs: &'static [Need],
}

const fn on(at: Place, privileges: &'static [&'static str]) -> Need {
    Need {
        privileges,
        at,
        or_on_cluster: &[],
        weight: Weight::Needed,
    }
}

const fn helpful(at: Place, privileges: &'static [&'static str], without: &'static str) -> Need {
    Need {
        weight: Weight::Helpful(without),
        ..on(at, privileges)
    }
}

/// A node fetches from the network only for those who may; the release before 8 asked for both of the others.
const FETCH: Need = Need {
    or_on_cluster: &["Sys.Audit", "Sys.Modify"],
    ..helpful(
        Place::Nodes,
        &["Sys.AccessNetwork"],
        "images go through this computer instead of straight to the node",
    )
};

const BLIND: &str = "machines are placed without a look at free memory";
const AGENT: &str = "an address that DHCP gave is found by a scan of the subnet";

/// All requests of the driver that need a privilege, in the order of a machine's life.
pub const REQUESTS: &[Request] = &[
    Request {
        purpose: "tell whether the cluster has a quorum",
        method: "GET",
        path: "/cluster/status",
        when: When::Always,
        needs: &[helpful(
            Place::Cluster,
            &["Sys.Audit"],
            "a lost quorum is found when the first change fails",
        )],
    },
    Request {
        purpose: "see how much memory is free",
        method: "GET",
        path: "/nodes",
        when: When::Always,
        needs: &[helpful(Place::Nodes, &["Sys.Audit"], BLIND)],
    },
    Request {
        purpose: "find machines",
        method: "GET",
        path: "/cluster/resources",
        when: When::Always,
        needs: &[on(Place::Machines, &["VM.Audit"])],
    },
    Request {
        purpose: "find machines that an earlier run began",
        method: "GET",
        path: "/nodes/{node}/qemu",
        when: When::Always,
        needs: &[on(Place::Machines, &["VM.Audit"])],
    },
    Request {
        purpose: "see storages and their free space",
        method: "GET",
        path: "/nodes/{node}/storage",
        when: When::Always,
        needs: &[on(Place::Disks, &["Datastore.Audit", "Datastore.AllocateSpace"])],
    },
    Request {
        purpose: "see bridges and networks",
        method: "GET",
        path: "/nodes/{node}/network",
        when: When::Always,
        needs: &[on(Place::Network, &["SDN.Use", "SDN.Audit"])],
    },
    Request {
        purpose: "see the pool",
        method: "GET",
        path: "/pools",
        when: When::Always,
        needs: &[helpful(
            Place::Pool,
            &["Pool.Audit"],
            "a pool that is not there is found when the first machine is made",
        )],
    },
    Request {
        purpose: "find images and first-boot data",
        method: "GET",
        path: "/nodes/{node}/storage/{storage}/content",
        when: When::WithVolumes,
        needs: &[on(Place::Images, &["Datastore.Audit", "Datastore.AllocateSpace"])],
    },
    Request {
        purpose: "ask whether a node reaches the image factory",
        method: "GET",
        path: "/nodes/{node}/query-url-metadata",
        when: When::FromImage,
        needs: &[FETCH],
    },
    Request {
        purpose: "have a node fetch the image",
        method: "POST",
        path: "/nodes/{node}/storage/{storage}/download-url",
        when: When::FromImage,
        needs: &[on(Place::Images, &["Datastore.AllocateTemplate"]), FETCH],
    },
    Request {
        purpose: "upload an image or first-boot data",
        method: "POST",
        path: "/nodes/{node}/storage/{storage}/upload",
        when: When::WithVolumes,
        needs: &[on(Place::Images, &["Datastore.AllocateTemplate"])],
    },
    Request {
        purpose: "make a machine from an image",
        method: "POST",
        path: "/nodes/{node}/qemu",
        when: When::FromImage,
        needs: &[
            on(Place::Machines, &["VM.Allocate"]),
            on(Place::Machines, &["VM.Config.CDROM"]),
            on(Place::Machines, &["VM.Config.CPU"]),
            on(Place::Machines, &["VM.Config.Disk"]),
            on(Place::Machines, &["VM.Config.HWType"]),
            on(Place::Machines, &["VM.Config.Memory"]),
            on(Place::Machines, &["VM.Config.Network"]),
            on(Place::Machines, &["VM.Config.Options"]),
            on(Place::Disks, &["Datastore.AllocateSpace"]),
            on(Place::Images, &["Datastore.Audit", "Datastore.AllocateSpace"]),
            on(Place::Network, &["SDN.Use"]),
        ],
    },
    Request {
        purpose: "copy a template",
        method: "POST",
        path: "/nodes/{node}/qemu/{vmid}/clone",
        when: When::FromTemplate,
        needs: &[
            on(Place::Template, &["VM.Clone"]),
            // A grant on the template itself takes the place of the one on all machines.
            on(Place::Template, &["VM.Audit"]),
            on(Place::Machines, &["VM.Allocate"]),
            on(Place::Disks, &["Datastore.AllocateSpace"]),
            on(Place::Network, &["SDN.Use"]),
        ],
    },
    Request {
        purpose: "give a copy its settings",
        method: "POST",
        path: "/nodes/{node}/qemu/{vmid}/config",
        when: When::FromTemplate,
        needs: &[
            on(Place::Machines, &["VM.Config.CDROM"]),
            on(Place::Machines, &["VM.Config.CPU"]),
            on(Place::Machines, &["VM.Config.Disk"]),
            on(Place::Machines, &["VM.Config.HWType"]),
            on(Place::Machines, &["VM.Config.Memory"]),
            on(Place::Machines, &["VM.Config.Network"]),
            on(Place::Machines, &["VM.Config.Options"]),
        ],
    },
    Request {
        purpose: "look at a machine",
        method: "GET",
        path: "/nodes/{node}/qemu/{vmid}/config",
        when: When::Always,
        needs: &[on(Place::Machines, &["VM.Audit"])],
    },
    Request {
        purpose: "give the system disk its size",
        method: "PUT",
        path: "/nodes/{node}/qemu/{vmid}/resize",
        when: When::Always,
        needs: &[on(Place::Machines, &["VM.Config.Disk"])],
    },
    Request {
        purpose: "switch a machine on",
        method: "POST",
        path: "/nodes/{node}/qemu/{vmid}/status/start",
        when: When::Always,
        needs: &[on(Place::Machines, &["VM.PowerMgmt"])],
    },
    Request {
        purpose: "ask a machine's agent for its address",
        method: "GET",
        path: "/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces",
        when: When::Always,
        needs: &[helpful(
            Place::Machines,
            // The last one is that of releases before 9.
            &["VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted", "VM.Monitor"],
            AGENT,
        )],
    },
    Request {
        purpose: "show what a machine prints",
        method: "POST",
        path: "/nodes/{node}/qemu/{vmid}/termproxy",
        when: When::Always,
        needs: &[helpful(
            Place::Machines,
            &["VM.Console"],
            "a machine's console is not shown",
        )],
    },
    Request {
        purpose: "take first-boot data from a machine",
        method: "PUT",
        path: "/nodes/{node}/qemu/{vmid}/config",
        when: When::WithVolumes,
        needs: &[on(Place::Machines, &["VM.Config.CDROM"])],
    },
    Request {
        purpose: "switch a machine off",
        method: "POST",
        path: "/nodes/{node}/qemu/{vmid}/status/stop",
        when: When::Always,
        needs: &[on(Place::Machines, &["VM.PowerMgmt"])],
    },
    Request {
        purpose: "delete a machine",
        method: "DELETE",
        path: "/nodes/{node}/qemu/{vmid}",
        when: When::Always,
        needs: &[on(Place::Machines, &["VM.Allocate"])],
    },
    Request {
        purpose: "delete images and first-boot data",
        method: "DELETE",
        path: "/nodes/{node}/storage/{storage}/content/{volume}",
        when: When::WithVolumes,
        needs: &[on(Place::Images, &["Datastore.Allocate"])],
    },
];

/// What decides which requests a run makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Machines are copied from a template.
    pub template: bool,
    /// Machines get a volume with first-boot data.
    pub first_boot: bool,
}

impl Request {
    /// Whether such a run makes this request.
    pub fn applies(&self, kind: Kind) -> bool {
        match self.when {
            When::Always => true,
            When::FromImage => !kind.template,
            When::FromTemplate => kind.template,
            When::WithVolumes => !kind.template || kind.first_boot,
        }
    }
}

/// The paths of a cluster's access control that each place stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paths {
    /// `/nodes/NAME` of every node that carries machines.
    pub nodes: Vec<String>,
    /// `/storage/NAME` of the disks.
    pub disks: Vec<String>,
    /// `/storage/NAME` of images and first-boot data; none while it is not known.
    pub images: Vec<String>,
    /// `/vms/ID` of the template.
    pub template: Vec<String>,
    /// `/sdn/zones/ZONE/NAME` of the network.
    pub network: Vec<String>,
    /// `/pool/NAME` of the machines' pool.
    pub pool: Vec<String>,
}

impl Paths {
    /// Every path of a place; a privilege is needed on each of them.
    fn of(&self, place: Place) -> Vec<&str> {
        let list = match place {
            Place::Cluster => return vec!["/"],
            // What is granted on the pool holds for the machines in it.
            Place::Machines => return vec![self.pool.first().map_or("/vms", String::as_str)],
            Place::Nodes => &self.nodes,
            Place::Disks => &self.disks,
            Place::Images => &self.images,
            Place::Template => &self.template,
            Place::Network => &self.network,
            Place::Pool => &self.pool,
        };
        list.iter().map(String::as_str).collect()
    }
}

/// What `GET /access/permissions` answers: for each path the privileges on it, and whether each holds below it too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Held(BTreeMap<String, BTreeMap<String, Flag>>);

impl Held {
    /// Whether a privilege is held on a path. A path that is not listed has what the nearest one above passes on.
    pub fn has(&self, path: &str, privilege: &str) -> bool {
        if let Some(privileges) = self.0.get(path) {
            return privileges.contains_key(privilege);
        }
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once('/').filter(|_| above != "/") {
            above = if parent.is_empty() { "/" } else { parent };
            if let Some(privileges) = self.0.get(above)
                && privileges.values().any(|passes| passes.is_set())
            {
                return privileges.get(privilege).is_some_and(|passes| passes.is_set());
            }
        }
        false
    }

    /// Whether nothing is held anywhere: a token that was granted nothing.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(BTreeMap::is_empty)
    }

    fn satisfies(&self, need: &Need, path: &str) -> bool {
        let here = need.privileges.iter().any(|privilege| self.has(path, privilege));
        let elsewhere =
            !need.or_on_cluster.is_empty() && need.or_on_cluster.iter().all(|privilege| self.has("/", privilege));
        here || elsewhere
    }
}

/// A privilege that is not held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The privilege to grant.
    pub privilege: &'static str,
    /// Where it is to be granted.
    pub path: String,
    /// How much depends on it.
    pub weight: Weight,
    /// What needs it.
    pub purposes: Vec<&'static str>,
}

/// All privileges that a run would lack, in the order of the table.
pub fn missing(held: &Held, paths: &Paths, kind: Kind) -> Vec<Missing> {
    let mut found: Vec<Missing> = Vec::new();
    for request in REQUESTS.iter().filter(|request| request.applies(kind)) {
        for need in request.needs {
            for path in paths.of(need.at) {
                if !held.satisfies(need, path) {
                    add(&mut found, request, need, path);
                }
            }
        }
    }
    found
}

fn add(found: &mut Vec<Missing>, request: &Request, need: &Need, path: &str) {
    let privilege = need.privileges[0];
    let known = found
        .iter_mut()
        .find(|one| one.privilege == privilege && one.path == path);
    match known {
        Some(known) => {
            if need.weight == Weight::Needed {
                known.weight = Weight::Needed;
            }
            if !known.purposes.contains(&request.purpose) {
                known.purposes.push(request.purpose);
            }
        }
        None => found.push(Missing {
            privilege,
            path: path.to_owned(),
            weight: need.weight,
            purposes: vec![request.purpose],
        }),
    }
}

/// The privileges of the role for a place, for a run of any kind.
pub fn role(place: Place) -> BTreeSet<&'static str> {
    let needs = REQUESTS.iter().flat_map(|request| request.needs);
    needs
        .filter(|need| need.at == place)
        .map(|need| need.privileges[0])
        .collect()
}

/// The roles to grant: their name, the place, and where that is on a cluster like the one of the samples.
const ROLES: [(&str, Place, &str); 8] = [
    ("ButlerCluster", Place::Cluster, "/"),
    ("ButlerNode", Place::Nodes, "/nodes"),
    ("ButlerMachine", Place::Machines, "/vms"),
    ("ButlerTemplate", Place::Template, "/vms/TEMPLATE"),
    ("ButlerDisk", Place::Disks, "/storage/DISKS"),
    ("ButlerImage", Place::Images, "/storage/IMAGES"),
    ("ButlerNetwork", Place::Network, "/sdn/zones/localnetwork/BRIDGE"),
    ("ButlerPool", Place::Pool, "/pool/POOL"),
];

const HEAD: &str = "\
# Privileges on Proxmox VE

Written from the table of requests that `butleradm` itself checks with (`core/infra/src/proxmox/permissions.rs`); a test keeps it
fresh. `butleradm provider validate` names every privilege that is missing, with the path to grant it on, and so do
`butleradm bootstrap --dry-run` and the first step of a bootstrap. Deletions are in it: what could be made and not taken away again
is refused before anything is made.

## Roles to grant

On a node, as root. DISKS and IMAGES are the storages of the configuration (`storage`, `imageStorage`), BRIDGE is its bridge.

";

const BETWEEN: &str = "
- A token is made with `--privsep 0`, so that it may do what its user may; with privilege separation it needs the same grants
  itself (`--tokens` instead of `--users`).
- Where machines are put into a pool (`pool`), grant ButlerMachine on `/pool/POOL` instead of on `/vms`: then these credentials see
  and change the machines of that pool only. ButlerPool is needed only there.
- ButlerTemplate is needed only where machines are copied from a template (`templateID`).
- A network of SDN is `/sdn/zones/ZONE/NETWORK`; with a VLAN its number follows, `/sdn/zones/localnetwork/BRIDGE/VLAN`, unless the
  bridge itself is granted.
- On releases before 9 the privilege to ask a machine's agent is called VM.Monitor.

## What each request needs

Paths are below `/api2/json`. Of several privileges any one is enough; the role has the first.

| request | what for | privilege | on |
|---|---|---|---|
";

/// The page of the guide: the commands that grant everything, and the table itself.
pub fn page() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("```sh\n");
    for (name, place, _) in ROLES {
        let privileges: Vec<&str> = role(place).into_iter().collect();
        let _ = writeln!(text, "pveum role add {name} --privs \"{}\"", privileges.join(" "));
    }
    text.push_str("pveum user add butler@pve\n");
    for (name, _, path) in ROLES {
        let _ = writeln!(text, "pveum acl modify {path} --users butler@pve --roles {name}");
    }
    text.push_str("pveum user token add butler@pve toolkit --privsep 0\n```\n");
    text.push_str(BETWEEN);
    for request in REQUESTS {
        for need in request.needs {
            row(&mut text, request, need);
        }
    }
    text
}

fn row(text: &mut String, request: &Request, need: &Need) {
    let without = match need.weight {
        Weight::Needed => String::new(),
        Weight::Helpful(without) => format!("; without it {without}"),
    };
    let elsewhere = match need.or_on_cluster {
        [] => String::new(),
        all => format!(", or {} on `/`", all.join(" and ")),
    };
    let path = ROLES
        .iter()
        .find(|(_, place, _)| *place == need.at)
        .map_or("/", |(_, _, path)| path);
    let _ = writeln!(
        text,
        "| `{} {}` | {} | {}{elsewhere}{without} | `{path}` |",
        request.method,
        request.path,
        request.purpose,
        need.privileges.join(" or "),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(entries: &[(&str, &[(&str, u8)])]) -> Held {
        let text: BTreeMap<&str, BTreeMap<&str, u8>> = entries
            .iter()
            .map(|(path, privileges)| (*path, privileges.iter().copied().collect()))
            .collect();
        serde_json::from_str(&serde_json::to_string(&text).unwrap()).unwrap()
    }

    fn paths() -> Paths {
        Paths {
            nodes: vec!["/nodes/pve1".into()],
            disks: vec!["/storage/local-lvm".into()],
            images: vec!["/storage/local".into()],
            template: vec![],
            network: vec!["/sdn/zones/localnetwork/vmbr0".into()],
            pool: vec![],
        }
    }

    const IMAGE: Kind = Kind {
        template: false,
        first_boot: false,
    };

    /// Everything that the roles of the page grant, where they grant it.
    fn granted() -> Vec<(&'static str, Vec<(&'static str, u8)>)> {
        let place = |path, place: Place| (path, role(place).into_iter().map(|name| (name, 1)).collect());
        vec![
            place("/", Place::Cluster),
            place("/nodes", Place::Nodes),
            place("/vms", Place::Machines),
            place("/storage/local-lvm", Place::Disks),
            place("/storage/local", Place::Images),
            place("/sdn/zones/localnetwork/vmbr0", Place::Network),
        ]
    }

    fn with(entries: &[(&'static str, Vec<(&'static str, u8)>)]) -> Held {
        let entries: Vec<(&str, &[(&str, u8)])> = entries.iter().map(|(path, list)| (*path, list.as_slice())).collect();
        held(&entries)
    }

    #[test]
    fn what_the_page_grants_is_enough_and_without_any_of_it_that_one_is_named() {
        assert_eq!(missing(&with(&granted()), &paths(), IMAGE), []);
        for (at, (path, privileges)) in granted().into_iter().enumerate() {
            for (taken, (privilege, _)) in privileges.iter().enumerate() {
                let mut fewer = granted();
                fewer[at].1.remove(taken);
                let lacks = missing(&with(&fewer), &paths(), IMAGE);
                // What is read with one privilege may be read with a greater one too.
                let read_anyway = matches!(*privilege, "Datastore.Audit") && path == "/storage/local-lvm";
                let names: Vec<(&str, bool)> = lacks
                    .iter()
                    .map(|one| (one.privilege, one.path.starts_with(path)))
                    .collect();
                let expected = if read_anyway { vec![] } else { vec![(*privilege, true)] };
                assert_eq!(names, expected, "without {privilege} on {path}");
            }
        }
    }

    /// Regenerate with `UPDATE=1 cargo test -p butler-infra --lib permissions`.
    #[test]
    fn the_page_of_the_guide_is_that_of_the_table() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/proxmox-permissions.md");
        let page = page();
        if std::env::vars().any(|(name, value)| name == "UPDATE" && value == "1") {
            std::fs::write(&path, &page).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap();
        let stale = "docs/proxmox-permissions.md is stale; run: UPDATE=1 cargo test -p butler-infra --lib permissions";
        assert!(kept == page, "{stale}");
    }

    #[test]
    fn a_path_that_is_not_listed_has_what_the_nearest_above_passes_on() {
        let held = held(&[
            ("/", &[("Sys.Audit", 1), ("VM.Audit", 0)]),
            ("/storage", &[("Datastore.Audit", 1)]),
            ("/storage/own", &[]),
            ("/nodes", &[("Sys.Modify", 0)]),
        ]);
        assert!(held.has("/", "VM.Audit"));
        assert!(!held.has("/vms", "VM.Audit"), "it holds on the path itself only");
        assert!(held.has("/storage/any", "Datastore.Audit"));
        assert!(!held.has("/storage/any", "Sys.Audit"), "a nearer grant replaces it");
        assert!(!held.has("/storage/own", "Datastore.Audit"));
        assert!(
            held.has("/nodes/pve1", "Sys.Audit"),
            "what is not passed on replaces nothing below"
        );
    }

    #[test]
    fn a_pool_stands_for_the_machines_in_it() {
        let pool = Paths {
            pool: vec!["/pool/lab".into()],
            ..paths()
        };
        let mut entries = granted();
        entries[2].0 = "/pool/lab";
        entries[2].1.push(("Pool.Audit", 1));
        assert_eq!(missing(&with(&entries), &pool, IMAGE), []);
        let lacks = missing(&with(&entries), &paths(), IMAGE);
        assert!(lacks.iter().all(|one| one.path == "/vms") && !lacks.is_empty());
    }

    #[test]
    fn a_fetch_by_the_node_is_allowed_in_two_ways() {
        let mut entries = granted();
        entries[1].1.retain(|(name, _)| *name != "Sys.AccessNetwork");
        let lacks = missing(&with(&entries), &paths(), IMAGE);
        assert!(matches!(
            lacks.as_slice(),
            [Missing {
                privilege: "Sys.AccessNetwork",
                weight: Weight::Helpful(_),
                ..
            }]
        ));
        entries[0].1.push(("Sys.Modify", 1));
        assert_eq!(missing(&with(&entries), &paths(), IMAGE), []);
    }

    #[test]
    fn a_template_needs_no_image() {
        let kind = Kind {
            template: true,
            first_boot: false,
        };
        let mut entries = granted();
        entries.remove(4);
        entries.push((
            "/vms/900",
            role(Place::Template).into_iter().map(|name| (name, 1)).collect(),
        ));
        let template = Paths {
            template: vec!["/vms/900".into()],
            ..paths()
        };
        assert_eq!(missing(&with(&entries), &template, kind), []);
        let first_boot = Kind {
            first_boot: true,
            ..kind
        };
        let lacks = missing(&with(&entries), &template, first_boot);
        assert!(
            lacks.iter().any(|one| one.privilege == "Datastore.Allocate"),
            "first-boot data has to go again"
        );
    }
}
