//! What happened to a tenant cluster and its parts, from the events of both its namespaces.

use std::ops::ControlFlow;

use butler_client::logged_in::LoggedIn;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::ApiResource;
use kube::runtime::watcher::{self, Config};
use serde::{Deserialize, Serialize};

use super::read::{self, Found, ReadError};
use crate::follow::{self, Step};
use crate::reach::Reach;
use crate::transport::{Operation, Way};

/// How many events are asked for in one request.
const PAGE: u32 = 500;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Happened {
    /// When it happened last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    /// `Normal` or `Warning`.
    pub r#type: String,
    /// Why, as one word.
    pub reason: String,
    /// What it happened to, as far as that is told: kind and name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What happened.
    pub message: String,
    /// How often.
    pub count: i64,
    /// Who says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// What happened, the oldest first, and what could not be looked at.
#[derive(Debug, Clone, Default)]
pub struct Events {
    /// What happened.
    pub events: Vec<Happened>,
    /// Why something may be missing.
    pub missing: Option<String>,
}

#[derive(Deserialize)]
struct ServersEvents {
    events: Vec<ServersEvent>,
}

/// An event, as Butler's server tells of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct ServersEvent {
    r#type: String,
    reason: String,
    message: String,
    source: String,
    last_timestamp: Option<Timestamp>,
    count: i64,
}

/// What happened to a cluster: of the cluster itself by the API server, of its parts by whoever may tell. The newest `limit`
/// of them.
pub async fn of(reach: &Reach, found: &Found, limit: usize) -> Result<Events, ReadError> {
    let cluster = found.typed()?;
    let own = of_cluster(reach, found).await;
    let (parts, missing) = match read::parts_namespace(&cluster) {
        None => (Vec::new(), None),
        Some(namespace) => match of_parts(reach, found, namespace).await {
            Ok(parts) => (parts, None),
            Err(error) => (Vec::new(), Some(error)),
        },
    };
    let (own, missing) = match (own, missing) {
        (Ok(own), missing) => (own, missing.map(|error| words(&error))),
        // Nothing at all can be told.
        (Err(error), Some(_)) => return Err(error),
        (Err(error), None) if parts.is_empty() => return Err(error),
        (Err(error), None) => (Vec::new(), Some(words(&error))),
    };
    Ok(Events {
        events: newest(own.into_iter().chain(parts).collect(), limit),
        missing,
    })
}

/// The newest of them, the oldest of those first.
fn newest(mut all: Vec<Happened>, limit: usize) -> Vec<Happened> {
    all.sort_by(|a, b| (a.last_seen, &a.message).cmp(&(b.last_seen, &b.message)));
    all.dedup();
    let surplus = all.len().saturating_sub(limit);
    all.split_off(surplus)
}

fn words(error: &ReadError) -> String {
    butler_kubernetes::chain(error)
}

async fn of_cluster(reach: &Reach, found: &Found) -> Result<Vec<Happened>, ReadError> {
    let which = ListParams::default().fields(&about(found));
    by_kubernetes(reach, &found.namespace, which).await
}

/// The events about a cluster itself.
fn about(found: &Found) -> String {
    format!("involvedObject.kind=TenantCluster,involvedObject.name={}", found.name)
}

async fn of_parts(reach: &Reach, found: &Found, namespace: &str) -> Result<Vec<Happened>, ReadError> {
    let ways = Operation::Events.ways_of(reach).await;
    match (ways.first(), &reach.server) {
        (Some(Way::Server), Some(server)) => by_server(server, found).await,
        _ => by_kubernetes(reach, namespace, ListParams::default()).await,
    }
}

async fn by_server(server: &LoggedIn, found: &Found) -> Result<Vec<Happened>, ReadError> {
    let path = ["api", "clusters", &found.namespace, &found.name, "events"];
    let answer = server.get::<ServersEvents>(&path, &[]).await;
    let answer = answer.map_err(|source| ReadError::Server {
        what: format!("the events of the parts of tenant cluster {}", found.name),
        source: Box::new(source),
    })?;
    Ok(answer.events.into_iter().map(Happened::from).collect())
}

async fn by_kubernetes(reach: &Reach, namespace: &str, which: ListParams) -> Result<Vec<Happened>, ReadError> {
    let api: Api<Event> = Api::namespaced(reach.client.clone(), namespace);
    let mut asked = which.limit(PAGE);
    let mut events = Vec::new();
    loop {
        let page = api.list(&asked).await.map_err(|source| ReadError::Kubernetes {
            what: format!("events in namespace {namespace}"),
            source: Box::new(source),
            needs: Some(Operation::Events),
        })?;
        events.extend(page.items.into_iter().map(Happened::from));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => asked.continue_token = Some(token),
            None => return Ok(events),
        }
    }
}

impl From<ServersEvent> for Happened {
    fn from(event: ServersEvent) -> Self {
        // A time that is none is the year 1 there.
        let last_seen = event.last_timestamp.filter(|time| *time > Timestamp::UNIX_EPOCH);
        Self {
            last_seen,
            r#type: event.r#type,
            reason: event.reason,
            object: None,
            message: event.message,
            count: event.count,
            source: Some(event.source).filter(|source| !source.is_empty()),
        }
    }
}

impl From<Event> for Happened {
    fn from(event: Event) -> Self {
        let series = event.series.as_ref();
        let last = series
            .and_then(|series| series.last_observed_time.as_ref())
            .map(|time| time.0);
        let last = last.or(event.last_timestamp.map(|time| time.0));
        let last = last.or(event.event_time.map(|time| time.0));
        let last_seen = last.or(event.first_timestamp.map(|time| time.0));
        let about = event.involved_object;
        let object = match (about.kind, about.name) {
            (Some(kind), Some(name)) => Some(format!("{}/{name}", kind.to_lowercase())),
            _ => None,
        };
        let component = event
            .source
            .and_then(|source| source.component)
            .filter(|name| !name.is_empty());
        #[expect(
            clippy::disallowed_methods,
            reason = "what an event does not say is empty in it as well"
        )]
        let text = |text: Option<String>| text.unwrap_or_default();
        Self {
            last_seen,
            r#type: text(event.type_),
            reason: text(event.reason),
            object,
            message: text(event.message),
            count: event.count.map_or(1, i64::from),
            source: component.or(event.reporting_component).filter(|name| !name.is_empty()),
        }
    }
}

/// Shows what happens to a cluster and its parts from now on. Where the events of the parts may not be watched, that is told,
/// and those of the cluster go on.
pub async fn follow<T>(
    reach: &Reach,
    found: &Found,
    mut view: impl FnMut(Happened) -> ControlFlow<T>,
    mut tell: impl FnMut(String),
) -> Result<T, watcher::Error> {
    let own = Config::default().fields(&about(found));
    let parts = found
        .typed()
        .ok()
        .and_then(|cluster| read::parts_namespace(&cluster).map(str::to_owned));
    let api = |namespace: &str| -> Api<DynamicObject> {
        Api::namespaced_with(reach.client.clone(), namespace, &ApiResource::erase::<Event>(&()))
    };
    let (events, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let of_cluster = follow::follow(api(&found.namespace), own, sender(events.clone()));
    let of_parts = async {
        let Some(namespace) = parts else {
            return std::future::pending().await;
        };
        follow::follow(api(&namespace), Config::default(), sender(events)).await
    };
    let mut of_cluster = std::pin::pin!(of_cluster);
    let mut of_parts = std::pin::pin!(of_parts);
    let mut parts_end = false;
    loop {
        tokio::select! {
            Some(step) = seen.recv() => match step {
                Seen::Event(event) => if let ControlFlow::Break(done) = view(*event) {
                    return Ok(done);
                },
                Seen::Trouble(words) => tell(format!("the watch is interrupted and begins again: {words}")),
            },
            ended = &mut of_cluster => return Err(broken(ended)),
            ended = &mut of_parts, if !parts_end => {
                parts_end = true;
                tell(format!("events of the parts of the cluster are not shown: {}", butler_kubernetes::chain(&broken(ended))));
            }
        }
    }
}

enum Seen {
    Event(Box<Happened>),
    Trouble(String),
}

/// Watches that send what they see do not end by themselves.
type Never = std::convert::Infallible;

fn broken(ended: Result<Never, watcher::Error>) -> watcher::Error {
    match ended {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

/// What was there before is not news; what is gone has expired.
fn sender(events: tokio::sync::mpsc::UnboundedSender<Seen>) -> impl FnMut(Step) -> ControlFlow<Never> {
    move |step| {
        let seen = match step {
            Step::First(_) | Step::Gone(_) => None,
            Step::Trouble(words) => Some(Seen::Trouble(words)),
            Step::Changed(object) => {
                let event = serde_json::to_value(object).and_then(serde_json::from_value::<Event>);
                event.ok().map(|event| Seen::Event(Box::new(event.into())))
            }
        };
        // Nobody listens where the whole has ended.
        if let Some(seen) = seen {
            drop(events.send(seen));
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: i64, message: &str) -> Happened {
        let event = json!({
            "type": "Normal", "reason": "R", "message": message, "source": "c", "count": 1,
            "lastTimestamp": Timestamp::from_second(second).unwrap(),
        });
        serde_json::from_value::<ServersEvent>(event).unwrap().into()
    }

    #[test]
    fn the_newest_are_kept_and_the_oldest_of_them_comes_first() {
        let all = vec![at(30, "c"), at(10, "a"), at(20, "b"), at(20, "b")];
        let kept: Vec<String> = newest(all, 2).into_iter().map(|event| event.message).collect();
        assert_eq!(kept, ["b", "c"]);
    }

    #[test]
    fn a_time_that_is_none_is_not_shown() {
        let event = json!({"lastTimestamp": "0001-01-01T00:00:00Z", "message": "m"});
        let event: Happened = serde_json::from_value::<ServersEvent>(event).unwrap().into();
        assert_eq!((event.last_seen, event.source), (None, None));
    }

    #[test]
    fn events_of_both_shapes_tell_when_and_about_what() {
        let old = json!({
            "metadata": {}, "involvedObject": {"kind": "TenantCluster", "name": "demo"}, "reason": "Ready", "type": "Normal",
            "lastTimestamp": "2026-11-21T04:46:00Z", "count": 3, "source": {"component": "butler-controller"},
        });
        let old: Happened = serde_json::from_value::<Event>(old).unwrap().into();
        assert_eq!(old.object.as_deref(), Some("tenantcluster/demo"));
        assert_eq!((old.count, old.source.as_deref()), (3, Some("butler-controller")));
        let new = json!({
            "metadata": {}, "involvedObject": {}, "eventTime": "2026-11-21T04:46:00.000000Z", "reportingComponent": "x",
        });
        let new: Happened = serde_json::from_value::<Event>(new).unwrap().into();
        assert_eq!((new.last_seen.is_some(), new.object, new.count), (true, None, 1));
    }
}
