//! What lists show of ProviderConfigs.

use butler_api::conditions::types::READY;
use butler_api::v1alpha1::ProviderConfig;
use butler_api::v1alpha1::shared::ProviderType;
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Api, DynamicObject};
use kube::core::ApiResource;
use serde_json::Value;

use crate::pages;
use crate::reach::Reach;

/// The ProviderConfigs of all namespaces, as the API server has them.
pub async fn all(reach: &Reach) -> Result<Vec<DynamicObject>, kube::Error> {
    let kind = ApiResource::erase::<ProviderConfig>(&());
    pages::all(&Api::all_with(reach.client.clone(), &kind)).await
}

/// What is shown of a ProviderConfig. Objects of any Butler are shown, also those that this one cannot read as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name.
    pub name: String,
    /// The namespace.
    pub namespace: String,
    /// The platform.
    pub provider: String,
    /// Whether its credentials were checked, and with what outcome.
    pub validated: Validated,
    /// Where the platform is.
    pub endpoint: Option<String>,
    /// `platform`, or the team that may use it.
    pub scope: String,
    /// Where addresses come from.
    pub network_mode: Option<String>,
    /// The Secret with the credentials, with its namespace where that is another one.
    pub secret: Option<String>,
    /// The release of the platform.
    pub version: Option<String>,
    /// When the credentials were last checked.
    pub checked: Option<Timestamp>,
    /// When the object was made.
    pub created: Option<Timestamp>,
}

/// What a check of credentials and platform came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Validated {
    /// All is well.
    Ready,
    /// It was not; why, where that is told.
    Failed(Option<String>),
    /// Nobody has checked.
    Pending,
}

impl Validated {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Failed(_) => "Failed",
            Self::Pending => "Pending",
        }
    }
}

impl Row {
    /// What an object says.
    pub fn of(object: &DynamicObject) -> Self {
        let at = |path: &str| object.data.pointer(path);
        let text = |path: &str| at(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        let own = |path: &str| text(path).map(str::to_owned);
        let namespace = super::namespace_of(object);
        let secret = text("/spec/credentialsRef/name").map(|name| match text("/spec/credentialsRef/namespace") {
            Some(other) if other != namespace => format!("{other}/{name}"),
            _ => name.to_owned(),
        });
        Self {
            name: object.name_any(),
            provider: own("/spec/provider").unwrap_or_else(|| "-".to_owned()),
            validated: validated(&object.data),
            endpoint: endpoint(&object.data),
            scope: match team_of(object) {
                Some(team) => format!("team {team}"),
                None => text("/spec/scope/type").unwrap_or("platform").to_owned(),
            },
            network_mode: own("/spec/network/mode"),
            secret,
            version: own("/status/providerVersion"),
            checked: text("/status/lastValidationTime").and_then(|text| text.parse().ok()),
            created: object.metadata.creation_timestamp.as_ref().map(|time| time.0),
            namespace,
        }
    }
}

/// The only team that may use a ProviderConfig; none where all may.
pub fn team_of(object: &DynamicObject) -> Option<&str> {
    let text = |path: &str| object.data.pointer(path).and_then(Value::as_str);
    let team = text("/spec/scope/teamRef/name").filter(|team| !team.is_empty());
    team.filter(|_| text("/spec/scope/type") == Some("team"))
}

fn validated(object: &Value) -> Validated {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let mut conditions = conditions.into_iter().flatten();
    let ready = conditions.find(|condition| condition["type"] == READY);
    let is_false = ready.is_some_and(|condition| condition["status"] == "False");
    let validated = object.pointer("/status/validated").and_then(Value::as_bool);
    match (validated, is_false) {
        (Some(true), _) => Validated::Ready,
        (_, true) => {
            let message = ready.and_then(|condition| condition["message"].as_str());
            Validated::Failed(message.filter(|text| !text.is_empty()).map(str::to_owned))
        }
        _ => Validated::Pending,
    }
}

/// Where a platform is, in what tells one from another.
fn endpoint(object: &Value) -> Option<String> {
    let text = |path: &str| {
        object
            .pointer(path)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let found = match ProviderType::from(text("/spec/provider")?) {
        ProviderType::Proxmox => text("/spec/proxmox/endpoint"),
        ProviderType::Nutanix => text("/spec/nutanix/endpoint"),
        ProviderType::Harvester => text("/spec/harvester/endpoint").or(Some("(of its kubeconfig)")),
        ProviderType::Aws => text("/spec/aws/region"),
        ProviderType::Azure => text("/spec/azure/subscriptionID"),
        ProviderType::Gcp => {
            let (project, region) = (text("/spec/gcp/projectID")?, text("/spec/gcp/region")?);
            return Some(format!("{project}/{region}"));
        }
        ProviderType::Local | ProviderType::InMemory | ProviderType::Static | ProviderType::Other(_) => None,
    };
    found.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(spec: &Value, status: &Value) -> Row {
        let object = json!({
            "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "ProviderConfig",
            "metadata": {"name": "lab", "namespace": "butler-system"}, "spec": spec, "status": status,
        });
        Row::of(&serde_json::from_value(object).unwrap())
    }

    #[test]
    fn endpoints_are_what_tells_one_platform_from_another() {
        let endpoint = |spec: Value| row(&spec, &json!({})).endpoint;
        let proxmox = json!({"provider": "proxmox", "proxmox": {"endpoint": "https://pve:8006"}});
        assert_eq!(endpoint(proxmox).as_deref(), Some("https://pve:8006"));
        let gcp = json!({"provider": "gcp", "gcp": {"projectID": "p", "region": "r"}});
        assert_eq!(endpoint(gcp).as_deref(), Some("p/r"));
        let harvester = json!({"provider": "harvester", "harvester": {"networkName": "a/b"}});
        assert_eq!(endpoint(harvester).as_deref(), Some("(of its kubeconfig)"));
        assert_eq!(endpoint(json!({"provider": "vsphere"})), None);
    }

    #[test]
    fn what_a_check_came_to_is_told_with_its_reason() {
        let validated = |status: Value| row(&json!({"provider": "local"}), &status).validated;
        assert_eq!(validated(json!({})), Validated::Pending);
        assert_eq!(validated(json!({"validated": true})), Validated::Ready);
        let failed = json!({"validated": false, "conditions": [{"type": "Ready", "status": "False", "message": "no"}]});
        assert_eq!(validated(failed), Validated::Failed(Some("no".into())));
    }

    #[test]
    fn scopes_are_objects() {
        let scope = |scope: Value| row(&json!({"provider": "local", "scope": scope}), &json!({})).scope;
        assert_eq!(scope(json!({"type": "team", "teamRef": {"name": "a"}})), "team a");
        assert_eq!(scope(json!({"type": "platform"})), "platform");
        assert_eq!(scope(Value::Null), "platform");
    }
}
