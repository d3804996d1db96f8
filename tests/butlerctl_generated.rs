//! `completions/`, `man/` and `docs/cli/` hold what this version of `butlerctl` would write.
//!
//! Regenerate with `UPDATE=1 cargo test -p butlerctl --test butlerctl_generated`.

use std::path::Path;

use butler_terminal::generated;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn check(folder: &str, wanted: &std::collections::BTreeMap<String, String>) {
    let folder = Path::new(ROOT).join(folder);
    if std::env::vars().any(|(name, value)| name == "UPDATE" && value == "1") {
        generated::update(&folder, "butlerctl", wanted).expect("the files can be written");
    }
    let stale = generated::stale(&folder, "butlerctl", wanted).expect("the folder can be read");
    assert!(
        stale.is_empty(),
        "stale: {stale:#?}\nrun: UPDATE=1 cargo test -p butlerctl --test butlerctl_generated"
    );
}

#[test]
fn completions_are_fresh() {
    check(
        "completions",
        &generated::completions(&butlerctl::cli::command()).unwrap(),
    );
}

#[test]
fn man_pages_are_fresh() {
    check("man", &generated::man_pages(&butlerctl::cli::command()).unwrap());
}

/// Every command with its options, defaults and help: what disappears from it disappears from a page that is reviewed.
#[test]
fn the_reference_is_fresh() {
    let page = clap_markdown::help_markdown_command(&butlerctl::cli::command());
    check("docs/cli", &[("butlerctl.md".to_owned(), page)].into());
}

#[test]
fn the_definition_is_consistent() {
    butlerctl::cli::command().debug_assert();
}
