//! What a configuration can name on Proxmox VE: nodes, storages, networks, pools, images, templates and free VMIDs.
//!
//! Each list comes as the nodes answer, a few of them asked at once. A node that is off or does not answer takes nothing from
//! the others: what went wrong comes last.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use butler_api::config::Proxmox as Settings;
use futures::{
    Stream, StreamExt as _,
    stream::{self, BoxStream},
};

use super::{
    client::Client,
    survey::{self, Guest, Interface, Node, Pool, Storage, Vnet, Volume},
};
use crate::{Choice, ChoiceKind, InfraError, Query, units::bytes};

type Answer<T> = Result<T, InfraError>;

/// As many nodes are asked at once.
const AT_ONCE: usize = 4;
/// As many free VMIDs are told.
const MOST_IDS: usize = 20;
/// The VMIDs that Proxmox VE knows.
const VMIDS: (u32, u32) = (100, 999_999_999);

/// Everything of one kind.
pub(super) fn discover<'a>(client: &'a Client, settings: &'a Settings, query: Query) -> BoxStream<'a, Answer<Choice>> {
    let Query { kind, parent } = query;
    match kind {
        ChoiceKind::Node => whole(async { Ok(survey::nodes(client).await?.iter().map(node).collect()) }),
        ChoiceKind::Pool => whole(async { Ok(survey::pools(client).await?.iter().map(pool).collect()) }),
        ChoiceKind::Template => whole(async { Ok(templates(&survey::guests(client).await?)) }),
        ChoiceKind::MachineId => whole(async {
            Ok(free_ids(&survey::guests(client).await?, settings)
                .map(machine_id)
                .collect())
        }),
        ChoiceKind::Storage => {
            let ask = move |name: String| async move {
                let list = survey::storages(client, &name).await?;
                Ok(list.iter().map(|one| storage(&name, one)).collect())
            };
            of_nodes(client, parent, ask)
        }
        ChoiceKind::Network => {
            let wanted = parent.clone();
            let ask = move |name: String| async move {
                let list = survey::networks(client, &name).await?;
                let bridges = list.iter().filter(|one| one.takes_machines() && one.r#type != "vnet");
                Ok(bridges.map(|one| network(&name, one)).collect())
            };
            let vnets = whole(async move {
                let list = survey::vnets(client).await?;
                let wanted = wanted.as_deref();
                let of_zone = |one: &&Vnet| wanted.is_none_or(|zone| one.zone.as_deref() == Some(zone));
                Ok(list.iter().filter(of_zone).map(vnet).collect())
            });
            of_nodes(client, parent, ask).chain(vnets).boxed()
        }
        ChoiceKind::Image => {
            let seen = std::sync::Arc::new(std::sync::Mutex::new(BTreeSet::new()));
            let ask = move |node: String| images(client, node, parent.clone(), seen.clone());
            of_nodes(client, None, ask)
        }
    }
}

/// A list that comes with one answer.
fn whole<'a>(list: impl Future<Output = Answer<Vec<Choice>>> + Send + 'a) -> BoxStream<'a, Answer<Choice>> {
    errors_last(stream::once(list)).boxed()
}

/// What the nodes that are on have, each asked by itself.
fn of_nodes<'a, F>(
    client: &'a Client,
    only: Option<String>,
    ask: impl Fn(String) -> F + Clone + Send + 'a,
) -> BoxStream<'a, Answer<Choice>>
where
    F: Future<Output = Answer<Vec<Choice>>> + Send + 'a,
{
    let nodes = async move {
        let nodes = survey::nodes(client).await?;
        let names = nodes.into_iter().filter(Node::is_online).map(|node| node.node);
        let names: Vec<String> = names
            .filter(|name| only.as_ref().is_none_or(|only| only == name))
            .collect();
        Ok(names)
    };
    let answers = stream::once(nodes).flat_map(move |nodes: Answer<Vec<String>>| match nodes {
        Ok(names) => stream::iter(names).map(ask.clone()).buffer_unordered(AT_ONCE).boxed(),
        Err(error) => stream::iter([Err(error)]).boxed(),
    });
    errors_last(answers).boxed()
}

/// The choices as they come; then the first error, if there was one.
fn errors_last<'a>(
    answers: impl Stream<Item = Answer<Vec<Choice>>> + Send + 'a,
) -> impl Stream<Item = Answer<Choice>> + Send + 'a {
    stream::unfold((answers.boxed().fuse(), None), |(mut answers, mut failed)| async move {
        loop {
            match answers.next().await {
                Some(Ok(list)) => {
                    let list: Vec<Answer<Choice>> = list.into_iter().map(Ok).collect();
                    return Some((stream::iter(list), (answers, failed)));
                }
                Some(Err(error)) => {
                    failed.get_or_insert(error);
                }
                None => {
                    return failed
                        .take()
                        .map(|error| (stream::iter(vec![Err(error)]), (answers, None)));
                }
            }
        }
    })
    .flatten()
}

/// The images of one node. What several nodes share is told once.
async fn images(
    client: &Client,
    node: String,
    only: Option<String>,
    seen: std::sync::Arc<std::sync::Mutex<BTreeSet<String>>>,
) -> Answer<Vec<Choice>> {
    let storages = survey::storages(client, &node).await?;
    let mut found = Vec::new();
    for storage in storages.iter().filter(|one| one.is_enabled() && one.is_active()) {
        if only.as_ref().is_some_and(|only| *only != storage.storage) {
            continue;
        }
        if storage.shared.is_set() {
            let mut seen = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if !seen.insert(storage.storage.clone()) {
                continue;
            }
        }
        for content in ["import", "iso"].into_iter().filter(|content| storage.holds(content)) {
            let volumes = survey::volumes(client, &node, &storage.storage, content).await?;
            found.extend(volumes.iter().map(|volume| image(&node, storage, volume)));
        }
    }
    Ok(found)
}

fn choice(kind: ChoiceKind, id: impl Into<String>) -> Choice {
    let id = id.into();
    Choice {
        kind,
        name: id.clone(),
        id,
        parent: None,
        facts: BTreeMap::new(),
        unusable: None,
    }
}

fn facts(entries: impl IntoIterator<Item = (&'static str, Option<String>)>) -> BTreeMap<&'static str, String> {
    entries
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
}

fn node(node: &Node) -> Choice {
    Choice {
        facts: facts([
            ("memory", node.maxmem.map(bytes)),
            ("free", node.free().map(bytes)),
            ("cpus", node.maxcpu.map(|count| count.to_string())),
        ]),
        unusable: Some(format!("it is {}", node.status)).filter(|_| !node.is_online()),
        ..choice(ChoiceKind::Node, &node.node)
    }
}

fn storage(node: &str, storage: &Storage) -> Choice {
    let holds = ["images", "import", "iso"].iter().any(|content| storage.holds(content));
    let unusable = if !storage.is_enabled() {
        Some("it is disabled")
    } else if !storage.is_active() {
        Some("the node does not reach it")
    } else if !holds {
        Some("it holds neither disks nor images")
    } else {
        None
    };
    Choice {
        parent: Some(node.to_owned()),
        facts: facts([
            ("type", Some(storage.r#type.clone())),
            ("content", Some(storage.content.clone())),
            ("free", storage.avail.map(bytes)),
            ("size", storage.total.map(bytes)),
            ("shared", Some("yes".to_owned()).filter(|_| storage.shared.is_set())),
        ]),
        unusable: unusable.map(str::to_owned),
        ..choice(ChoiceKind::Storage, &storage.storage)
    }
}

fn network(node: &str, found: &Interface) -> Choice {
    let aware = found.bridge_vlan_aware.is_some_and(survey::Flag::is_set);
    Choice {
        parent: Some(node.to_owned()),
        facts: facts([
            ("type", Some(found.r#type.clone()).filter(|word| !word.is_empty())),
            ("cidr", found.cidr.clone()),
            ("vlan", Some("aware".to_owned()).filter(|_| aware)),
            (
                "description",
                found.comments.as_deref().map(|text| text.trim().to_owned()),
            ),
        ]),
        unusable: Some("it is down".to_owned()).filter(|_| found.active.is_some_and(|active| !active.is_set())),
        ..choice(ChoiceKind::Network, &found.iface)
    }
}

fn vnet(found: &Vnet) -> Choice {
    Choice {
        parent: found.zone.clone(),
        facts: facts([
            ("type", Some("vnet".to_owned())),
            ("vlan", found.tag.map(|tag| tag.to_string())),
            ("description", found.alias.clone()),
        ]),
        ..choice(ChoiceKind::Network, &found.vnet)
    }
}

fn pool(found: &Pool) -> Choice {
    Choice {
        facts: facts([("description", found.comment.clone().filter(|text| !text.is_empty()))]),
        ..choice(ChoiceKind::Pool, &found.poolid)
    }
}

fn image(node: &str, storage: &Storage, volume: &Volume) -> Choice {
    let file = volume.volid.rsplit('/').next().unwrap_or(&volume.volid);
    Choice {
        name: file.to_owned(),
        parent: Some(storage.storage.clone()),
        facts: facts([
            ("size", volume.size.map(bytes)),
            ("format", volume.format.clone()),
            ("node", Some(node.to_owned()).filter(|_| !storage.shared.is_set())),
        ]),
        ..choice(ChoiceKind::Image, &volume.volid)
    }
}

fn templates(guests: &[Guest]) -> Vec<Choice> {
    let templates = guests
        .iter()
        .filter(|guest| guest.template.is_set() && guest.r#type == "qemu");
    templates
        .map(|guest| Choice {
            name: guest.name.clone().unwrap_or_else(|| guest.vmid.to_string()),
            parent: Some(guest.node.clone()),
            ..choice(ChoiceKind::Template, guest.vmid.to_string())
        })
        .collect()
}

/// The first VMIDs that nobody has, in the range of the settings.
fn free_ids(guests: &[Guest], settings: &Settings) -> impl Iterator<Item = u32> + use<> {
    let used: BTreeSet<u32> = guests.iter().map(|guest| guest.vmid).collect();
    let (first, last) = settings.vmid_range.map_or(VMIDS, |range| (range.start, range.end));
    (first..=last).filter(move |id| !used.contains(id)).take(MOST_IDS)
}

fn machine_id(id: u32) -> Choice {
    choice(ChoiceKind::MachineId, id.to_string())
}

#[cfg(test)]
#[expect(
    clippy::disallowed_macros,
    reason = "answers are written as the platform writes them"
)]
mod tests {
    use butler_api::config::{ProviderKind, VmidRange};
    use serde_json::json;

    use super::*;
    use crate::ErrorKind;

    fn told(choice: &Choice) -> String {
        let facts: Vec<String> = choice
            .facts
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let parent = choice.parent.as_deref().unwrap_or("-");
        format!("{} in {parent} [{}] {:?}", choice.id, facts.join(", "), choice.unusable)
    }

    #[test]
    fn what_cannot_be_used_is_listed_with_its_reason() {
        let storages: Vec<Storage> = serde_json::from_value(json!([
            {"storage": "local", "type": "dir", "content": "iso,import", "enabled": 1, "active": 1, "avail": 1_u64 << 30},
            {"storage": "nfs", "type": "nfs", "content": "images", "enabled": 1, "active": 0, "shared": 1},
            {"storage": "old", "type": "dir", "content": "images", "enabled": 0},
            {"storage": "backup", "type": "dir", "content": "backup", "enabled": 1, "active": 1},
        ]))
        .unwrap();
        let list: Vec<String> = storages.iter().map(|one| told(&storage("pve1", one))).collect();
        assert_eq!(
            list,
            [
                "local in pve1 [content=iso,import, free=1 GiB, type=dir] None",
                r#"nfs in pve1 [content=images, shared=yes, type=nfs] Some("the node does not reach it")"#,
                r#"old in pve1 [content=images, type=dir] Some("it is disabled")"#,
                r#"backup in pve1 [content=backup, type=dir] Some("it holds neither disks nor images")"#,
            ]
        );
    }

    #[test]
    fn free_ids_are_in_the_range_and_nobodys() {
        let guests: Vec<Guest> = serde_json::from_value(json!([{"vmid": 201}, {"vmid": 203}, {"vmid": 500}])).unwrap();
        let mut settings = super::super::preflight::tests::settings();
        settings.vmid_range = Some(VmidRange { start: 200, end: 204 });
        assert_eq!(free_ids(&guests, &settings).collect::<Vec<_>>(), [200, 202, 204]);
        settings.vmid_range = None;
        assert_eq!(free_ids(&guests, &settings).count(), MOST_IDS);
    }

    #[tokio::test]
    async fn one_node_that_does_not_answer_takes_nothing_from_the_others() {
        let answers = stream::iter([
            Ok(vec![choice(ChoiceKind::Node, "a")]),
            Err(InfraError::new(
                ProviderKind::Proxmox,
                "ask",
                ErrorKind::Server,
                "proxy error",
            )),
            Ok(vec![choice(ChoiceKind::Node, "b"), choice(ChoiceKind::Node, "c")]),
        ]);
        let all: Vec<Answer<Choice>> = errors_last(answers).collect().await;
        let told: Vec<String> = all
            .iter()
            .map(|one| {
                one.as_ref()
                    .map_or_else(|error| error.message.clone(), |choice| choice.id.clone())
            })
            .collect();
        assert_eq!(told, ["a", "b", "c", "proxy error"]);
    }
}
