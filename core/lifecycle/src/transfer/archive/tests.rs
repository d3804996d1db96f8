use std::os::unix::fs::{PermissionsExt as _, symlink};

use tar::EntryType;

use super::*;
use crate::transfer::manifest::tests::manifest;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn packed(folder: &Path) -> (Manifest, Vec<u8>) {
    let sources = collect(folder).unwrap();
    let mut listed = manifest(&[]);
    listed.files = sources.iter().map(|source| source.listed.clone()).collect();
    let bytes = pack(&listed, &sources, Vec::new()).unwrap();
    (listed, bytes)
}

fn names(manifest: &Manifest) -> Vec<&str> {
    manifest.files.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn what_a_home_needs_goes_and_comes_back_closed_to_others() {
    let root = tempfile::tempdir().unwrap();
    let (from, to) = (root.path().join("from"), root.path().join("to"));
    for name in ["bootstrap-cluster/store", "helm/cache", "kind", "empty"] {
        fs::create_dir_all(from.join(name)).unwrap();
    }
    for name in [
        "journal.ndjson",
        "journal-backup.ndjson",
        "bootstrap-cluster/store/log",
        "bootstrap-cluster/store/lock",
        "helm/cilium.values",
        "helm/cache/index",
        "kind/kubeconfig",
        "lock",
        "output.log",
        "exported.json",
        ".butler-unfinished",
    ] {
        fs::write(from.join(name), name).unwrap();
    }
    let elsewhere = root.path().join("elsewhere");
    fs::write(&elsewhere, "secret").unwrap();
    symlink(&elsewhere, from.join("secrets.yaml")).unwrap();
    let (listed, bytes) = packed(&from);
    let kept = [
        "bootstrap-cluster/store/log",
        "helm/cilium.values",
        "journal-backup.ndjson",
        "journal.ndjson",
        "secrets.yaml",
    ];
    assert_eq!(names(&listed), kept);
    fs::create_dir(&to).unwrap();
    assert_eq!(unpack(bytes.as_slice(), &to).unwrap(), listed);
    for name in kept {
        let text = fs::read_to_string(to.join(name)).unwrap();
        assert_eq!(text, if name == "secrets.yaml" { "secret" } else { name });
        assert_eq!(mode(&to.join(name)), 0o600, "{name}");
    }
    assert!(!to.join("secrets.yaml").is_symlink());
    assert_eq!(mode(&to.join("bootstrap-cluster/store")), 0o700);
}

#[test]
fn a_link_to_a_folder_and_a_file_that_changes_are_told() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a"), "one").unwrap();
    let mut sources = collect(root.path()).unwrap();
    fs::write(root.path().join("a"), "two").unwrap();
    let error = pack(&manifest(&[]), &sources, Vec::new()).unwrap_err().to_string();
    assert!(error.ends_with("a was changed while it was read"), "{error}");
    fs::write(root.path().join("a"), "").unwrap();
    assert!(pack(&manifest(&[]), &sources, Vec::new()).is_err(), "a shorter one");
    sources[0].listed.path = "x".repeat(300);
    let error = pack(&manifest(&[]), &sources, Vec::new()).unwrap_err().to_string();
    assert!(error.contains("a path that is too long"), "{error}");
    symlink(root.path(), root.path().join("round")).unwrap();
    let error = collect(root.path()).unwrap_err().to_string();
    assert!(error.contains("round is a link to a folder"), "{error}");
}

/// An archive that no release writes: a manifest and these entries, each with its header's path, kind and content.
fn forged(manifest: &Manifest, entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let text = serde_json::to_vec(manifest).unwrap();
    tar.append(&header(NAME, text.len() as u64, 0).unwrap(), text.as_slice())
        .unwrap();
    for (path, kind, content) in entries {
        let mut header = tar::Header::new_ustar();
        // The library refuses to write such a path, so it is put there by hand.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.as_old_mut().linkname[..5].copy_from_slice(b"/etc/");
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn listing(path: &str, content: &[u8]) -> Manifest {
    let mut digest = Digest::default();
    digest.add(content);
    let mut manifest = manifest(&[]);
    manifest.files = vec![digest.listed(path.to_owned())];
    manifest
}

/// The error, and that nothing was written outside of the folder.
fn refused(bytes: &[u8]) -> String {
    let root = tempfile::tempdir().unwrap();
    let to = root.path().join("a/b/to");
    fs::create_dir_all(&to).unwrap();
    let error = unpack(bytes, &to).unwrap_err();
    assert_eq!(fs::read_dir(root.path().join("a/b")).unwrap().count(), 1);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[test]
fn an_archive_that_means_harm_does_none() {
    let file = listing("a", b"x");
    for path in ["../../x", "/tmp/x", "state/../../x", "state/b"] {
        let said = refused(&forged(&file, &[(path, EntryType::Regular, b"x")]));
        assert!(said.contains("stands where state/a has to be"), "{said}");
    }
    for path in ["../../x", "/tmp/x"] {
        let said = refused(&forged(&listing(path, b"x"), &[(path, EntryType::Regular, b"x")]));
        assert!(said.contains("leads out of the state folder"), "{said}");
    }
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::Directory,
        EntryType::GNULongName,
        EntryType::XHeader,
        EntryType::GNUSparse,
    ] {
        let said = refused(&forged(&file, &[("state/a", kind, b"x")]));
        assert!(said.contains("state/a is no plain file"), "{kind:?}: {said}");
    }
    let said = refused(&forged(&file, &[]));
    assert!(said.contains("state/a is missing"), "{said}");
    let said = refused(&forged(&file, &[("state/a", EntryType::Regular, b"y")]));
    assert!(said.contains("a has another digest"), "{said}");
    let said = refused(&forged(&file, &[("state/a", EntryType::Regular, b"xy")]));
    assert!(said.contains("state/a has 2 bytes"), "{said}");
    let twice: [(&str, EntryType, &[u8]); 2] = [
        ("state/a", EntryType::Regular, b"x"),
        ("state/b", EntryType::Regular, b"x"),
    ];
    let said = refused(&forged(&file, &twice));
    assert!(said.contains("\"state/b\" is not listed"), "{said}");
}

/// A gigabyte of zeros is a megabyte on its way.
#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let mut huge = manifest(&["a"]);
    huge.files[0].size = 2 << 30;
    let said = refused(&forged(&huge, &[]));
    assert!(said.contains("more than 1024 MiB"), "{said}");
    let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
    let mut header = header(NAME, 1 << 40, 0).unwrap();
    header.set_cksum();
    zipped.write_all(header.as_bytes()).unwrap();
    zipped.write_all(&vec![b' '; 1 << 20]).unwrap();
    let said = refused(&zipped.finish().unwrap());
    assert!(said.contains("manifest.json has 1099511627776 bytes"), "{said}");
    let mut bytes = GzEncoder::new(Vec::new(), Compression::fast());
    let plain = forged(&listing("a", b"x"), &[("state/a", EntryType::Regular, b"x")]);
    io::copy(&mut GzDecoder::new(plain.as_slice()), &mut bytes).unwrap();
    bytes.write_all(&vec![0; 1 << 20]).unwrap();
    let said = refused(&bytes.finish().unwrap());
    assert!(said.contains("something follows its last file"), "{said}");
}

#[test]
fn a_cut_or_changed_stream_is_damage() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a"), "content").unwrap();
    let (_, bytes) = packed(root.path());
    for at in 0..bytes.len() {
        refused(&bytes[..at]);
    }
    assert!(refused(&[&bytes[..], b"more"].concat()).contains("something follows"));
    assert!(refused(b"hello").contains("damaged or cut short"));
}
