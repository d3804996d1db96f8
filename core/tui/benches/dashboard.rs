//! The dashboard with 10,000 clusters of which 200 change every second: `cargo bench -p butler-tui --bench dashboard`. Budgets: a
//! picture in 16 ms and a key in 8 ms at the 99th of a hundred, 60 MB.

mod figures;

use std::time::Duration;

use butler_tenancy::live::{Cell as Value, Detail, Kind, News, Row, State};
use butler_terminal::{Env, Table, Ui, UiOptions};
use butler_tui::{
    board::{Board, Who},
    dashboard::Dashboard,
    input::Input,
    look::Look,
    screen::Screen as _,
    snapshot::type_keys_at,
};
use jiff::{SignedDuration, Timestamp};
use ratatui::{buffer::Buffer, layout::Rect};

use figures::{number_of, resident, row, timed};

const CLUSTERS: usize = 10_000;
const PAGE: usize = 500;
const FRAMES: usize = 600;
/// Changes between two pictures at 200 a second and 30 pictures a second.
const BATCH: usize = 7;

fn main() {
    let ui = Ui::from_process(UiOptions::default(), &Env::default());
    let before = resident();
    let (mut dashboard, _) = Dashboard::new("butleradm", at(0.0));
    dashboard.update(Input::Board(Board::Reached(Who::default())), at(0.0));
    dashboard.update(Input::Resize(160, 50), at(0.0));
    let ((), listed) = timed(|| list(&mut dashboard));
    let after = resident();
    let mut table = Table::new(&["WHAT", "P50", "P99", "WORST"], &[]);
    for size in [(80, 24), (160, 50)] {
        dashboard.update(Input::Resize(size.0, size.1), at(1.0));
        let name = format!("7 changes and their picture, {}x{}", size.0, size.1);
        row(&mut table, &name, changes(&mut dashboard, size));
    }
    for (what, script) in [("down", "j"), ("to the end and back", "Gg"), ("half a page", "<c-d>")] {
        row(&mut table, &format!("key: {what}"), keys(&mut dashboard, script));
    }
    type_keys_at(&mut dashboard, "/", at(90.0));
    row(
        &mut table,
        "key: a letter of a filter",
        keys_of(&mut dashboard, &["7", "<bs>"]),
    );
    type_keys_at(&mut dashboard, "phase!=ready<enter>", at(90.0));
    row(
        &mut table,
        "7 changes under a filter",
        changes(&mut dashboard, (160, 50)),
    );
    type_keys_at(&mut dashboard, "<esc>Sjjj<enter>", at(90.0));
    row(
        &mut table,
        "7 changes, by another column",
        changes(&mut dashboard, (160, 50)),
    );
    ui.print_lines(&table.lines(false, None)).expect("stdout is there");
    if let (Some(before), Some(after)) = (before, after) {
        ui.note(&format!(
            "{CLUSTERS} clusters: taken in {listed:.1?}; {} MiB before, {} MiB with them",
            before >> 20,
            after >> 20
        ));
    }
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs_f64(1_700_000_000.0 + seconds)
}

fn cluster(number: usize, version: usize) -> Row {
    let phases = [
        ("Ready", State::Good),
        ("Provisioning", State::Busy),
        ("Failed", State::Bad),
    ];
    let (phase, state) = phases[version % 3];
    Row {
        uid: format!("6f9619ff-8b86-d011-b42d-{number:012}").into(),
        namespace: Some(format!("team-{}", number % 200).into()),
        name: format!("cluster-{number}").into(),
        version: version.to_string().into(),
        state,
        cells: vec![
            Value::Text(format!("team-{}", number % 200).into()),
            Value::Text(phase.into()),
            Value::Text("v1.33.1".into()),
            Value::Of(Some(2), Some(3)),
            Value::Text("proxmox-prod".into()),
            Value::Time(at(-86_400.0)),
        ],
        why: (state != State::Good).then(|| "the machine web-workers-3 is booting and has no node yet".into()),
        detail: Detail::None,
    }
}

fn news(dashboard: &mut Dashboard, news: News, seconds: f64) {
    let board = Board::List {
        kind: Kind::Clusters,
        part: 0,
        parts: 1,
        news,
    };
    dashboard.update(Input::Board(board), at(seconds));
}

fn list(dashboard: &mut Dashboard) {
    news(dashboard, News::Listing, 0.0);
    for page in 0..CLUSTERS / PAGE {
        let rows = (page * PAGE..(page + 1) * PAGE)
            .map(|number| cluster(number, number))
            .collect();
        news(dashboard, News::Rows(rows), 0.0);
    }
    news(dashboard, News::Listed, 0.0);
}

fn changes(dashboard: &mut Dashboard, (columns, rows): (u16, u16)) -> Vec<Duration> {
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
    let frame = |frame: usize| {
        let seconds = 2.0 + number_of(frame) / 30.0;
        let changed = (0..BATCH).map(|change| cluster((frame * 7919 + change * 104_729) % CLUSTERS, frame + change));
        let changed: Vec<Row> = changed.collect();
        timed(|| {
            news(dashboard, News::Rows(changed), seconds);
            buffer.reset();
            dashboard.draw(buffer.area, &mut buffer, Look::default(), at(seconds));
        })
        .1
    };
    (0..FRAMES).map(frame).collect()
}

fn keys(dashboard: &mut Dashboard, script: &str) -> Vec<Duration> {
    keys_of(dashboard, &[script])
}

/// Keys, each with the picture that shows it.
fn keys_of(dashboard: &mut Dashboard, scripts: &[&str]) -> Vec<Duration> {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 160, 50));
    let key = |number: usize| {
        timed(|| {
            type_keys_at(dashboard, scripts[number % scripts.len()], at(60.0));
            buffer.reset();
            dashboard.draw(buffer.area, &mut buffer, Look::default(), at(60.0));
        })
        .1
    };
    (0..FRAMES).map(key).collect()
}
