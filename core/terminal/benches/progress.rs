//! Time from event to picture with 10,000 machines: `cargo bench -p butler-terminal`. Budget: 16 ms a picture.

use std::time::{Duration, Instant};

use butler_api::{
    event::{Body, Event, MachineLine, SCHEMA_VERSION},
    view::View,
};
use butler_terminal::{
    Env, Ui, UiOptions,
    progress::{Plain, Progress as _, frame},
};
use jiff::{SignedDuration, Timestamp};

const MACHINES: u32 = 10_000;
const STATES: [&str; 5] = ["creating", "booting", "maintenance", "configured", "ready"];

fn main() {
    let events = events();
    let mut view = View::default();
    let applied = timed(|| events.iter().for_each(|event| _ = view.apply(event)));
    let mut pictures: Vec<Duration> = (0..50)
        .map(|_| timed(|| assert_eq!(frame(&view, 80, 24).len(), 23, "the terminal is full")))
        .collect();
    pictures.sort_unstable();
    let (ui, _captured) = Ui::captured(UiOptions::default(), &Env::default(), None);
    let mut plain = Plain::new(ui);
    let told = timed(|| events.iter().for_each(|event| plain.event(event)));
    let ui = Ui::from_process(UiOptions::default(), &Env::default());
    ui.note(&format!(
        "{} events of {MACHINES} machines: state {applied:.1?}, lines {told:.1?}; a picture {:.1?} (median), {:.1?} (worst)",
        events.len(),
        pictures[pictures.len() / 2],
        pictures[pictures.len() - 1],
    ));
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Every machine passes through its states while its step waits for something of its own.
fn events() -> Vec<Event> {
    let mut events = Vec::new();
    for (state, at) in STATES.iter().zip(0_i64..) {
        for i in 0..MACHINES {
            let time =
                Timestamp::UNIX_EPOCH + SignedDuration::from_secs(at * 10) + SignedDuration::from_micros(i.into());
            let name = format!("demo-worker-{i}");
            let waiting = Body::StepWaiting {
                step: format!("machine/{name}/node"),
                waiting_for: format!("node {name} is {state}"),
                cause: Some("connection refused".to_owned()),
                chain: Vec::new(),
                hint: None,
                seconds: 1.0,
            };
            let machine = MachineLine {
                name,
                role: "worker".to_owned(),
                state: (*state).to_owned(),
                address: None,
                provider_id: None,
            };
            for body in [Body::MachineChanged { machine }, waiting] {
                let seq = u64::try_from(events.len()).unwrap_or(u64::MAX);
                let run = uuid::Uuid::nil();
                events.push(Event {
                    v: SCHEMA_VERSION,
                    seq,
                    time,
                    run,
                    cluster: "demo".to_owned(),
                    body,
                });
            }
        }
    }
    events
}
