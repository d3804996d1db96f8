//! The table of Talos and Kubernetes releases against a machine-readable matrix: a sample of two lines, and the whole one where
//! that is at hand.

#[path = "../../../tests/common/reference.rs"]
mod reference;

use std::{
    fs,
    path::{Path, PathBuf},
};

use butler_api::config::versions::{self, TALOS_LINES, TalosLine};
use butler_api::tenants::Release;
use semver::Version;
use serde_json::Value;

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

fn sample() -> Value {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/talos/support-matrix.json"))
}

fn row<'a>(matrix: &'a Value, line: &TalosLine) -> Option<&'a Value> {
    let name = format!("1.{}", line.minor);
    matrix["versions"].as_array()?.iter().find(|row| row["talos"] == *name)
}

/// The columns in which a line of ours and a row of the matrix differ.
fn differences(line: &TalosLine, row: &Value) -> Vec<&'static str> {
    let ours = [
        ("kubernetes_min", format!("1.{}.0", line.kubernetes_min)),
        ("kubernetes_max_minor", format!("1.{}", line.kubernetes_max)),
        ("upgrade_from_min", format!("1.{}.0", line.upgrade_from)),
    ];
    let mut differing: Vec<&str> = ours.iter().filter(|(k, v)| row[*k] != **v).map(|(k, _)| *k).collect();
    let default = Version::parse(row["kubernetes_default"].as_str().expect("a version")).expect("a version");
    // A release is chosen before a candidate.
    let is_ours = if default.pre.is_empty() {
        default == line.default_kubernetes()
    } else {
        line.default_kubernetes() < default
    };
    if !is_ours {
        differing.push("kubernetes_default");
    }
    differing
}

#[test]
fn every_line_says_what_the_matrix_says() {
    let Some(path) = reference::find("talos/support-matrix.json", "the Talos lines but those of the sample") else {
        return;
    };
    let matrix = read(&path);
    for line in &TALOS_LINES {
        let row = row(&matrix, line).unwrap_or_else(|| panic!("1.{} is not in the matrix", line.minor));
        assert_eq!(differences(line, row), Vec::<&str>::new(), "1.{}", line.minor);
    }
}

#[test]
fn the_lines_of_the_sample_say_what_it_says_and_nothing_else() {
    let sample = sample();
    let rows = TALOS_LINES.iter().filter_map(|line| Some((line, row(&sample, line)?)));
    let rows: Vec<(&TalosLine, &Value)> = rows.collect();
    assert_eq!(rows.len(), 2);
    for (line, row) in rows {
        assert_eq!(differences(line, row), Vec::<&str>::new(), "1.{}", line.minor);
        for (column, other) in [
            ("kubernetes_min", "1.28.0"),
            ("kubernetes_max_minor", "1.36"),
            ("upgrade_from_min", "1.11.0"),
            ("kubernetes_default", "1.34.0"),
            ("kubernetes_default", "1.34.0-rc.1"),
        ] {
            let mut row = row.clone();
            row[column] = Value::from(other);
            assert_eq!(differences(line, &row), [column], "1.{}: {other}", line.minor);
        }
        let mut candidate = row.clone();
        candidate["kubernetes_default"] = Value::from("1.37.0-rc.1");
        assert_eq!(differences(line, &candidate), Vec::<&str>::new(), "1.{}", line.minor);
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

#[test]
fn releases_of_kubernetes_are_known_up_to_the_newest_of_each_line() {
    let known = |text: &str| versions::is_kubernetes_release(&versions::parse(text).unwrap());
    for release in [Release::usual().to_string().as_str(), "v1.33.4", "v1.33.0"] {
        assert!(known(release), "{release}");
    }
    for other in ["v1.33.99", "v1.99.0", "v2.33.4", "v1.33.4-rc.1"] {
        assert!(!known(other), "{other}");
    }
    for line in versions::KUBERNETES_LINES {
        assert!(versions::is_kubernetes_release(&line.release()), "{line:?}");
    }
    // What Talos runs by default is a release.
    for line in TALOS_LINES.iter().filter(|line| line.kubernetes_default.0 >= 28) {
        assert!(versions::is_kubernetes_release(&line.default_kubernetes()), "{line:?}");
    }
}
