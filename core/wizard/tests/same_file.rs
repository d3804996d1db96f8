//! The same answers make the same file, whichever way they are given: to a session, in a conversation, or as a file.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use butler_api::config;
use butler_wizard::{
    linear::{Linear, Next},
    list::Heard,
    question::{Kind, Origin, Question, Step},
    session::{Facts, Session},
    walk::{self, Walk},
};
use jiff::Timestamp;
use proptest::prelude::*;

const PROVIDERS: [&str; 9] = [
    "inmemory",
    "proxmox",
    "static",
    "harvester",
    "nutanix",
    "aws",
    "azure",
    "gcp",
    "local",
];

const TEXTS: [&str; 24] = [
    "demo",
    "192.0.2.10",
    "192.0.2.100",
    "192.0.2.150",
    "10.200.0.0/16",
    "v1.12.1",
    "https://pve.example.org:8006",
    "butler@pve!bootstrap",
    "default/vlan40",
    "/dev/sda",
    "~/.kube/config",
    "00061663-9fa0-28ca-185b-ac1f6b6f97e2",
    "vpc-0a1b2c3d",
    "*.k8s.example.org",
    "yes",
    "null",
    "010",
    "1e3",
    "a: b # c",
    "'\"{[",
    "- x",
    "ähnlich\u{200b}",
    "a  b",
    "env:NAME",
];

/// A number that depends on the question and the case alone.
fn roll(case: u64, path: &str, salt: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    (case, path, salt).hash(&mut hasher);
    usize::try_from(hasher.finish() >> 1).unwrap_or(0)
}

/// An answer, valid or not; none where it is left as it is.
fn reply(case: u64, question: &Question, provider: &str) -> Option<String> {
    let path = question.path.as_str();
    if path == "provider" {
        return Some(provider.to_owned());
    }
    let roll = |salt: &str| roll(case, path, salt);
    if roll("leave").is_multiple_of(3) {
        return None;
    }
    let text = || TEXTS[roll("text") % TEXTS.len()].to_owned();
    Some(match &question.kind {
        Kind::Text => text(),
        Kind::Number { .. } if path.ends_with("replicas") => ["0", "1", "3", "4", "5"][roll("count") % 5].to_owned(),
        Kind::Number { min, max, .. } => match roll("number") % 6 {
            0 => text(),
            1 => max.saturating_add(1).to_string(),
            n => (min + i64::try_from(n).unwrap_or(0)).to_string(),
        },
        Kind::Choice(words) => words[roll("word") % words.len()].value.clone(),
        Kind::Flag => ["yes", "no", "true", "off", "maybe"][roll("flag") % 5].to_owned(),
        Kind::Texts => {
            let all: Vec<&str> = (0..=roll("count") % 3)
                .map(|i| TEXTS[self::roll(case, path, &i.to_string()) % TEXTS.len()])
                .collect();
            all.join(", ")
        }
        Kind::Secret => [
            "env:NAME",
            "file:~/secret",
            "exec:pass show 'a b'",
            "keyring:pve/root@pam",
        ][roll("secret") % 4]
            .to_owned(),
    })
}

fn thorough() -> Walk {
    let mut walk = Walk::default();
    for step in Step::ALL {
        walk.be_thorough(step);
    }
    walk
}

/// Every question in order, and every one that an answer brings.
fn answered(case: u64, provider: &str) -> (Session, Vec<(String, String)>) {
    let mut session = Session::new(Facts::default());
    let mut walk = thorough();
    let mut script = Vec::new();
    while let Some(question) = walk.next(&session) {
        if let Some(text) = reply(case, &question, provider) {
            session.answer(&question.path, &text, Origin::Typed);
            script.push((question.path.clone(), text));
        }
        walk.pass(&question.path);
    }
    (session, script)
}

/// The same as a conversation.
fn told(script: &[(String, String)]) -> Session {
    let mut talk = Linear::new(Session::new(Facts::default()));
    let mut last = String::new();
    for _ in 0..10_000 {
        match talk.upcoming() {
            Next::Over => return talk.into_session(),
            Next::Hidden { .. } => panic!("no secret is typed here"),
            Next::Platform(want) => {
                let (error, hint) = ("it is not there".to_owned(), None);
                talk.hear(&want, Heard::Failed { error, hint }, Timestamp::UNIX_EPOCH);
            }
            Next::Ask(line) => match line.path {
                None if line.words.contains("usually left alone") => drop(talk.reply("yes")),
                None => drop(talk.reply("no")),
                // What is wrong, or missing, is meant so.
                Some(path) if path == last => drop(talk.reply("!")),
                Some(path) => {
                    let answer = script.iter().find(|(asked, _)| *asked == path);
                    talk.reply(answer.map_or("", |(_, text)| text));
                    last = path;
                }
            },
        }
    }
    panic!("the conversation does not end")
}

fn digest(text: &str) -> Option<String> {
    config::load(text, "x.yaml").ok().map(|loaded| loaded.config.digest)
}

/// The answers of a case in every way to give them.
fn the_same(case: u64, provider: &str) -> Result<(), TestCaseError> {
    let (session, script) = answered(case, provider);
    let text = session.text().to_owned();
    // All at once, in the opposite order.
    let mut backwards = Session::new(Facts::default());
    for (path, answer) in script.iter().rev() {
        backwards.answer(path, answer, Origin::Chosen);
    }
    prop_assert_eq!(backwards.text(), &text);
    // As a file, and as a draft.
    let opened = Session::open(&text, "x.yaml", Facts::default());
    let opened = opened.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
    prop_assert_eq!(opened.text(), &text);
    for draft in [session.draft(), opened.draft()] {
        let resumed = Session::resume(&draft, Facts::default()).map_err(TestCaseError::fail)?;
        prop_assert_eq!(resumed.text(), &text);
    }
    // In a conversation.
    let told = told(&script);
    prop_assert_eq!(told.text(), &text);
    prop_assert_eq!(digest(told.text()), digest(&text));
    // What is called complete is a configuration, and the other way round.
    let is_valid = config::load(&text, "x.yaml").is_ok();
    prop_assert_eq!(session.is_complete(), is_valid, "{}\n{:#?}", text, session.findings());
    prop_assert_eq!(walk::lacking(&session).is_empty(), session.is_complete());
    Ok(())
}

proptest! {
    // Each case goes through a hundred questions four times on nine platforms.
    #![proptest_config(ProptestConfig { cases: 2, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_answers_make_the_same_file(case in any::<u64>()) {
        for provider in PROVIDERS {
            the_same(case, provider)?;
        }
    }
}
