//! The Secret with a platform's credentials: from what somebody brings to the object, under the keys that operators read.

use std::collections::BTreeMap;

use butler_api::labels;
use butler_api::names::credential_keys;
use butler_api::v1alpha1::ProviderConfig;
use butler_api::v1alpha1::shared::{ProviderType, SecretRef};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::ObjectMeta;
use secrecy::{ExposeSecret as _, SecretString};

/// Values by their key.
pub type Values = BTreeMap<String, SecretString>;

/// Why credentials are not those of a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// The platform has none.
    #[error("provider {0} has no credentials")]
    None(ProviderType),
    /// The platform has no such value.
    #[error("provider {provider} has no credential {key}: it has {}", known.join(", "))]
    Unknown {
        /// The platform.
        provider: ProviderType,
        /// The key.
        key: String,
        /// The keys that it has.
        known: Vec<&'static str>,
    },
    /// Some are missing.
    #[error("provider {provider} needs the credentials {}", missing.join(" and "))]
    Missing {
        /// The platform.
        provider: ProviderType,
        /// The keys without a value.
        missing: Vec<&'static str>,
    },
}

/// Checks that these are credentials of the platform. `all`: none that it needs may be missing.
pub fn validate(provider: &ProviderType, values: &Values, all: bool) -> Result<(), CredentialsError> {
    let keys = credential_keys(provider);
    if keys.is_empty() && !values.is_empty() {
        return Err(CredentialsError::None(provider.clone()));
    }
    let unknown = values
        .keys()
        .find(|given| !keys.iter().any(|key| key.name == given.as_str()));
    if let Some(key) = unknown {
        return Err(CredentialsError::Unknown {
            provider: provider.clone(),
            key: key.clone(),
            known: keys.iter().map(|key| key.name).collect(),
        });
    }
    let missing: Vec<&str> = keys
        .iter()
        .filter(|key| all && key.required && !values.contains_key(key.name))
        .map(|key| key.name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(CredentialsError::Missing {
        provider: provider.clone(),
        missing,
    })
}

/// The Secret that a ProviderConfig refers to, with these values.
pub fn build(object: &ProviderConfig, reference: &SecretRef, values: &Values) -> Secret {
    let labels = [
        (labels::MANAGED_BY, labels::BUTLER.to_owned()),
        (labels::PROVIDER, labels::label_value(&object.name_any()).to_owned()),
    ];
    let data = values
        .iter()
        .map(|(key, value)| (key.clone(), ByteString(value.expose_secret().as_bytes().to_vec())));
    Secret {
        metadata: ObjectMeta {
            name: Some(reference.name.clone()),
            namespace: Some(namespace(object, reference)),
            labels: Some(labels.map(|(key, value)| (key.to_owned(), value)).into()),
            ..ObjectMeta::default()
        },
        data: Some(data.collect()),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    }
}

/// Where the Secret of a ProviderConfig is.
pub fn namespace(object: &ProviderConfig, reference: &SecretRef) -> String {
    let own = || super::namespace_of(object);
    reference
        .namespace
        .clone()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(own)
}

/// Whether a Secret was made for this ProviderConfig by this tool.
pub fn is_own(secret: &Secret, provider: &str) -> bool {
    let label = |key: &str| secret.metadata.labels.as_ref()?.get(key).map(String::as_str);
    label(labels::MANAGED_BY) == Some(labels::BUTLER) && label(labels::PROVIDER) == Some(labels::label_value(provider))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(keys: &[&str]) -> Values {
        keys.iter()
            .map(|key| ((*key).to_owned(), SecretString::from("x")))
            .collect()
    }

    #[test]
    fn credentials_are_those_of_the_platform() {
        let told = |provider: ProviderType, keys: &[&str], all: bool| {
            validate(&provider, &values(keys), all).map_err(|error| error.to_string())
        };
        assert_eq!(
            told(ProviderType::Proxmox, &["username", "password", "ca.pem"], true),
            Ok(())
        );
        assert_eq!(
            told(ProviderType::Proxmox, &["password"], false),
            Ok(()),
            "a change of one"
        );
        assert_eq!(
            told(ProviderType::Proxmox, &["password"], true).unwrap_err(),
            "provider proxmox needs the credentials username"
        );
        assert_eq!(
            told(ProviderType::Aws, &["secretKey"], true).unwrap_err(),
            "provider aws has no credential secretKey: it has accessKeyID, secretAccessKey"
        );
        assert_eq!(
            told(ProviderType::Local, &["password"], true).unwrap_err(),
            "provider local has no credentials"
        );
    }
}
