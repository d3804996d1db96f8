//! Keys as text, for scripts of tests and of pictures.

use crossterm::event::{KeyCode, KeyModifiers};
use jiff::Timestamp;

use crate::{
    effect::Effect,
    input::{Input, Key},
    screen::Screen,
};

/// A script of keys that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no key <{0}>")]
pub struct NoKeys(String);

/// Reads keys: every character is one, and `<enter>`, `<esc>`, `<tab>`, `<s-tab>`, `<space>`, `<bs>`, `<del>`, `<up>`, `<down>`,
/// `<left>`, `<right>`, `<home>`, `<end>`, `<pgup>`, `<pgdn>`, `<f1>`, `<c-n>` (control), `<a-1>` (alt), `<lt>` for `<`.
pub fn keys(script: &str) -> Result<Vec<Key>, NoKeys> {
    let mut keys = Vec::new();
    let mut rest = script;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        if first != '<' {
            keys.push(plain(KeyCode::Char(first)));
            continue;
        }
        let Some((name, after)) = rest.split_once('>') else {
            return Err(NoKeys(rest.to_owned()));
        };
        keys.push(named(name).ok_or_else(|| NoKeys(name.to_owned()))?);
        rest = after;
    }
    Ok(keys)
}

/// Types a script of [`keys`] at one moment; says what the screen wants to happen.
///
/// # Panics
///
/// Where the script cannot be read: scripts are part of a test.
pub fn type_keys(screen: &mut dyn Screen, script: &str) -> Vec<Effect> {
    type_keys_at(screen, script, Timestamp::UNIX_EPOCH)
}

/// As [`type_keys`], at a moment.
///
/// # Panics
///
/// Where the script cannot be read: scripts are part of a test.
pub fn type_keys_at(screen: &mut dyn Screen, script: &str, now: Timestamp) -> Vec<Effect> {
    let keys = keys(script).unwrap_or_else(|error| panic!("{error} in {script:?}"));
    keys.into_iter()
        .flat_map(|key| screen.update(Input::Key(key), now))
        .collect()
}

fn plain(code: KeyCode) -> Key {
    Key {
        code,
        modifiers: KeyModifiers::NONE,
    }
}

fn named(name: &str) -> Option<Key> {
    if let Some((held, rest)) = name.split_once('-').filter(|(_, rest)| !rest.is_empty()) {
        let modifier = match held {
            "c" => KeyModifiers::CONTROL,
            "a" => KeyModifiers::ALT,
            "s" => KeyModifiers::SHIFT,
            _ => return None,
        };
        let mut key = named(rest).or_else(|| only_char(rest))?;
        // Terminals have a code of its own for this one.
        if modifier == KeyModifiers::SHIFT && key.code == KeyCode::Tab {
            key.code = KeyCode::BackTab;
        }
        key.modifiers |= modifier;
        return Some(key);
    }
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "space" => KeyCode::Char(' '),
        "bs" => KeyCode::Backspace,
        "del" => KeyCode::Delete,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pgup" => KeyCode::PageUp,
        "pgdn" => KeyCode::PageDown,
        "lt" => KeyCode::Char('<'),
        other => KeyCode::F(
            other
                .strip_prefix('f')?
                .parse()
                .ok()
                .filter(|number| (1..=12).contains(number))?,
        ),
    };
    Some(plain(code))
}

fn only_char(text: &str) -> Option<Key> {
    let mut characters = text.chars();
    let one = characters.next()?;
    characters.next().is_none().then(|| plain(KeyCode::Char(one)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_name_every_key() {
        let read = keys("a<enter><c-n><a-1><s-tab><f12><lt>ü").unwrap();
        let key = |code, modifiers| Key { code, modifiers };
        assert_eq!(
            read,
            [
                plain(KeyCode::Char('a')),
                plain(KeyCode::Enter),
                key(KeyCode::Char('n'), KeyModifiers::CONTROL),
                key(KeyCode::Char('1'), KeyModifiers::ALT),
                key(KeyCode::BackTab, KeyModifiers::SHIFT),
                plain(KeyCode::F(12)),
                plain(KeyCode::Char('<')),
                plain(KeyCode::Char('ü')),
            ]
        );
    }

    #[test]
    fn what_is_no_key_is_named() {
        for (script, name) in [
            ("a<return>", "return"),
            ("<f13>", "f13"),
            ("<x-a>", "x-a"),
            ("<c-xy>", "c-xy"),
            ("<en", "en"),
        ] {
            assert_eq!(keys(script), Err(NoKeys(name.to_owned())), "{script}");
        }
    }
}
