//! Everything that was answered, and everything that was heard from the platform.

mod addons;
mod draft;
mod image;
mod judge;
mod offers;
mod open;
mod plan;
mod platform;
mod room;
mod set;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use butler_api::{
    choice::{Choice, ChoiceKind},
    config::{self, ConfigErrors, Loaded, ProviderKind},
};
use jiff::Timestamp;
use secrecy::SecretString;

use self::{image::Images, platform::Platform};
use crate::{
    addresses::AddressPlan,
    codec::Codec,
    document::Node,
    file::File,
    finding::{Finding, Severity},
    list::{About, Checked, Heard, State, Want},
    question::{Answer, Origin, Question, Step},
    sizing::{Room, Totals},
    topic::{self, Answers, Topic, View},
};

pub use self::{
    addons::Ties,
    image::Image,
    set::{SetError, split as split_set},
};
pub use crate::facts::{AddonPlanner, Facts, PlanAddons, PlannedAddon, ReadFile, Reader};

/// How a step stands, for the marks beside its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The step.
    pub step: Step,
    /// The worst that was found in it.
    pub worst: Option<Severity>,
    /// Whether something of it is still being asked of the platform.
    pub loading: bool,
    /// Whether every question that needs an answer has one.
    pub complete: bool,
}

/// The wizard without its looks.
#[derive(Debug, Clone)]
pub struct Session {
    pub(crate) facts: Facts,
    pub(crate) answers: Answers,
    pub(crate) secrets: BTreeMap<String, SecretString>,
    /// Settings whose typed secrets were forgotten, or which could not be kept in a draft.
    pub(crate) lost: Vec<String>,
    /// Remarks about what was opened.
    pub(crate) remarks: Vec<Finding>,
    platform: Platform,
    images: Images,
    /// The settings of the platform, as far as they decide who is asked.
    settings: OnceLock<Option<config::Provider>>,
    derived: OnceLock<Derived>,
}

/// What follows from the answers; made once after each change.
#[derive(Clone)]
struct Derived {
    file: File,
    text: String,
    loaded: Option<Arc<Loaded>>,
    findings: Vec<Finding>,
}

/// The file may hold what somebody wrote into it, secrets among it.
impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Derived")
            .field("findings", &self.findings)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Nothing is answered.
    pub fn new(facts: Facts) -> Self {
        let mut session = Self {
            facts,
            answers: Answers::default(),
            secrets: BTreeMap::new(),
            lost: Vec::new(),
            remarks: Vec::new(),
            platform: Platform::default(),
            images: Images::default(),
            settings: OnceLock::new(),
            derived: OnceLock::new(),
        };
        session.changed();
        session
    }

    /// Prefilled from a configuration. It may be incomplete or wrong: then the findings say so; only what is no YAML is an error.
    pub fn open(text: &str, name: &str, facts: Facts) -> Result<Self, ConfigErrors> {
        let mut session = Self::new(facts);
        open::open(&mut session, text, name)?;
        Ok(session)
    }

    /// Continues a draft. Secrets are not in it, only where they come from.
    pub fn resume(draft: &str, facts: Facts) -> Result<Self, String> {
        draft::read(draft, facts)
    }

    /// The draft that is kept after each change.
    pub fn draft(&self) -> String {
        draft::write(self)
    }

    /// What a draft is called in a list: the name of the cluster and the platform.
    pub fn title(&self) -> String {
        let view = self.view();
        let or_unnamed = |path: &str| view.text(path).unwrap_or_else(|| "?".to_owned());
        format!("{} on {}", or_unnamed("cluster.name"), or_unnamed("provider"))
    }

    pub(crate) fn view(&self) -> View<'_> {
        View::new(&self.answers, &self.facts)
    }

    /// The steps in order. Steps without a question that applies are not among them.
    pub fn steps(&self) -> Vec<Standing> {
        let mut steps: Vec<Standing> = Vec::new();
        let views: Vec<_> = self.view().topics().collect();
        for step in Step::ALL {
            let of_step: Vec<_> = views.iter().filter(|(_, topic, _)| topic.ask.step == step).collect();
            if of_step.is_empty() && step != Step::Review {
                continue;
            }
            let paths: Vec<&str> = of_step.iter().map(|(path, ..)| path.as_str()).collect();
            let findings = self.findings_ref().iter();
            let worst = match step {
                Step::Review => findings.map(|finding| finding.severity).max(),
                _ => findings
                    .filter(|finding| paths.contains(&finding.path.as_str()))
                    .map(|finding| finding.severity)
                    .max(),
            };
            let complete = match step {
                Step::Review => steps.iter().all(|step| step.complete),
                _ => of_step.iter().all(|(path, topic, view)| {
                    !(topic.ask.required)(view) || self.answers.given.contains_key(path) || view.usual(topic).is_some()
                }),
            };
            steps.push(Standing {
                step,
                worst,
                loading: self.is_loading(step, &of_step),
                complete,
            });
        }
        steps
    }

    fn is_loading(&self, step: Step, topics: &[&(String, &'static Topic, View<'_>)]) -> bool {
        let is_loading = |want: &Want| matches!(self.list(want), State::Loading { .. });
        let of_list = topics
            .iter()
            .filter_map(|(_, topic, _)| self.want(topic))
            .any(|want| is_loading(&want));
        let access = step == Step::Access && self.access().is_some_and(|want| is_loading(&want));
        of_list || access
    }

    /// The questions of a step that apply now, in order.
    pub fn questions(&self, step: Step) -> Vec<Question> {
        self.view()
            .topics()
            .filter(|(_, topic, _)| topic.ask.step == step)
            .map(|(path, topic, view)| self.asked(path, topic, &view))
            .collect()
    }

    /// One question by the path of its setting; none where it does not apply.
    pub fn question(&self, path: &str) -> Option<Question> {
        let (topic, index) = topic::find(path)?;
        let view = self.view().at(index);
        (topic.ask.applies)(&view).then(|| self.asked(path.to_owned(), topic, &view))
    }

    fn asked(&self, path: String, topic: &Topic, view: &View<'_>) -> Question {
        let finding = self.findings_ref().iter().find(|finding| finding.path == path);
        let group = topic.ask.group;
        let label = match path.split_once('[').and_then(|(_, rest)| rest.split_once(']')) {
            Some((index, _)) => format!("{} {}", topic.ask.label, index.parse::<usize>().map_or(1, |i| i + 1)),
            None => topic.ask.label.to_owned(),
        };
        Question {
            step: topic.ask.step,
            group,
            label,
            help: topic.help.clone(),
            kind: judge::kind(self, topic),
            required: (topic.ask.required)(view),
            rare: topic.ask.rare,
            usual: view.usual(topic),
            answer: self.answers.given.get(&path).cloned(),
            list: self.want(topic),
            finding: finding.cloned(),
            path,
        }
    }

    /// What holds for a setting now: its answer, else what is taken in its place; none where it does not apply or nothing is.
    pub fn value(&self, path: &str) -> Option<String> {
        self.view().text(path)
    }

    /// Takes an answer as it is typed, valid or not: what is wrong is among the findings. An empty text takes the answer back.
    pub fn answer(&mut self, path: &str, text: &str, origin: Origin) {
        if topic::find(path).is_none() {
            return;
        }
        let text = text.trim();
        if text.is_empty() {
            self.answers.given.remove(path);
        } else {
            let text = text.to_owned();
            self.answers.given.insert(path.to_owned(), Answer { text, origin });
        }
        open::drop_kept(&mut self.answers.kept, path);
        self.lost.retain(|lost| lost != path);
        self.changed();
    }

    /// Takes the answers that a finding knows to mend it.
    pub fn fix(&mut self, finding: &Finding) {
        for (path, text) in &finding.fix {
            self.answer(path, text, Origin::Chosen);
        }
    }

    /// Takes a value from the command line: a setting that is asked for, or any other of the file.
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), SetError> {
        set::set(self, path, value)?;
        self.changed();
        Ok(())
    }

    /// Takes a secret that was typed. It stays in memory: the file names an environment variable, which is returned, and the run
    /// is started with it.
    pub fn type_secret(&mut self, path: &str, secret: SecretString) -> String {
        let name = self.keep_secret(path, secret);
        self.answer(path, &format!("env:{name}"), Origin::Typed);
        name
    }

    pub(crate) fn keep_secret(&mut self, path: &str, secret: SecretString) -> String {
        let name = variable(path);
        self.secrets.insert(name.clone(), secret);
        self.platform.secret_changed(&name);
        name
    }

    /// Secrets that were typed, by the environment variable that the file expects them in.
    pub fn secrets(&self) -> &BTreeMap<String, SecretString> {
        &self.secrets
    }

    pub(crate) fn changed(&mut self) {
        self.settings = OnceLock::new();
        self.derived = OnceLock::new();
        let digest = self.platform.digest(&self.view());
        if self.platform.moved_to(digest) {
            // What another platform offered fits nothing.
            self.answers
                .given
                .retain(|_, answer| answer.origin != Origin::Discovered);
        }
        self.discover();
    }

    /// What the platform should be asked next, given what is answered; what was asked already is not among it.
    pub fn wants(&self) -> Vec<Want> {
        self.platform.wants(self)
    }

    /// Takes what was heard. What answers another platform than the one that is described now is kept for when that is described
    /// again.
    pub fn hear(&mut self, want: &Want, heard: Heard, now: Timestamp) {
        if want.about == About::Image {
            return self.images.hear(want, heard, now);
        }
        self.platform.hear(want, heard, now);
        self.derived = OnceLock::new();
        self.discover();
    }

    /// Forgets what was heard, so that it is asked again.
    pub fn ask_again(&mut self, want: &Want) {
        self.platform.forget(want);
        self.derived = OnceLock::new();
    }

    /// How far a question to the platform is.
    pub fn list(&self, want: &Want) -> &State {
        self.platform.state(want)
    }

    /// The question whether the platform can be used; none while it is not described well enough to be asked.
    pub fn access(&self) -> Option<Want> {
        self.platform.access(self)
    }

    /// The checks of the access to the platform, where they were made.
    pub fn checks(&self) -> &[Checked] {
        self.platform.checks()
    }

    /// What the platform offers for a question: each thing once, what cannot be used with the reason, what can first.
    pub fn offers(&self, path: &str) -> Vec<Choice> {
        offers::offers(self, path)
    }

    /// What was listed of a kind so far, and whether that is all.
    pub(crate) fn items(&self, kind: ChoiceKind) -> (&[Choice], bool) {
        self.platform.items(kind)
    }

    pub(crate) fn want(&self, topic: &Topic) -> Option<Want> {
        self.platform.want(self, topic)
    }

    fn discover(&mut self) {
        let found = offers::discovered(self);
        if found.is_empty() {
            return;
        }
        for (path, text) in found {
            let origin = Origin::Discovered;
            self.answers.given.insert(path, Answer { text, origin });
        }
        self.derived = OnceLock::new();
    }

    fn derived(&self) -> &Derived {
        self.derived.get_or_init(|| {
            let file = self.make_file();
            let text = file.text();
            let read = |path: &str| self.read(path);
            let name = self.answers.opened.as_deref().unwrap_or("the answers");
            let loaded = config::load_with(&text, name, &read);
            let findings = judge::findings(self, &loaded);
            Derived {
                file,
                text,
                loaded: loaded.ok().map(Arc::new),
                findings,
            }
        })
    }

    /// A file that the configuration names.
    fn read(&self, path: &str) -> Result<String, String> {
        match &self.facts.reader {
            Some(Reader(read)) => read(path),
            None => Err(judge::NO_READER.to_owned()),
        }
    }

    fn findings_ref(&self) -> &[Finding] {
        &self.derived().findings
    }

    /// Everything that is wrong or should be known, the worst first.
    pub fn findings(&self) -> Vec<Finding> {
        self.findings_ref().to_vec()
    }

    /// Whether nothing stands in the way of a cluster.
    pub fn is_complete(&self) -> bool {
        self.findings_ref()
            .iter()
            .all(|finding| finding.severity != Severity::Error)
    }

    /// The file that the answers make.
    pub fn file(&self) -> File {
        self.derived().file.clone()
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        &self.derived().text
    }

    /// The configuration that the file is, where it is a valid one.
    pub fn configuration(&self) -> Option<&Loaded> {
        self.derived().loaded.as_deref()
    }

    fn make_file(&self) -> File {
        let mut root = Node::of(&self.answers.kept, Origin::File);
        for (path, topic, view) in self.view().topics() {
            let (text, origin) = match self.answers.given.get(&path) {
                Some(answer) => (answer.text.clone(), answer.origin),
                None => match view.written(topic) {
                    Some(text) => (text, Origin::Usual),
                    None => continue,
                },
            };
            if let Some(value) = topic.codec.write(&text) {
                root.put(&path, value, origin);
            }
        }
        root.file()
    }

    /// What the machines take together.
    pub fn totals(&self) -> Totals {
        room::totals(&self.view())
    }

    /// What the platform has for them.
    pub fn room(&self) -> Room {
        room::room(self)
    }

    /// The address plan; none where the answers name no IPv4 network.
    pub fn addresses(&self) -> Option<AddressPlan> {
        plan::plan(&self.view())
    }

    /// The settings of the platform alone, for asking it: none while they are incomplete or wrong.
    pub fn platform(&self) -> Option<config::Provider> {
        self.settings().cloned()
    }

    pub(crate) fn settings(&self) -> Option<&config::Provider> {
        self.settings.get_or_init(|| Platform::settings(self)).as_ref()
    }

    /// The platform that was chosen.
    pub fn provider(&self) -> Option<ProviderKind> {
        self.view().provider()
    }

    /// The name of the cluster, where a valid one was given.
    pub fn cluster(&self) -> Option<String> {
        let name = self.view().text("cluster.name")?;
        let wrong = |finding: &Finding| finding.path == "cluster.name" && finding.severity == Severity::Error;
        (!self.findings_ref().iter().any(wrong)).then_some(name)
    }

    /// Whether the answer to a question is where a secret comes from.
    pub(crate) fn is_secret(path: &str) -> bool {
        topic::find(path).is_some_and(|(topic, _)| topic.codec == Codec::Secret)
    }
}

/// The environment variable of a typed secret: `providerConfig.proxmox.password` is `BUTLER_PROXMOX_PASSWORD`.
pub(crate) fn variable(path: &str) -> String {
    let mut name = "BUTLER".to_owned();
    let words = path
        .split(['.', '[', ']'])
        .filter(|word| !["", "providerConfig", "addons", "auth"].contains(word));
    for word in words {
        name.push('_');
        let mut before = false;
        for c in word.chars().filter(char::is_ascii_alphanumeric) {
            if c.is_ascii_uppercase() && before {
                name.push('_');
            }
            before = c.is_ascii_lowercase();
            name.push(c.to_ascii_uppercase());
        }
    }
    name
}
