//! New ProviderConfigs: first the Secret with the credentials, then the object that refers to it. What a run that was cut off
//! between them has left is written again.

use butler_api::admission::{Denial, Operation};
use butler_api::v1alpha1::ProviderConfig;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Map, Value};

use super::credentials::{self, Values};
use crate::admitted;
use crate::change::Writer;
use crate::objects::ObjectError;
use crate::reach::Reach;

/// Why there is no new ProviderConfig, or why one was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// There is one of this name.
    #[error("there is a provider {name} in namespace {namespace} already")]
    Exists {
        /// The name.
        name: String,
        /// The namespace.
        namespace: String,
    },
    /// Butler's rules refuse it.
    #[error("Butler does not admit provider {name}: {}", denial.text())]
    Denied {
        /// The name.
        name: String,
        /// What the rules say.
        denial: Box<Denial>,
    },
    /// It has no Secret that credentials could be written into.
    #[error("provider {0} refers to no Secret")]
    NoSecret(String),
    /// What is wanted cannot be.
    #[error(transparent)]
    Wish(#[from] Box<super::wish::WishError>),
    /// It could not be read or written.
    #[error(transparent)]
    Object(#[from] ObjectError),
}

/// Refuses what is there already, and what Butler's rules refuse; changes nothing.
pub async fn check(reach: &Reach, object: &ProviderConfig) -> Result<(), ProviderError> {
    let (name, namespace) = (object.name_any(), super::namespace_of(object));
    if super::objects(reach, &namespace).find(&name).await?.is_some() {
        return Err(ProviderError::Exists { name, namespace });
    }
    admitted(reach, None, object).await
}

/// Refuses what Butler's rules refuse.
pub(super) async fn admitted(
    reach: &Reach,
    old: Option<&DynamicObject>,
    new: &ProviderConfig,
) -> Result<(), ProviderError> {
    let name = new.name_any();
    let encode = |source| {
        ProviderError::Object(ObjectError::Encode {
            what: format!("provider {name}"),
            source,
        })
    };
    let old = old.map(serde_json::to_value).transpose().map_err(encode)?;
    let new = serde_json::to_value(new).map_err(encode)?;
    let operation = if old.is_some() {
        Operation::Update
    } else {
        Operation::Create
    };
    let objects = (old.as_ref(), Some(&new));
    match admitted::refusal(&reach.client, "providerconfigs", operation, objects).await {
        Some(denial) => Err(ProviderError::Denied {
            name,
            denial: Box::new(denial),
        }),
        None => Ok(()),
    }
}

/// Makes a ProviderConfig that was [checked](check), with its credentials where some were brought.
pub async fn create(
    reach: &Reach,
    writer: &Writer,
    object: &ProviderConfig,
    values: &Values,
) -> Result<DynamicObject, ProviderError> {
    write_secret(reach, writer, object, values).await?;
    let (name, namespace) = (object.name_any(), super::namespace_of(object));
    Ok(super::objects(reach, &namespace).apply(writer, object, &name).await?)
}

/// Writes the credentials that were brought into the Secret that the ProviderConfig refers to; whether there were any.
pub(super) async fn write_secret(
    reach: &Reach,
    writer: &Writer,
    object: &ProviderConfig,
    values: &Values,
) -> Result<bool, ProviderError> {
    if values.is_empty() {
        return Ok(false);
    }
    let reference = object.spec.credentials_ref.as_ref();
    let reference = reference.ok_or_else(|| ProviderError::NoSecret(object.name_any()))?;
    let secret = credentials::build(object, reference, values);
    let namespace = credentials::namespace(object, reference);
    let secrets = super::secrets(reach, &namespace);
    if secrets.find(&reference.name).await?.is_none() {
        secrets.apply(writer, &secret, &reference.name).await?;
        return Ok(true);
    }
    // An apply would take away what an earlier one has brought and this one does not name.
    let encode = |source| ObjectError::Encode {
        what: format!("secret {}", reference.name),
        source,
    };
    let brought = serde_json::to_value(secret.data).map_err(encode)?;
    let outcome = secrets.replace(writer, &reference.name, |there| with_data(there, &brought));
    Ok(outcome.await?.changed)
}

/// A Secret with these values among its own; none where it has them.
fn with_data(secret: &DynamicObject, brought: &Value) -> Option<DynamicObject> {
    let mut whole = secret.clone();
    let data = whole.data.get("data").and_then(Value::as_object).cloned();
    let mut data = data.unwrap_or_else(Map::new);
    data.extend(
        brought
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone())),
    );
    whole
        .data
        .as_object_mut()?
        .insert("data".to_owned(), Value::Object(data));
    (whole.data != secret.data).then_some(whole)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_that_are_not_brought_stay() {
        let secret: DynamicObject =
            serde_json::from_value(json!({"metadata": {}, "data": {"a": "MQ==", "b": "Mg=="}})).unwrap();
        let changed = with_data(&secret, &json!({"b": "Mw=="})).unwrap();
        assert_eq!(changed.data["data"], json!({"a": "MQ==", "b": "Mw=="}));
        assert!(with_data(&secret, &json!({"b": "Mg=="})).is_none(), "it is so already");
        let empty: DynamicObject = serde_json::from_value(json!({"metadata": {}})).unwrap();
        assert_eq!(
            with_data(&empty, &json!({"b": "Mg=="})).unwrap().data["data"],
            json!({"b": "Mg=="})
        );
    }
}
