//! What people read when their file is wrong: every file of `bad_configs/` with the whole text it gives.

use std::{fs, path::PathBuf};

use butler_api::config;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/bad_configs")
}

#[test]
fn every_bad_file_gives_its_errors() {
    let mut names: Vec<String> = fs::read_dir(folder())
        .expect("the folder is there")
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
    assert!(names.len() >= 30, "{} files", names.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("bad_configs");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for name in names {
        let text = fs::read_to_string(folder().join(format!("{name}.yaml"))).expect("the file is there");
        let shown = match config::load(&text, "butler.yaml") {
            Ok(_) => panic!("{name}.yaml is accepted"),
            Err(errors) => errors.to_string(),
        };
        settings.bind(|| insta::assert_snapshot!(name.as_str(), shown));
    }
}
