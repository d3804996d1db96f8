//! A management cluster that can be worked with, as somebody.

use std::path::PathBuf;

use butler_client::address::ServerAddress;
use butler_client::logged_in::LoggedIn;
use butler_client::resolve::{Decision, Source};
use butler_client::session::{Session, SessionKubeconfigError};
use butler_kubernetes::connect::{self, ConnectError, Impersonated, Options};
use kube::Client;
use secrecy::SecretString;

/// A management cluster, and as whom it is worked with.
pub struct Reach {
    /// The API server of the management cluster.
    pub client: Client,
    /// Butler's server, where somebody is logged in on one. A kubeconfig never brings one: it may be of another cluster.
    pub server: Option<LoggedIn>,
    /// Which source decided, and why.
    pub decision: Decision,
    /// The namespace that the source itself names: the one of a context.
    pub namespace: Option<String>,
    /// The team of the login that commands use.
    pub team: Option<String>,
    /// The e-mail address of whoever is logged in.
    pub email: Option<String>,
    credentials: Credentials,
}

/// What another connection to the same cluster is made of.
enum Credentials {
    Files(Vec<PathBuf>),
    Text(SecretString),
}

/// Why the management cluster cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// The kubeconfig cannot be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The kubeconfig of the login cannot be used.
    #[error("the login on {address} has no kubeconfig that can be used")]
    Kubeconfig {
        /// The server of the login.
        address: ServerAddress,
        /// What is wrong with it.
        source: SessionKubeconfigError,
    },
}

/// The groups that somebody has whom Butler's components act as.
const GROUPS: [&str; 2] = ["butler-api-users", "system:authenticated"];

impl Reach {
    /// A cluster by a kubeconfig.
    pub async fn by_files(decision: Decision) -> Result<Self, ReachError> {
        let paths = match &decision.source {
            Source::Kubeconfig(path) | Source::Cluster(path) => vec![path.clone()],
            Source::Kubectl(paths) => paths.clone(),
            Source::Login(_) => Vec::new(),
        };
        let options = Options {
            context: decision.context.clone(),
            ..Options::default()
        };
        let client = connect::connect_files(&paths, &options).await?;
        let namespace = connect::namespace_of(&paths, decision.context.as_deref())?;
        Ok(Self {
            client,
            server: None,
            decision,
            namespace,
            team: None,
            email: None,
            credentials: Credentials::Files(paths),
        })
    }

    /// A cluster by a login that is good.
    pub async fn by_login(decision: Decision, server: LoggedIn, session: &Session) -> Result<Self, ReachError> {
        let kubeconfig = session.kubeconfig_text().map_err(|source| ReachError::Kubeconfig {
            address: server.address().clone(),
            source,
        })?;
        let client = connect::connect(&kubeconfig, &Options::default()).await?;
        Ok(Self {
            client,
            namespace: None,
            team: session.active_team.clone(),
            email: Some(session.user.email.clone()),
            // An issuer's login is for the API server alone.
            server: session.issuer.is_none().then_some(server),
            decision,
            credentials: Credentials::Text(kubeconfig),
        })
    }

    /// The same cluster as the person who is logged in, and not as the account that the login made for tokens. The API server
    /// must allow it; nobody but a platform administrator is allowed to. `None`: nobody is logged in, or the login is the
    /// person's own, as an issuer gives it.
    pub async fn as_person(&self) -> Result<Option<Client>, ReachError> {
        let (Some(email), Some(_)) = (&self.email, &self.server) else {
            return Ok(None);
        };
        let options = Options {
            context: self.decision.context.clone(),
            impersonated: Some(Impersonated {
                user: email.trim().to_lowercase(),
                groups: GROUPS.map(str::to_owned).to_vec(),
            }),
            ..Options::default()
        };
        let client = match &self.credentials {
            Credentials::Files(paths) => connect::connect_files(paths, &options).await?,
            Credentials::Text(text) => connect::connect(text, &options).await?,
        };
        Ok(Some(client))
    }
}
