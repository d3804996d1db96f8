//! The canonical form of configurations that between them name every setting: its digest is what a journal was begun with, so
//! it must not change from one release to the next.

use std::{fs, path::PathBuf};

use butler_api::config;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

const CA: &str = "-----BEGIN CERTIFICATE-----
MIIBejCCASGgAwIBAgIQ
-----END CERTIFICATE-----
";

/// The files that the configurations name.
fn read(path: &str) -> Result<String, String> {
    match path {
        "mirror.pem" => Ok(CA.to_owned()),
        "patch.yaml" => Ok("machine: {env: {A: b}}".to_owned()),
        _ => Err("no such file".to_owned()),
    }
}

/// The names of a folder's configurations, without their ending.
fn names(folder: &PathBuf) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name in UTF-8")
        })
        .filter_map(|name| name.strip_suffix(".yaml").map(str::to_owned))
        .collect();
    names.sort();
    names
}

#[test]
fn canonical_forms_and_digests_stay_what_they_are() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("canonical");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (place, prefix) in [("tests/canonical", ""), ("../../fixtures/configs", "sample_")] {
        let place = folder(place);
        for name in names(&place) {
            let text = fs::read_to_string(place.join(format!("{name}.yaml"))).expect("the file is there");
            let loaded = config::load_with(&text, &name, &read).unwrap_or_else(|errors| panic!("{errors}"));
            let config = loaded.config;
            let shown = format!("{}\n{:#}", config.digest, config.canonical);
            settings.bind(|| insta::assert_snapshot!(format!("{prefix}{name}"), shown));
        }
    }
}
