//! Whatever happens, the wizard stays sane.

use butler_tui::{
    input::{Done, Input, Key, Mouse},
    look::Look,
    screen::Screen as _,
    snapshot::render,
    wizard::Wizard,
};
use butler_wizard::{
    list::{Heard, Want},
    question::Step,
};
use crossterm::event::{KeyCode, KeyModifiers};
use proptest::prelude::*;

use crate::help::{PROXMOX, after, fresh, offers, opened, wants};

/// Something that happens; what the platform says goes to one of the questions that it was asked.
#[derive(Debug, Clone)]
enum Event {
    Input(Input),
    Heard(usize, bool, bool),
}

fn key() -> impl Strategy<Value = Key> {
    let code = prop_oneof![
        4 => Just(KeyCode::Enter),
        2 => Just(KeyCode::Esc),
        4 => Just(KeyCode::Up),
        4 => Just(KeyCode::Down),
        2 => Just(KeyCode::Left),
        2 => Just(KeyCode::Right),
        2 => Just(KeyCode::Tab),
        1 => Just(KeyCode::BackTab),
        1 => Just(KeyCode::Home),
        1 => Just(KeyCode::End),
        1 => Just(KeyCode::PageUp),
        1 => Just(KeyCode::PageDown),
        2 => Just(KeyCode::Backspace),
        1 => Just(KeyCode::Delete),
        1 => Just(KeyCode::F(2)),
        8 => "[ -~äß世\u{301}\u{202e}]".prop_map(|text| KeyCode::Char(text.chars().next().unwrap_or(' '))),
        4 => "[nprtsfu1-9 ]".prop_map(|text| KeyCode::Char(text.chars().next().unwrap_or(' '))),
    ];
    let modifiers = prop_oneof![
        6 => Just(KeyModifiers::NONE),
        2 => Just(KeyModifiers::CONTROL),
        1 => Just(KeyModifiers::ALT),
    ];
    (code, modifiers).prop_map(|(code, modifiers)| Key { code, modifiers })
}

fn event() -> impl Strategy<Value = Event> {
    let done = prop_oneof![
        Just(Done::DraftSaved),
        Just(Done::Saved { path: "x".to_owned() }),
        Just(Done::Taken {
            path: "x.yaml".to_owned()
        }),
        Just(Done::Opened {
            path: "x.yaml".to_owned(),
            text: PROXMOX.to_owned()
        }),
        Just(Done::Opened {
            path: "x.yaml".to_owned(),
            text: "a: [".to_owned()
        }),
        Just(Done::Failed {
            what: "launch".to_owned(),
            error: "no\nroom\u{1b}[2J".to_owned(),
            hint: None
        }),
    ];
    prop_oneof![
        20 => key().prop_map(|key| Event::Input(Input::Key(key))),
        1 => "\\PC{0,40}".prop_map(|text| Event::Input(Input::Paste(text))),
        1 => (0u16..250, 0u16..80).prop_map(|(columns, rows)| Event::Input(Input::Resize(columns, rows))),
        1 => (-5i16..5).prop_map(|rows| Event::Input(Input::Mouse(Mouse::Turned(rows)))),
        1 => done.prop_map(|done| Event::Input(Input::Done(done))),
        3 => (0usize..20, any::<bool>(), any::<bool>()).prop_map(|(at, fails, ends)| Event::Heard(at, fails, ends)),
    ]
}

fn heard(want: &Want, fails: bool, ends: bool) -> Heard {
    match &want.about {
        _ if fails => Heard::Failed {
            error: "refused".to_owned(),
            hint: Some("try later".to_owned()),
        },
        butler_wizard::list::About::List(query) if !ends => Heard::More(offers(query.kind, query.parent.as_deref())),
        _ => Heard::End,
    }
}

fn check(wizard: &mut Wizard, events: Vec<Event>) {
    let mut asked: Vec<Want> = Vec::new();
    for (second, event) in events.into_iter().enumerate() {
        let now = after(i64::try_from(second).unwrap_or(0));
        let input = match event {
            Event::Input(input) => input,
            Event::Heard(at, fails, ends) => match asked.get(at % asked.len().max(1)) {
                Some(want) => Input::Heard(Box::new(want.clone()), heard(want, fails, ends)),
                None => Input::Tick,
            },
        };
        asked.extend(wants(&wizard.update(input, now)));
        let steps = wizard.session().steps();
        assert!(steps.iter().any(|standing| standing.step == wizard.step()));
        match wizard.focused() {
            Some(path) => {
                let question = wizard.session().question(path);
                assert_eq!(question.map(|question| question.step), Some(wizard.step()), "{path}");
            }
            None => assert!(wizard.step() == Step::Review || wizard.session().questions(wizard.step()).is_empty()),
        }
    }
    for (width, height) in [(80, 24), (160, 50), (33, 7), (0, 0)] {
        render(wizard, width, height, Look::default(), after(1000));
    }
    wizard.keys();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_input_panics_and_the_focus_is_on_a_question(events in proptest::collection::vec(event(), 0..60)) {
        check(&mut fresh(), events);
    }

    #[test]
    fn nor_over_a_configuration_that_lacks_much(events in proptest::collection::vec(event(), 0..60)) {
        check(&mut opened(PROXMOX), events);
    }
}
