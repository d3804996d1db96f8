//! A folder that lost something, or holds something else, is never opened with less than was acknowledged.

#![expect(clippy::unwrap_used, reason = "what stops a test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use butler_embedded::{Authority, OpenError, Options, Server};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, PostParams};
use serde_json::json;

async fn open(data: &Path) -> Result<Server, OpenError> {
    let options = Options {
        data: data.to_owned(),
        authority: Authority::Own,
        version: "v1.35.0".to_owned(),
    };
    Server::open(options).await
}

async fn held(server: &Server) -> BTreeMap<String, String> {
    let maps = Api::<ConfigMap>::namespaced(server.client(), "default");
    let list = maps.list(&ListParams::default()).await.unwrap();
    let text = |map: ConfigMap| (map.metadata.name.clone().unwrap(), serde_json::to_string(&map).unwrap());
    list.items.into_iter().map(text).collect()
}

/// A folder with objects, closed.
async fn filled(data: &Path) -> BTreeMap<String, String> {
    std::fs::create_dir_all(data).unwrap();
    std::fs::write(data.join("tokens.csv"), "secret,ops,1,\"system:masters\"\n").unwrap();
    let server = open(data).await.unwrap();
    let maps = Api::<ConfigMap>::namespaced(server.client(), "default");
    for index in 0..12 {
        let map = json!({"metadata": {"name": format!("m{index}")}, "data": {"k": "v".repeat(100)}});
        let map = serde_json::from_value(map).unwrap();
        maps.create(&PostParams::default(), &map).await.unwrap();
    }
    let held = held(&server).await;
    server.close().await.unwrap();
    held
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&path, target).unwrap();
    }
}

fn flipped(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 4;
    }
    bytes
}

/// What may happen to a file: nothing is left of it, or it has this content.
fn accidents(bytes: &[u8]) -> Vec<(String, Option<Vec<u8>>)> {
    let length = bytes.len();
    let mut all = vec![
        ("removed".to_owned(), None),
        ("all zeros".to_owned(), Some(vec![0; length])),
    ];
    for cut in [0, 1, length / 3, length / 2, length.saturating_sub(1)] {
        all.push((format!("cut at {cut}"), Some(bytes[..cut.min(length)].to_vec())));
    }
    for at in [0, length / 4, length / 2, length.saturating_sub(2)] {
        all.push((format!("flipped at {at}"), Some(flipped(bytes.to_vec(), at))));
    }
    let middle = [&bytes[..length / 3], &bytes[length / 2..]].concat();
    all.push(("without its middle".to_owned(), Some(middle)));
    all
}

#[tokio::test]
async fn every_accident_of_every_file_is_told_with_its_name_or_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let before = filled(&whole).await;
    assert_eq!(before.len(), 12);
    for file in files(&whole) {
        let name = file.strip_prefix(&whole).unwrap().to_owned();
        let bytes = std::fs::read(&file).unwrap();
        for (what, content) in accidents(&bytes) {
            // People's file may say what it likes; and the lock says nothing.
            let free = name == Path::new("store/lock") || name == Path::new("tokens.csv") && content.is_some();
            if content.as_deref() == Some(&bytes) {
                continue;
            }
            let copied = folder.path().join("copy");
            copy(&whole, &copied);
            match content {
                Some(content) => std::fs::write(copied.join(&name), content).unwrap(),
                None => std::fs::remove_file(copied.join(&name)).unwrap(),
            }
            match open(&copied).await {
                Ok(server) => {
                    assert!(free, "{} {what}: opened", name.display());
                    assert_eq!(held(&server).await, before, "{} {what}", name.display());
                    server.close().await.unwrap();
                }
                Err(OpenError::Damaged { source, .. }) => {
                    assert!(!free, "{} {what}: {source}", name.display());
                    assert!(
                        source.to_string().contains(&*name.to_string_lossy()),
                        "{} {what}: {source}",
                        name.display()
                    );
                }
                Err(other) => panic!("{} {what}: {other:?}", name.display()),
            }
            std::fs::remove_dir_all(&copied).unwrap();
        }
    }
}

#[tokio::test]
async fn a_missing_part_of_the_folder_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    filled(&whole).await;
    for name in ["store", "pki"] {
        let copied = folder.path().join(name);
        copy(&whole, &copied);
        std::fs::remove_dir_all(copied.join(name)).unwrap();
        let told = open(&copied).await.unwrap_err();
        assert!(
            matches!(&told, OpenError::Damaged { source, .. } if source.path.contains(name)),
            "{told:?}"
        );
        std::fs::write(copied.join(name), "a file").unwrap();
        assert!(
            matches!(open(&copied).await.unwrap_err(), OpenError::Damaged { .. }),
            "{name}"
        );
    }
}

/// A log as earlier releases wrote it: no head, no mark, no list of parts.
#[tokio::test]
async fn a_folder_of_an_earlier_release_opens_with_everything_and_is_safe_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let before = filled(&data).await;
    std::fs::remove_file(data.join("parts")).unwrap();
    std::fs::remove_file(data.join("store/acknowledged")).unwrap();
    let log = std::fs::read(data.join("store/log")).unwrap();
    let head = 8 + u32::from_le_bytes(log[..4].try_into().unwrap()) as usize;
    std::fs::write(data.join("store/log"), &log[head..]).unwrap();
    for _ in 0..2 {
        let server = open(&data).await.unwrap();
        assert_eq!(held(&server).await, before);
        server.close().await.unwrap();
    }
    let snapshot = std::fs::read(data.join("store/snapshot")).unwrap();
    std::fs::write(data.join("store/snapshot"), flipped(snapshot, 200)).unwrap();
    assert!(matches!(open(&data).await.unwrap_err(), OpenError::Damaged { .. }));
}
