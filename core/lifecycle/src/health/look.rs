//! Looks at a management cluster: one list a kind, all at once. What cannot be looked at is noted as not known.

use std::collections::BTreeSet;
use std::time::Duration;

use butler_kubernetes::{chain, of_status, pages};
use kube::Client;
use kube::api::ListParams;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::objects::{Meta, Server};
use super::sight::{CLAIMS, EVENTS, Kind, Known, Named, PODS, Sight, Unknown};
use super::workloads;

/// How long one list may take. The others do not wait for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nothing can be said of a cluster whose API server does not answer, or does not know who asks.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct LookError(#[from] pub kube::Error);

/// Looks at everything. Pods are looked at only where a workload lacks some.
pub async fn look(client: &Client) -> Result<Sight, LookError> {
    let (server, mut sight) = futures::join!(server(client), Box::pin(Sight::lists(client)));
    match server? {
        Ok(server) => sight.server = Some(server),
        Err(why) => sight.server_unknown = Some(why),
    }
    let lacking = workloads::lacking(&sight);
    let namespace = match lacking.iter().collect::<Vec<_>>()[..] {
        [] => return Ok(sight),
        [only] => Some(only.as_str()),
        _ => None,
    };
    (sight.pods, sight.events, sight.claims) = futures::join!(
        list(client, PODS, namespace),
        list(client, EVENTS, namespace),
        list(client, CLAIMS, namespace),
    );
    keep(&mut sight, &lacking);
    Ok(sight)
}

/// Forgets pods of namespaces in which nothing lacks any.
fn keep(sight: &mut Sight, namespaces: &BTreeSet<String>) {
    let kept = |namespace: &String| namespaces.contains(namespace);
    sight.pods.objects.retain(|(namespace, _), _| kept(namespace));
    sight.events.objects.retain(|(namespace, _), _| kept(namespace));
    sight.claims.objects.retain(|(namespace, _), _| kept(namespace));
}

/// The release of the API server. Only an API server that answers somebody whom it knows is looked at further.
async fn server(client: &Client) -> Result<Result<Server, Unknown>, LookError> {
    let request = http::Request::get("/version").body(Vec::new());
    let request =
        request.map_err(|error| kube::Error::BuildRequest(kube::core::request::Error::BuildRequest(error)))?;
    match tokio::time::timeout(PATIENCE, client.request::<Server>(request)).await {
        Ok(Ok(server)) => Ok(Ok(server)),
        Ok(Err(error)) if is_answer(&error) => Ok(Err(unknown(&error))),
        Ok(Err(error)) => Err(LookError(error)),
        Err(_) => Err(LookError(kube::Error::Service(Box::new(std::io::Error::other(
            silence(),
        ))))),
    }
}

/// Whether an error shows that the API server works with whoever asks.
fn is_answer(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code != 401 && status.code < 500,
        kube::Error::SerdeError(_) => true,
        _ => false,
    }
}

fn silence() -> String {
    format!("it has not answered within {} s", PATIENCE.as_secs())
}

/// An object as far as it is looked at; the name alone of one that is of another shape.
#[derive(Deserialize)]
#[serde(untagged)]
enum Item<T> {
    Read(T),
    Unread(Odd),
}

#[derive(Deserialize)]
struct Odd {
    metadata: Meta,
}

/// The objects of a kind: all of them, or those of a namespace.
pub(super) async fn list<T>(client: &Client, kind: Kind, namespace: Option<&str>) -> Known<T>
where
    T: DeserializeOwned + Named + Send + 'static,
{
    let asked = match kind.field {
        Some(field) => ListParams::default().fields(field),
        None => ListParams::default(),
    };
    let path = kind.path(namespace);
    let items = pages::at::<Item<T>>(client, &path, asked);
    let items = match tokio::time::timeout(PATIENCE, items).await {
        Ok(Ok(items)) => items,
        Ok(Err(error)) => return Known::unknown(unknown(&error)),
        Err(_) => return Known::unknown(Unknown::Failed(silence())),
    };
    let mut known = Known::default();
    for item in items {
        match item {
            Item::Read(object) => {
                known.objects.insert(object.key(), object);
            }
            Item::Unread(odd) => known.unread.push(odd.metadata.name),
        }
    }
    known
}

fn unknown(error: &kube::Error) -> Unknown {
    match error {
        kube::Error::Api(status) if status.code == 403 => Unknown::Forbidden(of_status(status)),
        kube::Error::Api(status) if status.code == 404 => Unknown::NotServed,
        error => Unknown::Failed(chain(error)),
    }
}
