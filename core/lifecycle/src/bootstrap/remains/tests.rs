//! Which remains of earlier runs can be continued.

use std::{fs, sync::LazyLock};

use butler_engine::{
    StepId,
    journal::{Record, VERSION},
};
use butler_files::home::Home;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::*;
use crate::bootstrap::{Entry, Fact};

static BUNDLE: LazyLock<SecretsBundle> = LazyLock::new(|| SecretsBundle::generate(Timestamp::UNIX_EPOCH).unwrap());

fn config() -> BootstrapConfig {
    crate::samples::shipped("inmemory-ha.yaml")
}

fn files(root: &Path) -> ClusterFolder {
    let files = Home::below(root).cluster("butler-demo");
    fs::create_dir_all(files.path()).unwrap();
    files
}

fn proof(step: StepId, facts: Vec<Fact>) -> Entry {
    Entry::Proof {
        step,
        evidence: "seen".into(),
        facts,
    }
}

fn write_journal(files: &ClusterFolder, entries: Vec<Entry>) {
    let run = Entry::Run {
        cluster: "butler-demo".into(),
        cluster_id: Uuid::from_u128(7),
        digest: "d".into(),
        config: None,
        again: Vec::new(),
        facts: Vec::new(),
        program: "x".into(),
    };
    let lines = std::iter::once(run).chain(entries).zip(1..).map(|(entry, seq)| {
        let record = Record {
            v: VERSION,
            seq,
            time: Timestamp::UNIX_EPOCH,
            run: Uuid::nil(),
            entry,
        };
        serde_json::to_string(&record).unwrap() + "\n"
    });
    fs::write(files.journal(), lines.collect::<String>()).unwrap();
}

/// A machine that was made and is being configured.
fn configuring() -> Vec<Entry> {
    let name = "butler-demo-cp-0".to_owned();
    let address = Fact::Address {
        machine: name.clone(),
        address: "192.0.2.11".into(),
    };
    let ours = Fact::Authority {
        digest: authority(&BUNDLE),
    };
    let intent = Entry::Intent {
        step: steps::configure::id(&name),
        what: String::new(),
        facts: Vec::new(),
    };
    vec![
        proof(steps::secrets::id(), vec![ours]),
        proof(steps::machine::id(&name), vec![address]),
        intent,
    ]
}

fn lost(files: &ClusterFolder) -> String {
    let lost = look(&config(), files).unwrap_err();
    format!("{lost}\n{}", lost.hints().join("\n"))
}

#[test]
fn secrets_that_machines_were_configured_with_are_missed_with_a_way_back() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    write_journal(&files, configuring());
    let said = lost(&files);
    for words in [
        "the bootstrap of butler-demo cannot go on",
        "secrets.yaml are lost (it is missing)",
        "butler-demo-cp-0 (192.0.2.11)",
        "butler-demo-worker-2",
        "from a backup",
        "-n 192.0.2.11 get machineconfig",
        &format!("then remove {} and begin anew", files.path().display()),
    ] {
        assert!(said.contains(words), "{words:?}: {said}");
    }
    fs::write(files.secrets(), "\0\0\0\0").unwrap();
    assert!(lost(&files).contains("it is empty"));
    fs::write(files.secrets(), "cluster: {}").unwrap();
    assert!(lost(&files).contains("are damaged"));
    let other = SecretsBundle::generate(Timestamp::UNIX_EPOCH).unwrap();
    fs::write(files.secrets(), other.to_yaml().unwrap().expose_secret()).unwrap();
    assert!(lost(&files).contains("are those of another cluster"));
    fs::write(files.secrets(), BUNDLE.to_yaml().unwrap().expose_secret()).unwrap();
    assert_eq!(look(&config(), &files).unwrap().known.runs, 1);
}

#[test]
fn secrets_that_no_machine_has_are_made_anew_and_those_of_a_finished_cluster_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    write_journal(&files, configuring()[..2].to_vec());
    assert!(look(&config(), &files).is_ok());
    let finished = [configuring(), vec![proof(steps::pivot::commit_id(), Vec::new())]].concat();
    write_journal(&files, finished);
    assert!(look(&config(), &files).is_ok());
}

#[test]
fn a_lost_journal_names_machines_and_backup_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    write_journal(&files, configuring());
    let backup = files.path().join("journal-backup.ndjson");
    fs::rename(files.journal(), &backup).unwrap();
    let said = lost(&files);
    let cp = format!("cp {} {}", backup.display(), files.journal().display());
    for words in [
        "journal.ndjson is missing, but its backup beside it shows",
        "butler-demo-cp-0 (192.0.2.11)",
        "its backup holds 4 records",
        &cp,
    ] {
        assert!(said.contains(words), "{words:?}: {said}");
    }
    fs::copy(&backup, files.journal()).unwrap();
    fs::write(files.secrets(), BUNDLE.to_yaml().unwrap().expose_secret()).unwrap();
    assert!(look(&config(), &files).is_ok(), "what the hint says works");
}
