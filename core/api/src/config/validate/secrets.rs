//! Secrets: `{file}`, `{env}`, `{exec}`, `{keyring}` or clear text.

use secrecy::{ExposeSecret, SecretString};

use super::{Validator, or_default};
use crate::config::{
    SecretSource,
    raw_providers::{RawSecret, RawSecretRef},
};

/// A secret that must be there; the schema has reported it when it is not.
pub(super) fn required(v: &mut Validator<'_>, raw: Option<&RawSecret>, path: &str) -> SecretSource {
    optional(v, raw, path).unwrap_or_else(nothing)
}

/// Stand-in for a secret that is missing.
pub(super) fn nothing() -> SecretSource {
    SecretSource::Clear(SecretString::default())
}

/// A login name or an id: clear text is fine.
pub(super) fn identity(v: &mut Validator<'_>, raw: Option<&RawSecret>, path: &str) -> Option<SecretSource> {
    Some(source(v, raw?, path))
}

pub(super) fn optional(v: &mut Validator<'_>, raw: Option<&RawSecret>, path: &str) -> Option<SecretSource> {
    let raw = raw?;
    if matches!(raw, RawSecret::Clear(_)) {
        let hint = "write `{file: PATH}`, `{env: NAME}`, `{exec: [COMMAND, ARGUMENT]}` or `{keyring: {service: S, username: U}}` instead";
        v.warn(path, format!("`{path}` is a secret in clear text"), hint);
    }
    Some(source(v, raw, path))
}

/// A setting of the Go tool that names a file with a secret.
pub(super) fn file(v: &mut Validator<'_>, path: &str, value: Option<&String>) -> SecretSource {
    let value = or_default(value.cloned());
    if value.trim().is_empty() && v.is_written(path) {
        v.problem(path, format!("`{path}` is empty"), "write the path of the file");
    }
    SecretSource::File(value)
}

fn source(v: &mut Validator<'_>, raw: &RawSecret, path: &str) -> SecretSource {
    let reference = match raw {
        RawSecret::Clear(text) => {
            if text.expose_secret().trim().is_empty() {
                v.problem(path, format!("`{path}` is empty"), "");
            }
            return SecretSource::Clear(text.clone());
        }
        RawSecret::From(reference) => reference,
    };
    let RawSecretRef {
        file,
        env,
        exec,
        keyring,
    } = reference;
    if let Some(file) = file {
        if file.trim().is_empty() {
            v.problem(
                &format!("{path}.file"),
                format!("`{path}.file` is empty"),
                "write the path of the file",
            );
        }
        SecretSource::File(file.clone())
    } else if let Some(name) = env {
        if !is_variable(name) {
            let hint = "letters, digits and `_`, not beginning with a digit; without `$`";
            v.problem(
                &format!("{path}.env"),
                format!("`{path}.env` is no name of an environment variable"),
                hint,
            );
        }
        SecretSource::Env(name.clone())
    } else if let Some(entry) = keyring {
        for (key, value) in [("service", &entry.service), ("username", &entry.username)] {
            if value.as_deref().is_some_and(|value| value.trim().is_empty()) {
                let at = format!("{path}.keyring.{key}");
                v.problem(&at, format!("`{at}` is empty"), "write it as the keyring shows it");
            }
        }
        SecretSource::Keyring {
            service: or_default(entry.service.clone()),
            username: or_default(entry.username.clone()),
        }
    } else {
        let command = or_default(exec.clone());
        if command.first().is_some_and(|program| program.trim().is_empty()) {
            v.problem(
                &format!("{path}.exec"),
                format!("`{path}.exec` names no command"),
                "write `[COMMAND, ARGUMENT]`",
            );
        }
        SecretSource::Exec(command)
    }
}

pub(super) fn is_variable(name: &str) -> bool {
    let first = name.chars().next();
    first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
