//! Writes of objects, whatever their kind. A change is decided on the object as it is and sent with the version that it was
//! decided on: where somebody else was faster, it is decided again on what is there then, so that nobody's change is lost.

use std::time::Duration;

use butler_api::backoff::Backoff;
use kube::ResourceExt as _;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde::Serialize;

/// How often a change is decided again before it is given up. Every conflict is somebody else's success.
const ATTEMPTS: u32 = 60;
/// Pauses between attempts.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(500));

/// Who writes, and whether it is only tried.
#[derive(Debug, Clone, Copy)]
pub struct Writer {
    /// The field manager.
    pub manager: &'static str,
    /// The API server checks everything and keeps nothing.
    pub dry_run: bool,
}

/// Why an object was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError<E> {
    /// The object is not as it has to be for this change.
    #[error(transparent)]
    Refused(E),
    /// What the API server said.
    #[error(transparent)]
    Kubernetes(#[from] kube::Error),
    /// The object has no JSON.
    #[error("cannot encode the change")]
    Encode(#[from] serde_json::Error),
}

/// What became of a change.
#[derive(Debug)]
pub struct Outcome {
    /// The object as it is now.
    pub object: DynamicObject,
    /// Whether anything was changed; it may have been so already.
    pub changed: bool,
}

impl Writer {
    /// Creates an object.
    pub async fn create<K: Serialize>(
        &self,
        api: &Api<DynamicObject>,
        object: &K,
    ) -> Result<DynamicObject, ChangeError<std::convert::Infallible>> {
        let object: DynamicObject = serde_json::from_value(serde_json::to_value(object)?)?;
        Ok(api.create(&self.post_params(), &object).await?)
    }

    /// Makes an object so, by server-side apply: what it says is ours, whoever had it before; the rest stays.
    pub async fn apply<K: Serialize>(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        object: &K,
    ) -> Result<DynamicObject, kube::Error> {
        let params = PatchParams {
            force: true,
            ..self.params()
        };
        let object = serde_json::to_value(object).map_err(kube::Error::SerdeError)?;
        api.patch(name, &params, &Patch::Apply(object)).await
    }

    /// Changes an object by a merge patch that is decided on what it is; `None`: it is so already.
    pub async fn change<S: Serialize, E>(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        decide: impl FnMut(&DynamicObject) -> Result<Option<S>, E>,
    ) -> Result<Outcome, ChangeError<E>> {
        self.sent(api, name, decide, async |object, change| {
            self.patch(api, object, change).await
        })
        .await
    }

    /// Changes an object by the whole of what it is to be, which is decided on what it is: a merge patch cannot say that a value
    /// is null. `None`: it is so already.
    pub async fn replace<E>(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        decide: impl FnMut(&DynamicObject) -> Result<Option<DynamicObject>, E>,
    ) -> Result<Outcome, ChangeError<E>> {
        let params = self.post_params();
        self.sent(api, name, decide, async |_, whole: DynamicObject| {
            api.replace(name, &params, &whole).await
        })
        .await
    }

    /// Decides a change on an object as it is and sends it; again, where somebody else was faster.
    async fn sent<C, E>(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        mut decide: impl FnMut(&DynamicObject) -> Result<Option<C>, E>,
        send: impl AsyncFn(&DynamicObject, C) -> Result<DynamicObject, kube::Error>,
    ) -> Result<Outcome, ChangeError<E>> {
        let mut failures = 0;
        loop {
            let object = api.get(name).await?;
            let Some(change) = decide(&object).map_err(ChangeError::Refused)? else {
                return Ok(Outcome { object, changed: false });
            };
            match send(&object, change).await {
                Ok(object) => return Ok(Outcome { object, changed: true }),
                Err(error) if is_conflict(&error) && failures < ATTEMPTS => {
                    failures += 1;
                    tokio::time::sleep(PAUSES.pause(failures)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn patch<S: Serialize>(
        &self,
        api: &Api<DynamicObject>,
        object: &DynamicObject,
        change: S,
    ) -> Result<DynamicObject, kube::Error> {
        let mut body = serde_json::to_value(change).map_err(kube::Error::SerdeError)?;
        body["metadata"]["resourceVersion"] = object.resource_version().into();
        api.patch(&object.name_any(), &self.params(), &Patch::Merge(body)).await
    }

    /// Writes a part of the status of an object.
    pub async fn status<S: Serialize>(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        status: &S,
    ) -> Result<DynamicObject, kube::Error> {
        let body = serde_json::to_value(StatusBody { status }).map_err(kube::Error::SerdeError)?;
        api.patch_status(name, &self.params(), &Patch::Merge(body)).await
    }

    fn post_params(&self) -> PostParams {
        PostParams {
            dry_run: self.dry_run,
            field_manager: Some(self.manager.to_owned()),
        }
    }

    fn params(&self) -> PatchParams {
        PatchParams {
            dry_run: self.dry_run,
            field_manager: Some(self.manager.to_owned()),
            ..PatchParams::default()
        }
    }
}

#[derive(Serialize)]
struct StatusBody<S> {
    status: S,
}

/// Somebody else has changed the object meanwhile.
fn is_conflict(error: &kube::Error) -> bool {
    code(error) == Some(409)
}

/// The status of the API server's refusal.
pub fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// A merge patch of the specification.
#[derive(Debug, Serialize)]
pub struct Spec<S> {
    /// The fields that change.
    pub spec: S,
}
