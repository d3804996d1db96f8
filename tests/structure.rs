//! The house: which crate may use which, no circle of folders inside a crate, no file that nobody can read in one sitting.

#![expect(clippy::unwrap_used, reason = "what stops a test")]

#[path = "common/structure.rs"]
mod layers;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Which of our crates each may use in its product code. `api` and `files` are there for everyone.
const ARROWS: &[(&str, &[&str])] = &[
    ("api", &[]),
    ("files", &[]),
    ("talos-proto", &[]),
    ("talos", &["talos-proto"]),
    ("kubernetes", &[]),
    ("engine", &[]),
    ("addons", &["kubernetes"]),
    ("infra", &["talos", "kubernetes"]),
    ("embedded", &[]),
    (
        "lifecycle",
        &["engine", "addons", "infra", "talos", "kubernetes", "embedded"],
    ),
    ("world", &["embedded", "talos", "talos-proto"]),
    ("client", &[]),
    ("tenancy", &["kubernetes", "client"]),
    ("terminal", &[]),
    ("wizard", &[]),
    (
        "tui",
        &[
            "terminal",
            "wizard",
            "client",
            "lifecycle",
            "tenancy",
            "infra",
            "kubernetes",
        ],
    ),
    ("account", &["terminal", "client", "kubernetes", "tenancy", "tui"]),
    (
        "butleradm",
        &[
            "terminal",
            "tui",
            "wizard",
            "account",
            "client",
            "tenancy",
            "lifecycle",
            "infra",
            "embedded",
            "world",
            "engine",
            "addons",
        ],
    ),
    ("butlerctl", &["terminal", "account", "client", "tenancy", "world"]),
];

/// Lines of the longest file that is allowed.
const LONGEST: usize = 800;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Folders of our crates by their short names.
fn crates() -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root().join("core")).unwrap().flatten() {
        if entry.path().join("Cargo.toml").is_file() {
            found.insert(entry.file_name().into_string().unwrap(), entry.path());
        }
    }
    for name in ["butleradm", "butlerctl", "talos-proto"] {
        found.insert(name.to_owned(), root().join(name));
    }
    found
}

/// Our crates that a manifest names among the dependencies of product code.
fn dependencies(folder: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let mut counts = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with('[') {
            counts = line.ends_with("dependencies]") && !line.contains("dev-");
        } else if counts && let Some(rest) = line.strip_prefix("butler-") {
            let name = rest.split(['.', ' ', '=']).next().unwrap();
            found.insert(name.to_owned());
        }
    }
    found
}

#[test]
fn arrows_between_crates_go_one_way() {
    let crates = crates();
    let known: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let found: BTreeSet<&str> = crates.keys().map(String::as_str).collect();
    assert_eq!(found, known, "a crate without a place in the table");
    for (name, allowed) in ARROWS {
        let everyone = ["api", "files"]
            .into_iter()
            .filter(|_| !["api", "files", "talos-proto"].contains(name));
        let allowed: BTreeSet<String> = allowed.iter().copied().chain(everyone).map(str::to_owned).collect();
        let used = dependencies(&crates[*name]);
        let back: Vec<&String> = used.difference(&allowed).collect();
        assert!(back.is_empty(), "{name} uses {back:?}");
    }
}

#[test]
fn no_folder_of_a_crate_uses_one_that_uses_it() {
    let mut circles = Vec::new();
    for (name, folder) in crates() {
        if name != "talos-proto" {
            circles.extend(
                layers::cycles(&folder.join("src"))
                    .into_iter()
                    .map(|circle| (name.clone(), circle)),
            );
        }
    }
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn no_file_is_longer_than_one_can_read() {
    let mut long = Vec::new();
    for (name, folder) in crates() {
        if name != "talos-proto" {
            collect(&folder, &mut long);
        }
    }
    collect(&root().join("tests"), &mut long);
    assert!(long.is_empty(), "{long:#?}");
}

fn collect(folder: &Path, long: &mut Vec<(PathBuf, usize)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, long);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            if lines > LONGEST {
                long.push((path, lines));
            }
        }
    }
}
