//! One picture of a recorded run, without a terminal: for reports and documents.

use butler_api::event::Event;
use jiff::{SignedDuration, Timestamp};

use crate::{
    input::{Input, Run},
    live::Live,
    screen::Screen as _,
};

/// A text that says no moment or size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StillError {
    /// Not a moment.
    #[error("{0:?} is no time since the beginning of a run: write it like 4:12, 1:04:12 or 75s")]
    Moment(String),
    /// Not a size.
    #[error("{0:?} is no size: write columns and rows like 120x40, up to {MOST}x{MOST}")]
    Size(String),
}

/// Most columns and rows of a picture.
const MOST: u16 = 1000;

/// Reads a time since the beginning of a run: `4:12`, `1:04:12`, `75s`, `2m`.
pub fn moment(text: &str) -> Result<SignedDuration, StillError> {
    let wrong = || StillError::Moment(text.to_owned());
    if !text.contains(':') {
        let span = butler_api::duration::parse(text).map_err(|_| wrong())?;
        return SignedDuration::try_from(span).map_err(|_| wrong());
    }
    let parts: Vec<&str> = text.split(':').collect();
    let is_clock = (2..=3).contains(&parts.len()) && parts.iter().skip(1).all(|part| part.len() == 2);
    let seconds = parts.iter().try_fold(0_i64, |sum, part| {
        let number: u32 = part
            .parse()
            .ok()
            .filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()))?;
        sum.checked_mul(60)?.checked_add(i64::from(number))
    });
    seconds
        .filter(|_| is_clock)
        .map(SignedDuration::from_secs)
        .ok_or_else(wrong)
}

/// Reads a size: columns and rows, such as `120x40`.
pub fn size(text: &str) -> Result<(u16, u16), StillError> {
    let number = |text: &str| text.parse::<u16>().ok().filter(|number| (1..=MOST).contains(number));
    let parts = text
        .split_once('x')
        .and_then(|(columns, rows)| Some((number(columns)?, number(rows)?)));
    parts.ok_or_else(|| StillError::Size(text.to_owned()))
}

/// The view of a run so long after its beginning, and that moment; without a time, at its end.
pub fn of_run(events: Vec<Event>, at: Option<SignedDuration>, size: (u16, u16)) -> (Live, Timestamp) {
    let start = events.first().map_or(Timestamp::UNIX_EPOCH, |event| event.time);
    let end = events.iter().map(|event| event.time).max().unwrap_or(start);
    let now = at.map_or(end, |at| start.saturating_add(at).unwrap_or(end));
    let cluster = events.first().map_or("", |event| event.cluster.as_str()).to_owned();
    let mut live = Live::following(&cluster, start);
    let heard = events.into_iter().filter(|event| event.time <= now).collect();
    for input in [
        Input::Resize(size.0, size.1),
        Input::Run(Run::Events(heard)),
        Input::Run(Run::UpToDate),
        Input::Tick,
    ] {
        live.update(input, now);
    }
    (live, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_write_them() {
        let seconds = |text: &str| moment(text).map(|at| at.as_secs());
        assert_eq!(
            [seconds("4:12"), seconds("1:04:12"), seconds("75s"), seconds("0:00")],
            [Ok(252), Ok(3852), Ok(75), Ok(0)]
        );
        for wrong in ["", "4:1", "4:", ":12", "-1:00", "1:2:3:4", "soon", "4:-1", "+1:00"] {
            assert_eq!(moment(wrong), Err(StillError::Moment(wrong.to_owned())));
        }
    }

    #[test]
    fn sizes_are_columns_and_rows() {
        assert_eq!(size("120x40"), Ok((120, 40)));
        for wrong in ["", "120", "0x40", "120x", "x40", "120x40x2", "70000x1", "1001x10"] {
            assert_eq!(size(wrong), Err(StillError::Size(wrong.to_owned())));
        }
    }
}
