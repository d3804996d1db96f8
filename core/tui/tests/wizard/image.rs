//! The image of the machines, which the platform brings while one goes on.

use butler_tui::{
    effect::Effect,
    input::{Done, Input},
    screen::Screen as _,
    wizard::Wizard,
};
use butler_wizard::{
    list::{Heard, Want},
    question::{Origin, Step},
};

use crate::help::{PROXMOX, after, answer, fresh, hear, keys, opened, words};

/// A wizard whose answers decide the image.
fn decided() -> Wizard {
    let text = format!("{PROXMOX}    nodes: [pve1, pve2]\n    storage: local-zfs\n");
    let mut wizard = opened(&text);
    let effects = wizard.update(Input::Tick, after(0));
    answer(&mut wizard, effects);
    at(&mut wizard, Step::Resources);
    wizard
}

fn at(wizard: &mut Wizard, step: Step) {
    while wizard.step() != step {
        let key = if wizard.step() < step { "<c-n>" } else { "<c-p>" };
        keys(wizard, key);
    }
}

/// The image that is asked for.
fn asked(effects: Vec<Effect>) -> Option<Want> {
    let want = |effect| match effect {
        Effect::Bring { want, wished } => {
            assert_eq!(wished.image.cluster, "demo");
            assert_eq!(wished.image.talos.to_string(), "1.12.1");
            Some(want)
        }
        _ => None,
    };
    effects.into_iter().find_map(want)
}

fn brings(words: &str) -> Heard {
    Heard::Brings {
        words: words.to_owned(),
        hint: None,
    }
}

#[test]
fn the_image_is_brought_while_one_goes_on() {
    let mut wizard = decided();
    insta::assert_snapshot!("an image that nobody asked for", words(&wizard));
    let want = asked(keys(&mut wizard, "<c-b>")).unwrap();
    assert!(wizard.has_clock());
    let news = "Talos 1.12.1 (37656798), 95 MiB, is being fetched by node pve1 (42 %) and node pve2 (57 %)";
    hear(&mut wizard, &want, brings(news));
    insta::assert_snapshot!("an image that is coming", words(&wizard));
    // It is asked for once.
    assert_eq!(asked(keys(&mut wizard, "<c-b>")), None);
    at(&mut wizard, Step::Network);
    assert!(words(&wizard).contains("image 42 %"), "{}", words(&wizard));
    at(&mut wizard, Step::Review);
    assert!(
        words(&wizard).contains("is being fetched by node pve1"),
        "{}",
        words(&wizard)
    );
    let name = "local:import/butler_demo_7d2c_talos-1.12.1_376567988ad3_nocloud-amd64.qcow2";
    hear(&mut wizard, &want, Heard::There { name: name.to_owned() });
    insta::assert_snapshot!("an image that is there, on the review", words(&wizard));
    at(&mut wizard, Step::Resources);
    insta::assert_snapshot!("an image that is there", words(&wizard));
    assert_eq!(asked(keys(&mut wizard, "<c-b>")), None);
}

#[test]
fn an_image_that_failed_says_why_and_is_asked_for_again() {
    let mut wizard = decided();
    let want = asked(keys(&mut wizard, "<c-b>")).unwrap();
    let failed = Heard::Failed {
        error: "proxmox: bring image: 403 Permission check failed (/storage/local, Datastore.AllocateTemplate)"
            .to_owned(),
        hint: Some("give the token the role ButlerAdmin on /storage".to_owned()),
    };
    hear(&mut wizard, &want, failed);
    insta::assert_snapshot!("an image that failed", words(&wizard));
    assert_eq!(asked(keys(&mut wizard, "<c-b>")), Some(want));
    assert!(!words(&wizard).contains("AllocateTemplate"), "{}", words(&wizard));
}

#[test]
fn another_image_is_not_taken_for_the_one_that_was_asked_for() {
    let mut wizard = decided();
    let old = asked(keys(&mut wizard, "<c-b>")).unwrap();
    // Where it is used changes nothing about it.
    let is_forget = |effect: &Effect| matches!(effect, Effect::Forget(want) if *want == old);
    let mut effects = Vec::new();
    while wizard.focused() != Some("providerConfig.proxmox.bridge") {
        effects.extend(keys(&mut wizard, "<down>"));
    }
    effects.extend(keys(&mut wizard, "<c-t><c-u>vmbr1<enter>"));
    assert!(!effects.iter().any(is_forget), "{effects:?}");
    at(&mut wizard, Step::Machines);
    while wizard.focused() != Some("talos.version") {
        keys(&mut wizard, "<down>");
    }
    let effects = keys(&mut wizard, "<c-u>v1.12.0<enter>");
    assert!(effects.iter().any(is_forget), "{effects:?}");
    hear(&mut wizard, &old, Heard::There { name: "old".to_owned() });
    at(&mut wizard, Step::Review);
    let shown = words(&wizard);
    assert!(shown.contains("^B") && !shown.contains("there: old"), "{shown}");
    let version = wizard.session().question("talos.version").unwrap();
    assert_eq!(version.answer.unwrap().origin, Origin::Typed);
}

#[test]
fn a_run_that_begins_goes_on_with_what_is_on_its_way() {
    let mut wizard = decided();
    let want = asked(keys(&mut wizard, "<c-b>")).unwrap();
    let cluster = "demo".to_owned();
    let effects = wizard.update(Input::Done(Done::Launched { cluster }), after(3));
    let is_forget = |effect: &Effect| matches!(effect, Effect::Forget(forgotten) if *forgotten == want);
    assert!(effects.iter().any(is_forget), "{effects:?}");
}

#[test]
fn without_an_image_to_bring_nothing_is_asked_for() {
    let mut wizard = fresh();
    at(&mut wizard, Step::Machines);
    assert_eq!(asked(keys(&mut wizard, "<c-b>")), None);
    assert!(words(&wizard).contains("no image is brought"), "{}", words(&wizard));
    // What decides it is not answered yet.
    let mut wizard = opened(PROXMOX);
    at(&mut wizard, Step::Resources);
    assert_eq!(asked(keys(&mut wizard, "<c-b>")), None);
    assert!(words(&wizard).contains("the image is known once"), "{}", words(&wizard));
}
