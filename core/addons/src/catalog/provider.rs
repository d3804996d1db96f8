//! The platform credentials as addons need them.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use butler_api::names;
use secrecy::{ExposeSecret, SecretString};

use super::Context;
use crate::SecretObject;

/// The Secret with the platform's credentials on the management cluster; none where the platform has none.
pub(super) fn credentials_secret(context: &Context<'_>) -> Option<SecretObject> {
    let name = names::platform_credentials(&context.config.provider_kind().into())?;
    let namespace = names::SYSTEM_NAMESPACE.to_owned();
    Some(SecretObject {
        namespace,
        name,
        data: context.facts.credentials.clone(),
    })
}

/// One credential, when the credentials were read.
pub(super) fn credential<'a>(context: &'a Context<'_>, key: &str) -> Option<&'a SecretString> {
    context.facts.credentials.as_ref()?.get(key)
}

/// One credential in base64.
pub(super) fn encoded(context: &Context<'_>, key: &str) -> Option<SecretString> {
    credential(context, key).map(|value| STANDARD.encode(value.expose_secret()).into())
}

/// Secret data made from credentials; none while they were not read.
pub(super) fn data<const N: usize>(
    entries: [(&str, Option<SecretString>); N],
) -> Option<BTreeMap<String, SecretString>> {
    entries
        .into_iter()
        .map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}
