//! What the platform's lists say to the questions.

use std::collections::BTreeMap;

use butler_api::choice::{Choice, ChoiceKind};

use super::{Session, room};
use crate::{
    codec::{self, Codec},
    question::Origin,
    topic,
};

/// What the platform offers for a question: each thing once, with the reason where it cannot be used; what can comes first.
pub(crate) fn offers(session: &Session, path: &str) -> Vec<Choice> {
    let Some((topic, _)) = topic::find(path) else {
        return Vec::new();
    };
    let Some(kind) = topic.ask.list else { return Vec::new() };
    let (items, _) = session.items(kind);
    let nodes = session.value(NODES);
    let nodes: Vec<&str> = nodes.as_deref().into_iter().flat_map(codec::items).collect();
    let mut by_id: BTreeMap<&str, Vec<&Choice>> = BTreeMap::new();
    for item in items {
        by_id.entry(&item.id).or_default().push(item);
    }
    let merged = by_id.into_values().filter_map(|rows| merge(path, kind, &rows, &nodes));
    let mut offers: Vec<Choice> = merged.collect();
    offers.sort_by(|one, other| {
        let key = |choice: &Choice| (choice.unusable.is_some(), choice.name.clone());
        key(one).cmp(&key(other))
    });
    offers
}

const NODES: &str = "providerConfig.proxmox.nodes";

/// One thing that several nodes have, as the nodes of the machines see it; none where none of them does.
fn merge(path: &str, kind: ChoiceKind, rows: &[&Choice], nodes: &[&str]) -> Option<Choice> {
    let of_nodes = matches!(kind, ChoiceKind::Storage | ChoiceKind::Network)
        && rows
            .iter()
            .all(|row| row.facts.get("type").is_none_or(|word| word != "vnet"));
    let on = |node: &str| rows.iter().find(|row| row.parent.as_deref() == Some(node));
    let here: Vec<&Choice> = if of_nodes && !nodes.is_empty() {
        nodes.iter().filter_map(|node| on(node).copied()).collect()
    } else {
        rows.to_vec()
    };
    // Where its room is smallest, it is full first.
    let free = |row: &&&Choice| row.facts.get("free").and_then(|text| room::bytes(text));
    let mut offer = (*here.iter().min_by_key(free)?).clone();
    let missing: Vec<&str> = if of_nodes {
        nodes.iter().filter(|node| on(node).is_none()).copied().collect()
    } else {
        Vec::new()
    };
    let refused = here.iter().find_map(|row| {
        let reason = row.unusable.as_ref()?;
        Some(match row.parent.as_deref().filter(|_| of_nodes) {
            Some(node) => format!("{reason} (on {node})"),
            None => reason.clone(),
        })
    });
    offer.unusable = refused
        .or_else(|| (!missing.is_empty()).then(|| format!("{} does not have it", missing.join(", "))))
        .or_else(|| unfit(path, &offer));
    if of_nodes {
        offer.parent = None;
    }
    Some(offer)
}

/// Why a storage cannot hold what it is chosen for.
fn unfit(path: &str, offer: &Choice) -> Option<String> {
    let content: Vec<&str> = codec::items(offer.facts.get("content")?).collect();
    let holds = |words: &[&str]| words.iter().any(|word| content.contains(word));
    match path {
        "providerConfig.proxmox.storage" if !holds(&["images"]) => Some("it holds no disks".to_owned()),
        "providerConfig.proxmox.imageStorage" if !holds(&["import", "iso"]) => Some("it holds no images".to_owned()),
        _ => None,
    }
}

/// Answers that need not be asked for, for nothing else fits.
pub(crate) fn discovered(session: &Session) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (path, topic, view) in session.view().topics() {
        let Some(kind) = topic.ask.list else { continue };
        let answered = session.answers.given.get(&path);
        if answered.is_some_and(|answer| answer.origin != Origin::Discovered) || !session.items(kind).1 {
            continue;
        }
        let offers = offers(session, &path);
        let usable: Vec<&str> = offers
            .iter()
            .filter(|offer| offer.unusable.is_none())
            .map(|offer| offer.id.as_str())
            .collect();
        let usual = view.usual(topic);
        // What is taken anyway is not asked for either, unless the platform does not have it.
        let open = match &usual {
            Some(usual) => !usable.contains(&usual.as_str()),
            None => (topic.ask.required)(&view),
        };
        let taken = match (topic.codec, &usable[..]) {
            (_, []) => continue,
            // Machines are spread over the nodes.
            (Codec::Texts, all) => all.join(", "),
            (_, [only]) => (*only).to_owned(),
            _ => continue,
        };
        if open && answered.is_none_or(|answer| answer.text != taken) {
            found.push((path, taken));
        }
    }
    found
}
