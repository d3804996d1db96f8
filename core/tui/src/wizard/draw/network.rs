//! The picture of the address plan.

use std::net::Ipv4Addr;

use butler_wizard::addresses::{AddressPlan, Use};

use super::super::Wizard;
use crate::{look::Role, widgets::Line};

impl Wizard {
    /// The network as a row of marks with a scale and what they mean.
    pub(super) fn network(&self, width: u16) -> Vec<Line> {
        let Some(plan) = &self.seen.addresses else {
            return vec![Line::of(
                Role::Faint,
                "   the address plan is drawn as soon as there are addresses",
            )];
        };
        let columns = match usize::from(width) {
            132.. => 128,
            68.. => 64,
            36.. => 32,
            _ => 16,
        };
        let marks: Vec<char> = plan.marks(columns).chars().collect();
        let mut lines = vec![scale(plan, marks.len()), self.marks(plan, &marks)];
        lines.extend(legend(plan, &marks, usize::from(width)));
        if !plan.beside.is_empty() {
            let mut line = Line::plain("   ");
            for (purpose, network) in &plan.beside {
                line.push(Role::Faint, &format!("{} ", words(*purpose)));
                line.push(Role::Plain, &format!("{network}  "));
            }
            lines.push(line);
        }
        lines
    }

    fn marks(&self, plan: &AddressPlan, marks: &[char]) -> Line {
        let size = 1u64 << (32 - u32::from(plan.prefix.min(32)));
        let count = u64::try_from(marks.len()).unwrap_or(1).max(1);
        let first = u64::from(u32::from(plan.first));
        let focused = |column: usize| {
            let column = u64::try_from(column).unwrap_or(0);
            let (start, end) = (first + column * size / count, first + (column + 1) * size / count);
            plan.ranges.iter().any(|range| {
                self.focused()
                    .is_some_and(|path| range.path == path || range.path.starts_with(path))
                    && u64::from(u32::from(range.start)) < end
                    && u64::from(u32::from(range.end)) >= start
            })
        };
        let mut line = Line::plain("   ");
        for (column, mark) in marks.iter().enumerate() {
            let role = match mark {
                'X' => Role::Bad,
                '.' => Role::Faint,
                _ if focused(column) => Role::Focus,
                _ => Role::Plain,
            };
            line.push(role, &mark.to_string());
        }
        line
    }

    /// The network that the picture shows, for the title.
    pub(super) fn subnet(&self) -> Line {
        self.seen.addresses.as_ref().map_or_else(Line::new, |plan| {
            Line::of(Role::Faint, &format!("{}/{} ", plan.first, plan.prefix))
        })
    }
}

/// Addresses above the marks, as far as their ends differ.
fn scale(plan: &AddressPlan, columns: usize) -> Line {
    let size = 1u64 << (32 - u32::from(plan.prefix.min(32)));
    let count = u64::try_from(columns).unwrap_or(1).max(1);
    let mut line = Line::plain("   ");
    // Two numbers need twice the room.
    let step = if plan.prefix >= 24 { 8 } else { 16 };
    for column in (0..columns).step_by(step) {
        let offset = u64::try_from(column).unwrap_or(0) * size / count;
        let address = Ipv4Addr::from(u32::from(plan.first).wrapping_add(u32::try_from(offset).unwrap_or(0)));
        let [_, second, third, last] = address.octets();
        let words = match plan.prefix {
            24.. => format!(".{last}"),
            16.. => format!(".{third}.{last}"),
            _ => format!(".{second}.{third}"),
        };
        line.push(Role::Faint, &format!("{words:step$}"));
    }
    line
}

fn legend(plan: &AddressPlan, marks: &[char], width: usize) -> Vec<Line> {
    let mut uses: Vec<Use> = plan.ranges.iter().map(|range| range.purpose).collect();
    uses.sort_unstable();
    uses.dedup();
    let mut entries: Vec<(Role, char, &str)> = uses
        .into_iter()
        .map(|purpose| (Role::Plain, purpose.mark(), words(purpose)))
        .collect();
    if marks.contains(&'X') {
        entries.push((Role::Bad, 'X', "conflict"));
    }
    entries.push((Role::Faint, '.', "free"));
    let mut lines = vec![Line::plain("   ")];
    for (role, mark, words) in entries {
        let entry = Line::of(role, &mark.to_string()).with(Role::Plain, &format!(" {words}  "));
        let last = lines.len() - 1;
        if lines[last].width() + entry.width() > width && lines.len() < 2 {
            lines.push(Line::plain("   ").with(role, &entry.text()));
        } else {
            lines[last].append(entry);
        }
    }
    lines
}

fn words(purpose: Use) -> &'static str {
    match purpose {
        Use::Gateway => "gateway",
        Use::Endpoint => "endpoint",
        Use::Services => "services",
        Use::Nodes => "nodes",
        Use::Tenants => "tenants",
        Use::Reserved => "reserved",
        Use::Pods => "pods",
        Use::ClusterServices => "services inside",
    }
}
