//! What is known before anything is asked.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use butler_addons::{ClusterFacts, block};
use butler_api::config::BootstrapConfig;
use butler_files::{
    home::{self, Home},
    read,
};
use butler_terminal::{Env, Exit, Failure};
use butler_wizard::session::{AddonPlanner, Facts, PlannedAddon, Reader};

/// The largest file that a configuration names and that is looked into.
const LARGEST: u64 = 1 << 20;

/// Names of variables, clusters of the home, and what is found on this computer. No value of a variable is among it.
pub(crate) fn of(home: &Home, env: &Env) -> Result<Facts, Failure> {
    let made = home.made_clusters().map_err(|e| {
        Failure::from_error(Exit::Failed, &e).while_doing(format!("cannot read {}", home.clusters().display()))
    })?;
    let mut variables: Vec<String> = env
        .variables()
        .all()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, _)| name.into_string().ok())
        .collect();
    variables.sort();
    Ok(Facts {
        variables,
        clusters: made.iter().map(|folder| folder.cluster().to_owned()).collect(),
        found: found(env),
        reader: Some(reader(Path::new(""))),
        addons: Some(AddonPlanner(Arc::new(addons))),
        ..Facts::default()
    })
}

/// Reads the files that a configuration in this folder names.
pub(crate) fn reader(folder: &Path) -> Reader {
    let folder = folder.to_owned();
    Reader(Arc::new(move |path: &str| text(&folder, path)))
}

/// The addons of a configuration. One that is refused says so when it is judged; it installs none.
fn addons(config: &BootstrapConfig) -> Vec<PlannedAddon> {
    let planned = butler_addons::plan(config, &ClusterFacts::default()).unwrap_or_else(|_| Vec::new());
    let addon = |addon: butler_addons::Addon| {
        let block = block(&addon.name);
        PlannedAddon {
            block: block.map(|block| block.path.to_owned()),
            serves: block.and_then(|block| block.serves).map(str::to_owned),
            name: addon.name,
            needs: addon.needs,
        }
    };
    planned.into_iter().map(addon).collect()
}

fn text(folder: &Path, path: &str) -> Result<String, String> {
    let path = home::resolve_in(folder, Path::new(path)).map_err(|e| e.to_string())?;
    let bytes = read::file(&path, LARGEST).map_err(|e| e.to_string())?;
    String::from_utf8(bytes).map_err(|_| "it is no text in UTF-8".to_owned())
}

/// What speaks for a platform on this computer.
fn found(env: &Env) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if let Some(files) = env.text("KUBECONFIG") {
        found.insert("harvester".to_owned(), format!("found: KUBECONFIG={files}"));
    }
    for (platform, variable) in [
        ("aws", "AWS_PROFILE"),
        ("aws", "AWS_ACCESS_KEY_ID"),
        ("azure", "AZURE_SUBSCRIPTION_ID"),
        ("gcp", "GOOGLE_APPLICATION_CREDENTIALS"),
    ] {
        if env.get(variable).is_some() {
            found.insert(platform.to_owned(), format!("found: {variable} is set"));
        }
    }
    found
}
