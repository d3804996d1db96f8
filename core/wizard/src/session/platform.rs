//! What the platform is asked, and what it said.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use butler_api::{
    choice::{Choice, ChoiceKind, Query},
    config::{self, ProviderKind, Tree},
};
use jiff::Timestamp;

use super::Session;
use crate::{
    document::Node,
    list::{About, Checked, Heard, State, Want},
    question::{Origin, Step},
    topic::{Topic, View},
};

/// Stands for what is not chosen yet.
const OPEN: &str = "-";

/// Everything that was heard, by what was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Platform {
    current: String,
    heard: BTreeMap<Want, State>,
    checks: BTreeMap<String, Vec<Checked>>,
    /// How often the secret of a variable was typed: another one is another login.
    typed: BTreeMap<String, u64>,
}

impl Platform {
    /// A digest of the settings that decide who is asked, and as whom.
    pub(crate) fn digest(&self, view: &View<'_>) -> String {
        let mut hasher = DefaultHasher::new();
        for (path, topic, _) in view.topics().filter(|(_, topic, _)| topic.ask.access) {
            let text = view.text(&path);
            let variable = text.as_deref().and_then(|text| text.strip_prefix("env:"));
            let typed = variable.and_then(|name| self.typed.get(name));
            (topic.ask.path, &text, typed).hash(&mut hasher);
        }
        let kind = view.provider().map_or("-", ProviderKind::as_str);
        format!("{kind}-{:016x}", hasher.finish())
    }

    /// Takes note of which platform is described now; says whether it is another one.
    pub(crate) fn moved_to(&mut self, digest: String) -> bool {
        let moved = !self.current.is_empty() && self.current != digest;
        self.current = digest;
        moved
    }

    pub(crate) fn secret_changed(&mut self, variable: &str) {
        *self.typed.entry(variable.to_owned()).or_insert(0) += 1;
    }

    fn wanted(&self, about: About) -> Want {
        Want {
            platform: self.current.clone(),
            about,
        }
    }

    /// The question whether the platform can be used; none while it cannot be asked.
    pub(crate) fn access(&self, session: &Session) -> Option<Want> {
        let kind = session.view().provider()?;
        let asks = session.facts.drivers.contains(&kind) && kind != ProviderKind::Static;
        (asks && session.settings().is_some()).then(|| self.wanted(About::Access))
    }

    /// The list that answers of a topic can be chosen from; none where this release asks the platform nothing.
    pub(crate) fn want(&self, session: &Session, topic: &Topic) -> Option<Want> {
        let kind = session.view().provider()?;
        let listed = topic.ask.list.filter(|_| session.facts.drivers.contains(&kind))?;
        Some(self.wanted(About::List(Query::all(listed))))
    }

    /// What should be asked next: whether we may, and when that is known, everything that questions and totals need.
    pub(crate) fn wants(&self, session: &Session) -> Vec<Want> {
        let Some(access) = self.access(session) else {
            return Vec::new();
        };
        match self.state(&access) {
            State::Idle => return vec![access],
            // A wrong password that is sent for each list locks people out.
            State::Loading { .. } | State::Failed { .. } => return Vec::new(),
            State::Here { .. } => {}
        }
        let mut kinds = match session.view().provider() {
            Some(ProviderKind::InMemory) => vec![ChoiceKind::Node, ChoiceKind::Storage, ChoiceKind::Network],
            Some(ProviderKind::Proxmox) => vec![ChoiceKind::Node],
            _ => Vec::new(),
        };
        let of_topics = session.view().topics().filter_map(|(_, topic, _)| topic.ask.list);
        for kind in of_topics {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
            .into_iter()
            .map(|kind| Want {
                platform: access.platform.clone(),
                about: About::List(Query::all(kind)),
            })
            .filter(|want| *self.state(want) == State::Idle)
            .collect()
    }

    pub(crate) fn hear(&mut self, want: &Want, heard: Heard, now: Timestamp) {
        let state = self.heard.entry(want.clone()).or_insert(State::Idle);
        let so_far = |state: &State| -> Vec<Choice> {
            match state {
                State::Loading { so_far, .. } => so_far.clone(),
                State::Here { items, .. } | State::Failed { items, .. } => items.clone(),
                State::Idle => Vec::new(),
            }
        };
        match heard {
            Heard::Asked => {
                *state = State::Loading {
                    since: now,
                    so_far: Vec::new(),
                };
            }
            Heard::More(mut more) => match state {
                State::Loading { so_far, .. } => so_far.append(&mut more),
                _ => {
                    *state = State::Loading {
                        since: now,
                        so_far: more,
                    }
                }
            },
            Heard::End => {
                let items = so_far(state);
                *state = State::Here { items, at: now };
            }
            Heard::Checks(checks) => {
                self.checks.insert(want.platform.clone(), checks);
                *state = State::Here {
                    items: Vec::new(),
                    at: now,
                };
            }
            // Nobody asked for an image here.
            Heard::Brings { .. } | Heard::There { .. } => {}
            Heard::Failed { error, hint } => {
                let items = so_far(state);
                if want.about == About::Access {
                    self.checks.remove(&want.platform);
                }
                *state = State::Failed {
                    error,
                    hint,
                    items,
                    at: now,
                };
            }
        }
    }

    pub(crate) fn forget(&mut self, want: &Want) {
        self.heard.remove(want);
        if want.about == About::Access {
            self.checks.remove(&want.platform);
        }
    }

    pub(crate) fn state(&self, want: &Want) -> &State {
        self.heard.get(want).unwrap_or(&State::Idle)
    }

    pub(crate) fn checks(&self) -> &[Checked] {
        self.checks.get(&self.current).map_or(&[], Vec::as_slice)
    }

    /// What was listed of the platform that is described now.
    pub(crate) fn items(&self, kind: ChoiceKind) -> (&[Choice], bool) {
        match self.state(&self.wanted(About::List(Query::all(kind)))) {
            State::Idle => (&[], false),
            State::Loading { so_far, .. } => (so_far, false),
            State::Here { items, .. } => (items, true),
            State::Failed { items, .. } => (items, false),
        }
    }

    /// The settings of the platform as far as they decide who is asked; what is chosen from its lists stays open.
    pub(crate) fn settings(session: &Session) -> Option<config::Provider> {
        let view = session.view();
        let kind = view.provider()?;
        let mut root = Node::Map(Vec::new());
        for (path, topic, view) in view.topics() {
            if !matches!(topic.ask.step, Step::Provider | Step::Access) {
                continue;
            }
            match view.text(&path) {
                Some(text) => root.put(&path, topic.codec.write(&text)?, Origin::Typed),
                None if (topic.ask.required)(&view) => return None,
                None => {}
            }
        }
        if kind == ProviderKind::Proxmox {
            let open = Tree::Text(OPEN.to_owned());
            root.put(
                "providerConfig.proxmox.nodes",
                Tree::List(vec![open.clone()]),
                Origin::Typed,
            );
            root.put("providerConfig.proxmox.storage", open, Origin::Typed);
        }
        let read = |path: &str| session.read(path);
        let mut provider = config::load_provider(&root.file().text(), "the answers", &read).ok()?;
        if let config::Provider::Proxmox(proxmox) = &mut provider {
            proxmox.nodes.clear();
            proxmox.storage.clear();
        }
        Some(provider)
    }
}
