//! The settings of a platform, read from its ProviderConfig and the Secret with its credentials.

use std::collections::BTreeMap;

use butler_api::config;
use butler_api::names::credential_keys;
use butler_api::record::{self, SettingsError};
use butler_api::v1alpha1::ProviderConfig;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{Api, DynamicObject};

use super::{credentials, update};
use crate::change::code;
use crate::objects::ObjectError;
use crate::reach::Reach;

/// A platform as a ProviderConfig describes it.
#[derive(Debug)]
pub struct Described {
    /// The object, as the API server has it.
    pub object: DynamicObject,
    /// The settings, with the credentials in them.
    pub settings: config::Provider,
}

/// Why the settings of a platform are not known.
#[derive(Debug, thiserror::Error)]
pub enum DescribeError {
    /// The Secret with its credentials is not there.
    #[error("provider {provider} refers to secret {secret} in namespace {namespace}, which is not there")]
    NoSecret {
        /// The ProviderConfig.
        provider: String,
        /// The Secret.
        secret: String,
        /// Where it should be.
        namespace: String,
    },
    /// The Secret cannot be read.
    #[error("cannot read secret {secret} in namespace {namespace}")]
    Secret {
        /// The Secret.
        secret: String,
        /// Its namespace.
        namespace: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// Something is missing or wrong.
    #[error("provider {provider} cannot be used: {source}")]
    Settings {
        /// The ProviderConfig.
        provider: String,
        /// What is wrong.
        source: SettingsError,
    },
    /// The object cannot be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
}

/// Reads a platform's settings and credentials.
pub async fn read(reach: &Reach, namespace: &str, name: &str) -> Result<Described, DescribeError> {
    let object = super::objects(reach, namespace).get(name).await?;
    let typed = update::typed(&object)?;
    let data = data(reach, &typed).await?;
    let settings = of(&typed, &data)?;
    Ok(Described { object, settings })
}

/// The settings of a ProviderConfig that is not written yet, with the credentials that were brought for it; where none were,
/// with those of the Secret that it refers to.
pub async fn planned(
    reach: &Reach,
    object: &ProviderConfig,
    values: &credentials::Values,
) -> Result<config::Provider, DescribeError> {
    match &object.spec.credentials_ref {
        Some(reference) if !values.is_empty() => {
            let secret = credentials::build(object, reference, values);
            let data: BTreeMap<String, Vec<u8>> = plain(secret.data);
            of(object, &data)
        }
        _ => of(object, &data(reach, object).await?),
    }
}

fn of(object: &ProviderConfig, data: &BTreeMap<String, Vec<u8>>) -> Result<config::Provider, DescribeError> {
    record::provider_settings(object, data).map_err(|source| DescribeError::Settings {
        provider: object.name_any(),
        source,
    })
}

/// The values of the Secret that a ProviderConfig refers to; nothing where it refers to none.
async fn data(reach: &Reach, object: &ProviderConfig) -> Result<BTreeMap<String, Vec<u8>>, DescribeError> {
    let Some(reference) = &object.spec.credentials_ref else {
        return Ok(BTreeMap::new());
    };
    let namespace = credentials::namespace(object, reference);
    let api: Api<Secret> = Api::namespaced(reach.client.clone(), &namespace);
    let secret = match api.get(&reference.name).await {
        Ok(secret) => secret,
        Err(error) if code(&error) == Some(404) => {
            return Err(DescribeError::NoSecret {
                provider: object.name_any(),
                secret: reference.name.clone(),
                namespace,
            });
        }
        Err(source) => {
            return Err(DescribeError::Secret {
                secret: reference.name.clone(),
                namespace,
                source: Box::new(source),
            });
        }
    };
    let mut data = plain(secret.data);
    // A reference may name the one key that holds all there is.
    let first = credential_keys(&object.spec.provider)
        .first()
        .map(|key| key.name.to_owned());
    if let (Some(key), Some(first)) = (&reference.key, first)
        && let Some(value) = data.get(key).cloned()
    {
        data.entry(first).or_insert(value);
    }
    Ok(data)
}

fn plain(data: Option<BTreeMap<String, ByteString>>) -> BTreeMap<String, Vec<u8>> {
    data.into_iter().flatten().map(|(key, value)| (key, value.0)).collect()
}
