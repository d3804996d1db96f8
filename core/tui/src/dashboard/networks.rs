//! The addresses of a pool as a picture: one mark for as many addresses as it takes to fit.

use std::net::Ipv4Addr;

use butler_tenancy::live::{Block, Detail, Row};
use ratatui::layout::Rect;

use super::table::Table;
use crate::{
    look::Role,
    widgets::{Canvas, Line},
};

/// What an address is used for, the more telling ones last: where one mark stands for several addresses, the last counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Free,
    Reserved,
    Platform,
    Services,
    Nodes,
    /// Two at once.
    Conflict,
}

impl Use {
    fn mark(self) -> char {
        match self {
            Self::Free => '.',
            Self::Reserved => 'R',
            Self::Platform => 'P',
            Self::Services => 'S',
            Self::Nodes => 'n',
            Self::Conflict => 'X',
        }
    }

    fn role(self) -> Role {
        match self {
            Self::Free | Self::Reserved => Role::Faint,
            Self::Platform => Role::Strong,
            Self::Services => Role::Busy,
            Self::Nodes => Role::Good,
            Self::Conflict => Role::Bad,
        }
    }
}

/// Marks in one row of the picture.
const ROW: usize = 64;

fn number(address: Ipv4Addr) -> u64 {
    u64::from(u32::from(address))
}

/// What is where in a pool. Pure.
fn picture(pool: &Block, given: &[&Block], marks: usize) -> (Vec<Use>, u64) {
    let first = number(pool.first);
    let size = number(pool.last).saturating_sub(first) + 1;
    let marks = u64::try_from(marks.max(1)).unwrap_or(u64::MAX);
    let each = size.div_ceil(marks).max(1).next_power_of_two();
    let count = usize::try_from(size.div_ceil(each)).unwrap_or(0);
    let mut uses = vec![Use::Free; count];
    let mut lay = |from: Ipv4Addr, to: Ipv4Addr, what: Use| {
        let begin = number(from).saturating_sub(first) / each;
        let end = number(to).saturating_sub(first) / each;
        for at in begin..=end {
            let Some(here) = usize::try_from(at).ok().and_then(|at| uses.get_mut(at)) else {
                break;
            };
            // Only where one mark is one address two uses are a conflict.
            *here = if each == 1 && *here > Use::Reserved && what > Use::Reserved {
                Use::Conflict
            } else {
                (*here).max(what)
            };
        }
    };
    for kept in &pool.kept {
        let what = if kept.by_platform { Use::Platform } else { Use::Reserved };
        lay(kept.first, kept.last, what);
    }
    for block in given {
        let what = if &*block.purpose == "nodes" {
            Use::Nodes
        } else {
            Use::Services
        };
        lay(block.first, block.last, what);
    }
    (uses, each)
}

/// Draws the addresses of the selected pool, and who has them.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, row: &Row, allocations: Option<&Table>) {
    let Detail::Addresses(pool) = &row.detail else {
        return;
    };
    let of_pool = |other: &&Row| matches!(&other.detail, Detail::Addresses(block) if block.pool == pool.pool);
    let rows = allocations.into_iter().flat_map(Table::all).filter(of_pool);
    let mut given: Vec<&Block> = rows
        .filter_map(|row| match &row.detail {
            Detail::Addresses(block) => Some(&**block),
            _ => None,
        })
        .collect();
    given.sort_by_key(|block| block.first);
    let width = ROW.min(usize::from(area.width).saturating_sub(18)).max(8);
    let height = usize::from(area.height).saturating_sub(3).clamp(1, 4);
    let (uses, each) = picture(pool, &given, width * height);
    let mut lines = vec![Line::of(Role::Strong, &format!(" {}", row.name)).with(
        Role::Faint,
        &format!("  {} to {}, a mark is {each} of them", pool.first, pool.last),
    )];
    for (at, chunk) in uses.chunks(width).enumerate() {
        let offset = u64::try_from(at * width).unwrap_or(0) * each;
        let address = u32::try_from(number(pool.first) + offset).map(Ipv4Addr::from);
        let head = address.map_or_else(|_| String::new(), |address| address.to_string());
        let mut line = Line::of(Role::Faint, &format!(" {head:<16}"));
        for what in chunk {
            line.push(what.role(), &what.mark().to_string());
        }
        lines.push(line);
    }
    lines.push(legend());
    let owners = given
        .iter()
        .map(|block| format!("{}-{} {} ({})", block.first, block.last, block.owner, block.purpose));
    lines.extend(owners.map(|owner| Line::plain(&format!(" {owner}"))));
    canvas.lines(area, &lines);
}

fn legend() -> Line {
    let words = [
        (Use::Reserved, "reserved"),
        (Use::Platform, "platform"),
        (Use::Services, "services"),
        (Use::Nodes, "nodes"),
        (Use::Conflict, "conflict"),
        (Use::Free, "free"),
    ];
    let mut line = Line::plain(" ");
    for (what, word) in words {
        line.push(what.role(), &what.mark().to_string());
        line.push(Role::Faint, &format!(" {word}  "));
    }
    line
}

#[cfg(test)]
mod tests {
    use butler_tenancy::live::Kept;

    use super::*;

    fn block(first: &str, last: &str, purpose: &str) -> Block {
        Block {
            pool: "p".into(),
            first: first.parse().unwrap(),
            last: last.parse().unwrap(),
            purpose: purpose.into(),
            owner: "web".into(),
            kept: Vec::new(),
        }
    }

    fn drawn(pool: &Block, given: &[&Block], marks: usize) -> String {
        picture(pool, given, marks).0.into_iter().map(Use::mark).collect()
    }

    #[test]
    fn every_address_has_its_mark() {
        let mut pool = block("10.0.0.0", "10.0.0.15", "");
        pool.kept = vec![Kept {
            first: "10.0.0.0".parse().unwrap(),
            last: "10.0.0.1".parse().unwrap(),
            by_platform: false,
            words: "routers".into(),
        }];
        let nodes = block("10.0.0.4", "10.0.0.6", "nodes");
        let services = block("10.0.0.6", "10.0.0.7", "services");
        assert_eq!(drawn(&pool, &[&nodes], 16), "RR..nnn.........");
        assert_eq!(drawn(&pool, &[&nodes, &services], 16), "RR..nnXS........");
        assert_eq!(
            drawn(&pool, &[&nodes, &services], 8),
            "R.nn....",
            "a mark stands for two"
        );
    }

    #[test]
    fn the_largest_pool_and_what_lies_outside_are_drawn() {
        let pool = block("0.0.0.0", "255.255.255.255", "");
        let (uses, each) = picture(&pool, &[], 64);
        assert_eq!((uses.len(), each), (64, 1 << 26));
        let small = block("10.0.0.0", "10.0.0.3", "");
        let outside = block("10.0.1.0", "10.0.1.9", "nodes");
        let before = block("9.0.0.0", "9.0.0.9", "nodes");
        assert_eq!(drawn(&small, &[&outside], 4), "....");
        // What begins before it is laid at its beginning: an allocation of another network is a defect worth seeing.
        assert_eq!(drawn(&small, &[&before], 4), "n...");
    }
}
