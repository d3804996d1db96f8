//! A configuration that was written before, as answers.

use butler_api::config::{ConfigErrors, Tree, read_tree};
use secrecy::SecretString;

use super::{Session, variable};
use crate::{
    codec::Codec,
    finding::Finding,
    path::parts,
    question::{Answer, Origin},
    topic::{Answers, TOPICS},
};

/// Reads a configuration into a session that nothing was answered to.
pub(crate) fn open(session: &mut Session, text: &str, name: &str) -> Result<(), ConfigErrors> {
    let mut tree = read_tree(text, name)?;
    spelt_out(&mut tree);
    session.answers = Answers {
        opened: Some(name.to_owned()),
        ..Answers::default()
    };
    for topic in TOPICS.iter() {
        let path = topic.ask.path;
        let count = path.split_once("[]").map_or(1, |(list, _)| length(&tree, list));
        for index in 0..count {
            let path = topic.ask.path_of(index);
            let Some(value) = at(&tree, &path) else { continue };
            let text = match (topic.codec, value) {
                (Codec::Secret, Tree::Text(clear)) if !clear.trim().is_empty() => {
                    let secret = SecretString::from(clear.clone());
                    let name = session.keep_secret(&path, secret);
                    session.remarks.push(clear_text(&path, &name));
                    Some(format!("env:{name}"))
                }
                (codec, value) => codec.read(value),
            };
            if let Some(text) = text {
                let origin = Origin::File;
                session.answers.given.insert(path.clone(), Answer { text, origin });
                drop_kept(&mut tree, &path);
            }
        }
    }
    session.answers.kept = tree;
    if has_comment(text) {
        let message = format!("comments of {name} are not kept");
        session
            .remarks
            .push(Finding::note("", message, "save under another name to keep both"));
    }
    session.changed();
    Ok(())
}

fn clear_text(path: &str, name: &str) -> Finding {
    debug_assert_eq!(name, variable(path));
    Finding::warning(
        path,
        format!("`{path}` was a secret in clear text; the file names the environment variable {name} in its place"),
        "a run that is launched from here is given it; set it for others",
    )
}

/// A word that stands for a mapping, as the mapping.
fn spelt_out(tree: &mut Tree) {
    let Tree::Map(entries) = tree else { return };
    for (key, value) in entries {
        if key == "bootstrapCluster"
            && let Tree::Text(word) = value
        {
            *value = Tree::Map(vec![("type".to_owned(), Tree::Text(word.clone()))]);
        }
    }
}

fn has_comment(text: &str) -> bool {
    let header = crate::document::HEADER;
    text.lines().any(|line| {
        let line = line.trim();
        (line.starts_with('#') && line != header) || line.contains(" # ")
    })
}

fn at<'a>(tree: &'a Tree, path: &str) -> Option<&'a Tree> {
    parts(path).try_fold(tree, |tree, part| match (tree, part.parse::<usize>()) {
        (Tree::List(items), Ok(index)) => items.get(index),
        (tree, _) => tree.get(part),
    })
}

fn length(tree: &Tree, list: &str) -> usize {
    match at(tree, list) {
        Some(Tree::List(items)) => items.len(),
        _ => 0,
    }
}

/// Takes a value out, and mappings that are empty then.
pub(crate) fn drop_kept(tree: &mut Tree, path: &str) {
    let parts: Vec<&str> = parts(path).collect();
    take(tree, &parts);
}

/// Whether something was taken and nothing is left.
fn take(tree: &mut Tree, parts: &[&str]) -> bool {
    let Some((part, rest)) = parts.split_first() else {
        return true;
    };
    match tree {
        Tree::Map(entries) => {
            let Some(at) = entries.iter().position(|(key, _)| key == part) else {
                return false;
            };
            if !take(&mut entries[at].1, rest) {
                return false;
            }
            entries.remove(at);
            entries.is_empty()
        }
        Tree::List(items) => {
            let Some(item) = part.parse::<usize>().ok().and_then(|index| items.get_mut(index)) else {
                return false;
            };
            // The places of the other items stay.
            if take(item, rest) {
                *item = Tree::Map(Vec::new());
            }
            items
                .iter()
                .all(|item| matches!(item, Tree::Map(entries) if entries.is_empty()))
        }
        _ => false,
    }
}
