//! The live view with 500 machines and a log of 10,000 lines: `cargo bench -p butler-tui`. Budget: 16 ms a frame at the 99th of a
//! hundred; events come at up to 500 a second.

mod figures;
#[path = "../tests/live/recording.rs"]
#[expect(dead_code, reason = "tests make other runs of it")]
mod recording;

use std::time::Duration;

use butler_api::event::{Event, Level};
use butler_terminal::{Env, Table, Ui, UiOptions};
use butler_tui::{
    input::{Input, Run},
    live::Live,
    look::Look,
    screen::Screen as _,
    snapshot::type_keys_at,
};
use jiff::Timestamp;
use ratatui::{buffer::Buffer, layout::Rect};

use figures::{number_of, resident, row, timed};
use recording::{Recording, at};

const MACHINES: usize = 500;
const LINES: usize = 10_000;
const FRAMES: usize = 300;
/// Events that come between two pictures at 500 a second and 30 pictures a second.
const BATCH: usize = 17;

fn main() {
    let ui = Ui::from_process(UiOptions::default(), &Env::default());
    let before = resident();
    let recording = recording();
    let events = recording.events.clone();
    let mut table = Table::new(&["WHAT", "P50", "P99", "WORST"], &[]);
    for (what, script) in [
        ("overview", ""),
        ("machines", "m"),
        ("log, filtered", "/line 7<enter>"),
        ("why", "mw"),
        ("timeline", "t"),
    ] {
        for size in [(80, 24), (160, 50)] {
            let mut live = told(&events);
            live.update(Input::Resize(size.0, size.1), at(260.0));
            type_keys_at(&mut live, script, at(260.0));
            let name = format!("{what} {}x{}", size.0, size.1);
            row(&mut table, &name, frames(&mut live, size));
        }
    }
    let mut live = told(&events);
    row(
        &mut table,
        "a batch of 17 events, with its frame",
        batches(&mut live, recording.after()),
    );
    row(&mut table, "one key of a filter", filtering(&mut live));
    ui.print_lines(&table.lines(false, None)).expect("stdout is there");
    let (applied, took) = timed(|| told(&events));
    let rate = number_of(events.len()) / took.as_secs_f64();
    let (mut player, replayed) = timed(|| Live::replaying("bench", events.clone(), at(0.0)));
    let (_, to_end) = timed(|| type_keys_at(&mut player, "Gg", at(0.0)));
    ui.note(&format!(
        "{} events of {MACHINES} machines: taken in {took:.1?} ({rate:.0} a second), a replay ready after {replayed:.1?}, to its end and back {to_end:.1?}",
        events.len(),
    ));
    if let (Some(before), Some(after)) = (before, resident()) {
        ui.note(&format!(
            "memory: {} MiB before, {} MiB after, with the events themselves, a view and a replay",
            before >> 20,
            after >> 20
        ));
    }
    drop(applied);
}

fn told(events: &[Event]) -> Live {
    let mut live = Live::following("demo", at(0.0));
    live.update(Input::Run(Run::Events(events.to_vec())), at(260.0));
    live.update(Input::Run(Run::UpToDate), at(260.0));
    live
}

fn recording() -> Recording {
    let mut run = Recording::many(MACHINES);
    for line in 0..LINES {
        let level = if line % 100 == 0 { Level::Warning } else { Level::Info };
        run.log(
            200.0,
            level,
            "helm longhorn",
            &format!("line {line} of a log that says much about little"),
        );
    }
    run
}

/// Pictures while only time passes.
fn frames(live: &mut Live, size: (u16, u16)) -> Vec<Duration> {
    let mut buffer = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    let mut seconds = 260.0;
    let frame = |_| {
        seconds += 0.1;
        let now = at(seconds);
        live.update(Input::Tick, now);
        picture(live, &mut buffer, now)
    };
    (0..FRAMES).map(frame).collect()
}

fn picture(live: &Live, buffer: &mut Buffer, now: Timestamp) -> Duration {
    buffer.reset();
    timed(|| live.draw(buffer.area, buffer, Look::default(), now)).1
}

/// Events and the picture that shows them: from the event to the screen, without the terminal.
fn batches(live: &mut Live, mut run: Recording) -> Vec<Duration> {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 160, 50));
    let batch = |number: usize| {
        let seconds = 300.0 + number_of(number) / 30.0;
        for event in 0..BATCH {
            let machine = (number * BATCH + event) % (MACHINES - 3);
            let name = format!("demo-worker-{machine}");
            run.machine(
                seconds,
                &name,
                if number.is_multiple_of(2) { "joined" } else { "ready" },
                machine,
            );
        }
        timed(|| {
            live.update(Input::Run(Run::Events(std::mem::take(&mut run.events))), at(seconds));
            picture(live, &mut buffer, at(seconds));
        })
        .1
    };
    (0..FRAMES).map(batch).collect()
}

fn filtering(live: &mut Live) -> Vec<Duration> {
    type_keys_at(live, "/", at(400.0));
    let key = |number: usize| {
        let script = if number.is_multiple_of(2) { "7" } else { "<bs>" };
        timed(|| type_keys_at(live, script, at(400.0))).1
    };
    (0..FRAMES).map(key).collect()
}
