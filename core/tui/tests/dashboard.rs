//! The dashboard: what it shows of made-up clusters, at two sizes, what its keys want, and that no size, no key and no name
//! brings it down.

#![expect(clippy::unwrap_used, reason = "what stops a test")]
#![expect(clippy::disallowed_macros, reason = "a cluster is written as people read it")]

use std::{path::Path, sync::Arc};

use butler_files::Draft;
use butler_lifecycle::health::{self, Sight};
use butler_tenancy::{
    clusters::{
        create::{Facts, Wanted, interview::Interview},
        describe::tree::{Part, State as How, Subject},
        edit,
        read::Found,
    },
    live::{Block, Cell, Detail, Kept, Kind, News, Row, State},
};
use butler_tui::{
    board::{Act, Board, Choice, Details, Edited, Elsewhere, Section, Target, Who},
    dashboard::Dashboard,
    effect::Effect,
    input::Input,
    look::{Look, Palette},
    screen::{Screen as _, Typing},
    snapshot::{render, sweep, type_keys_at},
};
use jiff::{SignedDuration, Timestamp};
use kube::api::DynamicObject;
use proptest::prelude::*;
use serde_json::json;

fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(seconds)
}

fn row(uid: &str, name: &str, state: State, cells: Vec<Cell>, why: Option<&str>) -> Row {
    Row {
        uid: uid.into(),
        namespace: Some("pay".into()),
        name: name.into(),
        version: "7".into(),
        state,
        cells,
        why: why.map(Into::into),
        detail: Detail::None,
    }
}

fn cluster(name: &str, phase: &str, state: State, nodes: (i64, i64), why: Option<&str>) -> Row {
    let cells = vec![
        Cell::Text("pay".into()),
        Cell::Text(phase.into()),
        Cell::Text("v1.33.1".into()),
        Cell::Of(Some(nodes.0), Some(nodes.1)),
        Cell::Text("harv-prod".into()),
        Cell::Time(at(-7200)),
    ];
    row(name, name, state, cells, why)
}

fn clusters() -> Vec<Row> {
    vec![
        cluster(
            "eu-1",
            "Provisioning",
            State::Busy,
            (2, 3),
            Some("no DHCP lease for w-3 on vlan40"),
        ),
        cluster("eu-2", "Updating", State::Busy, (3, 3), Some("drain of w-1: 2 pods")),
        cluster("us-1", "Failed", State::Bad, (0, 3), Some("image talos-1.12 is gone")),
        cluster("us-2", "Ready", State::Good, (5, 5), None),
    ]
}

fn list(dashboard: &mut Dashboard, kind: Kind, rows: Vec<Row>, seconds: i64) -> Vec<Effect> {
    let mut effects = Vec::new();
    for news in [News::Asked, News::Listing, News::Rows(rows), News::Listed, News::Heard] {
        let board = Board::List {
            kind,
            part: 0,
            parts: 1,
            news,
        };
        effects.extend(dashboard.update(Input::Board(board), at(seconds)));
    }
    effects
}

fn reached(tool: &'static str) -> Dashboard {
    let (mut dashboard, first) = Dashboard::new(tool, at(0));
    assert!(matches!(first[..], [Effect::Reach]));
    let who = Who {
        place: "prod-mgmt".to_owned(),
        person: Some("anna@example.org".to_owned()),
        team: Some("pay".to_owned()),
        namespace: Some("pay".to_owned()),
    };
    let effects = dashboard.update(Input::Board(Board::Reached(who)), at(0));
    assert!(
        matches!(
            &effects[..],
            [Effect::Follow {
                kind: Kind::Clusters,
                labels: None
            }]
        ),
        "{effects:?}"
    );
    dashboard
}

fn filled() -> Dashboard {
    let mut dashboard = reached("butleradm");
    list(&mut dashboard, Kind::Clusters, clusters(), 0);
    dashboard
}

fn keys(dashboard: &mut Dashboard, script: &str, seconds: i64) -> Vec<Effect> {
    type_keys_at(dashboard, script, at(seconds))
}

fn shown(name: &str, dashboard: &mut Dashboard, seconds: i64) {
    for (columns, rows) in [(80, 24), (160, 50)] {
        dashboard.update(Input::Resize(columns, rows), at(seconds));
        let picture = render(dashboard, columns, rows, Look::default(), at(seconds)).styled();
        insta::assert_snapshot!(format!("dashboard_{name}_{columns}x{rows}"), picture);
    }
}

fn text(dashboard: &Dashboard, seconds: i64) -> String {
    render(dashboard, 100, 30, Look::default(), at(seconds)).text()
}

fn details() -> Details {
    let part = |subject, name: &str, state, word: &str| Part {
        subject,
        name: name.to_owned(),
        state,
        word: word.to_owned(),
        facts: vec!["v1.33.1".to_owned()],
        cause: None,
        parts: Vec::new(),
    };
    let mut workers = part(Subject::Workers, "workers", How::Waiting, "2 of 3 ready");
    workers.parts = vec![Part {
        cause: Some("no DHCP lease on vlan40".to_owned()),
        ..part(Subject::Machine, "w-3", How::Waiting, "Provisioning")
    }];
    let mut tree = part(Subject::Cluster, "eu-1", How::Waiting, "Provisioning");
    tree.parts = vec![
        part(Subject::ControlPlane, "control plane", How::Good, "Ready"),
        workers,
    ];
    let section = |heads: &[&'static str], rows: &[&[&str]]| Section {
        heads: heads.to_vec(),
        rows: rows
            .iter()
            .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
            .collect(),
        remark: None,
    };
    Details {
        tree,
        nodes: section(
            &["MACHINE", "PHASE", "WHY"],
            &[&["w-1", "Running", ""], &["w-3", "Provisioning", "no lease"]],
        ),
        addons: section(&["ADDON", "PHASE"], &[&["redis", "Installed"]]),
        conditions: section(&["CONDITION", "STATUS", "MESSAGE"], &[&["Ready", "False", "no lease"]]),
        events: Section {
            remark: Some("events of its parts may not be read".to_owned()),
            ..section(&["AGE", "REASON"], &[&["2m", "Scaled"]])
        },
        timeline: section(
            &["UTC", "AFTER", "OF", "WHAT"],
            &[
                &["11-30 10:00:00", "0s", "cluster eu-1", "asked for"],
                &["11-30 10:00:10", "10s", "machine w-3", "NoLease: nobody answers"],
            ],
        ),
        yaml: vec![
            "kind: TenantCluster".to_owned(),
            "metadata:".to_owned(),
            "  name: eu-1".to_owned(),
        ],
    }
}

#[test]
fn a_list_of_clusters() {
    shown("clusters", &mut filled(), 5);
}

#[test]
fn a_cluster_by_itself() {
    let mut dashboard = filled();
    let effects = keys(&mut dashboard, "<enter>", 5);
    assert!(
        matches!(&effects[..], [Effect::Look(target), Effect::Follow { kind: Kind::Installed, .. }] if target.name == "eu-1")
    );
    assert!(text(&dashboard, 5).contains("reading"));
    let board = Board::Details {
        uid: "eu-1".to_owned(),
        details: Ok(Box::new(details())),
    };
    dashboard.update(Input::Board(board), at(6));
    shown("cluster", &mut dashboard, 6);
    for (pages, words) in [
        ("]", "w-3"),
        ("]", "redis"),
        ("]", "CONDITION"),
        ("]", "may not be read"),
        ("]", "NoLease: nobody answers"),
        ("]", "kind: TenantCluster"),
        ("t", "NoLease: nobody answers"),
    ] {
        keys(&mut dashboard, pages, 7);
        assert!(text(&dashboard, 7).contains(words), "{}", text(&dashboard, 7));
    }
    // Gone while somebody looks at it: the last picture stays, and says so.
    let gone = Board::List {
        kind: Kind::Clusters,
        part: 0,
        parts: 1,
        news: News::Gone(vec!["eu-1".into()]),
    };
    dashboard.update(Input::Board(gone), at(8));
    assert!(text(&dashboard, 8).contains("it is gone"), "{}", text(&dashboard, 8));
    keys(&mut dashboard, "<esc>", 9);
    assert!(!text(&dashboard, 9).contains("it is gone"));
}

#[test]
fn a_cluster_that_changes_is_looked_at_again_but_not_with_every_change() {
    let mut dashboard = filled();
    keys(&mut dashboard, "<enter>", 5);
    let change = |dashboard: &mut Dashboard, seconds| {
        let board = Board::List {
            kind: Kind::Clusters,
            part: 0,
            parts: 1,
            news: News::Rows(vec![cluster("eu-1", "Updating", State::Busy, (2, 3), None)]),
        };
        dashboard.update(Input::Board(board), at(seconds))
    };
    assert!(change(&mut dashboard, 6).is_empty(), "a look is under way");
    let board = Board::Details {
        uid: "eu-1".to_owned(),
        details: Ok(Box::new(details())),
    };
    let again = dashboard.update(Input::Board(board), at(7));
    assert!(matches!(again[..], [Effect::Look(_)]), "{again:?}");
    assert!(change(&mut dashboard, 7).is_empty());
}

#[test]
fn the_other_tabs() {
    let mut dashboard = filled();
    let addon = Row {
        detail: Detail::Facts(vec![
            ("does".into(), "keeps data in memory".into()),
            ("needs".into(), "storage".into()),
        ]),
        ..row(
            "a1",
            "redis",
            State::Good,
            vec![
                Cell::Text("database".into()),
                Cell::Text("20.6.0".into()),
                Cell::Text("no".into()),
                Cell::Unknown,
                Cell::Time(at(-60)),
            ],
            None,
        )
    };
    let installed = Row {
        detail: Detail::Installed {
            cluster: "eu-1".into(),
            addon: "redis".into(),
            version: None,
        },
        ..row("i1", "redis-eu-1", State::Good, Vec::new(), None)
    };
    let effects = keys(&mut dashboard, "2", 5);
    assert!(matches!(
        &effects[..],
        [
            Effect::Follow { kind: Kind::Addons, .. },
            Effect::Follow {
                kind: Kind::Installed,
                ..
            }
        ]
    ));
    list(&mut dashboard, Kind::Addons, vec![addon], 5);
    list(&mut dashboard, Kind::Installed, vec![installed], 5);
    shown("addons", &mut dashboard, 6);
}

#[test]
fn the_addresses_of_a_pool_and_a_kind_that_may_not_be_seen() {
    let mut dashboard = filled();
    keys(&mut dashboard, "5", 7);
    let block = |first: &str, last: &str, purpose: &str, kept| Block {
        pool: "tenants".into(),
        first: first.parse().unwrap(),
        last: last.parse().unwrap(),
        purpose: purpose.into(),
        owner: "eu-1".into(),
        kept,
    };
    let kept = vec![Kept {
        first: "10.40.0.0".parse().unwrap(),
        last: "10.40.0.15".parse().unwrap(),
        by_platform: false,
        words: "routers".into(),
    }];
    let pool = Row {
        detail: Detail::Addresses(Box::new(block("10.40.0.0", "10.40.0.255", "", kept))),
        ..row(
            "p1",
            "tenants",
            State::Good,
            vec![
                Cell::Text("10.40.0.0/24".into()),
                Cell::Share(40, 256),
                Cell::Number(216),
                Cell::Number(200),
                Cell::Number(1),
                Cell::Time(at(-60)),
            ],
            None,
        )
    };
    let allocation = Row {
        detail: Detail::Addresses(Box::new(block("10.40.0.32", "10.40.0.39", "nodes", Vec::new()))),
        ..row("l1", "eu-1-nodes", State::Good, Vec::new(), None)
    };
    list(&mut dashboard, Kind::Pools, vec![pool], 7);
    list(&mut dashboard, Kind::Allocations, vec![allocation], 7);
    shown("networks", &mut dashboard, 8);

    keys(&mut dashboard, "3", 9);
    let refused = Board::Refused {
        kind: Kind::Teams,
        error: "anna@example.org may not list teams of the whole cluster".to_owned(),
        hint: Some("the role platform admin of Butler allows it".to_owned()),
    };
    dashboard.update(Input::Board(refused), at(9));
    shown("refused", &mut dashboard, 9);
}

#[test]
fn nothing_is_changed_unless_somebody_allows_it_and_then_for_ten_minutes() {
    let mut dashboard = filled();
    for key in ["n", "+", "u", "a", "A", "D"] {
        assert!(keys(&mut dashboard, key, 5).is_empty(), "{key}");
        assert!(text(&dashboard, 5).contains("read-only: W allows changes"), "{key}");
    }
    keys(&mut dashboard, "W", 5);
    keys(&mut dashboard, "+", 6);
    let effects = keys(&mut dashboard, "<bs>5<enter>", 7);
    assert!(
        matches!(&effects[..], [Effect::Act { act: Act::Scale(target, workers), command }]
            if target.name == "eu-1" && workers == "5" && command == "butlerctl cluster scale eu-1 --namespace pay --workers 5"),
        "{effects:?}"
    );
    // The question was opened in time and is answered too late.
    keys(&mut dashboard, "u", 600);
    let late = keys(&mut dashboard, "v1.34.4<enter>", 606);
    assert!(late.is_empty(), "{late:?}");
    assert!(text(&dashboard, 606).contains("are over"), "{}", text(&dashboard, 606));
}

#[test]
fn a_deletion_is_typed_and_never_by_a_held_key() {
    let mut dashboard = filled();
    keys(&mut dashboard, "WD", 5);
    let early = type_keys_at(&mut dashboard, "eu-1<enter>", at(5));
    assert!(early.is_empty());
    shown("delete", &mut dashboard, 6);
    assert!(keys(&mut dashboard, "eu-2<enter>", 7).is_empty(), "another name");
    keys(&mut dashboard, "<c-u>", 7);
    let effects = keys(&mut dashboard, "eu-1<enter>", 8);
    assert!(
        matches!(&effects[..], [Effect::Act { act: Act::Delete(target), .. }] if target.uid == "eu-1"),
        "{effects:?}"
    );
    // A name that is pasted was not typed.
    keys(&mut dashboard, "D", 9);
    dashboard.update(Input::Paste("eu-1".to_owned()), at(10));
    assert!(keys(&mut dashboard, "<enter>", 10).is_empty());
}

#[test]
fn what_is_marked_and_hidden_is_told_and_left_alone() {
    let mut dashboard = filled();
    keys(&mut dashboard, "  W", 5);
    keys(&mut dashboard, "/eu-2<enter>D", 6);
    let seen = text(&dashboard, 7);
    assert!(seen.contains("eu-2 in pay") && !seen.contains("eu-1 in pay"), "{seen}");
    assert!(seen.contains("1 of them are marked and hidden"), "{seen}");
    keys(&mut dashboard, "<esc>/<c-u>us-2<enter>", 8);
    assert!(keys(&mut dashboard, "D", 8).is_empty());
    let seen = text(&dashboard, 8);
    assert!(seen.contains("what is marked is hidden by the filter"), "{seen}");
}

#[test]
fn the_palette_finds_and_says_why_not() {
    let mut dashboard = filled();
    keys(&mut dashboard, "xupgr", 5);
    shown("palette", &mut dashboard, 5);
    assert!(keys(&mut dashboard, "<enter>", 6).is_empty());
    assert!(
        text(&dashboard, 6).contains("upgrade"),
        "what is disabled stays where it is"
    );
    keys(&mut dashboard, "<esc>W:upgr<enter>", 7);
    assert!(
        text(&dashboard, 7).contains("To which release"),
        "{}",
        text(&dashboard, 7)
    );
}

#[test]
fn a_filter_sorts_and_freezes() {
    let mut dashboard = filled();
    keys(&mut dashboard, "/phase!=ready<enter>", 5);
    assert!(
        text(&dashboard, 5).contains("Clusters 3 of 4"),
        "{}",
        text(&dashboard, 5)
    );
    keys(&mut dashboard, "/", 5);
    assert_eq!(dashboard.typing(), Typing::Text);
    keys(&mut dashboard, "<esc>", 5);
    keys(&mut dashboard, "Sjjjj<enter>", 6);
    assert!(text(&dashboard, 6).contains("by NODES"), "{}", text(&dashboard, 6));
    keys(&mut dashboard, "p", 7);
    list(
        &mut dashboard,
        Kind::Clusters,
        vec![cluster("new", "Ready", State::Good, (1, 1), None)],
        8,
    );
    let held = text(&dashboard, 8);
    assert!(
        held.contains("held") && held.contains("us-1") && !held.contains("new"),
        "{held}"
    );
    keys(&mut dashboard, "p", 9);
    assert!(text(&dashboard, 9).contains("new"));
    let labels = keys(&mut dashboard, "/-l tier=gold <enter>", 10);
    assert!(
        labels
            .iter()
            .any(|effect| matches!(effect, Effect::Follow { labels: Some(labels), .. } if labels == "tier=gold"))
    );
}

#[test]
fn what_cannot_be_reached_says_so_and_is_tried_again() {
    let (mut dashboard, _) = Dashboard::new("butlerctl", at(0));
    let away = Board::Away {
        error: "cannot connect to 10.0.0.1:6443: connection refused".to_owned(),
        hint: Some("is it the right address?".to_owned()),
    };
    dashboard.update(Input::Board(away), at(1));
    shown("away", &mut dashboard, 1);
    assert!(matches!(keys(&mut dashboard, "r", 2)[..], [Effect::Reach]));
}

#[test]
fn what_is_stale_keeps_its_rows_and_says_since_when() {
    let mut dashboard = filled();
    let stale = Board::List {
        kind: Kind::Clusters,
        part: 0,
        parts: 1,
        news: News::Stale("connection refused".to_owned()),
    };
    dashboard.update(Input::Board(stale), at(30));
    let seen = text(&dashboard, 60);
    assert!(seen.contains("stale since 60s") && seen.contains("eu-2"), "{seen}");
}

#[test]
fn a_list_that_nobody_looks_at_ends_after_five_minutes() {
    let mut dashboard = filled();
    keys(&mut dashboard, "3", 10);
    assert!(dashboard.update(Input::Tick, at(200)).is_empty());
    let effects = dashboard.update(Input::Tick, at(320));
    assert!(matches!(effects[..], [Effect::Unfollow(Kind::Clusters)]), "{effects:?}");
    let effects = keys(&mut dashboard, "1", 321);
    assert!(
        matches!(
            effects[..],
            [Effect::Follow {
                kind: Kind::Clusters,
                ..
            }]
        ),
        "{effects:?}"
    );
}

#[test]
fn the_questions_of_a_new_cluster_lead_to_one_and_back() {
    let mut dashboard = filled();
    assert!(matches!(keys(&mut dashboard, "Wn", 5)[..], [Effect::Prepare]));
    let interview = Interview::new(Wanted::default(), Facts::default(), vec!["eu-1".to_owned()]);
    dashboard.update(Input::Board(Board::Prepared(Box::new(interview))), at(6));
    keys(&mut dashboard, "eu-1<enter>", 7);
    assert!(
        text(&dashboard, 7).contains("there is a cluster eu-1 already"),
        "{}",
        text(&dashboard, 7)
    );
    keys(&mut dashboard, "<c-u>web<enter>", 8);
    shown("create", &mut dashboard, 8);
    keys(&mut dashboard, "<esc>", 9);
    assert!(text(&dashboard, 9).contains("Name of the new cluster"));
    keys(&mut dashboard, "web<enter>", 10);
    let mut effects = Vec::new();
    for _ in 0..10 {
        effects = keys(&mut dashboard, "<enter>", 11);
        if !effects.is_empty() {
            break;
        }
    }
    assert!(
        matches!(&effects[..], [Effect::Act { act: Act::Create(wanted), command }]
            if wanted.name == "web" && command.starts_with("butlerctl cluster create --name web ") && command.ends_with(" --namespace pay")),
        "{effects:?}"
    );
}

#[test]
fn a_team_member_is_offered_nothing_of_an_operator() {
    let mut dashboard = reached("butlerctl");
    assert!(keys(&mut dashboard, "0R", 5).is_empty());
    keys(&mut dashboard, "x", 5);
    assert!(!text(&dashboard, 5).contains("butleradm"), "{}", text(&dashboard, 5));
    let mut operator = reached("butleradm");
    assert!(matches!(keys(&mut operator, "0", 5)[..], [Effect::Bootstrap]));
}

#[test]
fn names_from_elsewhere_take_one_row_and_command_nothing() {
    let long = "x".repeat(1 << 20);
    let names = [
        "\u{1b}[2J\u{1b}]0;owned\u{7}",
        "a\nb\r\nc",
        "\u{202e}txt.exe",
        "e\u{301}\u{301}\u{301}\u{301}",
        "世界世界世界世界世界世界世界世界世界世界",
        "👩\u{200d}👩\u{200d}👧\u{fe0f}",
        long.as_str(),
    ];
    let rows = names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            row(
                &at.to_string(),
                name,
                State::Bad,
                vec![Cell::Text((*name).into()); 6],
                Some(name),
            )
        })
        .collect();
    let mut dashboard = reached("butleradm");
    list(&mut dashboard, Kind::Clusters, rows, 0);
    for (columns, rows) in [(80, 24), (160, 50)] {
        dashboard.update(Input::Resize(columns, rows), at(1));
        let picture = render(&dashboard, columns, rows, Look::default(), at(1));
        let seen = picture.text();
        assert!(
            !seen.contains('\u{1b}') && !seen.contains('\u{202e}') && !seen.contains('\u{7}'),
            "{seen}"
        );
        assert_eq!(picture.defects(), Vec::<String>::new());
    }
}

/// Sizes where rooms begin and end: the whole sweep is for one state of the screen.
fn small(dashboard: &Dashboard) {
    for columns in (0..130).step_by(3) {
        for rows in 0..30 {
            render(dashboard, columns, rows, Look::default(), at(5));
        }
    }
}

#[test]
fn every_size_and_look_is_drawn() {
    let mut dashboard = filled();
    sweep(&dashboard, Look::default(), at(5));
    keys(&mut dashboard, "x", 5);
    small(&dashboard);
    keys(&mut dashboard, "<esc>5", 5);
    small(&dashboard);
    let look = Look {
        palette: Palette::Mono,
        ascii: true,
    };
    let seen = render(&dashboard, 80, 24, look, at(5)).text();
    assert!(seen.is_ascii(), "{seen}");
}

proptest! {
    /// Whatever is pressed, nothing panics, and nothing that changes a cluster is wanted without leave.
    #[test]
    fn any_keys_are_survived(script in "[a-zA-Z0-9 /:!=<>+?-]{0,60}") {
        let mut dashboard = filled();
        let script = script.replace('<', "<lt>").replace('W', "");
        let effects = keys(&mut dashboard, &script, 5);
        let changes = effects.iter().any(|effect| matches!(effect, Effect::Act { act, .. } if !matches!(act, Act::Kubeconfig(..))));
        prop_assert!(!changes);
        render(&dashboard, 80, 24, Look::default(), at(6));
    }
}

#[test]
fn how_the_management_cluster_does() {
    let mut dashboard = filled();
    assert!(matches!(keys(&mut dashboard, "7", 5)[..], [Effect::Examine]));
    assert!(text(&dashboard, 5).contains("examining"));
    let seen: Sight = Sight::default();
    dashboard.update(Input::Board(Board::Health(Ok(health::examine(&seen, at(5))))), at(6));
    shown("health", &mut dashboard, 6);
    dashboard.update(
        Input::Board(Board::Health(Err("connection refused".to_owned()))),
        at(60),
    );
    assert!(
        text(&dashboard, 66).contains("stale since 60s"),
        "{}",
        text(&dashboard, 66)
    );
    assert!(matches!(keys(&mut dashboard, "r", 70)[..], [Effect::Examine]));
    keys(&mut dashboard, "1", 71);
    let left = dashboard.update(Input::Tick, at(400));
    assert!(matches!(left[..], [Effect::LeaveHealth]), "{left:?}");
}

#[test]
fn a_range_is_marked_from_the_last_mark_to_the_selected_row() {
    let mut dashboard = filled();
    keys(&mut dashboard, "V", 5);
    let seen = text(&dashboard, 5);
    assert!(seen.contains("space marks one") && !seen.contains("1 marked"), "{seen}");
    keys(&mut dashboard, "j jV", 5);
    let seen = text(&dashboard, 5);
    assert!(seen.contains("3 marked"), "{seen}");
    // Backwards as well; and only what the filter shows.
    keys(&mut dashboard, "<esc>/us<enter>", 6);
    keys(&mut dashboard, "G kV", 6);
    assert!(text(&dashboard, 6).contains("2 marked"), "{}", text(&dashboard, 6));
}

#[test]
fn somebody_goes_to_another_management_cluster_and_may_change_nothing_there_yet() {
    let mut dashboard = filled();
    keys(&mut dashboard, "W2", 5);
    assert!(matches!(&keys(&mut dashboard, "M", 5)[..], [Effect::Places]));
    assert!(text(&dashboard, 5).contains("looking up"), "{}", text(&dashboard, 5));
    let place = |to: Elsewhere, name: &str, about: &str, is_here| Choice {
        to,
        name: name.to_owned(),
        about: about.to_owned(),
        is_here,
    };
    let lab = Elsewhere::Kubeconfig("/home/anna/lab-kubeconfig".into());
    let places = vec![
        place(
            Elsewhere::Login("https://butler.example.org".to_owned()),
            "https://butler.example.org",
            "login of anna@example.org",
            true,
        ),
        place(lab.clone(), "lab", "made from here", false),
        place(Elsewhere::Team("pay".to_owned()), "pay", "team", true),
    ];
    dashboard.update(Input::Board(Board::Places(Ok(places))), at(6));
    shown("places", &mut dashboard, 6);
    let effects = keys(&mut dashboard, "j<enter>", 7);
    assert!(
        matches!(&effects[..], [Effect::Switch(to), Effect::Reach] if *to == lab),
        "{effects:?}"
    );
    let seen = text(&dashboard, 7);
    assert!(
        !seen.contains("WRITE") && !seen.contains("eu-1") && seen.contains("▸2 Addons"),
        "{seen}"
    );
    // What was still on its way from the other one is of a list that nobody knows.
    list(&mut dashboard, Kind::Clusters, clusters(), 8);
    keys(&mut dashboard, "1", 8);
    assert!(!text(&dashboard, 8).contains("eu-1"), "{}", text(&dashboard, 8));
}

fn edited(draft: &Path) -> Edited {
    let object = json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster",
        "metadata": {"name": "eu-1", "namespace": "pay", "uid": "eu-1"},
        "spec": {"kubernetesVersion": "v1.33.1", "workers": {"replicas": 3, "machineTemplate": {"cpu": 1, "memory": "1Gi", "diskSize": "10Gi"}}},
    });
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    let text = edit::document(&object).unwrap().replace("replicas: 3", "replicas: 5");
    Edited {
        target: Target {
            namespace: "pay".to_owned(),
            name: "eu-1".to_owned(),
            uid: "eu-1".to_owned(),
        },
        edit: edit::read_edit(&object, &text).unwrap().unwrap(),
        found: Arc::new(Found {
            namespace: "pay".to_owned(),
            name: "eu-1".to_owned(),
            object,
        }),
        lines: ["@@ -9 +9 @@", "   workers:", "-    replicas: 3", "+    replicas: 5"]
            .map(str::to_owned)
            .to_vec(),
        draft: Draft::write(draft, "pay-eu-1.yaml", &text).unwrap(),
    }
}

#[test]
fn an_edit_is_shown_before_it_is_sent_and_its_text_is_never_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut dashboard = filled();
    assert!(keys(&mut dashboard, "e", 5).is_empty());
    assert!(text(&dashboard, 5).contains("read-only"), "{}", text(&dashboard, 5));
    assert!(matches!(&keys(&mut dashboard, "We", 5)[..], [Effect::Edit(target)] if target.name == "eu-1"));
    let edited = Box::new(edited(folder.path()));
    let board = || Input::Board(Board::Edited(edited.clone()));
    dashboard.update(board(), at(6));
    assert!(
        keys(&mut dashboard, "<enter>", 6).is_empty(),
        "it was meant for the editor"
    );
    shown("edited", &mut dashboard, 7);
    let again = keys(&mut dashboard, "e", 7);
    assert!(
        matches!(&again[..], [Effect::EditAgain(of)] if *of == edited),
        "{again:?}"
    );
    dashboard.update(board(), at(8));
    assert!(keys(&mut dashboard, "<esc>", 9).is_empty());
    let seen = text(&dashboard, 9);
    assert!(
        seen.contains("nothing was changed; the edited text is kept in"),
        "{seen}"
    );
    dashboard.update(board(), at(10));
    let sent = keys(&mut dashboard, "<enter>", 11);
    assert!(
        matches!(&sent[..], [Effect::Act { act: Act::Edit(of), command }]
            if *of == edited && command == "butlerctl cluster edit eu-1 --namespace pay"),
        "{sent:?}"
    );
    // Several clusters are no one's text.
    keys(&mut dashboard, "  ", 12);
    assert!(keys(&mut dashboard, "e", 12).is_empty());
    assert!(
        text(&dashboard, 12).contains("one cluster is edited at a time"),
        "{}",
        text(&dashboard, 12)
    );
}
