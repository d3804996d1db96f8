//! A recording that is shown again: at any speed, forwards and backwards.

use std::time::Duration;

use butler_api::{
    event::{Body, Event, Level},
    view::{View, since},
};
use butler_terminal::duration;
use jiff::{SignedDuration, Timestamp};

use super::is_another;
use crate::{look::Role, widgets::Line};

/// A state is kept after so many events, so that going back is as fast as going on.
const EVERY: usize = 500;

/// The most states that are kept: of a very long recording they are further apart.
const MOST: usize = 100;

/// The fastest replay, in times.
const FASTEST: u32 = 64;

/// How far one key goes.
const JUMP: SignedDuration = SignedDuration::from_secs(10);

/// A recording, and where in it one is.
#[derive(Debug)]
pub struct Player {
    name: String,
    events: Vec<Event>,
    /// When each event happened; time never goes back.
    times: Vec<Timestamp>,
    /// The state after every so many events.
    kept: Vec<View>,
    every: usize,
    /// Events that have happened.
    position: usize,
    at: Timestamp,
    playing: bool,
    speed: u32,
    /// When time passed last.
    passed: Option<Timestamp>,
    /// How many events the state that is shown has taken; none where it is another one.
    shown: Option<usize>,
}

impl Player {
    /// At the beginning of a recording, which runs.
    pub(super) fn new(name: &str, events: Vec<Event>) -> Self {
        let every = events.len().div_ceil(MOST).max(EVERY);
        let mut times = Vec::with_capacity(events.len());
        let mut latest = Timestamp::MIN;
        let mut view = View::default();
        let mut kept = vec![view.clone()];
        for (event, number) in events.iter().zip(1..) {
            latest = latest.max(event.time);
            times.push(latest);
            fold(&mut view, event);
            if number % every == 0 {
                kept.push(view.clone());
            }
        }
        let at = times.first().copied().unwrap_or(Timestamp::UNIX_EPOCH);
        let mut player = Self {
            name: name.to_owned(),
            events,
            times,
            kept,
            every,
            position: 0,
            at,
            playing: true,
            speed: 1,
            passed: None,
            shown: None,
        };
        player.go_to(at);
        player
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Whether everything has happened.
    pub(super) fn is_at_end(&self) -> bool {
        self.position >= self.events.len()
    }

    /// Whether time passes.
    pub(super) fn is_playing(&self) -> bool {
        self.playing && !self.is_at_end()
    }

    /// The moment that is shown.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }

    /// Lets as much time pass as has passed since the last call, times the speed; says whether that may have changed anything.
    pub(super) fn pass(&mut self, now: Timestamp) -> bool {
        let before = self.passed.replace(now);
        let Some(before) = before.filter(|_| self.is_playing()) else {
            return false;
        };
        let span = since(before, now).saturating_mul(self.speed);
        let Ok(span) = SignedDuration::try_from(span) else {
            return false;
        };
        self.go_to(self.at.saturating_add(span).unwrap_or(self.at));
        true
    }

    /// Goes to a moment, within the recording.
    fn go_to(&mut self, at: Timestamp) {
        let (Some(first), Some(last)) = (self.times.first(), self.times.last()) else {
            return;
        };
        self.at = at.clamp(*first, *last);
        self.position = self.times.partition_point(|time| *time <= self.at);
    }

    /// Goes to where so many events have happened, and stays there.
    fn go_to_event(&mut self, position: usize) {
        self.playing = false;
        self.position = position.min(self.events.len());
        let last = self.position.saturating_sub(1);
        self.at = self.times.get(last).copied().unwrap_or(self.at);
    }

    /// Takes a key; says whether it was one of a replay.
    pub(super) fn key(&mut self, key: char) -> bool {
        match key {
            ' ' | 'p' => {
                if self.is_at_end() {
                    self.go_to_event(0);
                    self.playing = true;
                } else {
                    self.playing = !self.playing;
                }
            }
            '>' => self.speed = (self.speed * 2).min(FASTEST),
            '<' => self.speed = (self.speed / 2).max(1),
            '.' => self.go_to_event(self.position + 1),
            ',' => self.go_to_event(self.position.saturating_sub(1)),
            'g' => self.go_to_event(0),
            'G' => self.go_to_event(self.events.len()),
            'n' => self.go_to_warning(false),
            'N' => self.go_to_warning(true),
            _ => return false,
        }
        true
    }

    /// Goes back or on by some seconds; whether it runs stays as it is.
    pub(super) fn jump(&mut self, backwards: bool) {
        let to = if backwards {
            self.at.saturating_sub(JUMP)
        } else {
            self.at.saturating_add(JUMP)
        };
        self.go_to(to.unwrap_or(self.at));
    }

    fn go_to_warning(&mut self, backwards: bool) {
        let is_one = |place: &usize| is_warning(&self.events[*place].body);
        let found = if backwards {
            (0..self.position.saturating_sub(1)).rev().find(is_one)
        } else {
            (self.position..self.events.len()).find(is_one)
        };
        if let Some(place) = found {
            self.go_to_event(place + 1);
        }
    }

    /// Brings a state to where the recording is; says whether it went back, or to another run.
    pub(super) fn show(&mut self, view: &mut View) -> bool {
        let near = self.position / self.every;
        let from = self
            .shown
            .filter(|shown| (near * self.every..=self.position).contains(shown));
        let (run, back) = (
            view.run,
            from.is_none() && self.shown.is_none_or(|shown| shown > self.position),
        );
        let from = from.unwrap_or_else(|| {
            view.clone_from(&self.kept[near]);
            near * self.every
        });
        for event in &self.events[from..self.position] {
            fold(view, event);
        }
        view.tick(self.at);
        self.shown = Some(self.position);
        back || view.run != run
    }

    /// How fast, where, and what the keys do, in a line.
    pub(super) fn bar(&self) -> Line {
        let (first, last) = match (self.times.first(), self.times.last()) {
            (Some(first), Some(last)) => (*first, *last),
            _ => return Line::of(Role::Bad, " the recording holds no event"),
        };
        let (role, state) = match (self.is_at_end(), self.playing) {
            (true, _) => (Role::Plain, "end"),
            (false, true) => (Role::Busy, "running"),
            (false, false) => (Role::Late, "paused"),
        };
        let [at, all] = [self.at, last].map(|time| duration::clock(since(first, time)));
        Line::of(Role::Strong, &format!(" replay x{} {at} of {all} ", self.speed))
            .with(role, state)
            .with(
                Role::Faint,
                &format!("  event {} of {}  {}", self.position, self.events.len(), self.name),
            )
    }

    /// How long the recording is.
    pub fn length(&self) -> Duration {
        match (self.times.first(), self.times.last()) {
            (Some(first), Some(last)) => since(*first, *last),
            _ => Duration::ZERO,
        }
    }
}

/// Takes an event; one of another run begins anew.
fn fold(view: &mut View, event: &Event) {
    if is_another(view, event) {
        *view = View::default();
    }
    view.apply(event);
}

fn is_warning(body: &Body) -> bool {
    match body {
        Body::Warning { .. } | Body::StepFailed { .. } => true,
        Body::StepRetried { attempt, .. } => *attempt <= 1,
        Body::Log { level, .. } => matches!(level, Level::Warning | Level::Error),
        Body::MachineChanged { machine } => machine.state == "failed",
        _ => false,
    }
}
