//! What lists show of teams.

use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::Value;

use super::access;
use crate::pages;
use crate::reach::Reach;

/// All teams, as the API server has them.
pub async fn all(reach: &Reach) -> Result<Vec<DynamicObject>, kube::Error> {
    pages::all(&super::api(reach)).await
}

/// What is shown of a team. Objects of any Butler are shown, also those that this one cannot read as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name.
    pub name: String,
    /// The name for people.
    pub display_name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// How far it is; nothing as long as no controller has said so. What is being deleted is `Terminating`, whatever was said before.
    pub phase: Option<String>,
    /// Why it is not ready, where a controller says so.
    pub message: Option<String>,
    /// How many clusters it has, as far as a controller has counted.
    pub clusters: Option<i64>,
    /// People who were named one by one, with their roles.
    pub members: Vec<(String, String)>,
    /// Groups with their roles and the identity provider that counts.
    pub groups: Vec<Group>,
    /// The namespace, once it is there.
    pub namespace: Option<String>,
    /// How close it is to its limits.
    pub quota: Option<String>,
    /// The name of its ProviderConfig.
    pub provider: Option<String>,
    /// Its environments.
    pub environments: Vec<String>,
    /// Its limits, by the names of their fields.
    pub limits: Vec<(String, String)>,
    /// When it was made.
    pub created: Option<Timestamp>,
}

/// A group of an identity provider in a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The name.
    pub name: String,
    /// The role of its people.
    pub role: String,
    /// The IdentityProvider that must have told it.
    pub provider: Option<String>,
}

impl Row {
    /// What an object says.
    pub fn of(object: &DynamicObject) -> Self {
        let at = |path: &str| object.data.pointer(path);
        let text = |path: &str| at(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        let own = |path: &str| text(path).map(str::to_owned);
        let list = |path: &str| at(path).and_then(Value::as_array).into_iter().flatten();
        let name = |entry: &Value| access::text(entry, "name").to_owned();
        let phase = match object.metadata.deletion_timestamp {
            Some(_) => Some("Terminating".to_owned()),
            None => own("/status/phase"),
        };
        let groups = list("/spec/access/groups").map(|entry| Group {
            name: name(entry),
            role: access::role_of(entry),
            provider: Some(access::text(entry, "identityProvider").to_owned()).filter(|name| !name.is_empty()),
        });
        let members = list("/spec/access/users").map(|entry| (name(entry), access::role_of(entry)));
        let limits = at("/spec/resourceLimits")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        Self {
            name: object.name_any(),
            display_name: own("/spec/displayName"),
            description: own("/spec/description"),
            phase,
            message: not_ready(object),
            clusters: at("/status/clusterCount").and_then(Value::as_i64),
            members: members.collect(),
            groups: groups.collect(),
            namespace: own("/status/namespace"),
            quota: own("/status/quotaStatus"),
            provider: own("/spec/providerConfigRef/name"),
            environments: list("/spec/environments").map(name).collect(),
            limits: limits.map(|(name, value)| (name.clone(), shown(value))).collect(),
            created: object.metadata.creation_timestamp.as_ref().map(|time| time.0),
        }
    }
}

/// What the condition Ready says, where it says no.
fn not_ready(object: &DynamicObject) -> Option<String> {
    let conditions = object.data.pointer("/status/conditions")?.as_array()?;
    let ready = conditions.iter().find(|one| access::text(one, "type") == "Ready")?;
    let message = access::text(ready, "message");
    (access::text(ready, "status") != "True" && !message.is_empty()).then(|| message.to_owned())
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(entries) => entries.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
