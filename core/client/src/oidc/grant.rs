//! Tokens of an issuer: by the device grant of RFC 8628, by a refresh; and how they are given back.

use jiff::{SignedDuration, Timestamp};
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::USUAL_SCOPES;
use super::error::OidcError;
use super::provider::Provider;
use crate::device::{self, Answered};
use crate::http::CallError;
use crate::login::{self, Asked, Watcher};
use crate::wire::DeviceAnswer;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A login that has begun.
pub(super) struct Begun {
    pub(super) device: DeviceAnswer,
    pub(super) scopes: Vec<String>,
    /// Shows at the end that the same program began, where the issuer looks at it.
    verifier: Option<PkceCodeVerifier>,
}

/// What an issuer gives for an approved code, and for a refresh token.
#[derive(Debug, Deserialize)]
pub(super) struct Tokens {
    #[serde(default)]
    pub(super) id_token: Option<SecretString>,
    #[serde(default)]
    pub(super) refresh_token: Option<SecretString>,
    /// How long that is good for, in seconds. No standard has it, and some issuers tell it; 0: for ever.
    #[serde(default)]
    refresh_expires_in: Option<i64>,
}

impl Tokens {
    /// When the refresh token ends, where that is known.
    pub(super) fn refresh_ends(&self, now: Timestamp) -> Option<Timestamp> {
        let seconds = self.refresh_expires_in.filter(|seconds| *seconds > 0)?;
        now.checked_add(SignedDuration::from_secs(seconds)).ok()
    }
}

/// Begins a login.
pub(super) async fn begin(provider: &Provider, client_id: &str, scopes: &[String]) -> Result<Begun, OidcError> {
    let none = || OidcError::NoDeviceGrant {
        issuer: provider.issuer().to_owned(),
    };
    let endpoint = provider
        .further()
        .device_authorization_endpoint
        .as_ref()
        .ok_or_else(none)?;
    let offered = provider.metadata().scopes_supported();
    let offered = offered.map(|all| all.iter().map(|scope| scope.as_str()).collect::<Vec<_>>());
    let scopes = scopes_of(scopes, offered.as_deref());
    let scope = scopes.join(" ");
    let mut fields = vec![("client_id", client_id), ("scope", &scope)];
    let mut methods = provider.further().code_challenge_methods_supported.iter().flatten();
    let pkce = methods.any(|method| method == "S256");
    let pkce = pkce.then(PkceCodeChallenge::new_random_sha256);
    if let Some((challenge, _)) = &pkce {
        fields.push(("code_challenge", challenge.as_str()));
        fields.push(("code_challenge_method", "S256"));
    }
    let device: DeviceAnswer = provider.ask("the login", endpoint.url(), &fields).await?;
    provider.page(&device.verification_uri)?;
    Ok(Begun {
        device,
        scopes,
        verifier: pkce.map(|(_, verifier)| verifier),
    })
}

/// What is asked for. An ID token comes only with `openid`; of the usual scopes those that an issuer does not offer are left
/// out, because some refuse what they do not know.
fn scopes_of(named: &[String], offered: Option<&[&str]>) -> Vec<String> {
    if named.is_empty() {
        let known = |scope: &&str| *scope == "openid" || offered.is_none_or(|offered| offered.contains(scope));
        return USUAL_SCOPES.into_iter().filter(known).map(str::to_owned).collect();
    }
    let mut scopes = named.to_vec();
    if !scopes.iter().any(|scope| scope == "openid") {
        scopes.insert(0, "openid".to_owned());
    }
    scopes
}

/// Waits until somebody approves the code.
pub(super) async fn wait(
    provider: &Provider,
    client_id: &str,
    begun: &Begun,
    watcher: &mut impl Watcher,
) -> Result<Tokens, OidcError> {
    let mut fields = vec![
        ("grant_type", DEVICE_CODE),
        ("device_code", begun.device.device_code.expose_secret()),
        ("client_id", client_id),
    ];
    if let Some(verifier) = &begun.verifier {
        fields.push(("code_verifier", verifier.secret()));
    }
    let question = async || match token(provider, "the login", &fields).await {
        Ok(tokens) => Ok(Asked::Given(tokens)),
        Err(error) => heard(error).map(Asked::Not),
    };
    login::poll(&begun.device, watcher, question).await
}

/// What a failed question for the token means.
fn heard(error: OidcError) -> Result<Answered, OidcError> {
    match error {
        OidcError::Refused {
            status, code, words, ..
        } => Ok(match code.as_deref() {
            // A code that it does not know (any more).
            Some("invalid_grant") => Answered::Expired,
            code => match device::answered(status, code.unwrap_or("")) {
                Answered::Refused(_) => Answered::Refused(words),
                answered => answered,
            },
        }),
        OidcError::Call(CallError::Unreachable { source, .. }) => Ok(Answered::Trouble(source.to_string())),
        error => Err(error),
    }
}

/// Asks for new tokens.
pub(super) async fn refresh(
    provider: &Provider,
    client_id: &str,
    refresh_token: &SecretString,
) -> Result<Tokens, OidcError> {
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token.expose_secret()),
        ("client_id", client_id),
    ];
    token(provider, "to renew the login", &fields).await
}

async fn token(provider: &Provider, what: &'static str, fields: &[(&str, &str)]) -> Result<Tokens, OidcError> {
    let endpoint = provider.metadata().token_endpoint();
    let endpoint = endpoint.ok_or_else(|| OidcError::Discovery {
        issuer: provider.issuer().to_owned(),
        reason: "its metadata name no token_endpoint".to_owned(),
    })?;
    provider.ask(what, endpoint.url(), fields).await
}

/// Asks that a refresh token be taken back; `false`: the issuer does not offer that.
pub(super) async fn revoke(provider: &Provider, client_id: &str, refresh_token: &str) -> Result<bool, OidcError> {
    let Some(endpoint) = &provider.further().revocation_endpoint else {
        return Ok(false);
    };
    let fields = [
        ("token", refresh_token),
        ("token_type_hint", "refresh_token"),
        ("client_id", client_id),
    ];
    // The answer of RFC 7009 has no body.
    provider.send("to take the login back", endpoint.url(), &fields).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: Option<&str>) -> Answered {
        let error = OidcError::Refused {
            issuer: "https://i".to_owned(),
            what: "the login",
            status,
            code: code.map(str::to_owned),
            words: "its words".to_owned(),
        };
        heard(error).unwrap()
    }

    #[test]
    fn every_answer_of_the_token_endpoint_is_known() {
        assert_eq!(refused(400, Some("authorization_pending")), Answered::Pending);
        assert_eq!(refused(400, Some("slow_down")), Answered::SlowDown);
        assert_eq!(refused(400, Some("expired_token")), Answered::Expired);
        assert_eq!(refused(400, Some("access_denied")), Answered::Denied);
        assert_eq!(refused(400, Some("invalid_grant")), Answered::Expired);
        assert_eq!(refused(429, None), Answered::SlowDown);
        assert!(matches!(refused(503, None), Answered::Trouble(_)));
        assert!(matches!(refused(500, Some("server_error")), Answered::Trouble(_)));
        let words = Answered::Refused("its words".to_owned());
        assert_eq!(refused(401, Some("invalid_client")), words);
    }

    #[test]
    fn openid_is_always_asked_for_and_of_the_usual_scopes_what_the_issuer_offers() {
        assert_eq!(scopes_of(&[], None), USUAL_SCOPES);
        assert_eq!(
            scopes_of(&[], Some(&["email", "profile"])),
            ["openid", "profile", "email"]
        );
        assert_eq!(scopes_of(&["groups".to_owned()], Some(&[])), ["openid", "groups"]);
    }

    #[test]
    fn the_end_of_a_refresh_token_is_known_only_where_it_is_told() {
        let ends = |text: &str| {
            let tokens: Tokens = serde_json::from_str(text).unwrap();
            tokens.refresh_ends(Timestamp::UNIX_EPOCH)
        };
        assert_eq!(ends("{}"), None);
        assert_eq!(ends("{\"refresh_expires_in\": 0}"), None);
        let minute = Timestamp::from_second(60).unwrap();
        assert_eq!(ends("{\"refresh_expires_in\": 60}"), Some(minute));
    }
}
