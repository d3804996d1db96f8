//! A configuration as it is written: values in their order, before anything is said about them.

use std::fmt;

use super::{
    ConfigErrors, read_yaml,
    schema::ALIASES,
    yaml::{Node, Value},
};

/// A value as it is written. Its `Debug` tells the kind alone, for it may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Tree {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number that no setting has, as it is written: it may stand in a patch.
    Number(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// A mapping, in the order of the file. Of keys that were written twice the last one is here.
    Map(Vec<(String, Tree)>),
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Bool(_) => "Bool",
            Self::Int(_) => "Int",
            Self::Number(_) => "Number",
            Self::Text(_) => "Text",
            Self::List(_) => "List",
            Self::Map(_) => "Map",
        })
    }
}

impl Tree {
    /// The value of a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// Reads a configuration without judging it; keys with two spellings get the usual one. `name` is the file's name in messages.
pub fn read_tree(text: &str, name: &str) -> Result<Tree, ConfigErrors> {
    let root = read_yaml(text).map_err(|(problems, further)| ConfigErrors {
        name: name.to_owned(),
        problems,
        further,
    })?;
    let mut tree = tree(&root, text);
    for (block, key, other) in ALIASES {
        let Tree::Map(blocks) = &mut tree else { break };
        let entries = blocks.iter_mut().filter(|(name, _)| name == block);
        for (_, value) in entries {
            if let Tree::Map(keys) = value
                && keys.iter().all(|(name, _)| name != key)
            {
                let spelt = keys.iter_mut().filter(|(name, _)| name == other);
                spelt.for_each(|(name, _)| key.clone_into(name));
            }
        }
    }
    Ok(tree)
}

fn tree(node: &Node, text: &str) -> Tree {
    match &node.value {
        Value::Null => Tree::Null,
        Value::Bool(value) => Tree::Bool(*value),
        Value::Int(value) => Tree::Int(*value),
        Value::Number(_) => {
            let written = text.get(node.span.start..node.span.end).unwrap_or("0");
            Tree::Number(written.trim().to_owned())
        }
        Value::Text(value) => Tree::Text(value.clone()),
        Value::List(items) => Tree::List(items.iter().map(|item| tree(item, text)).collect()),
        Value::Map(entries) => {
            let mut found: Vec<(String, Tree)> = Vec::new();
            for (key, value) in entries {
                let value = tree(value, text);
                match found.iter_mut().find(|(name, _)| *name == key.name) {
                    Some((_, earlier)) => *earlier = value,
                    None => found.push((key.name.clone(), value)),
                }
            }
            Tree::Map(found)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_numbers_and_spellings_are_kept_and_debug_tells_no_value() {
        let text = "b: 1.50\na: {gitops: 1}\naddons: {gitops: {type: flux}, cni: 007}\nb: hunter2\n";
        let tree = read_tree(text, "x.yaml").unwrap();
        let Tree::Map(entries) = &tree else { panic!() };
        let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["b", "a", "addons"]);
        assert!(tree.get("b") == Some(&Tree::Text("hunter2".to_owned())));
        let addons = tree.get("addons").unwrap();
        assert!(addons.get("gitOps").is_some() && addons.get("gitops").is_none());
        assert!(addons.get("cni") == Some(&Tree::Number("007".to_owned())));
        assert!(tree.get("a").unwrap().get("gitops").is_some());
        assert_eq!(format!("{tree:?}"), "Map");
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_place_and_without_secrets() {
        let error = read_tree("a: [1\npassword: hunter2\n", "x.yaml").unwrap_err();
        assert!(!error.problems().is_empty());
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
