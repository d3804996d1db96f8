//! What the machines take, against what the platform has.

use super::{
    super::{Wizard, popups::memory},
    words,
};
use crate::{look::Role, widgets::Line};

/// Columns of a bar.
const BAR: usize = 20;

impl Wizard {
    /// Totals and bars.
    pub(super) fn machines(&self) -> Vec<Line> {
        let (totals, room) = (self.seen.totals, &self.seen.room);
        let row = |word: &str| Line::plain(&format!("   {word}")).padded(16);
        let together = format!(
            "{} machines, {} CPU, {} memory, {} GB disk",
            totals.machines,
            totals.cpu,
            memory(totals.memory_mb),
            totals.disk_gb,
        );
        let mut lines = vec![row("together").with(Role::Strong, &together)];
        if let Some(cpu) = room.cpu {
            let words = format!(" {} of {cpu}", totals.cpu);
            lines.push(bar(row("CPU"), totals.cpu, cpu, &words));
        }
        if let Some(free) = room.free_memory_mb {
            let words = format!(" {} of {} free", memory(totals.memory_mb), memory(free));
            let mut line = bar(row("memory"), totals.memory_mb, free, &words);
            if let Some((node, free)) = &room.largest {
                line.push(Role::Plain, &format!("   most on {node}: {}", memory(*free)));
            }
            lines.push(line);
        }
        if let Some(free) = room.free_disk_gb {
            let words = format!(" {} of {free} GB free", totals.disk_gb);
            lines.push(bar(row("disk"), totals.disk_gb, free, &words));
        }
        match room.survives_loss {
            Some(true) => lines.push(row("a node lost").with(Role::Good, "the machines still fit on the others")),
            Some(false) => lines.push(row("a node lost").with(Role::Late, "the machines do not fit on the others")),
            None => {}
        }
        if lines.len() == 1 {
            lines.push(row("room").with(Role::Faint, "not known: the platform has not told what it has"));
        }
        lines
    }

    /// Whether the machines fit, for the title.
    pub(super) fn fits(&self) -> Line {
        let (totals, room) = (self.seen.totals, &self.seen.room);
        let memory = room.free_memory_mb.map(|free| totals.memory_mb <= free);
        let disk = room.free_disk_gb.map(|free| totals.disk_gb <= free);
        match (memory, disk) {
            (None, None) => Line::new(),
            (Some(false), _) => Line::of(Role::Bad, "more memory than is free "),
            (_, Some(false)) => Line::of(Role::Bad, "more disk than is free "),
            _ => Line::of(Role::Good, "fits "),
        }
    }
}

fn bar(row: Line, taken: u64, all: u64, words: &str) -> Line {
    let role = if taken > all { Role::Bad } else { Role::Plain };
    let line = row.with(role, &words::bar(taken, all, BAR)).with(role, words);
    if taken > all {
        line.with(Role::Bad, ": too much")
    } else {
        line
    }
}
