//! What a stopped run waited for, looked at again. Nothing is changed and nothing is written, not even in the state folder.

use std::{collections::BTreeMap, time::Duration};

use butler_engine::journal;
use butler_files::ClusterFolder;
use butler_kubernetes::{chain, connect, servers::Servers};
use butler_talos::{
    client::{Address, Credentials, Mode, Node as TalosNode, probe},
    secrets::SecretsBundle,
};
use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::{Api, Client, config::Kubeconfig};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use crate::{
    bootstrap::{Known, Learned, context::bracketed, steps},
    runs::why::Now,
};

/// How long all looks may take.
const LIMIT: Duration = Duration::from_secs(5);
/// How long one question may take.
const LOOK: Duration = Duration::from_secs(3);
/// As many steps are looked at.
const MOST: usize = 64;

/// Looks at what these steps of a stopped bootstrap waited for.
pub async fn look(files: &ClusterFolder, ids: &[String]) -> BTreeMap<String, Now> {
    let left = Left::read(files).await;
    let looks = ids.iter().take(MOST).map(|id| async {
        let late = || Now::Unknown(format!("no answer within {} s", LIMIT.as_secs()));
        let now = timeout(LIMIT, left.look(id)).await.unwrap_or_else(|_| late());
        (id.clone(), now)
    });
    join_all(looks).await.into_iter().collect()
}

/// What is left of the runs, and what one can ask with it.
struct Left {
    known: Known,
    credentials: Option<Credentials>,
    cluster: Result<Client, String>,
    endpoint: Result<Client, String>,
}

impl Left {
    async fn read(files: &ClusterFolder) -> Self {
        let known = match journal::find::<Learned>(&files.journal(), &[]) {
            Ok(found) => Known::of(&found.records),
            Err(unusable) => unusable.told,
        };
        let endpoint = connect::connect_file(&files.kubeconfig(), &connect::Options::default()).await;
        Self {
            credentials: credentials(files),
            cluster: cluster(files, &known).await,
            endpoint: endpoint.map_err(|error| chain(&error)),
            known,
        }
    }

    async fn look(&self, step: &str) -> Now {
        let parts: Vec<&str> = step.split('/').collect();
        match parts.as_slice() {
            ["machine", name, "boot"] => self.booted(name).await,
            ["machine", name, "configure"] => self.configured(name).await,
            ["etcd", "bootstrap"] => self.members(None).await,
            ["etcd", "member", name] => self.members(Some(name)).await,
            ["node", name, wanted] => self.node(name, *wanted == "ready").await,
            ["api-server"] => answers(&self.cluster).await,
            ["endpoint", "ready"] => answers(&self.endpoint).await,
            _ => Now::Unknown("only a run can tell".to_owned()),
        }
    }

    fn address(&self, name: &str) -> Result<Address, Now> {
        let facts = self.known.memory.machines.get(name);
        let address = facts.and_then(|facts| facts.address.as_ref());
        let address = address.ok_or_else(|| Now::Unknown(format!("{name} has no address that the journal knows")))?;
        address
            .parse()
            .map_err(|_| Now::Unknown(format!("{address} of {name} is no address")))
    }

    async fn mode(&self, name: &str) -> Result<(Address, Mode), Now> {
        let address = self.address(name)?;
        let mode = probe(&address, self.credentials.as_ref(), LOOK).await;
        Ok((address, mode))
    }

    async fn booted(&self, name: &str) -> Now {
        match self.mode(name).await {
            Err(now) => now,
            Ok((address, Mode::Maintenance { .. })) => Now::So(format!("{address} is in maintenance mode")),
            Ok((address, Mode::Configured)) => Now::So(format!("{address} has this cluster's configuration")),
            Ok((address, Mode::Foreign { detail })) => Now::Still(format!("{address}: {detail}")),
            Ok((address, Mode::Silent { cause })) => Now::Still(format!("{address}: {cause}")),
        }
    }

    async fn configured(&self, name: &str) -> Now {
        match self.mode(name).await {
            Ok((address, Mode::Maintenance { .. })) => {
                Now::Still(format!("{address} is in maintenance mode, without a configuration"))
            }
            // With this cluster's configuration it is as good as booted.
            Ok(_) | Err(_) => self.booted(name).await,
        }
    }

    /// Whether etcd has members, or this one.
    async fn members(&self, wanted: Option<&str>) -> Now {
        let Some(credentials) = &self.credentials else {
            return Now::Unknown("the Talos secrets cannot be read".to_owned());
        };
        let asked = self.known.memory.etcd_node.as_deref().or(wanted);
        let Some(asked) = asked else {
            return Now::Still("no machine was chosen to bootstrap etcd".to_owned());
        };
        let address = match self.address(asked) {
            Ok(address) => address,
            Err(now) => return now,
        };
        let members = async {
            TalosNode::connect(&address, credentials)
                .await?
                .etcd_members_within(LOOK)
                .await
        };
        let members = match members.await {
            Ok(members) => members,
            Err(error) => return Now::Still(format!("{asked}: {}", error.in_short())),
        };
        match wanted {
            None if members.is_empty() => Now::Still(format!("{asked} lists no members")),
            None => Now::So(format!("{asked} lists {} members", members.len())),
            Some(name) => match members.iter().find(|member| member.hostname == name) {
                Some(member) if member.learner => Now::Still(format!("{name} is a learner")),
                Some(_) => Now::So(format!("{asked} lists {name}")),
                None => Now::Still(format!("{asked} does not list {name}")),
            },
        }
    }

    async fn node(&self, name: &str, to_be_ready: bool) -> Now {
        let client = match &self.cluster {
            Ok(client) => client.clone(),
            Err(cause) => return Now::Unknown(cause.clone()),
        };
        match timeout(LOOK, Api::<Node>::all(client).get_opt(name)).await {
            Ok(Ok(None)) => Now::Still("it is not registered".to_owned()),
            Ok(Ok(Some(node))) => match steps::node::unready_words(&node).filter(|_| to_be_ready) {
                Some(cause) => Now::Still(cause),
                None if to_be_ready => Now::So(format!("node {name} is Ready")),
                None => Now::So(format!("node {name} is registered")),
            },
            Ok(Err(error)) => Now::Unknown(chain(&error)),
            Err(_) => Now::Unknown(format!("the API server does not answer within {} s", LOOK.as_secs())),
        }
    }
}

async fn answers(client: &Result<Client, String>) -> Now {
    match client {
        Err(cause) => Now::Unknown(cause.clone()),
        Ok(client) => match steps::api_server::ready(client).await {
            Ok(()) => Now::So("it says that it is ready".to_owned()),
            Err(unready) => Now::Still(unready.cause),
        },
    }
}

/// Credentials from the secrets of the cluster, if they can be read.
fn credentials(files: &ClusterFolder) -> Option<Credentials> {
    let text = SecretString::from(std::fs::read_to_string(files.secrets()).ok()?);
    let bundle = SecretsBundle::from_yaml(text.expose_secret()).ok()?;
    Credentials::issue(&bundle, Timestamp::now()).ok()
}

/// The management cluster at whatever machine answers: its endpoint may lead nowhere yet.
async fn cluster(files: &ClusterFolder, known: &Known) -> Result<Client, String> {
    let path = files.kubeconfig();
    let unread = |error: &(dyn std::error::Error + 'static)| format!("{}: {}", path.display(), chain(error));
    let text = std::fs::read_to_string(&path).map_err(|error| unread(&error))?;
    let parsed = Kubeconfig::from_yaml(&text).map_err(|error| unread(&error))?;
    let server = parsed
        .clusters
        .first()
        .and_then(|named| named.cluster.as_ref()?.server.clone());
    let server = server.ok_or_else(|| format!("{} names no server", path.display()))?;
    let name = server
        .parse::<http::Uri>()
        .ok()
        .and_then(|uri| uri.host().map(ToOwned::to_owned));
    let name = name.ok_or_else(|| format!("{server} is no address"))?;
    let addresses = known
        .memory
        .machines
        .values()
        .filter_map(|facts| facts.address.as_deref());
    let hosts = addresses.filter_map(|address| address.parse::<Address>().ok());
    let mut servers = vec![server];
    servers.extend(hosts.map(|address| format!("https://{}:6443", bracketed(address.host()))));
    let name = name.trim_start_matches('[').trim_end_matches(']').to_owned();
    let servers = Servers::new(SecretString::from(text), name, servers).await;
    servers.map(|servers| servers.client()).map_err(|error| unread(&error))
}
