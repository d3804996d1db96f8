//! Sessions from the first question to the file.

use std::fs;

use butler_api::config;
use butler_wizard::{
    finding::Severity,
    question::{Origin, Step},
    session::{Facts, Session},
    walk,
};

fn errors(session: &Session) -> Vec<String> {
    let errors = session.findings().into_iter();
    errors
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| format!("{}: {}", finding.path, finding.message))
        .collect()
}

fn sample(name: &str) -> String {
    let path = format!("{}/../../fixtures/configs/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn for_the_simulated_world_nothing_has_to_be_answered() {
    let session = Session::new(Facts::default());
    assert_eq!(errors(&session), [] as [String; 0]);
    assert!(session.findings().is_empty(), "{:#?}", session.findings());
    assert!(session.steps().iter().all(|step| step.complete));
    assert_eq!(session.cluster().as_deref(), Some("butler"));
    insta::assert_snapshot!(session.file().text());
    let loaded = config::load(&session.file().text(), "x.yaml").unwrap();
    assert!(loaded.warnings.is_empty());
}

#[test]
fn what_a_platform_needs_is_named_with_its_argument() {
    let mut session = Session::new(Facts::default());
    session.answer("provider", "proxmox", Origin::Typed);
    let lacking: Vec<String> = walk::lacking(&session)
        .into_iter()
        .map(|lacking| format!("{} | {}", lacking.message, lacking.argument.as_deref().unwrap_or("")))
        .collect();
    insta::assert_debug_snapshot!(lacking);
}

#[test]
fn every_sample_is_the_same_configuration_after_it_was_opened_and_saved() {
    for name in [
        "inmemory-ha",
        "inmemory-single",
        "proxmox",
        "proxmox-single",
        "static",
        "harvester",
        "nutanix",
        "aws",
        "azure",
        "gcp",
        "local",
    ] {
        let text = sample(name);
        let session = Session::open(&text, name, Facts::default()).unwrap();
        assert_eq!(errors(&session), [] as [String; 0], "{name}\n{}", session.text());
        let (before, after) = (
            config::load(&text, name).unwrap().config,
            config::load(session.text(), name).unwrap().config,
        );
        assert_eq!(before.digest, after.digest, "{name}\n{}", session.text());
        // Saving again changes nothing.
        let again = Session::open(session.text(), name, Facts::default()).unwrap();
        assert_eq!(again.text(), session.text(), "{name}");
    }
}

#[test]
fn steps_are_those_that_have_questions() {
    let session = Session::new(Facts::default());
    let steps: Vec<Step> = session.steps().into_iter().map(|standing| standing.step).collect();
    assert_eq!(
        steps,
        [
            Step::Provider,
            Step::Access,
            Step::Machines,
            Step::Network,
            Step::Addons,
            Step::Review
        ]
    );
}
