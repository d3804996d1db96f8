//! Durations as people write them, in configuration files and on the command line: `90s`, `15m`, `1h30m`.

use std::time::Duration;

use jiff::fmt::friendly::SpanParser;

/// Reads one number with its unit.
static PARSER: SpanParser = SpanParser::new();

/// The units of Go programs; the parser knows many more, and longer spellings of these.
const UNITS: [&str; 6] = ["ns", "us", "ms", "s", "m", "h"];

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a duration such as 90s, 10m or 1h30m")]
pub struct DurationError(String);

/// Parses the notation of Go programs: `90s`, `1h30m`, `1.5h`, `250ms`; without sign. Zero may be written without a unit.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    sum(text).ok_or_else(|| DurationError(text.to_owned()))
}

/// The same for a duration that must leave some time.
pub fn parse_positive(text: &str) -> Result<Duration, DurationError> {
    let duration = parse(text)?;
    if duration.is_zero() {
        return Err(DurationError(text.to_owned()));
    }
    Ok(duration)
}

/// An age: the same notation, with whole days of 24 hours in front of it if one likes: `7d`, `1d12h`.
pub fn parse_age(text: &str) -> Result<Duration, DurationError> {
    let error = || DurationError(text.to_owned());
    let Some((days, rest)) = text.split_once('d') else {
        return parse(text);
    };
    let days: u32 = days.parse().map_err(|_| error())?;
    let rest = if rest.is_empty() {
        Duration::ZERO
    } else {
        sum(rest).ok_or_else(error)?
    };
    Duration::from_hours(24)
        .checked_mul(days)
        .and_then(|days| days.checked_add(rest))
        .ok_or_else(error)
}

/// Adds the parts up. Each is parsed alone, for Go takes them in any order and each with a fraction, and jiff does not.
fn sum(text: &str) -> Option<Duration> {
    match text {
        "" => return None,
        "0" => return Some(Duration::ZERO),
        _ => {}
    }
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c| !is_number(c))?);
        let (unit, after) = after.split_at(after.find(is_number).unwrap_or(after.len()));
        sum = sum.checked_add(part(number, unit)?)?;
        rest = after;
    }
    Some(sum)
}

fn part(number: &str, unit: &str) -> Option<Duration> {
    let unit = match unit {
        // The micro sign and the Greek letter look alike.
        "\u{b5}s" | "\u{3bc}s" => "us",
        unit => unit,
    };
    if !UNITS.contains(&unit) || !number.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    // Go lets the digits on one side of the point be left out.
    let number = number.strip_suffix('.').unwrap_or(number);
    PARSER.parse_unsigned_duration(format!("0{number}{unit}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_may_have_days() {
        let hours = |text: &str| parse_age(text).map(|age| age.as_secs() / 3600);
        assert_eq!([hours("1d"), hours("1d12h"), hours("36h")], [Ok(24), Ok(36), Ok(36)]);
        for wrong in ["d", "-1d", "1.5d", "1dd", "1d1", "99999999999d"] {
            assert!(parse_age(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, milliseconds) in [
            ("90s", 90_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("30m1h", 5_400_000),
            ("1.5h", 5_400_000),
            ("1.5h30m", 7_200_000),
            (".5h", 1_800_000),
            ("5.s", 5_000),
            ("2m0.5s", 120_500),
            ("1s1s", 2_000),
            ("500ms", 500),
            ("2500us", 2),
            ("2500µs", 2),
            ("2500μs", 2),
            ("3000000ns", 3),
            ("0", 0),
            ("0s", 0),
        ] {
            assert_eq!(parse(text).map(|parsed| parsed.as_millis()), Ok(milliseconds), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_durations() {
        for text in [
            "",
            "15",
            "s",
            "m",
            "15 minutes",
            "15minutes",
            "5 s",
            "-5m",
            "+5m",
            "1h-5m",
            "1d",
            "1h30",
            "1..5h",
            "5..s",
            ".s",
            "1e9h",
            "1h,30m",
            "1h ago",
            "99999999999999999999h",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(
            parse("soon").unwrap_err().to_string(),
            r#""soon" is not a duration such as 90s, 10m or 1h30m"#
        );
    }

    #[test]
    fn where_time_is_needed_zero_is_none() {
        assert!(parse_positive("0s").is_err() && parse_positive("0").is_err());
        assert_eq!(parse_positive("1s"), Ok(Duration::from_secs(1)));
    }
}
