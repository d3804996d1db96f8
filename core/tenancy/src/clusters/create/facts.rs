//! What a new cluster refers to, as far as this login may read it: its team, the platform's defaults, the ProviderConfigs.

use butler_api::names::{BUTLER_CONFIG, SYSTEM_NAMESPACE};
use butler_api::v1alpha1::provider_config::NetworkMode;
use butler_api::v1alpha1::team::{ClusterDefaults, Environment, ResourceLimits};
use butler_api::v1alpha1::{ButlerConfig, ProviderConfig, Team, decode};
use butler_client::http::CallError;
use butler_client::logged_in::{LoggedIn, ServerError};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde::Deserialize;
use serde_json::Value;

use crate::place::Place;
use crate::reach::Reach;

/// What is known. What this login may not read is not known, and left to the server.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The team of the cluster; nothing where it has none, or where nobody may know more of it than its name.
    pub team: Option<TeamFacts>,
    /// The ProviderConfig that the platform takes where none is named.
    pub default_provider: Fact<Option<String>>,
    /// The ProviderConfigs that there are.
    pub providers: Fact<Vec<Provider>>,
    /// The e-mail address of whoever is logged in.
    pub email: Option<String>,
    /// The user name that the API server knows.
    pub user: Option<String>,
}

/// Something that may be unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fact<T> {
    /// It is so.
    Known(T),
    /// This login may not know.
    #[default]
    Unknown,
}

/// What a team says about its clusters.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TeamFacts {
    /// Its limits.
    pub resource_limits: Option<ResourceLimits>,
    /// What its clusters are where nobody says otherwise.
    pub cluster_defaults: Option<ClusterDefaults>,
    /// Its environments.
    pub environments: Vec<Environment>,
}

/// What is known of a ProviderConfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// The platform.
    pub platform: String,
    /// Whether it gives addresses to load balancers by itself.
    pub allocates: bool,
}

/// Why nothing could be looked up.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// The API server does not answer, or does not know whoever asks.
    #[error("cannot look up {what}")]
    Kubernetes {
        /// What was asked for.
        what: String,
        /// What went wrong.
        source: Box<kube::Error>,
    },
    /// Butler's server does not answer.
    #[error("cannot look up {what}")]
    Server {
        /// What was asked for.
        what: String,
        /// What went wrong.
        source: ServerError,
    },
}

#[derive(Deserialize)]
struct Providers {
    #[serde(default)]
    providers: Vec<Value>,
}

/// Looks everything up.
pub(super) async fn look_up(reach: &Reach, place: &Place) -> Result<Facts, FactsError> {
    let team = async {
        match &place.team {
            Some(team) => self::team(reach, team).await,
            None => Ok(None),
        }
    };
    let (team, default_provider, providers, user) =
        futures::try_join!(team, default_provider(reach), providers(reach), user(reach))?;
    Ok(Facts {
        team,
        default_provider,
        providers,
        email: reach.email.clone(),
        user,
    })
}

pub(super) async fn team(reach: &Reach, name: &str) -> Result<Option<TeamFacts>, FactsError> {
    let what = || format!("team {name}");
    let api: Api<Team> = Api::all(reach.client.clone());
    if let Some(found) = readable(api.get_opt(name).await, what)? {
        return Ok(found.map(|team| TeamFacts {
            resource_limits: team.spec.resource_limits,
            cluster_defaults: team.spec.cluster_defaults,
            environments: team.spec.environments,
        }));
    }
    match &reach.server {
        Some(server) => told(server, &["api", "teams", name], what).await,
        None => Ok(None),
    }
}

async fn default_provider(reach: &Reach) -> Result<Fact<Option<String>>, FactsError> {
    let api: Api<ButlerConfig> = Api::all(reach.client.clone());
    let what = || "the defaults of the platform".to_owned();
    Ok(match readable(api.get_opt(BUTLER_CONFIG).await, what)? {
        Some(config) => {
            let named = config.and_then(|config| config.spec.default_provider_config_ref);
            Fact::Known(named.map(|named| named.name))
        }
        None => Fact::Unknown,
    })
}

async fn providers(reach: &Reach) -> Result<Fact<Vec<Provider>>, FactsError> {
    let what = || "the ProviderConfigs".to_owned();
    let api: Api<ProviderConfig> = Api::namespaced(reach.client.clone(), SYSTEM_NAMESPACE);
    if let Some(listed) = readable(api.list(&ListParams::default()).await, what)? {
        return Ok(Fact::Known(listed.items.iter().filter_map(provider).collect()));
    }
    let Some(server) = &reach.server else {
        return Ok(Fact::Unknown);
    };
    let listed: Option<Providers> = told(server, &["api", "providers"], what).await?;
    Ok(listed.map_or(Fact::Unknown, |listed| {
        let read = listed
            .providers
            .into_iter()
            .filter_map(|object| decode::<ProviderConfig>(object).ok());
        let here = read.filter(|config| config.metadata.namespace.as_deref() == Some(SYSTEM_NAMESPACE));
        Fact::Known(here.filter_map(|config| provider(&config)).collect())
    }))
}

fn provider(config: &ProviderConfig) -> Option<Provider> {
    let network = config.spec.network.as_ref();
    Some(Provider {
        name: config.metadata.name.clone()?,
        platform: config.spec.provider.as_str().to_owned(),
        allocates: network.is_some_and(|network| network.mode == Some(NetworkMode::Ipam)),
    })
}

/// Everybody may ask who he is.
async fn user(reach: &Reach) -> Result<Option<String>, FactsError> {
    let api: Api<SelfSubjectReview> = Api::all(reach.client.clone());
    let asked = api.create(&PostParams::default(), &SelfSubjectReview::default()).await;
    let answer = readable(asked, || "who this login is".to_owned())?;
    let status = answer.and_then(|answer| answer.status);
    Ok(status.and_then(|status| status.user_info?.username))
}

/// An answer of the API server; nothing where this login may not read it, or where the server does not know the kind.
fn readable<T>(answer: Result<T, kube::Error>, what: impl Fn() -> String) -> Result<Option<T>, FactsError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(kube::Error::Api(status)) if matches!(status.code, 403..=405) => Ok(None),
        Err(source) => Err(FactsError::Kubernetes {
            what: what(),
            source: Box::new(source),
        }),
    }
}

/// An answer of Butler's server; nothing where it does not tell. Older servers give no session, and some refuse.
async fn told<T: serde::de::DeserializeOwned>(
    server: &LoggedIn,
    path: &[&str],
    what: impl Fn() -> String,
) -> Result<Option<T>, FactsError> {
    match server.get::<T>(path, &[]).await {
        Ok(found) => Ok(Some(found)),
        Err(ServerError::NoSession(_) | ServerError::Call(CallError::Refused { .. })) => Ok(None),
        Err(source) => Err(FactsError::Server { what: what(), source }),
    }
}
