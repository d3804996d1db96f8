//! What the keys mean now.

use butler_wizard::{finding::Finding, question::Step};

use super::{
    Wizard,
    editor::{Editor, Mode},
    popups::Popup,
    review::{Place, Tab},
};
use crate::screen::Hint;

/// A key with a word or two and a sentence. Without words it stands in the help alone.
fn hint(key: &'static str, words: &str, about: &str) -> Hint {
    Hint {
        key,
        words: words.to_owned(),
        about: about.to_owned(),
        disabled: None,
    }
}

impl Wizard {
    pub(super) fn hints(&self) -> Vec<Hint> {
        if let Some(popup) = &self.popup {
            return popup_hints(popup);
        }
        let mut hints = if self.picker.is_some() {
            self.picker_hints()
        } else if self.step == Step::Review {
            self.review_hints()
        } else {
            self.question_hints()
        };
        hints.extend(self.common());
        hints
    }

    fn picker_hints(&self) -> Vec<Hint> {
        let several = self.picker.as_ref().is_some_and(|picker| picker.marks.is_some());
        let mut hints = vec![hint("enter", "take", "take what is marked and go on")];
        if several {
            hints.push(hint("space", "mark", "mark one of several"));
        }
        hints.extend([
            hint("esc", "close", "close the list; nothing changes"),
            hint(
                "a-z",
                "find",
                "only what has these words, in its name or in what is told of it",
            ),
            hint("^T", "type", "take the words as they are, though no list confirms them"),
            hint("^R", "again", "ask the platform again"),
        ]);
        hints
    }

    fn review_hints(&self) -> Vec<Hint> {
        let enter = match (self.review.tab, self.review.place) {
            (Tab::Checks, Place::Finding(_)) => hint("enter", "go there", "go to the question that it is about"),
            (Tab::Checks, Place::Path) => hint("enter", "accept", "write the file there"),
            _ => hint("enter", "launch", "look at what a launch makes, and launch"),
        };
        let move_words = if self.review.tab == Tab::Checks {
            "select"
        } else {
            "scroll"
        };
        let mut hints = vec![
            enter,
            hint("tab", "view", "checks, file, and what is different from the one opened"),
        ];
        hints.push(hint("up/down", move_words, "move in what is shown"));
        if self.review.place != Place::Path {
            hints.push(hint("q", "", "leave; the draft can stay"));
        }
        hints
    }

    fn question_hints(&self) -> Vec<Hint> {
        let Some(question) = self.question() else {
            return vec![hint("enter", "next step", "go to the next step")];
        };
        let mut hints = vec![hint("enter", "accept", "accept what is shown, and go on")];
        if self.step == Step::Provider {
            hints[0] = hint("enter", "choose", "choose this platform, and go on");
            if self.draft.is_some() {
                hints.push(hint("d", "draft", "continue the draft of an earlier time"));
            }
            hints.push(hint("o", "open", "open a configuration"));
            hints.push(hint("up/down", "", "the platform above or below"));
            hints.push(hint("q", "", "leave; the draft can stay"));
            return hints;
        }
        match self.mode(question) {
            Mode::List => {
                hints.push(hint("space", "list", "open the list; typing opens it, too, and finds"));
                hints.push(hint("^T", "type", "type the answer instead of choosing it"));
            }
            Mode::Choice => {
                hints.push(hint("left/right", "change", "the one before or the next"));
                hints.push(hint("space", "list", "all of them with what they mean"));
            }
            Mode::Flag => {
                hints.push(hint("space", "change", "yes or no; y and n do the same"));
                hints.push(hint("/", "find", "only the questions that have these words"));
            }
            Mode::Secret => hints.push(hint(
                "^T",
                "source",
                "from a variable, a file, a command, or typed for now",
            )),
            Mode::Text => {
                if question.list.is_some() {
                    hints.push(hint("^T", "choose", "choose from the list instead of typing"));
                }
            }
        }
        if let Editor::Text { .. } | Editor::Secret { .. } = self.editor {
            hints.push(hint(
                "^U",
                "",
                "empty the field; ^W takes a word away, ^A and ^E go to its ends",
            ));
        }
        hints.push(hint(
            "up/down",
            "",
            "the question above or below; tab and shift-tab do the same, across steps",
        ));
        hints
    }

    /// What is wrong here and can be mended by a key.
    pub(super) fn mendable(&self) -> Option<&Finding> {
        let finding = match (self.step, self.review.place) {
            (Step::Review, Place::Finding(at)) => self.seen.findings.get(at),
            (Step::Review, _) => None,
            _ => self.question().and_then(|question| question.finding.as_ref()),
        };
        finding.filter(|finding| !finding.fix.is_empty())
    }

    fn common(&self) -> Vec<Hint> {
        let mut hints = vec![
            hint("^N", "next", "go to the next step"),
            hint("^P", "back", "go to the step before"),
            hint("^S", "save", "write the configuration to a file"),
        ];
        if self.picker.is_none() {
            hints.push(hint("^R", "again", "ask the platform again"));
        }
        if self.image_can_come() {
            let words = if matches!(self.step, Step::Resources | Step::Review) {
                "image"
            } else {
                ""
            };
            let about = "have the platform bring the image of the machines now, and go on meanwhile";
            hints.insert(0, hint("^B", words, about));
        }
        if self.mendable().is_some() {
            hints.insert(0, hint("^F", "mend", "set what would mend what is wrong here"));
        }
        hints.push(hint(
            "F2",
            "",
            "show the questions that are usually left alone, or fold them away",
        ));
        hints.push(hint("alt-1", "", "go to a step by its number"));
        hints.push(hint("^C", "leave", "leave; the draft can stay"));
        hints.push(hint("F1", "keys", "all keys"));
        hints
    }
}

fn popup_hints(popup: &Popup) -> Vec<Hint> {
    match popup {
        Popup::Path { .. } => vec![
            hint("enter", "accept", "take this path"),
            hint("esc", "back", "close; nothing happens"),
            hint("F1", "keys", "all keys"),
        ],
        Popup::Leave(_) | Popup::Error(_) | Popup::Launch(_) | Popup::Replace { .. } => vec![
            hint("enter", "answer", "the answer that is marked; its letter does the same"),
            hint("left/right", "select", "another answer"),
            hint("esc", "back", "close; nothing happens"),
            hint("F1", "keys", "all keys"),
        ],
    }
}
