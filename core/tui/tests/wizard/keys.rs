//! What keys do.

use butler_tui::{
    effect::Effect,
    input::{Done, Input},
    screen::{Screen as _, Typing},
    wizard::Wizard,
};
use butler_wizard::{
    question::{Origin, Step},
    session::Session,
};

use crate::help::{PROXMOX, after, answer, fresh, keys, opened, wants, with_draft, words};

/// Goes to a step.
fn at(wizard: &mut Wizard, step: Step) {
    for _ in 0..8 {
        if wizard.step() == step {
            return;
        }
        keys(wizard, "<c-n>");
    }
    panic!("there is no step {step:?}: {}", words(wizard));
}

/// Goes to the question of a setting of the step.
fn on(wizard: &mut Wizard, path: &str) {
    keys(wizard, &"<up>".repeat(40));
    for _ in 0..60 {
        if wizard.focused() == Some(path) {
            return;
        }
        keys(wizard, "<tab>");
    }
    panic!("no question {path}: {}", words(wizard));
}

fn is_launch(effect: &Effect) -> bool {
    matches!(effect, Effect::Launch { .. })
}

fn text(session: &Session, path: &str) -> Option<(String, Origin)> {
    let answer = session.question(path)?.answer?;
    Some((answer.text, answer.origin))
}

#[test]
fn enter_alone_leads_from_the_first_screen_to_the_launch() {
    let mut wizard = fresh();
    assert!(words(&wizard).contains("bootstrap"));
    for presses in 1.. {
        let effects = keys(&mut wizard, "<enter>");
        if let Some(Effect::Launch {
            cluster,
            path,
            text,
            replace,
            ..
        }) = effects.into_iter().find(is_launch)
        {
            assert_eq!(
                (cluster.as_str(), path.as_str(), replace),
                ("butler", "./butler.yaml", false)
            );
            assert_eq!(text, wizard.session().text());
            break;
        }
        assert!(
            presses < 60,
            "no launch after {presses} times enter: {}",
            words(&wizard)
        );
    }
    assert!(words(&wizard).contains("starting the run"), "{}", words(&wizard));
    // Whoever goes on pressing it launches once.
    assert!(!keys(&mut wizard, "<enter><enter><enter>").iter().any(is_launch));
    let saved = Done::Saved {
        path: "./butler.yaml".to_owned(),
    };
    wizard.update(Input::Done(saved), after(3));
    assert!(!keys(&mut wizard, "<enter><enter>").iter().any(is_launch));
}

#[test]
fn a_launch_that_fails_says_why_and_keeps_every_answer() {
    let mut wizard = fresh();
    for _ in 0..60 {
        if keys(&mut wizard, "<enter>").iter().any(is_launch) {
            break;
        }
    }
    let file = wizard.session().file();
    let failed = Done::Failed {
        what: "start the run".to_owned(),
        error: "the folder /home/anna/.butler cannot be written: read-only file system".to_owned(),
        hint: Some("set BUTLER_HOME to a folder of yours".to_owned()),
    };
    wizard.update(Input::Done(failed), after(3));
    let shown = words(&wizard);
    assert!(
        shown.contains("read-only file system") && shown.contains("set BUTLER_HOME"),
        "{shown}"
    );
    keys(&mut wizard, "<esc>");
    assert_eq!(wizard.session().file(), file);
    // It can be tried again.
    assert!(keys(&mut wizard, "<enter><enter>").iter().any(is_launch));
}

#[test]
fn a_file_that_is_there_is_not_replaced_unasked() {
    let mut wizard = fresh();
    while !keys(&mut wizard, "<enter>").iter().any(is_launch) {}
    let taken = Done::Taken {
        path: "./butler.yaml".to_owned(),
    };
    wizard.update(Input::Done(taken), after(3));
    assert!(
        words(&wizard).contains("./butler.yaml is there already"),
        "{}",
        words(&wizard)
    );
    let launched = |effects: Vec<Effect>| match effects.into_iter().find(is_launch) {
        Some(Effect::Launch { path, replace, .. }) => (path, replace),
        _ => panic!("no launch"),
    };
    let mut other = fresh();
    while !keys(&mut other, "<enter>").iter().any(is_launch) {}
    let taken = Done::Taken {
        path: "./butler.yaml".to_owned(),
    };
    other.update(Input::Done(taken), after(3));
    assert_eq!(
        launched(keys(&mut wizard, "<enter>")),
        ("./butler-2.yaml".to_owned(), false)
    );
    assert_eq!(launched(keys(&mut other, "r")), ("./butler.yaml".to_owned(), true));
}

#[test]
fn enter_on_the_last_step_goes_to_the_first_error() {
    let mut wizard = opened("provider: proxmox\ncluster: {name: demo}\n");
    at(&mut wizard, Step::Review);
    let effects = keys(&mut wizard, "<enter>");
    assert!(!effects.iter().any(is_launch));
    assert_ne!(wizard.step(), Step::Review);
    let path = wizard.focused().unwrap();
    let finding = wizard.session().question(path).unwrap().finding;
    assert!(finding.is_some(), "{path} has no finding");
}

#[test]
fn what_is_typed_takes_the_place_of_what_was_usual() {
    let mut wizard = fresh();
    at(&mut wizard, Step::Machines);
    on(&mut wizard, "cluster.name");
    keys(&mut wizard, "prod-1");
    assert_eq!(wizard.session().cluster().as_deref(), Some("prod-1"));
    on(&mut wizard, "cluster.workers.replicas");
    keys(&mut wizard, "5<tab>");
    assert_eq!(
        text(wizard.session(), "cluster.workers.replicas"),
        Some(("5".to_owned(), Origin::Typed))
    );
    on(&mut wizard, "cluster.workers.replicas");
    keys(&mut wizard, "+");
    assert_eq!(wizard.session().value("cluster.workers.replicas").as_deref(), Some("6"));
    // What was typed before is edited where one moves into it.
    on(&mut wizard, "cluster.name");
    keys(&mut wizard, "<end><bs>2");
    assert_eq!(wizard.session().cluster().as_deref(), Some("prod-2"));
    // An emptied field takes the answer back.
    keys(&mut wizard, "<c-u>");
    assert_eq!(text(wizard.session(), "cluster.name"), None);
}

#[test]
fn machines_are_a_table() {
    let mut wizard = fresh();
    at(&mut wizard, Step::Machines);
    on(&mut wizard, "cluster.controlPlane.memoryMB");
    keys(&mut wizard, "<down>");
    assert_eq!(wizard.focused(), Some("cluster.workers.memoryMB"));
    keys(&mut wizard, "<up>");
    assert_eq!(wizard.focused(), Some("cluster.controlPlane.memoryMB"));
    // Where there is no room for one, they stand below each other.
    wizard.update(Input::Resize(40, 24), after(1));
    keys(&mut wizard, "<down>");
    assert_eq!(wizard.focused(), Some("cluster.controlPlane.diskGB"));
}

#[test]
fn a_paste_fills_a_field_and_presses_nothing() {
    let mut wizard = fresh();
    at(&mut wizard, Step::Machines);
    on(&mut wizard, "cluster.name");
    wizard.update(Input::Paste("  pasted\r\nrm -rf /\r\n".to_owned()), after(1));
    assert_eq!(wizard.session().cluster().as_deref(), Some("pasted"));
    assert_eq!(wizard.focused(), Some("cluster.name"));
    let before = wizard.session().draft();
    at(&mut wizard, Step::Review);
    wizard.update(Input::Paste("\r\n\r\n".to_owned()), after(1));
    assert_eq!(wizard.step(), Step::Review);
    assert_eq!(wizard.session().draft(), before);
}

#[test]
fn letters_go_into_fields_and_keys_stay_keys() {
    let mut wizard = fresh();
    assert_eq!(wizard.typing(), Typing::Keys);
    at(&mut wizard, Step::Machines);
    on(&mut wizard, "cluster.name");
    assert_eq!(wizard.typing(), Typing::Text);
    keys(&mut wizard, "q?/o1");
    assert!(words(&wizard).contains("q?/o1"), "{}", words(&wizard));
    assert_eq!(wizard.step(), Step::Machines);
}

#[test]
fn the_draft_is_kept_when_a_field_is_left_and_not_before() {
    let mut wizard = fresh();
    at(&mut wizard, Step::Machines);
    on(&mut wizard, "cluster.name");
    let saves = |effects: &[Effect]| {
        effects
            .iter()
            .filter(|effect| matches!(effect, Effect::SaveDraft(_)))
            .count()
    };
    assert_eq!(saves(&keys(&mut wizard, "abc")), 0);
    assert_eq!(saves(&keys(&mut wizard, "<down>")), 1);
    assert_eq!(saves(&keys(&mut wizard, "<down>")), 0);
}

#[test]
fn what_was_launched_is_no_draft_any_more() {
    let mut wizard = fresh();
    at(&mut wizard, Step::Machines);
    on(&mut wizard, "cluster.name");
    keys(&mut wizard, "abc");
    while !keys(&mut wizard, "<enter>").iter().any(is_launch) {}
    let launched = Done::Launched {
        cluster: "abc".to_owned(),
    };
    let effects = wizard.update(Input::Done(launched), after(3));
    assert!(matches!(effects[..], [Effect::DropDraft]), "{effects:?}");
}

#[test]
fn the_platform_is_not_asked_while_its_address_is_typed() {
    let mut wizard = opened(PROXMOX);
    // The first input asks what is described already.
    let effects = wizard.update(Input::Tick, after(0));
    assert!(!wants(&effects).is_empty());
    at(&mut wizard, Step::Access);
    on(&mut wizard, "providerConfig.proxmox.endpoint");
    let effects = keys(&mut wizard, "https://other:8006");
    assert!(wants(&effects).is_empty());
    let effects = keys(&mut wizard, "<enter>");
    assert!(!wants(&effects).is_empty());
}

#[test]
fn a_typed_secret_is_never_seen_again() {
    let canary = "Zk9canary7";
    let mut wizard = opened(PROXMOX);
    at(&mut wizard, Step::Access);
    on(&mut wizard, "providerConfig.proxmox.password");
    let mut effects = keys(&mut wizard, "<c-t><c-t>");
    while wizard.typing() != Typing::Secret {
        effects.extend(keys(&mut wizard, "<c-t>"));
    }
    effects.extend(keys(&mut wizard, canary));
    assert!(!words(&wizard).contains(canary));
    assert!(!format!("{wizard:?}").contains(canary));
    effects.extend(keys(&mut wizard, "<enter>"));
    assert_eq!(wizard.session().secrets().len(), 1);
    at(&mut wizard, Step::Access);
    assert!(words(&wizard).contains("in memory, typed"), "{}", words(&wizard));
    assert!(!words(&wizard).contains(canary));
    assert!(!format!("{wizard:?} {effects:?}").contains(canary));
    assert!(!wizard.session().draft().contains(canary) && !wizard.session().text().contains(canary));
    // Another source forgets what was typed.
    on(&mut wizard, "providerConfig.proxmox.password");
    keys(&mut wizard, "<c-t>~/token<enter>");
    assert_eq!(
        text(wizard.session(), "providerConfig.proxmox.password")
            .map(|(text, _)| text)
            .as_deref(),
        Some("file:~/token")
    );
}

#[test]
fn a_choice_is_made_from_the_list() {
    let mut wizard = opened(PROXMOX);
    let effects = wizard.update(Input::Tick, after(0));
    answer(&mut wizard, effects);
    at(&mut wizard, Step::Resources);
    on(&mut wizard, "providerConfig.proxmox.storage");
    // Typing opens the list and finds; what cannot be used cannot be taken.
    keys(&mut wizard, "ceph");
    assert!(words(&wizard).contains("4 TiB"), "{}", words(&wizard));
    keys(&mut wizard, "<enter>");
    let storage = "providerConfig.proxmox.storage";
    assert_eq!(
        text(wizard.session(), storage),
        Some(("ceph".to_owned(), Origin::Chosen))
    );
    on(&mut wizard, storage);
    keys(&mut wizard, "<space>");
    keys(&mut wizard, "<end><enter>");
    assert!(words(&wizard).contains("cannot be used"), "{}", words(&wizard));
    assert_eq!(
        text(wizard.session(), storage),
        Some(("ceph".to_owned(), Origin::Chosen))
    );
    // What no list has is typed.
    keys(&mut wizard, "<esc><c-t>nfs-fast<enter>");
    assert_eq!(
        text(wizard.session(), storage),
        Some(("nfs-fast".to_owned(), Origin::Typed))
    );
}

#[test]
fn several_are_marked() {
    let mut wizard = opened(PROXMOX);
    let effects = wizard.update(Input::Tick, after(0));
    answer(&mut wizard, effects);
    at(&mut wizard, Step::Resources);
    let nodes = "providerConfig.proxmox.nodes";
    on(&mut wizard, nodes);
    // Both were found; one of them is taken away.
    keys(&mut wizard, "<space><home><space><enter>");
    assert_eq!(text(wizard.session(), nodes), Some(("pve2".to_owned(), Origin::Chosen)));
}

#[test]
fn leaving_asks_only_where_something_would_be_lost() {
    let leaves = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::Leave { .. }));
    let mut wizard = fresh();
    assert!(leaves(&keys(&mut wizard, "<c-c>")));

    let mut wizard = fresh();
    at(&mut wizard, Step::Machines);
    on(&mut wizard, "cluster.name");
    keys(&mut wizard, "abc");
    assert!(!leaves(&keys(&mut wizard, "<c-c>")));
    assert!(words(&wizard).contains("keep the draft"), "{}", words(&wizard));
    // A key that is held does not answer.
    assert!(!leaves(&keys(&mut wizard, "<enter>")));
    let later = |wizard: &mut Wizard, script| butler_tui::snapshot::type_keys_at(wizard, script, after(9));
    let effects = later(&mut wizard, "<enter>");
    assert!(leaves(&effects));
    assert!(matches!(&effects[0], Effect::SaveDraft(_)));

    keys(&mut wizard, "<c-c>");
    let effects = later(&mut wizard, "t");
    assert!(leaves(&effects) && matches!(&effects[0], Effect::DropDraft));
}

#[test]
fn a_draft_is_continued_and_a_configuration_opened() {
    let draft = opened(PROXMOX).session().draft();
    let mut wizard = with_draft(draft);
    assert!(words(&wizard).contains("demo on proxmox"), "{}", words(&wizard));
    keys(&mut wizard, "d");
    assert_eq!(wizard.session().cluster().as_deref(), Some("demo"));

    let mut wizard = fresh();
    let effects = keys(&mut wizard, "o./demo.yaml<enter>");
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::OpenFile { path } if path == "./demo.yaml"))
    );
    let opened = Done::Opened {
        path: "./demo.yaml".to_owned(),
        text: PROXMOX.to_owned(),
    };
    wizard.update(Input::Done(opened), after(2));
    assert_eq!(wizard.session().cluster().as_deref(), Some("demo"));
    at(&mut wizard, Step::Machines);
    on(&mut wizard, "cluster.name");
    keys(&mut wizard, "other");
    at(&mut wizard, Step::Review);
    keys(&mut wizard, "<tab><tab>");
    let shown = words(&wizard);
    assert!(
        shown.contains("-   name: demo") && shown.contains("+   name: other"),
        "{shown}"
    );
}

#[test]
fn the_file_is_saved_at_any_step() {
    let mut wizard = fresh();
    at(&mut wizard, Step::Network);
    let effects = keys(&mut wizard, "<c-s><c-u>/tmp/mine.yaml<enter>");
    let text = wizard.session().text().to_owned();
    assert!(effects.iter().any(|effect| matches!(
        effect,
        Effect::SaveFile { path, text: written, replace: false } if path == "/tmp/mine.yaml" && *written == text
    )));
    let saved = Done::Saved {
        path: "/tmp/mine.yaml".to_owned(),
    };
    wizard.update(Input::Done(saved), after(2));
    assert!(words(&wizard).contains("written: /tmp/mine.yaml"), "{}", words(&wizard));
    assert_eq!(wizard.step(), Step::Network);
}

#[test]
fn a_conflict_shows_while_typing_and_is_mended_by_a_key() {
    let mut wizard = fresh();
    at(&mut wizard, Step::Network);
    on(&mut wizard, "network.vip");
    let start = wizard.session().value("network.loadBalancerPool.start").unwrap();
    keys(&mut wizard, &start);
    let shown = words(&wizard);
    assert!(shown.contains("error") && shown.contains('X'), "{shown}");
    keys(&mut wizard, "<c-f>");
    let question = wizard.session().question("network.vip").unwrap();
    assert!(question.finding.is_none(), "{:?}", question.finding);
}

#[test]
fn steps_are_reached_by_number_and_back() {
    let mut wizard = fresh();
    keys(&mut wizard, "<a-4>");
    let step = wizard.step();
    keys(&mut wizard, "<c-p>");
    assert!(wizard.step() < step);
    keys(&mut wizard, "<a-9>");
    assert!(words(&wizard).contains("there is no step 9"), "{}", words(&wizard));
}
