//! Charts and manifests for the real helm, where nobody can fetch the real ones.

#![expect(clippy::unwrap_used, reason = "what stops a test")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use butler_addons::{ClusterFacts, Source};
use serde_json::{Value, json};

/// A folder with every chart and manifest of a configuration: small ones that make the same workloads.
pub(crate) fn mirror(helm: &Path, config: &str, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let config = butler_api::config::load(config, "cluster.yaml").unwrap().config;
    for addon in butler_addons::plan(&config, &ClusterFacts::default()).unwrap() {
        match &addon.source {
            Source::Chart(release) => {
                let documents = documents(&butler_addons::objects_of(&addon, &release.contents));
                package(helm, &release.chart.name, &release.chart.version, &documents, folder);
            }
            Source::Manifest(manifest) => {
                let file: PathBuf = folder.join(format!("{}-{}.yaml", addon.name, manifest.version));
                fs::write(file, documents(&butler_addons::objects_of(&addon, &manifest.contents))).unwrap();
            }
            Source::Objects(_) | Source::ProviderIds(_) => {}
        }
    }
}

fn documents(objects: &[Value]) -> String {
    let documents: Vec<String> = objects.iter().map(|object| format!("---\n{object}\n")).collect();
    documents.concat()
}

fn package(helm: &Path, name: &str, version: &str, documents: &str, folder: &Path) {
    assert!(!documents.contains("{{"), "{name} would be read as a template");
    let source = folder.join("source").join(name);
    fs::create_dir_all(source.join("templates")).unwrap();
    let chart = json!({"apiVersion": "v2", "name": name, "version": version.trim_start_matches('v')});
    fs::write(source.join("Chart.yaml"), chart.to_string()).unwrap();
    fs::write(source.join("templates/all.yaml"), documents).unwrap();
    let packaged = Command::new(helm)
        .args(["package", "--version", version])
        .arg(&source)
        .arg("--destination")
        .arg(folder)
        .output()
        .expect("helm starts");
    assert!(
        packaged.status.success(),
        "{}",
        String::from_utf8_lossy(&packaged.stderr)
    );
}
