//! Durations as people write and read them.

use std::time::Duration;

/// Not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a duration such as 90s, 10m or 1h30m")]
pub struct DurationError(String);

/// Parses the notation of Go programs: `90s`, `1h30m`, `1.5h`, `250ms`; no sign, and not zero long.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    parse_units(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| DurationError(text.to_owned()))
}

/// A span for people: `0:07`, `12:30`, `1:02:03`.
pub fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// A span in words that stay short: `7s`, `2m05s`, `1h02m`.
pub fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

fn parse_units(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        let amount: f64 = number.parse().ok()?;
        sum = sum.checked_add(Duration::try_from_secs_f64(amount * seconds).ok()?)?;
        rest = after;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_parse() {
        for (text, milliseconds) in [
            ("90s", 90_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            ("2m0.5s", 120_500),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "10",
            "s",
            "1d",
            "-5s",
            "1h-5m",
            "5 s",
            "1..5s",
            "0s",
            "99999999999999999999h",
            "1e9h",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(
            parse("soon").unwrap_err().to_string(),
            r#""soon" is not a duration such as 90s, 10m or 1h30m"#
        );
    }

    #[test]
    fn spans_are_short() {
        let spans = [7, 125, 3723].map(|s| (clock(Duration::from_secs(s)), short(Duration::from_secs(s))));
        let spans: Vec<_> = spans.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(spans, [("0:07", "7s"), ("2:05", "2m05s"), ("1:02:03", "1h02m")]);
    }
}
