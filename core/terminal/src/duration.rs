//! Durations as people read them.

use std::time::Duration;

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
    fn spans_are_short() {
        let spans = [7, 125, 3723].map(|s| (clock(Duration::from_secs(s)), short(Duration::from_secs(s))));
        let spans: Vec<_> = spans.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(spans, [("0:07", "7s"), ("2:05", "2m05s"), ("1:02:03", "1h02m")]);
    }
}
