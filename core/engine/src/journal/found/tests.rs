//! Journals that were lost, damaged or cut, with and without their backup.

use std::fs;

use super::*;
use crate::StepId;

/// The first name that was learned, which stays.
#[derive(Debug, Clone, Default)]
struct First(Option<String>);

impl Memory for First {
    type Fact = String;

    fn learn(&mut self, fact: &String) {
        self.0.get_or_insert_with(|| fact.clone());
    }

    fn settles(_: &String) -> bool {
        true
    }
}

type Entry = super::Entry<String>;
type Journal = super::Journal<First>;

fn find(path: &Path) -> Result<Found<First>, Box<Unusable<First>>> {
    super::find(path, &["secrets.yaml"])
}

fn open(path: &Path, length: u64, count: u64) -> Journal {
    Journal::open(path, RUN, length, count, Known::default(), None).unwrap()
}

const RUN: Uuid = Uuid::from_u128(1);

fn beginning(id: u128) -> Entry {
    Entry::Run {
        cluster: "demo".into(),
        cluster_id: Uuid::from_u128(id),
        digest: "d".into(),
        config: None,
        again: Vec::new(),
        facts: Vec::new(),
        program: "x".into(),
    }
}

fn choice() -> Entry {
    Entry::Intent {
        step: StepId::new("etcd/bootstrap"),
        what: "demo-cp-1 bootstraps etcd".into(),
        facts: vec!["demo-cp-1".into()],
    }
}

/// A journal of three records and its backup.
async fn written() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.ndjson");
    let writer = open(&path, 0, 0);
    let proof = Entry::Proof {
        step: StepId::new("preflight"),
        evidence: "seen".into(),
        facts: Vec::new(),
    };
    for entry in [beginning(7), proof, choice()] {
        writer.append(entry).await.unwrap();
    }
    (folder, path)
}

fn text(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.split_inclusive('\n').map(ToOwned::to_owned).collect()
}

fn problem(path: &Path) -> String {
    find(path).unwrap_err().to_string()
}

#[tokio::test]
async fn the_backup_has_what_the_journal_has_and_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, path) = written().await;
    assert_eq!(text(&beside(&path)), text(&path));
    assert_eq!(fs::metadata(beside(&path)).unwrap().permissions().mode() & 0o777, 0o600);
    let found = find(&path).unwrap();
    assert_eq!((found.records.len(), found.from_backup, found.backed_up), (3, 0, true));
}

#[test]
fn nothing_at_all_and_what_a_cut_first_write_leaves_are_a_new_bootstrap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.ndjson");
    assert!(find(&path).unwrap().records.is_empty());
    fs::write(folder.path().join("lock"), "{}").unwrap();
    for torn in ["", "{\"v\":2,", "{\"v\":2,\"seq\":1,\"time\":\"20"] {
        fs::write(&path, torn).unwrap();
        assert!(find(&path).unwrap().records.is_empty(), "{torn:?}");
    }
}

/// A backup that nobody can read was taken for none, and the journal that it stands beside for a new one.
#[tokio::test]
async fn a_damaged_or_unreadable_backup_still_shows_that_a_bootstrap_began() {
    let (_folder, path) = written().await;
    fs::remove_file(&path).unwrap();
    for damaged in ["{\"v\":2,", "\0\0\0", "not a journal\n"] {
        fs::write(beside(&path), damaged).unwrap();
        assert!(
            problem(&path).contains("is missing, but its backup beside it shows"),
            "{damaged:?}"
        );
    }
    fs::remove_file(beside(&path)).unwrap();
    fs::create_dir(beside(&path)).unwrap();
    assert!(problem(&path).contains("is missing, but its backup beside it shows"));
}

/// A journal that was deleted or blank began a second cluster on the machines of the first one.
#[tokio::test]
async fn a_journal_that_was_lost_is_no_new_bootstrap() {
    let (folder, path) = written().await;
    let length = fs::metadata(&path).unwrap().len();
    let zeros = vec![0; usize::try_from(length).unwrap()];
    let newlines = b"\n\n\n".to_vec();
    for content in [Some(zeros), Some(newlines), Some(Vec::new()), None] {
        match &content {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let unusable = find(&path).unwrap_err();
        assert_eq!(unusable.backup.as_ref().map(|b| b.records), Some(3));
        assert_eq!(unusable.told.memory.0.as_deref(), Some("demo-cp-1"));
        assert!(
            unusable.to_string().contains("its backup beside it shows"),
            "{unusable}"
        );
    }
    fs::remove_file(beside(&path)).unwrap();
    fs::write(folder.path().join("secrets.yaml"), "x").unwrap();
    let said = problem(&path);
    assert!(said.contains("is missing, but secrets.yaml beside it"), "{said}");
    fs::write(&path, [0; 8]).unwrap();
    let said = problem(&path);
    assert!(said.contains("holds no whole line, but secrets.yaml"), "{said}");
    fs::remove_file(folder.path().join("secrets.yaml")).unwrap();
    assert!(find(&path).is_err(), "zeros are not what a cut write leaves");
}

#[tokio::test]
async fn an_end_that_was_lost_is_taken_from_the_backup() {
    let (_folder, path) = written().await;
    let lines = text(&path);
    let torn = |tail: &str| lines[0].clone() + tail;
    for rest in [lines[..2].concat(), torn("{\"v\":2,\"se"), torn("\0\0\0")] {
        fs::write(&path, rest).unwrap();
        let mut found = find(&path).unwrap();
        assert_eq!(
            Known::<First>::of(&found.records).memory.0.as_deref(),
            Some("demo-cp-1")
        );
        assert!(found.from_backup > 0);
        found.settle(&path).unwrap();
        assert_eq!(text(&path), lines);
        assert_eq!(found.length, fs::metadata(&path).unwrap().len());
    }
}

#[tokio::test]
async fn a_backup_that_lags_behind_is_brought_up() {
    let (_folder, path) = written().await;
    let lines = text(&path);
    fs::write(beside(&path), &lines[0]).unwrap();
    let found = find(&path).unwrap();
    assert_eq!((found.records.len(), found.from_backup), (3, 0));
    drop(open(&path, found.length, 3));
    assert_eq!(text(&beside(&path)), lines);
}

#[tokio::test]
async fn damage_names_the_backup_and_two_stories_are_told() {
    let (_folder, path) = written().await;
    let lines = text(&path);
    fs::write(&path, lines[0].clone() + &lines[2]).unwrap();
    let unusable = find(&path).unwrap_err();
    assert!(
        unusable.to_string().contains("record 2 before it is missing"),
        "{unusable}"
    );
    assert_eq!(unusable.backup.as_ref().map(|b| b.records), Some(3));
    fs::write(&path, lines[0].clone() + &lines[1].replace("seen", "heard")).unwrap();
    let said = problem(&path);
    assert!(said.contains("differ from record 2 on"), "{said}");
}

#[tokio::test]
async fn a_journal_tells_one_story() {
    let (_folder, path) = written().await;
    let lines = text(&path);
    fs::remove_file(beside(&path)).unwrap();
    let numbered = lines[1..].iter().zip(1..);
    let headless: String = numbered
        .map(|(line, seq)| line.replacen(&format!("\"seq\":{}", seq + 1), &format!("\"seq\":{seq}"), 1))
        .collect();
    fs::write(&path, headless).unwrap();
    let said = problem(&path);
    assert!(said.contains("a run whose beginning is missing"), "{said}");
    fs::write(&path, &lines[0]).unwrap();
    let writer = open(&path, lines[0].len() as u64, 1);
    writer.append(beginning(8)).await.unwrap();
    let said = problem(&path);
    assert!(said.contains("line 2: it is of another cluster"), "{said}");
}
