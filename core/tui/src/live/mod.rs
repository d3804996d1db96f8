//! The live view of a run: what happens now, why, and how it went.

mod addons;
mod compare;
mod ending;
mod head;
mod keys;
mod log;
mod machines;
mod panels;
mod popups;
mod replay;
mod runs;
mod timeline;
mod waits;
mod why;
pub mod words;

use butler_api::{event::Event, view::View};
use butler_lifecycle::runs::why::{self as reasons, State};
use jiff::Timestamp;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use self::{
    compare::Against,
    ending::Ending,
    log::Log,
    panels::{Panel, Picks, Subject},
    popups::Popup,
    timeline::Timeline,
};
pub use self::{replay::Player, runs::Runs};
use crate::{
    effect::Effect,
    input::{Done, Input, Run},
    look::{Look, Role},
    screen::{Hint, Screen, Typing},
    widgets::{Canvas, Chrome, Line, Scroll},
};

/// A run on the screen, while it happens or afterwards.
#[derive(Debug)]
pub struct Live {
    cluster: String,
    view: View,
    source: Source,
    /// The picture that is held while the run goes on.
    held: Option<Held>,
    /// The latest moment that an input came with.
    now: Timestamp,
    size: (u16, u16),
    focus: Panel,
    /// The focused panel has the whole room.
    zoomed: bool,
    picks: Picks,
    log: Log,
    document: Option<Document>,
    /// What the document is about, where that is not what is selected.
    topic: Option<Subject>,
    scroll: Scroll,
    timeline: Timeline,
    /// What the timeline is compared with.
    against: Against,
    popup: Option<Popup>,
    ending: Option<Ending>,
    /// What people do next, as the folder of the run says.
    results: Vec<(String, String)>,
    /// What was last tried, and what became of it.
    notice: Option<(Role, String)>,
}

/// Where the events come from.
#[derive(Debug)]
enum Source {
    /// A run that is followed.
    Run(Following),
    /// A recording.
    Replay(Box<Player>),
}

#[derive(Debug, Default)]
struct Following {
    /// What comes now happens now.
    up_to_date: bool,
    /// The process ended without a last word.
    gone: bool,
    /// Why nothing more can be heard.
    trouble: Option<String>,
    /// The number of the last event: a run that is followed anew tells its events again.
    seq: u64,
}

/// A picture that stays.
#[derive(Debug)]
struct Held {
    view: View,
    at: Timestamp,
}

/// What is read in place of the panels, or beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Document {
    Why,
    Timeline,
}

impl Live {
    /// The run of a cluster, of which nothing was heard yet.
    pub fn following(cluster: &str, now: Timestamp) -> Self {
        Self::new(cluster, Source::Run(Following::default()), now)
    }

    /// A recording, from its beginning. `name` is what it is called, such as its file.
    pub fn replaying(name: &str, events: Vec<Event>, now: Timestamp) -> Self {
        let cluster = events.first().map_or("", |event| event.cluster.as_str()).to_owned();
        let player = Player::new(name, events);
        let mut live = Self::new(&cluster, Source::Replay(Box::new(player)), now);
        live.after_replay(now);
        live
    }

    fn new(cluster: &str, source: Source, now: Timestamp) -> Self {
        Self {
            cluster: cluster.to_owned(),
            view: View::default(),
            source,
            held: None,
            now,
            size: (80, 24),
            focus: Panel::Waits,
            zoomed: false,
            picks: Picks::default(),
            log: Log::default(),
            document: None,
            topic: None,
            scroll: Scroll::default(),
            timeline: Timeline::default(),
            against: Against::default(),
            popup: None,
            ending: None,
            results: Vec::new(),
            notice: None,
        }
    }

    /// The state that is shown.
    fn picture(&self) -> &View {
        self.held.as_ref().map_or(&self.view, |held| &held.view)
    }

    /// The moment that is shown.
    fn at(&self, now: Timestamp) -> Timestamp {
        if let Some(held) = &self.held {
            return held.at;
        }
        let heard = self.view.heard;
        match &self.source {
            Source::Replay(player) => player.at(),
            Source::Run(run) if run.up_to_date && self.is_running() => now.max(self.now).max(heard.unwrap_or(now)),
            Source::Run(_) => heard.unwrap_or(now),
        }
    }

    /// Whether a process works on it, as far as anybody can tell.
    fn is_running(&self) -> bool {
        self.view.finished.is_none()
            && match &self.source {
                Source::Run(run) => !run.gone,
                Source::Replay(player) => !player.is_at_end(),
            }
    }

    fn state(&self) -> State {
        reasons::state(self.picture(), self.held.is_some() || self.is_running())
    }

    fn hear(&mut self, run: Run, now: Timestamp) {
        let Source::Run(following) = &mut self.source else {
            return;
        };
        match run {
            Run::Events(events) => {
                following.gone = false;
                following.trouble = None;
                for event in &events {
                    self.take(event);
                }
            }
            Run::UpToDate => following.up_to_date = true,
            Run::Gone => following.gone = true,
            Run::Failed { error } => following.trouble = Some(error),
            Run::Results(results) => self.results = results,
        }
        self.after_change(now);
    }

    fn take(&mut self, event: &Event) {
        let another = is_another(&self.view, event);
        if let Source::Run(following) = &mut self.source {
            if !another && event.seq <= following.seq {
                return;
            }
            following.seq = event.seq;
        }
        if another {
            self.forget();
        }
        self.view.apply(event);
    }

    /// Another run begins: nothing of the last one holds.
    fn forget(&mut self) {
        self.view = View::default();
        self.held = None;
        self.ending = None;
        self.results.clear();
        self.against = Against::default();
        self.log.reset();
        self.picks = Picks::default();
    }

    /// After the state has changed: an end is shown above everything, and the log is filtered as far as it goes.
    fn after_change(&mut self, now: Timestamp) {
        if self.is_over() && self.ending.is_none() {
            self.held = None;
            self.popup = None;
            self.document = None;
            self.ending = Some(Ending::new(now));
        }
        let picture = self.held.as_ref().map_or(&self.view, |held| &held.view);
        self.log.catch_up(picture);
    }

    fn is_over(&self) -> bool {
        let ended = self.view.finished.is_some();
        match &self.source {
            Source::Run(run) => ended || run.gone && self.view.started.is_some(),
            Source::Replay(player) => player.is_at_end() && !player.is_empty(),
        }
    }

    /// Brings the state to where the recording is.
    fn after_replay(&mut self, now: Timestamp) {
        if let Source::Replay(player) = &mut self.source {
            if player.show(&mut self.view) {
                self.log.reset();
            }
            if !player.is_at_end() {
                self.ending = None;
            }
            self.after_change(now);
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Failed { what, error, hint } => {
                let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
                self.notice = Some((Role::Bad, format!("cannot {what}: {error}{hint}")));
            }
            Done::Earlier { cluster, runs } if cluster == self.name() => self.found_earlier(runs),
            Done::Bundled { path } => self.notice = Some((Role::Good, format!("written: {path}"))),
            _ => {}
        }
    }

    fn chrome(area: Rect) -> Chrome {
        Chrome::of(area)
    }

    fn shows_ending(&self) -> bool {
        self.ending.as_ref().is_some_and(Ending::is_shown)
    }
}

/// Whether an event is of another run than what was heard so far.
fn is_another(view: &View, event: &Event) -> bool {
    view.run.is_some_and(|run| run != event.run)
}

impl Screen for Live {
    fn update(&mut self, input: Input, now: Timestamp) -> Vec<Effect> {
        self.now = self.now.max(now);
        if let Source::Replay(player) = &mut self.source
            && player.pass(now)
        {
            self.after_replay(now);
        }
        match input {
            Input::Key(key) => {
                let effects = self.key(key, now);
                self.after_replay(now);
                return effects;
            }
            Input::Paste(text) => self.paste(&text),
            Input::Resize(columns, rows) => self.size = (columns, rows),
            Input::Mouse(mouse) => self.mouse(mouse),
            Input::Run(run) => self.hear(run, now),
            Input::Done(done) => self.done(done),
            Input::Tick | Input::Heard(..) | Input::Board(_) => {}
        }
        Vec::new()
    }

    fn draw(&self, area: Rect, buffer: &mut Buffer, look: Look, now: Timestamp) -> Option<Position> {
        let canvas = &mut Canvas::new(buffer, look);
        let at = self.at(now);
        let chrome = Self::chrome(area);
        self.draw_head(canvas, &chrome, at);
        let mut caret = self.draw_content(canvas, &chrome, at);
        self.draw_status(canvas, &chrome, at);
        chrome.draw_keys(canvas, &self.keys());
        if let Some(popup) = &self.popup {
            caret = popup.draw(canvas, area);
        }
        caret
    }

    fn keys(&self) -> Vec<Hint> {
        self.hints()
    }

    fn typing(&self) -> Typing {
        let in_popup = self.popup.as_ref().is_some_and(Popup::is_typed_into);
        if in_popup || self.popup.is_none() && self.log.is_edited() {
            Typing::Text
        } else {
            Typing::Keys
        }
    }

    fn has_clock(&self) -> bool {
        match &self.source {
            Source::Run(_) => self.held.is_none() && self.is_running(),
            Source::Replay(player) => player.is_playing(),
        }
    }

    fn is_moving(&self) -> bool {
        matches!(&self.source, Source::Replay(player) if player.is_playing())
    }
}

impl Live {
    fn draw_content(&self, canvas: &mut Canvas<'_>, chrome: &Chrome, at: Timestamp) -> Option<Position> {
        if self.shows_ending() {
            let whole = chrome.side.map_or(chrome.body, |side| chrome.body.union(side));
            self.draw_ending(canvas, whole, at);
            return None;
        }
        let Some(side) = chrome.side else {
            return match self.document {
                Some(Document::Why) => self.draw_why(canvas, chrome.body, at),
                Some(Document::Timeline) => self.draw_timeline(canvas, chrome.body, at),
                None => self.draw_panels(canvas, chrome.body, at),
            };
        };
        let panels = self.draw_panels(canvas, chrome.body, at);
        canvas.rule(side);
        let inside = Rect {
            x: side.x + 2,
            width: side.width.saturating_sub(2),
            ..side
        };
        let documents = match self.document {
            Some(Document::Timeline) => self.draw_timeline(canvas, inside, at),
            Some(Document::Why) => self.draw_why(canvas, inside, at),
            None => {
                // Both are there without asking; what is read takes the whole pane.
                let upper = Rect {
                    height: inside.height * 3 / 5,
                    ..inside
                };
                let lower = Rect {
                    y: inside.y + upper.height,
                    height: inside.height - upper.height,
                    ..inside
                };
                self.draw_why(canvas, upper, at);
                self.draw_timeline(canvas, lower, at);
                None
            }
        };
        documents.or(panels)
    }

    /// About what has the focus, or what was last tried; in a replay where one is in it.
    fn draw_status(&self, canvas: &mut Canvas<'_>, chrome: &Chrome, at: Timestamp) {
        let line = match (&self.notice, &self.source) {
            (Some((role, words)), _) => Line::plain(" ").with(*role, words),
            (None, Source::Replay(player)) => player.bar(),
            (None, Source::Run(Following { trouble: Some(why), .. })) => {
                Line::of(Role::Bad, " cannot follow: ").with(Role::Plain, why)
            }
            (None, Source::Run(_)) if self.shows_ending() => Line::new(),
            (None, Source::Run(_)) => self.about(at),
        };
        chrome.draw_status(canvas, &line, &Line::new());
    }
}
