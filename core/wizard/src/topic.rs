//! What is asked: one table of settings, with what the schema does not say about them. The schema says the rest.

mod access;
mod addons;
mod machines;
mod network;
mod resources;
#[cfg(test)]
mod tests;
mod view;

use std::{collections::HashMap, sync::LazyLock};

use butler_api::{choice::ChoiceKind, config::ProviderKind};

use crate::{
    codec::Codec,
    path::parts,
    question::{Alternative, Kind, Step},
    schema,
};

pub(crate) use self::view::{Answers, View};

type Rule = fn(&View<'_>) -> bool;
type Default = fn(&View<'_>) -> Option<String>;

/// A setting that is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Ask {
    /// Its path; `[]` stands for each item of a list.
    pub(crate) path: &'static str,
    pub(crate) step: Step,
    pub(crate) group: &'static str,
    pub(crate) label: &'static str,
    /// Where it does not hold, nothing is asked and nothing is written.
    pub(crate) applies: Rule,
    /// Whether the file is not complete without it.
    pub(crate) required: Rule,
    /// What the wizard takes where nothing is answered; else what the schema says.
    pub(crate) usual: Option<Default>,
    /// Whether that is written into the file. If not, it is the file's own default.
    pub(crate) written: bool,
    /// Whether it is usually left alone.
    pub(crate) rare: bool,
    /// What of the platform it names.
    pub(crate) list: Option<ChoiceKind>,
    /// Whether it decides who is asked, and as whom.
    pub(crate) access: bool,
    form: Option<Codec>,
}

const fn ask(path: &'static str, step: Step, group: &'static str, label: &'static str) -> Ask {
    Ask {
        path,
        step,
        group,
        label,
        applies: |_| true,
        required: |_| false,
        usual: None,
        written: false,
        rare: false,
        list: None,
        access: false,
        form: None,
    }
}

impl Ask {
    /// Only there.
    const fn when(mut self, rule: Rule) -> Self {
        self.applies = rule;
        self
    }

    /// Always needed where it applies.
    const fn needed(mut self) -> Self {
        self.required = |_| true;
        self
    }

    const fn needed_when(mut self, rule: Rule) -> Self {
        self.required = rule;
        self
    }

    /// What is written where nothing is answered.
    const fn writes(mut self, usual: Default) -> Self {
        self.usual = Some(usual);
        self.written = true;
        self
    }

    /// What holds where nothing is written, where the schema does not say it.
    const fn holds(mut self, usual: Default) -> Self {
        self.usual = Some(usual);
        self
    }

    const fn rare(mut self) -> Self {
        self.rare = true;
        self
    }

    const fn from(mut self, kind: ChoiceKind) -> Self {
        self.list = Some(kind);
        self
    }

    const fn access(mut self) -> Self {
        self.access = true;
        self
    }

    const fn form(mut self, codec: Codec) -> Self {
        self.form = Some(codec);
        self
    }
}

/// A setting that is asked for, with what the schema says about it.
pub(crate) struct Topic {
    pub(crate) ask: Ask,
    pub(crate) help: String,
    pub(crate) kind: Kind,
    pub(crate) codec: Codec,
    /// What the file's own default is.
    pub(crate) default: Option<String>,
}

/// Every setting that is asked for, in the order of the questions.
pub(crate) static TOPICS: LazyLock<Vec<Topic>> = LazyLock::new(|| {
    let parts = [
        &access::ASKS[..],
        &resources::ASKS,
        &machines::ASKS,
        &network::ASKS,
        &addons::ASKS,
    ];
    parts.into_iter().flatten().filter_map(topic).collect()
});

static BY_PATH: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
    TOPICS
        .iter()
        .enumerate()
        .map(|(i, topic)| (topic.ask.path, i))
        .collect()
});

/// The topic of a path, and which item of a list it is about.
pub(crate) fn find(path: &str) -> Option<(&'static Topic, usize)> {
    let (pattern, index) = pattern(path)?;
    let topic = &TOPICS[*BY_PATH.get(pattern.as_str())?];
    Some((topic, index))
}

/// `a[3].b` as `a[].b` and 3; 0 where there is no list.
fn pattern(path: &str) -> Option<(String, usize)> {
    let Some((before, rest)) = path.split_once('[') else {
        return Some((path.to_owned(), 0));
    };
    let (index, after) = rest.split_once(']')?;
    Some((format!("{before}[]{after}"), index.parse().ok()?))
}

impl Ask {
    /// The path for an item of a list.
    pub(crate) fn path_of(&self, index: usize) -> String {
        self.path.replace("[]", &format!("[{index}]"))
    }
}

fn topic(ask: &Ask) -> Option<Topic> {
    let schema = schema::of(ask.path)?;
    let codec = ask.form.unwrap_or_else(|| codec(ask.path, schema));
    let kind = match codec {
        Codec::Flag => Kind::Flag,
        Codec::Texts | Codec::Names | Codec::Disks | Codec::Reserved => Kind::Texts,
        Codec::Secret => Kind::Secret,
        Codec::Number => Kind::Number {
            min: schema["minimum"].as_i64().unwrap_or(0).max(0),
            max: schema["maximum"].as_i64().unwrap_or(i64::from(i32::MAX)),
            unit: unit(ask.path),
        },
        Codec::Text | Codec::Identity => match schema::alternatives(schema) {
            words if words.is_empty() => Kind::Text,
            words if ask.path == "provider" => Kind::Choice(platforms(words)),
            words => Kind::Choice(words),
        },
    };
    Some(Topic {
        ask: *ask,
        help: help(ask.path, schema),
        kind,
        codec,
        default: schema::default(schema),
    })
}

fn help(path: &str, schema: &serde_json::Value) -> String {
    let more = match path {
        "cluster.controlPlane.extraDisks" | "cluster.workers.extraDisks" => {
            " Sizes in GiB, perhaps with a storage class of the platform: `200, 100 fast`."
        }
        "networkPool.reserved" => " Networks, perhaps with what they are for: `10.0.0.0/28 switches`.",
        _ if schema["x-secret"] == true => {
            " Say where it comes from: `env:NAME`, `file:PATH`, `exec:COMMAND` or `keyring:SERVICE/USERNAME`."
        }
        _ => "",
    };
    format!("{}{more}", schema::help(schema))
}

fn codec(path: &str, schema: &serde_json::Value) -> Codec {
    let last = parts(path).last().unwrap_or("");
    match schema["type"].as_str() {
        _ if schema["x-secret"] == true && schema::IDENTITIES.contains(&last) => Codec::Identity,
        _ if schema["x-secret"] == true => Codec::Secret,
        Some("integer") => Codec::Number,
        Some("boolean") => Codec::Flag,
        Some("array") => Codec::Texts,
        _ => Codec::Text,
    }
}

fn unit(path: &str) -> &'static str {
    if path.ends_with("MB") {
        "MiB"
    } else if path.ends_with("GB") {
        "GiB"
    } else {
        ""
    }
}

/// The platforms, explained by their blocks.
fn platforms(words: Vec<Alternative>) -> Vec<Alternative> {
    let blocks = schema::of("providerConfig").and_then(schema::properties);
    let about = |word: &str| match blocks.and_then(|blocks| blocks.get(word)) {
        Some(block) => schema::help(block).trim_end_matches('.').to_owned(),
        None => "Containers of docker or podman on this computer".to_owned(),
    };
    let mut platforms: Vec<Alternative> = words
        .into_iter()
        .map(|word| Alternative {
            about: about(&word.value),
            value: word.value,
        })
        .collect();
    // What needs nothing comes first.
    platforms.sort_by_key(|one| one.value != ProviderKind::InMemory.as_str());
    platforms
}

/// The blocks of the file in the order of the samples.
const BLOCKS: [&str; 12] = [
    "provider",
    "bootstrapCluster",
    "cluster",
    "network",
    "talos",
    "addons",
    "controlPlaneExposure",
    "multiTenancyMode",
    "networkPool",
    "providerNetwork",
    "providerConfig",
    "deadlines",
];

static RANKS: LazyLock<HashMap<String, usize>> = LazyLock::new(|| {
    let mut ranks: HashMap<String, usize> = HashMap::new();
    for (i, topic) in TOPICS.iter().enumerate() {
        let path = topic.ask.path;
        let ends = path
            .char_indices()
            .filter(|(_, c)| matches!(c, '.' | '['))
            .map(|(at, _)| at);
        for end in ends.chain([path.len()]) {
            ranks.entry(path[..end].to_owned()).or_insert(i + BLOCKS.len());
        }
    }
    for (i, block) in BLOCKS.iter().enumerate() {
        ranks.insert((*block).to_owned(), i);
    }
    ranks
});

/// Where a key stands in its mapping: as the samples have it; keys that nobody is asked for come last.
pub(crate) fn rank(path: &str) -> usize {
    let pattern = pattern(path).map_or_else(|| path.to_owned(), |(pattern, _)| pattern);
    RANKS.get(&pattern).copied().unwrap_or(usize::MAX)
}

/// Settings, or blocks of them, that are written by hand: with the reason why nobody is asked.
#[cfg(test)]
pub(crate) const ONLY_IN_THE_FILE: &[(&str, &str)] = &[
    (
        "bootstrapCluster.nodeImage",
        "a pinned one is right for nearly everyone",
    ),
    ("cluster.controlPlane.labels", "free keys"),
    ("cluster.workers.labels", "free keys"),
    ("talos.registries", "mirrors have free keys, and logins"),
    ("talos.trustedCAs", "certificates, in files of their own"),
    ("talos.discovery.enabled", "`discovery: false` says the same"),
    ("talos.discovery.endpoint", "a discovery service of one's own is rare"),
    ("talos.patches", "whole documents"),
    ("addons.*.type", "there is one of each; `enabled` says whether"),
    ("addons.*.version", "one that fits is chosen"),
    (
        "addons.loadBalancer.addressPool",
        "replaced by network.loadBalancerPool",
    ),
    ("addons.gitops", "another spelling of gitOps"),
    ("addons.butlerController.image", "for developers"),
    ("addons.capi.infrastructureProviders", "free keys, and credentials"),
    ("addons.console.auth.jwtSecret", "made up, unless somebody has one"),
    ("providerConfig.nutanix.insecure", "has no effect"),
    ("providerConfig.proxmox.insecure", "refused"),
    ("providerNetwork.poolRefs.priority", "with one pool there is no order"),
    ("deadlines", "usual times; they can be raised whenever a run continues"),
];
