//! What holds for every screen, whatever it shows: it fits, it is readable without colour and beyond ASCII, outside text commands
//! nothing, and no key means two things.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod stage;

use std::collections::{BTreeMap, BTreeSet};

use butler_api::{choice::Choice, event::Event};
use butler_tui::{
    app::App,
    input::{Input, Key, Run},
    live::Live,
    look::{Look, Palette, Role},
    screen::Screen,
    snapshot::{self, Picture, render, type_keys_at},
};
use butler_wizard::list::{About, Checked, Heard, Verdict, Want};
use crossterm::event::{KeyCode, KeyModifiers};
use jiff::Timestamp;
use ratatui::style::Color;
use serde_json::Value;

use crate::stage::{blank_wizard, noon, press, proxmox, recorded, run_after, silent, wizard_on};

/// A screen at a moment, by name.
struct Shown {
    name: String,
    screen: Box<dyn Screen>,
    now: Timestamp,
}

/// How a screen got to what it shows: its name, and the keys that were pressed.
const WIZARD: &[(&str, &str)] = &[
    ("access", "<a-2>"),
    ("resources", "<a-3>"),
    ("machines", "<a-4>"),
    ("network", "<a-5>"),
    ("addons", "<a-6>"),
    ("review", "<a-7>"),
    ("file", "<a-7><tab>"),
    ("save", "<c-s>"),
    ("leave", "<a-4><down>9<c-c>"),
    ("all questions", "<a-4><f2>"),
    ("open list", "<a-3><space>"),
    ("typed", "<a-3><c-t>x"),
];

/// The same for a run.
const LIVE: &[(&str, &str)] = &[
    ("overview", ""),
    ("machines", "m"),
    ("addons", "a"),
    ("log", "l"),
    ("filter", "/ready"),
    ("large log", "lz"),
    ("why", "w"),
    ("timeline", "t"),
    ("leave", "q"),
    ("stop", "s"),
    ("held", "p"),
];

fn screens() -> Vec<Shown> {
    let mut all = Vec::new();
    let mut add = |name: String, screen: Box<dyn Screen>, now| all.push(Shown { name, screen, now });
    add("wizard: provider".to_owned(), Box::new(blank_wizard()), noon());
    for (name, keys) in WIZARD {
        let mut wizard = wizard_on("proxmox.yaml", &proxmox);
        press(&mut wizard, keys, &proxmox);
        add(format!("wizard: {name}"), Box::new(wizard), noon());
        let mut waiting = wizard_on("proxmox.yaml", &silent);
        press(&mut waiting, keys, &silent);
        add(format!("wizard without answers: {name}"), Box::new(waiting), noon());
    }
    for (name, keys) in LIVE {
        for seconds in [0, 75, 10_000] {
            let (mut live, now) = run_after(seconds, (80, 24));
            type_keys_at(&mut live, keys, now);
            add(format!("run after {seconds} s: {name}"), Box::new(live), now);
        }
    }
    all
}

fn looks() -> [Look; 3] {
    let look = |palette, ascii| Look { palette, ascii };
    [
        look(Palette::Default, false),
        look(Palette::ColourBlind, true),
        look(Palette::Mono, true),
    ]
}

/// Sizes that people have, and some that hardly anybody has.
const SIZES: &[(u16, u16)] = &[(80, 24), (160, 50), (120, 32), (60, 15), (30, 8), (9, 3), (1, 1)];

fn is_sound(name: &str, picture: &Picture) {
    assert_eq!(picture.defects(), Vec::<String>::new(), "{name}:\n{}", picture.text());
}

#[test]
fn every_screen_is_drawn_in_roles_and_fits() {
    for shown in screens() {
        for look in looks() {
            for (columns, rows) in SIZES {
                let picture = render(&*shown.screen, *columns, *rows, look, shown.now);
                is_sound(&shown.name, &picture);
                if look.ascii {
                    let text = picture.text();
                    assert!(
                        text.is_ascii(),
                        "{} at {columns}x{rows} is not ASCII:\n{text}",
                        shown.name
                    );
                }
            }
        }
    }
}

/// Everything that colour says is said by words or marks as well: without colours no two texts differ from those with them.
#[test]
fn colours_change_no_word() {
    for shown in screens() {
        let text = |palette| render(&*shown.screen, 80, 24, Look { palette, ascii: false }, shown.now).text();
        let default = text(Palette::Default);
        assert_eq!(default, text(Palette::Mono), "{}", shown.name);
        assert_eq!(default, text(Palette::ColourBlind), "{}", shown.name);
    }
}

/// Texts that a platform, a run or a person may bring along.
const HOSTILE: &[&str] = &[
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m",
    "safe\u{202e}gnp.exe\u{2066}x\u{2069}",
    "\u{2764}\u{fe0f}\u{1f469}\u{200d}\u{1f4bb}\u{1f1e9}\u{1f1ea}\u{1f44d}\u{1f3fd}",
    "世界ｗｉｄｅ한국어",
    "e\u{301}\u{301}\u{301}a\u{200b}\u{feff}\u{ad}",
    "line one\nline two\r\n\ttab\u{0}nul",
    "",
];

/// A hostile text, with the ways to screens and the sizes that it is looked at in.
struct Hostile {
    text: String,
    ways: &'static [(&'static str, &'static str)],
    sizes: &'static [(u16, u16)],
}

/// All of them, in few ways where one is a hundred kilobytes long.
fn hostile(ways: &'static [(&'static str, &'static str)]) -> Vec<Hostile> {
    let each = HOSTILE.iter().map(|text| Hostile {
        text: (*text).to_owned(),
        ways,
        sizes: SIZES,
    });
    let long = Hostile {
        text: "long ".repeat(20_000),
        ways: &ways[..3],
        sizes: &SIZES[..1],
    };
    each.chain([long]).collect()
}

#[test]
fn what_a_platform_says_commands_nothing() {
    for Hostile { text, ways, sizes } in hostile(WIZARD) {
        let platform = |want: &Want| -> Vec<Heard> {
            let check = |verdict| Checked {
                verdict,
                summary: text.clone(),
                hint: Some(text.clone()),
            };
            let About::List(query) = &want.about else {
                return vec![Heard::Checks([Verdict::Pass, Verdict::Warn].map(check).to_vec())];
            };
            let choice = |id: &str, unusable: Option<String>| Choice {
                kind: query.kind,
                id: id.to_owned(),
                name: text.clone(),
                parent: Some(text.clone()),
                facts: BTreeMap::from([
                    ("free", text.clone()),
                    ("type", text.clone()),
                    ("description", text.clone()),
                ]),
                unusable,
            };
            let some = vec![choice(&text, None), choice("other", Some(text.clone()))];
            vec![
                Heard::More(some),
                Heard::Failed {
                    error: text.clone(),
                    hint: Some(text.clone()),
                },
            ]
        };
        for (name, keys) in ways {
            let mut wizard = wizard_on("proxmox.yaml", &platform);
            press(&mut wizard, keys, &platform);
            wizard.update(Input::Paste(text.clone()), noon());
            for (columns, rows) in sizes {
                let picture = render(&wizard, *columns, *rows, Look::default(), noon());
                is_sound(&format!("{name} with {text:.20?}"), &picture);
            }
        }
    }
}

/// Puts a text in the place of every text of a value that may have it, as `fits` says.
fn replace(value: &mut Value, text: &str, fits: &dyn Fn(&Value) -> bool) {
    let mut places = Vec::new();
    collect(value, &mut String::new(), &mut places);
    for place in places {
        let Some(old) = value.pointer(&place).cloned() else {
            continue;
        };
        *value.pointer_mut(&place).unwrap() = Value::String(text.to_owned());
        if !fits(value) {
            *value.pointer_mut(&place).unwrap() = old;
        }
    }
}

fn collect(value: &Value, place: &mut String, places: &mut Vec<String>) {
    let length = place.len();
    match value {
        Value::String(_) => places.push(place.clone()),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                *place += "/";
                *place += &index.to_string();
                collect(item, place, places);
                place.truncate(length);
            }
        }
        Value::Object(entries) => {
            for (key, item) in entries {
                *place += "/";
                *place += &key.replace('~', "~0").replace('/', "~1");
                collect(item, place, places);
                place.truncate(length);
            }
        }
        _ => {}
    }
}

#[test]
fn what_a_run_says_commands_nothing() {
    for Hostile { text, ways, sizes } in hostile(LIVE) {
        // The beginning, and some of what follows: what one event says after the other has been seen.
        let (first, some) = if text.len() > 1000 { (1, 40) } else { (2, 6) };
        let events: Vec<Event> = recorded()
            .iter()
            .enumerate()
            .filter(|(number, _)| *number < first || number % some == 0)
            .map(|(_, event)| {
                let mut value = serde_json::to_value(event).unwrap();
                let time = value.get("time").cloned();
                replace(&mut value, &text, &|value| {
                    value.get("time") == time.as_ref() && serde_json::from_value::<Event>(value.clone()).is_ok()
                });
                serde_json::from_value(value).unwrap()
            })
            .collect();
        let now = events.last().unwrap().time;
        for (name, keys) in ways {
            let mut live = Live::following(&text, now);
            live.update(Input::Resize(80, 24), now);
            live.update(Input::Run(Run::Events(events.clone())), now);
            live.update(Input::Run(Run::Results(vec![(text.clone(), text.clone())])), now);
            type_keys_at(&mut live, keys, now);
            live.update(Input::Paste(text.clone()), now);
            for (columns, rows) in sizes {
                let picture = render(&live, *columns, *rows, Look::default(), now);
                is_sound(&format!("{name} with {text:.20?}"), &picture);
            }
        }
    }
}

/// Keys of the program around the screens.
const EVERYWHERE: &[&str] = &["F1", "^L", "^Z"];

#[test]
fn no_key_of_a_screen_means_two_things_and_help_knows_all() {
    for shown in screens() {
        let hints = shown.screen.keys();
        let mut known: BTreeSet<&str> = BTreeSet::new();
        for hint in &hints {
            for key in hint.key.split([' ', '/']).filter(|key| !key.is_empty()) {
                assert!(known.insert(key), "{}: {key} means two things: {hints:#?}", shown.name);
            }
            assert!(!hint.about.is_empty(), "{}: {} is not told about", shown.name, hint.key);
        }
        let first = |key: &str| hints.iter().find(|hint| hint.key == key);
        for key in EVERYWHERE {
            assert!(
                first(key).is_none_or(|hint| hint.words == "keys"),
                "{}: {key} is everywhere's",
                shown.name
            );
        }
        let Shown { name, screen, now } = shown;
        let open = |_: &str, now| -> Box<dyn Screen> { Box::new(Live::following("other", now)) };
        let mut app = App::new(screen, Box::new(open));
        let key = Key {
            code: KeyCode::F(1),
            modifiers: KeyModifiers::NONE,
        };
        app.update(Input::Key(key), now);
        let mut buffer = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 120, 100));
        app.draw(buffer.area, &mut buffer, Look::default(), now);
        let help: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        for hint in &hints {
            assert!(
                help.contains(hint.key),
                "{name}: {} is not in the help:\n{help}",
                hint.key
            );
        }
    }
}

/// Every way to get to a screen above is one that keys can be read from.
#[test]
fn scripts_can_be_read() {
    for (_, keys) in WIZARD.iter().chain(LIVE) {
        snapshot::keys(keys).unwrap();
    }
}

/// Red, green, yellow, cyan and bright blue of terminals as they come, and their background.
const TERMINALS: &[(&str, [u32; 5], u32)] = &[
    (
        "console",
        [0xaa_0000, 0x00_aa00, 0xaa_5500, 0x00_aaaa, 0x55_55ff],
        0x00_0000,
    ),
    (
        "xterm",
        [0xcd_0000, 0x00_cd00, 0xcd_cd00, 0x00_cdcd, 0x5c_5cff],
        0x00_0000,
    ),
    (
        "Windows",
        [0xc5_0f1f, 0x13_a10e, 0xc1_9c00, 0x3a_96dd, 0x3b_78ff],
        0x0c_0c0c,
    ),
    (
        "GNOME",
        [0xcc_0000, 0x4e_9a06, 0xc4_a000, 0x06_989a, 0x72_9fcf],
        0x30_0a24,
    ),
    (
        "macOS",
        [0xc2_3621, 0x25_bc24, 0xad_ad27, 0x33_bbc8, 0x58_33ff],
        0x00_0000,
    ),
    (
        "PuTTY",
        [0xbb_0000, 0x00_bb00, 0xbb_bb00, 0x00_bbbb, 0x55_55ff],
        0x00_0000,
    ),
];

/// Relative luminance, as WCAG 2 defines it.
fn luminance(colour: u32) -> f64 {
    let part = |shift: u32| {
        let value = f64::from((colour >> shift) & 0xff) / 255.0;
        if value <= 0.040_45 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0)
}

/// Roles use only colours that stand out from the background; what they say is a word as well, so that this is for comfort.
#[test]
fn colours_of_roles_stand_out() {
    let index = |colour| match colour {
        Color::Red => Some(0),
        Color::Green => Some(1),
        Color::Yellow => Some(2),
        Color::Cyan => Some(3),
        Color::LightBlue => Some(4),
        _ => None,
    };
    for palette in [Palette::Default, Palette::ColourBlind, Palette::Mono] {
        for role in ROLES {
            let style = Look { palette, ascii: false }.style(*role);
            assert_eq!(style.bg, None, "{role:?} has a background of its own");
            let Some(colour) = style.fg else { continue };
            let index = index(colour).unwrap_or_else(|| panic!("{role:?} has {colour}, which is in no table"));
            for (terminal, colours, background) in TERMINALS {
                let contrast = (luminance(colours[index]) + 0.05) / (luminance(*background) + 0.05);
                assert!(contrast >= 2.5, "{role:?} on {terminal}: {contrast:.1}");
            }
        }
    }
}

const ROLES: &[Role] = &[
    Role::Plain,
    Role::Strong,
    Role::Faint,
    Role::Good,
    Role::Busy,
    Role::Late,
    Role::Bad,
    Role::Hint,
    Role::Focus,
];

#[test]
fn marks_of_states_differ_and_take_one_column() {
    for ascii in [false, true] {
        let look = Look {
            palette: Palette::Mono,
            ascii,
        };
        let marks: BTreeSet<&str> = [Role::Good, Role::Busy, Role::Late, Role::Bad, Role::Focus, Role::Plain]
            .map(|role| look.mark(role))
            .into();
        assert_eq!(marks.len(), 6, "{marks:?}");
        assert!(marks.iter().all(|mark| mark.chars().count() == 1), "{marks:?}");
        assert!(!ascii || marks.iter().all(|mark| mark.is_ascii()), "{marks:?}");
    }
}
