//! What holds at the moment: answers, and what is taken where there is none.

use std::collections::BTreeMap;

use butler_api::config::{ProviderKind, Tree};

use crate::{
    codec,
    facts::Facts,
    path::parts,
    question::{Answer, Origin},
};

use super::{TOPICS, Topic, find};

/// Most machines of a list that are asked for one by one.
const MOST_LISTED: usize = 1000;

/// What was answered, and what of an opened file nobody is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    pub(crate) given: BTreeMap<String, Answer>,
    /// Keys of the opened file that nobody is asked for, and values that no answer stands for.
    pub(crate) kept: Tree,
    /// The configuration that was opened.
    pub(crate) opened: Option<String>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            given: BTreeMap::new(),
            kept: Tree::Map(Vec::new()),
            opened: None,
        }
    }
}

/// The answers as rules look at them.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) answers: &'a Answers,
    pub(crate) facts: &'a Facts,
    /// Which item of a list it is about.
    pub(crate) index: usize,
}

impl<'a> View<'a> {
    pub(crate) fn new(answers: &'a Answers, facts: &'a Facts) -> Self {
        Self {
            answers,
            facts,
            index: 0,
        }
    }

    pub(crate) fn at(self, index: usize) -> Self {
        Self { index, ..self }
    }

    /// The answer, or what is taken in its place; none where the setting does not apply.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let (topic, index) = find(path)?;
        let view = self.at(index);
        if !(topic.ask.applies)(&view) {
            return None;
        }
        match self.answers.given.get(path) {
            Some(answer) => Some(answer.text.clone()),
            None => view.usual(topic),
        }
    }

    /// What is taken where nothing is answered.
    pub(crate) fn usual(&self, topic: &Topic) -> Option<String> {
        let own = if topic.ask.written {
            self.written(topic)
        } else {
            topic.ask.usual.and_then(|usual| usual(self))
        };
        own.or_else(|| topic.default.clone())
    }

    /// What is written where nothing is answered.
    pub(crate) fn written(&self, topic: &Topic) -> Option<String> {
        // A configuration that was opened means what it says: only what it cannot do without is added.
        let adds = self.answers.opened.is_none() || (topic.ask.required)(self);
        let usual = topic.ask.usual.filter(|_| topic.ask.written && adds)?;
        usual(self)
    }

    pub(crate) fn says(&self, path: &str, text: &str) -> bool {
        self.text(path).as_deref() == Some(text)
    }

    pub(crate) fn yes(&self, path: &str) -> bool {
        self.text(path).as_deref().and_then(codec::flag) == Some(true)
    }

    pub(crate) fn number(&self, path: &str) -> Option<u64> {
        self.text(path)?.parse().ok()
    }

    /// Whether somebody wrote it before the wizard asked: in a file, or on the command line.
    pub(crate) fn is_given(&self, path: &str) -> bool {
        let answer = self.answers.given.get(path);
        answer.is_some_and(|answer| matches!(answer.origin, Origin::File | Origin::Set))
    }

    pub(crate) fn is_answered(&self, path: &str) -> bool {
        self.answers.given.contains_key(path)
    }

    /// Whether the opened configuration has a block of which nobody is asked for everything.
    pub(crate) fn has_kept(&self, path: &str) -> bool {
        parts(path)
            .try_fold(&self.answers.kept, |tree, part| tree.get(part))
            .is_some()
    }

    pub(crate) fn provider(&self) -> Option<ProviderKind> {
        let text = self.text("provider")?;
        platform(&text)
    }

    pub(crate) fn on(&self, kind: ProviderKind) -> bool {
        self.provider() == Some(kind)
    }

    /// Whether addresses are the operator's to hand out.
    pub(crate) fn on_premises(&self) -> bool {
        self.provider().is_some_and(|kind| !kind.is_cloud())
    }

    pub(crate) fn is_single(&self) -> bool {
        self.says("cluster.topology", "single-node")
    }

    /// Control planes and workers.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let control_planes = if self.is_single() {
            1
        } else {
            self.number("cluster.controlPlane.replicas").unwrap_or(0)
        };
        (control_planes, self.number("cluster.workers.replicas").unwrap_or(0))
    }

    /// How many items of its list a topic is about; 1 where it is in no list.
    fn items(&self, topic: &Topic) -> usize {
        if !topic.ask.path.contains("[]") {
            return 1;
        }
        let (control_planes, workers) = self.counts();
        usize::try_from(control_planes.saturating_add(workers))
            .unwrap_or(MOST_LISTED)
            .min(MOST_LISTED)
    }

    /// Every topic that applies, with its path and the view of its rules, in the order of the questions.
    pub(crate) fn topics(self) -> impl Iterator<Item = (String, &'static Topic, Self)> {
        let mut all = Vec::with_capacity(TOPICS.len());
        let mut rest = &TOPICS[..];
        while let Some(topic) = rest.first() {
            // Topics of one list follow each other: item by item, not key by key.
            let list = topic.ask.path.split_once("[]").map(|(list, _)| list);
            let of_list =
                |other: &&Topic| list.is_some() && other.ask.path.split_once("[]").map(|(list, _)| list) == list;
            let count = rest.iter().take_while(of_list).count().max(1);
            let (block, others) = rest.split_at(count);
            for index in 0..self.items(topic) {
                all.extend(block.iter().map(|topic| (index, topic)));
            }
            rest = others;
        }
        all.into_iter().filter_map(move |(index, topic)| {
            let view = self.at(index);
            (topic.ask.applies)(&view).then(|| (topic.ask.path_of(index), topic, view))
        })
    }
}

/// The platform of a word.
pub(crate) fn platform(word: &str) -> Option<ProviderKind> {
    use ProviderKind::{Aws, Azure, Gcp, Harvester, InMemory, Local, Nutanix, Proxmox, Static};
    [Harvester, Nutanix, Proxmox, Gcp, Aws, Azure, Local, InMemory, Static]
        .into_iter()
        .find(|kind| kind.as_str() == word)
}
