use butler_tenancy::live::{Cell, Detail, State};
use proptest::prelude::*;

use super::*;

fn now() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn row(uid: &str, version: u32, phase: &str) -> Row {
    Row {
        uid: uid.into(),
        namespace: Some("pay".into()),
        name: format!("c-{uid}").into(),
        version: version.to_string().into(),
        state: State::Good,
        cells: vec![Cell::Text("pay".into()), Cell::Text(phase.into())],
        why: None,
        detail: Detail::None,
    }
}

fn shown(table: &Table) -> Vec<String> {
    (0..table.len())
        .map(|at| table.row(at).unwrap().name.to_string())
        .collect()
}

fn listed(rows: &[&str]) -> Table {
    let mut table = Table::new(Kind::Clusters);
    table.take(0, 1, News::Listing, now());
    let rows = rows.iter().map(|uid| row(uid, 1, "Ready")).collect();
    table.take(0, 1, News::Rows(rows), now());
    table.take(0, 1, News::Listed, now());
    table
}

#[test]
fn the_selection_stays_on_its_object() {
    let mut table = listed(&["b", "d", "f"]);
    table.select(1);
    assert_eq!(table.selected().unwrap().name.as_ref(), "c-d");
    table.take(
        0,
        1,
        News::Rows(vec![row("a", 2, "Ready"), row("c", 2, "Ready")]),
        now(),
    );
    assert_eq!((table.cursor(), table.selected().unwrap().name.as_ref()), (3, "c-d"));
    table.set_sort(None, now());
    assert_eq!(table.selected().unwrap().name.as_ref(), "c-d");
    // What is gone gives its place to a neighbour.
    table.take(0, 1, News::Gone(vec!["d".into()]), now());
    assert!(table.selected().is_some());
}

#[test]
fn what_a_new_list_does_not_show_is_gone_and_marks_with_it() {
    let mut table = listed(&["a", "b", "c"]);
    table.select(0);
    table.mark();
    table.mark();
    assert_eq!(table.marked(now()).0.len(), 2);
    table.take(0, 1, News::Listing, now());
    table.take(0, 1, News::Rows(vec![row("b", 9, "Ready")]), now());
    assert_eq!(table.total(), 3, "until the list is complete the old rows stay");
    table.take(0, 1, News::Listed, now());
    assert_eq!(shown(&table), ["c-b"]);
    assert_eq!(table.marked(now()).0.len(), 1);
}

#[test]
fn parts_of_a_list_do_not_sweep_each_other() {
    let mut table = Table::new(Kind::Clusters);
    for (part, uid) in [(0, "a"), (1, "b")] {
        table.take(part, 2, News::Listing, now());
        table.take(part, 2, News::Rows(vec![row(uid, 1, "Ready")]), now());
        table.take(part, 2, News::Listed, now());
    }
    assert_eq!(*table.freshness(), Freshness::Live);
    table.take(1, 2, News::Listing, now());
    table.take(1, 2, News::Listed, now());
    assert_eq!(shown(&table), ["c-a"]);
}

#[test]
fn hidden_marks_are_counted() {
    let mut table = listed(&["a", "b"]);
    table.select(0);
    table.mark();
    table.set_filter("c-b", now());
    assert_eq!((table.marked(now()).0.len(), table.marked(now()).1), (0, 1));
    assert_eq!(shown(&table), ["c-b"]);
    table.take(0, 1, News::Rows(vec![row("a", 2, "Failed")]), now());
    assert_eq!(shown(&table), ["c-b"], "what the filter hides stays hidden");
}

#[test]
fn what_has_changed_is_fresh_for_a_moment() {
    let mut table = listed(&["a"]);
    assert!(
        !table.is_fresh(table.row(0).unwrap(), now()),
        "what is there at first is no change"
    );
    table.take(0, 1, News::Rows(vec![row("a", 2, "Failed")]), now());
    assert!(table.is_fresh(table.row(0).unwrap(), now()));
    let later = now() + FRESH;
    assert!(!table.is_fresh(table.row(0).unwrap(), later));
}

#[test]
fn what_cannot_be_heard_is_stale_since_it_was_heard_last() {
    let mut table = listed(&["a"]);
    let later = now() + SignedDuration::from_secs(60);
    table.take(0, 1, News::Stale("refused".into()), later);
    assert_eq!(*table.freshness(), Freshness::Stale(now(), "refused".into()));
    assert_eq!(table.total(), 1, "the last rows stay");
    table.take(0, 1, News::Heard, later);
    assert_eq!(*table.freshness(), Freshness::Live);
}

#[derive(Debug, Clone)]
enum Did {
    Put(u8, u8),
    Drop(u8),
    List(Vec<u8>),
    Filter(bool),
    Sort(u8),
    Select(usize),
}

fn did() -> impl Strategy<Value = Did> {
    prop_oneof![
        (0_u8..20, any::<u8>()).prop_map(|(uid, version)| Did::Put(uid, version)),
        (0_u8..20).prop_map(Did::Drop),
        proptest::collection::vec(0_u8..20, 0..20).prop_map(Did::List),
        any::<bool>().prop_map(Did::Filter),
        (0_u8..3).prop_map(Did::Sort),
        (0_usize..25).prop_map(Did::Select),
    ]
}

const PHASES: [&str; 3] = ["Ready", "Failed", "Updating"];

proptest! {
    /// Whatever happens, what is shown is what a list that is made anew would show, in its order, and something is selected.
    #[test]
    fn single_changes_come_to_the_same_as_everything_anew(all in proptest::collection::vec(did(), 1..60)) {
        let mut table = Table::new(Kind::Clusters);
        for did in all {
            let one = |uid: u8, version: u8| row(&uid.to_string(), u32::from(version), PHASES[usize::from(version) % 3]);
            match did {
                Did::Put(uid, version) => table.take(0, 1, News::Rows(vec![one(uid, version)]), now()),
                Did::Drop(uid) => table.take(0, 1, News::Gone(vec![uid.to_string().into()]), now()),
                Did::List(uids) => {
                    table.take(0, 1, News::Listing, now());
                    table.take(0, 1, News::Rows(uids.into_iter().map(|uid| one(uid, 7)).collect()), now());
                    table.take(0, 1, News::Listed, now());
                }
                Did::Filter(on) => { table.set_filter(if on { "phase!=ready" } else { "" }, now()); }
                Did::Sort(column) => table.set_sort(column.checked_sub(1).map(usize::from), now()),
                Did::Select(at) => table.select(at),
            }
            let seen = shown(&table);
            let mut anew = table.clone();
            anew.rebuild(now());
            prop_assert_eq!(&seen, &shown(&anew));
            prop_assert_eq!(table.selected().is_some(), table.len() > 0);
            if let Some(selected) = table.selected() {
                prop_assert_eq!(&table.row(table.cursor()).unwrap().uid, &selected.uid);
            }
            prop_assert!(table.len() <= table.total());
        }
    }
}
