//! A picture as an image.

use std::fmt::Write as _;

use ratatui::style::{Color, Modifier};

use super::{Picture, Shown, letter};

/// Width of a cell, in hundredths of a unit: whole numbers, so that the same picture is the same text everywhere.
const CELL_WIDTH: usize = 840;

/// Height of a cell, in the same measure.
const CELL_HEIGHT: usize = 1800;

/// From the top of a cell to the line that letters stand on.
const BASE_LINE: usize = 1350;

/// Around the cells.
const MARGIN: usize = 1200;

/// The colours of the terminal, as classes of the image: name, on a light page, on a dark page.
///
/// Only those that roles use; each can be read on its background.
pub(super) const COLOURS: &[(Color, &str, &str, &str)] = &[
    (Color::Reset, "n", "#24292f", "#d7dde4"),
    (Color::Red, "r", "#b3261e", "#ff8077"),
    (Color::Green, "g", "#116329", "#56d364"),
    (Color::Yellow, "y", "#7d4e00", "#e3b341"),
    (Color::Cyan, "c", "#0b5c77", "#56d4dd"),
    (Color::LightBlue, "b", "#0a53be", "#79b8ff"),
];

/// The background, on a light page and on a dark one.
pub(super) const PAPER: (&str, &str) = ("#ffffff", "#0d1117");

/// Writes the image.
pub(super) fn write(picture: &Picture, title: &str) -> String {
    let area = picture.buffer.area;
    let width = usize::from(area.width) * CELL_WIDTH + 2 * MARGIN;
    let height = usize::from(area.height) * CELL_HEIGHT + 2 * MARGIN;
    let mut svg = head(width, height, title);
    for (row, cells) in picture.rows().enumerate() {
        for run in runs(&cells) {
            draw(&mut svg, row, &run);
        }
    }
    if let Some(caret) = picture.caret {
        let (x, y) = (left(usize::from(caret.x)), top(usize::from(caret.y)));
        let _ = writeln!(
            svg,
            "<rect class=\"caret\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
            unit(x),
            unit(y),
            unit(CELL_WIDTH),
            unit(CELL_HEIGHT)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Cells beside each other that look the same.
struct Run {
    column: usize,
    columns: usize,
    text: String,
    colour: Color,
    modifier: Modifier,
}

impl Run {
    /// Whether a narrow cell can be part of it: beside it or one blank away, and looking the same.
    fn is_followed_by(&self, shown: &Shown<'_>) -> bool {
        let looks_the_same = (self.colour, self.modifier) == (shown.cell.fg, shown.cell.modifier);
        let is_narrow = self.columns == self.text.chars().count();
        // A blank of this run would be seen there, and the cell between is not.
        let is_marked = self.modifier.intersects(Modifier::REVERSED | Modifier::UNDERLINED);
        let gap = shown.column - (self.column + self.columns);
        looks_the_same && is_narrow && gap <= usize::from(!is_marked)
    }
}

/// Cuts a line into runs. Gaps of more than one blank are left out, and a wide character is a run of its own, so that everything
/// after a gap or beside a glyph of another width stands exactly in its column.
fn runs(row: &[Shown<'_>]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for shown in row {
        let cell = shown.cell;
        if letter::is_blank(cell) {
            continue;
        }
        let width = usize::from(shown.width);
        match runs.last_mut() {
            Some(last) if width == 1 && last.is_followed_by(shown) => {
                if last.column + last.columns < shown.column {
                    last.text.push(' ');
                }
                last.text.push_str(cell.symbol());
                last.columns = shown.column + 1 - last.column;
            }
            _ => runs.push(Run {
                column: shown.column,
                columns: width,
                text: cell.symbol().to_owned(),
                colour: cell.fg,
                modifier: cell.modifier,
            }),
        }
    }
    runs
}

fn draw(svg: &mut String, row: usize, run: &Run) {
    let (x, width) = (unit(left(run.column)), unit(run.columns * CELL_WIDTH));
    let colour = COLOURS
        .iter()
        .find(|(colour, ..)| *colour == run.colour)
        .map_or("n", |(_, class, ..)| class);
    let reversed = run.modifier.contains(Modifier::REVERSED);
    if reversed {
        let (y, height) = (unit(top(row)), unit(CELL_HEIGHT));
        let _ = writeln!(
            svg,
            "<rect class=\"{colour}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
        );
    }
    let mut class = if reversed { "p" } else { colour }.to_owned();
    for (modifier, name) in [
        (Modifier::BOLD, " s"),
        (Modifier::DIM, " f"),
        (Modifier::UNDERLINED, " u"),
    ] {
        if run.modifier.contains(modifier) {
            class.push_str(name);
        }
    }
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{x}\" y=\"{}\" textLength=\"{width}\">{}</text>",
        unit(top(row) + BASE_LINE),
        escape(&run.text)
    );
}

fn head(width: usize, height: usize, title: &str) -> String {
    let (width, height) = (unit(width), unit(height));
    let mut light = String::new();
    let mut dark = String::new();
    for (_, class, on_light, on_dark) in COLOURS {
        let _ = write!(light, ".{class}{{fill:{on_light}}}");
        let _ = write!(dark, ".{class}{{fill:{on_dark}}}");
    }
    let title = escape(title);
    let (paper, night) = PAPER;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>{title}</title>\n\
         <style>\n\
         text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,\"Liberation Mono\",\"DejaVu Sans Mono\",monospace;white-space:pre}}\n\
         .s{{font-weight:700}}.f{{opacity:.7}}.u{{text-decoration:underline}}.caret{{fill:#888;opacity:.45}}\n\
         .p{{fill:{paper}}}.frame{{stroke:#888;stroke-opacity:.5}}{light}\n\
         @media(prefers-color-scheme:dark){{.p{{fill:{night}}}{dark}}}\n\
         </style>\n\
         <rect class=\"p frame\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\n"
    )
}

/// Left edge of a column.
fn left(column: usize) -> usize {
    MARGIN + column * CELL_WIDTH
}

/// Top edge of a row.
fn top(row: usize) -> usize {
    MARGIN + row * CELL_HEIGHT
}

/// Hundredths as a decimal number without zeros at its end.
fn unit(hundredths: usize) -> String {
    let (whole, part) = (hundredths / 100, hundredths % 100);
    if part == 0 {
        return whole.to_string();
    }
    format!("{whole}.{part:02}").trim_end_matches('0').to_owned()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of `#rrggbb`, as WCAG 2 defines it.
    fn luminance(colour: &str) -> f64 {
        let part = |from: usize| {
            let value = f64::from(u8::from_str_radix(&colour[from..from + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn every_colour_can_be_read_on_both_pages() {
        for (colour, _, light, dark) in COLOURS {
            for (ink, paper) in [(light, PAPER.0), (dark, PAPER.1)] {
                let contrast = contrast(ink, paper);
                assert!(contrast >= 4.5, "{colour} on {paper}: {contrast:.1}");
            }
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            ["0", "8.4", "12", "1.05"],
            [unit(0), unit(840), unit(1200), unit(105)]
                .each_ref()
                .map(String::as_str)
        );
    }
}
