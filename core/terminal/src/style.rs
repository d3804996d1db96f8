//! Colour by meaning: what a tone looks like is decided here and nowhere else.

use anstyle::{AnsiColor, Style};

use crate::text;

/// What a piece of text means. Colour is never the only signal: the words say it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary text, in the terminal's own colour.
    Plain,
    /// Headings and names that matter.
    Strong,
    /// What may be overlooked, such as times and ids.
    Faint,
    /// As it should be.
    Good,
    /// Work that goes on, and what needs attention.
    Busy,
    /// Errors, and what has failed.
    Bad,
    /// Advice: a command or a flag to try.
    Hint,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Busy => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Hint => AnsiColor::Cyan.on_default(),
        }
    }
}

/// One line of toned text. What goes in is made safe for a terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    spans: Vec<(Tone, String)>,
}

impl Line {
    /// A line without any text yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The line with text of this tone at its end.
    #[must_use]
    pub fn with(mut self, tone: Tone, text: &str) -> Self {
        self.push(tone, text);
        self
    }

    /// Appends text of this tone.
    pub fn push(&mut self, tone: Tone, text: &str) {
        if !text.is_empty() {
            self.spans.push((tone, text::sanitise_inline(text)));
        }
    }

    /// Appends the text of another line, with its tones.
    pub fn append(&mut self, other: &Self) {
        self.spans.extend_from_slice(&other.spans);
    }

    /// Its pieces.
    pub fn spans(&self) -> &[(Tone, String)] {
        &self.spans
    }

    /// Columns that it takes.
    pub fn width(&self) -> usize {
        self.spans.iter().map(|(_, text)| text::width(text)).sum()
    }

    /// The line cut to a number of columns.
    #[must_use]
    pub fn cut(&self, columns: usize) -> Self {
        if self.width() <= columns {
            return self.clone();
        }
        let mut left = columns;
        let mut spans = Vec::new();
        let mut rest = self.width();
        for (tone, span) in &self.spans {
            let width = text::width(span);
            rest -= width;
            // Room for the mark must stay when more follows.
            if width + usize::from(rest > 0) > left {
                let marked = if width > left {
                    span.clone()
                } else {
                    format!("{span}……")
                };
                spans.push((*tone, text::cut(&marked, left)));
                break;
            }
            left -= width;
            spans.push((*tone, span.clone()));
        }
        Self { spans }
    }

    /// The line for a terminal (or none), without line end and trailing spaces.
    pub fn render(&self, color: bool) -> String {
        if !color {
            let plain: String = self.spans.iter().map(|(_, text)| text.as_str()).collect();
            return plain.trim_end().to_owned();
        }
        self.spans
            .iter()
            .map(|(tone, text)| match tone {
                Tone::Plain => text.clone(),
                _ => format!("{}{text}{}", tone.style().render(), tone.style().render_reset()),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_only_text_remains() {
        let line = Line::new().with(Tone::Bad, "failed").with(Tone::Plain, ": x\x1b[2J  ");
        assert_eq!(line.render(false), "failed: x\u{fffd}[2J");
    }

    #[test]
    fn colour_ends_where_its_text_ends() {
        let line = Line::new().with(Tone::Good, "ready").with(Tone::Plain, "!");
        assert_eq!(line.render(true), "\x1b[32mready\x1b[0m!");
    }

    #[test]
    fn a_cut_line_fits_and_says_so() {
        let line = Line::new().with(Tone::Good, "abc").with(Tone::Plain, "defg");
        let cut = |columns| line.cut(columns).render(false);
        assert_eq!(
            [7, 6, 4, 3, 2, 1].map(cut),
            ["abcdefg", "abcde…", "abc…", "ab…", "a…", "…"]
        );
    }
}
