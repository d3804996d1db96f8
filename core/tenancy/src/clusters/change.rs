//! Changing a cluster that is there.

use butler_api::v1alpha1::TenantCluster;
use kube::api::DynamicObject;
use kube::core::ApiResource;
use kube::{Api, Client};
use serde::Serialize;

use super::read::{self, ReadError};
use crate::change::{self, Spec};
use crate::pages;
use crate::reach::Reach;

/// Who changes things, for the records of the API server, and whether it only wants to know.
#[derive(Debug, Clone, Copy)]
pub struct Writer {
    /// The field manager: the name of the tool.
    pub manager: &'static str,
    /// Whether it only wants to know.
    pub dry_run: Option<DryRun>,
}

/// How it is found out what would become of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DryRun {
    /// Nothing is sent.
    Client,
    /// The API server checks everything and keeps nothing.
    Server,
}

impl Writer {
    /// Whether the API server is to keep nothing.
    pub(super) fn on_server(self) -> bool {
        self.dry_run == Some(DryRun::Server)
    }
}

/// Why a cluster was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError<R: std::error::Error + 'static> {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The API server did not do it.
    #[error("cannot change tenant cluster {name}")]
    Kubernetes {
        /// The name.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The change cannot be written.
    #[error("the change cannot be written as an object")]
    Write(#[source] serde_json::Error),
    /// It cannot be changed like that.
    #[error(transparent)]
    Refused(R),
}

/// A cluster after a change, or as it is because nothing had to change.
#[derive(Debug)]
pub struct Changed {
    /// The object, as the API server has it.
    pub object: DynamicObject,
    /// Whether anything was sent.
    pub changed: bool,
}

/// The clusters of a namespace, as the API server has them.
pub fn clusters(reach: &Reach, namespace: &str) -> Api<DynamicObject> {
    clusters_by(reach.client.clone(), namespace)
}

/// The same, by another connection.
pub(super) fn clusters_by(client: Client, namespace: &str) -> Api<DynamicObject> {
    let kind = ApiResource::erase::<TenantCluster>(&());
    Api::namespaced_with(client, namespace, &kind)
}

/// Changes the spec of a cluster as `decide` says; it says nothing where the cluster is as it should be.
pub async fn change<S, R>(
    reach: &Reach,
    namespace: &str,
    name: &str,
    writer: Writer,
    decide: impl Fn(&TenantCluster) -> Result<Option<S>, R>,
) -> Result<Changed, ChangeError<R>>
where
    S: Serialize,
    R: std::error::Error + 'static,
{
    if writer.dry_run == Some(DryRun::Client) {
        return without_sending(reach, namespace, name, decide).await;
    }
    let sender = change::Writer {
        manager: writer.manager,
        dry_run: writer.on_server(),
    };
    let api = clusters(reach, namespace);
    let decided = sender.change(&api, name, |object| {
        let cluster = read::typed(object).map_err(|source| Undecided::Shape(name.to_owned(), source))?;
        let spec = decide(&cluster).map_err(Undecided::Refused)?;
        Ok(spec.map(|spec| Spec { spec }))
    });
    match decided.await {
        Ok(outcome) => Ok(Changed {
            object: pages::without_managed_fields(outcome.object),
            changed: outcome.changed,
        }),
        Err(change::ChangeError::Refused(Undecided::Refused(error))) => Err(ChangeError::Refused(error)),
        Err(change::ChangeError::Refused(Undecided::Shape(name, source))) => {
            Err(ReadError::Shape { name, source }.into())
        }
        Err(change::ChangeError::Encode(error)) => Err(ChangeError::Write(error)),
        Err(change::ChangeError::Kubernetes(error)) if change::code(&error) == Some(404) => Err(ReadError::Missing {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
        }
        .into()),
        Err(change::ChangeError::Kubernetes(error)) => Err(ChangeError::Kubernetes {
            name: name.to_owned(),
            source: Box::new(error),
        }),
    }
}

/// Why nothing could be decided.
#[derive(Debug, thiserror::Error)]
enum Undecided<R> {
    #[error("{0} cannot be read")]
    Shape(String, #[source] serde_json::Error),
    #[error("it is refused")]
    Refused(R),
}

/// The cluster as a change would make it.
async fn without_sending<S, R>(
    reach: &Reach,
    namespace: &str,
    name: &str,
    decide: impl Fn(&TenantCluster) -> Result<Option<S>, R>,
) -> Result<Changed, ChangeError<R>>
where
    S: Serialize,
    R: std::error::Error + 'static,
{
    let found = read::cluster(reach, namespace, name).await?;
    let spec = decide(&found.typed()?).map_err(ChangeError::Refused)?;
    let mut object = found.object;
    let changed = spec.is_some();
    if let Some(spec) = spec {
        let spec = serde_json::to_value(spec).map_err(ChangeError::Write)?;
        json_patch::merge(&mut object.data["spec"], &spec);
    }
    Ok(Changed { object, changed })
}
