//! What the schema of the file says about a setting. The wizard knows no more of it than editors do.

use std::sync::LazyLock;

use butler_api::config::{self, Tree};
use serde_json::Value;

use crate::question::Alternative;

static SCHEMA: LazyLock<Value> = LazyLock::new(config::json_schema);

/// The schema of a setting; `[]` and `[0]` stand for the items of a list.
pub(crate) fn of(path: &str) -> Option<&'static Value> {
    let mut schema: &Value = &SCHEMA;
    for part in path.split('.') {
        let (key, items) = part.split_once('[').map_or((part, false), |(key, _)| (key, true));
        schema = properties(schema)?.get(key)?;
        if items {
            schema = schema.get("items")?;
        }
    }
    Some(schema)
}

/// The keys of a mapping; of several forms, those of the one that is a mapping.
pub(crate) fn properties(schema: &Value) -> Option<&serde_json::Map<String, Value>> {
    let forms = schema["anyOf"].as_array();
    let own = schema["properties"].as_object();
    own.or_else(|| forms?.iter().find_map(|form| form["properties"].as_object()))
}

/// What the setting means.
pub(crate) fn help(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or("")
}

/// What holds where nothing is written, as an answer.
pub(crate) fn default(schema: &Value) -> Option<String> {
    match &schema["default"] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("yes".to_owned()),
        Value::Bool(false) => Some("no".to_owned()),
        _ => None,
    }
}

/// The words of an enumeration, with what the description says about each.
pub(crate) fn alternatives(schema: &Value) -> Vec<Alternative> {
    let help = help(schema);
    let words = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    words
        .map(|word| Alternative {
            value: word.to_owned(),
            about: about(help, word),
        })
        .collect()
}

/// What stands behind `` `word`: `` in a description, up to the next one.
fn about(help: &str, word: &str) -> String {
    // Several words may share an explanation: `A` and `B`: what they mean.
    let Some(at) = help.find(&format!("`{word}`")) else {
        return String::new();
    };
    let Some((_, rest)) = help[at..].split_once(": ") else {
        return String::new();
    };
    let end = rest.find("; `").unwrap_or(rest.len());
    rest[..end].trim_end_matches('.').to_owned()
}

/// A setting while one walks down to it. Keys may hold dots, so that paths alone do not tell.
#[derive(Clone)]
pub(crate) struct Place {
    /// Its path, for people.
    pub(crate) path: String,
    schema: Option<&'static Value>,
    /// Whether it stands in something that may hold secrets.
    hidden: bool,
}

impl Place {
    /// The file as a whole.
    pub(crate) fn root() -> Self {
        Self {
            path: String::new(),
            schema: Some(&SCHEMA),
            hidden: false,
        }
    }

    /// The value of a key.
    pub(crate) fn key(&self, key: &str) -> Self {
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        let schema = self.schema.and_then(|schema| {
            properties(schema)
                .and_then(|keys| keys.get(key))
                .or_else(|| Some(&schema["additionalProperties"]).filter(|free| free.is_object()))
        });
        // Where a secret comes from is none; a name neither.
        let is_source = self.is_secret() && ["file", "env", "exec", "keyring"].contains(&key);
        let is_name = schema.is_some_and(|schema| schema["x-secret"] == true) && IDENTITIES.contains(&key);
        let secret = schema.is_some_and(|schema| schema["x-secret"] == true);
        Self {
            path,
            schema,
            hidden: (self.hidden || secret) && !is_source && !is_name,
        }
    }

    /// An item.
    pub(crate) fn index(&self, index: usize) -> Self {
        Self {
            path: format!("{}[{index}]", self.path),
            schema: self.schema.and_then(|schema| schema.get("items")),
            hidden: self.hidden || self.items_are_secret(),
        }
    }

    /// Whether a value here may be a secret, so that nobody is shown it.
    pub(crate) fn hides(&self, value: &Tree) -> bool {
        let is_source = |tree: &Tree| match tree {
            Tree::Map(entries) => entries
                .iter()
                .all(|(key, _)| ["file", "env", "exec", "keyring"].contains(&key.as_str())),
            _ => false,
        };
        let of_items = matches!(value, Tree::List(items) if !items.is_empty()) && self.items_are_secret();
        (self.hidden || of_items) && !(self.is_secret() && is_source(value))
    }

    /// Whether anything that stands here in clear text may be a secret.
    pub(crate) fn holds_secret(&self, value: &Tree) -> bool {
        match value {
            Tree::Map(entries) => {
                let below = entries.iter().any(|(key, value)| self.key(key).holds_secret(value));
                below || (entries.is_empty() && self.hides(value))
            }
            Tree::List(items) => (items.iter().enumerate()).any(|(i, item)| self.index(i).holds_secret(item)),
            value => self.hides(value),
        }
    }

    fn is_secret(&self) -> bool {
        self.schema
            .is_some_and(|schema| schema["x-secret"] == true && schema["x-patch"] != true)
    }

    fn items_are_secret(&self) -> bool {
        self.schema.is_some_and(|schema| schema["items"]["x-secret"] == true)
    }
}

/// Keys whose values are names, though they may come from where secrets do.
pub(crate) const IDENTITIES: [&str; 4] = ["username", "accessKeyID", "clientID", "tenantID"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_by_their_paths() {
        assert!(help(of("cluster.controlPlane.memoryMB").unwrap()).contains("MiB"));
        assert!(of("providerConfig.static.machines[].address").is_some());
        assert!(of("bootstrapCluster.kubeconfig").is_some());
        assert!(of("cluster.nothing").is_none());
        assert_eq!(default(of("talos.version").unwrap()).as_deref(), Some("v1.12.1"));
    }

    #[test]
    fn the_words_of_an_enumeration_are_explained_by_the_description() {
        let topology = alternatives(of("cluster.topology").unwrap());
        assert_eq!(topology.len(), 2);
        assert!(topology.iter().all(|one| !one.about.is_empty()), "{topology:?}");
        let single = topology.iter().find(|one| one.value == "single-node").unwrap();
        assert_eq!(single.about, "one control plane that also carries workloads");
        let exposure = alternatives(of("controlPlaneExposure.mode").unwrap());
        assert!(exposure.iter().all(|one| !one.about.is_empty()), "{exposure:?}");
    }

    #[test]
    fn what_may_be_a_secret_is_hidden_and_where_it_comes_from_is_not() {
        let text = Tree::Text("x".to_owned());
        for (keys, hidden) in [
            (&["providerConfig", "proxmox", "password"][..], true),
            (&["providerConfig", "proxmox", "password", "env"], false),
            (&["providerConfig", "proxmox", "username"], false),
            (
                &[
                    "talos",
                    "registries",
                    "config",
                    "r.example.org:5000",
                    "auth",
                    "password",
                ],
                true,
            ),
            (
                &[
                    "talos",
                    "registries",
                    "config",
                    "r.example.org:5000",
                    "auth",
                    "username",
                ],
                false,
            ),
            (&["addons", "console", "auth", "jwtSecret"], true),
            (&["cluster", "name"], false),
            (&["cluster", "unknown"], false),
        ] {
            let place = keys.iter().fold(Place::root(), |place, key| place.key(key));
            assert_eq!(place.hides(&text), hidden, "{keys:?}");
        }
        let all = Place::root().key("talos").key("patches").key("all").index(0);
        assert!(all.hides(&text) && all.key("machine").key("file").hides(&text));
        let tree = config::read_tree("talos: {patches: {all: [{machine: {a: 1}}]}}", "x").unwrap();
        assert!(Place::root().holds_secret(&tree));
        let tree = config::read_tree("providerConfig: {proxmox: {password: {env: A}, storage: b}}", "x").unwrap();
        assert!(!Place::root().holds_secret(&tree));
    }
}
