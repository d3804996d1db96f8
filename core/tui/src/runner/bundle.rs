//! A file for whoever helps: the events of a run, why it is not further, and the versions; without secrets.

use std::{collections::BTreeMap, path::PathBuf};

use butler_files::{ClusterFolder, home, home::Home, read};
use butler_terminal::{Exit, Failure};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;

use crate::input::Done;

/// The most that is taken of the events.
const LARGEST: u64 = 64 << 20;

/// What stands in the place of a secret.
const HIDDEN: &str = "(hidden)";

/// The shortest text that is taken for a secret: shorter ones stand everywhere.
const SHORTEST: usize = 4;

#[derive(Serialize)]
struct Bundle<'a> {
    cluster: &'a str,
    at: Timestamp,
    version: &'static str,
    system: String,
    why: Vec<String>,
    events: Vec<Value>,
}

/// Writes the bundle into the state folder, and says where it is. `typed` are secrets that were typed here: should one have got
/// into an event, it does not leave this computer.
pub(super) fn write(
    home: &Home,
    folder: &ClusterFolder,
    why: &str,
    typed: &BTreeMap<String, SecretString>,
    at: Timestamp,
) -> Result<Done, Failure> {
    let events = match read::file(&folder.events(), LARGEST) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.is_missing() => String::new(),
        Err(error) => return Err(Failure::from_error(Exit::Failed, &error)),
    };
    let hide = |text: &str| hidden(text, typed);
    let bundle = Bundle {
        cluster: folder.cluster(),
        at,
        version: env!("CARGO_PKG_VERSION"),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        why: why.lines().map(hide).collect(),
        events: events
            .lines()
            .filter_map(|line| serde_json::from_str(&hide(line)).ok())
            .collect(),
    };
    let text = serde_json::to_vec_pretty(&bundle).map_err(|e| Failure::from_error(Exit::Failed, &e))?;
    let path = place(home, folder.cluster(), at);
    home::write_secret(&path, &text).map_err(|e| Failure::from_error(Exit::Failed, &e))?;
    Ok(Done::Bundled {
        path: path.display().to_string(),
    })
}

fn place(home: &Home, cluster: &str, at: Timestamp) -> PathBuf {
    let stamp = at.strftime("%Y%m%dT%H%M%SZ");
    home.state.join("bundles").join(format!("{cluster}-{stamp}.json"))
}

fn hidden(text: &str, typed: &BTreeMap<String, SecretString>) -> String {
    let secrets = typed.values().map(ExposeSecret::expose_secret);
    secrets
        .filter(|secret| secret.len() >= SHORTEST)
        .fold(text.to_owned(), |text, secret| {
            // In a line of JSON some letters are written in another way.
            let escaped = Value::from(secret).to_string();
            let escaped = escaped.trim_matches('"');
            text.replace(secret, HIDDEN).replace(escaped, HIDDEN)
        })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_bundle_holds_the_run_and_no_secret() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::below(root.path());
        let folder = home.cluster("demo");
        let line = r#"{"v":1,"code":"log","text":"refused for hunter2"}"#;
        home::write_secret(&folder.events(), format!("{line}\nhalf a li").as_bytes()).unwrap();
        let typed = BTreeMap::from([("PVE".to_owned(), SecretString::from("hunter2"))]);
        let why = "WHY demo\n  cause hunter2";
        let done = write(&home, &folder, why, &typed, Timestamp::UNIX_EPOCH).unwrap();
        let Done::Bundled { path } = done else {
            panic!("{done:?}")
        };
        assert!(path.ends_with("bundles/demo-19700101T000000Z.json"), "{path}");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        let bundle: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(bundle["why"][1], "  cause (hidden)");
        assert_eq!(bundle["events"][0]["text"], "refused for (hidden)");
        assert_eq!(bundle["events"].as_array().unwrap().len(), 1);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }
}
