//! The questions of a new cluster: which come, in which order, with which choices. Pure; somebody else asks them.

use std::collections::BTreeSet;

use butler_api::tenants::{self, CPU, DISK, MEMORY, Release};
use butler_api::v1alpha1::wire::Quantity;

use super::facts::{Fact, Facts};
use super::{Wanted, build, values};
use crate::clusters::scale::Workers;

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// The name.
    Name,
    /// The environment of the team.
    Environment,
    /// The platform.
    Provider,
    /// The Kubernetes release.
    Release,
    /// How many workers.
    Workers,
    /// The size of a worker.
    Size,
    /// Processor cores of a worker.
    Cpu,
    /// Memory of a worker.
    Memory,
    /// Disk of a worker.
    Disk,
    /// Addresses for services.
    Pool,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// What it is about.
    pub topic: Topic,
    /// The question.
    pub words: &'static str,
    /// The flag that would have answered it.
    pub flag: &'static str,
    /// How it is answered.
    pub kind: Kind,
}

/// How a question is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// By a text; with the usual one where there is one.
    Text(Option<String>),
    /// By one of these: what is shown, and what it stands for.
    Choice {
        /// All of them.
        choices: Vec<(String, String)>,
        /// The usual one.
        usual: usize,
    },
}

/// The questions of one cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Interview {
    wanted: Wanted,
    facts: Facts,
    /// Names that are taken.
    taken: Vec<String>,
    asked: BTreeSet<Topic>,
}

/// Sizes of a worker to choose: name, cores, memory, disk.
const SIZES: [(&str, i32, &str, &str); 4] = [
    ("small", 2, "4Gi", "40Gi"),
    ("usual", CPU, MEMORY, DISK),
    ("large", 8, "16Gi", "100Gi"),
    ("huge", 16, "64Gi", "200Gi"),
];
/// The choice after which every part of the size is asked for.
const OTHER: &str = "other";

/// Whether something is missing that has to be asked for.
pub fn is_incomplete(wanted: &Wanted, facts: &Facts) -> Option<&'static str> {
    if wanted.name.is_empty() {
        return Some("--name");
    }
    let environments = facts.team.as_ref().map_or(0, |team| team.environments.len());
    (environments > 0 && wanted.environment.is_none()).then_some("--environment")
}

impl Interview {
    /// Begins with what was said already.
    pub fn new(wanted: Wanted, facts: Facts, taken: Vec<String>) -> Self {
        Self {
            wanted,
            facts,
            taken,
            asked: BTreeSet::new(),
        }
    }

    /// What is wanted, as far as it is known.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// The next question; nothing when all of them are answered.
    pub fn next(&self) -> Option<Ask> {
        let all: [fn(&Self) -> Option<Ask>; 10] = [
            Self::name,
            Self::environment,
            Self::provider,
            Self::release,
            Self::workers,
            Self::size,
            Self::cpu,
            Self::memory,
            Self::disk,
            Self::pool,
        ];
        let mut open = all.into_iter().filter_map(|ask| ask(self));
        open.find(|ask| !self.asked.contains(&ask.topic))
    }

    /// Whether a text answers a question.
    pub fn check(&self, topic: Topic, text: &str) -> Result<(), String> {
        if topic == Topic::Name && self.taken.iter().any(|taken| taken == text) {
            return Err(format!("there is a cluster {text} already"));
        }
        set(&mut Wanted::default(), topic, text)
    }

    /// Takes an answer.
    pub fn answer(&mut self, topic: Topic, text: &str) -> Result<(), String> {
        self.check(topic, text)?;
        self.asked.insert(topic);
        set(&mut self.wanted, topic, text)
    }

    fn name(&self) -> Option<Ask> {
        self.wanted.name.is_empty().then_some(Ask {
            topic: Topic::Name,
            words: "Name of the new cluster",
            flag: "--name",
            kind: Kind::Text(None),
        })
    }

    fn environment(&self) -> Option<Ask> {
        let environments = &self.facts.team.as_ref()?.environments;
        let open = self.wanted.environment.is_none() && !environments.is_empty();
        open.then(|| Ask {
            topic: Topic::Environment,
            words: "Environment",
            flag: "--environment",
            kind: Kind::Choice {
                choices: environments.iter().map(|one| same(&one.name)).collect(),
                usual: 0,
            },
        })
    }

    fn provider(&self) -> Option<Ask> {
        let Fact::Known(providers) = &self.facts.providers else {
            return None;
        };
        let has_default = matches!(self.facts.default_provider, Fact::Known(Some(_)));
        let open = self.wanted.provider.is_none() && providers.len() > 1 && !has_default;
        let shown = |provider: &super::facts::Provider| {
            (
                format!("{} ({})", provider.name, provider.platform),
                provider.name.clone(),
            )
        };
        open.then(|| Ask {
            topic: Topic::Provider,
            words: "Platform",
            flag: "--provider",
            kind: Kind::Choice {
                choices: providers.iter().map(shown).collect(),
                usual: 0,
            },
        })
    }

    fn release(&self) -> Option<Ask> {
        let usual = build::usual(&self.wanted, &self.facts).release;
        let mut releases: Vec<String> = Release::choices().iter().map(Release::to_string).collect();
        if !releases.contains(&usual) {
            releases.insert(0, usual.clone());
        }
        let place = releases.iter().position(|release| *release == usual);
        self.wanted.release.is_none().then(|| Ask {
            topic: Topic::Release,
            words: "Kubernetes release",
            flag: "--kubernetes-version",
            kind: Kind::Choice {
                choices: releases.iter().map(|release| same(release)).collect(),
                usual: place.unwrap_or(0),
            },
        })
    }

    fn workers(&self) -> Option<Ask> {
        let usual = build::usual(&self.wanted, &self.facts).workers;
        self.wanted.workers.is_none().then(|| Ask {
            topic: Topic::Workers,
            words: "Number of workers",
            flag: "--workers",
            kind: Kind::Text(Some(usual.to_string())),
        })
    }

    fn size(&self) -> Option<Ask> {
        let Wanted { cpu, memory, disk, .. } = &self.wanted;
        let open = cpu.is_none() && memory.is_none() && disk.is_none();
        let usual = build::usual(&self.wanted, &self.facts);
        let shown = |name: &str, cpu: i32, memory: &str, disk: &str| {
            let value = format!("{cpu} {memory} {disk}");
            (format!("{name}: {cpu} cores, {memory} memory, {disk} disk"), value)
        };
        let mut choices: Vec<(String, String)> = SIZES
            .iter()
            .map(|(name, cpu, memory, disk)| shown(name, *cpu, memory, disk))
            .collect();
        let by_default = shown("of the team", usual.cpu, &usual.memory.0, &usual.disk.0);
        let place = choices.iter().position(|(_, value)| *value == by_default.1);
        if place.is_none() {
            choices.insert(0, by_default);
        }
        choices.push((format!("{OTHER}: every part is asked for"), OTHER.to_owned()));
        open.then(|| Ask {
            topic: Topic::Size,
            words: "Size of a worker",
            flag: "--cpu, --memory, --disk",
            kind: Kind::Choice {
                choices,
                usual: place.unwrap_or(0),
            },
        })
    }

    /// A part of the size: asked for where it is open after the question for the whole, or beside parts that were said.
    fn part(topic: Topic, open: bool, words: &'static str, flag: &'static str, usual: String) -> Option<Ask> {
        open.then_some(Ask {
            topic,
            words,
            flag,
            kind: Kind::Text(Some(usual)),
        })
    }

    fn cpu(&self) -> Option<Ask> {
        let usual = build::usual(&self.wanted, &self.facts).cpu.to_string();
        Self::part(
            Topic::Cpu,
            self.wanted.cpu.is_none(),
            "Cores of a worker",
            "--cpu",
            usual,
        )
    }

    fn memory(&self) -> Option<Ask> {
        let usual = build::usual(&self.wanted, &self.facts).memory.0;
        Self::part(
            Topic::Memory,
            self.wanted.memory.is_none(),
            "Memory of a worker",
            "--memory",
            usual,
        )
    }

    fn disk(&self) -> Option<Ask> {
        let usual = build::usual(&self.wanted, &self.facts).disk.0;
        Self::part(
            Topic::Disk,
            self.wanted.disk.is_none(),
            "Disk of a worker",
            "--disk",
            usual,
        )
    }

    /// Addresses are asked for where the platform gives none.
    fn pool(&self) -> Option<Ask> {
        let used = build::used_provider(&self.wanted, &self.facts)?;
        let open = self.wanted.pool.is_none() && !used.allocates;
        open.then_some(Ask {
            topic: Topic::Pool,
            words: "Addresses for services of type LoadBalancer, FIRST-LAST; Enter for none",
            flag: "--lb-pool",
            kind: Kind::Text(None),
        })
    }
}

fn same(text: &str) -> (String, String) {
    (text.to_owned(), text.to_owned())
}

/// Reads an answer into what is wanted.
fn set(wanted: &mut Wanted, topic: Topic, text: &str) -> Result<(), String> {
    match topic {
        Topic::Name => wanted.name = tenants::name(text).map_err(|error| error.to_string())?,
        Topic::Environment => wanted.environment = Some(text.to_owned()),
        Topic::Provider => wanted.provider = Some(text.to_owned()),
        Topic::Release => wanted.release = Some(Release::parse(text).map_err(|error| error.to_string())?),
        Topic::Workers => wanted.workers = Some(Workers::parse(text).map_err(|error| error.to_string())?),
        Topic::Size if text == OTHER => {}
        Topic::Size => {
            let parts: Vec<&str> = text.split(' ').collect();
            let [cpu, memory, disk] = parts.as_slice() else {
                return Err(format!("{text:?} is no size"));
            };
            set(wanted, Topic::Cpu, cpu)?;
            set(wanted, Topic::Memory, memory)?;
            set(wanted, Topic::Disk, disk)?;
        }
        Topic::Cpu => wanted.cpu = Some(values::cpu(text).map_err(|error| error.to_string())?),
        Topic::Memory => wanted.memory = Some(size(values::memory(text))?),
        Topic::Disk => wanted.disk = Some(size(values::disk(text))?),
        Topic::Pool if text.is_empty() => {}
        Topic::Pool => wanted.pool = Some(values::pool(text).map_err(|error| error.to_string())?),
    }
    Ok(())
}

fn size(read: Result<Quantity, values::BadValue>) -> Result<Quantity, String> {
    read.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use butler_api::v1alpha1::team::{ClusterDefaults, Environment};

    use super::super::facts::{Provider, TeamFacts};
    use super::*;

    fn provider(name: &str, allocates: bool) -> Provider {
        Provider {
            name: name.to_owned(),
            platform: "inmemory".to_owned(),
            allocates,
        }
    }

    /// Takes the usual answer to every question but that for the name, and gives their flags.
    fn enter(interview: &mut Interview) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(ask) = interview.next() {
            let answer = match &ask.kind {
                _ if ask.topic == Topic::Name => "asked".to_owned(),
                Kind::Text(usual) => usual.clone().unwrap_or_else(String::new),
                Kind::Choice { choices, usual } => choices[*usual].1.clone(),
            };
            told.push(format!("{} {answer}", ask.flag));
            interview.answer(ask.topic, &answer).unwrap();
        }
        told
    }

    #[test]
    fn enter_takes_every_answer_but_the_name() {
        let facts = Facts {
            providers: Fact::Known(vec![provider("inmemory", true)]),
            ..Facts::default()
        };
        let mut interview = Interview::new(Wanted::default(), facts, Vec::new());
        assert_eq!(
            enter(&mut interview),
            [
                "--name asked",
                "--kubernetes-version v1.32.2",
                "--workers 1",
                "--cpu, --memory, --disk 4 8Gi 50Gi",
            ]
        );
        assert_eq!(interview.wanted().name, "asked");
    }

    #[test]
    fn a_team_has_its_own_questions_and_usual_answers() {
        let defaults = ClusterDefaults {
            kubernetes_version: Some("v1.33.9".to_owned()),
            worker_count: Some(3),
            worker_memory_gi: Some(32),
            ..ClusterDefaults::default()
        };
        let environment = |name: &str, cluster_defaults| Environment {
            access: None,
            cluster_defaults,
            description: None,
            limits: None,
            name: name.to_owned(),
        };
        let facts = Facts {
            team: Some(TeamFacts {
                environments: vec![environment("dev", Some(defaults)), environment("prod", None)],
                ..TeamFacts::default()
            }),
            default_provider: Fact::Known(None),
            providers: Fact::Known(vec![provider("one", false), provider("two", true)]),
            ..Facts::default()
        };
        let mut interview = Interview::new(Wanted::default(), facts, Vec::new());
        assert_eq!(
            enter(&mut interview),
            [
                "--name asked",
                "--environment dev",
                "--provider one",
                "--kubernetes-version v1.33.9",
                "--workers 3",
                "--cpu, --memory, --disk 4 32Gi 50Gi",
                "--lb-pool ",
            ]
        );
        assert_eq!(interview.wanted().pool, None);
    }

    #[test]
    fn what_was_said_is_not_asked_for_and_another_size_in_parts() {
        let wanted = Wanted {
            name: "a".to_owned(),
            release: Some(Release::usual()),
            ..Wanted::default()
        };
        let mut interview = Interview::new(wanted, Facts::default(), vec!["b".to_owned()]);
        interview.answer(Topic::Workers, "2").unwrap();
        interview.answer(Topic::Size, OTHER).unwrap();
        let rest = enter(&mut interview);
        assert_eq!(rest, ["--cpu 4", "--memory 8Gi", "--disk 50Gi"]);
        assert_eq!(
            interview.check(Topic::Name, "b").unwrap_err(),
            "there is a cluster b already"
        );
        assert!(interview.check(Topic::Workers, "0").is_err() && interview.check(Topic::Pool, "x").is_err());
    }
}
