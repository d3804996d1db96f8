//! `talos.registries`, `talos.trustedCAs` and `talos.discovery`: what a closed network needs.

use std::collections::BTreeMap;

use super::{Validator, secrets};
use crate::config::{
    Authority, Discovery, HttpUrl, Login, Mirror, Registries, RegistryHost,
    raw_talos::{RawDiscovery, RawMirror, RawRegistries, RawRegistryAuth, RawRegistryHost, RawText},
    suggest,
};

pub(super) fn registries(v: &mut Validator<'_>, raw: Option<&RawRegistries>) -> Registries {
    let Some(raw) = raw else { return Registries::default() };
    let path = "talos.registries";
    let mirrors = raw.mirrors.iter().map(|(name, raw)| {
        let at = format!("{path}.mirrors.{name}");
        if name != "*" {
            host_name(v, name, &at);
        }
        (name.clone(), mirror(v, raw, &at))
    });
    let mirrors: BTreeMap<String, Mirror> = mirrors.collect();
    let hosts = raw.config.iter().map(|(name, raw)| {
        let at = format!("{path}.config.{name}");
        host_name(v, name, &at);
        (name.clone(), host(v, raw, &at))
    });
    let hosts = hosts.collect();
    Registries { mirrors, hosts }
}

/// The key of a mapping that must be `HOST` or `HOST:PORT`.
fn host_name(v: &mut Validator<'_>, name: &str, at: &str) {
    if name.contains("://") || name.contains('/') {
        let bare = name.rsplit("://").next().unwrap_or(name);
        let bare = bare.split('/').next().unwrap_or(bare);
        let hint = format!("write the host alone: `{bare}`");
        v.problem_at_key(at, "a registry is named by its host, without scheme and path", hint);
    } else if Authority::parse(name).is_none() {
        v.problem_at_key(at, "this is no host of a registry", "write `HOST` or `HOST:PORT`");
    }
}

fn mirror(v: &mut Validator<'_>, raw: &RawMirror, at: &str) -> Mirror {
    let endpoints = raw.endpoints.iter().flatten().enumerate();
    Mirror {
        endpoints: endpoints
            .filter_map(|(i, endpoint)| {
                url(
                    v,
                    endpoint,
                    &format!("{at}.endpoints[{i}]"),
                    "write them under `talos.registries.config.HOST.auth`",
                )
            })
            .collect(),
        override_path: raw.override_path.unwrap_or(false),
        skip_fallback: raw.skip_fallback.unwrap_or(false),
    }
}

/// Where the credentials of something belong that asks for none.
pub(super) const NO_LOGIN: &str = "it asks for none";

/// An `http://` or `https://` URL without credentials; `login` says where those belong.
pub(super) fn url(v: &mut Validator<'_>, value: &str, at: &str, login: &str) -> Option<HttpUrl> {
    let value = value.trim();
    let example = "write it like `https://mirror.example.org`";
    if !["https://", "http://"].iter().any(|scheme| value.starts_with(scheme)) {
        v.problem(at, format!("`{at}` is no URL"), example);
        return None;
    }
    if suggest::has_credentials(value) {
        v.problem(at, format!("`{at}` has credentials in it"), login);
        return None;
    }
    let url = HttpUrl::parse(value);
    if url.is_none() {
        v.problem(at, format!("`{at}` is no URL of a host"), example);
    }
    url
}

fn host(v: &mut Validator<'_>, raw: &RawRegistryHost, at: &str) -> RegistryHost {
    let tls = raw.tls.as_ref();
    if tls.is_some_and(|tls| tls.insecure_skip_verify == Some(true)) {
        let key = format!("{at}.tls.insecureSkipVerify");
        v.problem(
            &key,
            "certificates of registries are always verified",
            format!("give the authority of the host instead: `{at}.tls.ca: {{file: PATH}}`"),
        );
    }
    if tls.is_none() && raw.auth.is_none() {
        v.problem_at_key(at, format!("`{at}` says nothing"), "write `tls`, `auth`, or both");
    }
    let ca = tls.and_then(|tls| tls.ca.as_ref());
    RegistryHost {
        ca: ca.and_then(|ca| certificates(v, ca, &format!("{at}.tls.ca"))),
        login: raw.auth.as_ref().map(|raw| login(v, raw, &format!("{at}.auth"))),
    }
}

fn login(v: &mut Validator<'_>, raw: &RawRegistryAuth, at: &str) -> Login {
    let username = secrets::identity(v, raw.username.as_ref(), &format!("{at}.username"));
    Login {
        username: username.unwrap_or_else(secrets::nothing),
        password: secrets::required(v, raw.password.as_ref(), &format!("{at}.password")),
    }
}

pub(super) fn trusted_cas(v: &mut Validator<'_>, raw: &[RawText]) -> Vec<String> {
    let numbered = raw.iter().enumerate();
    numbered
        .filter_map(|(i, raw)| certificates(v, raw, &format!("talos.trustedCAs[{i}]")))
        .collect()
}

/// One or more certificates as PEM, from the file or one of its own; nothing else in them.
fn certificates(v: &mut Validator<'_>, raw: &RawText, at: &str) -> Option<String> {
    let (text, at) = match raw {
        RawText::Here(text) => (text.clone(), at.to_owned()),
        RawText::There(raw) => {
            let at = format!("{at}.file");
            match (v.read)(raw.file.as_deref()?) {
                Ok(text) => (text, at),
                Err(cause) => {
                    v.problem(&at, format!("`{at}` cannot be read: {cause}"), super::PATH_HINT);
                    return None;
                }
            }
        }
    };
    are_certificates(v, &text, &at, "; a path is written `{file: PATH}`").then_some(text)
}

/// The certificates in a file that a setting names.
pub(super) fn certificate_file(v: &mut Validator<'_>, file: &str, at: &str) -> Option<String> {
    match (v.read)(file) {
        Ok(text) => are_certificates(v, &text, at, "").then_some(text),
        Err(cause) => {
            v.problem(at, format!("`{at}` cannot be read: {cause}"), super::PATH_HINT);
            None
        }
    }
}

/// Whether a text is one or more certificates as PEM; reports it when it is not. `more` is added to the hint.
fn are_certificates(v: &mut Validator<'_>, text: &str, at: &str, more: &str) -> bool {
    let hint = format!("a PEM file begins with `-----BEGIN CERTIFICATE-----`{more}");
    // Blocks that are broken are skipped by the parser, or make it give up.
    let blocks = pem::parse_many(text).unwrap_or_else(|_| Vec::new());
    if blocks.is_empty() || blocks.len() != text.matches("-----BEGIN ").count() {
        v.problem(at, format!("`{at}` holds no certificate in PEM"), hint);
        return false;
    }
    if let Some(other) = blocks.iter().find(|block| block.tag() != "CERTIFICATE") {
        let what = if other.tag().ends_with("PRIVATE KEY") {
            "a private key"
        } else {
            "something else"
        };
        v.problem(
            at,
            format!("`{at}` holds {what} besides certificates"),
            "only certificates of authorities belong there",
        );
        return false;
    }
    true
}

pub(super) fn discovery(v: &mut Validator<'_>, raw: Option<&RawDiscovery>) -> Discovery {
    let block = match raw {
        None => return Discovery::default(),
        Some(RawDiscovery::Switch(enabled)) => {
            return Discovery {
                enabled: *enabled,
                endpoint: None,
            };
        }
        Some(RawDiscovery::Block(block)) => block,
    };
    let at = "talos.discovery.endpoint";
    let written = super::text(block.endpoint.as_ref());
    let endpoint = written.as_deref().and_then(|endpoint| url(v, endpoint, at, NO_LOGIN));
    let enabled = block.enabled.unwrap_or(true);
    if !enabled && written.is_some() {
        v.warn(at, format!("`{at}` is not used: discovery is off"), "");
    }
    Discovery { enabled, endpoint }
}
