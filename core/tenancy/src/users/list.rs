//! What lists show of people.

use butler_api::v1alpha1::user::{PlatformRole, UserPhase};
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::pages;
use crate::reach::Reach;

/// All accounts, as the API server has them.
pub async fn all(reach: &Reach) -> Result<Vec<DynamicObject>, kube::Error> {
    pages::all(&super::api(reach)).await
}

/// What is shown of an account. Objects of any Butler are shown, also those that this one cannot read as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name of the object.
    pub name: String,
    /// The address.
    pub email: Option<String>,
    /// The name for people.
    pub display_name: Option<String>,
    /// Whether the account can be used. Who is disabled is so at once, whatever the controller has said before.
    pub phase: Option<String>,
    /// `internal`: a password; `sso`: an identity provider.
    pub auth_type: String,
    /// The identity provider.
    pub provider: Option<String>,
    /// What the person may do on the whole platform.
    pub platform: Platform,
    /// Logins are refused.
    pub disabled: bool,
    /// When the person last logged in.
    pub last_login: Option<Timestamp>,
    /// How often the person has logged in.
    pub logins: Option<i64>,
    /// Teams with the role in each, as the controller resolved them.
    pub teams: Vec<(String, String)>,
    /// When an invitation that is open ends.
    pub invited_until: Option<Timestamp>,
    /// When the account was made.
    pub created: Option<Timestamp>,
}

/// What somebody may do on the whole platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Everything.
    Administrator,
    /// Look at everything.
    Viewer,
    /// What teams allow.
    Nothing,
}

impl Platform {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "admin",
            Self::Viewer => "viewer",
            Self::Nothing => "-",
        }
    }
}

impl Row {
    /// What an object says.
    pub fn of(object: &DynamicObject) -> Self {
        let at = |path: &str| object.data.pointer(path);
        let text = |path: &str| at(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        let own = |path: &str| text(path).map(str::to_owned);
        let time = |path: &str| text(path).and_then(|text| text.parse().ok());
        let is = |path: &str| at(path).and_then(Value::as_bool) == Some(true);
        let disabled = is("/spec/disabled");
        let platform = match text("/spec/platformRole").map(PlatformRole::from) {
            _ if is("/spec/isPlatformAdmin") => Platform::Administrator,
            Some(PlatformRole::Admin) => Platform::Administrator,
            Some(PlatformRole::Viewer) => Platform::Viewer,
            _ => Platform::Nothing,
        };
        let phase = if disabled {
            Some(UserPhase::Disabled.to_string())
        } else {
            own("/status/phase")
        };
        Self {
            name: object.name_any(),
            email: own("/spec/email"),
            display_name: own("/spec/displayName"),
            phase,
            auth_type: own("/spec/authType").unwrap_or_else(|| "internal".to_owned()),
            provider: own("/spec/ssoProvider"),
            platform,
            disabled,
            last_login: time("/status/lastLoginTime"),
            logins: at("/status/loginCount").and_then(Value::as_i64),
            teams: teams(at("/status/teams")),
            invited_until: text("/status/inviteTokenHash").and_then(|_| time("/status/inviteExpiresAt")),
            created: object.metadata.creation_timestamp.as_ref().map(|time| time.0),
        }
    }
}

fn teams(list: Option<&Value>) -> Vec<(String, String)> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    let text = |team: &Value, key: &str| Some(team.get(key)?.as_str()?.to_owned());
    let teams = list.filter_map(|team| Some((text(team, "name")?, text(team, "role")?)));
    teams.collect()
}
