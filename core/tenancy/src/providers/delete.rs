//! Deletion of ProviderConfigs. One that something refers to is not deleted: whatever is on that platform could no longer be
//! changed or taken away.

use butler_api::names::SYSTEM_NAMESPACE;
use butler_api::v1alpha1::{ButlerConfig, ImageSync, LoadBalancerRequest, MachineRequest, Team, TenantCluster};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{Api, DynamicObject};
use kube::core::ApiResource;
use serde_json::Value;

use super::{credentials, update};
use crate::change::{Writer, code};
use crate::objects::ObjectError;
use crate::pages;
use crate::reach::Reach;

/// Why a ProviderConfig is not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// Something refers to it.
    #[error("provider {name} is in use by {}", in_words(users))]
    InUse {
        /// The name.
        name: String,
        /// What refers to it, each with its kind.
        users: Vec<String>,
    },
    /// The API server did not tell what refers to it.
    #[error("cannot look for {what} that use provider {name}")]
    Look {
        /// What was looked for.
        what: &'static str,
        /// The name.
        name: String,
        /// What it said.
        source: Box<kube::Error>,
    },
    /// It could not be read or deleted.
    #[error(transparent)]
    Object(#[from] ObjectError),
}

/// As many users are named.
const MOST_USERS: usize = 8;

fn in_words(users: &[String]) -> String {
    let named = users.iter().take(MOST_USERS).cloned().collect::<Vec<_>>().join(", ");
    match users.len().checked_sub(MOST_USERS).filter(|more| *more > 0) {
        Some(more) => format!("{named} and {more} more"),
        None => named,
    }
}

/// A kind that can refer to ProviderConfigs.
struct Referrer {
    /// What people call one of them.
    word: &'static str,
    /// What they call several.
    words: &'static str,
    kind: ApiResource,
    /// Where the reference is.
    pointer: &'static str,
    /// Without a namespace the reference is to one beside the object; else to one of the platform's namespace.
    beside: bool,
}

fn referrers() -> [Referrer; 6] {
    let referrer = |words: (&'static str, &'static str), kind, pointer, beside| Referrer {
        word: words.0,
        words: words.1,
        kind,
        pointer,
        beside,
    };
    let erase = (
        ApiResource::erase::<TenantCluster>(&()),
        ApiResource::erase::<Team>(&()),
        ApiResource::erase::<ButlerConfig>(&()),
        ApiResource::erase::<MachineRequest>(&()),
        ApiResource::erase::<ImageSync>(&()),
        ApiResource::erase::<LoadBalancerRequest>(&()),
    );
    [
        referrer(("cluster", "clusters"), erase.0, "/spec/providerConfigRef", false),
        referrer(("team", "teams"), erase.1, "/spec/providerConfigRef", false),
        referrer(
            ("the default of ButlerConfig", "defaults"),
            erase.2,
            "/spec/defaultProviderConfigRef",
            false,
        ),
        referrer(("machine", "machines"), erase.3, "/spec/providerRef", true),
        referrer(("image", "images"), erase.4, "/spec/providerConfigRef", true),
        referrer(
            ("load balancer", "load balancers"),
            erase.5,
            "/spec/providerConfigRef",
            true,
        ),
    ]
}

impl Referrer {
    /// Whether an object refers to this ProviderConfig.
    fn refers(&self, object: &DynamicObject, namespace: &str, name: &str) -> bool {
        let Some(reference) = object.data.pointer(self.pointer) else {
            return false;
        };
        let text = |key: &str| {
            reference
                .get(key)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let own = object.metadata.namespace.as_deref();
        let without = if self.beside { own } else { None };
        let place = text("namespace").or(without).unwrap_or(SYSTEM_NAMESPACE);
        text("name") == Some(name) && place == namespace
    }

    fn described(&self, object: &DynamicObject) -> String {
        if self.word.contains(' ') && object.metadata.namespace.is_none() {
            return self.word.to_owned();
        }
        match &object.metadata.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.word, object.name_any()),
            None => format!("{} {}", self.word, object.name_any()),
        }
    }
}

/// Refuses to delete a ProviderConfig that something refers to, and names all of it.
pub async fn refuse_used(reach: &Reach, object: &DynamicObject) -> Result<(), DeleteError> {
    let (name, namespace) = (object.name_any(), super::namespace_of(object));
    let mut users = Vec::new();
    for referrer in referrers() {
        let all = pages::all(&Api::all_with(reach.client.clone(), &referrer.kind)).await;
        let all = match all {
            Ok(all) => all,
            // A cluster without this kind has nothing of it.
            Err(error) if code(&error) == Some(404) => continue,
            Err(source) => {
                return Err(DeleteError::Look {
                    what: referrer.words,
                    name,
                    source: Box::new(source),
                });
            }
        };
        let used = all.iter().filter(|one| referrer.refers(one, &namespace, &name));
        users.extend(used.map(|one| referrer.described(one)));
    }
    if users.is_empty() {
        return Ok(());
    }
    Err(DeleteError::InUse { name, users })
}

/// Deletes a ProviderConfig that nothing [refers to](refuse_used), and the Secret that was made for it; the Secret's name, if it
/// was deleted.
pub async fn delete(reach: &Reach, writer: &Writer, object: &DynamicObject) -> Result<Option<String>, DeleteError> {
    let name = object.name_any();
    let namespace = super::namespace_of(object);
    let secret = own_secret(reach, object).await?;
    super::objects(reach, &namespace).delete(writer, object).await?;
    let Some(secret) = secret else { return Ok(None) };
    let place = super::namespace_of(&secret);
    let others = super::list::all(reach).await.map_err(|source| DeleteError::Look {
        what: "providers with the same Secret",
        name: name.clone(),
        source: Box::new(source),
    })?;
    let shared = others
        .iter()
        .filter(|other| (other.name_any(), other.namespace()) != (name.clone(), object.namespace()))
        .any(|other| refers_to(other, &place, &secret.name_any()));
    if shared {
        return Ok(None);
    }
    super::secrets(reach, &place).delete(writer, &secret).await?;
    Ok(Some(secret.name_any()))
}

/// The Secret of a ProviderConfig, if it was made for it by this tool.
async fn own_secret(reach: &Reach, object: &DynamicObject) -> Result<Option<DynamicObject>, ObjectError> {
    // An object that cannot be read can be deleted all the same; its Secret stays.
    let Ok(typed) = update::typed(object) else {
        return Ok(None);
    };
    let Some(reference) = &typed.spec.credentials_ref else {
        return Ok(None);
    };
    let namespace = credentials::namespace(&typed, reference);
    let Some(found) = super::secrets(reach, &namespace).find(&reference.name).await? else {
        return Ok(None);
    };
    let labels = Secret {
        metadata: found.metadata.clone(),
        ..Secret::default()
    };
    Ok(credentials::is_own(&labels, &object.name_any()).then_some(found))
}

/// Whether a ProviderConfig refers to this Secret.
fn refers_to(object: &DynamicObject, namespace: &str, secret: &str) -> bool {
    let text = |key: &str| {
        let found = object.data.pointer("/spec/credentialsRef")?.get(key)?.as_str()?;
        Some(found).filter(|text| !text.is_empty())
    };
    let own = object.metadata.namespace.as_deref();
    text("name") == Some(secret) && text("namespace").or(own) == Some(namespace)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn references_without_a_namespace_are_to_the_platforms_or_to_one_beside() {
        let [cluster, _, default, machine, ..] = referrers();
        let refers = |referrer: &Referrer, key: &str, reference: Value, namespace: &str| {
            let object = object(json!({"metadata": {"name": "a", "namespace": "own"}, "spec": {key: reference}}));
            referrer.refers(&object, namespace, "lab")
        };
        assert!(refers(
            &cluster,
            "providerConfigRef",
            json!({"name": "lab"}),
            "butler-system"
        ));
        assert!(!refers(&cluster, "providerConfigRef", json!({"name": "lab"}), "own"));
        assert!(refers(
            &cluster,
            "providerConfigRef",
            json!({"name": "lab", "namespace": "own"}),
            "own"
        ));
        assert!(!refers(
            &cluster,
            "providerConfigRef",
            json!({"name": "other"}),
            "butler-system"
        ));
        assert!(refers(&machine, "providerRef", json!({"name": "lab"}), "own"));
        assert!(refers(
            &default,
            "defaultProviderConfigRef",
            json!({"name": "lab"}),
            "butler-system"
        ));
    }

    #[test]
    fn users_are_named_and_many_are_counted() {
        let users: Vec<String> = (0..10).map(|number| format!("cluster a/{number}")).collect();
        assert_eq!(in_words(&users[..2]), "cluster a/0, cluster a/1");
        assert!(in_words(&users).ends_with("cluster a/7 and 2 more"));
        let [.., default, _, _, _] = referrers();
        let config = object(json!({"metadata": {"name": "butler"}}));
        assert_eq!(default.described(&config), "the default of ButlerConfig");
    }
}
