//! The answer of `version`.

use butler_api::config::versions;
use serde::Serialize;

use crate::{Answer, Table};

/// The Talos release of a configuration that names none.
const DEFAULT_TALOS: &str = "v1.12.1";

/// What was built, and what it installs unless told otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolVersion {
    /// Name of the tool, as it is called on the command line.
    pub name: &'static str,
    /// Release of the tool.
    pub version: &'static str,
    /// The commit it was built from, if the build was told (`BUTLER_COMMIT`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<&'static str>,
    /// Talos release of a new cluster.
    #[serde(rename = "defaultTalos")]
    pub default_talos: &'static str,
    /// Kubernetes release of a new cluster.
    #[serde(rename = "defaultKubernetes")]
    pub default_kubernetes: String,
}

impl ToolVersion {
    /// The version of a tool of this workspace.
    pub fn of(name: &'static str) -> Self {
        let kubernetes = versions::parse(DEFAULT_TALOS).and_then(|talos| versions::default_kubernetes(&talos));
        let kubernetes =
            kubernetes.expect("the default Talos release is one of those that a Kubernetes release is known of");
        Self {
            name,
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("BUTLER_COMMIT").filter(|commit| !commit.is_empty()),
            default_talos: DEFAULT_TALOS,
            default_kubernetes: format!("v{kubernetes}"),
        }
    }
}

impl Answer for ToolVersion {
    fn table(&self) -> Table {
        let fields = [
            (self.name, Some(self.version)),
            ("commit", self.commit),
            ("default Talos", Some(self.default_talos)),
            ("default Kubernetes", Some(self.default_kubernetes.as_str())),
        ];
        Table::fields(fields.into_iter().filter_map(|(label, value)| Some((label, value?))))
    }

    fn names(&self) -> Vec<String> {
        vec![self.version.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_one_of_the_configuration() {
        let schema: serde_json::Value = serde_json::to_value(butler_api::config::json_schema()).unwrap();
        let text = schema.to_string();
        let version = ToolVersion::of("butleradm");
        assert!(
            text.contains(&format!(r#""default":"{}""#, version.default_talos)),
            "{text}"
        );
        assert!(version.default_kubernetes.starts_with("v1."), "{version:?}");
    }
}
