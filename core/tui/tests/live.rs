//! The screens of a run: what they show of made-up runs, at two sizes, and that no size, no key and no event brings them down.

#[path = "live/recording.rs"]
mod recording;

use butler_api::event::{Body, Event, Layer, Level, Outcome};
use butler_lifecycle::runs::earlier::Earlier;
use butler_tui::{
    effect::Effect,
    input::{Done, Input, Mouse, Run, RunLine},
    live::{Live, Runs},
    look::{Look, Palette},
    screen::{Screen as _, Typing},
    snapshot::{render, sweep, type_keys_at},
};
use jiff::{SignedDuration, Timestamp};

use recording::{Recording, at};

/// A run that is followed and has said so much, seen some seconds after its beginning.
fn followed(recording: &Recording, seconds: f64) -> Live {
    let mut live = Live::following("demo", at(0.0));
    live.update(Input::Run(Run::Events(recording.events.clone())), at(seconds));
    live.update(Input::Run(Run::UpToDate), at(seconds));
    live
}

fn at_size(live: &Live, seconds: f64, size: (u16, u16)) -> String {
    render(live, size.0, size.1, Look::default(), at(seconds)).styled()
}

fn text(live: &Live, seconds: f64) -> String {
    render(live, 80, 24, Look::default(), at(seconds)).text()
}

/// Snapshots at both sizes.
fn shown(name: &str, live: &mut Live, seconds: f64) {
    for size in [(80, 24), (160, 50)] {
        live.update(Input::Resize(size.0, size.1), at(seconds));
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), at_size(live, seconds, size));
    }
}

fn keys(live: &mut Live, script: &str, seconds: f64) -> Vec<Effect> {
    type_keys_at(live, script, at(seconds))
}

#[test]
fn a_run_that_begins() {
    shown("starting", &mut followed(&Recording::starting(), 22.0), 22.0);
}

#[test]
fn addons_are_installed_and_two_things_are_late() {
    shown("middle", &mut followed(&Recording::middle(), 252.0), 252.0);
}

#[test]
fn a_run_that_failed() {
    shown("failed", &mut followed(&Recording::failed(), 310.0), 310.0);
}

#[test]
fn a_run_that_is_done() {
    let mut live = followed(&Recording::done(), 226.0);
    let results = [
        ("Butler's server", "http://127.0.0.1:8080"),
        ("log in", "butleradm login --server http://127.0.0.1:8080"),
        ("kubeconfig", "/home/anna/.butler/demo-kubeconfig"),
    ];
    let results = results.map(|(what, value)| (what.to_owned(), value.to_owned()));
    live.update(Input::Run(Run::Results(results.to_vec())), at(226.0));
    shown("done", &mut live, 226.0);
}

#[test]
fn a_run_that_continues_another_one() {
    shown("resumed", &mut followed(&Recording::resumed(), 9.0), 9.0);
}

#[test]
fn a_run_whose_process_is_gone() {
    let mut live = followed(&Recording::middle(), 252.0);
    live.update(Input::Run(Run::Gone), at(400.0));
    shown("gone", &mut live, 400.0);
}

#[test]
fn hundreds_of_machines() {
    shown("many", &mut followed(&Recording::many(500), 200.0), 200.0);
}

#[test]
fn why_something_is_not_ready() {
    let mut live = followed(&Recording::middle(), 252.0);
    keys(&mut live, "w", 252.0);
    shown("why", &mut live, 252.0);
}

#[test]
fn when_each_step_was_at_work() {
    let mut live = followed(&Recording::middle(), 252.0);
    keys(&mut live, "t", 252.0);
    shown("timeline", &mut live, 252.0);
}

/// An earlier run that took these seconds for steps of this one.
fn earlier(recording: &Recording, began: f64) -> Earlier {
    let steps = recording.events.iter().find_map(|event| match &event.body {
        Body::RunGraph { steps } => Some(steps),
        _ => None,
    });
    let seconds = [3.0, 20.0, 60.0, 11.0];
    let ids = steps.expect("it has a graph").iter().map(|line| line.id.clone());
    Earlier {
        run: uuid::Uuid::from_u128(4711),
        started: at(began),
        whole: 300.0,
        steps: ids.zip(seconds.into_iter().cycle()).collect(),
    }
}

#[test]
fn a_timeline_is_compared_with_the_run_before_and_with_what_is_usual() {
    let recording = Recording::middle();
    let mut live = followed(&recording, 252.0);
    keys(&mut live, "t", 252.0);
    let effects = keys(&mut live, "v", 252.0);
    assert!(
        matches!(&effects[..], [Effect::FindEarlier { cluster }] if cluster == "demo"),
        "{effects:?}"
    );
    assert!(text(&live, 252.0).contains("looking for an earlier run"));
    // The run itself is kept as well, and one that did other things is no measure.
    let itself = Earlier {
        run: recording.events[0].run,
        ..earlier(&recording, 0.0)
    };
    let other = Earlier {
        steps: [("destroy/all".to_owned(), 1.0)].into(),
        ..earlier(&recording, -500.0)
    };
    let runs = vec![itself, other, earlier(&recording, -3600.0)];
    let cluster = "demo".to_owned();
    live.update(Input::Done(Done::Earlier { cluster, runs }), at(252.0));
    shown("compared", &mut live, 252.0);
    keys(&mut live, "v", 252.0);
    let seen = text(&live, 252.0);
    assert!(seen.contains("against what is usual"), "{seen}");
    keys(&mut live, "v", 252.0);
    let seen = text(&live, 252.0);
    assert!(!seen.contains("v: against") && seen.contains("critical:"), "{seen}");
}

#[test]
fn without_an_earlier_run_that_is_said() {
    let mut live = followed(&Recording::middle(), 252.0);
    keys(&mut live, "tv", 252.0);
    let cluster = "demo".to_owned();
    let runs = Vec::new();
    live.update(Input::Done(Done::Earlier { cluster, runs }), at(252.0));
    let seen = text(&live, 252.0);
    assert!(
        seen.contains("there is no earlier run of demo") && seen.contains("v: against what is usual"),
        "{seen}"
    );
}

#[test]
fn a_bundle_holds_what_is_read_and_is_named() {
    let mut live = followed(&Recording::middle(), 252.0);
    let effects = keys(&mut live, "wb", 252.0);
    let [Effect::Bundle { cluster, why }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(cluster, "demo");
    assert!(why.starts_with(" WHY"), "{why}");
    let path = "/home/anna/state/bundles/demo.json".to_owned();
    live.update(Input::Done(Done::Bundled { path }), at(252.0));
    assert!(text(&live, 252.0).contains("written: /home/anna/state/bundles/demo.json"));
    // A recording is no run of this home.
    let mut replay = Live::replaying("demo.ndjson", Recording::middle().events, at(0.0));
    assert!(keys(&mut replay, "wb", 0.0).is_empty());
}

#[test]
fn a_console_is_a_code_where_there_is_room_for_it() {
    let mut live = followed(&Recording::done(), 226.0);
    let url = "https://butler.demo.example.org".to_owned();
    live.update(Input::Run(Run::Results(vec![("console".to_owned(), url)])), at(226.0));
    let is_code = |line: &str| line.contains('\u{2580}') || line.contains('\u{2584}');
    let rows = |width| {
        let seen = render(&live, width, 32, Look::default(), at(230.0)).text();
        seen.lines().filter(|line| is_code(line)).count()
    };
    assert_eq!(rows(80), 0);
    assert!(
        rows(140) > 10,
        "{}",
        render(&live, 140, 32, Look::default(), at(230.0)).text()
    );
    let ascii = Look {
        ascii: true,
        ..Look::default()
    };
    let seen = render(&live, 140, 32, ascii, at(230.0)).text();
    assert!(seen.is_ascii(), "{seen}");
}

#[test]
fn a_run_is_asked_about_before_it_is_stopped() {
    let mut live = followed(&Recording::middle(), 252.0);
    keys(&mut live, "s", 252.0);
    shown("stop", &mut live, 252.0);
}

#[test]
fn a_recording_has_a_bar() {
    let recording = Recording::middle();
    let mut live = Live::replaying("demo.ndjson", recording.events, at(0.0));
    keys(&mut live, ">>n", 0.0);
    shown("replay", &mut live, 0.0);
}

#[test]
fn a_log_is_filtered_by_words() {
    let mut live = followed(&Recording::middle(), 252.0);
    keys(&mut live, "/addon !ready", 252.0);
    assert_eq!(live.typing(), Typing::Text);
    let seen = text(&live, 252.0);
    assert!(
        seen.contains("addon capi: installing") && !seen.contains("metallb: ready"),
        "{seen}"
    );
    keys(&mut live, "<enter>", 252.0);
    assert_eq!(live.typing(), Typing::Keys);
    live.update(Input::Run(Run::Events(more(&Recording::middle(), 253.0))), at(253.0));
    let seen = text(&live, 253.0);
    assert!(
        seen.contains("addon traefik: installing"),
        "what comes later is filtered as well: {seen}"
    );
    keys(&mut live, "<esc>", 253.0);
    assert!(text(&live, 253.0).contains("helm capi: creating 41 resources"));
}

/// Events that follow a recording.
fn more(recording: &Recording, seconds: f64) -> Vec<Event> {
    let mut run = recording.after();
    run.addon(seconds, "traefik", "installing");
    run.log(seconds, Level::Info, "helm capi", "installed");
    run.events
}

#[test]
fn a_selection_stays_with_what_was_selected() {
    let mut live = followed(&Recording::middle(), 252.0);
    keys(&mut live, "mggjj", 252.0);
    let copied = |live: &mut Live, seconds| match keys(live, "c", seconds).as_slice() {
        [Effect::Copy(text)] => text.clone(),
        other => panic!("{other:?}"),
    };
    assert!(copied(&mut live, 252.0).starts_with("demo-cp-2 control-plane ready 10.40.0.33"));
    let mut run = Recording::middle().after();
    run.machine(253.0, "another", "failed", 9)
        .machine(253.0, "demo-cp-2", "failed", 2);
    live.update(Input::Run(Run::Events(run.events)), at(253.0));
    assert!(copied(&mut live, 253.0).starts_with("demo-cp-2 control-plane failed"));
}

#[test]
fn the_mouse_selects_what_it_points_at() {
    let mut live = followed(&Recording::middle(), 252.0);
    let row = text(&live, 252.0)
        .lines()
        .position(|line| line.contains("demo-cp-1"))
        .unwrap();
    let pressed = Mouse::Pressed(6, u16::try_from(row).unwrap());
    live.update(Input::Mouse(pressed), at(252.0));
    let seen = text(&live, 252.0);
    assert!(seen.lines().nth(row).unwrap().starts_with("▸ demo-cp-1"), "{seen}");
    live.update(Input::Mouse(Mouse::Turned(1)), at(252.0));
    assert!(text(&live, 252.0).contains("▸ demo-cp-2"));
}

#[test]
fn a_frozen_picture_stays_and_says_what_was_missed() {
    let mut live = followed(&Recording::middle(), 252.0);
    keys(&mut live, "p", 252.0);
    let before = text(&live, 252.0);
    live.update(Input::Run(Run::Events(more(&Recording::middle(), 260.0))), at(260.0));
    let after = text(&live, 260.0);
    let body = |text: &str| text.lines().skip(1).map(ToOwned::to_owned).collect::<Vec<_>>();
    assert_eq!(body(&before), body(&after), "nothing that is seen has changed");
    let mut run = Recording::middle().after();
    run.events = more(&Recording::middle(), 260.0);
    let mut changed = run.after();
    changed.machine(261.0, "demo-worker-1", "ready", 4);
    live.update(Input::Run(Run::Events(changed.events)), at(261.0));
    assert!(
        text(&live, 261.0).contains(" *demo-worker-1 joined"),
        "what changed meanwhile is marked"
    );
    assert!(
        after
            .lines()
            .next()
            .unwrap()
            .ends_with("frozen, 2 lines since, * changed"),
        "{after}"
    );
    assert!(!live.has_clock());
    keys(&mut live, "p", 260.0);
    assert!(text(&live, 260.0).contains("helm capi: installed"));
}

#[test]
fn the_last_screen_stays_until_a_key_that_is_pressed_a_second_later() {
    let mut live = followed(&Recording::done(), 226.0);
    assert!(text(&live, 226.0).contains("Management cluster ready"));
    assert_eq!(keys(&mut live, "q<enter><esc>t", 226.9).len(), 0);
    assert!(text(&live, 226.9).contains("Management cluster ready"));
    let Effect::Leave { words } = keys(&mut live, "q", 227.0).remove(0) else {
        panic!("it leaves")
    };
    let words = words.join("\n");
    assert!(
        words.starts_with("Management cluster ready\n  demo: 6 machines, 8 addons, "),
        "{words}"
    );
    assert!(
        words.contains("kubectl --kubeconfig /home/anna/.butler/demo-kubeconfig get nodes"),
        "{words}"
    );
}

#[test]
fn behind_the_last_screen_the_run_is_still_there() {
    let mut live = followed(&Recording::done(), 226.0);
    keys(&mut live, "<esc>", 228.0);
    let seen = text(&live, 228.0);
    assert!(
        seen.contains("MACHINES 6") && !seen.contains("Management cluster ready"),
        "{seen}"
    );
    keys(&mut live, "e", 228.0);
    assert!(text(&live, 228.0).contains("Management cluster ready"));
    keys(&mut live, "<esc>", 228.0);
    assert!(matches!(keys(&mut live, "q", 228.0).as_slice(), [Effect::Leave { .. }]));
}

#[test]
fn who_leaves_is_asked_what_becomes_of_the_run() {
    let mut live = followed(&Recording::middle(), 252.0);
    assert!(
        keys(&mut live, "q<enter>", 252.0).is_empty(),
        "a held key answers nothing"
    );
    let Effect::Leave { words } = keys(&mut live, "<enter>", 253.0).remove(0) else {
        panic!("to leave is the first answer")
    };
    assert_eq!(
        words,
        [
            "left; the run on demo goes on",
            "see it again: butleradm tui --run demo"
        ]
    );
    keys(&mut live, "q", 254.0);
    assert!(matches!(keys(&mut live, "k", 255.0).as_slice(), [Effect::StopRun { cluster }] if cluster == "demo"));
    keys(&mut live, "q", 256.0);
    assert!(keys(&mut live, "b", 257.0).is_empty());
    assert!(text(&live, 257.0).contains("WAITING FOR 3"), "one stays");
}

#[test]
fn to_destroy_takes_the_name() {
    let mut live = followed(&Recording::middle(), 252.0);
    keys(&mut live, "s", 252.0);
    keys(&mut live, "d", 253.0);
    assert_eq!(live.typing(), Typing::Text);
    assert!(keys(&mut live, "dem<enter>", 254.0).is_empty());
    assert!(text(&live, 254.0).contains("that is not demo"));
    let effects = keys(&mut live, "o<enter>", 255.0);
    assert!(matches!(effects.as_slice(), [Effect::DestroyRun { cluster }] if cluster == "demo"));
    // Where nothing runs, nothing is stopped.
    let mut live = followed(&Recording::done(), 226.0);
    assert!(keys(&mut live, "<esc>s", 228.0).is_empty());
    assert!(
        live.keys()
            .iter()
            .any(|hint| hint.key == "s" && hint.disabled.is_some())
    );
}

#[test]
fn a_recording_of_a_failed_run_ends_as_the_run_did() {
    let recording = Recording::failed();
    let mut live = followed(&recording, 301.0);
    let mut replay = Live::replaying("demo.ndjson", recording.events.clone(), at(0.0));
    keys(&mut replay, "G", 0.0);
    for (seconds, script) in [
        (310.0, ""),
        (320.0, "<esc>"),
        (321.0, "w"),
        (322.0, "t"),
        (323.0, "<esc>m"),
    ] {
        keys(&mut live, script, seconds);
        keys(&mut replay, script, seconds);
        for size in [(80, 24), (160, 50)] {
            let rows = |screen: &Live| {
                let text = render(screen, size.0, size.1, Look::default(), at(seconds)).text();
                // The bar and the keys of a replay have the last two lines.
                let rows: Vec<String> = text
                    .lines()
                    .take(usize::from(size.1) - 2)
                    .map(ToOwned::to_owned)
                    .collect();
                rows
            };
            assert_eq!(rows(&live), rows(&replay), "{script}");
        }
    }
}

#[test]
fn going_back_and_on_in_a_recording_is_as_if_one_had_watched() {
    let recording = Recording::many(300);
    assert!(recording.events.len() > 1500, "several states are kept");
    let picture = |script: &str| {
        let mut replay = Live::replaying("x", recording.events.clone(), at(0.0));
        keys(&mut replay, script, 0.0);
        text(&replay, 0.0)
    };
    let back = "G".to_owned() + &",".repeat(700) + &".".repeat(100);
    let on = "g".to_owned() + &".".repeat(recording.events.len() - 600);
    assert_eq!(picture(&back), picture(&on));
}

#[test]
fn a_recording_runs_as_fast_as_one_wants() {
    let recording = Recording::done();
    let mut replay = Live::replaying("x", recording.events.clone(), at(0.0));
    let wall = |milliseconds: i64| at(0.0) + SignedDuration::from_millis(milliseconds);
    let bar = |replay: &Live| text(replay, 0.0).lines().nth(22).unwrap().to_owned();
    replay.update(Input::Tick, wall(0));
    replay.update(Input::Tick, wall(20_000));
    assert!(
        bar(&replay).starts_with(" replay x1 0:20 of 3:45 running"),
        "{}",
        bar(&replay)
    );
    type_keys_at(&mut replay, ">>>", wall(20_000));
    replay.update(Input::Tick, wall(21_000));
    assert!(bar(&replay).starts_with(" replay x8 0:28 of 3:45"), "{}", bar(&replay));
    type_keys_at(&mut replay, " ", wall(21_000));
    replay.update(Input::Tick, wall(90_000));
    assert!(bar(&replay).contains("0:28 of 3:45 paused"), "{}", bar(&replay));
    assert!(!replay.has_clock());
    type_keys_at(&mut replay, "<left>", wall(90_000));
    assert!(bar(&replay).contains("0:18 of"), "{}", bar(&replay));
    type_keys_at(&mut replay, "G", wall(90_000));
    assert!(bar(&replay).contains("3:45 of 3:45 end"), "{}", bar(&replay));
    assert!(text(&replay, 0.0).contains("Management cluster ready"));
    type_keys_at(&mut replay, "g", wall(90_000));
    assert!(!text(&replay, 0.0).contains("Management cluster ready"));
}

#[test]
fn another_run_of_the_cluster_begins_anew() {
    let mut live = followed(&Recording::failed(), 301.0);
    assert!(text(&live, 301.0).contains("failed"));
    let mut next = Recording::resumed();
    for event in &mut next.events {
        event.run = uuid::Uuid::from_u128(8);
        event.time += SignedDuration::from_secs(400);
    }
    live.update(Input::Run(Run::Events(next.events)), at(405.0));
    let seen = text(&live, 405.0);
    assert!(seen.contains("demo, resumed") && !seen.contains("stopped at"), "{seen}");
}

#[test]
fn events_that_are_told_again_change_nothing() {
    let recording = Recording::middle();
    let mut live = followed(&recording, 252.0);
    let before = text(&live, 252.0);
    live.update(Input::Run(Run::Events(recording.events.clone())), at(252.0));
    assert_eq!(text(&live, 252.0), before);
}

#[test]
fn a_run_that_cannot_be_followed_says_why_and_keeps_what_was_seen() {
    let mut live = followed(&Recording::middle(), 252.0);
    let error = "permission denied".to_owned();
    live.update(Input::Run(Run::Failed { error }), at(253.0));
    let seen = text(&live, 253.0);
    assert!(
        seen.contains("cannot follow: permission denied") && seen.contains("MACHINES 6"),
        "{seen}"
    );
}

#[test]
fn runs_of_this_home_are_listed_and_opened() {
    let (mut runs, effects) = Runs::new();
    assert!(matches!(effects.as_slice(), [Effect::ListRuns]));
    let line = |cluster: &str, live, heard: f64| RunLine {
        cluster: cluster.to_owned(),
        state: if live { "installing addons" } else { "done" }.to_owned(),
        live,
        heard: Some(at(heard)),
    };
    let found = vec![
        line("old", false, 0.0),
        line("demo", true, 90.0),
        line("edge", false, 60.0),
    ];
    runs.update(Input::Done(Done::Runs(found)), at(100.0));
    insta::assert_snapshot!("runs", render(&runs, 80, 24, Look::default(), at(100.0)).styled());
    let effects = type_keys_at(&mut runs, "j<enter>", at(100.0));
    assert!(
        matches!(effects.as_slice(), [Effect::Watch { cluster }] if cluster == "edge"),
        "{effects:?}"
    );
    for size in 0..40 {
        render(&runs, size * 3, size, Look::default(), at(100.0));
    }
}

/// Before anything was heard at every size; the others at many, among them all small ones and those where the picture changes.
#[test]
fn no_size_is_too_small() {
    let ascii = Look {
        palette: Palette::Mono,
        ascii: true,
    };
    sweep(&Live::following("demo", at(0.0)), Look::default(), at(0.0));
    many_sizes(&followed(&Recording::failed(), 301.0), ascii, 301.0);
    for (script, look) in [
        ("", Look::default()),
        ("w", ascii),
        ("t", Look::default()),
        ("s", ascii),
        ("z/x", ascii),
    ] {
        let mut live = followed(&Recording::middle(), 252.0);
        keys(&mut live, script, 252.0);
        many_sizes(&live, look, 252.0);
    }
    many_sizes(&followed(&Recording::many(120), 200.0), ascii, 200.0);
    many_sizes(&Live::following("", at(0.0)), ascii, 0.0);
    many_sizes(&Live::replaying("", Vec::new(), at(0.0)), ascii, 0.0);
}

fn many_sizes(live: &Live, look: Look, seconds: f64) {
    for width in (0..24).chain((24..250).step_by(13)).chain(58..66).chain(108..113) {
        for height in (0..16).chain((16..80).step_by(11)) {
            let picture = render(live, width, height, look, at(seconds));
            let inside = |caret: ratatui::layout::Position| caret.x < width && caret.y < height;
            assert!(picture.caret().is_none_or(inside), "{width}x{height}");
        }
    }
}

/// In ASCII nothing else is drawn.
#[test]
fn every_mark_has_a_form_in_ascii() {
    let ascii = Look {
        palette: Palette::Mono,
        ascii: true,
    };
    for script in ["", "w", "t", "s", "mw", "aw"] {
        for recording in [Recording::middle(), Recording::failed(), Recording::many(100)] {
            let mut live = followed(&recording, 310.0);
            keys(&mut live, script, 312.0);
            let seen = render(&live, 160, 50, ascii, at(312.0)).text();
            assert!(seen.is_ascii(), "{seen}");
        }
    }
}

/// Texts from elsewhere that must not do anything.
#[test]
fn hostile_texts_stay_on_their_rows() {
    let evil = "\u{1b}[2J\u{202e}\u{fe0f}\r\n\u{200d}世界👩‍👩‍👧".repeat(200);
    let mut run = Recording::new();
    run.begin(3, false);
    run.start(1.0, &evil, &evil)
        .wait(1.0, &evil, &evil, &[(Layer::Console, &evil, &evil)]);
    run.machine(1.0, &evil, &evil, 0).addon(1.0, &evil, &evil);
    run.log(1.0, Level::Error, &evil, &evil);
    run.push(
        1.0,
        Body::FileWritten {
            what: evil.clone(),
            path: evil.clone(),
        },
    );
    let mut live = followed(&run, 2.0);
    for script in ["", "w", "t", "m", "a", "l"] {
        keys(&mut live, script, 2.0);
        let seen = render(&live, 80, 24, Look::default(), at(2.0)).text();
        assert!(!seen.contains('\u{1b}') && !seen.contains('\u{202e}'), "{seen}");
    }
    run.finish(3.0, Outcome::Failed, &evil);
    let live = followed(&run, 3.0);
    assert!(render(&live, 80, 24, Look::default(), at(3.0)).text().lines().count() == 24);
}

mod random {
    use proptest::{prelude::*, sample::select};

    use super::*;

    const KEYS: [&str; 46] = [
        "j", "k", "g", "G", "<c-d>", "<c-u>", "<c-f>", "<c-b>", "<enter>", "<esc>", "q", "s", "p", "w", "t", "m", "a",
        "i", "l", "z", "d", "e", "/", "x", "c", "<tab>", "<s-tab>", "+", "-", "o", "<left>", "<right>", "<space>",
        "<lt>", ">", ",", ".", "n", "N", "<up>", "<down>", "<home>", "<end>", "<bs>", "<c-c>", "D",
    ];

    #[derive(Debug, Clone)]
    enum Happens {
        Keys(Vec<&'static str>),
        Events(usize),
        Size(u16, u16),
        Time(u16),
        Paste(String),
        Gone,
    }

    fn happens() -> impl Strategy<Value = Happens> {
        prop_oneof![
            6 => prop::collection::vec(select(&KEYS[..]), 1..6).prop_map(Happens::Keys),
            4 => (0usize..60).prop_map(Happens::Events),
            1 => (0u16..200, 0u16..60).prop_map(|(width, height)| Happens::Size(width, height)),
            2 => (0u16..5000).prop_map(Happens::Time),
            1 => ".{0,20}".prop_map(Happens::Paste),
            1 => Just(Happens::Gone),
        ]
    }

    fn play(mut live: Live, events: &[Event], inputs: Vec<Happens>) {
        let (mut now, mut told, mut size) = (at(0.0), 0, (80, 24));
        for input in inputs {
            match input {
                Happens::Keys(script) => _ = type_keys_at(&mut live, &script.concat(), now),
                Happens::Events(count) => {
                    let next = (told + count).min(events.len());
                    live.update(Input::Run(Run::Events(events[told..next].to_vec())), now);
                    live.update(Input::Run(Run::UpToDate), now);
                    told = next;
                }
                Happens::Size(width, height) => {
                    size = (width, height);
                    live.update(Input::Resize(width, height), now);
                }
                Happens::Time(milliseconds) => {
                    now += SignedDuration::from_millis(milliseconds.into());
                    live.update(Input::Tick, now);
                }
                Happens::Paste(text) => _ = live.update(Input::Paste(text), now),
                Happens::Gone => _ = live.update(Input::Run(Run::Gone), now),
            }
            let picture = render(&live, size.0, size.1, Look::default(), now);
            if let Some(caret) = picture.caret() {
                assert!(
                    caret.x < size.0 && caret.y < size.1,
                    "the caret is at {caret:?} of {size:?}"
                );
            }
            let hints = live.keys();
            assert_eq!(hints.last().map(|hint| hint.key), Some("?"), "the way to help is last");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn nothing_that_happens_brings_a_run_down(inputs in prop::collection::vec(happens(), 1..40), which in 0usize..4) {
            let recording = [Recording::failed, Recording::done, Recording::middle, || Recording::many(90)][which]();
            play(Live::following("demo", at(0.0)), &recording.events, inputs);
        }

        #[test]
        fn nothing_that_happens_brings_a_recording_down(inputs in prop::collection::vec(happens(), 1..40), which in 0usize..3) {
            let recording = [Recording::failed, Recording::done, || Recording::many(90)][which]();
            play(Live::replaying("x", recording.events.clone(), at(0.0)), &recording.events, inputs);
        }
    }
}

/// Times of a made-up run are those of its events.
#[test]
fn time_comes_from_outside() {
    let live = followed(&Recording::middle(), 252.0);
    assert!(text(&live, 252.0).contains("| 4:12 |"));
    assert!(
        text(&live, 300.0).contains("| 5:00 |"),
        "a picture that is drawn later shows a later time"
    );
    assert!(live.has_clock());
    let ended = followed(&Recording::failed(), 310.0);
    assert!(!ended.has_clock());
    let _: Timestamp = at(0.0);
}
