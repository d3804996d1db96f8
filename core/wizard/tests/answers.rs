//! Answers: opened, set, kept in drafts, secret, in conflict.

use std::fmt::Write as _;

use butler_api::config;
use butler_wizard::{
    addresses::Use,
    finding::Severity,
    linear::{Linear, Next},
    question::{Kind, Origin, Step},
    session::{Facts, Reader, Session},
    split_set, walk,
};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;

const CANARY: &str = "canary-5f1c9";
const PASSWORD: &str = "providerConfig.proxmox.password";

fn errors(session: &Session) -> Vec<String> {
    let errors = session.findings().into_iter();
    errors
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| format!("{}: {}", finding.path, finding.message))
        .collect()
}

fn proxmox() -> Session {
    let mut session = Session::new(Facts::default());
    for (path, text) in [
        ("provider", "proxmox"),
        ("providerConfig.proxmox.endpoint", "https://pve.example.org:8006"),
        ("providerConfig.proxmox.username", "butler@pve!bootstrap"),
        ("providerConfig.proxmox.nodes", "pve1, pve2"),
        ("providerConfig.proxmox.storage", "zfs"),
        ("network.vip", "192.0.2.10"),
        ("network.loadBalancerPool.start", "192.0.2.100"),
        ("network.loadBalancerPool.end", "192.0.2.150"),
    ] {
        session.answer(path, text, Origin::Typed);
    }
    session
}

/// Everything that anybody could see of a session.
fn seen(session: &Session) -> String {
    let shown: Vec<String> = session
        .file()
        .lines
        .iter()
        .map(|line| line.shown().into_owned())
        .collect();
    let questions: Vec<_> = Step::ALL.into_iter().map(|step| session.questions(step)).collect();
    format!(
        "{shown:?}{questions:?}{:?}{:?}{}",
        session.file(),
        session,
        session.draft()
    )
}

#[test]
fn a_typed_secret_is_in_memory_alone() {
    let mut session = proxmox();
    let name = session.type_secret(PASSWORD, SecretString::from(CANARY));
    assert_eq!(name, "BUTLER_PROXMOX_PASSWORD");
    assert_eq!(session.secrets()[&name].expose_secret(), CANARY);
    assert_eq!(errors(&session), [] as [String; 0]);
    assert!(session.text().contains("password: {env: BUTLER_PROXMOX_PASSWORD}"));
    assert!(!seen(&session).contains(CANARY));
    assert!(!session.text().contains(CANARY));
    // A draft remembers that there was one.
    let resumed = Session::resume(&session.draft(), Facts::default()).unwrap();
    assert_eq!(resumed.text(), session.text());
    assert_eq!(
        errors(&resumed),
        [
            "providerConfig.proxmox.password: `providerConfig.proxmox.password` was typed before and is not kept in a draft"
        ]
    );
    let mut resumed = resumed;
    resumed.type_secret(PASSWORD, SecretString::from(CANARY));
    assert_eq!(errors(&resumed), [] as [String; 0]);
}

#[test]
fn a_secret_in_the_place_of_its_source_is_refused_and_kept_nowhere() {
    let mut session = proxmox();
    session.answer(PASSWORD, CANARY, Origin::Typed);
    assert!(!session.text().contains(CANARY));
    assert!(!session.draft().contains(CANARY));
    assert!(errors(&session)[0].contains("does not say where the secret comes from"));
    let error = session.set(PASSWORD, CANARY).unwrap_err();
    assert!(!error.to_string().contains(CANARY), "{error}");
    session.answer(PASSWORD, "env:PROXMOX_TOKEN_SECRET", Origin::Typed);
    assert_eq!(errors(&session), [] as [String; 0]);
    let unset = session
        .findings()
        .into_iter()
        .find(|finding| finding.path == PASSWORD)
        .unwrap();
    assert_eq!(
        unset.message,
        "the environment variable PROXMOX_TOKEN_SECRET is not set here"
    );
}

#[test]
fn clear_text_of_an_opened_configuration_moves_to_memory_and_what_is_not_asked_for_is_hidden() {
    let text = format!(
        "provider: proxmox\nproviderConfig:\n  proxmox:\n    password: {CANARY}\n    endpoint: https://pve\n\
         talos:\n  patches:\n    all:\n      - machine: {{token: {CANARY}}}\n\
         addons:\n  console:\n    auth: {{jwtSecret: {CANARY}}}\n"
    );
    let session = Session::open(&text, "old.yaml", Facts::default()).unwrap();
    assert_eq!(session.secrets()["BUTLER_PROXMOX_PASSWORD"].expose_secret(), CANARY);
    assert!(!seen(&session).contains(CANARY));
    // What is not asked for is in the file as it was.
    assert_eq!(session.text().matches(CANARY).count(), 2);
    let resumed = Session::resume(&session.draft(), Facts::default()).unwrap();
    assert!(!resumed.text().contains(CANARY));
    let lost: Vec<String> = errors(&resumed)
        .into_iter()
        .filter(|text| text.contains("kept in a draft"))
        .collect();
    insta::assert_debug_snapshot!(lost, @r#"
    [
        "providerConfig.proxmox.password: `providerConfig.proxmox.password` was typed before and is not kept in a draft",
        "addons.console.auth.jwtSecret: `addons.console.auth.jwtSecret` may hold a secret and is not kept in a draft",
        "talos.patches.all: `talos.patches.all` may hold a secret and is not kept in a draft",
    ]
    "#);
}

#[test]
fn settings_that_nobody_is_asked_for_survive_comments_do_not() {
    let text = "# mine\nprovider: inmemory\ncluster:\n  name: demo\n  controlPlane: {replicas: 3, cpu: 2, memoryMB: 4096, diskGB: 40, labels: {example.org/a: b}}\n\
                network: {vip: 127.64.255.10, loadBalancerPool: {start: 127.64.254.10, end: 127.64.254.50}}\n\
                deadlines: {boot: 20m}\naddons: {cni: {version: 1.18.4}, gitops: {type: flux}}\n";
    let session = Session::open(text, "mine.yaml", Facts::default()).unwrap();
    assert_eq!(errors(&session), [] as [String; 0], "{}", session.text());
    for kept in ["example.org/a: b", "boot: 20m", "version: 1.18.4", "type: flux"] {
        assert!(session.text().contains(kept), "{kept}\n{}", session.text());
    }
    assert_eq!(session.value("addons.gitOps.enabled").as_deref(), Some("yes"));
    let before = config::load(text, "x").unwrap().config.digest;
    assert_eq!(config::load(session.text(), "x").unwrap().config.digest, before);
    assert!(
        session
            .findings()
            .iter()
            .any(|finding| finding.message == "comments of mine.yaml are not kept")
    );
}

#[test]
fn a_wrong_configuration_opens_and_says_what_is_wrong_where() {
    let text = "provider: proxmoxx\ncluster:\n  name: Demo\n  toplogy: ha\n  controlPlane: {replicas: two}\n";
    let session = Session::open(text, "x.yaml", Facts::default()).unwrap();
    let wrong = errors(&session);
    for part in [
        "provider: `provider` has an unknown value",
        "cluster.toplogy: unknown key",
        "cluster.controlPlane.replicas: ",
    ] {
        assert!(wrong.iter().any(|line| line.starts_with(part)), "{part}\n{wrong:#?}");
    }
    assert!(Session::open("a: [", "x.yaml", Facts::default()).is_err());
}

#[test]
fn values_of_the_command_line_are_answers_or_other_settings() {
    let mut session = Session::new(Facts::default());
    for argument in [
        "cluster.name=demo",
        "deadlines.boot=20m",
        "cluster.workers.labels={example.org/a: b}",
        "talos.timeServers=a, b",
    ] {
        let (path, value) = split_set(argument).unwrap();
        session.set(path, value).unwrap();
    }
    assert_eq!(
        session.question("cluster.name").unwrap().answer.unwrap().origin,
        Origin::Set
    );
    for line in ["boot: 20m", "example.org/a: b", "timeServers: [a, b]"] {
        assert!(session.text().contains(line), "{line}\n{}", session.text());
    }
    assert_eq!(errors(&session), [] as [String; 0]);
    for (argument, error, hint) in [
        (
            "cluster.nmae=x",
            "the configuration has no setting `cluster.nmae`",
            "did you mean cluster.name?",
        ),
        (
            "vip=x",
            "the configuration has no setting `vip`",
            "did you mean network.vip?",
        ),
        ("cluster=x", "`cluster` is a block; set what is in it", ""),
        (
            "addons.console.auth.jwtSecret=x",
            "`addons.console.auth.jwtSecret` is a secret, which does not go onto a command line",
            "say where it comes from: --set addons.console.auth.jwtSecret=env:NAME, file:PATH, exec:COMMAND or keyring:SERVICE/USERNAME",
        ),
    ] {
        let (path, value) = split_set(argument).unwrap();
        let told = session.set(path, value).unwrap_err();
        assert_eq!(
            (told.to_string().as_str(), told.hint().as_deref().unwrap_or("")),
            (error, hint)
        );
    }
    assert!(split_set("cluster.name").is_err());
}

#[test]
fn what_other_answers_leave_no_place_for_is_left_out_and_told() {
    let mut session = Session::new(Facts::default());
    session.set("cluster.workers.replicas", "5").unwrap();
    session.answer("cluster.topology", "single-node", Origin::Typed);
    assert!(!session.text().contains("workers"));
    let told = session.findings();
    assert_eq!(
        told[0].message,
        "`cluster.workers.replicas` does not apply to the other answers and is left out"
    );
    session.answer("cluster.topology", "ha", Origin::Typed);
    assert!(session.text().contains("replicas: 5"), "it is not forgotten");
}

#[test]
fn conflicts_of_addresses_are_drawn_and_can_be_mended() {
    let mut session = proxmox();
    session.answer(PASSWORD, "env:X", Origin::Typed);
    session.answer("network.vip", "192.0.2.140", Origin::Typed);
    let plan = session.addresses().unwrap();
    assert_eq!((plan.first.to_string().as_str(), plan.prefix), ("192.0.2.0", 24));
    assert!(
        plan.ranges
            .iter()
            .any(|taken| taken.purpose == Use::Endpoint && plan.is_in_conflict(taken))
    );
    assert!(plan.marks(64).contains('X'));
    let finding = session
        .findings()
        .into_iter()
        .find(|finding| !finding.fix.is_empty())
        .unwrap();
    assert_eq!(finding.path, "network.vip");
    assert!(
        finding
            .hint
            .as_deref()
            .unwrap()
            .ends_with("192.0.2.100 to 192.0.2.139 are free of conflicts")
    );
    session.fix(&finding);
    assert_eq!(errors(&session), [] as [String; 0]);
    assert_eq!(
        session.value("network.loadBalancerPool.end").as_deref(),
        Some("192.0.2.139")
    );
}

#[test]
fn the_picture_shows_tenants_in_the_node_network_and_others_beside_it() {
    let mut session = proxmox();
    session.answer("providerNetwork.mode", "ipam", Origin::Typed);
    session.answer("networkPool.cidr", "192.0.2.0/24", Origin::Typed);
    session.answer(
        "networkPool.reserved",
        "192.0.2.0/25 ours, 192.0.2.128/26",
        Origin::Typed,
    );
    let tenants: Vec<String> = session
        .addresses()
        .unwrap()
        .ranges
        .iter()
        .filter(|taken| taken.purpose == Use::Tenants)
        .map(|taken| format!("{}-{}", taken.start, taken.end))
        .collect();
    assert_eq!(tenants, ["192.0.2.192-192.0.2.255"]);
    session.answer("networkPool.cidr", "10.9.0.0/16", Origin::Typed);
    let beside = session.addresses().unwrap().beside;
    assert_eq!(beside[0], (Use::Tenants, "10.9.0.0/16".to_owned()));
    assert_eq!(beside.len(), 3);
}

#[test]
fn machines_are_listed_one_by_one_and_their_roles_follow() {
    let mut session = Session::new(Facts::default());
    session.answer("provider", "static", Origin::Typed);
    session.answer("cluster.workers.replicas", "1", Origin::Typed);
    let addresses: Vec<String> = session
        .questions(Step::Machines)
        .into_iter()
        .filter(|question| question.path.ends_with(".address"))
        .map(|question| question.label)
        .collect();
    assert_eq!(addresses, ["address 1", "address 2", "address 3", "address 4"]);
    for i in 0..4 {
        let path = format!("providerConfig.static.machines[{i}].address");
        session.answer(&path, &format!("192.0.2.{}", 11 + i), Origin::Typed);
    }
    session.answer("network.vip", "192.0.2.10", Origin::Typed);
    session.answer("network.loadBalancerPool.start", "192.0.2.100", Origin::Typed);
    session.answer("network.loadBalancerPool.end", "192.0.2.120", Origin::Typed);
    assert_eq!(errors(&session), [] as [String; 0]);
    let roles: Vec<&str> = session
        .text()
        .lines()
        .filter(|line| line.contains("role:"))
        .map(str::trim)
        .collect();
    assert_eq!(
        roles,
        [
            "role: control-plane",
            "role: control-plane",
            "role: control-plane",
            "role: worker"
        ]
    );
    assert_eq!(session.addresses().unwrap().ranges.len(), 6);
}

#[test]
fn a_file_that_is_named_is_read_where_it_can_be() {
    let mut session = proxmox();
    session.answer(PASSWORD, "env:X", Origin::Typed);
    session.answer("providerConfig.proxmox.caFile", "ca.pem", Origin::Typed);
    let notes = session.findings();
    assert!(
        notes
            .iter()
            .any(|finding| finding.severity == Severity::Note && finding.path.ends_with("caFile")),
        "{notes:#?}"
    );
    let reader = Reader(Arc::new(|path: &str| Err(format!("no such file: {path}"))));
    let facts = Facts {
        reader: Some(reader),
        ..Facts::default()
    };
    let session = Session::open(session.text(), "x.yaml", facts).unwrap();
    assert!(
        errors(&session)[0].ends_with("cannot be read: no such file: ca.pem"),
        "{:?}",
        errors(&session)
    );
}

#[test]
fn other_clusters_of_the_home_get_other_names_and_addresses() {
    let facts = Facts {
        clusters: vec!["butler".to_owned(), "butler-2".to_owned()],
        ..Facts::default()
    };
    let session = Session::new(facts);
    assert_eq!(session.cluster().as_deref(), Some("butler-3"));
    assert!(session.text().contains("vip: 127.64.255.12"));
    assert_eq!(errors(&session), [] as [String; 0]);
}

#[test]
fn what_is_missing_is_listed_with_its_argument() {
    let mut session = proxmox();
    session.answer("providerConfig.proxmox.storage", "", Origin::Typed);
    let arguments: Vec<String> = walk::lacking(&session)
        .into_iter()
        .filter_map(|lack| lack.argument)
        .collect();
    assert_eq!(
        arguments,
        [
            "--set providerConfig.proxmox.password=env:NAME",
            "--set providerConfig.proxmox.storage=VALUE",
        ]
    );
}

/// Replies to a conversation until it is over; everything that was said.
fn conversation(talk: &mut Linear, replies: &[&str]) -> String {
    let mut said = String::new();
    let mut replies = replies.iter();
    loop {
        match talk.upcoming() {
            Next::Ask(line) => {
                for before in &line.before {
                    writeln!(said, "{before}").expect("a text takes everything");
                }
                let Some(reply) = replies.next() else { return said };
                let usual = line.usual.as_deref().unwrap_or("");
                writeln!(said, "{} [{usual}]: {reply}", line.words).expect("a text takes everything");
                for line in talk.reply(reply) {
                    writeln!(said, "{line}").expect("a text takes everything");
                }
            }
            Next::Hidden { words } => {
                writeln!(said, "{words}: (hidden)").expect("a text takes everything");
                for line in talk.hidden(SecretString::from(CANARY)) {
                    writeln!(said, "{line}").expect("a text takes everything");
                }
            }
            Next::Platform(want) => {
                let heard = butler_wizard::list::Heard::Failed {
                    error: "no route to host".to_owned(),
                    hint: None,
                };
                for line in talk.hear(&want, heard, jiff::Timestamp::UNIX_EPOCH) {
                    writeln!(said, "{line}").expect("a text takes everything");
                }
            }
            Next::Over => {
                said.push_str("over\n");
                return said;
            }
        }
    }
}

#[test]
fn a_conversation_explains_goes_back_and_refuses_what_is_wrong() {
    let mut talk = Linear::new(Session::new(Facts::default()));
    let said = conversation(
        &mut talk,
        &[
            "?",
            "proxmox",
            "pve.example.org",
            "<",
            "https://pve.example.org:8006",
            "root@pam",
            CANARY,
            "type",
        ],
    );
    assert!(!said.replace(&format!(": {CANARY}\n"), "").contains(CANARY));
    insta::assert_snapshot!(said, @"

    Provider.
      1) inmemory: The simulated world
      2) harvester: Harvester HCI; this release only writes its settings
      3) nutanix: Nutanix Prism Central; this release only writes its settings
      4) proxmox: Proxmox VE
      5) aws: Amazon Web Services; this release only writes its settings
      6) azure: Microsoft Azure; this release only writes its settings
      7) gcp: Google Cloud; this release only writes its settings
      8) local: Containers of docker or podman on this computer; this release only writes its settings
      9) static: Machines that are in Talos maintenance mode already
    Platform: platform [inmemory]: ?
      The platform that carries the machines.
      in the file: provider
      usual: inmemory
      an empty line keeps it, - takes an answer back, < goes back, ! leaves it so
    Platform: platform [inmemory]: proxmox

    Access.
    Platform: URL of the API []: pve.example.org
    Login: user or token id []: <
    Platform: URL of the API [pve.example.org]: https://pve.example.org:8006
    Login: user or token id []: root@pam
      env:NAME, file:PATH, exec:COMMAND or keyring:SERVICE/USERNAME say where it comes from; type asks for it
    Login: password or secret []: canary-5f1c9
      say env:NAME, file:PATH, exec:COMMAND or keyring:SERVICE/USERNAME, or type to write it where it is not shown
    Login: password or secret []: type
    providerConfig.proxmox.password, which is not shown: (hidden)
      the file names the environment variable BUTLER_PROXMOX_PASSWORD for it
    ");
}

#[test]
fn an_empty_line_for_everything_makes_a_cluster_in_the_simulated_world() {
    let mut talk = Linear::new(Session::new(Facts::default()));
    let said = conversation(&mut talk, &[""; 60]);
    assert!(said.ends_with("over\n"), "{said}");
    assert_eq!(talk.session().text(), Session::new(Facts::default()).text());
}

#[test]
fn every_question_says_what_an_answer_looks_like() {
    for provider in [
        "inmemory",
        "proxmox",
        "static",
        "harvester",
        "nutanix",
        "aws",
        "azure",
        "gcp",
        "local",
    ] {
        let mut session = Session::new(Facts::default());
        session.answer("provider", provider, Origin::Typed);
        for question in walk::questions(&session) {
            assert!(!question.help.is_empty(), "{}", question.path);
            assert!(
                !question.label.is_empty() && !question.group.is_empty(),
                "{}",
                question.path
            );
            if let Kind::Choice(words) = &question.kind {
                assert!(words.len() > 1, "{}", question.path);
            }
        }
    }
}
