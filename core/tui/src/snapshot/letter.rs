//! A letter for each role.

use ratatui::{
    buffer::Cell,
    style::{Color, Modifier},
};

use crate::look::{Look, Role};

/// Stands for a style that no role has.
pub const UNKNOWN: char = '?';

/// Roles and their letters. Where two look the same, the first one counts.
const LETTERS: &[(Role, char)] = &[
    (Role::Plain, ' '),
    (Role::Strong, 's'),
    (Role::Faint, 'f'),
    (Role::Good, 'g'),
    (Role::Busy, 'b'),
    (Role::Late, 'l'),
    (Role::Bad, 'x'),
    (Role::Hint, 'h'),
    (Role::Focus, 's'),
];

/// The letter for how a cell looks. Blanks that look like nothing have none.
pub(super) fn of(cell: &Cell, look: Look) -> char {
    if is_blank(cell) {
        return ' ';
    }
    if let Some(letter) = exactly(cell, look) {
        return letter;
    }
    let mut lighter = cell.clone();
    lighter.modifier.remove(Modifier::BOLD);
    match exactly(&lighter, look) {
        Some(letter) if lighter.modifier != cell.modifier => letter.to_ascii_uppercase(),
        _ => UNKNOWN,
    }
}

/// The letter of the role that makes a cell look exactly so.
fn exactly(cell: &Cell, look: Look) -> Option<char> {
    let looks_so = |role: Role| {
        let mut sample = Cell::EMPTY;
        sample.set_style(look.style(role));
        (sample.fg, sample.bg, sample.modifier) == (cell.fg, cell.bg, cell.modifier)
    };
    LETTERS
        .iter()
        .find(|(role, _)| looks_so(*role))
        .map(|(_, letter)| *letter)
}

/// Whether nothing of a cell is seen, whatever its style is.
pub(super) fn is_blank(cell: &Cell) -> bool {
    let seen = Modifier::REVERSED | Modifier::UNDERLINED | Modifier::CROSSED_OUT;
    cell.symbol().trim().is_empty() && cell.bg == Color::Reset && !cell.modifier.intersects(seen)
}
