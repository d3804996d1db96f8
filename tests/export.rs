//! A bootstrap that another home goes on with: `bootstrap export` and `bootstrap import`, end to end.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    kill::nothing_twice,
    world::{Run, SHORT, Site, files_with},
};

const PASSPHRASE: &str = "correct horse battery staple";

impl Site {
    /// A second home that reaches the world of the first one.
    fn other_home(&self) -> PathBuf {
        let other = self.path("other");
        fs::create_dir_all(other.join("state")).expect("a folder");
        symlink(self.butler_home().join("state/inmemory"), other.join("state/inmemory")).expect("a link");
        other
    }

    /// A run of the binary in a home of this site.
    fn run_in(&self, home: &Path, arguments: &[&str]) -> Run {
        let mut command = self.butleradm();
        command.env("BUTLER_HOME", home).args(arguments);
        Run::of(&command.output().expect("the binary starts"))
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.run_in(&self.butler_home(), arguments)
    }

    /// The export of the cluster of a home, with these further arguments.
    fn export_from(&self, home: &Path, archive: &str, arguments: &[&str]) -> Run {
        self.run_in(
            home,
            &[&["bootstrap", "export", "demo", "--to", archive], arguments].concat(),
        )
    }

    /// The import into a home, with these further arguments.
    fn import_into(&self, home: &Path, archive: &str, arguments: &[&str]) -> Run {
        self.run_in(home, &[&["bootstrap", "import", archive], arguments].concat())
    }

    /// The bootstrap, as it dies when so many records are written.
    fn stopped_after(&self, records: usize) {
        let mut command: Command = self.command(&[]);
        let run = command
            .env("BUTLER_TEST_DIE_AFTER_RECORDS", records.to_string())
            .output()
            .expect("the binary starts");
        assert_eq!(run.status.code(), None, "{}", String::from_utf8_lossy(&run.stderr));
    }

    fn passphrase_file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, format!("{text}\n")).expect("a file");
        path.display().to_string()
    }

    /// Strings that only this cluster's secrets hold.
    fn secrets(&self) -> Vec<String> {
        let text = fs::read_to_string(self.state().join("secrets.yaml")).expect("secrets");
        let words = text.split(|c: char| c.is_whitespace() || c == '"');
        let long: Vec<String> = words.filter(|word| word.len() >= 40).map(str::to_owned).collect();
        assert!(long.len() > 5, "no secrets are known");
        long
    }
}

impl Run {
    /// Fails the test unless the command succeeded.
    fn is_done(&self) {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
    }
}

#[test]
fn a_bootstrap_stopped_halfway_is_finished_in_another_home_and_comes_back() {
    let site = Site::new(SHORT, 3, 3, "");
    site.stopped_after(60);
    let (here, file) = (site.butler_home(), site.passphrase_file("passphrase", PASSPHRASE));
    let key = ["--passphrase-file", &file];
    site.export_from(&here, "demo.age", &key).is_done();
    let mode = fs::metadata(site.path("demo.age")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for secret in site.secrets() {
        let told = files_with(&site.path(""), &secret);
        assert!(
            told.iter().all(|path| path.starts_with(&here)),
            "a secret is in {told:?}"
        );
    }
    handed_over(&site);
    let there = site.other_home();
    let imported = site.import_into(&there, "demo.age", &[&key[..], &["-o", "json"]].concat());
    imported.is_done();
    let answer: Value = serde_json::from_str(&imported.stdout).expect("JSON");
    assert_eq!(
        (&answer["cluster"], &answer["replaced"]),
        (&"demo".into(), &Value::Null)
    );
    // The configuration is somewhere else there.
    fs::create_dir(site.path("elsewhere")).unwrap();
    fs::copy(site.path("world.yaml"), site.path("elsewhere/world.yaml")).unwrap();
    fs::copy(site.config(), site.path("elsewhere/cluster.yaml")).unwrap();
    let again = ["bootstrap", "--config", "elsewhere/cluster.yaml", "--no-progress"];
    site.run_in(&there, &again).is_ready();
    nothing_twice(&site);
    assert!(there.join("demo-kubeconfig").is_file() && there.join("demo-talosconfig").is_file());
    // And home again, where nothing is left to do.
    site.export_from(&there, "back.age", &key).is_done();
    site.import_into(&here, "back.age", &key).is_done();
    site.bootstrap(&[]).is_ready();
    nothing_twice(&site);
    assert_eq!(site.run_in(&there, &again).code, Some(2), "two homes go on");
}

/// Neither bootstrap nor destroy goes on in a home that handed the cluster over, and the list says so.
fn handed_over(site: &Site) {
    let destroy = ["destroy", "demo", "--yes", "--confirm", "demo", "--no-progress"];
    for refused in [site.bootstrap(&[]), site.bootstrap(&["--detach"]), site.run(&destroy)] {
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        for part in ["demo was exported on ", "demo.age", "bootstrap export demo --undo"] {
            assert!(refused.stderr.contains(part), "{part:?} is not in {}", refused.stderr);
        }
    }
    let listed = site.run(&["bootstrap", "list", "-o", "json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    assert!(listed[0]["exported"]["at"].is_string(), "{listed}");
}

#[test]
fn the_bootstrap_of_one_node_goes_on_with_an_age_key_and_an_export_is_taken_back() {
    let site = Site::new(SHORT, 1, 0, "");
    site.stopped_after(25);
    let (here, there) = (site.butler_home(), site.other_home());
    fs::write(site.path("key"), IDENTITY).unwrap();
    site.export_from(&here, "demo.age", &["--recipient", RECIPIENT])
        .is_done();
    let undone = site.run(&["bootstrap", "export", "demo", "--undo"]);
    undone.is_done();
    assert!(undone.stderr.contains("demo.age now: delete it"), "{}", undone.stderr);
    let exists = site.export_from(&here, "demo.age", &["--recipient", RECIPIENT]);
    assert_eq!(exists.code, Some(2), "{}", exists.stderr);
    assert!(exists.stderr.contains("--force"), "{}", exists.stderr);
    site.export_from(&here, "demo.age", &["--recipient", RECIPIENT, "--force"])
        .is_done();
    site.import_into(&there, "demo.age", &["--identity", "key"]).is_done();
    let config = site.config().display().to_string();
    site.run_in(&there, &["bootstrap", "--config", &config, "--no-progress"])
        .is_ready();
    assert_eq!(site.counter("machinesCreated"), 1);
    assert_eq!(site.counter("bootstrapsTakenEffect"), 1);
    let again = site.import_into(&there, "demo.age", &["--identity", "key"]);
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    assert!(
        again.stderr.contains("this home has a cluster demo already"),
        "{}",
        again.stderr
    );
}

/// An age key that opens nothing but the archives of this test, and its public half.
const RECIPIENT: &str = "age1huen9rf7crlmgfu9zvd4y32l0a8ktrtamj0tqd2dk25y0dx2zgtsf9gamn";
const IDENTITY: &str =
    "# created for a test\nAGE-SECRET-KEY-139FE8G2J2JRD3N838V7LDTWZGT76XSCXDZYWRWHX4424FMMP3VMQQ50AXR\n";

#[test]
fn what_does_not_open_says_why_and_changes_nothing() {
    let site = Site::new(SHORT, 1, 0, "");
    site.stopped_after(25);
    let (here, there) = (site.butler_home(), site.other_home());
    let file = site.passphrase_file("passphrase", PASSPHRASE);
    let wrong = site.passphrase_file("wrong", "incorrect horse");
    let without = site.export_from(&here, "demo.age", &[]);
    assert_eq!(without.code, Some(2), "{}", without.stderr);
    for flag in ["--passphrase-file", "--passphrase-stdin", "--recipient"] {
        assert!(without.stderr.contains(flag), "{}", without.stderr);
    }
    site.export_from(&here, "demo.age", &["--passphrase-file", &file])
        .is_done();
    let bytes = fs::read(site.path("demo.age")).unwrap();
    let mut changed = bytes.clone();
    changed[bytes.len() - 40] ^= 1;
    for (name, content) in [
        ("cut.age", &bytes[..bytes.len() / 2]),
        ("changed.age", &changed),
        ("other.age", b"PK\x03\x04"),
        ("key", IDENTITY.as_bytes()),
    ] {
        fs::write(site.path(name), content).unwrap();
    }
    for (archive, key, code, said) in [
        ("demo.age", ["--passphrase-file", &wrong], 1, "the passphrase is wrong"),
        (
            "demo.age",
            ["--identity", "key"],
            2,
            "it was encrypted with a passphrase",
        ),
        ("cut.age", ["--passphrase-file", &file], 1, "damaged or cut short"),
        ("changed.age", ["--passphrase-file", &file], 1, "damaged or cut short"),
        (
            "other.age",
            ["--passphrase-file", &file],
            2,
            "it is no archive of an exported cluster",
        ),
        ("gone.age", ["--passphrase-file", &file], 2, "cannot read gone.age"),
    ] {
        let run = site.import_into(&there, archive, &key);
        assert_eq!(run.code, Some(code), "{archive}: {}", run.stderr);
        assert!(run.stderr.contains(said), "{said:?} is not in {}", run.stderr);
        for secret in [PASSPHRASE, "incorrect horse"] {
            assert!(!run.stderr.contains(secret), "{}", run.stderr);
        }
    }
    let clusters = fs::read_dir(there.join("state/clusters")).expect("a folder");
    let left: Vec<_> = clusters.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".import.lock"]);
}

#[test]
fn a_run_keeps_its_cluster_and_is_named_also_where_it_is_on_another_computer() {
    let site = Site::new(SHORT, 1, 0, "");
    site.stopped_after(25);
    let here = site.butler_home();
    let held = fs::File::open(site.state().join("lock")).unwrap();
    held.lock().unwrap();
    let nobody = "00000000-0000-0000-0000-000000000000";
    let (since, heard) = ("2026-11-29T12:30:04Z", "2026-11-29T12:30:05Z");
    let holder = format!(r#"{{"pid":7,"host":"elsewhere","run":"{nobody}","since":"{since}","heartbeat":"{heard}"}}"#);
    fs::write(site.state().join("lock"), holder).unwrap();
    let running = site.export_from(&here, "demo.age", &["--recipient", RECIPIENT]);
    assert_eq!(running.code, Some(1), "{}", running.stderr);
    for part in [
        "another run works on this cluster (process 7 on elsewhere, since 2026-11-29T12:30:04Z",
        "butleradm cancel demo",
    ] {
        assert!(running.stderr.contains(part), "{part:?} is not in {}", running.stderr);
    }
    assert!(!site.path("demo.age").exists());
    drop(held);
    site.export_from(&here, "demo.age", &["--recipient", RECIPIENT])
        .is_done();
}
