//! How a new cluster is sent, and as whom.
//!
//! Kubernetes takes it as whoever the login is. Where an environment limits the clusters of each member, the API server must
//! know the person: as an administrator by impersonation, as a member through Butler's server.

use butler_api::labels::{CREATOR_EMAIL, ENVIRONMENT};
use butler_client::logged_in::ServerError;
use http::Method;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::{DynamicObject, PostParams};
use kube::{Api, ResourceExt as _};

use super::Request;
use super::facts::Facts;
use super::form::{Form, NoForm};
use crate::clusters::change;
use crate::reach::{Reach, ReachError};

/// How a new cluster was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// To the API server, as the login.
    Kubernetes,
    /// To the API server, as the person who is logged in.
    Person,
    /// Through Butler's server, which acts for the person.
    Server,
}

/// A cluster that was made.
#[derive(Debug)]
pub struct Created {
    /// The object, as the API server has it.
    pub object: DynamicObject,
    /// How it was sent.
    pub transport: Transport,
}

/// Why no cluster was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The rules of the platform would refuse it.
    #[error("the rules of the platform refuse it")]
    Rules(Vec<String>),
    /// There is a cluster of that name.
    #[error("cluster {0} exists already")]
    Exists(String),
    /// The API server did not take it.
    #[error(transparent)]
    Kubernetes(Box<kube::Error>),
    /// Butler's server did not take it.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// Nobody can be acted as.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// The object cannot be written.
    #[error("the cluster cannot be written as an object")]
    Object(#[source] serde_json::Error),
    /// The file cannot be used.
    #[error("{0}")]
    File(String),
    /// The file is of another cluster.
    #[error("the file is of cluster {file}, and {asked} was asked for")]
    OtherName {
        /// The name in the file.
        file: String,
        /// The name that was asked for.
        asked: String,
    },
    /// The file is for another namespace.
    #[error("the file is for namespace {file}, and this command works in {asked}")]
    OtherNamespace {
        /// The namespace in the file.
        file: String,
        /// The namespace of the command.
        asked: String,
    },
    /// There is no platform to make it on.
    #[error("there is no ProviderConfig, and without one nothing can be made")]
    NoProvider,
    /// There are several platforms to make it on.
    #[error("there are several ProviderConfigs and no default: {}", .0.join(", "))]
    Providers(Vec<String>),
    /// The person cannot be proven to the API server.
    #[error(
        "environment {environment} limits the clusters of each member, and nobody can prove here whose the new one is"
    )]
    Anonymous {
        /// The environment.
        environment: String,
        /// Whether somebody is logged in at all.
        logged_in: bool,
    },
    /// Butler's server cannot be told all of it.
    #[error(
        "environment {environment} limits the clusters of each member, so that Butler's server has to make it; it cannot be told"
    )]
    Form {
        /// The environment.
        environment: String,
        /// What it cannot be told.
        source: NoForm,
    },
}

/// The cluster with the mark of whoever makes it. Limits per member count by it.
pub(super) fn signed(mut object: DynamicObject, facts: &Facts) -> DynamicObject {
    let by_user = || capped(&object, facts).and(facts.user.clone());
    if let Some(creator) = facts.email.clone().or_else(by_user) {
        let annotations = object.metadata.annotations.get_or_insert_default();
        annotations.entry(CREATOR_EMAIL.to_owned()).or_insert(creator);
    }
    object
}

/// The environment of a cluster, if it limits the clusters of each member.
fn capped(object: &DynamicObject, facts: &Facts) -> Option<String> {
    let name = object.metadata.labels.as_ref()?.get(ENVIRONMENT)?;
    let mut environments = facts.team.as_ref()?.environments.iter();
    let environment = environments.find(|environment| environment.name == *name)?;
    let most = environment.limits.as_ref()?.max_clusters_per_member?;
    (most > 0).then(|| name.clone())
}

/// Sends it.
pub(super) async fn send(
    reach: &Reach,
    request: &Request,
    facts: &Facts,
    object: DynamicObject,
) -> Result<Created, CreateError> {
    let environment = capped(&object, facts);
    let transport = match &environment {
        None => Transport::Kubernetes,
        Some(environment) => transport(reach, facts, environment).await?,
    };
    let object = match transport {
        Transport::Kubernetes => post(reach.client.clone(), request, &object).await?,
        Transport::Person => {
            let client = reach.as_person().await?.unwrap_or_else(|| reach.client.clone());
            post(client, request, &object).await?
        }
        Transport::Server => through_server(reach, request, &object, environment.as_deref()).await?,
    };
    Ok(Created { object, transport })
}

async fn transport(reach: &Reach, facts: &Facts, environment: &str) -> Result<Transport, CreateError> {
    let same = |email: &String| facts.user.as_ref().is_some_and(|user| user.eq_ignore_ascii_case(email));
    let Some(email) = &facts.email else {
        // By a kubeconfig: the creator is whoever the API server takes it for.
        return match &facts.user {
            Some(_) => Ok(Transport::Kubernetes),
            None => Err(CreateError::Anonymous {
                environment: environment.to_owned(),
                logged_in: false,
            }),
        };
    };
    if same(email) {
        return Ok(Transport::Kubernetes);
    }
    if may_impersonate(reach, email).await? {
        return Ok(Transport::Person);
    }
    match &reach.server {
        Some(server) if server.session().await.session_token.is_some() => Ok(Transport::Server),
        _ => Err(CreateError::Anonymous {
            environment: environment.to_owned(),
            logged_in: true,
        }),
    }
}

async fn may_impersonate(reach: &Reach, email: &str) -> Result<bool, CreateError> {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                name: Some(email.trim().to_lowercase()),
                resource: Some("users".to_owned()),
                verb: Some("impersonate".to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(reach.client.clone());
    let answer = api.create(&PostParams::default(), &review).await;
    let answer = answer.map_err(|error| CreateError::Kubernetes(Box::new(error)))?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

async fn post(client: kube::Client, request: &Request, object: &DynamicObject) -> Result<DynamicObject, CreateError> {
    let params = PostParams {
        dry_run: request.writer.on_server(),
        field_manager: Some(request.writer.manager.to_owned()),
    };
    let api = change::clusters_by(client, &request.place.namespace);
    api.create(&params, object).await.map_err(|error| match error {
        kube::Error::Api(status) if status.reason == "AlreadyExists" => CreateError::Exists(object.name_any()),
        error => CreateError::Kubernetes(Box::new(error)),
    })
}

async fn through_server(
    reach: &Reach,
    request: &Request,
    object: &DynamicObject,
    environment: Option<&str>,
) -> Result<DynamicObject, CreateError> {
    let environment = environment.unwrap_or("");
    let anonymous = || CreateError::Anonymous {
        environment: environment.to_owned(),
        logged_in: true,
    };
    let server = reach.server.as_ref().ok_or_else(anonymous)?;
    let form = Form::of(object, &request.place.namespace, request.writer.on_server());
    let form = form.map_err(|source| CreateError::Form {
        environment: environment.to_owned(),
        source,
    })?;
    let team = request.place.team.as_deref().unwrap_or("");
    // The server reads the environment of a new cluster from a header only, and that only beside the team's.
    let headers = [("X-Butler-Team", team), ("X-Butler-Environment", environment)];
    let made = server
        .send_with(Method::POST, &["api", "clusters"], &headers, &form)
        .await;
    Ok(made?)
}
