//! Objects of one kind in one namespace: reading, listing and writing them, and why that did not come about.

use butler_client::logged_in::ServerError;
use kube::Resource;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, DynamicObject, Preconditions};
use kube::core::{ApiResource, NamespaceResourceScope};
use serde::Serialize;

use crate::change::{ChangeError, Outcome, Writer, code};
use crate::pages;
use crate::reach::Reach;

/// The objects of a kind in a namespace.
pub struct Objects {
    api: Api<DynamicObject>,
    /// What people call one of them.
    word: &'static str,
    namespace: String,
}

/// Why something about objects did not come about.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The API server did not do it.
    #[error("cannot {verb} {what}")]
    Kubernetes {
        /// What was to be done.
        verb: &'static str,
        /// With what.
        what: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// Butler's server did not do it.
    #[error("cannot {verb} {what}")]
    Server {
        /// What was to be done.
        verb: &'static str,
        /// With what.
        what: String,
        /// What went wrong.
        source: Box<ServerError>,
    },
    /// It is not there.
    #[error("there is no {what} in namespace {namespace}")]
    Missing {
        /// What was asked for.
        what: String,
        /// Where was looked.
        namespace: String,
    },
    /// It is there already.
    #[error("{what} is in namespace {namespace} already")]
    Exists {
        /// What was to be made.
        what: String,
        /// Where.
        namespace: String,
    },
    /// It cannot be written.
    #[error("{what} cannot be written as an object")]
    Encode {
        /// What was to be written.
        what: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It is of a shape that this version does not know.
    #[error("{what} is of a shape that this version does not know")]
    Shape {
        /// What was read.
        what: String,
        /// The place that could not be read.
        source: serde_json::Error,
    },
}

impl Objects {
    /// The objects of a kind; `word` is what people call one of them.
    pub fn of<K>(reach: &Reach, namespace: &str, word: &'static str) -> Self
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let kind = ApiResource::erase::<K>(&());
        Self {
            api: Api::namespaced_with(reach.client.clone(), namespace, &kind),
            word,
            namespace: namespace.to_owned(),
        }
    }

    /// All of them, as the API server has them.
    pub async fn all(&self) -> Result<Vec<DynamicObject>, ObjectError> {
        let found = pages::all(&self.api).await;
        found.map_err(|source| ObjectError::Kubernetes {
            verb: "list",
            what: format!("{}s in namespace {}", self.word, self.namespace),
            source: Box::new(source),
        })
    }

    /// The one of a name.
    pub async fn get(&self, name: &str) -> Result<DynamicObject, ObjectError> {
        let found = self.api.get(name).await;
        found
            .map(pages::without_managed_fields)
            .map_err(|source| self.failed("read", name, source))
    }

    /// Makes one.
    pub async fn create(
        &self,
        writer: &Writer,
        object: &impl Serialize,
        name: &str,
    ) -> Result<DynamicObject, ObjectError> {
        let made = writer.create(&self.api, object).await;
        made.map(pages::without_managed_fields)
            .map_err(|error| self.unwritten("create", name, error))
    }

    /// Makes one so, whether it is there or not: what it says is ours, the rest stays.
    pub async fn apply(
        &self,
        writer: &Writer,
        object: &impl Serialize,
        name: &str,
    ) -> Result<DynamicObject, ObjectError> {
        let applied = writer.apply(&self.api, name, object).await;
        applied
            .map(pages::without_managed_fields)
            .map_err(|source| self.failed("write", name, source))
    }

    /// The one of a name, if it is there.
    pub async fn find(&self, name: &str) -> Result<Option<DynamicObject>, ObjectError> {
        match self.get(name).await {
            Ok(object) => Ok(Some(object)),
            Err(ObjectError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes one by the whole of what it is to be; `None`: it is so already.
    pub async fn replace(
        &self,
        writer: &Writer,
        name: &str,
        mut decide: impl FnMut(&DynamicObject) -> Option<DynamicObject>,
    ) -> Result<Outcome, ObjectError> {
        let decide = |object: &DynamicObject| Ok::<_, std::convert::Infallible>(decide(object));
        let changed = writer.replace(&self.api, name, decide).await;
        let Outcome { object, changed } = changed.map_err(|error| self.unwritten("change", name, error))?;
        Ok(Outcome {
            object: pages::without_managed_fields(object),
            changed,
        })
    }

    /// Deletes the one that was read, and no other one that has its name by now.
    pub async fn delete(&self, writer: &Writer, object: &DynamicObject) -> Result<(), ObjectError> {
        let params = DeleteParams {
            dry_run: writer.dry_run,
            preconditions: Some(Preconditions {
                uid: object.metadata.uid.clone(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        match self.api.delete(&object.name_any(), &params).await {
            Ok(_) => Ok(()),
            // Somebody was faster.
            Err(error) if code(&error) == Some(404) => Ok(()),
            Err(source) => Err(self.failed("delete", &object.name_any(), source)),
        }
    }

    fn unwritten(&self, verb: &'static str, name: &str, error: ChangeError<std::convert::Infallible>) -> ObjectError {
        match error {
            ChangeError::Refused(never) => match never {},
            ChangeError::Kubernetes(source) => self.failed(verb, name, source),
            ChangeError::Encode(source) => ObjectError::Encode {
                what: self.what(name),
                source,
            },
        }
    }

    fn failed(&self, verb: &'static str, name: &str, source: kube::Error) -> ObjectError {
        let (what, namespace) = (self.what(name), self.namespace.clone());
        match code(&source) {
            Some(404) => ObjectError::Missing { what, namespace },
            Some(409) if verb == "create" => ObjectError::Exists { what, namespace },
            _ => ObjectError::Kubernetes {
                verb,
                what: format!("{what} in namespace {namespace}"),
                source: Box::new(source),
            },
        }
    }

    fn what(&self, name: &str) -> String {
        format!("{} {name}", self.word)
    }
}
