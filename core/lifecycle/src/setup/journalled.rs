//! The configuration that a journal holds: its canonical form, read as a file again.

use std::path::{Path, PathBuf};

use butler_api::config::{self, BootstrapConfig, ConfigErrors, Provider};
use serde_json::{Map, Value};

/// Settings whose values the canonical form has only digests of: they go into machine configurations, and nothing else.
const DIGESTS: [&str; 2] = ["trustedCAs", "patches"];

/// How often problems are taken out: behind one of them there may be others.
const ROUNDS: usize = 4;

/// What the canonical form has in place of a secret that was written in the file.
const CLEAR_TEXT: &str = "clear text";

/// Stands for the file with the platform's certificate authorities.
const AUTHORITY: &str = "the journal's authority";

/// Why a configuration in a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// It names no platform.
    #[error("the configuration in {} is not whole", path.display())]
    NotWhole {
        /// The journal.
        path: PathBuf,
    },
    /// A secret was written in the configuration itself, and a journal keeps none.
    #[error("{setting} was clear text in the configuration, which {} does not keep", path.display())]
    ClearText {
        /// The setting.
        setting: String,
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
    let written = canonical["providerConfig"].as_object().into_iter().flatten();
    if let Some((key, _)) = written.into_iter().find(|(_, value)| **value == CLEAR_TEXT) {
        return Err(Unread::ClearText {
            setting: format!("providerConfig.{}.{key}", canonical["provider"].as_str().unwrap_or("")),
            path: journal.to_owned(),
        });
    }
    let file = Value::Object(Map::from_iter([name, settings]));
    let read = certificates(canonical);
    let journal = journal.display().to_string();
    Ok(config::load_provider(&file.to_string(), &journal, &read)?)
}

/// The certificates that the canonical form has as text, as the file that a setting names.
fn certificates(canonical: &Value) -> impl Fn(&str) -> Result<String, String> {
    let text = canonical.pointer("/providerConfig/ca").and_then(Value::as_str);
    let text = text.map(str::to_owned);
    move |path| match &text {
        Some(text) if path == AUTHORITY => Ok(text.clone()),
        _ => Err("no other file is read here".to_owned()),
    }
}

/// The configuration as far as it can be read again. It is good for looking at what a bootstrap made, not for going on with it:
/// what goes into machine configurations only is left out, and so is what a file has in another form.
pub(crate) fn whole(canonical: &Value, journal: &Path) -> Result<BootstrapConfig, Unread> {
    let (name, settings) = platform(canonical).ok_or_else(|| not_whole(journal))?;
    let mut file = canonical.as_object().cloned().ok_or_else(|| not_whole(journal))?;
    file.extend([name, settings]);
    if let Some(talos) = file.get_mut("talos").and_then(Value::as_object_mut) {
        talos.retain(|key, _| !DIGESTS.contains(&key.as_str()));
    }
    let mut file = Value::Object(file);
    if let Some(ingress) = file
        .pointer_mut("/addons/console/ingress")
        .and_then(Value::as_object_mut)
    {
        ingress.insert("enabled".to_owned(), true.into());
    }
    if let Some(pool) = file.get_mut("networkPool").and_then(Value::as_object_mut)
        && let Some(Value::Object(spec)) = pool.remove("spec")
    {
        pool.extend(spec);
    }
    let name = journal.display().to_string();
    let read = certificates(canonical);
    for _ in 0..ROUNDS {
        let Err(errors) = config::load_with(&file.to_string(), &name, &read) else {
            break;
        };
        let paths = errors.problems().iter().map(|problem| problem.path.as_str());
        paths.for_each(|path| take_out(&mut file, path));
    }
    Ok(config::load_with(&file.to_string(), &name, &read)?.config)
}

/// Takes a setting out, down to the first list in its path; where it is missing, the one that it is missing in.
fn take_out(file: &mut Value, path: &str) {
    let mut path = path.split('[').next().unwrap_or(path);
    while !path.is_empty() {
        let (above, key) = path.rsplit_once('.').unwrap_or(("", path));
        let mut parts = above.split('.').filter(|part| !part.is_empty());
        let found = parts.try_fold(&mut *file, |value, part| value.get_mut(part));
        if found
            .and_then(Value::as_object_mut)
            .is_some_and(|settings| settings.remove(key).is_some())
        {
            return;
        }
        path = above;
    }
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
    let mut settings = settings.unwrap_or_else(|| Value::Object(Map::new()));
    if let Some(settings) = settings.as_object_mut()
        && settings.remove("ca").is_some()
    {
        settings.insert("caFile".to_owned(), AUTHORITY.into());
    }
    let below = Map::from_iter([(name.to_owned(), settings)]);
    Some((
        ("provider".to_owned(), name.into()),
        ("providerConfig".to_owned(), Value::Object(below)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_journal_holds_of_each_sample_has_the_same_machines_and_addons() {
        let addons = |config: &BootstrapConfig| -> Vec<String> {
            let planned = butler_addons::plan(config, &butler_addons::ClusterFacts::default()).unwrap();
            planned.into_iter().map(|addon| addon.name).collect()
        };
        // The platforms that this release connects to.
        for name in [
            "inmemory-ha.yaml",
            "inmemory-single.yaml",
            "static.yaml",
            "proxmox.yaml",
            "proxmox-single.yaml",
        ] {
            let config = crate::samples::shipped(name);
            let again = whole(&config.canonical, Path::new("journal"));
            let again = again.unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(again.machine_names(), config.machine_names(), "{name}");
            assert_eq!(addons(&again), addons(&config), "{name}");
            assert_eq!(again.canonical["providerConfig"], config.canonical["providerConfig"]);
            assert_eq!(again.canonical["network"], config.canonical["network"]);
        }
    }

    #[test]
    fn what_a_file_has_in_another_form_is_left_out() {
        let mut canonical = crate::samples::demo().canonical;
        canonical["talos"]["trustedCAs"] = "sha256:1".into();
        canonical["addons"]["console"]["later"] = 1.into();
        canonical["network"]["later"] = vec![1].into();
        let again = whole(&canonical, Path::new("journal")).unwrap();
        assert_eq!(again.machine_names(), crate::samples::demo().machine_names());
    }

    #[test]
    fn what_a_platform_is_trusted_by_is_kept_and_a_secret_is_not() {
        let mut canonical = crate::samples::shipped("proxmox.yaml").canonical;
        canonical["providerConfig"]["ca"] =
            "-----BEGIN CERTIFICATE-----\nMIIBejCCASGgAwIBAgIQ\n-----END CERTIFICATE-----\n".into();
        let Ok(Provider::Proxmox(proxmox)) = provider(&canonical, Path::new("journal")) else {
            panic!("no settings of Proxmox VE");
        };
        assert!(proxmox.ca.is_some_and(|ca| ca.contains("MIIBejCCASGgAwIBAgIQ")));
        let single = crate::samples::shipped("proxmox-single.yaml").canonical;
        let read = provider(&single, Path::new("journal"));
        assert!(read.is_ok(), "without the rest of the configuration: {read:?}");
        canonical["providerConfig"]["password"] = CLEAR_TEXT.into();
        let error = provider(&canonical, Path::new("the/journal")).unwrap_err().to_string();
        let expected =
            "providerConfig.proxmox.password was clear text in the configuration, which the/journal does not keep";
        assert_eq!(error, expected);
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
