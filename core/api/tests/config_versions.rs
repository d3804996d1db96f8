//! The table of Talos and Kubernetes releases against the machine-readable matrix, where that is at hand.

use std::{fs, path::PathBuf};

use butler_api::config::versions::{self, TALOS_LINES};
use semver::Version;
use serde_json::Value;

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn matrix() -> Option<Value> {
    let file = "../../../shared/reference/talos/support-matrix.json";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
    match fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).expect("JSON")),
        Err(error) => {
            eprintln!("skipped: {}: {error}", path.display());
            None
        }
    }
}

#[test]
fn every_line_says_what_the_matrix_says() {
    let Some(matrix) = matrix() else { return };
    let rows = matrix["versions"].as_array().expect("rows");
    for line in &TALOS_LINES {
        let name = format!("1.{}", line.minor);
        let row = rows
            .iter()
            .find(|row| row["talos"] == name.as_str())
            .unwrap_or_else(|| panic!("{name} is not in the matrix"));
        assert_eq!(row["kubernetes_min"], format!("1.{}.0", line.kubernetes_min), "{name}");
        assert_eq!(
            row["kubernetes_max_minor"],
            format!("1.{}", line.kubernetes_max),
            "{name}"
        );
        assert_eq!(row["upgrade_from_min"], format!("1.{}.0", line.upgrade_from), "{name}");
        let default = Version::parse(row["kubernetes_default"].as_str().expect("a version")).expect("a version");
        if default.pre.is_empty() {
            assert_eq!(default, line.default_kubernetes(), "{name}");
        } else {
            assert!(
                line.default_kubernetes() < default,
                "{name}: a release is chosen before a candidate"
            );
        }
    }
}

#[test]
fn every_default_is_a_release_that_the_line_runs() {
    for line in &TALOS_LINES {
        let talos = Version::new(1, line.minor, 0);
        let kubernetes = versions::default_kubernetes(&talos).expect("a known line");
        assert!(versions::runs_kubernetes(&talos, &kubernetes), "{talos}");
        assert!(kubernetes.pre.is_empty());
    }
}

#[test]
fn both_ends_of_the_range_are_run_and_nothing_beyond() {
    let talos = Version::new(1, 12, 1);
    for (kubernetes, runs) in [
        ("1.30.0", true),
        ("1.35.99", true),
        ("1.29.9", false),
        ("1.36.0", false),
        ("2.31.0", false),
    ] {
        let kubernetes = versions::parse(kubernetes).expect("a version");
        assert_eq!(versions::runs_kubernetes(&talos, &kubernetes), runs, "{kubernetes}");
    }
    assert!(versions::talos_line(&Version::new(2, 12, 0)).is_none());
    assert!(versions::talos_line(&Version::new(1, 7, 7)).is_none());
}

/// Regenerate with `UPDATE=1 cargo test -p butler-api --test config_versions`.
#[test]
fn the_page_of_releases_is_fresh() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/releases.md");
    let page = versions::page();
    if std::env::vars().any(|(name, value)| name == "UPDATE" && value == "1") {
        fs::write(&path, &page).expect("the page can be written");
    }
    let found = fs::read_to_string(&path).expect("docs/releases.md");
    assert!(
        found == page,
        "docs/releases.md is stale; run: UPDATE=1 cargo test -p butler-api --test config_versions"
    );
}
