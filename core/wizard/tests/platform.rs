//! What the platform is asked, and what becomes of its answers: slow, failing, empty, and long ones.

use std::collections::BTreeMap;

use butler_api::choice::{Choice, ChoiceKind, Query};
use butler_wizard::{
    finding::Severity,
    list::{About, Checked, Heard, State, Verdict, Want},
    question::{Origin, Step},
    session::{Facts, Session},
};
use jiff::Timestamp;
use secrecy::SecretString;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const ENDPOINT: &str = "providerConfig.proxmox.endpoint";
const PASSWORD: &str = "providerConfig.proxmox.password";
const NODES: &str = "providerConfig.proxmox.nodes";
const STORAGE: &str = "providerConfig.proxmox.storage";
const BRIDGE: &str = "providerConfig.proxmox.bridge";

fn choice(kind: ChoiceKind, id: &str, parent: Option<&str>, facts: &[(&'static str, &str)]) -> Choice {
    Choice {
        kind,
        id: id.to_owned(),
        name: id.to_owned(),
        parent: parent.map(str::to_owned),
        facts: facts
            .iter()
            .map(|(key, value)| (*key, (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        unusable: None,
    }
}

fn node(id: &str, free: &str) -> Choice {
    choice(
        ChoiceKind::Node,
        id,
        None,
        &[("cpus", "32"), ("memory", "128 GiB"), ("free", free)],
    )
}

fn storage(id: &str, node: &str, content: &str, free: &str) -> Choice {
    choice(
        ChoiceKind::Storage,
        id,
        Some(node),
        &[("content", content), ("free", free)],
    )
}

/// A session that knows whom to ask.
fn described() -> Session {
    let mut session = Session::new(Facts {
        variables: vec!["PROXMOX_TOKEN_SECRET".to_owned()],
        ..Facts::default()
    });
    session.answer("provider", "proxmox", Origin::Typed);
    session.answer(ENDPOINT, "https://pve.example.org:8006", Origin::Typed);
    session.answer("providerConfig.proxmox.username", "butler@pve!bootstrap", Origin::Typed);
    session
}

fn list(session: &Session, kind: ChoiceKind) -> Want {
    Want {
        platform: session.access().expect("the platform is described").platform,
        about: About::List(Query::all(kind)),
    }
}

fn pass() -> Heard {
    Heard::Checks(vec![Checked {
        verdict: Verdict::Pass,
        summary: "it answers".to_owned(),
        hint: None,
    }])
}

/// The same, and it may be asked.
fn entered() -> Session {
    let mut session = described();
    let access = session.access().expect("it may be asked");
    session.hear(&access, Heard::Asked, NOW);
    session.hear(&access, pass(), NOW);
    session
}

fn hear(session: &mut Session, kind: ChoiceKind, items: Vec<Choice>) {
    let want = list(session, kind);
    session.hear(&want, Heard::Asked, NOW);
    session.hear(&want, Heard::More(items), NOW);
    session.hear(&want, Heard::End, NOW);
}

fn messages(session: &Session, path: &str) -> Vec<String> {
    let findings = session.findings().into_iter();
    findings
        .filter(|finding| finding.path == path)
        .map(|finding| format!("{:?}: {}", finding.severity, finding.message))
        .collect()
}

#[test]
fn the_platform_is_asked_as_soon_as_it_is_described_and_for_lists_when_it_lets_us_in() {
    let mut session = Session::new(Facts::default());
    session.answer("provider", "proxmox", Origin::Typed);
    assert_eq!(session.wants(), []);
    session.answer(ENDPOINT, "https://pve.example.org:8006", Origin::Typed);
    session.answer("providerConfig.proxmox.username", "root@pam", Origin::Typed);
    assert_eq!(session.wants(), [], "without a password nobody is asked");
    session.type_secret(PASSWORD, SecretString::from("hunter2"));
    let wants = session.wants();
    assert_eq!(
        wants.iter().map(|want| &want.about).collect::<Vec<_>>(),
        [&About::Access]
    );
    let platform = session.platform().unwrap();
    let butler_api::config::Provider::Proxmox(settings) = platform else {
        panic!()
    };
    assert!(settings.nodes.is_empty() && settings.storage.is_empty());

    session.hear(&wants[0], Heard::Asked, NOW);
    assert_eq!(session.wants(), [], "a wrong password is not tried for each list");
    assert!(
        session
            .steps()
            .iter()
            .any(|step| step.step == Step::Access && step.loading)
    );
    session.hear(&wants[0], pass(), NOW);
    assert_eq!(session.checks().len(), 1);
    let wants = session.wants();
    for kind in [
        ChoiceKind::Node,
        ChoiceKind::Storage,
        ChoiceKind::Network,
        ChoiceKind::Pool,
    ] {
        assert!(wants.contains(&list(&session, kind)), "{kind:?}");
    }
    for want in wants {
        session.hear(&want, Heard::Asked, NOW);
    }
    assert_eq!(session.wants(), [], "nothing is asked twice");
}

#[test]
fn what_nothing_else_fits_is_taken() {
    let mut session = entered();
    hear(
        &mut session,
        ChoiceKind::Node,
        vec![node("pve1", "100 GiB"), node("pve2", "90 GiB")],
    );
    assert_eq!(session.value(NODES).as_deref(), Some("pve1, pve2"));
    assert_eq!(
        session.question(NODES).unwrap().answer.unwrap().origin,
        Origin::Discovered
    );
    let storages = ["pve1", "pve2"].into_iter().flat_map(|node| {
        [
            storage("local", node, "iso,import", "20 GiB"),
            storage("zfs", node, "images", "900 GiB"),
        ]
    });
    let mut storages: Vec<Choice> = storages.collect();
    storages.push(storage("only-here", "pve1", "images", "1 TiB"));
    hear(&mut session, ChoiceKind::Storage, storages);
    assert_eq!(session.value(STORAGE).as_deref(), Some("zfs"));
    let offers: Vec<(String, Option<String>)> = session
        .offers(STORAGE)
        .into_iter()
        .map(|offer| (offer.id, offer.unusable))
        .collect();
    assert_eq!(
        offers,
        [
            ("zfs".to_owned(), None),
            ("local".to_owned(), Some("it holds no disks".to_owned())),
            ("only-here".to_owned(), Some("pve2 does not have it".to_owned())),
        ]
    );
    // What stands in the file anyway is not taken from elsewhere, unless the platform does not have it.
    hear(
        &mut session,
        ChoiceKind::Network,
        vec![choice(ChoiceKind::Network, "vmbr7", Some("pve1"), &[])],
    );
    assert_eq!(
        session.value(BRIDGE).as_deref(),
        Some("vmbr0"),
        "only one node has the other"
    );
    session.answer(NODES, "pve1", Origin::Chosen);
    let want = list(&session, ChoiceKind::Network);
    session.hear(&want, Heard::End, NOW);
    assert_eq!(session.value(BRIDGE).as_deref(), Some("vmbr7"));
    assert!(session.text().contains("bridge: vmbr7"));
    assert!(!session.draft().contains("vmbr7"), "it is found again");
}

#[test]
fn other_credentials_are_another_platform_and_the_first_is_not_forgotten() {
    let mut session = entered();
    hear(&mut session, ChoiceKind::Node, vec![node("pve1", "100 GiB")]);
    let first = list(&session, ChoiceKind::Node);
    assert_eq!(session.value(NODES).as_deref(), Some("pve1"));
    session.type_secret(PASSWORD, SecretString::from("another"));
    let second = session.access().unwrap();
    assert_ne!(first.platform, second.platform);
    assert_eq!(session.wants(), std::slice::from_ref(&second), "it is asked anew");
    assert_eq!(session.value(NODES), None, "what another one offered is gone");
    assert!(session.checks().is_empty());
    // A late answer to the old question changes nothing here.
    session.hear(&first, Heard::More(vec![node("pve9", "1 GiB")]), NOW);
    assert_eq!(session.value(NODES), None);
    session.type_secret(PASSWORD, SecretString::from("another again"));
    assert_ne!(
        session.access().unwrap(),
        second,
        "the same variable with another secret is another login"
    );
    session.answer(PASSWORD, "", Origin::Typed);
    assert_eq!(list(&session, ChoiceKind::Node), first, "the first is known still");
    assert!(matches!(session.list(&first), State::Loading { so_far, .. } if so_far.len() == 1));
}

#[test]
fn a_dead_list_costs_one_field() {
    let mut session = entered();
    let want = list(&session, ChoiceKind::Node);
    session.hear(&want, Heard::Asked, NOW);
    session.hear(&want, Heard::More(vec![node("pve1", "100 GiB")]), NOW);
    let (error, hint) = ("403 Forbidden".to_owned(), None);
    session.hear(&want, Heard::Failed { error, hint }, NOW);
    assert!(matches!(session.list(&want), State::Failed { items, .. } if items.len() == 1));
    assert_eq!(session.offers(NODES).len(), 1, "what had come stays usable");
    assert_eq!(session.value(NODES), None, "half a list proves nothing");
    session.answer(NODES, "pve1, pve5", Origin::Typed);
    assert_eq!(
        messages(&session, NODES),
        ["Note: node pve5 is not confirmed by the platform"]
    );
    session.ask_again(&want);
    assert!(session.wants().contains(&want));
    hear(&mut session, ChoiceKind::Node, vec![node("pve1", "100 GiB")]);
    assert_eq!(messages(&session, NODES), ["Warning: the platform lists no node pve5"]);
}

#[test]
fn a_platform_that_refuses_is_told_in_its_own_words_and_asked_nothing_more() {
    let mut session = described();
    let access = session.access().expect("it may be asked");
    let (error, hint) = ("401 no such user".to_owned(), Some("check the realm".to_owned()));
    session.hear(&access, Heard::Failed { error, hint }, NOW);
    assert_eq!(session.wants(), []);
    assert_eq!(messages(&session, ENDPOINT), ["Warning: 401 no such user"]);
    session.ask_again(&access);
    assert_eq!(session.wants(), [access]);
    assert_eq!(messages(&session, ENDPOINT), [] as [String; 0]);
}

#[test]
fn empty_and_very_long_lists_are_lists() {
    let mut session = entered();
    hear(&mut session, ChoiceKind::Pool, Vec::new());
    assert!(session.offers("providerConfig.proxmox.pool").is_empty());
    let nodes: Vec<Choice> = (0..5000).map(|i| node(&format!("pve{i}"), "64 GiB")).collect();
    hear(&mut session, ChoiceKind::Node, nodes);
    assert_eq!(session.offers(NODES).len(), 5000);
    assert_eq!(session.room().free_memory_mb, Some(5000 * 64 * 1024));
}

#[test]
fn room_is_compared_with_what_the_machines_take() {
    let mut session = entered();
    hear(
        &mut session,
        ChoiceKind::Node,
        vec![node("pve1", "40 GiB"), node("pve2", "60 GiB")],
    );
    hear(
        &mut session,
        ChoiceKind::Storage,
        ["pve1", "pve2"]
            .map(|node| storage("zfs", node, "images", "500 GiB"))
            .to_vec(),
    );
    let room = session.room();
    assert_eq!(room.cpu, Some(64));
    assert_eq!(room.free_memory_mb, Some(100 * 1024));
    assert_eq!(room.free_disk_gb, Some(1000));
    assert_eq!(room.largest, Some(("pve2".to_owned(), 60 * 1024)));
    // 3 of 8 GiB and 3 of 16 GiB do not fit into 40 GiB.
    assert_eq!(room.survives_loss, Some(false));
    session.answer("cluster.workers.memoryMB", "65536", Origin::Typed);
    let found = messages(&session, "cluster.workers.memoryMB");
    assert!(found.iter().any(|text| text.contains("are free")), "{found:?}");
    assert!(found.iter().any(|text| text.contains("pve2 has most")), "{found:?}");
    assert!(
        session
            .findings()
            .iter()
            .all(|finding| { finding.path != "cluster.workers.memoryMB" || finding.severity < Severity::Error })
    );
}

#[test]
fn platforms_that_nobody_here_speaks_to_are_asked_nothing_and_say_so() {
    let mut session = Session::new(Facts::default());
    session.answer("provider", "nutanix", Origin::Typed);
    session.answer(
        "providerConfig.nutanix.endpoint",
        "https://prism.example.org",
        Origin::Typed,
    );
    session.answer("providerConfig.nutanix.username", "admin", Origin::Typed);
    session.answer("providerConfig.nutanix.password", "env:X", Origin::Typed);
    assert_eq!(session.wants(), []);
    assert!(
        session
            .question("providerConfig.nutanix.subnetUUID")
            .unwrap()
            .list
            .is_none()
    );
    assert!(
        messages(&session, "provider")
            .iter()
            .any(|text| text.starts_with("Warning: this release"))
    );
}

#[test]
fn the_simulated_world_waits_for_nothing_it_is_asked() {
    let mut session = Session::new(Facts::default());
    assert!(session.is_complete());
    let wants = session.wants();
    assert_eq!(wants.len(), 1);
    let (error, hint) = ("it is not running".to_owned(), None);
    session.hear(&wants[0], Heard::Failed { error, hint }, NOW);
    assert!(session.is_complete());
    assert!(
        session
            .findings()
            .iter()
            .all(|finding| finding.severity == Severity::Note)
    );
}
