//! Rotations of certificates: how one is asked for on a TenantCluster, and how a Secret tells that it is done.

use butler_api::labels;
use serde_json::Value;

use crate::world::tenants;

pub(super) use tenants::RotationScope as Scope;

/// Annotation on the Secret of a kubeconfig: when its rotation was done.
pub(super) const COMPLETED: &str = "butler.butlerlabs.dev/rotation-completed";

/// A rotation that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rotation {
    /// When, which names it.
    pub initiated: String,
    pub by: String,
    pub scope: Scope,
    /// Names of the Secrets that it makes anew.
    pub secrets: Vec<String>,
}

impl Rotation {
    /// The rotation that was asked for last.
    pub(super) fn of(cluster: &Value) -> Option<Self> {
        let mark = |name: &str| annotation(cluster, name).unwrap_or("").to_owned();
        let secrets = mark(labels::ROTATION_SECRETS);
        let secrets = secrets.split(',').filter(|name| !name.is_empty());
        Some(Self {
            initiated: annotation(cluster, labels::ROTATION_INITIATED)?.to_owned(),
            by: mark(labels::ROTATION_BY),
            scope: Scope::parse(&mark(labels::ROTATION_TYPE))?,
            secrets: secrets.map(str::to_owned).collect(),
        })
    }

    /// When it was done, by the Secret of the kubeconfig; none while it is not.
    pub(super) fn completed<'a>(&self, holder: &'a Value) -> Option<&'a str> {
        let of_it = annotation(holder, labels::ROTATION_INITIATED) == Some(&self.initiated);
        annotation(holder, COMPLETED).filter(|_| of_it)
    }
}

fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object["metadata"]["annotations"].get(name).and_then(Value::as_str)
}
