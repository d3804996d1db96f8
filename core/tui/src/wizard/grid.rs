//! Which questions stand beside each other: numbers of one group make a row of a table.

use butler_wizard::question::{Kind, Question};
use ratatui::layout::Rect;

use super::Wizard;
use crate::widgets::{Chrome, Line};

/// Columns before the label: the mark.
pub(super) const MARK: u16 = 3;

/// Columns of a number in a table: a gap, brackets, and the number.
pub(super) const CELL: u16 = 11;

/// Fewer numbers than these are no row of a table.
const LEAST: usize = 3;

/// How the width of a form is divided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    pub(super) label: u16,
    pub(super) field: u16,
}

impl Wizard {
    /// The questions that are shown, row by row. Where the width allows, numbers of one group share a row.
    pub(super) fn grid(&self, width: u16) -> Vec<Vec<usize>> {
        let label = self.columns(width).label;
        let shown = self.shown();
        let question = |at: &usize| &self.seen.questions[*at];
        let mut rows = Vec::new();
        for run in shown.chunk_by(|one, other| belong(question(one), question(other))) {
            let needed = usize::from(MARK + label + 1) + run.len() * usize::from(CELL);
            if run.len() >= LEAST && needed <= usize::from(width) {
                rows.push(run.to_vec());
            } else {
                rows.extend(run.iter().map(|at| vec![*at]));
            }
        }
        rows
    }

    pub(super) fn columns(&self, width: u16) -> Columns {
        let widest = self
            .seen
            .questions
            .iter()
            .map(|question| Line::plain(&question.label).width())
            .max();
        let label = u16::try_from(widest.unwrap_or(0))
            .unwrap_or(u16::MAX)
            .clamp(8, 26)
            .min(width / 3);
        // Brackets, spaces, and a few words of evidence.
        let rest = width.saturating_sub(MARK + label + 1 + 4 + 18);
        Columns {
            label,
            field: rest.clamp(4, 40),
        }
    }

    /// Goes to the row above or below, in the same column of a table; says whether there is one.
    pub(super) fn move_row(&mut self, down: bool) -> bool {
        let body = Chrome::of(Rect::new(0, 0, self.size.0, self.size.1)).body;
        let grid = self.grid(body.width);
        let here = self.focused().and_then(|path| self.seen.position(path));
        let place = here.and_then(|here| {
            let row = grid.iter().position(|row| row.contains(&here))?;
            let column = grid[row].iter().position(|at| *at == here)?;
            Some((row, column))
        });
        let Some((row, column)) = place else {
            return self.move_focus(down);
        };
        let next = if down { row.checked_add(1) } else { row.checked_sub(1) };
        let Some(cells) = next.and_then(|next| grid.get(next)) else {
            return false;
        };
        let at = cells.get(column).or(cells.last());
        let Some(path) = at.map(|at| self.seen.questions[*at].path.clone()) else {
            return false;
        };
        self.focus_on(&path);
        true
    }
}

/// Whether two questions that follow each other are numbers of one group.
fn belong(one: &Question, other: &Question) -> bool {
    let is_number = |question: &Question| matches!(question.kind, Kind::Number { .. }) && question.list.is_none();
    is_number(one) && is_number(other) && one.group == other.group && !one.group.is_empty()
}
