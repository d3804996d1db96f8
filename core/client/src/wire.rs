//! What Butler's server says about logins, as it says it.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// The answer to the beginning of a device login.
#[derive(Debug, Clone, Deserialize)]
pub struct DeviceAnswer {
    /// What the token is asked with. Whoever has it can take the login over.
    pub device_code: SecretString,
    /// What a person types on the page.
    pub user_code: String,
    /// The address of the page. Some providers use the name of an early draft.
    #[serde(alias = "verification_url")]
    pub verification_uri: String,
    /// How long both codes are good for, in seconds.
    pub expires_in: u64,
    /// How long to wait between two questions, in seconds.
    #[serde(default)]
    pub interval: u64,
}

/// The answer to a login that was approved, and to a refresh.
#[derive(Debug, Clone, Deserialize)]
pub struct TokenAnswer {
    /// Who logged in.
    pub user: Person,
    /// A kubeconfig for the management cluster, in base64.
    pub kubeconfig: SecretString,
    /// When the token in the kubeconfig ends.
    pub expires_at: Timestamp,
    /// The token for the server itself. Older servers give none.
    #[serde(default)]
    pub session_token: Option<SecretString>,
    /// When that ends.
    #[serde(default)]
    pub session_expires_at: Option<Timestamp>,
    /// What the next refresh is asked with, once.
    pub refresh_token: SecretString,
    /// When that ends.
    pub refresh_expires_at: Timestamp,
}

/// A person, as the server knows one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// The e-mail address: the identity.
    pub email: String,
    /// The name for people.
    #[serde(default)]
    pub name: String,
    /// Teams and what the person is in each, by name. The server tells them in no order.
    #[serde(default, deserialize_with = "sorted", skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<Membership>,
    /// Whether the person may do everything.
    #[serde(default)]
    pub is_platform_admin: bool,
}

/// What a person is in a team.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Membership {
    /// The name of the team.
    pub name: String,
    /// `admin`, `operator` or `viewer`.
    pub role: String,
}

/// Absent and null are no teams.
fn sorted<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Membership>, D::Error> {
    let teams = Option::<Vec<Membership>>::deserialize(deserializer)?;
    let mut teams = teams.unwrap_or_else(Vec::new);
    teams.sort();
    Ok(teams)
}

/// A failure, in the envelope of most routes.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ErrorAnswer {
    pub error: Option<String>,
    /// Where a Kubernetes API server puts its words.
    pub message: Option<String>,
    #[serde(default)]
    pub errors: Vec<FieldError>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct FieldError {
    pub field: String,
    pub reason: String,
}

impl ErrorAnswer {
    /// The words of a failure; the content type says nothing, because the server's middleware sends JSON as text. A body
    /// that is no envelope tells by itself.
    pub(crate) fn words(body: &str) -> String {
        let Ok(answer) = serde_json::from_str::<Self>(body) else {
            let line = body.lines().next().map_or("", str::trim);
            return line.chars().take(200).collect();
        };
        let fields = answer
            .errors
            .iter()
            .map(|error| format!("{}: {}", error.field, error.reason));
        let all: Vec<String> = answer.error.or(answer.message).into_iter().chain(fields).collect();
        all.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn teams_are_sorted_and_may_be_absent() {
        let person = |teams: &str| serde_json::from_str::<Person>(&format!("{{\"email\":\"a@b\"{teams}}}")).unwrap();
        let teams =
            person(",\"teams\":[{\"name\":\"b\",\"role\":\"viewer\"},{\"name\":\"a\",\"role\":\"admin\"}]").teams;
        assert_eq!(
            teams.iter().map(|team| team.name.as_str()).collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert!(person(",\"teams\":null").teams.is_empty());
        assert!(person("").teams.is_empty());
    }

    #[test]
    fn every_shape_of_a_failure_gives_its_words() {
        let words = ErrorAnswer::words;
        assert_eq!(words("{\"error\":\"invalid session\"}\n"), "invalid session");
        assert_eq!(words("{\"errors\":[{\"field\":\"a\",\"reason\":\"no\"}]}"), "a: no");
        assert_eq!(
            words("{\"kind\":\"Status\",\"message\":\"Unauthorized\"}"),
            "Unauthorized"
        );
        assert_eq!(words("404 page not found\n"), "404 page not found");
        assert_eq!(words(""), "");
    }
}
