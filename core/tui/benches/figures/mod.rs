//! What benchmarks measure and print.

use std::time::{Duration, Instant};

use butler_terminal::{Table, table::Cell};

pub(crate) fn row(table: &mut Table, what: &str, mut spans: Vec<Duration>) {
    spans.sort_unstable();
    let at = |per_cent: usize| format!("{:.2?}", spans[(spans.len() * per_cent / 100).min(spans.len() - 1)]);
    table.row([
        Cell::from(what),
        Cell::from(&at(50)),
        Cell::from(&at(99)),
        Cell::from(&at(100)),
    ]);
}

pub(crate) fn number_of(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}

/// Bytes of memory that the process holds, where the system tells.
pub(crate) fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim()
        .strip_suffix(" kB")?
        .trim()
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes << 10)
}
