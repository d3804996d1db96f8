//! Who makes a request: the holder of a token, the subject of a client certificate, or nobody who is known.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::User;
use super::tokens::Tokens;
use crate::pki::Subject;
use crate::status::StatusError;
use crate::store::Store;

/// The user of a request with these headers, over a connection with a certificate of `subject`. A token counts before the
/// certificate.
pub(crate) fn user(
    headers: &HeaderMap,
    subject: Option<Subject>,
    tokens: &Tokens,
    store: &Store,
) -> Result<User, StatusError> {
    // To ignore these would be to act with rights that are not meant.
    if headers.keys().any(|name| name.as_str().starts_with("impersonate-")) {
        return Err(StatusError::new(
            501,
            "NotImplemented",
            "impersonation (kubectl --as) is not implemented by this server",
        ));
    }
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(token) = header.and_then(|header| header.strip_prefix("Bearer ")) {
        let now = jiff::Timestamp::now().as_second();
        let user = tokens.user(token.trim(), store, now);
        return user.ok_or_else(|| StatusError::new(401, "Unauthorized", "Unauthorized"));
    }
    Ok(match subject {
        Some(Subject { name, groups }) => User::authenticated(name, groups),
        None => User::anonymous(),
    })
}
