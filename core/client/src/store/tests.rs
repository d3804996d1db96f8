use std::collections::HashMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::session::tests::session;

fn server() -> ServerAddress {
    ServerAddress::parse("https://x", false).unwrap()
}

fn store_in(folder: &Path, keyring: Option<Keyring>) -> Store {
    let home = Home::below(folder);
    let mut store = Store::of(&home, &Environment::default()).unwrap();
    store.keyring = Arc::new(OnceCell::new_with(keyring));
    store
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(folder.path(), None);
    (folder, store)
}

fn store_with_keyring() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(folder.path(), Some(Keyring::in_memory()));
    (folder, store)
}

/// A session whose refresh token is this one, of several pieces.
fn with_token(token: &str) -> Session {
    Session {
        kubeconfig: "k".repeat(5000).into(),
        refresh_token: Some(token.to_owned().into()),
        ..session(&["a", "b"], 1000, 2000)
    }
}

async fn lock(store: &Store) -> LockedStore {
    store.lock(Timestamp::UNIX_EPOCH).await.unwrap()
}

async fn token(store: &Store) -> Option<String> {
    let session = store.session(&server()).await.unwrap();
    session.map(|session| session.refresh_token.as_ref().unwrap().expose_secret().to_owned())
}

/// How many items the keyring holds.
async fn items(store: &Store) -> usize {
    let keyring = store.keyring().await.unwrap();
    let all = keyring.store().search(&HashMap::new()).unwrap();
    all.iter().filter(|entry| entry.get_secret().is_ok()).count()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// What a login needs in the keyring.
const PIECES: usize = 3;

#[tokio::test]
async fn what_is_kept_is_read_again_and_nobody_else_can() {
    for place in [Place::File(None), Place::Keyring] {
        let (_folder, store) = store_with_keyring();
        assert!(store.read().unwrap().servers.is_empty());
        assert_eq!(token(&store).await, None);
        lock(&store)
            .await
            .keep(&server(), &with_token("one"), &place)
            .await
            .unwrap();
        let content = store.read().unwrap();
        assert_eq!(content.active_server, Some(server()));
        assert_eq!(content.servers[&server()].known, with_token("one").known());
        assert_eq!(token(&store).await.as_deref(), Some("one"));
        for path in [&store.file, &store.lock] {
            assert_eq!(mode(path), 0o600, "{path:?}");
        }
        assert_eq!(mode(store.file.parent().unwrap()), 0o700);
        let text = std::fs::read_to_string(&store.file).unwrap();
        let in_keyring = matches!(place, Place::Keyring);
        assert_eq!(items(&store).await, if in_keyring { PIECES } else { 0 });
        for secret in ["kkkkk", "one", "\"session\""] {
            assert_ne!(text.contains(secret), in_keyring, "{secret}");
        }
    }
}

#[tokio::test]
async fn a_team_that_is_chosen_stays_chosen_and_the_keyring_is_not_asked() {
    let (folder, store) = store_with_keyring();
    let mut locked = lock(&store).await;
    locked
        .keep(&server(), &with_token("one"), &Place::Keyring)
        .await
        .unwrap();
    drop(locked);
    // As it is without D-Bus.
    let blind = store_in(folder.path(), None);
    lock(&blind).await.choose(&server(), Some("b")).await.unwrap();
    assert_eq!(
        blind.read().unwrap().servers[&server()].known.active_team.as_deref(),
        Some("b")
    );
    let session = store.session(&server()).await.unwrap().unwrap();
    assert_eq!(session.active_team.as_deref(), Some("b"));
    let other = ServerAddress::parse("https://other", false).unwrap();
    let error = lock(&blind).await.choose(&other, None).await.unwrap_err();
    assert_eq!(error.to_string(), "nobody is logged in on https://other");
    if cfg!(target_os = "linux") {
        let error = blind.session(&server()).await.unwrap_err();
        assert!(matches!(error, StoreError::Keyring(KeyringError::NoBus)), "{error}");
        let error = lock(&blind).await.forget(&[server()]).await.unwrap_err();
        assert!(matches!(error, StoreError::Keyring(KeyringError::NoBus)), "{error}");
        assert_eq!(
            token(&store).await.as_deref(),
            Some("one"),
            "nothing is forgotten by halves"
        );
        // Another login does not need it, and what is left in it goes with the next change that has it.
        let mut locked = lock(&blind).await;
        let file = Place::File(None);
        locked.keep(&server(), &with_token("two"), &file).await.unwrap();
        assert_eq!(token(&blind).await.as_deref(), Some("two"));
        locked.forget(&[server()]).await.unwrap();
        drop(locked);
        assert_eq!(items(&store).await, PIECES);
        lock(&store).await.forget(&[]).await.unwrap();
        assert_eq!(items(&store).await, 0);
    }
}

#[tokio::test]
async fn where_nothing_was_asked_for_and_there_is_no_keyring_it_is_the_file_and_why_is_known() {
    let (_folder, mut store) = store();
    if cfg!(target_os = "linux") {
        let Place::File(Some(why)) = store.place().await.unwrap() else {
            panic!("there is no bus")
        };
        assert!(why.to_string().contains("DBUS_SESSION_BUS_ADDRESS"), "{why}");
        store.choice.asked = Some(Asked::Keyring);
        let error = store.place().await.unwrap_err().to_string();
        assert!(error.starts_with("BUTLER_CREDENTIALS asks for the keyring"), "{error}");
    }
    let (_folder, mut store) = store_with_keyring();
    assert!(matches!(store.place().await.unwrap(), Place::Keyring));
    store.choice.asked = Some(Asked::File);
    assert!(matches!(store.place().await.unwrap(), Place::File(None)));
}

/// What is changed, for the tests of every cut.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    Renewed,
    LoginInFile,
    LoginInKeyring,
    Forgotten,
}

/// The steps of a change of a login with token `old`, as the product makes them.
fn steps(locked: &LockedStore, change: Change) -> Vec<Step> {
    let new = with_token("new");
    let reserved = if change == Change::Renewed {
        plan::reserve(&locked.content, &server(), &new).unwrap()
    } else {
        Plan::default()
    };
    let target = match change {
        Change::Renewed => locked.content.item(&server()).map_or(Target::File, Target::Keyring),
        Change::LoginInFile => Target::File,
        Change::LoginInKeyring => Target::Keyring(Uuid::new_v4()),
        Change::Forgotten => {
            let plan = plan::forget(&locked.content, &[server()]);
            return plan.must.into_iter().chain(plan.may).collect();
        }
    };
    let plan = plan::keep(&locked.content, &server(), &new, target).unwrap();
    [reserved.must, plan.must, plan.may].concat()
}

/// A process that is killed after every step of every change leaves the old login or the new one, whole; and the new one from the
/// moment on that all of it was put anywhere, because the server no longer honours the old one.
#[tokio::test]
async fn whatever_ends_a_process_nothing_is_lost_and_nothing_is_left() {
    for old in [Place::File(None), Place::Keyring] {
        for change in [
            Change::Renewed,
            Change::LoginInFile,
            Change::LoginInKeyring,
            Change::Forgotten,
        ] {
            let mut cut = 0;
            loop {
                let (_folder, store) = store_with_keyring();
                let mut locked = lock(&store).await;
                locked.keep(&server(), &with_token("old"), &old).await.unwrap();
                let steps = steps(&locked, change);
                if cut > steps.len() {
                    break;
                }
                for step in &steps[..cut] {
                    locked.step(step.clone()).await.unwrap();
                }
                drop(locked);
                // Another process reads it without a lock, and then one changes it.
                let read = token(&store).await;
                let mut locked = lock(&store).await;
                let found = locked.session(&server()).await.unwrap();
                let found = found.map(|session| session.refresh_token.as_ref().unwrap().expose_secret().to_owned());
                let told = format!(
                    "{old:?}, {change:?}, cut after {cut} of {}: {read:?}, {found:?}",
                    steps.len()
                );
                let written = steps[..cut]
                    .iter()
                    .filter(|step| matches!(step, Step::Write(_)))
                    .count();
                match (change, found.as_deref()) {
                    (Change::Forgotten, None) => assert!(written > 0, "{told}"),
                    (Change::Forgotten, Some("old")) => assert_eq!(written, 0, "{told}"),
                    (_, Some("old")) => assert!(!is_whole(&steps[..cut]), "{told}"),
                    (Change::Renewed, Some("new")) if matches!(old, Place::Keyring) => {
                        assert!(is_whole(&steps[..cut]), "{told}");
                    }
                    (_, Some("new")) => {}
                    _ => panic!("{told}"),
                }
                if read != found {
                    assert_eq!(read.as_deref(), Some("old"), "{told}");
                }
                // What is left is gone with the next changes.
                locked
                    .keep(&server(), &with_token("next"), &Place::Keyring)
                    .await
                    .unwrap();
                assert_eq!(items(&store).await, PIECES, "{told}");
                locked.forget(&[server()]).await.unwrap();
                assert_eq!(items(&store).await, 0, "{told}");
                assert!(
                    !std::fs::read_to_string(&store.file).unwrap().contains("left"),
                    "{told}"
                );
                cut += 1;
            }
        }
    }
}

/// All pieces of the new login were put, so that it can be taken over. (A login of a person is whole when the file names it.)
fn is_whole(steps: &[Step]) -> bool {
    let put = steps.iter().filter_map(|step| match step {
        Step::Put { piece, text, .. } if !text.expose_secret().trim().is_empty() => Some(*piece),
        _ => None,
    });
    let pieces = put.count();
    let named = steps.iter().any(|step| match step {
        Step::Write(content) => content.servers.get(&server()).is_some_and(|entry| match &entry.kept {
            Kept::File(session) => session.refresh_token.as_ref().unwrap().expose_secret() == "new",
            Kept::Keyring(_) => pieces >= PIECES,
        }),
        Step::Put { .. } | Step::Trim { .. } => false,
    });
    let is_renewal = steps
        .iter()
        .any(|step| matches!(step, Step::Put { text, .. } if text.expose_secret().trim().is_empty()));
    named || is_renewal && pieces >= PIECES
}

#[tokio::test]
async fn a_piece_that_is_gone_is_said_and_a_new_login_mends_it() {
    let (_folder, store) = store_with_keyring();
    let mut locked = lock(&store).await;
    locked
        .keep(&server(), &with_token("one"), &Place::Keyring)
        .await
        .unwrap();
    let item = locked.content.item(&server()).unwrap();
    let keyring = store.keyring().await.unwrap();
    keyring.trim(item, PIECES - 1).await.unwrap();
    let error = locked.session(&server()).await.unwrap_err();
    assert!(
        matches!(
            &error,
            StoreError::Torn {
                source: PiecesError::Missing { piece: PIECES, .. },
                ..
            }
        ),
        "{error:?}"
    );
    locked
        .keep(&server(), &with_token("two"), &Place::Keyring)
        .await
        .unwrap();
    assert_eq!(token(&store).await.as_deref(), Some("two"));
    assert_eq!(items(&store).await, PIECES);
}

#[tokio::test]
async fn a_damaged_store_is_named_and_its_content_is_not_repeated() {
    let (_folder, store) = store();
    home::write_secret(&store.file, b"{\"servers\": {\"https://x\": \"hunter2\"}}").unwrap();
    let error = store.read().unwrap_err().to_string();
    assert!(
        error.contains("credentials.json") && !error.contains("hunter2"),
        "{error}"
    );
}

#[tokio::test]
async fn a_store_of_a_later_release_is_left_alone() {
    let (_folder, store) = store();
    let later = b"{\"version\": 7, \"vault\": {}}";
    home::write_secret(&store.file, later).unwrap();
    let error = store.read().unwrap_err().to_string();
    assert!(error.ends_with("are of a later release (format 7)"), "{error}");
    let error = store.lock(Timestamp::UNIX_EPOCH).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { version: 7, .. }), "{error}");
    assert_eq!(std::fs::read(&store.file).unwrap(), later);
}

#[tokio::test]
async fn a_file_in_the_making_changes_nothing_and_leaves_nothing() {
    let (folder, store) = store();
    let mut locked = lock(&store).await;
    locked
        .keep(&server(), &with_token("one"), &Place::File(None))
        .await
        .unwrap();
    let before = std::fs::read(&store.file).unwrap();
    locked.prepare(&server(), &with_token("one")).await.unwrap();
    assert_eq!(std::fs::read(&store.file).unwrap(), before);
    drop(locked);
    let config = std::fs::read_dir(folder.path().join("config")).unwrap();
    assert_eq!(config.count(), 2, "the store and its lock");
    // Room that was taken is no content.
    let mut locked = lock(&store).await;
    locked.prepare(&server(), &with_token("one")).await.unwrap();
    locked.renewed(&server(), &with_token("one")).await.unwrap();
    assert_eq!(std::fs::read(&store.file).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_others_can_read_is_closed_and_one_that_is_linked_stays_linked() {
    let (folder, store) = store();
    assert!(store.close().is_none(), "there is none");
    let elsewhere = folder.path().join("elsewhere");
    std::fs::write(&elsewhere, "{}").unwrap();
    std::fs::set_permissions(&elsewhere, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::create_dir(store.file.parent().unwrap()).unwrap();
    symlink(&elsewhere, &store.file).unwrap();
    let told = store.close().unwrap().to_string();
    assert!(told.contains("(mode 644); they no longer can"), "{told}");
    assert_eq!(mode(&elsewhere), 0o600);
    assert!(store.close().is_none());
    lock(&store)
        .await
        .keep(&server(), &with_token("one"), &Place::File(None))
        .await
        .unwrap();
    assert!(store.file.is_symlink());
    assert!(std::fs::read_to_string(&elsewhere).unwrap().contains("one"));
    assert_eq!(token(&store).await.as_deref(), Some("one"));
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_held_is_waited_for_and_then_its_holder_is_named() {
    let (_folder, store) = store();
    let first = lock(&store).await;
    let error = store.lock(Timestamp::UNIX_EPOCH).await.unwrap_err();
    let told = format!(
        "process {} has kept the credentials locked for 45 s",
        std::process::id()
    );
    assert!(error.to_string().starts_with(&told), "{error}");
    drop(first);
    lock(&store).await;
}
