//! The screens of the wizard, over the questions of `butler_wizard`.
//!
//! `keys` says what inputs do, `draw` what is seen. What is answered is in the session alone: here is only where one is, and what
//! is being typed.

mod draw;
mod editor;
mod grid;
mod hints;
mod image;
mod keys;
mod picker;
mod popups;
mod press;
mod review;
mod seen;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use butler_api::choice::Choice;
use butler_wizard::{
    list::{Heard, State, Want},
    question::{Origin, Question, Step},
    session::{Facts, Session},
};
use jiff::Timestamp;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use self::{
    editor::{Editor, Mode},
    picker::Picker,
    popups::{Pending, Popup},
    review::Review,
    seen::Seen,
};
use crate::{
    effect::{Described, Effect},
    input::Input,
    look::{Look, Role},
    screen::{Hint, Screen, Typing},
    widgets::{Canvas, Field, Line},
};

/// What the wizard begins with.
#[derive(Debug)]
pub struct Start {
    /// The questions, with what was answered before the screen came up.
    pub session: Session,
    /// What is known of the surroundings; for other sessions that are opened from here.
    pub facts: Facts,
    /// A draft that can be continued.
    pub draft: Option<Draft>,
    /// The configuration that the session was opened from.
    pub opened: Option<Opened>,
    /// How long a bootstrap takes usually, and how many runs say so, by the platform.
    pub usual: BTreeMap<String, (Duration, usize)>,
}

/// A draft of an earlier time.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What it is about, in a few words, such as the name of its cluster.
    pub about: String,
    /// When it was kept.
    pub kept: Timestamp,
    /// What it says.
    pub text: String,
}

/// A configuration that was opened.
#[derive(Clone)]
pub struct Opened {
    /// Where it is.
    pub path: String,
    /// What it says; secrets in clear text may be among it.
    pub text: String,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// The wizard.
#[derive(Debug)]
pub struct Wizard {
    session: Session,
    facts: Facts,
    usual: BTreeMap<String, (Duration, usize)>,
    draft: Option<Draft>,
    opened: Option<Before>,
    step: Step,
    /// The question that has the focus, for each step that was visited.
    focus: BTreeMap<Step, String>,
    editor: Editor,
    picker: Option<Picker>,
    popup: Option<Popup>,
    review: Review,
    /// What is looked for among the questions of a step, and whether it is being typed.
    filter: Option<(Field, bool)>,
    /// Questions whose answer is typed though there is a list.
    typed: BTreeSet<String>,
    /// Whether something was answered since the draft was kept.
    changed: bool,
    /// Whether something was answered at all.
    touched: bool,
    /// Whether a draft was kept.
    kept: bool,
    pending: Option<Pending>,
    /// What the platform offers for the question that has the focus.
    offers: Vec<Choice>,
    /// Whether questions are shown that are usually left alone.
    all: bool,
    /// What happened last, in a line.
    notice: Option<Line>,
    seen: Seen,
    /// Columns and rows of the terminal.
    size: (u16, u16),
}

/// The configuration that was opened, as its lines were before anything was changed.
#[derive(Debug, Clone)]
struct Before {
    path: String,
    lines: Vec<String>,
}

impl Before {
    fn of(path: String, session: &Session) -> Self {
        let lines = session
            .file()
            .lines
            .iter()
            .map(|line| line.shown().into_owned())
            .collect();
        Self { path, lines }
    }
}

impl Wizard {
    /// Begins at the first step.
    pub fn new(start: Start) -> Self {
        let seen = Seen::of(&start.session, Step::Provider);
        let opened = start.opened.map(|opened| {
            // What the command line set on top of the file is a difference, too.
            let session = Session::open(&opened.text, &opened.path, start.facts.clone());
            Before::of(opened.path, session.as_ref().unwrap_or(&start.session))
        });
        let mut wizard = Self {
            session: start.session,
            facts: start.facts,
            usual: start.usual,
            draft: start.draft,
            opened,
            step: Step::Provider,
            focus: BTreeMap::new(),
            editor: Editor::Keys,
            picker: None,
            popup: None,
            review: Review::default(),
            filter: None,
            typed: BTreeSet::new(),
            changed: false,
            touched: false,
            kept: false,
            pending: None,
            offers: Vec::new(),
            all: false,
            notice: None,
            seen,
            size: (80, 24),
        };
        wizard.look_again();
        wizard.refocus();
        wizard
    }

    /// The answers.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The step that is shown.
    pub fn step(&self) -> Step {
        self.step
    }

    /// The setting whose question has the focus; none on the last step.
    pub fn focused(&self) -> Option<&str> {
        self.question().map(|question| question.path.as_str())
    }

    /// The question that has the focus.
    fn question(&self) -> Option<&Question> {
        let path = self.focus.get(&self.step)?;
        self.seen.questions.iter().find(|question| question.path == *path)
    }

    /// How far the list of a question is.
    fn list(&self, question: &Question) -> Option<&State> {
        question.list.as_ref().map(|want| self.session.list(want))
    }

    /// How a question is answered.
    fn mode(&self, question: &Question) -> Mode {
        Mode::of(question, self.list(question), self.typed.contains(&question.path))
    }

    /// Takes in what the session says now; the focus stays on a question that exists.
    fn look_again(&mut self) {
        let before = self.focus.get(&self.step).and_then(|path| self.seen.position(path));
        self.seen = Seen::of(&self.session, self.step);
        if !self.seen.steps.iter().any(|standing| standing.step == self.step) {
            let mut next = self.seen.steps.iter().map(|standing| standing.step);
            self.step = next
                .clone()
                .find(|step| *step > self.step)
                .or(next.next_back())
                .unwrap_or(Step::Provider);
            self.seen = Seen::of(&self.session, self.step);
        }
        let exists = self
            .focus
            .get(&self.step)
            .is_some_and(|path| self.seen.position(path).is_some());
        if !exists {
            let near = before.unwrap_or(0);
            self.focus.remove(&self.step);
            let shown = self.shown();
            let next = shown.iter().find(|at| **at >= near).or(shown.last());
            match self.seen.questions.get(next.copied().unwrap_or(0)) {
                Some(question) => self.focus.insert(self.step, question.path.clone()),
                None => self.focus.remove(&self.step),
            };
            self.refocus();
        }
        self.review.place = self.review.place.within(self.seen.findings.len());
        self.refill();
    }

    /// Begins to edit the question that has the focus, as it stands.
    fn refocus(&mut self) {
        self.picker = None;
        self.refill();
        self.editor = match self.question() {
            Some(question) => Editor::of(question, self.mode(question)),
            None => Editor::Keys,
        };
    }

    /// The list that is open shows what there is now; one whose question is gone is closed.
    fn refill(&mut self) {
        self.offers = match self.question() {
            Some(question) if question.list.is_some() => self.session.offers(&question.path),
            _ => Vec::new(),
        };
        let Some(mut picker) = self.picker.take() else {
            return;
        };
        if let Some(question) = self.question().filter(|question| question.path == picker.path) {
            picker.fill(question, &self.offers);
            self.picker = Some(picker);
        }
    }

    /// Takes an answer.
    fn answer(&mut self, path: &str, text: &str, origin: Origin) {
        self.session.answer(path, text, origin);
        self.changed = true;
        self.touched = true;
        self.look_again();
    }

    /// Asks the platform what is not known yet, and keeps the draft; not while a text is being typed, which is not meant yet.
    fn settle(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.editor.is_touched() {
            return;
        }
        self.forget_images(effects);
        self.ask(now, effects);
        if self.changed {
            self.changed = false;
            effects.push(Effect::SaveDraft(self.session.draft()));
        }
    }

    fn ask(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let wants = self.session.wants();
        if wants.is_empty() {
            return;
        }
        let Some(settings) = self.session.platform() else {
            return;
        };
        let platform = Described {
            settings,
            secrets: self.session.secrets().clone(),
            folder: self.folder(),
        };
        for want in wants {
            self.session.hear(&want, Heard::Asked, now);
            effects.push(Effect::Ask {
                want,
                platform: Box::new(platform.clone()),
            });
        }
        self.look_again();
    }

    /// The folder that relative paths are of.
    fn folder(&self) -> PathBuf {
        let opened = self.opened.as_ref().and_then(|opened| Path::new(&opened.path).parent());
        opened.map_or_else(PathBuf::new, Path::to_owned)
    }

    /// Says something in the status line until the next key.
    fn say(&mut self, role: Role, words: &str) {
        self.notice = Some(Line::of(role, words));
    }

    /// Where the file is written as long as nobody said.
    fn default_path(&self) -> String {
        match (&self.opened, &self.seen.cluster) {
            (Some(opened), _) => opened.path.clone(),
            (None, Some(cluster)) => format!("./{cluster}.yaml"),
            (None, None) => "./butler.yaml".to_owned(),
        }
    }

    /// Where the file is written.
    fn path(&self) -> String {
        let path = self.review.path.text().trim();
        if path.is_empty() {
            self.default_path()
        } else {
            path.to_owned()
        }
    }
}

impl Screen for Wizard {
    fn update(&mut self, input: Input, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.take(input, now, &mut effects);
        self.settle(now, &mut effects);
        effects
    }

    fn draw(&self, area: Rect, buffer: &mut Buffer, look: Look, now: Timestamp) -> Option<Position> {
        self.draw_all(area, &mut Canvas::new(buffer, look), now)
    }

    fn keys(&self) -> Vec<Hint> {
        self.hints()
    }

    fn typing(&self) -> Typing {
        match &self.popup {
            Some(Popup::Path { .. }) => return Typing::Text,
            Some(_) => return Typing::Keys,
            None => {}
        }
        let filters = self.filter.as_ref().is_some_and(|(_, typing)| *typing);
        let names_file = self.step == Step::Review && self.review.place == review::Place::Path;
        match &self.editor {
            Editor::Secret { .. } if self.editor.is_secret() => Typing::Secret,
            Editor::Text { .. } | Editor::Secret { .. } => Typing::Text,
            Editor::Keys if self.picker.is_some() || filters || names_file => Typing::Text,
            Editor::Keys => Typing::Keys,
        }
    }

    fn has_clock(&self) -> bool {
        // What is asked for says since when.
        if self.image_is_coming() {
            return true;
        }
        let is_asked = |want: &Want| matches!(self.session.list(want), State::Loading { .. });
        let lists = self.seen.questions.iter().filter_map(|question| question.list.as_ref());
        lists.cloned().chain(self.session.access()).any(|want| is_asked(&want))
    }
}
