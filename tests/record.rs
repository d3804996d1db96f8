//! The bootstrap cluster's folder loses something, or holds something else, after a kill: the same command makes the record
//! again from the journal, and nothing twice.

use std::{
    fs,
    path::{Path, PathBuf},
};

use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams};

use crate::kill::nothing_twice;
use crate::world::{SHORT, Site};

/// What happens to a file of the folder.
const ACCIDENTS: [fn(&Path); 5] = [
    |path| fs::remove_file(path).expect("a file"),
    |path| fs::write(path, "").expect("a file"),
    |path| {
        let bytes = fs::read(path).expect("a file");
        fs::write(path, &bytes[..bytes.len() / 2]).expect("a file");
    },
    |path| {
        let mut bytes = fs::read(path).expect("a file");
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 2;
        }
        fs::write(path, bytes).expect("a file");
    },
    |path| {
        let length = fs::read(path).expect("a file").len();
        fs::write(path, vec![0; length]).expect("a file");
    },
];

fn folder(site: &Site) -> PathBuf {
    site.state().join("bootstrap-cluster")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Folders that were set aside.
fn aside(site: &Site) -> usize {
    let entries = fs::read_dir(site.state()).expect("the state folder");
    let names = entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|n| n.starts_with("bootstrap-cluster.damaged-")).count()
}

/// Kills a run as soon as a step is proven.
fn killed_at(site: &Site, step: &str) {
    let mut command = site.command(&[]);
    command.env("BUTLER_TEST_DIE_AFTER_PROOF", step);
    let run = command.output().expect("the binary starts");
    assert_eq!(run.status.code(), None, "{}", String::from_utf8_lossy(&run.stderr));
    let records = site.journal();
    assert!(records.iter().any(|r| r["type"] == "proof" && r["step"] == step));
}

/// Runs until so many more records are written.
fn killed_after(site: &Site, records: usize) -> std::process::Output {
    let mut command = site.command(&[]);
    command.env("BUTLER_TEST_DIE_AFTER_RECORDS", records.to_string());
    command.output().expect("the binary starts")
}

/// It went on to the end of the pivot, and was stuck there for ever.
#[test]
fn a_bootstrap_completes_whatever_happens_to_its_record() {
    let site = Site::new(SHORT, 3, 3, "");
    let mut accidents = 0;
    let done = loop {
        let run = killed_after(&site, 20 + 3 * accidents);
        if run.status.success() {
            break run;
        }
        let stderr = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), None, "{stderr}");
        let files = files(&folder(&site));
        if let Some(file) = files.get(accidents % files.len().max(1)) {
            ACCIDENTS[accidents % ACCIDENTS.len()](file);
            accidents += 1;
        }
        assert!(accidents < 60, "no progress: {stderr}");
    };
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(stderr.contains("management cluster ready"), "{stderr}");
    assert!(accidents > 5, "only {accidents} accidents");
    assert!(aside(&site) > 2, "damaged folders are kept");
    nothing_twice(&site);
}

/// The journal knows all machines, and the record none of them: the whole folder is gone.
#[test]
fn a_record_that_is_gone_is_made_again_and_a_warning_names_what_was_damaged() {
    let site = Site::new(SHORT, 3, 3, "");
    killed_at(&site, "kubeconfig");
    fs::remove_dir_all(folder(&site)).expect("the folder");
    killed_at(&site, "record");
    let log = folder(&site).join("store/log");
    let bytes = fs::read(&log).expect("a log");
    // More than what the killed run may not have acknowledged yet.
    fs::write(&log, &bytes[..bytes.len() / 2]).expect("a log");
    let run = site.bootstrap(&[]);
    run.is_ready();
    assert!(run.stderr.contains("store/log, byte"), "{}", run.stderr);
    assert!(run.stderr.contains("bootstrap-cluster.damaged-"), "{}", run.stderr);
    nothing_twice(&site);
}

/// A folder that is damaged after the record has moved is only something to remove.
#[test]
fn after_the_record_has_moved_its_folder_does_not_matter() {
    let site = Site::new(SHORT, 1, 0, "");
    killed_at(&site, "kubeconfig");
    killed_at(&site, "pivot/commit");
    for file in files(&folder(&site)) {
        fs::write(file, "nonsense").expect("a file");
    }
    site.bootstrap(&[]).is_ready();
    assert!(!folder(&site).exists());
    assert_eq!(aside(&site), 0);
}

/// Objects are gone from a folder that is not damaged: somebody deleted them.
#[test]
fn objects_that_the_journal_proves_and_the_record_lacks_are_made_again() {
    let site = Site::new(SHORT, 3, 3, "");
    killed_at(&site, "kubeconfig");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let gone = runtime.block_on(delete_some(&folder(&site)));
    assert!(gone > 2, "only {gone} objects were there to delete");
    let run = site.bootstrap(&[]);
    run.is_ready();
    assert_eq!(aside(&site), 0);
    nothing_twice(&site);
}

/// Deletes two MachineRequests, the ProviderConfig and the NetworkPools; the number of them.
async fn delete_some(data: &Path) -> usize {
    let options = butler_embedded::Options {
        data: data.to_owned(),
        authority: butler_embedded::Authority::Own,
        version: butler_embedded::VERSION.to_owned(),
    };
    let server = butler_embedded::Server::open(options).await.expect("the folder opens");
    let mut gone = 0;
    for (kind, most) in [("MachineRequest", 2), ("ProviderConfig", 9), ("NetworkPool", 9)] {
        let gvk = GroupVersionKind::gvk("butler.butlerlabs.dev", "v1alpha1", kind);
        let resource = ApiResource::from_gvk(&gvk);
        let api: Api<DynamicObject> = Api::namespaced_with(server.client(), "butler-system", &resource);
        let list = api.list(&ListParams::default()).await.expect("a list");
        for object in list.items.into_iter().take(most) {
            let name = object.metadata.name.expect("a name");
            api.delete(&name, &DeleteParams::default()).await.expect("deleted");
            gone += 1;
        }
    }
    server.close().await.expect("closed");
    gone
}
