//! The pictures of the documents are what the screens look like. `UPDATE=1 cargo test --workspace --test pictures` makes them anew.

mod stage;

use std::{collections::BTreeSet, fs};

use butler_tenancy::live::{Cell, Detail, Kind, News, Row, State};
use butler_tui::{
    board::{Board, Who},
    dashboard::Dashboard,
    input::Input,
    look::Look,
    screen::Screen,
    snapshot,
};
use jiff::{SignedDuration, Timestamp};

use crate::stage::{blank_wizard, noon, press, proxmox, root, run_after, silent, wizard_on};

/// A picture: its file, what it shows, its size, and the screen at a moment.
struct Shot {
    name: &'static str,
    title: &'static str,
    columns: u16,
    rows: u16,
    screen: Box<dyn Screen>,
    now: Timestamp,
}

/// Size of a picture that shows what there is beside the content.
const WIDE: (u16, u16) = (120, 32);

fn wizard(name: &'static str, title: &'static str, keys: &str) -> Shot {
    let mut screen = wizard_on("proxmox.yaml", &proxmox);
    press(&mut screen, keys, &proxmox);
    Shot {
        name,
        title,
        columns: WIDE.0,
        rows: WIDE.1,
        screen: Box::new(screen),
        now: noon(),
    }
}

fn run(name: &'static str, title: &'static str, size: (u16, u16), seconds: i64, keys: &str) -> Shot {
    let (mut screen, now) = run_after(seconds, size);
    // The last screen takes no key of somebody who could not have read it.
    let now = now + SignedDuration::from_secs(2);
    screen.update(Input::Tick, now);
    snapshot::type_keys_at(&mut screen, keys, now);
    Shot {
        name,
        title,
        columns: size.0,
        rows: size.1,
        screen: Box::new(screen),
        now,
    }
}

/// A dashboard of some clusters, one of which is in trouble.
fn dashboard() -> Shot {
    let now = noon();
    let (mut screen, _) = Dashboard::new("butleradm", now);
    let who = Who {
        place: "https://butler.example.com".to_owned(),
        person: Some("anna@example.com".to_owned()),
        team: Some("payments".to_owned()),
        namespace: Some("payments".to_owned()),
    };
    screen.update(Input::Board(Board::Reached(who)), now);
    screen.update(Input::Resize(WIDE.0, WIDE.1), now);
    let clusters = [
        (
            "pay-eu-1",
            "Provisioning",
            State::Busy,
            (2, 3),
            12,
            Some("no DHCP lease for w-3 on vlan40"),
        ),
        (
            "pay-eu-2",
            "Updating",
            State::Busy,
            (3, 3),
            4320,
            Some("drain of w-1: 2 pods"),
        ),
        (
            "pay-us-1",
            "Failed",
            State::Bad,
            (0, 3),
            41,
            Some("the image talos-1.12 is gone"),
        ),
        ("pay-us-2", "Ready", State::Good, (5, 5), 129_600, None),
    ];
    let row =
        |(name, phase, state, (ready, wanted), minutes, why): (&str, &str, State, (i64, i64), i64, Option<&str>)| Row {
            uid: name.into(),
            namespace: Some("payments".into()),
            name: name.into(),
            version: "1".into(),
            state,
            cells: vec![
                Cell::Text("payments".into()),
                Cell::Text(phase.into()),
                Cell::Text("v1.33.1".into()),
                Cell::Of(Some(ready), Some(wanted)),
                Cell::Text("proxmox-1".into()),
                Cell::Time(now - SignedDuration::from_mins(minutes)),
            ],
            why: why.map(Into::into),
            detail: Detail::None,
        };
    for news in [News::Listing, News::Rows(clusters.map(row).to_vec()), News::Listed] {
        let kind = Kind::Clusters;
        let (part, parts) = (0, 1);
        screen.update(
            Input::Board(Board::List {
                kind,
                part,
                parts,
                news,
            }),
            now,
        );
    }
    Shot {
        name: "dashboard",
        title: "The clusters of a management cluster, and why some of them are not ready",
        columns: WIDE.0,
        rows: 20,
        screen: Box::new(screen),
        now,
    }
}

fn shots() -> Vec<Shot> {
    let mut first = blank_wizard();
    press(&mut first, "", &silent);
    let first = Shot {
        name: "wizard-provider",
        title: "The first question of the wizard: which platform",
        columns: 80,
        rows: 24,
        screen: Box::new(first),
        now: noon(),
    };
    vec![
        first,
        wizard(
            "wizard-network",
            "The networks of a cluster, with a picture of its addresses",
            "<a-5>",
        ),
        wizard(
            "wizard-review",
            "Everything that was answered, before the launch",
            "<a-7>",
        ),
        run(
            "live",
            "A run in its middle: machines, waits, addons and log",
            WIDE,
            73,
            "",
        ),
        run("why", "Why a machine is not there yet", (100, 24), 73, "w"),
        run(
            "timeline",
            "When each step was at work, and what decided how long the run took",
            (100, 30),
            200,
            "<esc>t",
        ),
        dashboard(),
    ]
}

#[test]
fn pictures_show_what_there_is() {
    let folder = root().join("docs/pictures");
    let update = std::env::vars_os().any(|(name, _)| name == "UPDATE");
    let mut stale = Vec::new();
    let mut names = BTreeSet::new();
    for shot in shots() {
        let picture = snapshot::render(&*shot.screen, shot.columns, shot.rows, Look::default(), shot.now);
        assert_eq!(picture.defects(), Vec::<String>::new(), "{}", shot.name);
        let path = folder.join(format!("{}.svg", shot.name));
        let svg = picture.svg(shot.title);
        if update {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &svg).unwrap();
        } else if fs::read_to_string(&path).ok().as_deref() != Some(svg.as_str()) {
            stale.push(format!(
                "docs/pictures/{}.svg, which now shows:\n{}",
                shot.name,
                picture.text()
            ));
        }
        names.insert(format!("{}.svg", shot.name));
    }
    assert!(
        stale.is_empty(),
        "stale pictures (UPDATE=1 cargo test --workspace --test pictures makes them anew):\n{}",
        stale.join("\n")
    );
    let there = fs::read_dir(&folder).unwrap();
    let there: BTreeSet<String> = there
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(there, names, "a picture that nobody makes");
    let documents = ["README.md", "docs/tui.md"].map(|name| fs::read_to_string(root().join(name)).unwrap());
    for name in names {
        assert!(
            documents.iter().any(|text| text.contains(&name)),
            "{name} is shown nowhere"
        );
    }
}
