//! A list that stays true: pages first, then one watch, again and again, until the API server refuses.

use std::time::Duration;

use butler_api::backoff::Backoff;
use butler_api::error::Class;
use butler_kubernetes::class_of;
use futures::StreamExt as _;
use kube::api::{DynamicObject, ListParams, WatchEvent, WatchParams};
use kube::core::Request;
use kube::{Client, Resource as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

use super::clusters::Seen;
use super::kind::Kind;
use super::row::Row;
use super::small;

/// Objects in one page.
const PAGE: u32 = 500;
/// A watch that says nothing for so long, not even that there is nothing to say, is taken for broken. API servers say that once a
/// minute.
const SILENCE: Duration = Duration::from_secs(100);
/// How long the API server may take to begin an answer.
const ANSWER: Duration = Duration::from_secs(15);
/// Changes that are told at once, at most.
const AT_ONCE: usize = 512;
/// A watch that ends sooner is not opened again at once.
const SHORT: Duration = Duration::from_secs(1);

const PAUSES: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(20));

/// Where objects are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The namespace; none for all of them.
    pub namespace: Option<String>,
    /// Only objects with these labels, as kubectl reads them.
    pub labels: Option<String>,
}

/// What is heard of a list.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// The API server is asked for something.
    Asked,
    /// A list begins. What it does not show is gone at its end.
    Listing,
    /// These are there, or are as they were not before.
    Rows(Vec<Row>),
    /// These are gone, by their UIDs.
    Gone(Vec<Box<str>>),
    /// The list is complete: from now on what changes is told.
    Listed,
    /// What is known is as it is.
    Heard,
    /// Nothing can be heard, for this reason. It is tried again.
    Stale(String),
}

/// Tells what there is of a kind, and every change, for ever. Returns only what no further try would change: that it may not be
/// seen, or that there is no such kind.
pub async fn watch(client: &Client, kind: Kind, scope: &Scope, say: &(dyn Fn(News) + Send + Sync)) -> kube::Error {
    if kind == Kind::Clusters {
        return Watch::<Seen>::new(client, kind, scope, say, |_, seen| seen.into())
            .run()
            .await;
    }
    let read = |kind, object: DynamicObject| small::row(kind, &object);
    Watch::<DynamicObject>::new(client, kind, scope, say, read).run().await
}

/// Objects of a kind that are read as `T`.
struct Watch<'a, T> {
    client: &'a Client,
    kind: Kind,
    request: Request,
    labels: Option<String>,
    say: &'a (dyn Fn(News) + Send + Sync),
    read: fn(Kind, T) -> Row,
    failures: u32,
}

/// Why a watch has ended.
enum Ended {
    /// As watches do after some minutes.
    Usual,
    /// The API server has no history since then any more.
    History,
    /// Nothing was heard on a watch that had begun.
    Silent,
    /// It did not even begin.
    Mute,
    /// It failed.
    Failed(kube::Error),
}

impl<'a, T> Watch<'a, T>
where
    T: DeserializeOwned + Clone + Send + 'static,
{
    fn new(
        client: &'a Client,
        kind: Kind,
        scope: &Scope,
        say: &'a (dyn Fn(News) + Send + Sync),
        read: fn(Kind, T) -> Row,
    ) -> Self {
        let resource = kind.resource();
        let namespace = scope.namespace.as_deref().filter(|_| kind.is_namespaced());
        Self {
            client,
            kind,
            request: Request::new(DynamicObject::url_path(&resource, namespace)),
            labels: scope.labels.clone(),
            say,
            read,
            failures: 0,
        }
    }

    async fn run(mut self) -> kube::Error {
        loop {
            let mut since = match self.list().await {
                Ok(version) => version,
                Err(error) => match self.pause(error).await {
                    Some(last) => return last,
                    None => continue,
                },
            };
            loop {
                let begun = Instant::now();
                match self.follow(&mut since).await {
                    Ended::History => {
                        // One that is lost as soon as it is listed is not asked for at once for ever.
                        if begun.elapsed() < SHORT {
                            sleep(SHORT).await;
                        }
                        break;
                    }
                    Ended::Usual if begun.elapsed() < SHORT => sleep(SHORT).await,
                    // Of a silent one perhaps there is nothing to tell: whoever answers a new watch says so.
                    Ended::Usual | Ended::Silent => {}
                    Ended::Mute => {
                        self.failures = self.failures.saturating_add(1);
                        (self.say)(News::Stale("the API server does not answer".to_owned()));
                        sleep(PAUSES.pause(self.failures)).await;
                    }
                    Ended::Failed(error) => {
                        if let Some(last) = self.pause(error).await {
                            return last;
                        }
                    }
                }
            }
        }
    }

    /// Says what went wrong and waits, longer each time; returns an error that waiting does not change.
    async fn pause(&mut self, error: kube::Error) -> Option<kube::Error> {
        if class_of(&error) != Class::Retryable {
            return Some(error);
        }
        (self.say)(News::Stale(butler_kubernetes::deepest(&error)));
        self.failures = self.failures.saturating_add(1);
        sleep(PAUSES.pause(self.failures)).await;
        None
    }

    /// Tells what is there, page by page; returns the version of the whole.
    async fn list(&mut self) -> Result<String, kube::Error> {
        let mut asked = ListParams {
            label_selector: self.labels.clone(),
            ..ListParams::default()
        }
        .limit(PAGE);
        (self.say)(News::Listing);
        loop {
            (self.say)(News::Asked);
            let request = self.request.list(&asked).map_err(kube::Error::BuildRequest)?;
            let page = timeout(SILENCE, self.client.request_text(request)).await;
            let page: Page<T> = match page.map_err(|_| no_answer())? {
                // A page that is asked for too late is not there any more; the list begins anew.
                Err(kube::Error::Api(status)) if status.code == 410 && asked.continue_token.is_some() => {
                    asked.continue_token = None;
                    sleep(SHORT).await;
                    (self.say)(News::Listing);
                    continue;
                }
                text => serde_json::from_str(&text?).map_err(kube::Error::SerdeError)?,
            };
            let rows = page.items.into_iter().map(|item| (self.read)(self.kind, item));
            (self.say)(News::Rows(rows.collect()));
            let next = page.metadata.next.filter(|token| !token.is_empty());
            if next.is_none() {
                self.failures = 0;
                (self.say)(News::Listed);
                return Ok(page.metadata.resource_version);
            }
            asked.continue_token = next;
        }
    }

    /// Tells changes since a version until the watch ends, and moves the version on.
    async fn follow(&mut self, since: &mut String) -> Ended {
        let asked = WatchParams {
            label_selector: self.labels.clone(),
            ..WatchParams::default()
        };
        (self.say)(News::Asked);
        let request = match self.request.watch(&asked, since) {
            Ok(request) => request,
            Err(error) => return Ended::Failed(kube::Error::BuildRequest(error)),
        };
        let events = match timeout(ANSWER, self.client.request_events::<T>(request)).await {
            Err(_) => return Ended::Mute,
            Ok(Err(kube::Error::Api(status))) if status.code == 410 => return Ended::History,
            Ok(Err(error)) => return Ended::Failed(error),
            Ok(Ok(events)) => events,
        };
        (self.say)(News::Heard);
        let mut events = std::pin::pin!(events.ready_chunks(AT_ONCE));
        loop {
            match timeout(SILENCE, events.next()).await {
                Err(_) => return Ended::Silent,
                Ok(None) => return Ended::Usual,
                Ok(Some(chunk)) => {
                    self.failures = 0;
                    if let Some(ended) = self.tell(chunk, since) {
                        return ended;
                    }
                }
            }
        }
    }

    fn tell(&self, chunk: Vec<Result<WatchEvent<T>, kube::Error>>, since: &mut String) -> Option<Ended> {
        let mut told = Told::default();
        let mut ended = None;
        for event in chunk {
            match event {
                Ok(WatchEvent::Added(item) | WatchEvent::Modified(item)) => {
                    told.there((self.read)(self.kind, item), since);
                }
                Ok(WatchEvent::Deleted(item)) => told.gone((self.read)(self.kind, item), since),
                Ok(WatchEvent::Bookmark(mark)) => since.clone_from(&mark.metadata.resource_version),
                Ok(WatchEvent::Error(status)) if status.code == 410 => ended = Some(Ended::History),
                Ok(WatchEvent::Error(status)) => ended = Some(Ended::Failed(kube::Error::Api(status))),
                Err(error) => ended = Some(Ended::Failed(error)),
            }
            if ended.is_some() {
                break;
            }
        }
        told.say(self.say);
        if ended.is_none() {
            (self.say)(News::Heard);
        }
        ended
    }
}

/// An API server that takes a request and says nothing, as an error that is tried again.
fn no_answer() -> kube::Error {
    let error = std::io::Error::new(std::io::ErrorKind::TimedOut, "the API server does not answer");
    kube::Error::Service(Box::new(error))
}

/// Changes of one moment, in the order in which they count: an object that went and came again is there.
#[derive(Default)]
struct Told {
    rows: Vec<Row>,
    gone: Vec<Box<str>>,
}

impl Told {
    fn there(&mut self, row: Row, since: &mut String) {
        *since = row.version.to_string();
        self.rows.push(row);
    }

    fn gone(&mut self, row: Row, since: &mut String) {
        *since = row.version.to_string();
        self.rows.retain(|seen| seen.uid != row.uid);
        self.gone.push(row.uid);
    }

    fn say(self, say: &(dyn Fn(News) + Send + Sync)) {
        // UIDs never come back, so that what is gone may be told first.
        if !self.gone.is_empty() {
            say(News::Gone(self.gone));
        }
        if !self.rows.is_empty() {
            say(News::Rows(self.rows));
        }
    }
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Page<T> {
    metadata: Meta,
    items: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default)]
    resource_version: String,
    #[serde(rename = "continue")]
    next: Option<String>,
}

#[cfg(test)]
mod tests;
