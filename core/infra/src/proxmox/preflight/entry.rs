//! Why the platform did not even tell its version: one clear sentence for each reason.

use butler_api::config::{Proxmox as Settings, SecretSource};
use secrecy::ExposeSecret as _;

use super::{fail, found};
use crate::{Check, CheckStatus, ErrorKind, InfraError};

/// The findings where the first request was refused. Nothing else can be checked then.
pub(in crate::proxmox) fn refused(settings: &Settings, error: &InfraError) -> Vec<Check> {
    let endpoint = &settings.endpoint;
    let message = &error.message;
    let hint = |default: &str| error.hint.clone().unwrap_or_else(|| default.to_owned());
    let why = match &error.kind {
        ErrorKind::Tls { fingerprint } => fail(
            "proxmox/tls",
            format!("the certificate of {endpoint} is not trusted: {message}"),
            error.hint.clone().unwrap_or_else(|| trust(fingerprint.as_deref())),
        ),
        ErrorKind::Unauthenticated => credentials(message, is_token(settings)),
        ErrorKind::Unreachable | ErrorKind::Timeout { .. } => fail(
            "proxmox/endpoint",
            format!("{endpoint} does not answer: {message}"),
            hint(
                "are host and port right (Proxmox VE listens on 8006), and does a firewall let this computer through?",
            ),
        ),
        ErrorKind::Protocol | ErrorKind::NotFound => fail(
            "proxmox/endpoint",
            format!("{endpoint} answers, but not as Proxmox VE: {message}"),
            hint("are host and port right? Proxmox VE listens on 8006"),
        ),
        ErrorKind::Forbidden { .. } => fail(
            "proxmox/credentials",
            format!("{endpoint} refuses these credentials: {message}"),
            hint("grant the roles of the guide to the user or token"),
        ),
        _ => fail(
            "proxmox/endpoint",
            format!("{endpoint} cannot be used: {message}"),
            hint("try again once the platform is well"),
        ),
    };
    let rest = "nothing else could be checked";
    vec![why, found("proxmox/platform", CheckStatus::Skipped, rest, None)]
}

/// Whether these are the credentials of an API token.
fn is_token(settings: &Settings) -> bool {
    matches!(&settings.username, Some(SecretSource::Clear(name)) if name.expose_secret().contains('!'))
}

/// What to do about a certificate that nobody vouches for.
fn trust(fingerprint: Option<&str>) -> String {
    let compare = "compare it with the one in the web interface: node, System, Certificates";
    match fingerprint {
        Some(shown) => {
            format!("set `fingerprint: \"{shown}\"` if it is the right one ({compare}), or name its authority")
        }
        None => "name the authority of the certificate, or its fingerprint".to_owned(),
    }
}

/// Credentials that are not accepted, told apart by the platform's words.
fn credentials(message: &str, token: bool) -> Check {
    let id = "proxmox/credentials";
    let words = message.to_lowercase();
    let is = |word: &str| words.contains(word);
    let (what, hint) = if is("expired") {
        (
            "they have expired",
            "make a new token: pveum user token add USER TOKEN; or take its date away: pveum user token modify",
        )
    } else if is("disabled") {
        ("the user is disabled", "enable it: pveum user modify USER --enable 1")
    } else if is("no such token") || is("no such user") {
        (
            "there is no such user or token",
            "a token's name is USER@REALM!TOKEN, such as butler@pve!toolkit",
        )
    } else if is("token") {
        (
            "the token's secret is wrong",
            "the secret is shown only once: make a new token if it is lost",
        )
    } else if is("totp") || is("tfa") || is("second factor") {
        (
            "they need a second factor",
            "use an API token instead: pveum user token add USER TOKEN",
        )
    } else if token {
        (
            "the token or its secret is wrong",
            "a token is USER@REALM!TOKEN; its secret is shown only once: make a new one if it is lost",
        )
    } else {
        (
            "user name or password is wrong",
            "a user name has its realm: root@pam, butler@pve; a token is USER@REALM!TOKEN with its secret as password",
        )
    };
    fail(id, format!("the credentials are refused: {what} ({message})"), hint)
}

#[cfg(test)]
mod tests {
    use butler_api::config::ProviderKind;

    use super::*;

    fn told(kind: ErrorKind, message: &str) -> String {
        let error = InfraError::new(ProviderKind::Proxmox, "read the version", kind, message);
        let checks = refused(&super::super::tests::settings(), &error);
        let [first, rest] = checks.as_slice() else {
            panic!("one reason: {checks:?}")
        };
        assert_eq!((first.status, rest.status), (CheckStatus::Fail, CheckStatus::Skipped));
        format!(
            "{}: {} | {}",
            first.id,
            first.summary,
            first.hint.as_deref().unwrap_or("-")
        )
    }

    #[test]
    fn every_refusal_has_a_sentence_of_its_own() {
        let of = |message: &str| told(ErrorKind::Unauthenticated, message);
        assert!(of("authentication failure").starts_with(
            "proxmox/credentials: the credentials are refused: user name or password is wrong (authentication failure)"
        ));
        assert!(of("token 'a@pve!b' access expired").contains("they have expired"));
        assert!(of("no such token 'x' for user 'a@pve'").contains("there is no such user or token"));
        assert!(of("invalid token value!").contains("the token's secret is wrong"));
        assert!(of("user 'a@pve' is disabled").contains("the user is disabled"));
        let tls = told(
            ErrorKind::Tls {
                fingerprint: Some("AB:CD".into()),
            },
            "self-signed",
        );
        assert!(
            tls.starts_with("proxmox/tls: ") && tls.contains(r#"fingerprint: "AB:CD""#),
            "{tls}"
        );
        assert!(told(ErrorKind::Unreachable, "connection refused").contains("does not answer: connection refused"));
        assert!(told(ErrorKind::Protocol, "no JSON").contains("answers, but not as Proxmox VE"));
    }
}
