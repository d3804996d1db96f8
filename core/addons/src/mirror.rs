//! A folder of charts and manifests, looked through before anything is made.

use butler_api::{config::ChartMirror, error::Class};

use crate::{
    Addon, InstallError, Source, chart,
    manifest::{self, ManifestError, Place},
    substitute::SubstituteError,
};

/// Everything that a folder lacks, or has in a form that cannot be installed. Other mirrors are on the network and are seen
/// when they are used. `read` says whether the values of variables have been read.
pub fn check_mirror(addons: &[Addon], mirror: Option<&ChartMirror>, read: bool) -> Vec<InstallError> {
    if !matches!(mirror, Some(ChartMirror::Folder(_))) {
        return Vec::new();
    }
    addons
        .iter()
        .filter_map(|addon| check(addon, mirror, read).err())
        .collect()
}

fn check(addon: &Addon, mirror: Option<&ChartMirror>, read: bool) -> Result<(), InstallError> {
    let unfit = |message: String| InstallError::new(&addon.name, Class::Configuration, message);
    match &addon.source {
        Source::Chart(release) => match chart::locate(&release.chart, mirror, None).file {
            Some(file) if !file.is_file() => Err(unfit(chart::absent(&file))),
            _ => Ok(()),
        },
        Source::Manifest(manifest) => {
            let Place::File(path) = manifest::locate(&addon.name, manifest, mirror) else {
                return Ok(());
            };
            let text = std::fs::read_to_string(&path)
                .map_err(|error| unfit(format!("cannot read the manifest {}: {error}", path.display())))?;
            match manifest::objects(&text, manifest) {
                Err(ManifestError::Variables(SubstituteError::Missing { .. })) if !read => Ok(()),
                Err(error) => Err(unfit(format!("{}: {error}", path.display()))),
                Ok(_) => Ok(()),
            }
        }
        Source::Objects(_) | Source::ProviderIds(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{ChartContents, ClusterFacts, Images, Manifest, plan};

    #[test]
    fn what_a_folder_lacks_or_cannot_be_read_is_found_before_anything_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let mirror = ChartMirror::Folder(folder.path().display().to_string());
        let text = include_str!("../../../fixtures/configs/inmemory-ha.yaml");
        let config = butler_api::config::load(text, "mirror.yaml").unwrap().config;
        let addons = plan(&config, &ClusterFacts::default()).unwrap();
        let published = addons
            .iter()
            .filter(|addon| matches!(addon.source, Source::Chart(_) | Source::Manifest(_)));
        assert_eq!(check_mirror(&addons, Some(&mirror), true).len(), published.count());
        assert!(check_mirror(&addons, None, true).is_empty());

        let source = Source::Manifest(Manifest {
            url: String::new(),
            version: "v1".to_owned(),
            variables: Some(BTreeMap::new()),
            privileged_namespaces: Vec::new(),
            images: Images::default(),
            contents: ChartContents::default(),
        });
        let addon = Addon::new("demo", "", &[], source, Vec::new());
        let found = |text: &str, read| {
            std::fs::write(folder.path().join("demo-v1.yaml"), text).unwrap();
            let found = check_mirror(std::slice::from_ref(&addon), Some(&mirror), read);
            found.first().map(|error| error.message.clone())
        };
        let object = |word: &str| format!("kind: A\nmetadata: {{name: '{word}'}}\n");
        assert_eq!(found(&object("${A:=a}"), true), None);
        assert_eq!(found(&object("${A}"), false), None, "values are read later");
        assert!(found(&object("${A}"), true).unwrap().ends_with("no value for A"));
        assert!(
            found(&object("${A!}"), false)
                .unwrap()
                .contains("is no form of a variable")
        );
    }
}
