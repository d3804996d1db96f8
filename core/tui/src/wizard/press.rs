//! What keys do on a step: on a question, in a list that is open, on the list of platforms, and on the last step.

use butler_wizard::question::{Kind, Origin, Question, Step};
use crossterm::event::{KeyCode, KeyModifiers};
use jiff::Timestamp;

use super::{
    Wizard,
    editor::{Editor, Mode, stepped},
    picker::{Picked, Picker},
    popups::{Pending, Purpose},
    review::{Place, Tab},
};
use crate::{effect::Effect, input::Key, look::Role, widgets::Field};

impl Wizard {
    pub(super) fn step_key(&mut self, key: Key, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.picker.is_some() {
            self.picker_key(key);
        } else if self.filter.as_ref().is_some_and(|(_, typing)| *typing) {
            self.filter_key(key);
        } else if self.step == Step::Review {
            self.review_key(key, now, effects);
        } else if self.step == Step::Provider && self.platform_key(key, now) {
            // Done.
        } else if !self.editor_key(key) {
            self.question_key(key, now, effects);
        }
    }

    fn picker_key(&mut self, key: Key) {
        let height = self.picker_height();
        let Some(picker) = &mut self.picker else {
            return;
        };
        let outcome = match key.code {
            KeyCode::Tab => picker.key(enter(), height),
            _ => picker.key(key, height),
        };
        match outcome {
            Picked::Open => self.refill(),
            Picked::Closed => self.picker = None,
            Picked::Refused(why) => {
                self.refill();
                self.say(Role::Bad, &format!("cannot be used: {why}"));
            }
            Picked::Answer(text) => {
                self.picker = None;
                if let Some(path) = self.focused().map(str::to_owned) {
                    self.answer(&path, &text, Origin::Chosen);
                }
                self.refocus();
                self.advance();
            }
        }
    }

    /// Rows that an open list has, about: it is drawn below the question.
    fn picker_height(&self) -> usize {
        usize::from(self.size.1.saturating_sub(12)).max(1)
    }

    fn filter_key(&mut self, key: Key) {
        let Some((field, typing)) = &mut self.filter else {
            return;
        };
        match key.code {
            KeyCode::Esc => self.filter = None,
            KeyCode::Enter | KeyCode::Down | KeyCode::Tab | KeyCode::Up => *typing = false,
            _ => {
                field.key(key);
            }
        }
        if self
            .filter
            .as_ref()
            .is_some_and(|(field, typing)| !typing && field.text().trim().is_empty())
        {
            self.filter = None;
        }
        let shown = self.shown();
        let here = self.focused().and_then(|path| self.seen.position(path));
        if let (false, Some(first)) = (here.is_some_and(|here| shown.contains(&here)), shown.first()) {
            let path = self.seen.questions[*first].path.clone();
            self.focus_on(&path);
        }
    }

    /// Keys of the list of platforms.
    fn platform_key(&mut self, key: Key, now: Timestamp) -> bool {
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match key.code {
            KeyCode::Char('o') if plain => self.ask_path(Purpose::Open),
            KeyCode::Char('d') if plain && self.draft.is_some() => self.continue_draft(now),
            KeyCode::Up | KeyCode::Char('k') if plain => return self.turn_choice(false, false),
            KeyCode::Down | KeyCode::Char('j') if plain => return self.turn_choice(true, false),
            _ => return false,
        }
        true
    }

    /// Keys for a text that is edited.
    fn editor_key(&mut self, key: Key) -> bool {
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        if let (KeyCode::Char(sign @ ('+' | '-')), true, Editor::Text { field, .. }) = (key.code, plain, &self.editor)
            && let Some(question) = self.question()
            && matches!(question.kind, Kind::Number { min, .. } if min >= 0)
        {
            let next = stepped(&question.kind, field.text(), sign == '+');
            if let Some(next) = next {
                self.editor = Editor::Text {
                    field: Field::new(&next),
                    fresh: false,
                };
                self.typed_on();
            }
            return true;
        }
        let before = self.editor.answer();
        if !self.editor.key(key) {
            return false;
        }
        if self.editor.answer() != before {
            self.typed_on();
        }
        true
    }

    fn question_key(&mut self, key: Key, now: Timestamp, effects: &mut Vec<Effect>) {
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        let mode = self.question().map(|question| self.mode(question));
        match key.code {
            KeyCode::Enter => self.enter(),
            KeyCode::Up => {
                self.move_row(false);
            }
            KeyCode::Down if key.modifiers.contains(KeyModifiers::ALT) => self.open_picker(None),
            KeyCode::Down => {
                self.move_row(true);
            }
            KeyCode::Tab => self.advance(),
            KeyCode::BackTab if !self.move_focus(false) => self.previous_step(),
            KeyCode::PageUp | KeyCode::PageDown => {
                for _ in 0..10 {
                    self.move_row(key.code == KeyCode::PageDown);
                }
            }
            KeyCode::Home | KeyCode::End => while self.move_focus(key.code == KeyCode::End) {},
            KeyCode::Esc if self.filter.is_some() => self.filter = None,
            KeyCode::Esc if self.editor.is_touched() => self.leave_question(),
            KeyCode::Left | KeyCode::Right if mode == Some(Mode::Choice) => {
                self.turn_choice(key.code == KeyCode::Right, true);
            }
            KeyCode::Left | KeyCode::Right if mode == Some(Mode::Flag) => self.toggle(),
            KeyCode::Char(letter) if plain => self.letter(letter, mode, now, effects),
            _ => {}
        }
    }

    /// A character on a question that is not typed into.
    fn letter(&mut self, letter: char, mode: Option<Mode>, now: Timestamp, effects: &mut Vec<Effect>) {
        match (letter, mode) {
            (' ', Some(Mode::Flag)) => self.toggle(),
            ('y' | 'n', Some(Mode::Flag)) => self.set_flag(letter == 'y'),
            (' ', Some(Mode::Choice | Mode::List)) => self.open_picker(None),
            (letter, Some(Mode::List)) => self.open_picker(Some(letter)),
            ('/', _) => self.filter = Some((Field::default(), true)),
            ('j', _) => {
                self.move_focus(true);
            }
            ('k', _) => {
                self.move_focus(false);
            }
            ('q', _) => self.leave_or_ask(now, effects),
            _ => {}
        }
    }

    /// Enter accepts what is shown and goes on. Where nothing is shown that could be accepted, it opens the list.
    fn enter(&mut self) {
        let opens = self.question().is_some_and(|question| {
            let has_list = matches!(self.mode(question), Mode::List | Mode::Choice);
            has_list && question.required && question.answer.is_none() && question.usual.is_none()
        });
        if opens {
            self.open_picker(None);
        } else {
            self.advance();
        }
    }

    fn open_picker(&mut self, letter: Option<char>) {
        let Some(question) = self.question() else {
            return;
        };
        if !matches!(self.mode(question), Mode::List | Mode::Choice) {
            return;
        }
        let mut picker = Picker::open(question, &self.offers);
        if let Some(letter) = letter {
            picker.filter = Field::new(&letter.to_string());
            picker.fill(question, &self.offers);
        }
        self.picker = Some(picker);
    }

    /// Takes the next or the one before of a few; says whether there was one.
    fn turn_choice(&mut self, next: bool, around: bool) -> bool {
        let Some((path, chosen)) = self.question().and_then(|question| turned(question, next, around)) else {
            return false;
        };
        self.answer(&path, &chosen, Origin::Chosen);
        true
    }

    fn toggle(&mut self) {
        let on = self.question().is_some_and(is_on);
        self.set_flag(!on);
    }

    fn set_flag(&mut self, on: bool) {
        if let Some(path) = self.focused().map(str::to_owned) {
            self.answer(&path, if on { "yes" } else { "no" }, Origin::Chosen);
        }
    }

    fn review_key(&mut self, key: Key, now: Timestamp, effects: &mut Vec<Effect>) {
        let checks = self.review.tab == Tab::Checks;
        let height = usize::from(self.size.1.saturating_sub(8)).max(1);
        match (key.code, self.review.place) {
            (KeyCode::Tab, _) => self.turn_tab(1),
            (KeyCode::BackTab, _) => self.turn_tab(Tab::ALL.len() - 1),
            (KeyCode::Enter, Place::Path) if checks => self.review.place = Place::Launch,
            (KeyCode::Enter, Place::Finding(at)) if checks => {
                if let Some(finding) = self.seen.findings.get(at).cloned() {
                    self.go_to(&finding.path, &finding.message);
                }
            }
            (KeyCode::Enter, _) if self.pending == Some(Pending::Launch) => {
                self.say(Role::Busy, "the run is being started");
            }
            (KeyCode::Enter, _) => self.ask_launch(now),
            (KeyCode::Up | KeyCode::Down, place) if checks => {
                self.review.place = place.moved(key.code == KeyCode::Down, self.seen.findings.len());
            }
            (KeyCode::Esc, Place::Path | Place::Finding(_)) => self.review.place = Place::Launch,
            (_, Place::Path) if checks => {
                if self.review.path.text().is_empty() {
                    self.review.path = Field::new(&self.path());
                }
                self.review.path.key(key);
            }
            (KeyCode::Left, _) => self.turn_tab(Tab::ALL.len() - 1),
            (KeyCode::Right, _) => self.turn_tab(1),
            (KeyCode::Char('q'), _) => self.leave_or_ask(now, effects),
            (KeyCode::Char('j' | 'k'), place) if checks => {
                self.review.place = place.moved(key.code == KeyCode::Char('j'), self.seen.findings.len());
            }
            _ if !checks => {
                let rows = self.document_rows();
                self.review.scroll.key(key, rows, height);
            }
            _ => {}
        }
    }

    fn turn_tab(&mut self, by: usize) {
        self.review.tab = self.review.tab.turned(by);
        self.review.scroll.top = 0;
        self.review.place = Place::Launch;
    }

    /// How many addons are chosen, where the questions ask for each.
    pub(super) fn addons(&self) -> Option<usize> {
        let questions = self.session.questions(Step::Addons);
        let mut flags = questions
            .iter()
            .filter(|question| question.kind == Kind::Flag && question.path.starts_with("addons."))
            .peekable();
        flags.peek()?;
        Some(flags.filter(|question| is_on(question)).count())
    }
}

/// Whether a question of yes or no stands at yes.
pub(super) fn is_on(question: &Question) -> bool {
    let answer = question.answer.as_ref().map(|answer| answer.text.as_str());
    matches!(answer.or(question.usual.as_deref()), Some("yes" | "true" | "y" | "on"))
}

fn turned(question: &Question, next: bool, around: bool) -> Option<(String, String)> {
    let Kind::Choice(alternatives) = &question.kind else {
        return None;
    };
    let now = question
        .answer
        .as_ref()
        .map(|answer| &answer.text)
        .or(question.usual.as_ref());
    let count = alternatives.len();
    let here = now.and_then(|now| alternatives.iter().position(|one| one.value == *now));
    let to = match (here, next) {
        (None, _) => 0,
        (Some(here), true) if here + 1 < count => here + 1,
        (Some(0), false) if around => count.checked_sub(1)?,
        (Some(here), false) => here.checked_sub(1)?,
        (Some(_), true) if around => 0,
        (Some(_), true) => return None,
    };
    let chosen = alternatives.get(to)?;
    Some((question.path.clone(), chosen.value.clone()))
}

fn enter() -> Key {
    Key {
        code: KeyCode::Enter,
        modifiers: KeyModifiers::NONE,
    }
}
