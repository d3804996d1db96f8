//! Time for a renderer: it passes in even steps that are counted from the first event, so that a run looks the same while it
//! happens, when it is watched from elsewhere, and when it is replayed.

use jiff::{SignedDuration, Timestamp};

use butler_api::event::Event;

use super::Progress;

/// The step in which time passes.
const STEP: SignedDuration = SignedDuration::from_millis(250);

/// How far behind the clock time passes where nothing happens: an event that is on its way must not come too late.
const BEHIND: SignedDuration = SignedDuration::from_millis(100);

/// Gives a renderer its events, and time between them.
pub struct Paced {
    progress: Box<dyn Progress>,
    next: Option<Timestamp>,
}

impl Paced {
    /// Time for this renderer.
    pub fn new(progress: Box<dyn Progress>) -> Self {
        Self { progress, next: None }
    }

    /// Takes the next event; the time until it passes first.
    pub fn event(&mut self, event: &Event) {
        if self.next.is_none() {
            self.next = event.time.checked_add(STEP).ok();
        }
        self.pass(event.time);
        self.progress.event(event);
    }

    /// Lets time pass until then; for a replay, whose events are never on their way.
    pub fn at(&mut self, time: Timestamp) {
        self.pass(time);
    }

    /// Lets time pass while nothing happens.
    pub fn idle(&mut self, now: Timestamp) {
        if let Ok(until) = now.checked_sub(BEHIND) {
            self.pass(until);
        }
    }

    /// Whether what comes now is the past.
    pub fn catching_up(&mut self, yes: bool) {
        self.progress.catching_up(yes);
    }

    /// Shows what is held back and leaves a summary.
    pub fn finish(&mut self) {
        self.progress.finish();
    }

    fn pass(&mut self, until: Timestamp) {
        // A clock that was set forward, or a run that slept with its computer: the hours between need no picture each.
        const MOST: SignedDuration = SignedDuration::from_hours(1);
        if let Some(next) = self.next
            && until.duration_since(next) > MOST
        {
            self.next = until.checked_sub(MOST).ok();
        }
        while let Some(next) = self.next.filter(|next| *next <= until) {
            self.progress.tick(next);
            self.next = next.checked_add(STEP).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use butler_api::event::{Body, SCHEMA_VERSION};

    use super::*;

    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl Progress for Seen {
        fn event(&mut self, event: &Event) {
            self.0.lock().unwrap().push(format!("event {}", millis(event.time)));
        }

        fn tick(&mut self, now: Timestamp) {
            self.0.lock().unwrap().push(format!("tick {}", millis(now)));
        }

        fn finish(&mut self) {}
    }

    fn millis(time: Timestamp) -> i64 {
        time.as_millisecond()
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    fn event(millis: i64) -> Event {
        Event {
            v: SCHEMA_VERSION,
            seq: 1,
            time: at(millis),
            run: uuid::Uuid::nil(),
            cluster: String::new(),
            body: Body::RunHeartbeat {},
        }
    }

    #[test]
    fn a_replay_sees_time_pass_as_the_live_view_did() {
        let (live, replayed) = (Seen::default(), Seen::default());
        let mut view = Paced::new(Box::new(live.clone()));
        view.idle(at(500));
        view.event(&event(1000));
        for now in [1100, 1333, 1480, 1590] {
            view.idle(at(now));
        }
        view.event(&event(1600));
        let mut view = Paced::new(Box::new(replayed.clone()));
        view.event(&event(1000));
        view.event(&event(1600));
        let seen = live.0.lock().unwrap().clone();
        assert_eq!(seen, ["event 1000", "tick 1250", "tick 1500", "event 1600"]);
        assert_eq!(seen, *replayed.0.lock().unwrap());
    }

    #[test]
    fn a_night_between_two_events_is_passed_quickly() {
        let seen = Seen::default();
        let mut view = Paced::new(Box::new(seen.clone()));
        view.event(&event(0));
        view.event(&event(1000 * 3600 * 24 * 365));
        assert!(seen.0.lock().unwrap().len() < 20_000);
    }
}
