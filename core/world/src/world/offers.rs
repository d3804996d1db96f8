//! What the platform offers to a configuration: nodes, storages, networks and images, in pages.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What there is, and how much of it comes at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Offers {
    /// Computers that carry machines, by name.
    pub nodes: BTreeMap<String, Node>,
    /// Where disks are kept, by name.
    pub storages: BTreeMap<String, Storage>,
    /// What machines are connected to, by name.
    pub networks: BTreeMap<String, Network>,
    /// What machines can be made from, by name.
    pub images: BTreeMap<String, Image>,
    /// How many more there are of a kind, with numbers for names: `networks: 5000`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<Kind, usize>,
    /// How many come with one answer.
    pub per_page: usize,
}

/// The kinds of what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Computers that carry machines.
    Nodes,
    /// Where disks are kept.
    Storages,
    /// What machines are connected to.
    Networks,
    /// What machines can be made from.
    Images,
}

impl Kind {
    /// The kind that a path names.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Nodes, Self::Storages, Self::Networks, Self::Images]
            .into_iter()
            .find(|kind| kind.to_string() == word)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nodes => "nodes",
            Self::Storages => "storages",
            Self::Networks => "networks",
            Self::Images => "images",
        })
    }
}

/// A computer that carries machines. Its size is told, and not enforced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Node {
    /// How many processors it has.
    pub cpus: u64,
    /// Its memory in GiB.
    #[serde(rename = "memoryGB")]
    pub memory_gb: u64,
    /// What somebody else uses of that, in GiB.
    #[serde(rename = "usedMemoryGB")]
    pub used_memory_gb: u64,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusable: Option<String>,
}

/// Where disks are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Storage {
    /// Its size in GiB.
    #[serde(rename = "sizeGB")]
    pub size_gb: u64,
    /// What somebody else uses of that, in GiB.
    #[serde(rename = "usedGB")]
    pub used_gb: u64,
    /// The node that has it; all where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusable: Option<String>,
}

/// What machines are connected to. Only in the world's own network anybody answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Network {
    /// Its addresses; those of the world where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr: Option<String>,
    /// The node that has it; all where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusable: Option<String>,
}

/// What machines can be made from. They run the world's release of Talos, whatever it says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Image {
    /// The release that it holds; that of the world where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusable: Option<String>,
}

impl Default for Offers {
    fn default() -> Self {
        Self {
            nodes: (1..=3)
                .map(|number| (format!("sim-{number}"), Node::default()))
                .collect(),
            storages: [("simulated".to_owned(), Storage::default())].into(),
            networks: [("loopback".to_owned(), Network::default())].into(),
            images: [("talos".to_owned(), Image::default())].into(),
            more: BTreeMap::new(),
            per_page: 100,
        }
    }
}

impl Default for Node {
    fn default() -> Self {
        Self {
            cpus: 256,
            memory_gb: 4096,
            used_memory_gb: 0,
            unusable: None,
        }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            size_gb: 102_400,
            used_gb: 0,
            node: None,
            unusable: None,
        }
    }
}

/// One thing that a configuration could name, as an answer tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Offered {
    /// What a configuration would say.
    pub id: String,
    /// The node that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<u64>,
    /// Memory in MiB.
    #[serde(rename = "memoryMB", skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u64>,
    /// What is free of that.
    #[serde(rename = "freeMemoryMB", skip_serializing_if = "Option::is_none")]
    pub free_memory_mb: Option<u64>,
    /// Size in GiB.
    #[serde(rename = "sizeGB", skip_serializing_if = "Option::is_none")]
    pub size_gb: Option<u64>,
    /// What is free of that.
    #[serde(rename = "freeGB", skip_serializing_if = "Option::is_none")]
    pub free_gb: Option<u64>,
    /// Addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr: Option<String>,
    /// Release of Talos.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusable: Option<String>,
}

/// Some of what there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// In the order of their ids.
    pub items: Vec<Offered>,
    /// More follow after this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What fills the platform, and what it says where an offer says nothing of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Memory of each machine, in MiB.
    pub memory_mb: Vec<u64>,
    /// Disks of all machines together, in GiB.
    pub disks_gb: u64,
    /// Addresses of the world.
    pub cidr: String,
    /// The release that its nodes run.
    pub version: String,
}

impl Offers {
    /// What is wrong with them, in words for people.
    pub fn problem(&self) -> Option<String> {
        (self.per_page == 0).then(|| "offers.perPage: an answer without anything would never end".to_owned())
    }

    /// The page of a kind that follows an id.
    pub fn page(&self, kind: Kind, parent: Option<&str>, after: Option<&str>, facts: &Facts) -> Page {
        let mut all = self.all(kind, facts);
        all.retain(|one| parent.is_none() || one.parent.as_deref() == parent);
        all.retain(|one| after.is_none_or(|after| one.id.as_str() > after));
        all.sort_by(|one, other| one.id.cmp(&other.id));
        let has_more = all.len() > self.per_page;
        all.truncate(self.per_page);
        let after = all.last().filter(|_| has_more).map(|last| last.id.clone());
        Page { items: all, after }
    }

    fn all(&self, kind: Kind, facts: &Facts) -> Vec<Offered> {
        let more = self.more.get(&kind).copied().unwrap_or(0);
        let numbered = (1..=more).map(|number| format!("{}-{number:05}", kind.to_string().trim_end_matches('s')));
        match kind {
            Kind::Nodes => {
                let default = Node::default();
                let more: Vec<String> = numbered.collect();
                let all: Vec<(&String, &Node)> = self
                    .nodes
                    .iter()
                    .chain(more.iter().map(|name| (name, &default)))
                    .collect();
                let loads = loads(&all, &facts.memory_mb);
                let nodes = all.into_iter().zip(loads);
                nodes.map(|((name, node), load)| node.offered(name, load)).collect()
            }
            Kind::Storages => {
                let named = self.storages.iter().enumerate();
                // What machines have is on the first one.
                let load = |place: usize| if place == 0 { facts.disks_gb } else { 0 };
                let named = named.map(|(place, (name, storage))| storage.offered(name, load(place)));
                named
                    .chain(numbered.map(|name| Storage::default().offered(&name, 0)))
                    .collect()
            }
            Kind::Networks => {
                let named = self.networks.iter().map(|(name, network)| network.offered(name, facts));
                named
                    .chain(numbered.map(|name| Network::default().offered(&name, facts)))
                    .collect()
            }
            Kind::Images => {
                let named = self.images.iter().map(|(name, image)| image.offered(name, facts));
                named
                    .chain(numbered.map(|name| Image::default().offered(&name, facts)))
                    .collect()
            }
        }
    }
}

/// What machines take of each node, in MiB: dealt out in turn to those that can be used.
fn loads(nodes: &[(&String, &Node)], machines: &[u64]) -> Vec<u64> {
    let mut loads = vec![0; nodes.len()];
    let usable: Vec<usize> = (0..nodes.len())
        .filter(|place| nodes[*place].1.unusable.is_none())
        .collect();
    for (memory, place) in machines.iter().zip(usable.iter().cycle()) {
        loads[*place] += memory;
    }
    loads
}

impl Node {
    fn offered(&self, name: &str, load_mb: u64) -> Offered {
        let memory_mb = self.memory_gb.saturating_mul(1024);
        let used_mb = self.used_memory_gb.saturating_mul(1024).saturating_add(load_mb);
        Offered {
            id: name.to_owned(),
            cpus: Some(self.cpus),
            memory_mb: Some(memory_mb),
            free_memory_mb: Some(memory_mb.saturating_sub(used_mb)),
            unusable: self.unusable.clone(),
            ..Offered::default()
        }
    }
}

impl Storage {
    fn offered(&self, name: &str, load_gb: u64) -> Offered {
        let used = self.used_gb.saturating_add(load_gb);
        Offered {
            id: name.to_owned(),
            parent: self.node.clone(),
            size_gb: Some(self.size_gb),
            free_gb: Some(self.size_gb.saturating_sub(used)),
            unusable: self.unusable.clone(),
            ..Offered::default()
        }
    }
}

impl Network {
    fn offered(&self, name: &str, facts: &Facts) -> Offered {
        Offered {
            id: name.to_owned(),
            parent: self.node.clone(),
            cidr: Some(self.cidr.clone().unwrap_or_else(|| facts.cidr.clone())),
            unusable: self.unusable.clone(),
            ..Offered::default()
        }
    }
}

impl Image {
    fn offered(&self, name: &str, facts: &Facts) -> Offered {
        Offered {
            id: name.to_owned(),
            version: Some(self.version.clone().unwrap_or_else(|| facts.version.clone())),
            unusable: self.unusable.clone(),
            ..Offered::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(page: &Page) -> Vec<&str> {
        page.items.iter().map(|one| one.id.as_str()).collect()
    }

    #[test]
    fn pages_follow_each_other_and_end() {
        let offers = Offers {
            more: [(Kind::Networks, 5)].into(),
            per_page: 2,
            ..Offers::default()
        };
        let facts = Facts::default();
        let mut after = None;
        let mut seen = Vec::new();
        loop {
            let page = offers.page(Kind::Networks, None, after.as_deref(), &facts);
            seen.extend(ids(&page).into_iter().map(str::to_owned));
            after = page.after;
            if after.is_none() {
                break;
            }
        }
        let expected = [
            "loopback",
            "network-00001",
            "network-00002",
            "network-00003",
            "network-00004",
            "network-00005",
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_machines_take_is_not_free() {
        let text =
            "nodes: {a: {memoryGB: 10}, b: {memoryGB: 10, unusable: it is off}, c: {memoryGB: 10, usedMemoryGB: 9}}";
        let offers: Offers = serde_saphyr::from_str(text).unwrap();
        let facts = Facts {
            memory_mb: vec![1024, 2048, 4096],
            ..Facts::default()
        };
        let page = offers.page(Kind::Nodes, None, None, &facts);
        let free: Vec<_> = page.items.iter().map(|one| one.free_memory_mb.unwrap()).collect();
        assert_eq!(free, [5 * 1024, 10 * 1024, 0]);
    }

    #[test]
    fn a_parent_chooses() {
        let text = "storages: {one: {node: sim-1}, two: {node: sim-2}, all: {}}";
        let offers: Offers = serde_saphyr::from_str(text).unwrap();
        let page = offers.page(Kind::Storages, Some("sim-2"), None, &Facts::default());
        assert_eq!(ids(&page), ["two"]);
    }

    #[test]
    fn a_page_holds_something() {
        assert!(
            Offers {
                per_page: 0,
                ..Offers::default()
            }
            .problem()
            .is_some()
        );
        assert_eq!(Offers::default().problem(), None);
    }
}
