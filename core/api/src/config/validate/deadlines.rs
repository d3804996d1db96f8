//! `deadlines`: durations as Go writes them.

use std::time::Duration;

use super::Validator;
use crate::config::{Deadlines, raw::RawDeadlines};

pub(super) fn deadlines(v: &mut Validator<'_>, raw: Option<&RawDeadlines>) -> Deadlines {
    let mut deadlines = Deadlines::default();
    let Some(raw) = raw else { return deadlines };
    let RawDeadlines {
        image,
        machine,
        boot,
        configure,
        bootstrap,
        node,
        addon,
        pivot,
        endpoint,
    } = raw;
    let written = [
        (image, &mut deadlines.image, "image"),
        (machine, &mut deadlines.machine, "machine"),
        (boot, &mut deadlines.boot, "boot"),
        (configure, &mut deadlines.configure, "configure"),
        (bootstrap, &mut deadlines.bootstrap, "bootstrap"),
        (node, &mut deadlines.node, "node"),
        (addon, &mut deadlines.addon, "addon"),
        (pivot, &mut deadlines.pivot, "pivot"),
        (endpoint, &mut deadlines.endpoint, "endpoint"),
    ];
    for (text, target, key) in written {
        let Some(text) = text else { continue };
        let path = format!("deadlines.{key}");
        match duration(text) {
            Some(value) if value.is_zero() => {
                v.problem(&path, format!("`{path}` leaves no time"), "write at least `1s`");
            }
            Some(value) => *target = value,
            None => v.problem(
                &path,
                format!("`{path}` is no duration"),
                "write it like `90s`, `15m` or `1h30m`",
            ),
        }
    }
    deadlines
}

/// `1h30m`, `90s`, `1.5h`, `500ms`: decimal numbers with units, nothing else.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = tail;
    }
    (!text.trim().is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        assert_eq!(duration("1h30m"), Some(Duration::from_mins(90)));
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("1.5h"), Some(Duration::from_mins(90)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("0"), Some(Duration::ZERO));
    }

    #[test]
    fn other_texts_are_no_durations() {
        for text in [
            "",
            "15",
            "m",
            "15 minutes",
            "-5m",
            "1d",
            "1h30",
            "1..5h",
            "99999999999999999999h",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
