//! User: an account of console and command line.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    schema,
    shared::SecretRef,
    wire::{self, Credential, wire_enum},
};

/// What is wanted of a User.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "User",
    plural = "users",
    shortname = "usr",
    status = "UserStatus",
    doc = "User: an account of console and command line.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Email", "jsonPath": ".spec.email", "type": "string"}"#,
    printcolumn = r#"{"name": "Display Name", "jsonPath": ".spec.displayName", "type": "string"}"#,
    printcolumn = r#"{"name": "Auth", "jsonPath": ".spec.authType", "type": "string"}"#,
    printcolumn = r#"{"name": "Platform Admin", "jsonPath": ".spec.isPlatformAdmin", "type": "boolean"}"#,
    printcolumn = r#"{"name": "Phase", "jsonPath": ".status.phase", "type": "string"}"#,
    printcolumn = r#"{"name": "Last Login", "jsonPath": ".status.lastLoginTime", "type": "date"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct UserSpec {
    /// How the person logs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "internal"))]
    pub auth_type: Option<AuthType>,
    /// URL of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// Whether logins are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub disabled: Option<bool>,
    /// Name shown to people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// E-mail, the key that teams know people by; compared without case.
    #[schemars(extend("format" = "email"))]
    pub email: String,
    /// Deprecated; the higher of this and `platformRole` counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub is_platform_admin: Option<bool>,
    /// Role on the whole platform; `viewer` reads everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_role: Option<PlatformRole>,
    /// Public keys for workspaces.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ssh_keys: Vec<SshKey>,
    /// IdentityProvider of an SSO user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sso_provider: Option<String>,
    /// Subject claim of an SSO user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sso_subject: Option<String>,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SshKey {
    /// When it was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added_at: Option<Time>,
    /// SHA-256 fingerprint of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Name of the key.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// The key in OpenSSH form.
    #[schemars(length(min = 1))]
    pub public_key: String,
}

/// What was observed of a User.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserStatus {
    /// What was last observed; one owner for the whole list.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::atomic_conditions")]
    pub conditions: Vec<Condition>,
    /// Failed logins since the last good one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_login_attempts: Option<i32>,
    /// When the invitation ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite_expires_at: Option<Time>,
    /// When the invitation was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite_sent_at: Option<Time>,
    /// SHA-256 of the invitation token, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite_token_hash: Option<Credential>,
    /// When the person last logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_login_time: Option<Time>,
    /// Groups of the last login, as the identity provider named them.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub last_seen_groups: Vec<String>,
    /// Until when logins are refused after too many failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked_until: Option<Time>,
    /// Logins so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_count: Option<i64>,
    /// When the password last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_changed_at: Option<Time>,
    /// Secret with the bcrypt hash, key `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_secret_ref: Option<SecretRef>,
    /// Where the object is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<UserPhase>,
    /// Teams the person belongs to.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub teams: Vec<TeamMembership>,
    /// When `teams` last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teams_resolved_at: Option<Time>,
}

/// A team and the role in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamMembership {
    /// Name of the team.
    pub name: String,
    /// Role in it.
    pub role: String,
}

wire_enum! {
    /// How a person logs in.
    AuthType {
        Sso = "sso",
        Internal = "internal",
    }
}

wire_enum! {
    /// Role of a person on the whole platform; the empty word means none.
    PlatformRole {
        Admin = "admin",
        Viewer = "viewer",
        Unset = "",
    }
}

wire_enum! {
    /// Phase of a User.
    UserPhase {
        Pending = "Pending",
        Active = "Active",
        Disabled = "Disabled",
        Locked = "Locked",
    }
}
