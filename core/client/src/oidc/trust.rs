//! Whether a cluster takes an ID token: its API server is asked who the bearer is.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::error::OidcError;
use crate::address::ServerAddress;
use crate::http::{CallError, Server};

/// What errors call it.
const ROLE: &str = "a Kubernetes API server";
const REVIEWS: [&str; 4] = ["apis", "authentication.k8s.io", "v1", "selfsubjectreviews"];
/// Who everybody is that an API server does not know.
const ANONYMOUS: &str = "system:anonymous";

/// A question to an API server: who am I?
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    api_version: &'static str,
    kind: &'static str,
}

#[derive(Deserialize)]
struct Review {
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    user_info: UserInfo,
}

#[derive(Deserialize)]
struct UserInfo {
    username: String,
}

/// Connections to an API server.
pub(super) fn api(address: ServerAddress, authority: Option<&str>) -> Result<Server, OidcError> {
    let server = Server::of(ROLE, address.clone(), authority.map(str::as_bytes));
    server.map_err(|source| OidcError::Authority { address, source })
}

/// Asks an API server who the bearer of an ID token is; nothing: it knows, and does not tell.
pub(super) async fn ask(
    api: &Server,
    id_token: &SecretString,
    issuer: &str,
    client_id: &str,
) -> Result<Option<String>, OidcError> {
    let question = Question {
        api_version: "authentication.k8s.io/v1",
        kind: "SelfSubjectReview",
    };
    let not_trusted = |source| OidcError::NotTrusted {
        api: api.address().clone(),
        issuer: issuer.to_owned(),
        client_id: client_id.to_owned(),
        source: Box::new(source),
    };
    match api.post::<Review>(&REVIEWS, &question, Some(id_token)).await {
        Ok(review) if review.status.user_info.username == ANONYMOUS => {
            Err(not_trusted(api.answer(format!("it takes the bearer for {ANONYMOUS}"))))
        }
        Ok(review) => Ok(Some(review.status.user_info.username)),
        Err(error @ CallError::Refused { status: 401, .. }) => Err(not_trusted(error)),
        // Only somebody whom it knows can be forbidden to ask.
        Err(CallError::Refused { status: 403, words, .. }) if !words.contains(ANONYMOUS) => Ok(None),
        Err(error @ CallError::Refused { .. }) => Err(OidcError::Api(error)),
        Err(error) => Err(error.into()),
    }
}
