//! Text that came from somewhere else: made safe for a terminal, measured and cut in columns.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Makes text safe for a terminal and keeps its lines: control and direction characters become U+FFFD.
pub fn sanitise(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| if c == '\n' { c } else { safe(c) })
        .collect()
}

/// Makes text safe for a terminal and puts it on one line.
pub fn sanitise_line(text: &str) -> String {
    sanitise_inline(text.trim_end())
}

/// As [`sanitise_line`], for a part of a line: spaces at its end stay.
pub fn sanitise_inline(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| if c == '\n' { ' ' } else { safe(c) })
        .collect()
}

/// Columns that the text takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Cuts text to a number of columns; a cut one ends in `…`.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut used = 0;
    let room = columns.saturating_sub(1);
    let mut out: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= room
        })
        .collect();
    if columns > 0 {
        out.push('…');
    }
    out
}

/// Text followed by spaces up to a number of columns.
pub fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{:missing$}", "")
}

/// Takes from text what a job of GitHub Actions would obey: there a line that begins with `::` is a command, and so is
/// whatever follows `##[` anywhere.
pub fn disarm(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive(['\n', '\r']) {
        let rest = line.trim_start();
        match rest.strip_prefix("::") {
            Some(command) => {
                out.push_str(&line[..line.len() - rest.len()]);
                out.push_str(": :");
                out.push_str(command);
            }
            None => out.push_str(line),
        }
    }
    out.replace(OLD_COMMAND, "## [")
}

/// The same for JSON, whose meaning stays. No line of it begins with a colon, and only its texts can hold the other form.
pub fn disarm_json(json: &str) -> String {
    json.replace(OLD_COMMAND, "##\\u005b")
}

/// How commands of an older form begin.
const OLD_COMMAND: &str = "##[";

fn safe(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        // Marks that reorder or hide what is shown.
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
            char::REPLACEMENT_CHARACTER
        }
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_lose_their_power() {
        assert_eq!(sanitise("a\x1b[31mb\x07\u{9b}2J"), "a\u{fffd}[31mb\u{fffd}\u{fffd}2J");
        assert_eq!(sanitise("safe\u{202e}gnp.exe"), "safe\u{fffd}gnp.exe");
    }

    #[test]
    fn lines_are_kept_or_joined() {
        assert_eq!(sanitise("a\r\nb\tc\r"), "a\nb c\u{fffd}");
        assert_eq!(sanitise_line("a\nb\n"), "a b");
    }

    #[test]
    fn cutting_counts_columns_not_characters() {
        assert_eq!(cut("machine", 7), "machine");
        assert_eq!(cut("machines", 7), "machin…");
        assert_eq!(cut("世界です", 5), "世界…");
        assert_eq!(cut("世界です", 4), "世…");
        assert_eq!(cut("ab", 0), "");
        assert_eq!(pad("世", 4), "世  ");
    }

    #[test]
    fn no_line_is_a_command() {
        assert_eq!(
            disarm("::error::x\n  ::set-output name=a::b\n"),
            ": :error::x\n  : :set-output name=a::b\n"
        );
        assert_eq!(disarm("a\r::stop-commands::x"), "a\r: :stop-commands::x");
        assert_eq!(disarm("said ##[add-mask]a"), "said ## [add-mask]a");
        assert_eq!(disarm("::: and fe80::1\n\n"), ": :: and fe80::1\n\n");
    }

    #[test]
    fn json_says_the_same_without_commands() {
        let json = "{\"a\":\"##[add-mask]b\"}";
        let disarmed = disarm_json(json);
        assert!(!disarmed.contains("##["), "{disarmed}");
        let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(value(&disarmed), value(json));
    }
}
