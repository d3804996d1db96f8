//! When the next picture is drawn. Pure.

use std::time::{Duration, Instant};

/// Between two pictures of data that changes.
const DATA: Duration = Duration::from_millis(33);

/// Between two pictures of which only the clock differs.
const CLOCK: Duration = Duration::from_secs(1);

/// A terminal that takes longer than this for a picture is at the end of a slow line.
const SLOW: Duration = Duration::from_millis(20);

/// The longest that data waits for a slow line.
const LONGEST: Duration = Duration::from_millis(500);

/// What has changed since the last picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pending {
    Nothing,
    Data,
    Key,
}

/// The rhythm of pictures: keys are seen at once, data soon, clocks once a second, and nothing is drawn for nothing.
#[derive(Debug)]
pub struct Pace {
    pending: Pending,
    last: Option<Instant>,
    interval: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            pending: Pending::Key,
            last: None,
            interval: DATA,
        }
    }
}

impl Pace {
    /// Somebody did something.
    pub fn key(&mut self) {
        self.pending = Pending::Key;
    }

    /// Something has changed by itself.
    pub fn data(&mut self) {
        self.pending = self.pending.max(Pending::Data);
    }

    /// When the next picture is due; none while nothing changes.
    pub fn due(&self, now: Instant, has_clock: bool) -> Option<Instant> {
        let Some(last) = self.last else {
            return Some(now);
        };
        match self.pending {
            Pending::Key => Some(now),
            Pending::Data => Some(last + self.interval),
            Pending::Nothing if has_clock => Some(last + CLOCK),
            Pending::Nothing => None,
        }
    }

    /// A picture was drawn, and the terminal took so long to take it.
    pub fn drawn(&mut self, now: Instant, writing: Duration) {
        self.last = Some(now);
        self.pending = Pending::Nothing;
        self.interval = if writing > SLOW {
            (writing * 4).clamp(DATA, LONGEST)
        } else {
            DATA
        };
    }

    /// Whether the line is slow: data is drawn less often than usual.
    pub fn is_slow(&self) -> bool {
        self.interval > DATA
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(writing: u64) -> (Pace, Instant) {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert_eq!(pace.due(now, false), Some(now), "the first picture is due at once");
        pace.drawn(now, Duration::from_millis(writing));
        (pace, now)
    }

    #[test]
    fn keys_at_once_data_soon_clocks_each_second_nothing_never() {
        let (mut pace, now) = drawn(1);
        let later = now + Duration::from_millis(5);
        assert_eq!(pace.due(later, false), None);
        assert_eq!(pace.due(later, true), Some(now + CLOCK));
        pace.data();
        assert_eq!(pace.due(later, true), Some(now + DATA));
        pace.key();
        assert_eq!(pace.due(later, true), Some(later));
        pace.data();
        assert_eq!(pace.due(later, true), Some(later), "data does not hold a key up");
    }

    #[test]
    fn a_slow_line_gets_fewer_pictures_and_recovers() {
        for (writing, interval, slow) in [(20, 33, false), (21, 84, true), (100, 400, true), (5000, 500, true)] {
            let (mut pace, now) = drawn(writing);
            pace.data();
            assert_eq!(
                pace.due(now, false),
                Some(now + Duration::from_millis(interval)),
                "{writing}"
            );
            assert_eq!(pace.is_slow(), slow, "{writing}");
            pace.drawn(now, Duration::ZERO);
            assert!(!pace.is_slow());
        }
    }
}
