//! Screens with something on them, made from fixed inputs: nothing here asks a clock, a platform or the network.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use butler_api::{
    choice::{Choice, ChoiceKind},
    event::Event,
};
use butler_tui::{
    effect::Effect,
    input::Input,
    live::Live,
    screen::Screen,
    snapshot, still,
    wizard::{Start, Wizard},
};
use butler_wizard::{
    list::{About, Checked, Heard, Verdict, Want},
    session::{Facts, Session},
};
use jiff::{SignedDuration, Timestamp};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The moment at which somebody sits before the wizard.
pub(crate) fn noon() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

/// The wizard at its beginning.
pub(crate) fn blank_wizard() -> Wizard {
    let facts = Facts::default();
    wizard(Session::new(facts.clone()), facts)
}

/// The wizard with the answers of a configuration, on a platform that has answered everything.
pub(crate) fn wizard_on(configuration: &str, platform: &dyn Fn(&Want) -> Vec<Heard>) -> Wizard {
    let path = root().join("fixtures/configs").join(configuration);
    let text = fs::read_to_string(&path).unwrap();
    let facts = Facts {
        variables: vec!["PROXMOX_TOKEN_SECRET".to_owned()],
        ..Facts::default()
    };
    let session = Session::open(&text, configuration, facts.clone()).unwrap();
    let mut wizard = wizard(session, facts);
    answer(&mut wizard, Input::Tick, platform);
    wizard
}

fn wizard(session: Session, facts: Facts) -> Wizard {
    Wizard::new(Start {
        session,
        facts,
        draft: None,
        opened: None,
        usual: BTreeMap::from([("inmemory".to_owned(), (Duration::from_secs(17), 4))]),
    })
}

/// Gives a screen an input, and answers what it asks of its platform until it asks no more.
pub(crate) fn answer(screen: &mut dyn Screen, input: Input, platform: &dyn Fn(&Want) -> Vec<Heard>) {
    let mut effects = screen.update(input, noon());
    while let Some(effect) = effects.pop() {
        if let Effect::Ask { want, .. } = effect {
            for heard in platform(&want) {
                effects.extend(screen.update(Input::Heard(Box::new(want.clone()), heard), noon()));
            }
        }
    }
}

/// Presses keys, and answers what is asked of the platform.
pub(crate) fn press(screen: &mut dyn Screen, script: &str, platform: &dyn Fn(&Want) -> Vec<Heard>) {
    for key in snapshot::keys(script).unwrap() {
        answer(screen, Input::Key(key), platform);
    }
}

/// A Proxmox VE cluster of three nodes.
pub(crate) fn proxmox(want: &Want) -> Vec<Heard> {
    let list = match &want.about {
        About::Access => {
            let checks = [
                "pve.example.org:8006 answers: Proxmox VE 9.0.10",
                "the token butler@pve!bootstrap is valid",
                "it may make, change and delete machines",
                "nodes pve1, pve2 and pve3 are online",
            ];
            let checks = checks.map(|summary| Checked {
                verdict: Verdict::Pass,
                summary: summary.to_owned(),
                hint: None,
            });
            return vec![Heard::Checks(checks.to_vec())];
        }
        About::Image => return Vec::new(),
        About::List(query) => query.kind,
    };
    let of = |node: &str, id: &str, facts: &[(&'static str, &str)]| Choice {
        kind: list,
        id: id.to_owned(),
        name: id.to_owned(),
        parent: (!node.is_empty()).then(|| node.to_owned()),
        facts: facts.iter().map(|(key, value)| (*key, (*value).to_owned())).collect(),
        unusable: None,
    };
    let nodes = ["pve1", "pve2", "pve3"];
    let choices = match list {
        ChoiceKind::Node => nodes
            .map(|node| of("", node, &[("cpus", "32"), ("memory", "256 GiB"), ("free", "190 GiB")]))
            .to_vec(),
        ChoiceKind::Storage => nodes
            .into_iter()
            .flat_map(|node| {
                let local = [("type", "dir"), ("content", "iso,import"), ("free", "80 GiB")];
                let zfs = [("type", "zfspool"), ("content", "images"), ("free", "1.6 TiB")];
                [of(node, "local", &local), of(node, "local-zfs", &zfs)]
            })
            .collect(),
        ChoiceKind::Network => nodes
            .map(|node| {
                of(
                    node,
                    "vmbr0",
                    &[("type", "bridge"), ("cidr", "192.0.2.5/24"), ("vlan", "aware")],
                )
            })
            .to_vec(),
        _ => Vec::new(),
    };
    vec![Heard::More(choices), Heard::End]
}

/// A platform that says nothing.
pub(crate) fn silent(_: &Want) -> Vec<Heard> {
    Vec::new()
}

/// The events of a recorded run of six machines, of which one is slow.
pub(crate) fn recorded() -> Vec<Event> {
    let path = root().join("fixtures/runs/six-machines.ndjson");
    let text = fs::read_to_string(&path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The view of that run so long after its beginning, and that moment.
pub(crate) fn run_after(seconds: i64, size: (u16, u16)) -> (Live, Timestamp) {
    still::of_run(recorded(), Some(SignedDuration::from_secs(seconds)), size)
}
