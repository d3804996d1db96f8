//! What the keys do.

use crossterm::event::{KeyCode, KeyModifiers};
use jiff::Timestamp;
use ratatui::layout::Rect;

use super::{Document, Held, Live, Source, panels::Panel, popups::Popup};
use crate::{
    effect::Effect,
    input::{Key, Mouse},
    look::Look,
    screen::Hint,
    widgets::{Scroll, scroll::movement},
};

impl Live {
    pub(super) fn is_replay(&self) -> bool {
        matches!(self.source, Source::Replay(_))
    }

    pub(super) fn key(&mut self, key: Key, now: Timestamp) -> Vec<Effect> {
        self.notice = None;
        if let Some(popup) = self.popup.take() {
            return self.popup_key(popup, key, now);
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && key.code == KeyCode::Char('c') {
            return self.ask_to_leave(now);
        }
        if self.log.is_edited() {
            self.filter_key(key, now);
            return Vec::new();
        }
        if self.shows_ending() {
            return self.ending_key(key, now);
        }
        if let Some(effects) = self.asking_key(key, now) {
            return effects;
        }
        if self.replay_key(key) || self.document_key(key, now) {
            return Vec::new();
        }
        if !control && let Some(effects) = self.letter(key.code, now) {
            return effects;
        }
        if let Some(by) = movement(key, self.height()) {
            self.topic = None;
            self.move_selection(by, self.at(now));
        }
        Vec::new()
    }

    /// Keys of what is read that ask for something.
    fn asking_key(&mut self, key: Key, now: Timestamp) -> Option<Vec<Effect>> {
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
            return None;
        }
        match (self.document?, key.code) {
            (Document::Timeline, KeyCode::Char('v')) => Some(self.compare()),
            (Document::Why, KeyCode::Char('b')) if !self.is_replay() => Some(vec![Effect::Bundle {
                cluster: self.name().to_owned(),
                why: self.why_text(self.at(now)),
            }]),
            _ => None,
        }
    }

    fn letter(&mut self, code: KeyCode, now: Timestamp) -> Option<Vec<Effect>> {
        match code {
            KeyCode::Char('q') => return Some(self.quit(now)),
            KeyCode::Char('s') => {
                if self.can_stop() {
                    self.popup = Some(Popup::stop(self.name(), now));
                }
            }
            KeyCode::Char('c') => return Some(self.copy(now)),
            KeyCode::Char('p') => self.freeze(now),
            KeyCode::Char('w') | KeyCode::Enter => self.open(Document::Why),
            KeyCode::Char('t') => self.open(Document::Timeline),
            KeyCode::Char('m') => self.focus_on(Panel::Machines),
            KeyCode::Char('a') => self.focus_on(Panel::Addons),
            KeyCode::Char('i') => self.focus_on(Panel::Waits),
            KeyCode::Char('l') => self.focus_on(Panel::Log),
            KeyCode::Char('z') => self.zoomed = !self.zoomed,
            KeyCode::Char('d') => self.log.show_details(),
            KeyCode::Char('e') => self.show_ending(true),
            KeyCode::Char('/') => {
                self.focus_on(Panel::Log);
                self.log.edit();
            }
            KeyCode::Tab => self.focus_on(self.focus.next(false)),
            KeyCode::BackTab => self.focus_on(self.focus.next(true)),
            KeyCode::Esc => self.close_one(),
            _ => return None,
        }
        self.after_change(now);
        Some(Vec::new())
    }

    fn focus_on(&mut self, panel: Panel) {
        self.focus = panel;
        self.topic = None;
        self.document = None;
    }

    fn open(&mut self, document: Document) {
        self.document = (self.document != Some(document)).then_some(document);
        self.scroll = Scroll::default();
        self.topic = None;
    }

    /// Closes one thing: what is read, what is large, what is filtered, what is held.
    fn close_one(&mut self) {
        if self.document.take().is_some() {
            self.topic = None;
        } else if self.zoomed {
            self.zoomed = false;
        } else if self.log.is_filtered() {
            self.log.clear();
        } else if self.held.is_some() {
            self.held = None;
        } else {
            self.picks.line = None;
        }
    }

    fn freeze(&mut self, now: Timestamp) {
        self.held = match self.held.take() {
            Some(_) => None,
            None => Some(Held {
                at: self.at(now),
                view: self.view.clone(),
            }),
        };
    }

    fn can_stop(&self) -> bool {
        !self.is_replay() && self.is_running()
    }

    /// At the top `q` leaves; below, it closes what is read. A run that goes on is asked about.
    fn quit(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.document.is_some() {
            self.document = None;
            self.topic = None;
            return Vec::new();
        }
        self.ask_to_leave(now)
    }

    fn ask_to_leave(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.can_stop() {
            self.popup = Some(Popup::leave(self.name(), now));
            return Vec::new();
        }
        vec![self.leave(now)]
    }

    fn show_ending(&mut self, shown: bool) {
        if let Some(ending) = &mut self.ending {
            ending.show(shown);
        }
    }

    /// On the last screen a key that is pressed too early was meant for what was there before.
    fn ending_key(&mut self, key: Key, now: Timestamp) -> Vec<Effect> {
        if self.replay_key(key) {
            return Vec::new();
        }
        if self.ending.as_ref().is_some_and(|ending| !ending.was_seen(now)) {
            return Vec::new();
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Enter => return vec![self.leave(now)],
            KeyCode::Char('c') => return vec![Effect::Copy(self.ending_words(self.at(now)).join("\n"))],
            _ => {}
        }
        self.show_ending(false);
        if key.code == KeyCode::Esc {
            return Vec::new();
        }
        self.key(key, now)
    }

    fn copy(&self, now: Timestamp) -> Vec<Effect> {
        let at = self.at(now);
        let text = match self.document {
            Some(Document::Timeline) => self.timeline_text(at),
            _ => self.copied(at),
        };
        text.map(Effect::Copy).into_iter().collect()
    }

    fn filter_key(&mut self, key: Key, now: Timestamp) {
        match key.code {
            KeyCode::Esc => self.log.clear(),
            KeyCode::Enter | KeyCode::Tab => self.log.finish(),
            KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => {
                self.log.finish();
                if let Some(by) = movement(key, self.height()) {
                    self.move_selection(by, self.at(now));
                }
            }
            _ => self.log.key(key),
        }
        self.after_change(now);
    }

    pub(super) fn paste(&mut self, text: &str) {
        if let Some(popup) = &mut self.popup {
            popup.paste(text);
        } else if self.log.is_edited() {
            self.log.paste(text);
            let now = self.now;
            self.after_change(now);
        }
    }

    fn replay_key(&mut self, key: Key) -> bool {
        let Source::Replay(player) = &mut self.source else {
            return false;
        };
        match key.code {
            KeyCode::Left => player.jump(true),
            KeyCode::Right => player.jump(false),
            KeyCode::Char(letter) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
                return player.key(letter);
            }
            _ => return false,
        }
        true
    }

    /// Keys of what is read.
    fn document_key(&mut self, key: Key, now: Timestamp) -> bool {
        let at = self.at(now);
        let room = self.document_room();
        let height = usize::from(room.height);
        match self.document {
            Some(Document::Timeline) => self.timeline_key(key, height, at),
            Some(Document::Why) => {
                let rows = self.why_lines(at, usize::from(room.width), Look::default()).len();
                self.scroll.key(key, rows, height)
            }
            None => false,
        }
    }

    fn area(&self) -> Rect {
        Rect::new(0, 0, self.size.0, self.size.1)
    }

    fn document_room(&self) -> Rect {
        let chrome = Self::chrome(self.area());
        match chrome.side {
            Some(side) => Rect {
                width: side.width.saturating_sub(2),
                ..side
            },
            None => chrome.body,
        }
    }

    /// Rows of the panel with the focus.
    fn height(&self) -> usize {
        let rooms = self.rooms(Self::chrome(self.area()).body);
        usize::from(rooms.room(self.focus).height.saturating_sub(1)).max(1)
    }

    pub(super) fn mouse(&mut self, mouse: Mouse) {
        if self.popup.is_some() || self.shows_ending() {
            return;
        }
        match mouse {
            Mouse::Pressed(column, row) => {
                let rooms = self.rooms(Self::chrome(self.area()).body);
                if let (Some(panel), None) = (rooms.at(column, row), self.document) {
                    self.focus_on(panel);
                    self.select_row(rooms.room(panel), row);
                }
            }
            Mouse::Turned(rows) => {
                let (by, at) = (isize::from(rows), self.at(self.now));
                match self.document {
                    Some(Document::Why) => {
                        let room = self.document_room();
                        let lines = self.why_lines(at, usize::from(room.width), Look::default()).len();
                        self.scroll.turn(by, lines, usize::from(room.height));
                    }
                    Some(Document::Timeline) => {}
                    None => self.move_selection(by, at),
                }
            }
        }
    }

    /// The keys, the most important first; the way to all of them is last.
    pub(super) fn hints(&self) -> Vec<Hint> {
        let mut hints = match (self.shows_ending(), self.document, self.log.is_edited()) {
            (true, ..) => vec![
                hint("q", "leave", "leaves; the same words stay on the terminal"),
                hint("esc", "look at the run", "shows the run as it ended"),
                hint("c", "copy", "copies what is seen here"),
            ],
            (_, _, true) => vec![
                hint(
                    "enter",
                    "keep the filter",
                    "words that must be in a line; !word must not",
                ),
                hint("esc", "take it away", "shows all lines again"),
            ],
            (_, Some(Document::Why), _) => vec![
                hint("j k", "scroll", "moves in the text"),
                hint("c", "copy", "copies the text; nothing is run"),
                Hint {
                    disabled: self.is_replay().then(|| "a recording is a file already".to_owned()),
                    ..hint(
                        "b",
                        "bundle",
                        "writes this, the events and the versions into a file for whoever helps; no secret is in it",
                    )
                },
                hint("esc", "back", "closes this"),
            ],
            (_, Some(Document::Timeline), _) => vec![
                hint("+ -", "zoom", "looks closer, or at more"),
                hint(
                    "o",
                    "critical only",
                    "shows only the chain that decides how long the run takes",
                ),
                hint(
                    "v",
                    "compare",
                    "with the run before, then with what is usual, then with nothing",
                ),
                hint("enter", "why", "why the selected step is as it is"),
                hint("left right", "move", "moves in time"),
                hint("c", "copy", "copies the selected step"),
                hint("esc", "back", "closes this"),
            ],
            (_, None, _) => self.overview_hints(),
        };
        if self.is_replay() && !self.log.is_edited() {
            hints.splice(0..0, replay_hints());
        }
        hints.push(hint("?", "keys", "all keys of this screen"));
        hints
    }

    fn overview_hints(&self) -> Vec<Hint> {
        let stop = Hint {
            disabled: match (self.is_replay(), self.is_running()) {
                (true, _) => Some("a recording cannot be stopped".to_owned()),
                (_, false) => Some("nothing runs any more".to_owned()),
                (false, true) => None,
            },
            ..hint("s", "stop", "stops the run: and keeps everything, or destroys it")
        };
        let mut hints = vec![
            hint(
                "w",
                "why",
                "why the selected thing is as it is, down to the deepest cause; enter too",
            ),
            hint(
                "t",
                "timeline",
                "when each step was at work, and what decides how long the run takes",
            ),
            hint(
                "tab",
                "next panel",
                "shift-tab goes back; m machines, a addons, i waits, l log",
            ),
            hint("/", "find", "shows only lines of the log with these words"),
            stop,
            hint("q", "leave", "leaves; a run goes on unless it is stopped"),
            hint("p", "freeze", "holds the picture while the run goes on"),
            hint("c", "copy", "copies the selected line"),
            hint("z", "large", "gives the panel the whole room, or takes it back"),
            hint("d", "details", "shows details in the log, or hides them"),
            hint(
                "j k",
                "move",
                "up and down; g G first and last, ^d ^u half a page, ^f ^b a page",
            ),
            hint("m", "machines", "goes to the machines"),
            hint("a", "addons", "goes to the addons"),
            hint("i", "waits", "goes to what is waited for"),
            hint("l", "log", "goes to the log"),
        ];
        if self.ending.is_some() {
            hints.insert(0, hint("e", "how it ended", "shows the last screen again"));
        }
        if self.is_replay() {
            hints.retain(|hint| hint.key != "p");
        }
        hints
    }
}

fn replay_hints() -> Vec<Hint> {
    vec![
        hint("space", "run", "runs or pauses the replay; p too"),
        hint("< >", "speed", "slower and faster, from x1 to x64"),
        hint("left right", "10 s", "ten seconds back and on"),
        hint(", .", "event", "one event back and on"),
        hint(
            "n",
            "next warning",
            "goes to the next warning or failure; N to the one before",
        ),
        hint("g G", "start, end", "goes to the beginning and to the end"),
    ]
}

fn hint(key: &'static str, words: &str, about: &str) -> Hint {
    Hint {
        key,
        words: words.to_owned(),
        about: about.to_owned(),
        disabled: None,
    }
}
