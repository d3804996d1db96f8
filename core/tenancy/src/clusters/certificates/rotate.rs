//! The rotation of the certificates of a tenant cluster, which Butler's server does.

use std::time::Duration;

use butler_client::logged_in::{LoggedIn, ServerError};
use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clusters::read::{Found, ReadError};
use crate::reach::Reach;
use crate::transport::Operation;

/// The first pause between two looks; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The kubeconfigs.
    Kubeconfigs,
    /// All certificates but the authority.
    All,
    /// The authority, and with it everything.
    Ca,
}

/// A rotation, as Butler's server tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// What is rotated.
    #[serde(default)]
    pub r#type: String,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiated_by: Option<String>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiated_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// How far it is.
    pub status: String,
    /// The Secrets that are made anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affected_secrets: Option<Vec<String>>,
    /// What there is to be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Where a rotation has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Completed,
    /// It did not succeed.
    Failed,
    /// It goes on.
    Running,
}

#[derive(Serialize)]
struct Form {
    r#type: Kind,
    acknowledge: bool,
}

impl Rotation {
    /// Where it has come to. What is told of an earlier one says nothing of it.
    pub fn outcome(&self, begun: Option<Timestamp>) -> Outcome {
        let is_earlier = begun.is_some_and(|begun| self.initiated_at.is_none_or(|this| this < begun));
        match self.status.as_str() {
            _ if is_earlier => Outcome::Running,
            "completed" => Outcome::Completed,
            "failed" => Outcome::Failed,
            _ => Outcome::Running,
        }
    }
}

/// Begins a rotation.
pub async fn begin(reach: &Reach, found: &Found, kind: Kind) -> Result<Rotation, ReadError> {
    let server = server(reach)?;
    let form = Form {
        r#type: kind,
        acknowledge: kind == Kind::Ca,
    };
    let path = [
        "api",
        "clusters",
        &found.namespace,
        &found.name,
        "certificates",
        "rotate",
    ];
    let begun = server.send(Method::POST, &path, Some(&form)).await;
    begun.map_err(|source| ReadError::Rotation {
        name: found.name.clone(),
        source: Box::new(source),
    })
}

fn server(reach: &Reach) -> Result<&LoggedIn, ReadError> {
    reach.server.as_ref().ok_or(ReadError::NobodyToAsk(Operation::Rotation))
}

/// Looks until a rotation is over. A look that fails and may succeed later does not end it.
pub async fn over(reach: &Reach, found: &Found, begun: &Rotation) -> Result<Rotation, ReadError> {
    let server = server(reach)?;
    let path = [
        "api",
        "clusters",
        &found.namespace,
        &found.name,
        "certificates",
        "rotation-status",
    ];
    let mut pause = FIRST_PAUSE;
    loop {
        match server.get::<Rotation>(&path, &[]).await {
            Ok(now) if now.outcome(begun.initiated_at) != Outcome::Running => return Ok(now),
            Ok(_) => {}
            Err(ServerError::Call(error)) if error.may_pass() => {}
            Err(source) => {
                return Err(ReadError::Server {
                    what: format!(
                        "how far the rotation of the certificates of tenant cluster {} is",
                        found.name
                    ),
                    source: Box::new(source),
                });
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_earlier_rotation_does_not_end_this_one() {
        let told = |status: &str, at: &str| -> Rotation {
            serde_json::from_value(json!({"type": "all", "status": status, "initiatedAt": at})).unwrap()
        };
        let begun = told("in_progress", "2026-11-21T04:46:00Z");
        let outcome = |status, at| told(status, at).outcome(begun.initiated_at);
        assert_eq!(outcome("completed", "2026-11-20T04:46:00Z"), Outcome::Running);
        assert_eq!(outcome("completed", "2026-11-21T04:46:00Z"), Outcome::Completed);
        assert_eq!(outcome("failed", "2026-11-21T04:46:00Z"), Outcome::Failed);
        assert_eq!(outcome("unknown", "0001-01-01T00:00:00Z"), Outcome::Running);
    }
}
