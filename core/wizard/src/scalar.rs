//! Scalars of YAML: as they are where nothing can be misread, else in quotes.

use std::fmt::Write as _;

/// Words that some reader takes for something else than text.
const WORDS: [&str; 13] = [
    "true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", "infinity", "~",
];

/// A text as a scalar in one line.
pub(crate) fn text(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// Whether every reader takes it for the same text without quotes, in a list in brackets too.
fn is_plain(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_./@+-~:!=() ".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/') || text.starts_with("~/");
    begins
        && text.chars().all(inner)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
        && !is_like_a_number(text)
}

/// Whether somebody may read a number, a time or a date.
fn is_like_a_number(text: &str) -> bool {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let only = |extra: &str| text.chars().all(|c| c.is_ascii_digit() || extra.contains(c));
    let based = ["0x", "0o", "0b"]
        .iter()
        .any(|base| text.to_ascii_lowercase().starts_with(base));
    // An address, a version.
    let several_dots = only(".") && text.matches('.').count() > 1;
    digits && (based || only("_.:+-eE ")) && !several_dots
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unseen(c) => {
                let code = u32::from(c);
                // Writing to a text cannot fail.
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02X}"),
                    0x100..=0xffff => write!(out, "\\u{code:04X}"),
                    _ => write!(out, "\\U{code:08X}"),
                };
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Characters that nobody sees, or that change what is around them.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{a0}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{10ffff}')
}

/// A text of several lines as a block: its head, such as `|-`, and its lines; none where a block would not be read as the same.
pub(crate) fn block(text: &str) -> Option<(&'static str, Vec<&str>)> {
    let (head, body) = match text.strip_suffix('\n') {
        Some(body) => ("|", body),
        None => ("|-", text),
    };
    let is_sound = body.contains('\n')
        && !body.starts_with([' ', '\n', '#', '%'])
        && !body.ends_with('\n')
        && body.chars().all(|c| c == '\n' || !is_unseen(c))
        && body.lines().all(|line| line.is_empty() || !line.trim().is_empty());
    is_sound.then(|| (head, body.split('\n').collect()))
}

#[cfg(test)]
mod tests {
    use butler_api::config::{Tree, read_tree};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn usual_values_stand_without_quotes_and_misleading_ones_in_them() {
        for plain in [
            "butler-demo",
            "127.64.255.10",
            "1.18.4",
            "10.244.0.0/16",
            "v1.12.1",
            "https://pve.example.org:8006",
            "butler@pve!bootstrap",
            "75d479b0960e56ef9ecc3a11c0572e4fe41f8b1e8a24c70ad38fc34e89431524",
            "~/.kube/config",
            "/dev/sda",
            "default/vlan40",
        ] {
            assert_eq!(text(plain), plain);
        }
        for odd in [
            "yes",
            "No",
            "1.5",
            "010",
            "12:30:00",
            "2026-11-30",
            "*.k8s.example.org",
            "",
            "~",
            "a: b",
            "#",
            "0x1f",
            "1e3",
        ] {
            assert!(text(odd).starts_with('"'), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn a_scalar_is_read_back_as_the_text_it_was(value in "\\PC{0,24}|[ -~]{0,12}|[0-9a-fxo_.:+\\-eE]{0,8}|\\s{0,3}[a-z:#,\\[\\]{}&*!|>'\"%@`]{0,6}\\s{0,3}") {
            for yaml in [format!("x: {}\n", text(&value)), format!("x: [{}, b]\n", text(&value))] {
                let tree = read_tree(&yaml, "x").map_err(|error| TestCaseError::fail(format!("{yaml:?}: {error}")))?;
                let read = match tree.get("x") {
                    Some(Tree::List(items)) => items[0].clone(),
                    Some(other) => other.clone(),
                    None => Tree::Null,
                };
                prop_assert!(read == Tree::Text(value.clone()), "{yaml:?}");
            }
        }

        #[test]
        fn a_block_is_read_back_as_the_text_it_was(value in "[a-z: #\\-\\n]{0,40}") {
            if let Some((head, lines)) = block(&value) {
                let mut yaml = format!("x: {head}\n");
                for line in lines {
                    let indent = if line.is_empty() { "" } else { "  " };
                    writeln!(yaml, "{indent}{line}").expect("a text takes everything");
                }
                let tree = read_tree(&yaml, "x").map_err(|error| TestCaseError::fail(format!("{yaml:?}: {error}")))?;
                prop_assert!(tree.get("x") == Some(&Tree::Text(value)), "{yaml:?}");
            }
        }
    }
}
