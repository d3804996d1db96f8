//! The program around the screens: which one is shown, what is shown above it, and the keys that every screen has.

mod diary;
mod help;
mod toast;

use std::time::Duration;

use crossterm::event::{KeyCode, KeyModifiers};
use jiff::Timestamp;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    widgets::Clear,
    widgets::Widget as _,
};

use self::{diary::Diary, help::Help, toast::Toasts};
use crate::{
    effect::Effect,
    input::{Done, Input, Key},
    live::{Runs, words},
    look::{Look, Role},
    screen::{Hint, Screen, Typing},
};

/// Two ctrl-c within this time leave whatever is shown.
const TWICE: Duration = Duration::from_secs(2);

/// Makes a screen, and says what is to be done first; or why it cannot be made.
pub type Open = Box<dyn Fn(Timestamp) -> Result<(Box<dyn Screen>, Vec<Effect>), String>>;

/// Makes the screen of a run.
pub type OpenRun = Box<dyn Fn(&str, Timestamp) -> Box<dyn Screen>>;

/// The program.
pub struct App {
    screen: Box<dyn Screen>,
    /// The screen that one comes back to.
    below: Option<Box<dyn Screen>>,
    open_run: OpenRun,
    open_wizard: Option<Open>,
    /// The cluster whose run is shown.
    run: Option<String>,
    /// Columns and rows, for screens that are opened.
    size: Option<(u16, u16)>,
    help: Option<Help>,
    toasts: Toasts,
    diary: Diary,
    mouse: bool,
    can_suspend: bool,
    slow_line: bool,
    interrupted: Option<Timestamp>,
}

impl App {
    /// Begins with the screen of a run.
    pub fn of_run(cluster: &str, screen: Box<dyn Screen>, open_run: OpenRun) -> Self {
        Self {
            run: Some(cluster.to_owned()),
            ..Self::new(screen, open_run)
        }
    }

    /// Begins with a screen; `open_run` makes the one of a run.
    pub fn new(screen: Box<dyn Screen>, open_run: OpenRun) -> Self {
        Self {
            screen,
            below: None,
            open_run,
            open_wizard: None,
            run: None,
            size: None,
            help: None,
            toasts: Toasts::default(),
            diary: Diary::default(),
            mouse: false,
            can_suspend: true,
            slow_line: false,
            interrupted: None,
        }
    }

    /// Says how the wizard is opened from another screen.
    #[must_use]
    pub fn with_wizard(mut self, open: Open) -> Self {
        self.open_wizard = Some(open);
        self
    }

    /// Says that there is no shell behind the program that could continue it.
    pub fn cannot_suspend(&mut self) {
        self.can_suspend = false;
    }

    /// Says whether the line to the terminal is slow.
    pub fn line_is_slow(&mut self, slow: bool) {
        self.slow_line = slow;
    }

    /// Tells something for some seconds.
    pub fn tell(&mut self, words: &str, now: Timestamp) {
        self.toasts.add(words, now);
        self.diary.said(words, now);
    }

    /// What becomes of a character that is typed now.
    pub fn typing(&self) -> Typing {
        if self.help.is_some() {
            Typing::Text
        } else if self.diary.is_open() {
            Typing::Keys
        } else {
            self.screen.typing()
        }
    }

    /// Whether only the passing of time changes what is seen.
    pub fn has_clock(&self) -> bool {
        self.screen.has_clock() || !self.toasts.is_empty()
    }

    /// Whether time moves what is seen.
    pub fn is_moving(&self) -> bool {
        self.screen.is_moving()
    }

    /// Takes an input; says what is to be done.
    pub fn update(&mut self, input: Input, now: Timestamp) -> Vec<Effect> {
        self.toasts.pass(now);
        self.diary.heard(&input, now);
        let effects = match input {
            Input::Key(key) => self.key(key, now),
            Input::Done(done) => self.done(done, now),
            Input::Resize(columns, rows) => {
                self.size = Some((columns, rows));
                self.diary.resize(columns, rows);
                self.screen.update(input, now)
            }
            // A dashboard hears what happens also while another screen is above it.
            Input::Board(_) => match &mut self.below {
                Some(below) => below.update(input, now),
                None => self.screen.update(input, now),
            },
            // Keys go to the help while it is open; what happens meanwhile goes on below it.
            Input::Paste(_) | Input::Mouse(_) if self.help.is_some() || self.diary.is_open() => Vec::new(),
            input => self.screen.update(input, now),
        };
        effects
            .into_iter()
            .inspect(|effect| self.diary.doing(effect, now))
            .collect::<Vec<Effect>>()
            .into_iter()
            .flat_map(|effect| self.arrange(effect, now))
            .collect()
    }

    /// Changes which screen is shown, where an effect is about that; what is left of it is for others.
    fn arrange(&mut self, effect: Effect, now: Timestamp) -> Vec<Effect> {
        match effect {
            Effect::Watch { cluster } => {
                self.show_run(&cluster, now);
                vec![Effect::Watch { cluster }]
            }
            Effect::Runs => {
                let (runs, first) = Runs::new();
                self.put_above(Box::new(runs), now);
                first
            }
            Effect::Bootstrap => match self.open_wizard.as_ref().map(|open| open(now)) {
                Some(Ok((wizard, first))) => {
                    self.put_above(wizard, now);
                    first
                }
                Some(Err(why)) => {
                    self.toasts.add(&why, now);
                    Vec::new()
                }
                None => Vec::new(),
            },
            Effect::Leave { words } if self.below.is_some() => {
                self.come_back(&words, now);
                Vec::new()
            }
            other => vec![other],
        }
    }

    /// Shows a screen; who leaves it comes back to the one that is shown now.
    fn put_above(&mut self, mut screen: Box<dyn Screen>, now: Timestamp) {
        if let Some((columns, rows)) = self.size {
            // What it wants because of its size, it wants again when it draws.
            screen.update(Input::Resize(columns, rows), now);
        }
        let shown = std::mem::replace(&mut self.screen, screen);
        self.below.get_or_insert(shown);
    }

    fn come_back(&mut self, words: &[String], now: Timestamp) {
        let Some(below) = self.below.take() else {
            return;
        };
        self.screen = below;
        self.run = None;
        if let Some((columns, rows)) = self.size {
            self.screen.update(Input::Resize(columns, rows), now);
        }
        if let Some(last) = words.iter().find(|line| !line.is_empty()) {
            self.toasts.add(last, now);
        }
    }

    fn key(&mut self, key: Key, now: Timestamp) -> Vec<Effect> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let before = self.interrupted.take();
        match key.code {
            KeyCode::Char('c') if control => {
                self.interrupted = Some(now);
                if before.is_some_and(|before| within(before, now, TWICE)) {
                    return vec![Effect::Leave { words: self.farewell() }];
                }
                self.help = None;
                self.diary.close();
            }
            KeyCode::Char('l') if control => return vec![Effect::Redraw],
            KeyCode::Char('z') if control => return self.suspend(now),
            KeyCode::F(1) => {
                self.toggle_help();
                return Vec::new();
            }
            _ => {}
        }
        if let Some(help) = &mut self.help {
            return match help.key(key) {
                help::Answer::Stay => Vec::new(),
                help::Answer::Close => {
                    self.help = None;
                    Vec::new()
                }
                help::Answer::Press(pressed) => {
                    self.help = None;
                    self.key(pressed, now)
                }
            };
        }
        if self.diary.is_open() {
            return self.diary.key(key);
        }
        match key.code {
            KeyCode::F(3) => {
                self.diary.toggle();
                Vec::new()
            }
            KeyCode::Char('@') if self.screen.typing() == Typing::Keys => {
                self.diary.toggle();
                Vec::new()
            }
            KeyCode::Char('?') if self.screen.typing() == Typing::Keys => {
                self.toggle_help();
                Vec::new()
            }
            KeyCode::Char('%') if self.screen.typing() == Typing::Keys => {
                self.mouse = !self.mouse;
                let words = if self.mouse {
                    "the mouse speaks to this program now; % gives it back to the terminal"
                } else {
                    "the mouse is the terminal's again"
                };
                self.tell(words, now);
                vec![Effect::Mouse(self.mouse)]
            }
            _ => self.screen.update(Input::Key(key), now),
        }
    }

    fn suspend(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.can_suspend {
            return vec![Effect::Suspend];
        }
        self.tell("no shell is behind this program that could continue it", now);
        Vec::new()
    }

    fn toggle_help(&mut self) {
        self.help = match self.help.take() {
            Some(_) => None,
            None => Some(Help::new(&self.screen.keys())),
        };
    }

    fn done(&mut self, done: Done, now: Timestamp) -> Vec<Effect> {
        match &done {
            Done::Launched { cluster } => {
                let cluster = cluster.clone();
                // Another run on the same cluster is another one to watch.
                self.run = None;
                let mut effects = self.screen.update(Input::Done(done), now);
                if !effects.iter().any(|effect| matches!(effect, Effect::Watch { .. })) {
                    effects.push(Effect::Watch { cluster });
                }
                effects
            }
            Done::Copied(words) => {
                self.tell(words, now);
                self.screen.update(Input::Done(done), now)
            }
            _ => self.screen.update(Input::Done(done), now),
        }
    }

    /// Shows the run of a cluster, if it is not shown already.
    fn show_run(&mut self, cluster: &str, now: Timestamp) {
        if self.run.as_deref() != Some(cluster) {
            self.screen = (self.open_run)(cluster, now);
            self.run = Some(cluster.to_owned());
            if let Some((columns, rows)) = self.size {
                // What it wants because of its size, it wants again when it draws.
                self.screen.update(Input::Resize(columns, rows), now);
            }
        }
    }

    /// What is said when somebody leaves without being asked.
    fn farewell(&self) -> Vec<String> {
        match &self.run {
            Some(cluster) => vec![
                words::left(cluster),
                format!("see it again: butleradm tui --run {cluster}"),
            ],
            None => Vec::new(),
        }
    }

    /// Draws everything; says where the caret is.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer, look: Look, now: Timestamp) -> Option<Position> {
        let mut caret = self.screen.draw(area, buffer, look, now);
        if self.slow_line {
            notice(area, buffer, "slow line", look);
        }
        if self.diary.is_open() {
            caret = self.diary.draw(area, buffer, look);
        }
        if let Some(help) = &self.help {
            caret = help.draw(area, buffer, look);
        }
        self.toasts.draw(area, buffer, look, now);
        caret
    }

    /// What the keys mean now.
    pub fn keys(&self) -> Vec<Hint> {
        self.screen.keys()
    }
}

fn within(before: Timestamp, now: Timestamp, limit: Duration) -> bool {
    let passed = now.duration_since(before);
    !passed.is_negative() && passed.unsigned_abs() <= limit
}

/// A few words at the right end of the first line.
fn notice(area: Rect, buffer: &mut Buffer, words: &str, look: Look) {
    let Ok(width) = u16::try_from(words.len() + 2) else {
        return;
    };
    if area.width < width * 2 || area.height == 0 {
        return;
    }
    let place = Rect::new(area.right() - width, area.y, width, 1);
    Clear.render(place, buffer);
    buffer.set_string(place.x, place.y, format!(" {words} "), look.style(Role::Late));
}

#[cfg(test)]
mod tests;
