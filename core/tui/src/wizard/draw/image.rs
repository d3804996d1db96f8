//! How far the image of the machines is.

use butler_terminal::duration;
use butler_wizard::list::ImageState;
use jiff::Timestamp;

use super::super::Wizard;
use crate::{
    look::Role,
    widgets::{Line, wrap},
};

/// Columns before what is said of it.
const LABEL: usize = 13;

impl Wizard {
    /// A few rows about the image; nothing where the platform is given none.
    pub(super) fn image_lines(&self, width: u16, now: Timestamp) -> Vec<Line> {
        let Some(state) = &self.seen.image else {
            return Vec::new();
        };
        let (role, words, hint) = told(state, now);
        let room = usize::from(width).saturating_sub(LABEL + 1);
        let mut lines = Vec::new();
        let mut say = |label: &str, label_role: Role, role: Role, text: &str| {
            for (at, part) in wrap(text, room).iter().take(3).enumerate() {
                let label = if at == 0 { label } else { "" };
                let line = Line::of(label_role, &format!("   {label}")).padded(LABEL);
                lines.push(line.with(role, part));
            }
        };
        say("image", Role::Strong, role, &words);
        if let Some(hint) = hint {
            say("hint", Role::Hint, Role::Plain, &hint);
        }
        lines
    }

    /// A word about the image for the head, where it is not as one would think.
    pub(super) fn image_word(&self) -> Option<(Role, String)> {
        match self.seen.image.as_ref()? {
            ImageState::Coming { words, .. } => Some((
                Role::Busy,
                match percent(words) {
                    Some(percent) => format!("image {percent} %"),
                    None => "image coming".to_owned(),
                },
            )),
            ImageState::Failed { .. } => Some((Role::Bad, "no image".to_owned())),
            ImageState::Open | ImageState::Idle | ImageState::There { .. } => None,
        }
    }
}

fn told(state: &ImageState, now: Timestamp) -> (Role, String, Option<String>) {
    match state {
        ImageState::Open => {
            let words = "known once name, nodes and storages are answered";
            (Role::Faint, words.to_owned(), None)
        }
        ImageState::Idle => (Role::Faint, "brought by the run, or now: ^B".to_owned(), None),
        ImageState::Coming { since, words, hint } => {
            let age = duration::age(*since, now);
            let words = match words.as_str() {
                "" => format!("being asked for, {age}"),
                words => format!("{words}, {age}"),
            };
            (Role::Busy, words, hint.clone())
        }
        ImageState::There { name, .. } => (Role::Good, format!("there: {name}"), None),
        ImageState::Failed { error, hint, at } => {
            let words = format!("failed {} ago, ^B tries again: {error}", duration::age(*at, now));
            (Role::Bad, words, hint.clone())
        }
    }
}

/// The percentage in words of a platform; of several the smallest, for the last one decides.
fn percent(words: &str) -> Option<u8> {
    // What stands behind the last sign is no percentage.
    let signs = words.matches('%').count();
    let before = words.split('%').take(signs).map(str::trim_end);
    let numbers = before.filter_map(|text| {
        let digits = text.rsplit(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok().filter(|percent| *percent <= 100)
    });
    numbers.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_found_in_the_words_of_a_platform() {
        let words = "Talos 1.12.1, 95 MiB, is being fetched by node pve1 (42 %) and node pve2 (7 %)";
        assert_eq!(percent(words), Some(7));
        assert_eq!(percent("12 of 95 MiB"), None);
        assert_eq!(percent("8 %"), Some(8));
        assert_eq!(percent("no % at all, 9"), None);
        assert_eq!(percent(""), None);
    }
}
