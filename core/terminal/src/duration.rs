//! Durations as people read them.

use std::time::Duration;

use jiff::Timestamp;

/// How long ago something was, in one or two units as kubectl says it: `7s`, `2m5s`, `3h`, `12d`.
pub fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: i64, unit: &str, small: i64, rest: &str| match small {
        0 => format!("{large}{unit}"),
        small => format!("{large}{unit}{small}{rest}"),
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        _ if days < 730 => format!("{days}d"),
        _ if days < 2920 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_as_kubectl_says_them() {
        let at = |seconds| age(Timestamp::UNIX_EPOCH, Timestamp::from_second(seconds).unwrap());
        let all = [
            -5, 0, 119, 125, 599, 600, 10_799, 10_800, 10_860, 28_800, 172_800, 176_400, 691_200, 94_608_000,
        ];
        assert_eq!(
            all.map(at),
            [
                "0s", "0s", "119s", "2m5s", "9m59s", "10m", "179m", "3h", "3h1m", "8h", "2d", "2d1h", "8d", "3y"
            ]
        );
    }

    #[test]
    fn spans_are_short() {
        let spans = [7, 125, 3723].map(|s| (clock(Duration::from_secs(s)), short(Duration::from_secs(s))));
        let spans: Vec<_> = spans.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(spans, [("0:07", "7s"), ("2:05", "2m05s"), ("1:02:03", "1h02m")]);
    }
}
