//! Lists of a platform that fail, are slow, are empty, or long.

use butler_api::choice::ChoiceKind;
use butler_tui::{input::Input, screen::Screen as _, wizard::Wizard};
use butler_wizard::{
    list::{About, Heard, Want},
    question::{Origin, Step},
};

use crate::help::{PROXMOX, after, choice, hear, keys, opened, wants, words};

const STORAGE: &str = "providerConfig.proxmox.storage";

/// The wizard on the question of the storage, whose list is being asked.
fn asked() -> (Wizard, Want) {
    let mut wizard = opened(PROXMOX);
    let mut asked = wants(&wizard.update(Input::Tick, after(0)));
    // The access and the nodes are asked for first.
    let storage = loop {
        if let Some(storage) = asked.iter().find(|want| is(want, ChoiceKind::Storage)) {
            break storage.clone();
        }
        let mut more = Vec::new();
        for want in asked {
            if is(&want, ChoiceKind::Node) {
                let node = choice(ChoiceKind::Node, "pve1", None, &[]);
                more.extend(wants(&hear(&mut wizard, &want, Heard::More(vec![node]))));
            }
            more.extend(wants(&hear(&mut wizard, &want, Heard::End)));
        }
        assert!(!more.is_empty(), "the storages are never asked for");
        asked = more;
    };
    while wizard.step() != Step::Resources {
        keys(&mut wizard, "<c-n>");
    }
    while wizard.focused() != Some(STORAGE) {
        keys(&mut wizard, "<down>");
    }
    (wizard, storage)
}

fn is(want: &Want, kind: ChoiceKind) -> bool {
    matches!(&want.about, About::List(query) if query.kind == kind)
}

fn storages(count: usize) -> Vec<butler_api::choice::Choice> {
    let facts = [("content", "images"), ("free", "100 GiB")];
    let one = |number: usize| choice(ChoiceKind::Storage, &format!("store-{number:04}"), Some("pve1"), &facts);
    (0..count).map(one).collect()
}

#[test]
fn a_list_that_fails_costs_one_field() {
    let (mut wizard, storage) = asked();
    let failed = Heard::Failed {
        error: "403 Forbidden: Permission check failed (/storage, Datastore.Audit)".to_owned(),
        hint: Some("give the token the role PVEDatastoreAdmin on /storage".to_owned()),
    };
    hear(&mut wizard, &storage, failed);
    let shown = words(&wizard);
    assert!(
        shown.contains("Datastore.Audit") && shown.contains("list failed"),
        "{shown}"
    );
    insta::assert_snapshot!("a list that failed", shown);
    // It is typed, without being asked to.
    keys(&mut wizard, "local-zfs<enter>");
    let question = wizard.session().question(STORAGE).unwrap();
    let answer = question.answer.unwrap();
    assert_eq!((answer.text.as_str(), answer.origin), ("local-zfs", Origin::Typed));
    // And can be asked again.
    keys(&mut wizard, "<up>");
    let again = wants(&keys(&mut wizard, "<c-r>"));
    assert!(again.contains(&storage), "{again:?}");
}

#[test]
fn a_list_that_is_slow_shows_what_has_come() {
    let (mut wizard, storage) = asked();
    assert!(wizard.has_clock());
    let shown = words(&wizard);
    assert!(shown.contains("asking"), "{shown}");
    hear(&mut wizard, &storage, Heard::More(storages(3)));
    keys(&mut wizard, "<space>");
    keys(&mut wizard, "<down>");
    insta::assert_snapshot!("a list that is slow", words(&wizard));
    // What arrives later moves nothing under the marker.
    let more = choice(ChoiceKind::Storage, "aaa", Some("pve1"), &[("content", "images")]);
    hear(&mut wizard, &storage, Heard::More(vec![more]));
    hear(&mut wizard, &storage, Heard::End);
    keys(&mut wizard, "<enter>");
    assert_eq!(wizard.session().value(STORAGE).as_deref(), Some("store-0001"));
}

#[test]
fn a_list_without_anything_is_told_and_typed_over() {
    let (mut wizard, storage) = asked();
    hear(&mut wizard, &storage, Heard::End);
    let shown = words(&wizard);
    assert!(shown.contains("there is none"), "{shown}");
    keys(&mut wizard, "nfs<enter>");
    assert_eq!(wizard.session().value(STORAGE).as_deref(), Some("nfs"));
}

#[test]
fn a_list_of_thousands_is_found_in_by_typing() {
    let (mut wizard, storage) = asked();
    hear(&mut wizard, &storage, Heard::More(storages(5000)));
    hear(&mut wizard, &storage, Heard::End);
    keys(&mut wizard, "4321");
    insta::assert_snapshot!("a list of thousands", words(&wizard));
    keys(&mut wizard, "<enter>");
    assert_eq!(wizard.session().value(STORAGE).as_deref(), Some("store-4321"));
    keys(&mut wizard, "<up>");
    keys(&mut wizard, "zzz");
    assert!(words(&wizard).contains("nothing fits"), "{}", words(&wizard));
    keys(&mut wizard, "<c-t><enter>");
    assert_eq!(wizard.session().value(STORAGE).as_deref(), Some("zzz"));
}

#[test]
fn what_is_typed_is_not_taken_away_by_a_list_that_comes() {
    let mut wizard = opened(PROXMOX);
    while wizard.step() != Step::Resources {
        keys(&mut wizard, "<c-n>");
    }
    let asked = wants(&wizard.update(Input::Tick, after(0)));
    while wizard.focused() != Some(STORAGE) {
        keys(&mut wizard, "<down>");
    }
    keys(&mut wizard, "<c-t>fast");
    for want in asked.iter().filter(|want| is(want, ChoiceKind::Node)) {
        hear(&mut wizard, want, Heard::End);
    }
    keys(&mut wizard, "er");
    assert_eq!(wizard.session().value(STORAGE).as_deref(), Some("faster"));
}
