//! A small table: as wide as its content, or cut to the terminal.

use crate::{
    style::{Line, Tone},
    text,
};

/// Columns between two cells.
const GAP: usize = 2;

/// A column is not made narrower than this for a small terminal.
const NARROWEST: usize = 8;

/// Rows below a header, or labelled fields without one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    header: Vec<&'static str>,
    /// Columns from here on are for the wide format.
    narrow: usize,
    rows: Vec<Vec<Cell>>,
}

/// The text of one row in one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell whose text has this tone.
    pub fn new(tone: Tone, text: &str) -> Self {
        Self {
            text: text::sanitise_line(text),
            tone,
        }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(Tone::Plain, text.as_ref())
    }
}

impl Table {
    /// A table with these columns; `wide` ones are shown with `-o wide` only.
    pub fn new(columns: &[&'static str], wide: &[&'static str]) -> Self {
        Self {
            header: [columns, wide].concat(),
            narrow: columns.len(),
            rows: Vec::new(),
        }
    }

    /// Labelled fields, one per line.
    pub fn fields<V: Into<Cell>>(fields: impl IntoIterator<Item = (&'static str, V)>) -> Self {
        let rows = fields
            .into_iter()
            .map(|(label, value)| vec![format!("{label}:").into(), value.into()])
            .collect();
        Self {
            header: Vec::new(),
            narrow: 2,
            rows,
        }
    }

    /// Adds a row; empty cells are shown as `-`.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The same columns with one row: of each column the widest cell.
    #[must_use]
    pub fn widest(&self) -> Self {
        let cell = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.max_by_key(|cell| text::width(&cell.text)).cloned()
        };
        let row: Vec<Cell> = (0..).map_while(cell).collect();
        Self {
            header: self.header.clone(),
            narrow: self.narrow,
            rows: vec![row],
        }
    }

    /// The lines of the rows alone, in columns that are at least as wide as those of a table above them.
    pub fn lines_below(&self, above: &Self, wide: bool) -> Vec<Line> {
        let mut all = above.widest();
        all.rows.extend(self.rows.iter().cloned());
        all.lines(wide, None).split_off(2)
    }

    /// The lines, cut to `columns` where given. No row, no line.
    pub fn lines(&self, wide: bool, columns: Option<usize>) -> Vec<Line> {
        if self.is_empty() {
            return Vec::new();
        }
        let shown = if wide { usize::MAX } else { self.narrow };
        let header: Vec<Cell> = self.header.iter().map(|h| Cell::new(Tone::Strong, h)).collect();
        let rows: Vec<&[Cell]> = (!header.is_empty())
            .then_some(header.as_slice())
            .into_iter()
            .chain(self.rows.iter().map(Vec::as_slice))
            .map(|row| &row[..row.len().min(shown)])
            .collect();
        let widths = widths(&rows, columns);
        rows.iter()
            .map(|row| line(row, &widths))
            .map(|l| columns.map_or(l.clone(), |c| l.cut(c)))
            .collect()
    }
}

fn line(row: &[Cell], widths: &[usize]) -> Line {
    let mut line = Line::new();
    for (i, (cell, width)) in row.iter().zip(widths).enumerate() {
        let text = if cell.text.is_empty() { "-" } else { &cell.text };
        let text = text::cut(text, *width);
        line.push(cell.tone, &text);
        if i + 1 < row.len() {
            let space = width - text::width(&text) + GAP;
            line.push(Tone::Plain, &" ".repeat(space));
        }
    }
    line
}

/// Width of each column: its widest cell; for a small terminal the widest columns give first.
fn widths(rows: &[&[Cell]], columns: Option<usize>) -> Vec<usize> {
    let count = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..count)
        .map(|i| {
            rows.iter()
                .filter_map(|row| row.get(i))
                .map(|c| text::width(&c.text).max(1))
                .max()
                .unwrap_or(1)
        })
        .collect();
    let Some(columns) = columns else { return widths };
    let room = columns.saturating_sub(GAP * count.saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        let Some(widest) = widths.iter_mut().max().filter(|w| **w > NARROWEST) else {
            break;
        };
        *widest -= 1;
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machines() -> Table {
        let mut table = Table::new(&["NAME", "STATE", "ADDRESS"], &["PROVIDER ID"]);
        table.row(["demo-control-plane-0", "ready", "127.64.0.2", "inmemory://1"].map(Cell::from));
        table.row(["demo-worker-0", "creating", "", ""].map(Cell::from));
        table
    }

    fn shown(lines: &[Line]) -> String {
        lines.iter().map(|l| l.render(false) + "\n").collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_content() {
        insta::assert_snapshot!(shown(&machines().lines(false, None)), @r"
        NAME                  STATE     ADDRESS
        demo-control-plane-0  ready     127.64.0.2
        demo-worker-0         creating  -
        ");
    }

    #[test]
    fn wide_shows_more_columns() {
        let text = shown(&machines().lines(true, None));
        assert!(text.contains("PROVIDER ID") && text.contains("inmemory://1"), "{text}");
    }

    #[test]
    fn a_small_terminal_cuts_the_widest_column_first() {
        let lines = machines().lines(false, Some(36));
        assert!(lines.iter().all(|l| l.width() <= 36));
        insta::assert_snapshot!(shown(&lines), @r"
        NAME            STATE     ADDRESS
        demo-control-…  ready     127.64.0.2
        demo-worker-0   creating  -
        ");
    }

    #[test]
    fn nothing_is_shown_for_no_rows() {
        assert_eq!(Table::new(&["NAME"], &[]).lines(false, None), []);
    }

    #[test]
    fn rows_that_come_later_stand_below_those_before() {
        let above = machines();
        let mut later = Table::new(&["NAME", "STATE", "ADDRESS"], &["PROVIDER ID"]);
        later.row(["demo-worker-0", "ready", "127.64.0.3", ""].map(Cell::from));
        assert_eq!(
            shown(&later.lines_below(&above.widest(), false)),
            "demo-worker-0         ready     127.64.0.3\n"
        );
    }

    #[test]
    fn fields_have_labels_and_no_header() {
        let table = Table::fields([("name", "butleradm"), ("talos", "v1.12.1")]);
        assert_eq!(shown(&table.lines(false, None)), "name:   butleradm\ntalos:  v1.12.1\n");
    }
}
