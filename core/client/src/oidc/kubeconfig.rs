//! The kubeconfig of a login by an issuer. Butler's server writes its own; here nobody else does.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use crate::address::ServerAddress;
use crate::kubeconfig::entry::Entry;

/// What its cluster, user and context are called.
const NAME: &str = "butler";

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster<'a> {
    server: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_authority_data: Option<String>,
}

#[derive(Serialize)]
struct User<'a> {
    token: &'a str,
}

/// A kubeconfig in base64, as Butler's server gives it, whose user has an ID token. It is JSON, which is YAML too.
pub(super) fn of(
    api: &ServerAddress,
    authority: Option<&str>,
    id_token: &SecretString,
) -> Result<SecretString, serde_json::Error> {
    let cluster = Cluster {
        server: api.as_str(),
        certificate_authority_data: authority.map(|pem| BASE64_STANDARD.encode(pem)),
    };
    let user = User {
        token: id_token.expose_secret(),
    };
    let entry = Entry {
        context: NAME.to_owned(),
        cluster: NAME.to_owned(),
        user: NAME.to_owned(),
        namespace: None,
        cluster_value: serde_json::to_value(cluster)?,
        user_value: serde_json::to_value(user)?,
    };
    let text = serde_json::to_vec(&entry.alone())?;
    Ok(SecretString::from(BASE64_STANDARD.encode(text)))
}
