//! What inputs do.

use butler_wizard::{
    finding::Severity,
    list::{Heard, Want},
    question::{Origin, Question, Step},
    session::Session,
};
use crossterm::event::{KeyCode, KeyModifiers};
use jiff::Timestamp;
use secrecy::SecretString;

use super::{
    Before, Wizard,
    editor::{Editor, Source},
    popups::{self, Pending, Popup, Purpose},
    review::Place,
    seen,
};
use crate::{
    effect::Effect,
    input::{Done, Input, Key, Mouse},
    look::Role,
    widgets::{Field, Outcome},
};

impl Wizard {
    pub(super) fn take(&mut self, input: Input, now: Timestamp, effects: &mut Vec<Effect>) {
        match input {
            Input::Key(key) => self.key(key, now, effects),
            Input::Paste(text) => self.paste(&text),
            Input::Resize(columns, rows) => self.size = (columns, rows),
            Input::Mouse(Mouse::Turned(rows)) => self.turn(rows),
            Input::Heard(want, heard) => self.hear(&want, heard, now),
            Input::Done(done) => self.done(done, now, effects),
            Input::Mouse(Mouse::Pressed(..)) | Input::Tick | Input::Run(_) | Input::Board(_) => {}
        }
    }

    fn key(&mut self, key: Key, now: Timestamp, effects: &mut Vec<Effect>) {
        self.notice = None;
        if self.popup.is_some() {
            self.popup_key(key, now, effects);
        } else if !self.global(key, now, effects) {
            self.step_key(key, now, effects);
        }
    }

    /// Keys that mean the same on every step.
    fn global(&mut self, key: Key, now: Timestamp, effects: &mut Vec<Effect>) -> bool {
        if key.code == KeyCode::F(2) {
            self.fold();
            return true;
        }
        let KeyCode::Char(letter) = key.code else {
            return false;
        };
        if key.modifiers.contains(KeyModifiers::ALT) {
            let Some(number) = letter.to_digit(10).filter(|number| *number > 0) else {
                return false;
            };
            self.jump(number);
            return true;
        }
        if !key.modifiers.contains(KeyModifiers::CONTROL) {
            return false;
        }
        match letter.to_ascii_lowercase() {
            'n' => self.next_step(),
            'p' => self.previous_step(),
            'r' => self.ask_again(),
            't' => self.type_instead(),
            'f' => self.mend(),
            's' => self.ask_path(Purpose::Save),
            'b' => self.bring_image(now, effects),
            'c' => self.leave_or_ask(now, effects),
            _ => return false,
        }
        true
    }

    fn paste(&mut self, text: &str) {
        match &mut self.popup {
            Some(Popup::Path { field, .. }) => return field.paste(text),
            Some(_) => return,
            None => {}
        }
        if let Some(picker) = &mut self.picker {
            picker.filter.paste(text);
            self.refill();
        } else if let Some((field, true)) = &mut self.filter {
            field.paste(text);
        } else if self.step == Step::Review && self.review.place == Place::Path {
            self.review.path.paste(text);
        } else if self.editor.paste(text) {
            self.typed_on();
        }
    }

    fn turn(&mut self, rows: i16) {
        if self.popup.is_some() {
            return;
        }
        if let Some(picker) = &mut self.picker {
            picker.step(isize::from(rows));
        } else if self.step == Step::Review {
            let height = usize::from(self.size.1);
            let lines = self.document_rows();
            self.review
                .scroll
                .turn(isize::from(rows), lines, height.saturating_sub(8));
        } else {
            for _ in 0..rows.unsigned_abs().min(100) {
                self.move_row(rows > 0);
            }
        }
    }

    fn hear(&mut self, want: &Want, heard: Heard, now: Timestamp) {
        self.session.hear(want, heard, now);
        self.look_again();
        // A list came, or will not come: the question is answered in another way now. Not under the fingers of someone who types.
        if self.picker.is_none()
            && !self.editor.is_touched()
            && self.question().is_some_and(|question| question.list.is_some())
        {
            self.refocus();
        }
    }

    fn done(&mut self, done: Done, now: Timestamp, effects: &mut Vec<Effect>) {
        match done {
            Done::Saved { path } => {
                // A launch writes the file, too, and goes on.
                self.pending = self.pending.filter(|pending| *pending == Pending::Launch);
                self.say(Role::Good, &format!("written: {path}"));
            }
            Done::DraftSaved => self.kept = true,
            Done::Launched { .. } => {
                self.pending = None;
                self.changed = false;
                self.leave_image_to_run(effects);
                // What it was a draft of exists now.
                if self.touched || self.kept {
                    effects.push(Effect::DropDraft);
                }
            }
            Done::Opened { path, text } => self.opened(&path, &text, now),
            Done::Taken { path } => {
                let launch = self.pending.take() == Some(Pending::Launch);
                self.popup = Some(popups::replace(&path, popups::other_path(&path), launch, now));
            }
            Done::Failed { what, error, hint } => match self.pending.take() {
                Some(_) => self.popup = Some(popups::error(&what, &error, hint.as_deref(), now)),
                None => self.say(Role::Bad, &format!("error: {what}: {error}")),
            },
            Done::Copied(_) | Done::Runs(_) | Done::Earlier { .. } | Done::Bundled { .. } => {}
        }
        self.settle(now, effects);
    }

    fn opened(&mut self, path: &str, text: &str, now: Timestamp) {
        self.pending = None;
        match Session::open(text, path, self.facts.clone()) {
            Ok(session) => {
                self.opened = Some(Before::of(path.to_owned(), &session));
                self.replace_session(session);
                self.say(Role::Good, &format!("opened: {path}"));
            }
            Err(error) => {
                let what = format!("open {path}");
                self.popup = Some(popups::error(&what, &error.to_string(), None, now));
            }
        }
    }

    pub(super) fn continue_draft(&mut self, now: Timestamp) {
        let Some(draft) = self.draft.take() else {
            return;
        };
        match Session::resume(&draft.text, self.facts.clone()) {
            Ok(session) => {
                self.replace_session(session);
                self.touched = true;
                self.kept = true;
                self.say(
                    Role::Good,
                    "the draft is continued; secrets that were typed have to be typed again",
                );
            }
            Err(error) => {
                let hint = "begin anew; the next answer takes the place of the draft";
                self.popup = Some(popups::error("continue the draft", &error, Some(hint), now));
            }
        }
    }

    fn replace_session(&mut self, session: Session) {
        self.session = session;
        self.focus.clear();
        self.typed.clear();
        self.filter = None;
        self.look_again();
        self.refocus();
    }

    /// What is typed into the focused question is its answer from the first key on, so that what is wrong with it shows at once.
    pub(super) fn typed_on(&mut self) {
        let Some(path) = self.focused().map(str::to_owned) else {
            return;
        };
        if let Some(text) = self.editor.answer() {
            self.answer(&path, &text, Origin::Typed);
        }
    }

    /// Leaves the focused question: what was typed into it is meant. A secret goes where secrets are kept.
    pub(super) fn leave_question(&mut self) {
        if self.editor.is_touched()
            && let Editor::Secret {
                source: Source::Now,
                field,
                ..
            } = &self.editor
            && !field.text().is_empty()
            && let Some(path) = self.focused().map(str::to_owned)
        {
            let secret = SecretString::from(field.text().to_owned());
            self.session.type_secret(&path, secret);
            self.changed = true;
            self.touched = true;
            self.look_again();
        }
        self.refocus();
    }

    pub(super) fn focus_on(&mut self, path: &str) {
        self.leave_question();
        if self.seen.position(path).is_some() {
            self.focus.insert(self.step, path.to_owned());
        }
        self.refocus();
    }

    /// The questions that are shown, by their places. Those that are usually left alone are not, unless something is the matter
    /// with them.
    pub(super) fn shown(&self) -> Vec<usize> {
        let filter = self.filter.as_ref().map(|(field, _)| field.text().to_lowercase());
        let words: Vec<&str> = filter.iter().flat_map(|words| words.split_whitespace()).collect();
        let matters = |question: &Question| {
            !question.rare
                || self.all
                || filter.is_some()
                || question.answer.is_some()
                || question.finding.is_some()
                || self.focus.get(&self.step) == Some(&question.path)
        };
        let fits = |question: &Question| {
            let has = |word: &&str| {
                let texts = [question.label.as_str(), question.group, &question.path];
                texts.iter().any(|text| text.to_lowercase().contains(word))
            };
            words.iter().all(has)
        };
        let questions = self.seen.questions.iter().enumerate();
        questions
            .filter(|(_, question)| matters(question) && fits(question))
            .map(|(at, _)| at)
            .collect()
    }

    /// Shows the questions that are usually left alone, or folds them away.
    fn fold(&mut self) {
        self.all = !self.all;
        let rare = self.seen.questions.iter().filter(|question| question.rare).count();
        let words = match (rare, self.all) {
            (0, _) => "nothing is folded away here".to_owned(),
            (count, true) => format!("{count} questions more, which are usually left alone"),
            (_, false) => "what is usually left alone is folded away".to_owned(),
        };
        self.say(Role::Plain, &words);
    }

    /// Mends what is wrong with the focused question, where it is known how.
    fn mend(&mut self) {
        let Some(finding) = self.mendable().cloned() else {
            return self.say(Role::Plain, "there is nothing here that could be mended by a key");
        };
        self.session.fix(&finding);
        self.changed = true;
        self.touched = true;
        self.look_again();
        self.refocus();
        let set: Vec<String> = finding
            .fix
            .iter()
            .map(|(path, text)| format!("{path}: {text}"))
            .collect();
        self.say(Role::Good, &format!("set: {}", set.join(", ")));
    }

    /// Goes to the question below or above; says whether there is one.
    pub(super) fn move_focus(&mut self, down: bool) -> bool {
        let shown = self.shown();
        let here = self.focused().and_then(|path| self.seen.position(path));
        let next = if down {
            shown.iter().find(|at| here.is_none_or(|here| **at > here))
        } else {
            shown.iter().rev().find(|at| here.is_none_or(|here| **at < here))
        };
        let Some(path) = next.map(|at| self.seen.questions[*at].path.clone()) else {
            return false;
        };
        self.focus_on(&path);
        true
    }

    pub(super) fn go(&mut self, step: Step) {
        self.leave_question();
        self.filter = None;
        self.step = step;
        self.look_again();
        self.refocus();
    }

    /// To the next step, at its beginning.
    pub(super) fn next_step(&mut self) {
        let next = self
            .seen
            .steps
            .iter()
            .map(|standing| standing.step)
            .find(|step| *step > self.step);
        match next {
            Some(step) => {
                self.focus.remove(&step);
                self.go(step);
            }
            None => self.say(Role::Plain, "this is the last step: enter launches"),
        }
    }

    pub(super) fn previous_step(&mut self) {
        let before = self.seen.steps.iter().map(|standing| standing.step);
        match before.rev().find(|step| *step < self.step) {
            Some(step) => self.go(step),
            None => self.say(Role::Plain, "this is the first step"),
        }
    }

    fn jump(&mut self, number: u32) {
        let at = usize::try_from(number - 1).unwrap_or(usize::MAX);
        match self.seen.steps.get(at).map(|standing| standing.step) {
            Some(step) => self.go(step),
            None => self.say(Role::Plain, &format!("there is no step {number}")),
        }
    }

    /// Accepts what is shown, and goes on.
    pub(super) fn advance(&mut self) {
        if !self.move_focus(true) {
            self.next_step();
        }
    }

    fn ask_again(&mut self) {
        let list = self.question().and_then(|question| question.list.clone());
        let want = if self.step == Step::Access {
            self.session.access()
        } else {
            list
        };
        match want {
            Some(want) => {
                self.session.ask_again(&want);
                self.look_again();
                self.say(Role::Plain, "the platform is asked again");
            }
            None => self.say(Role::Plain, "nothing is asked of the platform here"),
        }
    }

    fn type_instead(&mut self) {
        if self.editor.next_source() {
            if !self.editor.is_secret() {
                self.typed_on();
            }
            return;
        }
        let Some(path) = self
            .question()
            .filter(|question| question.list.is_some())
            .map(|question| question.path.clone())
        else {
            return self.say(Role::Plain, "there is no list to choose from here");
        };
        let words = self.picker.as_ref().map(|picker| picker.filter.text().to_owned());
        if self.picker.is_none() && self.typed.remove(&path) {
            return self.refocus();
        }
        self.typed.insert(path);
        self.refocus();
        if let Some(words) = words.filter(|words| !words.is_empty()) {
            self.editor.paste(&words);
            self.typed_on();
        }
    }

    pub(super) fn ask_path(&mut self, purpose: Purpose) {
        let path = match purpose {
            Purpose::Save => self.path(),
            Purpose::Open => String::new(),
        };
        self.leave_question();
        self.popup = Some(Popup::Path {
            purpose,
            field: Field::new(&path),
        });
    }

    pub(super) fn leave_or_ask(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.touched {
            self.leave_question();
            self.popup = Some(popups::leave(now));
        } else {
            effects.push(Effect::Leave { words: Vec::new() });
        }
    }

    /// Opens the box about the launch; where something is wrong, goes there instead.
    pub(super) fn ask_launch(&mut self, now: Timestamp) {
        let error = self
            .seen
            .findings
            .iter()
            .find(|finding| finding.severity == Severity::Error);
        if let Some(error) = error.cloned() {
            return self.go_to(&error.path, &error.message);
        }
        let cluster = self.seen.cluster.clone().unwrap_or_else(|| "the cluster".to_owned());
        let provider = self.seen.platform.clone();
        let path = self.path();
        let facts = popups::LaunchFacts {
            cluster: &cluster,
            place: &provider,
            path: &path,
            addons: self.addons(),
            warnings: self.seen.count(Severity::Warning),
            usual: self.usual.get(&provider).copied(),
            image: self.seen.image.as_ref(),
        };
        self.popup = Some(popups::launch(&self.session, &facts, now));
    }

    /// Goes to the question of a setting, where there is one.
    pub(super) fn go_to(&mut self, path: &str, message: &str) {
        if let Some(question) = self.session.question(path) {
            self.go(question.step);
            self.focus_on(path);
            self.say(Role::Bad, &format!("{}: {message}", question.label));
        } else {
            self.say(Role::Bad, message);
        }
    }

    fn popup_key(&mut self, key: Key, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(popup) = self.popup.take() else {
            return;
        };
        // Whoever asks twice to leave means it.
        let leaves = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        if leaves && !matches!(popup, Popup::Leave(_)) {
            return self.leave_or_ask(now, effects);
        }
        match popup {
            Popup::Path { purpose, field } => self.path_key(purpose, field, key, effects),
            Popup::Leave(mut ask) => {
                let enter = Key {
                    code: KeyCode::Enter,
                    modifiers: KeyModifiers::NONE,
                };
                match ask.key(if leaves { enter } else { key }, now) {
                    Outcome::Open => self.popup = Some(Popup::Leave(ask)),
                    Outcome::Chosen(popups::KEEP) => self.leave(true, effects),
                    Outcome::Chosen(popups::THROW_AWAY) => self.leave(false, effects),
                    Outcome::Chosen(_) | Outcome::Closed => {}
                }
            }
            Popup::Error(mut ask) => {
                if ask.key(key, now) == Outcome::Open {
                    self.popup = Some(Popup::Error(ask));
                }
            }
            Popup::Launch(mut ask) => match ask.key(key, now) {
                Outcome::Open => self.popup = Some(Popup::Launch(ask)),
                Outcome::Chosen(popups::LAUNCH) => self.write(self.path(), false, true, effects),
                Outcome::Chosen(popups::ONLY_WRITE) => self.write(self.path(), false, false, effects),
                Outcome::Chosen(_) | Outcome::Closed => {}
            },
            Popup::Replace {
                mut ask,
                path,
                other,
                launch,
            } => match ask.key(key, now) {
                Outcome::Open => {
                    self.popup = Some(Popup::Replace {
                        ask,
                        path,
                        other,
                        launch,
                    });
                }
                Outcome::Chosen(popups::OTHER) => self.write(other, false, launch, effects),
                Outcome::Chosen(popups::REPLACE) => self.write(path, true, launch, effects),
                Outcome::Chosen(_) | Outcome::Closed => {}
            },
        }
    }

    fn path_key(&mut self, purpose: Purpose, mut field: Field, key: Key, effects: &mut Vec<Effect>) {
        let path = field.text().trim().to_owned();
        match (key.code, purpose) {
            (KeyCode::Esc, _) => {}
            (KeyCode::Enter, Purpose::Save) if !path.is_empty() => self.write(path, false, false, effects),
            (KeyCode::Enter, Purpose::Open) if !path.is_empty() => {
                self.pending = Some(Pending::Open);
                effects.push(Effect::OpenFile { path });
            }
            _ => {
                field.key(key);
                self.popup = Some(Popup::Path { purpose, field });
            }
        }
    }

    fn leave(&mut self, keep: bool, effects: &mut Vec<Effect>) {
        let words = if keep {
            effects.push(Effect::SaveDraft(self.session.draft()));
            "The draft is kept: `butleradm tui` continues it."
        } else {
            effects.push(Effect::DropDraft);
            "The draft was thrown away."
        };
        self.changed = false;
        effects.push(Effect::Leave {
            words: vec![words.to_owned()],
        });
    }

    fn write(&mut self, path: String, replace: bool, launch: bool, effects: &mut Vec<Effect>) {
        let cluster = self.seen.cluster.clone().filter(|_| launch);
        self.pending = Some(if cluster.is_some() {
            Pending::Launch
        } else {
            Pending::Save
        });
        self.review.path = Field::new(&path);
        effects.push(popups::write(&self.session, path, replace, cluster));
    }

    /// A line about what was found in a step, for the head.
    pub(super) fn worst_words(&self) -> Vec<(Role, String)> {
        [(Severity::Error, Role::Bad), (Severity::Warning, Role::Late)]
            .into_iter()
            .filter_map(|(severity, role)| {
                let count = self.seen.count(severity);
                let plural = if count == 1 { "" } else { "s" };
                (count > 0).then(|| (role, format!("{count} {}{plural}", seen::word(severity))))
            })
            .collect()
    }
}
