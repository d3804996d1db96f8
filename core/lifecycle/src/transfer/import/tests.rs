//! From one home to another and back, with a journal that runs have written.

use std::os::unix::fs::PermissionsExt as _;

use age::x25519;
use butler_api::event::Outcome;
use butler_engine::journal::Entry;
use secrecy::ExposeSecret as _;

use super::*;
use crate::{
    bootstrap::Fact,
    transfer::{Destination, EncryptionKey, ExportError, export, take_back},
};

const SECRET: &str = "hunter2-hunter2-hunter2";

struct Homes {
    root: tempfile::TempDir,
    identity: x25519::Identity,
}

impl Homes {
    fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            identity: x25519::Identity::generate(),
        }
    }

    fn home(&self, name: &str) -> Home {
        Home::below(&self.root.path().join(name))
    }

    fn archive(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn export(&self, home: &str, archive: &str) -> Result<(), ExportError> {
        let to = Destination::File {
            path: self.archive(archive),
            replace: false,
        };
        let key = EncryptionKey::Recipients(vec![self.identity.to_public()]);
        export(&self.home(home).cluster("demo"), &key, to).map(|_| ())
    }

    fn import(&self, home: &str, archive: &str) -> Result<Imported, ImportError> {
        let key = DecryptionKey::identities(self.identity.to_string().expose_secret()).unwrap();
        import(&self.home(home), &self.archive(archive), &key)
    }

    /// One run more on the cluster in this home.
    async fn work(&self, home: &str) {
        let folder = self.home(home).cluster("demo");
        home::private_folder(folder.path()).unwrap();
        fs::write(folder.secrets(), SECRET).unwrap();
        fs::write(folder.kubeconfig(), "kubeconfig").unwrap();
        let found = journal::find::<Learned>(&folder.journal(), &[]).unwrap();
        let journal = found.open(&folder.journal(), Uuid::new_v4(), None).unwrap();
        let begin: Entry<Fact> = Entry::Run {
            cluster: "demo".to_owned(),
            cluster_id: Uuid::from_u128(7),
            digest: String::new(),
            config: None,
            again: Vec::new(),
            facts: Vec::new(),
            program: String::new(),
        };
        journal.append(begin).await.unwrap();
        let outcome = Outcome::Interrupted;
        journal.append(Entry::Finished { outcome }).await.unwrap();
    }

    fn entries(&self, path: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.root.path().join(path))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn a_cluster_goes_to_another_home_and_comes_back() {
    let homes = Homes::new();
    homes.work("a").await;
    homes.export("a", "1").unwrap();
    let mode = fs::metadata(homes.archive("1")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let bytes = fs::read(homes.archive("1")).unwrap();
    assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
    let handed_over = homes.export("a", "2").unwrap_err();
    assert!(matches!(handed_over, ExportError::HandedOver(_)), "{handed_over}");
    let imported = homes.import("b", "1").unwrap();
    assert_eq!((imported.replaced, imported.unwritten.is_none()), (None, true));
    let folder = homes.home("b").cluster("demo");
    assert_eq!(fs::read_to_string(folder.secrets()).unwrap(), SECRET);
    assert_eq!(fs::read_to_string(folder.people_kubeconfig()).unwrap(), "kubeconfig");
    assert!(Exported::refuse(&folder).is_ok());
    homes.work("b").await;
    homes.export("b", "2").unwrap();
    // What the first home handed over is not forgotten for less than that.
    let replaced = homes.import("a", "2").unwrap().replaced.unwrap();
    assert!(replaced.ends_with("state/archive/demo-00000000-0000-0000-0000-000000000007-exported"));
    let folder = homes.home("a").cluster("demo");
    assert!(Exported::refuse(&folder).is_ok());
    homes.export("a", "3").unwrap();
    let stale = homes.import("a", "1").unwrap_err();
    assert!(matches!(stale, ImportError::Stale { .. }), "{stale}");
    assert!(Exported::refuse(&folder).is_err(), "it stays handed over");
    take_back(&folder).unwrap();
    assert!(matches!(take_back(&folder), Err(ExportError::NotExported { .. })));
    assert_eq!(homes.entries("a/state/clusters"), [".import.lock", "demo"]);
}

#[tokio::test]
async fn a_cluster_that_a_home_works_on_is_not_touched() {
    let homes = Homes::new();
    homes.work("a").await;
    homes.export("a", "1").unwrap();
    homes.work("b").await;
    let before = homes.entries("b/state/clusters/demo");
    let exists = homes.import("b", "1").unwrap_err();
    assert!(matches!(exists, ImportError::Exists { .. }), "{exists}");
    let mut after = homes.entries("b/state/clusters/demo");
    after.retain(|name| name != "lock");
    assert_eq!(after, before);
    assert_eq!(homes.entries("b/state/clusters"), [".import.lock", "demo"]);
    // A start that came to nothing leaves a lock.
    let empty = homes.home("c").cluster("demo");
    home::private_folder(empty.path()).unwrap();
    drop(Lock::take(&empty.lock(), Uuid::nil(), Timestamp::UNIX_EPOCH).unwrap());
    homes.import("c", "1").unwrap();
    assert!(empty.journal().is_file());
}

#[tokio::test]
async fn what_a_killed_import_left_goes_and_is_no_cluster() {
    let homes = Homes::new();
    homes.work("a").await;
    homes.export("a", "1").unwrap();
    let left = homes.home("b").clusters().join(".import-1");
    home::private_folder(&left).unwrap();
    fs::write(left.join("secrets.yaml"), SECRET).unwrap();
    assert!(crate::runs::list::folders(&homes.home("b")).unwrap().is_empty());
    homes.import("b", "1").unwrap();
    assert_eq!(homes.entries("b/state/clusters"), [".import.lock", "demo"]);
}

#[tokio::test]
async fn an_export_that_fails_leaves_the_home_as_it_was() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let homes = Homes::new();
    let folder = homes.home("a").cluster("demo");
    home::private_folder(folder.path()).unwrap();
    let nothing = homes.export("a", "1").unwrap_err();
    assert!(matches!(nothing, ExportError::Nothing { .. }), "{nothing}");
    homes.work("a").await;
    let key = EncryptionKey::Recipients(vec![homes.identity.to_public()]);
    let failed = export(&folder, &key, Destination::Writer(Box::new(Full))).unwrap_err();
    assert!(matches!(failed, ExportError::Pack(_)), "{failed}");
    assert!(Exported::refuse(&folder).is_ok());
    fs::write(homes.archive("1"), "precious").unwrap();
    let exists = homes.export("a", "1").unwrap_err();
    assert!(matches!(exists, ExportError::Exists(_)), "{exists}");
    let held = Lock::take(&folder.lock(), Uuid::nil(), Timestamp::now()).unwrap();
    let running = homes.export("a", "2").unwrap_err();
    assert!(matches!(running, ExportError::Lock(_)), "{running}");
    drop(held);
    fs::write(folder.journal(), "").unwrap();
    let lost = homes.export("a", "2").unwrap_err();
    assert!(matches!(lost, ExportError::Journal { .. }), "{lost}");
    assert_eq!(homes.entries(""), ["1", "a"]);
}
