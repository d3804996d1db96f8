//! What is to be said of a file of events itself: lines that nobody could read, and those that are missing.

use std::collections::BTreeSet;

use butler_lifecycle::runs::stream::Item;
use butler_terminal::Ui;

/// Damage that is told line by line at most.
const TOLD: usize = 3;

/// Collects what is to be said.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    damage: Vec<String>,
    unknown: BTreeSet<String>,
    skipped: usize,
}

impl Remarks {
    /// Takes what is no event.
    pub(crate) fn take(&mut self, item: &Item) {
        match item {
            Item::Event(_) => {}
            Item::Unknown { code, .. } => {
                self.skipped += 1;
                self.unknown.insert(code.clone());
            }
            Item::Damaged { line, why } => self
                .damage
                .push(format!("line {line} of the events cannot be read: {why}")),
            Item::Missing { from, to } if from == to => self.damage.push(format!("event {from} is missing")),
            Item::Missing { from, to } => self.damage.push(format!("events {from} to {to} are missing")),
        }
    }

    /// Says it.
    pub(crate) fn tell(&self, ui: &Ui) {
        for damage in self.damage.iter().take(TOLD) {
            ui.warn(damage, None);
        }
        if self.damage.len() > TOLD {
            ui.warn(&format!("{} more places like these", self.damage.len() - TOLD), None);
        }
        if self.skipped > 0 {
            let codes: Vec<&str> = self.unknown.iter().map(String::as_str).collect();
            ui.note(&format!(
                "{} events of a later release were skipped: {}",
                self.skipped,
                codes.join(", ")
            ));
        }
    }
}
