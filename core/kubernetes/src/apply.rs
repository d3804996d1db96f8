//! Server-side apply of any objects: kinds found by discovery, namespaces and definitions first, refusals that pass
//! tried again a few times.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use butler_api::{backoff::Backoff, error::Class};
use futures::{FutureExt as _, future};
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
    core::{ApiResource, GroupVersion, GroupVersionKind},
    discovery::{self, Scope},
};
use serde_json::Value;

use crate::{
    ApplyError, Ready, chain, class_of,
    wait::{Unmet, wait},
};

/// The field manager of everything we apply.
pub const MANAGER: &str = "butleradm";

/// Attempts for one object before the error is handed up; the caller's own budget is larger.
const ATTEMPTS: u32 = 6;
/// Pauses between attempts; there are too few of them to reach the longest.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// Objects applied at the same time.
const SIDE_BY_SIDE: usize = 8;
/// How long definitions may take until they are served.
const ESTABLISHED: Duration = Duration::from_mins(1);

/// An object as the API server stored it.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Kind, namespace and name.
    pub object: String,
    /// Its resource version after the apply.
    pub resource_version: Option<String>,
}

/// Applies objects once. See [`Applier`] for more than one call.
pub async fn apply(client: &Client, objects: &[Value], manager: &str) -> Result<Vec<Applied>, ApplyError> {
    Applier::new(client.clone(), manager).apply(objects).await
}

/// Applies objects and remembers the kinds it has found.
pub struct Applier {
    client: Client,
    manager: String,
    kinds: tokio::sync::Mutex<HashMap<GroupVersionKind, (ApiResource, Scope)>>,
}

impl Applier {
    /// For this cluster and field manager.
    pub fn new(client: Client, manager: &str) -> Self {
        Self {
            client,
            manager: manager.to_owned(),
            kinds: tokio::sync::Mutex::default(),
        }
    }

    /// Applies all objects: namespaces, then definitions (waiting until they are served, where that cannot depend on the
    /// rest), then the rest in an order in which nothing refers to what is not there yet.
    pub async fn apply(&self, objects: &[Value]) -> Result<Vec<Applied>, ApplyError> {
        let mut sorted: Vec<&Value> = objects.iter().collect();
        sorted.sort_by_key(|object| rank(text(object, "/kind")));
        let definitions = sorted.partition_point(|object| rank(text(object, "/kind")) <= DEFINITIONS);
        let mut applied = self.apply_sorted(&sorted[..definitions]).await?;
        let (definitions, rest) = sorted.split_at(definitions);
        let awaited: Vec<&Value> = definitions
            .iter()
            .copied()
            .filter(|one| is_awaited(one, rest))
            .collect();
        self.served(&awaited).await?;
        applied.extend(self.apply_sorted(rest).await?);
        Ok(applied)
    }

    /// Objects of one rank do not refer to each other and are applied side by side.
    async fn apply_sorted(&self, sorted: &[&Value]) -> Result<Vec<Applied>, ApplyError> {
        let mut applied = Vec::with_capacity(sorted.len());
        for same in sorted.chunk_by(|a, b| rank(text(a, "/kind")) == rank(text(b, "/kind"))) {
            for objects in same.chunks(SIDE_BY_SIDE) {
                let mut side_by_side = Vec::with_capacity(objects.len());
                for object in objects {
                    side_by_side.push(self.apply_one(object).boxed());
                }
                applied.extend(future::try_join_all(side_by_side).await?);
            }
        }
        Ok(applied)
    }

    async fn served(&self, objects: &[&Value]) -> Result<(), ApplyError> {
        let names = objects
            .iter()
            .filter(|object| text(object, "/kind") == "CustomResourceDefinition");
        let ready: Vec<Ready> = names
            .map(|object| Ready::CrdEstablished {
                name: text(object, "/metadata/name").to_owned(),
            })
            .collect();
        let last = Mutex::new(String::new());
        let report = |unmet: Unmet| {
            let cause = unmet.cause.map_or_else(String::new, |cause| format!(": {cause}"));
            let line = format!("{} is not served{cause}", unmet.what);
            *last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = line;
        };
        let failed = |message, class| ApplyError {
            object: "custom resource definitions".to_owned(),
            message,
            class,
        };
        match tokio::time::timeout(ESTABLISHED, wait(&self.client, &ready, &report)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(error.to_string(), error.class)),
            Err(_) => {
                let message = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
                Err(failed(message, Class::Retryable))
            }
        }
    }

    /// Applies one object, with a few attempts.
    pub async fn apply_one(&self, object: &Value) -> Result<Applied, ApplyError> {
        let mut attempt = 1;
        loop {
            let error = match self.try_one(object).await {
                Ok(applied) => return Ok(applied),
                Err(error) => error,
            };
            if error.class != Class::Retryable || attempt == ATTEMPTS {
                return Err(error);
            }
            tokio::time::sleep(PAUSES.pause(attempt)).await;
            attempt += 1;
        }
    }

    async fn try_one(&self, object: &Value) -> Result<Applied, ApplyError> {
        let subject = subject(object);
        let failed = |message: String, class| ApplyError {
            object: subject.clone(),
            message,
            class,
        };
        let kind =
            kind_of(object).ok_or_else(|| failed("it has no apiVersion or kind".into(), Class::Configuration))?;
        let name = text(object, "/metadata/name");
        if name.is_empty() {
            return Err(failed("it has no name".to_owned(), Class::Configuration));
        }
        let (resource, scope) = self
            .resolve(&kind)
            .await
            .map_err(|(message, class)| failed(message, class))?;
        let api: Api<DynamicObject> = match scope {
            Scope::Cluster => Api::all_with(self.client.clone(), &resource),
            Scope::Namespaced => {
                let namespace = Some(text(object, "/metadata/namespace")).filter(|namespace| !namespace.is_empty());
                Api::namespaced_with(self.client.clone(), namespace.unwrap_or("default"), &resource)
            }
        };
        let params = PatchParams::apply(&self.manager).force();
        let stored = match api.patch(name, &params, &Patch::Apply(object)).await {
            Ok(stored) => stored,
            Err(error) => {
                let class = if passes(&error) {
                    Class::Retryable
                } else if is_unfit(&error) {
                    Class::Configuration
                } else {
                    class_of(&error)
                };
                if is_missing(&error) {
                    // The definition may have been replaced meanwhile.
                    self.forget(&kind).await;
                }
                return Err(failed(chain(&error), class));
            }
        };
        Ok(Applied {
            object: subject,
            resource_version: stored.metadata.resource_version,
        })
    }

    async fn resolve(&self, kind: &GroupVersionKind) -> Result<(ApiResource, Scope), (String, Class)> {
        // Held while asking, so that many objects of one group ask once.
        let mut kinds = self.kinds.lock().await;
        if let Some(known) = kinds.get(kind) {
            return Ok(known.clone());
        }
        let api_version = kind.api_version();
        let version = GroupVersion::gv(&kind.group, &kind.version);
        let group = discovery::pinned_group(&self.client, &version)
            .await
            .map_err(|error| match &error {
                kube::Error::Discovery(_) => (format!("the cluster does not serve {api_version}"), Class::Retryable),
                error if is_missing(error) => (format!("the cluster does not serve {api_version}"), Class::Retryable),
                error => (chain(error), class_of(error)),
            })?;
        for (resource, capabilities) in group.versioned_resources(&kind.version) {
            let found = GroupVersionKind::gvk(&kind.group, &kind.version, &resource.kind);
            kinds.insert(found, (resource, capabilities.scope));
        }
        let known = kinds.get(kind).cloned();
        known.ok_or_else(|| {
            (
                format!("the cluster does not know kind {} of {api_version}", kind.kind),
                Class::Retryable,
            )
        })
    }

    async fn forget(&self, kind: &GroupVersionKind) {
        self.kinds.lock().await.remove(kind);
    }
}

/// Last rank of what has to be served before the rest can be applied.
const DEFINITIONS: usize = 1;

/// Whether a definition has to be served before the rest is applied. One that converts by a webhook is served only once its
/// certificate is issued, and the certificate is part of the rest: it is waited for only where the rest has objects of it.
fn is_awaited(definition: &Value, rest: &[&Value]) -> bool {
    let group = text(definition, "/spec/group");
    let kind = text(definition, "/spec/names/kind");
    let is_used = |object: &&Value| {
        let of_group = text(object, "/apiVersion")
            .split_once('/')
            .is_some_and(|(of, _)| of == group);
        of_group && text(object, "/kind") == kind
    };
    text(definition, "/spec/conversion/strategy") != "Webhook" || rest.iter().any(is_used)
}

/// Order of kinds: what others refer to comes first, what intercepts others comes last.
fn rank(kind: &str) -> usize {
    const ORDER: &[&str] = &[
        "Namespace",
        "CustomResourceDefinition",
        "PriorityClass",
        "StorageClass",
        "CSIDriver",
        "IngressClass",
        "ServiceAccount",
        "Secret",
        "ConfigMap",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "PersistentVolumeClaim",
        "Service",
    ];
    const LAST: &[&str] = &[
        "APIService",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    ];
    if LAST.contains(&kind) {
        return ORDER.len() + 1;
    }
    ORDER.iter().position(|known| *known == kind).unwrap_or(ORDER.len())
}

/// Refusals that pass by themselves although their code says otherwise: a webhook whose pod or certificate is not there
/// yet, a definition that another API server has not seen, a namespace that is just being made.
fn passes(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let text = status.message.as_str();
    [
        "failed calling webhook",
        "failed to call webhook",
        "x509:",
        "etcdserver",
        "leader changed",
        "try again",
    ]
    .iter()
    .any(|sign| text.contains(sign))
        || is_missing(error)
}

/// Objects that do not fit their schema. The API server answers these with 500, though no repetition can help.
fn is_unfit(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let text = status.message.as_str();
    [
        "failed to create typed",
        "duplicate entries for key",
        "schema error",
        "schemaless",
        "no corresponding type for",
        "failed to create manager for existing fields",
        "error converting to typed",
        "cannot be handled as",
        "unable to decode",
        "json: cannot unmarshal",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

fn kind_of(object: &Value) -> Option<GroupVersionKind> {
    let (api_version, kind) = (text(object, "/apiVersion"), text(object, "/kind"));
    if api_version.is_empty() || kind.is_empty() {
        return None;
    }
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    Some(GroupVersionKind::gvk(group, version, kind))
}

fn subject(object: &Value) -> String {
    let (kind, name) = (text(object, "/kind"), text(object, "/metadata/name"));
    match text(object, "/metadata/namespace") {
        "" => format!("{kind} {name}"),
        namespace => format!("{kind} {namespace}/{name}"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what an object lacks is empty; one without version, kind or name is refused before it is sent"
)]
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_whose_webhook_waits_for_its_certificate_does_not_hold_the_certificate_up() {
        use serde_json::json;
        let definition = |strategy: &str| {
            json!({"kind": "CustomResourceDefinition", "spec": {
                "group": "x.org", "names": {"kind": "Thing"}, "conversion": {"strategy": strategy},
            }})
        };
        let certificate = json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate"});
        let thing = json!({"apiVersion": "x.org/v1", "kind": "Thing"});
        let same_kind = json!({"apiVersion": "y.org/v1", "kind": "Thing"});
        assert!(!is_awaited(&definition("Webhook"), &[&certificate, &same_kind]));
        assert!(is_awaited(&definition("Webhook"), &[&certificate, &thing]));
        assert!(is_awaited(&definition("None"), &[&certificate]));
    }

    fn answer(code: u16, message: &str) -> kube::Error {
        let status = kube::core::Status::failure(message, "").with_code(code);
        kube::Error::Api(status.boxed())
    }

    #[test]
    fn an_object_that_does_not_fit_its_schema_is_final_whatever_the_code() {
        for text in [
            "failed to create typed patch object (/x; apiextensions.k8s.io/v1, Kind=CustomResourceDefinition): errors:\n  \
             .spec.versions[0]: duplicate entries for key [rule=\"self == oldSelf\"]",
            "failed to create typed live object: .spec.foo: field not declared in schema",
            "failed to create manager for existing fields: failed to convert new object: .spec.x: expected list, got map",
        ] {
            let error = answer(500, text);
            assert!(is_unfit(&error) && !passes(&error), "{text}");
        }
        for text in [
            "etcdserver: request timed out",
            "failed calling webhook \"x\"",
            "context deadline exceeded",
        ] {
            assert!(!is_unfit(&answer(500, text)), "{text}");
        }
    }

    #[test]
    fn what_others_refer_to_comes_first_and_what_intercepts_others_last() {
        let mut kinds = [
            "ValidatingWebhookConfiguration",
            "Deployment",
            "Secret",
            "CustomResourceDefinition",
            "Namespace",
        ];
        kinds.sort_by_key(|kind| rank(kind));
        let sorted = [
            "Namespace",
            "CustomResourceDefinition",
            "Secret",
            "Deployment",
            "ValidatingWebhookConfiguration",
        ];
        assert_eq!(kinds, sorted);
    }
}
