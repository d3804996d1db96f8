//! Storages: which one takes files of ours, on which nodes, and what files it has.

use butler_api::config;
use serde::Deserialize;

use super::{
    client::{Call, Client},
    survey::{Node, Storage},
    volume::Content,
    wire::Number,
};
use crate::{ErrorKind, InfraError};

/// A file on a storage.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct File {
    pub(super) volid: String,
    pub(super) size: Option<Number>,
    pub(super) ctime: Option<Number>,
}

/// Where files of one kind are put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Store {
    pub(super) storage: String,
    pub(super) content: Content,
    /// The nodes that each have to be given the file: one of them where they share the storage.
    pub(super) nodes: Vec<String>,
    pub(super) shared: bool,
}

/// Whether files can be put on a storage. What is on the disks of another hypervisor is read, never written.
fn is_usable(storage: &Storage) -> bool {
    storage.is_enabled() && storage.is_active() && storage.r#type != "esxi"
}

/// The nodes that may carry machines: the configured ones, or all of the cluster where none are.
pub(super) struct Nodes {
    pub(super) online: Vec<String>,
    /// Those that do not answer, or that the cluster does not know.
    pub(super) silent: Vec<String>,
}

/// Looks at the nodes.
pub(super) async fn nodes(
    client: &Client,
    settings: &config::Proxmox,
    op: &'static str,
    resource: &str,
) -> Result<Nodes, InfraError> {
    let rows: Vec<Node> = client.get(&Call::new(op, resource, &["nodes"])).await?;
    let wanted = |node: &Node| settings.nodes.is_empty() || settings.nodes.contains(&node.node);
    let (online, offline): (Vec<Node>, Vec<Node>) = rows.into_iter().filter(wanted).partition(Node::is_online);
    let names = |rows: Vec<Node>| {
        let mut names: Vec<String> = rows.into_iter().map(|row| row.node).collect();
        names.sort();
        names
    };
    let (online, mut silent) = (names(online), names(offline));
    let known = |name: &&String| online.contains(name) || silent.contains(name);
    let unknown: Vec<String> = settings.nodes.iter().filter(|name| !known(name)).cloned().collect();
    silent.extend(unknown);
    Ok(Nodes { online, silent })
}

/// The nodes that may carry machines and run.
pub(super) async fn online_nodes(
    client: &Client,
    settings: &config::Proxmox,
    op: &'static str,
    resource: &str,
) -> Result<Vec<String>, InfraError> {
    let call = Call::new(op, resource, &["nodes"]);
    let nodes = nodes(client, settings, op, resource).await?.online;
    if nodes.is_empty() {
        let message = format!("none of the nodes {} is online", settings.nodes.join(", "));
        return Err(call
            .error(ErrorKind::Unreachable, message)
            .hint("check providerConfig.proxmox.nodes, and that the nodes run"));
    }
    Ok(nodes)
}

/// The storage for files of this kind, `wanted` in the order of preference, on these nodes.
pub(super) async fn store(
    client: &Client,
    settings: &config::Proxmox,
    nodes: &[String],
    wanted: &[Content],
    op: &'static str,
    resource: &str,
) -> Result<Store, InfraError> {
    let mut seen = Vec::new();
    for node in nodes {
        let call = Call::new(op, resource, &["nodes", node, "storage"]);
        let rows: Vec<Storage> = client.get(&call).await?;
        seen.push((node.clone(), rows));
    }
    choose(&seen, settings.image_storage.as_deref(), wanted).map_err(|refusal| {
        Call::new(op, resource, &[])
            .error(ErrorKind::Invalid { fields: vec![] }, refusal.message)
            .hint(refusal.hint)
    })
}

struct Refusal {
    message: String,
    hint: String,
}

/// One storage that all nodes can use: what is on it goes by one name everywhere. Shared ones come first.
fn choose(seen: &[(String, Vec<Storage>)], named: Option<&str>, wanted: &[Content]) -> Result<Store, Refusal> {
    let of = |node: &[Storage], name: &str, content: Content| {
        node.iter()
            .any(|row| row.storage == name && is_usable(row) && row.holds(content.as_str()))
    };
    let Some((_, first)) = seen.first() else {
        return Err(refusal(seen, named, wanted));
    };
    for content in wanted {
        let mut candidates: Vec<&Storage> = first
            .iter()
            .filter(|row| named.is_none_or(|name| name == row.storage))
            .filter(|row| seen.iter().all(|(_, rows)| of(rows, &row.storage, *content)))
            .collect();
        candidates.sort_by_key(|row| (!row.shared.is_set(), row.storage.clone()));
        if let Some(row) = candidates.first() {
            let nodes = seen.iter().map(|(node, _)| node.clone());
            return Ok(Store {
                storage: row.storage.clone(),
                content: *content,
                nodes: nodes.take(if row.shared.is_set() { 1 } else { usize::MAX }).collect(),
                shared: row.shared.is_set(),
            });
        }
    }
    Err(refusal(seen, named, wanted))
}

fn refusal(seen: &[(String, Vec<Storage>)], named: Option<&str>, wanted: &[Content]) -> Refusal {
    let kinds: Vec<&str> = wanted.iter().map(|content| content.as_str()).collect();
    let kinds = kinds.join(" or ");
    let nodes: Vec<&str> = seen.iter().map(|(node, _)| node.as_str()).collect();
    let nodes = nodes.join(", ");
    let Some(name) = named else {
        return Refusal {
            message: format!("no storage takes content of the kind {kinds} on all of the nodes {nodes}"),
            hint: format!(
                "allow the content {} on a file storage below Datacenter > Storage",
                wanted[0].as_str()
            ),
        };
    };
    let without = seen.iter().find_map(|(node, rows)| {
        let row = rows.iter().find(|row| row.storage == name);
        let why = match row {
            None => format!("node {node} has no storage {name}"),
            Some(row) if !is_usable(row) => format!("storage {name} is not active on node {node}"),
            Some(row) if !wanted.iter().any(|content| row.holds(content.as_str())) => {
                format!("storage {name} takes {} on node {node}, not {kinds}", row.content)
            }
            Some(_) => return None,
        };
        Some(why)
    });
    Refusal {
        message: without.unwrap_or_else(|| format!("storage {name} does not take {kinds} on all of the nodes {nodes}")),
        hint: format!(
            "allow the content {} on it below Datacenter > Storage, or name another providerConfig.proxmox.imageStorage",
            wanted[0].as_str()
        ),
    }
}

/// The files of one kind on a storage, as a node sees it.
pub(super) async fn files(
    client: &Client,
    node: &str,
    storage: &str,
    content: Content,
    op: &'static str,
    resource: &str,
) -> Result<Vec<File>, InfraError> {
    let call =
        Call::new(op, resource, &["nodes", node, "storage", storage, "content"]).with("content", content.as_str());
    client.get(&call).await
}

/// All files of ours that the nodes see, on every storage that takes such: each with the node that has to be asked for it
/// where the storage is not shared. A storage that does not answer is told with the reason.
pub(super) struct Seen {
    pub(super) files: Vec<(File, Option<String>)>,
    pub(super) silent: Vec<(String, InfraError)>,
}

/// Lists the files of all storages that take images or discs.
pub(super) async fn all_files(client: &Client, nodes: &[String], op: &'static str) -> Result<Seen, InfraError> {
    let mut seen = Seen {
        files: vec![],
        silent: vec![],
    };
    let mut shared_done = std::collections::BTreeSet::new();
    for node in nodes {
        let call = Call::new(op, node, &["nodes", node, "storage"]);
        let rows: Vec<Storage> = client.get(&call).await?;
        for row in rows.iter().filter(|row| is_usable(row)) {
            for content in [Content::Import, Content::Iso] {
                let known = row.shared.is_set() && !shared_done.insert((row.storage.clone(), content.as_str()));
                if !row.holds(content.as_str()) || known {
                    continue;
                }
                let owner = (!row.shared.is_set()).then(|| node.clone());
                match files(client, node, &row.storage, content, op, &row.storage).await {
                    Ok(found) => seen.files.extend(found.into_iter().map(|file| (file, owner.clone()))),
                    Err(error) => seen.silent.push((format!("{}@{node}", row.storage), error)),
                }
            }
        }
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Storage> {
        serde_json::from_str(text).unwrap()
    }

    const LOCAL: &str =
        r#"{"storage":"local","type":"dir","content":"iso,import,vztmpl","enabled":1,"active":"1","shared":0}"#;
    const OLD: &str = r#"{"storage":"local","type":"dir","content":"iso,vztmpl","enabled":1,"active":1,"shared":0}"#;
    const NFS: &str = r#"{"storage":"nfs","type":"nfs","content":"images,import","enabled":1,"active":1,"shared":1}"#;
    const OFF: &str = r#"{"storage":"nfs","type":"nfs","content":"import","enabled":1,"active":0,"shared":1}"#;
    const ESXI: &str = r#"{"storage":"esx","type":"esxi","content":"import","enabled":1,"active":1,"shared":1}"#;
    const BOTH: [Content; 2] = [Content::Import, Content::Iso];

    fn seen(nodes: &[&[&str]]) -> Vec<(String, Vec<Storage>)> {
        let node =
            |(at, storages): (usize, &&[&str])| (format!("pve{}", at + 1), rows(&format!("[{}]", storages.join(","))));
        nodes.iter().enumerate().map(node).collect()
    }

    fn chosen(nodes: &[&[&str]], named: Option<&str>, wanted: &[Content]) -> Result<(String, Content, usize), String> {
        choose(&seen(nodes), named, wanted)
            .map(|store| (store.storage, store.content, store.nodes.len()))
            .map_err(|refusal| refusal.message)
    }

    #[test]
    fn a_shared_storage_gets_one_file_and_others_one_per_node() {
        let shared = chosen(&[&[LOCAL, NFS], &[LOCAL, NFS]], None, &BOTH);
        assert_eq!(shared, Ok(("nfs".into(), Content::Import, 1)));
        let named = chosen(&[&[LOCAL, NFS], &[LOCAL, NFS]], Some("local"), &BOTH);
        assert_eq!(named, Ok(("local".into(), Content::Import, 2)));
    }

    #[test]
    fn a_storage_has_to_be_usable_on_every_node() {
        let off = chosen(&[&[LOCAL, NFS], &[LOCAL, OFF]], None, &BOTH);
        assert_eq!(off, Ok(("local".into(), Content::Import, 2)));
        let old = chosen(&[&[LOCAL], &[OLD]], None, &BOTH);
        assert_eq!(old, Ok(("local".into(), Content::Iso, 2)));
        assert!(chosen(&[&[ESXI]], None, &BOTH).is_err());
    }

    #[test]
    fn a_refusal_says_which_node_lacks_what() {
        let inactive = chosen(&[&[NFS], &[OFF]], Some("nfs"), &[Content::Import]);
        assert_eq!(inactive, Err("storage nfs is not active on node pve2".into()));
        let absent = chosen(&[&[NFS], &[LOCAL]], Some("nfs"), &[Content::Import]);
        assert_eq!(absent, Err("node pve2 has no storage nfs".into()));
        let kind = chosen(&[&[OLD]], Some("local"), &[Content::Import]);
        assert_eq!(
            kind,
            Err("storage local takes iso,vztmpl on node pve1, not import".into())
        );
        let none = chosen(&[&[OLD], &[]], None, &BOTH);
        assert_eq!(
            none,
            Err("no storage takes content of the kind import or iso on all of the nodes pve1, pve2".into())
        );
    }
}
