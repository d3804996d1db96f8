//! The configuration that a journal holds: its canonical form, read as a file again.

use std::path::{Path, PathBuf};

use butler_api::config::{self, BootstrapConfig, ConfigErrors, Provider};
use serde_json::{Map, Value};

/// Settings whose values the canonical form has only digests of: they go into machine configurations, and nothing else.
const DIGESTS: [&str; 2] = ["trustedCAs", "patches"];

/// Why a configuration in a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// It names no platform.
    #[error("the configuration in {} is not whole", path.display())]
    NotWhole {
        /// The journal.
        path: PathBuf,
    },
    /// This release does not take it.
    #[error(transparent)]
    Invalid(#[from] ConfigErrors),
}

/// The settings of the platform; secret values are not among them.
pub(crate) fn provider(canonical: &Value, journal: &Path) -> Result<Provider, Unread> {
    let (name, settings) = platform(canonical).ok_or_else(|| not_whole(journal))?;
    let file = Map::from_iter([name, settings]);
    Ok(config::load_provider(
        &Value::Object(file).to_string(),
        &journal.display().to_string(),
    )?)
}

/// The whole configuration but for what goes into machine configurations only. It is good for looking at what a bootstrap
/// made, not for going on with it.
pub(crate) fn whole(canonical: &Value, journal: &Path) -> Result<BootstrapConfig, Unread> {
    let (name, settings) = platform(canonical).ok_or_else(|| not_whole(journal))?;
    let mut file = canonical.as_object().cloned().ok_or_else(|| not_whole(journal))?;
    file.extend([name, settings]);
    if let Some(talos) = file.get_mut("talos").and_then(Value::as_object_mut) {
        talos.retain(|key, _| !DIGESTS.contains(&key.as_str()));
    }
    let loaded = config::load(&Value::Object(file).to_string(), &journal.display().to_string())?;
    Ok(loaded.config)
}

fn not_whole(journal: &Path) -> Unread {
    Unread::NotWhole {
        path: journal.to_owned(),
    }
}

/// The platform's part as a file has it: there, the settings are below the platform's name.
fn platform(canonical: &Value) -> Option<((String, Value), (String, Value))> {
    let name = canonical.get("provider")?.as_str()?;
    // A platform may have no settings; the canonical form leaves empty mappings out.
    let settings = canonical.get("providerConfig").cloned();
    let settings = settings.unwrap_or_else(|| Value::Object(Map::new()));
    let below = Map::from_iter([(name.to_owned(), settings)]);
    Some((
        ("provider".to_owned(), name.into()),
        ("providerConfig".to_owned(), Value::Object(below)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every sample, with certificates and patches where it has such: what is read again means the same cluster.
    #[test]
    fn what_a_journal_holds_of_each_sample_is_read_as_the_same_configuration() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/configs");
        let mut samples = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let config = crate::samples::read(&text);
            let again =
                whole(&config.canonical, Path::new("journal")).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let without = |mut value: Value| {
                for key in DIGESTS {
                    value["talos"].as_object_mut().unwrap().remove(key);
                }
                value
            };
            assert_eq!(
                without(again.canonical),
                without(config.canonical),
                "{}",
                path.display()
            );
            samples += 1;
        }
        assert!(samples > 5);
    }

    #[test]
    fn what_names_no_platform_is_said_so() {
        let found = whole(&Value::Null, Path::new("the/journal"));
        assert_eq!(
            found.unwrap_err().to_string(),
            "the configuration in the/journal is not whole"
        );
    }
}
