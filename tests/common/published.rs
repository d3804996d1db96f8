//! The definitions of Butler's kinds for a real API server.

use serde_json::Value;

use crate::reference;

/// The published definitions where they are at hand, else our own; `what` is tested with them.
pub(crate) fn definitions(what: &str) -> Vec<Value> {
    let Some(folder) = reference::find("crds/butler", &format!("{what} with the published definitions")) else {
        let own = butler_api::v1alpha1::all_crds().iter();
        let mut own: Vec<Value> = own.map(|one| serde_json::to_value(one).unwrap()).collect();
        for definition in &mut own {
            definition["apiVersion"] = "apiextensions.k8s.io/v1".into();
            definition["kind"] = "CustomResourceDefinition".into();
        }
        return own;
    };
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files
        .map(|path| serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
        .collect()
}
