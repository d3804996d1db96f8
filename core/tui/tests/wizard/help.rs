//! What the tests of the wizard share.

use std::{collections::BTreeMap, time::Duration};

use butler_api::choice::{Choice, ChoiceKind};
use butler_tui::{
    effect::Effect,
    input::Input,
    look::Look,
    screen::Screen as _,
    snapshot::{render, type_keys_at},
    wizard::{Draft, Start, Wizard},
};
use butler_wizard::{
    list::{About, Checked, Heard, Verdict, Want},
    session::{Facts, Session},
};
use jiff::{SignedDuration, Timestamp};

/// The moment at which nothing has happened yet.
pub(crate) fn start() -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(500_000)
}

/// So many seconds later.
pub(crate) fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

/// The wizard over a session.
pub(crate) fn over(session: Session) -> Wizard {
    Wizard::new(Start {
        session,
        facts: Facts::default(),
        draft: None,
        opened: None,
        usual: BTreeMap::from([("inmemory".to_owned(), (Duration::from_secs(61), 4))]),
    })
}

/// The wizard with nothing answered.
pub(crate) fn fresh() -> Wizard {
    over(Session::new(Facts::default()))
}

/// The wizard with nothing answered, and a draft of yesterday.
pub(crate) fn with_draft(text: String) -> Wizard {
    Wizard::new(Start {
        session: Session::new(Facts::default()),
        facts: Facts::default(),
        draft: Some(Draft {
            about: "demo on proxmox".to_owned(),
            kept: start() - SignedDuration::from_hours(20),
            text,
        }),
        opened: None,
        usual: BTreeMap::new(),
    })
}

/// A configuration for Proxmox VE that lacks what lists offer.
pub(crate) const PROXMOX: &str = "\
provider: proxmox
cluster: {name: demo}
network:
  vip: 192.0.2.10
  loadBalancerPool: {start: 192.0.2.100, end: 192.0.2.150}
providerConfig:
  proxmox:
    endpoint: https://pve.example.org:8006
    username: butler@pve!bootstrap
    password: {env: PROXMOX_TOKEN_SECRET}
";

/// The wizard over a configuration.
pub(crate) fn opened(text: &str) -> Wizard {
    over(Session::open(text, "demo.yaml", Facts::default()).unwrap())
}

/// Types keys at a moment.
pub(crate) fn keys(wizard: &mut Wizard, script: &str) -> Vec<Effect> {
    type_keys_at(wizard, script, after(1))
}

/// What the platform is asked, of what was wanted.
pub(crate) fn wants(effects: &[Effect]) -> Vec<Want> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Ask { want, .. } => Some(want.clone()),
            _ => None,
        })
        .collect()
}

/// Tells what the platform said.
pub(crate) fn hear(wizard: &mut Wizard, want: &Want, heard: Heard) -> Vec<Effect> {
    wizard.update(Input::Heard(Box::new(want.clone()), heard), after(2))
}

/// Answers everything that is asked as a small Proxmox VE cluster does, until nothing more is asked.
pub(crate) fn answer(wizard: &mut Wizard, mut effects: Vec<Effect>) {
    for _ in 0..20 {
        let wants = wants(&effects);
        if wants.is_empty() {
            return;
        }
        effects.clear();
        for want in wants {
            match &want.about {
                About::Access => {
                    effects.extend(hear(wizard, &want, Heard::Checks(checks())));
                    effects.extend(hear(wizard, &want, Heard::End));
                }
                About::Image => panic!("nobody asked for the image"),
                About::List(query) => {
                    let items = offers(query.kind, query.parent.as_deref());
                    effects.extend(hear(wizard, &want, Heard::More(items)));
                    effects.extend(hear(wizard, &want, Heard::End));
                }
            }
        }
    }
    panic!("the wizard never stops asking");
}

fn checks() -> Vec<Checked> {
    let check = |verdict, summary: &str, hint: Option<&str>| Checked {
        verdict,
        summary: summary.to_owned(),
        hint: hint.map(str::to_owned),
    };
    vec![
        check(Verdict::Pass, "pve.example.org answers: Proxmox VE 9.1", None),
        check(Verdict::Pass, "logged in as butler@pve!bootstrap", None),
        check(
            Verdict::Warn,
            "VM.Monitor is missing on /vms: the state of guests cannot be read",
            Some("pveum acl modify /vms --tokens 'butler@pve!bootstrap' --roles ButlerAdmin"),
        ),
    ]
}

/// Something that a platform offers.
pub(crate) fn choice(kind: ChoiceKind, id: &str, parent: Option<&str>, facts: &[(&'static str, &str)]) -> Choice {
    Choice {
        kind,
        id: id.to_owned(),
        name: id.to_owned(),
        parent: parent.map(str::to_owned),
        facts: facts.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        unusable: None,
    }
}

/// What a small cluster offers.
pub(crate) fn offers(kind: ChoiceKind, parent: Option<&str>) -> Vec<Choice> {
    let nodes = ["pve1", "pve2"];
    let per_node = |id: &'static str, facts: &'static [(&'static str, &'static str)]| {
        let nodes = nodes
            .into_iter()
            .filter(move |node| parent.is_none_or(|parent| parent == *node));
        nodes.map(move |node| choice(kind, id, Some(node), facts))
    };
    match kind {
        ChoiceKind::Node => {
            let facts = [
                ("cpus", "16"),
                ("memory", "64 GiB"),
                ("free", "48 GiB"),
                ("status", "online"),
            ];
            let mut all: Vec<Choice> = nodes.iter().map(|node| choice(kind, node, None, &facts)).collect();
            let mut down = choice(kind, "pve3", None, &[("status", "offline")]);
            down.unusable = Some("the node is offline".to_owned());
            all.push(down);
            all
        }
        ChoiceKind::Storage => per_node(
            "local",
            &[("content", "iso,vztmpl,backup"), ("free", "20 GiB"), ("type", "dir")],
        )
        .chain(per_node(
            "local-zfs",
            &[("content", "images,rootdir"), ("free", "800 GiB"), ("type", "zfspool")],
        ))
        .chain(per_node(
            "ceph",
            &[("content", "images"), ("free", "4 TiB"), ("type", "rbd")],
        ))
        .collect(),
        ChoiceKind::Network => per_node("vmbr0", &[("type", "bridge")])
            .chain(per_node("vmbr1", &[("type", "bridge"), ("comment", "storage")]))
            .collect(),
        ChoiceKind::Image => per_node("local:iso/talos-v1.12.1.iso", &[("size", "310 MiB")]).collect(),
        ChoiceKind::Pool => vec![choice(kind, "butler", None, &[])],
        ChoiceKind::Template | ChoiceKind::MachineId => Vec::new(),
    }
}

/// The words of a picture at 80x24.
pub(crate) fn words(wizard: &Wizard) -> String {
    render(wizard, 80, 24, Look::default(), after(5)).text()
}
