//! The program around a screen that only remembers.

use std::{cell::RefCell, rc::Rc};

use super::*;
use crate::input::Run;

/// What a screen was given, shared with the test.
type Seen = Rc<RefCell<Vec<String>>>;

struct Screened {
    name: &'static str,
    typing: Typing,
    seen: Seen,
}

impl Screen for Screened {
    fn update(&mut self, input: Input, _: Timestamp) -> Vec<Effect> {
        self.seen.borrow_mut().push(format!("{} {input:?}", self.name));
        Vec::new()
    }

    fn draw(&self, _: Rect, _: &mut Buffer, _: Look, _: Timestamp) -> Option<Position> {
        Some(Position::new(1, 1))
    }

    fn keys(&self) -> Vec<Hint> {
        vec![Hint {
            key: "w",
            words: "why".to_owned(),
            about: "why it is so".to_owned(),
            disabled: None,
        }]
    }

    fn typing(&self) -> Typing {
        self.typing
    }
}

fn app(typing: Typing) -> (App, Seen) {
    let seen = Seen::default();
    let (first, second) = (seen.clone(), seen.clone());
    let screen = Screened {
        name: "wizard",
        typing,
        seen: first,
    };
    let open_run = move |_: &str, _: Timestamp| -> Box<dyn Screen> {
        Box::new(Screened {
            name: "run",
            typing: Typing::Keys,
            seen: second.clone(),
        })
    };
    (App::new(Box::new(screen), Box::new(open_run)), seen)
}

fn press(app: &mut App, code: KeyCode, modifiers: KeyModifiers, second: i64) -> Vec<Effect> {
    let now = Timestamp::from_second(second).unwrap();
    app.update(Input::Key(Key { code, modifiers }), now)
}

fn character(app: &mut App, c: char) -> Vec<Effect> {
    press(app, KeyCode::Char(c), KeyModifiers::NONE, 0)
}

#[test]
fn what_was_launched_is_watched_and_shown() {
    let (mut app, seen) = app(Typing::Text);
    app.update(Input::Resize(80, 24), Timestamp::UNIX_EPOCH);
    seen.borrow_mut().clear();
    let launched = Input::Done(Done::Launched {
        cluster: "demo".to_owned(),
    });
    let effects = app.update(launched, Timestamp::UNIX_EPOCH);
    assert!(
        matches!(effects.as_slice(), [Effect::Watch { cluster }] if cluster == "demo"),
        "{effects:?}"
    );
    app.update(Input::Run(Run::UpToDate), Timestamp::UNIX_EPOCH);
    assert_eq!(seen.borrow()[1..], ["run Resize(80, 24)", "run Run(UpToDate)"]);
}

#[test]
fn a_field_takes_every_character_and_f1_still_helps() {
    let (mut app, seen) = app(Typing::Text);
    character(&mut app, '?');
    character(&mut app, '%');
    assert_eq!(seen.borrow().len(), 2, "{seen:?}");
    assert!(app.help.is_none());
    press(&mut app, KeyCode::F(1), KeyModifiers::NONE, 0);
    assert!(app.help.is_some());
    character(&mut app, 'w');
    assert_eq!(seen.borrow().len(), 2, "the help has the keys");
    press(&mut app, KeyCode::Enter, KeyModifiers::NONE, 0);
    assert!(app.help.is_none());
    assert!(seen.borrow().last().unwrap().contains("Char('w')"), "{seen:?}");
}

#[test]
fn two_interrupts_soon_after_each_other_leave_and_one_is_the_screens() {
    let (mut app, seen) = app(Typing::Keys);
    let interrupt = |app: &mut App, second| press(app, KeyCode::Char('c'), KeyModifiers::CONTROL, second);
    assert!(interrupt(&mut app, 0).is_empty());
    assert!(interrupt(&mut app, 3).is_empty());
    assert_eq!(seen.borrow().len(), 2);
    assert!(matches!(interrupt(&mut app, 5).as_slice(), [Effect::Leave { .. }]));
    interrupt(&mut app, 6);
    character(&mut app, 'x');
    assert!(interrupt(&mut app, 6).is_empty(), "another key came between");
}

#[test]
fn without_a_shell_nothing_is_suspended() {
    let (mut app, _) = app(Typing::Text);
    let suspend = |app: &mut App| press(app, KeyCode::Char('z'), KeyModifiers::CONTROL, 0);
    assert!(matches!(suspend(&mut app).as_slice(), [Effect::Suspend]));
    app.cannot_suspend();
    assert!(suspend(&mut app).is_empty() && app.has_clock());
    app.update(Input::Tick, Timestamp::from_second(6).unwrap());
    assert!(!app.has_clock(), "the words have gone");
}

/// What is seen at a size.
fn seen(app: &App, width: u16, height: u16) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    app.draw(area, &mut buffer, Look::default(), Timestamp::UNIX_EPOCH);
    buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect()
}

#[test]
fn words_that_have_gone_are_read_again_on_every_screen() {
    let (mut app, on_screen) = app(Typing::Text);
    app.update(Input::Resize(80, 24), Timestamp::UNIX_EPOCH);
    app.tell("the recording is cut off", Timestamp::UNIX_EPOCH);
    let later = Timestamp::from_second(60).unwrap();
    app.update(
        Input::Done(Done::Saved {
            path: "demo.yaml".to_owned(),
        }),
        later,
    );
    assert!(!seen(&app, 80, 24).contains("cut off"));
    // Where text is typed the letter belongs to it.
    character(&mut app, '@');
    assert!(!seen(&app, 80, 24).contains("cut off"));
    press(&mut app, KeyCode::F(3), KeyModifiers::NONE, 60);
    let shown = seen(&app, 80, 24);
    assert!(
        shown.contains("cut off") && shown.contains("written: demo.yaml"),
        "{shown}"
    );
    let before = on_screen.borrow().len();
    character(&mut app, 'j');
    let effects = character(&mut app, 'c');
    assert!(
        matches!(&effects[..], [Effect::Copy(text)] if text.contains("cut off")),
        "{effects:?}"
    );
    character(&mut app, 'q');
    assert!(!seen(&app, 80, 24).contains("cut off"));
    assert_eq!(on_screen.borrow().len(), before, "the keys are of what is read");
}

#[test]
fn everything_fits_every_size() {
    let (mut app, _) = app(Typing::Keys);
    app.line_is_slow(true);
    for words in [
        "one",
        "a toast that is much longer than a narrow terminal is wide",
        "世界",
    ] {
        app.tell(words, Timestamp::UNIX_EPOCH);
    }
    for key in ['?', '@'] {
        character(&mut app, key);
        for width in 0..=100 {
            for height in 0..=30 {
                let area = Rect::new(0, 0, width, height);
                app.draw(area, &mut Buffer::empty(area), Look::default(), Timestamp::UNIX_EPOCH);
            }
        }
        press(&mut app, KeyCode::Esc, KeyModifiers::NONE, 0);
    }
}
