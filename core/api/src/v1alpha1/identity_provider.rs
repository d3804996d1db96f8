//! IdentityProvider: an OIDC login source.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    schema,
    shared::SecretRef,
    wire::{self, wire_enum},
};

/// What is wanted of an IdentityProvider.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "IdentityProvider",
    plural = "identityproviders",
    shortname = "idp",
    status = "IdentityProviderStatus",
    doc = "IdentityProvider: an OIDC login source.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Type", "jsonPath": ".spec.type", "type": "string"}"#,
    printcolumn = r#"{"name": "Issuer", "jsonPath": ".spec.oidc.issuerURL", "type": "string"}"#,
    printcolumn = r#"{"name": "Phase", "jsonPath": ".status.phase", "type": "string"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct IdentityProviderSpec {
    /// Text of the login button; absent means guessed from the issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Settings for type oidc.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<OidcSettings>,
    /// Groups that have a role on the whole platform; the highest counts.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub platform_role_groups: Vec<PlatformRoleGroup>,
    /// Kind of login source.
    pub r#type: IdentityProviderType,
}

/// Settings of an OIDC client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OidcSettings {
    /// Id of the client at the provider.
    #[serde(rename = "clientID")]
    #[schemars(length(min = 1))]
    pub client_id: String,
    /// Secret with the key `client-secret`.
    pub client_secret_ref: SecretRef,
    /// Claim that holds the e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "email"))]
    pub email_claim: Option<String>,
    /// Looks groups up at Google, whose tokens carry none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub google_workspace: Option<GoogleWorkspace>,
    /// Claim that holds the groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "groups"))]
    pub groups_claim: Option<String>,
    /// Only accounts of this domain (Google).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosted_domain: Option<String>,
    /// Whether the issuer's certificate goes unchecked; for development.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub insecure_skip_verify: Option<bool>,
    /// Issuer; discovery adds `/.well-known/openid-configuration`.
    #[serde(rename = "issuerURL")]
    #[schemars(regex(pattern = r"^https://"))]
    pub issuer_url: String,
    /// Where the provider sends browsers back to: `https://<console>/api/auth/callback`.
    #[serde(rename = "redirectURL")]
    #[schemars(regex(pattern = r"^https?://"))]
    pub redirect_url: String,
    /// Scopes to ask for; empty means openid, email and profile.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub scopes: Vec<String>,
}

/// Group lookup at Google.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoogleWorkspace {
    /// Administrator that the service account acts as.
    #[schemars(extend("format" = "email"))]
    pub admin_email: String,
    /// Secret with the key `service-account.json`.
    pub service_account_secret_ref: SecretRef,
}

/// A group with a role on the whole platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlatformRoleGroup {
    /// Name of the group at the provider.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Role of its members.
    pub role: GroupPlatformRole,
}

/// What was observed of an IdentityProvider.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityProviderStatus {
    /// What was last observed, by condition type.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// What discovery found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discovered_endpoints: Option<DiscoveredEndpoints>,
    /// When the settings were last checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_validated_time: Option<Time>,
    /// A sentence about the current state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The `metadata.generation` this status speaks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the object is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<IdentityProviderPhase>,
}

/// What OIDC discovery found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveredEndpoints {
    /// Where logins begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    /// Where the signing keys are.
    #[serde(rename = "jwksURI", skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Where tokens are issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    /// Where claims can be asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_info_endpoint: Option<String>,
}

wire_enum! {
    /// Roles that a group may have on the whole platform.
    GroupPlatformRole {
        Admin = "admin",
        Viewer = "viewer",
    }
}

wire_enum! {
    /// Kinds of login sources.
    IdentityProviderType {
        Oidc = "oidc",
    }
}

wire_enum! {
    /// Phase of an IdentityProvider.
    IdentityProviderPhase {
        Pending = "Pending",
        Ready = "Ready",
        Failed = "Failed",
    }
}
