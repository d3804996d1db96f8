//! A summary in the Markdown of GitHub. Words of others stand in code spans, in which nothing has a meaning.

use std::fmt::Write as _;

use super::{Block, Note, Summary};

impl Summary {
    /// The summary as a document of its own.
    pub(in crate::progress) fn markdown(&self) -> String {
        let mut out = format!("\n## {}: {}\n", escaped(&self.cluster), self.ending());
        for block in &self.blocks {
            block.markdown(&mut out);
        }
        out
    }
}

impl Block {
    fn markdown(&self, out: &mut String) {
        match self {
            Self::Facts(facts) => {
                out.push_str("\n| | |\n|---|---|\n");
                for (label, value) in facts {
                    let _ = writeln!(out, "| {label} | {} |", escaped(value));
                }
            }
            Self::Table {
                title,
                columns,
                rows,
                more,
            } => {
                let _ = writeln!(out, "\n### {title}\n\n| {} |", columns.join(" | ").to_lowercase());
                let _ = writeln!(out, "|{}", "---|".repeat(columns.len()));
                for row in rows {
                    let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
                    let _ = writeln!(out, "| {} |", cells.join(" | "));
                }
                and_more(*more, out);
            }
            Self::Notes { title, notes, more } => {
                let _ = writeln!(out, "\n### {title}\n");
                for note in notes {
                    note.markdown(out);
                }
                and_more(*more, out);
            }
        }
    }
}

impl Note {
    fn markdown(&self, out: &mut String) {
        let head = (!self.head.is_empty()).then(|| format!("**{}**", escaped(&self.head)));
        let step = self.step.as_ref().map(|step| format!("({})", code(step)));
        let words = self.words.as_deref().map(code);
        let parts: Vec<String> = [head, step, words].into_iter().flatten().collect();
        let _ = writeln!(out, "- {}", parts.join(" "));
        if let Some(hint) = &self.hint {
            let _ = writeln!(out, "  - hint: {}", escaped(hint));
        }
    }
}

fn and_more(more: usize, out: &mut String) {
    if more > 0 {
        let _ = writeln!(out, "\nand {more} more");
    }
}

/// Text in which no character has a meaning.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '#' | '$'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Text in a code span: its fence is longer than any row of backticks in it.
fn code(text: &str) -> String {
    let mut longest = 0;
    let mut row = 0;
    for c in text.chars() {
        row = if c == '`' { row + 1 } else { 0 };
        longest = longest.max(row);
    }
    let fence = "`".repeat(longest + 1);
    // One space on either side is no part of it, and keeps backticks of its own apart from the fence.
    let apart = if text.is_empty() || text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{apart}{text}{apart}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_no_meaning_and_code_no_end_of_its_own() {
        assert_eq!(escaped("<b>*a* | [x](y) $z$"), r"\<b\>\*a\* \| \[x\](y) \$z\$");
        assert_eq!(code("quota"), "`quota`");
        assert_eq!(code("a `b` ``c"), "```a `b` ``c```");
        assert_eq!(code("`a"), "`` `a ``");
    }
}
