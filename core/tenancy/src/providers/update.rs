//! Changes of ProviderConfigs and their credentials. What a wish does not name stays.

use butler_api::names::provider_credentials;
use butler_api::v1alpha1::ProviderConfig;
use butler_api::v1alpha1::shared::SecretRef;
use kube::ResourceExt as _;
use kube::api::DynamicObject;

use super::create::{self, ProviderError};
use super::wish::Wish;
use crate::change::{Outcome, Writer};
use crate::objects::ObjectError;
use crate::reach::Reach;

/// Changes a ProviderConfig as it is wished, and writes the credentials that were brought into its Secret.
pub async fn update(
    reach: &Reach,
    writer: &Writer,
    (namespace, name): (&str, &str),
    wish: &Wish,
) -> Result<Outcome, ProviderError> {
    let objects = super::objects(reach, namespace);
    let before = objects.get(name).await?;
    let after = changed(&before, wish)?;
    create::admitted(reach, Some(&before), &after).await?;
    let credentials = create::write_secret(reach, writer, &after, &wish.credentials).await?;
    let decide = |object: &DynamicObject| {
        // What a person wishes was decided on what is there now, and is decided again when somebody else was faster.
        let after = changed(object, wish).ok()?;
        let mut whole = object.clone();
        whole.metadata.annotations.clone_from(&after.metadata.annotations);
        whole.data["spec"] = serde_json::to_value(&after.spec).ok()?;
        (whole.data["spec"] != object.data["spec"] || whole.metadata.annotations != object.metadata.annotations)
            .then_some(whole)
    };
    let outcome = objects.replace(writer, name, decide).await?;
    Ok(Outcome {
        changed: outcome.changed || credentials,
        ..outcome
    })
}

/// A ProviderConfig as it is wished.
fn changed(object: &DynamicObject, wish: &Wish) -> Result<ProviderConfig, ProviderError> {
    let mut typed = typed(object)?;
    wish.change(&mut typed).map_err(Box::new)?;
    if !wish.credentials.is_empty() && typed.spec.credentials_ref.is_none() {
        typed.spec.credentials_ref = Some(SecretRef {
            key: None,
            name: provider_credentials(&typed.name_any()),
            namespace: None,
        });
    }
    Ok(typed)
}

/// A ProviderConfig, read as this version knows it.
pub(super) fn typed(object: &DynamicObject) -> Result<ProviderConfig, ObjectError> {
    let read = serde_json::to_value(object).and_then(serde_json::from_value);
    read.map_err(|source| ObjectError::Shape {
        what: format!("provider {}", object.name_any()),
        source,
    })
}
