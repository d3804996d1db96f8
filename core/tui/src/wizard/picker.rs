//! A list that is open: one chooses from it, and types to find.

use butler_api::choice::Choice;
use butler_wizard::question::{Kind, Question};
use crossterm::event::{KeyCode, KeyModifiers};

use crate::{input::Key, widgets::Field};

/// A list that is open below its question.
#[derive(Debug, Clone)]
pub(super) struct Picker {
    /// The setting that is chosen for.
    pub(super) path: String,
    /// What is looked for.
    pub(super) filter: Field,
    /// What was marked, where several can be chosen.
    pub(super) marks: Option<Vec<String>>,
    /// What the marker stands on. By name, so that it stays there while more arrive.
    selected: Option<String>,
    /// What fits the filter.
    pub(super) items: Vec<Item>,
    /// How many there are.
    pub(super) total: usize,
}

/// Something that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// What the answer says.
    pub(super) value: String,
    /// Its name for people, where that is another one.
    pub(super) name: String,
    /// What helps to choose: a name and a value each; a name may be empty.
    pub(super) facts: Vec<(&'static str, String)>,
    /// Why it cannot be used.
    pub(super) unusable: Option<String>,
}

/// What became of a list that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Picked {
    /// It stays open.
    Open,
    /// It was closed, and nothing chosen.
    Closed,
    /// This is the answer.
    Answer(String),
    /// It cannot be chosen, for this reason.
    Refused(String),
}

impl Picker {
    /// Opens the list of a question, beginning at its answer.
    pub(super) fn open(question: &Question, offers: &[Choice]) -> Self {
        let answer = question.answer.as_ref().map(|answer| answer.text.clone());
        let answer = answer.or_else(|| question.usual.clone());
        let several = question.kind == Kind::Texts;
        let marked = |text: &String| -> Vec<String> { items(text).map(str::to_owned).collect() };
        let mut picker = Self {
            path: question.path.clone(),
            filter: Field::default(),
            marks: several.then(|| answer.as_ref().map(marked).into_iter().flatten().collect()),
            selected: if several { None } else { answer },
            items: Vec::new(),
            total: 0,
        };
        picker.fill(question, offers);
        picker
    }

    /// Takes what there is to choose from now.
    pub(super) fn fill(&mut self, question: &Question, offers: &[Choice]) {
        let words: Vec<String> = self.filter.text().split_whitespace().map(str::to_lowercase).collect();
        if let Kind::Choice(alternatives) = &question.kind {
            let all = alternatives.iter().map(|one| Item {
                value: one.value.clone(),
                name: one.value.clone(),
                facts: vec![("", one.about.clone())],
                unusable: None,
            });
            self.total = alternatives.len();
            self.items = all.filter(|item| item.fits(&words)).collect();
            return;
        }
        self.total = offers.len();
        self.items = offers.iter().map(Item::of).filter(|item| item.fits(&words)).collect();
    }

    /// The row that the marker stands on.
    pub(super) fn position(&self) -> usize {
        let selected = self.selected.as_ref();
        let at = |value| self.items.iter().position(|item| &item.value == value);
        selected
            .and_then(at)
            // Nothing was chosen: the first one that can be used.
            .or_else(|| self.items.iter().position(|item| item.unusable.is_none()))
            .unwrap_or(0)
    }

    /// What the marker stands on.
    pub(super) fn item(&self) -> Option<&Item> {
        self.items.get(self.position())
    }

    /// Whether this one was marked.
    pub(super) fn is_marked(&self, value: &str) -> bool {
        self.marks
            .as_ref()
            .is_some_and(|marks| marks.iter().any(|mark| mark == value))
    }

    /// Takes a key; a list that shows so many rows moves by that much per page. The caller fills it again where the filter changed.
    pub(super) fn key(&mut self, key: Key, height: usize) -> Picked {
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        let page = isize::try_from(height.max(1)).unwrap_or(1);
        match key.code {
            KeyCode::Esc => return Picked::Closed,
            KeyCode::Enter => return self.choose(),
            KeyCode::Up => self.step(-1),
            KeyCode::Down => self.step(1),
            KeyCode::PageUp => self.step(-page),
            KeyCode::PageDown => self.step(page),
            KeyCode::Home => self.step(isize::MIN),
            KeyCode::End => self.step(isize::MAX),
            KeyCode::Char(' ') if plain && self.marks.is_some() => return self.mark(),
            _ => {
                let before = self.filter.text().to_owned();
                self.filter.key(key);
                if self.filter.text() != before {
                    // The best of what fits now, not where one was.
                    self.selected = None;
                }
            }
        }
        Picked::Open
    }

    /// Moves the marker by rows.
    pub(super) fn step(&mut self, by: isize) {
        let last = self.items.len().saturating_sub(1);
        let to = self.position().saturating_add_signed(by).min(last);
        self.selected = self.items.get(to).map(|item| item.value.clone());
    }

    fn mark(&mut self) -> Picked {
        let Some(item) = self.item().cloned() else {
            return Picked::Open;
        };
        let Some(marks) = &mut self.marks else {
            return Picked::Open;
        };
        self.selected = Some(item.value.clone());
        match marks.iter().position(|mark| *mark == item.value) {
            Some(at) => {
                marks.remove(at);
            }
            None if item.unusable.is_some() => return Picked::Refused(item.why()),
            None => marks.push(item.value),
        }
        Picked::Open
    }

    fn choose(&self) -> Picked {
        if let Some(marks) = self.marks.as_ref().filter(|marks| !marks.is_empty()) {
            return Picked::Answer(marks.join(", "));
        }
        match self.item() {
            Some(item) if item.unusable.is_some() => Picked::Refused(item.why()),
            Some(item) => Picked::Answer(item.value.clone()),
            None if self.filter.text().is_empty() => Picked::Closed,
            None => Picked::Refused("nothing fits; ^T takes the words as they are".to_owned()),
        }
    }
}

impl Item {
    fn of(choice: &Choice) -> Self {
        Self {
            value: choice.id.clone(),
            name: choice.name.clone(),
            facts: choice
                .facts
                .iter()
                .map(|(name, value)| (*name, value.clone()))
                .collect(),
            unusable: choice.unusable.clone(),
        }
    }

    fn fits(&self, words: &[String]) -> bool {
        let has = |text: &str, word: &str| text.to_lowercase().contains(word);
        words.iter().all(|word| {
            has(&self.value, word) || has(&self.name, word) || self.facts.iter().any(|(_, fact)| has(fact, word))
        })
    }

    fn why(&self) -> String {
        let reason = self.unusable.as_deref().unwrap_or("it cannot be used");
        format!("{}: {reason}", self.value)
    }
}

/// The items of an answer that names several.
pub(super) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}
